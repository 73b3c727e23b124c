//! What is no leak but deserves a word: an empty credential, a Secret that keeps nothing secret.

use super::walk::Found;
use super::{encoded, names, values};
use crate::check::violation;
use crate::manifest::View;
use crate::manifest::view::escape;
use crate::object::Identity;
use crate::policy::Violation;
use crate::report::Severity;

/// The policy that reports a credential left empty.
pub const EMPTY: &str = "manifest/empty-credential";
/// The policy that reports a Secret without any.
pub const PLAIN: &str = "manifest/plain-secret";

/// Remarks about an object. `found` are its credentials.
pub fn judge(view: View<'_>, identity: &Identity, at: &str, found: &[Found]) -> Vec<Violation> {
    let mut remarks = Vec::new();
    if identity.kind == "Secret" && identity.api_version == "v1" {
        let empty = empty_keys(view);
        let plain = found.is_empty() && empty.is_empty() && holds_settings(view);
        remarks.extend(empty.iter().map(|key| left_empty(at, key)));
        remarks.extend(plain.then(|| plain_secret(at)));
    }
    remarks
}

/// Pointers to the empty values whose keys name a credential.
fn empty_keys(view: View<'_>) -> Vec<String> {
    let mut keys = Vec::new();
    for field in ["data", "stringData"] {
        for (key, value) in view.get(field).into_iter().flat_map(View::entries) {
            let empty =
                value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty());
            if empty && names::classify(&key).is_some() {
                keys.push(format!("/{field}/{}", escape(&key)));
            }
        }
    }
    keys
}

/// Whether the Secret holds values that are written out, none of which is a credential.
fn holds_settings(view: View<'_>) -> bool {
    let kind = view.get("type").and_then(View::as_str);
    if kind.is_some_and(|kind| kind == "kubernetes.io/service-account-token") {
        return false;
    }
    let mut values = Vec::new();
    for field in ["data", "stringData"] {
        for (_, value) in view.get(field).into_iter().flat_map(View::entries) {
            let Some(text) = value.as_str() else { continue };
            let decoded = match field {
                "data" => encoded::decode(&text).and_then(|bytes| String::from_utf8(bytes).ok()),
                _ => Some(text.into_owned()),
            };
            values.extend(decoded);
        }
    }
    values.iter().any(|text| values::is_literal(text))
}

fn left_empty(at: &str, key: &str) -> Violation {
    violation(
        EMPTY,
        Severity::Warning,
        &format!("{at}{key}"),
        "the Secret names a credential and leaves it empty".to_owned(),
        "give it a value outside of the release (existingSecret), or leave the key out if there is to be none",
    )
}

fn plain_secret(at: &str) -> Violation {
    violation(
        PLAIN,
        Severity::Warning,
        &format!("{at}/kind"),
        "the Secret holds no credential, only settings".to_owned(),
        "a ConfigMap would do, and show what changes",
    )
}
