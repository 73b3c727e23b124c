//! The artifacts that values are made of.

use std::path::{Path, PathBuf};

use super::super::compile::compiled;
use super::super::output::{self, Failure};
use super::super::servers::Servers;
use super::super::tiers::{self, Choice, Found};
use super::Args;
use crate::config::Source;
use crate::platform::artifact::{Artifact, sha256};
use crate::platform::mapping::MappingFile;
use crate::registry::reference::SCHEME;

/// An artifact with its hash.
pub struct Compiled {
    /// Where it comes from.
    pub name: String,
    /// The version of the format it is written in.
    pub version: String,
    /// What it says.
    pub artifact: Artifact,
    /// SHA-256 of its text.
    pub sha256: String,
}

/// Reads artifacts from files and registries.
pub fn artifacts(paths: &[PathBuf], servers: &Servers) -> Result<Vec<Compiled>, Failure> {
    let read = |path: &PathBuf| {
        let found = match path.to_str() {
            Some(text) if text.starts_with(SCHEME) => servers.pull(text)?,
            _ => tiers::read(path, "artifact.json")?,
        };
        let read = Artifact::read_with_version(&found.name, &found.text);
        let (artifact, version) =
            read.map_err(|error| no_artifact(&found).unwrap_or_else(|| Failure::config(error)))?;
        Ok(Compiled {
            artifact,
            version,
            sha256: sha256(&found.text),
            name: found.name,
        })
    };
    paths.iter().map(read).collect()
}

/// What to say of a file that is a product's and no artifact.
fn no_artifact(found: &Found) -> Option<Failure> {
    let source = Source::open(&found.name, &found.text).ok()?;
    let product = source.value("/name").is_some() && source.value("/metadata").is_none();
    product.then(|| {
        let name = &found.name;
        Failure::Usage(format!(
            "{name} is a product's floe.yaml and no compiled artifact: give it by --spec {name}"
        ))
    })
}

/// Compiles a product for each environment that is asked for.
pub fn of_spec(spec: &Path, args: &Args, mapping: &MappingFile) -> Result<Vec<Compiled>, Failure> {
    let mut names = match args.all_envs {
        true => mapping.environments(),
        false => args.env.clone(),
    };
    names.sort();
    names.dedup();
    for name in &names {
        mapping
            .target(name)
            .map_err(|unmapped| Failure::Usage(unmapped.to_string()))?;
    }
    let choice = |env: Option<String>| Choice {
        env,
        platform: args.platform.clone(),
    };
    let choices = match names.is_empty() {
        // The platform file says which one by where it lies.
        true => vec![choice(None)],
        false => names.into_iter().map(|name| choice(Some(name))).collect(),
    };
    let found = tiers::read(spec, tiers::PRODUCT)?;
    let each = choices.iter().map(|choice| {
        let artifact = compiled(&found, spec, choice)?;
        Ok(Compiled {
            name: found.name.clone(),
            sha256: sha256(&artifact.to_json()),
            version: artifact.version.clone(),
            artifact,
        })
    });
    each.collect()
}

/// The artifact of an environment: the one that was compiled for it, or the only one there is.
pub fn choose<'c>(all: &'c [Compiled], environment: &str) -> Result<&'c Compiled, Failure> {
    let own = |one: &&Compiled| one.artifact.metadata.environment.as_deref() == Some(environment);
    let mut fitting = all.iter().filter(own);
    if let Some(first) = fitting.next() {
        return match fitting.next() {
            None => Ok(first),
            Some(second) => Err(Failure::Usage(format!(
                "both {} and {} were compiled for {environment}",
                first.name, second.name
            ))),
        };
    }
    match all {
        [only] => {
            if let Some(other) = &only.artifact.metadata.environment {
                output::stderr(&format!(
                    "helm-floe: {} was compiled for {other}; {environment} gets its profiles too\n",
                    only.name
                ));
            }
            Ok(only)
        }
        _ => Err(Failure::Usage(format!(
            "none of the artifacts was compiled for {environment}"
        ))),
    }
}
