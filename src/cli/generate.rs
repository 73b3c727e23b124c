//! `helm-floe generate`: Helm values of one or several environments.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;
use serde_json::{Map, Value};

use super::output::{self, Failure};
use super::servers::Servers;
use super::tiers;
use crate::config::typed;
use crate::platform::artifact::{Artifact, sha256};
use crate::platform::mapping::{MappingFile, Target};
use crate::registry::reference::SCHEME;
use crate::report::plural;
use crate::values::chart::{self, Chart};
use crate::values::format::{Generated, Repository, application_set};
use crate::values::{merge, strvals, values};

/// Arguments of `generate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A compiled artifact: a file, or oci://HOST/REPOSITORY@sha256:DIGEST in a registry. Repeat it
    /// to give each environment its own.
    #[arg(
        long,
        short,
        value_name = "FILE|oci://…",
        required = true,
        env = "FLOE_ARTIFACT"
    )]
    pub artifact: Vec<PathBuf>,
    /// An environment of the mapping; repeatable.
    #[arg(long, short, value_name = "NAME")]
    pub env: Vec<String>,
    /// Every environment of the mapping.
    #[arg(long, conflicts_with = "env")]
    pub all_envs: bool,
    /// Where environments run; without it everything runs on the current cluster.
    #[arg(long, value_name = "FILE")]
    pub mapping: Option<PathBuf>,
    /// A file (with one environment), a directory, or `-` for stdout.
    #[arg(long, short, value_name = "FILE|DIR|-")]
    pub output: Option<PathBuf>,
    /// A value on top, in Helm's notation; repeatable.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// A values file on top; repeatable.
    #[arg(long, short = 'f', value_name = "FILE")]
    pub values: Vec<PathBuf>,
    /// Check the values against this chart's defaults and values.schema.json.
    #[arg(long, value_name = "DIR")]
    pub chart: Option<PathBuf>,
    /// Check the values against this JSON Schema.
    #[arg(long, value_name = "FILE", conflicts_with = "chart")]
    pub schema: Option<PathBuf>,
    /// What is written.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Write nothing; exit 1 when a file differs from what would be written.
    #[arg(long)]
    pub check: bool,
    /// For an ApplicationSet: the Git repository of the chart.
    #[arg(long, value_name = "URL", required_if_eq("format", "applicationset"))]
    pub repo: Option<String>,
    /// For an ApplicationSet: the chart's directory there.
    #[arg(long, value_name = "DIR", default_value = "charts/floe-platform")]
    pub repo_path: String,
    /// For an ApplicationSet: the branch, tag or commit.
    #[arg(long, value_name = "REV", default_value = "HEAD")]
    pub revision: String,
    #[command(flatten)]
    pub servers: Servers,
}

/// What is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A values file for `helm -f`.
    #[default]
    Values,
    /// A ConfigMap with the values, for Flux.
    Configmap,
    /// An Argo CD ApplicationSet for all environments.
    Applicationset,
    /// Arguments for Helm, one a line.
    SetArgs,
}

impl Format {
    /// The file of an environment in a directory.
    fn file_name(self, environment: &str) -> String {
        match self {
            Format::Values => format!("values-{environment}.yaml"),
            Format::Configmap => format!("configmap-{environment}.yaml"),
            Format::Applicationset => "applicationset.yaml".into(),
            Format::SetArgs => format!("set-args-{environment}.txt"),
        }
    }
}

/// An artifact with its hash.
struct Compiled {
    name: String,
    artifact: Artifact,
    sha256: String,
}

/// Runs the sub-command.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let compiled = artifacts(&args.artifact, &args.servers)?;
    let mapping = mapping(args.mapping.as_deref())?;
    let targets = targets(args, &mapping, &compiled)?;
    let on_top = on_top(&args.values)?;
    let mut all = Vec::new();
    for target in targets {
        let compiled = choose(&compiled, &target.environment)?;
        let mut values = values(&compiled.artifact, &compiled.sha256, &target);
        for over in &on_top {
            merge::lay(&mut values, over.clone());
        }
        for text in &args.set {
            strvals::apply(&mut values, text)
                .map_err(|reason| Failure::Usage(format!("--set {}: {reason}", key_of(text))))?;
        }
        all.push(Generated {
            target,
            sha256: compiled.sha256.clone(),
            values,
        });
    }
    if let Some(code) = refused(args, &all)? {
        return Ok(code);
    }
    let files = files(args, &all)?;
    publish(args, &files)
}

/// The part of a `--set` that is certainly no secret.
fn key_of(text: &str) -> &str {
    text.split('=').next().unwrap_or_default()
}

fn artifacts(paths: &[PathBuf], servers: &Servers) -> Result<Vec<Compiled>, Failure> {
    let mut all = Vec::new();
    for path in paths {
        let found = match path.to_str() {
            Some(text) if text.starts_with(SCHEME) => servers.pull(text)?,
            _ => tiers::read(path)?,
        };
        let artifact = Artifact::read(&found.name, &found.text).map_err(Failure::config)?;
        all.push(Compiled {
            artifact,
            sha256: sha256(&found.text),
            name: found.name,
        });
    }
    Ok(all)
}

fn mapping(path: Option<&Path>) -> Result<MappingFile, Failure> {
    let Some(path) = path else {
        return Ok(MappingFile::built_in());
    };
    let found = tiers::read(path)?;
    let (mapping, _) = typed::read::<MappingFile>(&found.name, &found.text)
        .map_err(|errors| tiers::wrong(&errors))?;
    for notice in mapping.notices() {
        output::stderr(&format!("helm-floe: {}: {notice}\n", found.name));
    }
    Ok(mapping)
}

/// The targets, sorted by environment and each once.
fn targets(
    args: &Args,
    mapping: &MappingFile,
    compiled: &[Compiled],
) -> Result<Vec<Target>, Failure> {
    let mut names = if args.all_envs {
        mapping.environments()
    } else {
        args.env.clone()
    };
    if names.is_empty() {
        let own = compiled
            .iter()
            .filter_map(|one| one.artifact.metadata.environment.clone());
        names.extend(own);
    }
    if names.is_empty() {
        let known = mapping.environments().join(", ");
        return Err(Failure::Usage(format!(
            "which environment? Give --env or --all-envs; the mapping has {known}"
        )));
    }
    names.sort();
    names.dedup();
    let targets = names.iter().map(|name| mapping.target(name));
    targets
        .collect::<Result<_, _>>()
        .map_err(|unmapped| Failure::Usage(unmapped.to_string()))
}

/// The artifact of an environment: the one that was compiled for it, or the only one there is.
fn choose<'c>(all: &'c [Compiled], environment: &str) -> Result<&'c Compiled, Failure> {
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

fn on_top(paths: &[PathBuf]) -> Result<Vec<Map<String, Value>>, Failure> {
    let maps = paths.iter().map(|path| {
        let found = tiers::read(path)?;
        chart::map(&found.name, &found.text).map_err(Failure::config)
    });
    maps.collect()
}

/// Checks the values against the chart, if one is given.
fn refused(args: &Args, all: &[Generated]) -> Result<Option<ExitCode>, Failure> {
    let chart = match (&args.chart, &args.schema) {
        (Some(directory), _) => Chart::read(directory),
        (None, Some(file)) => Chart::of_schema(file),
        (None, None) => return Ok(None),
    }
    .map_err(Failure::Usage)?;
    if !chart.has_schema() {
        output::stderr("helm-floe: the chart has no values.schema.json: nothing was checked\n");
    }
    let mut lines = String::new();
    for generated in all {
        for violation in chart.violations(&generated.values) {
            let environment = &generated.target.environment;
            lines.push_str(&format!(
                "helm-floe: values of {environment}: {violation}\n"
            ));
        }
    }
    if lines.is_empty() {
        return Ok(None);
    }
    lines.push_str("helm-floe: the chart refuses these values, nothing was written\n");
    output::stderr(&lines);
    Ok(Some(ExitCode::FAILURE))
}

/// What is written, each with its file name in a directory.
fn files(args: &Args, all: &[Generated]) -> Result<Vec<(String, String)>, Failure> {
    let wrong = |error: crate::manifest::EditError| {
        Failure::Usage(format!("the values cannot be written: {error}"))
    };
    if args.format == Format::Applicationset {
        let repository = Repository {
            url: args.repo.clone().unwrap_or_default(),
            path: args.repo_path.clone(),
            revision: args.revision.clone(),
        };
        let text = application_set(all, &repository).map_err(wrong)?;
        return Ok(vec![(args.format.file_name(""), text)]);
    }
    let mut files = Vec::new();
    for generated in all {
        let text = match args.format {
            Format::Configmap => generated.config_map(),
            Format::SetArgs => Ok(generated.set_args()),
            _ => generated.values_file(),
        };
        let name = args.format.file_name(&generated.target.environment);
        files.push((name, text.map_err(wrong)?));
    }
    Ok(files)
}

/// Whether a path is that of a file; anything else is a directory.
fn is_file(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| matches!(extension, "yaml" | "yml" | "txt"))
}

fn publish(args: &Args, files: &[(String, String)]) -> Result<ExitCode, Failure> {
    let output = args
        .output
        .as_deref()
        .filter(|path| path.as_os_str() != "-");
    let Some(output) = output else {
        if args.check {
            return Err(Failure::Usage(
                "--check compares with files: give -o".into(),
            ));
        }
        let [(_, text)] = files else {
            return Err(Failure::Usage(format!(
                "{} do not fit on stdout: give -o DIR",
                plural(files.len(), "environment")
            )));
        };
        output::stdout(text.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    };
    if is_file(output) && files.len() > 1 {
        return Err(Failure::Usage(format!(
            "-o {} is one file, but there are {}: give a directory",
            output.display(),
            plural(files.len(), "environment")
        )));
    }
    let mut differ = false;
    for (name, text) in files {
        let path = if is_file(output) {
            output.to_owned()
        } else {
            output.join(name)
        };
        if !args.check {
            tiers::write(&path, text)?;
        } else if std::fs::read_to_string(&path).ok().as_ref() != Some(text) {
            differ = true;
            output::stderr(&format!(
                "helm-floe: {} is not up to date\n",
                path.display()
            ));
        }
    }
    Ok(ExitCode::from(u8::from(differ)))
}
