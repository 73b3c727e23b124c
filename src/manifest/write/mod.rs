//! An edited document as text that differs from the author's only where an edit says so.
//!
//! One walk through the overlay finds the [`splice`]s; then the new text is read again and compared
//! with what it has to mean. Where that fails, larger parts are written anew, until in the end the
//! whole document is; what cannot be written right is an error, never a wrong text.

mod alias;
mod block;
mod check;
mod drop;
mod flow;
mod insert;
mod lines;
mod plan;
mod splice;
mod value;
mod verify;

#[cfg(test)]
mod go;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod random;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde_json::Value;

use super::edit::EditError;
use super::emit;
use super::overlay::{Overlay, Slot};
use super::tape::Style;

use splice::{Context, Place, Trouble, Writer};

/// Changes below more collections than this, or that bring more, are checked with the whole
/// document: the reader counts a piece's depth from its own root.
const MAX_DEPTH: usize = 100;

impl Overlay<'_> {
    /// Appends the document's text with the edits in it. A document without edits is copied as it
    /// is.
    ///
    /// # Errors
    /// [`EditError::Unwritable`] when no text means what the edits ask for; `out` is then as
    /// before.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), EditError> {
        self.write_counted(out).map(drop)
    }

    /// Writes, and tells how many attempts to change less came out wrong.
    fn write_counted(&self, out: &mut Vec<u8>) -> Result<usize, EditError> {
        let text = self.doc.text();
        let root = match &self.root {
            Some(root) => alias::settle(self.doc, Cow::Borrowed(root))?,
            None => Cow::Owned(Slot::Keep(0)),
        };
        if !root.is_changed(self.doc) {
            out.extend_from_slice(text.as_bytes());
            return Ok(0);
        }
        let start = out.len();
        if self.attempt(&root, out)? {
            return Ok(0);
        }
        let levels = depth(&root);
        for (failed, depth) in (0..levels).rev().enumerate() {
            out.truncate(start);
            let coarse = alias::settle(self.doc, Cow::Owned(collapsed(self, &root, depth)))?;
            if self.attempt(&coarse, out)? {
                return Ok(failed + 1);
            }
        }
        out.truncate(start);
        self.write_value(&root, out).map(|()| levels + 1)
    }

    /// Writes nothing but the value: what stands around it cannot be kept.
    fn write_value(&self, root: &Slot, out: &mut Vec<u8>) -> Result<(), EditError> {
        let layout = Writer::new(self.doc).layout(0, 0);
        let mut text = String::new();
        emit::block(&mut text, &self.view().to_json(), layout)?;
        text.push_str(layout.eol);
        if !verify::reads_as(self, root, &text) {
            return Err(EditError::Unwritable("it would be read as something else"));
        }
        out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    /// Writes the text and says whether it came out right.
    fn attempt(&self, root: &Slot, out: &mut Vec<u8>) -> Result<bool, EditError> {
        let start = out.len();
        let mut writer = Writer::new(self.doc);
        let covered = match writer.root(root) {
            Ok(covered) => covered,
            Err(Trouble::Unfit) => return Ok(false),
            Err(Trouble::Edit(error)) => return Err(error),
        };
        writer.finish(out);
        let shallow = depth(root) <= MAX_DEPTH && depth_of_values(root) <= MAX_DEPTH;
        let right = |out: &[u8]| {
            let Some(Ok(text)) = out.get(start..).map(str::from_utf8) else {
                return false;
            };
            (covered && shallow && verify::pieces_read(&writer, text))
                || verify::reads_as(self, root, text)
        };
        // A text without a final line ending goes on without one, unless a block scalar needs it.
        if let Some(eol) = self.extra_eol(out.get(start..).unwrap_or_default()) {
            out.truncate(out.len() - eol.len());
            if right(out) {
                return Ok(true);
            }
            out.extend_from_slice(eol);
        }
        Ok(right(out))
    }

    /// The line ending at the end of the new text where the old one has none.
    fn extra_eol(&self, new: &[u8]) -> Option<&'static [u8]> {
        let old = self.doc.text();
        if old.is_empty() || old.ends_with('\n') {
            return None;
        }
        let eols: [&[u8]; 2] = [b"\r\n", b"\n"];
        eols.into_iter().find(|eol| new.ends_with(eol))
    }
}

impl<'s> Writer<'s> {
    /// Writes the whole document; tells whether the pieces noted are enough to check it by.
    fn root(&mut self, slot: &'s Slot) -> Result<bool, Trouble> {
        let (Slot::New(value), None) = (slot, self.doc.root()) else {
            let place = Place {
                after: lines::begin(self.doc, 0),
                node: 0,
                context: Context::Root,
                limit: self.text.len(),
            };
            return self.slot(place, slot);
        };
        // The document holds comments at most; the value follows them.
        let end = self.text.len();
        let layout = self.layout(0, end);
        let mut text = String::new();
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            text.push_str(layout.eol);
        }
        emit::block(&mut text, value, layout)?;
        if self.text.is_empty() || self.text.ends_with('\n') {
            text.push_str(layout.eol);
        }
        self.splice(end, end, text)?;
        Ok(false)
    }

    /// Writes what a slot changes at its place; tells whether the pieces noted on the way are enough
    /// to check it by.
    fn slot(&mut self, place: Place, slot: &'s Slot) -> Result<bool, Trouble> {
        let flow =
            self.doc.root().is_some() && self.doc.node(place.node).raw().style == Style::Flow;
        match slot {
            Slot::Keep(_) => Ok(true),
            Slot::New(value) => self.value(place, value).map(|()| false),
            Slot::Map(map) if flow => self.flow_map(place, map),
            Slot::Map(map) => self.block_map(place, map),
            Slot::Seq(seq) if flow => self.flow_seq(place, seq),
            Slot::Seq(seq) => self.block_seq(place, seq),
        }
    }
}

/// The depth of the deepest new value.
fn depth_of_values(slot: &Slot) -> usize {
    fn depth(value: &Value) -> usize {
        let below = match value {
            Value::Array(items) => items.iter().map(depth).max(),
            Value::Object(map) => map.values().map(depth).max(),
            _ => None,
        };
        below.map_or(0, |depth| depth + 1)
    }
    let deepest = match slot {
        Slot::Keep(_) => None,
        Slot::New(value) => Some(depth(value)),
        Slot::Map(map) => {
            let slots = map.changes.iter().filter_map(|(_, slot)| slot.as_ref());
            slots.map(depth_of_values).max()
        }
        Slot::Seq(seq) => {
            let slots = seq.items.iter().map(|item| &item.slot);
            slots.map(depth_of_values).max()
        }
    };
    deepest.unwrap_or(0)
}

/// How many containers lie above the deepest change.
fn depth(slot: &Slot) -> usize {
    let below = match slot {
        Slot::Keep(_) | Slot::New(_) => return 0,
        Slot::Map(map) => {
            let slots = map.changes.iter().filter_map(|(_, slot)| slot.as_ref());
            slots.map(depth).max()
        }
        Slot::Seq(seq) => seq.items.iter().map(|item| depth(&item.slot)).max(),
    };
    below.unwrap_or(0) + 1
}

/// The overlay with every changed container from a depth on as one new value.
fn collapsed(overlay: &Overlay<'_>, slot: &Slot, depth: usize) -> Slot {
    if !slot.is_changed(overlay.doc) {
        return slot.clone();
    }
    if depth == 0 {
        return Slot::New(slot.view(overlay.doc).to_json());
    }
    let mut slot = slot.clone();
    let below = |slot: &mut Slot| *slot = collapsed(overlay, slot, depth - 1);
    match &mut slot {
        Slot::Keep(_) | Slot::New(_) => {}
        Slot::Map(map) => {
            let slots = map.changes.iter_mut().filter_map(|(_, slot)| slot.as_mut());
            slots.for_each(below);
        }
        Slot::Seq(seq) => seq
            .items
            .iter_mut()
            .map(|item| &mut item.slot)
            .for_each(below),
    }
    slot
}
