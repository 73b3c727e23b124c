//! YAML as Helm and kubectl read it, kept byte for byte.
//!
//! [`split`](mod@split) cuts a stream into documents, `parse` reads one document into a flat [`tape`] of
//! nodes with byte spans, `scalar` decodes a scalar's text and [`resolve`] gives it the type Go's
//! `sigs.k8s.io/yaml` would. [`view`] is how everything else looks at a document, before or after
//! edits. [`overlay`] holds RFC 6902 edits over the tape and `write` turns them into text that
//! differs from the input only where an edit says so; `emit` writes new values. [`comments`] finds what
//! no value holds.

pub mod comments;
pub mod edit;
mod emit;
pub mod error;
pub mod iter;
pub mod limits;
pub mod overlay;
mod parse;
pub mod position;
pub mod resolve;
mod rows;
mod scalar;
pub mod split;
pub mod tape;
pub mod value;
pub mod view;
pub mod way;
mod write;

pub use edit::{Edit, EditError, Operation};
pub use emit::{document as write_document, write_key, write_string};
pub use error::{Lines, ParseError, line_column};
pub use overlay::Overlay;
pub use split::{DocSpan, split};
pub use tape::{Document, Kind, Node, NodeId, Style};
pub use view::View;
pub use write::Splice;
