//! The filter: manifests on stdin, hardened manifests on stdout.

use std::collections::BTreeSet;
use std::process::ExitCode;

use super::diff::unified;
use super::options::{Format, OnViolation, Options};
use super::output::{self, Failure};
use super::report::{Extras, Shown};
use crate::check::twice;
use crate::helm::refusal::block_scalar;
use crate::pipeline::{self, Mode, Output, Settings, Survey};
use crate::report::network::svg;
use crate::report::text::Text;
use crate::report::{Finding, Report};

/// Runs the filter. On refusal nothing is written to stdout, but see [`Options::exit_code_is_lost`].
pub fn run(options: &Options) -> Result<ExitCode, Failure> {
    let result = filter(options);
    match result {
        Err(failure) if options.exit_code_is_lost() => answer_helm4(&failure.render()),
        other => other,
    }
}

fn filter(options: &Options) -> Result<ExitCode, Failure> {
    if output::stdout_is_closed() {
        return Err(Failure::Io("stdout is closed, or /dev/null opened for reading too: the hardened manifests would be lost".into()));
    }
    let (settings, notices) = options.settings(Mode::Harden)?;
    let text = read_stdin(options.allow_empty)?;
    harden(options, &settings, notices, "stdin", &text)
}

/// Hardens a stream, which reports call `input`, and writes it to stdout unless it is refused.
pub fn harden(
    options: &Options,
    settings: &Settings,
    notices: Vec<String>,
    input: &str,
    text: &str,
) -> Result<ExitCode, Failure> {
    let outcome = pipeline::run(text, settings).map_err(|problems| unreadable(input, problems))?;
    let mut report = outcome.report;
    report.warn_only = options.on_violation == OnViolation::Warn;
    let unused = outcome.used.notices(&settings.exceptions, false);
    report.notices = [notices, report.notices, unused].concat();
    if report.objects == 0 && !options.allow_empty {
        return Err(unreadable(input, pipeline::nothing_in("the input")));
    }
    let refused = refusal(&report);
    let charts = BTreeSet::new();
    let words = |color| Text { input, text, color }.render(&report);
    let extras = || extras(options, input, text, &outcome.output);
    let shown = Shown::new(options, &report, &charts, &words, &extras);
    shown.save()?;
    if refused.is_some() && options.exit_code_is_lost() {
        return answer_helm4(&shown.screen(false)?);
    }
    if options.format != Format::Text || says_something(&report) {
        output::stderr(&shown.screen(options.color.on(&std::io::stderr()))?);
    }
    if let Some(code) = refused {
        return Ok(code);
    }
    output::write(|out| outcome.output.write_to(out))?;
    Ok(ExitCode::SUCCESS)
}

/// The exit code when the report refuses the release: 1, or 2 where the input is at fault because
/// it holds an object twice. `None` when all is well or violations are only to be reported.
pub fn refusal(report: &Report) -> Option<ExitCode> {
    if !report.refused() {
        return None;
    }
    let twice = |finding: &Finding| finding.refuses() && finding.policy == twice::POLICY;
    let bad_input = report.findings.iter().any(twice);
    Some(ExitCode::from(if bad_input { 2 } else { 1 }))
}

/// Says why a release is refused to Helm 4, which throws stderr away but prints a document that it
/// cannot read. Skaffold cannot read it either.
pub fn answer_helm4(text: &str) -> Result<ExitCode, Failure> {
    output::stdout(block_scalar(text).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// All of stdin as text.
pub fn read_stdin(allow_empty: bool) -> Result<String, Failure> {
    let bytes = pipeline::read(std::io::stdin().lock())
        .map_err(|e| Failure::Io(format!("cannot read stdin: {e}")))?;
    pipeline::decode(bytes, allow_empty).map_err(|problems| unreadable("stdin", problems))
}

/// A failure of the filter that names the input.
pub fn unreadable(input: &str, problems: pipeline::Unreadable) -> Failure {
    Failure::Unreadable {
        input: input.to_owned(),
        problems,
        writes: true,
    }
}

/// Whether there is anything for people to read.
fn says_something(report: &Report) -> bool {
    !(report.findings.is_empty() && report.notices.is_empty() && report.remote_keys.is_empty())
}

/// What the report page shows of a release besides: its network and the changes.
fn extras(
    options: &Options,
    input: &str,
    text: &str,
    output: &Output<'_>,
) -> Result<Extras, Failure> {
    let (settings, _) = options.settings(Mode::Harden)?;
    let origin = |line| (input.to_owned(), line);
    let Survey { graph, .. } = pipeline::survey(text, settings, &origin)
        .map_err(|problems| unreadable(input, problems))?;
    let after = output.to_vec();
    let after = String::from_utf8_lossy(&after);
    Ok(Extras {
        network: (!graph.nodes.is_empty()).then(|| svg::render(&graph)),
        diff: unified("rendered", text, &after, false),
    })
}
