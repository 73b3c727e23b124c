//! The command line as users meet it: every folder of `tests/cmd` is an area, every file there a
//! case with its arguments, input, output and exit code.
//!
//! `TRYCMD=overwrite cargo test --test cli` rewrites the expected output; read the difference
//! before believing it.
#![cfg(unix)]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use common::{Helm, Outcome, alone, copy_tree, feed, floe, helm_floe, path_text, repository};
use helm_floe::manifest::{Document, split};
use serde_json::Value;

/// What must never be repeated, wherever it stands in an input.
const SECRET: &str = "hunter2-do-not-print";

#[test]
fn every_case_says_what_it_should() {
    if !alone("every_case_says_what_it_should") {
        return;
    }
    trycmd::TestCases::new()
        .register_bin("helm-floe", helm_floe())
        .case("tests/cmd/*/*.toml")
        .case("tests/cmd/*/*.trycmd");
}

/// One case of `tests/cmd` that reads stdin.
struct Case {
    path: PathBuf,
    args: Vec<String>,
    input: Vec<u8>,
}

impl Case {
    fn read(path: &Path) -> Option<Case> {
        let text = fs::read_to_string(path).expect("read");
        let args = text.lines().find_map(|line| line.strip_prefix("args = "));
        Some(Case {
            args: serde_json::from_str(args.expect("args on one line")).expect("a list of strings"),
            input: fs::read(path.with_extension("stdin")).ok()?,
            path: path.to_owned(),
        })
    }

    fn name(&self) -> &str {
        path_text(self.path.strip_prefix(repository()).unwrap_or(&self.path))
    }

    /// Runs it with further arguments and another input.
    fn run(&self, more: &[&str], input: &[u8]) -> Output {
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        let mut command = floe(&[args.as_slice(), more].concat());
        let folder = self.path.with_extension("in");
        command.current_dir(if folder.is_dir() {
            &folder
        } else {
            repository()
        });
        feed(&mut command, input)
    }
}

/// The cases of an area that read stdin, or of all areas.
fn cases(area: &str) -> Vec<Case> {
    let root = repository().join("tests/cmd").join(area);
    let files = walkdir::WalkDir::new(root).sort_by_file_name().into_iter();
    let cases: Vec<Case> = files
        .map(|entry| entry.expect("read").into_path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .filter_map(|path| Case::read(&path))
        .collect();
    assert!(cases.len() > 10, "{} cases in {area:?}", cases.len());
    cases
}

#[test]
fn the_filter_writes_exactly_the_expected_bytes() {
    for case in cases("filter") {
        let output = case.run(&[], &case.input);
        let expected = fs::read(case.path.with_extension("stdout")).expect("read");
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(text(&output.stdout), text(&expected), "{}", case.name());
    }
}

#[test]
fn filtering_twice_is_filtering_once() {
    for case in cases("filter") {
        let once = Outcome::of(&case.run(&[], &case.input)).ok();
        let twice = Outcome::of(&case.run(&[], once.as_bytes())).ok();
        assert_eq!(twice, once, "{}", case.name());
    }
}

#[test]
fn a_hardened_release_passes_the_check() {
    for case in cases("filter") {
        let once = Outcome::of(&case.run(&[], &case.input)).ok();
        let mut args: Vec<&str> = case.args.iter().map(String::as_str).collect();
        args.insert(0, "check");
        let mut command = floe(&args);
        let folder = case.path.with_extension("in");
        command.current_dir(if folder.is_dir() {
            &folder
        } else {
            repository()
        });
        let said = Outcome::of(&feed(&mut command, once.as_bytes()));
        assert_eq!(said.code, 0, "{}: {}", case.name(), said.stdout);
    }
}

/// The documents of a stream as Helm decodes them. Anchors live on from one to the next, as in
/// the streams of Helm 4 whose lists it has cut up.
fn decoded(stream: &str) -> Vec<Value> {
    let mut anchors = BTreeMap::new();
    let mut values = Vec::new();
    for span in split(stream).expect("separators") {
        let document = Document::parse_with_anchors(span.text, &anchors).expect("YAML");
        let root = document.root().map(|root| root.to_json());
        values.push(root.unwrap_or_default());
        let defined: Vec<_> = document.anchors().collect();
        anchors.extend(defined);
    }
    values
}

#[test]
fn the_reported_edits_are_the_whole_difference() {
    let mut edited = 0;
    for case in cases("filter") {
        let output = Outcome::of(&case.run(&["--format", "json"], &case.input));
        let report: Value = serde_json::from_str(&output.stderr).expect("a JSON report");
        let input = String::from_utf8(case.input.clone()).expect("UTF-8");
        let mut values = decoded(&input);
        for edit in report["edits"].as_array().expect("edits") {
            let number = edit["document"].as_u64().expect("a number") as usize;
            let operation = serde_json::from_value(edit.clone()).expect("an RFC 6902 operation");
            json_patch::patch(&mut values[number], &[operation])
                .unwrap_or_else(|e| panic!("{}: {edit}: {e}", case.name()));
            edited += 1;
        }
        let mut found = decoded(&output.stdout);
        let added = report["added"].as_array().expect("added");
        let is_new = |own: &Value| {
            let is =
                |new: &&Value| new["kind"] == own["kind"] && new["name"] == own["metadata"]["name"];
            added.iter().find(is).is_some()
        };
        found.retain(|own| !is_new(own));
        assert_eq!(found, values, "{}", case.name());
    }
    assert!(edited > 200, "{edited} edits");
}

#[test]
fn no_report_repeats_a_secret() {
    let mut tried = 0;
    for case in cases("") {
        if !String::from_utf8_lossy(&case.input).contains(SECRET) {
            continue;
        }
        tried += 1;
        for format in ["text", "json"] {
            let said = Outcome::of(&case.run(&["--format", format], &case.input));
            assert!(
                !said.stderr.contains(SECRET),
                "{}: {}",
                case.name(),
                said.stderr
            );
            let mut args: Vec<&str> = vec!["check", "--format", format];
            args.extend(
                case.args
                    .iter()
                    .map(String::as_str)
                    .filter(|a| *a != "--helm4"),
            );
            let check = Outcome::of(&feed(&mut floe(&args), &case.input));
            let all = format!("{}{}", check.stdout, check.stderr);
            assert!(!all.contains(SECRET), "check, {}: {all}", case.name());
        }
    }
    assert!(tried >= 4, "{tried} cases hold the secret");
}

/// The keys of a finding that design and users rely on; `file` comes on top for files.
const FINDING_KEYS: [&str; 15] = [
    "apiVersion",
    "column",
    "container",
    "document",
    "exception",
    "help",
    "kind",
    "line",
    "message",
    "name",
    "namespace",
    "pointer",
    "policy",
    "severity",
    "source",
];

#[test]
fn the_json_report_keeps_its_contract() {
    let mut findings = 0;
    for case in cases("refusal") {
        let said = Outcome::of(&case.run(&["--format", "json"], &case.input));
        let report = [&said.stderr, &said.stdout].map(|text| serde_json::from_str::<Value>(text));
        let Some(report) = report.into_iter().find_map(Result::ok) else {
            assert!(
                said.code == 2 || said.stdout.starts_with("|-\n"),
                "{}",
                case.name()
            );
            continue;
        };
        assert_eq!(report["version"], 1);
        let summary = report["summary"].as_object().expect("a summary");
        for key in [
            "errors",
            "warnings",
            "excepted",
            "edits",
            "documents",
            "objects",
        ] {
            assert!(summary[key].is_u64(), "{}: {key}", case.name());
        }
        assert_eq!(summary["refused"], said.code != 0, "{}", case.name());
        for finding in report["findings"].as_array().expect("findings") {
            findings += 1;
            let mut keys: Vec<&String> = finding.as_object().expect("an object").keys().collect();
            keys.sort();
            assert_eq!(keys, FINDING_KEYS, "{}", case.name());
            assert!(finding["line"].as_u64() > Some(0), "{}", case.name());
            assert!(["error", "warning"].contains(&finding["severity"].as_str().expect("text")));
        }
        for edit in report["edits"].as_array().expect("edits") {
            for key in ["policy", "document", "op", "path"] {
                assert!(!edit[key].is_null(), "{}: {edit}", case.name());
            }
        }
    }
    assert!(findings > 50, "{findings} findings");
}

#[test]
fn a_report_file_holds_what_was_said() {
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("report.txt");
    let args = ["--report", path_text(&file)];
    for case in cases("refusal") {
        if case.args.iter().any(|arg| arg == "--helm4") {
            continue;
        }
        let said = Outcome::of(&case.run(&args, &case.input));
        let written = fs::read_to_string(&file).unwrap_or_default();
        fs::remove_file(&file).ok();
        if said.stderr.starts_with("helm-floe refuses") || said.stderr.starts_with('{') {
            assert_eq!(written, said.stderr, "{}", case.name());
        }
    }
}

#[test]
fn nothing_is_coloured_outside_a_terminal() {
    for case in cases("refusal") {
        let said = Outcome::of(&case.run(&[], &case.input));
        assert!(!said.stderr.contains('\u{1b}'), "{}", case.name());
    }
}

#[test]
fn charts_in_a_directory_are_rendered() {
    let folder = tempfile::tempdir().expect("a directory");
    copy_tree(&repository().join("testdata/charts"), folder.path());
    let manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: lone}\nspec: {hostPID: true}\n";
    fs::write(folder.path().join("lone.yml"), manifest).expect("written");
    let mut command = Helm::new(4).program(helm_floe());
    command.args(["check", ".", "--format", "json", "--only", "pss/hostN*"]);
    let output = command.current_dir(folder.path()).output().expect("runs");
    let report: Value = serde_json::from_slice(&output.stdout).expect("a JSON report");
    let found: Vec<(&str, &str)> = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .map(|f| {
            (
                f["file"].as_str().unwrap_or(""),
                f["kind"].as_str().unwrap_or(""),
            )
        })
        .collect();
    assert_eq!(found, [("./lone.yml", "Pod"), ("./violating", "DaemonSet")]);
    let objects = report["summary"]["objects"].as_u64();
    assert!(
        objects > Some(12),
        "web and simple are rendered too: {report}"
    );
}

/// kubectl and Helm end the last line of a stream that does not: a block scalar there has a line break,
/// which it must keep when something comes to stand behind it.
#[test]
fn a_last_line_without_its_end_means_what_it_meant() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  labels: {app: a}\n";
    let spec = "spec:\n  containers:\n  - name: a\n    image: example.com/a:1\n";
    let before = format!("{spec}{pod}  annotations:\n    note: |\n      text");
    let behind = |block: &str| format!("{pod}{spec}    args:\n    - {block}\n      text");
    let (args, note) = ("/spec/containers/0/args/0", "/metadata/annotations/note");
    for (input, pointer, want) in [
        (behind("|"), args, "text\n"),
        (behind("|+"), args, "text\n"),
        (behind("|-"), args, "text"),
        (behind(">"), args, "text\n"),
        (behind("|").replace('\n', "\r\n"), args, "text\n"),
        (before.clone(), note, "text\n"),
    ] {
        let hardened = Outcome::of(&feed(&mut floe(&[]), input.as_bytes())).ok();
        // As the clients read it.
        let read = format!("{hardened}\n");
        let documents = split(&read).expect("a stream");
        let last = Document::parse(documents.last().expect("a document").text).expect("a document");
        let value = last.root().expect("a value").to_json();
        assert_eq!(value.pointer(pointer), Some(&want.into()), "{hardened}");
        assert!(
            value.pointer("/spec/securityContext").is_some(),
            "{hardened}"
        );
        assert!(!hardened.ends_with('\n'), "{hardened}");
        let again = Outcome::of(&feed(&mut floe(&[]), hardened.as_bytes())).ok();
        assert_eq!(again, hardened);
    }
    let hardened = Outcome::of(&feed(&mut floe(&[]), before.as_bytes())).ok();
    assert!(hardened.ends_with("note: |\n      text"), "{hardened}");
}
