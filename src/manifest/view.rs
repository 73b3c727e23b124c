//! How the rest of the program looks at a value, wherever it lives.
//!
//! A policy does not care whether a container still stands in the text, or was put there by an
//! edit. [`View`] gives both the same face, and the meaning is Go's: aliases followed, `<<` merged,
//! last duplicate key wins, `0644` is 420.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Number, Value};

use super::edit;
use super::iter::{AnyItems, Entries, Items, NodeEntries};
use super::overlay::Edited;
use super::resolve::Plain;
use super::tape::Node;

/// The JSON type of a value as Go's `sigs.k8s.io/yaml` decodes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `null`, `~`, or nothing at all.
    Null,
    /// A boolean, YAML 1.1's `yes` and `off` among them.
    Bool,
    /// Any number.
    Number,
    /// A string.
    String,
    /// A mapping with string keys.
    Map,
    /// A sequence.
    Seq,
}

impl From<Plain> for Type {
    fn from(plain: Plain) -> Type {
        match plain {
            Plain::Null => Type::Null,
            Plain::Bool(_) => Type::Bool,
            Plain::Int(_) | Plain::Uint(_) | Plain::Float(_) => Type::Number,
            Plain::Str => Type::String,
        }
    }
}

/// A value to look at; cheap to copy.
#[derive(Clone, Copy, Debug)]
pub enum View<'a> {
    /// A node of a document, as it stands in the text.
    Node(Node<'a>),
    /// A value that an edit or a configuration file brought.
    Json(&'a Value),
    /// A map or list of a document in which edits changed something.
    Edited(Edited<'a>),
}

impl<'a> View<'a> {
    /// The node of the document, for a value that stands in the text.
    pub fn node(self) -> Option<Node<'a>> {
        match self {
            View::Node(node) => Some(node),
            View::Json(_) | View::Edited(_) => None,
        }
    }

    /// The value's JSON type.
    pub fn value_type(self) -> Type {
        match self {
            View::Node(node) => node.value_type(),
            View::Json(value) => match value {
                Value::Null => Type::Null,
                Value::Bool(_) => Type::Bool,
                Value::Number(_) => Type::Number,
                Value::String(_) => Type::String,
                Value::Array(_) => Type::Seq,
                Value::Object(_) => Type::Map,
            },
            View::Edited(edited) => edited.value_type(),
        }
    }

    /// Whether the value is null (absent values have no view at all).
    pub fn is_null(self) -> bool {
        self.value_type() == Type::Null
    }

    /// Null, `{}`, `[]` or `""`: what a fix may fill.
    pub fn is_empty(self) -> bool {
        match self.value_type() {
            Type::Null => true,
            Type::String => self.as_str().is_some_and(|s| s.is_empty()),
            Type::Map => self.entries().next().is_none(),
            Type::Seq => self.items().next().is_none(),
            Type::Bool | Type::Number => false,
        }
    }

    /// The member of a map, by the last occurrence of its key; `None` for anything but a map.
    pub fn get(self, key: &str) -> Option<View<'a>> {
        match self {
            View::Node(node) => node.get(key),
            View::Json(value) => value.as_object()?.get(key).map(View::Json),
            View::Edited(edited) => edited.get(key),
        }
    }

    /// The item of a sequence; `None` for anything but a sequence.
    pub fn item(self, index: usize) -> Option<View<'a>> {
        match self {
            View::Node(node) => node.items().nth(index),
            View::Json(value) => value.as_array()?.get(index).map(View::Json),
            View::Edited(edited) => edited.item(index),
        }
    }

    /// The members of a map, each key once; nothing for anything but a map.
    pub fn entries(self) -> Entries<'a> {
        match self {
            View::Node(node) => node.entries().into(),
            View::Json(value) => NodeEntries::of_json(value).into(),
            View::Edited(edited) => edited.entries(),
        }
    }

    /// The items of a sequence; nothing for anything but a sequence.
    pub fn items(self) -> Items<'a> {
        match self {
            View::Node(node) => node.items(),
            View::Json(value) => Items(match value.as_array() {
                Some(items) => AnyItems::Json(items.iter()),
                None => AnyItems::None,
            }),
            View::Edited(edited) => edited.items(),
        }
    }

    /// The text of a string value; `None` for any other type.
    pub fn as_str(self) -> Option<Cow<'a, str>> {
        match self {
            View::Node(node) => node.as_str(),
            View::Json(value) => value.as_str().map(Cow::Borrowed),
            View::Edited(_) => None,
        }
    }

    /// A boolean.
    pub fn as_bool(self) -> Option<bool> {
        match self {
            View::Node(node) => node.as_bool(),
            View::Json(value) => value.as_bool(),
            View::Edited(_) => None,
        }
    }

    /// A number, as Go would write it to JSON.
    pub fn as_number(self) -> Option<Number> {
        match self {
            View::Node(node) => node.as_number(),
            View::Json(value) => value.as_number().cloned(),
            View::Edited(_) => None,
        }
    }

    /// The value at an RFC 6901 JSON Pointer below this one (`""` is the value itself).
    pub fn pointer(self, pointer: &str) -> Option<View<'a>> {
        let Some(path) = pointer.strip_prefix('/') else {
            return pointer.is_empty().then_some(self);
        };
        let escaped = path.as_bytes().contains(&b'~');
        tokens(path).try_fold(self, |view, token| match escaped {
            false => view.child(token),
            true => view.child(&unescape(token)),
        })
    }

    /// The member or item that an unescaped reference token names; list indexes are read as
    /// strictly as RFC 6901 asks.
    pub(super) fn child(self, token: &str) -> Option<View<'a>> {
        match self.get(token) {
            Some(member) => Some(member),
            None => self.item(edit::index(token, usize::MAX)?),
        }
    }

    /// The whole value as JSON.
    pub fn to_json(self) -> Value {
        match self {
            View::Node(node) => node.to_json(),
            View::Json(value) => value.clone(),
            View::Edited(edited) => edited.to_json(),
        }
    }

    /// Whether both are the same JSON value. Numbers are compared by what they count: 3 and 3.0 are
    /// one.
    pub fn same(self, other: View<'_>) -> bool {
        // What is written is compared with what it should be: then one side's type is known.
        if let (View::Json(Value::String(text)), other) | (other, View::Json(Value::String(text))) =
            (self, other)
        {
            return other.as_str().is_some_and(|other| other == text.as_str());
        }
        let kind = self.value_type();
        kind == other.value_type()
            && match kind {
                Type::Null => true,
                Type::Bool => self.as_bool() == other.as_bool(),
                Type::Number => same_number(self.as_number(), other.as_number()),
                Type::String => self.as_str() == other.as_str(),
                Type::Map => same_members(self, other),
                Type::Seq => same_items(self.items(), other.items()),
            }
    }
}

fn same_number(a: Option<Number>, b: Option<Number>) -> bool {
    let (Some(a), Some(b)) = (a, b) else {
        return false;
    };
    // Only a float is compared as one: two large integers may share their nearest float.
    a == b || ((a.is_f64() || b.is_f64()) && a.as_f64() == b.as_f64())
}

fn same_items<'a, 'b>(
    mut a: impl Iterator<Item = View<'a>>,
    mut b: impl Iterator<Item = View<'b>>,
) -> bool {
    loop {
        match (a.next(), b.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if a.same(b) => {}
            _ => return false,
        }
    }
}

/// Members in the same order, and another number of members, are the common cases; else they are
/// sorted first, since looking each one up would take the square of the time.
fn same_members(a: View<'_>, b: View<'_>) -> bool {
    let (mut ours, mut theirs) = (a.entries(), b.entries());
    loop {
        match (ours.next(), theirs.next()) {
            (None, None) => return true,
            (Some((key, a)), Some((other, b))) if key == other => {
                if !a.same(b) {
                    return false;
                }
            }
            (Some(_), Some(_)) => break,
            _ => return false, // one has more members than the other
        }
    }
    if ours.count() != theirs.count() {
        return false;
    }
    let a: BTreeMap<_, _> = a.entries().collect();
    let b: BTreeMap<_, _> = b.entries().collect();
    a.keys().eq(b.keys()) && same_items(a.into_values(), b.into_values())
}

/// The reference tokens of a pointer without its first `/`. Tokens are a few bytes long, for
/// which a loop beats every search.
pub fn tokens(path: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(path);
    std::iter::from_fn(move || {
        let path = rest?;
        let end = path.bytes().position(|b| b == b'/').unwrap_or(path.len());
        rest = path.get(end + 1..);
        path.get(..end)
    })
}

/// A reference token without its `~1` and `~0` escapes (RFC 6901 section 4).
pub fn unescape(token: &str) -> Cow<'_, str> {
    if token.bytes().all(|b| b != b'~') {
        return Cow::Borrowed(token);
    }
    let mut parts = token.split('~');
    let first = parts.next().unwrap_or_default();
    let mut text = String::with_capacity(token.len());
    text.push_str(first);
    for part in parts {
        let (sign, rest) = match part.as_bytes().first() {
            Some(b'0') => ('~', part.get(1..).unwrap_or_default()),
            Some(b'1') => ('/', part.get(1..).unwrap_or_default()),
            _ => ('~', part),
        };
        text.push(sign);
        text.push_str(rest);
    }
    Cow::Owned(text)
}

/// A key as a JSON Pointer reference token (RFC 6901 section 3).
pub fn escape(key: &str) -> Cow<'_, str> {
    if key.contains(['~', '/']) {
        Cow::Owned(key.replace('~', "~0").replace('/', "~1"))
    } else {
        Cow::Borrowed(key)
    }
}
