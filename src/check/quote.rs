//! What the text report may repeat of the input.

use std::ops::Range;

use super::secrets;
use crate::manifest::position::Finder;
use crate::manifest::view::unescape;
use crate::manifest::{Style, View};

/// Whether the text report may quote the bytes of a finding. A line of block style shows one
/// key and its value, which is what the finding is about; it stays out where that could be a
/// secret, and in flow style, where the line may hold anything.
pub fn may_quote(finder: &mut Finder<'_>, policy: &str, at: &Range<usize>, pointer: &str) -> bool {
    let document = finder.document();
    let block = document
        .root()
        .is_some_and(|root| root.raw().style == Style::Block);
    let line = line_of(document.text(), at);
    !at.is_empty()
        && block
        && !policy.starts_with("secrets/")
        && line.len() < 200
        && !line.contains(['{', '['])
        && !in_secret(finder, pointer)
        && secrets::scan::text("", line).is_empty()
}

/// Whether a pointer leads into a Secret, or to one, as the document stands in the text.
fn in_secret(finder: &mut Finder<'_>, pointer: &str) -> bool {
    let mut next = finder.document().root().map(View::Node);
    let mut tokens = pointer.split('/').skip(1);
    while let Some(view) = next {
        let kind = finder.get(view, "kind").and_then(View::as_str);
        if kind.is_some_and(|kind| matches!(kind.as_ref(), "Secret" | "SecretList")) {
            return true;
        }
        next = tokens
            .next()
            .and_then(|token| finder.get(view, &unescape(token)));
    }
    false
}

fn line_of<'t>(text: &'t str, at: &Range<usize>) -> &'t str {
    let start = text
        .get(..at.start)
        .map_or(0, |t| t.rfind('\n').map_or(0, |n| n + 1));
    text.get(start..)
        .map_or("", |rest| rest.split('\n').next().unwrap_or_default())
}
