//! Turns the data of `policies/` from YAML into JSON, and writes the list of built-in policies, so
//! that adding a policy is adding a file.
//!
//! Every run reads this data first, and JSON takes a fifth of the time. It is read here by the same
//! module that reads a user's policies.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use serde_json::Value;

#[allow(dead_code, unused_imports)] // All but the reader.
#[path = "src/manifest/mod.rs"]
mod manifest;

fn main() -> io::Result<()> {
    let root =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("policies");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    println!("cargo::rerun-if-changed={}", root.display());
    let (tables, policies) = collect(&root)?;
    for table in &tables {
        write_json(table, &read(table)?, &out)?;
    }
    let mut list = String::from("&[\n");
    for file in &policies {
        let json = write_json(file, &without_examples(read(file)?), &out)?;
        let name = name(file, &root);
        let (file, json) = (file.display().to_string(), json.display().to_string());
        writeln!(list, "    BuiltIn {{ file: {name:?}, text: include_str!({file:?}), json: include_str!({json:?}) }},")
            .map_err(io::Error::other)?;
    }
    list.push_str("]\n");
    fs::write(out.join("policies.rs"), list)
}

/// The YAML files: those directly in `policies/` are tables, those in a family's folder policies.
fn collect(root: &Path) -> io::Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let (mut tables, mut policies) = (Vec::new(), Vec::new());
    for path in entries(root)? {
        if path.is_dir() {
            println!("cargo::rerun-if-changed={}", path.display());
            policies.extend(entries(&path)?.into_iter().filter(|path| is_yaml(path)));
        } else if is_yaml(&path) {
            tables.push(path);
        }
    }
    Ok((tables, policies))
}

/// What a folder holds, sorted.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut entries = entries.collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    Ok(entries)
}

fn is_yaml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "yaml")
}

/// The policy's name: its path below `policies/`.
fn name(file: &Path, root: &Path) -> String {
    let name = file.strip_prefix(root).unwrap_or(file);
    name.display().to_string().replace('\\', "/")
}

fn read(file: &Path) -> io::Result<Value> {
    let text = fs::read_to_string(file)?;
    let wrong = |reason: &str| io::Error::other(format!("{}: {reason}", file.display()));
    let document = manifest::Document::parse(&text).map_err(|error| wrong(&error.reason))?;
    let root = document.root().ok_or_else(|| wrong("is empty"))?;
    Ok(root.to_json())
}

/// Only tests and `explain` need the examples, which are most of a file.
fn without_examples(mut policy: Value) -> Value {
    if let Some(spec) = policy.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("examples");
    }
    policy
}

/// Writes a file's data as JSON: a table's beside the list, a policy's in a folder of its family.
fn write_json(file: &Path, value: &Value, out: &Path) -> io::Result<PathBuf> {
    let family = file.parent().and_then(Path::file_name).unwrap_or_default();
    let folder = out.join(family);
    fs::create_dir_all(&folder)?;
    let stem = file.file_stem().unwrap_or_default();
    let json = folder.join(stem).with_extension("json");
    fs::write(&json, value.to_string())?;
    Ok(json)
}
