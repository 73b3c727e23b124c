//! Reads the written text again: it has to mean what the overlay says.

use crate::manifest::overlay::{Overlay, Slot};
use crate::manifest::tape::{Buffers, Document, FLAG_MULTILINE, FLAG_PROPS, Kind, Node, Style};
use crate::manifest::view::View;

use super::check::Piece;
use super::plan::{Added, Fate, Plan, Row};
use super::splice::{Splice, Writer, spliced, starts_line};

/// Whether the text reads as the value of the overlay, whose root has been prepared for writing.
pub(super) fn reads_as(overlay: &Overlay<'_>, root: &Slot, text: &str) -> bool {
    let Ok(new) = Document::parse(text) else {
        return false;
    };
    let Some(node) = new.root() else {
        return overlay.view().is_null();
    };
    let plain = overlay.doc.props.is_empty() && new.props.is_empty();
    (plain && is_same(overlay.doc, root, node)) || overlay.view().same(View::Node(node))
}

/// Whether every piece of the new text reads as planned, and no splice lies outside of them. Anchors
/// can reach from one piece into another, so no piece of a document with anchors or tags is taken for
/// right.
pub(super) fn pieces_read(writer: &Writer<'_>) -> bool {
    if !writer.doc.props.is_empty() {
        return false;
    }
    let mut seen = vec![false; writer.splices.len()];
    let mut buffers = Buffers::default();
    let mut text = String::new();
    for piece in &writer.pieces {
        text.clear();
        if !piece_text(writer, piece, &mut text) {
            return false;
        }
        let Ok(new) = Document::parse_with(&text, buffers) else {
            return false;
        };
        let right = new.props.is_empty()
            && new
                .root()
                .is_some_and(|root| is_piece(writer.doc, piece, root));
        if !right {
            return false;
        }
        seen.get_mut(piece.splices.clone())
            .unwrap_or_default()
            .fill(true);
        buffers = new.into_buffers();
    }
    seen.iter().all(|seen| *seen)
}

/// Puts together the new text of a piece; `false` when it is not made of whole lines.
fn piece_text(writer: &Writer<'_>, piece: &Piece<'_>, text: &mut String) -> bool {
    let Some((before, rest)) = writer.splices.split_at_checked(piece.splices.start) else {
        return false;
    };
    let Some((inside, after)) = rest.split_at_checked(piece.splices.len()) else {
        return false;
    };
    let lies_inside = |splice: &Splice| piece.from <= splice.start && splice.end <= piece.to;
    let alone = before.last().is_none_or(|splice| splice.end <= piece.from)
        && after.first().is_none_or(|splice| piece.to <= splice.start);
    if !alone || !inside.iter().all(lies_inside) {
        return false;
    }
    text.extend(spliced(writer.text, piece.from..piece.to, inside));
    let ends_line = text.ends_with('\n') || piece.to == writer.text.len();
    ends_line && starts_line(writer.text, before, piece.from)
}

fn is_piece(doc: &Document<'_>, piece: &Piece<'_>, new: Node<'_>) -> bool {
    let kind = if piece.map { Kind::Map } else { Kind::Seq };
    let raw = new.raw();
    (raw.kind, raw.style, usize::from(raw.col)) == (kind, Style::Block, piece.column)
        && are_rows(doc, &piece.rows, &piece.added, piece.first, new)
}

/// Compares along the plan, so that kept nodes are compared by their bytes only. Gives up on
/// anything unusual; the comparison by value decides then.
fn is_same(doc: &Document<'_>, slot: &Slot, new: Node<'_>) -> bool {
    let (kind, plan) = match slot {
        Slot::Keep(id) => return is_kept(doc.node(*id), new),
        Slot::New(value) => return View::Json(value).same(View::Node(new)),
        Slot::Map(map) => (Kind::Map, Plan::of_map(doc, map)),
        Slot::Seq(seq) => (Kind::Seq, Plan::of_seq(doc, seq)),
    };
    new.raw().kind == kind && are_rows(doc, &plan.rows, &plan.added, 0, new)
}

/// Whether a collection has these rows, of which the first is number `first` by the plan.
fn are_rows(
    doc: &Document<'_>,
    rows: &[Row<'_>],
    added: &[Added<'_>],
    first: usize,
    new: Node<'_>,
) -> bool {
    let mut children = new.children();
    let mut added = added.iter().peekable();
    for at in 0..=rows.len() {
        while let Some(new) = added.next_if(|a| a.at <= first + at) {
            let key = new.key.as_deref();
            if key.is_some_and(|key| children.next().is_none_or(|k| k.text() != key)) {
                return false;
            }
            let value = children.next();
            if !value.is_some_and(|v| View::Json(&new.value).same(View::Node(v))) {
                return false;
            }
        }
        let Some(row) = rows.get(at).filter(|row| row.stays()) else {
            continue;
        };
        let map = row.head != row.value;
        let key = if map { children.next() } else { None };
        if key.is_some_and(|key| key.source() != doc.node(row.head).source()) {
            return false;
        }
        let Some(value) = children.next() else {
            return false;
        };
        let same = match row.fate {
            Fate::Edit(slot) => is_same(doc, slot, value),
            _ => is_kept(doc.node(row.value), value),
        };
        if !same {
            return false;
        }
    }
    children.next().is_none() && added.next().is_none()
}

/// Whether a node was written as it stood. The same bytes in the same column are read alike; other
/// nodes are compared by value.
fn is_kept(old: Node<'_>, new: Node<'_>) -> bool {
    let (a, b) = (old.raw(), new.raw());
    let alike = a.kind == b.kind && a.style == b.style && a.flags == b.flags;
    let moved = a.col != b.col
        && (a.flags & FLAG_MULTILINE != 0
            || matches!(a.style, Style::Block | Style::Literal | Style::Folded));
    if alike && !moved && a.flags & FLAG_PROPS == 0 && old.source() == new.source() {
        return true;
    }
    View::Node(old).same(View::Node(new))
}
