//! Calls through Consul's sidecars: they reach each other on a port of their own, not on the
//! application's.

use super::build::{Edges, Namespace, evidence};
use super::{Evidence, EvidenceKind, Peer, Port, PortRef, Protocol};
use crate::inject::network::facts::{Facts, Mesh};
use crate::inject::network::texts::Text;

/// The port on which a sidecar takes calls from others (hashicorp/consul-k8s,
/// control-plane/connect-inject/constants).
const INBOUND: u16 = 20000;

/// The annotation with the Services that pods call by way of the sidecar.
const UPSTREAMS: &str = "consul.hashicorp.com/connect-service-upstreams";

/// Finds the calls between sidecars: those that annotations name, and those that the release shows
/// between pods that both have one.
pub(super) fn find(facts: &Facts, namespace: Namespace<'_>, edges: &mut Edges<'_>) {
    let meshed = |number: usize| -> Option<&Mesh> {
        let own = facts.workloads.get(number)?;
        own.pod.mesh.as_deref()
    };
    let topology = edges.topology;
    let mut through = Vec::new();
    for edge in &edges.list {
        let (Peer::Workload(from), Peer::Workload(to)) = (&edge.from, &edge.to) else {
            continue;
        };
        let udp = |port: &Port| port.protocol != Protocol::Tcp;
        let taken = meshed(*from).is_some_and(|own| own.transparent) && meshed(*to).is_some();
        if from != to && taken && !edge.port.as_ref().is_some_and(udp) {
            through.push((*from, *to, edge.service, edge.evidence.clone()));
        }
    }
    for (from, to, service, evidence) in through {
        for shown in evidence {
            call(edges, from, to, service, shown);
        }
    }
    for (number, own) in facts.workloads.iter().enumerate() {
        let Some(word) = meshed(number).and_then(|own| own.upstreams.as_ref()) else {
            continue;
        };
        let place = namespace(&own.object.namespace);
        for name in upstreams(&word.text) {
            let Some(service) = edges.resolver.service(&place, name) else {
                continue;
            };
            let called = topology.services.get(service);
            let called = called.into_iter().flat_map(|own| &own.workloads);
            for &to in called.filter(|to| meshed(**to).is_some()) {
                let kind = EvidenceKind::Annotation(UPSTREAMS.into());
                let shown = evidence(kind, &own.object, &word.pointer, Text::from(name));
                call(edges, number, to, Some(service), shown);
            }
        }
    }
}

fn call(edges: &mut Edges<'_>, from: usize, to: usize, service: Option<usize>, shown: Evidence) {
    let port = Port {
        port: PortRef::Number(INBOUND),
        protocol: Protocol::Tcp,
    };
    let (from, to) = (Peer::Workload(from), Peer::Workload(to));
    edges.add(from, to, Some(port), service, shown);
}

/// The names of Services in `payments:1800,stock:1801:dc2` and `payments.svc:1800`; Consul calls them
/// as Kubernetes does.
fn upstreams(text: &str) -> impl Iterator<Item = &str> {
    let own = text.split(',').map(str::trim);
    let own = own.filter(|own| !own.starts_with("prepared_query:") && own.contains(':'));
    own.filter_map(|own| own.split([':', '.']).next())
}

#[cfg(test)]
mod tests {
    #[test]
    fn annotations_name_upstreams() {
        for (text, expected) in [
            ("payments:1800", vec!["payments"]),
            ("a:1, b:2:dc2", vec!["a", "b"]),
            ("a.svc:1,b.team:2", vec!["a", "b"]),
            ("prepared_query:a:1", vec![]),
            ("a", vec![]),
        ] {
            let found: Vec<&str> = super::upstreams(text).collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}
