//! The NetworkPolicies as a cluster would enforce them: which pod may call which.
#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

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
fn hosts_are_found_however_they_are_written() {
    let own_namespace = "{name: NS, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}";
    let callers = [
        (
            "field",
            format!("env: [{own_namespace}, {{name: DB, value: \"db.$(NS).svc:5432\"}}]"),
        ),
        (
            "controller",
            format!("env: [{own_namespace}], args: [\"--db-service=$(NS)/db\"]"),
        ),
        ("named", "env: [{name: DB_SERVICE_NAME, value: db}]".into()),
        (
            "default",
            "command: [sh, -c, \"nc -z ${DB_HOST:-db} 5432\"]".into(),
        ),
        (
            "loop",
            "command: [sh, -c, \"for h in db; do nc -z $h 5432; done\"]".into(),
        ),
        (
            "client",
            "command: [sh, -c, \"AUTH='-u root -h db'; mysql $AUTH\"]".into(),
        ),
        (
            "sql",
            "env: [{name: CONNECTION, value: \"Data Source=db;Database=shop\"}]".into(),
        ),
        ("leads", "env: [{name: DB_HOST, value: db-leader}]".into()),
    ];
    let others = [
        (
            "mode",
            "env: [{name: MODE, value: db}, {name: OTEL_SERVICE_NAME, value: db}]",
        ),
        ("backend", "env: [{name: CACHE_BACKEND, value: db}]"),
    ];
    let mut stream = container("db", "env: [{name: DB_SERVICE_NAME, value: db}]");
    stream += &service("db", "{app: db}");
    // The program labels its leader itself.
    stream += &service("db-leader", "{app: db, role: leader}");
    for (name, fields) in &callers {
        stream += &container(name, fields);
    }
    for (name, fields) in others {
        stream += &container(name, fields);
    }
    let world = World::new(&hardened(&stream, &[]), "shop");
    for (name, _) in &callers {
        assert!(world.allows(name, "db", 5432), "{name}");
    }
    for (name, _) in others {
        assert!(!world.allows(name, "db", 5432), "{name}");
    }
    assert!(!world.allows("db", "db", 5432), "its own name is no call");
}

#[test]
fn pods_that_no_template_shows_are_called_by_what_their_service_selects() {
    let set =
        container("store", "ports: [{containerPort: 5432}]").replace("Deployment", "StatefulSet");
    let stream = [
        set,
        service("store-0", "{statefulset.kubernetes.io/pod-name: store-0}"),
        service("made", "{app: made}"),
        container(
            "web",
            "args: [\"--made=made:5432\", \"--store=store-0:5432\"]",
        ),
    ]
    .concat();
    let mut world = World::new(&hardened(&stream, &[]), "shop");
    for (name, app) in [("operated", "made"), ("stranger", "x")] {
        world.pods.push(Pod::new(name, "shop", json!({"app": app})));
    }
    assert!(world.allows("web", "operated", 5432));
    assert!(!world.allows("web", "stranger", 5432));
    assert!(world.allows("web", "store", 5432));
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
fn dapr_applications_call_each_other_through_their_sidecars() {
    let dapr = |id: &str| format!("{{dapr.io/enabled: \"true\", dapr.io/app-id: {id}}}");
    let url = "[{name: ORDERS, value: \"http://localhost:3500/v1.0/invoke/orders-app/method\"}]";
    let stream = [
        deployment("web", &dapr("web-app"), url),
        deployment(
            "orders",
            &dapr("orders-app"),
            "[{name: STOCK_APP_ID, value: stock-app}]",
        ),
        deployment("stock", &dapr("stock-app"), "[]"),
        deployment("plain", "{}", url),
    ]
    .concat();
    let world = World::new(&hardened(&stream, &[]), "shop");
    let names = ["web", "orders", "stock", "plain"];
    for from in names {
        for to in names.iter().filter(|to| **to != from) {
            let expected = [("web", "orders"), ("orders", "stock")].contains(&(from, to));
            assert_eq!(world.allows(from, to, 50002), expected, "{from} to {to}");
            assert!(!world.allows(from, to, 3500), "{from} to {to}");
        }
    }
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

#[test]
fn what_may_be_a_password_is_no_host_and_stays_out_of_the_report() {
    let secret = "hunter2:4711";
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [{
        "name": "web", "image": "i", "args": ["--password", secret, "-a", secret, secret],
        "env": [{"name": "DB_PASSWORD", "value": secret}, {"name": "OTHER", "value": secret},
            {"name": "URL", "value": format!("redis://:{secret}@redis:6379")},
            {"name": "MORE", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}]}});
    let own = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"k": secret}});
    let stream = format!("{pod}\n---\n{own}\n");
    let mut command = floe(&["--only", "network/*", "--format", "json"]);
    let said = Outcome::of(&feed(&mut command, stream.as_bytes()));
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(
        said.stderr.contains("web calls redis:6379"),
        "{}",
        said.stderr
    );
    assert!(!said.stderr.contains("hunter2"), "{}", said.stderr);
}

#[test]
fn evidence_names_the_line_that_shows_a_call() {
    let stream = include_str!("cmd/network/files.stdin");
    let mut settings = Settings::for_release("shop", "dev", Mode::Harden).expect("settings");
    settings.namespace = Some("shop".into());
    let outcome = pipeline::run(stream, &settings).expect("a stream");
    let topology = outcome.topology.expect("a topology");
    let places = Places::new(stream);
    let mut shown = Vec::new();
    for edge in &topology.edges {
        let Peer::Workload(called) = edge.to else {
            continue;
        };
        for evidence in &edge.evidence {
            let document = evidence.object.document;
            let place = places.position(document, &evidence.pointer, evidence.line);
            let (line, _) = place.expect("a place");
            let text = stream.lines().nth(line - 1).expect("a line");
            let port = edge.port.as_ref().map(ToString::to_string);
            let called = topology.workloads[called].object.to_string();
            shown.push((called, port, evidence.says.clone(), text.trim().to_owned()));
        }
    }
    let line = "db.url=jdbc:mysql://db:3306/shop?useSSL=false";
    let shown: Vec<_> = shown
        .iter()
        .map(|(to, port, says, text)| (to.as_str(), port.as_deref(), says.as_str(), text.as_str()))
        .collect();
    assert_eq!(shown, [("Deployment db", Some("3306"), "db:3306", line)]);
    let names = |numbers: Vec<usize>| -> Vec<String> {
        let own = numbers
            .into_iter()
            .map(|number| &topology.workloads[number]);
        own.map(|own| own.object.name.to_string()).collect()
    };
    assert_eq!(names(topology.unexplained()), ["old"]);
    let unreachable = topology.unreachable().into_iter();
    let unreachable = unreachable.map(|number| topology.services[number].object.to_string());
    assert_eq!(unreachable.collect::<Vec<_>>(), ["Service old"]);
}

/// Pods that somebody makes later, and a database that an operator makes: what describes them is enough.
#[test]
fn what_is_made_later_is_known_by_what_describes_it() {
    let stream = "\
apiVersion: v1
kind: PodTemplate
metadata: {name: run}
template:
  metadata: {labels: {app: run}}
  spec:
    containers:
      - {name: run, image: i, env: [{name: DB_URL, value: 'postgresql://db-rw/runs'}]}
---
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: {name: db}
spec: {instances: 3}
";
    let policies = objects(&hardened(stream, &[]));
    let policies = policies.iter().filter(|o| o["kind"] == "NetworkPolicy");
    let specs: Vec<&Value> = policies.map(|policy| &policy["spec"]).collect();
    let [spec] = specs[..] else {
        panic!("{specs:#?}")
    };
    assert_eq!(spec["podSelector"], json!({"matchLabels": {"app": "run"}}));
    assert_eq!(spec["ingress"], Value::Null);
    let allowed = spec["egress"].as_array().expect("rules");
    let database = json!({
        "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}}],
        "ports": [{"port": 5432, "protocol": "TCP"}],
    });
    assert!(allowed.contains(&database), "{allowed:#?}");
}

/// A name of a few letters.
fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["web", "api", "db", "cache"]).prop_map(str::to_owned)
}

/// Labels, of which some change at every upgrade.
fn labels() -> impl Strategy<Value = Value> {
    let keys = ["app", "tier", "version", "helm.sh/chart"];
    let values = prop::sample::select(vec!["web", "api", "1"]);
    let label = (prop::sample::select(keys.to_vec()), values);
    prop::collection::vec(label, 0..3).prop_map(|pairs| {
        let pairs = pairs
            .into_iter()
            .map(|(key, value)| (key.to_owned(), json!(value)));
        Value::Object(pairs.collect())
    })
}

/// Something that runs pods, calls a host, and may be selected by a Service.
fn workload() -> impl Strategy<Value = Vec<Value>> {
    let kinds = prop::sample::select(vec!["Deployment", "Job", "CronJob", "Pod", "StatefulSet"]);
    (kinds, name(), labels(), name(), any::<bool>()).prop_map(
        |(kind, name, labels, calls, service)| {
            let spec = json!({"containers": [{"name": "c", "image": "i",
                "env": [{"name": "URL", "value": format!("http://{calls}:80")}]}]});
            let template = json!({"metadata": {"labels": labels}, "spec": spec});
            let selector = json!({"matchLabels": labels});
            let spec = match kind {
                "Pod" => spec,
                "Job" => json!({"template": template}),
                "CronJob" => json!({"jobTemplate": {"spec": {"template": template}}}),
                _ => json!({"selector": selector, "template": template}),
            };
            let api = match kind {
                "Pod" => "v1",
                "Job" | "CronJob" => "batch/v1",
                _ => "apps/v1",
            };
            let mut metadata = json!({"name": name});
            if kind == "Pod" {
                metadata["labels"] = labels.clone();
            }
            let own = json!({"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec});
            let ports = json!([{"port": 80}]);
            let service = service.then(|| {
                json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
                    "spec": {"selector": labels, "ports": ports}})
            });
            [Some(own), service].into_iter().flatten().collect()
        },
    )
}

/// Objects of different identities as a stream.
fn release() -> impl Strategy<Value = String> {
    prop::collection::vec(workload(), 1..6).prop_map(|groups| {
        let mut seen = BTreeSet::new();
        let objects = groups.into_iter().flatten().filter(|object| {
            seen.insert(format!("{}{}", object["kind"], object["metadata"]["name"]))
        });
        let texts = objects.map(|object| format!("{object}\n"));
        texts.collect::<Vec<_>>().join("---\n")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn policies_select_just_their_own_pods_and_come_once(stream in release()) {
        let mut settings = Settings::for_release("web", "dev", Mode::Harden).expect("settings");
        settings.namespace = Some("shop".into());
        let once = pipeline::run(&stream, &settings).expect("a stream").output.to_vec();
        let once = String::from_utf8(once).expect("UTF-8");
        let twice = pipeline::run(&once, &settings).expect("a stream").output.to_vec();
        prop_assert_eq!(&once, &String::from_utf8(twice).expect("UTF-8"));
        let world = World::new(&once, "shop");
        prop_assert_eq!(world.policies.len(), world.pods.len());
        for policy in &world.policies {
            let selector = &policy["spec"]["podSelector"];
            let labels = selector["matchLabels"].as_object().expect("labels");
            prop_assert!(!labels.is_empty(), "{}", policy);
            prop_assert!(!labels.contains_key("version") && !labels.contains_key("helm.sh/chart"));
            let selected = world.pods.iter().filter(|pod| matches(selector, &pod.labels));
            prop_assert_eq!(selected.count(), 1, "{} in {:?}", policy, world.pods);
        }
    }
}
