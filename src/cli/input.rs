//! What `check` and `diff` look at: stdin, files, directories and charts.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::filter::read_stdin;
use super::options::Options;
use super::output::Failure;
use crate::files::text::{Content, Holds};
use crate::files::{self, Entry, Kind, walk};
use crate::helm::Rendering;
use crate::pipeline::{self, Problem, Unreadable};

/// Arguments of `check` and `diff`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files, directories, charts, or `-` for stdin (the default).
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub values: Values,
    #[command(flatten)]
    pub options: Options,
}

/// What a chart that is named is rendered with.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Values {
    /// A values file for the chart that is named, as in Helm; repeatable.
    #[arg(long, short = 'f', value_name = "FILE")]
    pub values: Vec<PathBuf>,
    /// A value for the chart that is named, in Helm's notation; repeatable.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

impl Args {
    /// Everything that the paths name, as [`list`].
    ///
    /// # Errors
    /// As [`Values::list`].
    pub fn items(&self) -> Result<Vec<Item>, Failure> {
        self.values.list(&self.paths)
    }

    /// How a chart that is named is rendered.
    pub fn rendering(&self) -> Rendering<'_> {
        let options = &self.options;
        let (release, namespace) = (options.release.as_deref(), options.namespace.as_deref());
        self.values.rendering(release, namespace)
    }
}

impl Values {
    /// Everything that paths name, directories opened; none means stdin.
    ///
    /// # Errors
    /// There are values, and no chart to give them to.
    pub fn list(&self, paths: &[PathBuf]) -> Result<Vec<Item>, Failure> {
        let items = list(paths);
        let some = !self.values.is_empty() || !self.set.is_empty();
        let chart = |item: &Item| matches!(item, Item::Chart(_));
        if some && !items.iter().any(chart) {
            return Err(Failure::Usage("--values and --set are for a chart, and none is named: name its directory, or pipe in what `helm template` renders with them".into()));
        }
        Ok(items)
    }

    /// How a chart that is named is rendered.
    pub fn rendering<'a>(
        &'a self,
        release: Option<&'a str>,
        namespace: Option<&'a str>,
    ) -> Rendering<'a> {
        Rendering {
            release,
            namespace,
            values: &self.values,
            set: &self.set,
        }
    }
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
    /// A directory that cannot be listed, and why.
    Unlisted(String),
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
        .map(|path| match path.as_os_str() == "-" {
            true => "stdin".to_owned(),
            false => path.display().to_string(),
        })
        .collect();
    let names = if names.is_empty() {
        "stdin".into()
    } else {
        names.join(", ")
    };
    let way_out = match paths.iter().find_map(|path| packed(path)) {
        Some(words) => words,
        None => "--allow-empty if that is meant".into(),
    };
    Failure::Usage(format!(
        "no Kubernetes object in {names}, nothing was looked at; {way_out}"
    ))
}

/// What to do about a chart that lies in no directory: packed, or in a registry or repository.
fn packed(path: &Path) -> Option<String> {
    let name = path.to_str()?;
    let what = if ["oci://", "https://", "http://"]
        .iter()
        .any(|own| name.starts_with(own))
    {
        "a chart elsewhere: pull and unpack it"
    } else if name.ends_with(".tgz") || name.ends_with(".tar.gz") {
        "a packed chart: unpack it"
    } else {
        return None;
    };
    Some(format!(
        "{what}, or pipe in what `helm template {name}` renders"
    ))
}

/// Everything that the paths name, directories opened; none means stdin.
fn list(paths: &[PathBuf]) -> Vec<Item> {
    let mut items = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            items.push(Item::Stdin);
        } else if path.is_dir() {
            items.extend(files::walk(path).into_iter().map(|entry| match entry {
                Ok(entry) if entry.kind == Kind::Chart && entry.path == *path => {
                    Item::Chart(entry.path)
                }
                Ok(entry) => Item::Below(entry),
                Err(error) => Item::Unlisted(error.to_string()),
            }));
        } else {
            items.push(Item::Named(path.clone()));
        }
    }
    if paths.is_empty() {
        items.push(Item::Stdin);
    }
    items
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
            Item::Stdin | Item::Named(_) | Item::Chart(_) | Item::Unlisted(_) => true,
            Item::Below(entry) => matches!(entry.kind, Kind::Chart | Kind::Manifest),
        }
    }

    /// Reads or renders the item.
    ///
    /// # Errors
    /// It cannot be read, is no UTF-8 although it should hold manifests, or Helm refuses the chart.
    pub fn load(&self, how: Rendering<'_>) -> Result<Loaded, Failure> {
        let entry = match self {
            Item::Stdin => {
                let text = read_stdin(true).map_err(only_read)?;
                let (name, file) = ("stdin".into(), None);
                return Ok(Loaded::Stream(Input { name, file, text }));
            }
            Item::Named(path) => return named(path),
            Item::Chart(path) => return chart(path, how).map(Loaded::Stream),
            Item::Unlisted(why) => return Err(Failure::Io(format!("cannot read {why}"))),
            Item::Below(entry) => entry,
        };
        match entry.kind {
            Kind::Chart if walk::is_library(&entry.path) => Ok(Loaded::Nothing(None)),
            Kind::Chart => chart(&entry.path, how.with_defaults())
                .map(Loaded::Stream)
                .map_err(|failure| refused(&entry.path, failure)),
            kind => below(&entry.path, kind),
        }
    }
}

/// A failure of a command that only reads, which names the input. Its `text` may be a template of a
/// chart, which is no YAML before Helm has run.
pub fn unreadable(input: &str, text: &str, mut problems: Unreadable) -> Failure {
    if let Some(first) = problems.0.first_mut()
        && first.help.is_empty()
        && text.contains("{{")
    {
        first.help = "to check a chart with its templates name its directory".into();
    }
    Failure::Unreadable {
        input: input.to_owned(),
        problems,
        writes: false,
    }
}

/// A failure of a command that only reads.
fn only_read(failure: Failure) -> Failure {
    match failure {
        Failure::Unreadable {
            input, problems, ..
        } => unreadable(&input, "", problems),
        other => other,
    }
}

/// A file that was named is what it says it is: manifests where it may be some.
fn named(path: &Path) -> Result<Loaded, Failure> {
    let bytes = std::fs::read(path).map_err(|e| unreadable_path(path, &e))?;
    let name = path.display().to_string();
    if std::str::from_utf8(&bytes).is_err() && !files::walk::is_yaml_or_json(path) {
        return below(path, Kind::File);
    }
    let text = pipeline::decode(bytes, true).map_err(|problems| unreadable(&name, "", problems))?;
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
fn chart(path: &Path, how: Rendering<'_>) -> Result<Input, Failure> {
    let text = crate::helm::render_chart(path, how).map_err(|e| Failure::Io(e.to_string()))?;
    let text = pipeline::decode(text, true)
        .map_err(|problems| unreadable(&path.display().to_string(), "", problems))?;
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
    unreadable(&chart.display().to_string(), "", Unreadable(vec![problem]))
}

fn unreadable_path(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    let shown = path.display();
    match packed(path) {
        Some(way_out) => Failure::Io(format!("cannot read {shown}: {way_out}")),
        None => Failure::Io(format!("cannot read {shown}: {error}")),
    }
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
    fn a_directory_that_cannot_be_listed_fails_by_itself() {
        let item = Item::Unlisted("charts/web: denied".into());
        assert!(item.may_hold_manifests());
        let failure = item.load(Rendering::default()).err();
        let said = failure.map(|failure| failure.render());
        assert_eq!(
            said.as_deref(),
            Some("helm-floe: cannot read charts/web: denied\n")
        );
    }

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
