//! `helm-floe compile`: a product and an environment become one artifact.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::output::{self, Failure};
use super::tiers::{self, Choice, Found};
use crate::platform::artifact::Artifact;
use crate::platform::compile::{Text, compile};

/// Arguments of `compile`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The product's file.
    #[arg(long, short, value_name = "FILE", default_value = "floe.yaml")]
    pub file: PathBuf,
    #[command(flatten)]
    pub choice: Choice,
    /// Where the artifact goes; `-` is stdout, which is the default.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Runs the sub-command.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let spec = tiers::read(&args.file, tiers::PRODUCT)?;
    let artifact = compiled(&spec, &args.file, &args.choice)?;
    let json = artifact.to_json();
    match &args.output {
        Some(file) if file.as_os_str() != "-" => tiers::write(file, &json)?,
        _ => output::stdout(json.as_bytes())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Compiles a product; the platform file is looked for from where the product's file is.
pub fn compiled(spec: &Found, file: &Path, choice: &Choice) -> Result<Artifact, Failure> {
    let folder = file.parent();
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
    let platform = choice.find_or_local(folder.unwrap_or(Path::new(".")))?;
    compile(
        Text {
            file: &spec.name,
            text: &spec.text,
        },
        Text {
            file: &platform.name,
            text: &platform.text,
        },
        &source(&platform.name),
        platform.environment.as_deref(),
    )
    .map_err(|errors| tiers::wrong(&errors))
}

/// The platform file as the artifact names it: without what differs from machine to machine.
fn source(name: &str) -> String {
    let path = Path::new(name);
    if path.is_relative() {
        return name.to_owned();
    }
    let parts: Vec<_> = path.components().rev().take(3).collect();
    let short: PathBuf = parts.into_iter().rev().collect();
    short.display().to_string()
}
