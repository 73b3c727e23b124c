//! Finds and reads the files of the two tiers for `compile`, `generate` and `platform`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::output::{self, Failure};
use crate::config::{ConfigError, text_of, typed};
use crate::platform::file::PlatformFile;
use crate::platform::local;
use crate::platform::locate::{Located, locate, misnamed};

/// What a platform file is called.
pub const PLATFORM: &str = "platform.yaml";

/// What a product's file is called.
pub const PRODUCT: &str = "floe.yaml";

/// Which platform file.
#[derive(Clone, Debug, Default, Args)]
pub struct Choice {
    /// The environment: platform/NAME/platform.yaml, here or above.
    #[arg(long, short, value_name = "NAME", env = "FLOE_ENV", value_parser = super::names::environment)]
    pub env: Option<String>,
    /// The platform file to use.
    #[arg(long, value_name = "FILE", env = "FLOE_PLATFORM_FILE")]
    pub platform: Option<PathBuf>,
}

/// A file, read.
#[derive(Debug)]
pub struct Found {
    /// Its path as users know it.
    pub name: String,
    /// Its text.
    pub text: String,
    /// The environment it is for, as far as that is known.
    pub environment: Option<String>,
}

impl Choice {
    /// The platform file, looked for from a directory upwards.
    pub fn find(&self, from: &Path) -> Result<Found, Failure> {
        if let Some(file) = &self.platform {
            let environment = self.env.clone().or_else(|| environment_of(file));
            return Ok(Found {
                environment,
                ..read(file, PLATFORM)?
            });
        }
        let from = absolute(from)?;
        let Some(env) = &self.env else {
            return Err(Failure::Usage(format!(
                "which environment? Give --env{} or --platform FILE",
                known(&from)
            )));
        };
        let located = locate(&from, env);
        if !matches!(located, Located::File(_)) {
            well_named(&from, env)?;
        }
        match located {
            Located::File(file) => Ok(Found {
                environment: Some(env.clone()),
                ..read(&short(&file), PLATFORM)?
            }),
            Located::UnknownEnvironment { directory, known } => {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                Err(Failure::Usage(format!(
                    "no environment `{env}` in {}{}",
                    short(&directory).display(),
                    crate::config::schema::suggest(env, &known)
                )))
            }
            Located::Nowhere => Err(Failure::Usage(format!(
                "no platform/{env}/platform.yaml in {} or above: `helm-floe init` writes one, --platform FILE names another",
                short(&from).display()
            ))),
        }
    }
}

impl Choice {
    /// The same, but where there are no platform files at all, that of the environment `local` is made
    /// of environment variables, with a notice.
    pub fn find_or_local(&self, from: &Path) -> Result<Found, Failure> {
        let local = self.platform.is_none() && self.env.as_deref() == Some(local::ENVIRONMENT);
        if !local || locate(&absolute(from)?, local::ENVIRONMENT) != Located::Nowhere {
            return self.find(from);
        }
        let made = local::platform(&|name| std::env::var(name).ok());
        let of = match made.used.as_slice() {
            [] => String::new(),
            used => format!("{} and ", used.join(", ")),
        };
        output::stderr(&format!(
            "helm-floe: no platform directory here or above: `local` is made of {of}the defaults of a developer's machine\n"
        ));
        Ok(Found {
            name: local::NAME.to_owned(),
            text: made.text,
            environment: self.env.clone(),
        })
    }
}

/// Fails where the file of an environment is there and is called `platform.yml`: to go on without it
/// would be to go on without what it asks for.
pub fn well_named(from: &Path, env: &str) -> Result<(), Failure> {
    match misnamed(from, env) {
        None => Ok(()),
        Some(file) => Err(Failure::Usage(format!(
            "{} must be called {PLATFORM}",
            short(&file).display()
        ))),
    }
}

/// What environments there are, as a hint.
fn known(from: &Path) -> String {
    match locate(from, "") {
        Located::UnknownEnvironment { known, .. } => format!(" (there are {})", known.join(", ")),
        _ => String::new(),
    }
}

/// The environment of `…/platform/<environment>/platform.yaml`.
fn environment_of(file: &Path) -> Option<String> {
    let folder = file.parent()?;
    (folder.parent()?.file_name()? == "platform").then(|| {
        folder
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
    })?
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|e| Failure::Usage(format!("no working directory: {e}")))
}

/// A path as it is seen from the working directory, where it lies below it.
fn short(path: &Path) -> PathBuf {
    let here = std::env::current_dir().ok();
    let below = here.and_then(|here| path.strip_prefix(here).map(Path::to_path_buf).ok());
    match below {
        Some(below) if below.as_os_str().is_empty() => PathBuf::from("."),
        Some(below) => below,
        None => path.to_path_buf(),
    }
}

/// Reads a file of text, as [`text_of`].
pub fn read(file: &Path, usual: &str) -> Result<Found, Failure> {
    Ok(Found {
        name: file.display().to_string(),
        text: text_of(file, usual).map_err(Failure::config)?,
        environment: None,
    })
}

/// Reads a platform file.
pub fn platform(found: &Found) -> Result<PlatformFile, Failure> {
    let read = typed::read::<PlatformFile>(&found.name, &found.text);
    read.map(|(file, _)| file).map_err(|errors| wrong(&errors))
}

/// Every mistake on a line of its own.
pub fn wrong(errors: &[ConfigError]) -> Failure {
    Failure::Config(errors.iter().map(ToString::to_string).collect())
}

/// Writes a file, and the directories it lies in.
pub fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let wrong = |e: std::io::Error| Failure::Io(format!("cannot write {}: {e}", file.display()));
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(wrong)?;
    }
    std::fs::write(file, text).map_err(wrong)
}
