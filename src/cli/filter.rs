//! The filter: manifests on stdin, hardened manifests on stdout.

use std::process::ExitCode;

use super::options::{Format, OnViolation, Options};
use super::output::{self, Failure};
use crate::check::twice;
use crate::helm::refusal::block_scalar;
use crate::pipeline::{self, Mode, Settings};
use crate::report::text::Text;
use crate::report::{Finding, Report, json};

/// Runs the filter. On refusal nothing is written to stdout, but see [`Options::helm4`].
pub fn run(options: &Options) -> Result<ExitCode, Failure> {
    let result = filter(options);
    match result {
        Err(failure) if options.helm4 => answer_helm4(&failure.render()),
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
    if refused.is_some() && options.helm4 {
        save(options, input, text, &report)?;
        return answer_helm4(&render(options, input, text, &report, false));
    }
    publish(options, input, text, &report)?;
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
/// cannot read.
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

/// A failure that names the input.
pub fn unreadable(input: &str, problems: pipeline::Unreadable) -> Failure {
    Failure::Unreadable {
        input: input.to_owned(),
        problems,
    }
}

/// The report in the asked-for format.
fn render(options: &Options, input: &str, text: &str, report: &Report, color: bool) -> String {
    match options.format {
        Format::Json => json::render(report),
        Format::Text => Text { input, text, color }.render(report),
    }
}

/// Writes the report to stderr when there is something to say, and to the asked-for file.
fn publish(options: &Options, input: &str, text: &str, report: &Report) -> Result<(), Failure> {
    let silent =
        report.findings.is_empty() && report.notices.is_empty() && report.remote_keys.is_empty();
    if options.format == Format::Json || !silent {
        output::stderr(&render(
            options,
            input,
            text,
            report,
            output::color(&std::io::stderr()),
        ));
    }
    save(options, input, text, report)
}

fn save(options: &Options, input: &str, text: &str, report: &Report) -> Result<(), Failure> {
    match &options.report {
        Some(file) => output::save(file, &render(options, input, text, report, false)),
        None => Ok(()),
    }
}
