//! `helm-floe template|install|upgrade`: Helm with the filter in place.

use std::ffi::OsString;
use std::process::ExitCode;

use super::output::Failure;

/// Everything after the verb: Helm's own arguments mixed with the filter's options.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Helm's arguments and the filter's options, in any order.
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "ARGS"
    )]
    pub args: Vec<OsString>,
}

/// Runs Helm.
pub fn run(verb: &str, args: &Args) -> Result<ExitCode, Failure> {
    crate::helm::run(verb, &args.args).map_err(|e| Failure::Usage(format!("{e:#}")))
}
