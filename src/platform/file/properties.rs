//! Free properties of a profile: plain values, or references to Secrets.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::config::typed::Problems;
use crate::manifest::view::escape;
use crate::platform::credentials::SecretReference;

/// The value of a property.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Property {
    /// Kept in a Secret.
    Secret(SecretReference),
    /// Anything else.
    Plain(#[schemars(schema_with = "plain")] Value),
}

/// Only a map is a reference. What serde derives would take the list `[name]` for one, too.
impl<'de> Deserialize<'de> for Property {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Property, D::Error> {
        let value = Value::deserialize(deserializer)?;
        match value.get("secret_ref") {
            Some(_) => SecretReference::deserialize(value)
                .map(Property::Secret)
                .map_err(D::Error::custom),
            None => Ok(Property::Plain(value)),
        }
    }
}

/// Anything but a map with a `secret_ref`, which is a reference and must be a whole one.
fn plain(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"not": {"type": "object", "required": ["secret_ref"]}})
}

impl Property {
    /// The rules of every reference among the properties; `at` is their map's pointer.
    pub fn rules(properties: &BTreeMap<String, Property>, at: &str, problems: &mut Problems) {
        for (pointer, reference) in Property::references(properties, at) {
            reference.rules(&pointer, problems);
        }
    }

    /// The references among the properties, each with its pointer.
    pub fn references<'p>(
        properties: &'p BTreeMap<String, Property>,
        at: &'p str,
    ) -> impl Iterator<Item = (String, &'p SecretReference)> {
        properties.iter().filter_map(move |(name, property)| {
            let Property::Secret(reference) = property else {
                return None;
            };
            Some((format!("{at}/{}", escape(name)), reference))
        })
    }
}
