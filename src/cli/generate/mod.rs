//! `helm-floe generate`: Helm values of one or several environments.

mod publish;
mod sources;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;
use serde_json::{Map, Value};

use super::output::{self, Failure};
use super::servers::Servers;
use super::tiers;
use crate::check::files;
use crate::config::{dotted, typed};
use crate::platform::mapping::{MappingFile, Target};
use crate::values::chart::{self, Chart};
use crate::values::format::Generated;
use crate::values::{merge, strvals, values};
use sources::Compiled;

/// Arguments of `generate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A compiled artifact: a file, or oci://HOST/REPOSITORY@sha256:DIGEST in a registry. Repeat it
    /// to give each environment its own.
    #[arg(long, short, value_name = "FILE|oci://…", env = "FLOE_ARTIFACT")]
    pub artifact: Vec<PathBuf>,
    /// Instead of an artifact: the product's file, compiled for each environment.
    #[arg(long, value_name = "FILE", conflicts_with = "artifact")]
    pub spec: Option<PathBuf>,
    /// With --spec: the platform file; without it each environment has its own,
    /// platform/NAME/platform.yaml.
    #[arg(
        long,
        value_name = "FILE",
        requires = "spec",
        conflicts_with = "artifact"
    )]
    pub platform: Option<PathBuf>,
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
    /// Write nothing; list what would be written.
    #[arg(long, conflicts_with = "check")]
    pub dry_run: bool,
    /// For an ApplicationSet: the Git repository of the chart.
    #[arg(long, value_name = "URL", required_if_eq("format", "applicationset"))]
    pub repo: Option<String>,
    /// For an ApplicationSet: the chart's directory there.
    #[arg(long, value_name = "DIR", default_value = "charts/floe-platform")]
    pub repo_path: String,
    /// For an ApplicationSet: the directory of the values files, seen from the chart's.
    #[arg(long, value_name = "DIR", default_value = "")]
    pub repo_values: String,
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

/// Runs the sub-command.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let mapping = mapping(args.mapping.as_deref())?;
    let compiled = match &args.spec {
        Some(spec) => sources::of_spec(spec, args, &mapping)?,
        None if args.artifact.is_empty() => {
            return Err(Failure::Usage(
                "generate from what? Give --artifact FILE, or --spec floe.yaml to compile it here"
                    .into(),
            ));
        }
        None => sources::artifacts(&args.artifact, &args.servers)?,
    };
    let targets = targets(args, &mapping, &compiled)?;
    let on_top = on_top(&args.values)?;
    let mut all = Vec::new();
    for target in targets {
        let compiled = sources::choose(&compiled, &target.environment)?;
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
    if let Some(code) = refused(args, &compiled, &all)? {
        return Ok(code);
    }
    let files = publish::files(args, &all)?;
    for (name, text) in &files {
        warn_of_credentials(name, text);
    }
    publish::publish(args, &files)
}

/// Says which credentials the values hold: what `--set` and `-f` lay on top may bring one along, and
/// `check` would refuse the file. They are written all the same, since the user gave them.
fn warn_of_credentials(name: &str, text: &str) {
    for found in files::judge(name, text) {
        let field = dotted(&found.violation.pointer);
        let message = found.violation.message;
        output::stderr(&format!(
            "helm-floe: {name}: {field}: {message}; let the values name a Secret instead\n"
        ));
    }
}

/// The part of a `--set` that is certainly no secret.
fn key_of(text: &str) -> &str {
    text.split('=').next().unwrap_or_default()
}

fn mapping(path: Option<&Path>) -> Result<MappingFile, Failure> {
    let Some(path) = path else {
        return Ok(MappingFile::built_in());
    };
    let found = tiers::read(path, "mapping.yaml")?;
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

fn on_top(paths: &[PathBuf]) -> Result<Vec<Map<String, Value>>, Failure> {
    let maps = paths.iter().map(|path| {
        let found = tiers::read(path, "values.yaml")?;
        chart::map(&found.name, &found.text).map_err(Failure::config)
    });
    maps.collect()
}

/// Checks the artifacts and the values against the chart, if one is given.
fn refused(
    args: &Args,
    compiled: &[Compiled],
    all: &[Generated],
) -> Result<Option<ExitCode>, Failure> {
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
    for one in compiled {
        for reason in chart.takes(&one.version) {
            lines.push_str(&format!("helm-floe: {}: {reason}\n", one.name));
        }
    }
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
    lines.push_str("helm-floe: the chart does not take this, nothing was written\n");
    output::stderr(&lines);
    Ok(Some(ExitCode::FAILURE))
}
