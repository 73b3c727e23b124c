//! Argo CD's contract with a config management plugin.
//!
//! Every case runs against a stand-in that does with our commands what Argo CD's plugin server does
//! (`cmpserver/plugin/plugin.go` of Argo CD 3.5). With HELM_FLOE_ARGOCD set to the directory that
//! `scripts/argocd/build` prints, it runs against the real server too, over its socket.
#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use common::{
    Helm, Outcome, chart, copy_tree, executable, feed, floe, helm_floe, path_text, repository,
};
use helm_floe::manifest::{Document, split};
use serde_json::{Value, json};

/// What an Application's repository is called at the server.
type Answer = Result<Value, String>;

/// A repository, a plugin configuration for it, and the environment of the sidecar.
struct Argo {
    helm: Helm,
    repository: tempfile::TempDir,
    /// `helm-floe argocd plugin config` with these arguments.
    config: Vec<&'static str>,
    /// Variables of the sidecar.
    sidecar: Vec<(&'static str, String)>,
    /// How long a request may take, in seconds.
    seconds: u64,
}

/// Who stands in Argo CD's place.
#[derive(Clone, Copy, Debug)]
enum Server {
    StandIn,
    Real,
}

/// The stand-in, and the real server where it has been built.
fn servers() -> Vec<Server> {
    match env::var_os("HELM_FLOE_ARGOCD") {
        Some(_) => vec![Server::StandIn, Server::Real],
        None => vec![Server::StandIn],
    }
}

impl Argo {
    /// A repository with a chart of ours in `apps/web`, and a `floe.yaml`.
    fn with_chart(name: &str) -> Argo {
        let argo = Argo {
            helm: Helm::new(4),
            // Short, because a socket's path must be.
            repository: tempfile::Builder::new()
                .prefix("repo")
                .tempdir()
                .expect("a directory"),
            config: Vec::new(),
            sidecar: Vec::new(),
            seconds: 90,
        };
        copy_tree(Path::new(&chart(name)), &argo.app());
        argo.write("floe.yaml", "");
        argo
    }

    fn app(&self) -> PathBuf {
        self.repository.path().join("apps/web")
    }

    /// Writes a file of the repository.
    fn write(&self, path: &str, text: &str) {
        let path = self.repository.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("created");
        fs::write(path, text).expect("written");
    }

    /// The environment that Argo CD gives the plugin, with these parameters.
    fn environment(&self, parameters: &Value) -> Vec<String> {
        vec![
            "ARGOCD_APP_NAME=web".into(),
            "ARGOCD_APP_NAMESPACE=shop".into(),
            "ARGOCD_APP_SOURCE_PATH=apps/web".into(),
            "KUBE_VERSION=1.36".into(),
            "KUBE_API_VERSIONS=apps/v1,batch/v1".into(),
            format!("ARGOCD_APP_PARAMETERS={parameters}"),
        ]
    }

    /// The sidecar's environment.
    fn sidecar(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = self.helm.program(program);
        command.env("SOURCE_DATE_EPOCH", "1750000000");
        command.envs(self.sidecar.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The plugin's configuration.
    fn plugin(&self) -> String {
        let words = ["argocd", "plugin", "config"].iter().chain(&self.config);
        let words: Vec<&str> = words.copied().collect();
        Outcome::of(&feed(&mut floe(&words), b"")).ok()
    }

    /// Asks a server; `method` is config, discover, parameters or generate.
    fn ask(&self, server: Server, method: &str, parameters: &Value) -> Answer {
        let environment = self.environment(parameters);
        match server {
            Server::StandIn => self.ask_stand_in(method, &environment),
            Server::Real => Running::start(self).ask(self, method, &environment),
        }
    }

    /// The manifests of the application, as JSON.
    fn generate(&self, server: Server, parameters: &Value) -> Result<Vec<Value>, String> {
        let answer = self.ask(server, "generate", parameters)?;
        let manifests = answer["manifests"].as_array().cloned().unwrap_or_default();
        let parsed = manifests.iter().map(|text| {
            let text = text.as_str().expect("text");
            let document = Document::parse(text).expect("YAML");
            document.root().expect("an object").to_json()
        });
        Ok(parsed.collect())
    }

    /// Runs the configured command in a copy of the repository, in a process group of its own, and
    /// takes its output as Argo CD does.
    fn ask_stand_in(&self, method: &str, environment: &[String]) -> Answer {
        let plugin = self.plugin();
        let plugin = Document::parse(&plugin).expect("YAML");
        let plugin = plugin.root().expect("a map").to_json();
        let command = match method {
            "generate" => &plugin["spec"]["generate"],
            "discover" => &plugin["spec"]["discover"]["find"],
            _ => &plugin["spec"]["parameters"]["dynamic"],
        };
        let words = [&command["command"], &command["args"]];
        let words = words.iter().filter_map(|list| list.as_array()).flatten();
        let words: Vec<&str> = words.map(|word| word.as_str().expect("text")).collect();
        let work = tempfile::tempdir().expect("a directory");
        copy_links_too(self.repository.path(), work.path());
        let mut child = self.sidecar(words[0]);
        child.args(&words[1..]).process_group(0);
        child.current_dir(work.path().join("apps/web"));
        child.envs(environment.iter().filter_map(|pair| pair.split_once('=')));
        let said = Outcome::of(&child.output().expect("runs"));
        if said.code != 0 {
            let words = words.join(" ");
            let stderr = said.stderr.trim();
            return Err(format!(
                "`{words}` failed exit status {}: {stderr}",
                said.code
            ));
        }
        Ok(match method {
            "generate" => json!({"manifests": documents(&said.stdout)}),
            "discover" => {
                json!({"isSupported": !said.stdout.is_empty(), "isDiscoveryEnabled": true})
            }
            _ => {
                json!({"parameterAnnouncements": serde_json::from_str::<Value>(&said.stdout).expect("JSON")})
            }
        })
    }
}

/// The documents of a stream that hold an object.
fn documents(stream: &str) -> Vec<&str> {
    let spans = split(stream).expect("separators");
    let texts = spans.into_iter().map(|span| span.text);
    texts.filter(|text| text.contains("kind:")).collect()
}

/// Copies a directory, symbolic links as they are.
fn copy_links_too(from: &Path, to: &Path) {
    let mut command = Command::new("cp");
    let status = command.arg("-a").arg(from.join(".")).arg(to).status();
    assert!(status.expect("runs").success());
}

/// The real server, with the plugin's configuration.
struct Running {
    child: Child,
    folder: tempfile::TempDir,
    programs: PathBuf,
}

impl Running {
    fn start(argo: &Argo) -> Running {
        let programs = PathBuf::from(env::var_os("HELM_FLOE_ARGOCD").expect("set"));
        let folder = tempfile::Builder::new()
            .prefix("cmp")
            .tempdir()
            .expect("a directory");
        let at = |name: &str| folder.path().join(name);
        for name in ["config", "socks", "work"] {
            fs::create_dir(at(name)).expect("created");
        }
        fs::write(at("config/plugin.yaml"), argo.plugin()).expect("written");
        let mut command = argo.sidecar(programs.join("server"));
        command.arg("--config-dir-path").arg(at("config"));
        command.env("ARGOCD_PLUGINSOCKFILEPATH", at("socks"));
        command.env("ARGOCD_CMP_WORKDIR", at("work"));
        command
            .stdout(Stdio::null())
            .stderr(fs::File::create(at("log")).expect("a log"));
        let child = command.spawn().expect("runs");
        let running = Running {
            child,
            folder,
            programs,
        };
        let started = Instant::now();
        while !running.socket().exists() {
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "no socket: {}",
                running.log()
            );
            thread::sleep(Duration::from_millis(20));
        }
        running
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socks/helm-floe.sock")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn ask(&self, argo: &Argo, method: &str, environment: &[String]) -> Answer {
        let mut command = Command::new(self.programs.join("client"));
        command
            .arg(self.socket())
            .arg(argo.repository.path())
            .arg(argo.app());
        command
            .arg(method)
            .arg(argo.seconds.to_string())
            .args(environment);
        let said = Outcome::of(&command.output().expect("runs")).ok();
        let answer: Value = serde_json::from_str(&said).expect("JSON");
        match answer["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Parameters as the Application of a user has them.
fn map(name: &str, entries: &[(&str, &str)]) -> Value {
    let map: serde_json::Map<_, _> = entries
        .iter()
        .map(|(k, v)| ((*k).to_owned(), json!(v)))
        .collect();
    json!({"name": name, "map": map})
}

fn files(names: &[&str]) -> Value {
    json!({"name": "values-files", "array": names})
}

/// The manifest of that kind and name.
fn find<'m>(manifests: &'m [Value], kind: &str, name: &str) -> &'m Value {
    let found = manifests
        .iter()
        .find(|m| m["kind"] == kind && m["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind} {name} among {manifests:?}"))
}

#[test]
fn the_real_server_takes_the_configuration() {
    for server in servers() {
        if let Server::Real = server {
            let answer = Argo::with_chart("web").ask(server, "config", &json!([]));
            assert_eq!(answer.expect("an answer")["isDiscoveryConfigured"], true);
        }
    }
}

#[test]
fn a_chart_is_discovered_where_the_repository_uses_us() {
    for server in servers() {
        let mut argo = Argo::with_chart("web");
        let supported = |argo: &Argo| {
            let answer = argo.ask(server, "discover", &json!([])).expect("an answer");
            // The real answer leaves out what is false.
            answer["isSupported"] == true
        };
        assert!(supported(&argo), "{server:?}");
        fs::remove_file(argo.repository.path().join("floe.yaml")).expect("removed");
        assert!(!supported(&argo), "{server:?}: no floe.yaml");
        argo.config = vec!["--every-chart"];
        assert!(supported(&argo), "{server:?}: every chart");
        fs::remove_file(argo.app().join("Chart.yaml")).expect("removed");
        assert!(!supported(&argo), "{server:?}: no chart");
    }
}

#[test]
fn parameters_are_announced() {
    for server in servers() {
        let argo = Argo::with_chart("web");
        argo.write("platform/prod/platform.yaml", "hardening: {}\n");
        let answer = argo
            .ask(server, "parameters", &json!([]))
            .expect("an answer");
        let announced = answer["parameterAnnouncements"].as_array().expect("a list");
        let of = |name: &str| {
            announced
                .iter()
                .find(|one| one["name"] == name)
                .expect("there")
        };
        assert_eq!(of("values-files")["collectionType"], "array");
        assert_eq!(of("helm-parameters")["collectionType"], "map");
        let tooltip = of("env")["tooltip"].as_str().expect("text");
        assert!(tooltip.ends_with(": prod"), "{server:?}: {tooltip}");
    }
}

#[test]
fn manifests_are_hardened_hooks_and_crds_included() {
    for server in servers() {
        let argo = Argo::with_chart("web");
        argo.write(
            "platform/prod/platform.yaml",
            "hardening: {labels: {example.com/team: shop}}\n",
        );
        argo.write(
            "apps/web/values-prod.yaml",
            "replicas: 3\nimage: {tag: '9.9'}\n",
        );
        argo.write("common.yaml", "report: {schedule: '1 2 3 4 5'}\n");
        let manifests = argo.generate(
            server,
            &json!([
                {"name": "env", "string": "prod"},
                files(&["/common.yaml", "values-prod.yaml"]),
                {"name": "values", "string": "image: {tag: '10.0'}\n"},
                map("helm-parameters", &[("image.repository", "registry.example.com/a,b=c")]),
                map("helm-string-parameters", &[("podAnnotations.build", "1000000")]),
            ]),
        );
        let manifests = manifests.expect("manifests");
        let mut kinds: Vec<&str> = manifests
            .iter()
            .filter_map(|m| m["kind"].as_str())
            .collect();
        kinds.sort_unstable();
        kinds.dedup();
        for kind in [
            "CustomResourceDefinition",
            "CronJob",
            "Deployment",
            "Job",
            "NetworkPolicy",
            "Pod",
        ] {
            assert!(
                kinds.contains(&kind),
                "{server:?}: no {kind} among {kinds:?}"
            );
        }
        let site = find(&manifests, "Deployment", "web-site");
        assert_eq!(site["spec"]["replicas"], 3, "values file");
        let image = &site["spec"]["template"]["spec"]["containers"][0]["image"];
        assert_eq!(
            image, "registry.example.com/a,b=c:10.0",
            "parameters, whatever they hold"
        );
        assert_eq!(
            site["metadata"]["labels"]["example.com/team"], "shop",
            "platform file"
        );
        assert_eq!(site["metadata"]["labels"]["floe.dev/environment"], "prod");
        let hooks = manifests
            .iter()
            .filter(|m| !m["metadata"]["annotations"]["helm.sh/hook"].is_null());
        for hook in hooks {
            let pod = hook.pointer("/spec/template/spec").unwrap_or(&hook["spec"]);
            if pod.get("containers").is_some() {
                assert_eq!(
                    pod["securityContext"]["runAsNonRoot"], true,
                    "{server:?}: {hook}"
                );
            }
        }
    }
}

#[test]
fn crds_and_tests_can_be_left_out() {
    for server in servers() {
        let argo = Argo::with_chart("web");
        let manifests = argo.generate(
            server,
            &json!([{"name": "skip-crds", "string": "true"}, {"name": "skip-tests", "string": "true"}]),
        );
        for manifest in manifests.expect("manifests") {
            assert_ne!(manifest["kind"], "CustomResourceDefinition");
            assert_ne!(manifest["metadata"]["annotations"]["helm.sh/hook"], "test");
        }
    }
}

#[test]
fn the_report_of_a_refusal_arrives_whole_and_verdict_first() {
    for server in servers() {
        let mut argo = Argo::with_chart("violating");
        // Three hundred refused pods: far more than any single message.
        let pods = "{{ range until 300 }}---\napiVersion: v1\nkind: Pod\nmetadata: {name: bad-{{ . }}}\nspec: {hostPID: true, containers: [{name: a, image: 'registry.example.com/a:1'}]}\n{{ end }}";
        argo.write("apps/web/templates/pods.yaml", pods);
        let file = argo.helm.home().join("report.txt");
        argo.sidecar
            .push(("FLOE_REPORT", path_text(&file).to_owned()));
        let error = argo.generate(server, &json!([])).expect_err("a refusal");
        let report = fs::read_to_string(&file).expect("the report");
        assert!(report.len() > 100_000, "{}", report.len());
        let (_, stderr) = error
            .split_once("exit status 1: ")
            .expect("Argo CD's words before ours");
        assert!(
            stderr.starts_with("helm-floe refuses this release: "),
            "{stderr:.200}"
        );
        assert!(
            stderr.starts_with(report.trim_end()),
            "{server:?}: the report is not whole"
        );
    }
}

#[test]
fn nothing_is_never_a_success() {
    for server in servers() {
        let argo = Argo::with_chart("simple");
        for file in ["deployment.yaml", "service.yaml"] {
            fs::remove_file(argo.app().join("templates").join(file)).expect("removed");
        }
        let error = argo.generate(server, &json!([])).expect_err("an error");
        assert!(error.contains("the input is empty"), "{server:?}: {error}");
        // A document without an object is nothing, too.
        argo.write(
            "apps/web/templates/empty.yaml",
            "---\n# {{ .Release.Name }}\n{}\n",
        );
        let error = argo.generate(server, &json!([])).expect_err("an error");
        assert!(error.contains("exit status 2"), "{server:?}: {error}");
    }
}

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

/// What a hostile repository or Application would have a shell or Helm do.
const HOSTILE: [&str; 9] = [
    ";touch pwned",
    "$(touch pwned)",
    "`touch pwned`",
    "| touch pwned",
    "a\ntouch pwned",
    "--post-renderer=./pwn",
    "-f/etc/passwd",
    "a,b=$(touch pwned)",
    "{{ printf \"%s\" \"pwned\" }}",
];

/// Whether anything of that name has been made where the plugin works.
fn pwned(argo: &Argo) -> bool {
    let places = [argo.helm.home(), argo.repository.path(), &env::temp_dir()];
    let mut entries = places
        .iter()
        .flat_map(|place| walkdir::WalkDir::new(place).max_depth(4))
        .filter_map(Result::ok);
    entries.any(|entry| entry.file_name() == "pwned")
}

#[test]
fn a_hostile_value_is_a_value() {
    for server in servers() {
        let argo = Argo::with_chart("simple");
        argo.write("apps/web/pwn", "#!/bin/sh\ntouch pwned\n");
        let values = HOSTILE.iter().enumerate();
        let keys: Vec<String> = values
            .clone()
            .map(|(n, _)| format!("annotations.k{n}"))
            .collect();
        let entries: Vec<(&str, &str)> = values
            .map(|(n, value)| (keys[n].as_str(), *value))
            .collect();
        let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: said}\ndata:\n  {{- .Values.annotations | toYaml | nindent 2 }}\n";
        argo.write("apps/web/templates/said.yaml", template);
        let manifests = argo.generate(server, &json!([map("helm-parameters", &entries)]));
        let manifests = manifests.expect("manifests");
        let data = &find(&manifests, "ConfigMap", "said")["data"];
        for (number, value) in HOSTILE.iter().enumerate() {
            assert_eq!(data[format!("k{number}")], *value, "{server:?}");
        }
        assert!(!pwned(&argo));
    }
}

#[test]
fn hostile_names_are_refused() {
    for server in servers() {
        let argo = Argo::with_chart("simple");
        argo.write("apps/web/pwn", "#!/bin/sh\ntouch pwned\n");
        for name in HOSTILE {
            for parameters in [
                json!([files(&[name])]),
                json!([{"name": "release", "string": name}]),
                json!([{"name": "env", "string": name}]),
                json!([map("helm-parameters", &[(name, "x")])]),
                json!([map("helm-string-parameters", &[(name, "x")])]),
                json!([{"name": name, "string": "x"}]),
            ] {
                // As a key, this one is a name like any other.
                if name == "-f/etc/passwd" && parameters[0].get("map").is_some() {
                    continue;
                }
                let error = argo.generate(server, &parameters).expect_err("a refusal");
                assert!(
                    error.contains("exit status 2"),
                    "{server:?}, {parameters}: {error}"
                );
            }
        }
        assert!(!pwned(&argo));
    }
}

#[test]
fn a_values_file_may_have_any_name() {
    for server in servers() {
        let argo = Argo::with_chart("simple");
        for name in [
            ";touch pwned",
            "$(touch pwned).yaml",
            "--post-renderer=x",
            "a,b.yaml",
            "a b",
        ] {
            argo.write(&format!("apps/web/{name}"), "replicas: 7\n");
            let manifests = argo.generate(server, &json!([files(&[name])])).expect(name);
            assert_eq!(
                find(&manifests, "Deployment", "web")["spec"]["replicas"],
                7,
                "{name}"
            );
        }
        assert!(!pwned(&argo));
    }
}

#[test]
fn files_outside_the_repository_stay_there() {
    for server in servers() {
        let argo = Argo::with_chart("simple");
        let secret = argo.helm.home().join("secret.yaml");
        fs::write(&secret, "replicas: 77\n").expect("written");
        for path in [
            path_text(&secret),
            "../../../secret.yaml",
            "/etc/passwd",
            "https://127.0.0.1/v.yaml",
        ] {
            let error = argo
                .generate(server, &json!([files(&[path])]))
                .expect_err("a refusal");
            assert!(error.contains("values file"), "{server:?}, {path}: {error}");
        }
        // Argo CD's server does not even unpack such links.
        symlink(&secret, argo.app().join("linked.yaml")).expect("linked");
        let error = argo
            .generate(server, &json!([files(&["linked.yaml"])]))
            .expect_err("a refusal");
        assert!(!error.contains("77"), "{error}");
        fs::remove_file(argo.app().join("linked.yaml")).expect("removed");
        symlink("/etc/passwd", argo.app().join("templates/passwd.yaml")).expect("linked");
        let error = argo.generate(server, &json!([])).expect_err("a refusal");
        assert!(!error.contains("root:"), "{server:?}: {error}");
    }
}

#[test]
fn helms_words_come_after_the_verdict_and_without_values() {
    for server in servers() {
        let argo = Argo::with_chart("simple");
        argo.write(
            "apps/web/templates/fail.yaml",
            "{{ fail .Values.password }}\n",
        );
        let secret = "hunter2-do-not-print";
        for parameters in [
            json!([map("helm-parameters", &[("password", secret)])]),
            json!([map("helm-string-parameters", &[("password", secret)])]),
            json!([{"name": "values", "string": format!("password: {secret}\n")}]),
        ] {
            let error = argo.generate(server, &parameters).expect_err("an error");
            let words = "exit status 2: helm-floe: Helm does not render the chart: ";
            assert!(error.contains(words), "{server:?}: {error}");
            assert!(
                error.contains("******") && !error.contains(secret),
                "{server:?}: {error}"
            );
            assert!(
                error.contains("helm-floe: Helm is /"),
                "{server:?}: {error}"
            );
        }
    }
}

/// A Helm that notes every command it is given.
fn noting_helm(argo: &mut Argo) -> PathBuf {
    let real = argo.helm.command(&[]).get_program().to_owned();
    let program = argo.helm.home().join("noting-helm");
    let script = format!(
        "echo \"$1\" >>\"$HOME/commands\"\nexec '{}' \"$@\"",
        real.to_string_lossy()
    );
    executable(&program, &script);
    argo.sidecar
        .push(("HELM_BIN", path_text(&program).to_owned()));
    argo.helm.home().join("commands")
}

#[test]
fn dependencies_are_built_only_when_they_lack() {
    let mut argo = Argo::with_chart("web");
    let commands = noting_helm(&mut argo);
    let called = |argo: &Argo| {
        fs::remove_file(&commands).ok();
        let manifests = argo
            .generate(Server::StandIn, &json!([]))
            .expect("manifests");
        let cache = manifests
            .iter()
            .any(|m| m["metadata"]["name"] == "web-cache");
        assert!(cache, "the dependency is not rendered");
        fs::read_to_string(&commands).expect("the commands")
    };
    assert!(!called(&argo).contains("dependency"), "it is vendored");
    // The same chart elsewhere in the repository.
    fs::create_dir(argo.repository.path().join("libs")).expect("created");
    let libs = argo.repository.path().join("libs/cache");
    fs::rename(argo.app().join("charts/cache"), &libs).expect("moved");
    let file = argo.app().join("Chart.yaml");
    let text = fs::read_to_string(&file).expect("read");
    let found = "repository: file://../../libs/cache\n    condition";
    fs::write(&file, text.replace("condition", found)).expect("written");
    assert!(called(&argo).contains("dependency"), "it lacks");
}

#[test]
fn dependencies_come_from_chart_repositories() {
    for server in servers() {
        let argo = Argo::with_chart("web");
        let site = tempfile::tempdir().expect("a directory");
        let cache = argo.app().join("charts/cache");
        argo.helm
            .run(&["package", path_text(&cache), "-d", path_text(site.path())])
            .ok();
        argo.helm
            .run(&["repo", "index", path_text(site.path())])
            .ok();
        fs::remove_dir_all(argo.app().join("charts")).expect("removed");
        let url = serve(site.path().to_owned());
        let file = argo.app().join("Chart.yaml");
        let text = fs::read_to_string(&file).expect("read");
        fs::write(
            &file,
            text.replace("condition", &format!("repository: {url}\n    condition")),
        )
        .expect("written");
        // With a Chart.lock, `helm dependency build` knows no repository that was not added.
        argo.helm
            .run(&["dependency", "update", path_text(&argo.app())])
            .ok();
        fs::remove_dir_all(argo.app().join("charts")).expect("removed");
        assert!(argo.app().join("Chart.lock").is_file());
        let manifests = argo.generate(server, &json!([])).expect("manifests");
        let cache = manifests
            .iter()
            .any(|m| m["metadata"]["name"] == "web-cache");
        assert!(cache, "{server:?}: the dependency is not rendered");
    }
}

/// Serves a directory's files over HTTP on the loopback interface, as long as the test runs.
fn serve(directory: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let answer = move |mut stream: TcpStream| {
        let mut request = [0; 4096];
        let read = stream.read(&mut request).unwrap_or(0);
        let request = String::from_utf8_lossy(&request[..read]).into_owned();
        let path = request
            .split(' ')
            .nth(1)
            .unwrap_or("/")
            .trim_start_matches('/');
        let body = fs::read(directory.join(path)).unwrap_or_default();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(&[head.as_bytes(), &body].concat()).ok();
    };
    thread::spawn(move || listener.incoming().filter_map(Result::ok).for_each(answer));
    format!("http://{address}")
}

#[test]
fn the_operators_platform_directory_goes_before_the_repositorys() {
    for server in servers() {
        let mut argo = Argo::with_chart("violating");
        let lax =
            "hardening: {exceptions: [{policy: 'pss/*', kind: '*', name: '*', reason: because}]}\n";
        argo.write("platform/prod/platform.yaml", lax);
        let own = argo.helm.home().join("platform");
        fs::create_dir_all(own.join("prod")).expect("created");
        fs::write(own.join("prod/platform.yaml"), "hardening: {}\n").expect("written");
        argo.sidecar
            .push(("FLOE_PLATFORM_DIR", path_text(&own).to_owned()));
        let prod = json!([{"name": "env", "string": "prod"}]);
        let error = argo.generate(server, &prod).expect_err("a refusal");
        assert!(
            error.contains("helm-floe refuses this release"),
            "{server:?}: {error}"
        );
        let error = argo
            .generate(server, &json!([]))
            .expect_err("no environment");
        assert!(
            error.contains("has prod: set the parameter `env`"),
            "{server:?}: {error}"
        );
    }
}

#[test]
fn the_plugin_is_not_printed_with_options_it_would_refuse() {
    let mut command = floe(&["argocd", "plugin", "config", "--", "--enviroment", "prod"]);
    let said = Outcome::of(&feed(&mut command, b""));
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("--enviroment"), "{}", said.stderr);
    assert_eq!(said.stdout, "");
}

#[test]
fn the_sidecar_keeps_our_own_policies() {
    let patch = Outcome::of(&feed(&mut floe(&["argocd", "plugin", "sidecar"]), b"")).ok();
    let deployment = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: argocd-repo-server}}\n{}",
        patch.replace(
            "    spec:\n",
            "    spec:\n      securityContext: {runAsNonRoot: true}\n"
        )
    );
    let mut command = floe(&["check", "-", "--only", "pss/*"]);
    let said = Outcome::of(&feed(&mut command, deployment.as_bytes()));
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    assert!(said.stdout.contains("1 object"), "{}", said.stdout);
}

#[test]
fn the_dockerfile_names_the_versions_of_this_repository() {
    let dockerfile = Outcome::of(&feed(&mut floe(&["argocd", "plugin", "dockerfile"]), b"")).ok();
    let read = |file: &str| fs::read_to_string(repository().join(file)).expect("read");
    let tools = read("scripts/tools");
    let helm = tools
        .lines()
        .find_map(|line| line.strip_prefix("helm_4="))
        .expect("a version");
    assert!(
        dockerfile.contains(&format!("helm@{helm}\n")),
        "Helm {helm}"
    );
    let toolchain = read("rust-toolchain.toml");
    let rust = toolchain
        .lines()
        .find_map(|line| line.strip_prefix("channel = "))
        .expect("a version");
    let rust = rust.trim_matches('"');
    assert!(
        dockerfile.contains(&format!("rust:{rust}-alpine")),
        "Rust {rust}"
    );
    assert!(dockerfile.contains("\nUSER 999:999\n") && dockerfile.contains("\nFROM scratch\n"));
    let name = helm_floe().file_name().expect("a name");
    assert!(dockerfile.contains(&format!("/usr/local/bin/{}", name.to_string_lossy())));
}
