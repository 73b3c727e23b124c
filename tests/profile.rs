//! A product's artifact in a release: through the binary and through both Helms, and on random
//! releases, where only what may change does.
#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use common::{
    Helm, MAJORS, Outcome, chart, copy_tree, feed, floe, helm_floe, path_text, repository,
};
use helm_floe::inject::profile::Profile;
use helm_floe::manifest::{Document, split, write_document};
use helm_floe::pipeline::{self, Mode, Settings};
use helm_floe::platform::artifact::Artifact;
use helm_floe::platform::injection::Injection;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

/// The environments of the starter files, which share one floe.yaml.
const ENVIRONMENTS: [&str; 4] = ["local", "dev", "staging", "prod"];

/// A project with the starter files and an artifact for each environment.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a directory");
    copy_tree(&repository().join("examples/starter"), folder.path());
    for env in ENVIRONMENTS {
        let artifact = format!("{env}.json");
        run_in(
            folder.path(),
            &["compile", "--env", env, "-o", &artifact],
            "",
        )
        .ok();
    }
    folder
}

fn run_in(folder: &Path, args: &[&str], stdin: &str) -> Outcome {
    let mut command = floe(args);
    Outcome::of(&feed(command.current_dir(folder), stdin.as_bytes()))
}

/// The objects of a stream.
fn objects(stream: &str) -> Vec<Value> {
    let spans = split(stream).expect("separators");
    let values = spans.iter().map(|span| {
        let document = Document::parse(span.text).expect("YAML");
        document
            .root()
            .map(|root| root.to_json())
            .unwrap_or_default()
    });
    values.filter(|value| !value.is_null()).collect()
}

fn object<'v>(objects: &'v [Value], kind: &str, name: &str) -> &'v Value {
    let is = |own: &&Value| own["kind"] == kind && own["metadata"]["name"] == name;
    let found = objects.iter().find(is);
    found.unwrap_or_else(|| panic!("{kind} {name}"))
}

/// The chart, as Helm 4 renders it with hooks.
fn rendered() -> String {
    let helm = Helm::new(4);
    helm.run(&["template", "shop", &chart("product")]).ok()
}

/// The variables of a container: the value, or `secret/key`.
fn variables(container: &Value) -> BTreeMap<String, String> {
    let list = container["env"].as_array().into_iter().flatten();
    list.map(|own| {
        let name = own["name"].as_str().expect("a name").to_owned();
        let secret = &own["valueFrom"]["secretKeyRef"];
        let value = match own["value"].as_str() {
            Some(value) => value.to_owned(),
            None => format!(
                "{}/{}",
                secret["name"].as_str().expect("a Secret"),
                secret["key"].as_str().expect("a key")
            ),
        };
        (name, value)
    })
    .collect()
}

fn containers<'v>(object: &'v Value, pod: &str, list: &str) -> Vec<&'v Value> {
    let list = object.pointer(&format!("{pod}/{list}"));
    list.and_then(Value::as_array)
        .into_iter()
        .flatten()
        .collect()
}

const TEMPLATE: &str = "/spec/template";
const JOB_TEMPLATE: &str = "/spec/jobTemplate/spec/template";

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

#[test]
fn each_container_gets_what_is_its_own() {
    let project = project();
    let args = [
        "--env",
        "prod",
        "--artifact",
        "prod.json",
        "--release",
        "shop",
        "--format",
        "json",
    ];
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
        for word in [
            "--env",
            "prod",
            "--artifact",
            "prod.json",
            "--release",
            "shop",
        ] {
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
    let args = [
        "network",
        "-",
        "--env",
        "prod",
        "--artifact",
        "prod.json",
        "--release",
        "shop",
        "-n",
        "shop",
        "--format",
        "json",
    ];
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
