//! What makes one value of another, as operations of RFC 6902 that fail where the chart has moved on.
//!
//! A patch lives on in a repository while charts get new versions. So every operation that would
//! overwrite what a later chart says, or reach another container than it was made for, comes with a
//! test before it: kustomize then stops and names the place. A `test` for null holds in kustomize where
//! nothing is, too (`Patch.test` of gopkg.in/evanphx/json-patch.v4), which RFC 6902 leaves open.

use serde_json::{Map, Value};

use crate::manifest::Operation;
use crate::manifest::view::escape;

/// kustomize keeps notes of its own here while it patches, and Helm 4 the name of the template: the map
/// is always there, and must not be replaced.
const ANNOTATIONS: &str = "/metadata/annotations";

/// The operations that make `after` of `before`, in the order in which they are to be applied.
pub(super) fn between(before: &Value, after: &Value) -> Vec<Operation> {
    let mut out = Vec::new();
    value(&mut out, "", before, after);
    out
}

fn value(out: &mut Vec<Operation>, path: &str, before: &Value, after: &Value) {
    if before == after {
        return;
    }
    match (before, after) {
        (Value::Object(before), Value::Object(after))
            if !before.is_empty() || path == ANNOTATIONS =>
        {
            members(out, path, before, after);
        }
        (Value::Array(before), Value::Array(after)) if !before.is_empty() => {
            items(out, path, before, after);
        }
        _ => {
            if is_empty(before) {
                out.push(Operation::test(path, before.clone()));
            }
            out.push(Operation::replace(path, after.clone()));
        }
    }
}

fn members(
    out: &mut Vec<Operation>,
    path: &str,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) {
    for (key, old) in before {
        let path = format!("{path}/{}", escape(key));
        match after.get(key) {
            Some(new) if old.is_null() => fill(out, &path, new),
            Some(new) => value(out, &path, old, new),
            None => out.push(Operation::remove(path)),
        }
    }
    for (key, new) in after {
        if !before.contains_key(key) {
            fill(out, &format!("{path}/{}", escape(key)), new);
        }
    }
}

/// Puts a value where nothing or null is.
fn fill(out: &mut Vec<Operation>, path: &str, new: &Value) {
    if let (ANNOTATIONS, Value::Object(new)) = (path, new) {
        return members(out, path, &Map::new(), new);
    }
    if !new.is_null() {
        out.push(Operation::test(path, Value::Null));
        out.push(Operation::add(path, new.clone()));
    }
}

/// Items that stay are changed first, while their numbers hold; then some go, from the end, and others
/// come.
fn items(out: &mut Vec<Operation>, path: &str, before: &[Value], after: &[Value]) {
    let start = before.iter().zip(after).take_while(same).count();
    let (old, new) = (middle(before, start, 0), middle(after, start, 0));
    let end = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take_while(same)
        .count();
    let (old, new) = (middle(before, start, end), middle(after, start, end));
    let paired = old.len() == new.len() && old.iter().chain(new).all(is_nameless_map);

    let front = before.iter().zip(after).enumerate();
    let front = front.take(if paired { start + old.len() } else { start });
    let back = before.iter().enumerate().skip(before.len() - end);
    let back = back.zip(after.iter().skip(after.len() - end));
    let stay = front.chain(back.map(|((number, old), new)| (number, (old, new))));
    for (number, (old, new)) in stay {
        item(out, &format!("{path}/{number}"), old, new);
    }
    if paired {
        return;
    }
    for number in (start..start + old.len()).rev() {
        out.push(Operation::remove(format!("{path}/{number}")));
    }
    for (number, new) in (start..).zip(new) {
        let place = match end {
            0 => format!("{path}/-"),
            _ => format!("{path}/{number}"),
        };
        out.push(Operation::add(place, new.clone()));
    }
}

/// Changes an item, after a test that it is the one of that name.
fn item(out: &mut Vec<Operation>, path: &str, before: &Value, after: &Value) {
    let at = out.len();
    value(out, path, before, after);
    if let Some(name) = name(before).filter(|_| out.len() > at) {
        out.insert(at, Operation::test(format!("{path}/name"), name));
    }
}

fn middle(list: &[Value], start: usize, end: usize) -> &[Value] {
    list.get(start..list.len() - end).unwrap_or_default()
}

/// Whether two items are one, before and after: equal, or of one name.
fn same((before, after): &(&Value, &Value)) -> bool {
    before == after || name(before).is_some_and(|own| name(after) == Some(own))
}

fn name(item: &Value) -> Option<&str> {
    item.get("name")?.as_str()
}

fn is_nameless_map(item: &Value) -> bool {
    item.is_object() && name(item).is_none()
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn text(before: Value, after: Value) -> Vec<String> {
        let operations = between(&before, &after);
        let lines = operations.iter().map(|operation| match operation {
            Operation::Add { path, value } => format!("add {path} {value}"),
            Operation::Remove { path } => format!("remove {path}"),
            Operation::Replace { path, value } => format!("replace {path} {value}"),
            Operation::Test { path, value } => format!("test {path} {value}"),
            Operation::Move { .. } | Operation::Copy { .. } => "not used".into(),
        });
        lines.collect()
    }

    #[test]
    fn what_is_filled_is_tested_to_be_unset() {
        for (before, after, want) in [
            (
                json!({}),
                json!({"a": 1}),
                vec!["test  {}", "replace  {\"a\":1}"],
            ),
            (
                json!({"b": 1}),
                json!({"b": 1, "a/~": 2}),
                vec!["test /a~1~0 null", "add /a~1~0 2"],
            ),
            (
                json!({"a": null}),
                json!({"a": 2}),
                vec!["test /a null", "add /a 2"],
            ),
            (
                json!({"a": []}),
                json!({"a": [1]}),
                vec!["test /a []", "replace /a [1]"],
            ),
            (json!({"a": 1}), json!({"a": 2}), vec!["replace /a 2"]),
            (json!({"a": 1, "b": 2}), json!({"b": 2}), vec!["remove /a"]),
            (
                json!({"metadata": {"name": "a"}}),
                json!({"metadata": {"name": "a", "annotations": {"k": "v"}}}),
                vec![
                    "test /metadata/annotations/k null",
                    "add /metadata/annotations/k \"v\"",
                ],
            ),
        ] {
            assert_eq!(text(before.clone(), after), want, "{before}");
        }
    }

    #[test]
    fn items_are_found_by_name_and_only_new_ones_are_written() {
        let container = |name: &str, more: &str| json!({"name": name, "env": [], more: 1});
        for (before, after, want) in [
            (json!([1, 2]), json!([1, 2, 3]), vec!["add /- 3"]),
            (json!([1, 2]), json!([0, 1, 2]), vec!["add /0 0"]),
            (
                json!([1, 2, 3]),
                json!([1, 4, 5, 3]),
                vec!["remove /1", "add /1 4", "add /2 5"],
            ),
            (json!([{"x": 1}]), json!([{"x": 2}]), vec!["replace /0/x 2"]),
            (
                json!([container("a", "x"), container("b", "x")]),
                json!([{"name": "n"}, container("a", "x"), container("b", "y")]),
                vec![
                    "test /1/name \"b\"",
                    "remove /1/x",
                    "test /1/y null",
                    "add /1/y 1",
                    "add /0 {\"name\":\"n\"}",
                ],
            ),
        ] {
            assert_eq!(text(before.clone(), after), want, "{before}");
        }
    }

    /// Values in the shape of manifests: few keys, so that two have many in common.
    fn manifest() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (0..3).prop_map(Value::from),
            "[ab]".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 48, 4, |inner| {
            let key = prop_oneof!["name", "a/b", "~", "c"];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(key, inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// Absent and null are one to Kubernetes, and to the filter.
    fn without_nulls(value: &Value) -> Value {
        match value {
            Value::Object(members) => {
                let members = members.iter().filter(|(_, value)| !value.is_null());
                let members = members.map(|(key, value)| (key.clone(), without_nulls(value)));
                Value::Object(members.collect())
            }
            Value::Array(items) => items.iter().map(without_nulls).collect(),
            value => value.clone(),
        }
    }

    /// Applies operations as RFC 6902 has it, but for the test that nothing is there.
    fn applied(mut value: Value, operations: &[Operation]) -> Value {
        for operation in operations {
            if let Operation::Test {
                path,
                value: Value::Null,
            } = operation
            {
                assert!(value.pointer(path).is_none_or(Value::is_null), "{path}");
                continue;
            }
            let patch = serde_json::to_value([operation]).expect("JSON");
            let patch: json_patch::Patch = serde_json::from_value(patch).expect("a patch");
            json_patch::patch(&mut value, &patch).expect("applies");
        }
        value
    }

    proptest! {
        #[test]
        fn the_operations_make_one_of_the_other(before in manifest(), after in manifest()) {
            let made = applied(before.clone(), &between(&before, &after));
            prop_assert_eq!(without_nulls(&made), without_nulls(&after));
        }
    }
}
