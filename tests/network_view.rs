//! What `helm-floe network` shows, over random releases whose names hold anything: every format is
//! well-formed, no secret and no label is in it, and the order of the manifests does not matter.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use helm_floe::pipeline::{self, Mode, Settings};
use helm_floe::report::network::diff::{self, Difference};
use helm_floe::report::network::{Graph, dot, json, mermaid, svg, text};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Stands in values of Secrets only, in every part of an address.
const SECRET: &str = "zqhunterzq";
/// Stands in values of labels only.
const LABEL: &str = "zqlabelzq";

/// A workload of a random release.
#[derive(Clone, Debug)]
struct Spec {
    kind: &'static str,
    name: String,
    namespace: Option<String>,
    port: u16,
    /// Where an address stands, its form, and the number of the workload it leads to.
    calls: Vec<(Source, usize, usize)>,
    open: bool,
}

/// Where an address stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Variable,
    Argument,
    ConfigMap,
    Secret,
    /// In base64.
    SecretData,
    /// In a variable that takes another one's value, which stands in a Secret.
    Expanded,
}

/// Names as manifests may hold them, among them what each format gives a meaning.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,8}",
        "[a-z]{20,80}",
        "[\"'<>&;#|\\\\(){}\\[\\]%$` a-z\n\r\t-]{1,12}",
        proptest::collection::vec(any::<char>(), 1..6).prop_map(|all| all.into_iter().collect()),
    ]
}

fn spec() -> impl Strategy<Value = Spec> {
    let source = prop_oneof![
        Just(Source::Variable),
        Just(Source::Argument),
        Just(Source::ConfigMap),
        Just(Source::Secret),
        Just(Source::SecretData),
        Just(Source::Expanded),
    ];
    let calls = proptest::collection::vec((source, 0..6_usize, 0..8_usize), 0..5);
    (
        prop_oneof![Just("Deployment"), Just("StatefulSet"), Just("Job")],
        name(),
        proptest::option::of(prop_oneof![Just("data".to_owned()), name()]),
        1..9000_u16,
        calls,
        any::<bool>(),
    )
        .prop_map(|(kind, name, namespace, port, calls, open)| Spec {
            kind,
            name,
            namespace,
            port,
            calls,
            open,
        })
}

/// An address in one of its forms. With `secret` it holds what must not be shown.
fn address(form: usize, to: usize, port: u16, secret: bool) -> String {
    let (word, host) = match secret {
        true => (SECRET, format!("{SECRET}.example.org")),
        false => ("open", "partner.example.org".to_owned()),
    };
    match form {
        0 => format!("http://service-{to}:{port}/{word}"),
        1 => format!("postgres://{word}:{word}@service-{to}/{word}?a={word}"),
        2 => format!("https://{host}/{word}"),
        3 => format!("service-{to}.{word}.svc:{port}"),
        4 => format!("{host}:{port}"),
        _ => format!("{word}.service-{to}.elsewhere.svc.cluster.local:{port}"),
    }
}

fn objects(number: usize, own: &Spec) -> Vec<Value> {
    let meta = |name: &str| match &own.namespace {
        Some(namespace) => json!({"name": name, "namespace": namespace, "labels": {"team": LABEL}}),
        None => json!({"name": name, "labels": {"team": LABEL}}),
    };
    let stored = format!("stored-{number}");
    let (mut env, mut args) = (Vec::new(), Vec::new());
    let (mut open, mut closed, mut encoded) = (json!({}), json!({}), json!({}));
    for (index, (source, form, to)) in own.calls.iter().enumerate() {
        let secret = !matches!(
            source,
            Source::Variable | Source::Argument | Source::ConfigMap
        );
        let text = address(*form, *to, own.port, secret);
        let (key, variable) = (format!("key{index}"), format!("A{index}_URL"));
        let of = |kind: &str| json!({"name": variable, "valueFrom": {kind: {"name": stored, "key": key}}});
        match source {
            Source::Variable => env.push(json!({"name": variable, "value": text})),
            Source::Argument => args.push(json!(format!("--upstream={text}"))),
            Source::ConfigMap => {
                open[&key] = json!(text);
                env.push(of("configMapKeyRef"));
            }
            Source::Secret => {
                closed[&key] = json!(text);
                env.push(of("secretKeyRef"));
            }
            Source::SecretData => {
                use base64::Engine as _;
                encoded[&key] = json!(base64::engine::general_purpose::STANDARD.encode(text));
                env.push(of("secretKeyRef"));
            }
            Source::Expanded => {
                closed[&key] = json!(
                    text.rsplit_once("://")
                        .map_or(text.as_str(), |(_, rest)| rest)
                );
                env.push(json!({"name": "PART", "valueFrom": {"secretKeyRef": {"name": stored, "key": key}}}));
                env.push(json!({"name": variable, "value": "https://$(PART)"}));
            }
        }
    }
    let labels = json!({"app": format!("{LABEL}-{number}")});
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": meta(&format!("service-{number}")),
        "spec": {"type": if own.open { "LoadBalancer" } else { "ClusterIP" }, "selector": labels, "ports": [{"port": own.port}]},
    });
    let version = if own.kind == "Job" {
        "batch/v1"
    } else {
        "apps/v1"
    };
    let pod = json!({"containers": [{"name": "main", "image": "a", "env": env, "args": args, "ports": [{"containerPort": own.port}]}]});
    vec![
        json!({
            "apiVersion": version, "kind": own.kind, "metadata": meta(&own.name),
            "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}},
        }),
        service,
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta(&stored), "data": open}),
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": meta(&stored), "stringData": closed, "data": encoded}),
    ]
}

fn graph(objects: &[Value]) -> Option<Graph> {
    let documents: Vec<String> = objects.iter().map(Value::to_string).collect();
    let settings = Settings::for_release("r", "test", Mode::Harden).expect("settings");
    let survey = pipeline::survey(&documents.join("\n---\n"), settings, &|line| {
        ("stdin".into(), line)
    });
    // A name may hold what no YAML document can.
    survey.ok().map(|survey| survey.graph)
}

/// The JSON without places, which depend on the order of the manifests.
fn without_places(mut value: Value) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(map) => {
                map.remove("line");
                map.values_mut().for_each(strip);
            }
            Value::Array(list) => list.iter_mut().for_each(strip),
            _ => {}
        }
    }
    strip(&mut value);
    value
}

fn parsed(graph: &Graph) -> Value {
    serde_json::from_str(&json::render(graph)).expect("JSON")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_format_is_sound_and_tells_no_secret(specs in proptest::collection::vec(spec(), 1..7), turn in 0..28_usize) {
        let all: Vec<Value> = specs.iter().enumerate().flat_map(|(n, own)| objects(n, own)).collect();
        let Some(graph) = graph(&all) else { return Ok(()) };
        let documents = [
            text::render(&graph, true),
            json::render(&graph),
            mermaid::render(&graph),
            dot::render(&graph),
            svg::render(&graph),
            diff::text(&Difference::between(&Graph::default(), &graph), true),
            diff::json(&Difference::between(&Graph::default(), &graph)),
        ];
        for document in &documents {
            let lower = document.to_lowercase();
            prop_assert!(!lower.contains(SECRET), "{document}");
            prop_assert!(!lower.contains(LABEL), "{document}");
        }
        let picture = roxmltree::Document::parse(&documents[4]);
        prop_assert!(picture.is_ok(), "{:?}\n{}", picture.err(), documents[4]);
        serde_json::from_str::<Value>(&documents[6]).expect("JSON");
        for line in documents[2].lines() {
            prop_assert!(matches!(line.matches('"').count(), 0 | 2), "{line}");
        }
        for document in [&documents[0], &documents[2], &documents[3]] {
            let control = |c: char| c.is_control() && c != '\n' && c != '\u{1b}';
            prop_assert!(!document.contains(control), "{document:?}");
        }

        let mut turned = all.clone();
        turned.rotate_left(turn % all.len());
        // An object that is there twice is not the same release in another order.
        if let Some(other) = self::graph(&turned) {
            prop_assert!(Difference::between(&graph, &other).is_empty());
            prop_assert_eq!(without_places(parsed(&graph)), without_places(parsed(&other)));
        }
    }
}

/// The strategies make what they are meant to make: calls of every source, hidden hosts among them.
#[test]
fn the_random_releases_have_calls() {
    let source = [
        Source::Variable,
        Source::Argument,
        Source::ConfigMap,
        Source::Secret,
        Source::SecretData,
        Source::Expanded,
    ];
    let spec = |name: &str, calls| Spec {
        kind: "Deployment",
        name: name.into(),
        namespace: None,
        port: 8080,
        calls,
        open: false,
    };
    for source in source {
        for form in [0, 2] {
            let specs = [spec("a", vec![(source, form, 1)]), spec("b", Vec::new())];
            let all: Vec<Value> = specs
                .iter()
                .enumerate()
                .flat_map(|(n, own)| objects(n, own))
                .collect();
            let graph = graph(&all).expect("readable");
            assert_eq!(graph.calls.len(), 1, "{source:?} {form}: {graph:?}");
        }
    }
}

/// `-o` takes the format from the file's ending, and writes what stdout would have.
#[test]
fn the_ending_of_the_file_tells_the_format() {
    use common::{Outcome, floe, path_text, repository};

    let folder = tempfile::tempdir().expect("a directory");
    let shop = repository().join("testdata/manifests/shop.yaml");
    let run = |args: &[&str]| {
        let words = [&["network", path_text(&shop)], args].concat();
        Outcome::of(&floe(&words).output().expect("runs")).ok()
    };
    for (ending, format) in [
        ("txt", "text"),
        ("unknown", "text"),
        ("json", "json"),
        ("mmd", "mermaid"),
        ("dot", "dot"),
        ("svg", "svg"),
    ] {
        let file = folder.path().join(format!("graph.{ending}"));
        assert_eq!(run(&["-o", path_text(&file)]), "");
        let written = std::fs::read_to_string(&file).expect("written");
        assert_eq!(written, run(&["--format", format]), "{ending}");
    }
    let file = folder.path().join("graph.svg");
    run(&["-o", path_text(&file), "--format", "json"]);
    let written = std::fs::read_to_string(&file).expect("written");
    assert!(written.starts_with('{'), "--format wins");
}

/// The filter's own policies are seen for what they are: a hardened release allows the same.
#[test]
fn a_hardened_release_allows_the_same() {
    use common::{Outcome, feed, floe, path_text, repository};

    let folder = tempfile::tempdir().expect("a directory");
    let shop = repository().join("tests/cmd/cli/network.in/shop.yaml");
    let text = std::fs::read(&shop).expect("read");
    let warn = ["--on-violation", "warn", "--skip", "secrets/*"];
    let hardened = Outcome::of(&feed(&mut floe(&warn), &text)).ok();
    assert!(hardened.contains("floe-deployment-web"), "{hardened}");
    let file = folder.path().join("hardened.yaml");
    std::fs::write(&file, &hardened).expect("written");
    let args = [
        "network",
        "diff",
        path_text(&shop),
        path_text(&file),
        "--exit-code",
    ];
    let said = Outcome::of(&floe(&args).output().expect("runs"));
    assert_eq!(
        (said.code, said.stdout.as_str()),
        (0, "No connection gained or lost.\n")
    );
}
