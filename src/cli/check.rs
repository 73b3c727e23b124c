//! `helm-floe check`: findings only.

use std::process::ExitCode;

use super::filter::{refusal, unreadable};
use super::input::{self, Args, Input};
use super::options::{Format, OnViolation};
use super::output::{self, Failure};
use crate::pipeline::{self, Mode, Settings};
use crate::policy::exceptions::Used;
use crate::report::text::{self, Text};
use crate::report::{Report, json};

/// Judges every input as it stands; the report goes to stdout.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let options = &args.options;
    let (settings, notices) = options.settings(Mode::Check)?;
    let inputs = input::read(
        &args.paths,
        options.release.as_deref(),
        options.namespace.as_deref(),
    )?;
    let color = output::color(&std::io::stdout());
    let total = Total {
        color,
        report: Report {
            notices,
            warn_only: options.on_violation == OnViolation::Warn,
            ..Report::default()
        },
        ..Total::default()
    };
    let total = total.judge(&inputs, &settings)?;
    if total.report.objects == 0 && !options.allow_empty {
        return Err(unreadable("input", pipeline::nothing_in("the input")));
    }
    let document = |findings: &str| match options.format {
        Format::Json => json::render(&total.report),
        Format::Text => [
            &text::verdict(&total.report),
            findings,
            &text::closing(&total.report),
        ]
        .concat(),
    };
    let shown = if color { &total.coloured } else { &total.plain };
    output::stdout(document(shown).as_bytes())?;
    if let Some(file) = &options.report {
        output::save(file, &document(&total.plain))?;
    }
    Ok(refusal(&total.report).unwrap_or(ExitCode::SUCCESS))
}

/// What all inputs come to.
#[derive(Default)]
struct Total {
    report: Report,
    used: Used,
    /// Whether the coloured text is wanted.
    color: bool,
    /// The findings as text, without and with colours.
    plain: String,
    coloured: String,
}

impl Total {
    fn judge(mut self, inputs: &[Input], settings: &Settings) -> Result<Total, Failure> {
        for input in inputs {
            self.add(input, settings)?;
        }
        let unused = self.used.notices(&settings.exceptions);
        self.report.notices.extend(unused);
        Ok(self)
    }

    fn add(&mut self, input: &Input, settings: &Settings) -> Result<(), Failure> {
        let outcome = pipeline::run(&input.text, settings)
            .map_err(|problems| unreadable(&input.name, problems))?;
        let mut report = outcome.report;
        for finding in &mut report.findings {
            finding.file.clone_from(&input.file);
        }
        let text = |color| Text {
            input: &input.name,
            text: &input.text,
            color,
        };
        text(false).push_findings(&report, &mut self.plain);
        if self.color {
            text(true).push_findings(&report, &mut self.coloured);
        }
        self.used.merge(&outcome.used);
        self.report.absorb(report);
        Ok(())
    }
}
