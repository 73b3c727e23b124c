//! A stream as it may be shown: without the values of its Secrets, and without other credentials.

use std::collections::BTreeMap;
use std::ops::Range;

use foldhash::HashMap;
use serde_json::Value;

use super::secrets::scan;
use crate::manifest::tape::{Kind, Style};
use crate::manifest::{Document, Node, View, comments, position, split};
use crate::object::{self, secret};

/// What stands where a value was.
const HIDDEN: &str = "(hidden)";

/// The text with everything hidden that a Secret holds, comments in it included, and every
/// credential that stands elsewhere. Lines keep their
/// numbers. Equal texts stay equal, so the result of two versions can be compared.
pub fn secrets(text: &str) -> String {
    let Ok(spans) = split(text) else {
        let whole = 0..text.len();
        return covered(text, std::slice::from_ref(&whole));
    };
    let mut anchors: BTreeMap<String, Value> = BTreeMap::new();
    let mut hidden = Vec::new();
    for span in spans {
        let at = |range: Range<usize>| range.start + span.start..range.end + span.start;
        match Document::parse_with_anchors(span.text, &anchors) {
            Ok(document) => {
                hidden.extend(values(&document).into_iter().map(at));
                let defined: Vec<_> = document.anchors().collect();
                drop(document);
                anchors.extend(defined);
            }
            Err(_) => hidden.push(span.range()),
        }
    }
    covered(text, &hidden)
}

/// The lines of a stream that hold something hidden, each with how it may be shown. A line that
/// stands elsewhere too is shown so there as well.
pub fn lines(text: &str) -> HashMap<&str, String> {
    let breaks = ['\n', '\r'];
    let hidden = secrets(text);
    let pairs = text.split(breaks).zip(hidden.split(breaks));
    pairs
        .filter(|(line, shown)| line != shown)
        .map(|(line, shown)| (line, shown.to_owned()))
        .collect()
}

/// The bytes of a document to hide, in order.
fn values(document: &Document<'_>) -> Vec<Range<usize>> {
    let Some(root) = document.root() else {
        return Vec::new();
    };
    let objects = object::find(View::Node(root)).unwrap_or_default();
    let secrets: Vec<Node<'_>> = objects
        .iter()
        .filter(|object| secret::is_secret(object))
        .filter_map(|object| object.view.node())
        .collect();
    let mut hidden = credentials(document);
    written_twice(document, root, &mut hidden);
    let mut around = Vec::new();
    for secret in secrets {
        around.push(comments::surroundings(secret));
        let annotations = View::Node(secret).pointer("/metadata/annotations");
        let fields = ["data", "stringData"].map(|field| secret.get(field));
        for view in fields.into_iter().chain([annotations]).flatten() {
            leaves(view.node(), &mut hidden);
        }
    }
    let comments = comments::comments(document);
    let inside = |comment: &Range<usize>| {
        let source = document.text().get(comment.clone());
        around.iter().any(|range| range.contains(&comment.start))
            && source.is_some_and(|text| !text.starts_with("# Source: "))
    };
    hidden.extend(comments.into_iter().filter(inside));
    hidden.sort_by_key(|range| (range.start, range.end));
    hidden
}

/// The bytes of all values whose key their map holds twice: only the last one was judged.
fn written_twice(document: &Document<'_>, root: Node<'_>, hidden: &mut Vec<Range<usize>>) {
    let twice = document.duplicate_keys();
    if twice.is_empty() {
        return;
    }
    let nodes = (0..root.raw().next).map(|id| document.node(id));
    for map in nodes.filter(|node| node.raw().kind == Kind::Map) {
        let pairs = || {
            map.children()
                .step_by(2)
                .zip(map.children().skip(1).step_by(2))
        };
        for (key, _) in pairs().filter(|(key, _)| twice.contains(&key.id())) {
            let same = pairs().filter(|(other, _)| other.text() == key.text());
            same.for_each(|(_, value)| leaves(Some(value), hidden));
        }
    }
}

/// The bytes of all other credentials, with the value each is a part of.
fn credentials(document: &Document<'_>) -> Vec<Range<usize>> {
    let found = scan::text("manifest.yaml", document.text());
    let place = |found: scan::Line| {
        let leaf = position::leaf_at(document, found.hit.at);
        leaf.map_or(found.hit.at..found.hit.at + found.hit.span, |leaf| {
            leaf.span()
        })
    };
    found.into_iter().map(place).collect()
}

/// The bytes of all values below a node, keys left out.
fn leaves(node: Option<Node<'_>>, hidden: &mut Vec<Range<usize>>) {
    let Some(node) = node else {
        return;
    };
    match node.raw().kind {
        Kind::Map => {
            let values = node.children().skip(1).step_by(2);
            values.for_each(|value| leaves(Some(value), hidden));
        }
        Kind::Seq => node.children().for_each(|item| leaves(Some(item), hidden)),
        Kind::Scalar if node.raw().style != Style::Empty => hidden.push(node.span()),
        // What the alias stands for is a value of the Secret too.
        Kind::Alias if node.resolved().id() != node.id() => leaves(Some(node.resolved()), hidden),
        Kind::Scalar | Kind::Alias => {}
    }
}

/// The text with these bytes covered, line by line.
fn covered(text: &str, hidden: &[Range<usize>]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    for range in hidden.iter().filter(|range| !range.is_empty()) {
        let start = range.start.max(copied);
        out.push_str(text.get(copied..start).unwrap_or_default());
        let value = text.get(start..range.end.max(start)).unwrap_or_default();
        for line in value.split_inclusive(['\n', '\r']) {
            let content = line.trim_end_matches(['\n', '\r']);
            let blanks = content.len() - content.trim_start().len();
            out.push_str(content.get(..blanks).unwrap_or_default());
            if blanks < content.len() {
                out.push_str(HIDDEN);
            }
            out.push_str(line.get(content.len()..).unwrap_or_default());
        }
        copied = range.end.max(copied);
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_secrets_hold_is_hidden_and_nothing_else() {
        let text = "\
# Source: web/templates/db.yaml
# hunter2 above
apiVersion: v1
kind: Secret
metadata:
  name: db # hunter2
  annotations:
    note: hunter2
data:
  a: aHVudGVyMg== # hunter2
  # hunter2
  b: !!str \"hunter2\"
  empty:
stringData:
  c: |
    hunter2

    hunter2
  d: {hunter2: [hunter2]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data: {a: shown, password: Tr0ub4dor-and-3} # shown
---
{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"data\":{\"a\":\"hunter2\"}}]}
";
        let want = "\
# Source: web/templates/db.yaml
(hidden)
apiVersion: v1
kind: Secret
metadata:
  name: db (hidden)
  annotations:
    note: (hidden)
data:
  a: (hidden) (hidden)
  (hidden)
  b: !!str (hidden)
  empty:
stringData:
  c: (hidden)
    (hidden)

    (hidden)
  d: {hunter2: [(hidden)]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data: {a: shown, password: (hidden)} # shown
---
{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"data\":{\"a\":(hidden)}}]}
";
        assert_eq!(secrets(text), want);
    }

    #[test]
    fn lines_are_shown_up_to_what_is_hidden() {
        let text = "apiVersion: v1\r\nkind: Secret\nstringData:\n  a: \"one\r\n    two\"\n  b: 1\nc: 2\nc: 3\n";
        let lines = lines(text);
        let shown = |line: &str| lines.get(line).map(String::as_str);
        assert_eq!(shown("  a: \"one"), Some("  a: (hidden)"));
        assert_eq!(shown("    two\""), Some("    (hidden)"));
        assert_eq!(shown("  b: 1"), Some("  b: (hidden)"));
        assert_eq!(shown("c: 2"), Some("c: (hidden)"));
        assert_eq!(shown("c: 3"), Some("c: (hidden)"));
        assert_eq!(lines.len(), 5, "{lines:?}");
    }

    #[test]
    fn what_cannot_be_read_is_hidden_whole() {
        assert_eq!(secrets("a: [hunter2\n  b\n"), "(hidden)\n  (hidden)\n");
    }

    #[test]
    fn what_an_alias_of_a_secret_stands_for_is_hidden() {
        let text = "kind: List\napiVersion: v1\nitems:\n- {apiVersion: v1, kind: ConfigMap, data: {a: &x hunter2}}\n- {apiVersion: v1, kind: Secret, stringData: {b: *x}}\n";
        let want = text.replace("hunter2", "(hidden)");
        assert_eq!(secrets(text), want);
    }

    #[test]
    fn an_alias_of_an_earlier_document_is_no_obstacle() {
        let text = "a: &x 1\n---\napiVersion: v1\nkind: Secret\ndata: {a: hunter2, b: *x}\n";
        let want = "a: &x 1\n---\napiVersion: v1\nkind: Secret\ndata: {a: (hidden), b: *x}\n";
        assert_eq!(secrets(text), want);
    }
}
