//! Files that are no manifests: values, configuration, scripts, whatever lies in a repository.

use super::secrets;
use super::secrets::scan::Line;
use super::violation;
use crate::manifest::{Document, line_column, position, split};
use crate::policy::Violation;
use crate::report::{Finding, Severity};

const HELP: &str = "let the file name where the credential is instead: a Secret, a store, a variable of the environment. Then \
    replace the credential; it stays in the file's history";

/// A violation in a file, with its place.
#[derive(Clone, Debug)]
pub struct Placed {
    /// What is wrong; its pointer leads to the value in YAML and JSON, and is empty elsewhere.
    pub violation: Violation,
    /// The number of the YAML document, from 0.
    pub document: usize,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl Placed {
    /// The finding about a file of that name.
    pub fn finding(self, file: &str) -> Finding {
        let violation = self.violation;
        Finding {
            policy: violation.policy,
            severity: violation.severity,
            message: violation.message,
            help: violation.help,
            file: Some(file.to_owned()),
            document: self.document,
            api_version: String::new(),
            kind: String::new(),
            namespace: None,
            name: String::new(),
            container: None,
            pointer: violation.pointer,
            source: None,
            line: self.line,
            column: self.column,
            exception: None,
            quote: 0..0,
        }
    }
}

/// Every credential that stands in a file in the clear. The file's name tells what it is written in.
pub fn judge(name: &str, text: &str) -> Vec<Placed> {
    let hits = secrets::scan::text(name, text);
    if hits.is_empty() {
        return Vec::new();
    }
    let places = Places::of(text);
    hits.iter()
        .map(|line| placed(line, text, &places))
        .collect()
}

fn placed(found: &Line, text: &str, places: &Places<'_>) -> Placed {
    let hit = &found.hit;
    let (line, column) = line_column(text, hit.at);
    let (document, pointer) = places.pointer(hit.at);
    let message = secrets::message(hit.rule, &[hit], None);
    Placed {
        violation: violation(hit.rule.policy(), Severity::Error, &pointer, message, HELP),
        document,
        line,
        column,
    }
}

/// The documents of a YAML or JSON file with their places in it; none for any other text.
struct Places<'t>(Vec<(usize, Document<'t>)>);

impl<'t> Places<'t> {
    fn of(text: &'t str) -> Places<'t> {
        let spans = split(text).unwrap_or_default();
        let parsed = spans.into_iter().map(|span| {
            let document = Document::parse(span.text).ok()?;
            Some((span.start, document))
        });
        Places(parsed.collect::<Option<_>>().unwrap_or_default())
    }

    /// The number of the document a byte is in, and the pointer to the value there; empty where there
    /// is none, in a comment for one.
    fn pointer(&self, at: usize) -> (usize, String) {
        let starts = self.0.iter().rposition(|(start, _)| *start <= at);
        let Some((number, (start, document))) = starts.and_then(|n| Some((n, self.0.get(n)?)))
        else {
            return (0, String::new());
        };
        let leaf = position::leaf_at(document, at - start);
        let pointer = leaf.map(|leaf| position::pointer_of(document, leaf.id()));
        (number, pointer.unwrap_or_default())
    }
}
