//! A document with edits on it, without touching the text yet.
//!
//! An operation opens only the containers on its path; everything else stays a reference to the
//! tape. So operations are applied one after the other with exact RFC 6902 meaning, policies look
//! at the result through a [`View`], and `write` knows what to leave alone.

use serde_json::{Map, Value};

use super::edit::{self, EditError, Operation, Path};
use super::iter::{AnyEntries, AnyItems, EditedEntries, Entries, Items, NodeEntries};
use super::rows::{self, Own};
use super::tape::{Document, Kind, Node, NodeId};
use super::view::{Type, View};

/// A document and the edits made to it.
#[derive(Clone, Debug)]
pub struct Overlay<'d> {
    pub(super) doc: &'d Document<'d>,
    /// `None` as long as a document without a value (comments only) is not given one.
    pub(super) root: Option<Slot>,
}

/// A place in the edited document.
#[derive(Clone, Debug)]
pub(super) enum Slot {
    /// The node as it stands in the text.
    Keep(NodeId),
    /// A value that an edit brought.
    New(Value),
    /// A map of the text, some of whose members change.
    Map(MapSlot),
    /// A list of the text, some of whose items change.
    Seq(SeqSlot),
}

/// What changes in a map.
#[derive(Clone, Debug)]
pub(super) struct MapSlot {
    /// The map in the text; never an alias.
    pub(super) base: NodeId,
    /// New and changed members in the order of the edits; `None` for a removed one. A member that
    /// comes from a merge key is always `New` here: it becomes the map's own.
    pub(super) changes: Vec<(String, Option<Slot>)>,
    /// The merge keys must go, and what they bring become members of the map.
    pub(super) unmerge: bool,
    /// Key nodes of overridden duplicates that must go.
    pub(super) dropped: Vec<NodeId>,
}

/// What changes in a list.
#[derive(Clone, Debug)]
pub(super) struct SeqSlot {
    /// The list in the text; never an alias.
    pub(super) base: NodeId,
    /// All items; those of the text in their old order.
    pub(super) items: Vec<Item>,
}

/// An item of a changed list.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// The item of the text whose place this is; `None` for an inserted one.
    pub(super) from: Option<NodeId>,
    /// What is there now.
    pub(super) slot: Slot,
}

impl<'d> Overlay<'d> {
    /// The document as it is, without edits.
    pub fn new(doc: &'d Document<'d>) -> Self {
        let root = doc.root().map(|node| Slot::Keep(node.id()));
        Overlay { doc, root }
    }

    /// The document below the edits.
    pub fn document(&self) -> &'d Document<'d> {
        self.doc
    }

    /// Applies one operation on top of those before it. When it fails nothing has changed.
    ///
    /// # Errors
    /// Where RFC 6902 says so: no such place, an index out of range, a parent that is a scalar or
    /// null, a failed test; and for text that is not a JSON Pointer.
    pub fn apply(&mut self, operation: &Operation) -> Result<(), EditError> {
        match operation {
            Operation::Add { path, value } => self.add(path, value.clone()),
            Operation::Remove { path } => self.remove(path),
            Operation::Replace { path, value } => self.replace(path, value.clone()),
            Operation::Move { from, path } => self.relocate(from, path),
            Operation::Copy { from, path } => {
                let value = self.require(from)?.to_json();
                self.add(path, value)
            }
            Operation::Test { path, value } => match self.require(path)?.same(View::Json(value)) {
                true => Ok(()),
                false => Err(EditError::Test(path.clone())),
            },
        }
    }

    /// The edited document's value; null when the document holds comments only.
    pub fn view(&self) -> View<'_> {
        match &self.root {
            Some(slot) => slot.view(self.doc),
            None => View::Json(&Value::Null),
        }
    }

    /// The value at a JSON Pointer in the edited document.
    pub fn at(&self, pointer: &str) -> Option<View<'_>> {
        self.view().pointer(pointer)
    }

    /// Whether any edit made a difference.
    pub fn is_changed(&self) -> bool {
        match &self.root {
            Some(slot) => slot.is_changed(self.doc),
            None => false,
        }
    }

    fn require(&self, pointer: &str) -> Result<View<'_>, EditError> {
        Path::new(pointer)?;
        self.at(pointer)
            .ok_or_else(|| EditError::Missing(pointer.to_owned()))
    }

    /// The `add` of RFC 6902, without an [`Operation`] around it.
    pub fn add(&mut self, path: &str, value: Value) -> Result<(), EditError> {
        let Some((parents, last)) = Path::new(path)?.split_last() else {
            return self.replace("", value);
        };
        // To open an alias or a merged member is a change by itself: then look before.
        if !self.is_plain() && descend(self.view(), parents).is_none() {
            return Err(missing(path));
        }
        let doc = self.doc;
        if let Some(parent) = self.open(parents) {
            return parent.add(doc, &last, value, path);
        }
        Err(match descend(self.view(), parents) {
            Some(_) => EditError::Parent(path.to_owned()),
            None => missing(path),
        })
    }

    /// Adds members to one map, which is looked up once. `map` is its JSON Pointer; the members are
    /// absent there, or have other values.
    ///
    /// # Errors
    /// There is no map at that place; nothing has changed then.
    pub fn add_members<'m>(
        &mut self,
        map: &str,
        members: impl IntoIterator<Item = (&'m str, Value)>,
    ) -> Result<(), EditError> {
        let path = Path::new(map)?;
        let there = descend(self.view(), path).ok_or_else(|| missing(map))?;
        if there.value_type() != Type::Map {
            return Err(EditError::Parent(map.to_owned()));
        }
        match self.open(path).ok_or_else(|| missing(map))? {
            Open::Map(map) => members
                .into_iter()
                .for_each(|(key, value)| map.set(key, Slot::New(value))),
            Open::Json(Value::Object(map)) => {
                map.extend(
                    members
                        .into_iter()
                        .map(|(key, value)| (key.to_owned(), value)),
                );
            }
            Open::Seq(_) | Open::Json(_) => return Err(EditError::Parent(map.to_owned())),
        }
        Ok(())
    }

    /// Whether every value stands where the text has it: no alias, no merge key.
    fn is_plain(&self) -> bool {
        self.doc.props.is_empty() && !self.doc.merges
    }

    fn replace(&mut self, path: &str, value: Value) -> Result<(), EditError> {
        let tokens = Path::new(path)?;
        let old = descend(self.view(), tokens).ok_or_else(|| missing(path))?;
        if old.same(View::Json(&value)) {
            return Ok(());
        }
        let Some((parents, last)) = tokens.split_last() else {
            self.root = Some(Slot::New(value));
            return Ok(());
        };
        match self.open(parents).ok_or_else(|| missing(path))? {
            Open::Map(map) => map.set(&last, Slot::New(value)),
            Open::Seq(seq) => {
                let at = edit::index(&last, seq.items.len());
                let item = at.and_then(|at| seq.items.get_mut(at));
                item.ok_or_else(|| missing(path))?.slot = Slot::New(value);
            }
            Open::Json(parent) => {
                *json_child(parent, &last).ok_or_else(|| missing(path))? = value;
            }
        }
        Ok(())
    }

    fn remove(&mut self, path: &str) -> Result<(), EditError> {
        let tokens = Path::new(path)?;
        let (parents, last) = tokens.split_last().ok_or(EditError::Root)?;
        descend(self.view(), tokens).ok_or_else(|| missing(path))?;
        let doc = self.doc;
        match self.open(parents).ok_or_else(|| missing(path))? {
            Open::Map(map) => map.remove(doc, &last),
            Open::Seq(seq) => {
                let at = edit::index(&last, seq.items.len()).ok_or_else(|| missing(path))?;
                seq.items.remove(at);
            }
            Open::Json(Value::Object(map)) => drop(map.remove(last.as_ref())),
            Open::Json(Value::Array(items)) => {
                let at = edit::index(&last, items.len()).ok_or_else(|| missing(path))?;
                items.remove(at);
            }
            Open::Json(_) => return Err(EditError::Parent(path.to_owned())),
        }
        Ok(())
    }

    fn relocate(&mut self, from: &str, path: &str) -> Result<(), EditError> {
        if path.strip_prefix(from).is_some_and(|p| p.starts_with('/')) {
            return Err(EditError::MoveInside(from.to_owned()));
        }
        let value = self.require(from)?.to_json();
        // RFC 6902 section 4.4: removed first, so the target's indexes count without it.
        let before = self.root.clone();
        let moved = self.remove(from).and_then(|()| self.add(path, value));
        if moved.is_err() {
            self.root = before;
        }
        moved
    }

    fn open(&mut self, path: Path<'_>) -> Option<Open<'_>> {
        let doc = self.doc;
        let mut slot = self.root.as_mut()?;
        let mut tokens = path.tokens();
        while let Some(token) = tokens.next() {
            slot = match slot.unfold(doc)? {
                Open::Map(map) => map.member(doc, &token)?,
                Open::Seq(seq) => {
                    let at = edit::index(&token, seq.items.len())?;
                    &mut seq.items.get_mut(at)?.slot
                }
                Open::Json(value) => {
                    let child = json_child(value, &token)?;
                    return tokens
                        .try_fold(child, |v, t| json_child(v, &t))
                        .map(Open::Json);
                }
            };
        }
        slot.unfold(doc)
    }
}

/// A container opened for a change.
enum Open<'a> {
    Map(&'a mut MapSlot),
    Seq(&'a mut SeqSlot),
    Json(&'a mut Value),
}

impl Open<'_> {
    /// Sets a member, or inserts an item; `path` is for the error.
    fn add(
        self,
        doc: &Document<'_>,
        token: &str,
        value: Value,
        path: &str,
    ) -> Result<(), EditError> {
        let index = |len: usize| match token {
            "-" => Ok(len),
            _ => edit::index(token, len + 1).ok_or_else(|| EditError::Index(path.to_owned())),
        };
        match self {
            Open::Map(map) => map.add(doc, token, value),
            Open::Seq(seq) => seq.items.insert(index(seq.items.len())?, Item::new(value)),
            Open::Json(Value::Object(map)) => drop(map.insert(token.to_owned(), value)),
            Open::Json(Value::Array(items)) => items.insert(index(items.len())?, value),
            Open::Json(_) => return Err(EditError::Parent(path.to_owned())),
        }
        Ok(())
    }
}

impl Slot {
    pub(super) fn view<'a>(&'a self, doc: &'a Document<'a>) -> View<'a> {
        match self {
            Slot::Keep(id) => View::Node(doc.node(*id)),
            Slot::New(value) => View::Json(value),
            Slot::Map(_) | Slot::Seq(_) => View::Edited(Edited { doc, slot: self }),
        }
    }

    pub(super) fn is_changed(&self, doc: &Document<'_>) -> bool {
        match self {
            Slot::Keep(_) => false,
            Slot::New(_) => true,
            Slot::Map(map) => map.is_changed(doc),
            Slot::Seq(seq) => {
                let kept = seq.items.iter().filter(|item| item.from.is_some()).count();
                kept != seq.items.len()
                    || kept != doc.node(seq.base).children().count()
                    || seq.items.iter().any(|item| item.slot.is_changed(doc))
            }
        }
    }

    /// Opens a kept container; `None` for a scalar of the text. An alias becomes a value of its
    /// own, since what is edited here must not change the place it stands for.
    fn unfold(&mut self, doc: &Document<'_>) -> Option<Open<'_>> {
        if let Slot::Keep(id) = self {
            *self = unfolded(doc.node(*id))?;
        }
        match self {
            Slot::Keep(_) => None,
            Slot::New(value) => Some(Open::Json(value)),
            Slot::Map(map) => Some(Open::Map(map)),
            Slot::Seq(seq) => Some(Open::Seq(seq)),
        }
    }
}

/// A slot in which the children of a node can be changed.
pub(super) fn unfolded(node: Node<'_>) -> Option<Slot> {
    match node.raw().kind {
        Kind::Alias => Some(Slot::New(node.to_json())),
        Kind::Map => Some(Slot::Map(MapSlot::new(node.id()))),
        Kind::Seq => Some(Slot::Seq(SeqSlot {
            base: node.id(),
            items: node.children().map(|n| Item::kept(n.id())).collect(),
        })),
        Kind::Scalar => None,
    }
}

impl MapSlot {
    fn new(base: NodeId) -> Self {
        MapSlot {
            base,
            changes: Vec::new(),
            unmerge: false,
            dropped: Vec::new(),
        }
    }

    fn find(&self, key: &str) -> Option<usize> {
        self.changes.iter().position(|(k, _)| k == key)
    }

    pub(super) fn change(&self, key: &str) -> Option<Option<&Slot>> {
        let (_, slot) = self.changes.get(self.find(key)?)?;
        Some(slot.as_ref())
    }

    /// Sets a member, unless it has that value already.
    fn add(&mut self, doc: &Document<'_>, key: &str, value: Value) {
        let there = match self.change(key) {
            Some(slot) => slot.map(|slot| slot.view(doc)),
            None => doc.node(self.base).get(key),
        };
        if !there.is_some_and(|there| there.same(View::Json(&value))) {
            self.set(key, Slot::New(value));
        }
    }

    fn set(&mut self, key: &str, slot: Slot) {
        match self.find(key).and_then(|at| self.changes.get_mut(at)) {
            Some((_, old)) => *old = Some(slot),
            None => self.changes.push((key.to_owned(), Some(slot))),
        }
    }

    fn remove(&mut self, doc: &Document<'_>, key: &str) {
        let at = self.find(key);
        if doc.node(self.base).get(key).is_none() {
            at.map(|at| self.changes.remove(at));
            return;
        }
        match at.and_then(|at| self.changes.get_mut(at)) {
            Some((_, old)) => *old = None,
            None => self.changes.push((key.to_owned(), None)),
        }
    }

    /// The member's slot, to be changed in place.
    pub(super) fn member(&mut self, doc: &Document<'_>, key: &str) -> Option<&mut Slot> {
        let at = match self.find(key) {
            Some(at) => at,
            None => {
                let base = doc.node(self.base);
                let slot = match rows::own_member(base, key) {
                    Own::Last(value) => Slot::Keep(value),
                    Own::Merged | Own::Absent => Slot::New(base.get(key)?.to_json()),
                };
                self.changes.push((key.to_owned(), Some(slot)));
                self.changes.len() - 1
            }
        };
        self.changes.get_mut(at)?.1.as_mut()
    }

    fn is_changed(&self, doc: &Document<'_>) -> bool {
        let touched = |slot: &Option<Slot>| slot.as_ref().is_none_or(|s| s.is_changed(doc));
        self.unmerge || !self.dropped.is_empty() || self.changes.iter().any(|(_, s)| touched(s))
    }
}

impl Item {
    fn new(value: Value) -> Self {
        Item {
            from: None,
            slot: Slot::New(value),
        }
    }

    fn kept(id: NodeId) -> Self {
        Item {
            from: Some(id),
            slot: Slot::Keep(id),
        }
    }
}

/// An edited map or list, as a [`View`] shows it.
#[derive(Clone, Copy, Debug)]
pub struct Edited<'a> {
    doc: &'a Document<'a>,
    slot: &'a Slot,
}

impl<'a> Edited<'a> {
    pub(super) fn value_type(self) -> Type {
        match self.slot {
            Slot::Seq(_) => Type::Seq,
            _ => Type::Map,
        }
    }

    pub(super) fn get(self, key: &str) -> Option<View<'a>> {
        let Slot::Map(map) = self.slot else {
            return None;
        };
        match map.change(key) {
            Some(slot) => Some(slot?.view(self.doc)),
            None => self.doc.node(map.base).get(key),
        }
    }

    pub(super) fn item(self, index: usize) -> Option<View<'a>> {
        match self.slot {
            Slot::Seq(seq) => Some(seq.items.get(index)?.slot.view(self.doc)),
            _ => None,
        }
    }

    /// The text's members in their order, then the new ones.
    pub(super) fn entries(self) -> Entries<'a> {
        match self.slot {
            Slot::Map(map) => Entries(AnyEntries::Edited(EditedEntries::new(self.doc, map))),
            _ => NodeEntries::None.into(),
        }
    }

    pub(super) fn items(self) -> Items<'a> {
        match self.slot {
            Slot::Seq(seq) => Items(AnyItems::Edited(self.doc, seq.items.iter())),
            _ => Items(AnyItems::None),
        }
    }

    pub(super) fn to_json(self) -> Value {
        match self.slot {
            Slot::Seq(_) => self.items().map(View::to_json).collect(),
            _ => {
                let members = self.entries().map(|(k, v)| (k.into_owned(), v.to_json()));
                Value::Object(members.collect::<Map<_, _>>())
            }
        }
    }
}

/// Walks down a view.
fn descend<'a>(view: View<'a>, path: Path<'_>) -> Option<View<'a>> {
    path.tokens()
        .try_fold(view, |view, token| view.child(&token))
}

fn json_child<'a>(value: &'a mut Value, token: &str) -> Option<&'a mut Value> {
    match value {
        Value::Object(map) => map.get_mut(token),
        Value::Array(items) => {
            let at = edit::index(token, items.len())?;
            items.get_mut(at)
        }
        _ => None,
    }
}

fn missing(path: &str) -> EditError {
    EditError::Missing(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TEXT: &str = "a: 1\nm:\n  k: x\n  l: y\nlist:\n- 1\n- 2\nnil:\n";

    fn overlay<'d>(doc: &'d Document<'d>, operations: Value) -> Overlay<'d> {
        let mut overlay = Overlay::new(doc);
        let operations: Vec<Operation> = serde_json::from_value(operations).unwrap();
        for operation in &operations {
            overlay.apply(operation).unwrap();
        }
        overlay
    }

    #[test]
    fn a_view_shows_the_edited_values() {
        let doc = Document::parse(TEXT).unwrap();
        let overlay = overlay(
            &doc,
            json!([
                {"op": "add", "path": "/m/new", "value": {"deep": [1]}},
                {"op": "remove", "path": "/m/k"},
                {"op": "replace", "path": "/m/l", "value": false},
                {"op": "add", "path": "/m/new/deep/0", "value": 0},
                {"op": "add", "path": "/list/1", "value": "between"},
            ]),
        );
        let map = overlay.at("/m").unwrap();
        assert_eq!(map.value_type(), Type::Map);
        assert!(map.get("k").is_none());
        assert_eq!(map.get("l").unwrap().as_bool(), Some(false));
        let keys: Vec<_> = map.entries().map(|(key, _)| key).collect();
        assert_eq!(keys, ["l", "new"]);
        assert_eq!(overlay.at("/m/new/deep").unwrap().to_json(), json!([0, 1]));
        let list = overlay.at("/list").unwrap();
        assert_eq!(list.value_type(), Type::Seq);
        assert_eq!(list.item(1).unwrap().as_str().as_deref(), Some("between"));
        assert_eq!(list.items().count(), 3);
        assert!(list.get("x").is_none() && map.item(0).is_none() && map.as_str().is_none());
        assert!(overlay.at("/list/01").is_none());
        assert_eq!(overlay.view().get("a").unwrap().to_json(), json!(1));
    }

    #[test]
    fn only_what_makes_a_difference_is_a_change() {
        let doc = Document::parse(TEXT).unwrap();
        for (operations, changed) in [
            (json!([]), false),
            (json!([{"op": "test", "path": "/m/k", "value": "x"}]), false),
            (json!([{"op": "add", "path": "/m/k", "value": "x"}]), false),
            (
                json!([{"op": "replace", "path": "/list", "value": [1, 2]}]),
                false,
            ),
            (
                json!([{"op": "add", "path": "/m/z", "value": 1}, {"op": "remove", "path": "/m/z"}]),
                false,
            ),
            (json!([{"op": "add", "path": "/m/z", "value": null}]), true),
            (json!([{"op": "remove", "path": "/list/0"}]), true),
            (
                json!([{"op": "move", "from": "/list/0", "path": "/list/1"}]),
                true,
            ),
        ] {
            assert_eq!(
                overlay(&doc, operations.clone()).is_changed(),
                changed,
                "{operations}"
            );
        }
    }

    #[test]
    fn a_failed_move_changes_nothing() {
        let doc = Document::parse(TEXT).unwrap();
        let mut overlay = Overlay::new(&doc);
        let (from, path) = ("/m".to_owned(), "/nil/x".to_owned());
        let moved = overlay.apply(&Operation::Move { from, path });
        assert_eq!(moved, Err(EditError::Parent("/nil/x".into())));
        assert!(!overlay.is_changed());
    }
}
