//! `scripts/publish` and back: packages, an OCI registry on a loopback address, an index.
#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::registry::Registry;
use common::{Helm, MAJORS, Outcome, documents, path_text, repository, tools};
use helm_floe::manifest::Document;
use serde_json::{Value, json};

/// The charts of this repository by name, with their versions.
fn charts() -> BTreeMap<String, String> {
    let mut charts = BTreeMap::new();
    for entry in fs::read_dir(repository().join("charts")).expect("read") {
        let entry = entry.expect("read");
        if let Ok(yaml) = fs::read_to_string(entry.path().join("Chart.yaml")) {
            let version = yaml.lines().find_map(|line| line.strip_prefix("version: "));
            let name = entry.file_name().into_string().expect("UTF-8");
            charts.insert(name, version.expect("a version").to_owned());
        }
    }
    charts
}

/// Every file of a directory, by its path there.
fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = walkdir::WalkDir::new(directory).into_iter();
    let entries = entries.map(|entry| entry.expect("read").into_path());
    let files = entries.filter(|path| path.is_file());
    files
        .map(|path| {
            let name = path.strip_prefix(directory).expect("below").to_owned();
            (name, fs::read(&path).expect("read"))
        })
        .collect()
}

fn publish(helm: &Helm, target: &str, dist: &Path) -> Outcome {
    let mut command = helm.program(repository().join("scripts/publish"));
    command.arg(target).env("DIST", dist);
    command.env("PLAIN_HTTP", "1");
    command.env("INDEX_URL", "https://charts.example.com");
    Outcome::of(&command.output().expect("runs"))
}

#[test]
fn charts_are_published_and_pulled_back() {
    let registry = Registry::start();
    for major in MAJORS {
        let helm = Helm::new(major);
        let dist = helm.home().join("dist");
        let target = registry.url(&format!("helm-{major}"));
        let packages = publish(&helm, &target, &dist).ok();
        assert_eq!(packages.lines().count(), charts().len(), "{packages}");

        for (chart, version) in charts() {
            let url = format!("{target}/{chart}");
            let pulled = helm.home().join("pulled");
            let pull = ["pull", &url, "--plain-http", "--untar", "--untardir"];
            helm.run(&[&pull[..], &[path_text(&pulled), "--version", &version]].concat())
                .ok();
            let here = repository().join("charts").join(&chart);
            let (mut here, mut there) = (files(&here), files(&pulled.join(&chart)));
            // Helm writes Chart.yaml anew, and leaves out what .helmignore names.
            let own = there.remove(Path::new("Chart.yaml")).expect("Chart.yaml");
            assert!(String::from_utf8_lossy(&own).contains(&format!("version: {version}")));
            here.retain(|name, _| {
                name != Path::new("Chart.yaml") && name != Path::new(".helmignore")
            });
            there.remove(Path::new(".helmignore"));
            assert_eq!(
                here.keys().collect::<Vec<_>>(),
                there.keys().collect::<Vec<_>>(),
                "{chart}, Helm {major}"
            );
            assert!(here == there, "{chart}, Helm {major}: files differ");

            // What is published installs: it renders as the chart here does.
            let local = repository().join("charts").join(&chart);
            let ours = helm.run(&["template", "x", path_text(&local)]).ok();
            let args = ["template", "x", &url, "--plain-http", "--version", &version];
            let theirs = helm.run(&args).ok();
            let texts = |stream: &str| -> Vec<String> {
                let texts = documents(stream).into_iter();
                texts.map(|document| document.text.to_owned()).collect()
            };
            assert_eq!(texts(&ours), texts(&theirs), "{chart}, Helm {major}");
        }

        let index = fs::read_to_string(dist.join("index.yaml")).expect("written");
        for (chart, version) in charts() {
            let url = format!("https://charts.example.com/{chart}-{version}.tgz");
            assert!(index.contains(&url), "{index}");
        }
    }
}

/// A chart with an error is not published, and neither is any other.
#[test]
fn a_broken_chart_stops_everything() {
    let registry = Registry::start();
    for major in MAJORS {
        let helm = Helm::new(major);
        let broken = helm.home().join("broken");
        fs::create_dir_all(broken.join("templates")).expect("created");
        let yaml = "apiVersion: v2\nname: broken\nversion: 0.1.0\n";
        fs::write(broken.join("Chart.yaml"), yaml).expect("written");
        fs::write(broken.join("templates/a.yaml"), "{{ nonsense }}\n").expect("written");
        let dist = helm.home().join("dist");
        let mut command = helm.program(repository().join("scripts/publish"));
        command.arg(registry.url("broken")).env("DIST", &dist);
        command.env("PLAIN_HTTP", "1");
        command
            .arg(repository().join("charts/taskora"))
            .arg(&broken);
        let said = Outcome::of(&command.output().expect("runs"));
        assert_ne!(said.code, 0, "Helm {major}");
        assert!(files(&dist).is_empty(), "Helm {major}");
        let url = registry.url("broken/taskora");
        let pull = helm.run(&["pull", &url, "--plain-http", "--version", "0.1.0"]);
        assert_ne!(pull.code, 0, "Helm {major}: {}", pull.stdout);
    }
}

fn yaml(text: &str) -> Value {
    let document = Document::parse(text).expect("YAML");
    document.root().expect("a value").to_json()
}

/// What <https://artifacthub.io/docs/topics/annotations/helm/> asks of annotations.
#[test]
fn artifact_hub_understands_the_charts() {
    for chart in charts().keys() {
        let folder = repository().join("charts").join(chart);
        let text = fs::read_to_string(folder.join("Chart.yaml")).expect("read");
        let chart = yaml(&text);
        let own = |name: &str| {
            let value = &chart["annotations"][format!("artifacthub.io/{name}")];
            value
                .as_str()
                .unwrap_or_else(|| panic!("{name} in {chart}"))
        };
        let categories = [
            "ai-machine-learning",
            "database",
            "integration-delivery",
            "monitoring-logging",
            "networking",
            "security",
            "skip-prediction",
            "storage",
            "streaming-messaging",
        ];
        assert!(categories.contains(&own("category")), "{chart}");
        assert_eq!(own("license"), "Apache-2.0");
        for link in yaml(own("links")).as_array().expect("a list") {
            assert!(link["name"].is_string(), "{link}");
            let url = link["url"].as_str().expect("a URL");
            let here = url.split_once("/helm-floe/helm-floe/").expect("ours").1;
            let path = here.splitn(3, '/').nth(2).expect("a path");
            assert!(repository().join(path).exists(), "{url}");
        }
    }
}

/// Artifact Hub takes every `plugin.yaml` for a plugin; only the one of the root can be installed.
#[test]
fn artifact_hub_lists_the_plugin_alone() {
    let read = |name: &str| yaml(&fs::read_to_string(repository().join(name)).expect("read"));
    let plugin = read("plugin.yaml");
    for field in ["name", "version", "description"] {
        assert!(plugin[field].is_string(), "{field}");
    }
    let other = &read("postrenderer/plugin.yaml")["name"];
    assert_eq!(
        read("artifacthub-repo.yml"),
        json!({"ignore": [{"name": other}]})
    );
    let mut files = Command::new("git");
    let files = files.args(["ls-files", "plugin.yaml", "*/plugin.yaml"]);
    let files = files.current_dir(repository()).output().expect("runs");
    let files = String::from_utf8_lossy(&files.stdout).into_owned();
    assert_eq!(files, "plugin.yaml\npostrenderer/plugin.yaml\n");
}

#[test]
fn artifact_hub_is_told_whose_a_chart_is() {
    let registry = Registry::start();
    let repository = format!("{}/charts/web", registry.address);
    let id = "11111111-2222-3333-4444-555555555555";
    let helm = Helm::new(4);
    let mut release = helm.program(common::repository().join("scripts/release"));
    release.args(["artifacthub", &repository, id, "--plain-http"]);
    release.env("HELM_FLOE_TOOLS", tools());
    release.env("HELM_FLOE_DIST", helm.home().join("dist"));
    Outcome::of(&release.output().expect("runs")).ok();
    let oras = Some(tools().join("oras/oras")).filter(|file| file.is_file());
    let mut pull = helm.program(oras.unwrap_or_else(|| "oras".into()));
    let reference = format!("{repository}:artifacthub.io");
    pull.args(["pull", &reference, "--plain-http"]);
    Outcome::of(&pull.output().expect("runs")).ok();
    let file = fs::read_to_string(helm.home().join("artifacthub-repo.yml")).expect("pulled");
    assert_eq!(yaml(&file), json!({"repositoryID": id}));
}
