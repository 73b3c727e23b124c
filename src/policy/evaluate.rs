//! Asks the selected policies about pods and objects.
//!
//! Most pods pass, so there is a fast way to say so: the rules about the same node are merged into
//! one schema, and only when that does not hold is each rule asked on its own.

use std::sync::OnceLock;

use foldhash::HashSet;

use super::group::{Group, group};
use super::load::{Library, Loaded};
use super::model::NodeKind;
use super::rule::{ActiveRule, mistyped};
use super::select::{Selected, Selection, select};
use super::target::{ObjectTarget, Pod, PodTarget};
use super::violation::{Violation, word};
use crate::config::dotted;

/// The selected policies, ready to judge. Cheap until the first pod comes.
#[derive(Debug)]
pub struct Evaluator {
    selected: Vec<Selected>,
    /// Looked up for every edit.
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
        let names = selected.iter().map(|own| own.loaded.name.clone());
        Evaluator {
            names: names.collect(),
            selected,
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

    /// The policies that apply, each in its version.
    pub fn selected(&self) -> &[Selected] {
        &self.selected
    }

    /// Every place where the pod violates a policy.
    pub fn check(&self, pod: &PodTarget<'_>) -> Vec<Violation> {
        let parts = Pod::new(pod);
        if self.passes(&parts) {
            return Vec::new();
        }
        let mut found = self.misshapen(&parts);
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
    fn passes(&self, pod: &Pod<'_, '_>) -> bool {
        let groups = self.groups.get_or_init(|| group(self.rules()));
        pod.is_well_shaped() && groups.iter().all(|group| group.holds(pod))
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
    fn misshapen(&self, pod: &Pod<'_, '_>) -> Vec<Violation> {
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
                below: 0,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::View;
    use crate::policy::Names;
    use serde_json::{Value, json};

    fn pod(spec: &Value) -> PodTarget<'_> {
        PodTarget {
            spec: View::Json(spec),
            alone: None,
            inherited: None,
            metadata: None,
            spec_pointer: "/spec/template/spec",
            metadata_pointer: "/spec/template/metadata",
        }
    }

    fn with(library: &Library, only: &str) -> Evaluator {
        let only = Names::new([only]).unwrap();
        Evaluator::new(
            library,
            &Selection {
                only,
                ..Selection::default()
            },
        )
    }

    /// Pointer and message of everything the built-in policies find.
    fn found(only: &str, spec: Value) -> Vec<(String, String)> {
        let violations = with(&Library::built_in().unwrap(), only).check(&pod(&spec));
        violations
            .into_iter()
            .map(|own| (own.pointer, own.message))
            .collect()
    }

    fn one(only: &str, spec: Value, pointer: &str, message: &str) {
        let pointer = format!("/spec/template/spec{pointer}");
        assert_eq!(found(only, spec), [(pointer, message.to_owned())]);
    }

    #[test]
    fn messages_say_what_is_wrong_and_where() {
        let one_container = |own: Value| json!({"containers": [own]});
        one(
            "pss/allowPrivilegeEscalation",
            one_container(json!({"name": "app"})),
            "/containers/0/securityContext/allowPrivilegeEscalation",
            "container app must set securityContext.allowPrivilegeEscalation to false, it is not set",
        );
        one(
            "pss/capabilities_restricted",
            one_container(
                json!({"name": "app", "securityContext": {"capabilities": {"drop": ["ALL"], "add": ["SYS_TIME"]}}}),
            ),
            "/containers/0/securityContext/capabilities/add/0",
            "container app must not add the capability \"SYS_TIME\"",
        );
        one(
            "pss/restrictedVolumes",
            json!({"volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "hostPath": {"path": "/"}}]}),
            "/volumes/1/hostPath",
            "volumes[1].hostPath must not be used",
        );
        one(
            "pss/sysctls",
            json!({"securityContext": {"sysctls": [{"name": "vm.max_map_count"}]}}),
            "/securityContext/sysctls/0/name",
            "the pod must not set the sysctl \"vm.max_map_count\"",
        );
    }

    #[test]
    fn a_wrong_type_is_said_once() {
        one(
            "pss/*",
            json!({"hostNetwork": "true"}),
            "/hostNetwork",
            "hostNetwork is a string, must be a boolean",
        );
        one(
            "pss/*",
            json!({"containers": "x"}),
            "/containers",
            "spec.template.spec.containers is a string, must be a list",
        );
        let container = found("pss/*", json!({"initContainers": [1]}));
        assert_eq!(container[0].0, "/spec/template/spec/initContainers/0");
        assert_eq!(container.len(), 1);
        assert_eq!(found("pss/*", json!([])).len(), 1);
    }

    const RULES: &str = "\
apiVersion: floe.dev/v1alpha1
kind: Policy
metadata: {name: acme/all}
spec:
  title: t
  description: d
  rules:
    - node: container
      in: [containers]
      match: {required: [restartPolicy]}
      schema: {required: [readinessProbe]}
      message: container {container} has no {field}
    - node: container
      schema:
        properties:
          env:
            items: {properties: {value: {pattern: ^ok$}}}
      message: \"{field} is {value}: {reason}\"
    - node: object
      kinds: [Service, Deployment.apps]
      unless: {required: [spared]}
      schema: {properties: {data: {properties: {a: {const: b}}}}, additionalProperties: {not: {const: bad}}}
      message: \"{field}: {value} {reason}\"
";

    fn own() -> Evaluator {
        let mut library = Library::default();
        library.add_text("all.yaml", RULES).unwrap();
        with(&library, "*")
    }

    #[test]
    fn lists_and_conditions_narrow_a_rule() {
        let spec = json!({"initContainers": [{"name": "i"}], "containers": [{"name": "a"}], "restartPolicy": "Always"});
        let messages: Vec<_> = own()
            .check(&pod(&spec))
            .into_iter()
            .map(|own| own.message)
            .collect();
        assert_eq!(messages, ["container a has no readinessProbe"]);
        assert!(
            own()
                .check(&pod(&json!({"containers": [{"name": "a"}]})))
                .is_empty()
        );
    }

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        let spec = json!({"containers": [{"env": [{"name": "A", "value": "hunter2"}]}]});
        let messages: Vec<_> = own()
            .check(&pod(&spec))
            .into_iter()
            .map(|own| own.message)
            .collect();
        assert_eq!(messages, ["env[0].value is (hidden): is not allowed"]);
    }

    #[test]
    fn objects_are_judged_by_kind() {
        let judge = |kind: &str, group: &str, root: Value| -> Vec<String> {
            let object = ObjectTarget {
                root: View::Json(&root),
                pointer: "/items/1",
                group,
                kind,
            };
            let found = own().check_object(&object).into_iter();
            found
                .map(|own| format!("{} {}", own.pointer, own.message))
                .collect()
        };
        let bad = json!({"data": {"a": "secret"}, "x": "bad"});
        let mut expected = vec![
            "/items/1/data/a data.a: (hidden) is not allowed",
            "/items/1/x x: \"bad\" is not allowed",
        ];
        let mut found = judge("Service", "", bad.clone());
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
        assert_eq!(
            judge("Service", "serving.knative.dev", bad.clone()).len(),
            2
        );
        assert_eq!(judge("Deployment", "apps", bad.clone()).len(), 2);
        assert!(judge("Deployment", "extensions", bad).is_empty());
        assert!(judge("Service", "", json!({"x": "bad", "spared": 1})).is_empty());
    }
}
