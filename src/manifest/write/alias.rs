//! Aliases must go on meaning what they meant. One whose anchor is edited or goes away is replaced
//! by its value, so an edit never shows in another place.

use std::borrow::Cow;

use crate::manifest::edit::EditError;
use crate::manifest::overlay::{self, Slot};
use crate::manifest::rows::{self, Own};
use crate::manifest::tape::{Document, Kind, NodeId};

use super::plan::{Fate, Plan, Row};

/// Replaces aliases by their values until every one that is left still refers to text that the
/// edits do not touch.
///
/// # Errors
/// [`EditError::Unwritable`] when such an alias stands where a value cannot, as a map's key.
pub(super) fn settle<'s>(
    doc: &Document<'_>,
    root: Cow<'s, Slot>,
) -> Result<Cow<'s, Slot>, EditError> {
    let aliases: Vec<_> = aliases(doc).collect();
    let mut root = root;
    if aliases.is_empty() {
        return Ok(root);
    }
    // Every round expands at least one alias, so there are at most as many rounds as aliases.
    for _ in 0..=aliases.len() {
        let mut touched = Touched::default();
        touched.visit(doc, &root);
        let broken: Vec<_> = aliases
            .iter()
            .filter(|(alias, target)| {
                !touched.is_gone(*alias)
                    && (alias == target || touched.is_gone(*target) || touched.is_open(*target))
            })
            .map(|(alias, _)| *alias)
            .collect();
        if broken.is_empty() {
            return Ok(root);
        }
        for alias in broken {
            expand(doc, root.to_mut(), alias)?;
        }
    }
    Err(EditError::Unwritable("its aliases cannot be resolved"))
}

fn aliases(doc: &Document<'_>) -> impl Iterator<Item = (NodeId, NodeId)> {
    let props = doc.props.iter();
    let aliases = props.filter(|prop| doc.node(prop.node).raw().kind == Kind::Alias);
    aliases.map(|prop| (prop.node, prop.target))
}

/// What the edits do to the nodes of the text.
#[derive(Default)]
struct Touched {
    /// Subtrees that go, in order.
    gone: Vec<std::ops::Range<NodeId>>,
    /// Containers of which a part changes, in order.
    open: Vec<NodeId>,
}

impl Touched {
    fn visit(&mut self, doc: &Document<'_>, slot: &Slot) {
        let plan = match slot {
            Slot::Keep(_) => return,
            Slot::New(_) => return self.gone.push(0..doc.node(0).raw().next),
            Slot::Map(map) => (map.base, Plan::of_map(doc, map)),
            Slot::Seq(seq) => (seq.base, Plan::of_seq(doc, seq)),
        };
        let (base, plan) = plan;
        if !plan.has_rows() {
            return self.drop(doc, base, base);
        }
        self.open.push(base);
        for row in &plan.rows {
            self.row(doc, row);
        }
    }

    fn row(&mut self, doc: &Document<'_>, row: &Row<'_>) {
        match row.fate {
            Fate::Keep => {}
            Fate::Remove => self.drop(doc, row.head, row.value),
            Fate::Edit(Slot::New(_)) => self.drop(doc, row.value, row.value),
            Fate::Edit(slot) => self.visit(doc, slot),
        }
    }

    fn drop(&mut self, doc: &Document<'_>, first: NodeId, last: NodeId) {
        self.gone.push(first..doc.node(last).raw().next);
    }

    fn is_gone(&self, id: NodeId) -> bool {
        let after = self.gone.partition_point(|range| range.start <= id);
        let range = after.checked_sub(1).and_then(|at| self.gone.get(at));
        range.is_some_and(|range| range.contains(&id))
    }

    fn is_open(&self, id: NodeId) -> bool {
        self.open.binary_search(&id).is_ok()
    }
}

/// Puts the value of an alias in its place.
fn expand(doc: &Document<'_>, root: &mut Slot, alias: NodeId) -> Result<(), EditError> {
    let mut slot = root;
    loop {
        if let Slot::Keep(id) = *slot {
            let node = doc.node(id);
            if id == alias {
                *slot = Slot::New(node.to_json());
                return Ok(());
            }
            *slot = overlay::unfolded(node).ok_or(UNREACHED)?;
        }
        slot = match slot {
            Slot::Keep(_) | Slot::New(_) => return Err(UNREACHED),
            Slot::Seq(seq) => {
                let holds = |id: NodeId| (id..doc.node(id).raw().next).contains(&alias);
                let mut items = seq.items.iter_mut();
                let item = items.find(|item| item.from.is_some_and(holds));
                &mut item.ok_or(UNREACHED)?.slot
            }
            Slot::Map(map) => {
                let base = doc.node(map.base);
                let holds = |v: NodeId| alias < doc.node(v).raw().next;
                let mut pairs = rows::pairs(base);
                let (key, value) = pairs.find(|(_, v)| holds(v.id())).ok_or(UNREACHED)?;
                if key.is_merge_key() {
                    map.unmerge = true;
                    return Ok(());
                }
                if alias < value.id() {
                    return Err(EditError::Unwritable("an alias is used as a key"));
                }
                let text = rows::key_text(base, key);
                match rows::own_member(base, &text) {
                    Own::Last(last) if last == value.id() => {
                        map.member(doc, &text).ok_or(UNREACHED)?
                    }
                    _ => {
                        map.dropped.push(key.id());
                        return Ok(());
                    }
                }
            }
        };
    }
}

const UNREACHED: EditError = EditError::Unwritable("an alias cannot be reached");
