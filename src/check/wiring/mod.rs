//! References that lead nowhere, and settings of two objects that cannot work together.
//!
//! What one object shows by itself is judged with it ([`pods`], [`objects`]). Everything else waits
//! for the end of the stream: while it is read, [`facts`] copies out who names what, and [`judge`]
//! then follows each name. A name that the release does not have may be in the cluster already, so
//! its absence is a warning at most; what the API server refuses is an error.
//!
//! `docs/wiring.md` lists the policies for users.

pub mod availability;
pub mod backends;
pub mod dapr;
pub mod facts;
pub mod hosts;
pub mod namespaces;
pub mod objects;
pub mod outgoing;
pub mod pods;
pub mod references;
mod release;
pub mod sample;
pub mod selectors;

use super::violation;
use crate::inject::network::Facts;
use crate::inject::network::topology::ObjectRef;
use crate::policy::Violation;
pub use facts::Wires;
pub use release::{Release, Scope};

/// All policies of the family that need facts about the whole release.
const RELEASE: [&[&str]; 7] = [
    &references::POLICIES,
    &backends::POLICIES,
    &dapr::POLICIES,
    &selectors::POLICIES,
    &availability::POLICIES,
    &namespaces::POLICIES,
    &outgoing::POLICIES,
];

/// The names of all policies that are judged with each object.
pub fn object_policies() -> impl Iterator<Item = &'static str> {
    pods::POLICIES.into_iter().chain(objects::POLICIES)
}

/// The names of all policies that are judged at the end of a stream.
pub fn release_policies() -> impl Iterator<Item = &'static str> {
    RELEASE.into_iter().flatten().copied()
}

/// What is wrong with the wiring of a whole release, each with its object.
pub fn judge(wires: &Wires, facts: &Facts, scope: &Scope<'_>) -> Vec<(ObjectRef, Violation)> {
    let release = Release::new(wires, facts, scope);
    let mut found = references::judge(&release);
    found.extend(backends::judge(&release));
    found.extend(dapr::judge(&release));
    found.extend(selectors::judge(&release));
    found.extend(availability::judge(&release));
    found.extend(namespaces::judge(&release));
    found.extend(outgoing::judge(&release));
    found
}
