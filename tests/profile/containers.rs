//! What each container gets is its own.

use super::*;

#[test]
fn each_container_gets_what_is_its_own() {
    let project = project();
    let args = [&RELEASE[..], &["--format", "json"]].concat();
    let said = run_in(project.path(), &args, &rendered());
    let report: Value = serde_json::from_str(&said.stderr).expect("a report");
    let objects = objects(&said.stdout);
    let api = object(&objects, "Deployment", "shop-api");
    let pod = format!("{TEMPLATE}/spec");
    let init = containers(api, &pod, "initContainers");
    let own = containers(api, &pod, "containers");
    // The product's own init container and container; not the sidecar, not the mesh's proxy.
    let counts: Vec<usize> = init
        .iter()
        .chain(&own)
        .map(|c| variables(c).len())
        .collect();
    let full = counts[0];
    assert!(full > 30, "{counts:?}");
    // The chart's TZ is there anyway; its envFrom keeps one name out.
    assert_eq!(counts, [full, 0, full - 1, 0]);
    assert_eq!(variables(own[0])["TZ"], "Pacific/Auckland");
    assert!(!variables(own[0]).contains_key("FLOE_CATALOG_NAMESPACE"));
    let mounts: Vec<bool> = init
        .iter()
        .chain(&own)
        .map(|c| c["volumeMounts"][0]["readOnly"] == true)
        .collect();
    assert_eq!(mounts, [true, false, true, false]);

    let path = "FLOE_COMPILED_ARTIFACTS_PATH";
    let job = |name: &str| object(&objects, "Job", name);
    let load = containers(job("shop-load"), &pod, "containers")[0];
    assert_eq!(variables(load)[path], "/etc/floe/artifact.json");
    let checksum = |object: &Value, template: &str| {
        object
            .pointer(&format!(
                "{template}/metadata/annotations/checksum~1floe-artifact"
            ))
            .is_some()
    };
    assert!(checksum(api, TEMPLATE));
    assert!(
        !checksum(job("shop-load"), TEMPLATE),
        "a Job's template may not change"
    );
    assert_eq!(job("shop-load")["spec"]["ttlSecondsAfterFinished"], 300);
    let prepare = containers(job("shop-prepare"), &pod, "containers")[0];
    assert!(
        !variables(prepare).contains_key(path),
        "runs before the ConfigMap is there"
    );
    assert!(variables(prepare).contains_key("POLARIS_CLIENT_SECRET"));

    let cache = object(&objects, "StatefulSet", "shop-cache");
    let cache = cache.to_string();
    for foreign in ["FLOE_", "floe-artifact", "secretKeyRef"] {
        assert!(!cache.contains(foreign), "{foreign} in {cache}");
    }
    let config_map = object(&objects, "ConfigMap", "floe-artifact-shop");
    let artifact = config_map["data"]["artifact.json"].as_str().expect("text");
    let file = fs::read_to_string(project.path().join("prod.json")).expect("read");
    assert_eq!(artifact, file, "byte for byte what `compile` wrote");

    let findings: Vec<(&str, &str)> = report["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|own| {
            (
                own["policy"].as_str().expect("text"),
                own["name"].as_str().expect("text"),
            )
        })
        .filter(|own| own.0.starts_with("profile/"))
        .collect();
    assert_eq!(
        findings,
        [
            ("profile/settings", "shop-api"),
            ("profile/timezone", "shop-api"),
            ("profile/artifact", "shop-prepare"),
            ("profile/service-account", "shop-prepare"),
        ]
    );
    let policies: BTreeSet<&str> = report["edits"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|own| own["policy"].as_str().expect("text"))
        .filter(|own| own.starts_with("profile/"))
        .collect();
    let all = [
        "artifact",
        "credentials",
        "jobs",
        "service-account",
        "settings",
        "telemetry",
        "timezone",
    ];
    assert_eq!(
        policies,
        all.iter()
            .map(|own| format!("profile/{own}"))
            .collect::<Vec<_>>()
            .iter()
            .map(String::as_str)
            .collect()
    );
    let added = report["added"].as_array().expect("a list");
    assert!(
        added
            .iter()
            .any(|own| own["policy"] == "profile/artifact" && own["kind"] == "ConfigMap")
    );
}
