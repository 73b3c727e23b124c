//! What differs between environments is what their platforms say.

use super::*;

#[test]
fn what_differs_between_environments_is_what_their_platforms_say() {
    let project = project();
    let rendered = rendered();
    let mut by_env = BTreeMap::new();
    for env in ENVIRONMENTS {
        let artifact = format!("{env}.json");
        let args = [
            "--env",
            env,
            "--artifact",
            &artifact,
            "--release",
            "shop",
            "-n",
            "shop",
        ];
        let once = run_in(project.path(), &args, &rendered).ok();
        assert_eq!(run_in(project.path(), &args, &once).ok(), once, "{env}");
        let compiled = [
            "--env",
            env,
            "--spec",
            "floe.yaml",
            "--release",
            "shop",
            "-n",
            "shop",
        ];
        assert_eq!(
            run_in(project.path(), &compiled, &rendered).ok(),
            once,
            "{env}"
        );
        let objects = objects(&once);
        let nightly = object(&objects, "CronJob", "shop-nightly");
        let container =
            containers(nightly, &format!("{JOB_TEMPLATE}/spec"), "containers")[0].clone();
        let account = object(&objects, "ServiceAccount", "shop").clone();
        let own = (
            variables(&container),
            container["resources"].clone(),
            account,
            nightly.clone(),
        );
        by_env.insert(env, own);
    }
    let all: BTreeSet<&String> = by_env.values().flat_map(|own| own.0.keys()).collect();
    let differ: BTreeSet<&str> = all
        .iter()
        .filter(|name| {
            let values: BTreeSet<Option<&String>> =
                by_env.values().map(|own| own.0.get(**name)).collect();
            values.len() > 1
        })
        .map(|name| name.as_str())
        .collect();
    // Each of these stands in a platform file; what floe.yaml says is the same everywhere.
    let expected = [
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL_S3",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "DUCKDB_MEMORY_LIMIT",
        "DUCKDB_PATH",
        "DUCKDB_THREADS",
        "FLOE_CATALOG_ACCESS_DELEGATION",
        "FLOE_CATALOG_URI",
        "FLOE_CATALOG_WAREHOUSE",
        "FLOE_COMPUTE_TYPE",
        "FLOE_PLATFORM_ENV",
        "FLOE_STORAGE_BUCKET",
        "FLOE_STORAGE_ENDPOINT",
        "FLOE_STORAGE_PATH_STYLE_ACCESS",
        "FLOE_STORAGE_REGION",
        "OPENLINEAGE_NAMESPACE",
        "OPENLINEAGE_URL",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_RESOURCE_ATTRIBUTES",
        "OTEL_TRACES_SAMPLER",
        "OTEL_TRACES_SAMPLER_ARG",
        "POLARIS_ADDRESS",
        "POLARIS_CLIENT_ID",
        "POLARIS_CLIENT_SECRET",
        "POLARIS_SCOPE",
        "POLARIS_URI",
        "POLARIS_WAREHOUSE",
        "SNOWFLAKE_ACCOUNT",
        "SNOWFLAKE_PASSWORD",
        "SNOWFLAKE_USER",
        "SNOWFLAKE_WAREHOUSE",
        "TZ",
    ];
    assert_eq!(differ, BTreeSet::from(expected));
    for (env, name, want) in [
        (
            "local",
            "AWS_ACCESS_KEY_ID",
            Some("minio-credentials/access_key"),
        ),
        ("local", "AWS_ENDPOINT_URL_S3", Some("http://minio:9000")),
        ("local", "POLARIS_CLIENT_SECRET", None),
        ("dev", "AWS_SECRET_ACCESS_KEY", Some("dev-s3/secret_key")),
        ("dev", "POLARIS_CLIENT_ID", Some("floe-dev")),
        (
            "dev",
            "POLARIS_CLIENT_SECRET",
            Some("polaris-client/client_secret"),
        ),
        ("staging", "AWS_ACCESS_KEY_ID", None),
        ("staging", "FLOE_CATALOG_URI", Some("polaris-address/uri")),
        (
            "prod",
            "SNOWFLAKE_PASSWORD",
            Some("snowflake-prod/password"),
        ),
        ("prod", "TZ", Some("Europe/Berlin")),
        ("prod", "OTEL_TRACES_SAMPLER_ARG", Some("0.1")),
    ] {
        assert_eq!(
            by_env[env].0.get(name).map(String::as_str),
            want,
            "{env} {name}"
        );
    }
    let role = |env: &str| {
        by_env[env]
            .2
            .pointer("/metadata/annotations/eks.amazonaws.com~1role-arn")
            .cloned()
    };
    assert_eq!(role("local"), None);
    assert_eq!(role("dev"), None);
    assert_eq!(
        role("staging"),
        Some(json!("arn:aws:iam::111111111111:role/floe-staging"))
    );
    assert_eq!(
        role("prod"),
        Some(json!("arn:aws:iam::222222222222:role/floe-prod"))
    );
    let memory = |env: &str| by_env[env].1["limits"]["memory"].clone();
    assert_eq!(memory("local"), "512Mi", "the preset `small`");
    assert_eq!(memory("dev"), "2Gi");
    assert_eq!(memory("prod"), "16Gi");
    assert_eq!(by_env["prod"].3["spec"]["timeZone"], "Europe/Berlin");
    assert_eq!(by_env["dev"].3["spec"]["timeZone"], "UTC");
}
