//! The members of a map as they stand in the text, before any meaning: duplicates and merge keys
//! included. The overlay and the writer must agree on which of them counts.

use std::borrow::Cow;
use std::ops::Range;

use super::tape::{
    FLAG_DUPLICATE, FLAG_EXPLICIT_KEY, FLAG_MERGE, FLAG_ODD_KEY, Kind, Node, NodeId, Style,
};
use super::value::KeyClass;

/// Where the member that counts for a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Own {
    /// In the map itself, behind every merge key: the value's node.
    Last(NodeId),
    /// In front of a merge key, or in what a merge key brings.
    Merged,
    /// Nowhere in a map without merge keys.
    Absent,
}

/// Keys and values of a map in the order of the text.
pub(super) fn pairs<'d>(map: Node<'d>) -> impl Iterator<Item = (Node<'d>, Node<'d>)> {
    let mut children = map.children();
    std::iter::from_fn(move || children.next_pair())
}

impl Node<'_> {
    /// The lines of a block map's members, up to where the next key or item starts. Read alone, they
    /// are the same map. `None` where they might not be: in documents with anchors, tags or keys that
    /// stand twice, for keys behind a `?`, and where the first line holds something else, too.
    pub fn member_lines(self) -> Option<Range<usize>> {
        let (document, raw) = (self.document(), self.raw());
        let is_plain = document.props.is_empty()
            && document.duplicates.is_empty()
            && raw.flags & FLAG_EXPLICIT_KEY == 0;
        if raw.kind != Kind::Map || raw.style != Style::Block || !is_plain {
            return None;
        }
        let text = document.text().as_bytes();
        let line_start = |at: usize| {
            let before = text.get(..at).unwrap_or_default();
            memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1)
        };
        let first = raw.start as usize;
        let start = line_start(first);
        let next = document.nodes.get(raw.next as usize);
        let end = next.map_or(text.len(), |next| line_start(next.start as usize));
        let alone = text.get(start..first)?.iter().all(|byte| *byte == b' ');
        (alone && raw.end as usize <= end).then_some(start..end)
    }
}

/// A key of a map as Go makes it a string.
pub(super) fn key_text<'d>(map: Node<'d>, key: Node<'d>) -> Cow<'d, str> {
    match map.raw().flags & FLAG_ODD_KEY {
        0 => Cow::Borrowed(key.plain_key()),
        _ => key.go_key().map(|go| go.text).unwrap_or_default(),
    }
}

/// Whether each key of a map is the bytes between its quotes, and comes once.
pub(super) fn is_plain(map: Node<'_>) -> bool {
    map.raw().flags & (FLAG_MERGE | FLAG_ODD_KEY | FLAG_DUPLICATE) == 0
}

/// Whether the map has merge keys.
pub(super) fn has_merge(map: Node<'_>) -> bool {
    map.raw().flags & FLAG_MERGE != 0
}

/// Whether Go takes a key for a string as it stands.
pub(super) fn is_string_key(key: Node<'_>) -> bool {
    key.go_key().is_ok_and(|go| go.class == KeyClass::Str)
}

/// The keys of the name `key` that a map's merge keys bring.
pub(super) fn merged_keys<'d>(map: Node<'d>, key: &str) -> Vec<Node<'d>> {
    let merges = pairs(map).filter(|(k, _)| k.is_merge_key());
    let sources = merges.flat_map(|(_, value)| match value.resolved() {
        list if list.raw().kind == Kind::Seq => list.children().collect(),
        one => vec![one],
    });
    let found = sources.filter_map(|source| source.get_entry(key));
    found.map(|(key, _)| key).collect()
}

/// Finds the member that counts for `key`. Keys behind a merge win over it, keys in front of it
/// lose (goyaml v2 decodes in order of the text, `mapping` in decode.go).
pub(super) fn own_member(map: Node<'_>, key: &str) -> Own {
    if map.raw().flags & (FLAG_MERGE | FLAG_ODD_KEY) == 0 {
        let found = map.get_plain(key);
        return found.map_or(Own::Absent, |(_, value)| Own::Last(value.id()));
    }
    let merge = has_merge(map);
    let mut found = if merge { Own::Merged } else { Own::Absent };
    for (k, v) in pairs(map) {
        if merge && k.is_merge_key() {
            found = Own::Merged;
        } else if key_text(map, k) == key {
            found = Own::Last(v.id());
        }
    }
    found
}
