//! Where the values go.

use std::path::Path;
use std::process::ExitCode;

use super::super::output::{self, Failure};
use super::super::tiers;
use super::{Args, Format};
use crate::report::plural;
use crate::values::format::{Generated, Repository, application_set};

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

/// What becomes of a file, for a dry run.
fn fate(path: &Path, text: &str) -> &'static str {
    match std::fs::read_to_string(path) {
        Ok(there) if there == text => "unchanged",
        Ok(_) => "changed",
        Err(_) => "new",
    }
}

/// Whether a path is that of a file; anything else is a directory.
fn is_file(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| matches!(extension, "yaml" | "yml" | "txt"))
}

pub fn publish(args: &Args, files: &[(String, String)]) -> Result<ExitCode, Failure> {
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
        if args.dry_run {
            let list = files
                .iter()
                .map(|(_, text)| format!("stdout: {}\n", size(text)));
            output::stdout(list.collect::<String>().as_bytes())?;
            return Ok(ExitCode::SUCCESS);
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
        if args.dry_run {
            let line = format!(
                "{}: {}, {}\n",
                path.display(),
                size(text),
                fate(&path, text)
            );
            output::stdout(line.as_bytes())?;
        } else if !args.check {
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
