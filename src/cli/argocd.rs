//! `helm-floe argocd`: what Argo CD's plugin server runs, and what an operator installs.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::filter;
use super::names::environment;
use super::options::Options;
use super::output::{self, Failure};
use crate::argocd::application::Application;
use crate::argocd::deadline::Deadline;
use crate::argocd::render::{Helm, variables};
use crate::argocd::repository::Repository;
use crate::argocd::{discover, parameters, plugin};
use crate::helm::{Scratch, find};
use crate::pipeline::{self, Mode};
use crate::platform::locate;

/// Sub-commands of `argocd`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Render the application's chart, harden it and print the manifests.
    Generate(Box<Generate>),
    /// Say whether the application is a chart for helm-floe: some words on stdout, or none.
    Discover(Discover),
    /// Announce the parameters an Application may set, as JSON.
    Parameters(Parameters),
    /// Print the plugin's configuration, the sidecar's patch, or a Dockerfile for its image.
    Plugin(Plugin),
}

/// Arguments of `argocd generate`. What weakens a check is here only: an Application cannot set it.
#[derive(Debug, Args)]
pub struct Generate {
    #[command(flatten)]
    options: Options,
    /// The platform team's directory of environments; the repository's own `platform` then says
    /// nothing.
    #[arg(
        long,
        value_name = "DIR",
        env = "FLOE_PLATFORM_DIR",
        conflicts_with = "platform"
    )]
    platform_dir: Option<PathBuf>,
    /// Give up after so many seconds, before Argo CD does without a reason.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 50,
        env = "FLOE_ARGOCD_DEADLINE"
    )]
    deadline: u64,
}

/// Arguments of `argocd discover`.
#[derive(Debug, Args)]
pub struct Discover {
    /// Take every chart, not only those of repositories with a floe.yaml or a platform directory.
    #[arg(long)]
    every_chart: bool,
}

/// Arguments of `argocd parameters`.
#[derive(Debug, Args)]
pub struct Parameters {
    /// The platform team's directory of environments.
    #[arg(long, value_name = "DIR", env = "FLOE_PLATFORM_DIR")]
    platform_dir: Option<PathBuf>,
}

/// Arguments of `argocd plugin`.
#[derive(Debug, Args)]
pub struct Plugin {
    /// Which of the three.
    #[arg(value_enum, default_value_t)]
    what: What,
    /// Discover every chart.
    #[arg(long)]
    every_chart: bool,
    /// The sidecar's image; the default is a placeholder.
    #[arg(long, default_value = plugin::IMAGE)]
    image: String,
    /// Options that `argocd generate` runs with, after `--`.
    #[arg(last = true, value_name = "GENERATE OPTIONS")]
    generate: Vec<String>,
}

/// What an operator installs.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum What {
    /// The ConfigManagementPlugin.
    #[default]
    Config,
    /// A patch for the Deployment argocd-repo-server.
    Sidecar,
    /// A Dockerfile for the sidecar's image.
    Dockerfile,
}

/// Runs the sub-command.
pub fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Generate(args) => generate(*args),
        Command::Discover(args) => discover(&args),
        Command::Parameters(args) => parameters(&args),
        Command::Plugin(args) => plugin(&args),
    }
}

fn generate(args: Generate) -> Result<ExitCode, Failure> {
    let deadline = Deadline::after(Duration::from_secs(args.deadline));
    let application = Application::read(variables()).map_err(Failure::Usage)?;
    let repository = here(&application.source_path)?;
    let options = args.for_application(&application)?;
    let (settings, notices) = options.settings(Mode::Harden)?;
    let program = find::find().map_err(Failure::Usage)?;
    let scratch = Scratch::new()
        .map_err(|e| Failure::Io(format!("cannot make a temporary directory: {e}")))?;
    let helm = Helm {
        program: &program,
        scratch: &scratch,
        deadline,
    };
    let said =
        |text: String| Failure::Io(format!("{text}\nhelm-floe: Helm is {}", program.display()));
    let version = helm.version().map_err(said)?;
    let rendered = helm.render(&application, &repository).map_err(said)?;
    let input = "the rendered chart";
    let text = pipeline::decode(rendered, options.allow_empty)
        .map_err(|problems| filter::unreadable(input, problems))?;
    let code = filter::harden(&options, &settings, notices, input, &text)?;
    output::stderr(&format!(
        "helm-floe: rendered by Helm {version}, {}\n",
        program.display()
    ));
    Ok(code)
}

impl Generate {
    /// The options for this application: the operator's, and what the Application may decide.
    fn for_application(self, application: &Application) -> Result<Options, Failure> {
        let mut options = self.options;
        options.release = Some(application.release().map_err(Failure::Usage)?.to_owned());
        options.namespace = application.namespace.clone().or(options.namespace);
        if let (None, Some(env)) = (&options.env, &application.parameters.env) {
            let env = environment(env);
            options.env = Some(env.map_err(|e| Failure::Usage(format!("parameter `env`: {e}")))?);
        }
        if let Some(directory) = &self.platform_dir {
            options.platform = Some(platform_file(directory, options.env.as_deref())?);
        }
        Ok(options)
    }
}

/// The file of an environment in the platform team's directory.
fn platform_file(directory: &Path, env: Option<&str>) -> Result<PathBuf, Failure> {
    let known = locate::environments(directory);
    match env {
        Some(env) if known.iter().any(|name| name == env) => {
            Ok(directory.join(env).join("platform.yaml"))
        }
        env => {
            let wrong = env.map_or("no environment is given".into(), |env| {
                format!("no environment `{env}`")
            });
            let known = known.join(", ");
            Err(Failure::Usage(format!(
                "{wrong}; {} has {known}: set the parameter `env`",
                directory.display()
            )))
        }
    }
}

fn discover(args: &Discover) -> Result<ExitCode, Failure> {
    let repository = here(&source_path())?;
    if let Some(why) = discover::discover(&repository, args.every_chart) {
        output::stdout(format!("{why}\n").as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn parameters(args: &Parameters) -> Result<ExitCode, Failure> {
    let environments = match &args.platform_dir {
        Some(directory) => locate::environments(directory),
        None => discover::environments(&here(&source_path())?),
    };
    let announced = parameters::announcement(&environments);
    output::stdout(format!("{announced}\n").as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn plugin(args: &Plugin) -> Result<ExitCode, Failure> {
    // What generate would refuse must not get as far as the sidecar.
    let command = Generate::augment_args(clap::Command::new("helm-floe argocd generate"));
    let words = ["generate"]
        .into_iter()
        .chain(args.generate.iter().map(String::as_str));
    if let Err(error) = command.try_get_matches_from(words) {
        return Err(Failure::Usage(error.render().to_string()));
    }
    if matches!(args.what, What::Sidecar) && args.image == plugin::IMAGE {
        output::stderr(&format!(
            "helm-floe: {} is a placeholder: --image names yours, made by `argocd plugin dockerfile`\n",
            plugin::IMAGE
        ));
    }
    let text = match args.what {
        What::Config => plugin::config(&args.generate, args.every_chart),
        What::Sidecar => plugin::sidecar(&args.image),
        What::Dockerfile => Ok(plugin::DOCKERFILE.to_owned()),
    };
    let text = text.map_err(|e| Failure::Io(format!("cannot write the YAML: {e}")))?;
    output::stdout(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Where the application lies in its repository, as Argo CD says.
fn source_path() -> String {
    std::env::var("ARGOCD_APP_SOURCE_PATH").unwrap_or_default()
}

/// The repository around the working directory.
fn here(source_path: &str) -> Result<Repository, Failure> {
    Repository::around(Path::new("."), source_path)
        .map_err(|e| Failure::Io(format!("cannot read the working directory: {e}")))
}
