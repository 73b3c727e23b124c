//! A real API server with Pod Security admission: `scripts/e2e`, which takes any `KUBECONFIG`.
//!
//! The tests make namespaces, pods and one custom resource definition and remove them again, so
//! they run only when `HELM_FLOE_E2E=1` says that this cluster is meant. Images are never pulled
//! successfully and need not be: what counts is which pods the API server lets in.
#![cfg(unix)]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use common::cluster::{Namespace, kubeconfig, until};
use common::{Helm, MAJORS, Outcome, chart, feed, helm_floe};

/// What Kubernetes says about a pod it does not let in.
const REFUSED: &str = "violates PodSecurity \"restricted:latest\"";

/// Pods of the test chart: two of the site, one of the cache, one of the administration.
const PODS: usize = 4;

/// The test chart's custom resource definition.
const CRD: &str = "customresourcedefinition/pages.web.example.com";

/// The tests share the cluster's one custom resource definition, so they take turns.
static TURN: Mutex<()> = Mutex::new(());

/// A namespace with the test chart's custom resource definition, for one test at a time.
struct Place {
    namespace: Namespace,
    _turn: MutexGuard<'static, ()>,
}

impl Place {
    /// Makes it, or says on the terminal that there is no cluster to test with.
    fn new(test: &str) -> Option<Self> {
        let kubeconfig = kubeconfig("HELM_FLOE_E2E", test, "scripts/e2e")?;
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let name = format!("helm-floe-{test}-{}", std::process::id());
        let mut namespace = Namespace::new(name, kubeconfig);
        let crds = format!("{}/crds/pages.yaml", chart("web"));
        namespace.create(CRD.to_owned(), &crds);
        namespace.established(CRD);
        let warn = "pod-security.kubernetes.io/warn=restricted";
        let label = ["label", "namespace", &namespace.name, warn];
        namespace.kubectl(&label).ok();
        Some(Self {
            namespace,
            _turn: turn,
        })
    }

    /// Runs `kubectl` in this namespace.
    fn kubectl(&self, args: &[&str]) -> Outcome {
        self.namespace.kubectl(args)
    }

    /// Runs `kubectl` with a stream on its stdin.
    fn kubectl_with(&self, args: &[&str], stdin: &str) -> Outcome {
        with_stdin(self.namespace.kubectl_command(args), stdin)
    }

    /// Runs Helm in this namespace.
    fn helm(&self, helm: &Helm, args: &[&str]) -> Outcome {
        self.namespace.helm(helm, args)
    }

    /// Runs `helm-floe` in this namespace, around that Helm.
    fn wrapper(&self, helm: &Helm, args: &[&str]) -> Outcome {
        let mut command = helm.program(helm_floe());
        command.args(args);
        Outcome::of(&self.namespace.inside(command).output().expect("runs"))
    }

    /// Everything in the namespace that a release could have left behind.
    fn objects(&self) -> Vec<String> {
        let kinds = "deployments,statefulsets,daemonsets,cronjobs,jobs,pods,services,configmaps,secrets,\
                     serviceaccounts,networkpolicies,poddisruptionbudgets,pages.web.example.com";
        self.namespace.objects(kinds)
    }

    fn pods(&self) -> usize {
        let pods = self.kubectl(&["get", "pods", "-o", "name"]).ok();
        pods.lines().count()
    }
}

/// Runs a command with a text on its stdin.
fn with_stdin(mut command: Command, stdin: &str) -> Outcome {
    Outcome::of(&feed(&mut command, stdin.as_bytes()))
}

/// That Helm, with `--post-renderer helm-floe` at hand.
fn helm_with_filter(major: u32) -> Helm {
    let helm = Helm::new(major);
    if major == 4 {
        helm.install_plugin(helm_floe()).1.ok();
    }
    helm
}

/// `helm template` of the test chart: hooks and tests are in it, with either Helm.
fn rendered(helm: &Helm) -> String {
    helm.run(&["template", "web", &chart("web")]).ok()
}

#[test]
fn the_api_server_lets_every_hardened_object_in() {
    let Some(namespace) = Place::new("admission") else {
        return;
    };
    for major in MAJORS {
        let helm = Helm::new(major);
        let before = rendered(&helm);
        let after = with_stdin(helm.program(helm_floe()), &before).ok();
        let apply = |stream: &str| {
            let args = ["apply", "--dry-run=server", "-f", "-"];
            namespace.kubectl_with(&args, stream)
        };
        // The test Pod is refused outright, the workloads would make pods that are.
        let said = apply(&before);
        assert_ne!(said.code, 0, "Helm {major}");
        assert!(
            said.stderr.contains(REFUSED),
            "Helm {major}: {}",
            said.stderr
        );
        let would = said.stderr.matches("would violate PodSecurity").count();
        assert_eq!(would, 5, "Helm {major}: {}", said.stderr);
        let said = apply(&after);
        assert!(
            !said.stderr.contains("PodSecurity"),
            "Helm {major}: {}",
            said.stderr
        );
        said.ok();
    }
}

/// Helm 3 does not hand hooks to a post-renderer, so the hook Job would be refused there.
const NO_HOOKS: &str = "--no-hooks";

/// Installs the chart as it is and sees its pods refused.
fn refused_without_filter(namespace: &Place, helm: &Helm) {
    let web = chart("web");
    namespace
        .helm(helm, &["install", "bare", &web, NO_HOOKS])
        .ok();
    let message = || {
        let path = r#"jsonpath={.status.conditions[?(@.type=="ReplicaFailure")].message}"#;
        let args = ["get", "deployment", "bare-site", "-o", path];
        namespace.kubectl(&args).ok()
    };
    until("the site's pods are refused", || {
        message().contains(REFUSED)
    });
    assert_eq!(namespace.pods(), 0);
    namespace.helm(helm, &["uninstall", "bare", NO_HOOKS]).ok();
    until("nothing is left", || namespace.objects().is_empty());
}

/// The number of the release's revisions.
fn revisions(namespace: &Place, helm: &Helm) -> usize {
    let history = namespace.helm(helm, &["history", "web"]).ok();
    history.lines().skip(1).count()
}

fn lifecycle(major: u32) {
    let Some(namespace) = Place::new(&format!("lifecycle-{major}")) else {
        return;
    };
    let helm = helm_with_filter(major);
    let web = chart("web");
    refused_without_filter(&namespace, &helm);

    let renderer = ["--post-renderer", "helm-floe", NO_HOOKS];
    let install = [&["upgrade", "--install", "web", &web][..], &renderer].concat();
    namespace.helm(&helm, &install).ok();
    until("the pods are let in", || namespace.pods() == PODS);
    let manifest = || namespace.helm(&helm, &["get", "manifest", "web"]).ok();
    let first = manifest();

    // The same again, this time through the wrapper, with one more pod.
    let again = ["upgrade", "web", &web, NO_HOOKS, "--set", "replicas=3"];
    namespace.wrapper(&helm, &again).ok();
    until("one more pod is let in", || namespace.pods() == PODS + 1);

    namespace
        .helm(&helm, &["rollback", "web", "1", NO_HOOKS])
        .ok();
    until("the pod is gone again", || namespace.pods() == PODS);
    assert_eq!(manifest(), first, "the first revision is back");
    assert_eq!(revisions(&namespace, &helm), 3);

    // A refused upgrade leaves the release as it is.
    let violating = chart("violating");
    let refused = [&["upgrade", "web", &violating][..], &renderer].concat();
    assert_refused(&namespace.helm(&helm, &refused));
    assert_refused(&namespace.wrapper(&helm, &["upgrade", "web", &violating]));
    assert_eq!(revisions(&namespace, &helm), 3, "no revision is made");

    let mut check = helm.program(helm_floe());
    check.args(["check", "-"]);
    with_stdin(check, &manifest()).ok();

    namespace.helm(&helm, &["uninstall", "web", NO_HOOKS]).ok();
    until("nothing is left", || namespace.objects().is_empty());
}

/// Asserts that the report is on the user's screen.
#[track_caller]
fn assert_refused(said: &Outcome) {
    assert_eq!(said.code, 1, "{}", said.stderr);
    for word in ["DaemonSet", "hostNetwork", "privileged"] {
        assert!(said.stderr.contains(word), "no {word} in {}", said.stderr);
    }
}

#[test]
fn a_release_lives_and_leaves_nothing_behind_with_helm_3() {
    lifecycle(3);
}

#[test]
fn a_release_lives_and_leaves_nothing_behind_with_helm_4() {
    lifecycle(4);
}

#[test]
fn a_refused_chart_makes_no_release() {
    let Some(namespace) = Place::new("refusal") else {
        return;
    };
    for major in MAJORS {
        let helm = helm_with_filter(major);
        let violating = chart("violating");
        let install = [
            "install",
            "agent",
            &violating,
            "--post-renderer",
            "helm-floe",
        ];
        assert_refused(&namespace.helm(&helm, &install));
        assert_refused(&namespace.wrapper(&helm, &["install", "agent", &violating]));
        let releases = namespace.helm(&helm, &["list", "--short"]).ok();
        assert_eq!(releases, "", "Helm {major}");
        assert_eq!(namespace.objects(), Vec::<String>::new(), "Helm {major}");
    }
}
