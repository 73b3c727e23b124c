//! Block context: maps and lists by indentation.

use super::super::error::{Step, fail};
use super::super::limits::MAX_KEY;
use super::super::tape::{FLAG_EXPLICIT_KEY, FLAG_MULTILINE, Kind, RawNode, Style};
use super::Parser;
use super::chars::{self, USUAL_START, is_blankz};
use super::keys::Keys;
use super::props::{NO_PROPS, Props};

const TAB: &str = "a tab where indentation is expected";
const NO_COLON: &str = "a key without ':'";

/// The key that a map starts or goes on with.
struct Key {
    atom: RawNode,
    props: Props,
    /// Where the key begins, its anchor and tag included.
    start: usize,
}

/// How a map starts.
#[derive(Clone, Copy)]
enum First<'k> {
    /// With the plain key between the map's start and the position.
    Usual,
    /// With a key that is read already.
    Read(&'k Key),
    /// With `? `.
    Explicit,
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
            b'?' if is_blankz(next) => {
                if !self.allowed {
                    return fail(self.pos, "a key cannot start here");
                }
                self.block_map(self.pos, First::Explicit, outer)
            }
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
                self.block_map(start, First::Usual, outer)
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
        self.block_map(start, First::Read(&key), outer)
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
        if !USUAL_START[self.byte() as usize] {
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

    /// A map that starts at `start`.
    fn block_map(&mut self, start: usize, first: First<'_>, props: &Props) -> Step<()> {
        self.enter()?;
        let col = start as isize - self.line as isize;
        let outside = std::mem::replace(&mut self.indent, col);
        if let First::Read(key) = first {
            self.check_key_form(key)?;
        }
        let map = self.push(self.raw(Kind::Map, Style::Block, start), props);
        let mut keys = Keys::default();
        match first {
            First::Usual => {
                self.push_usual_key(start, &mut keys)?;
                self.map_value()?;
            }
            First::Read(key) => {
                self.push_key(key.atom, &key.props, &mut keys)?;
                self.map_value()?;
            }
            First::Explicit => self.explicit_entry(&mut keys)?,
        }
        while !self.block_ends(col) {
            if self.column() > col || !self.allowed {
                return fail(self.pos, self.stray());
            }
            let start = self.pos;
            if self.usual_key() {
                self.push_usual_key(start, &mut keys)?;
                self.map_value()?;
            } else {
                self.unusual_entry(&mut keys)?;
            }
        }
        self.indent = outside;
        self.leave();
        let flags = self.finish_keys(map, &keys)?;
        self.close(map, self.last_end, flags);
        Ok(())
    }

    /// What follows a key's `:`, up to the token after it.
    #[inline(always)]
    fn map_value(&mut self) -> Step<()> {
        self.pos += 1;
        self.allowed = false;
        let empty_at = self.pos;
        if self.byte() == b' ' && USUAL_START[self.at(self.pos + 1) as usize] {
            self.pos += 1;
            let atom = self.plain_text()?;
            if self.byte() == b':' && is_blankz(self.at(self.pos + 1)) {
                return fail(self.pos, "a second key on the line of a value");
            }
            self.push_atom(atom, &NO_PROPS)?;
        } else {
            if !self.next_line() {
                self.skip();
            }
            self.block_node(empty_at, true)?;
        }
        self.skip_rest();
        Ok(())
    }

    /// What to say about a token that neither ends the entry before it nor starts a new one.
    fn stray(&self) -> &'static str {
        let next = self.at(self.pos + 1);
        match self.byte() {
            b'\t' => TAB,
            b':' if is_blankz(next) => "a ':' where no key comes before it",
            _ if self.allowed => "an indentation that fits neither the entry before nor its parent",
            _ => "more text after a complete value",
        }
    }

    /// The next entry of a map, up to the token after it, where its key is not a usual one.
    #[inline(never)]
    fn unusual_entry(&mut self, keys: &mut Keys) -> Step<()> {
        let start = self.pos;
        if self.byte() == b'?' && is_blankz(self.at(self.pos + 1)) {
            return self.explicit_entry(keys);
        }
        let mut props = NO_PROPS;
        while matches!(self.byte(), b'&' | b'!') {
            self.property(&mut props, false)?;
            self.skip_blanks();
        }
        let next = self.at(self.pos + 1);
        let reason = match self.byte() {
            b'-' if is_blankz(next) => "a list item where a key is expected",
            b':' if is_blankz(next) => "a value without a key",
            b'[' | b'{' => "a map or list where a key is expected",
            b'|' | b'>' => "a block scalar where a key is expected",
            b'\t' => TAB,
            b'#' => NO_COLON,
            b if is_blankz(b) => NO_COLON,
            _ => {
                let atom = self.quoted_alias_or_plain()?;
                if self.byte() == b':' && is_blankz(self.at(self.pos + 1)) {
                    let key = Key { atom, props, start };
                    self.check_key_form(&key)?;
                    self.push_key(key.atom, &key.props, keys)?;
                    return self.map_value();
                }
                NO_COLON
            }
        };
        fail(start, reason)
    }

    fn quoted_alias_or_plain(&mut self) -> Step<RawNode> {
        match self.byte() {
            b'"' | b'\'' | b'*' => self.quoted_or_alias(),
            _ => self.plain(),
        }
    }

    /// `? key` with its `: value` on a line of its own, up to the token after it. Go's own writers
    /// use it for keys longer than 128 characters. Only scalars can be keys.
    #[inline(never)]
    fn explicit_entry(&mut self, keys: &mut Keys) -> Step<()> {
        let start = self.pos;
        keys.add_flags(FLAG_EXPLICIT_KEY);
        self.pos += 1;
        self.allowed = true;
        self.skip();
        let mut props = NO_PROPS;
        while !self.is_shallow() && matches!(self.byte(), b'&' | b'!') {
            self.property(&mut props, false)?;
            self.skip();
        }
        let key = match self.byte() {
            _ if self.is_shallow() => return fail(start, "a '?' without a key"),
            b'|' | b'>' => self.block_text()?,
            b'[' | b'{' => return fail(start, "a map or list cannot be a key"),
            b'-' | b'?' | b':' if is_blankz(self.at(self.pos + 1)) => {
                return fail(start, "a map or list cannot be a key");
            }
            _ => self.quoted_alias_or_plain()?,
        };
        self.push_key(key, &props, keys)?;
        self.skip();
        let colon = self.byte() == b':' && is_blankz(self.at(self.pos + 1));
        if colon && self.allowed && self.column() == self.indent {
            let empty_at = self.pos + 1;
            self.pos = empty_at;
            self.skip();
            self.block_node(empty_at, true)?;
            self.skip();
            return Ok(());
        }
        if colon {
            return fail(start, "a map or list cannot be a key");
        }
        self.push_empty(key.end as usize, &NO_PROPS)
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
            if self.byte() == b' ' && USUAL_START[self.at(self.pos + 1) as usize] {
                self.pos += 1;
                self.block_content(self.pos, true, &NO_PROPS, &NO_PROPS)?;
            } else {
                self.skip();
                self.block_node(empty_at, false)?;
            }
            self.skip_rest();
            if self.block_ends(col) {
                break;
            }
            if self.column() > col || !self.allowed {
                return fail(self.pos, self.stray());
            }
            if self.byte() != b'-' || !is_blankz(self.at(self.pos + 1)) {
                if own {
                    return fail(self.pos, "a key where a list item is expected");
                }
                break; // the map's next key
            }
        }
        self.leave();
        self.close(seq, self.last_end, 0);
        Ok(())
    }
}
