//! Which of its dependencies a chart lacks.

use std::fs;
use std::path::Path;

use super::repository::Repository;
use crate::manifest::{Document, View};

/// A chart that another one needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// Its name.
    pub name: String,
    /// Where it comes from; empty where the chart brings it.
    pub repository: String,
}

/// The files that list dependencies: the second in charts of Helm 2.
const LISTS: [&str; 2] = ["Chart.yaml", "requirements.yaml"];

/// The dependencies a chart lists.
///
/// # Errors
/// A file cannot be read, or is no YAML.
pub fn listed(chart: &Path) -> Result<Vec<Dependency>, String> {
    let mut dependencies = Vec::new();
    for file in LISTS {
        let text = match fs::read_to_string(chart.join(file)) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(format!("cannot read {file}: {error}")),
        };
        let document = Document::parse(&text).map_err(|e| format!("{file}: {}", e.reason))?;
        let list = document.root().map(View::Node);
        let list = list.and_then(|root| root.get("dependencies"));
        for entry in list.into_iter().flat_map(View::items) {
            let text = |key: &str| entry.get(key).and_then(|value| value.as_str());
            dependencies.push(Dependency {
                name: text("name").unwrap_or_default().into_owned(),
                repository: text("repository").unwrap_or_default().into_owned(),
            });
        }
    }
    Ok(dependencies)
}

/// Those of the dependencies that do not lie in `charts/`. Helm asks for the name only, too, before it
/// renders (helm.sh/helm, `action.CheckDependencies`).
pub fn missing(chart: &Path, dependencies: Vec<Dependency>) -> Vec<Dependency> {
    let there: Vec<String> = fs::read_dir(chart.join("charts"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| vendored(&entry.path()))
        .collect();
    let lacks = |dependency: &Dependency| {
        let archive = format!("{}-", dependency.name);
        !there.iter().any(|name| {
            let version = name
                .strip_prefix(&archive)
                .filter(|_| name.ends_with(".tgz"));
            *name == dependency.name
                || version.is_some_and(|v| v.starts_with(|c: char| c.is_ascii_digit() || c == 'v'))
        })
    };
    dependencies.into_iter().filter(lacks).collect()
}

/// What lies in `charts/`: a chart's name, or an archive's file name.
fn vendored(path: &Path) -> Option<String> {
    if !path.is_dir() {
        return Some(path.file_name()?.to_str()?.to_owned());
    }
    let text = fs::read_to_string(path.join("Chart.yaml")).ok()?;
    let document = Document::parse(&text).ok()?;
    let name = View::Node(document.root()?).get("name")?;
    name.as_str().map(|name| name.into_owned())
}

/// Checks that dependencies on this machine's disk are the repository's own.
///
/// # Errors
/// One lies elsewhere, or a link in it leads there.
pub fn stay_inside(repository: &Repository, dependencies: &[Dependency]) -> Result<(), String> {
    for dependency in dependencies {
        let Some(path) = dependency.repository.strip_prefix("file://") else {
            continue;
        };
        // Helm takes such a path from the chart's directory; an absolute one is the machine's.
        let directory = match path.starts_with('/') {
            true => Err(format!("{path:?} is not in the repository")),
            false => repository.resolve(path),
        };
        directory
            .and_then(|directory| repository.contains_all_of(&directory))
            .map_err(|reason| format!("dependency {:?}: {reason}", dependency.name))?;
    }
    Ok(())
}

/// A `repositories.yaml` that knows the repositories of these dependencies, for `helm dependency
/// build`, which fetches from no other.
pub fn repositories(dependencies: &[Dependency]) -> serde_json::Value {
    let mut urls: Vec<&str> = dependencies
        .iter()
        .map(|dependency| dependency.repository.as_str())
        .filter(|url| url.starts_with("https://") || url.starts_with("http://"))
        .collect();
    urls.sort_unstable();
    urls.dedup();
    let entries = urls.iter().enumerate();
    let entries: Vec<_> = entries
        .map(|(index, url)| serde_json::json!({"name": format!("dependency-{index}"), "url": url}))
        .collect();
    serde_json::json!({"apiVersion": "", "repositories": entries})
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A path and a text.
    type File = (&'static str, &'static str);

    fn chart(files: &[File]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn names(dependencies: Vec<Dependency>) -> Vec<String> {
        dependencies.into_iter().map(|d| d.name).collect()
    }

    const CHART: &str = "name: web\ndependencies:\n- {name: redis, version: ^1, repository: 'https://x.test/charts'}\n- {name: lib, version: 1.0.0}\n";

    #[test]
    fn what_is_vendored_is_not_missing() {
        let cases: [(&[File], &[&str]); 6] = [
            (&[], &["redis", "lib"]),
            (&[("charts/redis-1.2.3.tgz", "")], &["lib"]),
            (
                &[
                    ("charts/redis-cluster-1.2.3.tgz", ""),
                    ("charts/lib/Chart.yaml", "name: other\n"),
                ],
                &["redis", "lib"],
            ),
            (
                &[
                    ("charts/a/Chart.yaml", "name: redis\n"),
                    ("charts/b/Chart.yaml", "name: lib\n"),
                ],
                &[],
            ),
            (
                &[("charts/redis-v1.tgz", ""), ("charts/lib-1.0.0.tgz", "")],
                &[],
            ),
            (
                &[
                    ("charts/redis-1.txt", ""),
                    ("charts/lib/values.yaml", "name: lib"),
                ],
                &["redis", "lib"],
            ),
        ];
        for (files, expected) in cases {
            let folder = chart(&[files, &[("Chart.yaml", CHART)]].concat());
            let dependencies = listed(folder.path()).unwrap();
            assert_eq!(
                names(missing(folder.path(), dependencies)),
                expected,
                "{files:?}"
            );
        }
    }

    #[test]
    fn both_lists_count() {
        let old = [
            ("Chart.yaml", "name: web\n"),
            ("requirements.yaml", "dependencies: [{name: redis}]\n"),
        ];
        assert_eq!(names(listed(chart(&old).path()).unwrap()), ["redis"]);
        for text in ["", "name: web\n", "dependencies:\n", "dependencies: none\n"] {
            let folder = chart(&[("Chart.yaml", text)]);
            assert_eq!(listed(folder.path()), Ok(vec![]), "{text}");
        }
        assert!(listed(chart(&[("Chart.yaml", "a: b: c\n")]).path()).is_err());
    }

    #[test]
    fn dependencies_on_disk_are_the_repositorys() {
        let folder = chart(&[
            ("repo/apps/web/Chart.yaml", ""),
            ("repo/lib/Chart.yaml", ""),
            ("other/Chart.yaml", ""),
        ]);
        let repository =
            Repository::around(&folder.path().join("repo/apps/web"), "apps/web").unwrap();
        let inside = |url: &str| {
            let (name, repository_) = ("lib".to_owned(), url.to_owned());
            stay_inside(
                &repository,
                &[Dependency {
                    name,
                    repository: repository_,
                }],
            )
        };
        assert_eq!(inside("file://../../lib"), Ok(()));
        assert_eq!(inside("https://x.test"), Ok(()));
        assert_eq!(inside(""), Ok(()));
        for url in [
            "file://../../../other",
            "file:///etc",
            "file:///lib",
            "file://../../none",
        ] {
            assert!(inside(url).is_err(), "{url}");
        }
    }

    #[test]
    fn every_remote_repository_is_known_once() {
        let folder = chart(&[(
            "Chart.yaml",
            "dependencies:\n- {name: a, repository: 'https://x.test'}\n- {name: b, repository: 'https://x.test'}\n- {name: c, repository: 'oci://y.test'}\n- {name: d, repository: 'file://../d'}\n",
        )]);
        let known = repositories(&listed(folder.path()).unwrap());
        assert_eq!(
            known["repositories"],
            serde_json::json!([{"name": "dependency-0", "url": "https://x.test"}])
        );
    }
}
