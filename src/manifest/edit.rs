//! What is to change in a document: RFC 6902 operations, each with the policy that asked for it.
//!
//! One list of edits is applied to the value (for the checks) and to the text (for the output), and
//! printed in the report.

use std::borrow::Cow;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

/// One RFC 6902 operation. Paths are RFC 6901 JSON Pointers from the document's root.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum Operation {
    /// Sets a member, or inserts an item before the index (`-` appends).
    Add {
        /// Where.
        path: String,
        /// What.
        value: Value,
    },
    /// Takes away what is there.
    Remove {
        /// Where.
        path: String,
    },
    /// Puts a value in the place of one that is there.
    Replace {
        /// Where.
        path: String,
        /// What.
        value: Value,
    },
    /// Removes the value at `from` and adds it at `path`.
    Move {
        /// Where the value is.
        from: String,
        /// Where it goes.
        path: String,
    },
    /// Adds the value at `from` at `path` too.
    Copy {
        /// Where the value is.
        from: String,
        /// Where it goes.
        path: String,
    },
    /// Fails unless the value is there.
    Test {
        /// Where.
        path: String,
        /// What.
        value: Value,
    },
}

impl Operation {
    /// An `add`.
    pub fn add(path: impl Into<String>, value: impl Into<Value>) -> Self {
        Operation::Add {
            path: path.into(),
            value: value.into(),
        }
    }

    /// A `remove`.
    pub fn remove(path: impl Into<String>) -> Self {
        Operation::Remove { path: path.into() }
    }

    /// A `replace`.
    pub fn replace(path: impl Into<String>, value: impl Into<Value>) -> Self {
        Operation::Replace {
            path: path.into(),
            value: value.into(),
        }
    }

    /// A `test`.
    pub fn test(path: impl Into<String>, value: impl Into<Value>) -> Self {
        Operation::Test {
            path: path.into(),
            value: value.into(),
        }
    }

    /// The place that the operation changes or tests.
    pub fn path(&self) -> &str {
        match self {
            Operation::Add { path, .. }
            | Operation::Remove { path }
            | Operation::Replace { path, .. }
            | Operation::Move { path, .. }
            | Operation::Copy { path, .. }
            | Operation::Test { path, .. } => path,
        }
    }
}

/// An operation on one document of the stream, and who wants it. Serialises to the report's
/// `{"policy", "document", "op", "path", "value"}`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Edit {
    /// The policy's name.
    #[serde(serialize_with = "shared_str")]
    pub policy: Arc<str>,
    /// The document's number in the stream, from 0.
    pub document: usize,
    /// What changes.
    #[serde(flatten)]
    pub operation: Operation,
}

fn shared_str<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

/// Why an edit cannot be made. Messages name places, never values: those may be secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// Neither empty nor starting with `/`, or a `~` without `0` or `1` (RFC 6901 section 3).
    #[error("`{0}` is not a JSON Pointer")]
    Pointer(String),
    /// The path, or the parent of what is to be added, does not exist.
    #[error("there is nothing at `{0}`")]
    Missing(String),
    /// The parent is a scalar or null: it has no members or items.
    #[error("the parent of `{0}` is neither a map nor a list")]
    Parent(String),
    /// Not an index of the list.
    #[error("`{0}` is not an index of the list")]
    Index(String),
    /// The document's root can be replaced, not removed.
    #[error("the whole document cannot be removed")]
    Root,
    /// A value cannot be moved into itself.
    #[error("`{0}` cannot be moved into itself")]
    MoveInside(String),
    /// A `test` operation found another value.
    #[error("the value at `{0}` is not the expected one")]
    Test(String),
    /// The edited document cannot be written as YAML that every reader understands alike.
    #[error("the edited document cannot be written: {0}")]
    Unwritable(&'static str),
}

/// A JSON Pointer whose syntax has been checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path<'p> {
    /// Empty, or begins with `/`.
    pointer: &'p str,
    /// Whether any token has an escape; hardly one does.
    escaped: bool,
}

impl<'p> Path<'p> {
    /// Checks a pointer.
    ///
    /// # Errors
    /// [`EditError::Pointer`] when the text is not a JSON Pointer.
    pub(super) fn new(pointer: &'p str) -> Result<Self, EditError> {
        let escaped = pointer.as_bytes().contains(&b'~');
        let mut escapes = pointer.split('~').skip(1);
        let right = (pointer.is_empty() || pointer.starts_with('/'))
            && (!escaped || escapes.all(|escape| escape.starts_with(['0', '1'])));
        match right {
            true => Ok(Path { pointer, escaped }),
            false => Err(EditError::Pointer(pointer.to_owned())),
        }
    }

    /// The reference tokens, unescaped.
    pub(super) fn tokens(self) -> impl Iterator<Item = Cow<'p, str>> {
        let tokens = self.pointer.strip_prefix('/').map(super::view::tokens);
        let escaped = self.escaped;
        tokens
            .into_iter()
            .flatten()
            .map(move |token| match escaped {
                false => Cow::Borrowed(token),
                true => super::view::unescape(token),
            })
    }

    /// The pointer of the parent, and the last token; `None` for the whole document.
    pub(super) fn split_last(self) -> Option<(Path<'p>, Cow<'p, str>)> {
        let (parent, last) = self.pointer.rsplit_once('/')?;
        let parent = Path {
            pointer: parent,
            ..self
        };
        let last = match self.escaped {
            false => Cow::Borrowed(last),
            true => super::view::unescape(last),
        };
        Some((parent, last))
    }
}

/// A list index as RFC 6901 section 4 allows it: digits without a leading zero, below `len`.
pub(super) fn index(token: &str, len: usize) -> Option<usize> {
    let digits = !token.is_empty() && token.bytes().all(|b| b.is_ascii_digit());
    let canonical = token == "0" || !token.starts_with('0');
    if !digits || !canonical {
        return None;
    }
    token.parse().ok().filter(|&at| at < len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn tokens_follow_rfc_6901() {
        let cases: &[(&str, Option<&[&str]>)] = &[
            ("", Some(&[])),
            ("/", Some(&[""])),
            ("/a/b", Some(&["a", "b"])),
            ("/a~1b/m~0n", Some(&["a/b", "m~n"])),
            ("/~01", Some(&["~1"])),
            ("a", None),
            ("/a~2", None),
            ("/a~", None),
        ];
        for (pointer, want) in cases {
            match (Path::new(pointer), want) {
                (Ok(path), Some(want)) => {
                    assert_eq!(path.tokens().collect::<Vec<_>>(), *want, "{pointer:?}");
                    let last = path.split_last();
                    let parent = last.as_ref().map(|(parent, _)| parent.tokens().count());
                    let last = last.as_ref().map(|(_, last)| last.as_ref());
                    assert_eq!(last, want.last().copied(), "{pointer:?}");
                    assert_eq!(parent, want.len().checked_sub(1), "{pointer:?}");
                }
                (Err(EditError::Pointer(_)), None) => {}
                (got, want) => panic!("{pointer:?}: {got:?}, expected {want:?}"),
            }
        }
    }

    #[test]
    fn an_index_has_no_sign_and_no_leading_zero() {
        let cases = [
            ("0", Some(0)),
            ("9", Some(9)),
            ("10", None),
            ("01", None),
            ("+1", None),
            ("-", None),
            ("", None),
            ("99999999999999999999999", None),
        ];
        for (token, want) in cases {
            assert_eq!(index(token, 10), want, "{token:?}");
        }
    }

    #[test]
    fn an_edit_has_the_shape_of_the_report() {
        let edit = Edit {
            policy: "labels".into(),
            document: 3,
            operation: Operation::add("/metadata/labels/a", "b"),
        };
        assert_eq!(
            serde_json::to_value(&edit).unwrap(),
            json!({"policy": "labels", "document": 3, "op": "add", "path": "/metadata/labels/a", "value": "b"})
        );
    }

    #[test]
    fn operations_are_read_from_rfc_6902_json() {
        let list: Vec<Operation> = serde_json::from_value(json!([
            {"op": "add", "path": "/a", "value": null},
            {"op": "remove", "path": "/a"},
            {"op": "move", "from": "/a", "path": "/b"},
        ]))
        .unwrap();
        assert_eq!(list[0], Operation::add("/a", Value::Null));
        assert_eq!(list[1], Operation::remove("/a"));
        assert_eq!(list[2].path(), "/b");
    }
}
