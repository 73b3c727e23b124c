//! Rules of a chart's own NetworkPolicies that let everyone in or out.
//!
//! NetworkPolicies add up: beside a rule without peers no other policy closes anything. Such a rule
//! says nothing about who calls whom, so where the platform asks for it, it is taken out and the
//! derived policy says instead what the release shows. Rules with peers stay.

use serde_json::json;

use super::OWN;
use crate::inject::Draft;
use crate::manifest::View;
use crate::manifest::edit::{EditError, Operation};
use crate::manifest::view::Type;
use crate::object::Object;

/// The policy that reports, or takes out, rules of a chart's NetworkPolicies that name no peer.
pub const OPEN: &str = "network/open";

/// One direction of traffic, as a NetworkPolicy writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// `spec.ingress`
    Ingress,
    /// `spec.egress`
    Egress,
}

impl Direction {
    /// The field with the rules, and the one with their peers.
    fn fields(self) -> (&'static str, &'static str) {
        match self {
            Direction::Ingress => ("ingress", "from"),
            Direction::Egress => ("egress", "to"),
        }
    }

    /// The name in `policyTypes`.
    fn name(self) -> &'static str {
        match self {
            Direction::Ingress => "Ingress",
            Direction::Egress => "Egress",
        }
    }
}

/// The rules of a NetworkPolicy that name no peer, by direction and place in its list.
pub fn open_rules(policy: View<'_>) -> Vec<(Direction, usize)> {
    let mut open = Vec::new();
    for direction in [Direction::Ingress, Direction::Egress] {
        let (field, peers) = direction.fields();
        let rules = policy.get("spec").and_then(|spec| spec.get(field));
        for (index, rule) in rules.into_iter().flat_map(View::items).enumerate() {
            if is_open(rule, peers) && !(direction == Direction::Egress && is_dns(rule)) {
                open.push((direction, index));
            }
        }
    }
    open
}

/// Whether a rule lets everyone through: no peers, or one that is every pod or every address.
fn is_open(rule: View<'_>, field: &str) -> bool {
    let mut peers = rule.get(field).into_iter().flat_map(View::items).peekable();
    peers.peek().is_none() || peers.any(is_everyone)
}

fn is_everyone(peer: View<'_>) -> bool {
    let empty = |field: &str| {
        let selector = peer.get(field);
        selector.is_some_and(|own| own.value_type() == Type::Map && own.is_empty())
    };
    let absent = |field: &str| peer.get(field).is_none_or(View::is_null);
    if let Some(block) = peer.get("ipBlock") {
        let cidr = block.get("cidr");
        let every = ["0.0.0.0/0", "::/0"];
        return cidr.is_some_and(|own| {
            every
                .iter()
                .any(|cidr| own.as_str().as_deref() == Some(cidr))
        }) && block
            .get("except")
            .into_iter()
            .flat_map(View::items)
            .next()
            .is_none();
    }
    empty("namespaceSelector") && (empty("podSelector") || absent("podSelector"))
}

/// Whether a rule is about name resolution only, which every workload may do.
fn is_dns(rule: View<'_>) -> bool {
    let mut ports = rule
        .get("ports")
        .into_iter()
        .flat_map(View::items)
        .peekable();
    let dns = |port: View<'_>| {
        let number = port.get("port").map(|own| own.to_json());
        matches!(number, Some(number) if number == json!(53) || number == json!("53"))
    };
    ports.peek().is_some() && ports.all(dns)
}

/// Takes the open rules out of a NetworkPolicy of the chart's.
///
/// # Errors
/// An edit cannot be made.
pub fn inject(draft: &mut Draft<'_>, object: &Object<'_>) -> Result<(), EditError> {
    let id = &object.identity;
    if id.kind != "NetworkPolicy" || id.group() != "networking.k8s.io" {
        return Ok(());
    }
    let labels = object
        .view
        .get("metadata")
        .and_then(|own| own.get("labels"));
    if labels.and_then(|labels| labels.get(OWN)).is_some() {
        return Ok(());
    }
    let open = open_rules(object.view);
    let Some(spec) = object.view.get("spec").filter(|_| !open.is_empty()) else {
        return Ok(());
    };
    let at = format!("{}/spec", object.pointer);
    // Left to the API server, a policy without egress rules would no longer cover egress.
    let types = spec.get("policyTypes");
    if types.is_none_or(|types| types.is_null() || types.items().next().is_none()) {
        let egress = spec.get("egress").is_some_and(|rules| !rules.is_null());
        let mut types = vec![Direction::Ingress.name()];
        types.extend(egress.then_some(Direction::Egress.name()));
        draft.apply(
            OPEN,
            Operation::add(format!("{at}/policyTypes"), json!(types)),
        )?;
    }
    for (direction, index) in open.into_iter().rev() {
        let (field, _) = direction.fields();
        draft.apply(OPEN, Operation::remove(format!("{at}/{field}/{index}")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Direction::{Egress, Ingress};
    use super::*;
    use crate::manifest::Document;

    fn open(spec: &str) -> Vec<(Direction, usize)> {
        let text = format!("spec: {spec}\n");
        let document = Document::parse(&text).unwrap();
        open_rules(View::Node(document.root().unwrap()))
    }

    #[test]
    fn rules_that_name_nobody_are_open() {
        for (spec, expected) in [
            ("{}", vec![]),
            ("{ingress: null, egress: []}", vec![]),
            ("{ingress: [{}]}", vec![(Ingress, 0)]),
            ("{ingress: [{ports: [{port: 5432}]}]}", vec![(Ingress, 0)]),
            ("{ingress: [{from: []}]}", vec![(Ingress, 0)]),
            ("{ingress: [{from: null}]}", vec![(Ingress, 0)]),
            (
                "{ingress: [{from: [{podSelector: {}}]}, {}]}",
                vec![(Ingress, 1)],
            ),
            (
                "{ingress: [{from: [{namespaceSelector: {}}]}]}",
                vec![(Ingress, 0)],
            ),
            (
                "{ingress: [{from: [{namespaceSelector: {}, podSelector: {}}]}]}",
                vec![(Ingress, 0)],
            ),
            (
                "{ingress: [{from: [{namespaceSelector: {}, podSelector: {matchLabels: {a: b}}}]}]}",
                vec![],
            ),
            (
                "{egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}",
                vec![(Egress, 0)],
            ),
            (
                "{egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}]}]}",
                vec![],
            ),
            (
                "{egress: [{ports: [{port: 53, protocol: UDP}, {port: 53}]}]}",
                vec![],
            ),
            (
                "{egress: [{ports: [{port: 53}, {port: 443}]}, {}]}",
                vec![(Egress, 0), (Egress, 1)],
            ),
        ] {
            assert_eq!(open(spec), expected, "{spec}");
        }
    }
}
