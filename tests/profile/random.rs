//! Random releases, where only what may change does.

use super::*;

/// The platform of the random releases: every sort of injection.
fn random_artifact() -> Artifact {
    let platform = repository().join("testdata/tiers/platform/uat/platform.yaml");
    let spec = repository().join("testdata/tiers/floe.yaml");
    let said = run_in(
        repository(),
        &[
            "compile",
            "-f",
            path_text(&spec),
            "--platform",
            path_text(&platform),
        ],
        "",
    );
    Artifact::read("uat.json", &said.ok()).expect("an artifact")
}

fn settings(with: bool) -> Settings {
    let mut settings = Settings::for_release("web", "uat", Mode::Harden).expect("valid policies");
    settings.namespace = Some("shop".into());
    if with {
        let profile = Profile::new(&random_artifact(), &Injection::default());
        settings.profile = Some(profile.expect("fits"));
    }
    settings
}

fn container() -> impl Strategy<Value = Value> {
    let env = subsequence(
        vec![
            json!({"name": "TZ", "value": "UTC"}),
            json!({"name": "AWS_REGION", "value": "eu-west-1"}),
            json!({"name": "POLARIS_CLIENT_SECRET", "valueFrom": {"secretKeyRef": {"name": "own", "key": "k"}}}),
            json!({"name": "FLOE_COMPILED_ARTIFACTS_PATH", "value": "/own"}),
            json!({"name": "OTHER", "value": "http://settings:80"}),
        ],
        0..=5,
    );
    let from = select(vec![None, Some("settings"), Some("elsewhere")]);
    let mount = select(vec![
        None,
        Some("/data"),
        Some("/etc"),
        Some("/etc/floe"),
        Some("/etc/floe/x"),
    ]);
    let name = select(vec!["app", "istio-proxy", "daprd"]);
    let policy = select(vec![None, Some("Always")]);
    (name, env, from, mount, policy).prop_map(|(name, env, from, mount, policy)| {
        let mut own = json!({"name": name, "image": "registry.example.com/a:1", "securityContext": {"runAsUser": 1000}});
        if !env.is_empty() {
            own["env"] = json!(env);
        }
        if let Some(from) = from {
            own["envFrom"] = json!([{"configMapRef": {"name": from}}]);
        }
        if let Some(mount) = mount {
            own["volumeMounts"] = json!([{"name": "data", "mountPath": mount}]);
        }
        if let Some(policy) = policy {
            own["restartPolicy"] = json!(policy);
        }
        own
    })
}

fn workload() -> impl Strategy<Value = Value> {
    let kind = select(vec![
        "Deployment",
        "StatefulSet",
        "DaemonSet",
        "ReplicaSet",
        "ReplicationController",
        "Job",
        "CronJob",
        "Pod",
        "PodTemplate",
    ]);
    let init = prop::collection::vec(container(), 0..2);
    let own = prop::collection::vec(container(), 1..3);
    let account = select(vec![None, Some("app"), Some("missing"), Some("default")]);
    let hook = select(vec![
        None,
        Some("pre-install"),
        Some("post-install,pre-upgrade"),
        Some("test"),
    ]);
    let component = select(vec![None, Some("transform"), Some("web")]);
    (kind, init, own, account, hook, component, any::<bool>(), any::<bool>()).prop_map(
        |(kind, init, own, account, hook, component, product, said)| {
            let mut labels = json!({"app": "a"});
            if product {
                labels["floe.dev/product"] = json!("cargo-manifests");
            }
            if let Some(component) = component {
                labels["app.kubernetes.io/component"] = json!(component);
            }
            let mut spec = json!({"containers": own, "volumes": [{"name": "data", "emptyDir": {}}]});
            if !init.is_empty() {
                spec["initContainers"] = json!(init);
            }
            if let Some(account) = account {
                spec["serviceAccountName"] = json!(account);
            }
            let template = json!({"metadata": {"labels": labels}, "spec": spec});
            let selector = json!({"matchLabels": {"app": "a"}});
            let (api, spec) = match kind {
                "Pod" => ("v1", template["spec"].clone()),
                "PodTemplate" => ("v1", Value::Null),
                "ReplicationController" => ("v1", json!({"template": template})),
                "Job" if said => ("batch/v1", json!({"ttlSecondsAfterFinished": 5, "template": template})),
                "Job" => ("batch/v1", json!({"template": template})),
                "CronJob" => {
                    let schedule = if said { "CRON_TZ=Asia/Tokyo 0 2 * * *" } else { "0 2 * * *" };
                    ("batch/v1", json!({"schedule": schedule, "jobTemplate": {"spec": {"template": template}}}))
                }
                "StatefulSet" => ("apps/v1", json!({"selector": selector, "template": template, "serviceName": "a",
                    "volumeClaimTemplates": [{"metadata": {"name": "claim", "labels": {"floe.dev/product": "cargo-manifests"}}}]})),
                _ => ("apps/v1", json!({"selector": selector, "template": template})),
            };
            let mut object = json!({"apiVersion": api, "kind": kind, "metadata": {"name": "NAME"}});
            match kind {
                "PodTemplate" => object["template"] = template,
                _ => object["spec"] = spec,
            }
            if kind == "Pod" {
                object["metadata"]["labels"] = labels;
            }
            if let Some(hook) = hook {
                object["metadata"]["annotations"] = json!({"helm.sh/hook": hook});
            }
            object
        },
    )
}

fn release() -> impl Strategy<Value = String> {
    let workloads = prop::collection::vec(workload(), 1..4);
    let annotations = select(vec![
        Value::Null,
        json!({}),
        json!({"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/own"}),
    ]);
    (workloads, annotations, any::<bool>()).prop_map(|(mut workloads, annotations, last)| {
        for (number, own) in workloads.iter_mut().enumerate() {
            own["metadata"]["name"] = json!(format!("w{number}"));
        }
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "app", "annotations": annotations}});
        let settings = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"FLOE_CATALOG_TYPE": "own", "A": "b"}});
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "settings"}, "spec": {"selector": {"app": "a"}, "ports": [{"port": 80}]}});
        let rest = [account, settings, service];
        let all: Vec<Value> = if last { workloads.into_iter().chain(rest).collect() } else { rest.into_iter().chain(workloads).collect() };
        all.iter().map(|own| write_document(own).expect("written") + "---\n").collect()
    })
}

/// The places at which the second value has more than the first; a place with something else is
/// marked by `!`.
fn additions(a: &Value, b: &Value, at: &str, found: &mut Vec<String>) {
    match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            for key in x.keys().filter(|key| !y.contains_key(*key)) {
                found.push(format!("!{at}/{key}"));
            }
            for (key, value) in y {
                match x.get(key).filter(|old| !old.is_null()) {
                    Some(old) => additions(old, value, &format!("{at}/{key}"), found),
                    None => found.push(format!("{at}/{key}")),
                }
            }
        }
        (Value::Array(x), Value::Array(y)) if y.len() >= x.len() => {
            for (index, value) in y.iter().enumerate() {
                match x.get(index) {
                    Some(old) => additions(old, value, &format!("{at}/{index}"), found),
                    None => found.push(format!("{at}/{index}")),
                }
            }
        }
        (a, b) if a != b => found.push(format!("!{at}")),
        _ => {}
    }
}

/// What the profile may add to an object, as patterns in which `*` is a number.
const MAY_ADD: [&str; 17] = [
    "POD/containers/*/env",
    "POD/containers/*/env/*",
    "POD/containers/*/volumeMounts",
    "POD/containers/*/volumeMounts/*",
    "POD/initContainers/*/env",
    "POD/initContainers/*/env/*",
    "POD/initContainers/*/volumeMounts",
    "POD/initContainers/*/volumeMounts/*",
    "POD/volumes/*",
    "TEMPLATE/metadata/annotations",
    "TEMPLATE/metadata/annotations/checksum/floe-artifact",
    "/spec/ttlSecondsAfterFinished",
    "/spec/jobTemplate/spec/ttlSecondsAfterFinished",
    "/spec/successfulJobsHistoryLimit",
    "/spec/failedJobsHistoryLimit",
    "/spec/timeZone",
    "/metadata/annotations/eks.amazonaws.com/role-arn",
];

/// Where a kind's pod template lies.
fn template(kind: &str) -> &'static str {
    match kind {
        "Pod" => "",
        "PodTemplate" => "/template",
        "CronJob" => JOB_TEMPLATE,
        _ => TEMPLATE,
    }
}

fn may_add(kind: &str, place: &str) -> bool {
    let template = template(kind);
    let number = |text: &str| {
        text.split('/')
            .map(|part| {
                if part.bytes().all(|b| b.is_ascii_digit()) && !part.is_empty() {
                    "*"
                } else {
                    part
                }
            })
            .collect::<Vec<_>>()
            .join("/")
    };
    let place = number(place);
    let account = kind == "ServiceAccount" && place == "/metadata/annotations";
    account
        || MAY_ADD.iter().any(|own| {
            let own = own
                .replace("POD", &format!("{template}/spec"))
                .replace("TEMPLATE", template);
            own == place
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_what_may_change_does_and_only_once(stream in release()) {
        let (plain, with) = (settings(false), settings(true));
        let run = |text: &str, settings: &Settings| {
            let outcome = pipeline::run(text, settings).expect("readable");
            String::from_utf8(outcome.output.to_vec()).expect("UTF-8")
        };
        let once = run(&stream, &with);
        prop_assert_eq!(&run(&once, &with), &once);
        let key = |own: &Value| (own["kind"].to_string(), own["metadata"]["name"].to_string());
        let before: BTreeMap<_, Value> = objects(&run(&stream, &plain)).into_iter().map(|own| (key(&own), own)).collect();
        let mut mounted = false;
        for own in objects(&once) {
            let kind = own["kind"].as_str().expect("a kind").to_owned();
            let name = own["metadata"]["name"].as_str().expect("a name").to_owned();
            // Policies differ by what the product reaches.
            if kind == "NetworkPolicy" {
                continue;
            }
            let Some(old) = before.get(&key(&own)) else {
                prop_assert_eq!((kind.as_str(), name.as_str()), ("ConfigMap", "floe-artifact-web"));
                mounted = true;
                continue;
            };
            let mut found = Vec::new();
            additions(old, &own, "", &mut found);
            let labels = own.pointer(&format!("{}/metadata/labels", template(&kind)));
            let label = |key: &str| labels.and_then(|own| own.get(key)).and_then(Value::as_str);
            let product = label("floe.dev/product").is_some();
            let sized = label("app.kubernetes.io/component") == Some("transform");
            for place in &found {
                // A component's size takes the place of the preset.
                let size = sized && place.contains("/resources/");
                let allowed = size || may_add(&kind, place);
                prop_assert!(allowed, "{kind} {name}: {place}\n{stream}");
                prop_assert!(product || kind == "ServiceAccount", "{kind} {name}: {place}\n{stream}");
            }
        }
        prop_assert_eq!(mounted, once.contains("name: floe-artifact\n"), "{}", once);
    }
}
