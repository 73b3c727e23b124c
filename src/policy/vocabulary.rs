//! The keywords of JSON Schema 2020-12.
//!
//! JSON Schema ignores a keyword it does not know. In a policy that would be a hole: a misspelt
//! `requierd` asks for nothing. So every keyword has to be one of these.

use serde_json::Value;

use crate::manifest::view::escape;

/// How a keyword's value holds further schemas.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// None.
    Nothing,
    /// It is one.
    Schema,
    /// It is a list of them.
    List,
    /// It is a map of names to them.
    Map,
}

fn holds(keyword: &str) -> Option<Holds> {
    Some(match keyword {
        "additionalProperties"
        | "contains"
        | "else"
        | "if"
        | "items"
        | "not"
        | "propertyNames"
        | "then"
        | "unevaluatedItems"
        | "unevaluatedProperties" => Holds::Schema,
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => Holds::List,
        "$defs" | "dependentSchemas" | "patternProperties" | "properties" => Holds::Map,
        "$anchor" | "$comment" | "$dynamicAnchor" | "$dynamicRef" | "$id" | "$ref" | "$schema"
        | "const" | "default" | "dependentRequired" | "deprecated" | "description" | "enum"
        | "examples" | "exclusiveMaximum" | "exclusiveMinimum" | "format" | "maxContains"
        | "maxItems" | "maxLength" | "maxProperties" | "maximum" | "minContains" | "minItems"
        | "minLength" | "minProperties" | "minimum" | "multipleOf" | "pattern" | "readOnly"
        | "required" | "title" | "type" | "uniqueItems" | "writeOnly" => Holds::Nothing,
        _ => return None,
    })
}

/// The JSON Pointer of the first keyword in a schema that JSON Schema does not have.
pub(super) fn unknown_keyword(schema: &Value) -> Option<String> {
    for (keyword, value) in schema.as_object()? {
        let inside = match holds(keyword) {
            None => Some(String::new()),
            Some(Holds::Nothing) => None,
            Some(Holds::Schema) => unknown_keyword(value),
            Some(Holds::List) => value.as_array().and_then(|list| {
                let mut parts = list.iter().enumerate();
                parts.find_map(|(index, part)| Some(format!("/{index}{}", unknown_keyword(part)?)))
            }),
            Some(Holds::Map) => value.as_object().and_then(|map| {
                let mut parts = map.iter();
                parts.find_map(|(name, part)| {
                    Some(format!("/{}{}", escape(name), unknown_keyword(part)?))
                })
            }),
        };
        if let Some(inside) = inside {
            return Some(format!("/{}{inside}", escape(keyword)));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn misspelt_keywords_are_found_wherever_they_stand() {
        for (schema, expected) in [
            (json!({"requierd": ["a"]}), Some("/requierd")),
            (
                json!({"properties": {"a/b": {"item": {}}}}),
                Some("/properties/a~1b/item"),
            ),
            (
                json!({"anyOf": [{}, {"not": {"cosnt": 1}}]}),
                Some("/anyOf/1/not/cosnt"),
            ),
            (
                json!({"properties": {"requierd": {"const": {"anything": 1}}}}),
                None,
            ),
            (json!({"enum": [{"x": 1}], "items": false}), None),
            (json!(true), None),
        ] {
            assert_eq!(unknown_keyword(&schema).as_deref(), expected, "{schema}");
        }
    }
}
