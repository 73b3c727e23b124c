//! `helm-floe check`: findings only.

use std::path::PathBuf;
use std::process::ExitCode;

use super::filter::{refusal, save, unreadable};
use super::input::{self, Input};
use super::options::{Format, Options};
use super::output::{self, Failure};
use crate::pipeline::{self, Mode, Settings};
use crate::report::text::Text;
use crate::report::{Report, json};

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files, directories, charts, or `-` for stdin (the default).
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub options: Options,
}

/// Judges every input as it stands; the report goes to stdout.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let options = &args.options;
    let (settings, notices) = options.settings(Mode::Check)?;
    let inputs = input::read(
        &args.paths,
        options.release.as_deref(),
        options.namespace.as_deref(),
    )?;
    let mut total = Report::default();
    let mut text = String::new();
    for input in &inputs {
        let report = judge(input, &settings)?;
        let color = output::color(&std::io::stdout());
        text.push_str(
            &Text {
                input: &input.name,
                text: &input.text,
                color,
            }
            .render(&report),
        );
        total.absorb(report);
    }
    if total.objects == 0 && !options.allow_empty {
        return Err(unreadable("input", pipeline::nothing_in("the input")));
    }
    total.notices.splice(0..0, notices);
    match options.format {
        Format::Json => output::stdout(json::render(&total).as_bytes())?,
        Format::Text => output::stdout(text.as_bytes())?,
    }
    if let [only] = inputs.as_slice() {
        save(options, &only.name, &only.text, &total)?;
    } else {
        save(options, "", "", &total)?;
    }
    Ok(refusal(options, &total).unwrap_or(ExitCode::SUCCESS))
}

fn judge(input: &Input, settings: &Settings) -> Result<Report, Failure> {
    let outcome = pipeline::run(&input.text, settings)
        .map_err(|problems| unreadable(&input.name, problems))?;
    let mut report = outcome.report;
    for finding in &mut report.findings {
        finding.file.clone_from(&input.file);
    }
    Ok(report)
}
