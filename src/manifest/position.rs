//! From a JSON Pointer to a place in the text, and back.

use std::ops::Range;

use super::tape::{Document, Kind, Node, NodeId, Style};
use super::view::{View, escape, unescape};

/// The bytes of the document that a pointer is about.
///
/// A scalar gives its own bytes, a map or list in block style its key. What does not exist (a
/// missing field) gives the deepest parent that does; an aliased value the alias.
pub fn locate(document: &Document<'_>, pointer: &str) -> Range<usize> {
    let Some(root) = document.root() else {
        return 0..0;
    };
    let mut here = first_line(root);
    let mut node = root;
    for token in pointer.split('/').skip(1) {
        let Some((span, next)) = child(node, &unescape(token)) else {
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

/// A member or item: the bytes to point at, and the node to go on from.
fn child<'d>(node: Node<'d>, token: &str) -> Option<(Range<usize>, Option<Node<'d>>)> {
    let node = node.resolved();
    match node.raw().kind {
        Kind::Map => {
            let (key, value) = node.get_entry(token)?;
            let node = match value {
                View::Node(node) => Some(node),
                _ => None,
            };
            let span = match node {
                Some(value)
                    if value.raw().kind == Kind::Scalar && value.raw().style != Style::Empty =>
                {
                    first_line(value)
                }
                _ => key.span(),
            };
            Some((span, node))
        }
        Kind::Seq => {
            let item = node.children().nth(token.parse().ok()?)?;
            Some((first_line(item), Some(item)))
        }
        Kind::Scalar | Kind::Alias => None,
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
    let mut pointer = String::new();
    let Some(mut node) = document.root() else {
        return pointer;
    };
    while let Some((token, next)) = holder(node, key) {
        pointer.push('/');
        pointer.push_str(&token);
        if next.id() == key + 1 {
            break;
        }
        node = next;
    }
    pointer
}

/// The scalar or alias whose text holds a byte of the document.
pub fn leaf_at<'d>(document: &'d Document<'_>, offset: usize) -> Option<Node<'d>> {
    let count = document.root().map_or(0, |root| root.raw().next);
    let mut leaves = (0..count)
        .map(|id| document.node(id))
        .filter(|node| matches!(node.raw().kind, Kind::Scalar | Kind::Alias));
    leaves.find(|leaf| leaf.span().contains(&offset))
}

/// The member or item of a collection whose subtree, or whose key, is the wanted node.
fn holder(node: Node<'_>, wanted: NodeId) -> Option<(String, Node<'_>)> {
    let mut children = node.children();
    let mut index = 0;
    while let Some(child) = children.next() {
        let (token, value) = match node.raw().kind {
            Kind::Map => (escape(&child.text()).into_owned(), children.next()?),
            _ => (index.to_string(), child),
        };
        if wanted < value.raw().next {
            return Some((token, value));
        }
        index += 1;
    }
    None
}
