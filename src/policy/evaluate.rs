//! Asks the selected policies about pods and objects.
//!
//! Most pods pass, so there is a fast way to say so: the rules about the same node are merged into
//! one schema, and only when that does not hold is each rule asked on its own.

use std::collections::HashSet;
use std::sync::OnceLock;

use super::group::{Group, group};
use super::load::{Library, Loaded};
use super::look::Pod;
use super::model::NodeKind;
use super::rule::{ActiveRule, mistyped};
use super::select::{Selected, Selection, select};
use super::target::{ObjectTarget, PodTarget};
use super::violation::{Violation, word};
use crate::config::dotted;

/// The selected policies, ready to judge. Cheap until the first pod comes.
#[derive(Debug)]
pub struct Evaluator {
    selected: Vec<Selected>,
    names: HashSet<String>,
    rules: OnceLock<Vec<ActiveRule>>,
    groups: OnceLock<Vec<Group>>,
    /// Whether any rule is about whole objects; usually none is.
    judges_objects: bool,
}

impl Evaluator {
    /// The policies of the library that the selection asks for.
    pub fn new(library: &Library, selection: &Selection) -> Evaluator {
        let selected = select(library, selection);
        let mut rules = selected.iter().flat_map(Selected::rules);
        let judges_objects = rules.any(|rule| rule.node == NodeKind::Object);
        let names = selected.iter().map(|own| own.loaded.name.clone()).collect();
        Evaluator {
            selected,
            names,
            rules: OnceLock::new(),
            groups: OnceLock::new(),
            judges_objects,
        }
    }

    /// Whether the policy of that name applies, also one that a module implements.
    pub fn enabled(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// The policies that apply, in the order they are asked.
    pub fn policies(&self) -> impl Iterator<Item = &Loaded> {
        self.selected.iter().map(|own| own.loaded.as_ref())
    }

    /// Every place where the pod violates a policy.
    pub fn check(&self, pod: &PodTarget<'_>) -> Vec<Violation> {
        let parts = Pod::new(pod);
        if self.passes(&parts) {
            return Vec::new();
        }
        let mut found = self.misshapen(pod);
        for active in self.rules() {
            for asked in active.violated_by(&parts) {
                active.violations(pod, asked, &mut found);
            }
        }
        without_repeats(found)
    }

    /// Every place where the object as a whole violates a policy.
    pub fn check_object(&self, object: &ObjectTarget<'_>) -> Vec<Violation> {
        let mut found = Vec::new();
        for active in self
            .object_rules()
            .filter(|active| active.is_violated_by(object))
        {
            active.object_violations(object, &mut found);
        }
        without_repeats(found)
    }

    /// Whether the pod satisfies every rule; `false` may also mean that only the single rules can
    /// tell.
    pub(super) fn passes(&self, pod: &Pod<'_, '_>) -> bool {
        let groups = self.groups.get_or_init(|| group(self.rules()));
        pod.target.is_well_shaped() && groups.iter().all(|group| group.holds(pod))
    }

    /// All rules, in the order of their policies.
    pub(super) fn rules(&self) -> &[ActiveRule] {
        self.rules
            .get_or_init(|| self.selected.iter().flat_map(ActiveRule::all_of).collect())
    }

    /// The rules about whole objects.
    pub(super) fn object_rules(&self) -> impl Iterator<Item = &ActiveRule> {
        let rules = if self.judges_objects {
            self.rules()
        } else {
            &[]
        };
        rules
            .iter()
            .filter(|active| active.rule.node == NodeKind::Object)
    }

    /// The parts of the pod that have the wrong type even before a rule looks at them. They are
    /// put down to the first policy about pods, for Kubernetes refuses such a pod as a whole.
    fn misshapen(&self, pod: &PodTarget<'_>) -> Vec<Violation> {
        let first = self
            .rules()
            .iter()
            .find(|active| active.rule.node != NodeKind::Object);
        let Some(policy) = first.map(|active| &active.selected.loaded) else {
            return Vec::new();
        };
        let violation = |part: super::target::Misshapen| {
            let reason = format!("is {}, must be {}", word(part.found), word(part.required));
            Violation {
                policy: policy.name.clone(),
                severity: policy.policy.severity,
                message: mistyped(&dotted(&part.pointer), &reason),
                pointer: part.pointer,
                wrong_type: true,
                container: None,
                help: "Kubernetes cannot read this pod; correct the chart's template or values."
                    .to_owned(),
            }
        };
        pod.misshapen().into_iter().map(violation).collect()
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
