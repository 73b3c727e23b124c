//! A release on a disk: the archive of this machine with the binary under test, and its checksum.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::{env, fs};

use super::{Outcome, helm_floe, path_text};

/// The version under test.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the released archive for this machine is called, without its extension.
pub fn archive_name(version: &str) -> String {
    format!(
        "helm-floe-{version}-{}-unknown-linux-musl",
        env::consts::ARCH
    )
}

/// Runs a program.
pub fn run(command: &mut Command) -> Outcome {
    Outcome::of(&command.output().expect("runs"))
}

/// Puts an archive with that program and its checksum into a directory, as `scripts/release build`
/// does.
pub fn release(directory: &Path, version: &str, program: &Path) {
    let name = archive_name(version);
    let work = tempfile::tempdir().expect("a directory");
    fs::create_dir_all(directory).expect("created");
    fs::create_dir(work.path().join(&name)).expect("created");
    fs::copy(program, work.path().join(&name).join("helm-floe")).expect("copied");
    let file = directory.join(format!("{name}.tar.gz"));
    let mut tar = Command::new("tar");
    tar.args([
        "-czf",
        path_text(&file),
        "-C",
        path_text(work.path()),
        &name,
    ]);
    run(&mut tar).ok();
    let mut sum = Command::new("sha256sum");
    sum.arg(format!("{name}.tar.gz")).current_dir(directory);
    fs::write(directory.join("SHA256SUMS"), run(&mut sum).ok()).expect("written");
}

/// The binary under test without its symbols: a test binary has many times the size of a release.
pub fn stripped() -> &'static Path {
    static FILE: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, file) = FILE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a directory");
        let file = folder.path().join("helm-floe");
        let mut strip = Command::new("strip");
        run(strip.arg("-o").arg(&file).arg(helm_floe())).ok();
        (folder, file)
    });
    file
}
