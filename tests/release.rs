//! A release as its users meet it: packaged, signed, published, installed, updated and uninstalled,
//! with each Helm as far as that Helm can.
//!
//! The archive holds the binary under test instead of a release build.
#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::registry::Registry;
use common::release::{VERSION, archive_name, release, run, stripped};
use common::{Helm, MAJORS, Outcome, executable, path_text, repository};

/// A helm-floe that says only its version, to tell one from another.
fn stand_in(folder: &Path, version: &str) -> PathBuf {
    let file = folder.join(format!("stand-in-{version}"));
    executable(&file, &format!("echo 'helm-floe {version}'"));
    file
}

/// What lies in this Helm's directories, but for what Helm itself keeps: its caches.
fn installed(helm: &Helm) -> BTreeSet<PathBuf> {
    let entries = walkdir::WalkDir::new(helm.plugins()).min_depth(1);
    let paths = entries.into_iter().filter_map(Result::ok);
    let config = walkdir::WalkDir::new(helm.home().join("config")).min_depth(1);
    let config = config.into_iter().filter_map(Result::ok);
    paths.chain(config).map(|e| e.path().to_owned()).collect()
}

/// The plugin's directory, under whatever name this Helm gave it.
fn plugin_folder(helm: &Helm) -> PathBuf {
    let entries = fs::read_dir(helm.plugins()).expect("read").flatten();
    let mut folders = entries.map(|entry| entry.path());
    let ours = |folder: &PathBuf| folder.join("scripts/plugin-hook").is_file();
    folders.find(ours).expect("the plugin")
}

/// A key of our own in the keyring files that Helm reads.
struct Key {
    folder: tempfile::TempDir,
}

impl Key {
    const NAME: &'static str = "helm-floe test";

    fn new() -> Key {
        // Short: an agent's socket lies in it.
        let folder = tempfile::Builder::new()
            .prefix("key")
            .tempdir()
            .expect("a directory");
        let key = Key { folder };
        let generate = [
            "--quick-generate-key",
            Self::NAME,
            "rsa2048",
            "sign",
            "never",
        ];
        key.gpg(&generate);
        key.gpg(&["--output", path_text(&key.secret()), "--export-secret-keys"]);
        key.gpg(&["--output", path_text(&key.public()), "--export"]);
        key
    }

    fn gpg(&self, words: &[&str]) {
        let mut gpg = Command::new("gpg");
        gpg.args([
            "--batch",
            "--quiet",
            "--passphrase",
            "",
            "--pinentry-mode",
            "loopback",
        ]);
        run(gpg.args(words).env("GNUPGHOME", self.folder.path())).ok();
    }

    fn secret(&self) -> PathBuf {
        self.folder.path().join("secret-keys")
    }

    fn public(&self) -> PathBuf {
        self.folder.path().join("public-keys")
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        let mut end = Command::new("gpgconf");
        end.args(["--kill", "all"])
            .env("GNUPGHOME", self.folder.path());
        end.status().ok();
    }
}

/// Runs `scripts/release` for a directory of archives.
fn release_script(helm: &Helm, dist: &Path, words: &[&str]) -> Outcome {
    let mut command = helm.program(repository().join("scripts/release"));
    command.args(words).env("HELM_FLOE_DIST", dist);
    // The Helm under test is the one to package with.
    if let Some(tools) = Path::new(helm.command(&[]).get_program())
        .ancestors()
        .nth(2)
    {
        command.env("HELM_FLOE_TOOLS", tools);
    }
    run(&mut command)
}

/// A signed package of the plugin with the binary under test.
fn package(helm: &Helm, key: &Key) -> PathBuf {
    let dist = helm.home().join("dist");
    release(&dist, VERSION, stripped());
    let ring = key.secret();
    let words = ["plugin", Key::NAME, path_text(&ring)];
    release_script(helm, &dist, &words).ok();
    dist.join(format!("floe-{VERSION}.tgz"))
}

/// Sees that `helm floe` and, under Helm 4, the post-renderer work; uninstalls; sees that nothing is
/// left.
#[track_caller]
fn works_and_leaves(helm: &Helm, before: &BTreeSet<PathBuf>) {
    let said = helm.run(&["floe", "--version"]).ok();
    assert_eq!(
        said,
        format!("helm-floe {VERSION}\n"),
        "Helm {}",
        helm.major
    );
    if helm.major == 4 {
        let simple = common::chart("simple");
        let words = ["template", "web", &simple, "--post-renderer", "helm-floe"];
        let rendered = helm.run(&words).ok();
        assert!(rendered.contains("runAsNonRoot: true"), "{rendered}");
    }
    helm.run(&["plugin", "uninstall", "floe"]).ok();
    assert_eq!(installed(helm), *before, "Helm {}", helm.major);
}

#[test]
fn a_signed_package_installs_verified() {
    let (helm, key) = (Helm::new(4), Key::new());
    let file = package(&helm, &key);
    let (file, ring) = (path_text(&file), key.public());
    let ring = path_text(&ring);
    let verified = helm
        .run(&["plugin", "verify", file, "--keyring", ring])
        .ok();
    assert!(verified.contains(Key::NAME), "{verified}");
    helm.run(&["plugin", "install", file, "--keyring", ring])
        .ok();
    let list = helm.run(&["plugin", "list"]).ok();
    let floe = list
        .lines()
        .find(|line| line.starts_with("floe "))
        .expect("floe");
    assert!(floe.contains("signed"), "{list}");
    works_and_leaves(&helm, &BTreeSet::new());
}

#[test]
fn a_package_that_is_not_ours_is_not_installed() {
    let (helm, key) = (Helm::new(4), Key::new());
    let file = package(&helm, &key);
    let other = Key::new();
    let install = |ring: &Path| {
        let words = [
            "plugin",
            "install",
            path_text(&file),
            "--keyring",
            path_text(ring),
        ];
        let said = helm.run(&words);
        assert_ne!(said.code, 0, "{}", said.stdout);
        assert!(installed(&helm).is_empty());
        said.stderr
    };
    let said = install(&other.public());
    assert!(said.contains("unknown entity"), "{said}");
    let mut bytes = fs::read(&file).expect("read");
    bytes.push(0);
    fs::write(&file, bytes).expect("written");
    let said = install(&key.public());
    assert!(said.contains("sha256"), "{said}");
}

#[test]
fn helm_3_takes_no_package() {
    let (helm, key) = (Helm::new(4), Key::new());
    let file = package(&helm, &key);
    let said = Helm::new(3).run(&["plugin", "install", path_text(&file)]);
    assert!(
        said.stderr.contains("expected plugin to be a folder"),
        "{}",
        said.stderr
    );
}

/// A git repository with the plugin at `version`, tagged as released.
fn commit(source: &Path, version: &str) {
    let files = [
        "plugin.yaml",
        "postrenderer/plugin.yaml",
        "scripts/plugin-hook",
        "scripts/install-binary",
    ];
    for file in files {
        let to = source.join(file);
        fs::create_dir_all(to.parent().expect("a folder")).expect("created");
        let bytes = fs::read(repository().join(file)).expect("read");
        let text = String::from_utf8(bytes).expect("UTF-8");
        let text = text.replace(
            &format!("version: {VERSION}"),
            &format!("version: {version}"),
        );
        fs::write(&to, text).expect("written");
        let from = fs::metadata(repository().join(file)).expect("there");
        fs::set_permissions(&to, from.permissions()).expect("set");
    }
    // What makes it source; nothing here can build it.
    fs::write(source.join("Cargo.toml"), format!("# {version}\n")).expect("written");
    let git = |words: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
            .args(words);
        run(git.current_dir(source)).ok();
    };
    if !source.join(".git").exists() {
        git(&["init", "-q", "-b", "main", "."]);
    }
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", version]);
    git(&["tag", &format!("v{version}")]);
}

#[test]
fn from_git_a_release_is_downloaded_and_updated() {
    for major in MAJORS {
        let helm = Helm::new(major);
        let releases = tempfile::tempdir().expect("a directory");
        let put = |version: &str, program: &Path| {
            release(
                &releases.path().join(format!("v{version}")),
                version,
                program,
            );
        };
        put("0.0.9", &stand_in(helm.home(), "0.0.9"));
        put(VERSION, stripped());
        let source = tempfile::tempdir().expect("a directory");
        commit(source.path(), "0.0.9");
        let helm_says = |words: &[&str]| {
            let mut command = helm.command(words);
            command.env("HELM_FLOE_RELEASES", releases.path());
            run(&mut command)
        };
        let url = format!("file://{}", path_text(source.path()));
        let mut words = vec!["plugin", "install", &url];
        // Helm 4 wants a signature, which git cannot carry.
        words.extend((major == 4).then_some("--verify=false"));
        let said = helm_says(&words);
        assert!(
            said.stderr.contains("checksum verified"),
            "Helm {major}: {}",
            said.stderr
        );
        assert_eq!(
            helm.run(&["floe"]).ok(),
            "helm-floe 0.0.9\n",
            "Helm {major}"
        );
        commit(source.path(), VERSION);
        helm_says(&["plugin", "update", "floe"]).ok();
        works_and_leaves(&helm, &BTreeSet::new());
    }
}

#[test]
fn a_download_with_another_checksum_is_not_installed() {
    let folder = tempfile::tempdir().expect("a directory");
    let at = |name: &str| folder.path().join(name);
    let directory = at(&format!("v{VERSION}"));
    release(&directory, VERSION, &stand_in(folder.path(), VERSION));
    let target = at("helm-floe");
    let install = |releases: &str, sum: Option<&str>| {
        let mut command = Command::new(repository().join("scripts/install-binary"));
        command
            .args([VERSION, path_text(&target)])
            .env("HELM_FLOE_RELEASES", releases);
        command.envs(sum.map(|sum| ("HELM_FLOE_SHA256", sum)));
        run(&mut command)
    };
    let here = path_text(folder.path());
    let refused = |said: Outcome, words: &str| {
        assert_eq!(said.code, 1, "{}", said.stderr);
        assert!(said.stderr.contains(words), "{}", said.stderr);
        assert!(!target.exists(), "{words}");
    };
    refused(
        install(here, Some(&"0".repeat(64))),
        "nothing was installed",
    );
    refused(
        install("http://127.0.0.1:1", None),
        "must be an https address or a directory",
    );
    refused(install(path_text(&at("nowhere")), None), "cannot get");
    install(here, None).ok();
    assert_eq!(
        run(&mut Command::new(&target)).ok(),
        format!("helm-floe {VERSION}\n")
    );
    fs::remove_file(&target).expect("removed");
    let archive = directory.join(format!("{}.tar.gz", archive_name(VERSION)));
    release(&at("other"), VERSION, stripped());
    fs::copy(
        at("other").join(archive.file_name().expect("a name")),
        &archive,
    )
    .expect("copied");
    refused(install(here, None), "nothing was installed");
    fs::write(directory.join("SHA256SUMS"), "").expect("written");
    refused(install(here, None), "does not name");
}

#[test]
fn a_registry_serves_the_signed_package() {
    let (helm, key) = (Helm::new(4), Key::new());
    let file = package(&helm, &key);
    let registry = Registry::start();
    let reference = format!("{}/plugins/floe", registry.address);
    let words = ["push", &reference, "--plain-http"];
    release_script(&helm, file.parent().expect("dist"), &words).ok();
    let url = format!("oci://{reference}:{VERSION}");
    let ring = key.public();
    let install = ["plugin", "install", &url, "--plain-http", "--keyring"];
    let other = Key::new();
    let said = helm.run(&[&install[..], &[path_text(&other.public())]].concat());
    assert_ne!(said.code, 0, "{}", said.stdout);
    helm.run(&[&install[..], &[path_text(&ring)]].concat()).ok();
    assert!(plugin_folder(&helm).join("bin/helm-floe").is_file());
    works_and_leaves(&helm, &BTreeSet::new());
}

#[test]
fn the_release_script_says_how_it_is_used() {
    let helm = Helm::new(4);
    let dist = helm.home().join("dist");
    let said = release_script(&helm, &dist, &[]);
    assert_eq!(said.code, 2);
    assert!(
        said.stderr.contains("scripts/release build"),
        "{}",
        said.stderr
    );
    let said = release_script(&helm, &dist, &["plugin"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(
        said.stderr.contains("no archive in dist/"),
        "{}",
        said.stderr
    );
}
