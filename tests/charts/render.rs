//! Renders charts, each with each of its values files, once for all tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use helm_floe::manifest::{Document, View, split};
use serde_json::Value;

use crate::common::{Helm, MAJORS, Outcome, feed, path_text, repository};

/// The release and its namespace.
pub const RELEASE: &str = "acme";
pub const NAMESPACE: &str = "acme-test";

/// The filter, as such a release runs it.
pub const FILTER: [&str; 7] = [
    "post-render",
    "--env",
    "test",
    "--release",
    RELEASE,
    "--namespace",
    NAMESPACE,
];

/// One chart with one values file.
#[derive(Clone, Debug)]
pub struct Case {
    pub chart: PathBuf,
    /// The file beside the chart's own defaults.
    pub values: Option<PathBuf>,
}

impl Case {
    /// `floe-platform with values-dev.yaml`.
    pub fn name(&self) -> String {
        let name = |path: &Path| path.file_name().map(|n| n.to_string_lossy().into_owned());
        let chart = name(&self.chart).unwrap_or_default();
        match self.values.as_deref().and_then(name) {
            Some(values) => format!("{chart} with {values}"),
            None => chart,
        }
    }

    /// What Helm is told: the chart and its values.
    pub fn arguments(&self) -> Vec<&str> {
        let mut arguments = vec![path_text(&self.chart)];
        if let Some(values) = &self.values {
            arguments.extend(["--values", path_text(values)]);
        }
        arguments
    }
}

/// One case as one Helm renders it.
pub struct Rendered {
    pub case: Case,
    pub major: u32,
    pub stream: String,
}

impl Rendered {
    pub fn name(&self) -> String {
        format!("{}, Helm {}", self.case.name(), self.major)
    }
}

/// Every directory of `charts/` that holds a chart.
pub fn charts() -> Vec<PathBuf> {
    let entries = fs::read_dir(repository().join("charts")).expect("read");
    let mut charts: Vec<PathBuf> = entries.map(|entry| entry.expect("read").path()).collect();
    charts.retain(|path| path.join("Chart.yaml").is_file());
    charts.sort();
    assert!(charts.len() >= 2, "{charts:?}");
    charts
}

/// Every chart with its defaults, and with each `values-*.yaml`.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for chart in charts() {
        let entries = fs::read_dir(&chart).expect("read");
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("read").path()).collect();
        files.retain(|file| {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("values-") && name.ends_with(".yaml")
        });
        files.sort();
        let files = std::iter::once(None).chain(files.into_iter().map(Some));
        cases.extend(files.map(|values| Case {
            chart: chart.clone(),
            values,
        }));
    }
    cases
}

/// What `helm template` says, tests and other hooks included.
pub fn template(helm: &Helm, arguments: &[&str]) -> Outcome {
    let mut all = vec!["template", RELEASE, "--namespace", NAMESPACE];
    all.extend(arguments);
    helm.run(&all)
}

/// All cases, rendered by both Helms.
pub fn all() -> &'static [Rendered] {
    static ALL: OnceLock<Vec<Rendered>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all = Vec::new();
        for major in MAJORS {
            let helm = Helm::new(major);
            for case in cases() {
                let said = template(&helm, &case.arguments());
                assert_eq!(said.code, 0, "{}: {}", case.name(), said.stderr);
                all.push(Rendered {
                    stream: said.stdout,
                    case,
                    major,
                });
            }
        }
        all
    })
}

/// All cases, rendered by one Helm: for what both say alike.
pub fn once() -> impl Iterator<Item = &'static Rendered> {
    all().iter().filter(|rendered| rendered.major == 4)
}

/// Runs the binary with a stream on its stdin.
pub fn floe_on(arguments: &[&str], stream: &str) -> Outcome {
    let mut command = crate::common::floe(arguments);
    // No platform file of this repository may be found.
    command.current_dir(std::env::temp_dir());
    Outcome::of(&feed(&mut command, stream.as_bytes()))
}

/// The objects of a stream.
pub fn objects(stream: &str) -> Vec<Value> {
    let spans = split(stream).expect("documents");
    let objects = spans.iter().map(|span| {
        let document = Document::parse(span.text).expect("YAML");
        let root = document.root().map(|root| View::Node(root).to_json());
        root.unwrap_or_default()
    });
    objects.filter(Value::is_object).collect()
}

/// `Deployment acme-web`.
pub fn id(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!(
        "{} {}",
        text(&object["kind"]),
        text(&object["metadata"]["name"])
    )
}

/// Where the kind's pods are described: a JSON Pointer to their template, or to the Pod itself.
pub fn template_pointer(object: &Value) -> Option<&'static str> {
    match object["kind"].as_str()? {
        "Pod" => Some(""),
        "PodTemplate" => Some("/template"),
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" => Some("/spec/template"),
        "CronJob" => Some("/spec/jobTemplate/spec/template"),
        _ => None,
    }
}

/// The pods of a stream, each with the name of its object.
pub fn pods(stream: &str) -> Vec<(String, Value)> {
    let objects = objects(stream).into_iter();
    let pods = objects.filter_map(|object| {
        let pod = object.pointer(template_pointer(&object)?)?;
        Some((id(&object), pod.clone()))
    });
    pods.collect()
}

/// The containers of a pod, those that run first included.
pub fn containers(pod: &Value) -> Vec<&Value> {
    let lists = ["initContainers", "containers"];
    let lists = lists
        .iter()
        .filter_map(|list| pod["spec"][*list].as_array());
    lists.flatten().collect()
}
