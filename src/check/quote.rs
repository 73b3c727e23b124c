//! What the text report may repeat of the input.

use std::ops::Range;

use super::secrets;
use crate::manifest::{Document, Style};

/// Whether the text report may quote the bytes of a finding. A line of block style shows one
/// key and its value, which is what the finding is about; it stays out where that could be a
/// secret, and in flow style, where the line may hold anything.
pub fn may_quote(document: &Document<'_>, policy: &str, at: &Range<usize>, kind: &str) -> bool {
    let block = document
        .root()
        .is_some_and(|root| root.raw().style == Style::Block);
    let line = line_of(document.text(), at);
    !at.is_empty()
        && block
        && kind != "Secret"
        && !policy.starts_with("secrets/")
        && !line.contains(['{', '['])
        && line.len() < 200
        && secrets::scan::text("", line).is_empty()
}

fn line_of<'t>(text: &'t str, at: &Range<usize>) -> &'t str {
    let start = text
        .get(..at.start)
        .map_or(0, |t| t.rfind('\n').map_or(0, |n| n + 1));
    text.get(start..)
        .map_or("", |rest| rest.split('\n').next().unwrap_or_default())
}
