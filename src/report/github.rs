//! Workflow commands that GitHub Actions turns into annotations of a pull request.
//!
//! The grammar and its escapes are those of GitHub's runner:
//! <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>.

use super::ci::Ci;
use super::text::verdict;
use super::{Finding, Severity, place, printable};

/// One command per finding, and the verdict as an ordinary last line of the log.
pub fn render(ci: &Ci<'_>) -> String {
    let commands = ci
        .report
        .findings
        .iter()
        .map(|finding| command(ci, finding));
    let mut out: String = commands.collect();
    out.push_str(&printable(verdict(ci.report).trim_end()));
    out.push('\n');
    out
}

fn command(ci: &Ci<'_>, finding: &Finding) -> String {
    let command = match (&finding.exception, finding.severity) {
        (Some(_), _) => "notice",
        (None, Severity::Error) => "error",
        (None, Severity::Warning) => "warning",
    };
    let place = place::of(finding, ci.charts);
    let at = place.at.map_or(String::new(), |(line, column)| {
        format!(",line={line},col={column}")
    });
    format!(
        "::{command} file={}{at},title={}::{}\n",
        property(&place.file),
        property(&finding.policy),
        data(&ci.words(finding)),
    )
}

/// The escapes of what stands after the second `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// The escapes of a property's value.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_start_another_command() {
        assert_eq!(data("50% of\r\n::error::"), "50%25 of%0D%0A::error::");
        assert_eq!(property("a,line=1::b"), "a%2Cline=1%3A%3Ab");
    }
}
