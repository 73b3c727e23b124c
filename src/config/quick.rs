//! Whether a value fits a schema, without compiling the schema.
//!
//! To compile the schema of a platform file takes three times as long as to harden a small release,
//! and almost every file is right. So the schema is walked beside the value first, with three
//! answers: it fits, it does not, or only the compiled schema can tell. What is wrong is always said
//! by the compiled one. A test holds the two against each other.

use std::cell::RefCell;

use foldhash::HashMap;
use regex::bytes::{Regex, RegexBuilder};
use serde_json::{Map, Value};

/// References are followed this deep; ours do not go deeper.
const MAX_DEPTH: usize = 64;

/// Whether the value surely fits the schema. `false` may also mean that it takes more to tell.
pub(super) fn fits(schema: &Value, value: &Value) -> bool {
    Walk::new(schema).schema(schema, value, 0) == Some(true)
}

/// A schema beside a value. Each answer is `None` where only the compiled schema can tell.
struct Walk<'r> {
    root: &'r Value,
    patterns: RefCell<HashMap<&'r str, Option<Regex>>>,
}

impl<'r> Walk<'r> {
    fn new(root: &'r Value) -> Self {
        Walk {
            root,
            patterns: RefCell::default(),
        }
    }

    fn schema(&self, schema: &'r Value, value: &Value, depth: usize) -> Option<bool> {
        match schema {
            Value::Bool(fits) => Some(*fits),
            Value::Object(_) if depth > MAX_DEPTH => None,
            Value::Object(schema) => all(schema
                .iter()
                .map(|(keyword, rule)| self.keyword(schema, keyword, rule, value, depth + 1))),
            _ => None,
        }
    }

    fn keyword(
        &self,
        schema: &'r Map<String, Value>,
        keyword: &str,
        rule: &'r Value,
        value: &Value,
        depth: usize,
    ) -> Option<bool> {
        match keyword {
            "title"
            | "description"
            | "default"
            | "errorMessage"
            | "patternErrorMessage"
            | "$schema"
            | "$defs" => Some(true),
            // What schemars calls the sizes of numbers; no other reader knows them.
            "format" => matches!(rule.as_str()?, "uint16" | "uint32" | "double").then_some(true),
            "$ref" => {
                let name = rule.as_str()?.strip_prefix("#/$defs/")?;
                self.schema(self.root.get("$defs")?.get(name)?, value, depth)
            }
            "type" => is_of_type(rule.as_str()?, value),
            "const" => same(rule, value),
            "enum" => any(rule.as_array()?.iter().map(|rule| same(rule, value))),
            "minimum" => bounded(value, |number| Some(number >= rule.as_i64()?)),
            "maximum" => bounded(value, |number| Some(number <= rule.as_i64()?)),
            "minLength" => long(value, |length| Some(length >= rule.as_u64()?)),
            "maxLength" => long(value, |length| Some(length <= rule.as_u64()?)),
            "pattern" => match value {
                Value::String(text) => self.matches(rule.as_str()?, text),
                _ => Some(true),
            },
            "items" if !schema.contains_key("prefixItems") => {
                let items = value.as_array().into_iter().flatten();
                all(items.map(|item| self.schema(rule, item, depth)))
            }
            "required" | "properties" | "patternProperties" | "additionalProperties" => match value
            {
                Value::Object(members) => self.members(schema, keyword, rule, members, depth),
                _ => Some(true),
            },
            "allOf" => all(self.branches(rule, value, depth)?),
            "anyOf" => any(self.branches(rule, value, depth)?),
            "oneOf" => one(self.branches(rule, value, depth)?),
            "not" => self.schema(rule, value, depth).map(|fits| !fits),
            _ => None,
        }
    }

    fn members(
        &self,
        schema: &'r Map<String, Value>,
        keyword: &str,
        rule: &'r Value,
        members: &Map<String, Value>,
        depth: usize,
    ) -> Option<bool> {
        match keyword {
            "required" => all(rule
                .as_array()?
                .iter()
                .map(|name| Some(members.contains_key(name.as_str()?)))),
            "properties" => {
                let named = rule.as_object()?.iter();
                all(named
                    .filter_map(|(name, rule)| Some((rule, members.get(name)?)))
                    .map(|(rule, member)| self.schema(rule, member, depth)))
            }
            "patternProperties" => all(members.iter().map(|(name, member)| {
                let rules = rule.as_object()?.iter();
                all(
                    rules.map(|(pattern, rule)| match self.matches(pattern, name)? {
                        true => self.schema(rule, member, depth),
                        false => Some(true),
                    }),
                )
            })),
            _ => all(members
                .iter()
                .map(|(name, member)| match self.is_named(schema, name)? {
                    true => Some(true),
                    false => self.schema(rule, member, depth),
                })),
        }
    }

    /// Whether `properties` or `patternProperties` are about a member.
    fn is_named(&self, schema: &'r Map<String, Value>, name: &str) -> Option<bool> {
        let named = schema.get("properties").and_then(|own| own.get(name));
        if named.is_some() {
            return Some(true);
        }
        let patterns = schema.get("patternProperties").and_then(Value::as_object);
        let patterns = patterns.into_iter().flat_map(Map::keys);
        any(patterns.map(|pattern| self.matches(pattern, name)))
    }

    fn branches(
        &self,
        rule: &'r Value,
        value: &Value,
        depth: usize,
    ) -> Option<impl Iterator<Item = Option<bool>>> {
        let branches = rule.as_array()?.iter();
        Some(branches.map(move |branch| self.schema(branch, value, depth)))
    }

    /// Whether a pattern matches. For ASCII it means the same in ECMA 262 and here.
    fn matches(&self, pattern: &'r str, text: &str) -> Option<bool> {
        let mut patterns = self.patterns.borrow_mut();
        let compile = || RegexBuilder::new(pattern).unicode(false).build().ok();
        let pattern = patterns.entry(pattern).or_insert_with(compile).as_ref()?;
        text.is_ascii().then(|| pattern.is_match(text.as_bytes()))
    }
}

/// Whether all hold.
fn all(answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut sure = Some(true);
    for answer in answers {
        match answer {
            Some(true) => {}
            Some(false) => return Some(false),
            None => sure = None,
        }
    }
    sure
}

/// Whether any holds.
fn any(answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    all(answers.map(|answer| answer.map(|holds| !holds))).map(|none| !none)
}

/// Whether exactly one holds.
fn one(answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let (mut holding, mut unsure) = (0, false);
    for answer in answers {
        holding += usize::from(answer == Some(true));
        unsure |= answer.is_none();
    }
    match (holding, unsure) {
        (2.., _) => Some(false),
        (_, true) => None,
        (holding, false) => Some(holding == 1),
    }
}

fn is_of_type(name: &str, value: &Value) -> Option<bool> {
    Some(match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "number" => value.is_number(),
        // 3.0 is an integer too.
        "integer" if value.is_f64() => return None,
        "integer" => value.is_number(),
        _ => return None,
    })
}

/// Whether two values are equal; numbers can be in spite of different forms.
fn same(rule: &Value, value: &Value) -> Option<bool> {
    match (rule, value) {
        (Value::String(rule), Value::String(value)) => Some(rule == value),
        (Value::Bool(rule), Value::Bool(value)) => Some(rule == value),
        (Value::String(_) | Value::Bool(_), _) => Some(false),
        _ => None,
    }
}

/// What a bound says of a number; nothing of any other value.
fn bounded(value: &Value, bound: impl Fn(i64) -> Option<bool>) -> Option<bool> {
    match value {
        Value::Number(number) => bound(number.as_i64()?),
        _ => Some(true),
    }
}

/// What a length says of a text; nothing of any other value.
fn long(value: &Value, bound: impl Fn(u64) -> Option<bool>) -> Option<bool> {
    match value {
        Value::String(text) => bound(text.chars().count() as u64),
        _ => Some(true),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// Keywords that take turns, among them some that are not known here.
    fn schema() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(true)),
            Just(json!(false)),
            Just(json!({"$ref": "#/$defs/small"})),
            Just(json!({"type": "string", "pattern": r"^[a-c]\d?$"})),
            Just(json!({"minLength": 1, "maxLength": 2})),
            Just(json!({"type": "integer", "minimum": 1, "maximum": 3})),
            Just(json!({"enum": ["a", true, 1]})),
            Just(json!({"const": "b1"})),
            Just(json!({"type": "object", "required": ["a"]})),
            Just(json!({"minProperties": 1})),
            Just(json!({"type": "number", "format": "uint32"})),
        ];
        leaf.prop_recursive(3, 20, 3, |inner| {
            let list = || proptest::collection::vec(inner.clone(), 1..4);
            prop_oneof![
                list().prop_map(|all| json!({"oneOf": all})),
                list().prop_map(|all| json!({"anyOf": all})),
                list().prop_map(|all| json!({"allOf": all, "description": "d"})),
                inner.clone().prop_map(|one| json!({"not": one})),
                inner.clone().prop_map(|one| json!({"items": one})),
                (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, rest)| json!({
                    "properties": {"a": a},
                    "patternProperties": {"^b": b},
                    "additionalProperties": rest,
                })),
            ]
        })
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            proptest::bool::ANY.prop_map(Value::from),
            (-1..5_i64).prop_map(Value::from),
            Just(json!(2.0)),
            Just(json!(2.5)),
            Just(json!(u64::MAX)),
            "[a-cé]{0,2}[0-9]{0,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                proptest::collection::btree_map("[a-c]", inner, 0..3)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_sure_answer_is_that_of_the_compiled_schema(part in schema(), value in value()) {
            let schema = json!({
                "allOf": [part],
                "$defs": {"small": {"type": "integer", "maximum": 2}},
            });
            let compiled = crate::config::schema::violations(&schema, &value);
            let right = compiled.is_ok_and(|found| found.is_empty());
            if let Some(sure) = Walk::new(&schema).schema(&schema, &value, 0) {
                prop_assert_eq!(sure, right, "{} {}", schema, value);
            }
        }
    }
}
