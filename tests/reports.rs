//! Reports for other programs: SARIF against its schema, JUnit against an XML reader, annotations
//! against GitHub's grammar, and the page in a real browser.
#![cfg(unix)]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Helm, Outcome, chart, feed, floe, helm_floe, path_text, repository};
use serde_json::Value;

/// A password that nothing may repeat.
const PASSWORD: &str = "Tr0ub4dor-and-3";

/// A release that is refused, in words that try to break every format.
const HOSTILE: &str = r#"# Source: web/templates/odd, name: <b>.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: "web\"><script>alert(1)</script>"
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      hostPID: true
      containers:
      - name: "a\n::error::%0A]]>"
        image: registry.example.com/web:1.2.3
        env:
        - {name: DB_PASSWORD, value: Tr0ub4dor-and-3}
"#;

/// A file with problems of its own, below which others stand.
fn manifest(lines_above: usize) -> String {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  hostPID: true\n  containers: [{name: web, image: \"web:1\"}]\n";
    format!("{}{pod}", "# moved\n".repeat(lines_above))
}

fn check(input: &str, args: &[&str]) -> Outcome {
    let args = [&["check", "-"], args].concat();
    let said = Outcome::of(&feed(&mut floe(&args), input.as_bytes()));
    for text in [&said.stdout, &said.stderr] {
        assert!(!text.contains(PASSWORD), "{text}");
    }
    said
}

fn sarif(input: &str) -> Value {
    let said = check(input, &["--format", "sarif"]);
    serde_json::from_str(&said.stdout).expect("JSON")
}

fn results(log: &Value) -> &Vec<Value> {
    log["runs"][0]["results"].as_array().expect("results")
}

/// The schema of SARIF 2.1.0, from a Go module that carries it; none where Go is not there.
fn sarif_schema() -> Option<Value> {
    let module = "github.com/owenrumney/go-sarif/v3@v3.3.0";
    let output = Command::new("go")
        .args(["mod", "download", "-json", module])
        .current_dir(std::env::temp_dir())
        .output()
        .ok()?;
    let answer: Value = serde_json::from_slice(&output.stdout).ok()?;
    let source = Path::new(answer["Dir"].as_str()?).join("pkg/report/v210/sarif/schema.go");
    let text = fs::read_to_string(source).expect("the module's source");
    let schema = text.split('`').nth(1).expect("one literal");
    Some(serde_json::from_str(schema).expect("a JSON Schema"))
}

#[test]
fn sarif_is_valid() {
    let Some(schema) = sarif_schema() else {
        eprintln!("skipped: no Go to get the schema of SARIF with");
        return;
    };
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for input in [
        HOSTILE,
        &manifest(0),
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n",
    ] {
        let log = sarif(input);
        let errors: Vec<String> = validator
            .iter_errors(&log)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{errors:#?}\n{log:#}");
    }
    let mut broken = sarif(HOSTILE);
    broken["runs"][0]["results"][0]["level"] = "fatal".into();
    assert!(!validator.is_valid(&broken), "the schema accepts anything");
}

#[test]
fn sarif_names_the_template_and_the_rule() {
    let log = sarif(HOSTILE);
    let rules = log["runs"][0]["tool"]["driver"]["rules"]
        .as_array()
        .expect("rules");
    for result in results(&log) {
        let rule =
            &rules[usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("fits")];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(rule["shortDescription"]["text"].is_string(), "{rule}");
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(
            place["artifactLocation"]["uri"],
            "web/templates/odd,%20name%3A%20%3Cb%3E.yaml"
        );
    }
    assert!(
        results(&log)
            .iter()
            .any(|result| result["ruleId"] == "pss/hostNamespaces")
    );
}

#[test]
fn fingerprints_stay_when_lines_move() {
    let prints = |log: &Value| -> Vec<Value> {
        results(log)
            .iter()
            .map(|result| result["partialFingerprints"].clone())
            .collect()
    };
    let (before, after) = (sarif(&manifest(0)), sarif(&manifest(5)));
    assert_eq!(prints(&before), prints(&after));
    let lines = |log: &Value| results(log)[0]["properties"]["renderedLine"].clone();
    assert_ne!(lines(&before), lines(&after));
    let mut unique = prints(&before);
    unique.sort_by_key(Value::to_string);
    unique.dedup();
    assert_eq!(
        unique.len(),
        results(&before).len(),
        "two findings share a fingerprint"
    );
}

#[test]
fn an_exception_is_a_suppression() {
    let root = tempfile::tempdir().expect("a directory");
    let platform = root.path().join("platform.yaml");
    let text = "hardening:\n  exceptions:\n  - {policy: pss/hostNamespaces, kind: Pod, name: web, reason: agent of the node, expires: \"2999-01-01\"}\n";
    fs::write(&platform, text).expect("written");
    let said = check(
        &manifest(0),
        &["--format", "sarif", "--platform", path_text(&platform)],
    );
    let log: Value = serde_json::from_str(&said.stdout).expect("JSON");
    let excepted = results(&log)
        .iter()
        .find(|result| result["ruleId"] == "pss/hostNamespaces");
    let suppressions = &excepted.expect("still listed")["suppressions"];
    assert_eq!(suppressions[0]["justification"], "agent of the node");
    let junit = check(
        &manifest(0),
        &["--format", "junit", "--platform", path_text(&platform)],
    );
    let document = roxmltree::Document::parse(&junit.stdout).expect("XML");
    assert_eq!(
        document
            .descendants()
            .filter(|node| node.has_tag_name("skipped"))
            .count(),
        1
    );
}

#[test]
fn junit_counts_what_it_lists() {
    for (input, args) in [
        (HOSTILE, vec!["--format", "junit"]),
        (HOSTILE, vec!["--format", "junit", "--on-violation", "warn"]),
        (
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n",
            vec!["--format", "junit"],
        ),
    ] {
        let said = check(input, &args);
        let document = roxmltree::Document::parse(&said.stdout).expect("XML");
        let count = |name| {
            document
                .descendants()
                .filter(|node| node.has_tag_name(name))
                .count()
        };
        for suites in ["testsuites", "testsuite"] {
            let node = document
                .descendants()
                .find(|node| node.has_tag_name(suites))
                .expect(suites);
            let said = |name| node.attribute(name).map(str::to_owned);
            assert_eq!(said("tests"), Some(count("testcase").to_string()));
            assert_eq!(said("failures"), Some(count("failure").to_string()));
        }
        assert!(count("testcase") > 0);
        assert_eq!(count("failure") > 0, said.code == 1, "{args:?}");
    }
}

#[test]
fn every_annotation_is_one_line_and_one_command() {
    let said = check(HOSTILE, &["--format", "github"]);
    let json = check(HOSTILE, &["--format", "json"]).stdout;
    let report: Value = serde_json::from_str(&json).expect("JSON");
    let findings = report["findings"].as_array().expect("findings").len();
    let lines: Vec<&str> = said.stdout.lines().collect();
    let (last, commands) = lines.split_last().expect("lines");
    assert!(
        last.starts_with("helm-floe refuses this release: "),
        "{last}"
    );
    assert_eq!(commands.len(), findings);
    for line in commands {
        let (command, keys) = command(line).unwrap_or_else(|| panic!("no command: {line}"));
        assert!(["error", "warning"].contains(&command), "{line}");
        assert_eq!(keys, ["file", "title"], "{line}");
    }
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), manifest(2)).expect("written");
    let said = Outcome::of(&feed(
        &mut floe(&["check", path_text(file.path()), "--format", "github"]),
        b"",
    ));
    let host = said
        .stdout
        .lines()
        .find(|line| line.contains("hostNamespaces"))
        .expect("found");
    assert!(host.contains(",line=7,col=12,"), "{host}");
}

/// The command and its properties' names, read as GitHub's runner does it.
fn command(line: &str) -> Option<(&str, Vec<&str>)> {
    let (head, _) = line.strip_prefix("::")?.split_once("::")?;
    let (command, properties) = head.split_once(' ')?;
    let names = properties
        .split(',')
        .map(|pair| Some(pair.split_once('=')?.0));
    Some((command, names.collect::<Option<_>>()?))
}

#[test]
fn a_chart_is_annotated_at_its_template() {
    let helm = Helm::new(3);
    let mut command = helm.program(helm_floe());
    command
        .args(["check", "testdata/charts/violating", "--format", "github"])
        .current_dir(repository());
    let said = Outcome::of(&feed(&mut command, b""));
    let files: Vec<&str> = said
        .stdout
        .lines()
        .filter_map(|line| line.split("file=").nth(1)?.split(',').next())
        .collect();
    assert!(!files.is_empty(), "{}", said.stdout);
    for file in files {
        assert!(repository().join(file).is_file(), "{file}");
    }
}

#[test]
fn the_ending_of_the_file_tells_its_format() {
    let root = tempfile::tempdir().expect("a directory");
    for (name, start) in [
        ("a.sarif", "{\n  \"$schema\""),
        ("a.json", "{\n  \"version\": 1"),
        ("a.xml", "<?xml"),
        ("a.html", "<!doctype html>"),
        ("a.log", "helm-floe refuses"),
    ] {
        let file = root.path().join(name);
        let said = check(HOSTILE, &["--report", path_text(&file)]);
        assert!(
            said.stdout.starts_with("helm-floe refuses"),
            "{}",
            said.stdout
        );
        let written = fs::read_to_string(&file).expect("written");
        assert!(written.starts_with(start), "{name}: {written}");
        assert!(!written.contains(PASSWORD));
    }
}

/// The page of a release that went through the filter.
fn page(input: &str, file: &Path) -> String {
    let args = [
        "--release",
        "shop",
        "--namespace",
        "shop",
        "--env",
        "prod",
        "--report",
        path_text(file),
    ];
    feed(&mut floe(&args), input.as_bytes());
    let page = fs::read_to_string(file).expect("written");
    assert!(!page.contains(PASSWORD), "{page}");
    page
}

fn rendered(name: &str) -> String {
    let helm = Helm::new(3);
    let args = ["template", "shop", &chart(name), "--namespace", "shop"];
    let mut command = helm.command(&args);
    Outcome::of(&command.output().expect("runs")).ok()
}

#[test]
fn the_page_names_every_edit_and_is_always_the_same() {
    let root = tempfile::tempdir().expect("a directory");
    let input = rendered("tiers");
    let first = page(&input, &root.path().join("a.html"));
    assert_eq!(first, page(&input, &root.path().join("b.html")));
    let mut json = floe(&[
        "--release",
        "shop",
        "--namespace",
        "shop",
        "--env",
        "prod",
        "--format",
        "json",
    ]);
    let report: Value =
        serde_json::from_str(&Outcome::of(&feed(&mut json, input.as_bytes())).stderr)
            .expect("JSON");
    let edits = report["edits"].as_array().expect("edits");
    assert_eq!(first.matches("<tr><td><code>").count(), edits.len());
    for edit in edits {
        let path = edit["path"].as_str().expect("a path");
        assert!(first.contains(&format!("<code>{path}</code>")), "{path}");
    }
    assert!(first.contains("data:image/svg+xml;base64,"));
    assert!(
        !first.contains("http://") && !first.contains("https://") || !first.contains("src=\"http")
    );
}

/// What a browser finds out about a page: that nothing of it is missing, and nothing sticks out.
const LOOK: &str = r#"<script>
addEventListener("load", () => {
  const images = [...document.images].every((image) => image.complete && image.naturalWidth > 0);
  const wide = document.documentElement.scrollWidth > innerWidth;
  const scripts = document.scripts.length;
  document.title = JSON.stringify({images, wide, scripts, cards: document.querySelectorAll("article").length});
});
</script>"#;

/// A browser that runs without a screen; none where there is none.
fn browser() -> Option<PathBuf> {
    let named = std::env::var_os("HELM_FLOE_BROWSER").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|program| program.is_file());
    named.or(found)
}

#[test]
fn a_browser_shows_the_whole_page() {
    let Some(browser) = browser() else {
        eprintln!("skipped: no Chromium on PATH, and HELM_FLOE_BROWSER is not set");
        return;
    };
    let root = tempfile::tempdir().expect("a directory");
    let file = root.path().join("page.html");
    let tiers = rendered("tiers");
    for (input, cards) in [(tiers.as_str(), false), (HOSTILE, true)] {
        let page = page(input, &file).replace("</body>", &format!("{LOOK}</body>"));
        fs::write(&file, page).expect("written");
        for width in [1200, 600] {
            let output = Command::new(&browser)
                .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
                .arg(format!(
                    "--user-data-dir={}",
                    root.path().join("profile").display()
                ))
                .arg(format!("--window-size={width},900"))
                .arg(format!("file://{}", file.display()))
                .output()
                .expect("the browser runs");
            let page = String::from_utf8_lossy(&output.stdout).into_owned();
            let title = page
                .split("<title>")
                .nth(1)
                .and_then(|rest| rest.split("</title>").next());
            let seen: Value = serde_json::from_str(title.unwrap_or_default())
                .unwrap_or_else(|error| panic!("{error}: {page}"));
            assert_eq!(seen["images"], true, "{seen}");
            assert_eq!(seen["wide"], false, "{seen} at {width}");
            assert_eq!(seen["scripts"], 1, "only the test's own: {seen}");
            assert_eq!(seen["cards"].as_u64() > Some(0), cards, "{seen}");
        }
    }
}
