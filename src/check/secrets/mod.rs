//! Zero secrets: no credential reaches the cluster in the clear.
//!
//! [`scan::text`] judges the text of a file, [`walk::object`] a Kubernetes object, both by the same
//! data in `policies/secret-*.yaml`. The order, from what is certain to what is likely: kinds that hold
//! no credentials are left alone; what has the exact form of a token or key (`forms`); addresses with
//! a password (`urls`); a literal under the name of a credential (`names`, `values`), in a tree
//! ([`walk`]) or in a text of any format (`anchors`); and all of it again in what base64 hides
//! (`encoded`). References and placeholders are no credentials.
//!
//! A credential itself never leaves this module: a [`Hit`] holds its kind, place, length and, where
//! that gives nothing away, a [`fingerprint`].

mod anchors;
mod encoded;
pub mod field;
pub mod fingerprint;
mod forms;
pub mod hit;
mod keys;
mod keywords;
mod marks;
mod names;
mod placeholders;
pub mod remarks;
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

/// The policies that this module reports under.
pub const POLICIES: [&str; 8] = [
    "secrets/inline",
    "secrets/token",
    "secrets/private-key",
    "secrets/url-password",
    "secrets/weak-default",
    "secrets/named-value",
    remarks::EMPTY,
    remarks::PLAIN,
];

/// Every credential that stands in an object in the clear, as violations. `at` is the object's place
/// in its document; `templated` says that it comes from a template.
pub fn judge(view: View<'_>, identity: &Identity, at: &str, templated: bool) -> Vec<Violation> {
    let mut found = walk::object(view, &identity.api_version, &identity.kind, 0);
    for hit in found.iter_mut().flat_map(|found| &mut found.hits) {
        hit.generated &= templated;
    }
    let mut all = remarks::judge(view, identity, at, &found);
    for found in found {
        let container = container_of(view, &found.pointer);
        all.extend(violations(&found, at, container.as_deref()));
    }
    all
}

/// The name of the container that a place is in.
fn container_of(view: View<'_>, pointer: &str) -> Option<String> {
    const LISTS: [&str; 3] = ["/containers/", "/initContainers/", "/ephemeralContainers/"];
    let (start, list) = LISTS
        .iter()
        .find_map(|list| Some((pointer.find(list)?, list)))?;
    let index = pointer.get(start + list.len()..)?.split('/').next()?;
    let place = pointer.get(..start + list.len() + index.len())?;
    let name = view.pointer(place)?.get("name")?.as_str()?;
    Some(name.into_owned())
}

/// One violation for each policy that a scalar violates.
fn violations(found: &walk::Found, at: &str, container: Option<&str>) -> Vec<Violation> {
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
                below: found.line_below(rule),
                container: container.map(str::to_owned),
                wrong_type: false,
                message: message(rule, &hits, found.name.as_deref()),
                help: help(rule).to_owned(),
            }
        })
        .collect()
}

/// What is wrong: what was found, how long it is, and by which mark it can be told from others.
pub(super) fn message(rule: Rule, hits: &[&Hit], name: Option<&str>) -> String {
    let Some(first) = hits.first() else {
        return String::new();
    };
    let what = described(first);
    let mut text = match (rule, name) {
        (Rule::Inline, _) => format!("the Secret holds {what}"),
        (Rule::WeakDefault, Some(name)) => format!("{name} is a well-known default, {what}"),
        (Rule::WeakDefault, None) => format!("a well-known default stands in the clear: {what}"),
        (Rule::NamedValue, Some(name)) => format!("{name} holds {what} in the clear"),
        _ => format!("{what} stands in the clear"),
    };
    if hits.len() > 1 {
        let _ = write!(text, ", and {} more in the same text", hits.len() - 1);
    }
    text
}

/// `a password of 12 characters`, with its mark.
pub fn described(hit: &Hit) -> String {
    let mut text = hit.what.to_owned();
    // Of a private key in lines only the first was looked at.
    if hit.what != "a private key" {
        let _ = write!(text, " of {}", plural(hit.length, "character"));
    }
    if let Some(mark) = &hit.fingerprint {
        let _ = write!(text, ", fingerprint {mark}");
    }
    if hit.encoded && hit.rule != Rule::Inline {
        text.push_str(", in base64");
    }
    if hit.generated {
        text.push_str("; likely generated by the template, so that each render makes another one");
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
