//! The examples in `charts/examples` are what Argo CD and Flux take: against their own definitions,
//! which `scripts/crds` gets, and where a cluster is meant (`scripts/lifecycle`), by an API server.
#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::collections::BTreeSet;
use std::fs;

use common::cluster::{Namespace, kubeconfig};
use common::definitions::{against, definition_files, definitions, object, text};
use common::{Helm, MAJORS, Outcome, documents, path_text, repository};
use serde_json::{Value, json};

/// Each object of the examples, with its file.
fn examples() -> Vec<(String, Value)> {
    let mut examples = Vec::new();
    for entry in walkdir::WalkDir::new(repository().join("charts/examples")).sort_by_file_name() {
        let file = entry.expect("read").into_path();
        if file.extension().is_some_and(|e| e == "yaml") {
            let yaml = fs::read_to_string(&file).expect("read");
            for document in documents(&yaml) {
                let name = path_text(&file).to_owned();
                examples.push((name.clone(), object(&name, document.text)));
            }
        }
    }
    examples
}

#[test]
fn the_examples_fit_the_definitions() {
    let definitions = definitions();
    let mut kinds = BTreeSet::new();
    for (file, example) in examples() {
        if let Some(violations) = against(&definitions, &example) {
            assert_eq!(violations, Vec::<String>::new(), "{file}");
            kinds.insert(text(&example, "/kind").to_owned());
        }
    }
    let wanted = [
        "Application",
        "ApplicationSet",
        "HelmRelease",
        "Kustomization",
        "OCIRepository",
    ];
    assert_eq!(kinds.iter().map(String::as_str).collect::<Vec<_>>(), wanted);
}

/// The mistakes that the examples of others are known for.
#[test]
fn mistakes_do_not_fit_the_definitions() {
    let definitions = definitions();
    let examples = examples();
    for (kind, pointer, key, value) in [
        (
            "Application",
            "/spec/syncPolicy/automated",
            "prune",
            json!("{{prune}}"),
        ),
        ("Application", "/spec", "destinations", json!([])),
        (
            "ApplicationSet",
            "/spec/generators/0/list",
            "element",
            json!([]),
        ),
        (
            "HelmRelease",
            "/spec",
            "postRenderers",
            json!([{"exec": {"command": "helm-floe"}}]),
        ),
        (
            "HelmRelease",
            "/spec/install/remediation",
            "retries",
            json!("3"),
        ),
        (
            "OCIRepository",
            "/spec",
            "url",
            json!("https://registry.example.com/x"),
        ),
        ("Kustomization", "/spec", "prune", json!("yes")),
    ] {
        let example = examples.iter().find(|(_, e)| text(e, "/kind") == kind);
        let mut example = example.expect(kind).1.clone();
        let part = example.pointer_mut(pointer).expect(pointer);
        part[key] = value;
        let violations = against(&definitions, &example).expect("a custom kind");
        assert!(!violations.is_empty(), "{kind} {pointer}/{key} is accepted");
    }
}

/// What the examples point at is there: charts, values files, values the chart knows.
#[test]
fn the_examples_point_at_what_is_there() {
    let mut charts = 0;
    for (file, example) in examples() {
        let source = match text(&example, "/kind") {
            "Application" => example.pointer("/spec/source").cloned(),
            _ => None,
        };
        let Some(source) = source else { continue };
        charts += 1;
        let chart = repository().join(text(&source, "/path"));
        assert!(chart.join("Chart.yaml").is_file(), "{file}");
        let parameters = source.pointer("/plugin/parameters").expect("parameters");
        for parameter in parameters.as_array().expect("a list") {
            for values in parameter["array"].as_array().into_iter().flatten() {
                let values = values.as_str().expect("a name");
                assert!(chart.join(values).is_file(), "{file}: {values}");
            }
        }
    }
    assert_eq!(charts, 1);

    let flux = repository().join("charts/examples/flux");
    let read = |name: &str| {
        let yaml = fs::read_to_string(flux.join(name)).expect("read");
        object(name, &yaml)
    };
    let folder = tempfile::tempdir().expect("a directory");
    let outside = folder.path().join("outside.yaml");
    let inside = folder.path().join("inside.json");
    let values = read("values.yaml");
    fs::write(
        &outside,
        values["data"]["values.yaml"].as_str().expect("text"),
    )
    .expect("written");
    fs::write(
        &inside,
        read("helmrelease.yaml")["spec"]["values"].to_string(),
    )
    .expect("written");
    for major in MAJORS {
        let chart = repository().join("charts/taskora");
        let args = [
            "template",
            "taskora",
            path_text(&chart),
            "-f",
            path_text(&outside),
            "-f",
            path_text(&inside),
        ];
        let rendered = Helm::new(major).run(&args).ok();
        assert!(rendered.contains("host: taskora.example.com"));
        assert!(rendered.contains("storage: 20Gi"));
    }
}

#[test]
fn an_api_server_accepts_the_examples() {
    let Some(kubeconfig) = kubeconfig("HELM_FLOE_E2E", "GitOps examples", "scripts/lifecycle")
    else {
        return;
    };
    let name = format!("helm-floe-gitops-{}", std::process::id());
    let mut namespace = Namespace::new(name, kubeconfig);
    for file in definition_files() {
        namespace.define(&file);
    }
    for (file, mut example) in examples() {
        example["metadata"]["namespace"] = json!(namespace.name);
        let manifest = example.to_string();
        let create = ["create", "--dry-run=server", "--validate=strict", "-f", "-"];
        let mut command = namespace.kubectl_command(&create);
        let said = Outcome::of(&common::feed(&mut command, manifest.as_bytes()));
        assert_eq!(said.code, 0, "{file}: {}", said.stderr);
    }
}
