//! Finds the platform file of an environment.

use std::path::{Path, PathBuf};

/// Where the platform file is, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Located {
    /// This file.
    File(PathBuf),
    /// No `platform/` directory from here upwards: the built-in defaults hold.
    Nowhere,
    /// A `platform/` directory exists, but not that environment; these exist.
    UnknownEnvironment {
        /// The `platform/` directory.
        directory: PathBuf,
        /// The environments it has, sorted.
        known: Vec<String>,
    },
}

/// Looks for `platform/<environment>/platform.yaml` in `from` and above.
///
/// The first `platform/` directory that holds any environment decides: a misspelt environment
/// must not fall through to another team's file further up.
pub fn locate(from: &Path, environment: &str) -> Located {
    for directory in from.ancestors().map(|dir| dir.join("platform")) {
        let file = directory.join(environment).join("platform.yaml");
        if !environment.is_empty() && file.is_file() {
            return Located::File(file);
        }
        let known = environments(&directory);
        if !known.is_empty() {
            return Located::UnknownEnvironment { directory, known };
        }
    }
    Located::Nowhere
}

/// The nearest file that was meant as an environment's and is called `platform.yml`.
pub fn misnamed(from: &Path, environment: &str) -> Option<PathBuf> {
    let files = from
        .ancestors()
        .map(|dir| dir.join("platform").join(environment).join("platform.yml"));
    let mut files = files.filter(|file| !environment.is_empty() && file.is_file());
    files.next()
}

/// The environments in a `platform/` directory, sorted.
pub fn environments(directory: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.path().join("platform.yaml").is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_platform_directory_decides() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("platform/dev");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("platform.yaml"), "").unwrap();
        let inner = root.path().join("charts/web");
        std::fs::create_dir_all(&inner).unwrap();
        assert_eq!(
            locate(&inner, "dev"),
            Located::File(dir.join("platform.yaml"))
        );
        assert_eq!(
            locate(&inner, "uat"),
            Located::UnknownEnvironment {
                directory: root.path().join("platform"),
                known: vec!["dev".into()]
            }
        );
    }

    #[test]
    fn a_platform_file_with_another_ending_is_found_by_its_name() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("platform/dev");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("platform.yml"), "").unwrap();
        assert_eq!(locate(root.path(), "dev"), Located::Nowhere);
        assert_eq!(misnamed(root.path(), "dev"), Some(dir.join("platform.yml")));
        assert_eq!(misnamed(root.path(), ""), None);
    }

    #[test]
    fn an_unrelated_platform_directory_does_not_count() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("platform/assets")).unwrap();
        assert_eq!(locate(root.path(), "dev"), Located::Nowhere);
    }
}
