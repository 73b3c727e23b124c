//! Pod specs in places that may be looked at but not edited.

use serde_json::Value;

use super::violation;
use crate::inject::Draft;
use crate::inject::security::{self, PodPointers};
use crate::manifest::{Document, View};
use crate::object::{Identity, Object, builtin};
use crate::policy::{Evaluator, Violation};
use crate::report::Severity;

/// The policy that reports a pod spec nobody declared.
pub const POLICY: &str = "manifest/undeclared-pod-spec";

/// What is explicitly wrong with a pod spec that was only guessed: absent fields count for
/// nothing, because the kind's controller may well add them. One warning says so.
pub fn judge(
    root: View<'_>,
    object: &Object<'_>,
    pointers: &PodPointers,
    policies: &Evaluator,
) -> Vec<Violation> {
    let Some(spec) = root.pointer(&pointers.spec) else {
        return Vec::new();
    };
    let mut found = explicit(&spec.to_json(), pointers, policies);
    let (why, help) = unknown(&object.identity);
    found.push(violation(
        POLICY,
        Severity::Warning,
        &pointers.spec,
        format!("{why}: what looks like a pod spec is checked, not hardened"),
        help,
    ));
    found
}

/// Why nobody knows where the kind has its pods, and what to do about it.
fn unknown(identity: &Identity) -> (String, &'static str) {
    let kind = &identity.kind;
    if builtin::is_group(identity.group()) {
        let why = format!("Kubernetes has no kind {kind} in {}", identity.api_version);
        return (
            why,
            "correct apiVersion or kind in the chart's template: the API server takes no such object",
        );
    }
    (
        format!("{kind} is not a known pod carrier"),
        "set the securityContext in the chart's values, or have the stream hold the kind's CustomResourceDefinition",
    )
}

/// The violations that remain when everything absent is filled, on a copy.
fn explicit(spec: &Value, pointers: &PodPointers, policies: &Evaluator) -> Vec<Violation> {
    let text = spec.to_string();
    let Ok(document) = Document::parse(&text) else {
        return Vec::new();
    };
    let mut draft = Draft::new(&document, 0, policies, false);
    let copy = PodPointers {
        spec: String::new(),
        alone: pointers.alone,
        inherits: None,
        metadata: None,
    };
    if security::inject(&mut draft, &copy, policies, &[]).is_err() {
        return Vec::new();
    }
    let mut found = policies.check(&copy.target(draft.view()));
    for violation in &mut found {
        violation.pointer = format!("{}{}", pointers.spec, violation.pointer);
    }
    found
}
