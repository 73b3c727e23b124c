//! What is wrong, where, and what to do about it.

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much a finding weighs.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Reported; the release goes through.
    Warning,
    /// The release is refused.
    Error,
}

impl Severity {
    /// The word for it in reports.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// One problem at one place. Built by a check, printed by a renderer, never printed where it is
/// found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The policy's name, e.g. `pss/runAsNonRoot`.
    pub policy: String,
    /// Whether it refuses the release.
    pub severity: Severity,
    /// What is wrong, without the place.
    pub message: String,
    /// How to fix it and how to except it.
    pub help: String,
    /// The file it is in, when the input was not stdin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The document's number in the stream, from 0.
    pub document: usize,
    /// The object's `apiVersion`.
    pub api_version: String,
    /// The object's `kind`.
    pub kind: String,
    /// The object's namespace, where it has one.
    pub namespace: Option<String>,
    /// The object's name.
    pub name: String,
    /// The container's name, where the finding is about one.
    pub container: Option<String>,
    /// RFC 6901 pointer to the offending value, from the document's root.
    pub pointer: String,
    /// The chart template the document comes from.
    pub source: Option<String>,
    /// Line in the input, from 1.
    pub line: usize,
    /// Column in the input, in characters from 1.
    pub column: usize,
    /// The reason of the exception that lets this pass, where one does.
    pub exception: Option<String>,
    /// The bytes of the input the text report may quote: empty where the line could hold
    /// something that must not be repeated.
    #[serde(skip)]
    pub quote: Range<usize>,
}

impl Finding {
    /// Whether the finding refuses the release: an error that no exception covers.
    pub fn refuses(&self) -> bool {
        self.severity == Severity::Error && self.exception.is_none()
    }

    /// The object and container as people call them; none where the finding is about a file.
    pub fn object(&self) -> Option<String> {
        if self.kind.is_empty() {
            return None;
        }
        let mut object = match &self.namespace {
            Some(namespace) => format!("{} {namespace}/{}", self.kind, self.name),
            None => format!("{} {}", self.kind, self.name),
        };
        if let Some(container) = &self.container {
            object.push_str(&format!(", container {container}"));
        }
        Some(object)
    }
}
