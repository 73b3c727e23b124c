//! Exceptions at admission, with the controllers of a real cluster making the pods.

use serde_json::{Value, json};

use crate::api::Answer;
use crate::server::{CARRIERS, EXPORTED, Server, Verdict, carried, dry_run, kubectl, until};

const PLATFORM: &str = "\
hardening:
  exceptions:
    - {policy: 'pss/*', kind: DaemonSet, name: 'agent*', reason: it measures the node}
    - {policy: 'pss/*', kind: Deployment, name: web, reason: the old image}
    - {policy: pss/hostPorts, kind: Deployment, name: proxy, container: edge, reason: it is the edge}
    - {policy: 'pss/*', kind: StatefulSet, name: db, reason: gone, expires: '2025-06-14'}
    - {policy: 'pss/*', name: dated, reason: until yesterday, expires: '2025-06-15'}
";

/// A pod of one container for each name, all of them hardened.
fn pod(containers: &[&str]) -> Value {
    let containers: Vec<Value> = containers
        .iter()
        .map(|name| {
            json!({"name": name, "image": "app:1", "securityContext": {
                "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
            }})
        })
        .collect();
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {
            "containers": containers,
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
        },
    })
}

fn on_the_host() -> Value {
    let mut pod = pod(&["app"]);
    pod["spec"]["hostPID"] = json!(true);
    pod
}

/// The carrier of a kind, with that pod.
fn of_kind(kind: &str, name: &str, pod: &Value) -> (String, Value) {
    let carrier = *CARRIERS.iter().find(|(.., own)| *own == kind).unwrap();
    (
        format!("{}/{{}}/{}", carrier.0, carrier.1),
        carried(pod, carrier, name),
    )
}

#[test]
fn exceptions_hold_for_what_they_name_and_for_nothing_else() {
    let Some(mut server) = Server::new("exceptions") else {
        return;
    };
    let selector = server.selector("own");
    let namespace = server.namespace("own", &[&selector]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("platform.yaml");
    std::fs::write(&file, PLATFORM).unwrap();
    let platform = ["--platform", file.to_str().unwrap()];
    server.export(
        "own",
        &[&["--format", "vap", "--only", "pss/*"][..], &platform].concat(),
    );
    let mut connection = server.connect();

    let mut ask = |kind: &str, name: &str, pod: &Value| {
        let carrier = CARRIERS.iter().find(|(.., own)| *own == kind);
        let (api, resource, object) = match carrier {
            Some(carrier) => (carrier.0, carrier.1, carried(pod, *carrier, name)),
            None => {
                let mut pod = pod.clone();
                pod["metadata"]["name"] = json!(name);
                ("api/v1", "pods", pod)
            }
        };
        let answer = connection.send("POST", &dry_run(api, &namespace, resource), &object);
        Verdict::of(&answer, EXPORTED)
    };
    let host_port = |names: &[&str], at: usize| {
        let mut pod = pod(names);
        pod["spec"]["containers"][at]["ports"] = json!([{"containerPort": 80, "hostPort": 80}]);
        pod
    };
    // On behalf of a DaemonSet, as anybody could write it.
    let mut forged = on_the_host();
    forged["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "apps/v1", "kind": "DaemonSet", "name": "agent", "uid": "1", "controller": true,
    }]);
    use Verdict::{Admitted, Refused};
    for (kind, name, pod, expected) in [
        ("DaemonSet", "agent-eu", on_the_host(), Admitted),
        ("DaemonSet", "other", on_the_host(), Refused),
        ("Deployment", "agent", on_the_host(), Refused),
        ("Deployment", "web", on_the_host(), Admitted),
        ("Pod", "agent", on_the_host(), Refused),
        ("Pod", "forged", forged, Refused),
        ("Pod", "fine", pod(&["app"]), Admitted),
        (
            "Deployment",
            "proxy",
            host_port(&["edge", "app"], 0),
            Admitted,
        ),
        (
            "Deployment",
            "proxy",
            host_port(&["edge", "app"], 1),
            Refused,
        ),
        (
            "Deployment",
            "other",
            host_port(&["edge", "app"], 0),
            Refused,
        ),
        ("StatefulSet", "db", on_the_host(), Refused),
        // The binary's day is the last one that counts, the server's is long after.
        ("Pod", "dated", on_the_host(), Refused),
    ] {
        assert_eq!(ask(kind, name, &pod), expected, "{kind} {name}: {pod}");
    }

    // What their controllers make for them is let in: the DaemonSet's pods, and the Deployment's
    // through a ReplicaSet.
    let mut make = |kind: &str, name: &str| -> Answer {
        let (path, object) = of_kind(kind, name, &on_the_host());
        let path = path.replacen("{}", &format!("namespaces/{namespace}"), 1);
        connection.send("POST", &format!("/{path}"), &object)
    };
    for (kind, name) in [("DaemonSet", "agent"), ("Deployment", "web")] {
        assert_eq!(make(kind, name).status, 201, "{kind}");
    }
    for prefix in ["pod/agent-", "pod/web-"] {
        until(prefix, || {
            let pods = kubectl(&["-n", &namespace, "get", "pods", "-o", "name"])
                .output()
                .unwrap();
            String::from_utf8(pods.stdout)
                .unwrap()
                .lines()
                .any(|own| own.starts_with(prefix))
        });
    }
}

#[test]
fn ephemeral_containers_are_looked_at_and_old_pods_are_left_alone() {
    let Some(mut server) = Server::new("updates") else {
        return;
    };
    let selector = server.selector("own");
    let namespace = server.namespace("own", &[&selector]);
    let mut connection = server.connect();
    // Made before the policies: a Deployment that they would not let in.
    let (path, mut old) = of_kind("Deployment", "old", &on_the_host());
    old["spec"]["replicas"] = json!(0);
    let path = format!(
        "/{}",
        path.replacen("{}", &format!("namespaces/{namespace}"), 1)
    );
    assert_eq!(connection.send("POST", &path, &old).status, 201);
    let pods = format!("/api/v1/namespaces/{namespace}/pods");
    assert_eq!(connection.send("POST", &pods, &pod(&["app"])).status, 201);
    server.export("own", &["--format", "vap", "--only", "pss/*"]);

    let one = format!("{path}/old?dryRun=All&fieldManager=t");
    let mut patch = |path: &str, patch: &Value| {
        let answer = connection.send("PUT", path, patch);
        Verdict::of(&answer, EXPORTED)
    };
    old["spec"]["replicas"] = json!(2);
    assert_eq!(patch(&one, &old), Verdict::Admitted, "scaled");
    old["spec"]["template"]["spec"]["containers"][0]["image"] = json!("app:2");
    assert_eq!(patch(&one, &old), Verdict::Refused, "another image");

    let debug = |context: Value| {
        let mut own = pod(&["app"]);
        own["spec"]["ephemeralContainers"] =
            json!([{"name": "debug", "image": "sh:1", "securityContext": context}]);
        own
    };
    let door = format!("{pods}/p/ephemeralcontainers?dryRun=All");
    let hardened = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
    assert_eq!(
        patch(&door, &debug(json!({"privileged": true}))),
        Verdict::Refused
    );
    assert_eq!(patch(&door, &debug(hardened)), Verdict::Admitted);
}
