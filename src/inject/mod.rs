//! Edits that make an object fit the platform: one injector per file.
//!
//! Each injector reads the object as it stands so far and adds operations to the [`Draft`]. All
//! of them fill what is absent and overrule nothing; only the platform's own [`patches`], which
//! come last, may replace.

pub mod draft;
pub mod externalize;
pub mod images;
pub mod labels;
pub mod network;
pub mod patches;
pub mod resources;
pub mod security;
pub mod tokens;

pub use draft::Draft;
