//! The rules of one policy.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::peers::{self, Peers, Selection};
use super::{Directions, Inputs, RELEASE};
use crate::inject::network::labels::Labels;
use crate::inject::network::topology::{Edge, Peer, Port, PortRef, Protocol, Topology, Workload};
use crate::platform::network::{Mode, Network, PortSpec};

/// The `spec` of a policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec<'t> {
    /// `podSelector.matchLabels`
    pub selector: &'t Labels,
    /// What may come in; `None` where the policy does not say.
    pub ingress: Option<Vec<Rule<'t>>>,
    /// What may go out besides name resolution; `None` where the policy does not say.
    pub egress: Option<Vec<Rule<'t>>>,
}

/// A rule of a policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule<'t> {
    /// Who is let through: everyone where nobody is said.
    pub peers: Option<Vec<Selection<'t>>>,
    /// The ports; all without.
    pub ports: Vec<Port>,
}

impl Spec<'_> {
    /// The `spec` as the API server takes it. `network` says how names are resolved.
    pub fn to_value(&self, network: &Network) -> Value {
        let mut spec = Map::new();
        let selector = json!({"matchLabels": self.selector});
        spec.insert("podSelector".into(), selector);
        if let Some(rules) = self.ingress.as_ref().filter(|rules| !rules.is_empty()) {
            let rules = rules.iter().map(|rule| rule.to_value("from"));
            spec.insert("ingress".into(), rules.collect());
        }
        if let Some(rules) = &self.egress {
            let rules = rules.iter().map(|rule| rule.to_value("to"));
            let dns = dns(network).to_value("to");
            spec.insert("egress".into(), std::iter::once(dns).chain(rules).collect());
        }
        spec.insert("policyTypes".into(), json!(self.types()));
        Value::Object(spec)
    }

    /// `policyTypes`
    pub fn types(&self) -> Vec<&'static str> {
        let ingress = self.ingress.as_ref().map(|_| "Ingress");
        let egress = self.egress.as_ref().map(|_| "Egress");
        ingress.into_iter().chain(egress).collect()
    }
}

impl Rule<'_> {
    /// The rule with its peers under `side`.
    fn to_value(&self, side: &str) -> Value {
        let mut rule = Map::new();
        if let Some(peers) = &self.peers {
            rule.insert(side.into(), peers.iter().map(Selection::to_value).collect());
        }
        if !self.ports.is_empty() {
            rule.insert("ports".into(), self.ports.iter().map(port).collect());
        }
        Value::Object(rule)
    }
}

/// The edges of a release, by the workload whose policy they go into.
pub struct Rules<'a, 'i> {
    topology: &'a Topology,
    inputs: &'i Inputs<'i>,
    /// Edges to each workload.
    incoming: Vec<Vec<&'a Edge>>,
    /// Edges from each workload.
    outgoing: Vec<Vec<&'a Edge>>,
    /// The namespaces of the release.
    namespaces: BTreeSet<&'a str>,
}

/// Peers by the ports they share; no ports are all ports.
type ByPorts<'e> = BTreeMap<Vec<Port>, Vec<&'e Peer>>;

impl<'a, 'i> Rules<'a, 'i> {
    /// Sorts the edges of a topology.
    pub fn new(topology: &'a Topology, inputs: &'i Inputs<'i>) -> Rules<'a, 'i> {
        let mut incoming = vec![Vec::new(); topology.workloads.len()];
        let mut outgoing = incoming.clone();
        for edge in &topology.edges {
            for (peer, list) in [(&edge.to, &mut incoming), (&edge.from, &mut outgoing)] {
                if let Peer::Workload(number) = peer
                    && let Some(edges) = list.get_mut(*number)
                {
                    edges.push(edge);
                }
            }
        }
        let namespaces = topology.workloads.iter().map(|own| &*own.namespace);
        Rules {
            topology,
            inputs,
            incoming,
            outgoing,
            namespaces: namespaces.collect(),
        }
    }

    /// The `spec` of a workload's policy.
    pub fn spec(&self, number: usize, workload: &'a Workload, directions: Directions) -> Spec<'a> {
        let peers = Peers {
            topology: self.topology,
            network: self.inputs.network,
            namespace: &workload.namespace,
        };
        Spec {
            selector: &workload.selector,
            ingress: directions
                .ingress
                .then(|| self.ingress(number, workload, &peers)),
            egress: directions.egress.then(|| self.egress(number, &peers)),
        }
    }

    fn ingress(&self, number: usize, workload: &Workload, peers: &Peers<'a, '_>) -> Vec<Rule<'a>> {
        let edges = self
            .incoming
            .get(number)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let mut rules = Vec::new();
        let isolate = self.inputs.mode == Mode::Isolate;
        if let (true, Some(release)) = (isolate, self.inputs.release) {
            rules.push(Rule {
                peers: Some(self.release(release, workload)),
                ports: Vec::new(),
            });
        }
        // In mode `isolate` all of the release may call anyway.
        let edges = edges
            .iter()
            .filter(|edge| !isolate || !matches!(edge.from, Peer::Workload(_)));
        let by_ports = self.by_ports(edges.map(|edge| (&edge.from, *edge)));
        rules.extend(self.write(by_ports, peers));
        rules
    }

    /// All pods of the release, in all of its namespaces.
    fn release(&self, release: &str, workload: &Workload) -> Vec<Selection<'a>> {
        let pods = json!({"matchLabels": {RELEASE: release}});
        let mut from = vec![Selection::Other(json!({"podSelector": pods}))];
        for namespace in self
            .namespaces
            .iter()
            .filter(|own| workload.namespace != **own)
        {
            from.push(Selection::Other(json!({
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "podSelector": pods,
            })));
        }
        from
    }

    fn egress(&self, number: usize, peers: &Peers<'a, '_>) -> Vec<Rule<'a>> {
        let edges = self
            .outgoing
            .get(number)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let by_ports = self.by_ports(edges.iter().map(|edge| (&edge.to, *edge)));
        self.write(by_ports, peers)
    }

    /// Groups peers by the ports they share.
    fn by_ports<'e>(&self, edges: impl Iterator<Item = (&'e Peer, &'e Edge)>) -> ByPorts<'e> {
        let mut ports: BTreeMap<&Peer, (bool, BTreeSet<Port>)> = BTreeMap::new();
        for (peer, edge) in edges {
            let (all, ports) = ports.entry(peer).or_default();
            let own = self.ports(peer, edge);
            *all |= own.is_empty();
            ports.extend(own);
        }
        let mut by_ports = ByPorts::new();
        for (peer, (all, ports)) in ports {
            let ports = if all {
                Vec::new()
            } else {
                ports.into_iter().collect()
            };
            by_ports.entry(ports).or_default().push(peer);
        }
        by_ports
    }

    /// The ports of an edge; none for all.
    fn ports(&self, peer: &Peer, edge: &Edge) -> Vec<Port> {
        let network = self.inputs.network;
        match (peer, &edge.port) {
            (_, Some(port)) => vec![port.clone()],
            (Peer::ApiServer, None) => network.api_server.ports.iter().map(|p| tcp(*p)).collect(),
            (Peer::Extra(index), None) => {
                let extra = network.peers.get(*index);
                let ports = extra.map(|extra| extra.ports.as_slice());
                ports.unwrap_or_default().iter().map(given).collect()
            }
            _ => Vec::new(),
        }
    }

    fn write(&self, by_ports: ByPorts<'_>, peers: &Peers<'a, '_>) -> Vec<Rule<'a>> {
        let mut rules = Vec::new();
        for (ports, list) in by_ports {
            let mut written = Vec::new();
            let mut everyone = false;
            for peer in list {
                match peers.write(peer) {
                    Some(peers) => written.extend(peers),
                    None => everyone = true,
                }
            }
            // An empty list would mean everyone.
            if !everyone && written.is_empty() {
                continue;
            }
            rules.push(Rule {
                peers: (!everyone).then(|| unique(written)),
                ports,
            });
        }
        rules
    }
}

/// Name resolution, for every workload: who calls a host needs its address first, and programs that
/// call nobody still look up their own name, and hang when nobody answers.
pub(super) fn dns(network: &Network) -> Rule<'static> {
    let peers = peers::dns(network).into_iter();
    let port = |protocol| Port {
        port: PortRef::Number(network.dns.port),
        protocol,
    };
    Rule {
        peers: Some(peers.map(Selection::Other).collect()),
        ports: vec![port(Protocol::Udp), port(Protocol::Tcp)],
    }
}

fn unique(selections: Vec<Selection<'_>>) -> Vec<Selection<'_>> {
    if selections.len() < 2 {
        return selections;
    }
    let mut unique = Vec::with_capacity(selections.len());
    let mut seen = BTreeSet::new();
    for selection in selections {
        if seen.insert(selection.to_value().to_string()) {
            unique.push(selection);
        }
    }
    unique
}

fn tcp(number: u16) -> Port {
    Port {
        port: PortRef::Number(number),
        protocol: Protocol::Tcp,
    }
}

fn given(port: &PortSpec) -> Port {
    Port {
        port: PortRef::Number(port.port),
        protocol: match port.protocol.as_str() {
            "UDP" => Protocol::Udp,
            "SCTP" => Protocol::Sctp,
            _ => Protocol::Tcp,
        },
    }
}

fn port(port: &Port) -> Value {
    let number = match &port.port {
        PortRef::Number(number) => json!(number),
        PortRef::Name(name) => json!(**name),
    };
    json!({"port": number, "protocol": port.protocol.name()})
}

/// A name of at most `max` characters: a long one is cut, and a digest of the whole keeps it apart
/// from its like.
pub fn shorten(name: &str, max: usize) -> String {
    if name.len() <= max {
        return name.to_owned();
    }
    // FNV-1a, which is the same in every version of the program.
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mut end = max.saturating_sub(17);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    let head = name.get(..end).unwrap_or_default();
    format!("{}-{hash:016x}", head.trim_end_matches(['-', '.', '_']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        let (a, b) = (
            format!("{}a", "x".repeat(80)),
            format!("{}b", "x".repeat(80)),
        );
        assert_eq!(shorten("web", 63), "web");
        assert_eq!(shorten(&a, 63).len(), 63);
        assert_ne!(shorten(&a, 63), shorten(&b, 63));
        assert_eq!(shorten(&a, 63), shorten(&a, 63));
    }
}
