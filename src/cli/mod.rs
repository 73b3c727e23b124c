//! The command line: one file per sub-command, each only wires library calls together.

mod argocd;
mod check;
mod compile;
mod completion;
mod diff;
mod doctor;
mod explain;
mod filter;
mod generate;
mod helm;
mod init;
mod input;
mod man;
mod names;
mod network;
mod options;
mod output;
mod platform;
mod policies;
mod product;
mod progress;
mod report;
mod schema;
mod servers;
mod tiers;
mod verify;
mod which;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser, Subcommand};

pub use options::Options;
pub use output::Failure;

/// Hardens rendered Helm manifests on their way into the cluster, and refuses what it cannot
/// harden. Without a sub-command it is the filter: manifests on stdin, hardened ones on stdout.
#[derive(Debug, Parser)]
#[command(
    name = "helm-floe",
    version,
    about,
    max_term_width = 100,
    args_conflicts_with_subcommands = true
)]
#[command(
    after_help = "Exit codes: 0 done, 1 refused (findings of severity error), 2 could not do the work."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Harden the manifests on stdin (what a post-renderer does).
    PostRender(Options),
    /// Report what breaks a policy in files, directories, charts or stdin; change nothing.
    Check(check::Args),
    /// Show what the filter would change, as a unified diff or as patches for kustomize.
    Diff(diff::Args),
    /// Explain a policy: why, how to fix, how to except. Without a name, list them.
    Explain(explain::Args),
    /// Show who may call whom in a release, and why: as text, JSON, Mermaid, Graphviz or a picture.
    Network(network::Command),
    /// List, test or export the policies.
    #[command(subcommand)]
    Policies(policies::Command),
    /// Resolve a product's floe.yaml against an environment's platform.yaml.
    Compile(compile::Args),
    /// Write Helm values of environments from a compiled artifact.
    Generate(generate::Args),
    /// List, check and explain what a platform file says and needs.
    #[command(subcommand)]
    Platform(platform::Command),
    /// Print the JSON Schema of one of our files.
    Schema(schema::Args),
    /// Write a floe.yaml, a mapping and a platform.yaml for each environment to start from.
    Init(init::Args),
    /// Run `helm template` with the filter in place and print the report.
    Template(helm::Args),
    /// Run `helm install` with the filter in place and print the report.
    Install(helm::Args),
    /// Run `helm upgrade` with the filter in place and print the report.
    Upgrade(helm::Args),
    /// Be a config management plugin of Argo CD, or print how to install one.
    #[command(subcommand)]
    Argocd(argocd::Command),
    /// Say which Helm, plugins and platform file hold here, what is wrong and how to mend it.
    Doctor(doctor::Args),
    /// Print a completion script for a shell.
    Completion(completion::Args),
    /// Print the manual page.
    Man,
}

/// Runs the command line and gives the exit code: 0 done, 1 refused, 2 could not do the work.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() && exit_code_is_lost(&args) => {
            return filter::answer_helm4(&error.render().to_string())
                .unwrap_or_else(|failure| output::fail(&failure));
        }
        Err(error) => return usage(&error),
    };
    match dispatch(cli) {
        Ok(code) => code,
        Err(failure) => output::fail(&failure),
    }
}

/// [`Options::exit_code_is_lost`] of a command line that cannot be read.
fn exit_code_is_lost(args: &[OsString]) -> bool {
    options::in_skaffold() || args.iter().any(|arg| arg == "--helm4")
}

/// Help and version are answers (exit 0), everything else clap says is a usage error (exit 2).
fn usage(error: &clap::Error) -> ExitCode {
    let code = if error.use_stderr() { 2 } else { 0 };
    // When even the terminal is gone there is nobody left to tell.
    let _ = error.print();
    let word = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(word)) => word,
        _ => return ExitCode::from(code),
    };
    if error.kind() == ErrorKind::ArgumentConflict {
        output::stderr(&format!(
            "\noptions stand after the command: `helm-floe {word} OPTIONS …`\n"
        ));
    } else if Path::new(word).exists() {
        output::stderr(&format!(
            "\nto judge what is in {word}: `helm-floe check {word}`; to harden a file: `helm-floe < FILE`\n"
        ));
    }
    ExitCode::from(code)
}

fn dispatch(cli: Cli) -> Result<ExitCode, Failure> {
    match cli.command {
        None if std::io::stdin().is_terminal() => no_input(),
        None => filter::run(&cli.options),
        Some(Command::PostRender(options)) => filter::run(&options),
        Some(Command::Check(args)) => check::run(&args),
        Some(Command::Diff(args)) => diff::run(&args),
        Some(Command::Explain(args)) => explain::run(&args),
        Some(Command::Network(command)) => network::run(&command),
        Some(Command::Policies(command)) => policies::run(&command),
        Some(Command::Compile(args)) => compile::run(&args),
        Some(Command::Generate(args)) => generate::run(&args),
        Some(Command::Platform(command)) => platform::run(&command),
        Some(Command::Schema(args)) => schema::run(&args),
        Some(Command::Init(args)) => init::run(&args),
        Some(Command::Template(args)) => helm::run("template", &args),
        Some(Command::Install(args)) => helm::run("install", &args),
        Some(Command::Upgrade(args)) => helm::run("upgrade", &args),
        Some(Command::Argocd(command)) => argocd::run(command),
        Some(Command::Doctor(args)) => doctor::run(&args),
        Some(Command::Completion(args)) => completion::run(&args),
        Some(Command::Man) => man::run(),
    }
}

/// A person typed the bare command: show what there is instead of waiting for a stream.
fn no_input() -> Result<ExitCode, Failure> {
    let help = Cli::command().render_help();
    output::stderr(&help.to_string());
    Ok(ExitCode::from(2))
}
