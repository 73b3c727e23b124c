//! What of a Secret's metadata goes where.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::inject::labels::Label;
use crate::manifest::View;
use crate::object::Object;
use crate::object::secret::{self, Held};

/// kubectl keeps the whole manifest here, values included.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Annotations that are about the object in the release, not about the Secret the operator makes.
const ABOUT_THE_OBJECT: [&str; 5] = [
    "argocd.argoproj.io/",
    "helm.sh/",
    "kustomize.toolkit.fluxcd.io/",
    "meta.helm.sh/",
    "postrenderer.helm.sh/",
];

/// An annotation that repeats a word of a value of at least this many bytes is dropped; shorter
/// ones, such as `true`, are no evidence.
const TELLING: usize = 8;

/// Labels and annotations of the Secret that the operator makes, with the platform's labels. The
/// operator runs them as Go templates, so one that holds `{{` stays out.
pub(super) fn of_template(
    object: &Object<'_>,
    held: &BTreeMap<String, Held>,
    more: &[Label],
) -> Option<Value> {
    let plain = |value: &Value| value.as_str().is_none_or(|text| !text.contains("{{"));
    let mut labels = member(object, "labels");
    for label in more {
        let value = || Value::String(label.value.clone());
        labels.entry(label.key.clone()).or_insert_with(value);
    }
    labels.retain(|_, value| plain(value));
    let mut annotations = annotations(object, held);
    annotations.retain(|key, value| !is_about_object(key) && plain(value));
    let both = [("annotations", annotations), ("labels", labels)];
    let some = both.into_iter().filter(|(_, map)| !map.is_empty());
    let metadata: Map<String, Value> = some
        .map(|(name, map)| (name.to_owned(), map.into()))
        .collect();
    (!metadata.is_empty()).then_some(metadata.into())
}

/// The `metadata` of the ExternalSecret. Whatever else a Secret's metadata holds is the server's.
pub(super) fn of_object(object: &Object<'_>, held: &BTreeMap<String, Held>) -> Value {
    let mut metadata = Map::new();
    metadata.insert("name".into(), object.identity.name.clone().into());
    if let Some(namespace) = &object.identity.namespace {
        metadata.insert("namespace".into(), namespace.clone().into());
    }
    let both = [
        ("annotations", annotations(object, held)),
        ("labels", member(object, "labels")),
    ];
    for (name, map) in both.into_iter().filter(|(_, map)| !map.is_empty()) {
        metadata.insert(name.into(), map.into());
    }
    metadata.into()
}

/// The Secret's annotations without those that repeat something of a value. Those by which Helm and
/// its like treat the object stay in any case.
fn annotations(object: &Object<'_>, held: &BTreeMap<String, Held>) -> Map<String, Value> {
    let mut annotations = member(object, "annotations");
    annotations.retain(|key, value| {
        let text = value.as_str().unwrap_or_default();
        let repeats = || held.values().any(|held| repeats(text, held));
        is_about_object(key) || key != LAST_APPLIED && !repeats()
    });
    annotations
}

fn is_about_object(annotation: &str) -> bool {
    ABOUT_THE_OBJECT
        .iter()
        .any(|start| annotation.starts_with(start))
}

/// Whether a text holds a word of a value: as the value is written, as a pod sees it, or as that is
/// decoded once more.
fn repeats(text: &str, held: &Held) -> bool {
    let seen = std::str::from_utf8(&held.bytes).unwrap_or_default();
    let decoded = secret::decode(seen).and_then(|bytes| String::from_utf8(bytes).ok());
    let between = |c: char| c.is_whitespace() || "=:,;\"'(){}[]<>".contains(c);
    let forms = [
        held.written.as_str(),
        seen,
        decoded.as_deref().unwrap_or_default(),
    ];
    let mut words = forms.into_iter().flat_map(|form| form.split(between));
    words.any(|word| word.len() >= TELLING && text.contains(word))
}

/// A map of `metadata`, nulls left out.
fn member(object: &Object<'_>, name: &str) -> Map<String, Value> {
    let map = object.view.get("metadata").and_then(|m| m.get(name));
    let entries = map.into_iter().flat_map(View::entries);
    entries
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| (key.into_owned(), value.to_json()))
        .collect()
}
