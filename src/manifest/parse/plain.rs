//! Plain scalars: `yaml_parser_scan_plain_scalar`.

use super::super::error::{Step, fail};
use super::super::tape::{FLAG_ESCAPED, FLAG_MULTILINE, Kind, RawNode, Style};
use super::chars::{self, NO_PLAIN_START, is_blankz, is_break, is_flow_end};
use super::{Parser, marker_at};

impl Parser<'_> {
    /// A plain scalar in block context at `self.pos`. Leaves the position at the next token, at a
    /// comment, or at the `:` that ended it, with the blanks and line ends before it gone over.
    #[inline(always)]
    pub(super) fn plain(&mut self) -> Step<RawNode> {
        self.check_plain_start(false)?;
        self.plain_text()
    }

    /// [`Parser::plain`] where its first byte is known to be one that can start it.
    #[inline(always)]
    pub(super) fn plain_text(&mut self) -> Step<RawNode> {
        let mut raw = self.raw(Kind::Scalar, Style::Plain, self.pos);
        loop {
            self.allowed = false;
            raw.end = self.plain_line() as u32;
            if self.plain_ends() || !is_break(self.byte()) || !self.plain_goes_on(false)? {
                return Ok(raw);
            }
            raw.flags = FLAG_MULTILINE | FLAG_ESCAPED;
        }
    }

    /// A plain scalar in flow context, as [`Parser::plain`]; the flow indicators end it too.
    pub(super) fn plain_in_flow(&mut self) -> Step<RawNode> {
        self.check_plain_start(true)?;
        let mut raw = self.raw(Kind::Scalar, Style::Plain, self.pos);
        loop {
            raw.end = self.plain_flow_line() as u32;
            if !is_break(self.byte()) || !self.plain_goes_on(true)? {
                return Ok(raw);
            }
            raw.flags = FLAG_MULTILINE | FLAG_ESCAPED;
        }
    }

    #[inline]
    fn check_plain_start(&self, flow: bool) -> Step<()> {
        let next = self.at(self.pos + 1);
        let fine = match self.byte() {
            b'-' => !is_blankz(next),
            b'?' | b':' => !flow && !is_blankz(next),
            b => !NO_PLAIN_START[b as usize],
        };
        if fine {
            return Ok(());
        }
        let reason = match self.byte() {
            b'\t' => "a tab where indentation is expected",
            0 => "the text ends where a value is expected",
            _ => "a character that cannot start a value",
        };
        fail(self.pos, reason)
    }

    /// One line of a plain scalar in block context. Gives where its text ends and leaves the
    /// position at what ended it: a line end, ` #`, or a `:` before a blank.
    #[inline(always)]
    fn plain_line(&mut self) -> usize {
        let from = self.pos;
        let mut at = from;
        loop {
            at = chars::plain_stop(self.src, at);
            match self.at(at) {
                b':' if !is_blankz(self.at(at + 1)) => at += 1,
                b'#' if !matches!(self.at(at - 1), b' ' | b'\t') => at += 1,
                b'\n' => {
                    at -= usize::from(self.at(at - 1) == b'\r');
                    break;
                }
                _ => break,
            }
        }
        self.pos = at;
        self.without_blanks(from, at)
    }

    /// One line of a plain scalar in flow context, where the flow indicators end it too.
    fn plain_flow_line(&mut self) -> usize {
        let from = self.pos;
        let mut at = from;
        loop {
            match self.at(at) {
                b'\n' | b'\r' => break,
                b':' if is_blankz(self.at(at + 1)) => break,
                b'#' if at > from && matches!(self.at(at - 1), b' ' | b'\t') => break,
                b if is_flow_end(b) => break,
                0 if at >= self.src.len() => break,
                _ => at += 1,
            }
        }
        self.pos = at;
        self.without_blanks(from, at)
    }

    /// `end` moved to the left over blanks, but not before `from`.
    #[inline(always)]
    fn without_blanks(&self, from: usize, end: usize) -> usize {
        let mut end = end;
        while end > from && matches!(self.at(end - 1), b' ' | b'\t') {
            end -= 1;
        }
        end
    }

    /// The usual end of a plain scalar in block context: a line feed, and a next line that starts too
    /// far left to belong to it. Goes to the token there.
    #[inline(always)]
    fn plain_ends(&mut self) -> bool {
        let line = self.pos + 1;
        let token = chars::after_spaces(self.src, line);
        let ends = self.byte() == b'\n'
            && (token - line) as isize <= self.indent
            && !is_blankz(self.at(token));
        if ends {
            self.line = line;
            self.pos = token;
            self.allowed = true;
        }
        ends
    }

    /// At a line end inside a plain scalar: goes over empty lines and indentation, and says whether
    /// the scalar goes on there.
    fn plain_goes_on(&mut self, flow: bool) -> Step<bool> {
        let least = self.indent + 1;
        let mut at = self.pos;
        while is_break(self.at(at)) {
            at = self.after_break(at);
            self.line = at;
            at = chars::after_spaces(self.src, at);
            while self.at(at) == b'\t' {
                if ((at - self.line) as isize) < least {
                    return fail(at, "a tab where indentation is expected");
                }
                at = chars::after_spaces(self.src, at + 1);
            }
        }
        self.pos = at;
        self.allowed = true;
        if self.at_end() || (!flow && self.column() < least) {
            return Ok(false);
        }
        if self.pos == self.line && marker_at(self.src, self.pos) {
            return Ok(false);
        }
        Ok(match self.byte() {
            b'#' => false,
            b':' if is_blankz(self.at(self.pos + 1)) => false,
            b => !(flow && is_flow_end(b)),
        })
    }
}
