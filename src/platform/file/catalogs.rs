//! `catalogs:` of platform.yaml: where tables are registered.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::properties::Property;
use crate::config::typed::Problems;
use crate::platform::credentials::{Address, Credentials, Login};

/// One catalog profile.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CatalogProfile {
    /// The kind of catalog.
    #[serde(default, rename = "type")]
    pub kind: CatalogType,
    /// The catalog's address, as text or in a Secret.
    pub uri: Address,
    /// The warehouse.
    #[schemars(length(min = 1, max = 255))]
    pub warehouse: String,
    /// The namespace that is used where none is named.
    #[serde(default = "namespace")]
    #[schemars(length(min = 1, max = 255))]
    pub namespace: String,
    /// How to log in.
    #[serde(default)]
    pub credentials: Credentials,
    /// How readers get at the files behind a table.
    #[serde(default)]
    pub access_delegation: AccessDelegation,
    /// Whether the client renews its token by itself.
    #[serde(default = "yes")]
    pub token_refresh_enabled: bool,
    /// Further properties for the client.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, Property>,
}

fn namespace() -> String {
    "default".into()
}

fn yes() -> bool {
    true
}

/// The kinds of catalogs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CatalogType {
    /// Apache Polaris.
    #[default]
    Polaris,
    /// AWS Glue.
    Glue,
    /// Nessie.
    Nessie,
    /// Any Iceberg REST catalog.
    Rest,
    /// A Hive metastore.
    Hive,
    /// Unity Catalog.
    Unity,
}

impl CatalogType {
    /// The kind as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            CatalogType::Polaris => "polaris",
            CatalogType::Glue => "glue",
            CatalogType::Nessie => "nessie",
            CatalogType::Rest => "rest",
            CatalogType::Hive => "hive",
            CatalogType::Unity => "unity",
        }
    }

    /// The keys of a Secret with static credentials, and the variables that clients read; an empty
    /// variable is named after the Secret and the key.
    pub fn secret_keys(self) -> &'static [(&'static str, &'static str)] {
        match self {
            CatalogType::Glue => &[
                ("access_key", "AWS_ACCESS_KEY_ID"),
                ("secret_key", "AWS_SECRET_ACCESS_KEY"),
            ],
            CatalogType::Polaris => &[("token", "POLARIS_TOKEN")],
            _ => &[("token", "")],
        }
    }
}

/// How readers get at the files behind a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AccessDelegation {
    /// The catalog hands out short-lived credentials.
    VendedCredentials,
    /// The catalog signs each request.
    RemoteSigning,
    /// Readers have their own credentials.
    #[default]
    None,
}

impl CatalogProfile {
    /// What the schema cannot say.
    pub fn rules(&self, at: &str, local: bool, problems: &mut Problems) {
        let login = Login {
            to: self.kind.as_str(),
            needed: matches!(
                self.kind,
                CatalogType::Polaris | CatalogType::Glue | CatalogType::Unity
            ),
            aws: self.kind == CatalogType::Glue,
            local,
        };
        self.credentials.rules(at, &login, problems);
        if let Some(reference) = self.uri.reference() {
            reference.rules(&format!("{at}/uri"), problems);
        }
        Property::rules(&self.properties, &format!("{at}/properties"), problems);
    }
}
