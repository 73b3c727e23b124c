//! The rules of one policy.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::peers::{self, Peers};
use super::{Directions, Inputs, RELEASE};
use crate::inject::network::topology::{Edge, Peer, Port, PortRef, Protocol, Topology, Workload};
use crate::platform::network::{Mode, Network, PortSpec};

/// The edges of a release, by the workload whose policy they go into.
pub struct Rules<'a> {
    topology: &'a Topology,
    inputs: &'a Inputs<'a>,
    /// Edges to each workload.
    incoming: Vec<Vec<&'a Edge>>,
    /// Edges from each workload.
    outgoing: Vec<Vec<&'a Edge>>,
    /// The namespaces of the release.
    namespaces: BTreeSet<&'a str>,
    /// The rule that every policy has.
    dns: Value,
}

/// Peers by the ports they share; no ports are all ports.
type ByPorts<'e> = BTreeMap<Vec<Port>, Vec<&'e Peer>>;

impl<'a> Rules<'a> {
    /// Sorts the edges of a topology.
    pub fn new(topology: &'a Topology, inputs: &'a Inputs<'a>) -> Rules<'a> {
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
        let namespaces = topology.workloads.iter().map(|own| own.namespace.as_str());
        Rules {
            topology,
            inputs,
            incoming,
            outgoing,
            namespaces: namespaces.collect(),
            dns: dns(inputs.network),
        }
    }

    /// The `spec` of a workload's policy.
    pub fn spec(&self, number: usize, workload: &Workload, directions: Directions) -> Value {
        let peers = Peers {
            topology: self.topology,
            network: self.inputs.network,
            namespace: &workload.namespace,
        };
        let mut spec = Map::new();
        let mut types = Vec::new();
        spec.insert(
            "podSelector".into(),
            json!({"matchLabels": workload.selector}),
        );
        if directions.ingress {
            types.push("Ingress");
            let rules = self.ingress(number, workload, &peers);
            if !rules.is_empty() {
                spec.insert("ingress".into(), Value::Array(rules));
            }
        }
        if directions.egress {
            types.push("Egress");
            let rules = self.egress(number, &peers);
            if !rules.is_empty() {
                spec.insert("egress".into(), Value::Array(rules));
            }
        }
        spec.insert("policyTypes".into(), json!(types));
        Value::Object(spec)
    }

    fn ingress(&self, number: usize, workload: &Workload, peers: &Peers<'_>) -> Vec<Value> {
        let edges = self
            .incoming
            .get(number)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let mut rules = Vec::new();
        let isolate = self.inputs.mode == Mode::Isolate;
        if let (true, Some(release)) = (isolate, self.inputs.release) {
            rules.push(json!({"from": self.release(release, workload)}));
        }
        // In mode `isolate` all of the release may call anyway.
        let edges = edges
            .iter()
            .filter(|edge| !isolate || !matches!(edge.from, Peer::Workload(_)));
        let by_ports = self.by_ports(edges.map(|edge| (&edge.from, *edge)));
        rules.extend(self.write("from", by_ports, peers));
        rules
    }

    /// All pods of the release, in all of its namespaces.
    fn release(&self, release: &str, workload: &Workload) -> Vec<Value> {
        let pods = json!({"matchLabels": {RELEASE: release}});
        let mut from = vec![json!({"podSelector": pods})];
        for namespace in self
            .namespaces
            .iter()
            .filter(|own| **own != workload.namespace)
        {
            from.push(json!({
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "podSelector": pods,
            }));
        }
        from
    }

    fn egress(&self, number: usize, peers: &Peers<'_>) -> Vec<Value> {
        let edges = self
            .outgoing
            .get(number)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let by_ports = self.by_ports(edges.iter().map(|edge| (&edge.to, *edge)));
        let mut rules = vec![self.dns.clone()];
        rules.extend(self.write("to", by_ports, peers));
        rules
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

    fn write(&self, side: &str, by_ports: ByPorts<'_>, peers: &Peers<'_>) -> Vec<Value> {
        let mut rules = Vec::new();
        for (ports, list) in by_ports {
            let mut written: Vec<Value> = Vec::new();
            let mut everyone = false;
            for peer in list {
                match peers.write(peer) {
                    Some(peers) => written.extend(peers),
                    None => everyone = true,
                }
            }
            written.dedup();
            let mut rule = Map::new();
            if !everyone {
                // An empty list would mean everyone.
                if written.is_empty() {
                    continue;
                }
                rule.insert(side.into(), Value::Array(unique(written)));
            }
            if !ports.is_empty() {
                rule.insert(
                    "ports".into(),
                    Value::Array(ports.iter().map(port).collect()),
                );
            }
            rules.push(Value::Object(rule));
        }
        rules
    }
}

/// Name resolution, for every workload: who calls a host needs its address first, and programs that
/// call nobody still look up their own name, and hang when nobody answers.
fn dns(network: &Network) -> Value {
    let port = network.dns.port;
    json!({
        "to": peers::dns(network),
        "ports": [{"port": port, "protocol": "UDP"}, {"port": port, "protocol": "TCP"}],
    })
}

fn unique(values: Vec<Value>) -> Vec<Value> {
    if values.len() < 2 {
        return values;
    }
    let mut unique: Vec<Value> = Vec::with_capacity(values.len());
    let mut seen = BTreeSet::new();
    for value in values {
        if seen.insert(value.to_string()) {
            unique.push(value);
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
        PortRef::Name(name) => json!(name),
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
