//! Credentials in the clear, and artifacts of older versions.

use super::*;

#[test]
fn a_credential_in_the_clear_is_refused_and_never_repeated() {
    let platform = fs::read_to_string(tiers().join("platform/uat/platform.yaml")).expect("read");
    let spec = fs::read_to_string(tiers().join("floe.yaml")).expect("read");
    let folder = tempfile::tempdir().expect("a directory");
    let mut tried = 0;
    let in_platform = [
        (
            "      client_secret:\n        secret_ref: catalog-client-secret",
            format!("      client_secret: {SECRET}"),
        ),
        (
            "      rest.auth-type: oauth2",
            format!("      rest.auth-type: oauth2\n      credential: {SECRET}"),
        ),
        (
            "      warehouse: CRANE",
            format!("      warehouse: CRANE\n      password: {SECRET}"),
        ),
        (
            "      threads: 4",
            format!("      dsn: postgresql://u:{SECRET}@db/x"),
        ),
        (
            "      client_secret:\n        secret_ref: harbour-login",
            format!("      client_secret: {SECRET}"),
        ),
        (
            "        DUCKDB_TEMP_DIRECTORY: /tmp/duckdb",
            format!("        API_TOKEN: {SECRET}"),
        ),
        (
            "    uri: thrift://metastore.uat.harbour.internal:9083",
            format!("    uri: thrift://u:{SECRET}@h:9083"),
        ),
        (
            "      secret_ref: quay-keys",
            format!("      secret_ref: quay-keys\n      secret_key: {SECRET}"),
        ),
        (
            "    cloud.region: eu-west-1",
            format!("    cloud.region: eu-west-1\n    auth.token: {SECRET}"),
        ),
        (
            "  traces: true\n  metrics: true",
            format!("  traces: {SECRET}\n  metrics: true"),
        ),
        ("      mode: iam_role", format!("      mode: {SECRET}")),
        ("version: \"1.2.0\"", format!("version: {SECRET}")),
    ];
    let in_spec = [
        (
            "  dev_mode: false",
            format!("  dev_mode: false\n  api_secret: {SECRET}"),
        ),
        ("        days: 14", format!("        password: {SECRET}")),
        (
            "    service.name: cargo-manifests",
            format!("    api_key: {SECRET}"),
        ),
        (
            "storage: default",
            format!("storage: {{password: {SECRET}}}"),
        ),
        ("name: cargo-manifests\n", format!("name: [{SECRET}]\n")),
        (
            "    manifest_path: dbt/target/manifest.json",
            format!("    manifest_path: https://u:{SECRET}@h/m.json"),
        ),
    ];
    let commands: [&[&str]; 6] = [
        &["platform", "validate", "--env", "uat"],
        &["platform", "secrets", "--env", "uat"],
        &["platform", "secrets", "--env", "uat", "--format", "json"],
        &["platform", "list-profiles", "--env", "uat"],
        &["platform", "namespaces", "--env", "uat"],
        &["compile", "--env", "uat"],
    ];
    let mut tries: Vec<(String, String, String)> = Vec::new();
    for (from, to) in &in_platform {
        assert!(platform.contains(from), "{from}");
        tries.push((platform.replace(from, to), spec.clone(), to.clone()));
    }
    for (from, to) in &in_spec {
        assert!(spec.contains(from), "{from}");
        tries.push((platform.clone(), spec.replace(from, to), to.clone()));
    }
    for (platform_text, spec_text, what) in tries {
        copy_tree(&tiers(), folder.path());
        fs::write(
            folder.path().join("platform/uat/platform.yaml"),
            &platform_text,
        )
        .expect("written");
        fs::write(folder.path().join("floe.yaml"), &spec_text).expect("written");
        for command in commands {
            let said = run_in(folder.path(), command);
            let whole = format!("{}{}", said.stdout, said.stderr);
            assert!(!whole.contains(SECRET), "{command:?} on {what}\n{whole}");
            if command[0] == "compile" {
                assert_eq!(said.code, 2, "{what}\n{whole}");
                assert!(said.stdout.is_empty(), "{what}");
                tried += 1;
            }
        }
    }
    assert_eq!(tried, in_platform.len() + in_spec.len());
}

#[test]
fn a_plaintext_secret_says_what_to_write_instead() {
    let folder = tempfile::tempdir().expect("a directory");
    copy_tree(&tiers(), folder.path());
    let file = folder.path().join("platform/uat/platform.yaml");
    let text = fs::read_to_string(&file).expect("read");
    let text = text.replace(
        "      client_secret:\n        secret_ref: catalog-client-secret",
        &format!("      client_secret: {SECRET}"),
    );
    fs::write(&file, text).expect("written");
    let said = run_in(folder.path(), &["platform", "validate", "--env", "uat"]);
    assert!(
        said.stderr.contains(
            "catalogs.default.credentials.client_secret: must use secret_ref, not a plaintext value"
        ),
        "{}",
        said.stderr
    );
}

#[test]
fn older_artifacts_are_read_as_far_as_they_say_enough() {
    let folder = tempfile::tempdir().expect("a directory");
    let generate = |text: &str| {
        fs::write(folder.path().join("a.json"), text).expect("written");
        run_in(folder.path(), &["generate", "-a", "a.json", "-e", "dev"])
    };
    let first = r#"{"version": "1.1.0",
      "metadata": {"compiled_at": "2025-01-01T00:00:00Z", "floe_core_version": "0.1", "source_hash": "ab"},
      "transforms": [{"type": "dbt", "path": "./dbt", "target": null}],
      "resolved_profiles": {"platform_env": "dev",
        "storage": {"type": "s3", "endpoint": "", "region": "eu-west-1", "bucket": "old-data", "path_style_access": false,
          "credentials": {"mode": "static", "secret_ref": "old-keys", "client_id": null, "client_secret": null, "scope": null, "role_arn": null}},
        "catalog": {"type": "polaris", "uri": "http://polaris:8181", "warehouse": "w", "namespace": "default",
          "credentials": {"mode": "oauth2", "client_id": "me", "client_secret": {"secret_ref": "old-client"}}},
        "compute": {"type": "duckdb", "properties": {"threads": 2}, "credentials": {"mode": "static"}}},
      "observability": {"traces": true, "metrics": true, "lineage": false, "otlp_endpoint": null}}"#;
    let values = generate(first).ok();
    for part in [
        "bucket: old-data",
        "AWS_ACCESS_KEY_ID",
        "name: old-keys",
        "POLARIS_CLIENT_SECRET",
    ] {
        assert!(values.contains(part), "{part}\n{values}");
    }
    let flat = r#"{"version": "2.0.0", "metadata": {"name": "p", "version": "1.0.0"},
      "storage": {"type": "s3", "region": "eu-west-1", "bucket": "flat-data", "credential_mode": "iam_role", "role_arn": "arn:aws:iam::111111111111:role/r"},
      "catalog": {"type": "rest", "uri": "http://c:1", "warehouse": "w", "credential_mode": "static"},
      "compute": {"type": "duckdb", "credential_mode": "static"},
      "observability": {"tracing": {"enabled": true, "endpoint": "http://o:4317"}, "lineage": {"enabled": false}}}"#;
    let values = generate(flat).ok();
    for part in [
        "bucket: flat-data",
        "eks.amazonaws.com/role-arn",
        "otlpEndpoint",
    ] {
        assert!(values.contains(part), "{part}\n{values}");
    }
    for (text, part) in [
        (
            flat.replace(
                r#""credential_mode": "static"}"#,
                r#""credential_mode": "oauth2"}"#,
            ),
            "does not say which Secrets",
        ),
        (
            first.replace("1.1.0", "0.10.0"),
            "artifacts of version 0.10.0 cannot be read",
        ),
        ("{}".into(), "has no `version`"),
        (
            first.replace("resolved_profiles", "profiles"),
            "has no `resolved_profiles`",
        ),
        (
            r#"{"version": "2.0.0"}"#.into(),
            "neither `profiles` nor `storage`",
        ),
    ] {
        let said = generate(&text);
        assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{part}");
        assert!(said.stderr.contains(part), "{part}\n{}", said.stderr);
    }
}
