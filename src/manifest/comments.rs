//! Comments: where they are, and a document without those around some of its values.

use std::ops::Range;

use super::error::ParseError;
use super::tape::{Document, Kind, Node};
use super::view::View;

/// The comment by which Helm 3 names a document's template; it stays.
const SOURCE: &str = "# Source: ";

/// The bytes of every comment of a document, from its `#` to the end of its line, in order.
///
/// A comment stands between scalars, at the start of a line or behind a blank (YAML 1.2 section
/// 6.6); no anchor, tag or indicator holds a blank. One behind the `|` of a block scalar counts as
/// part of the scalar.
pub fn comments(document: &Document<'_>) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    for leaf in leaves(document) {
        comments_between(document.text(), from, leaf.span().start, &mut found);
        from = from.max(leaf.span().end);
    }
    comments_between(document.text(), from, document.text().len(), &mut found);
    found
}

/// The stretch of the text that belongs to a node and nothing else: from the line after the scalar
/// before it to the start of the next node, so with the comments above and below.
pub fn surroundings(node: Node<'_>) -> Range<usize> {
    let document = node.document();
    let before = leaves(document)
        .take_while(|leaf| leaf.id() < node.id())
        .last();
    let next = node.raw().next;
    let after = (next < count(document)).then(|| document.node(next).span().start);
    let before = before.map_or(0, |leaf| {
        below(document.text(), leaf.span().end, node.span().start)
    });
    before..after.unwrap_or(document.text().len())
}

/// The text without the comments inside and around the values at these pointers, but for the one
/// that names the template.
///
/// # Errors
/// The text is no YAML.
pub fn without_comments_at(text: &str, pointers: &[&str]) -> Result<String, ParseError> {
    let document = Document::parse(text)?;
    let root = document.root().map(View::Node);
    let nodes = pointers.iter().filter_map(|at| root?.pointer(at)?.node());
    let around: Vec<_> = nodes.map(surroundings).collect();
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    for comment in comments(&document) {
        let inside = around.iter().any(|range| range.contains(&comment.start));
        let said = text.get(comment.clone()).unwrap_or_default();
        if inside && !said.starts_with(SOURCE) {
            let gone = with_its_line(text, &comment);
            out.push_str(text.get(copied..gone.start).unwrap_or_default());
            copied = gone.end;
        }
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    Ok(out)
}

/// The start of the next line, where there is one before `limit`.
fn below(text: &str, at: usize, limit: usize) -> usize {
    let starts_line = text.get(..at).is_some_and(|before| before.ends_with('\n'));
    let gap = text.get(at..limit).unwrap_or_default();
    match gap.find('\n') {
        Some(newline) if !starts_line => at + newline + 1,
        _ => at,
    }
}

/// A comment with the blanks before it, and with its line where nothing else stands there.
fn with_its_line(text: &str, comment: &Range<usize>) -> Range<usize> {
    let before = text.get(..comment.start).unwrap_or_default();
    let content = before.trim_end_matches([' ', '\t']);
    if !(content.is_empty() || content.ends_with('\n')) {
        return content.len()..comment.end;
    }
    let rest = text.get(comment.end..).unwrap_or_default();
    let newline = rest.find('\n').map_or(rest.len(), |at| at + 1);
    content.len()..comment.end + newline
}

fn comments_between(text: &str, from: usize, to: usize, found: &mut Vec<Range<usize>>) {
    let mut at = from;
    while let Some(hash) = text.get(at..to).and_then(|gap| gap.find('#')) {
        let start = at + hash;
        let before = text.get(..start).unwrap_or_default();
        if !before.is_empty() && !before.ends_with([' ', '\t', '\n', '\r', '\u{feff}']) {
            at = start + 1;
            continue;
        }
        let rest = text.get(start..).unwrap_or_default();
        at = start + rest.find(['\r', '\n']).unwrap_or(rest.len());
        found.push(start..at);
    }
}

/// The nodes that hold text of their own, in its order.
fn leaves<'d>(document: &'d Document<'_>) -> impl Iterator<Item = Node<'d>> {
    (0..count(document))
        .map(|id| document.node(id))
        .filter(|node| matches!(node.raw().kind, Kind::Scalar | Kind::Alias))
}

fn count(document: &Document<'_>) -> u32 {
    document.root().map_or(0, |root| root.raw().next)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# Source: web/templates/db.yaml
# above
a: x#y # behind
b: &c-d  |  # header
  # text
# between
c: [ 'it''s # text', # in flow
  {}, \"# text\" ] # end
d:   # empty
e: {  # inside
}
# below";

    #[test]
    fn comments_are_told_from_text() {
        let document = Document::parse(TEXT).unwrap();
        let found: Vec<&str> = comments(&document)
            .into_iter()
            .map(|at| &TEXT[at])
            .collect();
        let want = [
            "# Source: web/templates/db.yaml",
            "# above",
            "# behind",
            "# between",
            "# in flow",
            "# end",
            "# empty",
            "# inside",
            "# below",
        ];
        assert_eq!(found, want);
    }

    #[test]
    fn comments_around_a_value_go_and_the_others_stay() {
        for (pointer, text, want) in [
            (
                "",
                "# Source: a\n\n# b\nx: 1 # c\r\n# d",
                "# Source: a\n\nx: 1\r\n",
            ),
            (
                "/items/1",
                "# top\nitems:\n# a\n- x: 1 # b\n# c\n- y: 2 # d\n  # e\n- z: 3 # f\n# g\n",
                "# top\nitems:\n# a\n- x: 1 # b\n- y: 2\n- z: 3 # f\n# g\n",
            ),
            ("/1", "- |\n  x\n# a\n- y", "- |\n  x\n- y"),
            ("/1", "[x, # a\n  y # b\n]", "[x, # a\n  y\n]"),
            ("/a", "a: 1", "a: 1"),
            ("/nothing", "a: 1 # b\n", "a: 1 # b\n"),
        ] {
            assert_eq!(
                without_comments_at(text, &[pointer]).unwrap(),
                want,
                "{text}"
            );
        }
    }

    #[test]
    fn without_its_comments_a_text_means_the_same() {
        let without = without_comments_at(TEXT, &[""]).unwrap();
        let (old, new) = (
            Document::parse(TEXT).unwrap(),
            Document::parse(&without).unwrap(),
        );
        let value = |document: &Document<'_>| document.root().map(|root| root.to_json());
        assert_eq!(value(&new), value(&old));
        assert_eq!(comments(&new).len(), 1, "{without}");
    }
}
