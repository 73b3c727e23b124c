//! From a JSON Pointer to a place in the text, and back.

use std::borrow::Cow;
use std::ops::Range;

use foldhash::HashMap;

use super::tape::{Document, Kind, Node, NodeId, Style};
use super::view::{View, escape, unescape};

/// The bytes of the document that a pointer is about; see [`Finder::locate`].
pub fn locate(document: &Document<'_>, pointer: &str) -> Range<usize> {
    Finder::new(document).locate(pointer)
}

/// Smaller subtrees are walked faster than an index of them is made.
const LARGE: NodeId = 256;

/// Looks up many places of one document. Large maps and lists are indexed, since one of thousands of
/// members can have as many findings.
#[derive(Debug)]
pub struct Finder<'d> {
    document: &'d Document<'d>,
    large: NodeId,
    members: HashMap<NodeId, HashMap<Cow<'d, str>, Member<'d>>>,
    items: HashMap<NodeId, Vec<Node<'d>>>,
}

/// A member of a map: the node of its key, and its value.
type Member<'d> = (Node<'d>, View<'d>);

impl<'d> Finder<'d> {
    /// A finder in a document, which has looked at nothing yet.
    pub fn new(document: &'d Document<'d>) -> Finder<'d> {
        Finder {
            document,
            large: LARGE,
            members: HashMap::default(),
            items: HashMap::default(),
        }
    }

    /// The document it looks in.
    pub fn document(&self) -> &'d Document<'d> {
        self.document
    }

    /// The bytes of the document that a pointer is about.
    ///
    /// A scalar gives its own bytes, a map or list in block style its key. What does not exist (a
    /// missing field) gives the deepest parent that does; an aliased value the alias.
    pub fn locate(&mut self, pointer: &str) -> Range<usize> {
        let Some(root) = self.document.root() else {
            return 0..0;
        };
        let mut here = first_line(root);
        let mut node = root;
        for token in pointer.split('/').skip(1) {
            let Some((span, next)) = self.child(node, &unescape(token)) else {
                break;
            };
            here = span;
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        here
    }

    /// The member of a map or item of a sequence that an unescaped reference token names.
    pub fn get(&mut self, view: View<'d>, token: &str) -> Option<View<'d>> {
        let View::Node(node) = view else {
            return view.child(token);
        };
        let node = node.resolved();
        match node.raw().kind {
            Kind::Map => self.member(node, token).map(|(_, value)| value),
            Kind::Seq => self.item(node, token.parse().ok()?).map(View::Node),
            Kind::Scalar => None,
            Kind::Alias => view.child(token),
        }
    }

    /// A member or item: the bytes to point at, and the node to go on from.
    fn child(&mut self, node: Node<'d>, token: &str) -> Option<(Range<usize>, Option<Node<'d>>)> {
        let node = node.resolved();
        match node.raw().kind {
            Kind::Map => {
                let (key, value) = self.member(node, token)?;
                let node = match value {
                    View::Node(node) => Some(node),
                    _ => None,
                };
                let span = match node {
                    Some(value)
                        if value.raw().kind == Kind::Scalar
                            && value.raw().style != Style::Empty =>
                    {
                        first_line(value)
                    }
                    _ => key.span(),
                };
                Some((span, node))
            }
            Kind::Seq => {
                let item = self.item(node, token.parse().ok()?)?;
                Some((first_line(item), Some(item)))
            }
            Kind::Scalar | Kind::Alias => None,
        }
    }

    fn member(&mut self, map: Node<'d>, key: &str) -> Option<Member<'d>> {
        if !self.is_large(map) {
            return map.get_entry(key);
        }
        let members = self.members.entry(map.id());
        members
            .or_insert_with(|| map.members_by_key())
            .get(key)
            .copied()
    }

    fn item(&mut self, seq: Node<'d>, index: usize) -> Option<Node<'d>> {
        if !self.is_large(seq) {
            return seq.children().nth(index);
        }
        let items = self.items.entry(seq.id());
        items
            .or_insert_with(|| seq.children().collect())
            .get(index)
            .copied()
    }

    fn is_large(&self, node: Node<'_>) -> bool {
        node.raw().next - node.id() > self.large
    }
}

/// A node's bytes up to the end of its first line.
fn first_line(node: Node<'_>) -> Range<usize> {
    let span = node.span();
    let length = node.source().find(['\n', '\r']).unwrap_or(span.len());
    span.start..span.start + length
}

/// The pointer of a map key's value, by the key's node; or of a value, by its own.
pub fn pointer_of(document: &Document<'_>, key: NodeId) -> String {
    pointers_of(document, &[key]).pop().unwrap_or_default()
}

/// [`pointer_of`] of many nodes, in the order in which they are given.
pub fn pointers_of(document: &Document<'_>, keys: &[NodeId]) -> Vec<String> {
    let mut pointers = vec![String::new(); keys.len()];
    let mut wanted: Vec<(NodeId, usize)> = keys.iter().copied().zip(0..).collect();
    wanted.sort_unstable();
    if let Some(root) = document.root() {
        add_pointers(root, "", &wanted, &mut pointers);
    }
    pointers
}

/// Notes the pointers of the wanted nodes below a collection, which are in order. Each child is passed
/// once, however many are wanted.
fn add_pointers(node: Node<'_>, at: &str, wanted: &[(NodeId, usize)], pointers: &mut [String]) {
    let mut wanted = wanted;
    let mut children = node.children();
    let mut index = 0;
    while let (Some((first, _)), Some(child)) = (wanted.first(), children.next()) {
        let (key, value) = match node.raw().kind {
            Kind::Map => match children.next() {
                Some(value) => (Some(child), value),
                None => break,
            },
            _ => (None, child),
        };
        if *first < value.raw().next {
            let token = match key {
                Some(key) => escape(&key.text()).into_owned(),
                None => index.to_string(),
            };
            let pointer = format!("{at}/{token}");
            let inside = wanted.partition_point(|(id, _)| *id < value.raw().next);
            let (here, rest) = wanted.split_at(inside);
            let own = here.partition_point(|(id, _)| *id <= value.id());
            let (own, below) = here.split_at(own);
            for (_, place) in own {
                if let Some(slot) = pointers.get_mut(*place) {
                    slot.clone_from(&pointer);
                }
            }
            add_pointers(value, &pointer, below, pointers);
            wanted = rest;
        }
        index += 1;
    }
}

/// The scalar or alias whose text holds a byte of the document.
pub fn leaf_at<'d>(document: &'d Document<'_>, offset: usize) -> Option<Node<'d>> {
    let count = document.root().map_or(0, |root| root.raw().next);
    let mut leaves = (0..count)
        .map(|id| document.node(id))
        .filter(|node| matches!(node.raw().kind, Kind::Scalar | Kind::Alias));
    leaves.find(|leaf| leaf.span().contains(&offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every way that a key and an item can be written.
    const TEXT: &str = "base: &b {a: 1, shared: base}\nm:\n  <<: *b\n  shared: own\n  on: yes\n  \"q\\x41\": 1\n  a/b: [1, {k: v}]\n  a/b: [2, {k: w}]\nalias: *b\nl:\n- x\n- t: |\n    z\n- &i {k: 1, k: 2}\n- *i\nempty:\n";

    #[test]
    fn an_index_finds_what_a_walk_finds() {
        let document = Document::parse(TEXT).unwrap();
        let mut walk = Finder::new(&document);
        let mut indexed = Finder {
            large: 0,
            ..Finder::new(&document)
        };
        for (pointer, want) in [
            ("", "base: &b {a: 1, shared: base}"),
            ("/base/a", "1"),
            ("/m/a", "1"),
            ("/m/shared", "own"),
            ("/m/true", "yes"),
            ("/m/qA", "1"),
            ("/m/a~1b/0", "2"),
            ("/m/a~1b/1/k", "w"),
            ("/m/none", "m"),
            ("/alias/shared", "base"),
            ("/l/1/t", "|"),
            ("/l/2/k", "2"),
            ("/l/3/k", "2"),
            ("/l/4", "l"),
            ("/l/x", "l"),
            ("/empty", "empty"),
        ] {
            let root = View::Node(document.root().unwrap());
            for finder in [&mut walk, &mut indexed] {
                assert_eq!(&TEXT[finder.locate(pointer)], want, "{pointer}");
                let mut tokens = pointer.split('/').skip(1);
                let found = tokens.try_fold(root, |view, token| finder.get(view, &unescape(token)));
                let known = root.pointer(pointer);
                assert_eq!(
                    found.map(View::to_json),
                    known.map(View::to_json),
                    "{pointer}"
                );
            }
        }
    }

    #[test]
    fn pointers_of_many_nodes_are_those_of_each() {
        let document = Document::parse("a:\n  x/y: 1\n  l: [1, {k: 2}]\nb: {c: {d: 3}}\n").unwrap();
        let count = document.root().unwrap().raw().next;
        let ids: Vec<NodeId> = (1..count).rev().collect();
        let all = pointers_of(&document, &ids);
        let one: Vec<String> = ids.iter().map(|id| pointer_of(&document, *id)).collect();
        assert_eq!(all, one);
        let want = [
            "/b/c/d", "/b/c/d", "/b/c", "/b/c", "/b", "/b", "/a/l/1/k", "/a/l/1/k", "/a/l/1",
            "/a/l/0", "/a/l", "/a/l", "/a/x~1y", "/a/x~1y", "/a", "/a",
        ];
        assert_eq!(all, want);
    }
}
