//! Calls that the chart's own NetworkPolicies name: a policy for one end says who the other is, and
//! whoever has no policy of the chart's gets one of ours, which has to let the call through.

use super::build::{Edges, Namespace, evidence};
use super::{EvidenceKind, Peer, Topology};
use crate::inject::network::facts::{Allowed, Facts, Where};
use crate::inject::network::labels::Index;
use crate::inject::network::narrow::Direction;
use crate::inject::network::texts::Text;

/// Finds the calls between workloads that policies of the chart allow by the pods' labels and port.
pub(super) fn find(facts: &Facts, namespace: Namespace<'_>, edges: &mut Edges<'_>) {
    let topology = edges.topology;
    if facts.policies.iter().all(|own| own.allowed.is_empty()) {
        return;
    }
    let pods = topology.workloads.iter();
    let index = Index::new(pods.map(|own| (&*own.namespace, &own.labels)));
    for (policy, own) in topology.policies.iter().zip(&facts.policies) {
        // Who selects everyone speaks of no one.
        if policy.ours || is_everyone(topology, &policy.workloads, &policy.namespace) {
            continue;
        }
        for allowed in &own.allowed {
            let place = match &allowed.place {
                Where::Here => Some(namespace(&own.object.namespace)),
                Where::Named(name) => Some(name.clone()),
                Where::Anywhere => None,
            };
            let others = named(topology, &index, allowed, place.as_ref());
            if is_everyone(
                topology,
                &others,
                place.as_ref().unwrap_or(&policy.namespace),
            ) {
                continue;
            }
            for &selected in &policy.workloads {
                for &other in &others {
                    call(edges, selected, other, allowed, &own.object);
                }
            }
        }
    }
}

/// The workloads whose pods a rule names.
fn named(
    topology: &Topology,
    index: &Index<'_>,
    allowed: &Allowed,
    place: Option<&Text>,
) -> Vec<usize> {
    let candidates = match place.filter(|_| !allowed.pods.labels.is_empty()) {
        Some(place) => index.select(place, &allowed.pods.labels),
        None => (0..topology.workloads.len()).collect(),
    };
    let fits = |number: &usize| {
        let own = topology.workloads.get(*number);
        own.is_some_and(|own| {
            place.is_none_or(|place| own.namespace == *place) && allowed.pods.selects(&own.labels)
        })
    };
    candidates.into_iter().filter(fits).collect()
}

/// Whether these are all workloads of their namespace, and more than one.
fn is_everyone(topology: &Topology, workloads: &[usize], namespace: &Text) -> bool {
    if workloads.len() < 2 {
        return false;
    }
    let here = topology.workloads.iter();
    let here = here.filter(|own| own.namespace == *namespace).count();
    workloads.len() >= here
}

fn call(
    edges: &mut Edges<'_>,
    selected: usize,
    other: usize,
    allowed: &Allowed,
    policy: &super::ObjectRef,
) {
    let (from, to) = match allowed.direction {
        Direction::Ingress => (other, selected),
        Direction::Egress => (selected, other),
    };
    for (port, protocol) in &allowed.ports {
        let port = edges.named_port(to, port, *protocol);
        let says = Text::from(port.to_string());
        let shown = evidence(EvidenceKind::Policy, policy, &allowed.pointer, says);
        let (from, to) = (Peer::Workload(from), Peer::Workload(to));
        edges.add(from, to, Some(port), None, shown);
    }
}
