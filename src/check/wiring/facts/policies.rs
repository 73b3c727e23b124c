//! What NetworkPolicies let through, as far as the checks ask.

use super::{Wires, port};
use crate::inject::network::facts::{Selected, member, text};
use crate::inject::network::labels::{self, Labels};
use crate::inject::network::texts::Texts;
use crate::inject::network::topology::{ObjectRef, PortRef};
use crate::manifest::View;
use crate::object::Object;

/// The label that every cluster sets on its namespaces.
pub const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// A NetworkPolicy that covers outgoing traffic.
#[derive(Debug)]
pub struct Egress {
    /// The object.
    pub object: ObjectRef,
    /// Which pods it covers.
    pub selector: Selected,
    /// What it allows.
    pub rules: Vec<EgressRule>,
}

/// One rule: everything to all of these peers on all of these ports.
#[derive(Debug)]
pub struct EgressRule {
    /// Pointer from the document's root.
    pub pointer: String,
    /// The peers; anyone when empty.
    pub peers: Vec<Peer>,
    /// Protocol, port, last port of a range; all when empty.
    pub ports: Vec<(String, Option<PortRef>, Option<u16>)>,
}

/// A peer of a rule.
#[derive(Debug)]
pub enum Peer {
    /// Addresses.
    Block,
    /// Pods of the policy's own namespace.
    Here,
    /// Pods of namespaces with these labels, or by an expression; all of them where both are empty.
    Namespaces {
        /// `matchLabels`
        labels: Labels,
        /// Whether there are `matchExpressions`.
        expressions: bool,
        /// Whether only some pods of them.
        pods: bool,
    },
}

impl EgressRule {
    /// Whether the rule allows a port and protocol.
    pub fn allows(&self, protocol: &str, number: u16) -> bool {
        let fits = |(own, port, last): &(String, Option<PortRef>, Option<u16>)| {
            own == protocol
                && match (port, last) {
                    (None, _) => true,
                    (Some(PortRef::Number(first)), Some(last)) => {
                        (*first..=*last).contains(&number)
                    }
                    (Some(PortRef::Number(own)), None) => *own == number,
                    // kube-dns calls its ports dns and dns-tcp.
                    (Some(PortRef::Name(name)), _) => number == 53 && name.starts_with("dns"),
                }
        };
        self.ports.is_empty() || self.ports.iter().any(fits)
    }

    /// Whether the rule may reach pods in a namespace other than the policy's own.
    pub fn may_reach(&self, namespace: &str) -> bool {
        self.peers.is_empty()
            || self.peers.iter().any(|peer| match peer {
                // Whether a range of addresses covers pods is up to the network plugin.
                Peer::Block => true,
                Peer::Here => false,
                Peer::Namespaces { labels, .. } => labels
                    .get(NAMESPACE_NAME)
                    .or_else(|| labels.get("name"))
                    .is_none_or(|name| *name == *namespace),
            })
    }
}

impl Wires {
    pub(super) fn network_policy(&mut self, own: &ObjectRef, object: &Object<'_>) {
        let Some(spec) = object.view.get("spec") else {
            return;
        };
        let types = spec.get("policyTypes").into_iter().flat_map(View::items);
        let types: Vec<_> = types.filter_map(text).collect();
        let rules = spec.get("egress").filter(|rules| !rules.is_null());
        for (direction, list) in [("ingress", "from"), ("egress", "to")] {
            self.by_label(own, object, direction, list);
        }
        if !types.iter().any(|own| own == "Egress") && (!types.is_empty() || rules.is_none()) {
            return;
        }
        let at = format!("{}/spec/egress", object.pointer);
        let rules = rules.into_iter().flat_map(View::items).enumerate();
        self.egress.push(Egress {
            object: own.clone(),
            selector: Selected::read(spec.get("podSelector"), &mut self.texts),
            rules: rules
                .map(|(index, rule)| read_rule(rule, format!("{at}/{index}"), &mut self.texts))
                .collect(),
        });
    }

    /// Namespaces that a policy selects by the label `name`, which nobody sets by itself.
    fn by_label(&mut self, own: &ObjectRef, object: &Object<'_>, direction: &str, list: &str) {
        let rules = object.view.get("spec").and_then(|spec| spec.get(direction));
        for (index, rule) in rules.into_iter().flat_map(View::items).enumerate() {
            let peers = rule.get(list).into_iter().flat_map(View::items);
            for (peer, view) in peers.enumerate() {
                let labels = view.pointer("/namespaceSelector/matchLabels");
                if let Some(name) = labels.and_then(|labels| member(labels, "name")) {
                    let at = format!(
                        "{}/spec/{direction}/{index}/{list}/{peer}/namespaceSelector/matchLabels/name",
                        object.pointer
                    );
                    self.by_name.push((own.clone(), at.into(), name.into()));
                }
            }
        }
    }
}

fn read_rule(rule: View<'_>, pointer: String, texts: &mut Texts) -> EgressRule {
    let peers = rule.get("to").into_iter().flat_map(View::items);
    let ports = rule.get("ports").into_iter().flat_map(View::items);
    EgressRule {
        pointer,
        peers: peers.map(|peer| read_peer(peer, texts)).collect(),
        ports: ports
            .map(|own| {
                let protocol = member(own, "protocol").unwrap_or("TCP".into());
                let last = own.get("endPort").and_then(text);
                (
                    protocol.into_owned(),
                    port(own.get("port")),
                    last.and_then(|last| last.parse().ok()),
                )
            })
            .collect(),
    }
}

fn read_peer(peer: View<'_>, texts: &mut Texts) -> Peer {
    if peer.get("ipBlock").is_some() {
        return Peer::Block;
    }
    match peer.get("namespaceSelector").filter(|own| !own.is_null()) {
        None => Peer::Here,
        Some(selector) => Peer::Namespaces {
            labels: labels::read(selector.get("matchLabels"), texts),
            expressions: selector
                .get("matchExpressions")
                .is_some_and(|own| !own.is_empty()),
            pods: peer.get("podSelector").is_some_and(|own| !own.is_empty()),
        },
    }
}
