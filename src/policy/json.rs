//! Lets `jsonschema` look at our own tree, so that nothing is copied to be judged.
//!
//! A member that is null does not exist here. Kubernetes decodes it as if it were absent, and a
//! schema that had to allow for it in every place would be read by nobody.

use std::borrow::Cow;

use jsonschema_value::types::JsonType;
use jsonschema_value::{Array, Json, Node, NodeIdentity, Object, cmp};
use serde_json::{Number, Value};

use crate::manifest::View;
use crate::manifest::iter::{Entries, Items};
use crate::manifest::view::Type;

/// A [`View`] as a JSON instance.
pub enum ViewJson {}

/// A compiled schema over our own tree.
pub type Validator = jsonschema::Validator<ViewJson>;

/// Calls `judge` with the same value in a form whose nodes have an identity, by which `jsonschema`
/// ends a `$ref` that leads back to itself. Edited values have none and are copied.
pub(super) fn with_identity<T>(view: View<'_>, judge: impl FnOnce(View<'_>) -> T) -> T {
    match view {
        View::Edited(_) => judge(View::Json(&view.to_json())),
        view => judge(view),
    }
}

impl Json for ViewJson {
    type Node<'a> = View<'a>;
    type PreparedKey = Box<str>;
    type StringBuffer = Value;

    // A lookup on the tape walks the members anyway, so one walk should serve several keys.
    const KEYS_PER_LOOKUP: usize = 8;

    fn prepare_key(key: &str) -> Box<str> {
        key.into()
    }

    fn with_string_node<T>(buffer: &mut Value, string: &str, f: impl FnOnce(View<'_>) -> T) -> T {
        *buffer = Value::String(string.to_owned());
        f(View::Json(buffer))
    }
}

/// A value known to be a map.
pub struct MapView<'a>(View<'a>);

/// A value known to be a sequence.
pub struct SeqView<'a>(View<'a>);

impl<'a> Node<'a, ViewJson> for View<'a> {
    type Object = MapView<'a>;
    type Array = SeqView<'a>;
    type Number = Number;

    fn as_object(&self) -> Option<MapView<'a>> {
        (self.value_type() == Type::Map).then_some(MapView(*self))
    }

    fn as_array(&self) -> Option<SeqView<'a>> {
        (self.value_type() == Type::Seq).then_some(SeqView(*self))
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        self.as_str()
    }

    fn as_number(&self) -> Option<Number> {
        View::as_number(*self)
    }

    fn as_boolean(&self) -> Option<bool> {
        self.as_bool()
    }

    fn is_null(&self) -> bool {
        View::is_null(*self)
    }

    fn is_number(&self) -> bool {
        self.value_type() == Type::Number
    }

    fn json_type(&self) -> JsonType {
        match self.value_type() {
            Type::Null => JsonType::Null,
            Type::Bool => JsonType::Boolean,
            Type::Number => JsonType::Number,
            Type::String => JsonType::String,
            Type::Map => JsonType::Object,
            Type::Seq => JsonType::Array,
        }
    }

    fn equals_value(&self, expected: &Value) -> bool {
        match expected {
            Value::Null => self.is_null(),
            Value::Bool(expected) => self.as_bool() == Some(*expected),
            Value::String(expected) => self.as_str().is_some_and(|text| text == *expected),
            Value::Number(_) => View::as_number(*self)
                .is_some_and(|number| cmp::equal(&Value::Number(number), expected)),
            Value::Array(_) | Value::Object(_) => cmp::equal(&self.to_value(), expected),
        }
    }

    fn to_value(&self) -> Cow<'a, Value> {
        match self {
            View::Json(value) => Cow::Borrowed(value),
            view => Cow::Owned(view.to_json()),
        }
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(match self {
            View::Json(value) => NodeIdentity::new(std::ptr::from_ref(*value) as usize),
            View::Node(node) => {
                let node = node.resolved();
                let document = std::ptr::from_ref(node.document()) as usize;
                NodeIdentity::tagged(document, node.id())
            }
            // A view of edited values is made anew each time it is asked for.
            View::Edited(_) => return None,
        })
    }
}

impl<'a> Object<'a, ViewJson> for MapView<'a> {
    type Node = View<'a>;
    type MemberName = Cow<'a, str>;
    type MembersIter = Members<'a>;

    fn len(&self) -> usize {
        self.members().count()
    }

    fn is_empty(&self) -> bool {
        self.members().next().is_none()
    }

    fn get(&self, key: &Box<str>) -> Option<View<'a>> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    fn members(&self) -> Members<'a> {
        Members(self.0.entries())
    }
}

/// The members of a map that are not null.
pub struct Members<'a>(Entries<'a>);

impl<'a> Iterator for Members<'a> {
    type Item = (Cow<'a, str>, View<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.find(|(_, value)| !value.is_null())
    }
}

impl<'a> Array<'a, ViewJson> for SeqView<'a> {
    type Node = View<'a>;
    type ElementsIter = Items<'a>;

    fn len(&self) -> usize {
        self.0.items().count()
    }

    fn elements(&self) -> Self::ElementsIter {
        self.0.items()
    }
}
