//! What a schema says about one place of a value.

use serde_json::Value;

use crate::manifest::view::unescape;

/// More schemas than this are not looked at for one place; ours need a handful.
const MAX_SCHEMAS: usize = 64;

/// Whether a schema lets only a few words, a truth value or a number stand at a JSON Pointer. Where
/// it says nothing about the place the answer is no.
pub fn is_closed(schema: &Value, pointer: &str) -> bool {
    let mut here = meant(schema, vec![schema]);
    for token in pointer.split('/').skip(1) {
        let token = unescape(token);
        let below = here.iter().flat_map(|one| members(one, &token)).collect();
        here = meant(schema, below);
    }
    !here.is_empty() && here.iter().all(|one| few(one))
}

/// The schemas with their references followed and their alternatives opened.
fn meant<'s>(root: &'s Value, mut todo: Vec<&'s Value>) -> Vec<&'s Value> {
    let mut found = Vec::new();
    for _ in 0..MAX_SCHEMAS {
        let Some(one) = todo.pop() else {
            return found;
        };
        let target = one.get("$ref").and_then(Value::as_str);
        let target = target.and_then(|at| root.pointer(at.strip_prefix('#')?));
        let branches = ["anyOf", "oneOf", "allOf"].iter();
        let branches = branches.filter_map(|word| one.get(word)?.as_array());
        let before = todo.len();
        todo.extend(target.into_iter().chain(branches.flatten()));
        // A tagged enum says its fields in the branches, a wrapper says its type beside them.
        if todo.len() == before || one.get("properties").is_some() {
            found.push(one);
        }
    }
    Vec::new()
}

/// The schemas of a member of a map, or of an item of a list.
fn members<'s>(schema: &'s Value, token: &str) -> Vec<&'s Value> {
    if let Some(own) = schema.get("properties").and_then(|own| own.get(token)) {
        return vec![own];
    }
    let patterns = schema.get("patternProperties").and_then(Value::as_object);
    let any = ["additionalProperties", "items"].iter();
    let any = any.filter_map(|word| schema.get(word).filter(|own| own.is_object()));
    patterns
        .into_iter()
        .flat_map(|own| own.values())
        .chain(any)
        .collect()
}

/// Whether a schema without references or alternatives allows only what can hold no credential.
fn few(schema: &Value) -> bool {
    let of = |word: &str| schema.get("type").is_some_and(|kind| kind == word);
    schema.get("enum").is_some()
        || schema.get("const").is_some()
        || ["boolean", "integer", "number"].into_iter().any(of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn places_of_words_and_numbers_are_told_from_texts() {
        let schema = json!({
            "properties": {
                "tokens": {"$ref": "#/$defs/tokens", "description": "Which."},
                "secret": {"type": "string"},
                "keys": {"type": "array", "items": {"enum": ["a", "b"]}},
                "maps": {"patternProperties": {"^[a-z]+$": {"type": "integer"}}, "additionalProperties": false},
                "open": {"additionalProperties": {"type": "string"}},
                "either": {"anyOf": [{"type": "string"}, {"type": "number"}]}
            },
            "$defs": {"tokens": {"oneOf": [{"const": "keep", "type": "string"}, {"const": "bound", "type": "string"}]}}
        });
        for (pointer, closed) in [
            ("/tokens", true),
            ("/keys/0", true),
            ("/maps/a", true),
            ("/secret", false),
            ("/open/a", false),
            ("/either", false),
            ("/unknown", false),
            ("/secret/below", false),
        ] {
            assert_eq!(is_closed(&schema, pointer), closed, "{pointer}");
        }
    }
}
