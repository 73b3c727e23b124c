//! The tables in the charts' READMEs: made of the comments in values.yaml, the types in
//! values.schema.json and the annotations in Chart.yaml.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use helm_floe::values::chart::map;
use serde_json::Value;

use crate::common::path_text;
use crate::render::charts;

/// A key of values.yaml with the comment above it.
#[derive(Debug)]
struct Key {
    indent: usize,
    path: Vec<String>,
    comment: String,
    /// What stands behind the colon.
    written: String,
}

/// The keys of a values.yaml in block style.
fn keys(text: &str) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    let mut comment = String::new();
    let mut open: Vec<(usize, String)> = Vec::new();
    for line in text.lines() {
        let body = line.trim_start();
        let indent = line.len() - body.len();
        if let Some(words) = body.strip_prefix('#') {
            let gap = if comment.is_empty() { "" } else { " " };
            let _ = write!(comment, "{gap}{}", words.trim());
            continue;
        }
        let key = body
            .split_once(':')
            .filter(|(key, _)| !key.starts_with("- "));
        if let Some((key, written)) = key {
            open.retain(|(column, _)| *column < indent);
            open.push((indent, key.trim_matches('"').to_owned()));
            keys.push(Key {
                indent,
                path: open.iter().map(|(_, key)| key.clone()).collect(),
                comment: std::mem::take(&mut comment),
                written: written.trim().to_owned(),
            });
        }
        comment.clear();
    }
    keys
}

/// What stands at a path.
fn at<'v>(value: &'v Value, path: &[String]) -> &'v Value {
    path.iter().fold(value, |value, key| &value[key.as_str()])
}

/// The schema of what stands at a path, references followed.
fn schema_at<'s>(root: &'s Value, path: &[String]) -> &'s Value {
    let follow = |schema: &'s Value| match schema["$ref"].as_str() {
        Some(target) => root.pointer(&target[1..]).expect("a definition"),
        None => schema,
    };
    path.iter().fold(root, |schema, key| {
        let schema = follow(schema);
        let named = schema["properties"].get(key.as_str());
        follow(named.unwrap_or(&schema["additionalProperties"]))
    })
}

fn type_of(schema: &Value) -> String {
    if let Some(words) = schema["enum"].as_array() {
        let words = words.iter().filter_map(Value::as_str);
        return words
            .map(|w| format!("`{w}`"))
            .collect::<Vec<_>>()
            .join(", ");
    }
    match &schema["type"] {
        Value::String(name) => name.clone(),
        Value::Array(names) => {
            let names = names.iter().filter_map(Value::as_str);
            names.collect::<Vec<_>>().join(", ")
        }
        _ if schema.get("anyOf").is_some() => "object".into(),
        _ => String::new(),
    }
}

/// The table of values: a row for each key that has a comment, but for those that only hold others.
fn values_table(chart: &Path) -> String {
    let read = |name: &str| fs::read_to_string(chart.join(name)).expect("read");
    let text = read("values.yaml");
    let values = Value::Object(map("values.yaml", &text).expect("values"));
    let schema: Value = serde_json::from_str(&read("values.schema.json")).expect("JSON");
    let keys = keys(&text);
    let mut table = String::from("| value | type | default | meaning |\n|---|---|---|---|\n");
    for (number, key) in keys.iter().enumerate() {
        let name = key.path.join(".");
        let rest = keys.iter().skip(number + 1);
        let inside = rest.take_while(|other| other.indent > key.indent);
        let holds_others = inside.clone().any(|other| !other.comment.is_empty());
        if key.comment.is_empty() {
            let above = |other: &Key| {
                !other.comment.is_empty()
                    && key.path.starts_with(&other.path)
                    && other.path != key.path
            };
            let covered = holds_others || keys.iter().any(above);
            assert!(covered, "{}: {name} has no comment", chart.display());
            continue;
        }
        let default = match (holds_others, key.written.is_empty()) {
            (true, _) => String::new(),
            (false, true) => match at(&values, &key.path).to_string() {
                long if long.len() > 100 => "see values.yaml".into(),
                short => format!("`{short}`"),
            },
            (false, false) => format!("`{}`", key.written),
        };
        let kind = type_of(schema_at(&schema, &key.path));
        assert!(!kind.is_empty(), "{}: {name} has no type", chart.display());
        let escaped = |text: &str| text.replace('|', "\\|");
        let (default, comment) = (escaped(&default), escaped(&key.comment));
        let _ = writeln!(table, "| `{name}` | {kind} | {default} | {comment} |");
    }
    table
}

/// What the chart works with, as Chart.yaml says.
fn compatibility_table(chart: &Path) -> String {
    let file = chart.join("Chart.yaml");
    let text = fs::read_to_string(&file).expect("read");
    let own = map(path_text(&file), &text).expect("Chart.yaml");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let annotation = |key: &str| {
        let key = format!("floe.dev/{key}");
        text(
            own.get("annotations")
                .map_or(&Value::Null, |a| &a[key.as_str()]),
        )
    };
    format!(
        "| chart | helm-floe | compiled artifacts | Kubernetes | Helm |\n|---|---|---|---|---|\n| {} | {} | {} | {} | 3 and 4 |\n",
        text(own.get("version").unwrap_or(&Value::Null)),
        annotation("helm-floe"),
        annotation("artifacts"),
        annotation("kubernetes"),
    )
}

/// The README with what stands between two marks replaced.
fn filled(text: &str, mark: &str, table: &str) -> Option<String> {
    let (open, close) = (format!("<!-- {mark} -->\n"), format!("<!-- /{mark} -->"));
    let (before, rest) = text.split_once(&open)?;
    let (_, after) = rest.split_once(&close)?;
    Some(format!("{before}{open}\n{table}\n{close}{after}"))
}

#[test]
fn the_readmes_say_what_the_charts_take() {
    let write = std::env::var("FLOE_CHARTS_README").is_ok_and(|way| way == "write");
    for chart in charts() {
        let file = chart.join("README.md");
        let text = fs::read_to_string(&file).expect("a README");
        let fresh = filled(&text, "values", &values_table(&chart));
        let mut fresh = fresh.expect("a place for the table of values");
        if let Some(more) = filled(&fresh, "compatibility", &compatibility_table(&chart)) {
            fresh = more;
        }
        if write && fresh != text {
            fs::write(&file, &fresh).expect("written");
        }
        let stale = "is stale: run scripts/chart-readmes";
        assert!(write || fresh == text, "{} {stale}", file.display());
    }
}
