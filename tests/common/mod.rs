//! Real Helm, kept away from the user's home, and the charts of this repository.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub mod blocks;
pub mod definitions;
pub mod oracle;
pub mod registry;
pub mod release;
pub mod server;

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::{env, fs};

use tempfile::TempDir;

pub mod cluster;

/// The major versions of Helm every test runs with.
pub const MAJORS: [u32; 2] = [3, 4];

/// The built binary.
pub fn helm_floe() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_helm-floe"))
}

/// The repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// One of the charts in `testdata/charts`.
pub fn chart(name: &str) -> String {
    let path = repository().join("testdata/charts").join(name);
    path.into_os_string().into_string().expect("a UTF-8 path")
}

/// Says on the terminal that a test is left out, and why, past the test harness, which shows only what
/// failing tests print.
pub fn skipped(test: &str, reason: &str) {
    let _ = writeln!(std::io::stderr(), "{test}: skipped, {reason}");
}

/// What a program said.
#[derive(Debug)]
pub struct Outcome {
    /// The exit code.
    pub code: i32,
    /// The whole of stdout.
    pub stdout: String,
    /// The whole of stderr.
    pub stderr: String,
}

impl Outcome {
    /// Takes over a finished program's output.
    pub fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Stdout, after seeing that all went well.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "failed\n{}\n{}", self.stderr, self.stdout);
        self.stdout
    }
}

/// The binary without any of the caller's environment, on a fixed day: 2025-06-15.
pub fn floe(args: &[&str]) -> Command {
    let mut command = Command::new(helm_floe());
    command.env_clear().env("SOURCE_DATE_EPOCH", "1750000000");
    command.args(args);
    command
}

/// Whether this test runs by itself in a scrubbed environment. In the first process it does not:
/// there it runs that one test again in a second process, and the caller has nothing left to do.
///
/// trycmd hands its own environment to what it runs, and a process cannot safely change its own.
#[track_caller]
pub fn alone(test: &str) -> bool {
    const MARK: &str = "HELM_FLOE_TEST_ALONE";
    if env::var_os(MARK).is_some() {
        return true;
    }
    let this = env::current_exe().expect("the test's own binary");
    let mut command = Command::new(this);
    command.args([test, "--exact", "--nocapture"]);
    command.env_clear().env("SOURCE_DATE_EPOCH", "1750000000");
    command.env(MARK, "1");
    for name in [
        "PATH",
        "HOME",
        "TRYCMD",
        "HELM_FLOE_TOOLS",
        "XDG_CACHE_HOME",
    ] {
        if let Some(value) = env::var_os(name) {
            command.env(name, value);
        }
    }
    let status = command.status().expect("runs");
    assert!(status.success(), "{test} failed, see above");
    false
}

/// Runs a program with these bytes on its stdin.
pub fn feed(command: &mut Command, stdin: &[u8]) -> Output {
    let command = command.stdin(Stdio::piped());
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("runs");
    let mut pipe = child.stdin.take().expect("a pipe");
    std::thread::scope(|scope| {
        // A program that refuses early closes its end; that is no failure of the test.
        scope.spawn(move || pipe.write_all(stdin).ok());
        child.wait_with_output().expect("ends")
    })
}

/// One Helm with a home of its own: no plugin, repository or cluster of the user is seen or touched.
pub struct Helm {
    /// 3 or 4.
    pub major: u32,
    bin: PathBuf,
    home: TempDir,
}

impl Helm {
    /// That Helm from the tools cache.
    pub fn new(major: u32) -> Self {
        let bin = tools().join(major.to_string()).join("helm");
        assert!(
            bin.is_file(),
            "{} is missing: run scripts/tools",
            bin.display()
        );
        // A path with a space in it, because users have such paths and Helm splits commands there.
        let home = tempfile::Builder::new().prefix("helm floe ").tempdir();
        let home = home.expect("a temporary directory");
        fs::create_dir(home.path().join("tmp")).expect("created");
        Self { major, bin, home }
    }

    /// The directory that is this Helm's home.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Where this Helm keeps plugins.
    pub fn plugins(&self) -> PathBuf {
        self.home().join("data/plugins")
    }

    /// The temporary directory of whatever this Helm runs.
    pub fn tmp(&self) -> PathBuf {
        self.home().join("tmp")
    }

    /// Any program in this Helm's environment, where `helm` on `PATH` is this Helm.
    pub fn program(&self, program: impl AsRef<OsStr>) -> Command {
        let inherited = env::var_os("PATH").unwrap_or_default();
        let ours = [self.bin.parent(), helm_floe().parent()];
        let ours = ours.into_iter().flatten().map(Path::to_path_buf);
        let path = ours.chain(env::split_paths(&inherited));
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", env::join_paths(path).expect("no colon in it"))
            .env("HOME", self.home())
            .env("TMPDIR", self.tmp())
            .env("HELM_DATA_HOME", self.home().join("data"))
            .env("HELM_CONFIG_HOME", self.home().join("config"))
            .env("HELM_CACHE_HOME", self.home().join("cache"))
            .env("KUBECONFIG", self.home().join("no-kubeconfig"))
            .current_dir(self.home());
        command
    }

    /// This Helm with these arguments.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = self.program(&self.bin);
        command.args(args);
        command
    }

    /// Runs this Helm.
    pub fn run(&self, args: &[&str]) -> Outcome {
        Outcome::of(&self.command(args).output().expect("helm runs"))
    }

    /// Makes an executable that `--post-renderer NAME` calls: a file on `PATH` for Helm 3, a plugin
    /// for Helm 4.
    ///
    /// Returns what to give to `--post-renderer`.
    pub fn post_renderer(&self, name: &str, script: &str) -> String {
        let dir = self.plugins().join(name);
        fs::create_dir_all(&dir).expect("created");
        let file = dir.join("run");
        executable(&file, script);
        if self.major == 3 {
            return file.into_os_string().into_string().expect("UTF-8");
        }
        let yaml = format!(
            "apiVersion: v1\ntype: postrenderer/v1\nname: {name}\nversion: 0.1.0\nruntime: subprocess\n\
             runtimeConfig:\n  platformCommand:\n    - command: ${{HELM_PLUGIN_DIR}}/run\n"
        );
        fs::write(dir.join("plugin.yaml"), yaml).expect("written");
        name.to_owned()
    }

    /// Installs the plugin from a copy of the checkout whose `bin/helm-floe` is `binary`.
    ///
    /// Returns the plugin's source directory and what `helm plugin install` said.
    pub fn install_plugin(&self, binary: &Path) -> (PathBuf, Outcome) {
        let source = self.checkout("helm-floe");
        fs::create_dir(source.join("bin")).expect("created");
        fs::copy(binary, source.join("bin/helm-floe")).expect("copied");
        let said = self.run(&["plugin", "install", path_text(&source)]);
        (source, said)
    }

    /// Copies what the plugin consists of into a new directory of that name.
    pub fn checkout(&self, name: &str) -> PathBuf {
        let source = self.home().join("src").join(name);
        for file in [
            "plugin.yaml",
            "postrenderer/plugin.yaml",
            "scripts/plugin-hook",
        ] {
            let to = source.join(file);
            fs::create_dir_all(to.parent().expect("a directory")).expect("created");
            fs::copy(repository().join(file), to).expect("copied");
        }
        source
    }
}

/// Where `scripts/tools` puts the Helms.
pub fn tools() -> PathBuf {
    if let Some(dir) = env::var_os("HELM_FLOE_TOOLS") {
        return PathBuf::from(dir);
    }
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let cache = cache.or(home).expect("HOME is set");
    cache.join("helm-floe/tools")
}

/// Writes a shell script that can be run.
pub fn executable(file: &Path, script: &str) {
    fs::write(file, format!("#!/bin/sh\n{script}\n")).expect("written");
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).expect("made executable");
}

/// A path as text.
pub fn path_text(path: &Path) -> &str {
    path.to_str().expect("a UTF-8 path")
}

/// The documents of `helm template`'s output, in order, without those that hold no object.
pub fn documents(stream: &str) -> Vec<Document<'_>> {
    stream
        .split("---\n")
        .map(Document::new)
        .filter(|document| !document.kind.is_empty())
        .collect()
}

/// One document of a rendered stream, as text.
#[derive(Debug)]
pub struct Document<'a> {
    /// The template it comes from, as Helm's `# Source:` comment says.
    pub source: &'a str,
    /// Its `kind`.
    pub kind: &'a str,
    /// Its text.
    pub text: &'a str,
}

impl<'a> Document<'a> {
    fn new(text: &'a str) -> Self {
        let after = |prefix: &str| text.lines().find_map(|line| line.strip_prefix(prefix));
        Self {
            source: after("# Source: ").unwrap_or_default(),
            kind: after("kind: ").unwrap_or_default(),
            text,
        }
    }

    /// How often that text stands in it.
    pub fn count(&self, text: &str) -> usize {
        self.text.matches(text).count()
    }

    /// Every `selector:` with what belongs to it, as lines without indentation.
    pub fn selectors(&self) -> Vec<Vec<&'a str>> {
        let indent = |line: &str| line.len() - line.trim_start().len();
        let lines: Vec<&str> = self.text.lines().collect();
        let starts = lines.iter().enumerate();
        starts
            .filter(|(_, line)| line.trim_start().starts_with("selector:"))
            .map(|(at, start)| {
                let rest = lines.iter().skip(at + 1);
                let body = rest.take_while(|line| indent(line) > indent(start));
                std::iter::once(start)
                    .chain(body)
                    .map(|l| l.trim())
                    .collect()
            })
            .collect()
    }
}

/// Copies a directory with everything in it.
pub fn copy_tree(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.expect("read");
        let target = to.join(entry.path().strip_prefix(from).expect("below"));
        if entry.file_type().is_dir() {
            fs::create_dir_all(target).expect("created");
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}
