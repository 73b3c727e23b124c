//! What a fix fills, as a JSON patch that CEL makes from the object.
//!
//! As in the filter, absent and empty is filled, and parents are made on the way; a value that
//! somebody chose stays, unless the platform overrules it.

use serde_json::{Map, Value};

use super::{Expr, literal};
use crate::manifest::view::{escape, unescape};

/// Where a patch applies: the value, and its JSON Pointer, both as CEL.
#[derive(Clone, Copy, Debug)]
pub struct Root<'a> {
    /// The value.
    pub value: &'a str,
    /// A text that the pointer starts with.
    pub at: Option<&'a str>,
    /// How the pointer goes on.
    pub below: &'a str,
}

/// A patch, and when there is something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fill {
    /// Whether the field is absent or empty.
    pub needed: Expr,
    /// The operation that fills it.
    pub patch: String,
}

/// What counts as not chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fills {
    /// What is absent.
    Absent,
    /// What is absent or empty.
    Empty,
    /// Everything that is not the value already.
    Anything,
}

/// Fills the field at a JSON Pointer below the root; `None` for a value that CEL cannot write.
pub fn fill(root: Root<'_>, path: &str, value: &Value, fills: Fills) -> Option<Fill> {
    let tokens: Vec<_> = path.split('/').skip(1).map(unescape).collect();
    let mut needed = Vec::new();
    let mut patches = Vec::new();
    let (mut on, mut pointer) = (root.value.to_owned(), String::new());
    for (index, token) in tokens.iter().enumerate() {
        let rest = tokens.get(index + 1..).unwrap_or_default();
        pointer = format!("{pointer}/{}", escape(token));
        if token == "-" {
            let literal = literal::value(value)?;
            needed.push(Expr::relation(format!("{literal} in {on}")).not());
            patches.push((None, operation(root, &pointer, value)?));
            break;
        }
        let absent = literal::has_member(&on, token).not();
        patches.push((
            Some(absent.clone()),
            operation(root, &pointer, &nested(rest, value))?,
        ));
        needed.push(absent);
        on = literal::member(&on, token);
        if rest.is_empty() {
            let empty = match fills {
                Fills::Absent => Expr::Always(false),
                Fills::Empty => is_empty(&on, value),
                Fills::Anything => Expr::relation(format!("{on} != {}", literal::value(value)?)),
            };
            if empty != Expr::Always(false) {
                needed.push(empty);
                patches.push((None, operation(root, &pointer, value)?));
            }
        }
    }
    Some(Fill {
        needed: Expr::any(needed),
        patch: choose(patches),
    })
}

/// The operation of the first parent that is absent; the last one where none is.
fn choose(mut patches: Vec<(Option<Expr>, String)>) -> String {
    let last = patches.pop().map(|(_, patch)| patch).unwrap_or_default();
    let mut text = String::new();
    for (absent, patch) in patches {
        let absent = absent.unwrap_or(Expr::Always(true)).text();
        text.push_str(&format!("{absent}\n? {patch}\n: "));
    }
    text + &last
}

fn operation(root: Root<'_>, pointer: &str, value: &Value) -> Option<String> {
    let path = literal::string(&format!("{}{pointer}", root.below));
    let path = root.at.map_or(path.clone(), |at| format!("{at} + {path}"));
    let value = literal::value(value)?;
    Some(format!(
        "JSONPatch{{op: 'add', path: {path}, value: {value}}}"
    ))
}

/// The value inside of the maps that are missing on the way to it.
fn nested(rest: &[std::borrow::Cow<'_, str>], value: &Value) -> Value {
    let within = |value: Value, token: &std::borrow::Cow<'_, str>| match token.as_ref() {
        "-" => Value::Array(vec![value]),
        key => Value::Object(Map::from_iter([(key.to_owned(), value)])),
    };
    rest.iter().rev().fold(value.clone(), within)
}

/// Whether a field that is to hold such a value is there, and says nothing.
fn is_empty(on: &str, value: &Value) -> Expr {
    match value {
        Value::String(_) => Expr::relation(format!("{on} == ''")),
        Value::Array(_) => Expr::relation(format!("size({on}) == 0")),
        Value::Object(_) => {
            let body = format!("{on}[key] in [dyn(''), dyn([]), dyn({{}})]");
            Expr::each(on, "all", "key", Expr::relation(body))
        }
        _ => Expr::Always(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ROOT: Root<'_> = Root {
        value: "c",
        at: Some("at"),
        below: "/x",
    };

    fn filled(path: &str, value: Value, fills: Fills) -> (String, String) {
        let fill = fill(ROOT, path, &value, fills).unwrap();
        (fill.needed.text(), fill.patch.replace('\n', " "))
    }

    #[test]
    fn parents_are_made_on_the_way() {
        let (needed, patch) = filled("/a/b", json!(false), Fills::Empty);
        assert_eq!(needed, "!has(c.a) || !has(c.a.b)");
        assert_eq!(
            patch,
            "!has(c.a) ? JSONPatch{op: 'add', path: at + '/x/a', value: {'b': false}} : \
             JSONPatch{op: 'add', path: at + '/x/a/b', value: false}"
        );
    }

    #[test]
    fn what_is_empty_is_filled_and_what_was_chosen_is_not() {
        let (needed, _) = filled("/p", json!({"type": "x"}), Fills::Empty);
        assert_eq!(
            needed,
            "!has(c.p) || c.p.all(key, c.p[key] in [dyn(''), dyn([]), dyn({})])"
        );
        assert_eq!(
            filled("/p", json!("x"), Fills::Empty).0,
            "!has(c.p) || c.p == ''"
        );
        assert_eq!(filled("/p", json!("x"), Fills::Absent).0, "!has(c.p)");
        assert_eq!(
            filled("/p", json!("x"), Fills::Anything).0,
            "!has(c.p) || c.p != 'x'"
        );
    }

    #[test]
    fn a_list_gets_what_it_lacks() {
        let (needed, patch) = filled("/drop/-", json!("ALL"), Fills::Empty);
        assert_eq!(needed, "!has(c.drop) || !('ALL' in c.drop)");
        assert_eq!(
            patch,
            "!has(c.drop) ? JSONPatch{op: 'add', path: at + '/x/drop', value: ['ALL']} : \
             JSONPatch{op: 'add', path: at + '/x/drop/-', value: 'ALL'}"
        );
    }

    #[test]
    fn keys_are_escaped() {
        let (needed, patch) = filled("/labels/floe.dev~1x", json!("y"), Fills::Absent);
        assert_eq!(needed, "!has(c.labels) || !('floe.dev/x' in c.labels)");
        assert!(patch.contains("value: {'floe.dev/x': 'y'}"), "{patch}");
        assert!(
            patch.contains("path: at + '/x/labels/floe.dev~1x', value: 'y'"),
            "{patch}"
        );
    }
}
