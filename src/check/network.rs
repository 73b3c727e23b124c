//! What is odd about a release's network.

use std::collections::BTreeSet;

use super::violation;
use crate::inject::network::DERIVE;
use crate::inject::network::narrow::{Direction, OPEN};
use crate::inject::network::topology::{LooseWhy, ObjectRef, Peer, Topology, Workload};
use crate::policy::Violation;
use crate::report::Severity;

/// The policy that reports a NetworkPolicy whose selector fits no pod of the release.
pub const SELECTS_NOTHING: &str = "network/selects-nothing";
/// The policy that reports a workload about whose connections the manifests say nothing.
pub const UNEXPLAINED: &str = "network/unexplained";
/// The policy that reports a call that leads nowhere.
pub const UNKNOWN_TARGET: &str = "network/unknown-target";

/// The policy that reports a NetworkPolicy with our mark that is not what we would write.
pub const ALTERED: &str = "network/altered";

/// NetworkPolicies whose selector fits no pod of the release: they protect nothing.
pub fn selects_nothing(topology: &Topology) -> Vec<(ObjectRef, Violation)> {
    let policies = topology.policies.iter();
    let idle = policies.filter(|policy| {
        policy.workloads.is_empty() && !policy.selects_all && !policy.may_select_more
    });
    idle.map(|policy| {
        let violation = violation(
            SELECTS_NOTHING,
            Severity::Warning,
            &format!("{}/spec/podSelector", policy.object.pointer),
            format!(
                "NetworkPolicy {} selects no pod of this release",
                policy.object.name
            ),
            "select by the labels that the pod templates really have",
        );
        (policy.object.clone(), violation)
    })
    .collect()
}

/// Rules of a chart's own NetworkPolicies that let everyone in or out, although no Service opens
/// the pods to the world.
pub fn open(topology: &Topology) -> Vec<(ObjectRef, Violation)> {
    let to_world: BTreeSet<usize> = topology
        .edges
        .iter()
        .filter_map(|edge| match (&edge.from, &edge.to) {
            (Peer::World, Peer::Workload(number)) => Some(*number),
            _ => None,
        })
        .collect();
    let mut found = Vec::new();
    for policy in topology.policies.iter().filter(|policy| !policy.ours) {
        let wanted = policy
            .workloads
            .iter()
            .any(|number| to_world.contains(number));
        for (direction, index) in &policy.open {
            if policy.workloads.is_empty() || (wanted && *direction == Direction::Ingress) {
                continue;
            }
            found.push((
                policy.object.clone(),
                open_rule(&policy.object, *direction, *index),
            ));
        }
    }
    found
}

fn open_rule(policy: &ObjectRef, direction: Direction, index: usize) -> Violation {
    let (field, words) = match direction {
        Direction::Ingress => ("ingress", "lets everyone in the cluster call its pods"),
        Direction::Egress => ("egress", "lets its pods call everyone"),
    };
    violation(
        OPEN,
        Severity::Warning,
        &format!("{}/spec/{field}/{index}", policy.pointer),
        format!("NetworkPolicy {} {words}", policy.name),
        "name the peers in the chart's values, or have the platform team set hardening.network.chart_policies to narrow: then the rule gives way to what the release shows",
    )
}

/// A NetworkPolicy with our mark that is not what the release needs. The mark keeps ours from being
/// added, so a chart that copies it would choose by itself who may call whom.
pub fn altered(policy: &ObjectRef) -> (ObjectRef, Violation) {
    let violation = violation(
        ALTERED,
        Severity::Warning,
        &format!("{}/spec", policy.pointer),
        format!(
            "NetworkPolicy {} is marked as derived, but the release shows other calls than it allows",
            policy.name
        ),
        "if the chart brings it, take the label floe.dev/network-policy off; otherwise filter what the chart renders, not an earlier output",
    );
    (policy.clone(), violation)
}

/// Calls to a Service that is not there or to a port that it does not have, and to hosts outside
/// without a port.
pub fn unknown_targets(topology: &Topology) -> Vec<(ObjectRef, Violation)> {
    let loose = topology.loose.iter().filter_map(|loose| {
        let workload = &topology.workloads.get(loose.workload)?.object.name;
        let (message, help) = match &loose.why {
            LooseWhy::Port(service, port) => {
                let service = topology.services.get(*service)?;
                let ports = service.ports.iter().map(|port| port.number.to_string());
                let ports: Vec<String> = ports.collect();
                let (name, ports) = (&service.object.name, ports.join(", "));
                (
                    format!("{workload} calls port {port} of Service {name}, which has {ports}: no policy allows it"),
                    "name a port that the Service has, or add it to the Service",
                )
            }
            LooseWhy::NoService => (
                format!(
                    "{workload} calls {}, which is no Service of this release: no policy allows it",
                    loose.evidence.says
                ),
                "if another release of the namespace has it, have the platform team add its pods to hardening.network.peers",
            ),
            LooseWhy::NoPort => (
                format!("{workload} calls {} on a port that nothing tells: no policy allows it", loose.evidence.says),
                "write the port behind the host, or have the platform team add the call to hardening.network.calls",
            ),
        };
        let pointer = &loose.evidence.pointer;
        let violation = violation(UNKNOWN_TARGET, Severity::Warning, pointer, message, help);
        Some((loose.evidence.object.clone(), violation))
    });
    loose.collect()
}

/// Workloads about whose connections the manifests say nothing.
pub fn unexplained(topology: &Topology) -> Vec<(ObjectRef, Violation)> {
    let workloads = topology.unexplained().into_iter();
    let workloads = workloads.filter_map(|number| topology.workloads.get(number));
    workloads
        .filter(|workload| !workload.operated)
        .filter(|workload| !workload.own_ingress || !workload.own_egress)
        .map(|workload| {
            let violation = violation(
                UNEXPLAINED,
                Severity::Warning,
                &format!("{}/metadata/name", workload.object.pointer),
                format!(
                    "nothing shows whom {} calls or who calls it: its NetworkPolicy closes it",
                    workload.object.name
                ),
                "if it does talk to others, have the platform team say so in hardening.network.calls or peers, or name the hosts in its variables",
            );
            (workload.object.clone(), violation)
        })
        .collect()
}

/// A pod template that could not be given the label by which its policy selects.
pub fn not_labelled(workload: &Workload, reason: &str) -> (ObjectRef, Violation) {
    let violation = violation(
        DERIVE,
        Severity::Error,
        &workload.template,
        format!("the pod template cannot be given a label for its NetworkPolicy: {reason}"),
        "give the pods a label of their own in the chart's template",
    );
    (workload.object.clone(), violation)
}
