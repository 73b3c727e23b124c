//! A new value in the place of an old one.

use serde_json::Value;

use crate::manifest::emit::{self, Flow};
use crate::manifest::tape::{Kind, Style};

use super::lines::{self, begin, line_stop, props_end, stop};
use super::splice::{Context, Place, Trouble, Writer};

impl Writer<'_> {
    /// Writes a value over the one at a place.
    pub(super) fn value(&mut self, place: Place, value: &Value) -> Result<(), Trouble> {
        let raw = self.doc.node(place.node).raw();
        let collection = matches!(raw.kind, Kind::Map | Kind::Seq);
        let flow = match place.context {
            Context::Flow(flow) => Some(flow),
            // A list or map on one line stays one.
            _ if collection && raw.style == Style::Flow && raw.next > place.node + 1 => {
                Some(self.flow_style(place.node, Flow::default()))
            }
            _ => None,
        };
        if let Some(flow) = flow {
            let mut text = String::new();
            emit::flow(&mut text, value, flow)?;
            self.inline(place, &text)
        } else if emit::is_inline(value) {
            let mut text = String::new();
            emit::flow(&mut text, value, Flow::default())?;
            self.inline(place, &text)
        } else {
            self.block(place, value)
        }
    }

    /// Writes text of one line in the place of the old value.
    fn inline(&mut self, place: Place, text: &str) -> Result<(), Trouble> {
        let (doc, node) = (self.doc, place.node);
        let raw = doc.node(node).raw();
        let (first, start, end) = (begin(doc, node), raw.start as usize, stop(doc, node));
        match raw.style {
            Style::Empty if first == start => self.fill(place, text),
            _ if self.moves_up(place) => {
                let line = self.drop_props(place, &format!(" {text}"))?;
                self.splice(line, self.end(place), "")
            }
            Style::Literal | Style::Folded => {
                let header = lines::header_end(doc, node);
                self.splice(first, header, text)?;
                self.splice(line_stop(self.text, header), end.max(header), "")
            }
            Style::Block => self.splice(first, line_stop(self.text, end), text),
            _ => self.splice(first, raw.end as usize, text),
        }
    }

    /// Writes text of one line where there is none, behind a `:` or a `-`.
    fn fill(&mut self, place: Place, text: &str) -> Result<(), Trouble> {
        let at = lines::start(self.doc, place.node);
        let bytes = self.text.as_bytes();
        let colon = bytes.get(..at).is_some_and(|before| before.ends_with(b":"));
        let blank = bytes.get(at) == Some(&b' ');
        let used = matches!(bytes.get(at + 1), None | Some(b' ' | b'#'));
        match place.context {
            Context::Root => self.splice(at, at, text),
            // A key in a flow map may stand alone.
            Context::Flow(_) if !colon => self.splice(at, at, format!(": {text}")),
            _ if blank && !used => self.splice(at + 1, at + 1, text),
            _ => self.splice(at, at, format!(" {text}")),
        }
    }

    /// Writes a map or list over lines of its own.
    fn block(&mut self, place: Place, value: &Value) -> Result<(), Trouble> {
        match place.context {
            Context::Member { column } => self.block_below(place, value, column),
            _ => self.block_behind(place, value),
        }
    }

    /// The value of a key: its lines follow the key's line, whose comment stays.
    fn block_below(&mut self, place: Place, value: &Value, column: usize) -> Result<(), Trouble> {
        let (doc, node) = (self.doc, place.node);
        let end = stop(doc, node);
        let layout = self.layout(column, place.after);
        let deeper = if value.is_array() {
            layout.seq_step
        } else {
            layout.step
        };
        let layout = emit::Layout {
            column: column + deeper,
            ..layout
        };
        let mut text = String::new();
        emit::new_line(&mut text, layout);
        emit::block(&mut text, value, layout)?;
        match doc.node(node).raw().style {
            Style::Block if self.starts_below(place) => {
                let line = self.drop_props(place, "")?;
                self.splice(line, line_stop(self.text, end), text)
            }
            Style::Block => self.splice(place.after, line_stop(self.text, end), text),
            Style::Literal | Style::Folded => {
                let header = lines::header_end(doc, node);
                self.splice(place.after, header, "")?;
                self.splice(line_stop(self.text, header), end.max(header), text)
            }
            _ if self.starts_below(place) => {
                // `{}` on a line of its own, as `toYaml | nindent` writes it.
                let line = self.drop_props(place, "")?;
                self.splice(line, end, text)
            }
            _ => {
                self.splice(place.after, end, "")?;
                let line = line_stop(self.text, end);
                self.splice(line, line, text)
            }
        }
    }

    /// An item or the root: the first line of the value shares the line with what is before it.
    fn block_behind(&mut self, place: Place, value: &Value) -> Result<(), Trouble> {
        let (doc, node) = (self.doc, place.node);
        let item = matches!(place.context, Context::Item);
        let first = begin(doc, node);
        let gap = if item { self.gap(place) } else { 0 };
        let column = match item {
            true => lines::column(self.text, place.after) + gap,
            false => lines::column(self.text, first),
        };
        let mut text = String::new();
        emit::indent(&mut text, gap);
        emit::block(&mut text, value, self.layout(column, place.after))?;
        let from = if item { place.after } else { first };
        let end = stop(doc, node);
        let end = match doc.node(node).raw().style {
            Style::Block => line_stop(self.text, end),
            _ => end,
        };
        self.splice(from, end, text)
    }

    /// How many blanks stand between a dash and what follows it on its line.
    fn gap(&self, place: Place) -> usize {
        let first = begin(self.doc, place.node);
        match lines::between(self.text, place.after, first) {
            blanks if (1..=8).contains(&blanks.len()) && blanks.bytes().all(|b| b == b' ') => {
                blanks.len()
            }
            _ => 1,
        }
    }

    /// Whether a value starts on a line below its key or dash.
    fn starts_below(&self, place: Place) -> bool {
        let content = lines::start(self.doc, place.node);
        !matches!(place.context, Context::Root) && line_stop(self.text, place.after) < content
    }

    /// Whether text of one line has to stand behind the key or dash although the old value starts
    /// below: where a block collection or a block scalar may stand, other values may not.
    fn moves_up(&self, place: Place) -> bool {
        let block = lines::is_block(self.doc, place.node);
        let left = match place.context {
            Context::Member { column } => {
                lines::column(self.text, begin(self.doc, place.node)) <= column
            }
            _ => false,
        };
        (block || left) && self.starts_below(place)
    }

    /// The end of a value, with the comment behind a block collection's last line.
    fn end(&self, place: Place) -> usize {
        let end = stop(self.doc, place.node);
        match lines::is_block(self.doc, place.node) {
            true => line_stop(self.text, end),
            false => end,
        }
    }

    /// Puts `text` behind the key, takes an anchor or a tag away that stands there, and gives the
    /// end of that line.
    fn drop_props(&mut self, place: Place, text: &str) -> Result<usize, Trouble> {
        let line = line_stop(self.text, place.after);
        let end = match props_end(self.doc, place.node) {
            Some(end) if end <= line => end,
            _ => place.after,
        };
        self.splice(place.after, end, text)?;
        Ok(line)
    }
}
