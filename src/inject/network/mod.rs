//! NetworkPolicies that follow from the release itself.
//!
//! Three steps, each knowing only the one before:
//!
//! 1. [`facts`]: while the stream is read, what each object says about the network is copied out of
//!    it: the pods' labels, ports, variables and arguments, the Services, routes, monitors. Custom
//!    resource definitions, most of a stream's bytes, are passed over.
//! 2. [`topology`]: who calls whom, on which port, and the [`Evidence`](topology::Evidence) of each
//!    call. [`evidence`] reads hosts out of text.
//! 3. [`synthesis`]: one NetworkPolicy for each workload that lets just those calls through.
//!
//! `docs/network.md` says for users what is derived from what.

pub mod evidence;
pub mod facts;
pub mod labels;
pub mod narrow;
pub mod synthesis;
pub mod texts;
pub mod topology;

pub use facts::Facts;
pub use synthesis::{Plan, plan, plan_each};
pub use topology::{Topology, derive};

/// The policy under which derived NetworkPolicies, and the labels they need, are reported.
pub const DERIVE: &str = "network/derive";
/// The label that marks our own policies; its value is the mode that made them.
pub const OWN: &str = "floe.dev/network-policy";
/// The label that tells a workload's pods from all others, where its own labels do not.
pub const WORKLOAD: &str = "floe.dev/workload";
