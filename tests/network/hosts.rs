//! Whom a workload calls, however that is written.

use super::*;

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
    let stream = include_str!("../cmd/network/files.stdin");
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
