//! `helm-floe policies export`: the policies for the API server.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;
use serde_json::json;

use crate::cli::names;
use crate::cli::options::{OnViolation, Options};
use crate::cli::output::{self, Failure};
use crate::cli::which::{Standard, Which};
use crate::inject::labels::ENVIRONMENT;
use crate::object::selector::Selector;
use crate::pipeline::{Mode, Settings};
use crate::policy::export::{Export, Label, Target, mutating, validating, yaml};

/// The label of namespaces in which the exported policies hold, when no environment is given.
const ENFORCE: &str = "floe.dev/enforce=true";

/// What to export, and for whom.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to write: vap (ValidatingAdmissionPolicy) refuses what the filter refuses; map
    /// (MutatingAdmissionPolicy) fills what the filter fills.
    #[arg(long, value_enum)]
    format: Format,
    /// Logical environment: chooses platform/NAME/platform.yaml and the namespaces of its label.
    #[arg(long, value_name = "NAME", env = "FLOE_ENV", value_parser = names::environment)]
    env: Option<String>,
    /// The platform file to use.
    #[arg(long, value_name = "FILE", env = "FLOE_PLATFORM_FILE")]
    platform: Option<PathBuf>,
    /// The namespaces the policies hold in, by their labels, as `kubectl -l` takes them. Default:
    /// floe.dev/environment=NAME with --env, else floe.dev/enforce=true.
    #[arg(long, value_name = "SELECTOR")]
    namespace_selector: Option<String>,
    /// The first word of every name. Default: floe-NAME with --env, else floe.
    #[arg(long, value_name = "NAME", value_parser = names::environment)]
    prefix: Option<String>,
    /// What a violation of severity error does: refuse the request, or only warn.
    #[arg(long, value_enum, default_value_t)]
    on_violation: OnViolation,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    standard: Standard,
    /// Write to a file instead of stdout.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write what was exported and what was not, as JSON, to a file.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// What to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// ValidatingAdmissionPolicies.
    Vap,
    /// MutatingAdmissionPolicies.
    Map,
}

impl Format {
    fn kind(self) -> &'static str {
        match self {
            Format::Vap => "ValidatingAdmissionPolicy",
            Format::Map => "MutatingAdmissionPolicy",
        }
    }

    fn plural(self) -> &'static str {
        match self {
            Format::Vap => "ValidatingAdmissionPolicies",
            Format::Map => "MutatingAdmissionPolicies",
        }
    }
}

/// Runs the sub-command.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let options = Options {
        env: args.env.clone(),
        platform: args.platform.clone(),
        which: args.which.clone(),
        standard: args.standard.clone(),
        ..Options::default()
    };
    let (settings, notices) = options.settings(Mode::Harden)?;
    for notice in notices {
        output::stderr(&format!("helm-floe: {notice}\n"));
    }
    let export = export(args, &settings)?;
    if let Some(file) = &args.report {
        output::save(file, &report(&export))?;
    }
    output::stderr(&left_out(&export));
    if export.objects.is_empty() {
        return Err(Failure::Usage(format!(
            "there is no {} to write",
            args.format.kind()
        )));
    }
    let text = yaml::stream(&heading(args, &export), &export.objects).map_err(Failure::config)?;
    match &args.output {
        Some(file) if file != Path::new("-") => output::file(file, &text)?,
        _ => output::stdout(text.as_bytes())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn export(args: &Args, settings: &Settings) -> Result<Export, Failure> {
    let selector = match (&args.namespace_selector, &args.env) {
        (Some(selector), _) => selector.clone(),
        (None, Some(env)) => format!("{ENVIRONMENT}={env}"),
        (None, None) => ENFORCE.to_owned(),
    };
    let selector = Selector::parse(&selector)
        .map_err(|reason| Failure::Usage(format!("--namespace-selector: {reason}")))?;
    let prefix = match (&args.prefix, &args.env) {
        (Some(prefix), _) => prefix.clone(),
        (None, Some(env)) => format!("floe-{env}"),
        (None, None) => "floe".to_owned(),
    };
    let labels: Vec<Label> = settings
        .labels
        .iter()
        .map(|label| Label {
            policy: label.policy.to_owned(),
            key: label.key.clone(),
            value: label.value.clone(),
        })
        .collect();
    let target = Target {
        prefix: &prefix,
        namespaces: selector.to_json(),
        exceptions: &settings.exceptions,
        today: &settings.today,
        labels: &labels,
        only_warn: args.on_violation == OnViolation::Warn,
    };
    let policies = settings.policies.selected();
    let export = match args.format {
        Format::Vap => validating::export(policies, &target),
        Format::Map => mutating::export(policies, &target),
    };
    match export.same_name() {
        None => Ok(export),
        Some((one, other)) => Err(Failure::Usage(format!(
            "{one} and {other} would have the same name on the API server; rename one, or leave it out with --skip"
        ))),
    }
}

/// What stands at the head of the file.
fn heading(args: &Args, export: &Export) -> String {
    let mut text = format!(
        "{} of {}, by helm-floe {}.\nWritten anew by `helm-floe policies export`; do not edit.\n",
        args.format.plural(),
        args.env
            .as_deref()
            .map_or("the default policies".to_owned(), |env| format!(
                "environment {env}"
            )),
        env!("CARGO_PKG_VERSION"),
    );
    if !export.left_out.is_empty() {
        text.push_str("\nNot in here:\n");
        for own in &export.left_out {
            text.push_str(&format!("- {}: {}\n", own.policy, own.reason));
        }
    }
    text
}

/// One line for all that is not exported.
fn left_out(export: &Export) -> String {
    let lines = export.left_out.iter();
    lines
        .map(|own| format!("helm-floe: not exported: {}: {}\n", own.policy, own.reason))
        .collect()
}

fn report(export: &Export) -> String {
    let left_out: Vec<_> = export
        .left_out
        .iter()
        .map(|own| json!({"policy": own.policy, "reason": own.reason}))
        .collect();
    let report = json!({"version": 1, "exported": export.exported, "leftOut": left_out});
    format!("{report:#}\n")
}
