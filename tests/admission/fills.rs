//! MutatingAdmissionPolicies make of a pod what the filter makes of it.

use helm_floe::manifest::{Document, split};
use serde_json::{Value, json};

use crate::common::{Outcome, feed, floe};
use crate::complete::complete;
use crate::random::random;
use crate::random_pods;
use crate::server::{CARRIERS, Server, carried, dry_run, stream, template};

/// What the filter makes of objects, one for each.
fn filtered(objects: &[Value]) -> Vec<Value> {
    let args = ["--only", "pss/*", "--on-violation", "warn"];
    let text = Outcome::of(&feed(&mut floe(&args), stream(objects).as_bytes())).ok();
    let documents = split(&text).unwrap().into_iter();
    let documents = documents.filter_map(|span| {
        let document = Document::parse(span.text).unwrap();
        document.root().map(|root| root.to_json())
    });
    documents.collect()
}

#[test]
fn the_api_server_fills_what_the_filter_fills() {
    let Some(mut server) = Server::new("fills") else {
        return;
    };
    let selector = server.selector("fill");
    let plain = server.namespace("plain", &[]);
    let filling = server.namespace("fill", &[&selector]);
    server.export("fill", &["--format", "map", "--only", "pss/*"]);

    let mut objects: Vec<(String, String, Value)> = Vec::new();
    for (index, pod) in random().take(random_pods()).enumerate() {
        let pod = complete(&pod, &format!("p{index}"));
        let carrier = CARRIERS[index % CARRIERS.len()];
        if pod["metadata"].is_object() && pod["spec"].is_object() {
            let object = carried(&pod, carrier, &format!("x{index}"));
            objects.push((carrier.0.into(), carrier.1.into(), object));
        }
        objects.push(("api/v1".into(), "pods".into(), pod));
    }
    let mut connection = server.connect();
    let mut send = |namespace: &str, api: &str, resource: &str, object: &Value| {
        connection.send("POST", &dry_run(api, namespace, resource), object)
    };
    // What the API server does not take, with or without policies, says nothing.
    objects.retain(|(api, resource, object)| send(&plain, api, resource, object).status == 201);
    let own: Vec<Value> = objects.iter().map(|(.., object)| object.clone()).collect();
    let filtered = filtered(&own);
    assert_eq!(filtered.len(), own.len());
    let (mut changed, mut total) = (0, 0);
    for ((api, resource, object), by_filter) in objects.iter().zip(&filtered) {
        let expected = send(&plain, api, resource, by_filter);
        let got = send(&filling, api, resource, object);
        assert_eq!(
            got.status, expected.status,
            "{object}: {} {}",
            got.body, expected.body
        );
        if got.status != 201 {
            // A privileged container, say, which may not be told to gain no privileges.
            continue;
        }
        let (expected, got) = (template(&expected.body), template(&got.body));
        assert_eq!(got["spec"], expected["spec"], "{object}");
        let again = send(&filling, api, resource, by_filter);
        assert_eq!(
            template(&again.body)["spec"],
            expected["spec"],
            "twice: {object}"
        );
        changed += usize::from(object != by_filter);
        total += 1;
    }
    eprintln!("{total} objects, {changed} of them filled");
    assert!(
        total > random_pods() / 4 && changed * 2 > total,
        "{total} {changed}"
    );
}

#[test]
fn containers_that_are_added_to_a_pod_are_filled() {
    let Some(mut server) = Server::new("added") else {
        return;
    };
    let selector = server.selector("fill");
    let namespace = server.namespace("fill", &[&selector]);
    let mut connection = server.connect();
    let pods = format!("/api/v1/namespaces/{namespace}/pods");
    let mut pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "app", "image": "app:1"}]},
    });
    assert_eq!(connection.send("POST", &pods, &pod).status, 201);
    // Added before there were policies.
    let mut added = vec![json!({"name": "old", "image": "sh:1"})];
    let door = format!("{pods}/p/ephemeralcontainers");
    pod["spec"]["ephemeralContainers"] = json!(added);
    assert_eq!(connection.send("PUT", &door, &pod).status, 200);
    server.export("fill", &["--format", "map", "--only", "pss/*"]);

    let chosen = json!({"allowPrivilegeEscalation": true, "capabilities": {"drop": ["NET_RAW"]}});
    added.push(json!({"name": "new", "image": "sh:1"}));
    added.push(json!({"name": "own", "image": "sh:1", "securityContext": chosen}));
    pod["spec"]["ephemeralContainers"] = json!(added);
    let answer = connection.send("PUT", &format!("{door}?dryRun=All"), &pod);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let spec = &answer.body["spec"];
    let context = |index: usize| &spec["ephemeralContainers"][index]["securityContext"];
    assert_eq!(*context(0), Value::Null);
    let filled = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
    assert_eq!(*context(1), filled);
    let appended = json!({
        "allowPrivilegeEscalation": true,
        "capabilities": {"drop": ["NET_RAW", "ALL"]},
    });
    assert_eq!(*context(2), appended);
    assert_eq!(spec["containers"][0]["securityContext"], Value::Null);
}
