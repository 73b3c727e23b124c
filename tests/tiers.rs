//! The two tiers of configuration, through the binary: what is refused and where, what is the same
//! in every environment, what never comes out.
#![cfg(unix)]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use common::{Helm, MAJORS, Outcome, copy_tree, feed, floe, path_text, repository};
use helm_floe::config::typed::{self, Checked};
use helm_floe::config::{ConfigError, Source};
use helm_floe::platform::compile::{Text, compile};
use helm_floe::platform::file::PlatformFile;
use helm_floe::platform::floe::FloeFile;
use serde_json::Value;

/// What must never be repeated.
const SECRET: &str = "hunter2-do-not-print";

fn starter() -> PathBuf {
    repository().join("examples/starter")
}

fn tiers() -> PathBuf {
    repository().join("testdata/tiers")
}

/// Runs the binary in a directory.
fn run_in(directory: &Path, args: &[&str]) -> Outcome {
    let mut command = floe(args);
    Outcome::of(&feed(command.current_dir(directory), b""))
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// The schema that the binary prints.
fn schema(of: &str) -> Value {
    json(&run_in(repository(), &["schema", of]).ok())
}

// ---- every single-field corruption of the complete examples ---------------------------------

/// A line of a file in block style: `key: value`, `key:` or `- item`.
struct Line<'t> {
    /// From 1.
    number: usize,
    text: &'t str,
    indent: usize,
    /// Empty for an item of a list.
    key: &'t str,
    value: &'t str,
    /// The keys above and the own one, `*` for an item.
    path: Vec<&'t str>,
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let mut open: Vec<(usize, &str)> = Vec::new();
    let mut lines = Vec::new();
    for (index, text) in text.lines().enumerate() {
        let body = text.trim_start();
        let indent = text.len() - body.len();
        // `- type: dbt` opens an item and holds a key of it.
        let (indent, body) = match body.strip_prefix("- ") {
            Some(rest) if rest.contains(": ") => {
                open.retain(|(column, _)| *column < indent);
                open.push((indent, "*"));
                (indent + 2, rest)
            }
            _ => (indent, body),
        };
        open.retain(|(column, _)| *column < indent);
        let (key, value) = match body.strip_prefix("- ") {
            Some(item) => ("", item),
            None => body.split_once(':').expect("a key"),
        };
        open.push((indent, if key.is_empty() { "*" } else { key }));
        lines.push(Line {
            number: index + 1,
            text,
            indent,
            key,
            value: value.trim(),
            path: open.iter().map(|(_, key)| *key).collect(),
        });
    }
    lines
}

impl Line<'_> {
    fn column(&self) -> usize {
        // An item is found at its value, behind the dash.
        self.indent + if self.key.is_empty() { 3 } else { 1 }
    }

    /// The line with another value.
    fn with(&self, value: &str) -> String {
        let head = self.text.len() - self.value.len();
        let head = self.text.get(..head).expect("the value ends the line");
        let gap = if head.ends_with(' ') { "" } else { " " };
        format!("{head}{gap}{value}")
    }
}

/// The schema of what stands at a path, references followed; of alternatives all.
fn at<'s>(root: &'s Value, path: &[&str]) -> Vec<&'s Value> {
    let mut here = follow(root, root);
    for key in path {
        let mut next = Vec::new();
        for schema in here {
            let child = match *key {
                "*" => schema.get("items"),
                key => schema["properties"]
                    .get(key)
                    .or_else(|| schema["patternProperties"].as_object()?.values().next())
                    .or_else(|| schema.get("additionalProperties").filter(|s| s.is_object())),
            };
            next.extend(child.into_iter().flat_map(|child| follow(root, child)));
        }
        here = next;
    }
    here
}

fn follow<'s>(root: &'s Value, schema: &'s Value) -> Vec<&'s Value> {
    if let Some(target) = schema["$ref"].as_str() {
        let target = target.strip_prefix('#').expect("a local reference");
        return follow(root, root.pointer(target).expect("there"));
    }
    for keyword in ["anyOf", "oneOf"] {
        if let Some(branches) = schema[keyword].as_array() {
            return branches
                .iter()
                .flat_map(|branch| follow(root, branch))
                .collect();
        }
    }
    vec![schema]
}

/// Asserts that a text is refused with a message at that place.
fn refused_at<T: Checked>(text: &str, line: usize, column: usize, what: &str) {
    let errors = typed::read::<T>("file", text).err().unwrap_or_default();
    let here = |error: &ConfigError| error.position == Some((line, column));
    let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert!(
        errors.iter().any(here),
        "{what} at {line}:{column}: {said:#?}"
    );
}

/// Corrupts every field of a file in every way that its schema has a word on; counts wrong types,
/// bad patterns, unknown keys and missing fields.
fn corrupt<T: Checked>(text: &str, schema: &Value) -> [usize; 4] {
    let rows: Vec<&str> = text.lines().collect();
    let lines = lines(text);
    let mut count = [0; 4];
    for (index, line) in lines.iter().enumerate() {
        let here = at(schema, &line.path);
        let name = line.path.join(".");
        let refuse = |row: String, column: usize, what: &str| {
            let mut rows = rows.clone();
            rows[index] = &row;
            let text = rows.join("\n") + "\n";
            refused_at::<T>(&text, line.number, column, &format!("{name}: {what}"));
        };
        // A list of lists is what no field takes, unless it takes anything.
        let any = |s: &&Value| ["type", "enum", "const"].iter().all(|k| s.get(k).is_none());
        if !here.is_empty() && !here.iter().any(any) && !line.value.is_empty() {
            refuse(line.with("[[]]"), line.column(), "wrong type");
            count[0] += 1;
        }
        // No pattern takes blanks around a bar.
        if here.iter().any(|s| s.get("pattern").is_some()) && !line.value.is_empty() {
            refuse(line.with("\"| |\""), line.column(), "bad pattern");
            count[1] += 1;
        }
        let (own, above) = line.path.split_last().expect("not empty");
        let parents = at(schema, above);
        let closed =
            |s: &&Value| s["additionalProperties"] == false && s.get("properties").is_some();
        let starts_item = line.text.trim_start().starts_with("- ");
        if !parents.is_empty() && parents.iter().any(closed) && *own != "*" && !starts_item {
            let blanks = " ".repeat(line.indent);
            let row = format!("{blanks}nonsense: 1\n{}", line.text);
            refuse(row, line.column(), "unknown key");
            count[2] += 1;
        }
        let names = |s: &&Value| {
            s["required"]
                .as_array()
                .is_some_and(|r| r.iter().any(|n| n == own))
        };
        // A property without its reference is a plain one.
        let plain = parents.iter().any(|s| s.get("not").is_some());
        if parents.iter().any(names) && !starts_item && !plain {
            let (text, line, column) = without(&rows, &lines, index);
            refused_at::<T>(&text, line, column, &format!("{name}: missing"));
            count[3] += 1;
        }
    }
    count
}

/// The file without a field and what belongs to it, and where its absence has to be reported: at
/// the map that lacks it.
fn without(rows: &[&str], lines: &[Line<'_>], index: usize) -> (String, usize, usize) {
    let line = &lines[index];
    let block = lines
        .iter()
        .skip(index + 1)
        .take_while(|l| l.indent > line.indent)
        .count();
    let mut kept: Vec<String> = rows.iter().map(ToString::to_string).collect();
    kept.drain(index..=index + block);
    let before = |found: fn(&Line<'_>, &Line<'_>) -> bool| {
        lines[..index].iter().rev().find(|l| found(l, line))
    };
    let item = line.path.iter().rev().nth(1) == Some(&"*");
    let (number, column) = if item {
        let first = before(|l, _| l.text.trim_start().starts_with("- ")).expect("an item");
        (first.number, first.indent + 1)
    } else if let Some(parent) = before(|l, line| l.indent < line.indent) {
        let next = lines.get(index + block + 1).map_or(0, |l| l.indent);
        if parent.number == line.number - 1 && next < line.indent {
            // The only field: an empty map is left, not nothing.
            kept[parent.number - 1].push_str(" {}");
        }
        (parent.number, parent.column())
    } else {
        (1, 1)
    };
    (kept.join("\n") + "\n", number, column)
}

#[test]
fn every_corruption_of_the_platform_file_is_refused_at_its_place() {
    let text = fs::read_to_string(tiers().join("platform/uat/platform.yaml")).expect("read");
    let count = corrupt::<PlatformFile>(&text, &schema("platform"));
    assert!(
        count[0] > 180 && count[1] > 50 && count[2] > 200 && count[3] > 20,
        "{count:?}"
    );
}

#[test]
fn every_corruption_of_the_product_file_is_refused_at_its_place() {
    let text = fs::read_to_string(tiers().join("floe.yaml")).expect("read");
    let count = corrupt::<FloeFile>(&text, &schema("floe"));
    assert!(
        count[0] > 80 && count[1] > 30 && count[2] > 100 && count[3] > 30,
        "{count:?}"
    );
}

/// The complete examples set every field there is, so that the tests above reach all of them.
#[test]
fn the_examples_set_every_field() {
    for (of, file) in [
        ("platform", "platform/uat/platform.yaml"),
        ("floe", "floe.yaml"),
    ] {
        let schema = schema(of);
        let text = fs::read_to_string(tiers().join(file)).expect("read");
        let lines = lines(&text);
        let set: BTreeSet<Vec<&str>> = lines.iter().map(|l| l.path.clone()).collect();
        let mut missing = Vec::new();
        for line in &lines {
            for part in at(&schema, &line.path) {
                let Some(fields) = part["properties"].as_object() else {
                    continue;
                };
                // Of alternatives the one that is used.
                let used = fields.get("type").and_then(|t| t.get("const")).is_none()
                    && !fields.contains_key("secret_ref");
                for field in fields.keys().filter(|_| used) {
                    let mut path = line.path.clone();
                    path.push(field);
                    if !set.contains(&path) {
                        missing.push(path.join("."));
                    }
                }
            }
        }
        // Entries of a map need not each set everything, as long as one does.
        let last = |path: &str| path.rsplit('.').next().expect("a word").to_owned();
        let seen: BTreeSet<String> = lines.iter().map(|l| l.key.to_owned()).collect();
        missing.retain(|path| !seen.contains(&last(path)) && !path.starts_with("hardening"));
        assert!(missing.is_empty(), "{file} does not set {missing:?}");
    }
}

// ---- the same product in four environments ----------------------------------------------------

const ENVIRONMENTS: [&str; 4] = ["dev", "local", "prod", "staging"];

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

#[test]
fn init_writes_what_validates_compiles_and_generates() {
    let folder = tempfile::tempdir().expect("a directory");
    let listed = run_in(folder.path(), &["init"]).ok();
    assert_eq!(listed.lines().count(), 6, "{listed}");
    let valid = run_in(folder.path(), &["platform", "validate"]).ok();
    assert_eq!(valid.lines().count(), 4, "{valid}");
    let artifact_schema = schema("artifact");
    let validator = jsonschema::validator_for(&artifact_schema).expect("a schema");
    let mut args = vec![
        "generate".to_owned(),
        "--all-envs".into(),
        "--mapping".into(),
        "mapping.yaml".into(),
    ];
    for env in ENVIRONMENTS {
        let file = format!("{env}.json");
        run_in(folder.path(), &["compile", "--env", env, "-o", &file]).ok();
        let text = fs::read_to_string(folder.path().join(&file)).expect("read");
        let errors: Vec<String> = validator
            .iter_errors(&json(&text))
            .map(|e| e.to_string())
            .collect();
        assert!(errors.is_empty(), "{env}: {errors:?}");
        args.extend(["-a".to_owned(), file]);
    }
    args.extend(["-o".to_owned(), "values".into()]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let said = run_in(folder.path(), &args);
    assert_eq!(
        (said.code, said.stderr.as_str()),
        (0, ""),
        "{}",
        said.stdout
    );
    let values: BTreeSet<String> = ENVIRONMENTS
        .iter()
        .map(|env| {
            let file = folder.path().join(format!("values/values-{env}.yaml"));
            let text = fs::read_to_string(file).expect("written");
            assert!(
                text.contains(&format!("floe-{env}-data")) || text.contains("floe-local"),
                "{text}"
            );
            text
        })
        .collect();
    assert_eq!(values.len(), 4);
    let again = [args.as_slice(), &["--check"]].concat();
    run_in(folder.path(), &again).ok();
    fs::write(folder.path().join("values/values-dev.yaml"), "x").expect("written");
    assert_eq!(run_in(folder.path(), &again).code, 1);
    let twice = run_in(folder.path(), &["init"]);
    assert_eq!(twice.code, 2);
    assert!(
        twice.stderr.contains("nothing was written"),
        "{}",
        twice.stderr
    );
}

/// What an editor is told is what the binary does.
#[test]
fn the_printed_schemas_are_schemas_and_take_the_examples() {
    for of in ["platform", "floe", "artifact", "mapping", "policy"] {
        let schema = schema(of);
        assert_eq!(
            schema["$schema"],
            "https://json-schema.org/draft/2020-12/schema"
        );
        jsonschema::validator_for(&schema).expect("a schema");
        let mut undocumented = Vec::new();
        let mut parts = vec![&schema];
        parts.extend(
            schema["$defs"]
                .as_object()
                .into_iter()
                .flat_map(|defs| defs.values()),
        );
        for part in parts {
            for (name, field) in part["properties"].as_object().into_iter().flatten() {
                if field.get("description").is_none() && field.get("$ref").is_none() {
                    undocumented.push(name.clone());
                }
            }
        }
        assert!(undocumented.is_empty(), "{of}: {undocumented:?}");
    }
}

// ---- values are Helm's --------------------------------------------------------------------------

/// A chart that shows the values it gets.
fn mirror(folder: &Path) {
    let chart = folder.join("mirror");
    fs::create_dir_all(chart.join("templates")).expect("created");
    fs::write(
        chart.join("Chart.yaml"),
        "apiVersion: v2\nname: mirror\nversion: 0.1.0\n",
    )
    .expect("written");
    fs::write(
        chart.join("values.yaml"),
        "own: {a: 1, list: [1, 2]}\nresourcePreset: none\n",
    )
    .expect("written");
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata:\n  values: {{ .Values | toJson | quote }}\n";
    fs::write(chart.join("templates/values.yaml"), template).expect("written");
}

/// What the chart sees.
fn seen(helm: &Helm, folder: &Path, args: &[&str]) -> Value {
    let mut command = helm.command(&[&["template", "m", "mirror"], args].concat());
    let text = Outcome::of(&command.current_dir(folder).output().expect("runs")).ok();
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("values: "))
        .expect("values");
    json(&serde_json::from_str::<String>(line).expect("a quoted text"))
}

#[test]
fn set_means_what_helm_means() {
    let folder = tempfile::tempdir().expect("a directory");
    mirror(folder.path());
    copy_tree(&starter(), folder.path());
    run_in(folder.path(), &["compile", "--env", "dev", "-o", "a.json"]).ok();
    let generate = [
        "generate",
        "-a",
        "a.json",
        "-e",
        "dev",
        "--mapping",
        "mapping.yaml",
    ];
    let base = run_in(folder.path(), &generate).ok();
    fs::write(folder.path().join("base.yaml"), base).expect("written");
    let cases = [
        "a=1",
        "own.a=null",
        "own=null",
        "own.list[1]=x",
        "own.list={a,b}",
        "a.b[2].c=x",
        r"floe.observability.attributes.service\.name=y",
        r"a=x\,y,b=TRUE",
        "a={}",
        "a=007,b=1.5,c=-1,d=0",
        "floe.storage=null",
        "resourcePreset=null",
        "autoscaling.enabled=true",
        "a=b=c",
        "floe.env[0].name=X",
    ];
    for major in MAJORS {
        let helm = Helm::new(major);
        for set in cases {
            let ours = run_in(folder.path(), &[&generate[..], &["--set", set]].concat()).ok();
            fs::write(folder.path().join("ours.yaml"), ours).expect("written");
            let ours = seen(&helm, folder.path(), &["-f", "ours.yaml"]);
            let theirs = seen(&helm, folder.path(), &["-f", "base.yaml", "--set", set]);
            assert_eq!(ours, theirs, "Helm {major}: {set}");
        }
        // The arguments of `--format set-args` come to the same values.
        let lines = run_in(
            folder.path(),
            &[&generate[..], &["--format", "set-args"]].concat(),
        )
        .ok();
        let mut shell = helm.program("/bin/sh");
        let words = lines.replace('\n', " ");
        shell.args([
            "-euc",
            &format!("helm template m mirror {words} > args.txt"),
        ]);
        let said = Outcome::of(&shell.current_dir(folder.path()).output().expect("runs"));
        assert_eq!(said.code, 0, "{}", said.stderr);
        let text = fs::read_to_string(folder.path().join("args.txt")).expect("read");
        let line = text
            .lines()
            .find_map(|l| l.trim().strip_prefix("values: "))
            .expect("values");
        let by_args = json(&serde_json::from_str::<String>(line).expect("a quoted text"));
        assert_eq!(
            by_args,
            seen(&helm, folder.path(), &["-f", "base.yaml"]),
            "Helm {major}"
        );
    }
    for set in ["a", "a[x]=1", "a={x", "own"] {
        let said = run_in(folder.path(), &[&generate[..], &["--set", set]].concat());
        assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{set}");
    }
}

#[test]
fn two_artifacts_give_two_values_files_and_one_serves_five_environments() {
    let folder = tempfile::tempdir().expect("a directory");
    copy_tree(&tiers(), folder.path());
    run_in(folder.path(), &["compile", "--env", "uat", "-o", "a.json"]).ok();
    let generate = [
        "generate",
        "-a",
        "a.json",
        "--mapping",
        "mapping.yaml",
        "--all-envs",
        "-o",
    ];
    run_in(folder.path(), &[&generate[..], &["one"]].concat()).ok();
    let spec = fs::read_to_string(folder.path().join("floe.yaml")).expect("read");
    fs::write(
        folder.path().join("floe.yaml"),
        spec.replace("compute: crane", "compute: default"),
    )
    .expect("written");
    run_in(folder.path(), &["compile", "--env", "uat", "-o", "a.json"]).ok();
    run_in(folder.path(), &[&generate[..], &["two"]].concat()).ok();
    for (env, cluster, namespace, preset) in [
        ("dev", "nonprod-west", "floe-dev", "small"),
        ("qa", "nonprod-west", "floe-qa", "small"),
        ("uat", "nonprod-west", "floe-uat", "small"),
        ("staging", "nonprod-west", "floe-staging", "medium"),
        ("prod", "prod-west", "floe-prod", "huge"),
    ] {
        let read = |set: &str| {
            fs::read_to_string(folder.path().join(format!("{set}/values-{env}.yaml")))
                .expect("read")
        };
        let (one, two) = (read("one"), read("two"));
        assert_ne!(one, two);
        assert!(one.contains("SNOWFLAKE_PASSWORD") && !two.contains("SNOWFLAKE_PASSWORD"));
        assert!(
            one.contains(&format!("cluster {cluster}, namespace {namespace}\n")),
            "{one}"
        );
        assert!(
            one.contains(&format!("resourcePreset: {preset}\n")),
            "{one}"
        );
    }
}

// ---- no credential ever comes out ----------------------------------------------------------------

#[test]
fn a_credential_in_the_clear_is_refused_and_never_repeated() {
    let platform = fs::read_to_string(tiers().join("platform/uat/platform.yaml")).expect("read");
    let spec = fs::read_to_string(tiers().join("floe.yaml")).expect("read");
    let folder = tempfile::tempdir().expect("a directory");
    let mut tried = 0;
    let in_platform = [
        (
            "      client_secret:\n        secret_ref: catalog-client-secret",
            format!("      client_secret: {SECRET}"),
        ),
        (
            "      rest.auth-type: oauth2",
            format!("      rest.auth-type: oauth2\n      credential: {SECRET}"),
        ),
        (
            "      warehouse: CRANE",
            format!("      warehouse: CRANE\n      password: {SECRET}"),
        ),
        (
            "      threads: 4",
            format!("      dsn: postgresql://u:{SECRET}@db/x"),
        ),
        (
            "      client_secret:\n        secret_ref: harbour-login",
            format!("      client_secret: {SECRET}"),
        ),
        (
            "        DUCKDB_TEMP_DIRECTORY: /tmp/duckdb",
            format!("        API_TOKEN: {SECRET}"),
        ),
        (
            "    uri: thrift://metastore.uat.harbour.internal:9083",
            format!("    uri: thrift://u:{SECRET}@h:9083"),
        ),
        (
            "      secret_ref: quay-keys",
            format!("      secret_ref: quay-keys\n      secret_key: {SECRET}"),
        ),
        (
            "    cloud.region: eu-west-1",
            format!("    cloud.region: eu-west-1\n    auth.token: {SECRET}"),
        ),
        (
            "  traces: true\n  metrics: true",
            format!("  traces: {SECRET}\n  metrics: true"),
        ),
        ("      mode: iam_role", format!("      mode: {SECRET}")),
        ("version: \"1.2.0\"", format!("version: {SECRET}")),
    ];
    let in_spec = [
        (
            "  dev_mode: false",
            format!("  dev_mode: false\n  api_secret: {SECRET}"),
        ),
        ("        days: 14", format!("        password: {SECRET}")),
        (
            "    service.name: cargo-manifests",
            format!("    api_key: {SECRET}"),
        ),
        (
            "storage: default",
            format!("storage: {{password: {SECRET}}}"),
        ),
        ("name: cargo-manifests\n", format!("name: [{SECRET}]\n")),
        (
            "    manifest_path: dbt/target/manifest.json",
            format!("    manifest_path: https://u:{SECRET}@h/m.json"),
        ),
    ];
    let commands: [&[&str]; 6] = [
        &["platform", "validate", "--env", "uat"],
        &["platform", "secrets", "--env", "uat"],
        &["platform", "secrets", "--env", "uat", "--format", "json"],
        &["platform", "list-profiles", "--env", "uat"],
        &["platform", "namespaces", "--env", "uat"],
        &["compile", "--env", "uat"],
    ];
    let mut tries: Vec<(String, String, String)> = Vec::new();
    for (from, to) in &in_platform {
        assert!(platform.contains(from), "{from}");
        tries.push((platform.replace(from, to), spec.clone(), to.clone()));
    }
    for (from, to) in &in_spec {
        assert!(spec.contains(from), "{from}");
        tries.push((platform.clone(), spec.replace(from, to), to.clone()));
    }
    for (platform_text, spec_text, what) in tries {
        copy_tree(&tiers(), folder.path());
        fs::write(
            folder.path().join("platform/uat/platform.yaml"),
            &platform_text,
        )
        .expect("written");
        fs::write(folder.path().join("floe.yaml"), &spec_text).expect("written");
        for command in commands {
            let said = run_in(folder.path(), command);
            let whole = format!("{}{}", said.stdout, said.stderr);
            assert!(!whole.contains(SECRET), "{command:?} on {what}\n{whole}");
            if command[0] == "compile" {
                assert_eq!(said.code, 2, "{what}\n{whole}");
                assert!(said.stdout.is_empty(), "{what}");
                tried += 1;
            }
        }
    }
    assert_eq!(tried, in_platform.len() + in_spec.len());
}

#[test]
fn a_plaintext_secret_says_what_to_write_instead() {
    let folder = tempfile::tempdir().expect("a directory");
    copy_tree(&tiers(), folder.path());
    let file = folder.path().join("platform/uat/platform.yaml");
    let text = fs::read_to_string(&file).expect("read");
    let text = text.replace(
        "      client_secret:\n        secret_ref: catalog-client-secret",
        &format!("      client_secret: {SECRET}"),
    );
    fs::write(&file, text).expect("written");
    let said = run_in(folder.path(), &["platform", "validate", "--env", "uat"]);
    assert!(
        said.stderr.contains(
            "catalogs.default.credentials.client_secret: must use secret_ref, not a plaintext value"
        ),
        "{}",
        said.stderr
    );
}

// ---- artifacts of older formats ---------------------------------------------------------------

#[test]
fn older_artifacts_are_read_as_far_as_they_say_enough() {
    let folder = tempfile::tempdir().expect("a directory");
    let generate = |text: &str| {
        fs::write(folder.path().join("a.json"), text).expect("written");
        run_in(folder.path(), &["generate", "-a", "a.json", "-e", "dev"])
    };
    let first = r#"{"version": "1.1.0",
      "metadata": {"compiled_at": "2025-01-01T00:00:00Z", "floe_core_version": "0.1", "source_hash": "ab"},
      "transforms": [{"type": "dbt", "path": "./dbt", "target": null}],
      "resolved_profiles": {"platform_env": "dev",
        "storage": {"type": "s3", "endpoint": "", "region": "eu-west-1", "bucket": "old-data", "path_style_access": false,
          "credentials": {"mode": "static", "secret_ref": "old-keys", "client_id": null, "client_secret": null, "scope": null, "role_arn": null}},
        "catalog": {"type": "polaris", "uri": "http://polaris:8181", "warehouse": "w", "namespace": "default",
          "credentials": {"mode": "oauth2", "client_id": "me", "client_secret": {"secret_ref": "old-client"}}},
        "compute": {"type": "duckdb", "properties": {"threads": 2}, "credentials": {"mode": "static"}}},
      "observability": {"traces": true, "metrics": true, "lineage": false, "otlp_endpoint": null}}"#;
    let values = generate(first).ok();
    for part in [
        "bucket: old-data",
        "AWS_ACCESS_KEY_ID",
        "name: old-keys",
        "POLARIS_CLIENT_SECRET",
    ] {
        assert!(values.contains(part), "{part}\n{values}");
    }
    let flat = r#"{"version": "2.0.0", "metadata": {"name": "p", "version": "1.0.0"},
      "storage": {"type": "s3", "region": "eu-west-1", "bucket": "flat-data", "credential_mode": "iam_role", "role_arn": "arn:aws:iam::111111111111:role/r"},
      "catalog": {"type": "rest", "uri": "http://c:1", "warehouse": "w", "credential_mode": "static"},
      "compute": {"type": "duckdb", "credential_mode": "static"},
      "observability": {"tracing": {"enabled": true, "endpoint": "http://o:4317"}, "lineage": {"enabled": false}}}"#;
    let values = generate(flat).ok();
    for part in [
        "bucket: flat-data",
        "eks.amazonaws.com/role-arn",
        "otlpEndpoint",
    ] {
        assert!(values.contains(part), "{part}\n{values}");
    }
    for (text, part) in [
        (
            flat.replace(
                r#""credential_mode": "static"}"#,
                r#""credential_mode": "oauth2"}"#,
            ),
            "does not say which Secrets",
        ),
        (
            first.replace("1.1.0", "0.10.0"),
            "artifacts of version 0.10.0 cannot be read",
        ),
        ("{}".into(), "has no `version`"),
        (
            first.replace("resolved_profiles", "profiles"),
            "has no `resolved_profiles`",
        ),
        (
            r#"{"version": "2.0.0"}"#.into(),
            "neither `profiles` nor `storage`",
        ),
    ] {
        let said = generate(&text);
        assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{part}");
        assert!(said.stderr.contains(part), "{part}\n{}", said.stderr);
    }
}
