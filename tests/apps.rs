//! What the charts todo-app and taskora promise beside what every chart is held to: exactly the
//! intended calls are derived, and parts that are switched off leave nothing behind.
#![cfg(unix)]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeSet;

use common::{Document, Helm, MAJORS, Outcome, documents, feed, floe, path_text, repository};
use serde_json::Value;

/// The chart as release `x` in the namespace `apps`.
fn rendered(helm: &Helm, chart: &str, args: &[&str]) -> String {
    let chart = repository().join("charts").join(chart);
    let mut all = vec!["template", "x", path_text(&chart), "--namespace", "apps"];
    let files: Vec<String> = args
        .iter()
        .map(|arg| match arg.strip_prefix("values") {
            Some(_) => format!("--values={}", path_text(&chart.join(arg))),
            None => (*arg).to_owned(),
        })
        .collect();
    all.extend(files.iter().map(String::as_str));
    helm.run(&all).ok()
}

/// Who may call whom on which port, as `from -> to port`, without the prefix of the release's names.
fn calls(stream: &str, prefix: &str) -> BTreeSet<String> {
    let args = ["network", "-", "--format", "json", "--namespace", "apps"];
    let said = Outcome::of(&feed(&mut floe(&args), stream.as_bytes())).ok();
    let graph: Value = serde_json::from_str(&said).expect("JSON");
    let ends = ["workloads", "peers"].into_iter();
    let ends = ends.flat_map(|list| graph[list].as_array().expect("a list"));
    let ends: Vec<(&str, String)> = ends
        .map(|end| {
            let name = end["name"].as_str().unwrap_or_default();
            let role = end["role"].as_str().unwrap_or_default();
            let name = name.strip_prefix(prefix).unwrap_or(name);
            let shown = if role == "ingress" { role } else { name };
            (end["id"].as_str().expect("an id"), shown.to_owned())
        })
        .collect();
    let named = |id: &Value| {
        let found = ends.iter().find(|(end, _)| Some(*end) == id.as_str());
        found.expect("an end").1.clone()
    };
    let connections = graph["connections"].as_array().expect("a list");
    let calls = connections.iter().map(|call| {
        let (from, to) = (named(&call["from"]), named(&call["to"]));
        format!("{from} -> {to} {}", call["port"])
    });
    calls.collect()
}

fn set(calls: &[&str]) -> BTreeSet<String> {
    calls.iter().map(|call| (*call).to_owned()).collect()
}

#[test]
fn todo_app_calls_what_it_is_meant_to() {
    for major in MAJORS {
        let helm = Helm::new(major);
        let intended = [
            "ingress -> frontend 3000",
            "test-page -> frontend 3000",
            "frontend -> backend 8000",
            "backend -> mcp-server 8080",
            "backend -> api.openai.com 443",
            "backend -> todo-dev.postgres.example.com 5432",
        ];
        let stream = rendered(&helm, "todo-app", &["values-dev.yaml"]);
        assert_eq!(calls(&stream, "x-todo-app-"), set(&intended));

        // The sidecar calls its control plane and Redis, both in namespaces of their own.
        let stream = rendered(&helm, "todo-app", &["values-prod.yaml"]);
        let prod = calls(&stream, "x-todo-app-");
        let common = set(&intended[..5]);
        assert!(prod.is_superset(&common), "{prod:?}");
        let more: Vec<&String> = prod.difference(&common).collect();
        assert_eq!(more.len(), 3, "{more:?}");
        for (call, to) in more
            .iter()
            .zip(["dapr", "redis", "todo.postgres.example.com"])
        {
            assert!(
                call.starts_with("backend -> ") && call.contains(to),
                "{call}"
            );
        }
    }
}

#[test]
fn taskora_calls_what_it_is_meant_to() {
    let helm = Helm::new(4);
    let common = [
        "ingress -> frontend 3000",
        "ingress -> backend 8000",
        "test-page -> frontend 3000",
        "frontend -> backend 8000",
        "backend -> api.cohere.com 443",
        "backend -> generativelanguage.googleapis.com 443",
    ];
    let mut inside = set(&common);
    inside.insert("backend -> database 5432".into());
    // The pods of a StatefulSet may call each other, whether there is one or more.
    inside.insert("database -> database 5432".into());
    let stream = rendered(&helm, "taskora", &[]);
    assert_eq!(calls(&stream, "x-taskora-"), inside);

    let mut outside = set(&common);
    outside.insert("backend -> pg.example.com 5433".into());
    let external = "--set=database.enabled=false,database.external.host=pg.example.com,database.external.port=5433";
    let stream = rendered(&helm, "taskora", &[external]);
    assert_eq!(calls(&stream, "x-taskora-"), outside);
    assert!(!stream.contains("x-taskora-database"));
}

#[test]
fn dapr_reads_the_annotations_of_pods() {
    let stream = rendered(&Helm::new(4), "todo-app", &["values-prod.yaml"]);
    let all = documents(&stream);
    let with: Vec<&Document<'_>> = all
        .iter()
        .filter(|document| document.text.contains("dapr.io/enabled"))
        .collect();
    assert_eq!(with.len(), 1, "only the API has a sidecar");
    let (metadata, template) = with[0]
        .text
        .split_once("  template:\n")
        .expect("a template");
    assert!(!metadata.contains("dapr.io/"), "{metadata}");
    assert!(template.contains("dapr.io/app-id: todo-backend"));
    let component = all.iter().find(|document| document.kind == "Component");
    let component = component.expect("a state store").text;
    assert!(component.contains("scopes:\n  - todo-backend\n"));
    assert!(component.contains("secretKeyRef:\n        name: todo-redis\n"));
}

#[test]
fn what_is_off_leaves_nothing() {
    let helm = Helm::new(4);
    let off = ["--set=mcpServer.enabled=false,dapr.enabled=false,ingress.enabled=false"];
    let stream = rendered(&helm, "todo-app", &off);
    for word in [
        "mcp-server",
        "MCP_SERVER",
        "dapr",
        "DAPR",
        "Ingress",
        "kind: Role",
    ] {
        assert!(!stream.contains(word), "{word}");
    }
    // Without a claim the database's volume is still there.
    let off = ["--set=database.persistence.enabled=false"];
    let stream = rendered(&helm, "taskora", &off);
    assert!(!stream.contains("volumeClaimTemplates"));
    assert!(stream.contains("- name: data\n          emptyDir: {}\n"));
}

#[test]
fn kagent_is_asked_only_where_it_is_served() {
    let helm = Helm::new(4);
    let on = "--set=kagent.enabled=true";
    let served = "--api-versions=kagent.dev/v1alpha1/AgentPolicy";
    let agents = |args: &[&str]| {
        let stream = rendered(&helm, "taskora", args);
        let all = documents(&stream);
        all.iter().filter(|d| d.kind == "AgentPolicy").count()
    };
    assert_eq!(agents(&[on]), 0);
    assert_eq!(agents(&[served]), 0);
    assert_eq!(agents(&[on, served]), 1);
}

#[test]
fn rights_come_with_a_token_and_without_wildcards() {
    let helm = Helm::new(4);
    let rule = "--set-json=backend.rbacRules=[{\"apiGroups\":[\"\"],\"resources\":[\"pods\"],\"verbs\":[\"get\"]}]";
    let stream = rendered(&helm, "todo-app", &[rule]);
    let kinds = |kind: &str| documents(&stream).iter().filter(|d| d.kind == kind).count();
    assert_eq!((kinds("Role"), kinds("RoleBinding")), (1, 1));
    assert_eq!(
        stream.matches("automountServiceAccountToken: true").count(),
        1
    );

    let chart = repository().join("charts/todo-app");
    let rule = rule.replace("\"get\"", "\"*\"");
    let said = helm.run(&["template", "x", path_text(&chart), &rule]);
    assert_ne!(said.code, 0, "a wildcard is refused");
}
