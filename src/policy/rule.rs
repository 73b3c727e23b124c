//! One rule of a selected policy, ready to judge.

use super::fix::ActiveFix;
use super::look::{Asked, Look};
use super::model::{NodeKind, Rule};
use super::schema::Schema;
use super::select::Selected;
use super::target::{ObjectTarget, Pod, PodTarget};
use super::violation::{Failure, Violation, failures, is_sensitive, shown};
use crate::config::dotted;
use crate::manifest::View;

/// A rule with its schemas.
#[derive(Debug)]
pub(super) struct ActiveRule {
    pub selected: Selected,
    pub rule: Rule,
    pub look: Look,
    pub schema: Schema,
    pub fixes: Vec<ActiveFix>,
    applies: Option<Schema>,
    unless: Vec<Schema>,
}

impl ActiveRule {
    /// The rules of a policy.
    pub fn all_of(selected: &Selected) -> impl Iterator<Item = ActiveRule> + use<'_> {
        selected.rules().iter().map(|rule| {
            let unless = selected.unless().into_iter().chain(&rule.unless);
            ActiveRule {
                selected: selected.clone(),
                look: Look::of(rule),
                schema: Schema::new(rule.schema.clone()),
                fixes: rule.fix.iter().map(ActiveFix::new).collect(),
                rule: rule.clone(),
                applies: rule.applies.clone().map(Schema::new),
                unless: unless.cloned().map(Schema::new).collect(),
            }
        })
    }

    /// The name of the policy it belongs to.
    pub fn policy_name(&self) -> &str {
        &self.selected.loaded.name
    }

    /// Whether the conditions of the rule let it apply to this pod spec or object.
    fn applies_to(&self, view: View<'_>) -> bool {
        let applies = self
            .applies
            .as_ref()
            .is_none_or(|schema| schema.holds(view));
        applies && !self.unless.iter().any(|schema| schema.holds(view))
    }

    /// Whether the rule is about objects, applies to this one, and does not hold.
    pub fn is_violated_by(&self, object: &ObjectTarget<'_>) -> bool {
        let rule = &self.rule;
        let named = |kind: &String| match kind.split_once('.') {
            Some((kind, group)) => kind == object.kind && group == object.group,
            None => kind == object.kind,
        };
        rule.node == NodeKind::Object
            && (rule.kinds.is_empty() || rule.kinds.iter().any(named))
            && !self.schema.holds(object.root)
            && self.applies_to(object.root)
    }

    /// Everything in the pod that the rule is asked about and that does not satisfy it.
    pub fn violated_by<'a>(&self, pod: &Pod<'_, 'a>) -> Vec<Asked<'a>> {
        let mut failed = Vec::new();
        self.look.each(pod, &mut |asked| {
            if !self.schema.holds(asked.view) {
                failed.push(asked);
            }
            true
        });
        if !failed.is_empty() && !self.applies_to(pod.spec) {
            failed.clear();
        }
        failed
    }

    /// What is wrong with a value of a pod.
    pub fn violations(&self, pod: &PodTarget<'_>, asked: Asked<'_>, found: &mut Vec<Violation>) {
        let base = self.look.pointer(pod, asked.container.as_ref());
        let name = asked
            .container
            .map(|container| container.label(pod).into_owned());
        for failure in self.failures(asked.view) {
            found.push(self.violation(&base, asked.view, failure, name.clone()));
        }
    }

    /// What is wrong with an object.
    pub fn object_violations(&self, object: &ObjectTarget<'_>, found: &mut Vec<Violation>) {
        for failure in self.failures(object.root) {
            found.push(self.violation(object.pointer, object.root, failure, None));
        }
    }

    fn failures(&self, view: View<'_>) -> Vec<Failure> {
        match self.schema.validator() {
            Ok(validator) => failures(validator, self.schema.source(), view),
            Err(error) => vec![Failure {
                pointer: String::new(),
                reason: format!("cannot be judged, the policy's schema is invalid: {error}"),
                wrong_type: false,
            }],
        }
    }

    fn violation(
        &self,
        base: &str,
        view: View<'_>,
        failure: Failure,
        container: Option<String>,
    ) -> Violation {
        let policy = &self.selected.loaded.policy;
        let rule = &self.rule;
        let pointer = format!("{base}{}", failure.pointer);
        let field = dotted(&failure.pointer);
        let value = view
            .pointer(&failure.pointer)
            .filter(|value| !value.is_null());
        let hidden = value.is_some() && is_sensitive(&pointer);
        let value = match value {
            None => "not set".to_owned(),
            Some(_) if hidden => "(hidden)".to_owned(),
            Some(value) => shown(&value.to_json()),
        };
        let message = match failure.wrong_type {
            true => mistyped(&field, &failure.reason),
            false => rule
                .message
                .replace("{field}", &field)
                .replace("{container}", container.as_deref().unwrap_or_default())
                .replace(
                    "{reason}",
                    if hidden {
                        "is not allowed"
                    } else {
                        &failure.reason
                    },
                )
                .replace("{value}", &value),
        };
        let help = rule.help.as_ref().or(policy.help.as_ref());
        Violation {
            policy: self.selected.loaded.name.clone(),
            severity: policy.severity,
            pointer,
            container,
            below: 0,
            wrong_type: failure.wrong_type,
            message,
            help: help.cloned().unwrap_or_default(),
        }
    }
}

/// The message about a value of the wrong type; the same whichever policy looked at it.
pub(super) fn mistyped(field: &str, reason: &str) -> String {
    match field {
        "" => format!("the value {reason}"),
        field => format!("{field} {reason}"),
    }
}
