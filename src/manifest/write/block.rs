//! Edits of block maps and block lists: whole lines come and go, the others stay.

use crate::manifest::emit;
use crate::manifest::overlay::{MapSlot, SeqSlot};
use crate::manifest::tape::NodeId;

use super::lines::{self, begin, comment_indent, is_blank, line_next, line_start, line_stop, stop};
use super::plan::{Added, Fate, Plan, Row};
use super::splice::{Context, Place, Trouble, Writer};

/// A row and where it begins: at its key, or at its dash.
#[derive(Clone, Copy)]
struct Line<'s> {
    row: Row<'s>,
    begin: usize,
}

/// The block collection being edited.
#[derive(Clone, Copy)]
struct Frame {
    /// Column of its keys or dashes.
    column: usize,
    /// Bytes from a dash to what follows it; 0 for a map.
    dash: usize,
    /// Least indentation of a comment behind the last row that still belongs to the collection.
    comments: usize,
}

impl<'s> Writer<'s> {
    /// Edits a block map.
    pub(super) fn block_map(&mut self, place: Place, map: &'s MapSlot) -> Result<(), Trouble> {
        let plan = Plan::of_map(self.doc, map);
        if !plan.has_rows() {
            return self.value(place, &plan.added_value(true));
        }
        let doc = self.doc;
        let rows = plan.rows.iter().map(|&row| Line {
            row,
            begin: begin(doc, row.head),
        });
        let column = lines::column(self.text, lines::start(doc, map.base));
        let frame = Frame {
            column,
            dash: 0,
            comments: column,
        };
        self.around.push(map.base);
        self.lines(&rows.collect::<Vec<_>>(), &plan.added, frame)?;
        self.around.pop();
        Ok(())
    }

    /// Edits a block list.
    pub(super) fn block_seq(&mut self, place: Place, seq: &'s SeqSlot) -> Result<(), Trouble> {
        let plan = Plan::of_seq(self.doc, seq);
        if !plan.has_rows() {
            return self.value(place, &plan.added_value(false));
        }
        let rows = self.dashes(seq.base, &plan.rows)?;
        let column = lines::column(self.text, self.doc.node(seq.base).raw().start as usize);
        // A comment in the column of the key above belongs to the next key.
        let hanging = matches!(place.context, Context::Member { column: key } if key == column);
        let frame = Frame {
            column,
            dash: self.dash_width(&rows),
            comments: column + usize::from(hanging),
        };
        self.lines(&rows, &plan.added, frame)
    }

    /// Finds each item's dash: the first thing on a line after the item before it.
    fn dashes(&self, seq: NodeId, rows: &[Row<'s>]) -> Result<Vec<Line<'s>>, Trouble> {
        let mut begin = self.doc.node(seq).raw().start as usize;
        let mut found = Vec::with_capacity(rows.len());
        for (n, &row) in rows.iter().enumerate() {
            if n > 0 {
                begin = self.first_content(begin);
            }
            if self.text.as_bytes().get(begin) != Some(&b'-') {
                return Err(Trouble::Unfit);
            }
            found.push(Line { row, begin });
            begin = line_next(self.text, stop(self.doc, row.value));
        }
        Ok(found)
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
    fn dash_width(&self, rows: &[Line<'s>]) -> usize {
        let width = |line: &Line<'_>| {
            let value = begin(self.doc, line.row.value);
            let blanks = lines::between(self.text, line.begin + 1, value);
            let usual = (1..=8).contains(&blanks.len()) && blanks.bytes().all(|b| b == b' ');
            usual.then_some(blanks.len() + 1)
        };
        rows.iter().find_map(width).unwrap_or(2)
    }

    /// Edits the rows of a collection, at least one of which stays.
    fn lines(
        &mut self,
        rows: &[Line<'s>],
        added: &[Added<'s>],
        frame: Frame,
    ) -> Result<(), Trouble> {
        let first = rows.iter().position(|line| line.row.stays());
        let Some((leading, rows)) = first.and_then(|n| rows.split_at_checked(n)) else {
            return Err(Trouble::Unfit);
        };
        let Some((head, _)) = rows.split_first() else {
            return Err(Trouble::Unfit);
        };
        self.drop_leading(leading, head)?;
        let front = added.iter().filter(|a| a.at <= leading.len());
        let map = frame.dash == 0;
        if !map {
            self.insert_in_front(head, front, frame)?;
        }
        let mut run = None;
        for (n, line) in rows.iter().enumerate() {
            match line.row.fate {
                Fate::Keep => {}
                Fate::Edit(slot) => {
                    let place = self.place(line, frame)?;
                    self.slot(place, slot)?;
                }
                Fate::Remove => {
                    let head = *run.get_or_insert(line.row.head);
                    self.drop_line(line, head, frame)?;
                }
            }
            if line.row.stays() {
                run = None;
            }
            let behind = leading.len() + n + 1;
            let here: Vec<_> = added.iter().filter(|a| a.at == behind).collect();
            self.insert_behind(line, &here, frame)?;
        }
        Ok(())
    }

    fn place(&self, line: &Line<'s>, frame: Frame) -> Result<Place, Trouble> {
        let node = line.row.value;
        if frame.dash > 0 {
            return Ok(Place {
                after: line.begin + 1,
                node,
                context: Context::Item,
            });
        }
        let end = self.doc.node(line.row.head).raw().end as usize;
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
                    column: frame.column,
                },
            }),
            // An explicit `? key`.
            _ => Err(Trouble::Unfit),
        }
    }

    /// Takes away the rows in front of the first that stays. When the collection starts on the
    /// line of a dash, that one moves up.
    fn drop_leading(&mut self, rows: &[Line<'s>], head: &Line<'s>) -> Result<(), Trouble> {
        let Some(first) = rows.first() else {
            return Ok(());
        };
        let start = line_start(self.text, first.begin);
        let end = |line: &Line<'_>| line_stop(self.text, stop(self.doc, line.row.value));
        if is_blank(self.text, start, first.begin) {
            for line in rows {
                self.splice_line(line, line_next(self.text, end(line)))?;
            }
            return Ok(());
        }
        let nexts = rows.iter().skip(1).chain([head]);
        let mut gaps = rows.iter().zip(nexts);
        if gaps.all(|(line, next)| is_blank(self.text, end(line), next.begin)) {
            return self.splice(first.begin, head.begin, "");
        }
        // Comments stand between: they keep their lines, and the dash stays alone.
        let before = lines::between(self.text, start, first.begin).trim_end_matches(' ');
        self.splice(start + before.len(), end(first), "")?;
        for line in rows.iter().skip(1) {
            self.splice_line(line, line_next(self.text, end(line)))?;
        }
        Ok(())
    }

    /// Takes away a row behind one that stays. `run` is the head of the first of the rows in a row
    /// that go.
    fn drop_line(&mut self, line: &Line<'s>, run: NodeId, frame: Frame) -> Result<(), Trouble> {
        let next = line_next(
            self.text,
            line_stop(self.text, stop(self.doc, line.row.value)),
        );
        let before = run.checked_sub(1);
        let scalar = before.filter(|&id| lines::is_block_scalar(self.doc, id));
        let end = scalar.map_or(next, |id| self.swallowed(next, id, frame));
        self.splice_line(line, end)
    }

    fn splice_line(&mut self, line: &Line<'s>, end: usize) -> Result<(), Trouble> {
        let start = line_start(self.text, line.begin);
        match is_blank(self.text, start, line.begin) {
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

    /// Items in front of the first that stays.
    fn insert_in_front<'a>(
        &mut self,
        head: &Line<'s>,
        added: impl Iterator<Item = &'a Added<'s>>,
        frame: Frame,
    ) -> Result<(), Trouble>
    where
        's: 'a,
    {
        let layout = self.layout(frame.column, head.begin);
        for new in added {
            let mut text = self.render(new, frame, head.begin)?;
            emit::new_line(&mut text, layout);
            self.splice(head.begin, head.begin, text)?;
        }
        Ok(())
    }

    /// Members or items behind a row and the comments that belong to it.
    fn insert_behind(
        &mut self,
        line: &Line<'s>,
        added: &[&Added<'s>],
        frame: Frame,
    ) -> Result<(), Trouble> {
        if added.is_empty() {
            return Ok(());
        }
        let end = line_stop(self.text, stop(self.doc, line.row.value));
        let eol = lines::eol(self.text, end);
        let at = match line.row.stays() {
            true => self.end_of_comments(end, frame),
            false => line_next(self.text, end),
        };
        let at = at.max(self.written());
        // Where lines were taken away with their ending, new ones start right here.
        let fresh = self.starts_line(at);
        if at == self.text.len() && !fresh {
            self.close_last_scalar()?;
        }
        for new in added {
            let content = self.render(new, frame, end)?;
            let mut text = String::with_capacity(content.len() + frame.column + 2);
            if !fresh {
                text.push_str(eol);
            }
            emit::indent(&mut text, frame.column);
            text.push_str(&content);
            if fresh {
                text.push_str(eol);
            }
            self.splice(at, at, text)?;
        }
        Ok(())
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

    fn render(&self, new: &Added<'_>, frame: Frame, at: usize) -> Result<String, Trouble> {
        let mut text = String::new();
        match &new.key {
            Some(key) => {
                emit::member(&mut text, key, &new.value, self.layout(frame.column, at))?;
            }
            None => {
                text.push('-');
                emit::indent(&mut text, frame.dash - 1);
                let layout = self.layout(frame.column + frame.dash, at);
                emit::block(&mut text, &new.value, layout)?;
            }
        }
        Ok(text)
    }
}
