//! YAML as Helm and kubectl read it, kept byte for byte.
//!
//! [`split`] cuts a stream into documents, [`parse`] reads one document into a flat [`tape`] of
//! nodes with byte spans, [`scalar`] decodes a scalar's text and [`resolve`] gives it the type Go's
//! `sigs.k8s.io/yaml` would. [`view`] is how everything else looks at a document, before or after
//! edits. [`overlay`] holds RFC 6902 edits over the tape and [`write`] turns them into text that
//! differs from the input only where an edit says so; [`emit`] writes new values.

pub mod error;
pub mod limits;
mod parse;
pub mod resolve;
mod scalar;
pub mod tape;
pub mod value;
pub mod view;

pub use error::{ParseError, line_column};
pub use tape::{Document, Kind, Node, NodeId, Style};
pub use view::View;
