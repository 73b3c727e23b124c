//! A policy's JSON Schema as a CEL expression.
//!
//! The meaning is that of the policies: null members do not exist, a keyword says nothing about
//! values of other types. Where the API server vouches for the types of an object it has decoded,
//! nothing is asked about them.

use serde_json::{Map, Value};

use super::{Expr, literal, pattern};
use crate::manifest::view::escape;

/// References one after the other that are followed.
const MAX_REFERENCES: usize = 16;

/// Why a reference that leads back to itself cannot be translated.
const RECURSIVE: &str = "is recursive, which CEL has not";

/// Who vouches for the types of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typing {
    /// The API server: it decoded a pod. Maps are maps, lists are lists, and there is no null.
    ApiServer,
    /// Nobody: an object of any kind.
    Nobody,
}

/// What in a schema has no counterpart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untranslatable {
    /// Its JSON Pointer in the schema.
    pub pointer: String,
    /// Why.
    pub reason: String,
}

impl Untranslatable {
    /// Something at a pointer.
    pub fn at(pointer: &str, reason: impl Into<String>) -> Untranslatable {
        Untranslatable {
            pointer: pointer.to_owned(),
            reason: reason.into(),
        }
    }

    /// The same, in something that lies at a pointer itself.
    #[must_use]
    pub fn below(mut self, pointer: &str) -> Untranslatable {
        self.pointer.insert_str(0, pointer);
        self
    }
}

type Translated = Result<Expr, Untranslatable>;

/// The expression that holds where the value that `on` names satisfies the schema.
///
/// # Errors
/// The first keyword that cannot be translated.
pub fn translate(schema: &Value, on: &str, typing: Typing) -> Translated {
    let translator = Translator {
        root: schema,
        typing,
    };
    translator.schema(Place {
        schema,
        on,
        pointer: "",
        loops: 0,
        references: 0,
    })
}

struct Translator<'a> {
    root: &'a Value,
    typing: Typing,
}

/// A part of a schema, and the value it is about.
#[derive(Clone, Copy)]
struct Place<'a> {
    schema: &'a Value,
    on: &'a str,
    pointer: &'a str,
    /// How many loops the expression stands in; names their variables.
    loops: usize,
    references: usize,
}

/// What a keyword says about the values of a type.
#[derive(Default)]
struct Said {
    of_any: Vec<Expr>,
    of_maps: Vec<Expr>,
    of_lists: Vec<Expr>,
    of_strings: Vec<Expr>,
    of_numbers: Vec<Expr>,
}

impl Place<'_> {
    fn wrong(&self, keyword: &str, reason: impl Into<String>) -> Untranslatable {
        Untranslatable::at(&format!("{}/{}", self.pointer, escape(keyword)), reason)
    }

    fn variable(&self, name: &str) -> String {
        match self.loops {
            0 => name.to_owned(),
            loops => format!("{name}{}", loops + 1),
        }
    }
}

impl<'a> Translator<'a> {
    fn schema(&self, at: Place<'_>) -> Translated {
        match at.schema {
            Value::Bool(holds) => Ok(Expr::Always(*holds)),
            Value::Object(keywords) => self.keywords(at, keywords),
            _ => Err(Untranslatable::at(at.pointer, "is no schema")),
        }
    }

    /// A part of the schema at the same value.
    fn part(&self, at: Place<'_>, below: &str, schema: &Value) -> Translated {
        self.schema(Place {
            schema,
            pointer: &format!("{}/{below}", at.pointer),
            ..at
        })
    }

    /// A part of the schema about another value.
    fn on(&self, at: Place<'_>, below: &str, schema: &Value, on: &str, loops: usize) -> Translated {
        self.schema(Place {
            schema,
            on,
            pointer: &format!("{}/{below}", at.pointer),
            loops: at.loops + loops,
            ..at
        })
    }

    fn keywords(&self, at: Place<'_>, keywords: &Map<String, Value>) -> Translated {
        let mut said = Said::default();
        for (keyword, value) in keywords {
            self.keyword(at, keywords, keyword, value, &mut said)?;
        }
        said.of_maps.splice(0..0, self.members(at, keywords)?);
        Ok(self.joined(at.on, said))
    }

    /// Everything said, each only about values of its type.
    fn joined(&self, on: &str, said: Said) -> Expr {
        let is_no = |kind: &str| Expr::relation(format!("type({on}) != {kind}"));
        let about = |other: Expr, said: Vec<Expr>| match Expr::all(said) {
            Expr::Always(true) => Expr::Always(true),
            what => Expr::any([other, what]),
        };
        let vouched = |kind: &str| match self.typing {
            Typing::ApiServer => Expr::Always(false),
            Typing::Nobody => is_no(kind),
        };
        let mut all = said.of_any;
        all.push(about(vouched("map"), said.of_maps));
        all.push(about(vouched("list"), said.of_lists));
        all.push(about(is_no("string"), said.of_strings));
        let no_number = Expr::all([is_no("int"), is_no("double")]);
        all.push(about(no_number, said.of_numbers));
        Expr::all(all)
    }

    fn keyword(
        &self,
        at: Place<'_>,
        all: &Map<String, Value>,
        keyword: &str,
        value: &Value,
        said: &mut Said,
    ) -> Result<(), Untranslatable> {
        let on = at.on;
        match keyword {
            "title" | "description" | "$comment" | "$schema" | "$defs" | "default" | "examples"
            | "deprecated" | "readOnly" | "writeOnly" | "format" => {}
            // Said by `members`, `contains` and `if`.
            "properties"
            | "required"
            | "additionalProperties"
            | "minContains"
            | "maxContains"
            | "then"
            | "else" => {}
            "type" => said.of_any.push(self.kinds(at, value)?),
            "const" => {
                said.of_any
                    .push(self.is_one_of(at, keyword, std::slice::from_ref(value))?)
            }
            "enum" => {
                let values = value
                    .as_array()
                    .ok_or_else(|| at.wrong(keyword, "is no list"))?;
                said.of_any.push(self.is_one_of(at, keyword, values)?);
            }
            "$ref" => said.of_any.push(self.reference(at, value)?),
            "not" => said.of_any.push(self.part(at, "not", value)?.not()),
            "allOf" => said.of_any.push(Expr::all(self.parts(at, keyword, value)?)),
            "anyOf" => said.of_any.push(Expr::any(self.parts(at, keyword, value)?)),
            "oneOf" => {
                let parts = self.parts(at, keyword, value)?;
                let parts: Vec<String> = parts.iter().map(Expr::text).collect();
                let variable = at.variable("holds");
                let list = format!("[{}]", parts.join(", "));
                let body = Expr::call(variable.clone());
                said.of_any
                    .push(Expr::each(&list, "exists_one", &variable, body));
            }
            "if" => said.of_any.push(self.conditional(at, all, value)?),
            "dependentSchemas" => said.of_maps.extend(self.dependent_schemas(at, value)?),
            "dependentRequired" => said.of_maps.extend(self.dependent_required(at, value)?),
            "patternProperties" | "propertyNames" => {
                said.of_maps.extend(self.by_name(at, keyword, value)?);
            }
            "minProperties" | "maxProperties" => {
                let count = match self.typing {
                    Typing::ApiServer => format!("size({on})"),
                    Typing::Nobody => {
                        let key = at.variable("key");
                        format!("{on}.filter({key}, {on}[{key}] != null).size()")
                    }
                };
                said.of_maps.push(bound(at, keyword, value, &count)?);
            }
            "items" if !all.contains_key("prefixItems") => {
                let item = at.variable("item");
                let body = self.on(at, keyword, value, &item, 1)?;
                said.of_lists.push(Expr::each(on, "all", &item, body));
            }
            "contains" => said.of_lists.push(self.contains(at, all, value)?),
            "minItems" | "maxItems" => {
                said.of_lists
                    .push(bound(at, keyword, value, &format!("size({on})"))?);
            }
            "uniqueItems" if value == &Value::Bool(false) => {}
            "uniqueItems" => {
                let (item, other) = (at.variable("item"), at.variable("other"));
                let same = Expr::relation(format!("{item} == {other}"));
                let once = Expr::each(on, "exists_one", &other, same);
                said.of_lists.push(Expr::each(on, "all", &item, once));
            }
            "pattern" => said.of_strings.push(self.matches(at, keyword, value, on)?),
            "minLength" | "maxLength" => {
                said.of_strings
                    .push(bound(at, keyword, value, &format!("size({on})"))?);
            }
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => {
                said.of_numbers.push(bound(at, keyword, value, on)?);
            }
            _ => return Err(at.wrong(keyword, "has no counterpart in CEL")),
        }
        Ok(())
    }

    fn parts(
        &self,
        at: Place<'_>,
        keyword: &str,
        value: &Value,
    ) -> Result<Vec<Expr>, Untranslatable> {
        let parts = value
            .as_array()
            .ok_or_else(|| at.wrong(keyword, "is no list"))?;
        let parts = parts.iter().enumerate();
        parts
            .map(|(index, part)| self.part(at, &format!("{keyword}/{index}"), part))
            .collect()
    }

    fn kinds(&self, at: Place<'_>, value: &Value) -> Translated {
        let one = |name: &Value| {
            let name = name.as_str().unwrap_or_default();
            self.kind(at.on, name)
                .ok_or_else(|| at.wrong("type", "is no type"))
        };
        match value {
            Value::Array(names) => Ok(Expr::any(
                names.iter().map(one).collect::<Result<Vec<_>, _>>()?,
            )),
            name => one(name),
        }
    }

    fn kind(&self, on: &str, name: &str) -> Option<Expr> {
        let is = |kind: &str| Expr::relation(format!("type({on}) == {kind}"));
        let vouched = self.typing == Typing::ApiServer;
        Some(match name {
            "object" | "array" if vouched => Expr::Always(true),
            "object" => is("map"),
            "array" => is("list"),
            "null" if vouched => Expr::Always(false),
            "null" => Expr::relation(format!("{on} == null")),
            "string" => is("string"),
            "boolean" => is("bool"),
            "number" => Expr::any([is("int"), is("double")]),
            // To JSON Schema 1.0 is an integer too.
            "integer" => Expr::any([
                is("int"),
                Expr::all([
                    is("double"),
                    Expr::relation(format!("{on} == double(int({on}))")),
                ]),
            ]),
            _ => return None,
        })
    }

    fn is_one_of(&self, at: Place<'_>, keyword: &str, values: &[Value]) -> Translated {
        let too_large = || at.wrong(keyword, "holds a number that CEL cannot write");
        Ok(match values {
            [] => Expr::Always(false),
            [value] => {
                let value = literal::value(value).ok_or_else(too_large)?;
                Expr::relation(format!("{} == {value}", at.on))
            }
            values => {
                let list = literal::list(values).ok_or_else(too_large)?;
                Expr::relation(format!("{} in {list}", at.on))
            }
        })
    }

    fn reference(&self, at: Place<'_>, value: &Value) -> Translated {
        let pointer = value.as_str().and_then(|text| text.strip_prefix('#'));
        let target = pointer
            .filter(|pointer| pointer.is_empty() || pointer.starts_with('/'))
            .and_then(|pointer| self.root.pointer(pointer));
        let target = target.ok_or_else(|| at.wrong("$ref", "leads nowhere in this schema"))?;
        if at.references >= MAX_REFERENCES {
            return Err(at.wrong("$ref", RECURSIVE));
        }
        let inside = self.schema(Place {
            schema: target,
            references: at.references + 1,
            ..at
        });
        // The place to name is the first one, not the one where following it came to an end.
        inside.map_err(|error| match error.reason == RECURSIVE {
            true => at.wrong("$ref", RECURSIVE),
            false => error,
        })
    }

    fn conditional(&self, at: Place<'_>, all: &Map<String, Value>, value: &Value) -> Translated {
        let condition = self.part(at, "if", value)?;
        let branch = |name: &str| match all.get(name) {
            Some(schema) => self.part(at, name, schema),
            None => Ok(Expr::Always(true)),
        };
        let then = Expr::any([condition.clone().not(), branch("then")?]);
        Ok(Expr::all([then, Expr::any([condition, branch("else")?])]))
    }

    /// Whether a member is there; to a policy null is not.
    fn is_there(&self, on: &str, name: &str) -> Expr {
        let there = literal::has_member(on, name);
        match self.typing {
            Typing::ApiServer => there,
            Typing::Nobody => {
                let value = literal::member(on, name);
                Expr::all([there, Expr::relation(format!("{value} != null"))])
            }
        }
    }

    /// `properties`, `required` and `additionalProperties`.
    fn members(
        &self,
        at: Place<'_>,
        keywords: &Map<String, Value>,
    ) -> Result<Vec<Expr>, Untranslatable> {
        let object = |name: &str| {
            keywords
                .get(name)
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
        };
        let required = keywords.get("required").and_then(Value::as_array);
        let required: Vec<&str> = required
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let mut all = Vec::new();
        for (name, schema) in object("properties") {
            let below = format!("properties/{}", escape(name));
            let holds = self.on(at, &below, schema, &literal::member(at.on, name), 0)?;
            let there = self.is_there(at.on, name);
            all.push(match required.contains(&name.as_str()) {
                true => Expr::all([there, holds]),
                false => Expr::any([there.not(), holds]),
            });
        }
        let named = |name: &&&str| object("properties").all(|(own, _)| own != **name);
        all.extend(
            required
                .iter()
                .filter(named)
                .map(|name| self.is_there(at.on, name)),
        );
        if let Some(schema) = keywords.get("additionalProperties") {
            all.push(self.others(at, keywords, schema)?);
        }
        Ok(all)
    }

    /// The members that no other keyword names.
    fn others(&self, at: Place<'_>, keywords: &Map<String, Value>, schema: &Value) -> Translated {
        let key = at.variable("key");
        let mut known = Vec::new();
        if let Some(Value::Object(named)) = keywords.get("properties") {
            let names: Vec<Value> = named.keys().cloned().map(Value::String).collect();
            let list = literal::list(&names).unwrap_or_default();
            known.push(Expr::relation(format!("{key} in {list}")));
        }
        if let Some(Value::Object(patterns)) = keywords.get("patternProperties") {
            for pattern in patterns.keys() {
                let pattern = Value::String(pattern.clone());
                known.push(self.matches(at, "patternProperties", &pattern, &key)?);
            }
        }
        let value = format!("{}[{key}]", at.on);
        known.push(self.is_null(&value));
        known.push(self.on(at, "additionalProperties", schema, &value, 1)?);
        Ok(Expr::each(at.on, "all", &key, Expr::any(known)))
    }

    fn is_null(&self, value: &str) -> Expr {
        match self.typing {
            Typing::ApiServer => Expr::Always(false),
            Typing::Nobody => Expr::relation(format!("{value} == null")),
        }
    }

    /// `patternProperties` and `propertyNames`.
    fn by_name(
        &self,
        at: Place<'_>,
        keyword: &str,
        value: &Value,
    ) -> Result<Vec<Expr>, Untranslatable> {
        let key = at.variable("key");
        let member = format!("{}[{key}]", at.on);
        if keyword == "propertyNames" {
            let body = Expr::any([self.is_null(&member), self.on(at, keyword, value, &key, 1)?]);
            return Ok(vec![Expr::each(at.on, "all", &key, body)]);
        }
        let patterns = value
            .as_object()
            .ok_or_else(|| at.wrong(keyword, "is no map"))?;
        let each = patterns.iter().map(|(pattern, schema)| {
            let below = format!("{keyword}/{}", escape(pattern));
            let pattern = Value::String(pattern.clone());
            let body = Expr::any([
                self.matches(at, keyword, &pattern, &key)?.not(),
                self.is_null(&member),
                self.on(at, &below, schema, &member, 1)?,
            ]);
            Ok(Expr::each(at.on, "all", &key, body))
        });
        each.collect()
    }

    fn dependent_schemas(&self, at: Place<'_>, value: &Value) -> Result<Vec<Expr>, Untranslatable> {
        let each = value
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, schema)| {
                let below = format!("dependentSchemas/{}", escape(name));
                let holds = self.part(at, &below, schema)?;
                Ok(Expr::any([self.is_there(at.on, name).not(), holds]))
            });
        each.collect()
    }

    fn dependent_required(
        &self,
        at: Place<'_>,
        value: &Value,
    ) -> Result<Vec<Expr>, Untranslatable> {
        let each = value
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, others)| {
                let others = others.as_array().into_iter().flatten();
                let there = others
                    .filter_map(Value::as_str)
                    .map(|other| self.is_there(at.on, other));
                Ok(Expr::any([
                    self.is_there(at.on, name).not(),
                    Expr::all(there),
                ]))
            });
        each.collect()
    }

    fn contains(&self, at: Place<'_>, all: &Map<String, Value>, value: &Value) -> Translated {
        let item = at.variable("item");
        let body = self.on(at, "contains", value, &item, 1)?;
        if !all.contains_key("minContains") && !all.contains_key("maxContains") {
            return Ok(Expr::each(at.on, "exists", &item, body));
        }
        let count = format!("{}.filter({item}, {}).size()", at.on, body.text());
        let one = Value::from(1);
        let least = all.get("minContains").unwrap_or(&one);
        let mut bounds = vec![bound(at, "minContains", least, &count)?];
        if let Some(most) = all.get("maxContains") {
            bounds.push(bound(at, "maxContains", most, &count)?);
        }
        Ok(Expr::all(bounds))
    }

    fn matches(&self, at: Place<'_>, keyword: &str, value: &Value, on: &str) -> Translated {
        let text = value
            .as_str()
            .ok_or_else(|| at.wrong(keyword, "is no text"))?;
        pattern::check(text).map_err(|reason| at.wrong(keyword, reason))?;
        Ok(Expr::call(format!(
            "{on}.matches({})",
            literal::string(text)
        )))
    }
}

/// A keyword that compares.
fn bound(at: Place<'_>, keyword: &str, value: &Value, on: &str) -> Translated {
    let operator = match keyword {
        "exclusiveMinimum" => ">",
        "exclusiveMaximum" => "<",
        least if least.starts_with("min") => ">=",
        _ => "<=",
    };
    let number = Some(value).filter(|value| value.is_number());
    let number = number.and_then(literal::value);
    let number = number.ok_or_else(|| at.wrong(keyword, "is no number that CEL can write"))?;
    Ok(Expr::relation(format!("{on} {operator} {number}")))
}
