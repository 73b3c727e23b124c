//! Zero secrets: no credential reaches the cluster in the clear.
//!
//! [`scan::text`] judges the text of a file, [`walk::object`] a Kubernetes object, both by the same
//! data in `policies/secret-*.yaml`. The order, from what is certain to what is likely: kinds that hold
//! no credentials are left alone; what has the exact form of a token or key ([`forms`]); addresses with
//! a password ([`urls`]); a literal under the name of a credential ([`names`], [`values`]), in a tree
//! ([`walk`]) or in a text of any format ([`anchors`]); and all of it again in what base64 hides
//! ([`encoded`]). References and placeholders are no credentials.
//!
//! A credential itself never leaves this module: a [`Hit`] holds its kind, place, length and, where
//! that gives nothing away, a [`fingerprint`].

mod anchors;
mod encoded;
pub mod fingerprint;
mod forms;
pub mod hit;
mod names;
pub mod sample;
pub mod scan;
mod secret;
mod tables;
#[cfg(test)]
mod tests;
mod urls;
mod values;
pub mod walk;

use std::fmt::Write as _;

pub use hit::{Hit, Rule};

use crate::manifest::View;
use crate::object::Identity;
use crate::policy::Violation;
use crate::report::{Severity, plural};

/// The policies that report credentials.
pub const POLICIES: [&str; 6] = [
    "secrets/inline",
    "secrets/token",
    "secrets/private-key",
    "secrets/url-password",
    "secrets/weak-default",
    "secrets/named-value",
];

/// Every credential that stands in an object in the clear, as violations. `at` is the object's place
/// in its document.
pub fn judge(view: View<'_>, identity: &Identity, at: &str) -> Vec<Violation> {
    let found = walk::object(view, &identity.api_version, &identity.kind, 0);
    found
        .into_iter()
        .flat_map(|found| violations(found, at))
        .collect()
}

/// One violation for each policy that a scalar violates.
fn violations(found: walk::Found, at: &str) -> Vec<Violation> {
    let mut rules: Vec<Rule> = found.hits.iter().map(|hit| hit.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
        .into_iter()
        .map(|rule| {
            let hits: Vec<&Hit> = found.hits.iter().filter(|hit| hit.rule == rule).collect();
            Violation {
                policy: rule.policy().to_owned(),
                severity: Severity::Error,
                pointer: format!("{at}{}", found.pointer),
                container: None,
                wrong_type: false,
                message: message(rule, &hits),
                help: help(rule).to_owned(),
            }
        })
        .collect()
}

/// What is wrong: what was found, how long it is, and by which mark it can be told from others.
pub(super) fn message(rule: Rule, hits: &[&Hit]) -> String {
    let mut text = match rule {
        Rule::Inline => "the Secret holds ".to_owned(),
        Rule::WeakDefault => "a well-known default stands in the clear: ".to_owned(),
        _ => "a credential stands in the clear: ".to_owned(),
    };
    if let Some(hit) = hits.first() {
        text.push_str(&described(hit));
    }
    if hits.len() > 1 {
        let _ = write!(text, ", and {} more", hits.len() - 1);
    }
    text
}

/// `a password of 12 characters`, with its mark.
pub fn described(hit: &Hit) -> String {
    let mut text = format!("{} of {}", hit.what, plural(hit.length, "character"));
    if let Some(mark) = &hit.fingerprint {
        let _ = write!(text, ", fingerprint {mark}");
    }
    if hit.encoded && hit.rule != Rule::Inline {
        text.push_str(", in base64");
    }
    text
}

fn help(rule: Rule) -> &'static str {
    match rule {
        Rule::Inline => {
            "create the Secret outside of the release and name it in the chart's values (existingSecret), or let the cluster fetch it: ExternalSecret, SealedSecret"
        }
        Rule::WeakDefault => {
            "set another one in a Secret outside of the release, and refer to it by secretKeyRef"
        }
        Rule::UrlPassword => {
            "put the whole address into a Secret and refer to it by secretKeyRef, or write $(PASSWORD) in its place and define that variable so"
        }
        _ => {
            "put it into a Secret outside of the release, and refer to it by secretKeyRef or a mounted file"
        }
    }
}
