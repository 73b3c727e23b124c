//! Whether a value satisfies a schema, fast.
//!
//! `jsonschema` explains what is wrong; this only answers yes or no. Almost every answer is yes, and
//! most rules use a handful of keywords, so a map is walked once, whatever number of rules ask about
//! its members. A schema with any other keyword is handed to `jsonschema` as a whole. A property test
//! holds the two against each other.

use std::sync::OnceLock;

use jsonschema_value::Node;
use jsonschema_value::types::number_is_integer;
use regex::Regex;
use serde_json::{Map, Number, Value};

use super::json::{Validator, with_identity};
use super::schema::{compile as compile_foreign, mentions_reference};
use crate::manifest::View;
use crate::manifest::view::Type;

/// A schema, ready to be asked.
#[derive(Debug)]
pub(super) enum Matcher {
    /// The schema `true` or `false`.
    Always(bool),
    /// A schema of known keywords; all of them must hold.
    All(Vec<Keyword>),
    /// Any other schema.
    Foreign(Box<Foreign>),
}

/// A schema for `jsonschema`, compiled when it is first asked.
#[derive(Debug)]
pub(super) struct Foreign {
    source: Value,
    compiled: OnceLock<Option<Validator>>,
}

/// One keyword of a schema, or those that are about the same thing.
#[derive(Debug)]
pub(super) enum Keyword {
    /// `type`
    Type(Vec<Kind>),
    /// `const`, `enum`
    OneOf(Vec<Value>),
    /// `minimum`, `maximum`; both included
    Range(i128, i128),
    /// `pattern`
    Pattern(Regex),
    /// `properties`, `required`, `patternProperties`, `additionalProperties`
    Members(Members),
    /// `items`
    Items(Matcher),
    /// `contains`
    Contains(Matcher),
    /// `allOf`
    AllOf(Vec<Matcher>),
    /// `anyOf`
    AnyOf(Vec<Matcher>),
    /// `not`
    Not(Matcher),
    /// `if`, `then`, `else`
    If(Box<[Matcher; 3]>),
}

/// A type name of JSON Schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Any other type.
    Of(Type),
    /// `integer`
    Integer,
}

/// What a schema says about the members of a map.
#[derive(Debug)]
pub(super) struct Members {
    /// Sorted [`by_length`].
    named: Vec<Named>,
    /// How many must be there.
    required: usize,
    patterns: Vec<(Regex, Matcher)>,
    others: Option<Box<Matcher>>,
}

/// A member by its name: what it must be like, and whether it must be there.
type Named = (String, Option<Matcher>, bool);

impl Matcher {
    /// Prepares a schema. Never fails: what is not known here, or is no schema, becomes
    /// [`Matcher::Foreign`], which nothing satisfies if it cannot be compiled.
    pub fn new(schema: &Value) -> Matcher {
        match mentions_reference(schema) {
            true => Matcher::foreign(schema),
            false => Matcher::part(schema),
        }
    }

    /// A schema without references, or a part of one.
    fn part(schema: &Value) -> Matcher {
        match schema {
            Value::Bool(holds) => Matcher::Always(*holds),
            Value::Object(object) => {
                keywords(object).map_or_else(|| Matcher::foreign(schema), Matcher::All)
            }
            _ => Matcher::foreign(schema),
        }
    }

    fn foreign(schema: &Value) -> Matcher {
        Matcher::Foreign(Box::new(Foreign {
            source: schema.clone(),
            compiled: OnceLock::new(),
        }))
    }

    /// Whether the value satisfies the schema. Null members of maps do not exist.
    pub fn holds(&self, view: View<'_>) -> bool {
        self.holds_as(view, view.value_type())
    }

    /// [`Matcher::holds`] for a value whose type is known; to find it out is not free.
    fn holds_as(&self, view: View<'_>, kind: Type) -> bool {
        match self {
            Matcher::Always(holds) => *holds,
            Matcher::All(keywords) => keywords.iter().all(|keyword| keyword.holds(view, kind)),
            Matcher::Foreign(foreign) => {
                let compiled = foreign
                    .compiled
                    .get_or_init(|| compile_foreign(&foreign.source).ok());
                compiled
                    .as_ref()
                    .is_some_and(|validator| with_identity(view, |view| validator.is_valid(view)))
            }
        }
    }
}

impl Keyword {
    fn holds(&self, view: View<'_>, kind: Type) -> bool {
        match self {
            Keyword::Type(kinds) => kinds.iter().any(|own| own.fits(view, kind)),
            Keyword::OneOf(values) => values
                .iter()
                .any(|value| fits(value, kind) && view.equals_value(value)),
            Keyword::Range(least, most) => {
                kind != Type::Number
                    || view
                        .as_number()
                        .is_some_and(|number| within(&number, *least, *most))
            }
            Keyword::Pattern(pattern) => view.as_str().is_none_or(|text| pattern.is_match(&text)),
            Keyword::Members(members) => kind != Type::Map || members.hold(view),
            Keyword::Items(matcher) => {
                kind != Type::Seq || view.items().all(|item| matcher.holds(item))
            }
            Keyword::Contains(matcher) => {
                kind != Type::Seq || view.items().any(|item| matcher.holds(item))
            }
            Keyword::AllOf(matchers) => matchers.iter().all(|own| own.holds_as(view, kind)),
            Keyword::AnyOf(matchers) => matchers.iter().any(|own| own.holds_as(view, kind)),
            Keyword::Not(matcher) => !matcher.holds_as(view, kind),
            Keyword::If(parts) => {
                let [condition, then, otherwise] = parts.as_ref();
                // Usually both hold, and then the condition, often the dearest, is not needed.
                match (then.holds_as(view, kind), otherwise.holds_as(view, kind)) {
                    (true, true) => true,
                    (false, false) => false,
                    (then, _) => condition.holds_as(view, kind) == then,
                }
            }
        }
    }
}

/// Whether a value has a type; only then can it be equal to one of that type.
fn fits(value: &Value, kind: Type) -> bool {
    View::Json(value).value_type() == kind
}

impl Kind {
    fn fits(self, view: View<'_>, kind: Type) -> bool {
        match self {
            Kind::Of(own) => own == kind,
            Kind::Integer => {
                kind == Type::Number
                    && view
                        .as_number()
                        .is_some_and(|number| number_is_integer(&number))
            }
        }
    }

    fn named(name: &str) -> Option<Kind> {
        Some(match name {
            "null" => Kind::Of(Type::Null),
            "boolean" => Kind::Of(Type::Bool),
            "number" => Kind::Of(Type::Number),
            "string" => Kind::Of(Type::String),
            "array" => Kind::Of(Type::Seq),
            "object" => Kind::Of(Type::Map),
            "integer" => Kind::Integer,
            _ => return None,
        })
    }
}

impl Members {
    fn hold(&self, view: View<'_>) -> bool {
        // One name is looked up faster than all members are walked.
        if let ([one], true) = (self.named.as_slice(), self.is_open()) {
            return match view.get(&one.0) {
                Some(value) => self.member_holds(one, value, value.value_type()),
                None => !one.2,
            };
        }
        let mut missing = self.required;
        for (name, value) in view.entries() {
            let own = self
                .named
                .binary_search_by(|(own, ..)| by_length(own, &name))
                .ok();
            let own = own.and_then(|index| self.named.get(index));
            if own.is_none() && self.is_open() {
                continue;
            }
            let kind = value.value_type();
            if kind == Type::Null {
                continue;
            }
            if let Some(own) = own {
                missing -= usize::from(own.2);
                if !self.member_holds(own, value, kind) {
                    return false;
                }
            }
            let known = own.is_some_and(|(_, matcher, _)| matcher.is_some());
            if !self.is_open() && !self.rest_holds(&name, value, known) {
                return false;
            }
        }
        missing == 0
    }

    /// Whether members that are not named may be anything.
    fn is_open(&self) -> bool {
        self.patterns.is_empty() && self.others.is_none()
    }

    fn member_holds(&self, (_, matcher, required): &Named, value: View<'_>, kind: Type) -> bool {
        match kind {
            Type::Null => !required,
            kind => matcher
                .as_ref()
                .is_none_or(|matcher| matcher.holds_as(value, kind)),
        }
    }

    /// `patternProperties`, and `additionalProperties` for what no other keyword is about.
    fn rest_holds(&self, name: &str, value: View<'_>, known: bool) -> bool {
        let mut known = known;
        for (pattern, matcher) in &self.patterns {
            if pattern.is_match(name) {
                known = true;
                if !matcher.holds(value) {
                    return false;
                }
            }
        }
        known
            || self
                .others
                .as_ref()
                .is_none_or(|matcher| matcher.holds(value))
    }
}

/// An order of names that seldom has to compare their text.
fn by_length(one: &str, other: &str) -> std::cmp::Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

/// The keywords of a schema, or `None` when one is not known here.
fn keywords(schema: &Map<String, Value>) -> Option<Vec<Keyword>> {
    let mut keywords = Vec::new();
    for (name, value) in schema {
        keywords.push(match name.as_str() {
            "type" => Keyword::Type(kinds(value)?),
            "const" => Keyword::OneOf(vec![value.clone()]),
            "enum" => Keyword::OneOf(value.as_array()?.clone()),
            "pattern" => Keyword::Pattern(regex(value.as_str()?)?),
            "items" => Keyword::Items(Matcher::part(value)),
            "contains"
                if !schema.contains_key("minContains") && !schema.contains_key("maxContains") =>
            {
                Keyword::Contains(Matcher::part(value))
            }
            "allOf" => Keyword::AllOf(value.as_array()?.iter().map(Matcher::part).collect()),
            "anyOf" => Keyword::AnyOf(value.as_array()?.iter().map(Matcher::part).collect()),
            "not" => Keyword::Not(Matcher::part(value)),
            "if" => {
                let branch = |name| {
                    schema
                        .get(name)
                        .map_or(Matcher::Always(true), Matcher::part)
                };
                Keyword::If(Box::new([
                    Matcher::part(value),
                    branch("then"),
                    branch("else"),
                ]))
            }
            "then"
            | "else"
            | "minimum"
            | "maximum"
            | "properties"
            | "required"
            | "patternProperties"
            | "additionalProperties"
            | "title"
            | "description"
            | "$comment" => continue,
            _ => return None,
        });
    }
    keywords.extend(range(schema)?);
    keywords.extend(members(schema)?);
    // What is cheap first.
    keywords.sort_by_key(|keyword| !matches!(keyword, Keyword::Type(_)));
    Some(keywords)
}

fn kinds(value: &Value) -> Option<Vec<Kind>> {
    match value {
        Value::String(name) => Some(vec![Kind::named(name)?]),
        Value::Array(names) => names
            .iter()
            .map(|name| Kind::named(name.as_str()?))
            .collect(),
        _ => None,
    }
}

/// `minimum` and `maximum`, where they are whole numbers; nothing when there are none.
fn range(schema: &Map<String, Value>) -> Option<Option<Keyword>> {
    let bound = |name: &str, none: i128| match schema.get(name) {
        None => Some(none),
        Some(bound) => bound
            .as_i64()
            .map(i128::from)
            .or_else(|| bound.as_u64().map(i128::from)),
    };
    let (least, most) = (bound("minimum", i128::MIN)?, bound("maximum", i128::MAX)?);
    Some((least != i128::MIN || most != i128::MAX).then_some(Keyword::Range(least, most)))
}

/// Whether a number lies between two whole ones.
fn within(number: &Number, least: i128, most: i128) -> bool {
    let whole = number
        .as_i64()
        .map(i128::from)
        .or_else(|| number.as_u64().map(i128::from));
    match (whole, number.as_f64()) {
        (Some(whole), _) => (least..=most).contains(&whole),
        // The cast stops at the ends of i128, beyond any bound.
        (None, Some(float)) => float.floor() as i128 >= least && float.ceil() as i128 <= most,
        (None, None) => false,
    }
}

/// The keywords about members of a map; nothing when there are none.
fn members(schema: &Map<String, Value>) -> Option<Option<Keyword>> {
    let object = |name: &str| match schema.get(name) {
        None => Some(None),
        Some(value) => value.as_object().map(Some),
    };
    let mut named: Vec<Named> = Vec::new();
    for (name, schema) in object("properties")?.into_iter().flatten() {
        named.push((name.clone(), Some(Matcher::part(schema)), false));
    }
    if let Some(required) = schema.get("required") {
        for name in required.as_array()? {
            let name = name.as_str()?;
            match named.iter_mut().find(|(own, ..)| own == name) {
                Some((_, _, required)) => *required = true,
                None => named.push((name.to_owned(), None, true)),
            }
        }
    }
    named.sort_by(|(a, ..), (b, ..)| by_length(a, b));
    let mut patterns = Vec::new();
    for (pattern, schema) in object("patternProperties")?.into_iter().flatten() {
        patterns.push((regex(pattern)?, Matcher::part(schema)));
    }
    let others = schema
        .get("additionalProperties")
        .map(|schema| Box::new(Matcher::part(schema)));
    if named.is_empty() && patterns.is_empty() && others.is_none() {
        return Some(None);
    }
    let required = named.iter().filter(|(_, _, required)| *required).count();
    Some(Some(Keyword::Members(Members {
        named,
        required,
        patterns,
        others,
    })))
}

/// A regular expression that means the same in ECMA 262 and in Rust: anchors, groups, alternatives
/// and plain characters. Any other is left to `jsonschema`, which translates it.
fn regex(pattern: &str) -> Option<Regex> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-_:=@ ^$()|".contains(&b);
    let mut bytes = pattern.bytes();
    while let Some(byte) = bytes.next() {
        let known = if byte == b'\\' {
            bytes.next() == Some(b'.')
        } else {
            plain(byte)
        };
        if !known {
            return None;
        }
    }
    Regex::new(pattern).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::manifest::Document;
    use crate::manifest::edit::Operation;
    use crate::manifest::overlay::Overlay;
    use crate::policy::schema::compile;

    fn number() -> impl Strategy<Value = Value> {
        prop_oneof![
            (-3..4i64).prop_map(Value::from),
            prop::sample::select(vec![
                json!(0.5),
                json!(-0.0),
                json!(2.0),
                json!(1e300),
                json!(u64::MAX),
                json!(i64::MIN),
                json!(9.223_372_036_854_776e18)
            ]),
        ]
    }

    fn scalar() -> impl Strategy<Value = Value> {
        let text = prop::sample::select(vec!["", "a", "ab", "x.y", "x.y/z", "a\n", "A"]);
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            number(),
            text.prop_map(Value::from)
        ]
    }

    fn key() -> impl Strategy<Value = String> {
        prop::sample::select(vec!["a", "b", "ab", "x.y"]).prop_map(str::to_owned)
    }

    fn value() -> impl Strategy<Value = Value> {
        scalar().prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::btree_map(key(), inner, 0..4)
                    .prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    fn schema() -> impl Strategy<Value = Value> {
        let kind = prop::sample::select(vec![
            "null", "boolean", "number", "string", "array", "object", "integer",
        ]);
        let pattern =
            || prop::sample::select(vec!["^a", "a$", "^x\\.y$", "^(a|x)", "[ab]", "\\d", "^$"]);
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::Bool),
            kind.clone().prop_map(|kind| json!({"type": kind})),
            prop::collection::vec(kind, 1..3).prop_map(|kinds| json!({"type": kinds.into_iter().collect::<std::collections::BTreeSet<_>>()})),
            scalar().prop_map(|value| json!({"const": value})),
            prop::collection::vec(scalar(), 1..3).prop_map(|values| json!({"enum": values})),
            number().prop_map(|bound| json!({"minimum": bound})),
            number().prop_map(|bound| json!({"maximum": bound})),
            pattern().prop_map(|pattern| json!({"pattern": pattern})),
            prop::collection::btree_set(key(), 0..3).prop_map(|names| json!({"required": names})),
            Just(json!({"minItems": 2})),
        ];
        leaf.prop_recursive(3, 24, 4, move |inner| {
            let map = |name: &'static str, inner: BoxedStrategy<Value>| {
                prop::collection::btree_map(key(), inner, 0..3)
                    .prop_map(move |map| json!({name: map}))
            };
            let one =
                |name: &'static str| inner.clone().prop_map(move |schema| json!({name: schema}));
            let many = |name: &'static str| {
                prop::collection::vec(inner.clone(), 1..3)
                    .prop_map(move |schemas| json!({name: schemas}))
            };
            let patterns = prop::collection::btree_map(pattern(), inner.clone(), 0..2);
            let keyword = prop_oneof![
                map("properties", inner.clone().boxed()),
                patterns.prop_map(|map| json!({"patternProperties": map})),
                one("additionalProperties"),
                one("items"),
                one("contains"),
                one("not"),
                one("if"),
                one("then"),
                one("else"),
                many("allOf"),
                many("anyOf"),
                many("oneOf"),
                Just(json!({"minContains": 2})),
                inner.clone(),
            ];
            prop::collection::vec(keyword, 1..4).prop_map(|parts| {
                let objects = parts
                    .into_iter()
                    .filter_map(|part| part.as_object().cloned());
                objects.flatten().collect()
            })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_answer_is_that_of_jsonschema(schema in schema(), values in prop::collection::vec(value(), 1..6)) {
            let matcher = Matcher::new(&schema);
            let validator = compile(&schema).map_err(|error| TestCaseError::fail(error.to_string()))?;
            for value in values {
                let view = View::Json(&value);
                prop_assert_eq!(matcher.holds(view), validator.is_valid(view), "{} on {}", schema, value);
            }
        }
    }

    #[test]
    fn built_in_policies_need_nothing_foreign() {
        fn is_own(matcher: &Matcher) -> bool {
            match matcher {
                Matcher::Always(_) => true,
                Matcher::Foreign(_) => false,
                Matcher::All(keywords) => keywords.iter().all(|keyword| match keyword {
                    Keyword::Members(members) => {
                        members
                            .named
                            .iter()
                            .all(|(_, matcher, _)| matcher.as_ref().is_none_or(is_own))
                            && members.patterns.iter().all(|(_, matcher)| is_own(matcher))
                            && members.others.as_deref().is_none_or(is_own)
                    }
                    Keyword::Items(own) | Keyword::Contains(own) | Keyword::Not(own) => is_own(own),
                    Keyword::AllOf(own) | Keyword::AnyOf(own) => own.iter().all(is_own),
                    Keyword::If(own) => own.iter().all(is_own),
                    Keyword::Type(_)
                    | Keyword::OneOf(_)
                    | Keyword::Range(..)
                    | Keyword::Pattern(_) => true,
                }),
            }
        }
        let library = crate::policy::Library::built_in().unwrap();
        for loaded in library.iter() {
            let versions = &loaded.policy.versions;
            let rules = loaded
                .policy
                .rules
                .iter()
                .chain(versions.iter().flat_map(|own| &own.rules));
            for rule in rules {
                assert!(is_own(&Matcher::new(&rule.schema)), "{}", loaded.name);
            }
        }
    }

    #[test]
    fn references_are_followed_from_the_root() {
        let schema =
            json!({"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"const": 1}}});
        let matcher = Matcher::new(&schema);
        assert!(matcher.holds(View::Json(&json!({"a": 1}))));
        assert!(!matcher.holds(View::Json(&json!({"a": 2}))));
    }

    #[test]
    fn a_reference_to_itself_ends() {
        let text = "a: {b: 1}";
        let document = Document::parse(text).unwrap();
        let mut overlay = Overlay::new(&document);
        let (path, value) = ("/a/c".to_owned(), json!({}));
        overlay.apply(&Operation::Add { path, value }).unwrap();
        let value = overlay.view().to_json();
        for schema in [
            json!({"$ref": "#"}),
            json!({"anyOf": [{"$ref": "#"}, {"required": ["x"]}]}),
        ] {
            let matcher = Matcher::new(&schema);
            assert_eq!(
                matcher.holds(overlay.view()),
                matcher.holds(View::Json(&value))
            );
        }
    }

    #[test]
    fn nothing_satisfies_what_is_no_schema() {
        for schema in [
            json!(5),
            json!({"type": "text"}),
            json!({"properties": 5}),
            json!({"required": [1]}),
        ] {
            assert!(
                !Matcher::new(&schema).holds(View::Json(&json!({}))),
                "{schema}"
            );
        }
    }
}
