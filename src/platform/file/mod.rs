//! platform.yaml as types: one file per block.

pub mod catalogs;
pub mod compute;
pub mod connections;
pub mod governance;
pub mod infrastructure;
pub mod layers;
pub mod observability;
pub mod properties;
pub mod security;
pub mod storage;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::hardening::Hardening;
use super::text::{FormatVersion, Name};
use super::{plaintext, references};
use crate::config::schema::suggest;
use crate::config::typed::{Checked, Problems};
use crate::manifest::view::escape;
use catalogs::CatalogProfile;
use compute::ComputeProfile;
use governance::Governance;
use infrastructure::Infrastructure;
use layers::Layer;
use observability::{ComputeLogs, LogManager, Observability};
use security::Security;
use storage::StorageProfile;

/// The version of the format that this program writes.
pub const VERSION: &str = "1.2.0";

/// What a platform team says about one environment.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "platform.yaml")]
pub struct PlatformFile {
    /// The version of this format: 1.0.0, 1.1.0 or 1.2.0.
    pub version: FormatVersion,
    /// Storage profiles by name; products choose one, or get `default`.
    pub storage: BTreeMap<Name, StorageProfile>,
    /// Catalog profiles by name.
    pub catalogs: BTreeMap<Name, CatalogProfile>,
    /// Compute profiles by name.
    pub compute: BTreeMap<Name, ComputeProfile>,
    /// The stages that data passes.
    pub layers: BTreeMap<Name, Layer>,
    /// Where signals go, and how many.
    pub observability: Observability,
    /// Time zone, network, cloud, life cycle and sizes.
    pub infrastructure: Infrastructure,
    /// Who may log in, what they may do, where secrets lie.
    pub security: Security,
    /// How data is classified, kept and checked.
    pub governance: Governance,
    /// What every release gets in this environment.
    pub hardening: Hardening,
}

impl Default for PlatformFile {
    fn default() -> Self {
        PlatformFile {
            version: FormatVersion::from(VERSION),
            storage: BTreeMap::new(),
            catalogs: BTreeMap::new(),
            compute: BTreeMap::new(),
            layers: BTreeMap::new(),
            observability: Observability::default(),
            infrastructure: Infrastructure::default(),
            security: Security::default(),
            governance: Governance::default(),
            hardening: Hardening::default(),
        }
    }
}

impl Checked for PlatformFile {
    fn scan(file: &Value, problems: &mut Problems) {
        plaintext::scan::<PlatformFile>(file, problems);
    }

    fn rules(&self, file: &Value, problems: &mut Problems) {
        let known = ["1.0.0", "1.1.0", VERSION];
        let version = self.version.as_str();
        problems.expect(
            known.contains(&version),
            "/version",
            format!(
                "no version {version} of this format: there are {}",
                known.join(", ")
            ),
        );
        let local = is_local(file);
        for (name, profile) in &self.storage {
            profile.rules(
                &format!("/storage/{}", escape(name.as_str())),
                local,
                problems,
            );
        }
        for (name, profile) in &self.catalogs {
            profile.rules(
                &format!("/catalogs/{}", escape(name.as_str())),
                local,
                problems,
            );
        }
        for (name, profile) in &self.compute {
            profile.rules(
                &format!("/compute/{}", escape(name.as_str())),
                local,
                problems,
            );
        }
        for (key, layer) in &self.layers {
            layer_rules(key, layer, file, problems);
        }
        logs_rules(&self.observability.compute_logs, file, problems);
        self.observability.rules("/observability", problems);
        self.infrastructure.rules("/infrastructure", problems);
        self.security.rules("/security", problems);
        self.governance.rules("/governance", problems);
        if let Err((at, reason)) = self.hardening.validate() {
            problems.add(format!("/hardening{at}"), reason);
        }
        references::collisions(&references::of_platform(self), problems);
    }
}

/// Whether the file says in so many words that it describes a single machine; the default does not
/// count, since most files will not say.
fn is_local(file: &Value) -> bool {
    file.pointer("/infrastructure/cloud/provider") == Some(&Value::from("local"))
}

/// The names of the profiles of one sort as the file has them, those with mistakes included.
fn names<'f>(file: &'f Value, sort: &str) -> Vec<&'f str> {
    let profiles = file.get(sort).and_then(Value::as_object);
    profiles
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect()
}

fn layer_rules(key: &Name, layer: &Layer, file: &Value, problems: &mut Problems) {
    let at = format!("/layers/{}", escape(key.as_str()));
    problems.expect(
        *key == layer.name,
        format!("{at}/name"),
        format!("must be the same as the key, `{key}`"),
    );
    for (field, sort, name) in [
        ("storage_ref", "storage", &layer.storage_ref),
        ("catalog_ref", "catalogs", &layer.catalog_ref),
    ] {
        let known = names(file, sort);
        problems.expect(
            known.contains(&name.as_str()),
            format!("{at}/{field}"),
            format!(
                "no profile `{name}` under {sort}{}",
                suggest(name.as_str(), &known)
            ),
        );
    }
}

/// Where the logs of runs go must exist, unless nobody asked for them.
fn logs_rules(logs: &ComputeLogs, file: &Value, problems: &mut Problems) {
    let at = "/observability/compute_logs";
    let stored = !matches!(logs.manager_type, LogManager::Local | LogManager::Noop);
    if file.pointer(at).is_some() && logs.enabled && stored {
        let known = names(file, "storage");
        let name = logs.storage_ref.as_str();
        problems.expect(
            known.contains(&name),
            format!("{at}/storage_ref"),
            format!("no profile `{name}` under storage{}", suggest(name, &known)),
        );
    }
}
