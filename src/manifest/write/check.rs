//! Which parts of the written text have to be read again.
//!
//! The rows of a block collection are whole lines. What a row means depends on its own lines and on
//! the column they start in, not on its neighbours: a row that starts a line in the column of its
//! key or dash ends everything before it. So when some rows of a collection change, it is enough to
//! read these rows, up to where the next row starts, as a document of their own. Where that
//! argument does not hold (flow style, a first row on the line of a dash, anchors) the whole
//! document is read instead.

use std::ops::{Range, RangeInclusive};

use super::block::Block;
use super::lines::{is_blank, line_start};
use super::plan::{Added, Row};
use super::splice::Writer;

/// Changed rows of a block collection, next to each other.
#[derive(Debug)]
pub(super) struct Piece<'s> {
    /// Where the first row's line starts in the old text.
    pub(super) from: usize,
    /// Where the line after them starts in the old text.
    pub(super) to: usize,
    /// The splices between, by their number.
    pub(super) splices: Range<usize>,
    /// The column of keys or dashes.
    pub(super) column: usize,
    /// The first row's number in its collection.
    pub(super) first: usize,
    /// What the rows have to be.
    pub(super) rows: Vec<Row<'s>>,
    /// What is added to them.
    pub(super) added: Vec<Added<'s>>,
    /// Whether they are members of a map.
    pub(super) map: bool,
}

/// Which rows of a collection change, noted on the way through them.
pub(super) struct Marks(Vec<Mark>);

#[derive(Clone, Copy)]
struct Mark {
    /// The number of splices before the row.
    splices: usize,
    /// Whether the row changes other than by pieces of its own.
    touched: bool,
}

impl Marks {
    /// For a number of rows; so many splices stand before them.
    pub(super) fn new(rows: usize, splices: usize) -> Self {
        let mark = Mark {
            splices,
            touched: false,
        };
        Marks(vec![mark; rows])
    }

    /// Notes the number of splices before a row.
    pub(super) fn enter(&mut self, row: usize, splices: usize) {
        if let Some(mark) = self.0.get_mut(row) {
            mark.splices = splices;
        }
    }

    /// Notes that rows change.
    pub(super) fn touch(&mut self, rows: RangeInclusive<usize>) {
        let marks = self.0.get_mut(rows).unwrap_or_default();
        marks.iter_mut().for_each(|mark| mark.touched = true);
    }

    /// The number of splices before a row, if there is such a row.
    pub(super) fn splices(&self, row: usize) -> Option<usize> {
        self.0.get(row).map(|mark| mark.splices)
    }

    fn is_touched(&self, row: usize) -> bool {
        self.0.get(row).is_some_and(|mark| mark.touched)
    }
}

impl<'s> Writer<'s> {
    /// Notes the pieces of a collection. When they are not enough to check it by, forgets those
    /// from number `noted` on and gives `false`.
    pub(super) fn note(&mut self, block: &Block<'_, 's>, marks: &Marks, noted: usize) -> bool {
        let begin = block.rows.first().map_or(0, |row| row.begin);
        let top = line_start(self.text, begin);
        let shared = !is_blank(self.text, top, begin);
        if shared && marks.is_touched(0) {
            self.pieces.truncate(noted);
            return false;
        }
        let mut n = 0;
        while n < block.rows.len() {
            let first = n;
            while marks.is_touched(n) {
                n += 1;
            }
            if n > first {
                let from = if first == 0 {
                    top
                } else {
                    block.start_of(first)
                };
                self.push_piece(block, marks, first..n, from, noted);
            }
            n += 1;
        }
        true
    }

    fn push_piece(
        &mut self,
        block: &Block<'_, 's>,
        marks: &Marks,
        rows: Range<usize>,
        from: usize,
        noted: usize,
    ) {
        let first = rows.start;
        let start = marks.splices(first).unwrap_or_default();
        let end = marks.splices(rows.end).unwrap_or(self.splices.len());
        // Pieces inside of these rows are read with them. They could not be cut out, either, where
        // lines were added behind both the inner and the outer collection.
        let outside = |p: &Piece<'_>| p.splices.start < start || p.splices.end > end;
        let inner = self.pieces.split_off(noted.min(self.pieces.len()));
        self.pieces.extend(inner.into_iter().filter(outside));
        let near = |a: &&Added<'_>| (a.at > first || first == 0) && a.at <= rows.end;
        self.pieces.push(Piece {
            from,
            to: block.start_of(rows.end),
            splices: start..end,
            column: block.frame.column,
            first,
            rows: block.rows.get(rows.clone()).unwrap_or_default().to_vec(),
            added: block.added.iter().filter(near).cloned().collect(),
            map: block.frame.dash == 0,
        });
    }
}
