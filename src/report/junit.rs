//! JUnit XML, which most CI systems show as tests: a suite per input, a case per finding.
//!
//! There is no standard; the elements are those that Jenkins' plugin describes
//! (<https://github.com/jenkinsci/xunit-plugin>, its `junit-10.xsd`) and GitLab reads.

use std::fmt::Write as _;

use super::ci::Ci;
use super::markup::escape;
use super::text::verdict;
use super::{Finding, Severity, place};

/// The report as XML. Warnings pass, with their words as output; what is excepted is skipped. A
/// release without a finding is one case that passes.
pub fn render(ci: &Ci<'_>) -> String {
    let findings = &ci.report.findings;
    let failures = match ci.report.warn_only {
        true => 0,
        false => ci.report.summary().errors,
    };
    let skipped = ci.report.summary().excepted;
    let counts = format!(
        "tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\"",
        findings.len().max(1)
    );
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"helm-floe\" {counts}>\n  <testsuite name=\"helm-floe\" {counts}>\n"
    );
    if findings.is_empty() {
        let name = escape(verdict(ci.report).trim_end());
        let _ = writeln!(out, "    <testcase classname=\"release\" name=\"{name}\"/>");
    }
    for finding in findings {
        out.push_str(&case(ci, finding));
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

fn case(ci: &Ci<'_>, finding: &Finding) -> String {
    let place = place::of(finding, ci.charts);
    let line = place
        .at
        .map_or(String::new(), |(line, _)| format!(" line=\"{line}\""));
    let object = finding.object().unwrap_or_else(|| place.file.to_string());
    let name = match finding.pointer.as_str() {
        "" => finding.policy.clone(),
        pointer => format!("{} {pointer}", finding.policy),
    };
    let (message, words) = (escape(&finding.message), escape(&ci.words(finding)));
    let inner = match (&finding.exception, finding.severity, ci.report.warn_only) {
        (Some(reason), _, _) => format!("<skipped message=\"{}\"/>", escape(reason)),
        (None, Severity::Error, false) => format!(
            "<failure type=\"{}\" message=\"{message}\">{words}</failure>",
            escape(&finding.policy)
        ),
        (None, _, _) => format!("<system-out>{words}</system-out>"),
    };
    format!(
        "    <testcase classname=\"{}\" name=\"{}\" file=\"{}\"{line}>\n      {inner}\n    </testcase>\n",
        escape(&object),
        escape(&name),
        escape(&place.file),
    )
}
