//! Edits of block maps and block lists: whole lines come and go, the others stay.

use crate::manifest::overlay::{MapSlot, SeqSlot};
use crate::manifest::tape::NodeId;

use super::check::Marks;
use super::lines::{self, begin, comment_indent, is_blank, line_next, line_stop, stop};
use super::plan::{Added, Fate, Plan, Row};
use super::splice::{Context, Place, Trouble, Writer};

/// How a block collection stands in the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// Column of its keys or dashes.
    pub(super) column: usize,
    /// Bytes from a dash to what follows it; 0 for a map.
    pub(super) dash: usize,
    /// Least indentation of a comment behind the last row that still belongs to the collection.
    pub(super) comments: usize,
    /// Where the line after the collection, its comments included, starts.
    pub(super) limit: usize,
}

/// A block collection being edited.
pub(super) struct Block<'a, 's> {
    pub(super) rows: &'a [Row<'s>],
    pub(super) added: &'a [Added<'s>],
    pub(super) frame: Frame,
}

impl<'s> Block<'_, 's> {
    /// What is added behind a row.
    fn added_behind(&self, n: usize) -> &[Added<'s>] {
        let start = self.added.partition_point(|added| added.at <= n);
        let rest = self.added.get(start..).unwrap_or_default();
        let count = rest.partition_point(|added| added.at == n + 1);
        rest.get(..count).unwrap_or_default()
    }

    /// Where the line of a row after the first starts; behind the last, where the collection ends.
    pub(super) fn start_of(&self, n: usize) -> usize {
        let row = self.rows.get(n);
        row.map_or(self.frame.limit, |row| {
            row.begin.saturating_sub(self.frame.column)
        })
    }
}

impl<'s> Writer<'s> {
    /// Edits a block map.
    pub(super) fn block_map(&mut self, place: Place, map: &'s MapSlot) -> Result<bool, Trouble> {
        let plan = Plan::of_map(self.doc, map);
        if !plan.has_rows() {
            return self.value(place, &plan.added_value(true)).map(|()| false);
        }
        let column = lines::column_of(self.doc, map.base);
        let frame = Frame {
            column,
            dash: 0,
            comments: column,
            limit: place.limit,
        };
        self.around.push(map.base);
        let covered = self.lines(&Block {
            rows: &plan.rows,
            added: &plan.added,
            frame,
        })?;
        self.around.pop();
        Ok(covered)
    }

    /// Edits a block list.
    pub(super) fn block_seq(&mut self, place: Place, seq: &'s SeqSlot) -> Result<bool, Trouble> {
        let mut plan = Plan::of_seq(self.doc, seq);
        if !plan.has_rows() {
            return self.value(place, &plan.added_value(false)).map(|()| false);
        }
        self.find_dashes(seq.base, &mut plan.rows)?;
        let column = lines::column_of(self.doc, seq.base);
        // A comment in the column of the key above belongs to the next key.
        let hanging = matches!(place.context, Context::Member { column: key } if key == column);
        let frame = Frame {
            column,
            dash: self.dash_width(&plan.rows),
            comments: column + usize::from(hanging),
            limit: place.limit,
        };
        self.lines(&Block {
            rows: &plan.rows,
            added: &plan.added,
            frame,
        })
    }

    /// Finds each item's dash: the first thing on a line after the item before it.
    fn find_dashes(&self, seq: NodeId, rows: &mut [Row<'s>]) -> Result<(), Trouble> {
        let mut begin = self.doc.node(seq).raw().start as usize;
        for (n, row) in rows.iter_mut().enumerate() {
            if n > 0 {
                begin = self.first_content(begin);
            }
            if self.text.as_bytes().get(begin) != Some(&b'-') {
                return Err(Trouble::Unfit);
            }
            row.begin = begin;
            begin = line_next(self.text, stop(self.doc, row.value));
        }
        Ok(())
    }

    /// The first byte behind blank lines, comment lines and indentation.
    fn first_content(&self, line: usize) -> usize {
        let mut line = line;
        while line < self.text.len() {
            let end = line_stop(self.text, line);
            if !is_blank(self.text, line, end) && comment_indent(self.text, line).is_none() {
                break;
            }
            line = line_next(self.text, end);
        }
        let rest = lines::between(self.text, line, self.text.len());
        line + rest.bytes().take_while(|b| *b == b' ').count()
    }

    /// Bytes from a dash to what follows it, as the list's own items have it.
    fn dash_width(&self, rows: &[Row<'s>]) -> usize {
        let width = |row: &Row<'_>| {
            let value = begin(self.doc, row.value);
            let blanks = lines::between(self.text, row.begin + 1, value);
            let usual = (1..=8).contains(&blanks.len()) && blanks.bytes().all(|b| b == b' ');
            usual.then_some(blanks.len() + 1)
        };
        rows.iter().find_map(width).unwrap_or(2)
    }

    /// Edits the rows of a collection, at least one of which stays. Tells whether the pieces noted
    /// for the check cover all of it.
    fn lines(&mut self, block: &Block<'_, 's>) -> Result<bool, Trouble> {
        let first = block.rows.iter().position(Row::stays);
        let (leading, rest) = block.rows.split_at(first.ok_or(Trouble::Unfit)?);
        let Some(head) = rest.first() else {
            return Err(Trouble::Unfit);
        };
        let mut marks = Marks::new(block.rows.len(), self.splices.len());
        self.drop_leading(leading, head)?;
        if block.frame.dash > 0 {
            let front = block.added.iter().filter(|a| a.at <= leading.len());
            self.insert_in_front(head, front, block.frame)?;
        }
        let noted = self.pieces.len();
        if marks.splices(0) < Some(self.splices.len()) {
            marks.touch(0..=leading.len());
        }
        // The first of the rows in a row that go.
        let mut run = None;
        for (n, row) in block.rows.iter().enumerate().skip(leading.len()) {
            if n > leading.len() {
                marks.enter(n, self.splices.len());
            }
            match row.fate {
                Fate::Keep => run = None,
                Fate::Edit(slot) => {
                    run = None;
                    let place = self.place(row, block, n)?;
                    if !self.slot(place, slot)? {
                        marks.touch(n..=n);
                    }
                }
                Fate::Remove => {
                    let run = *run.get_or_insert(row.head);
                    self.drop_row(row, run, block.frame)?;
                    // What followed it, a comment for one, now follows the row before.
                    marks.touch(n.saturating_sub(1)..=n);
                }
            }
            let here = block.added_behind(n);
            if !here.is_empty() {
                marks.touch(n..=n);
                self.insert_behind(row, here, block.frame)?;
            }
        }
        Ok(self.note(block, &marks, noted))
    }

    fn place(&self, row: &Row<'s>, block: &Block<'_, 's>, n: usize) -> Result<Place, Trouble> {
        let (node, limit) = (row.value, block.start_of(n + 1));
        if block.frame.dash > 0 {
            return Ok(Place {
                after: row.begin + 1,
                node,
                context: Context::Item,
                limit,
            });
        }
        let end = self.doc.node(row.head).raw().end as usize;
        let rest = lines::between(self.text, end, self.text.len());
        let colon = end
            + rest
                .bytes()
                .take_while(|b| *b == b' ' || *b == b'\t')
                .count();
        match self.text.as_bytes().get(colon) {
            Some(b':') => Ok(Place {
                after: colon + 1,
                node,
                context: Context::Member {
                    column: block.frame.column,
                },
                limit,
            }),
            // An explicit `? key`.
            _ => Err(Trouble::Unfit),
        }
    }
}
