//! Reads a configuration file so that each error names its line.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::manifest::{Document, View, position};

/// What is wrong with a configuration file: `file:line:column: field: reason`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file as the user named it.
    pub file: PathBuf,
    /// Line from 1; 0 when the file could not be read at all.
    pub line: usize,
    /// Column from 1.
    pub column: usize,
    /// The field's path, e.g. `hardening.resources.preset`; empty for the whole file.
    pub field: String,
    /// What is wrong, as a lowercase fragment.
    pub reason: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if self.line > 0 {
            write!(f, "{}:{}:", self.line, self.column)?;
        }
        if !self.field.is_empty() {
            write!(f, " {}:", self.field)?;
        }
        write!(f, " {}", self.reason)
    }
}

impl std::error::Error for ConfigError {}

/// A configuration file's text with its name, for errors that point into it.
pub struct Source<'a> {
    /// The file as the user named it.
    pub file: &'a Path,
    /// Its text.
    pub text: &'a str,
}

impl Source<'_> {
    /// An error at a JSON Pointer into the file.
    pub fn error_at(
        &self,
        document: &Document<'_>,
        pointer: &str,
        reason: impl Into<String>,
    ) -> ConfigError {
        let offset = position::locate(document, pointer).start;
        let (line, column) = crate::manifest::line_column(self.text, offset);
        let field = pointer
            .trim_start_matches('/')
            .replace('/', ".")
            .replace("~1", "/")
            .replace("~0", "~");
        ConfigError {
            file: self.file.to_owned(),
            line,
            column,
            field,
            reason: reason.into(),
        }
    }

    /// Parses the file's one document.
    pub fn parse(&self) -> Result<Document<'_>, ConfigError> {
        Document::parse(self.text).map_err(|e| {
            let (line, column) = crate::manifest::line_column(self.text, e.offset);
            ConfigError {
                file: self.file.to_owned(),
                line,
                column,
                field: String::new(),
                reason: e.reason.to_string(),
            }
        })
    }

    /// Reads a value of the document into a type; `pointer` says where it stands.
    pub fn decode<T: DeserializeOwned>(
        &self,
        document: &Document<'_>,
        value: View<'_>,
        pointer: &str,
    ) -> Result<T, ConfigError> {
        serde_path_to_error::deserialize(value.to_json()).map_err(|e| {
            let at = format!("{pointer}{}", pointer_of(e.path()));
            self.error_at(document, &at, e.inner().to_string())
        })
    }
}

/// The JSON Pointer of a serde path.
fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", crate::manifest::view::escape(key)),
            Segment::Enum { variant } => format!("/{variant}"),
            Segment::Unknown => String::new(),
        })
        .collect()
}

/// Reads a whole file as text.
pub fn read(file: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(file).map_err(|e| ConfigError {
        file: file.to_owned(),
        line: 0,
        column: 0,
        field: String::new(),
        reason: e.to_string(),
    })
}
