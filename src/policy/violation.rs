//! From what a JSON Schema validator says to what a person can act on.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use serde_json::Value;

use super::json::{Validator, with_identity};
use super::schema::mentions_reference;
use crate::manifest::View;
use crate::manifest::view::{Type, escape};
use crate::report::Severity;

/// One place where one policy is violated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The policy's name.
    pub policy: String,
    /// How much it weighs.
    pub severity: Severity,
    /// JSON Pointer from the document's root to the offending value; to where it belongs when it
    /// is missing.
    pub pointer: String,
    /// How many lines below the value's first one it is, for a line of a text.
    pub below: usize,
    /// The name of the container it is about.
    pub container: Option<String>,
    /// Whether the value has the wrong JSON type, so that Kubernetes could not even read it.
    pub wrong_type: bool,
    /// What is wrong.
    pub message: String,
    /// What the author of the chart can do.
    pub help: String,
}

/// One reason why a value does not satisfy a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// JSON Pointer from the judged value; to where the offending value belongs when it is missing.
    pub pointer: String,
    /// What the schema says, as a fragment that follows the field's name.
    pub reason: String,
    /// The value has the wrong JSON type altogether.
    pub wrong_type: bool,
}

/// Why a value does not satisfy a schema: one entry for every place, the deepest real causes.
pub(super) fn failures(validator: &Validator, schema: &Value, view: View<'_>) -> Vec<Failure> {
    let mut found = Vec::new();
    let mut look = |view: View<'_>| {
        for error in validator.iter_errors(view) {
            explain(&error, schema, &mut found);
        }
    };
    // Only a `$ref` needs the copy, which costs far more than the rest.
    match mentions_reference(schema) {
        true => with_identity(view, look),
        false => look(view),
    }
    found.dedup();
    found
}

fn explain(error: &ValidationError<'_>, schema: &Value, found: &mut Vec<Failure>) {
    let pointer = error.instance_path().as_str();
    match error.kind() {
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            if let Some(branch) = likeliest(context, error.instance_path().as_str()) {
                for cause in branch {
                    explain(cause, schema, found);
                }
                return;
            }
        }
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            found.extend(unexpected.iter().map(|key| Failure {
                pointer: format!("{pointer}/{}", escape(key)),
                reason: "is not allowed".to_owned(),
                wrong_type: false,
            }));
            return;
        }
        _ => {}
    }
    found.push(Failure {
        pointer: match error.kind() {
            Kind::Required { property } => missing(pointer, property, error, schema),
            _ => pointer.to_owned(),
        },
        reason: reason(error),
        wrong_type: matches!(error.kind(), Kind::Type { .. }),
    });
}

/// The branch of an `anyOf` that got furthest into the value: what the author most likely meant.
/// `None` when no branch stands out.
fn likeliest<'e>(
    branches: &'e [Vec<ValidationError<'static>>],
    pointer: &str,
) -> Option<&'e [ValidationError<'static>]> {
    let depth = |branch: &[ValidationError<'static>]| {
        branch
            .iter()
            .map(|error| error.instance_path().as_str().matches('/').count())
            .max()
    };
    let deepest = branches.iter().filter_map(|branch| depth(branch)).max()?;
    let mut candidates = branches
        .iter()
        .filter(|branch| depth(branch) == Some(deepest));
    let first = candidates.next()?;
    let stands_out = deepest > pointer.matches('/').count() && candidates.next().is_none();
    stands_out.then_some(first.as_slice())
}

/// Where a missing member belongs. When the schema asks for exactly one thing inside of it, and
/// inside of that, the place is the innermost one.
fn missing(pointer: &str, property: &Value, error: &ValidationError<'_>, schema: &Value) -> String {
    let mut place = pointer.to_owned();
    let mut name = property.as_str().map(str::to_owned);
    let keyword = error.schema_path().as_str();
    let mut inner = keyword
        .rsplit_once('/')
        .and_then(|(parent, _)| schema.pointer(parent));
    while let Some(own) = name {
        place.push('/');
        place.push_str(&escape(&own));
        inner = inner.and_then(|schema| schema.get("properties")?.get(&own));
        let required = inner.and_then(|schema| schema.get("required")?.as_array());
        name = match required.map(Vec::as_slice) {
            Some([only]) => only.as_str().map(str::to_owned),
            _ => None,
        };
    }
    place
}

/// What the schema says about the value, as a fragment that follows the field's name.
fn reason(error: &ValidationError<'_>) -> String {
    let value = || shown(error.instance());
    match error.kind() {
        Kind::Required { .. } => "is missing".to_owned(),
        Kind::FalseSchema | Kind::Not { .. } => "is not allowed".to_owned(),
        Kind::Constant { expected_value } => {
            format!("is {}, must be {}", value(), shown(expected_value))
        }
        Kind::Enum { options } => format!("is {}, must be {}", value(), one_of(options)),
        Kind::Type { kind } => format!(
            "is {}, must be {}",
            article(json_type(error.instance())),
            types(kind)
        ),
        Kind::Pattern { pattern } => format!("is {}, must match {pattern}", value()),
        Kind::Minimum { limit } => format!("is {}, must be at least {limit}", value()),
        Kind::Maximum { limit } => format!("is {}, must be at most {limit}", value()),
        Kind::ExclusiveMinimum { limit } => format!("is {}, must be more than {limit}", value()),
        Kind::ExclusiveMaximum { limit } => format!("is {}, must be less than {limit}", value()),
        Kind::MinLength { limit } => format!("must have at least {limit} characters"),
        Kind::MaxLength { limit } => format!("must have at most {limit} characters"),
        Kind::MinItems { limit } => format!("must have at least {limit} items"),
        Kind::MaxItems { limit } => format!("must have at most {limit} items"),
        Kind::MinProperties { limit } => format!("must have at least {limit} entries"),
        Kind::MaxProperties { limit } => format!("must have at most {limit} entries"),
        Kind::Contains => "lacks a required item".to_owned(),
        Kind::UniqueItems => "holds an item twice".to_owned(),
        kind => format!("does not satisfy the policy's schema ({})", kind.keyword()),
    }
}

fn one_of(options: &Value) -> String {
    let options: Vec<String> = options
        .as_array()
        .into_iter()
        .flatten()
        .map(shown)
        .collect();
    match options.as_slice() {
        [only] => only.clone(),
        _ => format!("one of {}", options.join(", ")),
    }
}

fn types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(kind) => article(type_word(*kind)),
        TypeKind::Multiple(kinds) => kinds
            .iter()
            .map(|kind| article(type_word(kind)))
            .collect::<Vec<_>>()
            .join(" or "),
    }
}

fn type_word(kind: jsonschema::JsonType) -> &'static str {
    use jsonschema::JsonType;
    match kind {
        JsonType::Null => "null",
        JsonType::Boolean => "boolean",
        JsonType::Integer => "integer",
        JsonType::Number => "number",
        JsonType::String => "string",
        JsonType::Array => "list",
        JsonType::Object => "map",
    }
}

fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "map",
    }
}

/// The word for a view's type.
pub(super) fn word(kind: Type) -> String {
    article(match kind {
        Type::Null => "null",
        Type::Bool => "boolean",
        Type::Number => "number",
        Type::String => "string",
        Type::Seq => "list",
        Type::Map => "map",
    })
}

fn article(word: &str) -> String {
    match word {
        "null" => "null".to_owned(),
        "integer" => "an integer".to_owned(),
        _ => format!("a {word}"),
    }
}

/// A value for a message: scalars as JSON, cut short; collections by their type.
pub(super) fn shown(value: &Value) -> String {
    const LONGEST: usize = 60;
    match value {
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a map".to_owned(),
        scalar => {
            let text = scalar.to_string();
            match text.char_indices().nth(LONGEST) {
                Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
                None => text,
            }
        }
    }
}

/// Whether a value at this pointer may be a secret, so that no message may show it.
pub(super) fn is_sensitive(pointer: &str) -> bool {
    pointer.split('/').any(|token| {
        matches!(
            token,
            "env" | "args" | "command" | "data" | "stringData" | "binaryData"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Document;
    use crate::manifest::overlay::Overlay;
    use crate::policy::schema::Schema;
    use serde_json::json;

    fn explained(schema: Value, value: Value) -> Vec<(String, String)> {
        let schema = Schema::new(schema);
        failures(
            schema.validator().unwrap(),
            schema.source(),
            View::Json(&value),
        )
        .into_iter()
        .map(|failure| (failure.pointer, failure.reason))
        .collect()
    }

    fn one(schema: Value, value: Value, pointer: &str, reason: &str) {
        assert_eq!(
            explained(schema, value),
            [(pointer.to_owned(), reason.to_owned())]
        );
    }

    #[test]
    fn a_missing_member_is_placed_where_it_belongs() {
        let schema = json!({
            "required": ["a"],
            "properties": {"a": {"required": ["b/c"], "properties": {"b/c": {"const": true}}}},
        });
        one(schema.clone(), json!({}), "/a/b~1c", "is missing");
        one(schema.clone(), json!({"a": {}}), "/a/b~1c", "is missing");
        one(schema, json!({"a": {"b/c": null}}), "/a/b~1c", "is missing");
    }

    #[test]
    fn reasons_name_the_value_and_what_is_allowed() {
        one(
            json!({"const": false}),
            json!(true),
            "",
            "is true, must be false",
        );
        one(
            json!({"enum": ["a", "b"]}),
            json!("c"),
            "",
            r#"is "c", must be one of "a", "b""#,
        );
        one(
            json!({"type": "object"}),
            json!([]),
            "",
            "is a list, must be a map",
        );
        one(
            json!({"type": "integer"}),
            json!("1"),
            "",
            "is a string, must be an integer",
        );
        one(
            json!({"properties": {"x": false}}),
            json!({"x": {}}),
            "/x",
            "is not allowed",
        );
        one(
            json!({"maximum": 5}),
            json!(6),
            "",
            "is 6, must be at most 5",
        );
    }

    #[test]
    fn of_alternatives_the_one_that_got_furthest_is_explained() {
        let schema = json!({"anyOf": [
            {"required": ["a"]},
            {"required": ["b"], "properties": {"b": {"const": 1}}},
        ]});
        one(schema.clone(), json!({"b": 2}), "/b", "is 2, must be 1");
        one(
            schema,
            json!({}),
            "",
            "does not satisfy the policy's schema (anyOf)",
        );
    }

    #[test]
    fn an_edited_value_is_explained_like_any_other() {
        let document = Document::parse("a: {b: 1, c: x}\nl: [1, y]\n").unwrap();
        let mut overlay = Overlay::new(&document);
        overlay.add("/a/d", json!({"e": 1})).unwrap();
        overlay.add("/l/-", json!({"f": null})).unwrap();
        let schema = Schema::new(json!({
            "properties": {
                "a": {
                    "additionalProperties": false,
                    "properties": {"b": {"const": 2}, "d": {"required": ["g"]}},
                    "required": ["h"],
                },
                "l": {"items": {"type": "integer"}, "contains": {"const": 3}},
            },
            "not": {"required": ["a"]},
        }));
        let explain = |view| failures(schema.validator().unwrap(), schema.source(), view);
        let copy = overlay.view().to_json();
        let found = explain(overlay.view());
        assert_eq!(found, explain(View::Json(&copy)));
        assert_eq!(found.len(), 8, "{found:?}");
    }

    #[test]
    fn long_values_are_cut_at_a_character() {
        let text = shown(&json!("é".repeat(100)));
        assert_eq!(text.chars().count(), 61);
    }
}
