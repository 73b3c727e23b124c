//! Calls that the platform file adds, because manifests cannot show them.

use super::build::Edges;
use super::{Evidence, EvidenceKind, ObjectRef, Peer, targets};
use crate::inject::network::evidence::hosts::{self, Context};
use crate::inject::network::evidence::names::Promise;
use crate::inject::network::texts::Text;
use crate::platform::network::{Network, Workloads};

/// Adds the platform's calls and peers.
pub(super) fn find(network: &Network, edges: &mut Edges<'_>) {
    for (index, call) in network.calls.iter().enumerate() {
        let at = format!("/hardening/network/calls/{index}");
        let context = Context {
            promise: Promise::Host,
            ..Context::plain()
        };
        let Some(mut mention) = hosts::bare_word(&call.to, call.port, context) else {
            continue;
        };
        mention.bare = false;
        for number in chosen(&call.from, edges) {
            let evidence = platform(&at, call.reason.as_deref());
            let namespace = namespace(number, edges);
            targets::call(edges, number, &namespace, &mention, evidence);
        }
    }
    for (index, peer) in network.peers.iter().enumerate() {
        let at = format!("/hardening/network/peers/{index}");
        for number in chosen(&peer.workloads, edges) {
            let (own, extra) = (Peer::Workload(number), Peer::Extra(index));
            let (from, to) = match peer.to.is_some() {
                true => (own, extra),
                false => (extra, own),
            };
            let evidence = platform(&at, peer.reason.as_deref());
            edges.add(from, to, None, None, evidence);
        }
    }
}

fn chosen(workloads: &Workloads, edges: &Edges<'_>) -> Vec<usize> {
    let all = edges.topology.workloads.iter().enumerate();
    let chosen = all
        .filter(|(_, own)| workloads.matches(&own.object.kind, &own.object.name, &own.namespace));
    chosen.map(|(number, _)| number).collect()
}

fn namespace(workload: usize, edges: &Edges<'_>) -> Text {
    let own = edges.topology.workloads.get(workload);
    own.map(|own| own.namespace.clone()).unwrap_or_default()
}

fn platform(pointer: &str, reason: Option<&str>) -> Evidence {
    Evidence {
        kind: EvidenceKind::Platform,
        object: ObjectRef::default(),
        pointer: Text::from(pointer),
        line: 0,
        says: Text::from(reason.unwrap_or_default()),
    }
}
