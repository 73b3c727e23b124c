//! One document with the edits made to it so far.

use serde_json::{Map, Value};

use crate::manifest::edit::{Edit, EditError, Operation};
use crate::manifest::overlay::Overlay;
use crate::manifest::view::{Type, View, escape, tokens, unescape};
use crate::manifest::{Document, Splice};
use crate::policy::Evaluator;

/// A document, its edits, and which policy asked for each.
pub struct Draft<'d> {
    overlay: Overlay<'d>,
    policies: &'d Evaluator,
    document: usize,
    /// Whether the report lists every edit; most runs only count them.
    keep: bool,
    edits: Vec<Edit>,
    count: usize,
    watch: Option<Watch>,
}

/// A place whose edits are of interest.
struct Watch {
    pointer: String,
    touched: bool,
}

/// A member to add to a map, and the policy that asks for it.
pub struct Member<'m> {
    /// The policy's name.
    pub policy: &'m str,
    /// The member's key.
    pub key: &'m str,
    /// Its value.
    pub value: Value,
}

impl<'d> Draft<'d> {
    /// A draft without edits; `number` is the document's place in the stream. Policies that are
    /// not in force fill nothing. `keep`: whether [`Draft::edits`] is asked for at the end.
    pub fn new(
        document: &'d Document<'d>,
        number: usize,
        policies: &'d Evaluator,
        keep: bool,
    ) -> Draft<'d> {
        Draft {
            overlay: Overlay::new(document),
            policies,
            document: number,
            keep,
            edits: Vec::new(),
            count: 0,
            watch: None,
        }
    }

    /// The document as edited so far.
    pub fn view(&self) -> View<'_> {
        self.overlay.view()
    }

    /// The value at a pointer, as edited so far.
    pub fn at(&self, pointer: &str) -> Option<View<'_>> {
        self.overlay.view().pointer(pointer)
    }

    /// The edits so far, in order: all of them when they are kept, otherwise only those that
    /// replaced a value.
    pub fn edits(&self) -> &[Edit] {
        &self.edits
    }

    /// How many edits were made.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Notes from now on whether an edit changes the value at a pointer, or something below it.
    pub fn watch(&mut self, pointer: Option<String>) {
        self.watch = pointer.map(|pointer| Watch {
            pointer,
            touched: false,
        });
    }

    /// Whether an edit changed what is watched.
    pub fn touched(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| watch.touched)
    }

    /// Applies one operation and remembers who asked for it.
    ///
    /// # Errors
    /// The operation cannot be applied; nothing has changed then.
    pub fn apply(&mut self, policy: &str, operation: Operation) -> Result<(), EditError> {
        self.note(operation.path());
        match operation {
            Operation::Add { path, value } if !self.keep => self.overlay.add(&path, value),
            operation => {
                self.overlay.apply(&operation)?;
                if self.keep || matches!(operation, Operation::Replace { .. }) {
                    self.push(policy, operation);
                }
                Ok(())
            }
        }
    }

    /// Puts `value` at `pointer` if nothing, or null, is there and the policy is in force, with the
    /// parents it needs. Returns whether it did.
    ///
    /// # Errors
    /// [`EditError::Parent`] when a scalar bars the way.
    pub fn fill(&mut self, policy: &str, pointer: &str, value: Value) -> Result<bool, EditError> {
        if !self.policies.enabled(policy) {
            return Ok(false);
        }
        let Some((path, value)) = missing(self.view(), pointer, value)? else {
            return Ok(false);
        };
        self.apply(policy, Operation::Add { path, value })?;
        Ok(true)
    }

    /// Whether a policy is in force.
    pub fn enabled(&self, policy: &str) -> bool {
        self.policies.enabled(policy)
    }

    /// Puts an item at the end of the list at a pointer, which may be absent or null.
    ///
    /// # Errors
    /// There is something else than a list at the pointer.
    pub fn append(&mut self, policy: &str, list: &str, item: Value) -> Result<(), EditError> {
        match self.at(list).map(View::value_type) {
            Some(Type::Seq) => self.apply(policy, Operation::add(format!("{list}/-"), item)),
            Some(Type::Null) | None => {
                let list_of_one = Value::Array(vec![item]);
                self.fill(policy, list, list_of_one).map(drop)
            }
            Some(_) => Err(EditError::Parent(format!("{list}/-"))),
        }
    }

    /// Adds those members to the map at a pointer whose policies are in force. They are absent or
    /// null there.
    ///
    /// # Errors
    /// There is no map at the pointer.
    pub fn add_members<'m>(
        &mut self,
        map: &str,
        members: impl IntoIterator<Item = Member<'m>>,
    ) -> Result<(), EditError> {
        let mut added = Vec::new();
        for member in members {
            if !self.policies.enabled(member.policy) {
                continue;
            }
            if self.keep {
                let path = format!("{map}/{}", escape(member.key));
                self.push(member.policy, Operation::add(path, member.value.clone()));
            }
            self.note(map);
            added.push((member.key, member.value));
        }
        match added.is_empty() {
            true => Ok(()),
            false => self.overlay.add_members(map, added),
        }
    }

    /// The edited document's text appended to `out`; the untouched text when there are no edits.
    ///
    /// # Errors
    /// No text means what the edits ask for.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), EditError> {
        self.overlay.write(out)
    }

    /// What the edits change in the document's text, in order.
    ///
    /// # Errors
    /// As [`Draft::write`].
    pub fn splices(&self) -> Result<Vec<Splice>, EditError> {
        self.overlay.splices()
    }

    /// The edits, when the draft is no longer needed.
    pub fn into_edits(self) -> Vec<Edit> {
        self.edits
    }

    fn note(&mut self, path: &str) {
        self.count += 1;
        if let Some(watch) = &mut self.watch {
            let below = path.strip_prefix(watch.pointer.as_str());
            watch.touched |= below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        }
    }

    fn push(&mut self, policy: &str, operation: Operation) {
        self.edits.push(Edit {
            policy: policy.into(),
            document: self.document,
            operation,
        });
    }
}

/// The shortest `add` that brings `value` to `pointer`: the first pointer on the way that is
/// absent or null, and the value wrapped in the maps that lie below it. `None` when there is
/// something already.
fn missing(
    root: View<'_>,
    pointer: &str,
    value: Value,
) -> Result<Option<(String, Value)>, EditError> {
    let mut view = root;
    let mut end = 0;
    let Some(path) = pointer.strip_prefix('/') else {
        return Ok(None);
    };
    for token in tokens(path) {
        end += token.len() + 1;
        let next = match view.value_type() {
            Type::Map => view.get(&unescape(token)),
            Type::Seq => {
                let item = token.parse().ok().and_then(|index| view.item(index));
                Some(item.ok_or_else(|| EditError::Parent(pointer.to_owned()))?)
            }
            _ => return Err(EditError::Parent(pointer.to_owned())),
        };
        match next.filter(|v| !v.is_null()) {
            Some(next) => view = next,
            None => {
                let (at, rest) = pointer.split_at(end);
                return Ok(Some((at.to_owned(), wrap(rest, value))));
            }
        }
    }
    Ok(None)
}

fn wrap(rest: &str, value: Value) -> Value {
    rest.split('/')
        .skip(1)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .fold(value, |inner, token| {
            Value::Object(Map::from_iter([(unescape(token).into_owned(), inner)]))
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_absent_is_missing() {
        let doc = json!({"metadata": {"labels": null, "name": "x", "annotations": {"a": "b"}},
                         "list": [{"a": 1}]});
        let view = View::Json(&doc);
        for (pointer, want) in [
            (
                "/metadata/labels/a~1b",
                Some(("/metadata/labels", json!({"a/b": 1}))),
            ),
            (
                "/metadata/annotations/c",
                Some(("/metadata/annotations/c", json!(1))),
            ),
            ("/metadata/annotations/a", None),
            ("/list/0/b/c", Some(("/list/0/b", json!({"c": 1})))),
            ("/list/0/a", None),
            ("/spec/a/b", Some(("/spec", json!({"a": {"b": 1}})))),
        ] {
            let got = missing(view, pointer, json!(1)).unwrap();
            assert_eq!(got, want.map(|(p, v)| (p.to_owned(), v)), "{pointer}");
        }
    }

    #[test]
    fn a_scalar_or_a_missing_item_bars_the_way() {
        let doc = json!({"name": "x", "list": []});
        for pointer in ["/name/deep", "/list/0/a", "/list/a"] {
            assert!(
                missing(View::Json(&doc), pointer, json!(1)).is_err(),
                "{pointer}"
            );
        }
    }
}
