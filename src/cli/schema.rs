//! `helm-floe schema`: the JSON Schemas of our files, for editors and other checks.

use std::process::ExitCode;

use clap::ValueEnum;

use super::output::{self, Failure};
use crate::config::schema;
use crate::platform::artifact::Artifact;
use crate::platform::file::PlatformFile;
use crate::platform::floe::FloeFile;
use crate::platform::mapping::MappingFile;
use crate::policy::model::PolicyFile;

/// Arguments of `schema`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Of which file.
    #[arg(value_enum)]
    pub of: Of,
}

/// The files that have a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Of {
    /// platform.yaml
    Platform,
    /// floe.yaml
    Floe,
    /// A compiled artifact.
    Artifact,
    /// The cluster mapping.
    Mapping,
    /// A policy.
    Policy,
}

/// Prints a schema.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let schema = match args.of {
        Of::Platform => schema::of::<PlatformFile>(),
        Of::Floe => schema::of::<FloeFile>(),
        Of::Artifact => schema::of::<Artifact>(),
        Of::Mapping => schema::of::<MappingFile>(),
        Of::Policy => schema::of::<PolicyFile>(),
    };
    output::answer(&format!("{schema:#}\n"))?;
    Ok(ExitCode::SUCCESS)
}
