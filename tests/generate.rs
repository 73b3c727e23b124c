//! `generate` and what stands around it: without an artifact, without a platform file, with charts that
//! take it or not, and judged by the tools that read what it writes.
#![cfg(unix)]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::path::Path;

use common::definitions::{against, definitions};
use common::{Helm, MAJORS, Outcome, copy_tree, feed, floe, repository};
use helm_floe::manifest::{Document, split};
use serde_json::{Value, json};
use tempfile::TempDir;

/// What must never be repeated.
const SECRET: &str = "hunter2-do-not-print";

/// Runs the binary in a directory.
fn run(directory: &Path, args: &[&str]) -> Outcome {
    run_with(directory, args, &[])
}

fn run_with(directory: &Path, args: &[&str], env: &[(&str, &str)]) -> Outcome {
    let mut command = floe(args);
    command.current_dir(directory).envs(env.iter().copied());
    let said = Outcome::of(&feed(&mut command, b""));
    assert!(!format!("{}{}", said.stdout, said.stderr).contains(SECRET));
    said
}

/// A copy of the examples.
fn starter() -> TempDir {
    let folder = tempfile::tempdir().expect("a directory");
    copy_tree(&repository().join("examples/starter"), folder.path());
    folder
}

/// The one document of a YAML text.
fn yaml(text: &str) -> Value {
    let spans = split(text).expect("YAML");
    let span = spans.into_iter().last().expect("a document");
    let document = Document::parse(span.text).expect("YAML");
    document.root().expect("something").to_json()
}

// ---- without an artifact ------------------------------------------------------------------------

#[test]
fn a_product_is_compiled_on_the_way() {
    let folder = starter();
    let here = folder.path();
    for env in ["dev", "prod"] {
        run(
            here,
            &["compile", "--env", env, "-o", &format!("{env}.json")],
        )
        .ok();
    }
    let mapped = [
        "generate",
        "--mapping",
        "mapping.yaml",
        "-e",
        "dev",
        "-e",
        "prod",
        "-o",
    ];
    run(
        here,
        &[
            &mapped[..],
            &["by-artifact", "-a", "dev.json", "-a", "prod.json"],
        ]
        .concat(),
    )
    .ok();
    run(
        here,
        &[&mapped[..], &["by-spec", "--spec", "floe.yaml"]].concat(),
    )
    .ok();
    for env in ["dev", "prod"] {
        let read = |set: &str| {
            fs::read_to_string(here.join(format!("{set}/values-{env}.yaml"))).expect("written")
        };
        assert_eq!(read("by-spec"), read("by-artifact"));
    }
    // The file's place says which environment it is for.
    let by_file = [
        "generate",
        "--spec",
        "floe.yaml",
        "--platform",
        "platform/prod/platform.yaml",
    ];
    let said = run(here, &by_file).ok();
    assert!(said.contains("floe-prod-data"), "{said}");
    // One file for an environment of another name.
    let said = run(here, &[&by_file[..], &["-e", "uat"]].concat()).ok();
    assert!(
        said.contains("floe-prod-data") && said.contains("environment: uat"),
        "{said}"
    );
    for (args, want) in [
        (
            &["generate", "--spec", "floe.yaml"][..],
            "which environment? Give --env",
        ),
        (
            &["generate", "--spec", "floe.yaml", "-e", "../dev"],
            "no environment `../dev` in the mapping",
        ),
        (
            &["generate", "--spec", "floe.yaml", "-e", "uat"],
            "no environment `uat` in platform",
        ),
        (
            &[
                "generate",
                "--spec",
                "floe.yaml",
                "-a",
                "dev.json",
                "-e",
                "dev",
            ],
            "cannot be used with",
        ),
        (
            &["generate", "-a", "dev.json", "--platform", "p.yaml"],
            "cannot be used with",
        ),
        (&["generate"], "--spec floe.yaml"),
        (
            &["generate", "--spec", "none.yaml", "-e", "dev"],
            "none.yaml",
        ),
    ] {
        let said = run(here, args);
        assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{args:?}");
        assert!(said.stderr.contains(want), "{args:?}\n{}", said.stderr);
    }
}

#[test]
fn a_dry_run_says_what_would_be_written_and_writes_nothing() {
    let folder = starter();
    let here = folder.path();
    let generate = [
        "generate",
        "--spec",
        "floe.yaml",
        "--mapping",
        "mapping.yaml",
        "-e",
        "dev",
        "-e",
        "prod",
    ];
    let with = |more: &[&'static str]| run(here, &[&generate[..], more].concat());
    let said = with(&["-o", "out", "--dry-run"]).ok();
    let lines: Vec<&str> = said.lines().collect();
    assert!(
        lines[0].starts_with("out/values-dev.yaml: ") && lines[0].ends_with(" bytes, new"),
        "{said}"
    );
    assert_eq!(lines.len(), 2);
    assert!(!here.join("out").exists());
    with(&["-o", "out"]).ok();
    let file = here.join("out/values-dev.yaml");
    let changed = fs::read_to_string(&file).expect("read") + "more: 1\n";
    fs::write(&file, &changed).expect("written");
    let said = with(&["-o", "out", "--dry-run"]).ok();
    let fates: Vec<&str> = said
        .lines()
        .filter_map(|line| line.rsplit(' ').next())
        .collect();
    assert_eq!(fates, ["changed", "unchanged"]);
    assert_eq!(fs::read_to_string(&file).expect("read"), changed);
    let said = with(&["--dry-run"]).ok();
    assert!(
        said.lines().all(|line| line.starts_with("stdout: ")),
        "{said}"
    );
    assert_eq!(with(&["-o", "out", "--dry-run", "--check"]).code, 2);
}

#[test]
fn values_that_fit_into_no_release_are_refused() {
    let folder = starter();
    let here = folder.path();
    let long = "x".repeat(1_000_000);
    fs::write(here.join("more.yaml"), format!("note: {long}\n")).expect("written");
    let generate = ["generate", "--spec", "floe.yaml", "-e", "dev"];
    let said = run(here, &[&generate[..], &["-f", "more.yaml"]].concat());
    assert_eq!((said.code, said.stdout.as_str()), (2, ""));
    assert!(
        said.stderr
            .contains("more than 1000000 fit into no release"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_chart_says_what_it_takes() {
    let folder = starter();
    let here = folder.path();
    run(here, &["compile", "--env", "dev", "-o", "dev.json"]).ok();
    let older = r#"{"version": "1.1.0", "resolved_profiles": {"platform_env": "dev",
      "storage": {"type": "local", "bucket": "old-data"},
      "catalog": {"type": "rest", "uri": "http://c:1", "warehouse": "w"}, "compute": {"type": "duckdb"}}}"#;
    fs::write(here.join("older.json"), older).expect("written");
    fs::create_dir(here.join("chart")).expect("created");
    for (annotations, artifact, code, want) in [
        ("floe.dev/artifacts: 2.0.0, 1.1.0", "older.json", 0, ""),
        ("floe.dev/artifacts: 2.0.0", "dev.json", 0, ""),
        (
            "floe.dev/artifacts: 2.0.0",
            "older.json",
            1,
            "older.json: is an artifact of version 1.1.0, and the chart takes 2.0.0",
        ),
        ("floe.dev/helm-floe: \">=0.1.0 <0.2.0\"", "dev.json", 0, ""),
        (
            "floe.dev/helm-floe: \">=9.0.0\"",
            "dev.json",
            1,
            "and the chart wants >=9.0.0",
        ),
        (
            "floe.dev/helm-floe: soon",
            "dev.json",
            2,
            "Chart.yaml: the annotation floe.dev/helm-floe is no range",
        ),
    ] {
        let chart =
            format!("apiVersion: v2\nname: c\nversion: 0.1.0\nannotations:\n  {annotations}\n");
        fs::write(here.join("chart/Chart.yaml"), chart).expect("written");
        let said = run(
            here,
            &["generate", "-a", artifact, "-e", "dev", "--chart", "chart"],
        );
        assert_eq!(said.code, code, "{annotations}\n{}", said.stderr);
        assert!(said.stderr.contains(want), "{annotations}\n{}", said.stderr);
        assert_eq!(said.stdout.is_empty(), code != 0);
    }
}

// ---- without a platform file --------------------------------------------------------------------

#[test]
fn local_alone_gets_by_without_a_platform_file() {
    let folder = tempfile::tempdir().expect("a directory");
    let here = folder.path();
    fs::write(here.join("floe.yaml"), "name: orders\nversion: 1.0.0\n").expect("written");
    let env = [
        ("POLARIS_URI", "http://catalog.example.com:8181/api/catalog"),
        ("POLARIS_CLIENT_ID", "me"),
        ("POLARIS_CLIENT_SECRET", SECRET),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
    ];
    let said = run_with(here, &["compile", "--env", "local"], &env);
    let notice = "helm-floe: no platform directory here or above: `local` is made of AWS_ACCESS_KEY_ID, POLARIS_URI, POLARIS_CLIENT_ID, POLARIS_CLIENT_SECRET and the defaults of a developer's machine\n";
    assert_eq!(said.stderr, notice);
    let artifact: Value = serde_json::from_str(&said.ok()).expect("JSON");
    let client = &artifact["profiles"]["catalog"]["credentials"]["client_secret"];
    assert_eq!(client["secret_ref"], "POLARIS_CLIENT_SECRET");
    assert_eq!(artifact["metadata"]["environment"], "local");
    let said = run(here, &["generate", "--spec", "floe.yaml", "-e", "local"]);
    assert!(
        said.stderr
            .contains("is made of the defaults of a developer's machine"),
        "{}",
        said.stderr
    );
    assert!(said.ok().contains("http://localhost:8181/api/catalog"));
    run(here, &["platform", "list-profiles", "--env", "local"]).ok();
    // A login in an address is refused here as everywhere.
    let uri = format!("http://me:{SECRET}@catalog:8181");
    let said = run_with(
        here,
        &["compile", "--env", "local"],
        &[("POLARIS_URI", &uri)],
    );
    assert_eq!((said.code, said.stdout.as_str()), (2, ""));
    assert!(
        said.stderr
            .contains("catalogs.default.uri: holds a user name and password"),
        "{}",
        said.stderr
    );
    // No other environment, no other command, and not beside platform files.
    for args in [
        &["compile", "--env", "dev"][..],
        &["compile"],
        &["platform", "validate", "--env", "local"],
        &["platform", "namespaces", "--env", "local"],
    ] {
        assert_eq!(run_with(here, args, &env).code, 2, "{args:?}");
    }
    fs::create_dir_all(here.join("platform/dev")).expect("created");
    fs::write(here.join("platform/dev/platform.yaml"), "version: 1.2.0\n").expect("written");
    let said = run_with(here, &["compile", "--env", "local"], &env);
    assert_eq!(said.code, 2);
    assert!(
        said.stderr.contains("no environment `local` in platform"),
        "{}",
        said.stderr
    );
}

// ---- the examples, all the way ------------------------------------------------------------------

/// Every example compiles, gives values that a chart sees as they are, and a platform file that hardens
/// what the chart makes of them.
#[test]
fn every_example_reaches_a_release() {
    let folder = starter();
    let here = folder.path();
    let chart = here.join("chart");
    fs::create_dir_all(chart.join("templates")).expect("created");
    let meta = "apiVersion: v2\nname: mirror\nversion: 0.1.0\n";
    fs::write(chart.join("Chart.yaml"), meta).expect("written");
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata:\n  values: {{ .Values | toJson | quote }}\n";
    fs::write(chart.join("templates/values.yaml"), template).expect("written");
    let mut seen = Vec::new();
    for env in ["local", "dev", "staging", "prod"] {
        let file = format!("values-{env}.yaml");
        let generate = [
            "generate",
            "--spec",
            "floe.yaml",
            "--mapping",
            "mapping.yaml",
            "-e",
            env,
        ];
        run(
            here,
            &[&generate[..], &["-o", &file, "--chart", "chart"]].concat(),
        )
        .ok();
        let values = yaml(&fs::read_to_string(here.join(&file)).expect("written"));
        for major in MAJORS {
            let helm = Helm::new(major);
            let mut template = helm.command(&["template", "m", "chart", "-f", &file]);
            let rendered = Outcome::of(&template.current_dir(here).output().expect("runs")).ok();
            let mut filter = floe(&["--env", env, "--namespace", "orders"]);
            let hardened = feed(filter.current_dir(here), rendered.as_bytes());
            let object = yaml(&Outcome::of(&hardened).ok());
            assert_eq!(object["metadata"]["labels"]["floe.dev/environment"], env);
            let text = object["data"]["values"].as_str().expect("a text");
            let chart_sees: Value = serde_json::from_str(text).expect("JSON");
            assert_eq!(chart_sees, values, "{env}, Helm {major}");
        }
        seen.push(values);
    }
    for (index, values) in seen.iter().enumerate() {
        assert!(!seen.iter().skip(index + 1).any(|other| other == values));
    }
}

// ---- where files are already --------------------------------------------------------------------

/// A chart's own values have the names of generated ones: they are never lost.
#[test]
fn what_generate_did_not_write_is_not_overwritten() {
    let folder = starter();
    let chart = folder.path().join("chart");
    fs::create_dir(&chart).expect("made");
    let own = "# Ours.\nreplicas: 2\n";
    fs::write(chart.join("values-prod.yaml"), own).expect("written");
    let generate = |more: &[&str]| {
        let arguments = [
            "generate",
            "--spec",
            "floe.yaml",
            "--mapping",
            "mapping.yaml",
        ];
        run(
            folder.path(),
            &[&arguments[..], &["-e", "dev", "-e", "prod"], more].concat(),
        )
    };
    let said = generate(&["-o", "chart"]);
    assert_eq!(said.code, 2);
    for words in [
        "chart/values-prod.yaml",
        "-o generated/",
        "Nothing was written",
    ] {
        assert!(said.stderr.contains(words), "{}", said.stderr);
    }
    assert!(!said.stderr.contains("values-dev"), "{}", said.stderr);
    // Neither that file nor the other one.
    let read = |name: &str| fs::read_to_string(chart.join(name)).ok();
    assert_eq!(read("values-prod.yaml").as_deref(), Some(own));
    assert_eq!(read("values-dev.yaml"), None);

    let dry = generate(&["-o", "chart", "--dry-run"]).ok();
    assert!(dry.contains("not written by generate: refused"), "{dry}");
    let check = generate(&["-o", "chart", "--check"]);
    assert_eq!(check.code, 1);
    let told = "values-prod.yaml was not written by generate";
    assert!(check.stderr.contains(told), "{}", check.stderr);

    // What it wrote itself it writes again, whichever version that was.
    fs::remove_file(chart.join("values-prod.yaml")).expect("removed");
    for format in ["values", "configmap", "set-args"] {
        let more = ["-o", "chart", "--format", format];
        generate(&more).ok();
        for entry in fs::read_dir(&chart).expect("read") {
            let file = entry.expect("read").path();
            let text = fs::read_to_string(&file).expect("read");
            let older = text.replace(env!("CARGO_PKG_VERSION"), "0.0.9") + "\n";
            fs::write(&file, older).expect("written");
        }
        generate(&more).ok();
        assert_eq!(generate(&[&more[..], &["--check"]].concat()).code, 0);
    }
}

// ---- judged by those who read it ------------------------------------------------------------------

#[test]
fn argo_cd_takes_the_application_set_and_what_comes_of_it() {
    let definitions = definitions();
    let violations = |object: &Value| against(&definitions, object).expect("a kind of Argo CD's");
    let folder = starter();
    let generate = [
        "generate",
        "--spec",
        "floe.yaml",
        "--mapping",
        "mapping.yaml",
        "--all-envs",
        "--format",
        "applicationset",
        "--repo",
        "https://git.example.com/charts.git",
    ];
    let set = yaml(&run(folder.path(), &generate).ok());
    assert_eq!(violations(&set), [""; 0]);
    // The judge sees mistakes.
    for pointer in ["/spec/generators/0", "/spec/template/spec", "/spec"] {
        let mut wrong = set.clone();
        wrong.pointer_mut(pointer).expect("there")["nonsense"] = json!("x");
        assert!(!violations(&wrong).is_empty(), "{pointer}");
    }
    let elements = set["spec"]["generators"][0]["list"]["elements"]
        .as_array()
        .expect("a list");
    assert_eq!(elements.len(), 4);
    for element in elements {
        let application = filled(&set, element);
        assert_eq!(violations(&application), [""; 0], "{application:#}");
        let spec = &application["spec"];
        let production = element["environment"] == "prod";
        assert_eq!(
            spec["syncPolicy"].get("automated").is_none(),
            production,
            "{spec:#}"
        );
        assert_eq!(spec["destination"]["namespace"], element["namespace"]);
    }
}

/// Values that lie elsewhere than beside the chart, which may have files of the same names.
#[test]
fn the_application_set_takes_values_from_where_they_are() {
    let folder = starter();
    let files = |more: &[&str]| {
        let generate = ["generate", "--spec", "floe.yaml", "-e", "dev", "--format"];
        let set = [
            "applicationset",
            "--repo",
            "https://git.example.com/charts.git",
        ];
        let set = yaml(&run(folder.path(), &[&generate[..], &set, more].concat()).ok());
        set["spec"]["template"]["spec"]["source"]["helm"]["valueFiles"].clone()
    };
    assert_eq!(files(&[]), json!(["values-{{.environment}}.yaml"]));
    let wanted = json!(["../../generated/values-{{.environment}}.yaml"]);
    for folder in ["../../generated", "../../generated/"] {
        assert_eq!(files(&["--repo-values", folder]), wanted);
    }
}

/// The Application that an element becomes: its words in the places of the template, then the patch.
fn filled(set: &Value, element: &Value) -> Value {
    let mut text = json!({
        "apiVersion": set["apiVersion"],
        "kind": "Application",
        "metadata": set["spec"]["template"]["metadata"],
        "spec": set["spec"]["template"]["spec"],
    })
    .to_string();
    for (name, value) in element.as_object().expect("a map") {
        let value = value.as_str().map_or(value.to_string(), str::to_owned);
        text = text.replace(&format!("{{{{.{name}}}}}"), &value);
    }
    assert!(!text.contains("{{"), "{text}");
    let mut application: Value = serde_json::from_str(&text).expect("JSON");
    let patch = set["spec"]["templatePatch"].as_str().expect("a patch");
    let inner = patch
        .strip_prefix("{{- if .automated }}\n")
        .and_then(|p| p.strip_suffix("{{- end }}\n"));
    if element["automated"] == true {
        let patch = yaml(inner.expect("one condition around it all"));
        json_patch::merge(&mut application, &patch);
    }
    application
}

/// A ConfigMap holds nothing but texts, and Flux reads the same values from it.
#[test]
fn the_config_map_holds_the_values() {
    let folder = starter();
    let generate = [
        "generate",
        "--spec",
        "floe.yaml",
        "--mapping",
        "mapping.yaml",
        "-e",
        "prod",
    ];
    let values = yaml(&run(folder.path(), &generate).ok());
    let map = yaml(
        &run(
            folder.path(),
            &[&generate[..], &["--format", "configmap"]].concat(),
        )
        .ok(),
    );
    let fields: Vec<&String> = map.as_object().expect("a map").keys().collect();
    assert_eq!(fields, ["apiVersion", "data", "kind", "metadata"]);
    assert_eq!(
        (&map["apiVersion"], &map["kind"]),
        (&json!("v1"), &json!("ConfigMap"))
    );
    let label = |text: &str| {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        (1..=63).contains(&text.len()) && text.bytes().all(fits)
    };
    for field in ["name", "namespace"] {
        assert!(
            map["metadata"][field].as_str().is_some_and(label),
            "{map:#}"
        );
    }
    let data = map["data"].as_object().expect("a map");
    assert_eq!(data.len(), 1);
    assert_eq!(yaml(data["values.yaml"].as_str().expect("a text")), values);
}
