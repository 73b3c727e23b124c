//! Helm as the host: running it with the filter in place, and telling its user why a release was
//! refused.
//!
//! `helm-floe template|install|upgrade …` is Helm with the same arguments and the filter as its
//! post-renderer. [`args`] takes the arguments apart, [`plan`] decides what to run, as pure
//! functions; [`run`] does it. [`refusal`] puts a report where Helm 4 shows it.

pub mod args;
pub mod find;
pub mod flags;
pub mod names;
pub mod plan;
pub mod plugins;
pub mod refusal;
mod render;
mod run;
mod scratch;

pub use render::{Rendering, render_chart};
pub use run::run;
pub use scratch::Scratch;
