//! `helm-floe completion` and `helm-floe man`: generated from the command line itself.

use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

use super::Cli;
use super::output::{self, Failure};

/// Arguments of `completion`.
#[derive(Debug, clap::Args)]
pub struct Completion {
    /// The shell to complete for.
    pub shell: Shell,
}

/// Prints a completion script.
pub fn completion(args: &Completion) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "helm-floe", &mut script);
    output::stdout(&script)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the manual page.
pub fn man() -> Result<ExitCode, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut page)
        .map_err(|e| Failure::Io(format!("cannot render the manual: {e}")))?;
    output::stdout(&page)?;
    Ok(ExitCode::SUCCESS)
}
