//! Kubernetes' own fixtures of every level and version, at admission.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use helm_floe::manifest::Document;
use serde_json::Value;

use crate::common::{Outcome, feed, floe, repository};
use crate::server::{EXPORTED, POD_SECURITY, Server, Verdict, dry_run};

/// A pod, and whether it passes its level.
type Fixture = (Value, bool);

/// For each minor version of the server: how many fixtures the policies judge, and how many it refuses
/// before it asks anyone, for reasons of its own.
const COUNTS: [(u32, usize, usize); 1] = [(36, 3507, 882)];

/// Where the fixtures lie, in the module of the evaluator; nowhere without Go.
fn folder() -> Option<PathBuf> {
    let args = [
        "list",
        "-m",
        "-f",
        "{{.Dir}}",
        "k8s.io/pod-security-admission",
    ];
    let folder = repository().join("scripts/psaoracle");
    let output = Command::new("go")
        .args(args)
        .current_dir(folder)
        .output()
        .ok()?;
    let module = String::from_utf8(output.stdout).ok()?;
    Some(Path::new(module.trim()).join("test/testdata"))
        .filter(|own| output.status.success() && own.is_dir())
}

/// The fixtures by level and version.
fn fixtures(root: &Path) -> BTreeMap<(String, String), Vec<Fixture>> {
    let mut fixtures: BTreeMap<(String, String), Vec<Fixture>> = BTreeMap::new();
    for entry in walkdir::WalkDir::new(root).sort_by_file_name() {
        let path = entry.unwrap().into_path();
        let own = path.strip_prefix(root).unwrap().to_str().unwrap();
        let [level, version, expected, _] = own.split('/').collect::<Vec<_>>()[..] else {
            continue;
        };
        let text = std::fs::read_to_string(&path).unwrap();
        let pod = Document::parse(&text).unwrap().root().unwrap().to_json();
        let group = fixtures.entry((level.to_owned(), version.to_owned()));
        group.or_default().push((pod, expected == "pass"));
    }
    fixtures
}

/// The options of an export that asks for one level of one version.
fn standard_of<'a>(level: &'a str, version: &'a str) -> [&'a str; 8] {
    [
        "--format",
        "vap",
        "--only",
        "pss/*",
        "--pss-level",
        level,
        "--pss-version",
        version,
    ]
}

#[test]
fn the_fixtures_of_every_version_are_judged_alike() {
    let Some(mut server) = Server::new("fixtures") else {
        return;
    };
    let Some(root) = folder() else {
        eprintln!("skipped: no Go, or no module of the evaluator");
        return;
    };
    let standard = server.namespace("standard", &[]);
    let selector = server.selector("own");
    let own = server.namespace("own", &[&selector]);
    // Most versions ask for what the one before asks for: those are exported once.
    let mut groups: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    let mut fixtures = fixtures(&root);
    // A server takes a version newer than its own for its latest.
    let minor = |version: &str| version.trim_start_matches("v1.").parse::<u32>().unwrap();
    let newest = minor(&server.version());
    fixtures.retain(|(_, version), _| minor(version) <= newest);
    for key in fixtures.keys() {
        let (level, version) = key;
        let args = [&["policies", "export"][..], &standard_of(level, version)].concat();
        let text = Outcome::of(&feed(&mut floe(&args), b"")).ok();
        groups.entry(text).or_default().push(key.clone());
    }
    let mut connection = server.connect();
    let (mut judged, mut invalid) = (0, 0);
    for keys in groups.values() {
        let (level, version) = &keys[0];
        server.export("own", &standard_of(level, version));
        for key in keys {
            let (level, version) = key;
            let enforce = format!("pod-security.kubernetes.io/enforce={level}");
            let at = format!("pod-security.kubernetes.io/enforce-version={version}");
            server.label(&standard, &[&enforce, &at]);
            std::thread::sleep(std::time::Duration::from_millis(500));
            for (pod, passes) in &fixtures[key] {
                let mut ask = |namespace: &str, words: &str| {
                    Verdict::of(
                        &connection.send("POST", &dry_run("api/v1", namespace, "pods"), pod),
                        words,
                    )
                };
                let (theirs, ours) = (ask(&standard, POD_SECURITY), ask(&own, EXPORTED));
                assert_eq!(theirs, ours, "{level}:{version}: {pod}");
                if ours == Verdict::Invalid {
                    invalid += 1;
                } else {
                    assert_eq!(
                        ours == Verdict::Admitted,
                        *passes,
                        "{level}:{version}: {pod}"
                    );
                    judged += 1;
                }
            }
        }
        server.withdraw();
    }
    eprintln!(
        "{judged} fixtures judged in {} groups, {invalid} invalid",
        groups.len()
    );
    let known = COUNTS.iter().find(|(minor, ..)| *minor == newest);
    match known {
        Some((_, expected, refused)) => assert_eq!((judged, invalid), (*expected, *refused)),
        // A newer server knows the fixtures of more versions.
        None => {
            let (minor, expected, _) = COUNTS[COUNTS.len() - 1];
            assert!(
                newest > minor && judged >= expected,
                "1.{newest}: {judged} judged"
            );
            eprintln!("add 1.{newest} to COUNTS: {judged} judged, {invalid} invalid");
        }
    }
}
