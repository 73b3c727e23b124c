//! The machine-readable report: design contract `{"version": 1, summary, findings, edits}`, with
//! the notices and the remote keys besides.

use serde::Serialize;

use super::remote::{self, RemoteKey};
use super::{Added, Finding, Report, Summary};
use crate::manifest::edit::Edit;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    version: u32,
    summary: Summary,
    notices: &'a [String],
    findings: &'a [Finding],
    edits: &'a [Edit],
    added: &'a [Added],
    remote_keys: Vec<RemoteKey>,
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
        remote_keys: remote::sorted(&report.remote_keys),
    };
    let mut text = serde_json::to_string_pretty(&body).unwrap_or_default();
    text.push('\n');
    text
}
