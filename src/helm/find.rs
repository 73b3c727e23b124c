//! Which Helm there is.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The Helm to run, by name or path: `$HELM_BIN`, which Helm sets for its plugins, otherwise `helm`.
pub(super) fn helm_binary() -> OsString {
    env::var_os("HELM_BIN")
        .filter(|path| !path.is_empty())
        .unwrap_or_else(|| OsString::from("helm"))
}

/// Where the Helm to run lies.
///
/// # Errors
/// There is none, and why.
pub fn find() -> Result<PathBuf, String> {
    let name = helm_binary();
    on_path(&name).ok_or_else(|| match name == OsStr::new("helm") {
        true => "no helm on PATH; install Helm 3 or 4, or set HELM_BIN".into(),
        false => format!("HELM_BIN={}: no such program", name.display()),
    })
}

/// A program by its path, or by its name on `PATH`.
pub fn on_path(name: &OsStr) -> Option<PathBuf> {
    if Path::new(name).components().count() > 1 {
        return Some(PathBuf::from(name)).filter(|path| is_program(path));
    }
    let directories = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&directories)
        .flat_map(|directory| {
            let path = directory.join(name);
            [path.with_added_extension(env::consts::EXE_EXTENSION), path]
        })
        .find(|path| is_program(path))
}

/// Whether a file can be run.
fn is_program(path: &Path) -> bool {
    let Ok(metadata) = path.metadata() else {
        return false;
    };
    #[cfg(unix)]
    let executable = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o111 != 0;
    #[cfg(not(unix))]
    let executable = true;
    metadata.is_file() && executable
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_files_that_can_be_run() {
        assert!(on_path(OsStr::new("/bin/sh")).is_some());
        assert!(on_path(OsStr::new("sh")).is_some_and(|path| path.is_absolute()));
        assert_eq!(on_path(OsStr::new("/bin")), None);
        assert_eq!(on_path(OsStr::new("/etc/passwd")), None);
        assert_eq!(on_path(OsStr::new("no-such-program-anywhere")), None);
    }
}
