//! Charts that need other charts.

use super::*;

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
