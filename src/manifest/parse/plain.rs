//! Plain scalars: `yaml_parser_scan_plain_scalar`.

use super::super::error::{Step, fail};
use super::super::tape::{FLAG_ESCAPED, FLAG_MULTILINE, Kind, Style};
use super::chars::{is_blankz, is_break, is_flow_end};
use super::{Atom, Parser, marker_at};

impl Parser<'_> {
    /// A plain scalar at `self.pos`. Leaves the position at the next token, at a comment, or at the
    /// `:` or flow indicator that ended it, with the blanks and line ends before it gone over.
    pub(super) fn plain(&mut self, flow: bool) -> Step<Atom> {
        self.check_plain_start(flow)?;
        let mut atom = Atom {
            start: self.pos,
            end: self.pos,
            kind: Kind::Scalar,
            style: Style::Plain,
            flags: 0,
            col: self.column(),
        };
        loop {
            self.allowed = false;
            atom.end = if flow {
                self.plain_flow_line()
            } else {
                self.plain_line()
            };
            if !is_break(self.byte()) || !self.plain_goes_on(flow)? {
                return Ok(atom);
            }
            atom.flags = FLAG_MULTILINE | FLAG_ESCAPED;
        }
    }

    fn check_plain_start(&self, flow: bool) -> Step<()> {
        let next = self.at(self.pos + 1);
        let fine = match self.byte() {
            b'-' => !is_blankz(next),
            b'?' | b':' => !flow && !is_blankz(next),
            b',' | b'[' | b']' | b'{' | b'}' | b'#' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\''
            | b'"' | b'%' | b'@' | b'`' => false,
            b => !is_blankz(b),
        };
        if fine {
            return Ok(());
        }
        let reason = match self.byte() {
            b'\t' => "a tab where indentation is expected",
            b'-' => "a list cannot start here",
            0 => "the text ends where a value is expected",
            _ => "a character that cannot start a value",
        };
        fail(self.pos, reason)
    }

    /// One line of a plain scalar in block context. Gives where its text ends and leaves the
    /// position at what ended it: a line end, ` #`, or a `:` before a blank.
    #[inline]
    fn plain_line(&mut self) -> usize {
        let from = self.pos;
        let mut at = from;
        loop {
            let rest = self.src.get(at..).unwrap_or_default();
            at += match memchr::memchr3(b'\n', b':', b'#', rest) {
                Some(found) => found,
                None => {
                    at = self.src.len();
                    break;
                }
            };
            match self.at(at) {
                b':' if is_blankz(self.at(at + 1)) => break,
                b'#' if at > from && matches!(self.at(at - 1), b' ' | b'\t') => break,
                b'\n' => {
                    at -= usize::from(at > from && self.at(at - 1) == b'\r');
                    break;
                }
                _ => at += 1,
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

    /// At a line end inside a plain scalar: goes over empty lines and indentation, and says whether
    /// the scalar goes on there.
    fn plain_goes_on(&mut self, flow: bool) -> Step<bool> {
        let least = self.indent + 1;
        while is_break(self.byte()) {
            self.pos = self.after_break(self.pos);
            self.line = self.pos;
            loop {
                match self.byte() {
                    b' ' => self.pos += 1,
                    b'\t' if self.column() < least => {
                        return fail(self.pos, "a tab where indentation is expected");
                    }
                    b'\t' => self.pos += 1,
                    _ => break,
                }
            }
        }
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
