//! Reads artifacts of older formats, as far as they say enough.
//!
//! Two are known. In the first (1.0.0 and 1.1.0) profiles stand whole under `resolved_profiles`.
//! The other calls itself 2.0.0 too and has them flattened at the top: `credential_mode` beside
//! `bucket`, without the Secrets of an OAuth2 client.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::artifact::{Artifact, Chosen, Metadata, Origin, Profiles, Runtime, Signals, VERSION};
use super::compile::{compiler, profile_secrets};
use super::file::infrastructure::Cleanup;
use super::file::observability::Observability;
use super::text::{Name, Timezone};
use crate::config::typed::drop_null;
use crate::config::{ConfigError, Source};

/// The format with `resolved_profiles`.
pub fn first(source: &Source<'_>) -> Result<Artifact, ConfigError> {
    if source.value("/resolved_profiles").is_none() {
        let reason = "has no `resolved_profiles`: compile it again with `helm-floe compile`";
        return Err(source.error("", &reason));
    }
    let profile = |sort: &str| value(source, &format!("/resolved_profiles/{sort}"));
    let profiles = Profiles {
        storage: chosen(source, "/resolved_profiles/storage", profile("storage"))?,
        catalog: chosen(source, "/resolved_profiles/catalog", profile("catalog"))?,
        compute: chosen(source, "/resolved_profiles/compute", profile("compute"))?,
        other_storage: BTreeMap::new(),
        other_catalogs: BTreeMap::new(),
    };
    let signals: Observability = part(source, "/observability", value(source, "/observability"))?;
    let metadata = Metadata {
        environment: text(source, "/resolved_profiles/platform_env"),
        spec_sha256: text(source, "/metadata/source_hash"),
        ..Metadata::default()
    };
    assemble(source, metadata, profiles, signals)
}

/// The format with flattened profiles.
pub fn flattened(source: &Source<'_>) -> Result<Artifact, ConfigError> {
    let profile = |sort: &str| flat(source, &format!("/{sort}"));
    let profiles = Profiles {
        storage: chosen(source, "/storage", profile("storage")?)?,
        catalog: chosen(source, "/catalog", profile("catalog")?)?,
        compute: chosen(source, "/compute", profile("compute")?)?,
        other_storage: BTreeMap::new(),
        other_catalogs: BTreeMap::new(),
    };
    let metadata = Metadata {
        name: text(source, "/metadata/name"),
        version: text(source, "/metadata/version"),
        ..Metadata::default()
    };
    let signals = part(source, "/observability", nested_signals(source))?;
    let mut artifact = assemble(source, metadata, profiles, signals)?;
    artifact.platform = Origin {
        version: text(source, "/platform_version"),
        source: text(source, "/platform_source"),
    };
    Ok(artifact)
}

fn assemble(
    source: &Source<'_>,
    metadata: Metadata,
    profiles: Profiles,
    signals: Observability,
) -> Result<Artifact, ConfigError> {
    Ok(Artifact {
        version: VERSION.into(),
        metadata: Metadata {
            compiler: compiler(),
            ..metadata
        },
        platform: Origin::default(),
        secrets: profile_secrets(&profiles).into_list(),
        profiles,
        layers: BTreeMap::new(),
        observability: Signals {
            traces: signals.traces,
            metrics: signals.metrics,
            lineage: signals.lineage,
            otlp_endpoint: signals.otlp_endpoint,
            otlp_protocol: signals.otlp_protocol,
            lineage_endpoint: signals.lineage_endpoint,
            lineage_namespace: text(source, "/lineage_namespace").or(signals.lineage_namespace),
            attributes: signals.attributes,
            sampling: signals.tracing.sampling,
            metrics_config: signals.metrics_config,
            logging: signals.logging,
            compute_logs: signals.compute_logs,
        },
        runtime: Runtime {
            timezone: Timezone::from("UTC"),
            cleanup: Cleanup::default(),
        },
        resources: BTreeMap::new(),
        governance: Default::default(),
        platform_governance: Default::default(),
        transforms: part(source, "/transforms", value(source, "/transforms"))?,
        consumption: Default::default(),
        orchestration: Default::default(),
        service_account: None,
        principal_role: None,
    })
}

/// A part of the source without nulls; an empty map when it is not there.
fn value(source: &Source<'_>, pointer: &str) -> Value {
    let mut value = source.value(pointer).unwrap_or(Value::Null);
    drop_null(&mut value);
    value
}

fn text(source: &Source<'_>, pointer: &str) -> Option<String> {
    source.value(pointer)?.as_str().map(str::to_owned)
}

fn part<T: DeserializeOwned + Default>(
    source: &Source<'_>,
    pointer: &str,
    value: Value,
) -> Result<T, ConfigError> {
    if value.is_null() {
        return Ok(T::default());
    }
    T::deserialize(value).map_err(|error| source.error(pointer, &error))
}

fn chosen<T: DeserializeOwned>(
    source: &Source<'_>,
    pointer: &str,
    mut value: Value,
) -> Result<Chosen<T>, ConfigError> {
    let mut name = Name::from("default");
    if let Value::Object(members) = &mut value {
        if let Some(Value::String(given)) = members.remove("name") {
            name = Name::from(given.as_str());
        }
        // An empty endpoint meant the cloud's own.
        members.retain(|key, member| !(key == "endpoint" && member == ""));
    }
    match T::deserialize(value) {
        Ok(profile) => Ok(Chosen { name, profile }),
        Err(error) => Err(source.error(pointer, &error)),
    }
}

/// A flattened profile with its credentials put together again.
fn flat(source: &Source<'_>, pointer: &str) -> Result<Value, ConfigError> {
    let Value::Object(mut members) = value(source, pointer) else {
        let reason = format!(
            "is no compiled artifact that can be read: it has neither `profiles` nor `{}`",
            pointer.trim_start_matches('/')
        );
        return Err(source.error("", &reason));
    };
    let mut credentials = Map::new();
    for (old, new) in [
        ("credential_mode", "mode"),
        ("secret_ref", "secret_ref"),
        ("oauth2_scope", "scope"),
        ("role_arn", "role_arn"),
    ] {
        if let Some(member) = members.remove(old) {
            credentials.insert(new.into(), member);
        }
    }
    if credentials.get("mode").is_some_and(|mode| mode == "oauth2") {
        let reason = "does not say which Secrets hold the client's id and secret: compile it again with `helm-floe compile`";
        return Err(source.error(pointer, &reason));
    }
    members.insert("credentials".into(), credentials.into());
    Ok(members.into())
}

/// `tracing: {enabled, endpoint}` and the like in the form of today.
fn nested_signals(source: &Source<'_>) -> Value {
    let mut signals = Map::new();
    for (pointer, field) in [
        ("/observability/tracing/enabled", "traces"),
        ("/observability/tracing/endpoint", "otlp_endpoint"),
        ("/observability/tracing/protocol", "otlp_protocol"),
        ("/observability/lineage/enabled", "lineage"),
        ("/observability/lineage/endpoint", "lineage_endpoint"),
        ("/observability/lineage/namespace", "lineage_namespace"),
        ("/observability/metrics", "metrics"),
        ("/observability/attributes", "attributes"),
    ] {
        if let Some(value) = source.value(pointer).filter(|value| !value.is_null()) {
            signals.insert(field.into(), value);
        }
    }
    signals.into()
}
