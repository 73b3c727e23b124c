//! One release as a page for a reviewer: what was refused, what was changed and why, who may call
//! whom. One file without scripts or anything from elsewhere.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::ci::Ci;
use super::markup::escape;
use super::{Added, Edited, Finding, Severity, place, plural, remote};
use crate::manifest::edit::{Edit, Operation};

const STYLE: &str = include_str!("style.css");
/// Longer values are cut: a page is for reading.
const MAX_VALUE: usize = 120;

/// What a page shows besides the report.
pub struct Page<'a> {
    /// The report.
    pub ci: Ci<'a>,
    /// What the release or the input is called.
    pub title: &'a str,
    /// Who may call whom, as an SVG picture, where it is known.
    pub network: Option<&'a str>,
    /// The changes as a unified diff without colours; empty when there are none.
    pub diff: &'a str,
}

impl Page<'_> {
    /// The page.
    pub fn render(&self) -> String {
        let title = escape(self.title);
        let mut out = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title}: helm-floe</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"
        );
        out.push_str(&self.head());
        out.push_str(&self.findings());
        out.push_str(&self.changes());
        out.push_str(&self.added());
        out.push_str(&self.picture());
        out.push_str(&self.keys());
        out.push_str(&self.notices());
        out.push_str(&self.diff());
        out.push_str(&format!(
            "</main>\n<footer>helm-floe {}</footer>\n</body>\n</html>\n",
            env!("CARGO_PKG_VERSION")
        ));
        out
    }

    /// The verdict and the counts.
    fn head(&self) -> String {
        let summary = self.ci.report.summary();
        let (class, verdict) = match (summary.refused, summary.errors) {
            (true, _) => ("refused", "refused"),
            (false, 0) => ("passed", "passes"),
            (false, _) => ("warned", "passes, although it should not"),
        };
        let counts = [
            (summary.errors, "error", "errors"),
            (summary.warnings, "warning", "warnings"),
            (summary.excepted, "excepted", "excepted"),
            (summary.edits, "edit", "edits"),
            (summary.added, "object added", "objects added"),
            (summary.objects, "object", "objects"),
            (summary.files, "other file", "other files"),
        ];
        let shown = |count: usize, one: &str, many: &str| {
            let name = if count == 1 { one } else { many };
            format!("<li><b>{count}</b> {name}</li>\n")
        };
        let counts: String = counts
            .iter()
            .filter(|(count, one, _)| *count > 0 || matches!(*one, "error" | "warning"))
            .map(|(count, one, many)| shown(*count, one, many))
            .collect();
        format!(
            "<header>\n<h1>{}</h1>\n<p class=\"verdict {class}\">{verdict}</p>\n<ul class=\"counts\">\n{counts}</ul>\n</header>\n",
            escape(self.title),
        )
    }

    fn findings(&self) -> String {
        type Group = (&'static str, fn(&Finding) -> bool, bool);
        let groups: [Group; 3] = [
            ("Errors", Finding::refuses, true),
            (
                "Warnings",
                |f| f.exception.is_none() && f.severity == Severity::Warning,
                false,
            ),
            ("Excepted by the platform", |f| f.exception.is_some(), false),
        ];
        let group = |(title, belongs, open): &Group| {
            let own: Vec<&Finding> = self
                .ci
                .report
                .findings
                .iter()
                .filter(|f| belongs(f))
                .collect();
            let cards: String = own.iter().map(|finding| self.finding(finding)).collect();
            section(title, own.len(), *open, &cards)
        };
        groups.iter().map(group).collect()
    }

    fn finding(&self, finding: &Finding) -> String {
        let class = match (finding.exception.is_some(), finding.severity) {
            (true, _) => "excepted",
            (false, Severity::Error) => "error",
            (false, Severity::Warning) => "warning",
        };
        let place = place::of(finding, self.ci.charts);
        let place = match place.at {
            Some((line, column)) => format!("{}:{line}:{column}", place.file),
            None => format!("{} (rendered line {})", place.file, finding.line),
        };
        let reason = match &finding.exception {
            Some(reason) => ("excepted because", reason.as_str()),
            None => ("what to do", finding.help.as_str()),
        };
        let object = finding.object().unwrap_or_default();
        let rows = [
            ("object", object.as_str()),
            ("field", finding.pointer.as_str()),
            ("where", &place),
            reason,
        ];
        let rows: String = rows
            .iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(name, text)| format!("<dt>{name}</dt><dd>{}</dd>\n", escape(text)))
            .collect();
        format!(
            "<article class=\"{class}\">\n<h3>{} <code>{}</code></h3>\n<dl>\n{rows}</dl>\n</article>\n",
            escape(&finding.message),
            escape(&finding.policy),
        )
    }

    /// The edits, by object.
    fn changes(&self) -> String {
        let report = self.ci.report;
        let mut documents: BTreeMap<usize, Vec<&Edit>> = BTreeMap::new();
        for edit in &report.edits {
            documents.entry(edit.document).or_default().push(edit);
        }
        let tables: String = documents
            .iter()
            .map(|(number, edits)| {
                let edited = report.edited.iter().find(|own| own.document == *number);
                self.table(*number, edited, edits)
            })
            .collect();
        section(
            "What was changed, and why",
            report.edits.len(),
            true,
            &tables,
        )
    }

    fn table(&self, number: usize, edited: Option<&Edited>, edits: &[&Edit]) -> String {
        let object = match edited {
            Some(edited) => escape(&edited.object),
            None => format!("document {}", number + 1),
        };
        let source = edited.and_then(|edited| edited.source.as_deref());
        let source = source.map_or(String::new(), |source| {
            format!(" <small>{}</small>", escape(source))
        });
        let rows: String = edits.iter().map(|edit| self.row(edit)).collect();
        format!(
            "<details>\n<summary>{object}{source} <span class=\"n\">{}</span></summary>\n<table>\n\
             <tr><th>field</th><th>change</th><th>policy</th></tr>\n{rows}</table>\n</details>\n",
            plural(edits.len(), "edit"),
        )
    }

    fn row(&self, edit: &Edit) -> String {
        let change = match &edit.operation {
            Operation::Add { value, .. } => format!("+ <code>{}</code>", escape(&short(value))),
            Operation::Replace { value, .. } => format!("= <code>{}</code>", escape(&short(value))),
            Operation::Remove { .. } => "removed".to_owned(),
            Operation::Move { from, .. } => format!("moved from <code>{}</code>", escape(from)),
            Operation::Copy { from, .. } => format!("copied from <code>{}</code>", escape(from)),
            Operation::Test { .. } => "tested".to_owned(),
        };
        let title = self.ci.rule(&edit.policy).map_or("", |rule| &rule.title);
        format!(
            "<tr><td><code>{}</code></td><td>{change}</td><td><code>{}</code><br>{}</td></tr>\n",
            escape(edit.operation.path()),
            escape(&edit.policy),
            escape(title),
        )
    }

    fn added(&self) -> String {
        let added = &self.ci.report.added;
        let row = |own: &Added| {
            let namespace = own
                .namespace
                .as_deref()
                .map_or(String::new(), |ns| format!("{ns}/"));
            format!(
                "<tr><td>{} {}{}</td><td><code>{}</code></td></tr>\n",
                escape(&own.kind),
                escape(&namespace),
                escape(&own.name),
                escape(own.policy),
            )
        };
        let rows: String = added.iter().map(row).collect();
        let table = format!("<table>\n<tr><th>object</th><th>policy</th></tr>\n{rows}</table>\n");
        section("What was added", added.len(), true, &table)
    }

    /// The picture is an image of its own, so that its style stays there.
    fn picture(&self) -> String {
        let Some(svg) = self.network else {
            return String::new();
        };
        format!(
            "<section>\n<h2>Who may call whom</h2>\n<img alt=\"The connections that the release's NetworkPolicies let through\" src=\"data:image/svg+xml;base64,{}\">\n</section>\n",
            STANDARD.encode(svg)
        )
    }

    fn keys(&self) -> String {
        let keys = &self.ci.report.remote_keys;
        let text = format!("<pre>{}</pre>\n", escape(&remote::text(keys)));
        section("What the secret store must hold", keys.len(), true, &text)
    }

    fn notices(&self) -> String {
        let notices = &self.ci.report.notices;
        let lines = notices
            .iter()
            .map(|notice| format!("<li>{}</li>\n", escape(notice)));
        let list = format!("<ul>\n{}</ul>\n", lines.collect::<String>());
        section("Good to know", notices.len(), true, &list)
    }

    fn diff(&self) -> String {
        let line = |line: &str| {
            let class = match line.as_bytes().first() {
                Some(b'+') => "plus",
                Some(b'-') => "minus",
                Some(b'@') => "hunk",
                _ => return format!("{}\n", escape(line)),
            };
            format!("<span class=\"{class}\">{}</span>\n", escape(line))
        };
        let lines: String = self.diff.lines().map(line).collect();
        let count = self
            .diff
            .lines()
            .filter(|line| line.starts_with("@@"))
            .count();
        section(
            "The changes as a diff",
            count,
            false,
            &format!("<pre class=\"diff\">{lines}</pre>\n"),
        )
    }
}

/// A part of the page that can be folded; nothing when it has nothing to say.
fn section(title: &str, count: usize, open: bool, body: &str) -> String {
    if count == 0 {
        return String::new();
    }
    let open = if open { " open" } else { "" };
    format!(
        "<section>\n<details{open}>\n<summary><h2>{title}</h2> <span class=\"n\">{count}</span></summary>\n{body}</details>\n</section>\n"
    )
}

/// A value on one line, cut where it is long.
fn short(value: &serde_json::Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(MAX_VALUE) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::report::Report;
    use crate::report::testing::finding;

    fn page(report: &Report) -> String {
        Page {
            ci: Ci {
                report,
                rules: &[],
                charts: &BTreeSet::new(),
            },
            title: "<web>",
            network: None,
            diff: "",
        }
        .render()
    }

    #[test]
    fn what_a_chart_says_is_no_markup() {
        let report = Report {
            findings: vec![Finding {
                message: "<script>alert(1)</script>".into(),
                name: "\"><img src=x onerror=alert(1)>".into(),
                ..finding("pss/runAsNonRoot")
            }],
            ..Report::default()
        };
        let page = page(&report);
        assert!(
            !page.contains("<script") && !page.contains("<img"),
            "{page}"
        );
        assert!(page.contains("&lt;script&gt;"));
    }

    #[test]
    fn what_is_empty_has_no_section() {
        let page = page(&Report::default());
        assert!(!page.contains("<h2>"), "{page}");
        assert!(page.contains(">passes<"));
    }

    #[test]
    fn long_values_are_cut() {
        let text = short(&serde_json::Value::String("é".repeat(500)));
        assert_eq!(text.chars().count(), MAX_VALUE + 1);
        assert_eq!(short(&serde_json::json!({"a": 1})), "{\"a\":1}");
    }
}
