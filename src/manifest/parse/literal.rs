//! Block scalars, `|` and `>`: `yaml_parser_scan_block_scalar`. Their text is decoded later, by
//! [`crate::manifest::scalar`]; here only their lines are found.

use super::super::error::{Step, fail};
use super::super::tape::{FLAG_ESCAPED, FLAG_MULTILINE, Kind, RawNode, Style};
use super::Parser;
use super::chars::{self, is_break};
use super::props::Props;

impl Parser<'_> {
    /// `|` or `>` with its lines.
    pub(super) fn block_scalar(&mut self, props: &Props) -> Step<()> {
        let raw = self.block_text()?;
        self.push_atom(raw, props)
    }

    /// A block scalar, not yet on the tape: `yaml_parser_scan_block_scalar`.
    pub(super) fn block_text(&mut self) -> Step<RawNode> {
        let start = self.pos;
        let style = match self.byte() {
            b'|' => Style::Literal,
            _ => Style::Folded,
        };
        let mut raw = self.raw(Kind::Scalar, style, start);
        raw.flags = FLAG_MULTILINE | FLAG_ESCAPED;
        let (keep, given) = self.block_header()?;
        let mut body = match given {
            0 => 0,
            given => self.indent.max(0) as usize + given,
        };
        let mut end = self.pos; // after the last line break that counts
        let mut tail = self.block_breaks(&mut body)?;
        while self.pos - self.line == body && !self.at_end() {
            let line_end = self.line_end(self.pos);
            self.pos = self.after_break(line_end);
            end = self.pos;
            tail = end;
            if line_end == self.pos {
                break; // the text ends without a line break
            }
            self.line = self.pos;
            tail = self.block_breaks(&mut body)?.max(tail);
        }
        self.allowed = true;
        raw.end = if keep { tail } else { end } as u32;
        let Ok(body) = u16::try_from(body) else {
            return fail(start, "a block scalar indented by more than 65,535 columns");
        };
        raw.body = body;
        Ok(raw)
    }

    /// The rest of the indicator's line: whether trailing breaks are kept, and the indentation if it
    /// is given.
    fn block_header(&mut self) -> Step<(bool, usize)> {
        let (mut keep, mut given) = (false, 0);
        self.pos += 1;
        let chomp = |b: u8| matches!(b, b'+' | b'-');
        if chomp(self.byte()) {
            keep = self.byte() == b'+';
            self.pos += 1;
        }
        if self.byte().is_ascii_digit() {
            given = usize::from(self.byte() - b'0');
            if given == 0 {
                return fail(self.pos, "an indentation indicator of 0");
            }
            self.pos += 1;
            let before = self.at(self.pos - 2);
            if !chomp(before) && chomp(self.byte()) {
                keep = self.byte() == b'+';
                self.pos += 1;
            }
        }
        self.skip_blanks();
        if self.byte() == b'#' {
            self.pos = self.line_end(self.pos);
        }
        if !is_break(self.byte()) && !self.at_end() {
            return fail(self.pos, "text after a block scalar's indicator");
        }
        let line_end = self.pos;
        self.pos = self.after_break(line_end);
        if self.pos > line_end {
            self.line = self.pos;
        }
        Ok((keep, given))
    }

    /// Over indentation and empty lines, `yaml_parser_scan_block_scalar_breaks`; finds the
    /// indentation when it is not known yet. Gives the offset after the last empty line.
    fn block_breaks(&mut self, body: &mut usize) -> Step<usize> {
        let mut deepest = 0;
        let mut end = self.pos;
        loop {
            let token = chars::after_spaces(self.src, self.pos);
            self.pos = match *body {
                0 => token,
                body => token.min(self.line + body).max(self.pos),
            };
            let column = self.pos - self.line;
            deepest = deepest.max(column);
            if (*body == 0 || column < *body) && self.byte() == b'\t' {
                return fail(self.pos, "a tab in the indentation of a block scalar");
            }
            if !is_break(self.byte()) {
                break;
            }
            self.pos = self.after_break(self.pos);
            self.line = self.pos;
            end = self.pos;
        }
        if *body == 0 {
            *body = deepest.max((self.indent + 1).max(1) as usize);
        }
        Ok(end)
    }
}
