//! A private directory that goes away with the run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// A directory only this user can read, removed when dropped.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes the directory in the system's temporary directory.
    ///
    /// # Errors
    ///
    /// What the file system says; a taken name is not an error, the next one is tried.
    pub fn new() -> io::Result<Self> {
        let clock = SystemTime::now().duration_since(UNIX_EPOCH);
        let clock = clock.map(|d| d.subsec_nanos()).unwrap_or_default();
        for attempt in 0..100_u32 {
            let name = format!(
                "helm-floe-{}-{}",
                std::process::id(),
                clock.wrapping_add(attempt)
            );
            let path = std::env::temp_dir().join(name);
            match create_private(&path) {
                Ok(()) => return Ok(Self { path }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing can be done about a failure, and nothing in it is of worth or secret.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Makes one new directory for the owner alone. Fails when something of that name exists, so that
/// nobody else can have prepared it.
fn create_private(path: &Path) -> io::Result<()> {
    #[cfg_attr(not(unix), allow(unused_mut, reason = "only Unix has modes"))]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_removed_with_its_content() {
        let scratch = Scratch::new().unwrap();
        let path = scratch.path().to_path_buf();
        fs::create_dir(path.join("a")).unwrap();
        fs::write(path.join("a/b"), "x").unwrap();
        drop(scratch);
        assert!(!path.exists());
    }

    #[test]
    fn two_do_not_share() {
        let one = Scratch::new().unwrap();
        let two = Scratch::new().unwrap();
        assert_ne!(one.path(), two.path());
    }

    #[cfg(unix)]
    #[test]
    fn is_the_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let scratch = Scratch::new().unwrap();
        let mode = fs::metadata(scratch.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
