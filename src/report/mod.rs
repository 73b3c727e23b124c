//! Findings and edits as a user sees them: one renderer per output format.

mod block;
pub mod ci;
pub mod diff;
pub mod finding;
pub mod github;
pub mod html;
pub mod json;
pub mod junit;
mod markup;
pub mod network;
pub mod place;
pub mod remote;
pub mod sarif;
#[cfg(test)]
mod testing;
pub mod text;

use std::borrow::Cow;

use serde::Serialize;

use crate::manifest::edit::Edit;
pub use finding::{Finding, Severity};
use remote::RemoteKey;

/// Everything a run has to say.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What is wrong, in the order of the input.
    pub findings: Vec<Finding>,
    /// What was changed, in the order of the input, where somebody wants to know.
    pub edits: Vec<Edit>,
    /// The documents that the edits are about, where somebody wants to know.
    pub edited: Vec<Edited>,
    /// How many operations were applied.
    pub edit_count: usize,
    /// Objects that were added to the release.
    pub added: Vec<Added>,
    /// Things a user should know that are nobody's fault, e.g. which defaults were used.
    pub notices: Vec<String>,
    /// What the platform's secret store must hold, where Secrets come from one.
    pub remote_keys: Vec<RemoteKey>,
    /// How many documents and objects were read.
    pub documents: usize,
    /// See `documents`.
    pub objects: usize,
    /// How many other files were read.
    pub files: usize,
    /// Violations are reported only; nothing is refused.
    pub warn_only: bool,
}

/// A document that was changed, as people call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// Its number in the stream, from 0.
    pub document: usize,
    /// Kind, namespace where it has one, and name of its object.
    pub object: String,
    /// The chart template it comes from.
    pub source: Option<String>,
}

/// An object that was added to the release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Added {
    /// The policy that asked for it.
    pub policy: &'static str,
    /// Its kind.
    pub kind: Cow<'static, str>,
    /// Its namespace; that of the release where none is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// The counts of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Findings that refuse the release.
    pub errors: usize,
    /// Findings that do not.
    pub warnings: usize,
    /// Findings that an exception covers.
    pub excepted: usize,
    /// Operations applied.
    pub edits: usize,
    /// Objects added.
    pub added: usize,
    /// Documents read.
    pub documents: usize,
    /// Kubernetes objects read.
    pub objects: usize,
    /// Other files read.
    pub files: usize,
    /// Whether the release is refused.
    pub refused: bool,
}

impl Report {
    /// Whether any finding refuses the release.
    pub fn refused(&self) -> bool {
        !self.warn_only && self.findings.iter().any(Finding::refuses)
    }

    /// The report in numbers.
    pub fn summary(&self) -> Summary {
        let count = |test: fn(&Finding) -> bool| self.findings.iter().filter(|f| test(f)).count();
        Summary {
            errors: count(Finding::refuses),
            warnings: count(|f| f.exception.is_none() && f.severity == Severity::Warning),
            excepted: count(|f| f.exception.is_some()),
            edits: self.edit_count,
            added: self.added.len(),
            documents: self.documents,
            objects: self.objects,
            files: self.files,
            refused: self.refused(),
        }
    }

    /// Adds what another run had to say.
    pub fn absorb(&mut self, other: Report) {
        self.findings.extend(other.findings);
        self.edits.extend(other.edits);
        self.edited.extend(other.edited);
        self.remote_keys.extend(other.remote_keys);
        self.edit_count += other.edit_count;
        self.added.extend(other.added);
        for notice in other.notices {
            if !self.notices.contains(&notice) {
                self.notices.push(notice);
            }
        }
        self.documents += other.documents;
        self.objects += other.objects;
        self.files += other.files;
    }
}

/// Text of an input that a terminal may show: control characters, which could colour it, move
/// its cursor or fake a line of the report, are escaped.
pub fn printable(text: &str) -> Cow<'_, str> {
    let shown = |b: u8| b.is_ascii_graphic() || b == b' ';
    if text.bytes().all(shown) || !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let escaped = text.chars().map(|c| match is_hidden(c) {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    });
    Cow::Owned(escaped.collect())
}

/// Whether a character shows nothing itself and can change how others look: a control character, a
/// bidirectional override, one without width (Unicode's category Cf, and the line separators).
fn is_hidden(c: char) -> bool {
    let formats = matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    c.is_control() || formats
}

/// `1 error`, `2 errors`.
pub fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_report_changes_how_the_rest_looks() {
        for (text, want) in [
            ("web", "web"),
            ("größer, 会, 🎉", "größer, 会, 🎉"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("we\u{200b}b", "we\\u{200b}b"),
            ("\u{2066}x\u{2069}", "\\u{2066}x\\u{2069}"),
            ("a\nb\u{1b}[2J", "a\\nb\\u{1b}[2J"),
        ] {
            assert_eq!(printable(text), want);
        }
    }
}
