//! Service account tokens: pods that no role is bound to need none.
//!
//! A token that is mounted into a pod is what an intruder finds first. Only a whole release tells
//! which pods use theirs, so this comes after every object has been read.

use foldhash::HashSet;

use super::network::facts::{Facts, WorkloadFacts};
use super::network::texts::Text;
use super::network::topology::{Peer, Topology};

/// The policy under which the edits are reported.
pub const POLICY: &str = "platform/service-account-token";

/// The workloads whose pods need no token, by their place in the topology: they say nothing about
/// it, no role of the release is bound to their service account, and nothing shows that they call
/// the API server. Sidecars that others add may use it.
pub fn needless(facts: &Facts, topology: &Topology) -> Vec<usize> {
    let mut needed = vec![false; topology.workloads.len()];
    for edge in topology
        .edges
        .iter()
        .filter(|edge| edge.to == Peer::ApiServer)
    {
        if let Peer::Workload(number) = edge.from
            && let Some(needed) = needed.get_mut(number)
        {
            *needed = true;
        }
    }
    let accounts = facts.accounts.iter();
    let decided = accounts.map(|(namespace, name, _)| (namespace, &**name));
    let decided = decided.collect();
    let own = facts.workloads.iter().zip(needed).enumerate();
    own.filter(|(_, (own, needed))| !needed && says_nothing(own, &decided))
        .map(|(number, _)| number)
        .collect()
}

/// Whether neither the pods nor their service account say whether a token is mounted, and nobody
/// else has a say in the pods. `decided` are the accounts that do, with their namespaces.
fn says_nothing(own: &WorkloadFacts, decided: &HashSet<(&Option<Text>, &str)>) -> bool {
    let account = own.pod.account.as_deref().unwrap_or("default");
    let decided = decided.contains(&(&own.object.namespace, account));
    !own.operated && own.pod.automount.is_none() && own.pod.sidecars.is_empty() && !decided
}
