//! The charts in `charts/`, each with each of its values files, as both Helms render them.
//!
//! Whatever has a `Chart.yaml` there is held to the same rules (`rules`), documents its values
//! (`readme`), and refuses mistakes (`mistakes`). What floe-platform and floe-jobs promise besides is in
//! `floe`, `polaris` runs the script that creates catalogs, and `kubeconform` has every object judged by
//! Kubernetes' own schemas.
//!
//! `FLOE_CHARTS_README=write` brings the tables in the charts' READMEs up to date.
#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../common/mod.rs"]
mod common;

mod floe;
mod kubeconform;
mod mistakes;
mod polaris;
mod readme;
mod render;
mod rules;
