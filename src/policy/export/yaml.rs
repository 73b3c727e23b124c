//! The objects as a YAML stream in which people can read the expressions.

use serde_json::Value;

use crate::manifest::EditError;
use crate::manifest::write_document;

/// Comments, then the objects, each a document of its own.
///
/// # Errors
/// A value that YAML readers do not all take.
pub fn stream(comments: &str, objects: &[Value]) -> Result<String, EditError> {
    let mut out: String = comments
        .lines()
        .map(|line| format!("# {line}").trim_end().to_owned() + "\n")
        .collect();
    for object in objects {
        out.push_str("---\n");
        block(&mut out, object, 0)?;
    }
    Ok(out)
}

/// A map or a list on lines of its own.
fn block(out: &mut String, value: &Value, indent: usize) -> Result<(), EditError> {
    let pad = " ".repeat(indent);
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(key, _)| rank(key));
            for (key, value) in members {
                out.push_str(&format!("{pad}{}:", scalar(&Value::String(key.clone()))?));
                after(out, value, indent)?;
            }
        }
        Value::Array(items) => {
            for item in items {
                let start = out.len();
                match item {
                    Value::Object(members) if !members.is_empty() => {
                        block(out, item, indent + 2)?;
                        // The first key stands behind the dash.
                        let dash = start + indent;
                        out.replace_range(dash..dash + 1, "-");
                    }
                    item => {
                        out.push_str(&format!("{pad}-"));
                        after(out, item, indent)?;
                    }
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// A value behind its key or dash.
fn after(out: &mut String, value: &Value, indent: usize) -> Result<(), EditError> {
    match value {
        Value::Object(members) if !members.is_empty() => {
            out.push('\n');
            block(out, value, indent + 2)
        }
        Value::Array(items) if items.iter().all(is_word) => {
            let items: Vec<String> = items.iter().map(Value::to_string).collect();
            out.push_str(&format!(" [{}]\n", items.join(", ")));
            Ok(())
        }
        Value::Array(_) => {
            out.push('\n');
            block(out, value, indent + 2)
        }
        Value::String(text) if text.contains('\n') && is_literal(text) => {
            out.push_str(" |-\n");
            let pad = " ".repeat(indent + 2);
            for line in text.lines() {
                out.push_str(&format!("{pad}{line}\n"));
            }
            Ok(())
        }
        value => {
            out.push_str(&format!(" {}\n", scalar(value)?));
            Ok(())
        }
    }
}

/// What people look for comes first; the rest follows by name.
fn rank(key: &str) -> usize {
    let first = [
        "apiVersion",
        "kind",
        "metadata",
        "name",
        "failurePolicy",
        "reinvocationPolicy",
    ];
    let then = ["matchConstraints", "matchConditions", "variables"];
    let mut ranked = first.iter().chain(&then);
    ranked
        .position(|own| *own == key)
        .unwrap_or(first.len() + then.len())
}

/// Whether a value is a short text that stands in a line with others.
fn is_word(value: &Value) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./*".contains(&b);
    value
        .as_str()
        .is_some_and(|text| text.len() < 64 && text.bytes().all(plain))
}

/// Whether a text can stand in a literal block as it is.
fn is_literal(text: &str) -> bool {
    let printable = text
        .chars()
        .all(|c| c == '\n' || !c.is_control() && c != '\u{feff}');
    printable
        && !text.starts_with([' ', '\n'])
        && !text.ends_with('\n')
        && !text.contains(['\u{2028}', '\u{2029}', '\u{85}'])
}

fn scalar(value: &Value) -> Result<String, EditError> {
    Ok(write_document(value)?.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Document;
    use serde_json::json;

    #[test]
    fn what_is_written_is_read_back() {
        let object = json!({
            "a": {"b": ["x", "", "on", "a: b", {"c": 1, "d": "one\n  && two"}, [], ["y"], "l\nm"]},
            "e": {}, "f": true, "app.kubernetes.io/x": "1", "g": " a\nb", "h": "a\n", "i": "a\u{85}\nb",
        });
        let text = stream("say\n\nwhat", std::slice::from_ref(&object)).unwrap();
        assert!(text.starts_with("# say\n#\n# what\n---\n"), "{text}");
        assert!(
            text.contains("      - c: 1\n        d: |-\n          one\n            && two\n")
                || text.contains("    - c: 1"),
            "{text}"
        );
        let document = text.split_once("---\n").unwrap().1;
        assert_eq!(
            Document::parse(document).unwrap().root().unwrap().to_json(),
            object,
            "{text}"
        );
    }
}
