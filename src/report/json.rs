//! The machine-readable report: design contract `{"version": 1, summary, findings, edits}`.

use serde::Serialize;

use super::{Added, Finding, Report, Summary};
use crate::manifest::edit::Edit;

#[derive(Serialize)]
struct Body<'a> {
    version: u32,
    summary: Summary,
    notices: &'a [String],
    findings: &'a [Finding],
    edits: &'a [Edit],
    added: &'a [Added],
}

/// The report as pretty-printed JSON with a final newline.
pub fn render(report: &Report) -> String {
    let body = Body {
        version: 1,
        summary: report.summary(),
        notices: &report.notices,
        findings: &report.findings,
        edits: &report.edits,
        added: &report.added,
    };
    let mut text = serde_json::to_string_pretty(&body).unwrap_or_default();
    text.push('\n');
    text
}
