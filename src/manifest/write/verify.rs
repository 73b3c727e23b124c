//! Reads the written text again: it has to mean what the overlay says.

use crate::manifest::overlay::{Overlay, Slot};
use crate::manifest::tape::{Buffers, Document, FLAG_MULTILINE, FLAG_PROPS, Kind, Node, Style};
use crate::manifest::view::View;

use super::check::Piece;
use super::plan::{Added, Fate, Plan, Row};
use super::splice::{Splice, Writer};

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

/// Whether every piece of the text reads as planned, and no splice lies outside of them. Anchors can
/// reach from one piece into another, so no piece of a document with anchors or tags is taken for
/// right.
pub(super) fn pieces_read(writer: &Writer<'_>, text: &str) -> bool {
    if !writer.doc.props.is_empty() {
        return false;
    }
    let moves = moves(&writer.splices);
    let mut seen = vec![false; writer.splices.len()];
    let mut buffers = Buffers::default();
    for piece in &writer.pieces {
        let inside = |splice: &Splice| piece.from <= splice.start && splice.end <= piece.to;
        let splices = writer.splices.get(piece.splices.clone());
        let Some(new) = piece_text(writer, piece, &moves, text) else {
            return false;
        };
        let Ok(new) = Document::parse_with(new, buffers) else {
            return false;
        };
        let right = splices.is_some_and(|splices| splices.iter().all(inside))
            && new.props.is_empty()
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

/// The new text of a piece; `None` when it is not made of whole lines.
fn piece_text<'t>(
    writer: &Writer<'_>,
    piece: &Piece<'_>,
    moves: &[isize],
    text: &'t str,
) -> Option<&'t str> {
    let place = |at: usize, splices: usize| at.checked_add_signed(*moves.get(splices)?);
    let from = place(piece.from, piece.splices.start)?;
    let to = match piece.to == writer.text.len() {
        true => text.len(),
        false => place(piece.to, piece.splices.end)?,
    };
    let is_line = |at: usize| at == 0 || text.as_bytes().get(at - 1) == Some(&b'\n');
    let whole = is_line(from) && (is_line(to) || to == text.len());
    text.get(from..to).filter(|_| whole)
}

/// By how much the splices before each one, and before the end, move the text.
fn moves(splices: &[Splice]) -> Vec<isize> {
    let moved = splices.iter().scan(0, |moved, splice| {
        *moved += splice.text.len() as isize - (splice.end - splice.start) as isize;
        Some(*moved)
    });
    std::iter::once(0).chain(moved).collect()
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
