//! Compiled artifacts: a product and an environment, resolved into one document.
//!
//! References to Secrets stay references and the clock is left out, so that the same two files
//! always give the same bytes and the document may lie in Git.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::credentials::Address;
use super::file::catalogs::CatalogProfile;
use super::file::compute::ComputeProfile;
use super::file::infrastructure::{Cleanup, ResourceProfile};
use super::file::observability::{ComputeLogs, Logging, Metrics, OtlpProtocol, Sampling};
use super::file::storage::StorageProfile;
use super::floe::consumption::Consumption;
use super::floe::orchestration::Orchestration;
use super::floe::{Governance, Transform};
use super::references::SecretUse;
use super::text::{CatalogNamespace, Name, Timezone};
use super::{file, older};
use crate::config::{ConfigError, Source};

/// The version of the format that this program writes.
pub const VERSION: &str = "2.0.0";

/// A product, resolved for one environment.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "compiled artifact")]
pub struct Artifact {
    /// The version of this format: 2.0.0.
    pub version: String,
    /// What was compiled, and by whom.
    pub metadata: Metadata,
    /// The platform file it was compiled with.
    pub platform: Origin,
    /// The profiles of the product.
    pub profiles: Profiles,
    /// The stages that data passes.
    #[serde(default)]
    pub layers: BTreeMap<Name, ResolvedLayer>,
    /// Every key of a Secret that the product needs.
    #[serde(default)]
    pub secrets: Vec<SecretUse>,
    /// Where signals go, and which the product sends.
    pub observability: Signals,
    /// Time zone and life cycle.
    pub runtime: Runtime,
    /// Sizes by the value of `app.kubernetes.io/component`.
    #[serde(default)]
    pub resources: BTreeMap<Name, ResourceProfile>,
    /// What the data team says about its data.
    #[serde(default)]
    pub governance: Governance,
    /// What the platform says about all data.
    #[serde(default)]
    pub platform_governance: file::governance::Governance,
    /// What turns data into other data.
    #[serde(default)]
    pub transforms: Vec<Transform>,
    /// How the results are read.
    #[serde(default)]
    pub consumption: Consumption,
    /// When things run.
    #[serde(default)]
    pub orchestration: Orchestration,
    /// The service account in the catalog that runs as the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<Name>,
    /// The role in the catalog that it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal_role: Option<Name>,
}

/// What was compiled, and by whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// The product's name; absent in artifacts of older formats that do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The product's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The environment; absent when a platform file was named that belongs to none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The program and its version.
    pub compiler: String,
    /// SHA-256 of floe.yaml.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec_sha256: Option<String>,
    /// SHA-256 of platform.yaml.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_sha256: Option<String>,
}

/// The platform file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The version of its format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// The profiles of a product.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profiles {
    /// Where its data lies.
    pub storage: Chosen<StorageProfile>,
    /// Where its tables are registered.
    pub catalog: Chosen<CatalogProfile>,
    /// What runs its transformations.
    pub compute: Chosen<ComputeProfile>,
    /// Further storage profiles that layers refer to.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub other_storage: BTreeMap<Name, StorageProfile>,
    /// Further catalog profiles that layers refer to.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub other_catalogs: BTreeMap<Name, CatalogProfile>,
}

/// A profile with its name.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct Chosen<T> {
    /// Its name.
    pub name: Name,
    /// What it says.
    #[serde(flatten)]
    pub profile: T,
}

/// A stage with its profiles.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolvedLayer {
    /// The storage profile.
    pub storage: Name,
    /// The catalog profile.
    pub catalog: Name,
    /// The namespace in the catalog.
    pub namespace: CatalogNamespace,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How long data is kept, in days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    /// Anything else that is worth saying.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, Value>,
}

/// Which signals a product sends, and where they go.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Signals {
    /// Whether both the platform and the product want traces.
    pub traces: bool,
    /// The same for metrics.
    pub metrics: bool,
    /// The same for lineage events.
    pub lineage: bool,
    /// Where the OpenTelemetry collector listens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otlp_endpoint: Option<Address>,
    /// How clients speak to it.
    #[serde(default)]
    pub otlp_protocol: OtlpProtocol,
    /// Where lineage events go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage_endpoint: Option<Address>,
    /// The namespace of lineage events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage_namespace: Option<String>,
    /// Attributes of every signal.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// Which traces are kept.
    #[serde(default)]
    pub sampling: Sampling,
    /// Metrics in detail.
    #[serde(default)]
    pub metrics_config: Metrics,
    /// Logs.
    #[serde(default)]
    pub logging: Logging,
    /// The logs of runs.
    #[serde(default)]
    pub compute_logs: ComputeLogs,
}

/// Time zone and life cycle.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Runtime {
    /// The time zone of schedules and logs.
    pub timezone: Timezone,
    /// What becomes of finished jobs.
    #[serde(default)]
    pub cleanup: Cleanup,
}

impl Artifact {
    /// The artifact as JSON with sorted keys, ending in a newline.
    pub fn to_json(&self) -> String {
        // A map of serde_json is sorted; a struct would keep the order of its fields.
        let value = serde_json::to_value(self).unwrap_or_default();
        format!("{value:#}\n")
    }

    /// Reads an artifact of this or an older format.
    ///
    /// # Errors
    /// It is none, is of a format that cannot be read, or lacks what is needed.
    pub fn read(file: &str, text: &str) -> Result<Artifact, ConfigError> {
        Artifact::read_with_version(file, text).map(|(artifact, _)| artifact)
    }

    /// The same, with the version of the format that it is written in.
    ///
    /// # Errors
    /// As [`Artifact::read`].
    pub fn read_with_version(file: &str, text: &str) -> Result<(Artifact, String), ConfigError> {
        let source = Source::parse(file, text)?;
        let version = match source.value("/version") {
            Some(Value::String(version)) => version,
            _ => return Err(source.error("", &"is no compiled artifact: it has no `version`")),
        };
        let artifact = match version.as_str() {
            VERSION if source.value("/profiles").is_some() => source.decode(),
            VERSION => older::flattened(&source),
            "1.0.0" | "1.1.0" => older::first(&source),
            version => Err(source.error(
                "/version",
                &format!("artifacts of version {version} cannot be read, only {VERSION}, 1.1.0 and 1.0.0: compile it again with `helm-floe compile`"),
            )),
        };
        Ok((artifact?, version))
    }
}

/// SHA-256 of a text, in hexadecimal digits.
pub fn sha256(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
