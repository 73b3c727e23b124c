//! A document as a flat list of nodes in the order of the text.
//!
//! A map is its own node, then key, value, key, value…; a sequence is its node, then its items.
//! [`RawNode::next`] jumps over a whole subtree, so a lookup walks siblings without pointers.
//! Scalars stay spans of the text until somebody asks for their meaning.

use std::borrow::Cow;
use std::cell::OnceCell;

use serde_json::Value;

use super::scalar;
use super::view::View;

/// Index of a node on the tape.
pub type NodeId = u32;

/// What a node is, by its syntax alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A mapping: key, value, key, value… follow.
    Map,
    /// A sequence: its items follow.
    Seq,
    /// A scalar of any type.
    Scalar,
    /// `*name`: stands for the node that carries the anchor.
    Alias,
}

/// How a node is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Block map or block sequence.
    Block,
    /// `{…}` or `[…]`.
    Flow,
    /// A value that is not there at all (`key:`); means null. `start == end`, right after the
    /// `:`, the `-`, or the node's properties.
    Empty,
    /// An unquoted scalar.
    Plain,
    /// `'…'`
    Single,
    /// `"…"`
    Double,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

/// The scalar needs decoding beyond copying its span (escapes, doubled quotes, folded lines).
pub const FLAG_ESCAPED: u8 = 1;
/// The scalar spans several lines.
pub const FLAG_MULTILINE: u8 = 2;
/// The node has an anchor or a tag, to be found in [`Document::prop`].
pub const FLAG_PROPS: u8 = 4;
/// The map holds a `<<` merge key among its own keys.
pub const FLAG_MERGE: u8 = 8;
/// The map writes a key twice among its own keys; the last one counts.
pub const FLAG_DUPLICATE: u8 = 16;
/// The map has a key that is not simply the bytes between its quotes: one with escapes, a tag or an
/// alias, or one that Go takes for a boolean or a number and turns into a string (`on`, `0644`).
pub const FLAG_ODD_KEY: u8 = 32;
/// The map has an entry written as `? key`, with `: value` on a line of its own or without a value.
pub const FLAG_EXPLICIT_KEY: u8 = 64;

/// One node of the tape.
#[derive(Clone, Copy, Debug)]
pub struct RawNode {
    /// First byte of the node's text, after anchor and tag: the indicator of a flow collection,
    /// quoted or block scalar, the first `-` of a block sequence, the first key of a block map (with
    /// that key's own anchor and tag, so that the column is the map's indentation).
    pub start: u32,
    /// One past the node's last byte; for a block collection the end of its last child. A block
    /// scalar ends with the line break of its last kept line.
    pub end: u32,
    /// The tape index after this node's subtree.
    pub next: NodeId,
    /// The column (in bytes, from 0) of `start` on its line, capped at `u16::MAX`. A byte order mark
    /// does not count.
    pub col: u16,
    /// For a block scalar: the columns cut from the front of its lines. For a map's key that is simply
    /// the bytes between its quotes: some bits of its `key_hash`, by which a lookup passes most other
    /// keys over. Zero for anything else.
    pub body: u16,
    /// What the node is.
    pub kind: Kind,
    /// How it is written.
    pub style: Style,
    /// The `FLAG_*` bits.
    pub flags: u8,
}

/// A quick hash of a key's bytes.
#[inline]
pub(super) fn key_hash(key: &[u8]) -> u64 {
    let word = if let (Some(first), Some(last)) = (key.first_chunk::<8>(), key.last_chunk::<8>()) {
        u64::from_le_bytes(*first) ^ u64::from_le_bytes(*last).rotate_left(17)
    } else if let (Some(first), Some(last)) = (key.first_chunk::<4>(), key.last_chunk::<4>()) {
        u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last))
    } else {
        key.iter().fold(0, |word, &b| word << 8 | u64::from(b))
    };
    (word ^ key.len() as u64).wrapping_mul(0xff51_afd7_ed55_8ccd)
}

/// The bits of a key's hash that [`RawNode::body`] keeps.
#[inline]
pub(super) fn key_mark(hash: u64) -> u16 {
    (hash >> 40) as u16
}

/// Anchor and tag of a node; rare, so kept beside the tape.
#[derive(Clone, Copy, Debug)]
pub struct Prop {
    /// The node that carries the properties, or the alias node itself.
    pub node: NodeId,
    /// Byte range of the anchor's name without `&`; empty when there is none.
    pub anchor: (u32, u32),
    /// Byte range of the tag as written, `!` included; empty when there is none.
    pub tag: (u32, u32),
    /// For an alias: the node it stands for, or the alias itself when that is a value of another
    /// document ([`Document::foreign_aliases`]). For any other node: the node itself.
    pub target: NodeId,
}

/// One parsed YAML document.
///
/// `text` is the document without its separator line; all spans index into it.
#[derive(Debug, Default)]
pub struct Document<'s> {
    pub(super) text: &'s str,
    pub(super) nodes: Vec<RawNode>,
    pub(super) props: Vec<Prop>,
    pub(super) foreign: Vec<(NodeId, &'s Value)>,
    pub(super) duplicates: Vec<NodeId>,
    /// The scalars that need decoding, in order, with their texts once somebody has asked.
    pub(super) decoded: Vec<(NodeId, OnceCell<String>)>,
    /// Whether any map has a merge key.
    pub(super) merges: bool,
}

/// The memory of a document's tape, to be used again by [`Document::parse_with`].
#[derive(Debug, Default)]
pub struct Buffers {
    nodes: Vec<RawNode>,
    props: Vec<Prop>,
    decoded: Vec<(NodeId, OnceCell<String>)>,
}

impl<'s> Document<'s> {
    /// A document without nodes in the memory of an earlier one.
    pub(super) fn empty(text: &'s str, buffers: Buffers) -> Document<'s> {
        let Buffers {
            mut nodes,
            mut props,
            mut decoded,
        } = buffers;
        nodes.clear();
        props.clear();
        decoded.clear();
        Document {
            text,
            nodes,
            props,
            foreign: Vec::new(),
            duplicates: Vec::new(),
            decoded,
            merges: false,
        }
    }

    /// Gives the tape's memory back for the next document.
    pub fn into_buffers(self) -> Buffers {
        Buffers {
            nodes: self.nodes,
            props: self.props,
            decoded: self.decoded,
        }
    }

    /// The text the spans index into.
    pub fn text(&self) -> &'s str {
        self.text
    }

    /// The document's value, or `None` when it holds only comments and blanks.
    pub fn root(&self) -> Option<Node<'_>> {
        (!self.nodes.is_empty()).then_some(Node { doc: self, id: 0 })
    }

    /// The node at `id`. Ids come from this document's own tape.
    pub fn node(&self, id: NodeId) -> Node<'_> {
        Node { doc: self, id }
    }

    /// Anchor, tag and alias target of a node, where it has any.
    pub fn prop(&self, id: NodeId) -> Option<&Prop> {
        let at = self.props.binary_search_by_key(&id, |p| p.node).ok()?;
        self.props.get(at)
    }

    /// The later occurrences of keys that one map writes more than once. Go keeps the last of them
    /// without a word. Keys that a `<<` merge brings do not count.
    pub fn duplicate_keys(&self) -> &[NodeId] {
        &self.duplicates
    }

    /// Whether an alias stands for this node, for a collection around it, or for a part of it, so
    /// that a change below `id` could show in two places.
    pub fn aliased(&self, id: NodeId) -> bool {
        let Some(raw) = self.nodes.get(id as usize) else {
            return false;
        };
        self.aliases().any(|prop| {
            let target = self.nodes.get(prop.target as usize);
            target.is_some_and(|target| prop.target < raw.next && id < target.next)
        })
    }

    /// The aliases of the document that stand for one of its own nodes.
    fn aliases(&self) -> impl Iterator<Item = &Prop> {
        self.props.iter().filter(|prop| prop.target != prop.node)
    }

    /// The aliases that stand for a value of an earlier document
    /// ([`Document::parse_with_anchors`]), with that value. Their text must be replaced when the
    /// document is written, since nobody else knows the anchor.
    pub fn foreign_aliases(&self) -> impl Iterator<Item = (NodeId, &'s Value)> {
        self.foreign.iter().copied()
    }

    /// The value that a foreign alias stands for.
    pub(super) fn foreign_value(&self, id: NodeId) -> Option<&'s Value> {
        let at = self
            .foreign
            .binary_search_by_key(&id, |&(node, _)| node)
            .ok()?;
        self.foreign.get(at).map(|&(_, value)| value)
    }

    /// The anchors of the document with what they stand for at its end, for
    /// [`Document::parse_with_anchors`] of the next one. A name that is defined twice comes twice;
    /// the last one counts.
    pub fn anchors(&self) -> impl Iterator<Item = (String, Value)> {
        let anchored = |prop: &&Prop| {
            let node = self.nodes.get(prop.node as usize);
            prop.anchor.1 != 0 && node.is_some_and(|raw| raw.kind != Kind::Alias)
        };
        self.props.iter().filter(anchored).map(|prop| {
            let name = prop.anchor.0 as usize..prop.anchor.1 as usize;
            let name = self.text.get(name).unwrap_or_default();
            (name.to_owned(), View::Node(self.node(prop.node)).to_json())
        })
    }
}

/// A handle on one node: the document and an index, so it is cheap to copy.
#[derive(Clone, Copy, Debug)]
pub struct Node<'d> {
    doc: &'d Document<'d>,
    id: NodeId,
}

impl<'d> Node<'d> {
    /// The node's place on the tape.
    pub fn id(self) -> NodeId {
        self.id
    }

    /// The document the node belongs to.
    pub fn document(self) -> &'d Document<'d> {
        self.doc
    }

    /// The tape entry itself.
    pub fn raw(self) -> &'d RawNode {
        &self.doc.nodes[self.id as usize]
    }

    /// The node's bytes in the text.
    pub fn span(self) -> std::ops::Range<usize> {
        let raw = self.raw();
        raw.start as usize..raw.end as usize
    }

    /// The node's text as written.
    pub fn source(self) -> &'d str {
        self.doc.text.get(self.span()).unwrap_or_default()
    }

    /// The node itself, or what the alias stands for in this document.
    pub fn resolved(self) -> Node<'d> {
        match self.raw().kind {
            Kind::Alias => match self.doc.prop(self.id) {
                Some(prop) => self.doc.node(prop.target),
                None => self,
            },
            _ => self,
        }
    }

    /// The direct children in the order of the text: keys and values of a map in turn, or items.
    pub fn children(self) -> Children<'d> {
        let raw = self.raw();
        let end = match raw.kind {
            Kind::Map | Kind::Seq => raw.next,
            Kind::Scalar | Kind::Alias => self.id + 1,
        };
        Children {
            doc: self.doc,
            at: self.id + 1,
            end,
        }
    }

    /// The scalar's text after quoting, escapes and folding; empty for collections.
    pub fn text(self) -> Cow<'d, str> {
        let raw = self.raw();
        let decoded = self.doc.decoded.as_slice();
        if raw.flags & FLAG_ESCAPED != 0
            && let Ok(at) = decoded.binary_search_by_key(&self.id, |(id, _)| *id)
            && let Some((_, text)) = decoded.get(at)
        {
            let decode = || scalar::decode(raw, self.source()).into_owned();
            return Cow::Borrowed(text.get_or_init(decode));
        }
        scalar::decode(raw, self.source())
    }

    /// The node's anchor without `&`, if it has one; an alias gives the name it refers to.
    pub fn anchor(self) -> Option<&'d str> {
        let (start, end) = self.own_prop()?.anchor;
        self.doc
            .text
            .get(start as usize..end as usize)
            .filter(|name| !name.is_empty())
    }

    /// The node's tag as written (`!!str`, `!<…>`), if it has one.
    pub fn tag(self) -> Option<&'d str> {
        let (start, end) = self.own_prop()?.tag;
        self.doc
            .text
            .get(start as usize..end as usize)
            .filter(|tag| !tag.is_empty())
    }

    fn own_prop(self) -> Option<&'d Prop> {
        match self.raw().flags & FLAG_PROPS {
            0 => None,
            _ => self.doc.prop(self.id),
        }
    }
}

/// Iterator over a node's direct children.
#[derive(Clone, Debug)]
pub struct Children<'d> {
    doc: &'d Document<'d>,
    at: NodeId,
    end: NodeId,
}

impl<'d> Children<'d> {
    /// The next key of a map with its value. A key is one node.
    #[inline]
    pub(super) fn next_pair(&mut self) -> Option<(Node<'d>, Node<'d>)> {
        let key = self.at;
        if key + 1 >= self.end {
            return None;
        }
        let value = self.doc.node(key + 1);
        self.at = value.raw().next;
        Some((self.doc.node(key), value))
    }
}

impl<'d> Iterator for Children<'d> {
    type Item = Node<'d>;

    fn next(&mut self) -> Option<Node<'d>> {
        if self.at >= self.end {
            return None;
        }
        let node = Node {
            doc: self.doc,
            id: self.at,
        };
        self.at = node.raw().next;
        Some(node)
    }
}
