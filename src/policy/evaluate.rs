//! Asks the selected policies about pods and objects.
//!
//! Most pods pass, so there is a fast way to say so: the rules about the same node are merged into
//! one schema, and only when that does not hold is each rule asked on its own.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;

use super::load::{Library, Loaded};
use super::model::{ContainerList, NodeKind, Rule};
use super::schema::{Merged, Schema};
use super::select::{Selected, Selection, select};
use super::target::{Container, ObjectTarget, PodTarget};
use super::violation::{Failure, Violation, failures, is_sensitive, shown, word};
use crate::config::dotted;
use crate::manifest::View;

/// The selected policies, ready to judge.
#[derive(Debug)]
pub struct Evaluator {
    pub(super) rules: Vec<ActiveRule>,
    policies: Vec<Arc<Loaded>>,
    names: HashSet<String>,
    groups: Vec<Group>,
}

/// A rule of a selected policy.
#[derive(Debug)]
pub(super) struct ActiveRule {
    pub policy: Arc<Loaded>,
    pub rule: Rule,
    pub schema: Schema,
    pub overrule: bool,
    applies: Option<Schema>,
    unless: Vec<Schema>,
}

/// Rules that one schema answers together.
#[derive(Debug)]
struct Group {
    node: NodeKind,
    lists: Vec<ContainerList>,
    inherit: Option<String>,
    annotation: Option<String>,
    schema: Schema,
}

/// The value a rule is asked about.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub view: View<'a>,
    pub container: Option<Container<'a>>,
}

impl Evaluator {
    /// The policies of the library that the selection asks for.
    pub fn new(library: &Library, selection: &Selection) -> Evaluator {
        let selected = select(library, selection);
        let policies: Vec<_> = selected.iter().map(|own| Arc::clone(&own.loaded)).collect();
        let names = policies.iter().map(|own| own.name.clone()).collect();
        let rules: Vec<ActiveRule> = selected.iter().flat_map(ActiveRule::all_of).collect();
        let groups = group(&rules);
        Evaluator {
            rules,
            policies,
            names,
            groups,
        }
    }

    /// Whether the policy of that name applies, also one that a module implements.
    pub fn enabled(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// The policies that apply, in the order they are asked.
    pub fn policies(&self) -> impl Iterator<Item = &Loaded> {
        self.policies.iter().map(Arc::as_ref)
    }

    /// Every place where the pod violates a policy.
    pub fn check(&self, pod: &PodTarget<'_>) -> Vec<Violation> {
        if self.passes(pod) {
            return Vec::new();
        }
        let mut found = self.misshapen(pod);
        for active in &self.rules {
            active.each_asked(pod, |asked| active.violations(pod, asked, &mut found));
        }
        without_repeats(found)
    }

    /// Every place where the object as a whole violates a policy.
    pub fn check_object(&self, object: &ObjectTarget<'_>) -> Vec<Violation> {
        let mut found = Vec::new();
        for active in &self.rules {
            if active.applies_to_object(object) && !active.schema.holds(object.root) {
                active.object_violations(object, &mut found);
            }
        }
        without_repeats(found)
    }

    /// Whether the pod satisfies every rule; `false` may also mean that only the single rules can
    /// tell.
    fn passes(&self, pod: &PodTarget<'_>) -> bool {
        pod.is_well_shaped() && self.groups.iter().all(|group| group.holds(pod))
    }

    /// The parts of the pod that have the wrong type even before a rule looks at them. They are
    /// put down to the first policy about pods, for Kubernetes refuses such a pod as a whole.
    fn misshapen(&self, pod: &PodTarget<'_>) -> Vec<Violation> {
        let Some(first) = self
            .rules
            .iter()
            .find(|active| active.rule.node != NodeKind::Object)
        else {
            return Vec::new();
        };
        pod.misshapen()
            .into_iter()
            .map(|part| Violation {
                policy: first.policy.name.clone(),
                severity: first.policy.policy.severity,
                message: wrong_type(
                    &part.pointer,
                    &format!("is {}, must be {}", word(part.found), word(part.required)),
                ),
                pointer: part.pointer,
                wrong_type: true,
                container: None,
                help: "Kubernetes cannot read this pod; correct the chart's template or values."
                    .to_owned(),
            })
            .collect()
    }
}

/// Several policies read the same field. That it has the wrong type is said once, and then nothing
/// else about its value.
fn without_repeats(found: Vec<Violation>) -> Vec<Violation> {
    let mut kept: Vec<Violation> = Vec::with_capacity(found.len());
    let is_mistyped = |pointer: &str| {
        found
            .iter()
            .any(|other| other.wrong_type && other.pointer == pointer)
    };
    for violation in &found {
        let repeats = kept.iter().any(|other| {
            other.pointer == violation.pointer
                && (other.wrong_type || other.message == violation.message)
        });
        if !repeats && (violation.wrong_type || !is_mistyped(&violation.pointer)) {
            kept.push(violation.clone());
        }
    }
    kept
}

impl ActiveRule {
    fn all_of(selected: &Selected) -> impl Iterator<Item = ActiveRule> + use<'_> {
        selected.rules.iter().map(|rule| ActiveRule {
            policy: Arc::clone(&selected.loaded),
            schema: Schema::new(rule.schema.clone()),
            overrule: selected.overrule,
            applies: rule.applies.clone().map(Schema::new),
            unless: selected
                .unless
                .iter()
                .chain(&rule.unless)
                .cloned()
                .map(Schema::new)
                .collect(),
            rule: rule.clone(),
        })
    }

    /// Whether the conditions of the rule let it apply to this pod spec or object.
    fn applies_to(&self, view: View<'_>) -> bool {
        self.applies
            .as_ref()
            .is_none_or(|schema| schema.holds(view))
            && !self.unless.iter().any(|schema| schema.holds(view))
    }

    pub(super) fn applies_to_object(&self, object: &ObjectTarget<'_>) -> bool {
        let named = |kind: &String| match kind.split_once('.') {
            Some((kind, group)) => kind == object.kind && group == object.group,
            None => kind == object.kind,
        };
        self.rule.node == NodeKind::Object
            && (self.rule.kinds.is_empty() || self.rule.kinds.iter().any(named))
            && self.applies_to(object.root)
    }

    /// Calls back for everything the rule is asked about and that does not satisfy it.
    pub(super) fn each_asked<'a>(&self, pod: &PodTarget<'a>, mut violated: impl FnMut(Asked<'a>)) {
        let rule = &self.rule;
        let mut failed = Vec::new();
        each_value(
            pod,
            rule.node,
            &rule.lists,
            rule.inherit.as_deref(),
            rule.annotation.as_deref(),
            &mut |asked| {
                if !self.schema.holds(asked.view) {
                    failed.push(asked);
                }
                true
            },
        );
        if !failed.is_empty() && self.applies_to(pod.spec()) {
            failed.into_iter().for_each(&mut violated);
        }
    }

    fn violations(&self, pod: &PodTarget<'_>, asked: Asked<'_>, found: &mut Vec<Violation>) {
        let base = self.base_pointer(pod, asked.container.as_ref());
        let name = asked
            .container
            .map(|container| container.name().into_owned());
        for failure in self.failures(asked.view) {
            found.push(self.violation(&base, asked.view, failure, name.clone()));
        }
    }

    fn object_violations(&self, object: &ObjectTarget<'_>, found: &mut Vec<Violation>) {
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
        let policy = &self.policy.policy;
        let pointer = format!("{base}{}", failure.pointer);
        let hidden = is_sensitive(&pointer);
        let value = match view
            .pointer(&failure.pointer)
            .filter(|value| !value.is_null())
        {
            None => "not set".to_owned(),
            Some(_) if hidden => "(hidden)".to_owned(),
            Some(value) => shown(&value.to_json()),
        };
        let reason = if hidden {
            "is not allowed"
        } else {
            &failure.reason
        };
        let message = if failure.wrong_type {
            wrong_type(&failure.pointer, &failure.reason)
        } else {
            self.rule
                .message
                .replace("{field}", &dotted(&failure.pointer))
                .replace("{value}", &value)
                .replace("{container}", container.as_deref().unwrap_or_default())
                .replace("{reason}", reason)
        };
        Violation {
            policy: self.policy.name.clone(),
            severity: policy.severity,
            pointer,
            container,
            wrong_type: failure.wrong_type,
            message,
            help: self
                .rule
                .help
                .as_ref()
                .or(policy.help.as_ref())
                .cloned()
                .unwrap_or_default(),
        }
    }

    /// The pointer, from the document's root, of what the rule looks at.
    pub(super) fn base_pointer(
        &self,
        pod: &PodTarget<'_>,
        container: Option<&Container<'_>>,
    ) -> String {
        if let Some(annotation) = &self.rule.annotation {
            let name = container.map(Container::name).unwrap_or_default();
            let key = format!("{annotation}{name}");
            return format!(
                "{}/annotations/{}",
                pod.metadata_pointer,
                crate::manifest::view::escape(&key)
            );
        }
        match (self.rule.node, container) {
            (NodeKind::Container, Some(container)) => container.pointer(pod),
            (NodeKind::PodMetadata, _) => pod.metadata_pointer.to_owned(),
            _ => pod.spec_pointer.to_owned(),
        }
    }
}

fn wrong_type(pointer: &str, reason: &str) -> String {
    match dotted(pointer).as_str() {
        "" => format!("the value {reason}"),
        field => format!("{field} {reason}"),
    }
}

/// Calls back with every value a rule looks at, until the callback says `false`; whether it never
/// did.
fn each_value<'a>(
    pod: &PodTarget<'a>,
    node: NodeKind,
    lists: &[ContainerList],
    inherit: Option<&str>,
    annotation: Option<&str>,
    ask: &mut dyn FnMut(Asked<'a>) -> bool,
) -> bool {
    let one = |view: View<'a>, container| Asked { view, container };
    match (node, annotation) {
        (NodeKind::Object, _) => true,
        (NodeKind::Pod | NodeKind::PodMetadata, _) if pod.bare => true,
        (NodeKind::Pod, None) => ask(one(pod.spec(), None)),
        (NodeKind::PodMetadata, _) => ask(one(pod.metadata(), None)),
        (NodeKind::Pod, Some(name)) => pod.annotation(name).is_none_or(|view| ask(one(view, None))),
        (NodeKind::Container, _) => {
            let inherited = inherit.filter(|pointer| is_set(pod.spec(), pointer));
            pod.containers()
                .filter(|container| lists.is_empty() || lists.contains(&container.list))
                .filter(|container| inherited.is_none_or(|pointer| is_set(container.view, pointer)))
                .all(|container| match annotation {
                    None => ask(one(container.view, Some(container))),
                    Some(prefix) => pod
                        .annotation(&format!("{prefix}{}", container.name()))
                        .is_none_or(|view| ask(one(view, Some(container)))),
                })
        }
    }
}

/// Whether there is a value at the pointer, and not null.
fn is_set(view: View<'_>, pointer: &str) -> bool {
    view.pointer(pointer).is_some_and(|value| !value.is_null())
}

impl Group {
    fn holds(&self, pod: &PodTarget<'_>) -> bool {
        let (inherit, annotation) = (self.inherit.as_deref(), self.annotation.as_deref());
        each_value(
            pod,
            self.node,
            &self.lists,
            inherit,
            annotation,
            &mut |asked| self.schema.holds(asked.view),
        )
    }
}

/// Puts rules about the same values together. A rule's conditions only make it apply less often, so
/// what satisfies the group satisfies every rule in it.
fn group(rules: &[ActiveRule]) -> Vec<Group> {
    let mut merged: Vec<(&Rule, Merged)> = Vec::new();
    let mut alone: Vec<(&Rule, Value)> = Vec::new();
    for ActiveRule { rule, .. } in rules
        .iter()
        .filter(|active| active.rule.node != NodeKind::Object)
    {
        if !Merged::takes(&rule.schema) {
            alone.push((rule, rule.schema.clone()));
            continue;
        }
        match merged
            .iter_mut()
            .find(|(other, _)| looks_at_the_same(other, rule))
        {
            Some((_, schema)) => schema.add(&rule.schema),
            None => {
                let mut schema = Merged::default();
                schema.add(&rule.schema);
                merged.push((rule, schema));
            }
        }
    }
    let merged = merged
        .into_iter()
        .map(|(rule, schema)| (rule, schema.into_schema()));
    merged
        .chain(alone)
        .map(|(rule, schema)| Group {
            node: rule.node,
            lists: rule.lists.clone(),
            inherit: rule.inherit.clone(),
            annotation: rule.annotation.clone(),
            schema: Schema::new(schema),
        })
        .collect()
}

fn looks_at_the_same(one: &Rule, other: &Rule) -> bool {
    one.node == other.node
        && one.lists == other.lists
        && one.inherit == other.inherit
        && one.annotation == other.annotation
}
