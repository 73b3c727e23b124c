//! Helm values for an environment: what the cluster mapping and the compiled artifact come to, with
//! the user's own values on top.
//!
//! [`generate`] makes them, [`merge`] and [`strvals`] lay others over them as Helm does, [`chart`]
//! checks them against a chart, [`mod@format`] writes them. [`unused`] finds keys that no template reads.

pub mod chart;
pub mod compatibility;
pub mod format;
pub mod generate;
pub mod merge;
pub mod strvals;
pub mod unused;

pub use generate::values;
