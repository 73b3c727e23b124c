//! JSON values and names as CEL text.

use serde_json::{Map, Value};

/// Words that CEL does not take as the name of a member, or reserves
/// (github.com/google/cel-spec, doc/langdef.md, "Syntax").
const RESERVED: [&str; 21] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
];

/// A string literal.
pub fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('\'');
    for c in text.chars() {
        match c {
            '\'' => out.push_str("\\'"),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

/// A value; `None` for a number that CEL cannot write as an int or a double.
pub fn value(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => "null".to_owned(),
        Value::Bool(own) => own.to_string(),
        Value::String(text) => string(text),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => whole.to_string(),
            (None, Some(float)) if !number.is_u64() => format!("{float:?}"),
            _ => return None,
        },
        Value::Array(items) => list(items)?,
        Value::Object(members) => map(members)?,
    })
}

/// A list; Kubernetes takes no literal with items of several types, unless they hide it.
pub fn list(items: &[Value]) -> Option<String> {
    let mixed = is_mixed(items.iter());
    let items: Option<Vec<String>> = items.iter().map(|item| part(item, mixed)).collect();
    Some(format!("[{}]", items?.join(", ")))
}

fn map(members: &Map<String, Value>) -> Option<String> {
    let mixed = is_mixed(members.values());
    let members: Option<Vec<String>> = members
        .iter()
        .map(|(key, value)| Some(format!("{}: {}", string(key), part(value, mixed)?)))
        .collect();
    Some(format!("{{{}}}", members?.join(", ")))
}

fn part(item: &Value, mixed: bool) -> Option<String> {
    let text = value(item)?;
    Some(match mixed {
        true => format!("dyn({text})"),
        false => text,
    })
}

/// Whether values have several types. What is inside of lists and maps counts too, so several of
/// them are taken for mixed.
fn is_mixed<'a>(values: impl Iterator<Item = &'a Value>) -> bool {
    let kind = |value: &Value| match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::String(_) => 2,
        Value::Number(number) if number.is_f64() => 3,
        Value::Number(_) => 4,
        Value::Array(_) | Value::Object(_) => 5,
    };
    let kinds: Vec<u8> = values.map(kind).collect();
    let differs = kinds.windows(2).any(|pair| pair.first() != pair.last());
    differs || (kinds.len() > 1 && kinds.contains(&5))
}

/// Whether a name can stand after a dot.
fn is_plain(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !RESERVED.contains(&name)
}

/// The member of a map.
pub fn member(map: &str, name: &str) -> String {
    match is_plain(name) {
        true => format!("{map}.{name}"),
        false => format!("{map}[{}]", string(name)),
    }
}

/// Whether a map has a member, null or not.
pub fn has_member(map: &str, name: &str) -> super::Expr {
    match is_plain(name) {
        true => super::Expr::call(format!("has({map}.{name})")),
        false => super::Expr::relation(format!("{} in {map}", string(name))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_become_literals() {
        for (json, expected) in [
            (json!("it's \\ a\nb\u{1}"), "'it\\'s \\\\ a\\nb\\u0001'"),
            (json!(-3), "-3"),
            (json!(1.0), "1.0"),
            (json!(1e300), "1e300"),
            (json!(["a", "b"]), "['a', 'b']"),
            (json!(["a", 1]), "[dyn('a'), dyn(1)]"),
            (json!([[1], ["a"]]), "[dyn([1]), dyn(['a'])]"),
            (json!({"a": {"b": true}}), "{'a': {'b': true}}"),
            (json!({"a": 1, "b": null}), "{'a': dyn(1), 'b': dyn(null)}"),
            (json!([]), "[]"),
        ] {
            assert_eq!(value(&json).as_deref(), Some(expected), "{json}");
        }
        assert_eq!(value(&json!(u64::MAX)), None);
    }

    #[test]
    fn members_are_named_or_indexed() {
        for (name, expected, asked) in [
            ("image", "c.image", "has(c.image)"),
            ("a-b", "c['a-b']", "'a-b' in c"),
            ("namespace", "c['namespace']", "'namespace' in c"),
            ("in", "c['in']", "'in' in c"),
            ("1st", "c['1st']", "'1st' in c"),
            ("", "c['']", "'' in c"),
        ] {
            assert_eq!(member("c", name), expected);
            assert_eq!(has_member("c", name).text(), asked);
        }
    }
}
