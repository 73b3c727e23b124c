//! `helm-floe diff`: what the filter would change.

use std::process::ExitCode;

use super::filter::{refusal, unreadable};
use super::input::{self, Args, Loaded};
use super::options::OnViolation;
use super::output::{self, Failure};
use crate::check::hide;
use crate::pipeline::{self, Mode};
use crate::report;

/// Prints a unified diff on stdout; what the filter would refuse goes to stderr and exits 1.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let options = &args.options;
    let (settings, _) = options.settings(Mode::Harden)?;
    let mut exit = ExitCode::SUCCESS;
    for item in input::list(&args.paths)? {
        if !item.may_hold_manifests() {
            continue;
        }
        let (release, namespace) = (options.release.as_deref(), options.namespace.as_deref());
        let Loaded::Stream(input) = item.load(release, namespace)? else {
            continue;
        };
        let mut outcome = pipeline::run(&input.text, &settings)
            .map_err(|problems| unreadable(&input.name, problems))?;
        outcome.report.warn_only = options.on_violation == OnViolation::Warn;
        let after = outcome.output.to_vec();
        let after = String::from_utf8_lossy(&after);
        let color = output::color(&std::io::stdout());
        let diff = unified(&input.name, &input.text, &after, color);
        output::stdout(diff.as_bytes())?;
        if let Some(code) = refusal(&outcome.report) {
            exit = code;
            let color = output::color(&std::io::stderr());
            output::stderr(
                &report::text::Text {
                    input: &input.name,
                    text: &input.text,
                    color,
                }
                .render(&outcome.report),
            );
        }
    }
    Ok(exit)
}

/// The unified diff between two texts, without the credentials in them.
pub fn unified(name: &str, before: &str, after: &str, color: bool) -> String {
    let mut masked = hide::lines(before);
    masked.extend(hide::lines(after));
    report::diff::render(name, before, after, &masked, color)
}
