//! The definitions of custom kinds that `scripts/crds` gets.
#![allow(clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use helm_floe::config::{Source, schema};
use serde_json::{Value, json};

use super::{path_text, tools};

/// A YAML text with one object.
pub fn object(file: &str, text: &str) -> Value {
    let source = Source::parse(file, text).expect("YAML");
    source.value("").expect("an object")
}

/// The text at a JSON Pointer.
pub fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no {pointer} in {value}"))
}

/// The files with definitions.
pub fn definition_files() -> Vec<PathBuf> {
    let crds = tools().join("crds");
    let files = fs::read_dir(&crds).unwrap_or_else(|_| panic!("run scripts/crds"));
    let files = files.map(|entry| entry.expect("read").path());
    files
        .filter(|file| file.extension().is_some_and(|e| e == "yaml"))
        .collect()
}

/// The file with the definition of a kind, if `scripts/crds` gets it.
pub fn definition_of(group: &str, kind: &str) -> Option<PathBuf> {
    definition_files().into_iter().find(|file| {
        let yaml = fs::read_to_string(file).expect("read");
        let definition = object(path_text(file), yaml.trim_start_matches("---\n"));
        text(&definition, "/spec/group") == group && text(&definition, "/spec/names/kind") == kind
    })
}

/// The schema of each kind: `group/version/Kind`.
pub fn definitions() -> BTreeMap<String, Value> {
    let mut schemas = BTreeMap::new();
    for file in definition_files() {
        let yaml = fs::read_to_string(&file).expect("read");
        let yaml = yaml.trim_start_matches("---\n");
        let definition = object(path_text(&file), yaml);
        let group = text(&definition, "/spec/group");
        let kind = text(&definition, "/spec/names/kind");
        let versions = definition.pointer("/spec/versions").expect("versions");
        for version in versions.as_array().expect("a list") {
            let mut schema = version["schema"]["openAPIV3Schema"].clone();
            schema["properties"]["metadata"] = json!({"type": "object"});
            close(&mut schema);
            let name = format!("{group}/{}/{kind}", text(version, "/name"));
            schemas.insert(name, schema);
        }
    }
    schemas
}

/// Refuses fields the schema does not name, as an API server does under strict validation.
fn close(schema: &mut Value) {
    if let Value::Object(map) = schema {
        let open = map.contains_key("additionalProperties")
            || map.contains_key("x-kubernetes-preserve-unknown-fields");
        if map.get("properties").is_some_and(Value::is_object) && !open {
            map.insert("additionalProperties".into(), json!(false));
        }
        map.values_mut().for_each(close);
    } else if let Value::Array(list) = schema {
        list.iter_mut().for_each(close);
    }
}

/// What a definition says against an object, or nothing for Kubernetes' own kinds.
pub fn against(definitions: &BTreeMap<String, Value>, example: &Value) -> Option<Vec<String>> {
    let (version, kind) = (text(example, "/apiVersion"), text(example, "/kind"));
    if version == "v1" {
        return None;
    }
    let name = format!("{version}/{kind}");
    let schema = definitions.get(&name);
    let schema = schema.unwrap_or_else(|| panic!("no definition of {name}"));
    let violations = schema::violations(schema, example).expect("a schema");
    Some(violations.iter().map(|v| format!("{v:?}")).collect())
}
