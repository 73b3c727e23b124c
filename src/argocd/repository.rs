//! The repository that Argo CD copied, and which files belong to it.

use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

/// The largest values file; Helm itself sets no limit.
const MAX_VALUES: u64 = 16 << 20;

/// A repository, by its directories with all symbolic links resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    root: PathBuf,
    application: PathBuf,
}

impl Repository {
    /// The repository around the application's directory, which lies at `source_path` in it.
    ///
    /// Argo CD may send a part of the repository only, so `source_path` can be longer than what is
    /// there; as many directories as agree are gone up.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn around(application: &Path, source_path: &str) -> std::io::Result<Repository> {
        let application = application.canonicalize()?;
        let names = Path::new(source_path).components().rev();
        let names = names.filter(|name| matches!(name, Component::Normal(_)));
        let agree = names
            .zip(application.components().rev())
            .take_while(|(name, part)| name == part)
            .count();
        let root = application.ancestors().nth(agree);
        let root = root.unwrap_or(&application).to_path_buf();
        Ok(Repository { root, application })
    }

    /// The directory of the application.
    pub fn application(&self) -> &Path {
        &self.application
    }

    /// The directories from the application's up to the root.
    pub fn directories(&self) -> impl Iterator<Item = &Path> {
        let depth = self.application.strip_prefix(&self.root);
        let depth = depth.map_or(0, |below| below.components().count());
        self.application.ancestors().take(depth + 1)
    }

    /// Where a path in the repository leads, links resolved: relative to the application, or to the
    /// root with a leading slash, as Argo CD's own Helm source has it.
    ///
    /// # Errors
    /// It leads nowhere or out of the repository, which nobody is told apart.
    pub fn resolve(&self, path: &str) -> Result<PathBuf, String> {
        let joined = match path.strip_prefix('/') {
            Some(below) => self.root.join(below.trim_start_matches('/')),
            None => self.application.join(path),
        };
        let resolved = joined.canonicalize().ok();
        resolved
            .filter(|resolved| resolved.starts_with(&self.root))
            .ok_or_else(|| format!("{path:?} is not in the repository"))
    }

    /// The text of a values file.
    ///
    /// # Errors
    /// It is no file of the repository, too large, or no UTF-8.
    pub fn values_file(&self, path: &str) -> Result<String, String> {
        if path.contains("://") {
            return Err(format!(
                "values file {path:?}: only files of the repository are read"
            ));
        }
        let wrong = |reason: &dyn std::fmt::Display| format!("values file {path:?}: {reason}");
        let file = self
            .resolve(path)
            .map_err(|_| wrong(&"not in the repository"))?;
        if !file.is_file() {
            return Err(wrong(&"no file"));
        }
        let file = std::fs::File::open(file).map_err(|e| wrong(&e))?;
        let mut text = String::new();
        let read = file.take(MAX_VALUES + 1).read_to_string(&mut text);
        read.map_err(|e| wrong(&e))?;
        match text.len() as u64 > MAX_VALUES {
            true => Err(wrong(&format!("more than {} MB", MAX_VALUES >> 20))),
            false => Ok(text),
        }
    }

    /// Looks for a symbolic link below a directory that leads out of the repository: Helm would
    /// follow it and render what lies there.
    ///
    /// # Errors
    /// There is one, or the links lead in a circle.
    pub fn contains_all_of(&self, directory: &Path) -> Result<(), String> {
        for entry in walkdir::WalkDir::new(directory).follow_links(true) {
            let entry = entry.map_err(|error| {
                let path = error.path().unwrap_or(directory);
                format!("{:?} cannot be followed", self.shown(path))
            })?;
            if !entry.path_is_symlink() {
                continue;
            }
            let target = entry.path().canonicalize().ok();
            if !target.is_some_and(|target| target.starts_with(&self.root)) {
                let link = self.shown(entry.path());
                return Err(format!("the link {link:?} leads out of the repository"));
            }
        }
        Ok(())
    }

    /// A path as it is called in the repository.
    fn shown<'p>(&self, path: &'p Path) -> &'p Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    /// `repo/apps/web` with a values file, and a secret beside the repository.
    fn checkout() -> (tempfile::TempDir, Repository) {
        let folder = tempfile::tempdir().unwrap();
        let web = folder.path().join("repo/apps/web");
        fs::create_dir_all(&web).unwrap();
        fs::write(web.join("values-prod.yaml"), "a: 1\n").unwrap();
        fs::write(folder.path().join("repo/common.yaml"), "b: 2\n").unwrap();
        fs::write(folder.path().join("secret.yaml"), "c: 3\n").unwrap();
        let repository = Repository::around(&web, "apps/web").unwrap();
        (folder, repository)
    }

    #[test]
    fn the_root_is_where_the_source_path_begins() {
        let (folder, _) = checkout();
        let base = folder.path().canonicalize().unwrap();
        let web = base.join("repo/apps/web");
        for (source_path, root) in [
            ("apps/web", "repo"),
            ("./apps/web/", "repo"),
            // A part of the repository: team/apps/web, from which only apps/ came.
            ("team/apps/web", "repo"),
            ("web", "repo/apps"),
            (".", "repo/apps/web"),
            ("", "repo/apps/web"),
            ("other", "repo/apps/web"),
            ("../apps/web", "repo"),
        ] {
            let repository = Repository::around(&web, source_path).unwrap();
            assert_eq!(repository.root, base.join(root), "{source_path}");
            let directories: Vec<_> = repository.directories().collect();
            assert_eq!(directories.first(), Some(&web.as_path()));
            assert_eq!(directories.last(), Some(&base.join(root).as_path()));
        }
    }

    #[test]
    fn values_files_are_of_the_repository() {
        let (folder, repository) = checkout();
        let web = repository.application().to_path_buf();
        symlink("values-prod.yaml", web.join("inner.yaml")).unwrap();
        symlink(folder.path().join("secret.yaml"), web.join("outer.yaml")).unwrap();
        symlink(folder.path(), web.join("up")).unwrap();
        symlink("no-such-file", web.join("dangling.yaml")).unwrap();
        for (path, text) in [
            ("values-prod.yaml", "a: 1\n"),
            ("./values-prod.yaml", "a: 1\n"),
            ("inner.yaml", "a: 1\n"),
            ("../../common.yaml", "b: 2\n"),
            ("/common.yaml", "b: 2\n"),
            ("//common.yaml", "b: 2\n"),
        ] {
            assert_eq!(repository.values_file(path).as_deref(), Ok(text), "{path}");
        }
        for path in [
            "",
            ".",
            "..",
            "../../../secret.yaml",
            "/../secret.yaml",
            "outer.yaml",
            "up/secret.yaml",
            "dangling.yaml",
            "/etc/passwd",
            "-f/etc/passwd",
            "values-prod.yaml,/etc/passwd",
            "values-prod.yaml\0",
            ";touch x",
            "$(touch x)",
            "`touch x`",
            "--post-renderer=./x",
            "https://example.com/values.yaml",
            "file:///etc/passwd",
        ] {
            let error = repository.values_file(path).unwrap_err();
            assert!(error.contains("values file"), "{path}: {error}");
        }
    }

    #[test]
    fn outside_and_missing_are_not_told_apart() {
        let (folder, repository) = checkout();
        fs::remove_file(folder.path().join("secret.yaml")).unwrap();
        let missing = repository.values_file("../../../secret.yaml");
        fs::write(folder.path().join("secret.yaml"), "").unwrap();
        assert_eq!(repository.values_file("../../../secret.yaml"), missing);
    }

    #[test]
    fn links_out_of_the_repository_are_found() {
        let (folder, repository) = checkout();
        let web = repository.application().to_path_buf();
        symlink("../../common.yaml", web.join("inner.yaml")).unwrap();
        assert_eq!(repository.contains_all_of(&web), Ok(()));
        // Out by way of a directory elsewhere in the repository.
        let shared = folder.path().join("repo/shared");
        fs::create_dir(&shared).unwrap();
        symlink("../shared", web.parent().unwrap().join("shared")).unwrap();
        symlink("../../shared", web.join("templates")).unwrap();
        assert_eq!(repository.contains_all_of(&web), Ok(()));
        symlink(folder.path().join("secret.yaml"), shared.join("x.yaml")).unwrap();
        let error = repository.contains_all_of(&web).unwrap_err();
        assert!(error.contains("apps/web/templates/x.yaml"), "{error}");
    }

    #[test]
    fn links_in_a_circle_are_an_error() {
        let (_folder, repository) = checkout();
        let web = repository.application().to_path_buf();
        symlink(".", web.join("again")).unwrap();
        assert!(repository.contains_all_of(&web).is_err());
    }
}
