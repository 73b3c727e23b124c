//! JSON Schemas: compiled when first needed, and merged where one pass can serve many rules.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;

use jsonschema::error::ValidationErrorKind as Kind;
use jsonschema::{PatternOptions, ValidationError};
use serde_json::{Map, Value};

use super::json::{Validator, ViewJson};
use super::matcher::Matcher;
use crate::manifest::View;

/// A JSON Schema (2020-12) over our own tree.
#[derive(Debug)]
pub struct Schema {
    source: Value,
    matcher: OnceLock<Matcher>,
    compiled: OnceLock<Result<Box<Validator>, NotASchema>>,
}

/// Why a value is no schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotASchema {
    /// JSON Pointer, from the schema, to what is wrong.
    pub pointer: String,
    /// What is wrong there, as a fragment that follows the field.
    pub reason: String,
}

impl fmt::Display for NotASchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.as_str() {
            "" => f.write_str(&self.reason),
            pointer => write!(f, "{pointer}: {}", self.reason),
        }
    }
}

impl Schema {
    /// A schema that is compiled when it is first asked.
    pub fn new(source: Value) -> Schema {
        Schema {
            source,
            matcher: OnceLock::new(),
            compiled: OnceLock::new(),
        }
    }

    /// The schema as it was written.
    pub fn source(&self) -> &Value {
        &self.source
    }

    /// The compiled schema.
    ///
    /// # Errors
    /// Where and why `source` is no valid schema.
    pub fn validator(&self) -> Result<&Validator, &NotASchema> {
        match self
            .compiled
            .get_or_init(|| compile(&self.source).map(Box::new))
        {
            Ok(validator) => Ok(validator),
            Err(error) => Err(error),
        }
    }

    /// Whether the value satisfies the schema. Nothing satisfies a part that is no valid schema.
    pub fn holds(&self, view: View<'_>) -> bool {
        self.matcher
            .get_or_init(|| Matcher::new(&self.source))
            .holds(view)
    }
}

/// Compiles a schema: no network, and regular expressions that take linear time on any input.
pub(super) fn compile(source: &Value) -> Result<Validator, NotASchema> {
    jsonschema::options_for::<ViewJson>()
        .with_draft(jsonschema::Draft::Draft202012)
        .offline()
        .with_pattern_options(PatternOptions::regex())
        .build(source)
        .map_err(|error| NotASchema {
            pointer: error.instance_path().as_str().to_owned(),
            reason: reason(&error),
        })
}

fn reason(error: &ValidationError<'_>) -> String {
    let keyword = error.instance_path().as_str().rsplit('/').next();
    match (error.kind(), keyword) {
        (Kind::AnyOf { .. }, Some("type")) => {
            "is no type: there are array, boolean, integer, null, number, object and string".into()
        }
        (Kind::Format { .. }, _) => {
            "is no regular expression, or one with look-around or back references".into()
        }
        _ => error.to_string(),
    }
}

/// Several schemas as one that holds exactly where all of them hold.
///
/// Rules look at the same few places (`securityContext` above all), so where schemas consist of
/// `type`, `properties` and `required` they are folded into one tree and a value is walked once.
/// Anything else goes into `allOf` as it is.
#[derive(Debug, Default)]
pub struct Merged {
    kind: Option<String>,
    properties: BTreeMap<String, Merged>,
    required: Vec<String>,
    all_of: Vec<Value>,
}

impl Merged {
    /// Whether a schema may be merged at all. One that refers to other places, by `$ref` or the
    /// like, means something else inside of another.
    pub fn takes(schema: &Value) -> bool {
        !mentions_reference(schema)
    }

    /// Adds a schema that [`Merged::takes`].
    pub fn add(&mut self, schema: &Value) {
        match schema.as_object() {
            Some(object) if self.folds(object) => self.fold(object),
            _ => self.all_of.push(schema.clone()),
        }
    }

    /// Whether the schema has only keywords that mean the same beside others of their sort.
    fn folds(&self, schema: &Map<String, Value>) -> bool {
        schema
            .iter()
            .all(|(keyword, value)| match keyword.as_str() {
                "type" => match (value.as_str(), &self.kind) {
                    (Some(kind), Some(own)) => kind == own,
                    (kind, _) => kind.is_some(),
                },
                "properties" => value.is_object(),
                "required" => value
                    .as_array()
                    .is_some_and(|names| names.iter().all(Value::is_string)),
                _ => false,
            })
    }

    fn fold(&mut self, schema: &Map<String, Value>) {
        if let Some(kind) = schema.get("type").and_then(Value::as_str) {
            self.kind = Some(kind.to_owned());
        }
        for (name, property) in schema
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            self.properties
                .entry(name.clone())
                .or_default()
                .add(property);
        }
        for name in schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            if let Some(name) = name.as_str()
                && !self.required.iter().any(|own| own == name)
            {
                self.required.push(name.to_owned());
            }
        }
    }

    /// The schema that holds where all added ones hold.
    pub fn into_schema(self) -> Value {
        let mut schema = Map::new();
        if let Some(kind) = self.kind {
            schema.insert("type".to_owned(), Value::String(kind));
        }
        if !self.properties.is_empty() {
            let properties = self
                .properties
                .into_iter()
                .map(|(name, own)| (name, own.into_schema()));
            schema.insert("properties".to_owned(), properties.collect());
        }
        if !self.required.is_empty() {
            schema.insert("required".to_owned(), self.required.into());
        }
        if schema.is_empty() && self.all_of.len() == 1 {
            return self.all_of.into_iter().next().unwrap_or(Value::Bool(true));
        }
        if !self.all_of.is_empty() {
            schema.insert("allOf".to_owned(), self.all_of.into());
        }
        Value::Object(schema)
    }
}

/// Whether a schema holds a keyword that is read relative to its own root.
pub(super) fn mentions_reference(schema: &Value) -> bool {
    match schema {
        Value::Object(object) => object.iter().any(|(key, value)| {
            (key.starts_with('$') && key != "$comment") || mentions_reference(value)
        }),
        Value::Array(items) => items.iter().any(mentions_reference),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn merge(schemas: &[Value]) -> Value {
        let mut merged = Merged::default();
        for schema in schemas {
            merged.add(schema);
        }
        merged.into_schema()
    }

    #[test]
    fn schemas_about_the_same_place_become_one_tree() {
        let merged = merge(&[
            json!({"properties": {"a": {"type": "object", "properties": {"x": {"const": 1}}}}}),
            json!({"properties": {"a": {"type": "object", "required": ["y"]}}, "required": ["a"]}),
        ]);
        let expected = json!({
            "properties": {"a": {
                "type": "object",
                "properties": {"x": {"const": 1}},
                "required": ["y"],
            }},
            "required": ["a"],
        });
        assert_eq!(merged, expected);
    }

    #[test]
    fn what_does_not_fold_stays_whole() {
        let any_of = json!({"anyOf": [{"required": ["a"]}, {"required": ["b"]}]});
        let closed = json!({"properties": {"a": true}, "additionalProperties": false});
        assert_eq!(
            merge(&[any_of.clone(), json!({"required": ["c"]}), closed.clone()]),
            json!({"required": ["c"], "allOf": [any_of, closed]})
        );
        assert_eq!(
            merge(&[json!({"type": "object"}), json!({"type": "array"})]),
            json!({"type": "object", "allOf": [{"type": "array"}]})
        );
    }

    #[test]
    fn a_schema_with_references_is_left_alone() {
        assert!(!Merged::takes(
            &json!({"properties": {"a": {"$ref": "#/$defs/a"}}})
        ));
        assert!(Merged::takes(
            &json!({"properties": {"a": {"const": "$ref"}}})
        ));
    }

    #[test]
    fn null_members_are_absent() {
        let schema = Schema::new(
            json!({"required": ["a"], "additionalProperties": false, "properties": {"a": {}}}),
        );
        assert!(schema.holds(View::Json(&json!({"a": 1, "b": null}))));
        assert!(!schema.holds(View::Json(&json!({"a": null}))));
        assert!(!schema.holds(View::Json(&json!({"a": 1, "b": 1}))));
    }

    #[test]
    fn an_invalid_schema_says_where_and_holds_nowhere() {
        let schema = Schema::new(json!({"properties": {"a": {"type": "text"}}}));
        assert!(
            schema
                .validator()
                .is_err_and(|error| error.pointer == "/properties/a/type")
        );
        assert!(!schema.holds(View::Json(&json!({"a": "text"}))));
        let remote = Schema::new(json!({"$ref": "https://example.com/schema.json"}));
        assert!(remote.validator().is_err());
    }
}
