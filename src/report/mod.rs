//! Findings, and one renderer per output format.

pub mod finding;

pub use finding::{Finding, Severity};
