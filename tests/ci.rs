//! What the CI of others runs of this repository: the action and the pre-commit hooks, as docs/ci.md
//! shows them.
//!
//! pre-commit and check-jsonschema come by `scripts/tools pre-commit`; without them a line on the
//! terminal says what was left out.
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

use common::release::{VERSION, release, run, stripped};
use common::{Helm, Outcome, chart, copy_tree, path_text, repository, skipped, tools};
use helm_floe::manifest::Document;
use serde_json::Value;

fn yaml(text: &str) -> Value {
    let document = Document::parse(text).expect("YAML");
    document.root().expect("a value").to_json()
}

fn action() -> Value {
    yaml(&fs::read_to_string(repository().join("action.yml")).expect("read"))
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let members = value.as_object().into_iter().flatten();
    members.map(|(key, value)| (key.as_str(), value))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// The block of docs/ci.md that starts with this word.
fn block(start: &str) -> String {
    let document = fs::read_to_string(repository().join("docs/ci.md")).expect("read");
    let mut blocks = document.split("```yaml ci\n").skip(1);
    let block = blocks.find(|block| block.starts_with(start));
    let block = block.and_then(|block| block.split("```").next());
    block.expect("the block").to_owned()
}

/// The input that an expression stands for. The action uses no other expressions.
fn input(expression: &str) -> &str {
    let name = expression.strip_prefix("${{ inputs.");
    let name = name.and_then(|rest| rest.strip_suffix(" }}"));
    name.unwrap_or_else(|| panic!("no input: {expression}"))
}

/// A runner of GitHub Actions: what it sets, and where its files are.
struct Runner {
    helm: Helm,
}

impl Runner {
    fn new() -> Runner {
        let runner = Runner { helm: Helm::new(4) };
        let releases = runner.path("releases").join(format!("v{VERSION}"));
        release(&releases, VERSION, stripped());
        fs::create_dir(runner.path("workspace")).expect("created");
        runner
    }

    fn path(&self, name: &str) -> PathBuf {
        self.helm.home().join(name)
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Puts files of this repository into the workspace.
    fn checkout(&self, from: &str, to: &str) {
        let to = self.path("workspace").join(to);
        fs::create_dir_all(to.parent().expect("a folder")).expect("created");
        fs::copy(repository().join(from), to).expect("copied");
    }

    /// Runs the steps of the action, up to the first that fails.
    fn run(&self, inputs: &[(&str, &str)]) -> Outcome {
        let action = action();
        let value = |name: &str| {
            let given = inputs.iter().find(|(own, _)| *own == name);
            let default = text(&action["inputs"][name]["default"]);
            given.map_or(default, |(_, value)| value).to_owned()
        };
        let mut all = Outcome {
            code: 0,
            stdout: String::new(),
            stderr: String::new(),
        };
        for step in action["runs"]["steps"].as_array().expect("steps") {
            let said = self.step(step, value);
            all.stdout += &said.stdout;
            all.stderr += &said.stderr;
            all.code = said.code;
            if said.code != 0 {
                break;
            }
        }
        all
    }

    /// One step, by the shell that the runner uses for `shell: bash`.
    fn step(&self, step: &Value, value: impl Fn(&str) -> String) -> Outcome {
        assert_eq!(step["shell"], "bash");
        let script = self.path("script.sh");
        fs::write(&script, text(&step["run"])).expect("written");
        let mut bash = self.helm.program("bash");
        bash.args(["--noprofile", "--norc", "-eo", "pipefail"])
            .arg(&script)
            .current_dir(self.path("workspace"))
            .env("GITHUB_ACTION_PATH", repository())
            .env("RUNNER_TEMP", self.path("runner temp"))
            .env("GITHUB_PATH", self.path("path"))
            .env("GITHUB_OUTPUT", self.path("output"))
            .env("HELM_FLOE_RELEASES", self.path("releases"));
        for (name, expression) in members(&step["env"]) {
            bash.env(name, value(input(text(expression))));
        }
        run(&mut bash)
    }
}

#[test]
fn the_action_gives_its_inputs_to_no_shell() {
    let action = action();
    let mut used = BTreeSet::new();
    for step in action["runs"]["steps"].as_array().expect("steps") {
        assert!(!text(&step["run"]).contains("${{"), "{step}");
        for (name, expression) in members(&step["env"]) {
            let input = input(text(expression));
            assert_eq!(
                name,
                format!("INPUT_{}", input.to_uppercase().replace('-', "_"))
            );
            used.insert(input.to_owned());
        }
    }
    let declared = members(&action["inputs"]).map(|(name, _)| name.to_owned());
    assert_eq!(used, declared.collect());
    let document = fs::read_to_string(repository().join("docs/ci.md")).expect("read");
    for name in used {
        assert!(
            document.contains(&format!("`{name}`")),
            "docs/ci.md: {name}"
        );
    }
}

#[test]
fn the_action_of_the_document_annotates_and_reports() {
    let runner = Runner::new();
    copy_tree(
        Path::new(&chart("simple")),
        &runner.path("workspace/charts/web"),
    );
    runner.checkout("testdata/manifests/privileged.yaml", "manifests/pod.yaml");
    let workflow = yaml(&block("name: helm-floe"));
    let steps = workflow["jobs"]["check"]["steps"]
        .as_array()
        .expect("steps");
    let ours = |step: &&Value| step["id"] == "floe";
    let step = steps.iter().find(ours).expect("the action");
    assert_eq!(step["uses"], format!("helm-floe/helm-floe@v{VERSION}"));
    let mut inputs: Vec<_> = members(&step["with"])
        .map(|(name, value)| (name, text(value)))
        .collect();
    let said = runner.run(&inputs);
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stderr.contains("checksum verified"), "{}", said.stderr);
    let annotation = "::error file=manifests/pod.yaml,line=";
    assert!(said.stdout.contains(annotation), "{}", said.stdout);
    let sarif: Value = serde_json::from_str(&runner.file("workspace/floe.sarif")).expect("JSON");
    assert_eq!(sarif["version"], "2.1.0");
    assert_eq!(runner.file("output"), "sarif=floe.sarif\n");
    let folder = runner.path("runner temp/helm-floe");
    assert_eq!(runner.file("path"), format!("{}\n", path_text(&folder)));

    inputs.push(("on-violation", "warn"));
    assert_eq!(runner.run(&inputs).code, 0);
}

#[test]
fn the_action_shows_a_difference_in_which_no_command_is_found() {
    let runner = Runner::new();
    copy_tree(Path::new(&chart("simple")), &runner.path("workspace/chart"));
    let template = runner.path("workspace/chart/templates/note.yaml");
    let note = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: note\n  labels:\n    app: note\ndata:\n  text: |\n    ::add-mask::a\n";
    fs::write(template, note).expect("written");
    let said = runner.run(&[
        ("command", "diff"),
        ("paths", "chart"),
        ("args", "--release\nweb"),
    ]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let (stop, rest) = said.stdout.split_once('\n').expect("lines");
    let token = stop.strip_prefix("::stop-commands::").expect("a token");
    assert_eq!(token.len(), 32, "{token}");
    let (difference, end) = rest.split_once(&format!("::{token}::")).expect("the end");
    assert_eq!(end, "\n");
    assert!(difference.contains("\n+            allowPrivilegeEscalation: false\n"));
    assert!(
        difference.contains("\n     ::add-mask::a\n"),
        "{difference}"
    );
}

#[test]
fn what_is_no_path_is_no_command_either() {
    let runner = Runner::new();
    runner.checkout("testdata/manifests/privileged.yaml", "pod.yaml");
    let marks =
        "$(touch pwned)\n`touch pwned`\n; touch pwned\n'; touch pwned; '\n\"; touch pwned; \"";
    let cases = [
        ("paths", marks),
        ("paths", "--help"),
        ("args", marks),
        ("env", "$(touch pwned)"),
        ("platform", "$(touch pwned)"),
        ("command", "check; touch pwned"),
        ("command", "policies"),
        ("on-violation", "$(touch pwned)"),
        ("sarif", "a.sarif\nother=1.sarif"),
        ("sarif", "/etc/passwd"),
        ("version", "../../v0.1.0"),
        ("version", "0.1.0\n"),
        ("sha256", "$(touch pwned)"),
    ];
    for (name, value) in cases {
        let said = runner.run(&[(name, value)]);
        let code = if name == "sha256" { 1 } else { 2 };
        assert_eq!(said.code, code, "{name}: {value}: {}", said.stdout);
        assert_eq!(runner.file("output"), "", "{name}: {value}");
        let files = fs::read_dir(runner.path("workspace")).expect("read");
        assert_eq!(files.count(), 1, "{name}: {value}");
    }
}

/// A program of `scripts/tools pre-commit`.
fn python_tool(test: &str, name: &str) -> Option<PathBuf> {
    let file = tools().join("pre-commit/bin").join(name);
    if !file.is_file() {
        skipped(
            test,
            &format!("{name} is not there (scripts/tools pre-commit)"),
        );
        return None;
    }
    Some(file)
}

#[test]
fn githubs_schemas_accept_the_action_and_the_workflow() {
    let Some(check) = python_tool("schemas of GitHub", "check-jsonschema") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a directory");
    let workflow = folder.path().join("workflow.yml");
    fs::write(&workflow, block("name: helm-floe")).expect("written");
    let accepts = |schema: &str, file: &Path| {
        let mut command = Command::new(&check);
        run(command.args(["--builtin-schema", schema]).arg(file)).ok();
    };
    accepts("vendor.github-actions", &repository().join("action.yml"));
    accepts("vendor.github-workflows", &workflow);
}

/// A git repository with these files of this one.
fn committed(folder: &Path, files: &[&str]) {
    for file in files {
        let to = folder.join(file);
        fs::create_dir_all(to.parent().expect("a folder")).expect("created");
        fs::copy(repository().join(file), to).expect("copied");
    }
    git(folder, &["init", "-q", "-b", "main", "."]);
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-q", "-m", "one"]);
}

fn git(folder: &Path, words: &[&str]) {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=t", "-c", "user.email=t@example.com"]);
    run(git.args(words).current_dir(folder)).ok();
}

#[test]
fn the_pre_commit_hook_of_the_document_runs() {
    let Some(pre_commit) = python_tool("pre-commit", "pre-commit") else {
        return;
    };
    let runner = Runner::new();
    let hooks = runner.path("hooks");
    let files = [
        ".pre-commit-hooks.yaml",
        "plugin.yaml",
        "scripts/install-binary",
        "scripts/pre-commit",
    ];
    committed(&hooks, &files);
    git(&hooks, &["tag", &format!("v{VERSION}")]);
    let workspace = runner.path("workspace");
    copy_tree(
        &repository().join("charts/floe-jobs"),
        &workspace.join("charts/web"),
    );
    runner.checkout("testdata/manifests/privileged.yaml", "manifests/pod.yaml");
    let config = block("repos:");
    let here = config.replace("https://github.com/helm-floe/helm-floe", path_text(&hooks));
    assert_ne!(here, config);
    assert!(config.contains(&format!("rev: v{VERSION}\n")), "{config}");
    fs::write(workspace.join(".pre-commit-config.yaml"), &here).expect("written");
    committed(&workspace, &[]);

    let hook = |words: &[&str]| {
        let mut command = runner.helm.program(&pre_commit);
        command
            .args(words)
            .current_dir(&workspace)
            .env("PRE_COMMIT_HOME", runner.path("pre-commit"))
            .env("HELM_FLOE_RELEASES", runner.path("releases"));
        run(&mut command)
    };
    let said = hook(&["run", "--all-files"]);
    assert_eq!(said.code, 1, "{}{}", said.stdout, said.stderr);
    assert!(said.stdout.contains("checksum verified"), "{}", said.stdout);
    assert!(
        said.stdout.contains("error[pss/privileged]"),
        "{}",
        said.stdout
    );

    // The binary is there already.
    fs::write(workspace.join("manifests/pod.yaml"), "").expect("written");
    git(&workspace, &["add", "-A"]);
    fs::remove_dir_all(runner.path("releases")).expect("removed");
    let said = hook(&["run", "--all-files", "--verbose"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);

    // The same by the binary on PATH, of everything.
    let said = hook(&[
        "try-repo",
        path_text(&hooks),
        "helm-floe-system",
        "--all-files",
    ]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
}
