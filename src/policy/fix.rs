//! What a policy may add by itself, as edits.
//!
//! A fix fills what is absent, null or empty. It changes a value that somebody chose only for
//! policies a platform team listed under `security.overrule`.

use serde_json::{Map, Value};

use super::evaluate::Evaluator;
use super::look::{Asked, Pod};
use super::model::{Fix, FixTarget};
use super::rule::ActiveRule;
use super::schema::Schema;
use super::target::{ObjectTarget, PodTarget};
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

    /// Applies one operation that the policy of that name asks for.
    ///
    /// # Errors
    /// The operation cannot be applied; nothing was changed.
    fn apply(&mut self, policy: &str, operation: Operation) -> Result<(), Self::Error>;
}

impl Evaluator {
    /// Applies every fix the pod needs.
    ///
    /// # Errors
    /// The first operation the pod refused.
    pub fn harden<P: EditablePod>(&self, pod: &mut P) -> Result<(), P::Error> {
        if self.passes(&Pod::new(&pod.pod())) {
            return Ok(());
        }
        let fixes = self.fixes();
        let mut at = 0;
        while let Some((number, operations)) = next_operations(&fixes, at, &pod.pod()) {
            at = number + 1;
            for operation in operations {
                let policy = fixes.get(number).map_or("", |(rule, _)| rule.policy_name());
                pod.apply(policy, operation)?;
            }
        }
        Ok(())
    }

    /// Applies every fix the object as a whole needs.
    ///
    /// # Errors
    /// The first operation the object refused.
    pub fn harden_object<O: EditableObject>(&self, object: &mut O) -> Result<(), O::Error> {
        for active in self.object_rules() {
            for fix in &active.rule.fix {
                if let Some(operation) = active.object_operation(fix, &object.object()) {
                    object.apply(active.policy_name(), operation)?;
                }
            }
        }
        Ok(())
    }

    /// All fixes of pods, with their rules, in the order in which they are applied.
    fn fixes(&self) -> Vec<(&ActiveRule, &Fix)> {
        let rules = self.rules().iter();
        rules
            .flat_map(|active| active.rule.fix.iter().map(move |fix| (active, fix)))
            .collect()
    }
}

/// The first fix from number `from` on that has something to do, with its operations. The pod is
/// taken apart once for all the fixes that have nothing to do, which are most.
fn next_operations(
    fixes: &[(&ActiveRule, &Fix)],
    from: usize,
    pod: &PodTarget<'_>,
) -> Option<(usize, Vec<Operation>)> {
    let parts = Pod::new(pod);
    let rest = fixes.iter().enumerate().skip(from);
    rest.map(|(number, (active, fix))| (number, active.pod_operations(fix, &parts)))
        .find(|(_, operations)| !operations.is_empty())
}

impl ActiveRule {
    /// What one fix of this rule does to the pod as it is now.
    fn pod_operations(&self, fix: &Fix, pod: &Pod<'_, '_>) -> Vec<Operation> {
        let unless = fix.unless.clone().map(Schema::new);
        let spares = |view: View<'_>| unless.as_ref().is_some_and(|schema| schema.holds(view));
        if fix.target == FixTarget::Pod && spares(pod.spec) {
            return Vec::new();
        }
        let is_spared = |own: &Asked<'_>| own.container.is_some_and(|own| spares(own.view));
        let (spared, asked): (Vec<_>, Vec<_>) =
            self.violated_by(pod).into_iter().partition(is_spared);
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
        fix: &Fix,
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
                operation(fix, Some(container.view), &container.pointer(pod), overrule)
            }
            (None, FixTarget::PodMetadata) if pod.metadata_pointer.is_empty() => None,
            (None, FixTarget::PodMetadata) => {
                operation(fix, pod.metadata, pod.metadata_pointer, overrule)
            }
            (None, _) => operation(fix, Some(pod.spec), pod.spec_pointer, overrule),
        }
    }

    fn object_operation(&self, fix: &Fix, object: &ObjectTarget<'_>) -> Option<Operation> {
        if !self.is_violated_by(object) {
            return None;
        }
        operation(
            fix,
            Some(object.root),
            object.pointer,
            self.selected.overrule,
        )
    }
}

/// The operation that puts the fix's value where it belongs below `root`, which lies at `base`.
/// `None`: somebody chose another value there, or something on the way is no map.
fn operation(fix: &Fix, root: Option<View<'_>>, base: &str, overrule: bool) -> Option<Operation> {
    // The tokens that are left, each behind a `/`.
    let (_, mut rest) = (fix.path).split_at(fix.path.find('/').unwrap_or(fix.path.len()));
    let mut path = String::with_capacity(base.len() + rest.len());
    path.push_str(base);
    let mut view = root;
    while let Some(below) = rest.strip_prefix('/') {
        let Some(parent) = view.filter(|parent| !is_fillable(*parent)) else {
            return Some(add(path, rest, &fix.value));
        };
        let (token, after) = below.split_at(below.find('/').unwrap_or(below.len()));
        let token = unescape(token);
        path.push('/');
        path.push_str(&escape(&token));
        rest = after;
        match parent.value_type() {
            Type::Map => view = parent.get(&token),
            Type::Seq if token == "-" && after.is_empty() => {
                let contains = parent.items().any(|item| item.to_json() == fix.value);
                return (!contains).then(|| add(path, after, &fix.value));
            }
            _ => return None,
        }
    }
    match view.filter(|value| !is_blank(*value)) {
        None => Some(add(path, rest, &fix.value)),
        Some(chosen) => (overrule && chosen.to_json() != fix.value)
            .then(|| Operation::replace(path, fix.value.clone())),
    }
}

/// Whether a parent is to be made anew: it is null, or empty and no map.
fn is_fillable(view: View<'_>) -> bool {
    view.value_type() != Type::Map && view.is_empty()
}

/// Adds `value` at `path`, inside of as many new maps as there are tokens left.
fn add(path: String, rest: &str, value: &Value) -> Operation {
    // Behind the last of them stands the empty text in front of the first `/`.
    let tokens = rest.rsplit('/').take(rest.matches('/').count());
    let value = tokens.fold(value.clone(), |value, token| match token {
        "-" => Value::Array(vec![value]),
        key => Value::Object(Map::from_iter([(unescape(key).into_owned(), value)])),
    });
    Operation::add(path, value)
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
