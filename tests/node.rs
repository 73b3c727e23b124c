//! Real programs under the injected securityContext: `scripts/node-lifecycle`, which takes any
//! `KUBECONFIG` of a cluster with real nodes.
#![cfg(unix)]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use std::env;
use std::sync::{Mutex, PoisonError};

use common::cluster::{Namespace, kubeconfig, until};
use common::{Helm, chart, helm_floe};

/// The database's pod.
const DATABASE: &str = "ledger-database-0";

/// Volumes lie on one node, so the tests take turns.
static TURN: Mutex<()> = Mutex::new(());

#[test]
fn programs_run_and_keep_data_with_helm_3() {
    run(3);
}

#[test]
fn programs_run_and_keep_data_with_helm_4() {
    run(4);
}

fn run(major: u32) {
    let test = format!("programs with Helm {major}");
    let Some(kubeconfig) = kubeconfig("HELM_FLOE_NODE", &test, "scripts/node-lifecycle") else {
        return;
    };
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let name = format!("helm-floe-node-{major}-{}", std::process::id());
    let mut namespace = Namespace::new(name, kubeconfig);
    let _directory = namespace.volume("1Gi");
    let credentials = [
        "create",
        "secret",
        "generic",
        "ledger",
        "--from-literal=user=app",
        "--from-literal=password=made-up-for-a-test",
    ];
    namespace.kubectl(&credentials).ok();

    let helm = Helm::new(major);
    if major == 4 {
        helm.install_plugin(helm_floe()).1.ok();
    }
    let image = |variable: &str, default: &str| env::var(variable).unwrap_or(default.to_owned());
    let postgres = format!("postgres.image={}", image("POSTGRES_IMAGE", "postgres:15"));
    let web = format!("web.image={}", image("WEB_IMAGE", "nginx:1.27"));
    let ledger = chart("ledger");
    let mut install = vec![
        "install", "ledger", &ledger, "--set", &postgres, "--set", &web,
    ];
    install.extend(["--post-renderer", "helm-floe", "--timeout=120s"]);
    install.extend(["--wait", "--wait-for-jobs"]);
    let said = namespace.helm(&helm, &install);
    assert_eq!(said.code, 0, "{}\n{}", said.stderr, state(&namespace));

    namespace.confined(DATABASE, "999");
    namespace.confined("deployment/ledger-web", "101");
    let page = ["exec", "deployment/ledger-web", "--", "touch", "/here"];
    let said = namespace.kubectl(&page).stderr;
    assert!(said.contains("Read-only file system"), "{said}");

    let done = [
        "get",
        "job",
        "ledger-entry",
        "-o",
        "jsonpath={.status.succeeded}",
    ];
    assert_eq!(namespace.kubectl(&done).ok(), "1");
    assert_eq!(entries(&namespace), "by the job");

    let pod = || {
        let get = [
            "get",
            "pod",
            DATABASE,
            "--ignore-not-found",
            "-o",
            "jsonpath={.metadata.uid}",
        ];
        namespace.kubectl(&get).ok()
    };
    let first = pod();
    namespace.kubectl(&["delete", "pod", DATABASE]).ok();
    until("there is a new pod", || !pod().is_empty() && pod() != first);
    let ready = [
        "wait",
        "--for=condition=Ready",
        "--timeout=120s",
        "pod",
        DATABASE,
    ];
    let said = namespace.kubectl(&ready);
    assert_eq!(said.code, 0, "{}", state(&namespace));
    assert_eq!(entries(&namespace), "by the job", "the data is still there");

    namespace
        .helm(&helm, &["uninstall", "ledger", "--wait"])
        .ok();
}

/// What the database holds, read from inside its pod.
fn entries(namespace: &Namespace) -> String {
    let psql =
        r#"psql -At -h 127.0.0.1 -U "$POSTGRES_USER" -d ledger -c "select what from entries""#;
    let psql = format!(r#"PGPASSWORD="$POSTGRES_PASSWORD" {psql}"#);
    let said = namespace
        .kubectl(&["exec", DATABASE, "--", "sh", "-c", &psql])
        .ok();
    said.trim().to_owned()
}

/// What a failed test needs to know about the pods.
fn state(namespace: &Namespace) -> String {
    let pods = namespace
        .kubectl(&["get", "pods,pvc,events", "-o", "wide"])
        .stdout;
    let logs = namespace.kubectl(&["logs", DATABASE, "--tail=20"]);
    format!("{pods}\n{}{}", logs.stdout, logs.stderr)
}
