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
            let types = spec["policyTypes"].as_array().expect("policyTypes");
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
        own.map(|own| own.object.name.clone()).collect()
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
