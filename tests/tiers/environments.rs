//! What is the same in every environment, and what differs.

use super::*;

/// Every place at which two values differ.
fn differences(a: &Value, b: &Value, at: &str, found: &mut BTreeSet<String>) {
    match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            for key in x.keys().chain(y.keys()) {
                let null = Value::Null;
                let (x, y) = (x.get(key).unwrap_or(&null), y.get(key).unwrap_or(&null));
                differences(x, y, &format!("{at}/{key}"), found);
            }
        }
        (a, b) if a != b => {
            found.insert(at.to_owned());
        }
        _ => {}
    }
}

#[test]
fn artifacts_differ_only_where_platforms_do() {
    let artifacts: Vec<Value> = ENVIRONMENTS
        .iter()
        .map(|env| json(&run_in(&starter(), &["compile", "--env", env]).ok()))
        .collect();
    let own = [
        "/metadata/environment",
        "/metadata/platform_sha256",
        "/platform/source",
        "/profiles/",
        "/secrets",
        "/observability/otlp_endpoint",
        "/observability/lineage_endpoint",
        "/observability/lineage_namespace",
        "/observability/attributes/deployment.environment",
        "/observability/sampling/",
        "/resources/",
        "/runtime/timezone",
    ];
    for first in &artifacts {
        for second in &artifacts {
            let mut found = BTreeSet::new();
            differences(first, second, "", &mut found);
            for place in &found {
                assert!(
                    own.iter().any(|own| place.starts_with(own)),
                    "{place} differs"
                );
            }
            assert_eq!(first == second, found.is_empty());
        }
        assert_eq!(
            first["metadata"]["spec_sha256"],
            artifacts[0]["metadata"]["spec_sha256"]
        );
    }
    let distinct: BTreeSet<String> = artifacts.iter().map(Value::to_string).collect();
    assert_eq!(distinct.len(), ENVIRONMENTS.len());
}

/// Where each part of a platform file may change an artifact.
const PARTS: [(&str, &[&str]); 9] = [
    ("/storage", &["/profiles/storage/", "/secrets"]),
    ("/catalogs", &["/profiles/catalog/", "/secrets"]),
    ("/compute", &["/profiles/compute/", "/secrets"]),
    ("/observability", &["/observability/", "/secrets"]),
    ("/infrastructure/resource_profiles", &["/resources"]),
    ("/infrastructure/timezone", &["/runtime/timezone"]),
    ("/infrastructure/lifecycle", &["/runtime/cleanup"]),
    ("/infrastructure/cloud", &[]),
    ("/hardening", &[]),
];

/// One part of one platform file in another one: only what that part is about may change.
#[test]
fn each_part_of_a_platform_file_changes_its_own_part_of_the_artifact() {
    let folder = starter();
    let spec = fs::read_to_string(folder.join("floe.yaml")).expect("read");
    let platforms = ENVIRONMENTS.map(|env| {
        let file = folder.join(format!("platform/{env}/platform.yaml"));
        let text = fs::read_to_string(file).expect("read");
        let source = Source::open("platform.yaml", &text).expect("YAML");
        source.value("").expect("a map")
    });
    let artifact = |platform: &Value| -> Option<Value> {
        let (spec, platform) = (spec.as_str(), platform.to_string());
        let text = |file, text| Text { file, text };
        let compiled = compile(
            text("floe.yaml", spec),
            text("platform.yaml", &platform),
            "here",
            Some("same"),
        );
        let mut artifact = json(&compiled.ok()?.to_json());
        artifact["metadata"]["platform_sha256"] = Value::Null;
        Some(artifact)
    };
    let mut changed: BTreeSet<&str> = BTreeSet::new();
    for one in &platforms {
        let before = artifact(one).expect("the example compiles");
        for other in &platforms {
            for (part, places) in PARTS {
                let mut mixed = one.clone();
                put(&mut mixed, part, other.pointer(part));
                // Some parts need another one: no login outside of a single machine, for one.
                let Some(after) = artifact(&mixed) else {
                    continue;
                };
                let mut found = BTreeSet::new();
                differences(&before, &after, "", &mut found);
                for place in &found {
                    let own = places.iter().any(|own| place.starts_with(own));
                    assert!(own, "{part} changes {place}");
                    changed.insert(part);
                }
            }
        }
    }
    let all: BTreeSet<&str> = PARTS
        .iter()
        .filter(|(_, places)| !places.is_empty())
        .map(|(part, _)| *part)
        .collect();
    let mut never = all.difference(&changed);
    // All examples tidy up in the same way.
    assert_eq!(never.next(), Some(&"/infrastructure/lifecycle"));
    assert_eq!(never.next(), None);
}

/// Puts a value at a pointer of two levels at most, or takes away what is there.
fn put(file: &mut Value, pointer: &str, value: Option<&Value>) {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let parent = file.pointer_mut(parent).and_then(Value::as_object_mut);
    let parent = parent.expect("every example has it");
    match value {
        Some(value) => parent.insert(key.into(), value.clone()),
        None => parent.remove(key),
    };
}

#[test]
fn compiling_twice_gives_the_same_bytes_wherever_the_project_lies() {
    let elsewhere = tempfile::tempdir().expect("a directory");
    copy_tree(&starter(), elsewhere.path());
    let here = run_in(&starter(), &["compile", "--env", "prod"]).ok();
    assert_eq!(
        run_in(elsewhere.path(), &["compile", "--env", "prod"]).ok(),
        here
    );
    let file = elsewhere.path().join("platform/prod/platform.yaml");
    let named = run_in(
        elsewhere.path(),
        &["compile", "--platform", path_text(&file)],
    )
    .ok();
    assert_eq!(
        named, here,
        "an absolute path must not get into the artifact"
    );
    assert!(here.ends_with("}\n"));
}

// ---- what init writes works --------------------------------------------------------------------
