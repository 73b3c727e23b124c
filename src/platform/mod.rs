//! The platform team's file: what every release on this platform gets.
//!
//! [`locate`] finds `platform.yaml` for an environment, [`hardening`] is its `hardening:` block.

pub mod hardening;
pub mod locate;

pub use hardening::Hardening;
