//! `helm-floe doctor`: what is installed, what holds here, and what is wrong.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};

use super::options::Options;
use super::output::{self, Failure};
use super::{names, product};
use crate::doctor::{Facts, Installed, Level, Line, Program, judge};
use crate::helm::find;
use crate::helm::plugins::{self, Plugin};
use crate::pipeline::Mode;
use crate::platform::locate::Located;

/// Arguments of `doctor`: what decides which configuration the filter takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The environment whose platform file to look for.
    #[arg(long, value_name = "NAME", env = "FLOE_ENV", value_parser = names::environment)]
    env: Option<String>,
    /// The platform file to look at.
    #[arg(long, value_name = "FILE", env = "FLOE_PLATFORM_FILE")]
    platform: Option<PathBuf>,
    /// The product to look at.
    #[command(flatten)]
    product: product::Choice,
}

/// Variables that change what the filter or Helm does; the last ones only Helm reads.
const VARIABLES: [&str; 9] = [
    "FLOE_ENV",
    "FLOE_PLATFORM_FILE",
    "FLOE_PLATFORM_DIR",
    "FLOE_ARTIFACT",
    "FLOE_REPORT",
    "HELM_BIN",
    "HELM_NAMESPACE",
    "HELM_PLUGINS",
    "KUBECONFIG",
];

/// Prints one line for everything that was looked at; exit code 1 when something does not work.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let mut lines = judge(&gather());
    lines.extend(configuration(args));
    let set = VARIABLES
        .iter()
        .filter_map(|name| Some((name, env::var_os(name)?)));
    lines.extend(set.map(|(name, value)| Line::fine(format!("{name}={}", value.display()))));
    output::answer(&text(&lines))?;
    let broken = lines.iter().any(|line| line.level == Level::Error);
    Ok(ExitCode::from(u8::from(broken)))
}

fn text(lines: &[Line]) -> String {
    let mut text = String::new();
    for line in lines {
        let level = match line.level {
            Level::Fine => "ok",
            Level::Warning => "warning",
            Level::Error => "error",
        };
        text.push_str(&format!("{level:<8} {}\n", line.text));
        if !line.help.is_empty() {
            text.push_str(&format!("{:<8} help: {}\n", "", line.help));
        }
    }
    text
}

/// Looks at this machine.
fn gather() -> Facts {
    let helm = find::find();
    let helm_path = helm.as_ref().ok().cloned();
    let directories = helm.as_ref().ok().and_then(|helm| plugin_directories(helm));
    Facts {
        program: Program {
            path: env::current_exe().map(real).unwrap_or_default(),
            version: Some(env!("CARGO_PKG_VERSION").into()),
        },
        on_path: find::on_path(OsStr::new("helm-floe")).map(floe),
        refusal: helm.as_ref().ok().and_then(|helm| refusal(helm)),
        helm: helm.map(|path| Program {
            version: ask(&path, &["version", "--template", "{{.Version}}"]),
            path,
        }),
        plugins: plugins::installed(directories.as_deref().unwrap_or_default())
            .into_iter()
            .map(|plugin| Installed {
                runs: plugin
                    .program
                    .clone()
                    .filter(|_| plugin.is_ours())
                    .map(floe),
                plugin,
            })
            .collect(),
        unseen: helm_path.as_deref().and_then(unseen),
        plugins_hidden: env::var_os("HELM_NO_PLUGINS").is_some_and(|set| set == "1"),
    }
}

/// A helm-floe, asked for its version.
fn floe(path: PathBuf) -> Program {
    let said = ask(&path, &["--version"]);
    Program {
        version: said.and_then(|said| said.strip_prefix("helm-floe ").map(str::to_owned)),
        path: real(path),
    }
}

/// A path with its links resolved.
fn real(path: PathBuf) -> PathBuf {
    path.canonicalize().unwrap_or(path)
}

/// Where Helm looks for plugins.
fn plugin_directories(helm: &Path) -> Option<OsString> {
    let set = env::var_os("HELM_PLUGINS").filter(|list| !list.is_empty());
    set.or_else(|| ask(helm, &["env", "HELM_PLUGINS"]).map(OsString::from))
}

/// The directory of plugins in Helm's data directory, if there is a plugin of ours in it and
/// HELM_PLUGINS does not name it.
fn unseen(helm: &Path) -> Option<PathBuf> {
    let set = env::var_os("HELM_PLUGINS").filter(|list| !list.is_empty())?;
    let data = ask(helm, &["env", "HELM_DATA_HOME"]).filter(|data| !data.is_empty())?;
    let own = Path::new(&data).join("plugins");
    let seen = env::split_paths(&set).any(|one| real(one) == real(own.clone()));
    let ours = plugins::installed(own.as_os_str())
        .iter()
        .any(Plugin::is_ours);
    (!seen && ours).then_some(own)
}

/// Why Helm loads no plugin, in its own words.
fn refusal(helm: &Path) -> Option<String> {
    let output = output_of(helm, &["plugin", "list"])?;
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().last().unwrap_or("`helm plugin list` fails");
    let reason = last.strip_prefix("Error: ").unwrap_or(last);
    (!output.status.success()).then(|| reason.to_owned())
}

/// What a program says on stdout, if it runs and does well.
fn ask(program: &Path, words: &[&str]) -> Option<String> {
    let output = output_of(program, words)?;
    let said = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| said.trim().to_owned())
}

fn output_of(program: &Path, words: &[&str]) -> Option<Output> {
    Command::new(program).args(words).output().ok()
}

/// The platform file and the product that would hold here, and why.
fn configuration(args: &Args) -> Vec<Line> {
    let options = Options {
        platform: args.platform.clone(),
        env: args.env.clone(),
        product: args.product.clone(),
        ..Options::default()
    };
    let located = options.located();
    let (located, notices) = match (located, options.settings(Mode::Check)) {
        (Ok(located), Ok((_, notices))) => (located, notices),
        (Err(failure), _) | (_, Err(failure)) => return vec![broken(&failure)],
    };
    let noticed: fn(String) -> Line = match &located {
        Located::Nowhere => |notice| Line::fine(notice),
        Located::UnknownEnvironment { .. } => {
            |notice| Line::warning(notice, "choose one by --env or FLOE_ENV")
        }
        Located::File(_) => |notice| Line::warning(notice, "compile the product again"),
    };
    let mut lines = Vec::new();
    if let Located::File(file) = &located {
        let why = match (&args.platform, &args.env) {
            (None, Some(env)) => format!("the nearest one from here upwards for `{env}`"),
            _ => "named by --platform or FLOE_PLATFORM_FILE".to_owned(),
        };
        let text = format!("platform file {}, {why}", file.display());
        lines.push(Line::fine(text));
    }
    lines.extend(notices.into_iter().map(noticed));
    let product = [&args.product.artifact, &args.product.spec];
    let product = product.into_iter().flatten();
    lines.extend(product.map(|file| Line::fine(format!("product {}", file.display()))));
    lines
}

/// A configuration with which the filter does nothing but fail.
fn broken(failure: &Failure) -> Line {
    let text = failure.render();
    let said: Vec<&str> = text
        .lines()
        .map(|line| line.strip_prefix("helm-floe: ").unwrap_or(line))
        .collect();
    let help = match failure {
        Failure::Usage(_) => "correct the option or the variable it comes from",
        _ => "correct the file; `helm-floe platform validate` checks the whole of it",
    };
    Line::error(said.join("; "), help)
}
