//! The product that the filter injects: from a compiled artifact, or compiled on the spot.

use std::path::{Path, PathBuf};

use clap::Args;

use super::output::Failure;
use super::{compile, options, tiers};
use crate::inject::profile::Profile;
use crate::platform::artifact::{Artifact, sha256};
use crate::platform::injection::Injection;

/// Which product.
#[derive(Clone, Debug, Default, Args)]
pub struct Choice {
    /// A compiled artifact: the product's pods get what it says.
    #[arg(long, value_name = "FILE", env = "FLOE_ARTIFACT")]
    pub artifact: Option<PathBuf>,
    /// A floe.yaml to compile with the platform file, instead of an artifact.
    #[arg(long, value_name = "FILE", conflicts_with = "artifact")]
    pub spec: Option<PathBuf>,
}

impl Choice {
    /// The product, where one is chosen. `platform` is the platform file in use.
    pub fn profile(
        &self,
        platform: Option<&Path>,
        environment: Option<&str>,
        config: &Injection,
        notices: &mut Vec<String>,
    ) -> Result<Option<Profile>, Failure> {
        let (file, artifact) = match (&self.artifact, &self.spec) {
            (Some(file), _) => (file, read(file)?),
            (None, Some(spec)) => (spec, compiled(spec, platform, environment)?),
            (None, None) => return Ok(None),
        };
        let name = file.display();
        if let (Some(own), Some(asked)) = (artifact.metadata.environment.as_deref(), environment)
            && own != asked
        {
            return Err(Failure::Usage(format!(
                "{name} was compiled for the environment `{own}`, and this is `{asked}`"
            )));
        }
        if let Some(platform) = platform.filter(|file| is_newer(file, &artifact)) {
            notices.push(format!(
                "{name} was compiled from another {}: `helm-floe compile` brings it up to date",
                platform.display()
            ));
        }
        let profile = Profile::new(&artifact, config);
        profile
            .map(Some)
            .map_err(|reason| Failure::config(format!("{name}: {reason}")))
    }
}

/// Whether a platform file is not the one that an artifact was compiled with.
fn is_newer(platform: &Path, artifact: &Artifact) -> bool {
    let text = std::fs::read_to_string(platform).ok();
    let own = artifact.metadata.platform_sha256.as_ref();
    own.zip(text)
        .is_some_and(|(own, text)| sha256(&text) != *own)
}

/// Reads an artifact. It goes into a ConfigMap that many can read, so it may hold no credential.
fn read(file: &Path) -> Result<Artifact, Failure> {
    if file.to_str().is_some_and(|name| name.contains("://")) {
        return Err(Failure::Usage(format!(
            "--artifact {}: the filter asks nobody for anything while a release is made; save the artifact as a file before",
            file.display()
        )));
    }
    let found = tiers::read(file, "artifact.json")?;
    options::no_credential(&found.name, &found.text, "an artifact")?;
    Artifact::read(&found.name, &found.text).map_err(Failure::config)
}

/// Compiles a product with the platform file in use.
fn compiled(
    spec: &Path,
    platform: Option<&Path>,
    environment: Option<&str>,
) -> Result<Artifact, Failure> {
    let Some(platform) = platform else {
        return Err(Failure::Usage(
            "--spec needs a platform file to compile with: give --env or --platform".into(),
        ));
    };
    let choice = tiers::Choice {
        env: environment.map(str::to_owned),
        platform: Some(platform.to_owned()),
    };
    compile::compiled(&tiers::read(spec, tiers::PRODUCT)?, spec, &choice)
}
