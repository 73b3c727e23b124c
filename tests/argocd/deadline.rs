//! Requests that take too long.

use super::*;

/// A Helm that does nothing for ten minutes, and notes who its child is.
fn sleeping_helm(argo: &mut Argo) -> PathBuf {
    let program = argo.helm.home().join("sleeping-helm");
    let note = argo.helm.home().join("pid");
    let script = "[ \"$1\" != version ] || { echo v4.3.1; exit; }\nsleep 600 &\necho $! >\"$HOME/pid\"\nwait";
    executable(&program, script);
    argo.sidecar
        .push(("HELM_BIN", path_text(&program).to_owned()));
    note
}

/// Whether a process ends within a while.
fn ends(pid: &str, within: Duration) -> bool {
    let started = Instant::now();
    while started.elapsed() < within {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
        if stat.map_or(true, |stat| stat.contains(") Z ")) {
            return true;
        }
        thread::sleep(Duration::from_millis(50));
    }
    false
}

#[test]
fn the_deadline_is_ours_and_says_what_took_so_long() {
    for server in servers() {
        let mut argo = Argo::with_chart("simple");
        argo.config = vec!["--", "--deadline", "1"];
        let note = sleeping_helm(&mut argo);
        let running = matches!(server, Server::Real).then(|| Running::start(&argo));
        let environment = argo.environment(&json!([]));
        let answer = match &running {
            Some(running) => running.ask(&argo, "generate", &environment),
            None => argo.ask_stand_in("generate", &environment),
        };
        let error = answer.expect_err("an error");
        let words = "helm-floe: gave up after 1 s, while `helm template` was running";
        assert!(
            error.contains(&format!("exit status 2: {words}")),
            "{server:?}: {error}"
        );
        let pid = fs::read_to_string(note).expect("the child's pid");
        let pid = pid.trim();
        if let Server::Real = server {
            // The server ends the rest of our group when the request is over.
            assert!(ends(pid, Duration::from_secs(20)), "{pid} is still there");
        } else {
            Command::new("kill").arg(pid).status().expect("runs");
        }
    }
}

#[test]
fn nothing_runs_on_when_the_server_gives_up_first() {
    for server in servers() {
        if let Server::StandIn = server {
            continue;
        }
        let mut argo = Argo::with_chart("simple");
        argo.seconds = 2;
        let note = sleeping_helm(&mut argo);
        let running = Running::start(&argo);
        let answer = running.ask(&argo, "generate", &argo.environment(&json!([])));
        let error = answer.expect_err("an error");
        // Which of the two depends on who is faster.
        let known = ["DeadlineExceeded", "signal: killed"];
        assert!(known.iter().any(|word| error.contains(word)), "{error}");
        let pid = fs::read_to_string(note).expect("the child's pid");
        assert!(
            ends(pid.trim(), Duration::from_secs(20)),
            "{pid} is still there"
        );
    }
}
