//! `helm-floe init`: files to start from.

use std::path::PathBuf;
use std::process::ExitCode;

use super::output::{self, Failure};
use super::tiers;

/// Arguments of `init`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where the files go.
    #[arg(value_name = "DIR", default_value = ".")]
    pub directory: PathBuf,
}

/// The files: path and text.
const FILES: [(&str, &str); 6] = [
    (
        "floe.yaml",
        include_str!("../../examples/starter/floe.yaml"),
    ),
    (
        "mapping.yaml",
        include_str!("../../examples/starter/mapping.yaml"),
    ),
    (
        "platform/local/platform.yaml",
        include_str!("../../examples/starter/platform/local/platform.yaml"),
    ),
    (
        "platform/dev/platform.yaml",
        include_str!("../../examples/starter/platform/dev/platform.yaml"),
    ),
    (
        "platform/staging/platform.yaml",
        include_str!("../../examples/starter/platform/staging/platform.yaml"),
    ),
    (
        "platform/prod/platform.yaml",
        include_str!("../../examples/starter/platform/prod/platform.yaml"),
    ),
];

/// Writes the files; none when one of them is there already.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let there: Vec<String> = FILES
        .iter()
        .map(|(path, _)| args.directory.join(path))
        .filter(|path| path.exists())
        .map(|path| path.display().to_string())
        .collect();
    if !there.is_empty() {
        return Err(Failure::Usage(format!(
            "would overwrite {}: nothing was written",
            there.join(", ")
        )));
    }
    let mut text = String::new();
    for (path, content) in FILES {
        let path = args.directory.join(path);
        tiers::write(&path, content)?;
        text.push_str(&format!("{}\n", path.display()));
    }
    output::stdout(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
