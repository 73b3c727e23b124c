//! Members and items of a [`View`], one after the other. Concrete types, because policies walk maps
//! for every container of a release, and a boxed iterator costs an allocation each time.

use std::borrow::Cow;

use serde_json::Value;

use super::overlay::{Item, MapSlot};
use super::tape::{Children, Document, Node};
use super::view::View;

/// The members of a map, each key once; see [`View::entries`].
#[derive(Clone, Debug)]
pub struct Entries<'a>(pub(super) AnyEntries<'a>);

#[derive(Clone, Debug)]
pub(super) enum AnyEntries<'a> {
    /// A map of the text or of a configuration file.
    Node(NodeEntries<'a>),
    /// A map in which edits changed something.
    Edited(EditedEntries<'a>),
}

/// The members of a map that no edit has touched.
#[derive(Clone, Debug)]
pub enum NodeEntries<'a> {
    /// Keys and values in turn, when each key is what it looks like and comes once.
    Plain(Children<'a>),
    /// Members put together from merges or keys that need decoding.
    Members(std::vec::IntoIter<(Cow<'a, str>, View<'a>)>),
    /// A JSON map.
    Json(serde_json::map::Iter<'a>),
    /// No map, so no members.
    None,
}

/// The text's members in their order, then the new ones.
#[derive(Clone, Debug)]
pub(super) struct EditedEntries<'a> {
    doc: &'a Document<'a>,
    base: Node<'a>,
    map: &'a MapSlot,
    old: NodeEntries<'a>,
    new: usize,
}

/// The items of a sequence; see [`View::items`].
#[derive(Clone, Debug)]
pub struct Items<'a>(pub(super) AnyItems<'a>);

#[derive(Clone, Debug)]
pub(super) enum AnyItems<'a> {
    /// A sequence of the text.
    Node(Children<'a>),
    /// A JSON array.
    Json(std::slice::Iter<'a, Value>),
    /// A sequence in which edits changed something.
    Edited(&'a Document<'a>, std::slice::Iter<'a, Item>),
    /// No sequence, so no items.
    None,
}

impl<'a> From<NodeEntries<'a>> for Entries<'a> {
    fn from(members: NodeEntries<'a>) -> Self {
        Entries(AnyEntries::Node(members))
    }
}

impl<'a> NodeEntries<'a> {
    /// The members of a JSON value.
    pub(super) fn of_json(value: &'a Value) -> Self {
        value
            .as_object()
            .map_or(NodeEntries::None, |map| NodeEntries::Json(map.iter()))
    }
}

impl<'a> EditedEntries<'a> {
    pub(super) fn new(doc: &'a Document<'a>, map: &'a MapSlot) -> Self {
        let base = doc.node(map.base);
        EditedEntries {
            doc,
            base,
            map,
            old: base.entries(),
            new: 0,
        }
    }

    /// The next member that stands in the text and was not taken away.
    fn next_old(&mut self) -> Option<(Cow<'a, str>, View<'a>)> {
        for (key, view) in self.old.by_ref() {
            match self.map.change(&key) {
                None => return Some((key, view)),
                Some(Some(slot)) => return Some((key, slot.view(self.doc))),
                Some(None) => {}
            }
        }
        None
    }

    fn next_new(&mut self) -> Option<(Cow<'a, str>, View<'a>)> {
        loop {
            let (key, slot) = self.map.changes.get(self.new)?;
            self.new += 1;
            if let Some(slot) = slot
                && self.base.get(key).is_none()
            {
                return Some((Cow::Borrowed(key.as_str()), slot.view(self.doc)));
            }
        }
    }
}

impl<'a> Iterator for NodeEntries<'a> {
    type Item = (Cow<'a, str>, View<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            NodeEntries::Plain(children) => {
                let (key, value) = children.next_pair()?;
                Some((Cow::Borrowed(key.plain_key()), View::Node(value)))
            }
            NodeEntries::Members(members) => members.next(),
            NodeEntries::Json(members) => {
                let (key, value) = members.next()?;
                Some((Cow::Borrowed(key.as_str()), View::Json(value)))
            }
            NodeEntries::None => None,
        }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = (Cow<'a, str>, View<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            AnyEntries::Node(members) => members.next(),
            AnyEntries::Edited(members) => members.next_old().or_else(|| members.next_new()),
        }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = View<'a>;

    fn next(&mut self) -> Option<View<'a>> {
        match &mut self.0 {
            AnyItems::Node(children) => children.next().map(View::Node),
            AnyItems::Json(values) => values.next().map(View::Json),
            AnyItems::Edited(doc, items) => items.next().map(|item| item.slot.view(doc)),
            AnyItems::None => None,
        }
    }
}
