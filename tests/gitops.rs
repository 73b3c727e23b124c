//! The examples in `charts/examples` are what Argo CD and Flux take: against their own definitions,
//! which `scripts/crds` gets, and where a cluster is meant (`scripts/lifecycle`), by an API server.
#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use common::cluster::{Namespace, kubeconfig};
use common::{Helm, MAJORS, Outcome, documents, path_text, repository, tools};
use helm_floe::config::{Source, schema};
use serde_json::{Value, json};

/// A YAML text with one object.
fn object(file: &str, text: &str) -> Value {
    let source = Source::parse(file, text).expect("YAML");
    source.value("").expect("an object")
}

/// The text at a JSON Pointer.
fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no {pointer} in {value}"))
}

/// The files with definitions.
fn definition_files() -> Vec<PathBuf> {
    let crds = tools().join("crds");
    let files = fs::read_dir(&crds).unwrap_or_else(|_| panic!("run scripts/crds"));
    let files = files.map(|entry| entry.expect("read").path());
    files
        .filter(|file| file.extension().is_some_and(|e| e == "yaml"))
        .collect()
}

/// The schema of each kind: `group/version/Kind`.
fn definitions() -> BTreeMap<String, Value> {
    let mut schemas = BTreeMap::new();
    for file in definition_files() {
        let yaml = fs::read_to_string(&file).expect("read");
        let yaml = yaml.trim_start_matches("---\n");
        let definition = object(path_text(&file), yaml);
        let group = text(&definition, "/spec/group");
        let kind = text(&definition, "/spec/names/kind");
        let versions = definition.pointer("/spec/versions").expect("versions");
        for version in versions.as_array().expect("a list") {
            let mut schema = version["schema"]["openAPIV3Schema"].clone();
            schema["properties"]["metadata"] = json!({"type": "object"});
            close(&mut schema);
            let name = format!("{group}/{}/{kind}", text(version, "/name"));
            schemas.insert(name, schema);
        }
    }
    schemas
}

/// Refuses fields the schema does not name, as an API server does under strict validation.
fn close(schema: &mut Value) {
    if let Value::Object(map) = schema {
        let open = map.contains_key("additionalProperties")
            || map.contains_key("x-kubernetes-preserve-unknown-fields");
        if map.get("properties").is_some_and(Value::is_object) && !open {
            map.insert("additionalProperties".into(), json!(false));
        }
        map.values_mut().for_each(close);
    } else if let Value::Array(list) = schema {
        list.iter_mut().for_each(close);
    }
}

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

/// What a definition says against an object, or nothing for Kubernetes' own kinds.
fn against(definitions: &BTreeMap<String, Value>, example: &Value) -> Option<Vec<String>> {
    let (version, kind) = (text(example, "/apiVersion"), text(example, "/kind"));
    if version == "v1" {
        return None;
    }
    let name = format!("{version}/{kind}");
    let schema = definitions.get(&name);
    let schema = schema.unwrap_or_else(|| panic!("no definition of {name}"));
    let violations = schema::violations(schema, example).expect("a schema");
    Some(violations.iter().map(|v| format!("{v:?}")).collect())
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
        let yaml = fs::read_to_string(&file).expect("read");
        let definition = object(path_text(&file), yaml.trim_start_matches("---\n"));
        let crd = format!(
            "customresourcedefinition/{}",
            text(&definition, "/metadata/name")
        );
        let get = ["get", &crd, "--ignore-not-found", "-o", "name"];
        // Those of a cluster that has Argo CD or Flux stay what they are.
        if namespace.kubectl(&get).ok().is_empty() {
            namespace.create(crd.clone(), path_text(&file));
            namespace.established(&crd);
        }
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
