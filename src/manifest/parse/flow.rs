//! Flow context: `{…}`, `[…]` and the single pairs of `[a: b]`.

use super::super::error::{Step, fail};
use super::super::tape::{FLAG_EXPLICIT_KEY, FLAG_MULTILINE, Kind, RawNode, Style};
use super::Parser;
use super::chars::is_blankz;
use super::keys::Keys;
use super::props::{NO_PROPS, Props};

const NO_KEY: &str = "a map or list cannot be a key";

/// Reported at the bracket, wherever the text ends.
const UNCLOSED: &str = "a bracket that is never closed";

/// What an entry of a flow collection starts with.
enum Entry {
    /// A scalar, an alias, or properties with nothing after them.
    Atom(RawNode, Props),
    /// A map or list, already on the tape.
    Collection,
}

impl Parser<'_> {
    /// A `{…}` or `[…]` at `self.pos`.
    pub(super) fn flow_collection(&mut self, props: &Props) -> Step<()> {
        self.enter()?;
        let open = self.pos;
        let read = if self.byte() == b'{' {
            self.flow_map(props)
        } else {
            self.flow_seq(props)
        };
        if let Err(mut error) = read {
            if error.reason == UNCLOSED && error.offset >= self.src.len() {
                error.offset = open;
            }
            return Err(error);
        }
        self.leave();
        self.allowed = false;
        Ok(())
    }

    fn flow_map(&mut self, props: &Props) -> Step<()> {
        let raw = self.raw(Kind::Map, Style::Flow, self.pos);
        let map = self.push(raw, props);
        let mut keys = Keys::default();
        self.pos += 1;
        loop {
            self.skip_flow()?;
            if self.byte() == b'}' {
                break;
            }
            let start = self.pos;
            let explicit = self.explicit_mark(&mut keys)?;
            match self.flow_entry()? {
                Entry::Atom(key, props) => {
                    self.push_key(key, &props, &mut keys)?;
                    self.skip_flow()?;
                    if self.byte() == b':' && !explicit {
                        self.check_flow_key(&key, start)?;
                    }
                    self.flow_pair_value(&key, b'}')?;
                }
                Entry::Collection => return fail(start, NO_KEY),
            }
            if !self.flow_goes_on(b'}')? {
                break;
            }
        }
        self.pos += 1;
        let flags = self.finish_keys(map, &keys)?;
        self.close(map, self.pos as u32, flags);
        Ok(())
    }

    fn flow_seq(&mut self, props: &Props) -> Step<()> {
        let raw = self.raw(Kind::Seq, Style::Flow, self.pos);
        let seq = self.push(raw, props);
        self.pos += 1;
        loop {
            self.skip_flow()?;
            if self.byte() == b']' {
                break;
            }
            let start = self.pos;
            let mut keys = Keys::default();
            let explicit = self.explicit_mark(&mut keys)?;
            let entry = self.flow_entry()?;
            self.skip_flow()?;
            let pair = explicit || self.byte() == b':';
            match entry {
                Entry::Atom(key, props) if pair => {
                    if !explicit {
                        self.check_flow_key(&key, start)?;
                    }
                    self.single_pair(key, &props, start, keys)?;
                }
                Entry::Atom(atom, props) => self.push_atom(atom, &props)?,
                Entry::Collection if pair => return fail(start, NO_KEY),
                Entry::Collection => {}
            }
            if !self.flow_goes_on(b']')? {
                break;
            }
        }
        self.pos += 1;
        self.close(seq, self.pos as u32, 0);
        Ok(())
    }

    /// `a: b` as an item of a list: a map of one entry, without braces. After its key.
    fn single_pair(
        &mut self,
        key: RawNode,
        props: &Props,
        start: usize,
        mut keys: Keys,
    ) -> Step<()> {
        self.enter()?;
        let mut raw = self.empty(start);
        (raw.kind, raw.style) = (Kind::Map, Style::Flow);
        let map = self.push(raw, &NO_PROPS);
        self.push_key(key, props, &mut keys)?;
        self.flow_pair_value(&key, b']')?;
        let flags = self.finish_keys(map, &keys)?;
        self.close(map, self.last_end, flags);
        self.leave();
        Ok(())
    }

    /// Over the `?` of an explicit key, if there is one.
    fn explicit_mark(&mut self, keys: &mut Keys) -> Step<bool> {
        if self.byte() != b'?' {
            return Ok(false);
        }
        keys.add_flags(FLAG_EXPLICIT_KEY);
        self.pos += 1;
        self.skip_flow()?;
        Ok(true)
    }

    /// A key that is followed by a `:` stands on one line with it and is not too long.
    fn check_flow_key(&self, key: &RawNode, start: usize) -> Step<()> {
        if key.flags & FLAG_MULTILINE != 0 || start < self.line {
            return fail(start, "a key that spans several lines");
        }
        self.check_key_length(start)
    }

    /// What follows a key: `: value`, `:` alone, or nothing.
    fn flow_pair_value(&mut self, key: &RawNode, close: u8) -> Step<()> {
        if self.byte() != b':' {
            return self.push_empty(key.end as usize, &NO_PROPS);
        }
        self.pos += 1;
        let empty_at = self.pos;
        self.skip_flow()?;
        if self.byte() == b',' || self.byte() == close {
            return self.push_empty(empty_at, &NO_PROPS);
        }
        match self.flow_entry()? {
            Entry::Atom(atom, props) => self.push_atom(atom, &props),
            Entry::Collection => Ok(()),
        }
    }

    /// After an entry: a comma (gone over) and more to come, or the closing bracket.
    fn flow_goes_on(&mut self, close: u8) -> Step<bool> {
        self.skip_flow()?;
        if self.byte() == b',' {
            self.pos += 1;
            return Ok(true);
        }
        if self.byte() == close {
            return Ok(false);
        }
        if self.at_end() {
            return fail(self.src.len(), UNCLOSED);
        }
        fail(self.pos, "a ',' or a closing bracket is missing")
    }

    /// The node at `self.pos`: on the tape if it is a collection, else still to be put there.
    fn flow_entry(&mut self) -> Step<Entry> {
        let mut props = NO_PROPS;
        let mut after = self.pos;
        while matches!(self.byte(), b'&' | b'!') {
            self.property(&mut props, true)?;
            after = self.pos;
            self.skip_flow()?;
        }
        let next = self.at(self.pos + 1);
        match self.byte() {
            b'[' | b'{' => {
                self.flow_collection(&props)?;
                Ok(Entry::Collection)
            }
            b'"' | b'\'' => Ok(Entry::Atom(self.quoted()?, props)),
            b'*' => Ok(Entry::Atom(self.alias(true)?, props)),
            b',' | b']' | b'}' if props.any() => Ok(Entry::Atom(self.empty(after), props)),
            b'-' if is_blankz(next) => fail(self.pos, "a block list inside a flow collection"),
            b'?' => fail(self.pos, "a '?' where a value is expected"),
            b':' => fail(self.pos, "a value without a key"),
            0 if self.at_end() => fail(self.src.len(), UNCLOSED),
            b if is_blankz(b) => fail(self.pos, "a value is missing"),
            _ => Ok(Entry::Atom(self.plain_in_flow()?, props)),
        }
    }
}
