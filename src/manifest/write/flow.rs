//! Edits of `{…}` and `[…]`, JSON among them: members come and go between the brackets.

use std::borrow::Cow;

use crate::manifest::emit::{self, Flow};
use crate::manifest::overlay::{MapSlot, SeqSlot};
use crate::manifest::tape::{Kind, NodeId, Style};

use super::lines::{self, begin, is_blank, line_start};
use super::plan::{Added, Fate, Plan, Row};
use super::splice::{Context, Place, Trouble, Writer};

/// A member or an item and its stretch of the text.
#[derive(Clone, Copy)]
struct Entry<'s> {
    row: Row<'s>,
    end: usize,
}

impl<'s> Writer<'s> {
    /// Edits a flow map.
    pub(super) fn flow_map(&mut self, place: Place, map: &'s MapSlot) -> Result<bool, Trouble> {
        let plan = Plan::of_map(self.doc, map);
        self.flow_collection(place, &plan, b'{').map(|()| false)
    }

    /// Edits a flow list.
    pub(super) fn flow_seq(&mut self, place: Place, seq: &'s SeqSlot) -> Result<bool, Trouble> {
        let plan = Plan::of_seq(self.doc, seq);
        self.flow_collection(place, &plan, b'[').map(|()| false)
    }

    fn flow_collection(
        &mut self,
        place: Place,
        plan: &Plan<'s>,
        bracket: u8,
    ) -> Result<(), Trouble> {
        if !plan.has_rows() {
            return self.value(place, &plan.added_value(bracket == b'{'));
        }
        let start = self.doc.node(place.node).raw().start as usize;
        if self.text.as_bytes().get(start) != Some(&bracket) {
            // A single pair in a list, `[a: b]`, has no brackets to write between.
            return Err(Trouble::Unfit);
        }
        let outer = match place.context {
            Context::Flow(flow) => flow,
            _ => Flow::default(),
        };
        let style = self.flow_style(place.node, outer);
        let entries: Vec<_> = plan.rows.iter().map(|&row| self.entry(row)).collect();
        self.entries(&entries, &plan.added, style)
    }

    fn entry(&self, row: Row<'s>) -> Entry<'s> {
        let end = |id: NodeId| self.doc.node(id).raw().end as usize;
        Entry {
            row,
            end: end(row.head).max(end(row.value)),
        }
    }

    fn entries(
        &mut self,
        entries: &[Entry<'s>],
        added: &[Added<'s>],
        style: Flow,
    ) -> Result<(), Trouble> {
        let first = entries.iter().position(|entry| entry.row.stays());
        let Some((leading, rest)) = first.and_then(|n| entries.split_at_checked(n)) else {
            return Err(Trouble::Unfit);
        };
        let Some(head) = rest.first() else {
            return Err(Trouble::Unfit);
        };
        if let Some(gone) = leading.first() {
            self.splice(gone.row.begin, head.row.begin, "")?;
        }
        let comma = self.comma(rest, style);
        for new in added.iter().filter(|a| a.at <= leading.len()) {
            let text = render(new, style)? + &comma;
            self.splice(head.row.begin, head.row.begin, text)?;
        }
        let mut before = head.row.begin;
        for (n, entry) in rest.iter().enumerate() {
            match entry.row.fate {
                Fate::Keep => {}
                Fate::Edit(slot) => {
                    let place = Place {
                        after: begin(self.doc, entry.row.value),
                        node: entry.row.value,
                        context: Context::Flow(style),
                        limit: entry.end,
                    };
                    self.slot(place, slot)?;
                }
                Fate::Remove => self.splice(before, entry.end, "")?,
            }
            before = entry.end;
            let behind = leading.len() + n + 1;
            let (at, gap) = self.behind(entry);
            for new in added.iter().filter(|a| a.at == behind) {
                let text = render(new, style)?;
                self.splice(at, at, format!("{gap}{comma}{text}"))?;
            }
        }
        Ok(())
    }

    /// Where a comma can follow an entry, and what has to stand between: the colon of an empty
    /// value must not meet it.
    fn behind(&self, entry: &Entry<'s>) -> (usize, &'static str) {
        let empty = self.doc.node(entry.row.value).raw().style == Style::Empty;
        match self.text.as_bytes().get(entry.end) {
            Some(b' ') if empty && entry.row.stays() => (entry.end + 1, ""),
            _ if empty => (entry.end, " "),
            _ => (entry.end, ""),
        }
    }

    /// What separates a new entry from the one before it: a line of its own where entries have
    /// that.
    fn comma(&self, entries: &[Entry<'s>], style: Flow) -> Cow<'static, str> {
        let Some(last) = entries.last() else {
            return Cow::Borrowed(", ");
        };
        let line = line_start(self.text, last.row.begin);
        if line > 0 && is_blank(self.text, line, last.row.begin) {
            let eol = lines::eol(self.text, line - 1);
            let indent = lines::between(self.text, line, last.row.begin);
            return Cow::Owned(format!(",{eol}{indent}"));
        }
        Cow::Borrowed(if style.tight { "," } else { ", " })
    }

    /// How a flow collection is written: with quotes everywhere when its first key or string has
    /// double quotes, without blanks when its first two entries have none between.
    pub(super) fn flow_style(&self, id: NodeId, outer: Flow) -> Flow {
        let node = self.doc.node(id);
        let mut children = node.children();
        let Some(first) = children.next() else {
            return outer;
        };
        let map = node.raw().kind == Kind::Map;
        let json = match (first.raw().kind, first.raw().style) {
            (Kind::Scalar, Style::Double) => true,
            (Kind::Scalar, Style::Single) => false,
            (Kind::Scalar, _) if map => false,
            _ => outer.json,
        };
        let last = if map { children.next() } else { Some(first) };
        let gap = last.zip(children.next()).map(|(a, b)| {
            let (end, begin) = (a.raw().end as usize, begin(self.doc, b.id()));
            lines::between(self.text, end, begin) == ","
        });
        Flow {
            json,
            tight: gap.unwrap_or(outer.tight),
        }
    }
}

fn render(new: &Added<'_>, style: Flow) -> Result<String, Trouble> {
    let mut text = String::new();
    match &new.key {
        Some(key) => emit::flow_member(&mut text, key, &new.value, style)?,
        None => emit::flow(&mut text, &new.value, style)?,
    }
    Ok(text)
}
