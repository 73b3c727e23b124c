//! The report for people: verdict first, then every finding with its place and the way out.

use std::borrow::Cow;
use std::ops::Range;

use annotate_snippets::Level;

use super::block::Block;
use super::{Finding, Report, Severity, plural, printable, remote};

/// A run's report with the input it is about.
pub struct Text<'a> {
    /// What the input is called in places: `stdin`, a file name.
    pub input: &'a str,
    /// The input, for the quoted lines.
    pub text: &'a str,
    /// Whether to colour.
    pub color: bool,
}

impl Text<'_> {
    /// The whole report of a run over one input.
    pub fn render(&self, report: &Report) -> String {
        let mut out = verdict(report);
        self.push_findings(report, &mut out);
        out.push_str(&closing(report));
        out
    }

    /// Appends the findings of a run over this input, to stand between [`verdict`] and
    /// [`closing`]: first what refuses the release, then warnings, then what is excepted.
    pub fn push_findings(&self, report: &Report, out: &mut String) {
        let mut findings: Vec<&Finding> = report.findings.iter().collect();
        findings.sort_by_key(|finding| {
            (
                finding.exception.is_some(),
                finding.severity != Severity::Error,
            )
        });
        for finding in findings {
            out.push('\n');
            out.push_str(&self.finding(finding));
            out.push('\n');
        }
    }

    fn finding(&self, finding: &Finding) -> String {
        let (level, name) = match (finding.exception.is_some(), finding.severity) {
            (true, _) => (Level::INFO.with_name("excepted"), "excepted"),
            (false, Severity::Warning) => (Level::WARNING, "warning"),
            (false, Severity::Error) => (Level::ERROR, "error"),
        };
        let notes = notes(finding).into_iter();
        let block = Block {
            level,
            name,
            policy: &finding.policy,
            message: printable(&finding.message),
            input: self.input,
            line: finding.line,
            column: finding.column,
            quote: self.quote(finding),
            notes: notes
                .map(|(name, text)| (name, printable_note(text)))
                .collect(),
        };
        block.render(self.color)
    }

    /// The line a finding is about up to where its quote ends, and the place of the quote in it.
    /// What follows on the line, a comment perhaps, is not what the finding is about.
    fn quote(&self, finding: &Finding) -> Option<(&str, Range<usize>)> {
        let quote = &finding.quote;
        if quote.is_empty() {
            return None;
        }
        let before = self.text.get(..quote.start).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |n| n + 1);
        let rest = self.text.get(start..).unwrap_or_default();
        let line = rest.split(['\n', '\r']).next().unwrap_or_default();
        let end = quote.end.min(start + line.len());
        Some((up_to(line, end - start), quote.start - start..end - start))
    }
}

/// A note without control characters.
fn printable_note(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => printable(text),
        Cow::Owned(text) => Cow::Owned(printable(&text).into_owned()),
    }
}

/// The line up to where the quote ends, with the colon of a key.
fn up_to(line: &str, end: usize) -> &str {
    let colon = line.get(end..).is_some_and(|rest| rest.starts_with(':'));
    line.get(..end + usize::from(colon)).unwrap_or(line)
}

/// The lines below the snippet: which object, which template, what to do.
fn notes(finding: &Finding) -> Vec<(&'static str, Cow<'_, str>)> {
    let mut lines = Vec::with_capacity(4);
    if let Some(object) = finding.object() {
        lines.push(("object", Cow::Owned(object)));
    }
    if !finding.kind.is_empty() || !finding.pointer.is_empty() {
        lines.push(("field", Cow::Borrowed(finding.pointer.as_str())));
    }
    if let Some(source) = &finding.source {
        lines.push(("template", Cow::Borrowed(source.as_str())));
    }
    if let Some(reason) = &finding.exception {
        lines.push(("exception", Cow::Borrowed(reason.as_str())));
    } else if !finding.help.is_empty() {
        lines.push(("help", Cow::Borrowed(finding.help.as_str())));
    }
    lines
}

/// What stands below the findings of a report: the ways out, the notices, the remote keys.
pub fn closing(report: &Report) -> String {
    let mut out = String::new();
    let keys = remote::text(&report.remote_keys);
    let more = !report.notices.is_empty() || !keys.is_empty();
    if !report.findings.is_empty() && (report.refused() || more) {
        out.push('\n');
    }
    if report.refused() {
        let change = match report.files {
            0 => "change the chart's values",
            _ => "change the files or the chart's values",
        };
        out.push_str(&format!("help: {change}, {WAY_OUT}\n"));
    }
    for notice in &report.notices {
        out.push_str(&format!("note: {}\n", printable(notice)));
    }
    out.push_str(&printable_lines(&keys));
    out
}

/// Text of several lines of which each is made printable.
fn printable_lines(text: &str) -> String {
    let lines = text.lines().map(printable);
    lines.map(|line| format!("{line}\n")).collect()
}

/// The other way out of a refusal, below its findings.
const WAY_OUT: &str =
    "or have the platform team except a finding: `helm-floe explain POLICY` shows how";

/// The first line of a report: whether the release is refused, and the counts.
pub fn verdict(report: &Report) -> String {
    let summary = report.summary();
    let mut counts = vec![
        plural(summary.errors, "error"),
        plural(summary.warnings, "warning"),
    ];
    if summary.excepted > 0 {
        counts.push(format!("{} excepted", summary.excepted));
    }
    let counts = counts.join(", ");
    let objects = match (summary.objects, summary.files) {
        (objects, 0) => plural(objects, "object"),
        (0, files) => plural(files, "file"),
        (objects, files) => format!(
            "{} and {}",
            plural(objects, "object"),
            plural(files, "other file")
        ),
    };
    if summary.refused {
        let what = if summary.objects == 0 {
            "what these files hold"
        } else {
            "this release"
        };
        format!("helm-floe refuses {what}: {counts} in {objects}\n")
    } else {
        let edits = plural(summary.edits, "edit");
        let warned = if summary.errors > 0 {
            "; not refused, because violations are only reported"
        } else {
            ""
        };
        let added = match summary.added {
            0 => String::new(),
            added => format!(", {} added", plural(added, "object")),
        };
        format!("helm-floe: {counts} in {objects}, {edits}{added}{warned}\n")
    }
}
