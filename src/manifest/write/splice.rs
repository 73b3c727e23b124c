//! The changes to the text, in order, and the state of the walk that finds them.

use std::ops::Range;

use crate::manifest::edit::EditError;
use crate::manifest::emit::{Flow, Layout};
use crate::manifest::tape::{Document, Kind, NodeId};

use super::check::Piece;
use super::lines;

/// Few documents need more splices, or nest deeper where they change.
const USUAL: usize = 8;

/// Why a walk gave up.
#[derive(Debug)]
pub(super) enum Trouble {
    /// This text cannot be changed piecemeal: a larger part has to be written anew.
    Unfit,
    /// Nothing helps.
    Edit(EditError),
}

impl From<EditError> for Trouble {
    fn from(error: EditError) -> Self {
        Trouble::Edit(error)
    }
}

/// A stretch of the text and what stands there instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splice {
    /// The first byte that goes, or where the new text is inserted.
    pub start: usize,
    /// One past the last byte that goes.
    pub end: usize,
    /// What stands there instead.
    pub text: String,
}

/// A stretch of the text with the splices that lie in it, in order, part by part.
pub(super) fn spliced<'t>(
    text: &'t str,
    stretch: Range<usize>,
    splices: &'t [Splice],
) -> impl Iterator<Item = &'t str> {
    let last = splices.last().map_or(stretch.start, |splice| splice.end);
    let mut at = stretch.start;
    splices
        .iter()
        .flat_map(move |splice| {
            let kept = lines::between(text, at, splice.start);
            at = splice.end;
            [kept, splice.text.as_str()]
        })
        .chain([lines::between(text, last, stretch.end)])
}

/// Whether `at` is the start of a line once these splices, which end there or before, are made.
pub(super) fn starts_line(text: &str, splices: &[Splice], at: usize) -> bool {
    let mut start = at;
    for splice in splices.iter().rev() {
        if splice.end != start {
            break;
        }
        if !splice.text.is_empty() {
            return splice.text.ends_with('\n');
        }
        start = splice.start;
    }
    start == 0 || lines::between(text, 0, start).ends_with('\n')
}

/// What a value is a part of, which decides how it may be written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Context {
    /// The document's value.
    Root,
    /// A member of a block map, whose keys stand in `column`.
    Member { column: usize },
    /// An item of a block list.
    Item,
    /// Inside `{…}` or `[…]`.
    Flow(Flow),
}

/// Where a value stands in the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// One past the `:` or the `-`; for a root and in flow style the value's first byte.
    pub(super) after: usize,
    /// The value in the text.
    pub(super) node: NodeId,
    pub(super) context: Context,
    /// Where the line after the value and the comments behind it starts.
    pub(super) limit: usize,
}

/// Collects splices on a walk through the overlay, in the order of the text.
pub(super) struct Writer<'s> {
    pub(super) doc: &'s Document<'s>,
    pub(super) text: &'s str,
    pub(super) splices: Vec<Splice>,
    /// The block collections around the current place, outermost first.
    pub(super) around: Vec<NodeId>,
    /// What has to be read again.
    pub(super) pieces: Vec<Piece<'s>>,
}

impl<'s> Writer<'s> {
    pub(super) fn new(doc: &'s Document<'s>) -> Self {
        Writer {
            doc,
            text: doc.text(),
            splices: Vec::with_capacity(USUAL),
            around: Vec::with_capacity(USUAL),
            pieces: Vec::with_capacity(USUAL),
        }
    }

    /// Notes a change; changes come in the order of the text.
    pub(super) fn splice(
        &mut self,
        start: usize,
        end: usize,
        text: impl Into<String>,
    ) -> Result<(), Trouble> {
        let text = text.into();
        if start == end && text.is_empty() {
            return Ok(());
        }
        let whole = self.text.is_char_boundary(start) && self.text.is_char_boundary(end);
        if start > end || start < self.written() || !whole {
            return Err(Trouble::Unfit);
        }
        self.splices.push(Splice { start, end, text });
        Ok(())
    }

    /// The end of the last change.
    pub(super) fn written(&self) -> usize {
        self.splices.last().map_or(0, |splice| splice.end)
    }

    /// Whether changes right in front of `at` leave it at the start of a line.
    pub(super) fn starts_line(&self, at: usize) -> bool {
        self.splices.last().is_some_and(|splice| splice.end == at)
            && starts_line(self.text, &self.splices, at)
    }

    /// How new block text is laid out: as the nearest neighbours around are.
    pub(super) fn layout(&self, column: usize, at: usize) -> Layout<'static> {
        Layout {
            column,
            step: self.step(Kind::Map).filter(|&n| n > 0).unwrap_or(2),
            seq_step: self.step(Kind::Seq).unwrap_or(0),
            eol: lines::eol(self.text, at),
        }
    }

    /// How much deeper block collections of a kind stand below the map that holds them: in the
    /// maps around first, then anywhere in the document.
    fn step(&self, kind: Kind) -> Option<usize> {
        let around = self.around.iter().rev();
        let near = around.into_iter().find_map(|&map| self.step_in(map, kind));
        near.or_else(|| {
            let count = self.doc.root().map_or(0, |root| root.raw().next);
            (0..count).find_map(|map| self.step_in(map, kind))
        })
    }

    fn step_in(&self, map: NodeId, kind: Kind) -> Option<usize> {
        let node = self.doc.node(map);
        if node.raw().kind != Kind::Map || !lines::is_block(self.doc, map) {
            return None;
        }
        let mut values = node.children().skip(1).step_by(2);
        let found = values.find(|v| v.raw().kind == kind && lines::is_block(self.doc, v.id()))?;
        lines::column_of(self.doc, found.id())
            .checked_sub(lines::column_of(self.doc, map))
            .filter(|&n| n <= 16)
    }
    /// The text with all changes.
    pub(super) fn new_text(&self) -> String {
        spliced(self.text, 0..self.text.len(), &self.splices).collect()
    }

    /// The text with all changes, but without the line ending that it got where the old one has none.
    pub(super) fn without_new_eol(&self) -> Option<String> {
        if self.text.is_empty() || self.text.ends_with('\n') {
            return None;
        }
        let mut text = self.new_text();
        let eol = ["\r\n", "\n"].into_iter().find(|eol| text.ends_with(eol))?;
        text.truncate(text.len() - eol.len());
        Some(text)
    }
}
