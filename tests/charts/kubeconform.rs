//! Strict validation by kubeconform against Kubernetes' own schemas, which `scripts/kubeconform` makes.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::common::{Outcome, feed, floe, path_text, repository, tools};
use crate::floe::{artifact, generate};
use crate::render::{FILTER, all, floe_on, objects};

/// kubeconform with its schemas; nothing, said loudly, where they were not made.
struct Kubeconform {
    program: PathBuf,
    schemas: String,
}

impl Kubeconform {
    fn there() -> Option<Self> {
        let made = tools().join("kubeconform");
        if !made.join("kubeconform").is_file() {
            // Past the test harness, which shows only what failing tests print.
            let _ = writeln!(
                std::io::stderr(),
                "kubeconform: skipped, run scripts/kubeconform once to make the schemas"
            );
            return None;
        }
        let name = "schemas/{{ .Group }}/{{ .ResourceKind }}_{{ .ResourceAPIVersion }}.json";
        Some(Self {
            program: made.join("kubeconform"),
            schemas: path_text(&made.join(name)).to_owned(),
        })
    }

    /// What it says of a file or a directory, as JSON.
    fn ask(&self, path: &Path) -> Value {
        let mut command = Command::new(&self.program);
        command.args(["-strict", "-summary", "-output", "json"]);
        command.args(["-schema-location", &self.schemas]).arg(path);
        let said = Outcome::of(&command.output().expect("kubeconform runs"));
        serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{said:?}"))
    }

    /// Asserts that all of these objects are valid, and that none was left out.
    #[track_caller]
    fn takes(&self, path: &Path, count: usize) {
        let said = self.ask(path);
        let expected = serde_json::json!({"valid": count, "invalid": 0, "errors": 0, "skipped": 0});
        assert_eq!(said["summary"], expected, "{:#}", said["resources"]);
    }
}

/// Every chart with every values file, by both Helms, as rendered and after the filter.
#[test]
fn every_object_of_every_chart_is_valid() {
    let Some(kubeconform) = Kubeconform::there() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a directory");
    let mut count = 0;
    for (number, rendered) in all().iter().enumerate() {
        let hardened = floe_on(&FILTER, &rendered.stream).ok();
        for (state, stream) in [("raw", &rendered.stream), ("hardened", &hardened)] {
            count += objects(stream).len();
            let name = format!(
                "{number} {state}, {}.yaml",
                rendered.name().replace('/', " ")
            );
            fs::write(folder.path().join(name), stream).expect("written");
        }
    }
    assert!(count > 1200, "{count}");
    kubeconform.takes(folder.path(), count);
}

/// What the examples and the commands for Argo CD, Flux and the API server write.
#[test]
fn every_object_that_is_written_for_other_programs_is_valid() {
    let Some(kubeconform) = Kubeconform::there() else {
        return;
    };
    kubeconform.takes(&repository().join("charts/examples"), 7);

    let folder = tempfile::tempdir().expect("a directory");
    let artifact = artifact(folder.path());
    let chart = repository().join("charts/floe-platform");
    let into = tempfile::tempdir().expect("a directory");
    generate(&chart, &artifact, into.path(), &["--format", "configmap"]).ok();
    let repo = [
        "--format",
        "applicationset",
        "--repo",
        "https://git.example.com/floe.git",
    ];
    generate(&chart, &artifact, into.path(), &repo).ok();
    let starter = repository().join("examples/starter");
    let namespaces = [
        "platform",
        "namespaces",
        "--env",
        "dev",
        "--env",
        "prod",
        "--mapping",
        "mapping.yaml",
    ];
    for (name, arguments) in [
        ("vap", &["policies", "export", "--format", "vap"][..]),
        ("map", &["policies", "export", "--format", "map"]),
        ("namespaces", &namespaces),
    ] {
        let mut command = floe(arguments);
        let said = Outcome::of(&feed(command.current_dir(&starter), b"")).ok();
        fs::write(into.path().join(format!("{name}.yaml")), said).expect("written");
    }
    let files = fs::read_dir(into.path()).expect("read");
    let texts = files.map(|file| fs::read_to_string(file.expect("read").path()).expect("read"));
    let count = texts.map(|text| objects(&text).len()).sum();
    kubeconform.takes(into.path(), count);
}

/// The schemas are strict: without this, the tests above would show nothing.
#[test]
fn mistakes_are_invalid() {
    let Some(kubeconform) = Kubeconform::there() else {
        return;
    };
    let pod =
        |spec: &str| format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec:\n  {spec}\n");
    let container = |field: &str| pod(&format!("containers: [{{name: a, image: a:1, {field}}}]"));
    let cluster = |spec: &str| {
        format!(
            "apiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nmetadata: {{name: a}}\nspec: {spec}\n"
        )
    };
    let cases = [
        (
            "a field nobody knows",
            container("imagePulPolicy: Always"),
            "imagePulPolicy",
        ),
        (
            "a field in the wrong place",
            pod("containers: []\n  readOnlyRootFilesystem: true"),
            "readOnlyRootFilesystem",
        ),
        (
            "text for a number",
            container("ports: [{containerPort: \"80\"}]"),
            "containerPort",
        ),
        (
            "a number for text",
            container("env: [{name: a, value: 1}]"),
            "env",
        ),
        (
            "no quantity",
            container("resources: {limits: {memory: 1GB}}"),
            "memory",
        ),
        ("a missing field", pod("restartPolicy: Never"), "containers"),
        (
            "a missing field of a custom kind",
            cluster("{instances: 1, storage: {size: 1Gi}, bootstrap: {initdb: {secret: {}}}}"),
            "secret",
        ),
        (
            "a field nobody knows in a custom kind",
            cluster("{instances: 1, persistence: {}}"),
            "persistence",
        ),
        (
            "a word that is none of those allowed",
            cluster("{instances: 1, primaryUpdateMethod: later}"),
            "primaryUpdateMethod",
        ),
        (
            "a kind nobody knows",
            "apiVersion: v1\nkind: Pdo\nmetadata: {name: a}\n".to_owned(),
            "Pdo",
        ),
        (
            "a version nobody knows",
            "apiVersion: apps/v1beta9\nkind: Deployment\nmetadata: {name: a}\n".to_owned(),
            "Deployment",
        ),
    ];
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("mistake.yaml");
    for (mistake, manifest, named) in cases {
        fs::write(&file, manifest).expect("written");
        let said = kubeconform.ask(&file);
        assert_eq!(said["summary"]["valid"], 0, "{mistake} is taken");
        assert_eq!(said["summary"]["skipped"], 0, "{mistake} is skipped");
        assert!(
            said["resources"].to_string().contains(named),
            "{mistake}: {said:#}"
        );
    }
    // And what may be written in two ways is taken both ways.
    let both = container("ports: [{name: http, containerPort: 80}], resources: {limits: {cpu: 1, memory: 1.5e3Mi}}, livenessProbe: {httpGet: {port: http}}")
        .replace("1.5e3Mi", "1500Mi") + "---\n" + &container("resources: {limits: {cpu: 500m, memory: \"1e9\"}}, livenessProbe: {httpGet: {port: 80}}");
    fs::write(&file, both).expect("written");
    kubeconform.takes(&file, 2);
}
