//! What happens to each member of a map in the text: the writer, the alias check and the
//! verification all go by this one plan.

use std::borrow::Cow;

use serde_json::Value;

use crate::manifest::overlay::{MapSlot, SeqSlot, Slot};
use crate::manifest::rows::{self, Own};
use crate::manifest::tape::{Document, Node, NodeId};

use super::lines;

/// What happens to a member or an item that stands in the text.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate<'s> {
    /// Stays as it is.
    Keep,
    /// Its value changes.
    Edit(&'s Slot),
    /// Goes.
    Remove,
}

/// A member (`head` is its key) or an item (`head` is the value itself) in the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'s> {
    pub(super) head: NodeId,
    pub(super) value: NodeId,
    /// Where it begins: at its key, or at its value until the dash is found.
    pub(super) begin: usize,
    pub(super) fate: Fate<'s>,
}

impl<'s> Row<'s> {
    fn new(head: Node<'_>, value: Node<'_>, fate: Fate<'s>) -> Self {
        Row {
            head: head.id(),
            value: value.id(),
            begin: lines::begin(head.document(), head.id()),
            fate,
        }
    }

    pub(super) fn stays(&self) -> bool {
        !matches!(self.fate, Fate::Remove)
    }
}

/// Something that is written in front of row `at`, or behind the last one.
#[derive(Clone, Debug)]
pub(super) struct Added<'s> {
    pub(super) at: usize,
    /// The member's key; `None` for an item.
    pub(super) key: Option<Cow<'s, str>>,
    pub(super) value: Cow<'s, Value>,
}

impl<'s> Added<'s> {
    fn member(doc: &'s Document<'s>, at: usize, key: &'s str, slot: &'s Slot) -> Self {
        Added {
            at,
            key: Some(Cow::Borrowed(key)),
            value: slot_value(doc, slot),
        }
    }
}

/// Few maps have more members, and a list that grows is copied.
const USUAL: usize = 12;

/// All of a collection's rows and what is added to them.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan<'s> {
    pub(super) rows: Vec<Row<'s>>,
    pub(super) added: Vec<Added<'s>>,
}

impl<'s> Plan<'s> {
    /// Plans a map.
    pub(super) fn of_map(doc: &'s Document<'s>, map: &'s MapSlot) -> Self {
        let base = doc.node(map.base);
        let mut plan = Plan::default();
        plan.rows.reserve(USUAL);
        if rows::is_plain(base) && map.dropped.is_empty() {
            plan.read_plain(base, map);
            return plan;
        }
        let counts = plan.read_rows(base, map);
        if map.unmerge || has_to_unmerge(base, map) {
            plan.unmerge(base, map);
        }
        let at = plan.rows.len();
        for ((key, slot), counts) in map.changes.iter().zip(counts) {
            if let (Some(slot), None) = (slot, counts) {
                plan.added.push(Added::member(doc, at, key, slot));
            }
        }
        plan
    }

    /// Plans a list.
    pub(super) fn of_seq(doc: &'s Document<'s>, seq: &'s SeqSlot) -> Self {
        let mut plan = Plan::default();
        let mut items = seq.items.iter().peekable();
        for child in doc.node(seq.base).children() {
            let at = plan.rows.len();
            while let Some(item) = items.next_if(|item| item.from.is_none()) {
                plan.added.push(Added {
                    at,
                    key: None,
                    value: slot_value(doc, &item.slot),
                });
            }
            let kept = items.next_if(|item| item.from == Some(child.id()));
            let fate = kept.map_or(Fate::Remove, |item| fate(doc, &item.slot));
            plan.rows.push(Row::new(child, child, fate));
        }
        let at = plan.rows.len();
        plan.added.extend(items.map(|item| Added {
            at,
            key: None,
            value: slot_value(doc, &item.slot),
        }));
        plan
    }

    /// Whether anything of the text is left.
    pub(super) fn has_rows(&self) -> bool {
        self.rows.iter().any(Row::stays)
    }

    /// The whole value when nothing of the text is left.
    pub(super) fn added_value(&self, is_map: bool) -> Value {
        let values = self.added.iter().map(|a| a.value.clone().into_owned());
        if is_map {
            let keys = self.added.iter().map(|a| a.key.clone().unwrap_or_default());
            Value::Object(keys.map(Cow::into_owned).zip(values).collect())
        } else {
            values.collect()
        }
    }

    /// Fills in a map whose keys are what they look like and come once.
    fn read_plain(&mut self, base: Node<'s>, map: &'s MapSlot) {
        let doc = base.document();
        for (key, value) in rows::pairs(base) {
            let fate = match map.change(key.plain_key()) {
                None => Fate::Keep,
                Some(None) => Fate::Remove,
                Some(Some(slot)) => fate(doc, slot),
            };
            self.rows.push(Row::new(key, value, fate));
        }
        let at = self.rows.len();
        for (key, slot) in &map.changes {
            if let Some(slot) = slot
                && base.get_plain(key).is_none()
            {
                self.added.push(Added::member(doc, at, key, slot));
            }
        }
    }

    /// Fills in the rows; gives for every change the row whose value it replaces.
    fn read_rows(&mut self, base: Node<'s>, map: &'s MapSlot) -> Vec<Option<usize>> {
        let doc = base.document();
        let merge = rows::has_merge(base);
        let mut counts = vec![None; map.changes.len()];
        let mut touched = Vec::with_capacity(map.changes.len());
        for (key, value) in rows::pairs(base) {
            let at = self.rows.len();
            if merge && key.is_merge_key() {
                counts.fill(None);
            } else if let Some(change) = changed(base, map, key) {
                touched.push((at, change));
                if let Some(row) = counts.get_mut(change) {
                    *row = Some(at);
                }
            }
            let dropped = map.dropped.contains(&key.id());
            let fate = if dropped { Fate::Remove } else { Fate::Keep };
            self.rows.push(Row::new(key, value, fate));
        }
        for (at, change) in touched {
            let slot = map.changes.get(change).and_then(|(_, slot)| slot.as_ref());
            let fate = match slot {
                Some(slot) if counts.get(change) == Some(&Some(at)) => fate(doc, slot),
                // A duplicate that does not count goes with the value that did.
                Some(Slot::New(_)) | None => Fate::Remove,
                Some(_) => Fate::Keep,
            };
            if let Some(row) = self.rows.get_mut(at).filter(|row| row.stays()) {
                row.fate = fate;
            }
        }
        counts
    }

    /// Takes the merge keys away and adds what they brought.
    fn unmerge(&mut self, base: Node<'s>, map: &'s MapSlot) {
        let at = self.rows.len();
        let mut brought = Vec::new();
        for (key, value) in base.entries() {
            if rows::own_member(base, &key) == Own::Merged && map.change(&key).is_none() {
                brought.push((key, value));
            }
        }
        let doc = base.document();
        for row in &mut self.rows {
            let key = doc.node(row.head);
            let text = rows::key_text(base, key);
            if key.is_merge_key() || brought.iter().any(|(k, _)| *k == text) {
                row.fate = Fate::Remove;
            }
        }
        self.added
            .extend(brought.into_iter().map(|(key, value)| Added {
                at,
                key: Some(key),
                value: Cow::Owned(value.to_json()),
            }));
    }
}

fn changed(base: Node<'_>, map: &MapSlot, key: Node<'_>) -> Option<usize> {
    let text = rows::key_text(base, key);
    map.changes.iter().position(|(k, _)| *k == text)
}

fn fate<'s>(doc: &Document<'_>, slot: &'s Slot) -> Fate<'s> {
    match slot.is_changed(doc) {
        true => Fate::Edit(slot),
        false => Fate::Keep,
    }
}

fn slot_value<'s>(doc: &'s Document<'s>, slot: &'s Slot) -> Cow<'s, Value> {
    match slot {
        Slot::New(value) => Cow::Borrowed(value),
        other => Cow::Owned(other.view(doc).to_json()),
    }
}

/// Whether a merge key has to go: because a member that it brings is removed, or because one is
/// replaced whose key Go takes for a boolean or a number. Beside that key, ours would be another
/// one, and it is left to chance which of the two Go keeps.
fn has_to_unmerge(base: Node<'_>, map: &MapSlot) -> bool {
    rows::has_merge(base)
        && map.changes.iter().any(|(key, slot)| {
            let keys = rows::merged_keys(base, key);
            let odd = |key: &Node<'_>| !rows::is_string_key(*key);
            !keys.is_empty() && (slot.is_none() || keys.iter().any(odd))
        })
}
