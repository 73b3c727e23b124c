//! Rules that one schema answers together.

use serde_json::Value;

use super::look::Look;
use super::model::NodeKind;
use super::rule::ActiveRule;
use super::schema::{Merged, Schema};
use super::target::Pod;

/// Rules that look at the same values, as one schema.
#[derive(Debug)]
pub(super) struct Group {
    look: Look,
    schema: Schema,
}

impl Group {
    /// Whether the pod satisfies all rules of the group, their conditions aside.
    pub fn holds(&self, pod: &Pod<'_, '_>) -> bool {
        self.look
            .each(pod, &mut |asked| self.schema.holds(asked.view))
    }
}

/// Puts the rules about pods into groups. A rule's conditions only make it apply less often, so what
/// satisfies a group satisfies every rule in it.
pub(super) fn group(rules: &[ActiveRule]) -> Vec<Group> {
    let mut merged: Vec<(Look, Merged)> = Vec::new();
    let mut alone: Vec<(Look, Value)> = Vec::new();
    for active in rules
        .iter()
        .filter(|active| active.rule.node != NodeKind::Object)
    {
        let (look, schema) = (active.look.clone(), &active.rule.schema);
        if !Merged::takes(schema) {
            alone.push((look, schema.clone()));
            continue;
        }
        match merged.iter_mut().find(|(other, _)| *other == look) {
            Some((_, group)) => group.add(schema),
            None => {
                let mut group = Merged::default();
                group.add(schema);
                merged.push((look, group));
            }
        }
    }
    let merged = merged
        .into_iter()
        .map(|(look, group)| (look, group.into_schema()));
    let groups = merged.chain(alone);
    groups
        .map(|(look, schema)| Group {
            look,
            schema: Schema::new(schema),
        })
        .collect()
}
