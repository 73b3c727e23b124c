//! Exported policies on a real API server: `scripts/e2e`, which takes any `KUBECONFIG`.
//!
//! What is asked of the server are dry runs, over the socket of `kubectl proxy`; only the tests of
//! exceptions make workloads. Policies and namespaces have names of their own and are removed, so
//! that nobody else's pods are looked at. Needs a server that has MutatingAdmissionPolicy in v1
//! (Kubernetes 1.36). Environment:
//!
//! - `HELM_FLOE_E2E=1` and `KUBECONFIG`: run at all;
//! - `FLOE_ADMISSION_PODS`: how many random pods (default 1000).
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

mod api;
#[path = "../common/mod.rs"]
mod common;
mod complete;
mod exceptions;
mod fills;
mod fixtures;
mod objects;
#[path = "../pods/mod.rs"]
mod pods;
mod random;
mod server;

use std::env;

/// How many random pods are asked about.
fn random_pods() -> usize {
    let count = env::var("FLOE_ADMISSION_PODS").ok();
    count.map_or(1000, |count| count.parse().unwrap())
}
