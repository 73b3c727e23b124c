//! Peers as NetworkPolicies write them.

use serde_json::{Value, json};

use crate::inject::network::labels::Labels;
use crate::inject::network::topology::{Peer, Topology};
use crate::platform::network::{Cidr, Network, PeerSide, Pods};

/// The label by which every cluster knows a namespace's name (since Kubernetes 1.21).
pub(super) const NAMESPACE: &str = "kubernetes.io/metadata.name";

/// A peer of a rule, as a policy writes it.
#[derive(Clone, Debug, PartialEq)]
pub enum Selection<'t> {
    /// A workload's pods by their labels; in another namespace by its name too.
    Pods(Option<&'t str>, &'t Labels),
    /// Anything else.
    Other(Value),
}

impl Selection<'_> {
    /// The peer as the API server takes it.
    pub fn to_value(&self) -> Value {
        match self {
            Selection::Pods(None, labels) => json!({"podSelector": {"matchLabels": labels}}),
            Selection::Pods(Some(namespace), labels) => json!({
                "namespaceSelector": {"matchLabels": {NAMESPACE: namespace}},
                "podSelector": {"matchLabels": labels},
            }),
            Selection::Other(value) => value.clone(),
        }
    }
}

/// Writes peers for policies in one namespace.
pub struct Peers<'a, 'n> {
    /// The release.
    pub topology: &'a Topology,
    /// The platform's settings.
    pub network: &'n Network,
    /// The namespace of the policy.
    pub namespace: &'a str,
}

impl<'a> Peers<'a, '_> {
    /// A peer; `None` stands for everyone, which is written by leaving peers out.
    pub fn write(&self, peer: &Peer) -> Option<Vec<Selection<'a>>> {
        let others = match peer {
            Peer::World => return None,
            Peer::Workload(number) => match self.topology.workloads.get(*number) {
                // To others its calls come from the node, which no pod selector means.
                Some(own) if own.host_network && !self.network.nodes.is_empty() => {
                    self.network.nodes.iter().map(block).collect()
                }
                Some(own) => {
                    let elsewhere = *own.namespace != *self.namespace;
                    let namespace = elsewhere.then_some(own.namespace.as_str());
                    return Some(vec![Selection::Pods(namespace, &own.selector)]);
                }
                None => Vec::new(),
            },
            Peer::Ingress => self.sides(&self.network.ingress),
            Peer::Prometheus => self.sides(&self.network.prometheus),
            Peer::ApiServer => self.network.api_server.cidrs.iter().map(block).collect(),
            // The release's own, which nobody has named.
            Peer::Namespace(name) if name.is_empty() => vec![json!({"podSelector": {}})],
            Peer::Namespace(name) => vec![namespaces(&[(NAMESPACE, name)])],
            Peer::Behind(own) => {
                let elsewhere = *own.namespace != *self.namespace;
                let namespace = elsewhere.then_some(own.namespace.as_str());
                vec![Selection::Pods(namespace, &own.labels).to_value()]
            }
            Peer::Outside(_) => self.outside(),
            Peer::Address(cidr) => vec![json!({"ipBlock": {"cidr": cidr}})],
            Peer::Extra(index) => match self.network.peers.get(*index) {
                Some(extra) => {
                    let side = extra.to.as_ref().or(extra.from.as_ref());
                    side.map(|side| self.side(side)).unwrap_or_default()
                }
                None => Vec::new(),
            },
        };
        Some(others.into_iter().map(Selection::Other).collect())
    }

    /// Everything but private addresses.
    fn outside(&self) -> Vec<Value> {
        let private = |v6: bool| {
            let ranges = self.network.private_ranges.iter();
            let ranges = ranges.filter(move |range| range.is_v6() == v6);
            ranges.map(Cidr::to_string).collect::<Vec<_>>()
        };
        let block = |cidr: &str, except: Vec<String>| match except.is_empty() {
            true => json!({"ipBlock": {"cidr": cidr}}),
            false => json!({"ipBlock": {"cidr": cidr, "except": except}}),
        };
        vec![
            block("0.0.0.0/0", private(false)),
            block("::/0", private(true)),
        ]
    }

    fn sides(&self, sides: &[PeerSide]) -> Vec<Value> {
        sides.iter().flat_map(|side| self.side(side)).collect()
    }

    fn side(&self, side: &PeerSide) -> Vec<Value> {
        if let Some(cidr) = &side.cidr {
            return vec![block(cidr)];
        }
        if let Some(zone) = &side.zone {
            let names = self.network.zones.get(zone);
            return vec![json!({"namespaceSelector": {"matchExpressions": [
                {"key": NAMESPACE, "operator": "In", "values": names.cloned().unwrap_or_default()},
            ]}})];
        }
        if side.namespace.is_none() && side.namespace_labels.is_empty() {
            return vec![json!({"podSelector": {"matchLabels": side.pods}})];
        }
        all(&[Pods {
            namespace: side.namespace.clone(),
            namespace_labels: side.namespace_labels.clone(),
            pods: side.pods.clone(),
        }])
    }
}

fn block(cidr: &Cidr) -> Value {
    json!({"ipBlock": {"cidr": cidr.to_string()}})
}

fn namespaces(labels: &[(&str, &str)]) -> Value {
    let labels: std::collections::BTreeMap<_, _> = labels.iter().copied().collect();
    json!({"namespaceSelector": {"matchLabels": labels}})
}

/// Pods of other releases.
pub fn all(pods: &[Pods]) -> Vec<Value> {
    let one = |own: &Pods| {
        let mut labels = own.namespace_labels.clone();
        if let Some(name) = &own.namespace {
            labels.insert(NAMESPACE.into(), name.clone());
        }
        let mut peer = json!({"namespaceSelector": {"matchLabels": labels}});
        if let (false, Some(peer)) = (own.pods.is_empty(), peer.as_object_mut()) {
            peer.insert("podSelector".into(), json!({"matchLabels": own.pods}));
        }
        peer
    };
    pods.iter().map(one).collect()
}

/// The DNS servers: pods, and caches on the node.
pub fn dns(network: &Network) -> Vec<Value> {
    let mut peers = all(&network.dns.pods);
    peers.extend(network.dns.addresses.iter().map(block));
    peers
}
