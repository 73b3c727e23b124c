//! A product's artifact in a release: through the binary and through both Helms, and on random
//! releases, where only what may change does.
#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../common/mod.rs"]
mod common;

mod containers;
mod environments;
mod random;
mod releases;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use common::{
    Helm, MAJORS, Outcome, chart, copy_tree, feed, floe, helm_floe, path_text, repository,
};
use helm_floe::inject::profile::Profile;
use helm_floe::manifest::{Document, split, write_document};
use helm_floe::pipeline::{self, Mode, Settings};
use helm_floe::platform::artifact::Artifact;
use helm_floe::platform::injection::Injection;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

/// The environments of the starter files, which share one floe.yaml.
const ENVIRONMENTS: [&str; 4] = ["local", "dev", "staging", "prod"];

/// The release of the product in production.
const RELEASE: [&str; 6] = [
    "--env",
    "prod",
    "--artifact",
    "prod.json",
    "--release",
    "shop",
];

/// A project with the starter files and an artifact for each environment.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a directory");
    copy_tree(&repository().join("examples/starter"), folder.path());
    for env in ENVIRONMENTS {
        let artifact = format!("{env}.json");
        run_in(
            folder.path(),
            &["compile", "--env", env, "-o", &artifact],
            "",
        )
        .ok();
    }
    folder
}

fn run_in(folder: &Path, args: &[&str], stdin: &str) -> Outcome {
    let mut command = floe(args);
    Outcome::of(&feed(command.current_dir(folder), stdin.as_bytes()))
}

/// The objects of a stream.
fn objects(stream: &str) -> Vec<Value> {
    let spans = split(stream).expect("separators");
    let values = spans.iter().map(|span| {
        let document = Document::parse(span.text).expect("YAML");
        document
            .root()
            .map(|root| root.to_json())
            .unwrap_or_default()
    });
    values.filter(|value| !value.is_null()).collect()
}

fn object<'v>(objects: &'v [Value], kind: &str, name: &str) -> &'v Value {
    let is = |own: &&Value| own["kind"] == kind && own["metadata"]["name"] == name;
    let found = objects.iter().find(is);
    found.unwrap_or_else(|| panic!("{kind} {name}"))
}

/// The chart, as Helm 4 renders it with hooks.
fn rendered() -> String {
    let helm = Helm::new(4);
    helm.run(&["template", "shop", &chart("product")]).ok()
}

/// The variables of a container: the value, or `secret/key`.
fn variables(container: &Value) -> BTreeMap<String, String> {
    let list = container["env"].as_array().into_iter().flatten();
    list.map(|own| {
        let name = own["name"].as_str().expect("a name").to_owned();
        let secret = &own["valueFrom"]["secretKeyRef"];
        let value = match own["value"].as_str() {
            Some(value) => value.to_owned(),
            None => format!(
                "{}/{}",
                secret["name"].as_str().expect("a Secret"),
                secret["key"].as_str().expect("a key")
            ),
        };
        (name, value)
    })
    .collect()
}

fn containers<'v>(object: &'v Value, pod: &str, list: &str) -> Vec<&'v Value> {
    let list = object.pointer(&format!("{pod}/{list}"));
    list.and_then(Value::as_array)
        .into_iter()
        .flatten()
        .collect()
}

const TEMPLATE: &str = "/spec/template";
const JOB_TEMPLATE: &str = "/spec/jobTemplate/spec/template";
