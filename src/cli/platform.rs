//! `helm-floe platform`: what a platform file says, and what it needs.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

use super::options::check_hardening;
use super::output::{self, Failure};
use super::tiers::{self, Choice, Found};
use super::verify;
use crate::config::{Source, typed};
use crate::manifest::write_document;
use crate::platform::file::PlatformFile;
use crate::platform::locate::{Located, locate};
use crate::platform::mapping::MappingFile;
use crate::platform::namespaces;
use crate::platform::provided::Provided;
use crate::platform::references::{SecretUse, of_platform};

/// What to do with the platform file.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List the profiles that products can name.
    ListProfiles(List),
    /// Report everything that is wrong with platform files.
    Validate(Validate),
    /// List every Secret and key that an environment needs, or those that are missing.
    Secrets(Secrets),
    /// Try the OAuth2 logins of an environment's catalogs, with secrets from the environment.
    Verify(verify::Args),
    /// Write the manifests of namespaces: Pod Security labels, quota, default sizes.
    Namespaces(Namespaces),
}

/// The format of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Arguments of `list-profiles`.
#[derive(Debug, clap::Args)]
pub struct List {
    #[command(flatten)]
    choice: Choice,
    /// The list's format.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Arguments of `validate`.
#[derive(Debug, clap::Args)]
pub struct Validate {
    /// Platform files; without one that of the environment, or those of all environments.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    choice: Choice,
}

/// Arguments of `secrets`.
#[derive(Debug, clap::Args)]
pub struct Secrets {
    #[command(flatten)]
    choice: Choice,
    /// Rendered manifests, `-` for stdin: list what they do not bring, exit 1 if anything.
    #[arg(long, value_name = "FILE|-")]
    rendered: Option<PathBuf>,
    /// The list's format.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Arguments of `namespaces`.
#[derive(Debug, clap::Args)]
pub struct Namespaces {
    /// An environment; repeatable.
    #[arg(long, short, value_name = "NAME", required = true, value_parser = super::names::environment)]
    env: Vec<String>,
    /// Where environments run; without it the namespace is floe-NAME.
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
}

/// Runs the sub-command.
pub fn run(command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::ListProfiles(args) => list(args),
        Command::Validate(args) => validate(args),
        Command::Secrets(args) => secrets(args),
        Command::Verify(args) => verify::run(args),
        Command::Namespaces(args) => namespaces(args),
    }
}

fn list(args: &List) -> Result<ExitCode, Failure> {
    let found = args.choice.find_or_local(Path::new("."))?;
    let file = tiers::platform(&found)?;
    let mut rows = Vec::new();
    for (name, profile) in &file.storage {
        let mode = profile.credentials.mode.as_str();
        rows.push(["storage", name.as_str(), profile.kind.as_str(), mode]);
    }
    for (name, profile) in &file.catalogs {
        let mode = profile.credentials.mode.as_str();
        rows.push(["catalogs", name.as_str(), profile.kind.as_str(), mode]);
    }
    for (name, profile) in &file.compute {
        let mode = profile.credentials.mode.as_str();
        rows.push(["compute", name.as_str(), profile.kind.as_str(), mode]);
    }
    let text = match args.format {
        Format::Json => {
            let rows: Vec<Value> = rows
                .iter()
                .map(|[sort, name, kind, mode]| json!({"sort": sort, "name": name, "type": kind, "credentials": mode}))
                .collect();
            format!("{:#}\n", json!({"platform": found.name, "profiles": rows}))
        }
        _ if rows.is_empty() => format!("{} has no profiles\n", found.name),
        _ => {
            let rows = rows
                .iter()
                .map(|row| row.map(str::to_owned))
                .collect::<Vec<_>>();
            table(["SORT", "NAME", "TYPE", "CREDENTIALS"], &rows)
        }
    };
    output::answer(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// A table with aligned columns.
fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let head = head.map(str::to_owned);
    let lines = || std::iter::once(&head).chain(rows);
    let mut widths = [0; N];
    for line in lines() {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for line in lines() {
        let cells = line.iter().zip(widths);
        let padded: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        let _ = writeln!(text, "{}", padded.join("  ").trim_end());
    }
    text
}

fn validate(args: &Validate) -> Result<ExitCode, Failure> {
    let mut lines = Vec::new();
    let mut text = String::new();
    let mut notices = Vec::new();
    for found in to_validate(args)? {
        match typed::read::<PlatformFile>(&found.name, &found.text) {
            Err(errors) => lines.extend(errors.iter().map(ToString::to_string)),
            Ok((file, _)) => match check_hardening(Path::new(&found.name)) {
                Err(Failure::Config(more)) => lines.extend(more),
                Err(other) => return Err(other),
                Ok(()) => {
                    let _ = writeln!(text, "{}: valid", found.name);
                    notices.extend(expired(&found, &file));
                }
            },
        }
    }
    output::answer(&text)?;
    output::stderr(&Failure::Config(notices).render());
    if lines.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    output::stderr(&Failure::Config(lines).render());
    Ok(ExitCode::from(2))
}

/// The exceptions of a file whose last day is over. They are no mistakes: the file was right once.
fn expired(found: &Found, file: &PlatformFile) -> Vec<String> {
    let Ok(source) = Source::open(&found.name, &found.text) else {
        return Vec::new();
    };
    let today = super::input::today();
    let exceptions = file.hardening.exceptions.iter().enumerate();
    let notices = exceptions.filter_map(|(index, exception)| {
        let last = exception.expires.as_ref()?;
        let reason =
            format!("{exception} expired on {last} and covers nothing: renew or remove it");
        let at = format!("/hardening/exceptions/{index}/expires");
        exception
            .is_over(&today)
            .then(|| source.error(&at, &reason).to_string())
    });
    notices.collect()
}

fn to_validate(args: &Validate) -> Result<Vec<Found>, Failure> {
    if !args.files.is_empty() {
        let files = args.files.iter();
        return files
            .map(|file| tiers::read(file, tiers::PLATFORM))
            .collect();
    }
    if args.choice.env.is_some() || args.choice.platform.is_some() {
        return Ok(vec![args.choice.find(Path::new("."))?]);
    }
    let here = std::env::current_dir()
        .map_err(|e| Failure::Usage(format!("no working directory: {e}")))?;
    match locate(&here, "") {
        Located::UnknownEnvironment { known, .. } => {
            let each = |env: String| Choice {
                env: Some(env),
                platform: None,
            };
            known.into_iter().map(|env| each(env).find(Path::new("."))).collect()
        }
        _ => Err(Failure::Usage(
            "no platform directory here or above: name the files, or write some with `helm-floe init`".into(),
        )),
    }
}

fn secrets(args: &Secrets) -> Result<ExitCode, Failure> {
    let found = args.choice.find_or_local(Path::new("."))?;
    let needed = of_platform(&tiers::platform(&found)?);
    let (shown, what) = match &args.rendered {
        None => (needed, "secrets"),
        Some(path) => (missing(needed, path)?, "missing"),
    };
    let text = match args.format {
        Format::Json => {
            let mut document = json!({"platform": found.name, "environment": found.environment});
            document[what] = json!(shown);
            format!("{document:#}\n")
        }
        _ if shown.is_empty() && args.rendered.is_some() => "nothing is missing\n".into(),
        _ if shown.is_empty() => format!("{} refers to no Secret\n", found.name),
        _ => {
            let rows = shown.iter().map(row).collect::<Vec<_>>();
            table(["SECRET", "KEY", "ENV", "FOR"], &rows)
        }
    };
    output::answer(&text)?;
    let refused = args.rendered.is_some() && !shown.is_empty();
    Ok(ExitCode::from(u8::from(refused)))
}

fn row(used: &SecretUse) -> [String; 4] {
    [
        used.secret.clone(),
        used.key.clone(),
        used.env.clone(),
        used.used_by.join(", "),
    ]
}

/// Those keys that a rendered stream does not bring.
fn missing(needed: Vec<SecretUse>, path: &Path) -> Result<Vec<SecretUse>, Failure> {
    let (name, text) = if path.as_os_str() == "-" {
        ("stdin".to_owned(), super::filter::read_stdin(true)?)
    } else {
        let found = tiers::read(path, "rendered.yaml")?;
        (found.name, found.text)
    };
    let provided =
        Provided::read(&text).map_err(|error| Failure::Config(vec![format!("{name}:{error}")]))?;
    Ok(needed
        .into_iter()
        .filter(|used| !provided.has(&used.secret, &used.key))
        .collect())
}

fn namespaces(args: &Namespaces) -> Result<ExitCode, Failure> {
    let mapping = match &args.mapping {
        None => None,
        Some(path) => {
            let found = tiers::read(path, "mapping.yaml")?;
            let read = typed::read::<MappingFile>(&found.name, &found.text);
            Some(read.map_err(|errors| tiers::wrong(&errors))?.0)
        }
    };
    let mut environments = args.env.clone();
    environments.sort();
    environments.dedup();
    let mut text = String::new();
    for environment in &environments {
        let namespace = match &mapping {
            None => format!("floe-{environment}"),
            Some(mapping) => {
                mapping
                    .target(environment)
                    .map_err(|unmapped| Failure::Usage(unmapped.to_string()))?
                    .namespace
            }
        };
        let choice = Choice {
            env: Some(environment.clone()),
            platform: None,
        };
        let platform = tiers::platform(&choice.find(Path::new("."))?)?;
        for manifest in namespaces::manifests(environment, &namespace, &platform) {
            let yaml = write_document(&manifest)
                .map_err(|e| Failure::Usage(format!("the manifests cannot be written: {e}")))?;
            let _ = write!(text, "---\n{yaml}");
        }
    }
    output::stdout(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
