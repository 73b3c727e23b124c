//! The platform team's file: what every release on this platform gets.
//!
//! [`locate`] finds `platform.yaml` for an environment, [`hardening`] is its `hardening:` block,
//! [`network`] the part of it about NetworkPolicies, [`secrets`] the part that says where secrets
//! come from.

pub mod hardening;
pub mod locate;
pub mod network;
pub mod secrets;

pub use hardening::Hardening;
