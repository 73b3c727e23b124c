//! Lines of a block collection that go.

use crate::manifest::tape::NodeId;

use super::block::Frame;
use super::lines::{self, comment_indent, is_blank, line_next, line_start, line_stop, stop};
use super::plan::Row;
use super::splice::{Trouble, Writer};

impl<'s> Writer<'s> {
    /// Takes away the rows in front of the first that stays. When the collection starts on the
    /// line of a dash, that one moves up.
    pub(super) fn drop_leading(&mut self, rows: &[Row<'s>], head: &Row<'s>) -> Result<(), Trouble> {
        let Some(first) = rows.first() else {
            return Ok(());
        };
        let start = line_start(self.text, first.begin);
        let end = |row: &Row<'_>| line_stop(self.text, stop(self.doc, row.value));
        if is_blank(self.text, start, first.begin) {
            for row in rows {
                self.splice_row(row, line_next(self.text, end(row)))?;
            }
            return Ok(());
        }
        let nexts = rows.iter().skip(1).chain([head]);
        let mut gaps = rows.iter().zip(nexts);
        if gaps.all(|(row, next)| is_blank(self.text, end(row), next.begin)) {
            return self.splice(first.begin, head.begin, "");
        }
        // Comments stand between: they keep their lines, and the dash stays alone.
        let before = lines::between(self.text, start, first.begin).trim_end_matches(' ');
        self.splice(start + before.len(), end(first), "")?;
        for row in rows.iter().skip(1) {
            self.splice_row(row, line_next(self.text, end(row)))?;
        }
        Ok(())
    }

    /// Takes away a row behind one that stays. `run` is the head of the first of the rows in a row
    /// that go.
    pub(super) fn drop_row(
        &mut self,
        row: &Row<'s>,
        run: NodeId,
        frame: Frame,
    ) -> Result<(), Trouble> {
        let next = line_next(self.text, line_stop(self.text, stop(self.doc, row.value)));
        let before = run.checked_sub(1);
        let scalar = before.filter(|&id| lines::is_block_scalar(self.doc, id));
        let end = scalar.map_or(next, |id| self.swallowed(next, id, frame));
        self.splice_row(row, end)
    }

    fn splice_row(&mut self, row: &Row<'s>, end: usize) -> Result<(), Trouble> {
        let start = line_start(self.text, row.begin);
        match is_blank(self.text, start, row.begin) {
            true => self.splice(start, end, ""),
            false => Err(Trouble::Unfit),
        }
    }

    /// The end of the lines that would become part of a block scalar once nothing stands between:
    /// comments deeper than the collection, and blank lines when the scalar keeps them (`|+`).
    fn swallowed(&self, from: usize, scalar: NodeId, frame: Frame) -> usize {
        let header = lines::between(
            self.text,
            self.doc.node(scalar).raw().start as usize,
            lines::header_end(self.doc, scalar),
        );
        let keeps = header.contains('+');
        let (mut line, mut end) = (from, from);
        while line < self.text.len() {
            let stop = line_stop(self.text, line);
            let blank = is_blank(self.text, line, stop);
            let comment = comment_indent(self.text, line);
            if !blank && comment.is_none() {
                break;
            }
            line = line_next(self.text, stop);
            if (blank && keeps) || comment.is_some_and(|indent| indent > frame.column) {
                end = line;
            }
        }
        end
    }
}
