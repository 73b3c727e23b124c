//! The members of a map as they stand in the text, before any meaning: duplicates and merge keys
//! included. The overlay and the writer must agree on which of them counts.

use std::borrow::Cow;

use super::tape::{FLAG_MERGE, Node, NodeId};

/// Where the member that counts for a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Own {
    /// In the map itself, behind every merge key.
    Last {
        /// The key's node.
        key: NodeId,
        /// The value's node.
        value: NodeId,
    },
    /// In front of a merge key, or in what a merge key brings.
    Merged,
    /// Nowhere in a map without merge keys.
    Absent,
}

/// Keys and values of a map in the order of the text.
pub(super) fn pairs<'d>(map: Node<'d>) -> impl Iterator<Item = (Node<'d>, Node<'d>)> {
    let mut children = map.children();
    std::iter::from_fn(move || Some((children.next()?, children.next()?)))
}

/// A key's text as Go makes it a string.
pub(super) fn key_text(key: Node<'_>) -> Cow<'_, str> {
    key.text()
}

/// Whether the map has merge keys.
pub(super) fn has_merge(map: Node<'_>) -> bool {
    map.raw().flags & FLAG_MERGE != 0
}

/// Whether a key is a merge key.
pub(super) fn is_merge(key: Node<'_>) -> bool {
    key.source() == "<<"
}

/// Finds the member that counts for `key`. Keys behind a merge win over it, keys in front of it
/// lose (goyaml v2 decodes in order of the text, `mapping` in decode.go).
pub(super) fn own_member(map: Node<'_>, key: &str) -> Own {
    let merge = has_merge(map);
    let mut found = if merge { Own::Merged } else { Own::Absent };
    for (k, v) in pairs(map) {
        if merge && is_merge(k) {
            found = Own::Merged;
        } else if key_text(k) == key {
            found = Own::Last {
                key: k.id(),
                value: v.id(),
            };
        }
    }
    found
}
