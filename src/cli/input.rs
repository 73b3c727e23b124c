//! What `check` and `diff` look at: stdin, files, directories and charts.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::filter::{read_stdin, unreadable};
use super::options::Options;
use super::output::Failure;
use crate::files::text::{Content, Holds};
use crate::files::{self, Entry, Kind, walk};
use crate::pipeline::{self, Problem, Unreadable};

/// Arguments of `check` and `diff`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files, directories, charts, or `-` for stdin (the default).
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub options: Options,
}

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// Standard input, which must hold manifests.
    Stdin,
    /// A file that was named.
    Named(PathBuf),
    /// A chart that was named.
    Chart(PathBuf),
    /// A chart or file below a directory that was named.
    Below(Entry),
}

/// What an item turned out to hold.
#[derive(Debug)]
pub enum Loaded {
    /// Manifests.
    Stream(Input),
    /// Any other text.
    File(Input),
    /// Nothing that can be looked at; the notice says why where it matters.
    Nothing(Option<String>),
}

/// A text to judge.
#[derive(Debug)]
pub struct Input {
    /// What it is called in reports.
    pub name: String,
    /// The file it comes from; none for stdin.
    pub file: Option<String>,
    /// Its text.
    pub text: String,
}

/// What to say where nothing that was named holds an object: most likely the wrong place was named.
pub fn nothing_in(paths: &[PathBuf]) -> Failure {
    let names: Vec<String> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let names = if names.is_empty() {
        "stdin".into()
    } else {
        names.join(", ")
    };
    Failure::Usage(format!(
        "no Kubernetes object in {names}, nothing was looked at; --allow-empty if that is meant"
    ))
}

/// Everything that the paths name, directories opened; none means stdin.
///
/// # Errors
/// A path that cannot be read.
pub fn list(paths: &[PathBuf]) -> Result<Vec<Item>, Failure> {
    let mut items = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            items.push(Item::Stdin);
        } else if path.is_dir() {
            let entries = files::walk(path).map_err(|e| unreadable_path(path, &e))?;
            items.extend(entries.into_iter().map(|entry| {
                let named = entry.kind == Kind::Chart && entry.path == *path;
                match named {
                    true => Item::Chart(entry.path),
                    false => Item::Below(entry),
                }
            }));
        } else {
            items.push(Item::Named(path.clone()));
        }
    }
    if paths.is_empty() {
        items.push(Item::Stdin);
    }
    Ok(items)
}

impl Item {
    /// What findings call the chart, where the item is one.
    pub fn chart(&self) -> Option<String> {
        match self {
            Item::Chart(path) => Some(path.display().to_string()),
            Item::Below(entry) if entry.kind == Kind::Chart => {
                Some(entry.path.display().to_string())
            }
            _ => None,
        }
    }

    /// Whether the item may hold manifests, by what is known before it is read.
    pub fn may_hold_manifests(&self) -> bool {
        match self {
            Item::Stdin | Item::Named(_) | Item::Chart(_) => true,
            Item::Below(entry) => matches!(entry.kind, Kind::Chart | Kind::Manifest),
        }
    }

    /// Reads or renders the item.
    ///
    /// # Errors
    /// It cannot be read, is no UTF-8 although it should hold manifests, or Helm refuses the chart.
    pub fn load(&self, release: Option<&str>, namespace: Option<&str>) -> Result<Loaded, Failure> {
        let entry = match self {
            Item::Stdin => {
                let text = read_stdin(false)?;
                let (name, file) = ("stdin".into(), None);
                return Ok(Loaded::Stream(Input { name, file, text }));
            }
            Item::Named(path) => return named(path),
            Item::Chart(path) => return chart(path, release, namespace).map(Loaded::Stream),
            Item::Below(entry) => entry,
        };
        match entry.kind {
            Kind::Chart if walk::is_library(&entry.path) => Ok(Loaded::Nothing(None)),
            Kind::Chart => chart(&entry.path, release, namespace)
                .map(Loaded::Stream)
                .map_err(|failure| refused(&entry.path, failure)),
            kind => below(&entry.path, kind),
        }
    }
}

/// A file that was named is what it says it is: manifests where it may be some.
fn named(path: &Path) -> Result<Loaded, Failure> {
    let bytes = std::fs::read(path).map_err(|e| unreadable_path(path, &e))?;
    let name = path.display().to_string();
    if std::str::from_utf8(&bytes).is_err() && !files::walk::is_yaml_or_json(path) {
        return below(path, Kind::File);
    }
    let text = pipeline::decode(bytes, true).map_err(|problems| unreadable(&name, problems))?;
    let manifests = match files::text::holds(&text) {
        Holds::Objects | Holds::Unnamed | Holds::Nothing => true,
        Holds::Data => false,
        Holds::Unreadable => {
            files::text::speaks_of_an_object(&text) || files::walk::is_yaml_or_json(path)
        }
    };
    let input = input(path, text);
    Ok(match manifests {
        true => Loaded::Stream(input),
        false => Loaded::File(input),
    })
}

/// A file that was found. It holds manifests only where that is certain: a repository has YAML of
/// many kinds.
fn below(path: &Path, kind: Kind) -> Result<Loaded, Failure> {
    let content = files::text::read(path).map_err(|e| unreadable_path(path, &e))?;
    let text = match content {
        Content::Text(text) => text,
        Content::Binary => return Ok(Loaded::Nothing(None)),
        Content::TooLarge => {
            let name = path.display();
            let size = files::text::MAX_FILE / 1_000_000;
            let notice = format!("{name} has more than {size} MB and was not looked at");
            return Ok(Loaded::Nothing(Some(notice)));
        }
    };
    let manifests = kind == Kind::Manifest
        && match files::text::holds(&text) {
            Holds::Objects => true,
            Holds::Unreadable => files::text::speaks_of_an_object(&text),
            Holds::Unnamed | Holds::Data | Holds::Nothing => false,
        };
    let input = input(path, text);
    Ok(match manifests {
        true => Loaded::Stream(input),
        false => Loaded::File(input),
    })
}

fn input(path: &Path, text: String) -> Input {
    let name = path.display().to_string();
    Input {
        file: Some(name.clone()),
        name,
        text,
    }
}

/// A chart, rendered by `helm template`: hooks and CRDs included.
fn chart(path: &Path, release: Option<&str>, namespace: Option<&str>) -> Result<Input, Failure> {
    let text = crate::helm::render_chart(path, release, namespace)
        .map_err(|e| Failure::Io(e.to_string()))?;
    let text = pipeline::decode(text, true)
        .map_err(|problems| unreadable(&path.display().to_string(), problems))?;
    Ok(input(path, text))
}

/// A chart below a directory that Helm does not render: a problem of that chart alone.
fn refused(chart: &Path, failure: Failure) -> Failure {
    let Failure::Io(words) = failure else {
        return failure;
    };
    let problem = Problem {
        line: 0,
        column: 0,
        source: None,
        reason: "Helm does not render the chart with its default values".into(),
        help: words,
    };
    unreadable(&chart.display().to_string(), Unreadable(vec![problem]))
}

fn unreadable_path(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::Io(format!("cannot read {}: {error}", path.display()))
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
