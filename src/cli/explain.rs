//! `helm-floe explain`: a policy in words.

use std::process::ExitCode;

use super::options::{Format, Options};
use super::output::{self, Failure};
use crate::policy::explain;

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The policy's name, e.g. `pss/runAsNonRoot`; all of them when absent.
    #[arg(value_name = "POLICY")]
    pub policy: Option<String>,
    #[command(flatten)]
    pub options: Options,
}

/// Prints one policy, or the list.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let library = args.options.library()?;
    let text = match &args.policy {
        None => explain::list(&library),
        Some(name) => {
            let loaded = library.get(name).ok_or_else(|| unknown(name, &library))?;
            match args.options.format {
                Format::Text => explain::text(loaded),
                Format::Json => explain::json(loaded),
                _ => {
                    let words = "explain knows the formats text and json";
                    return Err(Failure::Usage(words.into()));
                }
            }
        }
    };
    output::stdout(text.as_bytes())?;
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
