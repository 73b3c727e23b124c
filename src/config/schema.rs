//! Judges a value by the JSON Schema of a Rust type: every mistake at once, in words.
//!
//! The schema is made from the type, so that what the program reads, what an editor completes and
//! what the error says are one thing. No message repeats a value: any of them may be a secret.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jsonschema::PatternOptions;
use jsonschema::error::ValidationErrorKind as Kind;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::words::{choice, phrase, wrong_type};
pub use super::words::{nearest, suggest};
use super::{place, quick};
use crate::manifest::view::{escape, unescape};

/// A part of a value that the schema does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The part, as a JSON Pointer; for a missing field the object that lacks it.
    pub pointer: String,
    /// What is wrong with it.
    pub reason: String,
    /// Whether it can be read all the same: its type is right, only its content is not.
    pub readable: bool,
}

/// The JSON Schema (2020-12) of a type. A null member is as good as an absent one and has been
/// dropped before anything is judged, so no part of the schema mentions it.
pub fn of<T: JsonSchema>() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<T>().to_value();
    without_null(&mut schema);
    schema
}

/// Takes the alternative `null` away, which `Option` brings in.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|kind| kind != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    object.insert("type".into(), only);
                }
            }
            if let Some(Value::Array(branches)) = object.get_mut("anyOf") {
                branches.retain(|branch| branch != &serde_json::json!({"type": "null"}));
                if let [Value::Object(only)] = branches.as_mut_slice() {
                    let only = std::mem::take(only);
                    object.remove("anyOf");
                    object.extend(only);
                }
            }
            if object.get("default").is_some_and(Value::is_null) {
                object.remove("default");
            }
            object.values_mut().for_each(without_null);
        }
        Value::Array(items) => items.iter_mut().for_each(without_null),
        _ => {}
    }
}

/// A schema, ready to judge.
struct Compiled {
    schema: Value,
    /// To compile it takes far longer than to judge a file by it, and is seldom needed.
    validator: OnceLock<Result<jsonschema::Validator, String>>,
}

impl Compiled {
    fn new(schema: Value) -> Compiled {
        Compiled {
            schema,
            validator: OnceLock::new(),
        }
    }

    /// The schema of a type, made when it is first asked for.
    fn of<T: JsonSchema>() -> Arc<Compiled> {
        static BY_TYPE: Mutex<BTreeMap<&str, Arc<Compiled>>> = Mutex::new(BTreeMap::new());
        let mut by_type = BY_TYPE.lock().unwrap_or_else(PoisonError::into_inner);
        let compiled = by_type
            .entry(std::any::type_name::<T>())
            .or_insert_with(|| Arc::new(Compiled::new(of::<T>())));
        Arc::clone(compiled)
    }

    fn compile(&self) -> Result<jsonschema::Validator, String> {
        jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .offline()
            .with_pattern_options(PatternOptions::regex())
            .build(&self.schema)
            .map_err(|error| error.to_string())
    }

    fn violations(&self, value: &Value) -> Result<Vec<Violation>, String> {
        let validator = self.validator.get_or_init(|| self.compile());
        let validator = validator.as_ref().map_err(Clone::clone)?;
        let mut found = Vec::new();
        for error in validator.iter_errors(value) {
            explain(&self.schema, &error, &mut found);
        }
        Ok(found)
    }
}

/// Everything in a value that a schema does not allow, in the order of the schema.
///
/// # Errors
/// The schema itself is none.
pub fn violations(schema: &Value, value: &Value) -> Result<Vec<Violation>, String> {
    Compiled::new(schema.clone()).violations(value)
}

/// Whether the schema of a type lets only a few words, a truth value or a number stand at a JSON
/// Pointer, see [`place::is_closed`].
pub fn is_closed<T: JsonSchema>(pointer: &str) -> bool {
    place::is_closed(&Compiled::of::<T>().schema, pointer)
}

/// [`violations`] by the schema of a type.
///
/// # Errors
/// The schema itself is none.
pub fn violations_of<T: JsonSchema>(value: &Value) -> Result<Vec<Violation>, String> {
    let compiled = Compiled::of::<T>();
    match quick::fits(&compiled.schema, value) {
        true => Ok(Vec::new()),
        false => compiled.violations(value),
    }
}

/// Puts one error in words; an error about alternatives becomes those of the one that was meant.
fn explain(root: &Value, error: &jsonschema::ValidationError<'_>, found: &mut Vec<Violation>) {
    let pointer = error.instance_path().as_str().to_owned();
    let levels = levels(root, error.evaluation_path().as_str());
    if let Kind::AnyOf { context } | Kind::OneOfNotValid { context } = error.kind()
        && let Some(meant) = meant(&pointer, context)
    {
        for error in meant {
            explain(root, error, found);
        }
        return;
    }
    if let Kind::OneOfNotValid { context } = error.kind()
        && let Some(violation) = wrong_choice(&pointer, error.instance(), context)
    {
        found.push(violation);
        return;
    }
    if let Kind::AdditionalProperties { unexpected } = error.kind() {
        let level = levels.last().copied().unwrap_or(&Value::Null);
        for name in unexpected {
            found.push(Violation {
                pointer: format!("{pointer}/{}", escape(name)),
                reason: unknown(name, level),
                readable: false,
            });
        }
        return;
    }
    let said = |keyword: &str| levels.iter().find_map(|level| level.get(keyword)?.as_str());
    let reason = match error.kind() {
        Kind::Pattern { pattern } => said("patternErrorMessage")
            .map_or_else(|| format!("does not match {pattern}"), str::to_owned),
        Kind::Type { .. } | Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } => {
            said("errorMessage").map_or_else(|| wrong_type(error), str::to_owned)
        }
        kind => phrase(kind, error.instance()),
    };
    let readable = matches!(
        error.kind(),
        Kind::Pattern { .. } | Kind::MinLength { .. } | Kind::MaxLength { .. }
    );
    found.push(Violation {
        pointer,
        reason,
        readable,
    });
}

/// The errors of the alternative that the author most likely meant: the only one of the value's
/// type, or the one whose tag, such as `type`, is the value's.
fn meant<'e>(
    pointer: &str,
    context: &'e [Vec<jsonschema::ValidationError<'static>>],
) -> Option<&'e [jsonschema::ValidationError<'static>]> {
    let apart = |error: &jsonschema::ValidationError<'_>| match error.kind() {
        Kind::Type { .. } | Kind::Not { .. } => error.instance_path().as_str() == pointer,
        Kind::Constant { .. } => member(pointer, error.instance_path().as_str()).is_some(),
        _ => false,
    };
    let mut fitting = context.iter().filter(|branch| !branch.iter().any(apart));
    let first = fitting.next()?;
    fitting.next().is_none().then_some(first.as_slice())
}

/// The member of a map that a pointer leads to, if it leads to one.
fn member<'p>(map: &str, pointer: &'p str) -> Option<&'p str> {
    let name = pointer.strip_prefix(map)?.strip_prefix('/')?;
    (!name.contains('/')).then_some(name)
}

/// The mistake in a value that is none of a few words, or in a map whose tag, such as `type`, is none.
fn wrong_choice(
    pointer: &str,
    value: &Value,
    context: &[Vec<jsonschema::ValidationError<'static>>],
) -> Option<Violation> {
    let (at, word) = match value {
        Value::Object(members) => {
            let tag = context
                .iter()
                .flatten()
                .find_map(|error| match error.kind() {
                    Kind::Constant { .. } => member(pointer, error.instance_path().as_str()),
                    _ => None,
                })?;
            let tag = unescape(tag);
            (format!("{pointer}/{}", escape(&tag)), members.get(&*tag)?)
        }
        word => (pointer.to_owned(), word),
    };
    let mut options = Vec::new();
    for error in context.iter().flatten() {
        match error.kind() {
            _ if error.instance_path().as_str() != at => {}
            Kind::Constant { expected_value } => options.push(Value::clone(expected_value)),
            Kind::Enum { options: several } => {
                options.extend(several.as_array().into_iter().flatten().cloned());
            }
            _ => {}
        }
    }
    (!options.is_empty()).then(|| Violation {
        pointer: at,
        reason: choice(&options.into(), word),
        readable: false,
    })
}

/// The schemas that apply to the value in which an error was found, outermost first.
fn levels<'s>(root: &'s Value, path: &str) -> Vec<&'s Value> {
    let mut levels = vec![root];
    let mut tokens = path.split('/').skip(1).peekable();
    while let Some(token) = tokens.next() {
        let Some(here) = levels.last().copied() else {
            break;
        };
        if tokens.peek().is_none() {
            break;
        }
        let keyword = here.get(unescape(token).as_ref());
        match (token, keyword) {
            ("$ref", Some(Value::String(target))) => {
                let target = target.strip_prefix('#').and_then(|at| root.pointer(at));
                levels.extend(target);
            }
            ("properties" | "patternProperties", Some(parts)) => {
                let name = tokens.next().unwrap_or_default();
                levels = parts.get(unescape(name).as_ref()).into_iter().collect();
            }
            ("items" | "additionalProperties" | "propertyNames", Some(part)) => levels = vec![part],
            ("anyOf" | "oneOf" | "allOf", Some(parts)) => {
                let index = tokens.next().and_then(|index| index.parse::<usize>().ok());
                levels.extend(index.and_then(|index| parts.get(index)));
            }
            _ => break,
        }
    }
    levels
}

/// A field that the object does not have, or a name that no entry of the map may have.
fn unknown(name: &str, level: &Value) -> String {
    if level.get("patternProperties").is_some() {
        let must = level.get("patternErrorMessage").and_then(Value::as_str);
        return format!(
            "the name {}",
            must.unwrap_or("has a form that is not allowed")
        );
    }
    let known: Vec<&str> = level
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|fields| fields.keys().map(String::as_str))
        .collect();
    format!("unknown field `{name}`{}", suggest(name, &known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(schema: &Value, value: &Value) -> Vec<String> {
        violations(schema, value)
            .unwrap()
            .into_iter()
            .map(|v| format!("{}: {}", v.pointer, v.reason))
            .collect()
    }

    #[test]
    fn every_mistake_is_put_in_words() {
        let schema = json!({
            "type": "object", "required": ["size"], "additionalProperties": false,
            "properties": {
                "size": {"$ref": "#/$defs/size"},
                "color": {"enum": ["red", "green"]},
                "name": {"type": "string", "pattern": "^[a-z]+$", "patternErrorMessage": "must be small letters"},
                "tags": {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}},
                "shape": {"errorMessage": "must have a type", "oneOf": [
                    {"type": "object", "required": ["type"], "additionalProperties": false, "properties": {"type": {"const": "round"}, "radius": {"type": "integer"}}},
                    {"type": "object", "required": ["type"], "additionalProperties": false, "properties": {"type": {"const": "square"}}}]},
                "edit": {"oneOf": [
                    {"type": "object", "required": ["op"], "properties": {"op": {"const": "move"}, "at": {"type": "string"}}},
                    {"type": "object", "required": ["op"], "properties": {"op": {"const": "drop"}, "at": {"type": "string"}}}]},
                "either": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/ref"}], "errorMessage": "must be text or a ref"},
                "shelves": {"type": "object", "additionalProperties": false,
                    "patternProperties": {"^[a-z]+$": {"$ref": "#/$defs/size"}}, "patternErrorMessage": "must be small letters"}
            },
            "$defs": {
                "size": {"type": "integer", "minimum": 1, "maximum": 9},
                "ref": {"type": "object", "required": ["ref"], "additionalProperties": false, "properties": {"ref": {"type": "string"}}}
            }
        });
        let cases = [
            (json!({"size": 1}), ""),
            (json!({}), ": missing field `size`"),
            (
                json!({"size": "big"}),
                "/size: must be a whole number, not text",
            ),
            (json!({"size": 0}), "/size: must be at least 1"),
            (json!({"size": 10}), "/size: must be at most 9"),
            (
                json!({"size": 1, "colour": 1}),
                "/colour: unknown field `colour`: did you mean `color`? There are color, edit, either, name, shape, shelves, size, tags",
            ),
            (
                json!({"size": 1, "color": "gren"}),
                "/color: must be one of red, green: did you mean `green`?",
            ),
            (
                json!({"size": 1, "color": "hunter2"}),
                "/color: must be one of red, green",
            ),
            (
                json!({"size": 1, "name": "A"}),
                "/name: must be small letters",
            ),
            (
                json!({"size": 1, "name": 5}),
                "/name: must be text, not a number; put it in quotes",
            ),
            (
                json!({"size": 1, "tags": []}),
                "/tags: must have at least one item",
            ),
            (
                json!({"size": 1, "tags": ["", {}]}),
                "/tags/0: must not be empty; /tags/1: must be text, not a map",
            ),
            (
                json!({"size": 1, "either": 5}),
                "/either: must be text or a ref",
            ),
            (
                json!({"size": 1, "either": {"raf": "x"}}),
                "/either/raf: unknown field `raf`: did you mean `ref`? There are ref; /either: missing field `ref`",
            ),
            (
                json!({"size": 1, "shape": {"type": "roand"}}),
                "/shape/type: must be one of round, square: did you mean `round`?",
            ),
            (
                json!({"size": 1, "edit": {"op": "mvoe", "at": "/a"}}),
                "/edit/op: must be one of move, drop: did you mean `move`?",
            ),
            (
                json!({"size": 1, "edit": {"op": "drop", "at": 1}}),
                "/edit/at: must be text, not a number; put it in quotes",
            ),
            (
                json!({"size": 1, "shape": {"radius": 1}}),
                "/shape: must have a type",
            ),
            (
                json!({"size": 1, "shape": {"type": "square", "radius": 1}}),
                "/shape/radius: unknown field `radius`: there are type",
            ),
            (
                json!({"size": 1, "shelves": {"A/": 1}}),
                "/shelves/A~1: the name must be small letters",
            ),
            (
                json!({"size": 1, "shelves": {"a": 0}}),
                "/shelves/a: must be at least 1",
            ),
        ];
        for (value, want) in cases {
            let mut got = said(&schema, &value);
            let mut want: Vec<&str> = want.split("; /").collect();
            got.sort();
            let mut want: Vec<String> = want
                .drain(..)
                .enumerate()
                .map(|(i, text)| {
                    if i == 0 {
                        text.to_owned()
                    } else {
                        format!("/{text}")
                    }
                })
                .filter(|text| !text.is_empty())
                .collect();
            want.sort();
            assert_eq!(got, want, "{value}");
        }
    }

    #[test]
    fn options_do_not_become_alternatives() {
        #[derive(JsonSchema)]
        #[allow(dead_code)]
        struct Book {
            title: Option<String>,
            author: Option<Person>,
        }
        #[derive(JsonSchema)]
        #[allow(dead_code)]
        struct Person {
            name: String,
        }
        let schema = of::<Book>();
        assert_eq!(schema["properties"]["title"]["type"], "string");
        assert_eq!(schema["properties"]["author"]["$ref"], "#/$defs/Person");
        assert!(!schema.to_string().contains("null"), "{schema}");
    }
}
