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

pub use splice::Splice;
use splice::{Context, Place, Trouble, Writer};

/// Changes below more collections than this, or that bring more, are checked with the whole
/// document: the reader counts a piece's depth from its own root.
const MAX_DEPTH: usize = 100;

impl Overlay<'_> {
    /// Appends the document's text with the edits in it. A document without edits is copied as it
    /// is.
    ///
    /// # Errors
    /// As [`Overlay::splices`]; `out` is then as before.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), EditError> {
        let splices = self.splices()?;
        let text = self.doc.text();
        for part in splice::spliced(text, 0..text.len(), &splices) {
            out.extend_from_slice(part.as_bytes());
        }
        Ok(())
    }

    /// The stretches of the document's text that the edits change, in order and without overlaps.
    ///
    /// # Errors
    /// [`EditError::Unwritable`] when no text means what the edits ask for.
    pub fn splices(&self) -> Result<Vec<Splice>, EditError> {
        self.attempts().map(|(splices, _)| splices)
    }

    /// Tells, too, how many attempts to change less came out wrong.
    fn attempts(&self) -> Result<(Vec<Splice>, usize), EditError> {
        let root = match &self.root {
            Some(root) => alias::settle(self.doc, Cow::Borrowed(root))?,
            None => Cow::Owned(Slot::Keep(0)),
        };
        if !root.is_changed(self.doc) {
            return Ok((Vec::new(), 0));
        }
        if let Some(splices) = self.attempt(&root)? {
            return Ok((splices, 0));
        }
        let levels = depth(&root);
        for (failed, depth) in (0..levels).rev().enumerate() {
            let coarse = alias::settle(self.doc, Cow::Owned(collapsed(self, &root, depth)))?;
            if let Some(splices) = self.attempt(&coarse)? {
                return Ok((splices, failed + 1));
            }
        }
        let text = self.write_value(&root)?;
        Ok((vec![self.whole(text)], levels + 1))
    }

    /// Writes nothing but the value: what stands around it cannot be kept.
    fn write_value(&self, root: &Slot) -> Result<String, EditError> {
        let layout = Writer::new(self.doc).layout(0, 0);
        let mut text = String::new();
        emit::block(&mut text, &self.view().to_json(), layout)?;
        text.push_str(layout.eol);
        match verify::reads_as(self, root, &text) {
            true => Ok(text),
            false => Err(EditError::Unwritable("it would be read as something else")),
        }
    }

    /// Another text in the place of the whole document.
    fn whole(&self, text: String) -> Splice {
        let (start, end) = (0, self.doc.text().len());
        Splice { start, end, text }
    }

    /// Finds the splices; `None` when they do not come out right.
    fn attempt(&self, root: &Slot) -> Result<Option<Vec<Splice>>, EditError> {
        let mut writer = Writer::new(self.doc);
        let covered = match writer.root(root) {
            Ok(covered) => covered,
            Err(Trouble::Unfit) => return Ok(None),
            Err(Trouble::Edit(error)) => return Err(error),
        };
        // A text without a final line ending goes on without one, unless a block scalar needs it.
        if let Some(text) = writer.without_new_eol()
            && verify::reads_as(self, root, &text)
        {
            return Ok(Some(vec![self.whole(text)]));
        }
        let by_pieces = covered && is_shallow(root, MAX_DEPTH);
        let right = (by_pieces && verify::pieces_read(&writer))
            || verify::reads_as(self, root, &writer.new_text());
        Ok(right.then_some(writer.splices))
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

/// Whether no change lies below more than so many containers, and no new value is deeper than
/// [`MAX_DEPTH`].
fn is_shallow(slot: &Slot, levels: usize) -> bool {
    match slot {
        Slot::Keep(_) => true,
        Slot::New(value) => is_shallow_value(value, MAX_DEPTH),
        Slot::Map(map) => {
            let mut slots = map.changes.iter().filter_map(|(_, slot)| slot.as_ref());
            levels > 0 && slots.all(|slot| is_shallow(slot, levels - 1))
        }
        Slot::Seq(seq) => {
            let mut slots = seq.items.iter().map(|item| &item.slot);
            levels > 0 && slots.all(|slot| is_shallow(slot, levels - 1))
        }
    }
}

fn is_shallow_value(value: &Value, levels: usize) -> bool {
    let below = |value: &Value| is_shallow_value(value, levels - 1);
    match value {
        Value::Array(items) => levels > 0 && items.iter().all(below),
        Value::Object(map) => levels > 0 && map.values().all(below),
        _ => true,
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
