//! Where lines and nodes begin and end in the text.

use crate::manifest::tape::{Document, FLAG_PROPS, Kind, NodeId, Style};

/// The first byte of the line that holds `at`.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or_default();
    memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1)
}

/// The end of the line that holds `at`, without its line ending.
pub(super) fn line_stop(text: &str, at: usize) -> usize {
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    match memchr::memchr(b'\n', rest) {
        Some(0) => at,
        Some(n) if rest.get(n - 1) == Some(&b'\r') => at + n - 1,
        Some(n) => at + n,
        None => text.len(),
    }
}

/// The first byte of the line after the one that holds `at`, or the end of the text.
pub(super) fn line_next(text: &str, at: usize) -> usize {
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    memchr::memchr(b'\n', rest).map_or(text.len(), |n| at + n + 1)
}

/// The ending of the line that holds `at`; the last line takes it from the one before.
pub(super) fn eol(text: &str, at: usize) -> &'static str {
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    let newline = match memchr::memchr(b'\n', rest) {
        Some(n) => at + n,
        None => line_start(text, at).saturating_sub(1),
    };
    let before = text.as_bytes().get(newline.saturating_sub(1)..=newline);
    if before == Some(b"\r\n") {
        "\r\n"
    } else {
        "\n"
    }
}

/// How many bytes stand before `at` on its line; a byte order mark does not count.
pub(super) fn column(text: &str, at: usize) -> usize {
    between(text, line_start(text, at), at)
        .trim_start_matches('\u{feff}')
        .len()
}

/// The column of a node's own text, behind its anchor and tag.
pub(super) fn column_of(doc: &Document<'_>, id: NodeId) -> usize {
    match doc.node(id).raw().col {
        u16::MAX => column(doc.text(), start(doc, id)),
        col => usize::from(col),
    }
}

/// The text between two offsets; empty when they are not in order.
pub(super) fn between(text: &str, from: usize, to: usize) -> &str {
    text.get(from..to).unwrap_or_default()
}

/// Whether only blanks stand between two offsets.
pub(super) fn is_blank(text: &str, from: usize, to: usize) -> bool {
    let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n');
    between(text, from, to).as_bytes().iter().all(blank)
}

/// The indentation of a comment line that starts at `at`; `None` for any other line.
pub(super) fn comment_indent(text: &str, at: usize) -> Option<usize> {
    let line = between(text, at, line_stop(text, at));
    let body = line.trim_start_matches([' ', '\t']);
    body.starts_with('#').then_some(line.len() - body.len())
}

/// The first byte of a node's own text, behind its anchor and tag.
pub(super) fn start(doc: &Document<'_>, id: NodeId) -> usize {
    doc.node(id).raw().start as usize
}

/// The first byte of a node with its anchor and tag.
pub(super) fn begin(doc: &Document<'_>, id: NodeId) -> usize {
    let node = doc.node(id);
    let raw = node.raw();
    let start = raw.start as usize;
    if raw.flags & FLAG_PROPS == 0 || raw.kind == Kind::Alias {
        return start;
    }
    doc.prop(id).map_or(start, |prop| {
        let anchor = (prop.anchor.0 < prop.anchor.1).then(|| (prop.anchor.0 as usize) - 1);
        let tag = (prop.tag.0 < prop.tag.1).then_some(prop.tag.0 as usize);
        [anchor, tag].into_iter().flatten().fold(start, usize::min)
    })
}

/// One past a node's anchor and tag; `None` when it has neither.
pub(super) fn props_end(doc: &Document<'_>, id: NodeId) -> Option<usize> {
    let prop = doc.prop(id)?;
    let anchored = prop.anchor.0 < prop.anchor.1;
    let anchor = if anchored { prop.anchor.1 } else { 0 };
    Some(anchor.max(prop.tag.1) as usize).filter(|&end| end > 0)
}

/// One past a node's last byte, the line ending of a final block scalar not counted.
pub(super) fn stop(doc: &Document<'_>, id: NodeId) -> usize {
    stop_before(doc.text(), doc.node(id).raw().end as usize)
}

/// Whether a node is a block map or block list.
pub(super) fn is_block(doc: &Document<'_>, id: NodeId) -> bool {
    doc.node(id).raw().style == Style::Block
}

/// Whether a node is a block scalar.
pub(super) fn is_block_scalar(doc: &Document<'_>, id: NodeId) -> bool {
    let style = doc.node(id).raw().style;
    matches!(style, Style::Literal | Style::Folded)
}

/// One past the indicators (`|`, `>-`, `|2+`) of a block scalar.
pub(super) fn header_end(doc: &Document<'_>, id: NodeId) -> usize {
    let start = doc.node(id).raw().start as usize + 1;
    let rest = between(doc.text(), start, doc.text().len());
    let signs = rest.bytes().take_while(|b| b"+-0123456789".contains(b));
    start + signs.count()
}

/// `at` itself, or the end of the line before when `at` is the start of a line.
pub(super) fn stop_before(text: &str, at: usize) -> usize {
    let before = between(text, 0, at);
    let content = before.strip_suffix('\n').unwrap_or(before);
    content.strip_suffix('\r').unwrap_or(content).len()
}
