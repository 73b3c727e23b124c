//! New lines in a block collection.

use crate::manifest::emit;

use super::block::Frame;
use super::lines::{self, comment_indent, line_next, line_stop, stop};
use super::plan::{Added, Row};
use super::splice::{Trouble, Writer};

/// Few new lines are longer.
const USUAL_LINE: usize = 60;

impl<'s> Writer<'s> {
    /// Items in front of the first that stays.
    pub(super) fn insert_in_front<'a>(
        &mut self,
        head: &Row<'s>,
        added: impl Iterator<Item = &'a Added<'s>>,
        frame: Frame,
    ) -> Result<(), Trouble>
    where
        's: 'a,
    {
        let eol = lines::eol(self.text, head.begin);
        for new in added {
            let mut text = String::new();
            self.render(&mut text, new, frame, head.begin)?;
            text.push_str(eol);
            emit::indent(&mut text, frame.column);
            self.splice(head.begin, head.begin, text)?;
        }
        Ok(())
    }

    /// Members or items behind a row and the comments that belong to it.
    pub(super) fn insert_behind(
        &mut self,
        row: &Row<'s>,
        added: &[Added<'s>],
        frame: Frame,
    ) -> Result<(), Trouble> {
        let end = line_stop(self.text, stop(self.doc, row.value));
        let eol = lines::eol(self.text, end);
        let at = match row.stays() {
            true => self.end_of_comments(end, frame),
            false => line_next(self.text, end),
        };
        let at = at.max(self.written());
        // Where lines were taken away with their ending, new ones start right here.
        let fresh = self.starts_line(at);
        if at == self.text.len() && !fresh {
            self.close_last_scalar()?;
        }
        let mut text = String::with_capacity(added.len() * (frame.column + USUAL_LINE));
        for new in added {
            if !fresh {
                text.push_str(eol);
            }
            emit::indent(&mut text, frame.column);
            self.render(&mut text, new, frame, end)?;
            if fresh {
                text.push_str(eol);
            }
        }
        self.splice(at, at, text)
    }

    /// The end of the comment lines that follow a row at its own depth or deeper.
    fn end_of_comments(&self, end: usize, frame: Frame) -> usize {
        let mut end = end;
        loop {
            let next = line_next(self.text, end);
            match comment_indent(self.text, next) {
                Some(indent) if indent >= frame.comments => end = line_stop(self.text, next),
                _ => return end,
            }
        }
    }

    /// A block scalar that ends with the text, without a line ending, has none in its value
    /// either. When lines follow it has to say so: `|-`.
    fn close_last_scalar(&mut self) -> Result<(), Trouble> {
        let last = self.doc.root().map_or(0, |root| root.raw().next);
        let Some(id) = last.checked_sub(1) else {
            return Ok(());
        };
        let raw = self.doc.node(id).raw();
        let header = lines::header_end(self.doc, id);
        let ends = raw.end as usize == self.text.len() && !self.text.ends_with('\n');
        if !ends || !lines::is_block_scalar(self.doc, id) || (raw.start as usize) < self.written() {
            return Ok(());
        }
        let indicators = lines::between(self.text, raw.start as usize, header);
        let digits = indicators.replace(['+', '-'], "");
        self.splice(raw.start as usize, header, digits + "-")
    }

    /// Appends a new member or item, its first line without indentation.
    fn render(
        &self,
        text: &mut String,
        new: &Added<'_>,
        frame: Frame,
        at: usize,
    ) -> Result<(), Trouble> {
        // Finding out how the neighbours are laid out is only needed for more than one line.
        let layout = |column| match emit::is_inline(&new.value) {
            true => emit::Layout::of_one_line(column),
            false => self.layout(column, at),
        };
        match &new.key {
            Some(key) => emit::member(text, key, &new.value, layout(frame.column))?,
            None => {
                text.push('-');
                emit::indent(text, frame.dash - 1);
                emit::block(text, &new.value, layout(frame.column + frame.dash))?;
            }
        }
        Ok(())
    }
}
