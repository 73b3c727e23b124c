//! A document as a flat list of nodes in the order of the text.
//!
//! A map is its own node, then key, value, key, value…; a sequence is its node, then its items.
//! [`RawNode::next`] jumps over a whole subtree, so a lookup walks siblings without pointers.
//! Scalars stay spans of the text until somebody asks for their meaning.

use std::borrow::Cow;

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

/// One node of the tape.
#[derive(Clone, Copy, Debug)]
pub struct RawNode {
    /// First byte of the node's text, after anchor and tag: the indicator of a flow collection,
    /// quoted or block scalar, the first key of a block map, the first `-` of a block sequence.
    pub start: u32,
    /// One past the node's last byte; for a block collection the end of its last child. A block
    /// scalar ends with the line break of its last kept line.
    pub end: u32,
    /// The tape index after this node's subtree.
    pub next: NodeId,
    /// The column (in bytes, from 0) of `start` on its line, capped at `u16::MAX`.
    pub col: u16,
    /// What the node is.
    pub kind: Kind,
    /// How it is written.
    pub style: Style,
    /// The `FLAG_*` bits.
    pub flags: u8,
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
    /// For an alias: the node it stands for.
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
}

impl<'s> Document<'s> {
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

    /// The node itself, or what the alias stands for.
    pub fn resolved(self) -> Node<'d> {
        match self.raw().kind {
            Kind::Alias => match self.doc.prop(self.id) {
                Some(prop) => Node {
                    doc: self.doc,
                    id: prop.target,
                },
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
        Cow::Borrowed(self.source())
    }
}

/// Iterator over a node's direct children.
#[derive(Clone, Debug)]
pub struct Children<'d> {
    doc: &'d Document<'d>,
    at: NodeId,
    end: NodeId,
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
