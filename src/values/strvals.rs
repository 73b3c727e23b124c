//! Helm's `--set`: `a.b=1,list[0].x=y,names={a,b}`.
//!
//! The grammar is that of helm.sh/helm/pkg/strvals: keys are separated by dots, items of lists are
//! named by their index, several assignments by commas, and a backslash takes the next character
//! as it is. Values are typed: true, false, null and whole numbers without a leading zero; all
//! else is text.

use std::iter::Peekable;
use std::str::Chars;

use serde_json::{Map, Value};

/// The highest index of a list, as in Helm.
const MAX_INDEX: usize = 65_536;
/// How deep keys may be nested, as in Helm.
const MAX_DEPTH: usize = 30;

/// Applies one `--set` to values.
///
/// # Errors
/// Why Helm would not take it either. Values may have been changed then.
pub fn apply(values: &mut Map<String, Value>, text: &str) -> Result<(), String> {
    let mut parser = Parser {
        rest: text.chars().peekable(),
    };
    while parser.rest.peek().is_some() {
        parser.key(values, 0)?;
    }
    Ok(())
}

struct Parser<'t> {
    rest: Peekable<Chars<'t>>,
}

impl Parser<'_> {
    /// Reads up to one of these characters, which is taken too; `None` at the end of the text.
    fn until(&mut self, stops: &[char]) -> (String, Option<char>) {
        let mut text = String::new();
        while let Some(c) = self.rest.next() {
            if stops.contains(&c) {
                return (text, Some(c));
            }
            // A backslash at the very end stands for nothing.
            let escaped = if c == '\\' { self.rest.next() } else { Some(c) };
            text.extend(escaped);
        }
        (text, None)
    }

    /// One assignment into a map.
    fn key(&mut self, map: &mut Map<String, Value>, depth: usize) -> Result<(), String> {
        let (key, stop) = self.until(&['=', '[', ',', '.']);
        match stop {
            None => Err(format!("key `{key}` has no value")),
            Some(',') => Err(format!("key `{key}` has no value (cannot end with ,)")),
            Some('=') => {
                let value = self.value()?;
                set(map, key, value);
                Ok(())
            }
            Some('[') => {
                let index = self.index()?;
                let list = match map.get(&key) {
                    None | Some(Value::Null) => Vec::new(),
                    Some(Value::Array(list)) => list.clone(),
                    Some(_) => return Err(format!("`{key}` is no list")),
                };
                let list = self.item(list, index, depth)?;
                set(map, key, Value::Array(list));
                Ok(())
            }
            Some(_) => {
                if depth + 1 > MAX_DEPTH {
                    return Err(format!("keys are nested more than {MAX_DEPTH} deep"));
                }
                let mut inner = match map.get(&key) {
                    None | Some(Value::Null) => Map::new(),
                    Some(Value::Object(inner)) => inner.clone(),
                    Some(_) => return Err(format!("`{key}` is no map")),
                };
                self.key(&mut inner, depth + 1)?;
                if inner.is_empty() {
                    return Err(format!("key map `{key}` has no value"));
                }
                set(map, key, Value::Object(inner));
                Ok(())
            }
        }
    }

    /// The number between `[` and `]`.
    fn index(&mut self) -> Result<usize, String> {
        let (text, stop) = self.until(&[']']);
        if stop.is_none() {
            return Err("an index without its `]`".into());
        }
        let index: i64 = text.parse().map_err(|_| format!("`{text}` is no index"))?;
        usize::try_from(index)
            .ok()
            .filter(|index| *index <= MAX_INDEX)
            .ok_or_else(|| format!("index {index} is not between 0 and {MAX_INDEX}"))
    }

    /// One assignment into an item of a list, behind its `]`.
    fn item(
        &mut self,
        mut list: Vec<Value>,
        index: usize,
        depth: usize,
    ) -> Result<Vec<Value>, String> {
        let (between, stop) = self.until(&['[', '.', '=']);
        if !between.is_empty() {
            return Err(format!("unexpected `{between}` behind an index"));
        }
        let old = list.get(index).cloned();
        let value = match stop {
            None => return Err("an index without a value".into()),
            Some('=') => self.value()?,
            Some('[') => {
                let next = self.index()?;
                if depth + 1 > MAX_DEPTH {
                    return Err(format!("keys are nested more than {MAX_DEPTH} deep"));
                }
                let inner = match old {
                    None | Some(Value::Null) => Vec::new(),
                    Some(Value::Array(inner)) => inner,
                    Some(_) => return Err(format!("item {index} is no list")),
                };
                Value::Array(self.item(inner, next, depth + 1)?)
            }
            Some(_) => {
                let mut inner = match old {
                    Some(Value::Object(inner)) => inner,
                    _ => Map::new(),
                };
                if depth + 1 > MAX_DEPTH {
                    return Err(format!("keys are nested more than {MAX_DEPTH} deep"));
                }
                self.key(&mut inner, depth + 1)?;
                Value::Object(inner)
            }
        };
        if list.len() <= index {
            list.resize(index + 1, Value::Null);
        }
        if let Some(place) = list.get_mut(index) {
            *place = value;
        }
        Ok(list)
    }

    /// What stands behind a `=`.
    fn value(&mut self) -> Result<Value, String> {
        if self.rest.next_if_eq(&'{').is_none() {
            return Ok(typed(self.until(&[',']).0));
        }
        let mut list = Vec::new();
        loop {
            let (text, stop) = self.until(&[',', '}']);
            match stop {
                None => return Err("a list without its `}`".into()),
                Some('}') => {
                    // `{}` holds one empty text, as in Helm.
                    list.push(typed(text));
                    self.rest.next_if_eq(&',');
                    return Ok(Value::Array(list));
                }
                Some(_) => list.push(typed(text)),
            }
        }
    }
}

/// An empty key is left out, as in Helm.
fn set(map: &mut Map<String, Value>, key: String, value: Value) {
    if !key.is_empty() {
        map.insert(key, value);
    }
}

/// A value by its look.
fn typed(text: String) -> Value {
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    if is("true") || is("false") {
        return Value::Bool(is("true"));
    }
    if is("null") {
        return Value::Null;
    }
    let number = text == "0" || !text.is_empty() && !text.starts_with('0');
    match text.parse::<i64>() {
        Ok(integer) if number => integer.into(),
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set_on(base: Value, text: &str) -> Result<Value, String> {
        let Value::Object(mut map) = base else {
            panic!("a map")
        };
        apply(&mut map, text)?;
        Ok(Value::Object(map))
    }

    #[test]
    fn assignments_are_read_as_helm_reads_them() {
        for (text, want) in [
            ("", json!({})),
            ("a=1", json!({"a": 1})),
            ("a=1,b=x", json!({"a": 1, "b": "x"})),
            ("a.b.c=true", json!({"a": {"b": {"c": true}}})),
            (
                "a=TRUE,b=Null,c=0,d=007,e=1.5,f=-3",
                json!({"a": true, "b": null, "c": 0, "d": "007", "e": "1.5", "f": -3}),
            ),
            ("a=", json!({"a": ""})),
            ("a={x,2,y z}", json!({"a": ["x", 2, "y z"]})),
            ("a={}", json!({"a": [""]})),
            ("a={x},b=1", json!({"a": ["x"], "b": 1})),
            ("a[1]=x", json!({"a": [null, "x"]})),
            ("a[0].b=1,a[0].c=2", json!({"a": [{"b": 1, "c": 2}]})),
            ("a[0][1]=x", json!({"a": [[null, "x"]]})),
            (r"a\.b=1", json!({"a.b": 1})),
            (r"a=x\,y", json!({"a": "x,y"})),
            ("a=b=c", json!({"a": "b=c"})),
            ("a=1,", json!({"a": 1})),
            ("a= x", json!({"a": " x"})),
        ] {
            assert_eq!(set_on(json!({}), text), Ok(want), "{text}");
        }
    }

    #[test]
    fn what_is_there_stays_unless_it_is_named() {
        let base = json!({"a": {"b": 1, "c": 2}, "l": [1, 2], "t": "x"});
        for (text, want) in [
            (
                "a.b=3",
                json!({"a": {"b": 3, "c": 2}, "l": [1, 2], "t": "x"}),
            ),
            (
                "l[1]=9",
                json!({"a": {"b": 1, "c": 2}, "l": [1, 9], "t": "x"}),
            ),
            ("a=null", json!({"a": null, "l": [1, 2], "t": "x"})),
        ] {
            assert_eq!(set_on(base.clone(), text), Ok(want), "{text}");
        }
        for text in ["t.a=1", "t[0]=1", "a[0]=1", "l.a=1"] {
            assert!(set_on(base.clone(), text).is_err(), "{text}");
        }
    }

    #[test]
    fn malformed_assignments_are_refused() {
        for text in [
            "a",
            "a,b=1",
            "a.b",
            "a[x]=1",
            "a[-1]=1",
            "a[0",
            "a[0]",
            "a[0]x=1",
            "a={x",
            "a[65537]=1",
        ] {
            assert!(set_on(json!({}), text).is_err(), "{text}");
        }
        let deep = format!("{}=1", vec!["a"; 32].join("."));
        assert!(set_on(json!({}), &deep).is_err());
    }
}
