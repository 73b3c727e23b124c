//! What is wrong with an object beyond what a policy file can say: one check per file.
//!
//! Each check has a policy file too, without rules, so that it can be explained, skipped and
//! excepted like any other.

pub mod files;
pub mod guessed;
pub mod hide;
pub mod job;
pub mod keys;
pub mod labels;
pub mod names;
pub mod network;
pub mod overruled;
pub mod quote;
pub mod remote;
pub mod resources;
pub mod secrets;
pub mod twice;
pub mod unreadable;
pub mod user;
pub mod webhook;
pub mod wiring;

use serde_json::Value;

use crate::manifest::edit::EditError;
use crate::policy::Violation;
use crate::report::Severity;

/// What a policy of this module says of an object: for the examples in its file.
pub fn example(policy: &str, object: &Value) -> Vec<String> {
    if secrets::POLICIES.contains(&policy) {
        secrets::sample::judge(policy, object)
    } else if policy.starts_with("wiring/") {
        wiring::sample::judge(policy, object)
    } else {
        Vec::new()
    }
}

/// An edit that the document does not allow: at the place the error names, else at the object.
pub fn cannot_edit(object: &str, error: &EditError) -> Violation {
    let place = match error {
        EditError::Missing(at) | EditError::Parent(at) | EditError::Index(at) => at,
        _ => object,
    };
    violation(
        "manifest/uneditable",
        Severity::Error,
        place,
        format!("the object cannot be hardened: {error}"),
        "write the value out in the chart's template instead of sharing it by anchor or alias, or correct its type",
    )
}

/// A violation of a check that is written in Rust.
pub fn violation(
    policy: &str,
    severity: Severity,
    pointer: &str,
    message: String,
    help: &str,
) -> Violation {
    Violation {
        policy: policy.into(),
        severity,
        pointer: pointer.to_owned(),
        container: None,
        message,
        below: 0,
        wrong_type: false,
        help: help.to_owned(),
    }
}
