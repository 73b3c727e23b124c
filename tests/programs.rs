//! The programs of the charts on real nodes: `scripts/node-charts`, with the images of
//! `scripts/chart-images`.
#![cfg(unix)]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use std::ffi::OsString;
use std::fs;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use common::cluster::{Directory, Namespace, kubeconfig, until};
use common::{Helm, Outcome, helm_floe, path_text, repository};

/// The programs need what a small machine has, so the tests take turns.
static TURN: Mutex<()> = Mutex::new(());

/// A namespace with its volumes, and how charts get there.
struct Stage {
    namespace: Namespace,
    helm: Helm,
    kubeconfig: OsString,
    filter: bool,
    /// Removed at the end.
    _volumes: Vec<Directory>,
}

/// The two ways to install: Helm 3 as it is, and Helm 4 with the filter.
fn stages(test: &str, volumes: usize, play: impl Fn(&Stage)) {
    let Some(kubeconfig) = kubeconfig("HELM_FLOE_PROGRAMS", test, "scripts/node-charts") else {
        return;
    };
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    for (major, filter) in [(3, false), (4, true)] {
        let name = format!("helm-floe-programs-{test}-{major}-{}", std::process::id());
        let mut namespace = Namespace::new(name, kubeconfig.clone());
        let volumes = (0..volumes).filter_map(|_| namespace.volume("10Gi"));
        let volumes = volumes.collect();
        let helm = Helm::new(major);
        if filter {
            helm.install_plugin(helm_floe()).1.ok();
        }
        play(&Stage {
            namespace,
            helm,
            kubeconfig: kubeconfig.clone(),
            filter,
            _volumes: volumes,
        });
    }
}

/// A file of testdata/programs.
fn data(name: &str) -> String {
    let path = repository().join("testdata/programs").join(name);
    path_text(&path).to_owned()
}

impl Stage {
    /// Installs or upgrades a release and waits until all of it runs.
    #[track_caller]
    fn deploy(&self, verb: &str, release: &str, chart: &str, more: &[&str]) {
        let chart = repository().join("charts").join(chart);
        let platform = format!("--post-renderer-args=--platform={}", data("hardening.yaml"));
        let mut args = vec![verb, release, path_text(&chart), "--timeout=420s"];
        args.extend(["--wait", "--wait-for-jobs"]);
        if self.filter {
            args.extend(["--post-renderer", "helm-floe", &platform]);
        }
        args.extend(more);
        self.helm(&args);
    }

    #[track_caller]
    fn helm(&self, args: &[&str]) {
        let said = self.namespace.helm(&self.helm, args);
        assert_eq!(
            said.code,
            0,
            "helm {args:?}\n{}\n{}",
            said.stderr,
            self.state()
        );
    }

    /// Runs a program in a pod, which has to succeed.
    #[track_caller]
    fn exec(&self, pod: &str, command: &[&str]) -> String {
        let said = self.try_exec(pod, command);
        assert_eq!(
            said.code,
            0,
            "{pod}: {command:?}\n{}\n{}",
            said.stderr,
            self.state()
        );
        said.stdout.trim().to_owned()
    }

    fn try_exec(&self, pod: &str, command: &[&str]) -> Outcome {
        let mut args = vec!["exec", pod, "--"];
        args.extend(command);
        self.namespace.kubectl(&args)
    }

    /// Takes the pod of a StatefulSet away and waits for its successor.
    #[track_caller]
    fn replace(&self, pod: &str) {
        let uid = || {
            let path = "jsonpath={.metadata.uid}";
            let get = ["get", "pod", pod, "--ignore-not-found", "-o", path];
            self.namespace.kubectl(&get).ok()
        };
        let first = uid();
        self.namespace.kubectl(&["delete", "pod", pod]).ok();
        until("there is a new pod", || !uid().is_empty() && uid() != first);
        let wait = [
            "wait",
            "--for=condition=Ready",
            "--timeout=120s",
            "pod",
            pod,
        ];
        assert_eq!(self.namespace.kubectl(&wait).code, 0, "{}", self.state());
    }

    /// Makes a Secret of made-up values.
    fn secret(&self, name: &str, values: &[&str]) {
        let values = values.iter().map(|value| format!("--from-literal={value}"));
        let values: Vec<String> = values.collect();
        let mut args = vec!["create", "secret", "generic", name];
        args.extend(values.iter().map(String::as_str));
        self.namespace.kubectl(&args).ok();
    }

    /// What a failed test needs to know.
    fn state(&self) -> String {
        let get = ["get", "pods,events", "-o", "wide"];
        self.namespace.kubectl(&get).stdout
    }

    /// Has Dagster run a job if that is wanted; returns how many runs it knows to have succeeded.
    #[track_caller]
    fn greetings(&self, verb: &str) -> String {
        let script = fs::read_to_string(data("greet.py")).expect("read");
        let webserver = "deployment/platform-dagster-webserver";
        self.exec(webserver, &["python3", "-c", &script, verb])
    }

    /// Whether Jaeger has the trace of that job.
    fn traced(&self) -> bool {
        let path = format!(
            "/api/v1/namespaces/{}/services/platform-jaeger:16686/proxy/api/services",
            self.namespace.name
        );
        let said = self.namespace.kubectl(&["get", "--raw", &path]).stdout;
        said.contains("unknown_service")
    }
}

#[test]
fn the_platform_runs_jobs_of_dagster_and_of_dbt() {
    stages("platform", 1, |stage| {
        let namespace = stage.namespace.name.as_str();
        let mut secrets = Command::new(repository().join("scripts/dev-secrets"));
        secrets.args(["--namespace", namespace, "platform"]);
        secrets.env("KUBECONFIG", &stage.kubeconfig);
        Outcome::of(&secrets.output().expect("runs")).ok();

        let values = format!("--values={}", data("platform.yaml"));
        stage.deploy("install", "platform", "floe-platform", &[&values]);
        for (pod, user) in [
            ("platform-postgresql-0", "999"),
            ("deployment/platform-dagster-webserver", "1000"),
            ("deployment/platform-dagster-daemon", "1000"),
            ("deployment/platform-code-product", "1000"),
        ] {
            stage.namespace.confined(pod, user);
        }
        stage.helm(&["test", "platform", "--timeout=180s"]);
        assert_eq!(stage.greetings("run"), "1");
        until("the trace is in Jaeger", || stage.traced());

        let file = format!("--from-file={}", data("profiles.yml"));
        let profiles = ["create", "configmap", "profiles", &file];
        stage.namespace.kubectl(&profiles).ok();
        let jobs = format!("--values={}", data("jobs.yaml"));
        stage.deploy("install", "jobs", "floe-jobs", &[&jobs]);
        stage.helm(&["test", "jobs", "--timeout=180s"]);

        stage.replace("platform-postgresql-0");
        let query = "select total from warehouse.totals";
        let psql = ["psql", "-U", "postgres", "-Atc", query];
        assert_eq!(stage.exec("platform-postgresql-0", &psql), "42");
        assert_eq!(stage.greetings("run"), "2", "the first run is still known");

        let more = [values.as_str(), "--set=otel.replicas=2"];
        stage.deploy("upgrade", "platform", "floe-platform", &more);
        stage.helm(&["test", "platform", "--timeout=180s"]);
        stage.helm(&["rollback", "platform", "1", "--wait", "--timeout=300s"]);
        assert_eq!(stage.greetings("count"), "2");
    });
}

#[test]
fn pages_reach_their_apis_and_those_the_database() {
    stages("apps", 1, |stage| {
        let database = "platform-taskora-database-0";
        stage.secret(
            "taskora-db-credentials",
            &["username=app", "password=made-up"],
        );
        let keys = [
            "cohere-api-key=x",
            "gemini-api-key=x",
            "better-auth-secret=x",
        ];
        stage.secret("taskora-secrets", &keys);
        let one = ["--set=frontend.replicaCount=1,backend.replicaCount=1"];
        stage.deploy("install", "platform", "taskora", &one);

        let host = "platform-taskora-database";
        let address =
            format!("database-url=postgresql://app:made-up@{host}/taskora?sslmode=disable");
        let keys = [&address, "openai-api-key=x", "better-auth-secret=x"];
        stage.secret("todo-secrets", &keys);
        let host = format!("--set=database.host={host}");
        let todo = [&host, "--set=mcpServer.replicaCount=1", one[0]];
        stage.deploy("install", "todo", "todo-app", &todo);

        for (pod, user) in [
            (database, "70"),
            ("deployment/platform-taskora-frontend", "1001"),
            ("deployment/platform-taskora-backend", "1001"),
            ("deployment/todo-todo-app-frontend", "1000"),
            ("deployment/todo-todo-app-backend", "1000"),
            ("deployment/todo-todo-app-mcp-server", "1000"),
        ] {
            stage.namespace.confined(pod, user);
        }
        let psql = |query| {
            [
                "psql",
                "-h",
                "127.0.0.1",
                "-U",
                "app",
                "taskora",
                "-Atc",
                query,
            ]
        };
        stage.exec(
            database,
            &psql("create table kept (id int); insert into kept values (7)"),
        );
        stage.replace(database);
        assert_eq!(stage.exec(database, &psql("select id from kept")), "7");
        for (release, page) in [
            ("platform", "deployment/platform-taskora-frontend"),
            ("todo", "deployment/todo-todo-app-frontend"),
        ] {
            let ask = ["wget", "-q", "-O", "-", "http://127.0.0.1:3000/api/tasks"];
            until("the page reaches the database", || {
                stage.try_exec(page, &ask).stdout == "well"
            });
            stage.helm(&["test", release, "--timeout=180s"]);
        }
        stage.deploy(
            "upgrade",
            "platform",
            "taskora",
            &["--set=backend.replicaCount=2", one[0]],
        );
        stage.helm(&["rollback", "platform", "1", "--wait", "--timeout=180s"]);
    });
}
