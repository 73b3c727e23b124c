//! What a policy may add by itself, as edits.
//!
//! A fix fills what is absent, null or empty. It changes a value that somebody chose only for
//! policies a platform team listed under `security.overrule`.

use serde_json::{Map, Value};

use super::evaluate::Evaluator;
use super::look::Asked;
use super::model::{Fix, FixTarget};
use super::rule::ActiveRule;
use super::schema::Schema;
use super::target::{ObjectTarget, Pod, PodTarget};
use crate::manifest::View;
use crate::manifest::edit::Operation;
use crate::manifest::view::{Type, escape, unescape};

/// A pod that can be edited. Fixes are computed one after the other, each on what the one before
/// left, so two that need the same missing parent do not create it twice.
pub trait EditablePod {
    /// Why an operation could not be applied.
    type Error;

    /// The pod as it is now.
    fn pod(&self) -> PodTarget<'_>;

    /// Whether an exception lets the pod be without the policy: all of it, or a container of that
    /// name.
    fn is_excepted(&self, _policy: &str, _container: Option<&str>) -> bool {
        false
    }

    /// Applies one operation that the policy of that name asks for.
    ///
    /// # Errors
    /// The operation cannot be applied; nothing was changed.
    fn apply(&mut self, policy: &str, operation: Operation) -> Result<(), Self::Error>;
}

/// An object that can be edited.
pub trait EditableObject {
    /// Why an operation could not be applied.
    type Error;

    /// The object as it is now.
    fn object(&self) -> ObjectTarget<'_>;

    /// Whether an exception lets the object be without the policy.
    fn is_excepted(&self, _policy: &str) -> bool {
        false
    }

    /// Applies one operation that the policy of that name asks for.
    ///
    /// # Errors
    /// The operation cannot be applied; nothing was changed.
    fn apply(&mut self, policy: &str, operation: Operation) -> Result<(), Self::Error>;
}

/// A fix with its path taken apart.
#[derive(Debug)]
pub(super) struct ActiveFix {
    target: FixTarget,
    /// The tokens of the path, without escapes.
    tokens: Vec<String>,
    /// What to add where the path leads no further, by the number of tokens that lead somewhere.
    additions: Vec<Addition>,
    value: Value,
    unless: Option<Schema>,
}

/// What a fix adds at a place below its target.
#[derive(Debug)]
struct Addition {
    /// JSON Pointer from the target.
    at: String,
    /// The fix's value, inside of as many new maps as there are tokens left.
    value: Value,
}

impl ActiveFix {
    /// Takes a fix apart.
    pub fn new(fix: &Fix) -> ActiveFix {
        let tokens = fix.path.split('/').skip(1);
        let tokens: Vec<String> = tokens.map(|token| unescape(token).into_owned()).collect();
        let additions = (0..=tokens.len()).map(|depth| {
            let (there, new) = tokens.split_at(depth);
            let at = there.iter().map(|token| format!("/{}", escape(token)));
            let new = new.iter().map(String::as_str);
            let value = new.rfold(fix.value.clone(), wrap);
            Addition {
                at: at.collect(),
                value,
            }
        });
        ActiveFix {
            target: fix.target,
            additions: additions.collect(),
            tokens,
            value: fix.value.clone(),
            unless: fix.unless.clone().map(Schema::new),
        }
    }

    /// Whether the fix is not to be made on a pod spec, a container or an object.
    fn is_left_out(&self, view: View<'_>) -> bool {
        self.unless
            .as_ref()
            .is_some_and(|unless| unless.holds(view))
    }

    /// The operation that puts the value where it belongs below `root`, which lies at `base`.
    /// `None`: somebody chose another value there, or something on the way is no map.
    fn operation(&self, root: Option<View<'_>>, base: &str, overrule: bool) -> Option<Operation> {
        let mut view = root;
        for (depth, token) in self.tokens.iter().enumerate() {
            let Some(parent) = view.filter(|parent| !is_fillable(*parent)) else {
                return self.addition(base, depth);
            };
            let last = depth + 1 == self.tokens.len();
            match parent.value_type() {
                Type::Map => view = parent.get(token),
                Type::Seq if token == "-" && last => {
                    let contains = parent.items().any(|item| item.to_json() == self.value);
                    return self.addition(base, depth + 1).filter(|_| !contains);
                }
                _ => return None,
            }
        }
        let end = self.tokens.len();
        match view.filter(|value| !is_blank(*value)) {
            None => self.addition(base, end),
            Some(chosen) if overrule && chosen.to_json() != self.value => {
                let path = [base, &self.additions.get(end)?.at].concat();
                Some(Operation::replace(path, self.value.clone()))
            }
            Some(_) => None,
        }
    }

    /// The operation for a path of which so many tokens lead somewhere.
    fn addition(&self, base: &str, depth: usize) -> Option<Operation> {
        let addition = self.additions.get(depth)?;
        let path = [base, &addition.at].concat();
        Some(Operation::add(path, addition.value.clone()))
    }
}

/// A value as the only one of a new list or map.
fn wrap(value: Value, token: &str) -> Value {
    match token {
        "-" => Value::Array(vec![value]),
        key => Value::Object(Map::from_iter([(key.to_owned(), value)])),
    }
}

impl Evaluator {
    /// Applies every fix the pod needs.
    ///
    /// # Errors
    /// The first operation the pod refused.
    pub fn harden<P: EditablePod>(&self, pod: &mut P) -> Result<(), P::Error> {
        let rules = self.rules().iter();
        let mut fixes = rules.flat_map(|rule| rule.fixes.iter().map(move |fix| (rule, fix)));
        loop {
            let excepted =
                |policy: &str, container: Option<&str>| pod.is_excepted(policy, container);
            let Some((rule, operations)) = next_operations(&mut fixes, &pod.pod(), &excepted)
            else {
                return Ok(());
            };
            for operation in operations {
                pod.apply(rule.policy_name(), operation)?;
            }
        }
    }

    /// Applies every fix the object as a whole needs.
    ///
    /// # Errors
    /// The first operation the object refused.
    pub fn harden_object<O: EditableObject>(&self, object: &mut O) -> Result<(), O::Error> {
        for active in self.object_rules() {
            if object.is_excepted(active.policy_name()) {
                continue;
            }
            for fix in &active.fixes {
                if let Some(operation) = active.object_operation(fix, &object.object()) {
                    object.apply(active.policy_name(), operation)?;
                }
            }
        }
        Ok(())
    }
}

/// Whether a policy is excepted: for the whole pod, or for a container of that name.
type Excepted<'a> = dyn Fn(&str, Option<&str>) -> bool + 'a;

/// The operations of the next fix that has something to do, with its rule. The pod is taken apart
/// once for all the fixes that have nothing to do, which are most.
fn next_operations<'f>(
    fixes: &mut impl Iterator<Item = (&'f ActiveRule, &'f ActiveFix)>,
    pod: &PodTarget<'_>,
    excepted: &Excepted<'_>,
) -> Option<(&'f ActiveRule, Vec<Operation>)> {
    let parts = Pod::new(pod);
    fixes
        .map(|(rule, fix)| (rule, rule.pod_operations(fix, &parts, excepted)))
        .find(|(_, operations)| !operations.is_empty())
}

impl ActiveRule {
    /// What one fix of this rule does to the pod as it is now.
    fn pod_operations(
        &self,
        fix: &ActiveFix,
        pod: &Pod<'_, '_>,
        excepted: &Excepted<'_>,
    ) -> Vec<Operation> {
        let asked = self.violated_by(pod);
        let policy = self.policy_name();
        let of_pod = || fix.target != FixTarget::Container && fix.is_left_out(pod.spec);
        if asked.is_empty() || of_pod() || excepted(policy, None) {
            return Vec::new();
        }
        let is_spared = |own: &Asked<'_>| {
            own.container
                .is_some_and(|own| fix.is_left_out(own.view) || excepted(policy, Some(&own.name())))
        };
        let (spared, asked): (Vec<_>, Vec<_>) = asked.into_iter().partition(is_spared);
        let mut operations = Vec::new();
        for asked in asked {
            let operation = self.pod_operation(fix, pod.target, asked, !spared.is_empty());
            operations.extend(operation.filter(|own| !operations.contains(own)));
        }
        operations
    }

    /// `alone`: not all containers may get what the fix does, so that it is not made on the pod.
    fn pod_operation(
        &self,
        fix: &ActiveFix,
        pod: &PodTarget<'_>,
        asked: Asked<'_>,
        alone: bool,
    ) -> Option<Operation> {
        let container = match (fix.target, asked.container) {
            (FixTarget::Container, container) => Some(container?),
            // A value of the container's own wins over the pod's, even one that says nothing.
            (FixTarget::Pod, Some(own))
                if alone || pod.alone.is_some() || self.look.is_set(own.view) =>
            {
                Some(own)
            }
            _ => None,
        };
        let overrule = self.selected.overrule;
        match (container, fix.target) {
            // There is no map to add a field to, and nobody can have meant such a container.
            (Some(container), _) if container.is_null => None,
            (Some(container), _) => {
                fix.operation(Some(container.view), &container.pointer(pod), overrule)
            }
            (None, FixTarget::PodMetadata) if pod.metadata_pointer.is_empty() => None,
            (None, FixTarget::PodMetadata) => {
                fix.operation(pod.metadata, pod.metadata_pointer, overrule)
            }
            (None, _) => fix.operation(Some(pod.spec), pod.spec_pointer, overrule),
        }
    }

    fn object_operation(&self, fix: &ActiveFix, object: &ObjectTarget<'_>) -> Option<Operation> {
        let overrule = self.selected.overrule;
        let wanted = self.is_violated_by(object) && !fix.is_left_out(object.root);
        wanted.then(|| fix.operation(Some(object.root), object.pointer, overrule))?
    }
}

/// Whether a parent is to be made anew: it is null, or empty and no map.
fn is_fillable(view: View<'_>) -> bool {
    view.value_type() != Type::Map && view.is_empty()
}

/// Null or empty, or a map that holds nothing else: what a fix may fill.
fn is_blank(view: View<'_>) -> bool {
    match view.value_type() {
        Type::Map => view.entries().all(|(_, member)| is_blank(member)),
        _ => view.is_empty(),
    }
}

/// Applies one operation to a value in memory; what the examples of policies and tests use.
///
/// # Errors
/// The path leads nowhere.
pub fn apply(root: &mut Value, operation: &Operation) -> Result<(), String> {
    let path = operation.path();
    let (Operation::Add { value, .. } | Operation::Replace { value, .. }) = operation else {
        return Err(format!("{path}: a fix adds or replaces"));
    };
    let lost = || format!("{path}: leads nowhere");
    if path.is_empty() {
        *root = value.clone();
        return Ok(());
    }
    let (parent, token) = path.rsplit_once('/').ok_or_else(lost)?;
    match root.pointer_mut(parent).ok_or_else(lost)? {
        Value::Object(members) => {
            members.insert(unescape(token).into_owned(), value.clone());
        }
        Value::Array(items) if token == "-" => items.push(value.clone()),
        _ => return Err(lost()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Alone;
    use crate::policy::{Library, Names, Selection};
    use serde_json::json;

    /// A pod spec, or a bare list of containers, at `/x`.
    struct InMemory {
        root: Value,
        alone: Option<Alone>,
        edits: Vec<(String, Operation)>,
    }

    impl EditablePod for InMemory {
        type Error = String;

        fn pod(&self) -> PodTarget<'_> {
            PodTarget {
                spec: View::Json(&self.root["x"]),
                alone: self.alone,
                inherited: None,
                metadata: self.root.get("metadata").map(View::Json),
                spec_pointer: "/x",
                metadata_pointer: "/metadata",
            }
        }

        fn is_excepted(&self, _: &str, container: Option<&str>) -> bool {
            container == Some("free")
        }

        fn apply(&mut self, policy: &str, operation: Operation) -> Result<(), String> {
            apply(&mut self.root, &operation)?;
            self.edits.push((policy.to_owned(), operation));
            Ok(())
        }
    }

    fn evaluator(overrule: &[&str]) -> Evaluator {
        let selection = Selection {
            only: Names::new(["pss/*"]).unwrap(),
            overrule: Names::new(overrule).unwrap(),
            ..Selection::default()
        };
        Evaluator::new(&Library::built_in().unwrap(), &selection)
    }

    fn harden(
        spec: Value,
        alone: Option<Alone>,
        overrule: &[&str],
    ) -> (Value, Vec<(String, Operation)>) {
        let mut pod = InMemory {
            root: json!({"x": spec}),
            alone,
            edits: Vec::new(),
        };
        evaluator(overrule).harden(&mut pod).unwrap();
        (pod.root["x"].take(), pod.edits)
    }

    fn hardened() -> Value {
        json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}})
    }

    #[test]
    fn a_bare_pod_is_filled_and_then_passes() {
        let (spec, edits) = harden(
            json!({"containers": [{"name": "a"}, {"name": "b", "securityContext": null}]}),
            None,
            &[],
        );
        assert_eq!(
            spec,
            json!({
                "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
                "containers": [
                    {"name": "a", "securityContext": hardened()},
                    {"name": "b", "securityContext": hardened()},
                ],
            })
        );
        let by: Vec<_> = edits
            .iter()
            .map(|(policy, operation)| (policy.as_str(), operation.path()))
            .collect();
        assert_eq!(
            by,
            [
                (
                    "pss/allowPrivilegeEscalation",
                    "/x/containers/0/securityContext"
                ),
                (
                    "pss/allowPrivilegeEscalation",
                    "/x/containers/1/securityContext"
                ),
                (
                    "pss/capabilities_restricted",
                    "/x/containers/0/securityContext/capabilities"
                ),
                (
                    "pss/capabilities_restricted",
                    "/x/containers/1/securityContext/capabilities"
                ),
                ("pss/runAsNonRoot", "/x/securityContext"),
                (
                    "pss/seccompProfile_restricted",
                    "/x/securityContext/seccompProfile"
                ),
            ]
        );
        assert_eq!(
            harden(spec.clone(), None, &[]),
            (spec, vec![]),
            "hardening again changes nothing"
        );
    }

    #[test]
    fn containers_without_a_pod_spec_are_filled_themselves() {
        let (list, _) = harden(json!([{"name": "a"}, null]), Some(Alone::List), &[]);
        let mut own = hardened();
        own["runAsNonRoot"] = json!(true);
        own["seccompProfile"] = json!({"type": "RuntimeDefault"});
        assert_eq!(list, json!([{"name": "a", "securityContext": own}, null]));
    }

    #[test]
    fn what_runs_as_root_keeps_others_from_it_no_more() {
        let root = json!({"name": "root", "securityContext": {"runAsUser": 0}});
        let (spec, _) = harden(json!({"containers": [root, {"name": "a"}]}), None, &[]);
        let of_container = |number: usize| &spec["containers"][number]["securityContext"];
        assert_eq!(spec["securityContext"].get("runAsNonRoot"), None);
        assert_eq!(of_container(0).get("runAsNonRoot"), None);
        assert_eq!(of_container(1)["runAsNonRoot"], json!(true));
        let (spec, _) = harden(
            json!({"securityContext": {"runAsUser": 0}, "containers": [{"name": "a"}]}),
            None,
            &[],
        );
        let all = spec.to_string();
        assert!(!all.contains("runAsNonRoot"), "{all}");
    }

    #[test]
    fn an_exception_for_a_container_leaves_the_fix_to_the_others() {
        let (spec, _) = harden(
            json!({"containers": [{"name": "free"}, {"name": "a"}]}),
            None,
            &[],
        );
        assert_eq!(spec["containers"][0], json!({"name": "free"}));
        assert_eq!(spec.get("securityContext"), None);
        let context = &spec["containers"][1]["securityContext"];
        assert_eq!(context["runAsNonRoot"], json!(true));
        assert_eq!(context["seccompProfile"], json!({"type": "RuntimeDefault"}));
    }

    #[test]
    fn chosen_values_stay_unless_they_may_be_overruled() {
        let spec = json!({
            "hostNetwork": true,
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{"securityContext": {
                "allowPrivilegeEscalation": true,
                "capabilities": {"drop": ["ALL"]},
                "runAsNonRoot": false,
            }}],
        });
        assert_eq!(harden(spec.clone(), None, &[]), (spec.clone(), vec![]));
        let (changed, edits) = harden(spec, None, &["pss/allow*", "pss/hostNamespaces"]);
        assert_eq!(changed["hostNetwork"], false);
        assert_eq!(
            changed["containers"][0]["securityContext"]["allowPrivilegeEscalation"],
            false
        );
        assert_eq!(
            changed["containers"][0]["securityContext"]["runAsNonRoot"],
            false
        );
        assert!(
            edits
                .iter()
                .all(|(_, operation)| matches!(operation, Operation::Replace { .. })),
            "{edits:?}"
        );
    }

    #[test]
    fn nothing_is_added_below_what_is_no_map() {
        for container in [
            json!({"securityContext": "x"}),
            json!("x"),
            json!(null),
            json!({"securityContext": {"capabilities": [1]}}),
        ] {
            let (spec, _) = harden(
                json!({"containers": [container.clone()]}),
                None,
                &["pss/capabilities_restricted"],
            );
            let before = &container["securityContext"]["capabilities"];
            assert_eq!(
                &spec["containers"][0]["securityContext"]["capabilities"], before,
                "{container}"
            );
        }
    }

    #[test]
    fn a_fix_adds_what_its_path_lacks() {
        for (path, root, expected) in [
            ("/a/b", json!({}), Some(("/x/a", json!({"b": 1})))),
            ("/a/b", json!({"a": null}), Some(("/x/a", json!({"b": 1})))),
            ("/a/b", json!({"a": []}), Some(("/x/a", json!({"b": 1})))),
            ("/a/b", json!({"a": {"c": 2}}), Some(("/x/a/b", json!(1)))),
            ("/a/b", json!({"a": {"b": {}}}), Some(("/x/a/b", json!(1)))),
            ("/a/b", json!({"a": {"b": 2}}), None),
            ("/a/b", json!({"a": "text"}), None),
            ("/a~1b/c", json!({}), Some(("/x/a~1b", json!({"c": 1})))),
            (
                "/a~1b/c~0",
                json!({"a/b": {}}),
                Some(("/x/a~1b/c~0", json!(1))),
            ),
            ("/a/-", json!({}), Some(("/x/a", json!([1])))),
            ("/a/-", json!({"a": [2]}), Some(("/x/a/-", json!(1)))),
            ("/a/-", json!({"a": [2, 1]}), None),
            ("/a/-/b", json!({"a": [2]}), None),
        ] {
            let fix = ActiveFix::new(&Fix {
                target: FixTarget::Pod,
                path: path.to_owned(),
                value: json!(1),
                unless: None,
            });
            let found = fix.operation(Some(View::Json(&root)), "/x", false);
            let expected = expected.map(|(path, value)| Operation::add(path, value));
            assert_eq!(found, expected, "{path} in {root}");
        }
    }

    #[test]
    fn windows_pods_are_left_to_their_own_rules() {
        let (spec, _) = harden(
            json!({"os": {"name": "windows"}, "containers": [{}]}),
            None,
            &[],
        );
        let expected = json!({"os": {"name": "windows"}, "containers": [{}], "securityContext": {"runAsNonRoot": true}});
        assert_eq!(spec, expected);
    }
}
