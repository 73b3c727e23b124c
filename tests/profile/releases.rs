//! Products in releases: new artifacts, several releases, both Helms, refusals, the network.

use super::*;

#[test]
fn a_new_artifact_makes_new_pods_and_leaves_jobs_alone() {
    let project = project();
    let rendered = rendered();
    let filter = || {
        objects(
            &run_in(
                project.path(),
                &[
                    "--env",
                    "dev",
                    "--artifact",
                    "dev.json",
                    "--release",
                    "shop",
                ],
                &rendered,
            )
            .ok(),
        )
    };
    let before = filter();
    let file = project.path().join("floe.yaml");
    let spec = fs::read_to_string(&file).expect("read");
    fs::write(&file, spec.replace("0 2 * * *", "0 3 * * *")).expect("written");
    run_in(
        project.path(),
        &["compile", "--env", "dev", "-o", "dev.json"],
        "",
    )
    .ok();
    let after = filter();
    let changed: Vec<String> = before
        .iter()
        .zip(&after)
        .filter(|(a, b)| a != b)
        .map(|(a, _)| format!("{} {}", a["kind"], a["metadata"]["name"]))
        .collect();
    assert_eq!(
        changed,
        [
            r#""ConfigMap" "floe-artifact-shop""#,
            r#""Deployment" "shop-api""#,
            r#""CronJob" "shop-nightly""#
        ]
    );
}

#[test]
fn two_releases_of_a_namespace_have_a_config_map_each() {
    let project = project();
    let helm = Helm::new(4);
    let name = |release: &str, args: &[&str]| {
        let rendered = helm.run(&["template", release, &chart("product")]).ok();
        let args = [&["--env", "dev", "--artifact", "dev.json"], args].concat();
        let objects = objects(&run_in(project.path(), &args, &rendered).ok());
        let maps = objects
            .iter()
            .filter(|own| own["data"]["artifact.json"].is_string());
        let names: Vec<String> = maps
            .map(|own| own["metadata"]["name"].as_str().expect("text").to_owned())
            .collect();
        assert_eq!(names.len(), 1, "{names:?}");
        names.concat()
    };
    assert_eq!(name("a", &["--release", "a"]), "floe-artifact-a");
    assert_eq!(name("b", &["--release", "b"]), "floe-artifact-b");
    assert_ne!(name("a", &[]), name("b", &[]));
}

#[test]
fn both_helms_render_the_same_product() {
    let project = project();
    let mut seen = Vec::new();
    for major in MAJORS {
        let helm = Helm::new(major);
        helm.install_plugin(helm_floe()).1.ok();
        copy_tree(project.path(), &helm.home().join("project"));
        let web = chart("product");
        let mut command = helm.command(&["template", "shop", &web, "--post-renderer", "helm-floe"]);
        for word in RELEASE {
            command.args(["--post-renderer-args", word]);
        }
        let output = command
            .current_dir(helm.home().join("project"))
            .output()
            .expect("runs");
        let rendered = Outcome::of(&output).ok();
        assert!(
            rendered.contains("# Source: product/templates/helm-floe/artifact.yaml"),
            "{rendered}"
        );
        assert!(!rendered.contains("postrender-filename"), "Helm {major}");
        let mut all = objects(&rendered);
        // Helm 3 keeps hooks to itself, so they have no policy there.
        all.retain(|own| own["metadata"]["name"] != "floe-job-shop-prepare");
        all.retain(|own| own.pointer("/metadata/annotations/helm.sh~1hook").is_none());
        all.sort_by_key(|own| format!("{} {}", own["kind"], own["metadata"]["name"]));
        seen.push(all);
    }
    assert_eq!(seen[0], seen[1]);
    assert!(
        seen[0]
            .iter()
            .any(|own| own["data"]["artifact.json"].is_string())
    );
}

#[test]
fn what_cannot_be_injected_is_refused_before_anything_is_written() {
    let project = project();
    let at = |name: &str| project.path().join(name);
    let artifact = fs::read_to_string(at("dev.json")).expect("read");
    let secret = "hunter2-do-not-print";
    let large = format!("\"description\": \"{}\"", "x".repeat(1 << 20));
    let mut large_artifact: Value = serde_json::from_str(&artifact).expect("JSON");
    large_artifact["layers"] = json!({"raw": {"storage": "default", "catalog": "default", "namespace": "raw", "description": large}});
    let mut nameless: Value = serde_json::from_str(&artifact).expect("JSON");
    nameless["metadata"]
        .as_object_mut()
        .expect("a map")
        .remove("name");
    fs::write(at("large.json"), large_artifact.to_string()).expect("written");
    fs::write(at("nameless.json"), nameless.to_string()).expect("written");
    fs::write(
        at("leaky.json"),
        artifact.replace("\"threads\"", "\"password\"").replace(
            "\"memory_limit\": \"1GB\"",
            &format!("\"password\": \"{secret}\""),
        ),
    )
    .expect("written");
    fs::write(at("old.json"), r#"{"version": "0.5.0"}"#).expect("written");
    for (args, want) in [
        (
            vec!["--env", "prod", "--artifact", "dev.json"],
            "dev.json was compiled for the environment `dev`, and this is `prod`",
        ),
        (
            vec!["--artifact", "large.json"],
            "large.json: is too large for a ConfigMap",
        ),
        (
            vec!["--artifact", "nameless.json"],
            "nameless.json: does not say its product's name",
        ),
        (
            vec!["--artifact", "leaky.json"],
            "an artifact says where credentials are",
        ),
        (
            vec!["--artifact", "old.json"],
            "artifacts of version 0.5.0 cannot be read",
        ),
        (vec!["--artifact", "none.json"], "none.json: No such file"),
        (
            vec!["--artifact", "oci://registry/a@sha256:0"],
            "save the artifact as a file before",
        ),
        (vec!["--spec", "floe.yaml"], "--spec needs a platform file"),
        (
            vec!["--spec", "floe.yaml", "--artifact", "dev.json"],
            "cannot be used with",
        ),
    ] {
        let said = run_in(
            project.path(),
            &args,
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
        );
        assert_eq!(
            (said.code, said.stdout.as_str()),
            (2, ""),
            "{args:?}: {}",
            said.stderr
        );
        assert!(said.stderr.contains(want), "{args:?}: {}", said.stderr);
        assert!(!said.stderr.contains(secret), "{args:?}");
    }
}

#[test]
fn the_network_shows_what_the_profiles_reach() {
    let project = project();
    let rendered = rendered();
    let more = ["-n", "shop", "--format", "json"];
    let args = [&["network", "-"][..], &RELEASE, &more].concat();
    let graph: Value =
        serde_json::from_str(&run_in(project.path(), &args, &rendered).ok()).expect("JSON");
    let text = graph.to_string();
    for want in [
        "s3.eu-central-1.amazonaws.com",
        "sts.eu-central-1.amazonaws.com",
        "example.eu-central-1.snowflakecomputing.com",
        "observability",
        "storage.default.endpoint",
    ] {
        assert!(text.contains(want), "{want} in {text}");
    }
    let without = run_in(
        project.path(),
        &[
            "network",
            "-",
            "--env",
            "prod",
            "--release",
            "shop",
            "-n",
            "shop",
            "--format",
            "json",
        ],
        &rendered,
    )
    .ok();
    assert!(!without.contains("amazonaws"), "{without}");
}

// ---- random releases ---------------------------------------------------------------------------
