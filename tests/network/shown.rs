//! What shows a call besides hosts: files that are filled, policies of the chart's, Prometheus, Jobs.

use super::*;

/// A case: its name, the stream, and who may call whom on which port.
type Case<'a> = (&'a str, String, &'a [(&'a str, &'a str, u64, bool)]);

fn judge(cases: &[Case<'_>]) {
    for (name, stream, expected) in cases {
        let world = World::new(&hardened(stream, &["--on-violation", "warn"]), "shop");
        for (from, to, port, allowed) in *expected {
            let shown = format!("{name}: {from} to {to} on {port}");
            assert_eq!(world.allows(from, to, *port), *allowed, "{shown}");
        }
    }
}

/// A ConfigMap or Secret with one file.
fn stored(kind: &str, name: &str, key: &str, text: &str) -> String {
    let field = if kind == "Secret" {
        "stringData"
    } else {
        "data"
    };
    let object =
        json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, field: {key: text}});
    format!("{object}\n---\n")
}

/// A Deployment that mounts a ConfigMap into its container, which has these fields besides.
fn mounting(name: &str, config: &str, fields: &str) -> String {
    let mounts = format!("volumeMounts: [{{name: v, mountPath: /c}}], {fields}");
    let volumes =
        format!("spec: {{volumes: [{{name: v, configMap: {{name: {config}}}}}], containers:");
    container(name, &mounts).replace("spec: {containers:", &volumes)
}

/// A NetworkPolicy with that `spec`.
fn policy(spec: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: own}}\nspec: {spec}\n---\n"
    )
}

#[test]
fn files_are_filled_with_the_variables_of_who_reads_them() {
    let db = [
        container("db", "ports: [{containerPort: 5432}, {containerPort: 1}]"),
        "apiVersion: v1\nkind: Service\nmetadata: {name: db}\nspec: {selector: {app: db}, ports: [{port: 5432, name: a}, {port: 1, name: b}]}\n---\n".into(),
    ]
    .concat();
    let field = "env: [{name: NS, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}]";
    let secret = "env: [{name: H, valueFrom: {secretKeyRef: {name: s, key: h}}}]";
    let reads = |text: &str, fields: &str| {
        let file = stored("ConfigMap", "conf", "app.conf", text);
        let secret = stored("Secret", "s", "h", "db");
        [db.clone(), file, secret, mounting("web", "conf", fields)].concat()
    };
    let exact: &[_] = &[("web", "db", 5432, true), ("web", "db", 1, false)];
    let none: &[_] = &[("web", "db", 5432, false), ("web", "db", 1, false)];
    judge(&[
        (
            "braces",
            reads("a=db.${NS}.svc.cluster.local:5432", field),
            exact,
        ),
        ("bare", reads("a=db.$NS.svc:5432", field), exact),
        ("kubelet's", reads("a=db.$(NS).svc:5432", field), exact),
        (
            "collector's",
            reads("a: db.${env:NS}.svc:5432", field),
            exact,
        ),
        ("Python's", reads("a = db.%(NS)s.svc:5432", field), exact),
        (
            "host",
            reads(
                "url=jdbc:postgresql://${H}:5432/x",
                "env: [{name: H, value: db}]",
            ),
            exact,
        ),
        (
            "nobody sets it",
            reads("a=db.${NS}.svc:5432", "env: []"),
            none,
        ),
        (
            "who sets it does not read it",
            reads("a=db.${NS}.svc:5432", "env: []").replace(
                "containers: [",
                "containers: [{name: b, image: \"b:1\", env: [{name: NS, value: shop}]}, ",
            ),
            none,
        ),
        (
            "from a Secret",
            reads("url=jdbc:postgresql://${H}:5432/x", secret),
            &[("web", "db", 5432, true)],
        ),
    ]);
}

#[test]
fn what_stands_in_a_secret_is_not_shown_as_a_file() {
    let stream = [
        stored("ConfigMap", "conf", "app.conf", "url=http://${H}:80/x"),
        stored("Secret", "s", "h", "hunter2"),
        mounting(
            "web",
            "conf",
            "env: [{name: H, valueFrom: {secretKeyRef: {name: s, key: h}}}]",
        ),
    ]
    .concat();
    let mut command = floe(&["--only", "network/*", "--format", "json"]);
    let said = Outcome::of(&feed(&mut command, stream.as_bytes()));
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(!said.stderr.contains("hunter2"), "{}", said.stderr);
}

#[test]
fn policies_of_the_chart_name_the_other_end() {
    let pods = ["api", "db", "web"]
        .map(|name| container(name, "ports: [{name: main, containerPort: 5432}]"));
    let with = |spec: &str| [pods.concat(), policy(spec)].concat();
    let from_api = "podSelector: {matchLabels: {app: api}}";
    let only: &[_] = &[
        ("api", "db", 5432, true),
        ("api", "db", 1, false),
        ("web", "db", 5432, false),
        ("db", "api", 5432, false),
        ("api", "web", 5432, false),
    ];
    let closed: &[_] = &[("api", "db", 5432, false), ("web", "db", 5432, false)];
    let ingress = |from: &str, ports: &str| {
        with(&format!(
            "{{podSelector: {{matchLabels: {{app: db}}}}, policyTypes: [Ingress], ingress: [{{from: [{{{from}}}]{ports}}}]}}"
        ))
    };
    let port = ", ports: [{port: 5432}]";
    let here = format!(
        "namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: shop}}}}, {from_api}"
    );
    let there = here.replace("shop", "other");
    let anywhere = format!("namespaceSelector: {{}}, {from_api}");
    judge(&[
        ("ingress", ingress(from_api, port), only),
        (
            "port by name",
            ingress(from_api, ", ports: [{port: main}]"),
            &only[1..],
        ),
        ("by the namespace's name", ingress(&here, port), only),
        ("anywhere", ingress(&anywhere, port), only),
        ("elsewhere", ingress(&there, port), closed),
        ("no port", ingress(from_api, ""), closed),
        (
            "a range",
            ingress(from_api, ", ports: [{port: 5000, endPort: 6000}]"),
            closed,
        ),
        ("everyone", ingress("podSelector: {}", port), closed),
        (
            "egress",
            with(
                "{podSelector: {matchLabels: {app: api}}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: 5432}]}]}",
            ),
            only,
        ),
        (
            "all pods of the release",
            with(
                "{podSelector: {}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {matchLabels: {app: api}}}], ports: [{port: 5432}]}]}",
            ),
            closed,
        ),
    ]);
}

#[test]
fn a_prometheus_of_the_release_scrapes_what_asks_for_it() {
    let config = |keeps: &str| {
        let text = format!(
            "scrape_configs:\n- kubernetes_sd_configs: [{{role: pod}}]\n  relabel_configs:\n  - source_labels: [{keeps}]\n    action: keep\n    regex: true\n"
        );
        [
            stored("ConfigMap", "conf", "prometheus.yml", &text),
            mounting("prometheus", "conf", "args: [run]"),
        ]
        .concat()
    };
    let asks = "{prometheus.io/scrape: \"true\", prometheus.io/port: \"8082\"}";
    let pod = deployment("api", asks, "[]");
    let behind = [
        container("api", "ports: [{containerPort: 8082}]"),
        service("api", "{app: api}")
            .replace("metadata: {", &format!("metadata: {{annotations: {asks}, ")),
    ]
    .concat();
    let of_pods = config("__meta_kubernetes_pod_annotation_prometheus_io_scrape");
    let of_services = config("__meta_kubernetes_service_annotation_prometheus_io_scrape");
    let (scraped, closed): (&[_], &[_]) = (
        &[
            ("prometheus", "api", 8082, true),
            ("prometheus", "api", 1, false),
            ("api", "prometheus", 8082, false),
        ],
        &[("prometheus", "api", 8082, false)],
    );
    judge(&[
        ("pods", [of_pods.clone(), pod.clone()].concat(), scraped),
        (
            "Services",
            [of_services.clone(), behind.clone()].concat(),
            scraped,
        ),
        (
            "Services, not pods",
            [of_services, pod.clone()].concat(),
            closed,
        ),
        ("pods, not Services", [of_pods, behind].concat(), closed),
        (
            "by a label",
            [config("__meta_kubernetes_pod_label_app"), pod].concat(),
            closed,
        ),
    ]);
}

#[test]
fn jobs_are_found_by_the_name_that_their_pods_are_labelled_with() {
    let job = |spec: &str| {
        format!(
            "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: train}}\nspec: {{{spec}template: {{metadata: {{labels: {{app: train}}}}, spec: {{restartPolicy: Never, containers: [{{name: a, image: \"a:1\"}}]}}}}}}\n---\n"
        )
    };
    let caller = container("web", "args: [\"--coordinator=workers:5432\"]");
    let stream = |key: &str, spec: &str| {
        let selector = format!("{{{key}: train}}");
        [job(spec), service("workers", &selector), caller.clone()].concat()
    };
    let (open, closed): (&[_], &[_]) = (
        &[("web", "train", 5432, true)],
        &[("web", "train", 5432, false)],
    );
    let manual = "manualSelector: true, selector: {matchLabels: {app: train}}, ";
    judge(&[
        ("of old", stream("job-name", ""), open),
        ("of today", stream("batch.kubernetes.io/job-name", ""), open),
        ("by its own selector", stream("job-name", manual), closed),
        ("another key", stream("name", ""), closed),
    ]);
}

#[test]
fn sidecars_of_consul_call_each_other_on_their_own_port() {
    let asks = |more: &str| format!("{{consul.hashicorp.com/connect-inject: \"true\"{more}}}");
    let upstreams = ", consul.hashicorp.com/connect-service-upstreams: \"payments:1800\"";
    let own_host = "[{name: PAYMENTS_URL, value: \"http://localhost:1800\"}]";
    let host = "[{name: PAYMENTS_URL, value: \"http://payments:5432\"}]";
    let manual = ", consul.hashicorp.com/transparent-proxy: \"false\"";
    let stream = |of_api: &str, env: &str, of_payments: &str| {
        [
            deployment("payments", of_payments, "[]"),
            service("payments", "{app: payments}"),
            deployment("api", of_api, env),
            deployment("web", "{}", "[]"),
        ]
        .concat()
    };
    let called = |port: u64, sidecar: u64| {
        [
            ("api", "payments", 5432, port == 1),
            ("api", "payments", 20000, sidecar == 1),
            ("api", "payments", 1800, false),
            ("web", "payments", 20000, false),
        ]
    };
    judge(&[
        (
            "upstream",
            stream(&asks(upstreams), own_host, &asks("")),
            &called(0, 1),
        ),
        (
            "transparent",
            stream(&asks(""), host, &asks("")),
            &called(1, 1),
        ),
        (
            "not transparent",
            stream(&asks(manual), host, &asks("")),
            &called(1, 0),
        ),
        (
            "only the caller",
            stream(&asks(upstreams), own_host, "{}"),
            &called(0, 0),
        ),
        (
            "only the called",
            stream("{}", host, &asks("")),
            &called(1, 0),
        ),
    ]);
    let hardened = hardened(&stream(&asks(""), host, "{}"), &[]);
    let world = World::new(&hardened, "shop");
    let servers = Pod::new("server", "consul", json!({"app": "consul"}));
    for (name, expected) in [("api", true), ("payments", false)] {
        let own = world.pod(name);
        assert_eq!(world.side(own, Some(&servers), 8502, "Egress"), expected);
    }
}
