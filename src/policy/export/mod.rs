//! Policies for the API server: ValidatingAdmissionPolicies and MutatingAdmissionPolicies, written
//! from the same policy files that the filter reads.
//!
//! [`schema`] turns a JSON Schema into CEL, [`rule`] a rule into what is asked of a request,
//! [`exceptions`] the platform's exceptions into conditions; [`validating`] and [`mutating`] make
//! the objects of it. What the API server cannot ask is listed with the reason, never dropped.

pub mod check;
pub mod exceptions;
mod expr;
pub mod fill;
mod literal;
pub mod mutating;
mod pattern;
pub mod rule;
pub mod schema;
mod scope;
pub mod validating;
pub mod yaml;

pub use expr::Expr;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use schema::Untranslatable;

use crate::policy::exceptions::Exception;
use crate::policy::model::{Admission, Policy, Rule};
use crate::policy::select::Selected;

/// What the exported policies are called, and whom they are about.
#[derive(Clone, Debug)]
pub struct Target<'a> {
    /// The first word of every name.
    pub prefix: &'a str,
    /// The namespaces the policies hold in: a label selector.
    pub namespaces: Value,
    /// The platform's exceptions.
    pub exceptions: &'a [Exception],
    /// The day, `YYYY-MM-DD`, for exceptions that expire.
    pub today: &'a str,
    /// The labels every object gets.
    pub labels: &'a [Label],
    /// No policy refuses, whatever its severity.
    pub only_warn: bool,
}

/// A label that objects get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The policy that asks for it.
    pub policy: String,
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

impl Target<'_> {
    /// The name of an exported policy: lower-case, as the API server wants it.
    fn name(&self, policy: &str, suffix: &str) -> String {
        let name = policy.replace(['/', '_'], "-").to_ascii_lowercase();
        format!("{}-{name}{suffix}", self.prefix)
    }

    fn metadata(&self, name: &str, policy: &str) -> Value {
        json!({
            "name": name,
            "labels": {"app.kubernetes.io/managed-by": "helm-floe"},
            "annotations": {"floe.dev/policy": policy},
        })
    }
}

/// What an export comes to.
#[derive(Clone, Debug, Default)]
pub struct Export {
    /// The objects for the API server.
    pub objects: Vec<Value>,
    /// The policies that are in them, by name.
    pub exported: Vec<String>,
    /// The policies, or parts of them, that are not.
    pub left_out: Vec<LeftOut>,
}

/// A policy, or a part of one, that is not exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The policy's name.
    pub policy: String,
    /// Why.
    pub reason: String,
}

impl Export {
    /// Exports one policy after the other; of one that cannot be translated nothing stays.
    fn of(
        policies: &[Selected],
        target: &Target<'_>,
        one: fn(&Selected, &Target<'_>, &mut Export) -> Result<(), Untranslatable>,
    ) -> Export {
        let mut export = Export::default();
        for selected in policies {
            let name = &selected.loaded.name;
            let before = export.objects.len();
            if let Err(error) = one(selected, target, &mut export) {
                export.objects.truncate(before);
                export.leave_out(name, &format!("rules{}: {}", error.pointer, error.reason));
            }
            if export.objects.len() > before {
                export.exported.push(name.clone());
            }
        }
        export
    }

    fn leave_out(&mut self, policy: &str, reason: &str) {
        self.left_out.push(LeftOut {
            policy: policy.to_owned(),
            reason: reason.split_whitespace().collect::<Vec<_>>().join(" "),
        });
    }

    /// The kinds of a rule that a binding can choose by their namespace, `None` where there are none.
    /// Those that are in no namespace are listed: a binding's selector lets every request about them
    /// through, so that a policy would hold in all of the cluster.
    fn kinds_in_reach(&mut self, policy: &str, rule: &Rule) -> Option<Vec<String>> {
        let (outside, inside): (Vec<String>, Vec<String>) = rule
            .kinds
            .iter()
            .cloned()
            .partition(|kind| scope::is_of_cluster(kind));
        if outside.is_empty() {
            return Some(inside);
        }
        let reason = "in no namespace, so that a policy would hold in all of the cluster";
        self.leave_out(policy, &format!("{}: {reason}", outside.join(", ")));
        (!inside.is_empty()).then_some(inside)
    }

    /// The first two policies that the API server could not tell apart by their names.
    pub fn same_name(&self) -> Option<(&str, &str)> {
        let mut seen: BTreeMap<(&str, &str), &str> = BTreeMap::new();
        for object in &self.objects {
            let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
            let name = (text("/kind")?, text("/metadata/name")?);
            let policy = text("/metadata/annotations/floe.dev~1policy")?;
            if let Some(other) = seen.insert(name, policy) {
                return Some((other, policy));
            }
        }
        None
    }
}

/// Why a policy has no rule that the API server could ask.
fn no_rule(policy: &Policy) -> Option<&str> {
    match &policy.admission {
        Some(Admission::None(reason)) => Some(reason),
        _ => None,
    }
}

/// Variables as a policy's spec lists them.
fn variables(variables: Vec<(String, String)>) -> Value {
    let variables = variables.into_iter().map(|(name, expression)| {
        let mut variable = Map::new();
        variable.insert("name".into(), name.into());
        variable.insert("expression".into(), expression.into());
        Value::Object(variable)
    });
    variables.collect()
}
