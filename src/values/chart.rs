//! Checks values against the `values.schema.json` of a chart, as Helm would.

use std::path::Path;

use serde_json::{Map, Value};

use super::compatibility::Compatibility;
use super::merge::coalesce;
use crate::config::dotted;

/// What of a chart matters for its values.
#[derive(Debug)]
pub struct Chart {
    compatibility: Compatibility,
    defaults: Map<String, Value>,
    schema: Option<jsonschema::Validator>,
}

impl Chart {
    /// Reads the defaults and the schema of a chart's directory.
    ///
    /// # Errors
    /// There is no chart, or one of the files cannot be read.
    pub fn read(directory: &Path) -> Result<Chart, String> {
        let shown = |name: &str| directory.join(name).display().to_string();
        let read = |name: &str| match std::fs::read_to_string(directory.join(name)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("{}: {error}", shown(name))),
        };
        let Some(chart) = read("Chart.yaml")? else {
            return Err(format!(
                "{}: no chart, it has no Chart.yaml",
                directory.display()
            ));
        };
        let chart = Value::Object(map(&shown("Chart.yaml"), &chart)?);
        let compatibility = Compatibility::read(&chart)
            .map_err(|reason| format!("{}: {reason}", shown("Chart.yaml")))?;
        let defaults = match read("values.yaml")? {
            Some(text) => map(&shown("values.yaml"), &text)?,
            None => Map::new(),
        };
        let schema = match read("values.schema.json")? {
            Some(text) => {
                Some(compile(&text).map_err(|e| format!("{}: {e}", shown("values.schema.json")))?)
            }
            None => None,
        };
        Ok(Chart {
            compatibility,
            defaults,
            schema,
        })
    }

    /// Reads a schema alone.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub fn of_schema(file: &Path) -> Result<Chart, String> {
        let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
        let text = std::fs::read_to_string(file).map_err(|e| wrong(&e))?;
        Ok(Chart {
            compatibility: Compatibility::default(),
            defaults: Map::new(),
            schema: Some(compile(&text).map_err(|e| wrong(&e))?),
        })
    }

    /// Why the chart does not take an artifact of that version from this program.
    pub fn takes(&self, artifact: &str) -> Vec<String> {
        let program = env!("CARGO_PKG_VERSION");
        self.compatibility.refusals(artifact, program)
    }

    /// Whether the chart has a schema at all.
    pub fn has_schema(&self) -> bool {
        self.schema.is_some()
    }

    /// What the schema does not allow in the chart's defaults with these values on top, as
    /// `field: reason`.
    pub fn violations(&self, values: &Map<String, Value>) -> Vec<String> {
        let Some(schema) = &self.schema else {
            return Vec::new();
        };
        let seen = Value::Object(coalesce(&self.defaults, values));
        let errors = schema.iter_errors(&seen).map(|error| {
            let field = dotted(error.instance_path().as_str());
            // The masked text says what is wrong without repeating the value.
            let reason = error.masked().to_string();
            if field.is_empty() {
                reason
            } else {
                format!("{field}: {reason}")
            }
        });
        let mut errors: Vec<String> = errors.collect();
        errors.sort();
        errors
    }
}

/// Compiles a schema; nothing is fetched over the network.
fn compile(text: &str) -> Result<jsonschema::Validator, String> {
    let schema: Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
    // Helm reads a schema that names no draft as draft 7.
    let options = jsonschema::options().offline();
    let options = if schema.get("$schema").is_some() {
        options
    } else {
        options.with_draft(jsonschema::Draft::Draft7)
    };
    options.build(&schema).map_err(|e| e.to_string())
}

/// A values file as a map; an empty file is an empty map.
///
/// # Errors
/// It is no YAML, has a key twice, or is no map.
pub fn map(file: &str, text: &str) -> Result<Map<String, Value>, String> {
    let empty = text.lines().all(|line| {
        let line = line.trim();
        line.is_empty() || line.starts_with('#') || line == "---"
    });
    if empty {
        return Ok(Map::new());
    }
    let source = crate::config::Source::parse(file, text).map_err(|e| e.to_string())?;
    match source.value("") {
        Some(Value::Object(map)) => Ok(map),
        Some(Value::Null) | None => Ok(Map::new()),
        Some(_) => Err(source.error("", &"must be a map of values").to_string()),
    }
}
