//! `layers:` of platform.yaml: the stages that data passes, each with its storage and catalog.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::platform::text::{CatalogNamespace, Name};

/// One layer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// The layer's name, the same as its key.
    pub name: Name,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 500))]
    pub description: Option<String>,
    /// The storage profile.
    pub storage_ref: Name,
    /// The catalog profile.
    #[serde(default = "default_catalog")]
    pub catalog_ref: Name,
    /// The namespace in the catalog, without the warehouse.
    pub namespace: CatalogNamespace,
    /// How long data is kept, in days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 36500))]
    pub retention_days: Option<u32>,
    /// Anything else that is worth saying.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, Value>,
}

fn default_catalog() -> Name {
    Name::from("default")
}
