//! Labels on every object and every pod template; never on a selector.

use serde_json::Value;

use super::draft::{Draft, Member};
use crate::manifest::edit::EditError;
use crate::manifest::view::{Type, View, escape};
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
    put(draft, &object.pointer, labels, &mut conflicts)?;
    if selects_by_template(object) {
        return Ok(conflicts);
    }
    let editable = places.iter().filter(|place| place.editable);
    for template in editable.filter_map(|place| place.template.as_deref()) {
        if !template.is_empty() {
            let at = format!("{}{template}", object.pointer);
            put(draft, &at, labels, &mut conflicts)?;
        }
    }
    Ok(conflicts)
}

/// Adds the labels to what stands at a pointer.
fn put(
    draft: &mut Draft<'_>,
    at: &str,
    labels: &[Label],
    conflicts: &mut Vec<Conflict>,
) -> Result<(), EditError> {
    let map = format!("{at}/metadata/labels");
    let is_map = |view: &View<'_>| view.value_type() == Type::Map;
    if let Some(there) = draft.at(&map).filter(is_map) {
        let absent = absent(there, &map, labels, conflicts);
        return draft.add_members(&map, absent);
    }
    let mut rest = labels;
    // The first label brings the map along.
    let Some((first, others)) = labels.split_first() else {
        return Ok(());
    };
    let pointer = format!("{map}/{}", escape(&first.key));
    if draft.fill(first.policy, &pointer, first.value.as_str().into())? {
        rest = others;
    }
    if let Some(there) = draft.at(&map).filter(is_map) {
        let absent = absent(there, &map, rest, conflicts);
        return draft.add_members(&map, absent);
    }
    let fill = |label: &Label| {
        let pointer = format!("{map}/{}", escape(&label.key));
        draft.fill(label.policy, &pointer, label.value.as_str().into())
    };
    rest.iter().map(fill).try_for_each(|done| done.map(drop))
}

/// The labels that a map does not have yet; notes those that it has with another value.
fn absent<'l>(
    there: View<'_>,
    map: &str,
    labels: &'l [Label],
    conflicts: &mut Vec<Conflict>,
) -> Vec<Member<'l>> {
    let mut absent = Vec::with_capacity(labels.len());
    for label in labels {
        match there.get(&label.key).filter(|value| !value.is_null()) {
            None => absent.push(label.member()),
            Some(other) => conflicts.extend(label.conflict(map, other)),
        }
    }
    absent
}

impl Label {
    fn member(&self) -> Member<'_> {
        Member {
            policy: self.policy,
            key: &self.key,
            value: Value::String(self.value.clone()),
        }
    }

    /// What there is to say about another value that is there already.
    fn conflict(&self, map: &str, there: View<'_>) -> Option<Conflict> {
        let differs = there.as_str().is_none_or(|value| value != self.value);
        (self.strict && differs).then(|| Conflict {
            policy: self.policy,
            pointer: format!("{map}/{}", escape(&self.key)),
            message: format!(
                "label {} already has another value than `{}`; it stays",
                self.key, self.value
            ),
        })
    }
}

/// Whether the object's selector defaults to its template's labels, so that adding one would
/// change what it selects: a ReplicationController without `spec.selector`, and the beta
/// workloads that defaulted alike (k8s.io/kubernetes, pkg/apis/{core,apps,extensions}/v1*/defaults.go).
pub(super) fn selects_by_template(object: &Object<'_>) -> bool {
    let has_selector = || {
        let selector = object
            .view
            .get("spec")
            .and_then(|spec| spec.get("selector"));
        selector.is_some_and(|selector| !selector.is_empty())
    };
    let defaults = matches!(
        (
            object.identity.api_version.as_str(),
            object.identity.kind.as_str()
        ),
        ("v1", "ReplicationController") | ("apps/v1beta1" | "extensions/v1beta1", _)
    );
    defaults && !has_selector()
}
