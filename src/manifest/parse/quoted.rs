//! Quoted scalars: `yaml_parser_scan_flow_scalar`. Their text is decoded later, by
//! [`crate::manifest::scalar`]; here only their end is found and their escapes are checked.

use super::super::error::{Step, fail};
use super::super::tape::{FLAG_ESCAPED, FLAG_MULTILINE, Kind, RawNode, Style};
use super::{Parser, marker_at};

impl Parser<'_> {
    /// A quoted scalar at `self.pos`; leaves the position after its closing quote.
    pub(super) fn quoted(&mut self) -> Step<RawNode> {
        let start = self.pos;
        let single = self.byte() == b'\'';
        let style = if single { Style::Single } else { Style::Double };
        let mut raw = self.raw(Kind::Scalar, style, start);
        let (end, flags) = if single {
            self.single_end()?
        } else {
            self.double_end()?
        };
        (raw.end, raw.flags) = (end as u32, flags);
        let body = self.src.get(start..end).unwrap_or_default();
        if memchr::memchr(b'\n', body).is_some() {
            raw.flags |= FLAG_MULTILINE | FLAG_ESCAPED;
            self.line_starts_in(start, end)?;
        }
        self.pos = end;
        self.allowed = false;
        Ok(raw)
    }

    fn single_end(&self) -> Step<(usize, u8)> {
        let mut at = self.pos + 1;
        let mut flags = 0;
        loop {
            let rest = self.src.get(at..).unwrap_or_default();
            let Some(found) = memchr::memchr(b'\'', rest) else {
                return fail(self.pos, "a quote that is never closed");
            };
            at += found + 1;
            if self.at(at) != b'\'' {
                return Ok((at, flags));
            }
            flags = FLAG_ESCAPED;
            at += 1;
        }
    }

    fn double_end(&self) -> Step<(usize, u8)> {
        let mut at = self.pos + 1;
        let mut flags = 0;
        loop {
            let rest = self.src.get(at..).unwrap_or_default();
            let Some(found) = memchr::memchr2(b'"', b'\\', rest) else {
                return fail(self.pos, "a quote that is never closed");
            };
            at += found;
            if self.at(at) == b'"' {
                return Ok((at + 1, flags));
            }
            flags = FLAG_ESCAPED;
            at += 1 + self.escape_len(at + 1)?;
        }
    }

    /// The bytes of an escape after its backslash.
    fn escape_len(&self, at: usize) -> Step<usize> {
        let digits = match self.at(at) {
            b'0' | b'a' | b'b' | b't' | b'\t' | b'n' | b'v' | b'f' | b'r' | b'e' | b' ' | b'"'
            | b'\'' | b'\\' | b'N' | b'_' | b'L' | b'P' | b'\n' => return Ok(1),
            b'\r' => return Ok(2),
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            _ => return fail(at - 1, "an unknown escape in double quotes"),
        };
        let hex = self.text.get(at + 1..at + 1 + digits).unwrap_or_default();
        let valid = hex.bytes().all(|b| b.is_ascii_hexdigit())
            && u32::from_str_radix(hex, 16).is_ok_and(|code| char::from_u32(code).is_some());
        if !valid {
            return fail(at - 1, "an escape that is no Unicode character");
        }
        Ok(1 + digits)
    }

    /// For a scalar over several lines: no line may look like a document marker, and the current
    /// line is the one of the closing quote.
    fn line_starts_in(&mut self, start: usize, end: usize) -> Step<()> {
        let body = self.src.get(start..end).unwrap_or_default();
        for at in memchr::memchr_iter(b'\n', body) {
            self.line = start + at + 1;
            if marker_at(self.src, self.line) {
                return fail(self.line, "a document marker inside a quoted value");
            }
        }
        Ok(())
    }
}
