//! The scripts for workstations, with stand-ins for minikube, Docker and kubectl that write down what
//! they are asked.
#![cfg(unix)]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{Outcome, executable, repository};

/// A directory with stand-ins, and the log of their calls.
struct Desk(tempfile::TempDir);

impl Desk {
    /// Each stand-in logs its arguments and then does what its script says.
    fn new(programs: &[(&str, &str)]) -> Self {
        let desk = Self(tempfile::tempdir().expect("a directory"));
        let bin = desk.path().join("bin");
        fs::create_dir(&bin).expect("created");
        for (name, script) in programs {
            let log = desk.path().join("log");
            let log = format!("echo \"{name} $*\" >>'{}'\n{script}", log.display());
            executable(&bin.join(name), &log);
        }
        desk
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn run(&self, script: &str, args: &[&str]) -> Outcome {
        let mut command = Command::new(repository().join("scripts").join(script));
        let path = format!("{}:/usr/bin:/bin", self.path().join("bin").display());
        command.env_clear().env("PATH", path).args(args);
        Outcome::of(&command.current_dir(self.path()).output().expect("runs"))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path().join("log")).unwrap_or_default()
    }

    /// Sources with a Dockerfile for each component.
    fn sources(&self, components: &[&str]) {
        for component in components {
            let directory = self.path().join("src").join(component);
            fs::create_dir_all(&directory).expect("created");
            fs::write(directory.join("Dockerfile"), "FROM scratch\n").expect("written");
        }
    }
}

#[test]
fn images_are_built_under_the_names_of_the_chart() {
    let desk = Desk::new(&[("docker", "case $2 in inspect) echo 1000 ;; esac")]);
    desk.sources(&["frontend", "backend", "mcp-server"]);
    for (chart, names) in [
        (
            "todo-app",
            &["todo-frontend", "todo-backend", "todo-mcp-server"][..],
        ),
        ("taskora", &["taskora/frontend", "taskora/backend"]),
    ] {
        let said = desk.run("build-images", &[chart, "src"]);
        assert_eq!(said.code, 0, "{}", said.stderr);
        assert_eq!(said.stderr, "");
        let values = repository().join("charts").join(chart).join("values.yaml");
        let values = fs::read_to_string(values).expect("read");
        for name in names {
            assert!(values.contains(&format!("repository: {name}\n")), "{name}");
            let built = format!("docker build --tag {name}:1.0.0 src/");
            assert!(desk.log().contains(&built), "{}", desk.log());
        }
    }
}

#[test]
fn an_image_that_starts_as_root_is_reported() {
    let desk = Desk::new(&[("docker", "case $2 in inspect) echo root ;; esac")]);
    desk.sources(&["frontend", "backend"]);
    let said = desk.run("build-images", &["taskora", "src", "2.0.0"]);
    assert!(
        said.stderr
            .contains("taskora/frontend:2.0.0 starts as root")
    );
}

#[test]
fn nothing_is_built_of_half_the_sources_or_as_latest() {
    let desk = Desk::new(&[("docker", "")]);
    desk.sources(&["frontend"]);
    let said = desk.run("build-images", &["taskora", "src"]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains("src/backend/Dockerfile is missing"));
    desk.sources(&["backend"]);
    assert_eq!(
        desk.run("build-images", &["taskora", "src", "latest"]).code,
        2
    );
    assert_eq!(desk.run("build-images", &["other", "src"]).code, 2);
    assert_eq!(desk.log(), "");
}

#[test]
fn minikube_gets_namespaces_that_enforce_restricted() {
    let minikube = "case $1 in status) exit 85 ;; ip) echo 192.0.2.7 ;; esac";
    let desk = Desk::new(&[
        ("minikube", minikube),
        ("kubectl", "cat >/dev/null </dev/null"),
    ]);
    let hosts = desk.run("minikube", &[]).ok();
    assert_eq!(hosts, "192.0.2.7 todo.local taskora.local\n");
    let log = desk.log();
    assert!(log.contains("minikube start --profile helm-floe --cpus 4 --memory 8g --cni calico"));
    for namespace in ["todo", "taskora"] {
        let label = format!(
            "kubectl --context helm-floe label --overwrite namespace {namespace} \
             pod-security.kubernetes.io/enforce=restricted"
        );
        assert!(log.contains(&label), "{log}");
    }
    // One that runs already is not started again.
    let desk = Desk::new(&[("minikube", ""), ("kubectl", "")]);
    desk.run("minikube", &[]).ok();
    assert!(!desk.log().contains("minikube start"), "{}", desk.log());
}

#[test]
fn cleaning_up_keeps_data_unless_told() {
    let desk = Desk::new(&[("helm", ""), ("kubectl", ""), ("minikube", "")]);
    desk.run("clean", &["taskora", "apps"]).ok();
    let log = desk.log();
    assert!(log.contains("helm uninstall taskora --namespace apps --wait"));
    assert!(!log.contains("kubectl"), "{log}");

    desk.run("clean", &["taskora", "apps", "--data"]).ok();
    let claims = "kubectl --namespace apps delete persistentvolumeclaims \
                  --selector app.kubernetes.io/instance=taskora --ignore-not-found";
    assert!(desk.log().contains(claims), "{}", desk.log());
    assert!(!desk.log().contains("delete namespace"));

    desk.run("clean", &["taskora", "apps", "--namespace"]).ok();
    assert!(desk.log().contains("kubectl delete namespace apps"));
    assert_eq!(desk.run("clean", &["taskora", "apps", "--all"]).code, 2);
    desk.run("clean", &["minikube"]).ok();
    assert!(desk.log().contains("minikube delete --profile helm-floe"));
}
