//! One finding as a block of lines: title, place, quoted line, notes.

use std::borrow::Cow;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

/// What a block says.
pub(super) struct Block<'a> {
    pub level: Level<'static>,
    /// What `level` is called.
    pub name: &'static str,
    pub policy: &'a str,
    pub message: Cow<'a, str>,
    /// What the input is called.
    pub input: &'a str,
    pub line: usize,
    pub column: usize,
    /// The line up to where the quote ends, and the bytes to mark.
    pub quote: Option<(&'a str, Range<usize>)>,
    /// The lines below, each with its name.
    pub notes: Vec<(&'static str, Cow<'a, str>)>,
}

impl Block<'_> {
    /// The block as text, without a line ending at its end.
    pub(super) fn render(&self, color: bool) -> String {
        match color {
            false if self.is_simple() => self.simple(),
            false => self.drawn(&Renderer::plain()),
            true => self.drawn(&Renderer::styled()),
        }
    }

    /// By the library, which knows about colours, wide characters, tabs and long lines.
    fn drawn(&self, renderer: &Renderer) -> String {
        let title = self.level.clone().primary_title(self.message.as_ref());
        let group = Group::with_title(title.id(self.policy));
        let place;
        let mut group: Group<'_> = match &self.quote {
            None => {
                place = format!("{}:{}:{}", self.input, self.line, self.column);
                group.element(Origin::path(place.as_str()))
            }
            Some((line, mark)) => {
                let snippet = Snippet::source(*line)
                    .line_start(self.line)
                    .path(self.input)
                    .annotation(AnnotationKind::Primary.span(mark.clone()));
                group.element(snippet)
            }
        };
        for (name, text) in &self.notes {
            group = group.element(Level::NOTE.with_name(*name).message(text.as_ref()));
        }
        renderer.render(&[group])
    }

    /// Whether the text is laid out as it stands: printable ASCII, and a quoted line that needs no
    /// cutting.
    fn is_simple(&self) -> bool {
        const WIDEST: usize = 100;
        let printable = |text: &str| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
        };
        let quote = |(line, mark): &(&str, Range<usize>)| {
            mark.start < mark.end
                && mark.end <= line.len()
                && line.len() <= WIDEST
                && printable(line)
                && !line.ends_with(' ')
        };
        self.quote.as_ref().is_none_or(quote)
            && [self.policy, &self.message, self.input]
                .into_iter()
                .all(printable)
            && !self.notes.is_empty()
            && self.notes.iter().all(|(_, text)| printable(text))
    }

    /// The same as [`Block::drawn`] for what [`Block::is_simple`], in a twentieth of the time:
    /// a large release can have thousands of warnings. A test holds the two against each other.
    fn simple(&self) -> String {
        let column = self
            .quote
            .as_ref()
            .map_or(self.column, |(_, mark)| mark.start + 1)
            .to_string();
        let number = self.line.to_string();
        // Without a line to quote, its number takes no room.
        let margin = " ".repeat(self.quote.as_ref().map_or(0, |_| number.len()));
        let mut out = String::with_capacity(512);
        out.extend([self.name, "[", self.policy, "]: ", &self.message, "\n"]);
        out.extend([
            &margin, "--> ", self.input, ":", &number, ":", &column, "\n",
        ]);
        if let Some((line, mark)) = &self.quote {
            let (indent, marks) = (" ".repeat(mark.start), "^".repeat(mark.len()));
            out.extend([&margin, " |\n", &number, " | ", line, "\n"]);
            out.extend([&margin, " | ", &indent, &marks, "\n", &margin, " |\n"]);
        }
        for (n, (name, text)) in self.notes.iter().enumerate() {
            let end = if n == 0 { "" } else { "\n" };
            out.extend([end, &margin, " = ", name, ": ", text]);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is taken for simple is laid out as the library does it.
        #[test]
        fn simple_blocks_look_as_if_drawn(
            message in "[ -~é]{1,40}",
            quoted in proptest::option::of(("[ -~]{1,110}", 0..110_usize, 1..110_usize)),
            notes in proptest::collection::vec("[ -~]{0,150}", 0..5),
            line in prop_oneof![1..12_usize, 90..110_usize, 9990..10010_usize],
            column in 1..200_usize,
        ) {
            let mark = |(text, start, length): &(String, usize, usize)| {
                let start = start % text.len();
                start..(start + length).min(text.len())
            };
            let block = Block {
                level: Level::WARNING,
                name: "warning",
                policy: "images/user",
                message: message.as_str().into(),
                input: "stdin",
                line,
                column,
                quote: quoted.as_ref().map(|own| (own.0.as_str(), mark(own))),
                notes: notes.iter().map(|own| ("field", own.as_str().into())).collect(),
            };
            if block.is_simple() {
                prop_assert_eq!(block.simple(), block.drawn(&Renderer::plain()));
            }
        }
    }
}
