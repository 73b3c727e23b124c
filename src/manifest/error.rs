//! Why a document is refused, and where.

use std::borrow::Cow;

/// The first thing in a document that cannot be read, or that Go would read differently from what
/// its author sees.
///
/// The message is a lower-case fragment that fits after "cannot read …: ". It never quotes a value
/// of the document, which may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct ParseError {
    /// Byte offset into the text that was handed to the parser.
    pub offset: usize,
    /// What is wrong there.
    pub reason: Cow<'static, str>,
}

/// The result of one step of the parser. Boxed, so that the common case stays one word.
pub(super) type Step<T> = Result<T, Box<ParseError>>;

/// An error at `offset`; out of line, so that the parser's hot paths stay small.
#[cold]
#[inline(never)]
pub(super) fn fail<T>(offset: usize, reason: impl Into<Cow<'static, str>>) -> Step<T> {
    Err(Box::new(ParseError {
        offset,
        reason: reason.into(),
    }))
}

/// Line and column of a byte offset, both from 1; the column counts characters.
///
/// An offset past the end gives the end; one inside a character gives that character.
pub fn line_column(text: &str, offset: usize) -> (usize, usize) {
    Lines::new(text).line_column(offset)
}

/// Lines and columns of many places in one text: each is counted from the one before, for they
/// mostly come in order, and a list of thousands of objects can have as many findings.
#[derive(Clone, Debug)]
pub struct Lines<'t> {
    text: &'t str,
    offset: usize,
    line: usize,
}

impl<'t> Lines<'t> {
    /// The lines of a text.
    pub fn new(text: &'t str) -> Lines<'t> {
        Lines {
            text,
            offset: 0,
            line: 1,
        }
    }

    /// See [`line_column`].
    pub fn line_column(&mut self, offset: usize) -> (usize, usize) {
        let offset = self.text.floor_char_boundary(offset.min(self.text.len()));
        let bytes = self.text.as_bytes();
        let breaks = |from: usize, to: usize| {
            let between = bytes.get(from..to).unwrap_or_default();
            memchr::memchr_iter(b'\n', between).count()
        };
        self.line = match offset < self.offset {
            true => self.line - breaks(offset, self.offset),
            false => self.line + breaks(self.offset, offset),
        };
        self.offset = offset;
        let before = self.text.get(..offset).unwrap_or_default();
        let line_start = memchr::memrchr(b'\n', before.as_bytes()).map_or(0, |at| at + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        (self.line, column)
    }
}

#[cfg(test)]
mod tests {
    use super::{Lines, line_column};

    #[test]
    fn lines_and_columns_count_from_one_in_characters() {
        let text = "a: 1\nbé: ü\n";
        let mut lines = Lines::new(text);
        for (offset, want) in [
            (0, (1, 1)),
            (3, (1, 4)),
            (4, (1, 5)),
            (5, (2, 1)),
            (8, (2, 3)),
            (7, (2, 2)), // inside é: the character itself
            (10, (2, 5)),
            (100, (3, 1)),
        ] {
            assert_eq!(line_column(text, offset), want, "offset {offset}");
            assert_eq!(
                lines.line_column(offset),
                want,
                "offset {offset} after another"
            );
        }
    }
}
