//! Block context: maps, lists and block scalars by indentation.

use super::super::error::{Step, fail};
use super::super::limits::MAX_KEY;
use super::super::tape::{FLAG_ESCAPED, FLAG_MULTILINE, Kind, RawNode, Style};
use super::Parser;
use super::chars::{self, is_blankz, is_break};
use super::keys::Keys;
use super::props::{NO_PROPS, Props};

pub(super) const EXPLICIT_KEY: &str = "explicit keys ('? ') are not supported";
const NO_COLON: &str = "a key without ':'";

/// The key that a map starts or goes on with.
struct Key {
    atom: RawNode,
    props: Props,
    /// Where the key begins, its anchor and tag included.
    start: usize,
}

impl Parser<'_> {
    /// A value in block context, at the next token: `empty_at` is where it stands when it is not
    /// there at all. In a map's value `indentless`, a list may stand in the map's own column.
    #[inline]
    pub(super) fn block_node(&mut self, empty_at: usize, indentless: bool) -> Step<()> {
        if self.is_shallow() {
            return self.shallow_node(empty_at, indentless, &NO_PROPS);
        }
        if matches!(self.byte(), b'&' | b'!') {
            return self.block_node_with_props(indentless);
        }
        self.block_content(self.pos, self.allowed, &NO_PROPS, &NO_PROPS)
    }

    /// Whether the next token does not belong to a value of the collection at `self.indent`.
    #[inline(always)]
    fn is_shallow(&self) -> bool {
        self.column() <= self.indent || self.at_end() || self.at_any_marker()
    }

    /// [`Parser::block_node`] at an anchor or a tag.
    #[inline(never)]
    fn block_node_with_props(&mut self, indentless: bool) -> Step<()> {
        // Properties on a line of their own belong to the whole value; those on the line of a key
        // belong to the key (libyaml saves the possible key at the first of them).
        let (mut outer, mut inner) = (NO_PROPS, NO_PROPS);
        let (mut start, mut key_allowed) = (self.pos, self.allowed);
        loop {
            self.property(&mut inner, false)?;
            let (empty_at, line) = (self.pos, self.line);
            self.skip();
            if self.line != line {
                outer = outer.and(&inner)?;
                inner = NO_PROPS;
                (start, key_allowed) = (self.pos, self.allowed);
            }
            if self.is_shallow() {
                return self.shallow_node(empty_at, indentless, &outer.and(&inner)?);
            }
            if !matches!(self.byte(), b'&' | b'!') {
                return self.block_content(start, key_allowed, &outer, &inner);
            }
        }
    }

    /// What stands after the properties. `start` is where it starts as a key, which it may be when
    /// `key_allowed`.
    fn block_content(
        &mut self,
        start: usize,
        key_allowed: bool,
        outer: &Props,
        inner: &Props,
    ) -> Step<()> {
        let next = self.at(self.pos + 1);
        match self.byte() {
            b'-' if is_blankz(next) => {
                if !self.allowed {
                    return fail(self.pos, "a list cannot start here");
                }
                self.block_seq(outer)
            }
            b'?' if is_blankz(next) => fail(self.pos, EXPLICIT_KEY),
            b':' if is_blankz(next) => fail(self.pos, "a value without a key"),
            b'|' | b'>' => {
                let props = outer.and(inner)?;
                self.block_scalar(&props)
            }
            b'[' | b'{' => {
                let props = outer.and(inner)?;
                self.flow_collection(&props)
            }
            _ if key_allowed && !inner.any() && self.usual_key() => {
                self.block_map(start, None, outer)
            }
            b'"' | b'\'' | b'*' => {
                let atom = self.quoted_or_alias()?;
                self.value_or_map(atom, start, key_allowed, outer, inner)
            }
            _ => {
                let atom = self.plain()?;
                self.value_or_map(atom, start, key_allowed, outer, inner)
            }
        }
    }

    /// Puts what was read on the tape: as the first key of a map when a `:` follows, else as a value.
    #[inline(always)]
    fn value_or_map(
        &mut self,
        atom: RawNode,
        start: usize,
        key_allowed: bool,
        outer: &Props,
        inner: &Props,
    ) -> Step<()> {
        if self.byte() != b':' || !is_blankz(self.at(self.pos + 1)) {
            let props = outer.and(inner)?;
            return self.push_atom(atom, &props);
        }
        if !key_allowed {
            return fail(self.pos, "a second key on the line of a value");
        }
        let props = *inner;
        let key = Key { atom, props, start };
        self.block_map(start, Some(&key), outer)
    }

    /// What can stand in the enclosing collection's own column or left of it: nothing, a list in a
    /// map's column, or a block scalar, which libyaml takes there too.
    fn shallow_node(&mut self, empty_at: usize, indentless: bool, props: &Props) -> Step<()> {
        if !self.at_end() && self.column() == self.indent {
            match self.byte() {
                b'-' if indentless && is_blankz(self.at(self.pos + 1)) => {
                    return self.indentless_seq(props);
                }
                b'|' | b'>' => return self.block_scalar(props),
                _ => {}
            }
        }
        self.push_empty(empty_at, props)
    }

    /// A quoted scalar or an alias. Where it is a key, the position is left at its `:`, which may
    /// follow after blanks.
    #[inline(never)]
    fn quoted_or_alias(&mut self) -> Step<RawNode> {
        let atom = match self.byte() {
            b'*' => self.alias(false)?,
            _ => self.quoted()?,
        };
        self.skip_blanks();
        Ok(atom)
    }

    /// The quick way for the keys that nearly all manifests have, `key:`, plain and with nothing odd
    /// in them. The key lies between the old and the new position.
    #[inline(always)]
    fn usual_key(&mut self) -> bool {
        if !starts_usual_value(self.byte()) {
            return false;
        }
        let end = chars::plain_stop(self.src, self.pos);
        let spaced = matches!(self.at(end - 1), b' ' | b'\t');
        if self.at(end) != b':' || !is_blankz(self.at(end + 1)) || spaced {
            return false;
        }
        self.pos = end;
        true
    }

    /// A key stands on one line and is not too long; `self.pos` is at its `:`.
    fn check_key_form(&self, key: &Key) -> Step<()> {
        if key.atom.flags & FLAG_MULTILINE != 0 || key.start < self.line {
            return fail(key.start, "a key that spans several lines");
        }
        self.check_key_length(key.start)
    }

    #[inline(always)]
    pub(super) fn check_key_length(&self, start: usize) -> Step<()> {
        if self.pos - start > MAX_KEY {
            return fail(start, format!("a key longer than {MAX_KEY} bytes"));
        }
        Ok(())
    }

    /// A map, from its first key's `:` on: the usual key since `start`, or an unusual one.
    fn block_map(&mut self, start: usize, first: Option<&Key>, props: &Props) -> Step<()> {
        self.enter()?;
        let col = start as isize - self.line as isize;
        let outside = std::mem::replace(&mut self.indent, col);
        let mut keys = Keys::default();
        let map = match first {
            None => {
                let map = self.push(self.raw(Kind::Map, Style::Block, start), props);
                self.push_usual_key(start, &mut keys)?;
                map
            }
            Some(key) => {
                self.check_key_form(key)?;
                let map = self.push(self.raw(Kind::Map, Style::Block, start), props);
                self.push_key(key.atom, &key.props, &mut keys)?;
                map
            }
        };
        loop {
            self.map_value()?;
            if self.block_ends(col) {
                break;
            }
            if self.column() > col {
                return fail(self.pos, self.stray());
            }
            let start = self.pos;
            if self.usual_key() {
                self.push_usual_key(start, &mut keys)?;
            } else {
                self.unusual_key(&mut keys)?;
            }
        }
        self.indent = outside;
        self.leave();
        let flags = self.finish_keys(map, &keys)?;
        self.close(map, self.last_end(), flags);
        Ok(())
    }

    /// What follows a key's `:`, up to the token after it.
    #[inline(always)]
    fn map_value(&mut self) -> Step<()> {
        self.pos += 1;
        self.allowed = false;
        let empty_at = self.pos;
        if self.byte() == b' ' && starts_usual_value(self.at(self.pos + 1)) {
            self.pos += 1;
            let atom = self.plain()?;
            if self.byte() == b':' && is_blankz(self.at(self.pos + 1)) {
                return fail(self.pos, "a second key on the line of a value");
            }
            self.push_atom(atom, &NO_PROPS)?;
        } else {
            self.skip();
            self.block_node(empty_at, true)?;
        }
        if matches!(self.byte(), b' ' | b'\t' | b'#' | b'\n' | b'\r') {
            self.skip();
        }
        Ok(())
    }

    /// What to say about a token that neither ends the entry before it nor starts a new one.
    fn stray(&self) -> &'static str {
        let next = self.at(self.pos + 1);
        match self.byte() {
            b'\t' => "a tab where indentation is expected",
            b':' if is_blankz(next) => "a ':' where no key comes before it",
            _ if self.allowed => "an indentation that fits neither the entry before nor its parent",
            _ => "more text after a complete value",
        }
    }

    /// The next key of a map, up to its `:`, where that is not a usual one.
    #[inline(never)]
    fn unusual_key(&mut self, keys: &mut Keys) -> Step<()> {
        let start = self.pos;
        let mut props = NO_PROPS;
        while matches!(self.byte(), b'&' | b'!') {
            self.property(&mut props, false)?;
            self.skip_blanks();
        }
        let next = self.at(self.pos + 1);
        let reason = match self.byte() {
            b'-' if is_blankz(next) => "a list item where a key is expected",
            b'?' if is_blankz(next) => EXPLICIT_KEY,
            b':' if is_blankz(next) => "a value without a key",
            b'[' | b'{' => "a map or list where a key is expected",
            b'|' | b'>' => "a block scalar where a key is expected",
            b'#' => NO_COLON,
            b'\t' => "a tab where indentation is expected",
            b if is_blankz(b) => NO_COLON,
            _ => {
                let atom = match self.byte() {
                    b'"' | b'\'' | b'*' => self.quoted_or_alias()?,
                    _ => self.plain()?,
                };
                if self.byte() == b':' && is_blankz(self.at(self.pos + 1)) {
                    let key = Key { atom, props, start };
                    self.check_key_form(&key)?;
                    return self.push_key(key.atom, &key.props, keys);
                }
                NO_COLON
            }
        };
        fail(start, reason)
    }

    /// A list with a column of its own.
    fn block_seq(&mut self, props: &Props) -> Step<()> {
        let outside = self.indent;
        self.indent = self.column();
        self.list(props, true)?;
        self.indent = outside;
        Ok(())
    }

    /// A list in the column of the map whose value it is.
    fn indentless_seq(&mut self, props: &Props) -> Step<()> {
        self.list(props, false)
    }

    /// `own`: whether the list has a column of its own.
    fn list(&mut self, props: &Props, own: bool) -> Step<()> {
        self.enter()?;
        let col = self.column();
        let seq = self.push(self.raw(Kind::Seq, Style::Block, self.pos), props);
        loop {
            self.pos += 1;
            self.allowed = true;
            let empty_at = self.pos;
            self.skip();
            self.block_node(empty_at, false)?;
            self.skip();
            if self.block_ends(col) {
                break;
            }
            let item = self.byte() == b'-' && is_blankz(self.at(self.pos + 1));
            if self.column() == col && item {
                continue;
            }
            if self.column() == col && !own {
                break; // the map's next key
            }
            return fail(self.pos, self.stray());
        }
        self.leave();
        self.close(seq, self.last_end(), 0);
        Ok(())
    }

    /// `|` or `>` with its lines: `yaml_parser_scan_block_scalar`.
    fn block_scalar(&mut self, props: &Props) -> Step<()> {
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
            self.line = self.pos;
            end = self.pos;
            tail = end;
            if line_end == self.pos {
                break; // the text ends without a line break
            }
            tail = self.block_breaks(&mut body)?.max(tail);
        }
        self.allowed = true;
        raw.end = if keep { tail } else { end } as u32;
        let Ok(body) = u16::try_from(body) else {
            return fail(start, "a block scalar indented by more than 65,535 columns");
        };
        raw.body = body;
        self.push_atom(raw, props)
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
            while (*body == 0 || self.pos - self.line < *body) && self.byte() == b' ' {
                self.pos += 1;
            }
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

/// A byte that starts a plain scalar, whatever follows it.
#[inline(always)]
fn starts_usual_value(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'.')
}
