//! Where the values go.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::super::output::{self, Failure};
use super::super::tiers;
use super::{Args, Format};
use crate::report::plural;
use crate::values::format::{Generated, Repository, application_set, is_generated};

/// No values are longer: a release with them has to fit into a Secret, which Kubernetes lets have
/// 1 MiB.
const LONGEST: usize = 1_000_000;

/// What is written, each with its file name in a directory.
pub fn files(args: &Args, all: &[Generated]) -> Result<Vec<(String, String)>, Failure> {
    let wrong = |error: crate::manifest::EditError| {
        Failure::Usage(format!("the values cannot be written: {error}"))
    };
    if args.format == Format::Applicationset {
        let repository = Repository {
            url: args.repo.clone().unwrap_or_default(),
            path: args.repo_path.clone(),
            revision: args.revision.clone(),
            values: args.repo_values.clone(),
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
        let text = text.map_err(wrong)?;
        if text.len() > LONGEST {
            return Err(Failure::Usage(format!(
                "the values of {} have {} bytes, and more than {LONGEST} fit into no release",
                generated.target.environment,
                text.len()
            )));
        }
        files.push((name, text));
    }
    Ok(files)
}

/// How much would be written.
fn size(text: &str) -> String {
    let lines = plural(text.lines().count(), "line");
    format!("{lines}, {}", plural(text.len(), "byte"))
}

/// What is at the place of a file that is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum There {
    Nothing,
    /// The same text.
    Same,
    /// What an earlier `generate` wrote.
    Earlier,
    /// A file that somebody else wrote, such as a chart's own values.
    Foreign,
}

impl There {
    fn at(path: &Path, text: &str) -> There {
        // A pipe or a terminal holds nothing that could be lost.
        if !path.is_file() {
            return There::Nothing;
        }
        match std::fs::read(path) {
            Ok(bytes) if bytes.is_empty() => There::Nothing,
            Ok(bytes) if bytes == text.as_bytes() => There::Same,
            Ok(bytes) if is_generated(&String::from_utf8_lossy(&bytes)) => There::Earlier,
            _ => There::Foreign,
        }
    }

    /// What becomes of the file, for a dry run.
    fn fate(self) -> &'static str {
        match self {
            There::Nothing => "new",
            There::Same => "unchanged",
            There::Earlier => "changed",
            There::Foreign => "not written by generate: refused",
        }
    }
}

/// Refuses to write over what `generate` did not write.
fn refuse_foreign(files: &[(PathBuf, &str)]) -> Result<(), Failure> {
    let foreign = files
        .iter()
        .filter(|(path, text)| There::at(path, text) == There::Foreign);
    let names: Vec<String> = foreign
        .map(|(path, _)| path.display().to_string())
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "not written by generate, so not overwritten: {}. Give another directory or file with -o, such as -o generated/, or move {} away. Nothing was written",
        names.join(", "),
        if names.len() == 1 { "it" } else { "them" },
    )))
}

/// Whether a path is that of a file; anything else is a directory.
fn is_file(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| matches!(extension, "yaml" | "yml" | "txt"))
}

/// Writes the files where the arguments say, or says what would become of them.
///
/// # Errors
/// They do not fit there, a file there is somebody else's, or one cannot be written.
pub fn publish(args: &Args, files: &[(String, String)]) -> Result<ExitCode, Failure> {
    let output = args.output.as_deref();
    let Some(output) = output.filter(|path| path.as_os_str() != "-") else {
        return to_stdout(args, files);
    };
    if is_file(output) && files.len() > 1 {
        return Err(Failure::Usage(format!(
            "-o {} is one file, but there are {}: give a directory",
            output.display(),
            plural(files.len(), "environment")
        )));
    }
    let place = |name: &str| match is_file(output) {
        true => output.to_owned(),
        false => output.join(name),
    };
    let files: Vec<(PathBuf, &str)> = files
        .iter()
        .map(|(name, text)| (place(name), text.as_str()))
        .collect();
    if args.check {
        return check(&files);
    }
    if args.dry_run {
        for (path, text) in &files {
            let fate = There::at(path, text).fate();
            let line = format!("{}: {}, {fate}\n", path.display(), size(text));
            output::stdout(line.as_bytes())?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    refuse_foreign(&files)?;
    for (path, text) in &files {
        tiers::write(path, text)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn to_stdout(args: &Args, files: &[(String, String)]) -> Result<ExitCode, Failure> {
    if args.check {
        return Err(Failure::Usage(
            "--check compares with files: give -o".into(),
        ));
    }
    if args.dry_run {
        for (_, text) in files {
            output::stdout(format!("stdout: {}\n", size(text)).as_bytes())?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let [(_, text)] = files else {
        return Err(Failure::Usage(format!(
            "{} do not fit on stdout: give -o DIR",
            plural(files.len(), "environment")
        )));
    };
    output::stdout(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Says which files are not what would be written.
fn check(files: &[(PathBuf, &str)]) -> Result<ExitCode, Failure> {
    let mut differ = false;
    for (path, text) in files {
        let what = match There::at(path, text) {
            There::Same => continue,
            There::Foreign => "was not written by generate",
            There::Nothing | There::Earlier => "is not up to date",
        };
        differ = true;
        output::stderr(&format!("helm-floe: {} {what}\n", path.display()));
    }
    Ok(ExitCode::from(u8::from(differ)))
}
