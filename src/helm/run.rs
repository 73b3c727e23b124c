//! Runs Helm as planned and prints the filter's report.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus};
use std::{env, fs, io};

use anyhow::{Context as _, bail};

use super::args::parse;
use super::find::helm_binary;
use super::plan::{Host, Major, Plan, plan};
use super::scratch::Scratch;

/// Runs `helm VERB args…` with the filter as its post-renderer, then prints to stderr what the filter
/// said there, which neither Helm shows when all goes well and Helm 4 never.
///
/// `$HELM_BIN` is the Helm to run, which Helm sets for its plugins; otherwise `helm` on `PATH`. The
/// exit code is Helm's own: 1 when the filter refused.
///
/// # Errors
///
/// When Helm cannot be run, the arguments would go round the filter, or a file cannot be written.
pub fn run(verb: &str, args: &[OsString]) -> anyhow::Result<ExitCode> {
    let helm = helm_binary();
    let major = major_of(&helm)?;
    let request = parse(verb, major, args)?;
    let exe = env::current_exe().context("cannot find the path of helm-floe itself")?;
    let scratch = Scratch::new().context("cannot make a temporary directory")?;
    let plugins = match major {
        Major::Three => OsString::new(),
        Major::Four => plugins_of(&helm)?,
    };
    let namespace = env::var_os("HELM_NAMESPACE");
    let plan = plan(
        verb,
        &request,
        &Host {
            major,
            exe: &exe,
            scratch: scratch.path(),
            plugins: &plugins,
            namespace: namespace.as_deref(),
        },
    );
    let status = run_plan(&helm, &plan)?;
    show_stderr(&plan.stderr)?;
    Ok(exit_code(status))
}

/// Asks Helm for its major version.
fn major_of(helm: &OsStr) -> anyhow::Result<Major> {
    let version = ask(helm, &["version", "--template", "{{.Version}}"])?;
    match Major::from_version(&version.to_string_lossy()) {
        Some(major) => Ok(major),
        None => bail!(
            "{} is version {:?}; Helm 3 and Helm 4 are supported",
            helm.display(),
            version.display()
        ),
    }
}

/// The directories Helm searches for plugins.
fn plugins_of(helm: &OsStr) -> anyhow::Result<OsString> {
    match env::var_os("HELM_PLUGINS") {
        Some(list) if !list.is_empty() => Ok(list),
        _ => ask(helm, &["env", "HELM_PLUGINS"]),
    }
}

/// Runs Helm for one line of answer.
fn ask(helm: &OsStr, args: &[&str]) -> anyhow::Result<OsString> {
    let output = Command::new(helm)
        .args(args)
        .output()
        .with_context(|| format!("cannot run {} (set HELM_BIN or PATH)", helm.display()))?;
    if !output.status.success() {
        bail!(
            "{} {} failed: {}",
            helm.display(),
            args.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let answer = String::from_utf8(output.stdout)
        .with_context(|| format!("{} {}: not UTF-8", helm.display(), args.join(" ")))?;
    Ok(OsString::from(answer.trim()))
}

/// Writes the plan's files and runs its command, which inherits all three streams.
fn run_plan(helm: &OsStr, plan: &Plan) -> anyhow::Result<ExitStatus> {
    for (path, text) in &plan.files {
        let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
        folder
            .and_then(|()| fs::write(path, text))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    let mut command = Command::new(helm);
    command.args(&plan.args);
    for name in plan.unset {
        command.env_remove(name);
    }
    for (name, value) in &plan.set {
        command.env(name, value);
    }
    command
        .status()
        .with_context(|| format!("cannot run {}", helm.display()))
}

/// Prints what the filter said, if Helm came to call it.
fn show_stderr(file: &Path) -> anyhow::Result<()> {
    let text = match fs::read(file) {
        Ok(text) => text,
        // Helm failed before it called the filter, and has said why.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).context("cannot read the filter's report"),
    };
    // A closed stderr is the user's choice.
    let _ = io::stderr().write_all(&text);
    Ok(())
}

/// Helm's exit code; 128 and the signal's number where one ended it, as shells say it.
fn exit_code(status: ExitStatus) -> ExitCode {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status).map(|n| n + 128);
    #[cfg(not(unix))]
    let signal = None;
    let code = status.code().or(signal).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
