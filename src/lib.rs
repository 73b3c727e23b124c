//! Hardens rendered Helm charts and refuses what it cannot harden.
//!
//! The library is one pipeline; each stage is a module and knows no later one:
//! `manifest` reads bytes into documents and writes edits back, `object` finds the Kubernetes
//! objects and their pod specs, `policy` holds the rules as data, `inject` turns them into
//! edits, `check` turns them into findings, `pipeline` runs them in order, `report` renders
//! findings. `cli` is the command line, `helm`, `argocd` and `kustomize` are the hosts.
//!
//! Beside it `platform` reads the two tiers of configuration and compiles them, and `values` makes
//! Helm values of what was compiled. `http` and `registry` fetch what lies elsewhere, on request
//! only: the filter uses neither.

pub mod argocd;
pub mod check;
pub mod cli;
pub mod config;
pub mod doctor;
pub mod files;
pub mod helm;
pub mod http;
pub mod inject;
pub mod kustomize;
pub mod manifest;
pub mod object;
pub mod pipeline;
pub mod platform;
pub mod policy;
pub mod registry;
pub mod report;
pub mod values;
