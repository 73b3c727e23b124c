//! The NetworkPolicies as a cluster would enforce them: which pod may call which.
#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../common/mod.rs"]
mod common;

mod hosts;
mod random;
mod shown;

use std::collections::BTreeSet;

use common::{Helm, MAJORS, Outcome, chart, feed, floe};
use helm_floe::inject::network::topology::Peer;
use helm_floe::manifest::{Document, View, split};
use helm_floe::pipeline::{self, Mode, Places, Settings};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The objects of a stream as JSON.
fn objects(stream: &str) -> Vec<Value> {
    let spans = split(stream).expect("documents");
    let documents = spans.iter().map(|span| {
        let document = Document::parse(span.text).expect("YAML");
        let root = document.root().map(|root| View::Node(root).to_json());
        root.unwrap_or_default()
    });
    documents.filter(Value::is_object).collect()
}

/// A pod: where it is and what its labels are.
#[derive(Clone, Debug)]
struct Pod {
    name: String,
    namespace: String,
    labels: Value,
}

impl Pod {
    fn new(name: &str, namespace: &str, labels: Value) -> Pod {
        Pod {
            name: name.into(),
            namespace: namespace.into(),
            labels,
        }
    }
}

/// The pods of workloads and the policies of a stream; objects without a namespace are in `default`.
struct World {
    pods: Vec<Pod>,
    policies: Vec<Value>,
    default: String,
}

impl World {
    fn new(stream: &str, default: &str) -> World {
        let mut world = World {
            pods: Vec::new(),
            policies: Vec::new(),
            default: default.into(),
        };
        for object in objects(stream) {
            let template = match object["kind"].as_str().expect("a kind") {
                "NetworkPolicy" => {
                    world.policies.push(object);
                    continue;
                }
                "Pod" => object["metadata"].clone(),
                "CronJob" => object["spec"]["jobTemplate"]["spec"]["template"]["metadata"].clone(),
                "Deployment" | "StatefulSet" | "DaemonSet" | "Job" => {
                    object["spec"]["template"]["metadata"].clone()
                }
                _ => continue,
            };
            let metadata = &object["metadata"];
            let namespace = metadata["namespace"].as_str().unwrap_or(default);
            let name = metadata["name"].as_str().expect("a name");
            world
                .pods
                .push(Pod::new(name, namespace, template["labels"].clone()));
        }
        world
    }

    fn pod(&self, name: &str) -> &Pod {
        let found = self.pods.iter().find(|pod| pod.name == name);
        found.expect("a pod of that name")
    }

    fn namespace(&self, policy: &Value) -> String {
        let namespace = policy["metadata"]["namespace"].as_str();
        namespace.unwrap_or(&self.default).to_owned()
    }

    /// Whether one side's policies let a connection through: none selects the pod for that
    /// direction, or a rule of one that does allows it.
    fn side(&self, pod: &Pod, other: Option<&Pod>, port: u64, kind: &str) -> bool {
        let (rules, peers) = match kind {
            "Ingress" => ("ingress", "from"),
            _ => ("egress", "to"),
        };
        let mut selected = false;
        for policy in &self.policies {
            let spec = &policy["spec"];
            // What the API server takes where none are given.
            let default = match spec["egress"].is_array() {
                true => vec![json!("Ingress"), json!("Egress")],
                false => vec![json!("Ingress")],
            };
            let types = spec["policyTypes"].as_array().unwrap_or(&default);
            let namespace = self.namespace(policy);
            let mine = namespace == pod.namespace && matches(&spec["podSelector"], &pod.labels);
            if !mine || !types.contains(&json!(kind)) {
                continue;
            }
            selected = true;
            let rules = spec[rules].as_array().into_iter().flatten();
            for rule in rules {
                let peers = rule[peers].as_array();
                let fits = |peer: &Value| fits(peer, &namespace, other);
                let peer = peers.is_none_or(|peers| peers.iter().any(fits));
                let ports = rule["ports"].as_array();
                let port = ports.is_none_or(|own| own.iter().any(|own| own["port"] == json!(port)));
                if peer && port {
                    return true;
                }
            }
        }
        !selected
    }

    fn allows(&self, from: &str, to: &str, port: u64) -> bool {
        let (from, to) = (self.pod(from), self.pod(to));
        self.side(from, Some(to), port, "Egress") && self.side(to, Some(from), port, "Ingress")
    }
}

fn matches(selector: &Value, labels: &Value) -> bool {
    let wanted = selector["matchLabels"].as_object().into_iter().flatten();
    let mut wanted = wanted.map(|(key, value)| labels[key] == *value);
    wanted.all(|same| same)
}

/// Whether a peer is the other pod; `None` is a host outside, with a public address.
fn fits(peer: &Value, namespace: &str, other: Option<&Pod>) -> bool {
    let Some(other) = other else {
        return peer["ipBlock"]["cidr"] == "0.0.0.0/0";
    };
    let name = json!({"kubernetes.io/metadata.name": other.namespace});
    let place = match peer.get("namespaceSelector") {
        Some(selector) => matches(selector, &name),
        None => namespace == other.namespace,
    };
    let pods = peer.get("podSelector");
    peer.get("ipBlock").is_none()
        && place
        && pods.is_none_or(|selector| matches(selector, &other.labels))
}

/// What the filter makes of a stream, for release `web` in namespace `shop`.
fn hardened(stream: &str, options: &[&str]) -> String {
    let mut command = floe(&["--release", "web", "--namespace", "shop"]);
    command.args(options);
    Outcome::of(&feed(&mut command, stream.as_bytes())).ok()
}

#[test]
fn three_tiers_call_in_one_direction() {
    let helm = Helm::new(4);
    let tiers = chart("tiers");
    let outside = "outside=https://rates.example.com/daily";
    let rendered = helm
        .run(&["template", "web", &tiers, "--set", outside])
        .ok();
    let mut world = World::new(&hardened(&rendered, &[]), "shop");
    let ingress = json!({"app.kubernetes.io/name": "ingress-nginx"});
    let others = [
        Pod::new("ingress", "ingress-nginx", ingress),
        Pod::new("stranger", "shop", json!({"app": "stranger"})),
        Pod::new("elsewhere", "other", json!({"app": "elsewhere"})),
    ];
    world.pods.extend(others);
    let allowed: BTreeSet<(&str, &str)> = [
        ("ingress", "web-frontend"),
        ("web-page", "web-frontend"),
        ("web-frontend", "web-backend"),
        ("web-backend", "web-database"),
        ("web-migrate", "web-database"),
    ]
    .into();
    let ports = [
        ("web-frontend", 8080),
        ("web-backend", 8000),
        ("web-database", 5432),
        ("web-migrate", 80),
        ("web-page", 80),
    ];
    let names: Vec<String> = world.pods.iter().map(|pod| pod.name.clone()).collect();
    for from in names.iter().map(String::as_str) {
        for (to, port) in ports.iter().filter(|(to, _)| *to != from) {
            let expected = allowed.contains(&(from, to));
            assert_eq!(world.allows(from, to, *port), expected, "{from} to {to}");
            assert!(
                !world.allows(from, to, port + 1),
                "{from} to {to}, next port"
            );
        }
        let own = world.pod(from).namespace == "shop" && from != "stranger";
        let out = |port| world.side(world.pod(from), None, port, "Egress");
        assert_eq!(out(443), !own || from == "web-backend", "{from} to outside");
        assert_eq!(out(80), !own, "{from} to outside in the clear");
    }
    let dns = Pod::new("dns", "kube-system", json!({"k8s-app": "kube-dns"}));
    for pod in &world.pods {
        assert!(world.side(pod, Some(&dns), 53, "Egress"), "{}", pod.name);
    }
}

#[test]
fn a_release_is_open_inside_and_closed_to_others_in_mode_isolate() {
    let helm = Helm::new(4);
    let rendered = helm.run(&["template", "web", &chart("tiers")]).ok();
    let mut world = World::new(
        &hardened(&rendered, &["--network-policies", "isolate"]),
        "shop",
    );
    let stranger = Pod::new("stranger", "shop", json!({"app": "stranger"}));
    world.pods.push(stranger);
    assert!(world.allows("web-frontend", "web-database", 5432));
    assert!(world.allows("web-database", "web-frontend", 1));
    assert!(world.allows("web-backend", "stranger", 80));
    assert!(!world.allows("stranger", "web-backend", 8000));
    let mut without = floe(&["--network-policies", "isolate"]);
    let said = Outcome::of(&feed(&mut without, rendered.as_bytes()));
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(said.stderr.contains("--release"), "{}", said.stderr);
}

/// A Deployment, with annotations and variables of its pods as YAML in flow style.
fn deployment(name: &str, annotations: &str, env: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  selector: {{matchLabels: {{app: {name}}}}}\n  \
         template:\n    metadata: {{labels: {{app: {name}}}, annotations: {annotations}}}\n    \
         spec: {{containers: [{{name: a, image: \"a:1\", env: {env}}}]}}\n---\n"
    )
}

/// A Deployment whose container has these fields, as YAML in flow style.
fn container(name: &str, fields: &str) -> String {
    deployment(name, "{}", "[]").replace("env: []", fields)
}

/// A Service that selects by these labels, as YAML in flow style.
fn service(name: &str, selector: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{selector: {selector}, ports: [{{port: 5432}}]}}\n---\n"
    )
}

#[test]
fn labels_that_all_pods_get_tell_none_from_another() {
    let labels = |part_of: &str| format!("{{app: a, app.kubernetes.io/instance: i{part_of}}}");
    let stream = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: a}}\nspec:\n  selector: {{matchLabels: {{app: a}}}}\n  \
         template:\n    metadata: {{labels: {}}}\n    spec: {{containers: [{{name: a, image: \"a:1\"}}]}}\n---\n\
         apiVersion: v1\nkind: Pod\nmetadata: {{name: t, labels: {}}}\nspec: {{containers: [{{name: t, image: \"a:1\"}}]}}\n",
        labels(", app.kubernetes.io/part-of: web"),
        labels(", test: \"1\""),
    );
    let once = hardened(&stream, &[]);
    assert!(once.contains("floe.dev/workload: deployment-a"), "{once}");
    assert_eq!(hardened(&once, &[]), once);
}

#[test]
fn open_rules_of_a_chart_give_way_where_the_platform_says_so() {
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: db}\nspec: {selector: {app: db}, ports: [{port: 5432}]}\n---\n";
    let policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: db}\nspec:\n  podSelector: {matchLabels: {app: db}}\n  \
                  ingress:\n  - ports: [{port: 5432}] # whoever likes\n  - from: [{podSelector: {matchLabels: {app: backup}}}]\n  egress: [{}]\n";
    let stream = [
        &deployment("web", "{}", "[{name: DB, value: \"postgres://db:5432/x\"}]"),
        &deployment("db", "{}", "[]"),
        service,
        policy,
    ]
    .concat();
    let root = tempfile::tempdir().expect("a directory");
    let world = |choice: &str, stream: &str| {
        let file = root.path().join("platform.yaml");
        let text = format!("hardening: {{network: {{chart_policies: {choice}}}}}\n");
        std::fs::write(&file, text).expect("written");
        let mut command = floe(&["--release", "web", "--namespace", "shop", "--platform"]);
        let output = feed(command.arg(&file), stream.as_bytes());
        let said = Outcome::of(&output);
        let mut world = World::new(&said.stdout, "shop");
        for (name, namespace, app) in [
            ("stranger", "shop", "x"),
            ("backup", "shop", "backup"),
            ("far", "other", "x"),
        ] {
            world
                .pods
                .push(Pod::new(name, namespace, json!({"app": app})));
        }
        (world, said)
    };
    for (choice, open) in [("keep", true), ("extend", true), ("narrow", false)] {
        let (world, said) = world(choice, &stream);
        for (from, wanted) in [
            ("web", true),
            ("backup", true),
            ("stranger", open),
            ("far", open),
        ] {
            assert_eq!(world.allows(from, "db", 5432), wanted, "{choice}: {from}");
        }
        let out = world.side(world.pod("db"), Some(world.pod("stranger")), 80, "Egress");
        assert_eq!(out, open, "{choice}");
        assert_eq!(
            said.stderr.contains("warning[network/open]"),
            open,
            "{}",
            said.stderr
        );
    }
    let once = world("narrow", &stream).1.stdout;
    assert_eq!(
        world("narrow", &once).1.stdout,
        once,
        "a second run changes nothing"
    );
}

#[test]
fn who_has_no_pods_is_let_in_by_address() {
    let stream = format!(
        "{}{}apiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec: {{selector: {{app: web}}, ports: [{{port: 80}}]}}\n---\n\
         apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: web}}\nspec: {{defaultBackend: {{service: {{name: web, port: {{number: 80}}}}}}}}\n",
        deployment("web", "{}", "[]"),
        deployment("agent", "{}", "[{name: WEB_URL, value: \"http://web\"}]")
            .replace("spec: {containers", "spec: {hostNetwork: true, containers"),
    );
    let root = tempfile::tempdir().expect("a directory");
    let file = root.path().join("platform.yaml");
    let text = "hardening:\n  network:\n    ingress: [{cidr: 35.191.0.0/16}]\n    nodes: [10.128.0.0/20]\n";
    std::fs::write(&file, text).expect("written");
    let mut command = floe(&[
        "--namespace",
        "shop",
        "--on-violation",
        "warn",
        "--platform",
    ]);
    let said = Outcome::of(&feed(command.arg(&file), stream.as_bytes())).ok();
    let policies = World::new(&said, "shop").policies;
    let web = policies
        .iter()
        .find(|policy| policy["metadata"]["name"] == "floe-deployment-web");
    let rules = &web.expect("a policy")["spec"]["ingress"];
    let blocks =
        json!([{"ipBlock": {"cidr": "10.128.0.0/20"}}, {"ipBlock": {"cidr": "35.191.0.0/16"}}]);
    assert_eq!(rules[0]["from"], blocks, "{rules}");
}

#[test]
fn two_releases_of_one_namespace_share_no_name() {
    for major in MAJORS {
        let helm = Helm::new(major);
        let script = "exec helm-floe post-render --namespace shop 2>/dev/null";
        let renderer = helm.post_renderer("floe", script);
        let tiers = chart("tiers");
        let names = |release: &str| -> BTreeSet<String> {
            let line = [
                "template",
                release,
                &tiers,
                "-n",
                "shop",
                "--post-renderer",
                &renderer,
            ];
            let stream = helm.run(&line).ok();
            let policies = World::new(&stream, "shop").policies;
            let first = objects(&stream)
                .iter()
                .position(|o| o["kind"] == "NetworkPolicy");
            let workload = objects(&stream)
                .iter()
                .position(|o| o["kind"] == "Deployment");
            assert!(first < workload, "Helm {major}: policies come first");
            for policy in &policies {
                let annotations = &policy["metadata"]["annotations"];
                assert!(annotations.is_null(), "Helm {major}: {annotations}");
            }
            let at = "# Source: tiers/templates/helm-floe/networkpolicies.yaml";
            assert_eq!(stream.matches(at).count(), policies.len(), "Helm {major}");
            let name = |policy: &Value| policy["metadata"]["name"].as_str().map(str::to_owned);
            policies.iter().filter_map(name).collect()
        };
        let (one, two) = (names("one"), names("two"));
        // Helm 3 hands over no hooks: the test and the migration get no policy there.
        let count = if major == 3 { 3 } else { 5 };
        assert_eq!((one.len(), two.len()), (count, count), "Helm {major}");
        assert!(one.is_disjoint(&two), "Helm {major}: {one:?} {two:?}");
    }
}
