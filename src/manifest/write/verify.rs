//! Reads the written text again: it has to mean what the overlay says.

use crate::manifest::overlay::{Overlay, Slot};
use crate::manifest::tape::{Document, FLAG_MULTILINE, FLAG_PROPS, Node, Style};
use crate::manifest::view::View;

use super::plan::{Fate, Plan};

/// Whether the text reads as the value of the overlay, whose root has been prepared for writing.
pub(super) fn reads_as(overlay: &Overlay<'_>, root: &Slot, text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else {
        return false;
    };
    let Ok(new) = Document::parse(text) else {
        return false;
    };
    let Some(node) = new.root() else {
        return overlay.view().is_null();
    };
    let plain = overlay.doc.props.is_empty() && new.props.is_empty();
    (plain && is_same(overlay.doc, root, node)) || overlay.view().same(View::Node(node))
}

/// Compares along the plan, so that kept nodes are compared by their bytes only. Gives up on
/// anything unusual; the comparison by value decides then.
fn is_same(doc: &Document<'_>, slot: &Slot, new: Node<'_>) -> bool {
    let plan = match slot {
        Slot::Keep(id) => return is_kept(doc.node(*id), new),
        Slot::New(value) => return View::Json(value).same(View::Node(new)),
        Slot::Map(map) => Plan::of_map(doc, map),
        Slot::Seq(seq) => Plan::of_seq(doc, seq),
    };
    let map = matches!(slot, Slot::Map(_));
    let mut children = new.children();
    let mut added = plan.added.iter().peekable();
    for at in 0..=plan.rows.len() {
        while let Some(new) = added.next_if(|a| a.at == at) {
            let key = new.key.as_deref();
            if key.is_some_and(|key| children.next().is_none_or(|k| k.text() != key)) {
                return false;
            }
            let value = children.next();
            if !value.is_some_and(|v| View::Json(&new.value).same(View::Node(v))) {
                return false;
            }
        }
        let Some(row) = plan.rows.get(at).filter(|row| row.stays()) else {
            continue;
        };
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
    children.next().is_none()
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
