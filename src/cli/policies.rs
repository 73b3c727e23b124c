//! `helm-floe policies`: list them, run their examples, export them to the API server.

mod export;

use std::fmt::Write as _;
use std::process::ExitCode;

use super::options::{Options, known};
use super::output::{self, Failure};
use crate::check;
use crate::policy::{explain, test};
use crate::report::plural;

/// What to do with the policies.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List every policy with its severity and title.
    List(Options),
    /// Run every policy's examples; exit 1 when one does not come out as it says.
    Test(Options),
    /// Write the policies for the API server, so that it refuses or fills for every client what the
    /// filter refuses or fills.
    Export(export::Args),
}

/// Runs the sub-command.
pub fn run(command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::List(options) => {
            output::stdout(explain::list(&options.library()?).as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Test(options) => examples(options),
        Command::Export(args) => export::run(args),
    }
}

fn examples(options: &Options) -> Result<ExitCode, Failure> {
    let library = options.library()?;
    let only = options.only_names()?;
    known(&only, &library)?;
    let mut rows = test::run(&library, &only, check::example);
    rows.extend(check::secrets::sample::results(&only));
    let mut text = String::new();
    let mut failed = 0;
    for row in &rows {
        if let Some(problem) = &row.failure {
            failed += 1;
            let written = writeln!(text, "FAILED {}: {}: {problem}", row.policy, row.example);
            debug_assert!(written.is_ok(), "writing to a string cannot fail");
        }
    }
    let _ = writeln!(text, "{}, {failed} failed", plural(rows.len(), "example"));
    output::stdout(text.as_bytes())?;
    Ok(ExitCode::from(u8::from(failed > 0)))
}
