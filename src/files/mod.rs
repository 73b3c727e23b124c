//! What a directory holds, as `check` sees it: charts to render, manifests, and all other files.
//!
//! [`walk`](mod@walk) lists them without what Git or Helm ignore, [`text`] reads one of them if it is
//! text and tells whether it holds manifests, [`helmignore`] is Helm's own ignore grammar, [`archive`]
//! unpacks packed charts.

pub mod archive;
pub mod helmignore;
pub mod text;
pub mod walk;

pub use walk::{Entry, Kind, walk};
