//! floe.yaml as types: what a data team says about its product. It names profiles and nothing of
//! the platform itself, so that the same file serves in every environment.

pub mod consumption;
pub mod orchestration;

use std::collections::BTreeMap;

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::plaintext;
use super::text::{Name, ProductName, Semver};
use crate::config::leaves;
use crate::config::typed::{Checked, Problems};
use crate::manifest::view::escape;
use consumption::Consumption;
use orchestration::Orchestration;

/// What a data team says about its product.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "floe.yaml")]
pub struct FloeFile {
    /// The product's name; it becomes the value of a label.
    pub name: ProductName,
    /// The product's version.
    pub version: Semver,
    /// The storage profile.
    #[serde(default = "default_profile")]
    #[schemars(extend("errorMessage" = "must be the name of a profile; put the settings under storage.<name> in platform.yaml"))]
    pub storage: Name,
    /// The catalog profile.
    #[serde(default = "default_profile")]
    #[schemars(extend("errorMessage" = "must be the name of a profile; put the settings under catalogs.<name> in platform.yaml"))]
    pub catalog: Name,
    /// The compute profile.
    #[serde(default = "default_profile")]
    #[schemars(extend("errorMessage" = "must be the name of a profile; put the settings under compute.<name> in platform.yaml"))]
    pub compute: Name,
    /// The service account in the catalog that runs as the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<Name>,
    /// The role in the catalog that it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal_role: Option<Name>,
    /// What turns data into other data.
    #[serde(default)]
    pub transforms: Vec<Transform>,
    /// How the results are read.
    #[serde(default)]
    pub consumption: Consumption,
    /// How data is classified.
    #[serde(default)]
    pub governance: Governance,
    /// Which signals the product sends.
    #[serde(default)]
    pub observability: Signals,
    /// When things run.
    #[serde(default)]
    pub orchestration: Orchestration,
}

fn default_profile() -> Name {
    Name::from("default")
}

/// One of `transforms`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Transform {
    /// The tool.
    #[serde(rename = "type")]
    pub kind: Tool,
    /// The project's directory.
    #[schemars(length(min = 1, max = 255))]
    pub path: String,
    /// dbt's target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub target: Option<String>,
    /// Which models, in dbt's notation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1000))]
    pub selector: Option<String>,
}

/// Tools that transform data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tool {
    /// dbt.
    Dbt,
}

/// `governance` of floe.yaml.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Governance {
    /// Where classifications come from.
    pub classification_source: ClassificationSource,
    /// Whether lineage events are sent.
    pub emit_lineage: bool,
    /// Whether personal data is looked for.
    pub pii_detection: bool,
    /// What happens to a class of data.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub policies: BTreeMap<Name, Value>,
}

impl Default for Governance {
    fn default() -> Self {
        Governance {
            classification_source: ClassificationSource::default(),
            emit_lineage: true,
            pii_detection: false,
            policies: BTreeMap::new(),
        }
    }
}

/// Where classifications come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClassificationSource {
    /// The `meta` of dbt models.
    #[default]
    DbtMeta,
    /// Another system.
    External,
}

/// `observability` of floe.yaml: a product may switch signals off, never say where they go.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Signals {
    /// Whether traces are sent, where the platform sends them.
    pub traces: bool,
    /// Whether metrics are sent.
    pub metrics: bool,
    /// Whether lineage events are sent.
    pub lineage: bool,
    /// Attributes of every signal, on top of the platform's. `${FLOE_PLATFORM_ENV}` stands for the
    /// environment.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

impl Default for Signals {
    fn default() -> Self {
        Signals {
            traces: true,
            metrics: true,
            lineage: true,
            attributes: BTreeMap::new(),
        }
    }
}

/// The placeholder that attributes may hold.
pub const ENVIRONMENT: &str = "${FLOE_PLATFORM_ENV}";

impl Checked for FloeFile {
    fn scan(file: &Value, problems: &mut Problems) {
        plaintext::scan::<FloeFile>(file, problems);
        infrastructure(file, problems);
    }

    fn rules(&self, file: &Value, problems: &mut Problems) {
        for (name, value) in &self.observability.attributes {
            problems.expect(
                !value.replace(ENVIRONMENT, "").contains("${"),
                format!("/observability/attributes/{}", escape(name)),
                format!("holds a placeholder: the only one is {ENVIRONMENT}"),
            );
        }
        let written = file.get("orchestration").unwrap_or(&Value::Null);
        self.orchestration
            .rules("/orchestration", written, problems);
    }
}

/// Adds a problem for everything that belongs to the platform: addresses and hosts.
fn infrastructure(file: &Value, problems: &mut Problems) {
    leaves::visit(file, &mut |leaf| {
        let address = leaf.value.as_str().is_some_and(is_address);
        if address && !problems.has(leaf.pointer) {
            let home = home(leaf.pointer);
            problems.add(
                leaf.pointer,
                format!("is an address, and addresses differ between environments: put it into {home} of platform.yaml"),
            );
        }
    });
}

/// Whether a text is an address: with a scheme, an IP address, a port of a host, or a host that
/// only exists inside a cluster or company.
fn is_address(text: &str) -> bool {
    static PATTERN: std::sync::OnceLock<Option<Regex>> = std::sync::OnceLock::new();
    let pattern = r"(?i)^([a-z][a-z0-9+.-]*://\S+|\d{1,3}(\.\d{1,3}){3}(:\d+)?(/\S*)?|[a-z0-9.-]+\.(svc|internal|local)(\.[a-z0-9.-]+)?(:\d+)?(/\S*)?|[a-z0-9.-]*[a-z][a-z0-9.-]*:\d{2,5}(/\S*)?)$";
    PATTERN
        .get_or_init(|| Regex::new(pattern).ok())
        .as_ref()
        .is_some_and(|address| address.is_match(text))
}

/// The block of platform.yaml for what stands at a pointer of floe.yaml.
fn home(pointer: &str) -> &'static str {
    let lower = pointer.to_lowercase();
    let homes = [
        ("catalog", "catalogs.<name>.uri"),
        ("lineage", "observability.lineage_endpoint"),
        ("observability", "observability.otlp_endpoint"),
        ("compute", "compute.<name>.properties"),
    ];
    let found = homes.into_iter().find(|(word, _)| lower.contains(word));
    found.map_or("storage.<name>.endpoint", |(_, home)| home)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_other_texts() {
        for text in [
            "http://minio:9000",
            "s3://bucket/x",
            "10.0.0.1",
            "10.0.0.1:5432",
            "polaris.floe.svc",
            "polaris.floe.svc.cluster.local:8181",
            "db.corp.internal",
            "minio:9000",
        ] {
            assert!(is_address(text), "{text}");
        }
        for text in [
            "./dbt",
            "dbt/target/manifest.json",
            "1.2.3",
            "2.3.0",
            "analytics.assets",
            "tag:silver",
            "0 2 * * *",
            "Europe/Berlin",
            "02:00 UTC",
            "internal",
            "%Y-%m-%d",
        ] {
            assert!(!is_address(text), "{text}");
        }
    }
}
