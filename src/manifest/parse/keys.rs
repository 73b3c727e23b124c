//! Keys and values on their way onto the tape: what Go cannot turn into JSON is refused here, so that
//! reading a value later cannot fail; keys written twice are found.

use foldhash::HashMap;

use super::super::error::{Step, fail};
use super::super::resolve::{self, Plain};
use super::super::tape::{
    Document, FLAG_DUPLICATE, FLAG_ESCAPED, FLAG_MERGE, FLAG_ODD_KEY, FLAG_PROPS, Kind, NodeId,
    RawNode, Style, key_hash, key_mark,
};
use super::super::value::GoKey;
use super::Parser;
use super::props::{NO_PROPS, Props};

/// Maps with more keys than this are searched with a hash table.
const SMALL_MAP: u32 = 32;

/// What is known of a map's own keys while it is read.
#[derive(Default)]
pub(super) struct Keys {
    /// One bit for each key seen, by a hash: an unset bit means a new key.
    seen: [u64; 4],
    count: u32,
    /// A bit was set twice, or a key's bytes do not tell: look closely at the end.
    suspicious: bool,
    flags: u8,
}

impl Keys {
    pub(super) fn add_flags(&mut self, flags: u8) {
        self.flags |= flags;
    }

    #[inline]
    fn add(&mut self, hash: u64) {
        let (word, bit) = ((hash >> 62) as usize, (hash >> 56) & 63);
        let word = &mut self.seen[word & 3];
        self.suspicious |= *word >> bit & 1 == 1;
        *word |= 1 << bit;
    }
}

impl Parser<'_> {
    /// Puts a key on the tape.
    pub(super) fn push_key(&mut self, key: RawNode, props: &Props, keys: &mut Keys) -> Step<()> {
        if key.kind == Kind::Alias {
            keys.count += 1;
            self.push_alias(key, props)?;
            return self.odd_key(keys);
        }
        if props.any() || key.flags & FLAG_ESCAPED != 0 || key.style == Style::Empty {
            keys.count += 1;
            let id = self.push(key, props);
            return self.special_key(id, keys);
        }
        let quotes = usize::from(key.style != Style::Plain);
        self.push_simple_key(key, quotes, keys)
    }

    /// Puts a key on the tape that is the bytes between its quotes, or a merge, or odd.
    #[inline(always)]
    fn push_simple_key(&mut self, mut key: RawNode, quotes: usize, keys: &mut Keys) -> Step<()> {
        keys.count += 1;
        let span = key.start as usize + quotes..key.end as usize - quotes;
        let bytes = self.src.get(span).unwrap_or_default();
        let hash = key_hash(bytes);
        key.body = key_mark(hash);
        let id = self.push(key, &NO_PROPS);
        if quotes == 0 && resolve::may_be_special_key(bytes) {
            return self.special_key(id, keys);
        }
        keys.add(hash);
        Ok(())
    }

    /// Puts the plain key between `start` and the position on the tape.
    #[inline(always)]
    pub(super) fn push_usual_key(&mut self, start: usize, keys: &mut Keys) -> Step<()> {
        self.check_key_length(start)?;
        let mut raw = self.raw(Kind::Scalar, Style::Plain, start);
        raw.end = self.pos as u32;
        self.push_simple_key(raw, 0, keys)
    }

    /// A key that may be a merge, or that Go may not read as the string it looks like.
    #[inline(never)]
    fn special_key(&mut self, id: NodeId, keys: &mut Keys) -> Step<()> {
        let node = self.doc.node(id);
        if node.is_merge_key() {
            keys.flags |= FLAG_MERGE;
            self.doc.merges = true;
            return Ok(());
        }
        let raw = node.raw();
        let untouched = raw.flags & (FLAG_PROPS | FLAG_ESCAPED) == 0 && raw.style == Style::Plain;
        if untouched && matches!(resolve::plain(node.source()), Plain::Str) {
            keys.add(key_hash(node.key_bytes()));
            return Ok(());
        }
        self.odd_key(keys)
    }

    fn odd_key(&mut self, keys: &mut Keys) -> Step<()> {
        keys.flags |= FLAG_ODD_KEY;
        keys.suspicious = true;
        let id = self.doc.nodes.len() as NodeId - 1;
        match self.doc.node(id).go_key() {
            Ok(_) => Ok(()),
            Err(reason) => fail(self.start_of(id), reason),
        }
    }

    fn start_of(&self, id: NodeId) -> usize {
        self.doc
            .nodes
            .get(id as usize)
            .map_or(0, |raw| raw.start as usize)
    }

    /// After a map's last entry: the flags that its keys call for.
    #[inline]
    pub(super) fn finish_keys(&mut self, map: NodeId, keys: &Keys) -> Step<u8> {
        if !keys.suspicious {
            return Ok(keys.flags);
        }
        self.close(map, self.last_end, keys.flags);
        let twice = self.find_duplicates(map, keys)?;
        Ok(keys.flags | if twice { FLAG_DUPLICATE } else { 0 })
    }

    /// Records each key that stands earlier in the same map already.
    #[inline(never)]
    fn find_duplicates(&mut self, map: NodeId, keys: &Keys) -> Step<bool> {
        let mut found = Vec::new();
        let odd = keys.flags & FLAG_ODD_KEY != 0;
        if odd || keys.count > SMALL_MAP {
            duplicates_by_hash(&self.doc, map, &mut found)?;
        } else {
            duplicates_by_bytes(&self.doc, map, &mut found);
        }
        let twice = !found.is_empty();
        self.doc.duplicates.append(&mut found);
        Ok(twice)
    }

    /// Puts a scalar or alias that is no key on the tape. A scalar that Go cannot decode, or cannot
    /// write as JSON, is refused.
    #[inline(always)]
    pub(super) fn push_atom(&mut self, raw: RawNode, props: &Props) -> Step<()> {
        if raw.kind == Kind::Alias {
            return self.push_alias(raw, props);
        }
        let id = self.push(raw, props);
        if props.any() {
            return self.check_tagged(id);
        }
        if raw.style == Style::Plain && matches!(self.at(raw.start as usize), b'.' | b'+' | b'-') {
            let bytes = self.src.get(raw.start as usize..raw.end as usize);
            if resolve::is_not_finite(bytes.unwrap_or_default()) {
                return fail(raw.start as usize, "infinity and NaN have no place in JSON");
            }
        }
        Ok(())
    }

    #[inline(never)]
    fn check_tagged(&mut self, id: NodeId) -> Step<()> {
        match self
            .doc
            .node(id)
            .scalar()
            .and_then(|scalar| scalar.finite())
        {
            Ok(_) => Ok(()),
            Err(reason) => fail(self.start_of(id), reason),
        }
    }
}

/// For a map whose keys are all strings by their bytes.
fn duplicates_by_bytes(doc: &Document<'_>, map: NodeId, found: &mut Vec<NodeId>) {
    let mut earlier: [&[u8]; SMALL_MAP as usize] = [&[]; SMALL_MAP as usize];
    let mut count = 0;
    for key in doc.node(map).children().step_by(2) {
        if key.is_merge_key() {
            continue;
        }
        let bytes = key.key_bytes();
        let seen = earlier.get(..count).unwrap_or_default();
        if seen.contains(&bytes) {
            found.push(key.id());
        } else if let Some(slot) = earlier.get_mut(count) {
            *slot = bytes;
            count += 1;
        }
    }
}

/// For any map. Two keys of different type that become the same string (`1` and `"1"`) are refused:
/// which one Go keeps is left to chance.
fn duplicates_by_hash(doc: &Document<'_>, map: NodeId, found: &mut Vec<NodeId>) -> Step<()> {
    let mut earlier: HashMap<_, GoKey<'_>> = HashMap::default();
    for key in doc.node(map).children().step_by(2) {
        if key.is_merge_key() {
            continue;
        }
        let start = key.raw().start as usize;
        let go = match key.go_key() {
            Ok(go) => go,
            Err(reason) => return fail(start, reason),
        };
        match earlier.get(&go.text) {
            Some(other) if other.class == go.class => found.push(key.id()),
            Some(_) => {
                return fail(
                    start,
                    "two keys of different type that become the same string",
                );
            }
            None => {
                earlier.insert(go.text.clone(), go);
            }
        }
    }
    Ok(())
}
