//! The charts and files below a directory, without what Git or Helm ignore.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;

use super::helmignore::Rules;
use crate::manifest::{Document, View};

/// One thing below a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it is, below the path that was asked about.
    pub path: PathBuf,
    /// What it is, as far as its place tells.
    pub kind: Kind,
}

/// What an entry is by its place and name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A chart's directory; its files follow as entries of their own.
    Chart,
    /// A YAML or JSON file that may hold manifests.
    Manifest,
    /// A file of a chart, or any other.
    File,
    /// A template of a chart, which is no YAML before Helm has run.
    Template,
}

/// Directories of version control systems; what they hold is history, not content.
const HISTORY: [&str; 4] = [".git", ".hg", ".svn", ".jj"];

/// Everything below a directory in the order of its path. Symbolic links are not followed: what they
/// lead to inside the tree comes up by itself, and what lies outside is none of ours. Hidden files are
/// listed too, because `.env` and `.npmrc` are, but are never taken for manifests.
///
/// A directory that cannot be read is an error in its place, and does not keep the rest from being listed.
pub fn walk(root: &Path) -> Vec<Result<Entry, ignore::Error>> {
    let mut entries = Vec::new();
    // The chart around the current entry, and a directory that Helm ignores.
    let mut chart: Option<(PathBuf, Rules)> = None;
    let mut ignored: Option<PathBuf> = None;
    for entry in builder(root).build() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                entries.push(Err(error));
                continue;
            }
        };
        let path = entry.path();
        let directory = entry.file_type().is_some_and(|kind| kind.is_dir());
        if ignored
            .as_ref()
            .is_some_and(|above| path.starts_with(above))
        {
            continue;
        }
        if chart.as_ref().is_some_and(|(at, _)| !path.starts_with(at)) {
            chart = None;
        }
        if let Some((at, rules)) = &chart
            && rules.ignores(&slashed(path.strip_prefix(at).unwrap_or(path)), directory)
        {
            ignored = directory.then(|| path.to_owned());
            continue;
        }
        let below = path.strip_prefix(root).unwrap_or(path);
        if directory {
            if chart.is_none() && is_chart(path) && !is_hidden(below) {
                chart = Some((path.to_owned(), Rules::of_chart(path)));
                entries.push(Ok(Entry {
                    path: path.to_owned(),
                    kind: Kind::Chart,
                }));
            }
        } else if entry.file_type().is_some_and(|kind| kind.is_file()) {
            let kind = kind_of(path, below, chart.as_ref().map(|(at, _)| at));
            entries.push(Ok(Entry {
                path: path.to_owned(),
                kind,
            }));
        }
    }
    entries
}

fn builder(root: &Path) -> WalkBuilder {
    let mut builder = WalkBuilder::new(root);
    builder
        .hidden(false)
        .ignore(false)
        .git_global(false)
        .require_git(false)
        .follow_links(false)
        .sort_by_file_name(OsStr::cmp)
        .filter_entry(|entry| {
            let history = HISTORY.iter().any(|name| entry.file_name() == *name);
            entry.depth() == 0 || !history
        });
    builder
}

fn kind_of(path: &Path, below: &Path, chart: Option<&PathBuf>) -> Kind {
    match chart {
        Some(chart) if is_template(path.strip_prefix(chart).unwrap_or(path)) => Kind::Template,
        Some(_) => Kind::File,
        None if is_yaml_or_json(path) && !is_hidden(below) => Kind::Manifest,
        None => Kind::File,
    }
}

/// Whether a path in a chart is below a `templates` directory, the chart's own or a subchart's.
fn is_template(path: &Path) -> bool {
    let mut parts = path.components().map(|part| part.as_os_str());
    parts.any(|part| part == "templates")
}

/// Whether a directory is a chart.
pub fn is_chart(path: &Path) -> bool {
    path.join("Chart.yaml").is_file()
}

/// Whether a chart is a library, which Helm does not render.
pub fn is_library(chart: &Path) -> bool {
    let text = std::fs::read_to_string(chart.join("Chart.yaml")).unwrap_or_default();
    let document = Document::parse(&text).ok();
    let root = document.as_ref().and_then(Document::root).map(View::Node);
    let kind = root.and_then(|root| root.get("type")?.as_str());
    kind.is_some_and(|kind| kind == "library")
}

/// Whether a file's name says that it holds YAML or JSON.
pub fn is_yaml_or_json(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    extension.is_some_and(|extension| matches!(extension, "yaml" | "yml" | "json"))
}

/// Whether any part of a path is hidden.
fn is_hidden(path: &Path) -> bool {
    let mut parts = path.components().map(|part| part.as_os_str());
    parts.any(|part| part.to_string_lossy().starts_with('.'))
}

fn slashed(path: &Path) -> String {
    let parts = path
        .components()
        .map(|part| part.as_os_str().to_string_lossy());
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        root
    }

    fn listed(root: &Path) -> Vec<String> {
        let entries: Vec<Entry> = walk(root).into_iter().map(Result::unwrap).collect();
        let name = |entry: &Entry| slashed(entry.path.strip_prefix(root).unwrap());
        let text = |entry: &Entry| format!("{:?} {}", entry.kind, name(entry));
        entries.iter().map(text).collect()
    }

    #[test]
    fn charts_manifests_and_files_are_told_apart() {
        let root = tree(&[
            (".env", ""),
            (".github/ci.yaml", ""),
            (".git/config", ""),
            (".gitignore", "*.log\n/build/\n"),
            ("a.log", ""),
            ("build/out.yaml", ""),
            ("charts/web/Chart.yaml", ""),
            ("charts/web/.helmignore", "ci/\n*.md\n"),
            ("charts/web/README.md", ""),
            ("charts/web/ci/values.yaml", ""),
            ("charts/web/values.yaml", ""),
            ("charts/web/templates/.cache", ""),
            ("charts/web/templates/a.yaml", ""),
            ("charts/web/charts/db/Chart.yaml", ""),
            ("charts/web/charts/db/templates/b.yaml", ""),
            ("deploy/a.json", ""),
            ("deploy/main.tf", ""),
            ("deploy/more/b.log", ""),
            ("z.yml", ""),
        ]);
        let want = [
            "File .env",
            "File .github/ci.yaml",
            "File .gitignore",
            "Chart charts/web",
            "File charts/web/.helmignore",
            "File charts/web/Chart.yaml",
            "File charts/web/charts/db/Chart.yaml",
            "Template charts/web/charts/db/templates/b.yaml",
            "Template charts/web/templates/a.yaml",
            "File charts/web/values.yaml",
            "Manifest deploy/a.json",
            "File deploy/main.tf",
            "Manifest z.yml",
        ];
        assert_eq!(listed(root.path()), want);
    }

    #[test]
    fn a_directory_that_is_asked_for_is_not_ignored() {
        let root = tree(&[(".gitignore", "/out/\n"), ("out/a.yaml", "")]);
        assert_eq!(listed(&root.path().join("out")), ["Manifest a.yaml"]);
        assert_eq!(listed(root.path()), ["File .gitignore"]);
    }

    #[test]
    fn what_cannot_be_listed_is_an_error_in_its_place() {
        let root = tree(&[]);
        let listed = walk(&root.path().join("gone"));
        assert!(matches!(listed.as_slice(), [Err(_)]), "{listed:?}");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        let outside = tree(&[("secret.env", "")]);
        let root = tree(&[("a.env", "")]);
        std::os::unix::fs::symlink(outside.path(), root.path().join("out")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret.env"), root.path().join("b.env"))
            .unwrap();
        assert_eq!(listed(root.path()), ["File a.env"]);
        std::os::unix::fs::symlink(root.path(), outside.path().join("link")).unwrap();
        assert_eq!(listed(&outside.path().join("link")), ["File a.env"]);
    }
}
