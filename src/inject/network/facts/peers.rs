//! Which pods the rules of a chart's own NetworkPolicies name.

use super::objects::{Selected, port_ref, protocol};
use super::text;
use crate::inject::network::narrow::Direction;
use crate::inject::network::texts::{Text, Texts};
use crate::inject::network::topology::{PortRef, Protocol};
use crate::manifest::View;
use crate::object::Object;

/// The label by which every cluster knows a namespace's name.
const NAMESPACE: &str = "kubernetes.io/metadata.name";

/// Pods that a rule names, and the ports of the called pods.
#[derive(Debug)]
pub struct Allowed {
    /// Which way the calls go.
    pub direction: Direction,
    /// Where the pods are.
    pub place: Where,
    /// Which they are; never all of them.
    pub pods: Selected,
    /// The ports; never none.
    pub ports: Vec<(PortRef, Protocol)>,
    /// Pointer to the peer from the document's root.
    pub pointer: Text,
}

/// The namespaces in which a peer selects pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Where {
    /// The policy's own.
    Here,
    /// The one of that name.
    Named(Text),
    /// Any.
    Anywhere,
}

/// The pods that a policy's rules name. Rules without ports, with ranges of ports, and peers that are
/// all pods or addresses show no single call.
pub(super) fn read(policy: &Object<'_>, texts: &mut Texts) -> Vec<Allowed> {
    let mut found = Vec::new();
    for (direction, field, side) in [
        (Direction::Ingress, "ingress", "from"),
        (Direction::Egress, "egress", "to"),
    ] {
        let rules = policy.view.get("spec").and_then(|spec| spec.get(field));
        for (index, rule) in rules.into_iter().flat_map(View::items).enumerate() {
            let ports = ports(rule);
            let peers = rule.get(side).filter(|_| !ports.is_empty());
            for (number, peer) in peers.into_iter().flat_map(View::items).enumerate() {
                let at = format!("{}/spec/{field}/{index}/{side}/{number}", policy.pointer);
                let pods = Selected::read(peer.get("podSelector"), texts);
                let Some(place) = place(peer).filter(|_| !pods.is_empty()) else {
                    continue;
                };
                found.push(Allowed {
                    direction,
                    place,
                    pods,
                    ports: ports.clone(),
                    pointer: texts.keep(&at),
                });
            }
        }
    }
    found
}

fn ports(rule: View<'_>) -> Vec<(PortRef, Protocol)> {
    let ports = rule.get("ports").into_iter().flat_map(View::items);
    let single = ports.filter(|port| port.get("endPort").is_none_or(View::is_null));
    let named = single.filter_map(|port| Some((port_ref(port.get("port")?)?, protocol(port))));
    named.collect()
}

/// Where a peer's pods are; `None` where only the cluster could tell.
fn place(peer: View<'_>) -> Option<Where> {
    let selector = peer.get("namespaceSelector").filter(|own| !own.is_null());
    let Some(selector) = selector else {
        return Some(Where::Here);
    };
    if selector.value_type() != crate::manifest::view::Type::Map {
        return None;
    }
    if selector.is_empty() {
        return Some(Where::Anywhere);
    }
    let labels = selector.get("matchLabels")?;
    let alone = selector.entries().count() == 1 && labels.entries().count() == 1;
    let name = labels.get(NAMESPACE).and_then(text).filter(|_| alone)?;
    Some(Where::Named(Text::from(name)))
}
