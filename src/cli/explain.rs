//! `helm-floe explain`: a policy in words.

use std::path::PathBuf;
use std::process::ExitCode;

use super::output::{self, Failure};
use super::platform::Format;
use super::which::{self, Standard, Which};
use crate::policy::explain;

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The policy's name, e.g. `pss/runAsNonRoot`; all of them when absent.
    #[arg(value_name = "POLICY")]
    pub policy: Option<String>,
    /// A directory with further policies; repeatable.
    #[arg(long, value_name = "DIR")]
    pub policies: Vec<PathBuf>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Prints one policy, or the list.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let which = Which {
        policies: args.policies.clone(),
        ..Which::default()
    };
    let text = match &args.policy {
        None => which::list(&which.chosen(&Standard::default())?, args.format),
        Some(name) => {
            let library = which.library()?;
            let loaded = library.get(name).ok_or_else(|| unknown(name, &library))?;
            match args.format {
                Format::Text => explain::text(loaded),
                Format::Json => explain::json(loaded),
            }
        }
    };
    output::answer(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// An unknown name, with the names that contain its last part.
fn unknown(name: &str, library: &crate::policy::Library) -> Failure {
    let wanted = name.rsplit('/').next().unwrap_or(name).to_lowercase();
    let close: Vec<&str> = library
        .iter()
        .map(|l| l.name.as_str())
        .filter(|n| n.to_lowercase().contains(&wanted))
        .collect();
    let hint = match close.as_slice() {
        [] => "`helm-floe explain` lists them".to_owned(),
        names => format!("did you mean {}?", names.join(", ")),
    };
    Failure::Usage(format!("no policy `{name}`: {hint}"))
}
