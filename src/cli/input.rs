//! What `check` and `diff` look at: stdin, files, directories and charts.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use walkdir::{DirEntry, WalkDir};

use super::filter::{read_stdin, unreadable};
use super::options::Options;
use super::output::Failure;
use crate::pipeline;

/// Arguments of `check` and `diff`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files, directories, charts, or `-` for stdin (the default).
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub options: Options,
}

/// One stream to judge.
#[derive(Debug)]
pub struct Input {
    /// What it is called in reports.
    pub name: String,
    /// The file it comes from; none for stdin.
    pub file: Option<String>,
    /// Its text.
    pub text: String,
}

/// Reads every named input; none means stdin.
pub fn read(
    paths: &[PathBuf],
    release: Option<&str>,
    namespace: Option<&str>,
) -> Result<Vec<Input>, Failure> {
    let stdin = [PathBuf::from("-")];
    let paths = if paths.is_empty() { &stdin[..] } else { paths };
    let mut inputs = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            inputs.push(stdin_input()?);
        } else if is_chart(path) {
            inputs.push(chart(path, release, namespace)?);
        } else if path.is_dir() {
            directory(path, release, namespace, &mut inputs)?;
        } else {
            inputs.push(file(path)?);
        }
    }
    Ok(inputs)
}

fn stdin_input() -> Result<Input, Failure> {
    Ok(Input {
        name: "stdin".into(),
        file: None,
        text: read_stdin(false)?,
    })
}

fn file(path: &Path) -> Result<Input, Failure> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|e| Failure::Io(format!("cannot read {name}: {e}")))?;
    let text = pipeline::decode(bytes, true).map_err(|problems| unreadable(&name, problems))?;
    Ok(Input {
        file: Some(name.clone()),
        name,
        text,
    })
}

/// The manifests of a directory: YAML and JSON files, hidden ones left out. A chart in it is
/// rendered, not read file by file.
fn directory(
    path: &Path,
    release: Option<&str>,
    namespace: Option<&str>,
    inputs: &mut Vec<Input>,
) -> Result<(), Failure> {
    let visible = |entry: &DirEntry| {
        entry.depth() == 0 || !entry.file_name().to_string_lossy().starts_with('.')
    };
    let mut walk = WalkDir::new(path).sort_by_file_name().into_iter();
    while let Some(entry) = walk.next() {
        let entry =
            entry.map_err(|e| Failure::Io(format!("cannot read {}: {e}", path.display())))?;
        let folder = entry.file_type().is_dir();
        if !visible(&entry) {
            if folder {
                walk.skip_current_dir();
            }
        } else if folder && is_chart(entry.path()) {
            walk.skip_current_dir();
            inputs.push(chart(entry.path(), release, namespace)?);
        } else if entry.file_type().is_file() && is_manifest(entry.path()) {
            inputs.push(file(entry.path())?);
        }
    }
    Ok(())
}

fn is_chart(path: &Path) -> bool {
    path.join("Chart.yaml").is_file()
}

fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    extension.is_some_and(|extension| matches!(extension, "yaml" | "yml" | "json"))
}

/// A chart, rendered by `helm template`: hooks and CRDs included.
fn chart(path: &Path, release: Option<&str>, namespace: Option<&str>) -> Result<Input, Failure> {
    let text = crate::helm::render_chart(path, release, namespace)
        .map_err(|e| Failure::Io(e.to_string()))?;
    let text = pipeline::decode(text, true)
        .map_err(|problems| unreadable(&path.display().to_string(), problems))?;
    let name = path.display().to_string();
    Ok(Input {
        file: Some(name.clone()),
        name,
        text,
    })
}

/// Today's date in UTC as `YYYY-MM-DD`, for exceptions that expire. `SOURCE_DATE_EPOCH`
/// (reproducible-builds.org) overrides the clock.
pub fn today() -> String {
    let seconds = std::env::var("SOURCE_DATE_EPOCH")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| {
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or(Duration::ZERO)
                .as_secs()
        });
    date(seconds)
}

/// The civil date of a Unix time, by counting whole Gregorian years of 400-year cycles.
fn date(seconds: u64) -> String {
    let days = seconds / 86_400 + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unix_times_become_dates() {
        for (seconds, want) in [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_735_689_599, "2024-12-31"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(date(seconds), want);
        }
    }
}
