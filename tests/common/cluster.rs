//! A namespace of a real cluster, for tests that scripts/on-cluster asks for.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::definitions::{object, text};
use super::{Helm, Outcome, feed, path_text, skipped};

/// The cluster that is meant, which the variable `switch` says by `1`, or a line on the terminal that
/// there is none to test with.
pub fn kubeconfig(switch: &str, test: &str, script: &str) -> Option<OsString> {
    let file = env::var_os("KUBECONFIG").filter(|file| !file.is_empty());
    let meant = env::var_os(switch).is_some_and(|value| value == "1");
    if let (Some(file), true) = (file, meant) {
        return Some(file);
    }
    skipped(
        &format!("cluster test {test}"),
        &format!("it needs a cluster (KUBECONFIG=FILE {script})"),
    );
    None
}

/// A namespace that enforces `restricted`, removed at the end with all that was made for it.
pub struct Namespace {
    /// Its name.
    pub name: String,
    kubeconfig: OsString,
    /// Cluster-wide objects that go with it, as `kind/name`.
    made: Vec<String>,
}

impl Namespace {
    /// Makes the namespace.
    pub fn new(name: String, kubeconfig: OsString) -> Self {
        let namespace = Self {
            name,
            kubeconfig,
            made: Vec::new(),
        };
        let name = namespace.name.as_str();
        namespace.kubectl(&["create", "namespace", name]).ok();
        let level = "pod-security.kubernetes.io/enforce=restricted";
        namespace.kubectl(&["label", "namespace", name, level]).ok();
        namespace
    }

    /// `kubectl` in this namespace.
    pub fn kubectl_command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env::var_os("KUBECTL").unwrap_or_else(|| "kubectl".into()));
        command.args(["--namespace", &self.name]).args(args);
        command
    }

    /// Runs `kubectl` in this namespace.
    pub fn kubectl(&self, args: &[&str]) -> Outcome {
        Outcome::of(&self.kubectl_command(args).output().expect("kubectl runs"))
    }

    /// Applies manifests.
    #[track_caller]
    pub fn apply(&self, manifests: &str) {
        let mut command = self.kubectl_command(&["apply", "-f", "-"]);
        Outcome::of(&feed(&mut command, manifests.as_bytes())).ok();
    }

    /// Applies a cluster-wide object, which goes with the namespace.
    #[track_caller]
    pub fn make(&mut self, object: String, manifest: &str) {
        self.apply(manifest);
        self.made.push(object);
    }

    /// Creates a cluster-wide object out of a file, which goes with the namespace.
    #[track_caller]
    pub fn create(&mut self, object: String, file: &str) {
        // Not `apply`: its annotation cannot hold a large definition.
        self.kubectl(&["create", "-f", file]).ok();
        self.made.push(object);
    }

    /// Creates the custom resource definition of a file, which goes with the namespace. One that the
    /// cluster has stays what it is.
    #[track_caller]
    pub fn define(&mut self, file: &Path) {
        let yaml = fs::read_to_string(file).expect("read");
        let definition = object(path_text(file), yaml.trim_start_matches("---\n"));
        let name = text(&definition, "/metadata/name");
        let crd = format!("customresourcedefinition/{name}");
        let get = ["get", &crd, "--ignore-not-found", "-o", "name"];
        if self.kubectl(&get).ok().is_empty() {
            self.create(crd.clone(), path_text(file));
            self.established(&crd);
        }
    }

    /// Waits until the API server serves a definition that was just made.
    #[track_caller]
    pub fn established(&self, definition: &str) {
        // kubectl fails where a definition has no conditions yet.
        let wait = ["wait", "--for=condition=Established", definition];
        until(definition, || self.kubectl(&wait).code == 0);
    }

    /// Has a program that takes `--namespace` work in this one.
    pub fn inside(&self, mut command: Command) -> Command {
        command.env("KUBECONFIG", &self.kubeconfig);
        command.args(["--namespace", &self.name]);
        command
    }

    /// Runs a Helm in this namespace.
    pub fn helm(&self, helm: &Helm, args: &[&str]) -> Outcome {
        let mut command = self.inside(helm.command(args));
        Outcome::of(&command.output().expect("helm runs"))
    }

    /// A volume for one claim, where the cluster makes none by itself. Its node has to be this machine.
    pub fn volume(&mut self, size: &str) -> Option<Directory> {
        let classes = self.kubectl(&["get", "storageclasses", "-o", "name"]).ok();
        if !classes.is_empty() {
            return None;
        }
        let name = format!("{}-{}", self.name, self.made.len());
        let path = PathBuf::from("/tmp").join(&name);
        fs::create_dir(&path).expect("created");
        // Root's alone: only fsGroup lets a program in.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("set");
        let node = self
            .kubectl(&["get", "nodes", "-o", "jsonpath={.items[0].metadata.name}"])
            .ok();
        let volume = format!(
            "apiVersion: v1\nkind: PersistentVolume\nmetadata: {{name: {name}}}\nspec:\n  \
             capacity: {{storage: {size}}}\n  accessModes: [ReadWriteOnce]\n  local: {{path: {}}}\n  \
             nodeAffinity:\n    required:\n      nodeSelectorTerms:\n      - matchFields:\n        \
             - {{key: metadata.name, operator: In, values: [{node}]}}\n",
            path.display()
        );
        self.make(format!("persistentvolume/{name}"), &volume);
        Some(Directory(path))
    }

    /// Asserts that a program runs as that user, and with nothing more than any program has.
    #[track_caller]
    pub fn confined(&self, pod: &str, user: &str) {
        let status = self
            .kubectl(&["exec", pod, "--", "cat", "/proc/1/status"])
            .ok();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_default()
                .split_whitespace()
                .next()
                .unwrap_or_default()
        };
        assert_eq!(field("Uid:"), user, "{pod}\n{status}");
        assert_eq!(field("CapEff:"), "0000000000000000", "{pod}\n{status}");
        assert_eq!(field("NoNewPrivs:"), "1", "{pod}\n{status}");
        assert_eq!(field("Seccomp:"), "2", "{pod}\n{status}");
    }

    /// The names (`kind/name`) of all objects of these kinds, but for those every namespace has.
    pub fn objects(&self, kinds: &str) -> Vec<String> {
        let get = ["get", kinds, "-o", "name", "--ignore-not-found"];
        let list = self.kubectl(&get).ok();
        let own = ["configmap/kube-root-ca.crt", "serviceaccount/default"];
        list.lines()
            .filter(|name| !own.contains(name))
            .map(str::to_owned)
            .collect()
    }
}

/// A directory of this machine that is a volume of the cluster.
pub struct Directory(PathBuf);

impl Drop for Directory {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let name = self.name.clone();
        self.kubectl(&["delete", "namespace", &name, "--wait=false"]);
        // Waited for, because the next test may make the same again.
        for object in &self.made {
            self.kubectl(&["delete", object, "--ignore-not-found", "--timeout=30s"]);
        }
    }
}

/// Waits until that holds, a minute at most.
#[track_caller]
pub fn until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(60), "in vain: {what}");
        sleep(Duration::from_millis(300));
    }
}

/// Runs `body` while a command runs beside it, and gives what that command wrote until it was ended.
pub fn beside(mut command: Command, body: impl FnOnce()) -> Output {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("runs");
    let mut stdout = child.stdout.take().expect("piped");
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut stdout, &mut bytes).map(|_| bytes)
    });
    body();
    child.kill().ok();
    let mut output = child.wait_with_output().expect("ends");
    output.stdout = reader.join().expect("no panic").expect("read");
    output
}
