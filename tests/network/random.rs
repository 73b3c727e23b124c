//! Random releases: policies select just their own pods, and come once.

use super::*;

/// A name of a few letters.
fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["web", "api", "db", "cache"]).prop_map(str::to_owned)
}

/// Labels, of which some change at every upgrade.
fn labels() -> impl Strategy<Value = Value> {
    let keys = ["app", "tier", "version", "helm.sh/chart"];
    let values = prop::sample::select(vec!["web", "api", "1"]);
    let label = (prop::sample::select(keys.to_vec()), values);
    prop::collection::vec(label, 0..3).prop_map(|pairs| {
        let pairs = pairs
            .into_iter()
            .map(|(key, value)| (key.to_owned(), json!(value)));
        Value::Object(pairs.collect())
    })
}

/// Something that runs pods, calls a host, and may be selected by a Service.
fn workload() -> impl Strategy<Value = Vec<Value>> {
    let kinds = prop::sample::select(vec!["Deployment", "Job", "CronJob", "Pod", "StatefulSet"]);
    (kinds, name(), labels(), name(), any::<bool>()).prop_map(
        |(kind, name, labels, calls, service)| {
            let spec = json!({"containers": [{"name": "c", "image": "i",
                "env": [{"name": "URL", "value": format!("http://{calls}:80")}]}]});
            let template = json!({"metadata": {"labels": labels}, "spec": spec});
            let selector = json!({"matchLabels": labels});
            let spec = match kind {
                "Pod" => spec,
                "Job" => json!({"template": template}),
                "CronJob" => json!({"jobTemplate": {"spec": {"template": template}}}),
                _ => json!({"selector": selector, "template": template}),
            };
            let api = match kind {
                "Pod" => "v1",
                "Job" | "CronJob" => "batch/v1",
                _ => "apps/v1",
            };
            let mut metadata = json!({"name": name});
            if kind == "Pod" {
                metadata["labels"] = labels.clone();
            }
            let own = json!({"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec});
            let ports = json!([{"port": 80}]);
            let service = service.then(|| {
                json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
                    "spec": {"selector": labels, "ports": ports}})
            });
            [Some(own), service].into_iter().flatten().collect()
        },
    )
}

/// Objects of different identities as a stream.
fn release() -> impl Strategy<Value = String> {
    prop::collection::vec(workload(), 1..6).prop_map(|groups| {
        let mut seen = BTreeSet::new();
        let objects = groups.into_iter().flatten().filter(|object| {
            seen.insert(format!("{}{}", object["kind"], object["metadata"]["name"]))
        });
        let texts = objects.map(|object| format!("{object}\n"));
        texts.collect::<Vec<_>>().join("---\n")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn policies_select_just_their_own_pods_and_come_once(stream in release()) {
        let mut settings = Settings::for_release("web", "dev", Mode::Harden).expect("settings");
        settings.namespace = Some("shop".into());
        let once = pipeline::run(&stream, &settings).expect("a stream").output.to_vec();
        let once = String::from_utf8(once).expect("UTF-8");
        let twice = pipeline::run(&once, &settings).expect("a stream").output.to_vec();
        prop_assert_eq!(&once, &String::from_utf8(twice).expect("UTF-8"));
        let world = World::new(&once, "shop");
        prop_assert_eq!(world.policies.len(), world.pods.len());
        for policy in &world.policies {
            let selector = &policy["spec"]["podSelector"];
            let labels = selector["matchLabels"].as_object().expect("labels");
            prop_assert!(!labels.is_empty(), "{}", policy);
            prop_assert!(!labels.contains_key("version") && !labels.contains_key("helm.sh/chart"));
            let selected = world.pods.iter().filter(|pod| matches(selector, &pod.labels));
            prop_assert_eq!(selected.count(), 1, "{} in {:?}", policy, world.pods);
        }
    }
}
