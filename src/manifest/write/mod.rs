//! An edited document as text that differs from the author's only where an edit says so.
//!
//! One walk through the overlay finds the [`splice`]s; then the new text is read again and compared
//! with what it has to mean. Where that fails, larger parts are written anew, until in the end the
//! whole document is; what cannot be written right is an error, never a wrong text.

mod alias;
mod block;
mod flow;
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

use super::edit::EditError;
use super::emit;
use super::overlay::{Overlay, Slot};
use super::tape::Style;

use splice::{Context, Place, Trouble, Writer};

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
        for (failed, depth) in (0..depth(&root)).rev().enumerate() {
            out.truncate(start);
            let coarse = alias::settle(self.doc, Cow::Owned(collapsed(self, &root, depth)))?;
            if self.attempt(&coarse, out)? {
                return Ok(failed + 1);
            }
        }
        out.truncate(start);
        Err(EditError::Unwritable("it would be read as something else"))
    }

    /// Writes the text and says whether it came out right.
    fn attempt(&self, root: &Slot, out: &mut Vec<u8>) -> Result<bool, EditError> {
        let start = out.len();
        let mut writer = Writer::new(self.doc);
        match writer.root(root) {
            Ok(()) => {}
            Err(Trouble::Unfit) => return Ok(false),
            Err(Trouble::Edit(error)) => return Err(error),
        }
        writer.finish(out);
        let right = |out: &[u8]| verify::reads_as(self, root, out.get(start..).unwrap_or_default());
        // A text without a final line ending goes on without one, unless a block scalar needs it.
        let ends = |text: &[u8]| text.is_empty() || text.ends_with(b"\n");
        if !ends(self.doc.text().as_bytes()) && ends(out) {
            let whole = out.len();
            let eol = if out.ends_with(b"\r\n") { "\r\n" } else { "\n" };
            out.truncate(whole - eol.len());
            if right(out) {
                return Ok(true);
            }
            out.extend_from_slice(eol.as_bytes());
        }
        Ok(right(out))
    }
}

impl<'s> Writer<'s> {
    fn root(&mut self, slot: &'s Slot) -> Result<(), Trouble> {
        let (Slot::New(value), None) = (slot, self.doc.root()) else {
            let place = Place {
                after: lines::begin(self.doc, 0),
                node: 0,
                context: Context::Root,
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
        self.splice(end, end, text)
    }

    /// Writes what a slot changes at its place.
    fn slot(&mut self, place: Place, slot: &'s Slot) -> Result<(), Trouble> {
        let flow =
            self.doc.root().is_some() && self.doc.node(place.node).raw().style == Style::Flow;
        match slot {
            Slot::Keep(_) => Ok(()),
            Slot::New(value) => self.value(place, value),
            Slot::Map(map) if flow => self.flow_map(place, map),
            Slot::Map(map) => self.block_map(place, map),
            Slot::Seq(seq) if flow => self.flow_seq(place, seq),
            Slot::Seq(seq) => self.block_seq(place, seq),
        }
    }
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
