//! Inline Secrets become ExternalSecrets, so that no value travels in a release.
//!
//! The ExternalSecret has the Secret's name and keys; the operator
//! (<https://external-secrets.io>) creates the Secret from the platform's store. It takes the place
//! of the whole object before anything else looks at it, and nothing of a value goes into it.

mod literal;
mod metadata;

use serde_json::{Value, json};

use super::labels::Label;
use crate::manifest::View;
use crate::object::Object;
use crate::object::secret::{self, Held};
use crate::platform::secrets::{Externalize, Placeholder};

/// The policy under which the replacement is reported.
pub const POLICY: &str = "secrets/externalize";

/// Secrets that controllers make and fill; an ExternalSecret would fight with them.
const CONTROLLER_MADE: [&str; 3] = [
    "bootstrap.kubernetes.io/token",
    "helm.sh/release.v1",
    "kubernetes.io/service-account-token",
];

/// What the platform wants of Secrets, and what the run knows.
#[derive(Clone, Debug)]
pub struct Externalizer {
    /// The platform's choice.
    pub config: Externalize,
    /// The environment, where one is given.
    pub environment: Option<String>,
    /// The release's name, where it is known.
    pub release: Option<String>,
    /// The release's namespace, where it is known.
    pub namespace: Option<String>,
    /// Labels that the operator's Secret gets as well.
    pub labels: Vec<Label>,
}

impl Externalizer {
    /// The ExternalSecret that takes the place of an object; `None` for an object that is no Secret,
    /// holds no literal value, or is to stay.
    ///
    /// # Errors
    /// The placeholder of the remote key of which nobody knows the value.
    pub fn replacement(&self, object: &Object<'_>) -> Result<Option<Value>, Placeholder> {
        if !secret::is_secret(object) || !self.wants(object) {
            return Ok(None);
        }
        let held = secret::held(object.view);
        if !held.values().any(|held| literal::is_literal(object, held)) {
            return Ok(None);
        }
        let mut data = Vec::with_capacity(held.len());
        for (key, held) in &held {
            data.push(json!({
                "secretKey": key,
                "remoteRef": self.remote(object, key, held)?,
            }));
        }
        let store = &self.config.store;
        let mut target = json!({
            "creationPolicy": "Owner",
            "deletionPolicy": "Retain",
            "template": {
                "engineVersion": "v2",
                "mergePolicy": "Replace",
                "type": secret::secret_type(object.view),
            },
        });
        if let Some(metadata) = metadata::of_template(object, &held, &self.labels) {
            set(&mut target, "/template", "metadata", metadata);
        }
        if object.view.get("immutable").and_then(View::as_bool) == Some(true) {
            set(&mut target, "", "immutable", Value::Bool(true));
        }
        Ok(Some(json!({
            "apiVersion": self.config.api_version.as_str(),
            "kind": "ExternalSecret",
            "metadata": metadata::of_object(object, &held),
            "spec": {
                "data": data,
                "refreshInterval": self.config.refresh_interval,
                "secretStoreRef": {"kind": store.kind.as_str(), "name": store.name},
                "target": target,
            },
        })))
    }

    fn wants(&self, object: &Object<'_>) -> bool {
        let name = object.identity.name.as_str();
        let config = &self.config;
        let included = match &config.include {
            Some(globs) => globs.iter().any(|glob| glob.matches(name)),
            None => true,
        };
        let excluded = config.exclude.iter().any(|glob| glob.matches(name));
        let kind = secret::secret_type(object.view);
        !name.is_empty() && included && !excluded && !CONTROLLER_MADE.contains(&kind.as_ref())
    }

    /// Where the store keeps one value. The fields that the operator would fill in with their
    /// defaults are written out: Argo CD shows list items that differ from the cluster's as out of
    /// sync (external-secrets/external-secrets#6797).
    fn remote(&self, object: &Object<'_>, key: &str, held: &Held) -> Result<Value, Placeholder> {
        let id = &object.identity;
        let namespace = id.namespace.as_deref().or(self.namespace.as_deref());
        let template = &self.config.key;
        let remote_key = template.fill(|placeholder| match placeholder {
            Placeholder::Environment => self.environment.as_deref(),
            Placeholder::Namespace => namespace,
            Placeholder::Release => self.release.as_deref(),
            Placeholder::Name => Some(&id.name),
            Placeholder::Key => Some(key),
        })?;
        let mut remote = json!({
            "conversionStrategy": "Default",
            "decodingStrategy": if held.is_text() { "None" } else { "Base64" },
            "key": remote_key,
            "metadataPolicy": "None",
        });
        if !template.has(Placeholder::Key) {
            set(&mut remote, "", "property", key.into());
        }
        Ok(remote)
    }
}

/// Sets a member of the map at a pointer.
fn set(value: &mut Value, pointer: &str, key: &str, new: Value) {
    if let Some(map) = value.pointer_mut(pointer).and_then(Value::as_object_mut) {
        map.insert(key.to_owned(), new);
    }
}

#[cfg(test)]
mod tests;
