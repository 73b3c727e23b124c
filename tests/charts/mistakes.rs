//! Mistakes that people make with values, and the schema that refuses them.

use helm_floe::values::chart::{Chart, map};
use helm_floe::values::strvals;
use serde_json::Map;

use crate::common::{Helm, MAJORS, path_text, repository};
use crate::render::{cases, charts, template};

/// Chart, what is set, and the field that must be named.
#[rustfmt::skip]
const MISTAKES: &[(&str, &[&str], &str)] = &[
    // Misspelt, or in the wrong place.
    ("floe-platform", &["postgresql.primary.persistence.size=1Gi"], "postgresql"),
    ("floe-platform", &["dagster.dagster-webserver.replicas=2"], "dagster"),
    ("floe-platform", &["dagster.webserver.replicaCount=2"], "dagster.webserver"),
    ("floe-platform", &["dagster.runLauncher.type=k8s"], "dagster"),
    ("floe-platform", &["minio.buckets[0]=floe"], "minio"),
    ("floe-platform", &["resourcePresets.big.requests.cpu=1"], "resourcePresets.big"),
    ("floe-platform", &["autoscaling.enable=true"], "autoscaling"),
    ("floe-platform", &["serviceMonitor.enabled=true"], ""),
    ("floe-platform", &["affinity.nodeAffinity=x"], ""),
    ("floe-platform", &["networkPolicies.enabled=true"], ""),
    ("floe-platform", &["floe.observability.trace=false"], "floe.observability"),
    // Of another type, or no such word.
    ("floe-platform", &["otel.enabled=yes"], "otel.enabled"),
    ("floe-platform", &["otel.replicas=0"], "otel.replicas"),
    ("floe-platform", &["dagster.migrate.enabled=true"], "dagster"),
    ("floe-platform", &["polaris.createCatalogs=true"], "polaris.createCatalogs"),
    ("floe-platform", &["polaris.warehouse=s3://floe"], "polaris.warehouse"),
    ("floe-platform", &["polaris.catalogs[0]=raw"], "polaris.catalogs[0]"),
    ("floe-platform", &["polaris.catalogs[0].name=raw", "polaris.catalogs[0].location=s3://raw"], "polaris.catalogs[0].location"),
    ("floe-platform", &["polaris.replicas=two"], "polaris.replicas"),
    ("floe-platform", &["polaris.persistence=eclipse-link"], "polaris.persistence"),
    ("floe-platform", &["postgresql.mode=operator"], "postgresql.mode"),
    ("floe-platform", &["global.environment=Dev_Team"], "global.environment"),
    ("floe-platform", &["global.imagePullPolicy=always"], "global.imagePullPolicy"),
    ("floe-platform", &["namespace.name=Floe"], "namespace.name"),
    ("floe-platform", &["fullnameOverride=floe-"], "fullnameOverride"),
    ("floe-platform", &["autoscaling.cpu=120"], "autoscaling.cpu"),
    ("floe-platform", &["storage.bucket=My_Bucket"], "storage.bucket"),
    ("floe-platform", &["dagster.database.name=dag-ster"], "dagster.database.name"),
    ("floe-platform", &["postgresql.persistence.size=8GB"], "postgresql.persistence.size"),
    ("floe-platform", &["otel.exporters.traces=https://traces.example.com"], "otel.exporters.traces"),
    // Half of what belongs together.
    ("floe-platform", &["polaris.resources.limits.cpu=1"], "polaris.resources"),
    ("floe-platform", &["postgresql.mode=external"], "postgresql.external.host"),
    ("floe-platform", &["externalSecrets.enabled=true"], "externalSecrets.store.name"),
    ("floe-platform", &["ingress.enabled=true"], "ingress.hosts"),
    ("floe-platform", &["floe.catalog.uriFrom.secretKeyRef.name=a"], "floe.catalog.uriFrom.secretKeyRef"),
    // What does not go together.
    ("floe-platform", &["polaris.persistence=in-memory", "polaris.replicas=2"], "polaris.replicas"),
    ("floe-platform", &["polaris.persistence=in-memory", "autoscaling.enabled=true"], "autoscaling.enabled"),
    ("floe-platform", &["polaris.tokenKey.enabled=false", "autoscaling.enabled=true"], "polaris.tokenKey.enabled"),
    ("floe-platform", &["minio.enabled=true", "storage.endpoint=https://s3.example.com"], "storage.endpoint"),
    ("floe-platform", &["floe.isolation=label", "resourceQuota.enabled=true"], "resourceQuota.enabled"),
    // Not where people rely on it.
    ("floe-platform", &["global.production=true"], "postgresql.mode"),
    ("floe-platform", &["global.production=true", "minio.enabled=true"], "minio.enabled"),
    ("floe-platform", &["global.production=true", "polaris.persistence=in-memory"], "polaris.persistence"),
    // Images and credentials.
    ("floe-platform", &["polaris.image.tag=latest"], "polaris.image.tag"),
    ("floe-platform", &["polaris.image.tag="], "polaris.image"),
    ("floe-platform", &["polaris.image.digest=1234"], "polaris.image.digest"),
    ("floe-platform", &["polaris.external.url=https://user:word@polaris.example.com"], "polaris.external.url"),
    ("floe-platform", &["floe.env[0].name=DB_PASSWORD", "floe.env[0].value=x"], "floe.env[0]"),
    ("floe-platform", &["postgresql.password=x"], "postgresql"),
    ("floe-platform", &["polaris.existingSecret=Polaris_Root"], "polaris.existingSecret"),
    ("floe-jobs", &["jobs.build.command[0]=dbt"], "jobs.build"),
    ("floe-jobs", &["jobs.build.schedule=0 2 * *"], "jobs.build.schedule"),
    ("floe-jobs", &["jobs.build.args=null"], "jobs.build"),
    ("floe-jobs", &["types.transform.backoffLimit=-1"], "types.transform.backoffLimit"),
    ("floe-jobs", &["jobDefaults.backoffLimit=1"], ""),
    ("floe-jobs", &["user=0"], "user"),
    ("floe-jobs", &["image.tag=latest"], "image.tag"),
    ("floe-jobs", &["env[0].name=SNOWFLAKE_PASSWORD", "env[0].value=x"], "env[0]"),
    ("floe-jobs", &["artifact.existingConfigMap=a", "artifact.content={}"], "artifact.content"),
];

#[test]
fn the_schemas_refuse_mistakes_and_name_the_field() {
    let mut missed = Vec::new();
    for (name, sets, field) in MISTAKES {
        let chart = Chart::read(&repository().join("charts").join(name)).expect("a chart");
        let mut values = Map::new();
        for set in *sets {
            strvals::apply(&mut values, set).expect("Helm's notation");
        }
        let said = chart.violations(&values);
        let named = |line: &String| match field.is_empty() {
            true => !line.is_empty(),
            false => {
                let rest = line.strip_prefix(field);
                rest.is_some_and(|rest| rest.starts_with(": "))
            }
        };
        if !said.iter().any(named) {
            missed.push((sets, said));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

/// Both Helms read the schemas as we do.
#[test]
fn both_helms_refuse_what_the_schemas_refuse() {
    for major in MAJORS {
        let helm = Helm::new(major);
        for (name, sets, _) in MISTAKES.iter().step_by(4) {
            let chart = repository().join("charts").join(name);
            let mut arguments = vec![path_text(&chart)];
            arguments.extend(sets.iter().flat_map(|set| ["--set", set]));
            let said = template(&helm, &arguments);
            assert_ne!(said.code, 0, "{name} {sets:?}, Helm {major}");
            assert!(said.stderr.contains("schema"), "{}", said.stderr);
        }
    }
}

#[test]
fn every_chart_has_a_schema_that_needs_no_network_and_is_closed() {
    for chart in charts() {
        let file = chart.join("values.schema.json");
        let text = std::fs::read_to_string(&file).expect("a schema");
        let refers = |line: &&str| line.contains("\"$ref\"") && !line.contains("\"#/");
        assert_eq!(text.lines().find(refers), None, "{}", file.display());
        let mut values = Map::new();
        strvals::apply(&mut values, "noSuchKey=1").expect("Helm's notation");
        let said = Chart::read(&chart).expect("a chart").violations(&values);
        assert!(!said.is_empty(), "{} takes any key", file.display());
    }
}

/// A values file says what is different, and nothing else.
#[test]
fn values_files_repeat_no_default() {
    for case in cases() {
        let Some(file) = &case.values else { continue };
        let read = |path: &std::path::Path| {
            let text = std::fs::read_to_string(path).expect("read");
            serde_json::Value::Object(map(path_text(path), &text).expect("values"))
        };
        let defaults = read(&case.chart.join("values.yaml"));
        let mut same = Vec::new();
        repeated(&read(file), &defaults, "", &mut same);
        assert_eq!(same, Vec::<String>::new(), "{}", case.name());
    }
}

fn repeated(
    own: &serde_json::Value,
    default: &serde_json::Value,
    at: &str,
    same: &mut Vec<String>,
) {
    match own {
        serde_json::Value::Object(members) if !members.is_empty() => {
            for (key, value) in members {
                if let Some(default) = default.get(key) {
                    repeated(value, default, &format!("{at}.{key}"), same);
                }
            }
        }
        value if value == default && at != ".global.environment" => same.push(at.to_owned()),
        _ => {}
    }
}
