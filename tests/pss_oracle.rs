//! Our Pod Security policies against Kubernetes' own evaluator.
//!
//! Rows of its verdicts are checked in (`testdata/pss/golden.jsonl`), so that these tests mean
//! something everywhere. Where Go is installed, `scripts/psaoracle` is built and asked about the
//! evaluator's own fixtures and about random pods. Environment:
//!
//! - `FLOE_PSA_ORACLE`: an oracle that is already built;
//! - `FLOE_PSS_PODS`: how many random pods (default 500);
//! - `FLOE_PSS_GOLDEN`: write the golden rows anew to this file.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::oracle::{Oracle, go, program as oracle};
use helm_floe::manifest::edit::Operation;
use helm_floe::manifest::{Document, View};
use helm_floe::policy::fix::apply;
use helm_floe::policy::{EditablePod, Evaluator, Library, Names, PodTarget, Selection};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

/// The versions at which any check changed, one before each, and those beyond the last.
fn levels() -> Vec<String> {
    let minors = [
        0, 7, 8, 18, 19, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 99,
    ];
    let versions = minors
        .iter()
        .map(|minor| format!("v1.{minor}"))
        .chain(["latest".to_owned()]);
    versions
        .flat_map(|version| {
            [
                format!("baseline:{version}"),
                format!("restricted:{version}"),
            ]
        })
        .collect()
}

fn evaluator(level: &str) -> Evaluator {
    let (level, version) = level.split_once(':').unwrap();
    let selection = Selection {
        level: level.parse().unwrap(),
        version: version.parse().unwrap(),
        only: Names::new(["pss/*"]).unwrap(),
        ..Selection::default()
    };
    Evaluator::new(&Library::built_in().unwrap(), &selection)
}

fn target(pod: View<'_>) -> PodTarget<'_> {
    PodTarget {
        spec: pod.get("spec").unwrap_or(View::Json(&Value::Null)),
        bare: false,
        metadata: pod.get("metadata"),
        spec_pointer: "/spec",
        metadata_pointer: "/metadata",
    }
}

/// What our policies say: the IDs of the checks that refuse the pod.
fn verdict(evaluator: &Evaluator, pod: View<'_>) -> BTreeSet<String> {
    let violations = evaluator.check(&target(pod)).into_iter();
    violations
        .map(|violation| violation.policy.trim_start_matches("pss/").to_owned())
        .collect()
}

/// Whether our verdict and the oracle's are the same. For a pod Kubernetes cannot decode the oracle
/// knows no checks, only that it is refused.
fn agrees(ours: &BTreeSet<String>, error: bool, checks: &[Value]) -> bool {
    if error {
        return !ours.is_empty();
    }
    let theirs: BTreeSet<String> = checks
        .iter()
        .map(|id| id.as_str().unwrap().to_owned())
        .collect();
    *ours == theirs
}

#[test]
fn verdicts_are_those_on_record() {
    let text = include_str!("../testdata/pss/golden.jsonl");
    let mut evaluators = HashMap::new();
    let mut rows = 0;
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let level = row["level"].as_str().unwrap();
        let evaluator = evaluators
            .entry(level.to_owned())
            .or_insert_with(|| evaluator(level));
        let ours = verdict(evaluator, View::Json(&row["pod"]));
        let checks = row["checks"].as_array();
        assert!(
            agrees(&ours, checks.is_none(), checks.map_or(&[], Vec::as_slice)),
            "ours: {ours:?}\nrow: {line}"
        );
        rows += 1;
    }
    assert!(rows >= 300, "{rows} rows");
}

#[test]
fn kubernetes_own_fixtures_are_judged_alike() {
    let listed = go(&[
        "list",
        "-m",
        "-f",
        "{{.Dir}}",
        "k8s.io/pod-security-admission",
    ]);
    let Some(module) = listed else { return };
    let root = PathBuf::from(module.trim()).join("test/testdata");
    let mut evaluators = HashMap::new();
    let mut fixtures = 0;
    for entry in walkdir::WalkDir::new(&root) {
        let path = entry.unwrap().into_path();
        let own = path.strip_prefix(&root).unwrap().to_str().unwrap();
        let [level, version, expected, _] = own.split('/').collect::<Vec<_>>()[..] else {
            continue;
        };
        let text = std::fs::read_to_string(&path).unwrap();
        let document = Document::parse(&text).unwrap();
        let level = format!("{level}:{version}");
        let evaluator = evaluators
            .entry(level.clone())
            .or_insert_with(|| evaluator(&level));
        let ours = verdict(evaluator, View::Node(document.root().unwrap()));
        assert_eq!(ours.is_empty(), expected == "pass", "{own}: {ours:?}");
        fixtures += 1;
    }
    assert!(fixtures > 4000, "{fixtures} fixtures");
}

#[test]
fn random_pods_are_judged_alike() {
    let Some(program) = oracle() else { return };
    let levels = levels();
    let evaluators: Vec<Evaluator> = levels.iter().map(|level| evaluator(level)).collect();
    let oracle = Mutex::new(Oracle::start(&program, &levels));
    let pods = std::env::var("FLOE_PSS_PODS")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(500);
    let pods_seen = AtomicUsize::new(0);
    let config = Config {
        cases: pods,
        failure_persistence: None,
        ..Config::default()
    };
    let judged = TestRunner::new(config).run(&pod(), |pod| {
        let answer = oracle.lock().unwrap().ask(&pod);
        let error = answer.get("error").is_some();
        let text = pod.to_string();
        let document = Document::parse(&text).unwrap();
        // As it stands in a manifest and as a value in memory.
        let root = if pods_seen.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            View::Json(&pod)
        } else {
            View::Node(document.root().unwrap())
        };
        for (index, evaluator) in evaluators.iter().enumerate() {
            let checks = answer["checks"][index]
                .as_array()
                .map_or(&[][..], Vec::as_slice);
            let ours = verdict(evaluator, root);
            prop_assert!(
                agrees(&ours, error, checks),
                "{}: ours {ours:?}, theirs {answer}",
                levels[index]
            );
        }
        Ok(())
    });
    judged.unwrap_or_else(|error| panic!("{error}"));
}

/// A pod template in memory.
struct InMemory(Value);

impl EditablePod for InMemory {
    type Error = String;

    fn pod(&self) -> PodTarget<'_> {
        target(View::Json(&self.0))
    }

    fn apply(&mut self, _policy: &str, operation: Operation) -> Result<(), String> {
        apply(&mut self.0, &operation)
    }
}

/// Whether everything somebody chose in `before` is still there in `after`.
fn keeps(before: &Value, after: &Value) -> bool {
    match (before, after) {
        (Value::Null, _) => true,
        (Value::Object(before), Value::Object(after)) => before
            .iter()
            .all(|(key, value)| after.get(key).is_some_and(|own| keeps(value, own))),
        (Value::Array(before), Value::Array(after)) => {
            before.len() <= after.len()
                && before
                    .iter()
                    .zip(after)
                    .all(|(own, other)| keeps(own, other))
        }
        (Value::String(text), _) if text.is_empty() => true,
        (Value::Array(items), _) if items.is_empty() => true,
        (Value::Object(members), _) if members.is_empty() => true,
        _ => before == after,
    }
}

#[test]
fn hardening_keeps_what_was_chosen_breaks_nothing_and_settles() {
    let evaluator = evaluator("restricted:latest");
    let config = Config {
        cases: 500,
        failure_persistence: None,
        ..Config::default()
    };
    let hardened = TestRunner::new(config).run(&pod(), |pod| {
        let mut edited = InMemory(pod.clone());
        evaluator.harden(&mut edited).map_err(TestCaseError::fail)?;
        prop_assert!(keeps(&pod, &edited.0), "became {}", edited.0);
        let (before, after) = (
            verdict(&evaluator, View::Json(&pod)),
            verdict(&evaluator, View::Json(&edited.0)),
        );
        prop_assert!(
            after.is_subset(&before),
            "{after:?} of {before:?} in {}",
            edited.0
        );
        let settled = edited.0.clone();
        evaluator.harden(&mut edited).map_err(TestCaseError::fail)?;
        prop_assert_eq!(settled, edited.0);
        Ok(())
    });
    hardened.unwrap_or_else(|error| panic!("{error}"));
}

/// Writes the golden rows: random pods, each at one level, with the oracle's verdict.
#[test]
fn golden_rows_are_written_when_asked_for() {
    let (Some(program), Ok(file)) = (oracle(), std::env::var("FLOE_PSS_GOLDEN")) else {
        return;
    };
    let levels = levels();
    let mut oracle = Oracle::start(&program, &levels);
    let mut runner = TestRunner::deterministic();
    let mut text = String::new();
    for row in 0..400 {
        let pod = pod().new_tree(&mut runner).unwrap().current();
        let answer = oracle.ask(&pod);
        let at = row % levels.len();
        let checks = answer
            .get("checks")
            .map_or(Value::Null, |checks| checks[at].clone());
        text.push_str(&json!({"level": levels[at], "pod": pod, "checks": checks}).to_string());
        text.push('\n');
    }
    std::fs::write(file, text).unwrap();
}

/// A pod: a bare or a hardened one, with some fields set to something.
fn pod() -> impl Strategy<Value = Value> {
    let settings = proptest::collection::vec(setting(), 0..14);
    (any::<bool>(), any::<bool>(), settings).prop_map(|(hardened, two, settings)| {
        let mut pod = if hardened {
            hardened_pod()
        } else {
            json!({"spec": {"containers": [{"name": "c0"}]}})
        };
        if two {
            pod["spec"]["containers"]
                .as_array_mut()
                .unwrap()
                .push(json!({"name": "c1"}));
        }
        for (path, value) in settings {
            set(&mut pod, &path, value);
        }
        pod
    })
}

fn hardened_pod() -> Value {
    json!({"spec": {
        "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{
            "name": "c0",
            "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
        }],
    }})
}

/// One field and a value for it: a good one, a bad one, null, empty, or of a wrong type.
fn setting() -> impl Strategy<Value = (String, Value)> {
    let container = prop_oneof![
        4 => Just("/spec/containers/0"),
        2 => Just("/spec/containers/1"),
        1 => Just("/spec/initContainers/0"),
        1 => Just("/spec/initContainers/1"),
        1 => Just("/spec/ephemeralContainers/0"),
    ];
    let fields = fields();
    (
        0..fields.len(),
        container,
        any::<prop::sample::Index>(),
        0..40u8,
    )
        .prop_map(move |(field, container, pick, odd)| {
            let (path, values) = &fields[field];
            let value = match odd {
                0 => pick
                    .get(&[
                        json!("x"),
                        json!(1),
                        json!(true),
                        json!([]),
                        json!({}),
                        json!(["x"]),
                        json!(0.5),
                    ])
                    .clone(),
                1..4 => Value::Null,
                4 => pick
                    .get(&[json!(""), json!([]), json!({}), json!(0), json!(false)])
                    .clone(),
                _ => pick.get(values).clone(),
            };
            (path.replace("{c}", container), value)
        })
}

/// The fields the checks read, with values of the right type; `{c}` stands for a container.
fn fields() -> Vec<(String, Vec<Value>)> {
    let profile = || {
        vec![
            json!({"type": "RuntimeDefault"}),
            json!({"type": "Localhost"}),
            json!({"type": "Unconfined"}),
            json!({}),
            json!({"type": null}),
            json!({"type": "runtimeDefault"}),
        ]
    };
    let bools = || vec![json!(true), json!(false)];
    let users = || {
        vec![
            json!(0),
            json!(1000),
            json!(-1),
            json!(0.0),
            json!(-0.0),
            json!(i64::MAX),
            json!(u64::MAX),
            json!(1e18),
            json!(1e19),
            json!(1.5),
        ]
    };
    let se_linux = || {
        vec![
            json!({"type": "container_t"}),
            json!({"type": "spc_t"}),
            json!({"type": "container_engine_t"}),
            json!({"type": "", "user": "", "role": null}),
            json!({"user": "system_u"}),
            json!({"role": "system_r"}),
            json!({"level": "s0"}),
        ]
    };
    let windows = || {
        vec![
            json!({"hostProcess": true}),
            json!({"hostProcess": false}),
            json!({"hostProcess": null}),
            json!({}),
        ]
    };
    let handler = || {
        vec![
            json!({"httpGet": {"host": "10.0.0.1"}}),
            json!({"httpGet": {"host": ""}}),
            json!({"tcpSocket": {"host": "db"}}),
            json!({"tcpSocket": {"port": 80}}),
            json!({"httpGet": null}),
            json!({"tcpSocket": {"host": null}}),
        ]
    };
    let hooks = || {
        handler()
            .into_iter()
            .flat_map(|h| [json!({"preStop": h}), json!({"postStart": h})])
            .collect()
    };
    let annotations = [
        "seccomp.security.alpha.kubernetes.io~1pod",
        "container.seccomp.security.alpha.kubernetes.io~1c0",
        "container.seccomp.security.alpha.kubernetes.io~1c1",
        "container.seccomp.security.alpha.kubernetes.io~1gone",
        "container.seccomp.security.alpha.kubernetes.io~1",
        "container.apparmor.security.beta.kubernetes.io~1c0",
        "container.apparmor.security.beta.kubernetes.io~1gone",
        "prometheus.io~1scrape",
    ];
    let profiles = || {
        [
            "runtime/default",
            "docker/default",
            "localhost/x",
            "localhost/",
            "unconfined",
            "",
            "runtime/default\n",
            "\nruntime/default",
            "xlocalhost/",
        ]
        .map(|text| json!(text))
        .to_vec()
    };
    let mut fields: Vec<(String, Vec<Value>)> = annotations
        .iter()
        .map(|name| (format!("/metadata/annotations/{name}"), profiles()))
        .collect();
    let mut add = |path: &str, values: Vec<Value>| fields.push((path.to_owned(), values));
    add("/metadata", vec![json!({}), json!({"annotations": {}})]);
    for name in ["hostNetwork", "hostPID", "hostIPC"] {
        add(&format!("/spec/{name}"), bools());
    }
    for _ in 0..3 {
        add("/spec/hostUsers", bools());
        add(
            "/spec/os",
            vec![
                json!({"name": "windows"}),
                json!({"name": "linux"}),
                json!({"name": "Windows"}),
                json!({"name": null}),
                json!({}),
            ],
        );
    }
    add("/spec/os/name", vec![json!("windows"), json!("linux")]);
    for at in ["/spec", "{c}"] {
        add(&format!("{at}/securityContext"), vec![json!({})]);
        add(&format!("{at}/securityContext/runAsNonRoot"), bools());
        add(&format!("{at}/securityContext/runAsUser"), users());
        add(&format!("{at}/securityContext/seccompProfile"), profile());
        add(
            &format!("{at}/securityContext/seccompProfile/type"),
            vec![json!("RuntimeDefault"), json!("Unconfined")],
        );
        add(&format!("{at}/securityContext/appArmorProfile"), profile());
        add(&format!("{at}/securityContext/seLinuxOptions"), se_linux());
        add(&format!("{at}/securityContext/windowsOptions"), windows());
    }
    let sysctls = [
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_notsent_lowat",
        "vm.max_map_count",
        "",
    ];
    add(
        "/spec/securityContext/sysctls",
        sysctls
            .iter()
            .map(|name| json!([{"name": name}]))
            .chain([
                json!([]),
                json!([null]),
                json!([{}]),
                json!([{"name": null}]),
                json!([{"name": sysctls[0]}, {"name": sysctls[2]}]),
            ])
            .collect(),
    );
    add("/spec/volumes", volumes());
    add(
        "/spec/volumes/0/hostPath",
        vec![json!({}), json!({"path": "/"})],
    );
    add("/spec/volumes/0/emptyDir", vec![json!({})]);
    add(
        "{c}",
        vec![json!({}), json!({"name": "c0"}), json!({"name": "c1"})],
    );
    add("{c}/name", vec![json!("c0"), json!("c1"), json!("other")]);
    add("{c}/securityContext/privileged", bools());
    add("{c}/securityContext/allowPrivilegeEscalation", bools());
    add(
        "{c}/securityContext/procMount",
        vec![json!("Default"), json!("Unmasked"), json!("")],
    );
    let capabilities = [
        json!([]),
        json!(["ALL"]),
        json!(["all"]),
        json!(["NET_BIND_SERVICE"]),
        json!(["CHOWN", "NET_BIND_SERVICE"]),
        json!(["SYS_ADMIN"]),
        json!(["NET_RAW", "ALL"]),
        json!([null]),
        json!(["ALL", null]),
        json!([""]),
    ];
    for list in ["add", "drop"] {
        add(
            &format!("{{c}}/securityContext/capabilities/{list}"),
            capabilities.to_vec(),
        );
    }
    add(
        "{c}/securityContext/capabilities",
        vec![json!({}), json!({"drop": ["ALL"]})],
    );
    add(
        "{c}/ports",
        vec![
            json!([]),
            json!([null]),
            json!([{}]),
            json!([{"hostPort": 80}]),
            json!([{"hostPort": 0}]),
            json!([{"containerPort": 80}, {"hostPort": -1}]),
            json!([{"hostPort": 1e10}]),
            json!([{"hostPort": 2147483648_i64}]),
            json!([{"hostPort": 80.0}]),
            json!([{"hostPort": null}]),
        ],
    );
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        add(&format!("{{c}}/{probe}"), handler());
    }
    add("{c}/lifecycle", hooks());
    add("{c}/lifecycle/preStop", handler());
    fields
}

fn volumes() -> Vec<Value> {
    let sources = [
        "awsElasticBlockStore",
        "azureDisk",
        "azureFile",
        "cephfs",
        "cinder",
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "fc",
        "flexVolume",
        "flocker",
        "gcePersistentDisk",
        "gitRepo",
        "glusterfs",
        "hostPath",
        "image",
        "iscsi",
        "nfs",
        "persistentVolumeClaim",
        "photonPersistentDisk",
        "portworxVolume",
        "projected",
        "quobyte",
        "rbd",
        "scaleIO",
        "secret",
        "storageos",
        "vsphereVolume",
        "brandNew",
    ];
    let alone = sources
        .iter()
        .map(|source| json!([{"name": "v", *source: {}}]));
    let odd = [
        json!([]),
        json!([null]),
        json!([{"name": "v"}]),
        json!([{"hostPath": null}]),
        json!([{"hostPath": {}, "secret": {}}]),
        json!([{"secret": {}}, {"nfs": {}}]),
        json!([{"nfs": "x"}]),
        json!([{"emptyDir": {}, "nfs": "x"}]),
    ];
    alone.chain(odd).collect()
}

/// Sets the value at a JSON Pointer, making maps and list items on the way. Where a scalar is in the
/// way nothing happens.
fn set(root: &mut Value, path: &str, value: Value) {
    let mut at = root;
    for token in path.split('/').skip(1) {
        let token = token.replace("~1", "/");
        if at.is_null() {
            *at = if token.parse::<usize>().is_ok() {
                json!([])
            } else {
                json!({})
            };
        }
        at = match (at, token.parse::<usize>()) {
            (Value::Array(items), Ok(index)) => {
                while items.len() <= index {
                    items.push(json!({}));
                }
                &mut items[index]
            }
            (Value::Object(members), _) => members.entry(token).or_insert(Value::Null),
            _ => return,
        };
    }
    *at = value;
}
