//! The two tiers of configuration: what the platform team says about an environment
//! (platform.yaml, [`mod@file`]) and what a data team says about its product (floe.yaml, [`floe`]).
//!
//! [`locate`] finds `platform.yaml` for an environment, [`local`] makes one where a developer has none,
//! [`hardening`] is its `hardening:` block,
//! [`network`] the part of it about NetworkPolicies, [`secrets`] the part that says where secrets
//! come from. [`credentials`] and [`references`] are about logins and the Secrets they need,
//! [`login`] tries those of catalogs. [`compile`] resolves both files into an [`artifact`],
//! [`mapping`] says where environments run, [`namespaces`] writes the manifests of their namespaces.
//!
//! What an artifact means for the pods of a release: [`variables`], [`endpoints`] and [`identity`];
//! [`injection`] says which pods are meant.

pub mod artifact;
pub mod compile;
pub mod credentials;
pub mod endpoints;
pub mod file;
pub mod floe;
pub mod hardening;
pub mod identity;
pub mod injection;
pub mod local;
pub mod locate;
pub mod login;
pub mod mapping;
pub mod namespaces;
pub mod network;
pub mod older;
pub mod plaintext;
pub mod provided;
pub mod references;
pub mod secrets;
pub mod text;
pub mod variables;

pub use hardening::Hardening;
