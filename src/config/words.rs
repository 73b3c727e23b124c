//! The words for what a schema does not allow. No message repeats a value: any of them may be a secret.

use jsonschema::JsonType;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use serde_json::Value;

/// What to say after a name that does not exist: the nearest one that does, and the list.
pub fn suggest(name: &str, known: &[&str]) -> String {
    let near = nearest(name, known);
    let list = match known {
        [] => "there are none".to_owned(),
        known => format!("there are {}", known.join(", ")),
    };
    match near {
        Some(near) => format!(": did you mean `{near}`? {}", capital(&list)),
        None => format!(": {list}"),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// The known name nearest to one that is misspelt, if any is near.
pub fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let name = name.to_lowercase();
    let allowed = (name.chars().count() / 3).clamp(1, 3);
    known
        .iter()
        .map(|known| {
            (
                strsim::damerau_levenshtein(&name, &known.to_lowercase()),
                *known,
            )
        })
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, known)| known)
}

/// A value of another type than the schema's.
pub(super) fn wrong_type(error: &jsonschema::ValidationError<'_>) -> String {
    let wanted: Vec<&str> = match error.kind() {
        Kind::Type {
            kind: TypeKind::Single(kind),
        } => vec![article(*kind)],
        Kind::Type {
            kind: TypeKind::Multiple(kinds),
        } => kinds.iter().map(article).collect(),
        _ => vec!["of another form"],
    };
    let (got, quotable) = match error.instance().as_ref() {
        Value::Null => ("null", false),
        Value::Bool(_) => ("true or false", true),
        Value::Number(_) => ("a number", true),
        Value::String(_) => ("text", false),
        Value::Array(_) => ("a list", false),
        Value::Object(_) => ("a map", false),
    };
    let quotes = if quotable && wanted.contains(&"text") {
        "; put it in quotes"
    } else {
        ""
    };
    format!("must be {}, not {got}{quotes}", wanted.join(" or "))
}

/// A JSON type as those call it who write YAML.
fn article(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Array => "a list",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "a map",
        JsonType::String => "text",
    }
}

/// Everything that is neither a type, an alternative nor a pattern.
pub(super) fn phrase(kind: &Kind, value: &Value) -> String {
    match kind {
        Kind::Required { property } => {
            format!("missing field `{}`", property.as_str().unwrap_or_default())
        }
        Kind::Constant { expected_value } => format!("must be {}", bare(expected_value)),
        Kind::Enum { options } => choice(options, value),
        Kind::Minimum { limit } => format!("must be at least {limit}"),
        Kind::Maximum { limit } => format!("must be at most {limit}"),
        Kind::MinLength { limit: 1 } => "must not be empty".into(),
        Kind::MinLength { limit } => format!("must have at least {limit} characters"),
        Kind::MaxLength { limit } => format!("must have at most {limit} characters"),
        Kind::MinItems { limit: 1 } => "must have at least one item".into(),
        Kind::MinItems { limit } => format!("must have at least {limit} items"),
        Kind::MaxItems { limit } => format!("must have at most {limit} items"),
        Kind::MinProperties { limit: 1 } => "must have at least one field".into(),
        Kind::UniqueItems => "has an item twice".into(),
        kind => format!("breaks `{}` of the schema", kind.keyword()),
    }
}

/// One of a few words; a value near to one of them is misspelt.
pub(super) fn choice(options: &Value, value: &Value) -> String {
    let options: Vec<String> = options.as_array().into_iter().flatten().map(bare).collect();
    let known: Vec<&str> = options.iter().map(String::as_str).collect();
    let list = format!("must be one of {}", known.join(", "));
    match value.as_str().and_then(|text| nearest(text, &known)) {
        Some(near) => format!("{list}: did you mean `{near}`?"),
        None => list,
    }
}

/// A value of a schema without quotes.
fn bare(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
