//! Labels on every object and every pod template; never on a selector.

use serde_json::Value;

use super::Draft;
use crate::manifest::edit::EditError;
use crate::manifest::view::{View, escape};
use crate::object::{Object, PodPlace};

/// The key of the environment label.
pub const ENVIRONMENT: &str = "floe.dev/environment";
/// The key of the well-known label that names the application a release is.
pub const PART_OF: &str = "app.kubernetes.io/part-of";

/// A label to add where its key is absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The policy that asks for it.
    pub policy: &'static str,
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
    /// Whether another value that is already there is worth a warning.
    pub strict: bool,
}

/// A label that is already there with another value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The policy that asked for the label.
    pub policy: &'static str,
    /// Pointer to the existing label.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
}

/// Adds the labels to the object and to its pod templates; returns the conflicts.
pub fn inject(
    draft: &mut Draft<'_>,
    object: &Object<'_>,
    places: &[PodPlace],
    labels: &[Label],
) -> Result<Vec<Conflict>, EditError> {
    let mut conflicts = Vec::new();
    for label in labels {
        put(draft, &object.pointer, label, &mut conflicts)?;
        if selects_by_template(object) {
            continue;
        }
        for template in places
            .iter()
            .filter(|p| p.editable)
            .filter_map(|p| p.template.as_deref())
        {
            if !template.is_empty() {
                put(
                    draft,
                    &format!("{}{template}", object.pointer),
                    label,
                    &mut conflicts,
                )?;
            }
        }
    }
    Ok(conflicts)
}

fn put(
    draft: &mut Draft<'_>,
    at: &str,
    label: &Label,
    conflicts: &mut Vec<Conflict>,
) -> Result<(), EditError> {
    let pointer = format!("{at}/metadata/labels/{}", escape(&label.key));
    match draft.at(&pointer).filter(|v| !v.is_null()) {
        None => {
            draft.fill(label.policy, &pointer, Value::String(label.value.clone()))?;
        }
        Some(there) if label.strict && there.as_str().is_none_or(|v| v != label.value) => {
            conflicts.push(Conflict {
                policy: label.policy,
                pointer,
                message: format!(
                    "label {} already has another value than `{}`; it stays",
                    label.key, label.value
                ),
            });
        }
        Some(_) => {}
    }
    Ok(())
}

/// Whether the object's selector defaults to its template's labels, so that adding one would
/// change what it selects: a ReplicationController without `spec.selector`, and the beta
/// workloads that defaulted alike (k8s.io/kubernetes, pkg/apis/{core,apps,extensions}/v1*/defaults.go).
fn selects_by_template(object: &Object<'_>) -> bool {
    let has_selector = object
        .view
        .get("spec")
        .and_then(|spec| spec.get("selector"))
        .is_some_and(|selector: View<'_>| !selector.is_empty());
    let defaults = matches!(
        (
            object.identity.api_version.as_str(),
            object.identity.kind.as_str()
        ),
        ("v1", "ReplicationController") | ("apps/v1beta1" | "extensions/v1beta1", _)
    );
    defaults && !has_selector
}
