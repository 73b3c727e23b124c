//! What a node means: types, members, aliases and merges as Go's `sigs.k8s.io/yaml` decodes them.

use std::borrow::Cow;

use serde_json::{Number, Value};

use super::tape::Node;
use super::view::{Type, View};

impl<'d> Node<'d> {
    /// See [`View::value_type`].
    pub fn value_type(self) -> Type {
        Type::Null
    }

    /// See [`View::get`].
    pub fn get(self, _key: &str) -> Option<View<'d>> {
        None
    }

    /// See [`View::entries`].
    pub fn entries(self) -> Box<dyn Iterator<Item = (Cow<'d, str>, View<'d>)> + 'd> {
        Box::new(std::iter::empty())
    }

    /// See [`View::items`].
    pub fn items(self) -> impl Iterator<Item = View<'d>> + 'd {
        self.children().map(View::Node)
    }

    /// See [`View::as_str`].
    pub fn as_str(self) -> Option<Cow<'d, str>> {
        None
    }

    /// See [`View::as_bool`].
    pub fn as_bool(self) -> Option<bool> {
        None
    }

    /// See [`View::as_number`].
    pub fn as_number(self) -> Option<Number> {
        None
    }

    /// See [`View::to_json`].
    pub fn to_json(self) -> Value {
        Value::Null
    }
}
