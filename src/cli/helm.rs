//! `helm-floe template|install|upgrade`: Helm with the filter in place.

use std::ffi::OsString;
use std::process::ExitCode;

use super::output::Failure;
use crate::helm::flags::FILTER_OPTIONS;

/// Everything after the verb: Helm's own arguments mixed with the filter's options.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help())]
pub struct Args {
    /// Helm's arguments and the filter's options, in any order.
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "ARGS"
    )]
    pub args: Vec<OsString>,
}

/// Which options are not Helm's.
fn after_help() -> String {
    let names = FILTER_OPTIONS
        .iter()
        .map(|option| format!("--{}", option.name));
    let names = names.collect::<Vec<_>>().join(", ");
    format!(
        "The filter takes {names}, as `helm-floe post-render --help` explains them, and reports on stderr. Everything else is Helm's; `helm {{template,install,upgrade}} --help` lists it."
    )
}

/// Runs Helm.
pub fn run(verb: &str, args: &Args) -> Result<ExitCode, Failure> {
    crate::helm::run(verb, &args.args).map_err(|e| Failure::Usage(format!("{e:#}")))
}
