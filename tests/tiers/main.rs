//! The two tiers of configuration, through the binary: what is refused and where, what is the same
//! in every environment, what never comes out.
#![cfg(unix)]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod commands;
mod corruption;
mod credentials;
mod environments;

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

const ENVIRONMENTS: [&str; 4] = ["dev", "local", "prod", "staging"];

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
