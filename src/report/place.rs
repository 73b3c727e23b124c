//! Where a finding is, for programs that show it beside a file of a repository.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;

use super::Finding;

/// A file, and the place in it where one is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place<'f> {
    /// The file's path with `/` between its parts, or `stdin`.
    pub file: Cow<'f, str>,
    /// Line and column from 1. None for what Helm rendered: the line is that of the rendered stream,
    /// which no template has.
    pub at: Option<(usize, usize)>,
}

/// The file of a finding. `charts` are the inputs that Helm rendered.
pub fn of<'f>(finding: &'f Finding, charts: &BTreeSet<String>) -> Place<'f> {
    let rendered = |file| Place { file, at: None };
    match (&finding.file, &finding.source) {
        (Some(chart), Some(template)) if charts.contains(chart) => {
            rendered(in_chart(chart, template))
        }
        (Some(chart), None) if charts.contains(chart) => {
            rendered(in_chart(chart, "chart/Chart.yaml"))
        }
        (None, Some(template)) => rendered(Cow::Borrowed(template)),
        (file, _) => Place {
            file: slashes(file.as_deref().unwrap_or("stdin")),
            at: Some((finding.line.max(1), finding.column.max(1))),
        },
    }
}

/// Helm calls templates after the chart's name, which need not be that of its directory.
fn in_chart<'f>(chart: &str, template: &str) -> Cow<'f, str> {
    let below = template
        .split_once('/')
        .map_or(template, |(_, below)| below);
    let path = Path::new(chart).join(below);
    Cow::Owned(slashes(&path.to_string_lossy()).into_owned())
}

/// A path as URIs and repositories write it.
fn slashes(path: &str) -> Cow<'_, str> {
    let path = path.strip_prefix("./").unwrap_or(path);
    match path.contains('\\') && cfg!(windows) {
        true => Cow::Owned(path.replace('\\', "/")),
        false => Cow::Borrowed(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::finding;

    #[test]
    fn a_rendered_line_is_no_line_of_a_template() {
        let charts = BTreeSet::from(["charts/shop".to_owned()]);
        let cases = [
            (None, None, "stdin", Some((7, 3))),
            (
                None,
                Some("web/templates/a.yaml"),
                "web/templates/a.yaml",
                None,
            ),
            (
                Some("./out/a.yaml"),
                Some("web/templates/a.yaml"),
                "out/a.yaml",
                Some((7, 3)),
            ),
            (
                Some("charts/shop"),
                Some("web/charts/db/templates/a.yaml"),
                "charts/shop/charts/db/templates/a.yaml",
                None,
            ),
            (Some("charts/shop"), None, "charts/shop/Chart.yaml", None),
        ];
        for (file, source, want, at) in cases {
            let finding = Finding {
                file: file.map(str::to_owned),
                source: source.map(str::to_owned),
                line: 7,
                column: 3,
                ..finding("pss/runAsNonRoot")
            };
            let place = of(&finding, &charts);
            assert_eq!(
                (place.file.as_ref(), place.at),
                (want, at),
                "{file:?} {source:?}"
            );
        }
    }
}
