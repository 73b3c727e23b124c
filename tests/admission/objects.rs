//! Rules about whole objects: in namespaces with the label, and about these themselves.

use serde_json::{Value, json};

use crate::common::{path_text, repository};
use crate::server::{EXPORTED, Server, Verdict, dry_run};

#[test]
fn rules_about_objects_hold_where_the_label_is() {
    let Some(mut server) = Server::new("objects") else {
        return;
    };
    let selector = server.selector("own");
    let own = server.namespace("own", &[&selector]);
    let other = server.namespace("other", &[]);
    let policies = repository().join("tests/cmd/cli/export.in/acme");
    let args = [
        "--format",
        "vap",
        "--only",
        "acme/*",
        "--policies",
        path_text(&policies),
    ];
    server.export("own", &args);
    let (key, value) = selector.split_once('=').unwrap();

    let mut connection = server.connect();
    let mut ask =
        |path: &str, object: &Value| Verdict::of(&connection.send("POST", path, object), EXPORTED);
    let config_map = |labels: Value| {
        let metadata = json!({"name": "a", "labels": labels});
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    };
    let inside = dry_run("api/v1", &own, "configmaps");
    assert_eq!(ask(&inside, &config_map(json!({}))), Verdict::Refused);
    assert_eq!(
        ask(&inside, &config_map(json!({"owner": "x"}))),
        Verdict::Admitted
    );
    let outside = dry_run("api/v1", &other, "configmaps");
    assert_eq!(ask(&outside, &config_map(json!({}))), Verdict::Admitted);

    let namespace = |labels: Value| {
        let metadata = json!({"name": format!("{own}-new"), "labels": labels});
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    };
    let namespaces = "/api/v1/namespaces?dryRun=All";
    assert_eq!(
        ask(namespaces, &namespace(json!({key: value}))),
        Verdict::Refused
    );
    let owned = namespace(json!({key: value, "owner": "x"}));
    assert_eq!(ask(namespaces, &owned), Verdict::Admitted);
    assert_eq!(ask(namespaces, &namespace(json!({}))), Verdict::Admitted);

    // In no namespace, so nothing is exported about it.
    let class = json!({
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": format!("{own}-class")},
        "provisioner": "example.com/none",
    });
    let classes = "/apis/storage.k8s.io/v1/storageclasses?dryRun=All";
    assert_eq!(ask(classes, &class), Verdict::Admitted);
}
