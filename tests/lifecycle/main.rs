//! Every chart of `charts/` lives its whole life on a real API server: `scripts/lifecycle`.
//!
//! The namespaces enforce `restricted`, and everything is installed through the filter. Pods need
//! not really run; the cluster says whether they are let in, and its controllers whether a release
//! is complete. `strict` has the server judge every object, without making one.
#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../common/mod.rs"]
mod common;
#[allow(dead_code, reason = "the charts' own tests use the rest")]
#[path = "../charts/render.rs"]
mod render;
mod strict;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use common::cluster::{Namespace, beside, kubeconfig, until};
use common::definitions::definition_of;
use common::{Helm, MAJORS, documents, helm_floe, path_text, repository};

/// How a chart lives: with which values it is installed, and what an upgrade changes.
struct Life {
    chart: &'static str,
    install: &'static [&'static str],
    upgrade: &'static [&'static str],
}

const LIVES: &[Life] = &[
    Life {
        chart: "floe-platform",
        install: &["--values=values-dev.yaml"],
        upgrade: &["--set=dagster.webserver.replicas=2,polaris.replicas=2,otel.replicas=2"],
    },
    Life {
        chart: "floe-jobs",
        install: &[],
        upgrade: &["--set=resourcePreset=medium"],
    },
    Life {
        chart: "todo-app",
        install: &["--values=values-prod.yaml"],
        upgrade: &["--set=frontend.replicaCount=4,backend.env.LOG_LEVEL=debug"],
    },
    Life {
        chart: "taskora",
        install: &[],
        upgrade: &["--set=backend.replicaCount=4,config.logLevel=debug"],
    },
];

/// The kinds of which a release may leave nothing behind. Volume claims are meant to stay.
const KINDS: &str = "deployments,statefulsets,daemonsets,cronjobs,jobs,pods,services,configmaps,\
                     secrets,serviceaccounts,roles,rolebindings,networkpolicies,ingresses,\
                     poddisruptionbudgets,horizontalpodautoscalers";

/// The charts share the cluster's volumes and definitions, so they take turns.
static TURN: Mutex<()> = Mutex::new(());

#[test]
fn every_chart_has_a_life() {
    let charts = fs::read_dir(repository().join("charts")).expect("read");
    let charts = charts.map(|entry| entry.expect("read"));
    let charts = charts.filter(|entry| entry.path().join("Chart.yaml").is_file());
    let there: BTreeSet<String> = charts
        .map(|entry| entry.file_name().into_string().expect("UTF-8"))
        .collect();
    let listed: BTreeSet<String> = LIVES.iter().map(|life| life.chart.to_owned()).collect();
    let without: Vec<&String> = there.difference(&listed).collect();
    assert!(without.is_empty(), "{without:?}");
}

#[test]
fn every_chart_lives_its_life_with_helm_3() {
    every_life(3);
}

#[test]
fn every_chart_lives_its_life_with_helm_4() {
    every_life(4);
}

fn every_life(major: u32) {
    let test = format!("lifecycle with Helm {major}");
    let Some(kubeconfig) = kubeconfig("HELM_FLOE_E2E", &test, "scripts/lifecycle") else {
        return;
    };
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let helm = Helm::new(major);
    if major == 4 {
        helm.install_plugin(helm_floe()).1.ok();
    }
    for life in LIVES {
        if !repository().join("charts").join(life.chart).is_dir() {
            continue;
        }
        let (chart, process) = (life.chart, std::process::id());
        let name = format!("helm-floe-life-{chart}-{major}-{process}");
        let release = Release {
            namespace: Namespace::new(name, kubeconfig.clone()),
            helm: &helm,
            life,
        };
        release.live();
    }
}

/// One chart in a namespace of its own; the release is called `life`.
struct Release<'a> {
    namespace: Namespace,
    helm: &'a Helm,
    life: &'a Life,
}

impl Release<'_> {
    fn live(mut self) {
        self.prepare();
        self.deploy("install", &[]);
        let first = self.manifest();
        assert!(first.contains("kind: NetworkPolicy"), "{first}");
        self.helm(&["test", "life", "--timeout=120s"]);

        let before = self.replicas();
        let pods = self.stateful_pods();
        let seen = beside(self.watch(), || self.deploy("upgrade", self.life.upgrade));
        let seen = String::from_utf8_lossy(&seen.stdout).into_owned();
        self.no_gap(&before, &seen);
        assert_ne!(self.manifest(), first, "{}", self.life.chart);
        assert_eq!(self.stateful_pods(), pods, "databases are left alone");
        self.helm(&["test", "life", "--timeout=120s"]);

        self.helm(&["rollback", "life", "1", "--wait", "--timeout=120s"]);
        assert_eq!(self.manifest(), first, "the first revision is back");
        assert_eq!(self.replicas(), before);

        self.helm(&["uninstall", "life", "--wait", "--timeout=120s"]);
        until(&format!("{} leaves nothing", self.life.chart), || {
            self.namespace.objects(KINDS).is_empty()
        });
    }

    /// Runs Helm, which has to succeed.
    #[track_caller]
    fn helm(&self, args: &[&str]) -> String {
        let said = self.namespace.helm(self.helm, args);
        let Life { chart, .. } = self.life;
        assert_eq!(
            said.code,
            0,
            "{chart}: helm {args:?}\n{}\n{}\n{}",
            said.stdout,
            said.stderr,
            self.namespace
                .kubectl(&["get", "pods,events", "-o", "wide"])
                .stdout
        );
        said.stdout
    }

    /// The chart with the values of its installation, as arguments for Helm.
    fn chart(&self) -> Vec<String> {
        let chart = repository().join("charts").join(self.life.chart);
        let mut args = vec![path_text(&chart).to_owned()];
        for arg in self.life.install {
            let file = arg.strip_prefix("--values=");
            let file = file.map(|file| format!("--values={}", path_text(&chart.join(file))));
            args.push(file.unwrap_or_else(|| (*arg).to_owned()));
        }
        args
    }

    #[track_caller]
    fn deploy(&self, verb: &str, more: &[&str]) {
        let chart = self.chart();
        let mut args = vec![verb, "life", "--wait", "--timeout=180s"];
        args.extend(["--post-renderer", "helm-floe"]);
        args.extend(chart.iter().map(String::as_str));
        args.extend(more);
        self.helm(&args);
    }

    /// What the chart expects of its cluster and a bare one lacks: volumes, and its custom kinds.
    fn prepare(&mut self) {
        let chart = self.chart();
        let mut args = vec!["template", "life"];
        args.extend(chart.iter().map(String::as_str));
        let rendered = self.helm(&args);
        for kind in custom_kinds(&rendered) {
            if let Some(file) = definition_of(&kind.group, &kind.kind) {
                self.namespace.define(&file);
                continue;
            }
            let crd = format!("customresourcedefinition/{}.{}", kind.plural(), kind.group);
            let get = ["get", &crd, "--ignore-not-found", "-o", "name"];
            if self.namespace.kubectl(&get).ok().is_empty() {
                self.namespace.make(crd.clone(), &kind.definition());
                self.namespace.established(&crd);
            }
        }
        let templates = rendered.matches("volumeClaimTemplates:").count();
        let claims = documents(&rendered).into_iter();
        let claims = claims.filter(|document| document.kind == "PersistentVolumeClaim");
        for number in 0..templates + claims.count() {
            let name = format!("{}-{number}", self.namespace.name);
            let volume = format!(
                "apiVersion: v1\nkind: PersistentVolume\nmetadata: {{name: {name}}}\nspec:\n  \
                 capacity: {{storage: 100Gi}}\n  accessModes: [ReadWriteOnce]\n  \
                 hostPath: {{path: /tmp/{name}}}\n"
            );
            self.namespace
                .make(format!("persistentvolume/{name}"), &volume);
        }
    }

    fn manifest(&self) -> String {
        self.helm(&["get", "manifest", "life"])
    }

    /// How many pods each Deployment is to have, but for those that ask for their gap: with
    /// `Recreate` no two generations ever run side by side.
    fn replicas(&self) -> BTreeMap<String, u32> {
        let path = "jsonpath={range .items[?(@.spec.strategy.type==\"RollingUpdate\")]}{.metadata.name} {.spec.replicas}{\"\\n\"}{end}";
        let list = self
            .namespace
            .kubectl(&["get", "deployments", "-o", path])
            .ok();
        let lines = list.lines().filter_map(|line| line.split_once(' '));
        lines
            .map(|(name, count)| (name.to_owned(), count.parse().expect("a number")))
            .collect()
    }

    /// The pods of StatefulSets, by their unique ids.
    fn stateful_pods(&self) -> Vec<String> {
        let path = "jsonpath={range .items[*]}{.metadata.ownerReferences[0].kind} {.metadata.uid}{\"\\n\"}{end}";
        let list = self.namespace.kubectl(&["get", "pods", "-o", path]).ok();
        let own = list.lines().filter(|line| line.starts_with("StatefulSet "));
        let mut own: Vec<String> = own.map(str::to_owned).collect();
        own.sort();
        own
    }

    /// Writes a line for every change of a Deployment: its name and its available pods.
    fn watch(&self) -> Command {
        let path = "jsonpath={.metadata.name} {.status.availableReplicas}{\"\\n\"}";
        self.namespace
            .kubectl_command(&["get", "deployments", "--watch", "-o", path])
    }

    /// Asserts that no Deployment had fewer pods at any time than it is to have before or after.
    #[track_caller]
    fn no_gap(&self, before: &BTreeMap<String, u32>, seen: &str) {
        let after = self.replicas();
        let mut changes = 0;
        for line in seen.lines() {
            let (name, available) = line.split_once(' ').expect("two words");
            let available: u32 = available.trim().parse().unwrap_or_default();
            let (Some(old), Some(new)) = (before.get(name), after.get(name)) else {
                continue;
            };
            changes += 1;
            assert!(
                available >= *old.min(new),
                "{}: a gap in {name}\n{seen}",
                self.life.chart
            );
        }
        // The first lines are the state before; a watch that saw no more proves nothing.
        let none = before.is_empty() && after.is_empty();
        assert!(
            none || changes > before.len(),
            "{}: {seen:?}",
            self.life.chart
        );
    }
}

/// A kind that is none of Kubernetes' own.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct CustomKind {
    group: String,
    version: String,
    kind: String,
}

impl CustomKind {
    fn plural(&self) -> String {
        let name = self.kind.to_lowercase();
        match name.strip_suffix('y') {
            Some(stem) => format!("{stem}ies"),
            None => format!("{name}s"),
        }
    }

    /// A definition that takes anything, for a kind whose own is not published.
    fn definition(&self) -> String {
        let Self {
            group,
            version,
            kind,
        } = self;
        let plural = self.plural();
        format!(
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n\
             metadata: {{name: {plural}.{group}}}\nspec:\n  group: {group}\n  scope: Namespaced\n  \
             names: {{kind: {kind}, plural: {plural}}}\n  versions:\n  \
             - name: {version}\n    served: true\n    storage: true\n    \
             schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}\n"
        )
    }
}

/// The custom kinds of a rendered chart.
fn custom_kinds(rendered: &str) -> BTreeSet<CustomKind> {
    let mut kinds = BTreeSet::new();
    for document in documents(rendered) {
        let mut lines = document.text.lines();
        let version = lines.find_map(|line| line.strip_prefix("apiVersion: "));
        let Some((group, version)) = version.and_then(|version| version.split_once('/')) else {
            continue;
        };
        if group.contains('.') && !group.ends_with(".k8s.io") {
            kinds.insert(CustomKind {
                group: group.to_owned(),
                version: version.to_owned(),
                kind: document.kind.to_owned(),
            });
        }
    }
    kinds
}

#[test]
fn custom_kinds_are_told_from_kubernetes_own() {
    let rendered = "---\napiVersion: dapr.io/v1alpha1\nkind: Component\n---\napiVersion: apps/v1\n\
                    kind: Deployment\n---\napiVersion: policy/v1\nkind: PodDisruptionBudget\n---\n\
                    apiVersion: networking.k8s.io/v1\nkind: Ingress\n---\napiVersion: v1\nkind: Pod\n";
    let kinds = custom_kinds(rendered);
    let kinds: Vec<String> = kinds.iter().map(CustomKind::plural).collect();
    assert_eq!(kinds, ["components"]);
    assert_eq!(MAJORS, [3, 4], "each has a test above");
}
