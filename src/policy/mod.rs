//! Policies as data: what a pod or an object must be like, why, and what may be added to it.
//!
//! A policy is a YAML file in `policies/`; `docs/policies.md` describes the format. [`load`] reads
//! the built-in ones and the user's, [`select`] picks those that apply, and [`Evaluator`] asks them
//! about a [`PodTarget`]: [`Evaluator::check`] for violations, [`Evaluator::harden`] for edits.

pub mod evaluate;
pub mod exceptions;
pub mod explain;
pub mod export;
pub mod fix;
mod group;
pub mod json;
mod lint;
pub mod load;
mod look;
mod matcher;
pub mod model;
mod rule;
pub mod schema;
pub mod select;
pub mod target;
pub mod test;
pub mod version;
pub mod violation;
mod vocabulary;

pub use evaluate::Evaluator;
pub use fix::{EditableObject, EditablePod};
pub use load::{Library, Loaded};
pub use select::{Names, Selection};
pub use target::{Container, ObjectTarget, PodTarget};
pub use version::{Level, Version};
pub use violation::Violation;
