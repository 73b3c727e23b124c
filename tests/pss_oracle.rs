//! Our Pod Security policies against Kubernetes' own evaluator.
//!
//! Rows of its verdicts are checked in (`testdata/pss/golden.jsonl`), so that these tests mean
//! something everywhere. Where Go is installed, `scripts/psaoracle` is built and asked about the
//! evaluator's own fixtures and about random pods. Environment:
//!
//! - `FLOE_PSA_ORACLE`: an oracle that is already built;
//! - `FLOE_PSS_PODS`: how many random pods (default 500);
//! - `FLOE_PSS_GOLDEN`: write the golden rows anew to this file.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
mod pods;

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::oracle::{Oracle, go, program as oracle};
use helm_floe::manifest::edit::Operation;
use helm_floe::manifest::{Document, View};
use helm_floe::policy::fix::apply;
use helm_floe::policy::{EditablePod, Evaluator, Library, Names, PodTarget, Selection};
use pods::pod;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

/// The versions at which any check changed, one before each, and those beyond the last.
fn levels() -> Vec<String> {
    let minors = [
        0, 7, 8, 18, 19, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 99,
    ];
    let versions = minors
        .iter()
        .map(|minor| format!("v1.{minor}"))
        .chain(["latest".to_owned()]);
    versions
        .flat_map(|version| {
            [
                format!("baseline:{version}"),
                format!("restricted:{version}"),
            ]
        })
        .collect()
}

fn evaluator(level: &str) -> Evaluator {
    let (level, version) = level.split_once(':').unwrap();
    let selection = Selection {
        level: level.parse().unwrap(),
        version: version.parse().unwrap(),
        only: Names::new(["pss/*"]).unwrap(),
        ..Selection::default()
    };
    Evaluator::new(&Library::built_in().unwrap(), &selection)
}

fn target(pod: View<'_>) -> PodTarget<'_> {
    PodTarget {
        spec: pod.get("spec").unwrap_or(View::Json(&Value::Null)),
        alone: None,
        inherited: None,
        metadata: pod.get("metadata"),
        spec_pointer: "/spec",
        metadata_pointer: "/metadata",
    }
}

/// What our policies say: the IDs of the checks that refuse the pod.
fn verdict(evaluator: &Evaluator, pod: View<'_>) -> BTreeSet<String> {
    let violations = evaluator.check(&target(pod)).into_iter();
    violations
        .map(|violation| violation.policy.trim_start_matches("pss/").to_owned())
        .collect()
}

/// Whether our verdict and the oracle's are the same. For a pod Kubernetes cannot decode the oracle
/// knows no checks, only that it is refused.
fn agrees(ours: &BTreeSet<String>, error: bool, checks: &[Value]) -> bool {
    if error {
        return !ours.is_empty();
    }
    let theirs: BTreeSet<String> = checks
        .iter()
        .map(|id| id.as_str().unwrap().to_owned())
        .collect();
    *ours == theirs
}

#[test]
fn verdicts_are_those_on_record() {
    let text = include_str!("../testdata/pss/golden.jsonl");
    let mut evaluators = HashMap::new();
    let mut rows = 0;
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let level = row["level"].as_str().unwrap();
        let evaluator = evaluators
            .entry(level.to_owned())
            .or_insert_with(|| evaluator(level));
        let ours = verdict(evaluator, View::Json(&row["pod"]));
        let checks = row["checks"].as_array();
        assert!(
            agrees(&ours, checks.is_none(), checks.map_or(&[], Vec::as_slice)),
            "ours: {ours:?}\nrow: {line}"
        );
        rows += 1;
    }
    assert!(rows >= 300, "{rows} rows");
}

#[test]
fn kubernetes_own_fixtures_are_judged_alike() {
    let listed = go(&[
        "list",
        "-m",
        "-f",
        "{{.Dir}}",
        "k8s.io/pod-security-admission",
    ]);
    let Some(module) = listed else { return };
    let root = PathBuf::from(module.trim()).join("test/testdata");
    let mut evaluators = HashMap::new();
    let mut fixtures = 0;
    for entry in walkdir::WalkDir::new(&root) {
        let path = entry.unwrap().into_path();
        let own = path.strip_prefix(&root).unwrap().to_str().unwrap();
        let [level, version, expected, _] = own.split('/').collect::<Vec<_>>()[..] else {
            continue;
        };
        let text = std::fs::read_to_string(&path).unwrap();
        let document = Document::parse(&text).unwrap();
        let level = format!("{level}:{version}");
        let evaluator = evaluators
            .entry(level.clone())
            .or_insert_with(|| evaluator(&level));
        let ours = verdict(evaluator, View::Node(document.root().unwrap()));
        assert_eq!(ours.is_empty(), expected == "pass", "{own}: {ours:?}");
        fixtures += 1;
    }
    assert!(fixtures > 4000, "{fixtures} fixtures");
}

#[test]
fn random_pods_are_judged_alike() {
    let Some(program) = oracle() else { return };
    let levels = levels();
    let evaluators: Vec<Evaluator> = levels.iter().map(|level| evaluator(level)).collect();
    let oracle = Mutex::new(Oracle::start(&program, &levels));
    let pods = std::env::var("FLOE_PSS_PODS")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(500);
    let pods_seen = AtomicUsize::new(0);
    let config = Config {
        cases: pods,
        failure_persistence: None,
        ..Config::default()
    };
    let judged = TestRunner::new(config).run(&pod(), |pod| {
        let answer = oracle.lock().unwrap().ask(&pod);
        let error = answer.get("error").is_some();
        let text = pod.to_string();
        let document = Document::parse(&text).unwrap();
        // As it stands in a manifest and as a value in memory.
        let root = if pods_seen.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            View::Json(&pod)
        } else {
            View::Node(document.root().unwrap())
        };
        for (index, evaluator) in evaluators.iter().enumerate() {
            let checks = answer["checks"][index]
                .as_array()
                .map_or(&[][..], Vec::as_slice);
            let ours = verdict(evaluator, root);
            prop_assert!(
                agrees(&ours, error, checks),
                "{}: ours {ours:?}, theirs {answer}",
                levels[index]
            );
        }
        Ok(())
    });
    judged.unwrap_or_else(|error| panic!("{error}"));
}

/// A pod template in memory.
struct InMemory(Value);

impl EditablePod for InMemory {
    type Error = String;

    fn pod(&self) -> PodTarget<'_> {
        target(View::Json(&self.0))
    }

    fn apply(&mut self, _policy: &str, operation: Operation) -> Result<(), String> {
        apply(&mut self.0, &operation)
    }
}

/// Whether everything somebody chose in `before` is still there in `after`.
fn keeps(before: &Value, after: &Value) -> bool {
    match (before, after) {
        (Value::Null, _) => true,
        (Value::Object(before), Value::Object(after)) => before
            .iter()
            .all(|(key, value)| after.get(key).is_some_and(|own| keeps(value, own))),
        (Value::Array(before), Value::Array(after)) => {
            before.len() <= after.len()
                && before
                    .iter()
                    .zip(after)
                    .all(|(own, other)| keeps(own, other))
        }
        (Value::String(text), _) if text.is_empty() => true,
        (Value::Array(items), _) if items.is_empty() => true,
        (Value::Object(members), _) if members.is_empty() => true,
        _ => before == after,
    }
}

#[test]
fn hardening_keeps_what_was_chosen_breaks_nothing_and_settles() {
    let evaluator = evaluator("restricted:latest");
    let config = Config {
        cases: 500,
        failure_persistence: None,
        ..Config::default()
    };
    let hardened = TestRunner::new(config).run(&pod(), |pod| {
        let mut edited = InMemory(pod.clone());
        evaluator.harden(&mut edited).map_err(TestCaseError::fail)?;
        prop_assert!(keeps(&pod, &edited.0), "became {}", edited.0);
        let (before, after) = (
            verdict(&evaluator, View::Json(&pod)),
            verdict(&evaluator, View::Json(&edited.0)),
        );
        prop_assert!(
            after.is_subset(&before),
            "{after:?} of {before:?} in {}",
            edited.0
        );
        let settled = edited.0.clone();
        evaluator.harden(&mut edited).map_err(TestCaseError::fail)?;
        prop_assert_eq!(settled, edited.0);
        Ok(())
    });
    hardened.unwrap_or_else(|error| panic!("{error}"));
}

/// Writes the golden rows: random pods, each at one level, with the oracle's verdict.
#[test]
fn golden_rows_are_written_when_asked_for() {
    let (Some(program), Ok(file)) = (oracle(), std::env::var("FLOE_PSS_GOLDEN")) else {
        return;
    };
    let levels = levels();
    let mut oracle = Oracle::start(&program, &levels);
    let mut runner = TestRunner::deterministic();
    let mut text = String::new();
    for row in 0..400 {
        let pod = pod().new_tree(&mut runner).unwrap().current();
        let answer = oracle.ask(&pod);
        let at = row % levels.len();
        let checks = answer
            .get("checks")
            .map_or(Value::Null, |checks| checks[at].clone());
        text.push_str(&json!({"level": levels[at], "pod": pod, "checks": checks}).to_string());
        text.push('\n');
    }
    std::fs::write(file, text).unwrap();
}
