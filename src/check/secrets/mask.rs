//! Lines of a stream as they may be shown: without the credentials on them.

use std::collections::HashMap;
use std::ops::Range;

use super::walk;
use crate::manifest::view::Type;
use crate::manifest::{Document, Node, View, split};
use crate::object;

/// What stands in the place of a credential.
const HIDDEN: &str = "(hidden)";

/// The lines of a stream that hold a credential or a part of one, each with how it may be shown. All
/// that a Secret holds counts, and a value whose key is written twice, since only the last one was
/// judged.
pub fn lines(stream: &str) -> HashMap<&str, String> {
    let mut masked = HashMap::new();
    for span in split(stream).unwrap_or_default() {
        let Ok(document) = Document::parse(span.text) else {
            continue;
        };
        for hidden in hidden(&document) {
            mask(span.text, &hidden, &mut masked);
        }
    }
    masked
}

/// The bytes of a document that must not be shown.
fn hidden(document: &Document<'_>) -> Vec<Range<usize>> {
    let mut hidden = Vec::new();
    let root = document.root().map(View::Node);
    for object in root
        .and_then(|root| object::find(root).ok())
        .into_iter()
        .flatten()
    {
        let (api_version, kind) = (&object.identity.api_version, &object.identity.kind);
        let found = walk::object(object.view, api_version, kind, 0);
        hidden.extend(found.into_iter().map(|found| found.span));
        if kind == "Secret" {
            let fields = ["data", "stringData"].into_iter();
            let nodes = fields.filter_map(|field| object.view.get(field)?.node());
            nodes.for_each(|node| scalars(node, &mut hidden));
        }
    }
    let twice = document.duplicate_keys().iter();
    twice.for_each(|&key| scalars(document.node(key + 1), &mut hidden));
    hidden
}

/// The scalars of a value, keys left out.
fn scalars(node: Node<'_>, hidden: &mut Vec<Range<usize>>) {
    let view = View::Node(node);
    match view.value_type() {
        Type::Map => view
            .entries()
            .filter_map(|(_, value)| value.node())
            .for_each(|value| scalars(value, hidden)),
        Type::Seq => view
            .items()
            .filter_map(View::node)
            .for_each(|item| scalars(item, hidden)),
        _ => hidden.push(node.span()),
    }
}

/// Marks the lines that a stretch of the text is on: from where it begins, nothing is shown.
fn mask<'t>(text: &'t str, hidden: &Range<usize>, masked: &mut HashMap<&'t str, String>) {
    let mut start = text
        .get(..hidden.start)
        .and_then(|before| before.rfind('\n'))
        .map_or(0, |at| at + 1);
    while start < hidden.end {
        let rest = text.get(start..).unwrap_or_default();
        let whole = rest.split('\n').next().unwrap_or_default();
        let line = whole.trim_end_matches('\r');
        let from = hidden.start.saturating_sub(start);
        let indent = line.len() - line.trim_start().len();
        let shown = line.get(..from.max(indent)).unwrap_or_default();
        if !line.trim().is_empty() {
            let short = format!("{shown}{HIDDEN}");
            masked
                .entry(line)
                .and_modify(|other| {
                    if short.len() < other.len() {
                        other.clone_from(&short);
                    }
                })
                .or_insert(short);
        }
        start += whole.len() + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_shown_up_to_the_credential() {
        let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n  password: one\n  text: |\n    two\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - {name: a, env: [{name: DB_PASSWORD, value: three3}], image: a}\n";
        let masked = lines(text);
        for (line, shown) in [
            ("  password: one", "  password: (hidden)"),
            ("  text: |", "  text: (hidden)"),
            ("    two", "    (hidden)"),
            (
                "  - {name: a, env: [{name: DB_PASSWORD, value: three3}], image: a}",
                "  - {name: a, env: [{name: DB_PASSWORD, value: (hidden)",
            ),
        ] {
            assert_eq!(masked.get(line).map(String::as_str), Some(shown));
        }
        assert_eq!(masked.len(), 4, "{masked:?}");
    }
}
