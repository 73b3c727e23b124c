//! The values of one environment, before the user's own.
//!
//! Two parts: switches of the platform chart, which come from the cluster mapping, and the block
//! `floe`, which holds what the artifact says in the form in which templates use it: environment
//! variables with their `secretKeyRef`, annotations of the service account, sizes.

use serde_json::{Map, Value, json};

use crate::platform::artifact::{Artifact, Profiles, Signals};
use crate::platform::credentials::Address;
use crate::platform::file::catalogs::CatalogType;
use crate::platform::file::compute::ComputeProfile;
use crate::platform::file::properties::Property;
use crate::platform::identity;
use crate::platform::mapping::{Isolation, Target};
use crate::platform::references::SecretUse;
use crate::platform::variables::{self, Topic};
use crate::values::merge;

/// The values of an environment. `sha256` is the artifact's.
pub fn values(artifact: &Artifact, sha256: &str, target: &Target) -> Map<String, Value> {
    let mut values = of_target(target);
    merge::lay(&mut values, of_artifact(artifact, sha256));
    values
}

/// What the mapping says.
fn of_target(target: &Target) -> Map<String, Value> {
    let isolation = match target.isolation {
        Isolation::Namespace => "namespace",
        Isolation::Label => "label",
    };
    // One pod is enough where nobody relies on it; otherwise an operator keeps copies.
    let database = match target.production {
        true => "cloudnativepg",
        false => "statefulset",
    };
    object(json!({
        "fullnameOverride": target.fullname,
        "global": {"environment": target.environment, "production": target.production},
        "namespace": {"name": target.namespace},
        "autoscaling": {"enabled": target.production},
        "podDisruptionBudget": {"enabled": target.production},
        "networkPolicy": {"enabled": target.network_policies},
        "postgresql": {"mode": database},
        "resourcePreset": target.preset,
        "resourcePresets": {target.preset.as_str(): target.sizes},
        "floe": {"isolation": isolation},
    }))
}

/// What the artifact says.
fn of_artifact(artifact: &Artifact, sha256: &str) -> Map<String, Value> {
    let signals = &artifact.observability;
    let profiles = &artifact.profiles;
    let mut product = Map::new();
    optional(&mut product, "name", artifact.metadata.name.clone());
    optional(&mut product, "version", artifact.metadata.version.clone());
    let mut values = object(json!({
        "polaris": {"enabled": profiles.catalog.profile.kind == CatalogType::Polaris},
        "otel": {"enabled": signals.traces || signals.metrics},
        "marquez": {"enabled": signals.lineage},
        "floe": {
            "artifact": {"sha256": sha256},
            "product": product,
            "storage": storage(profiles, &artifact.secrets),
            "catalog": catalog(profiles, &artifact.secrets),
            "compute": compute(&profiles.compute.profile, profiles.compute.name.as_str()),
            "observability": observability(signals, &artifact.secrets),
            "env": env(artifact),
            "timezone": artifact.runtime.timezone,
        },
    }));
    let mut floe = Map::new();
    if let Some(account) = service_account(profiles) {
        floe.insert("serviceAccount".into(), account);
    }
    if artifact.runtime.cleanup.enabled {
        let jobs = &artifact.runtime.cleanup.jobs;
        floe.insert(
            "jobs".into(),
            json!({
                "ttlSecondsAfterFinished": jobs.ttl_seconds,
                "successfulJobsHistoryLimit": jobs.history_limits.successful,
                "failedJobsHistoryLimit": jobs.history_limits.failed,
            }),
        );
    }
    if !artifact.resources.is_empty() {
        floe.insert("resources".into(), json!(artifact.resources));
    }
    merge::lay(&mut values, object(json!({"floe": floe})));
    values
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn optional(map: &mut Map<String, Value>, key: &str, value: Option<String>) {
    if let Some(value) = value {
        map.insert(key.into(), value.into());
    }
}

/// An address under `key`, or under `keyFrom` where it stands in a Secret.
fn address(
    map: &mut Map<String, Value>,
    key: &str,
    address: Option<&Address>,
    field: &str,
    secrets: &[SecretUse],
) {
    match address {
        None => {}
        Some(Address::Url(url)) => {
            map.insert(key.into(), url.as_str().into());
        }
        Some(Address::Secret(_)) => {
            let wanted = |used: &&SecretUse| used.used_by.iter().any(|place| place == field);
            if let Some(used) = secrets.iter().find(wanted) {
                map.insert(
                    format!("{key}From"),
                    json!({"secretKeyRef": secret_key(used)}),
                );
            }
        }
    }
}

fn secret_key(used: &SecretUse) -> Value {
    json!({"name": used.secret, "key": used.key})
}

fn storage(profiles: &Profiles, secrets: &[SecretUse]) -> Map<String, Value> {
    let profile = &profiles.storage.profile;
    let name = profiles.storage.name.as_str();
    let mut map = object(json!({
        "profile": name,
        "type": profile.kind,
        "bucket": profile.bucket,
        "region": profile.region,
        "pathStyleAccess": profile.path_style_access,
        "credentials": profile.credentials.mode,
    }));
    let field = format!("storage.{name}.endpoint");
    address(
        &mut map,
        "endpoint",
        profile.endpoint.as_ref(),
        &field,
        secrets,
    );
    map
}

fn catalog(profiles: &Profiles, secrets: &[SecretUse]) -> Map<String, Value> {
    let profile = &profiles.catalog.profile;
    let name = profiles.catalog.name.as_str();
    let mut map = object(json!({
        "profile": name,
        "type": profile.kind,
        "warehouse": profile.warehouse,
        "namespace": profile.namespace,
        "accessDelegation": profile.access_delegation,
        "tokenRefresh": profile.token_refresh_enabled,
        "credentials": profile.credentials.mode,
    }));
    let field = format!("catalogs.{name}.uri");
    address(&mut map, "uri", Some(&profile.uri), &field, secrets);
    map
}

fn compute(profile: &ComputeProfile, name: &str) -> Map<String, Value> {
    let plain = profile
        .properties
        .iter()
        .filter_map(|(name, property)| match property {
            Property::Plain(value) => Some((name.clone(), value.clone())),
            Property::Secret(_) => None,
        });
    object(json!({
        "profile": name,
        "type": profile.kind,
        "properties": plain.collect::<Map<_, _>>(),
        "credentials": profile.credentials.mode,
    }))
}

fn observability(signals: &Signals, secrets: &[SecretUse]) -> Map<String, Value> {
    let mut map = object(json!({
        "traces": signals.traces,
        "metrics": signals.metrics,
        "lineage": signals.lineage,
        "otlpProtocol": signals.otlp_protocol,
        "attributes": signals.attributes,
    }));
    optional(
        &mut map,
        "lineageNamespace",
        signals.lineage_namespace.clone(),
    );
    for (key, endpoint, field) in [
        (
            "otlpEndpoint",
            &signals.otlp_endpoint,
            "observability.otlp_endpoint",
        ),
        (
            "lineageEndpoint",
            &signals.lineage_endpoint,
            "observability.lineage_endpoint",
        ),
    ] {
        address(&mut map, key, endpoint.as_ref(), field, secrets);
    }
    map
}

/// The environment of every container of the product: Secrets by reference, the scope of the
/// token, a client id that is no secret.
fn env(artifact: &Artifact) -> Vec<Value> {
    let variables = variables::of(artifact, None).into_iter();
    let logins = variables.filter(|own| matches!(own.topic, Topic::Addresses | Topic::Credentials));
    logins.map(|own| own.entry()).collect()
}

/// What the service account needs so that its pods get an identity of the cloud.
fn service_account(profiles: &Profiles) -> Option<Value> {
    let identity = identity::of(profiles);
    if identity.annotations.is_empty() {
        return None;
    }
    let mut account = object(json!({"annotations": identity.annotations}));
    if !identity.pod_labels.is_empty() {
        account.insert("podLabels".into(), json!(identity.pod_labels));
    }
    Some(account.into())
}
