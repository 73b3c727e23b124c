//! The second look at a document with aliases or merges: bounds on what aliases expand to, and merges
//! of what can be merged.

use serde_json::Value;

use super::super::error::{Step, fail};
use super::super::limits::{MAX_EXPANDED_DEPTH, allowed_alias_ratio};
use super::super::tape::{Document, Kind, Node};

/// Counts what Go's decoder would decode (`unmarshal` in `decode.go`), in its order.
struct Counter {
    decoded: u64,
    from_aliases: u64,
    alias_depth: usize,
    depth: usize,
}

/// Refuses excessive aliasing, and merges of anything but maps.
pub(super) fn references(doc: &Document<'_>) -> Step<()> {
    let mut counter = Counter {
        decoded: 1,
        from_aliases: 0,
        alias_depth: 0,
        depth: 0,
    };
    match doc.root() {
        Some(root) => counter.node(root),
        None => Ok(()),
    }
}

impl Counter {
    fn count(&mut self, at: Node<'_>) -> Step<()> {
        self.decoded += 1;
        self.from_aliases += u64::from(self.alias_depth > 0);
        let ratio = self.from_aliases as f64 / self.decoded as f64;
        if self.from_aliases > 100
            && self.decoded > 1000
            && ratio > allowed_alias_ratio(self.decoded)
        {
            return fail(at.raw().start as usize, "excessive aliasing");
        }
        Ok(())
    }

    fn node(&mut self, node: Node<'_>) -> Step<()> {
        self.depth += 1;
        if self.depth > MAX_EXPANDED_DEPTH {
            let reason = format!("aliases that nest deeper than {MAX_EXPANDED_DEPTH} levels");
            return fail(node.raw().start as usize, reason);
        }
        self.count(node)?;
        match node.raw().kind {
            Kind::Scalar => {}
            Kind::Seq => {
                for item in node.children() {
                    self.node(item)?;
                }
            }
            Kind::Map => self.map(node)?,
            Kind::Alias => {
                self.alias_depth += 1;
                match node.document().foreign_value(node.id()) {
                    Some(value) => self.foreign(node, value)?,
                    None => self.node(node.resolved())?,
                }
                self.alias_depth -= 1;
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn map(&mut self, map: Node<'_>) -> Step<()> {
        let mut children = map.children();
        while let Some((key, value)) = children.next_pair() {
            if key.is_merge_key() {
                self.merge(value)?;
            } else {
                self.node(key)?;
                self.node(value)?;
            }
        }
        Ok(())
    }

    /// `merge` in `decode.go`: a map, an alias to one, or a list of both.
    fn merge(&mut self, value: Node<'_>) -> Step<()> {
        if value.raw().kind != Kind::Seq {
            return self.merge_one(value);
        }
        let items: Vec<_> = value.children().collect();
        items
            .into_iter()
            .rev()
            .try_for_each(|item| self.merge_one(item))
    }

    fn merge_one(&mut self, value: Node<'_>) -> Step<()> {
        let is_map = match value.document().foreign_value(value.id()) {
            Some(foreign) => foreign.is_object(),
            None => value.resolved().raw().kind == Kind::Map,
        };
        if !is_map {
            let reason = "a '<<' merge of something that is no map";
            return fail(value.raw().start as usize, reason);
        }
        self.node(value)
    }

    fn foreign(&mut self, alias: Node<'_>, value: &Value) -> Step<()> {
        self.depth += 1;
        if self.depth > MAX_EXPANDED_DEPTH {
            let reason = format!("aliases that nest deeper than {MAX_EXPANDED_DEPTH} levels");
            return fail(alias.raw().start as usize, reason);
        }
        self.count(alias)?;
        match value {
            Value::Array(items) => items.iter().try_for_each(|v| self.foreign(alias, v))?,
            Value::Object(members) => {
                for value in members.values() {
                    self.count(alias)?;
                    self.foreign(alias, value)?;
                }
            }
            _ => {}
        }
        self.depth -= 1;
        Ok(())
    }
}
