//! Every scalar of a file, with its place.

use serde_json::Value;

use crate::manifest::view::escape;

/// Something that is neither a map nor a list.
pub struct Leaf<'l> {
    /// Its JSON Pointer.
    pub pointer: &'l str,
    /// The key it stands under; an item of a list has that of the list.
    pub name: &'l str,
    /// What it is.
    pub value: &'l Value,
}

/// Shows every scalar of a value to a function, in the order of the value.
pub fn visit(value: &Value, see: &mut dyn FnMut(Leaf<'_>)) {
    walk(value, "", &mut String::new(), see);
}

fn walk(value: &Value, name: &str, pointer: &mut String, see: &mut dyn FnMut(Leaf<'_>)) {
    let length = pointer.len();
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                pointer.push('/');
                pointer.push_str(&escape(key));
                walk(member, key, pointer, see);
                pointer.truncate(length);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointer.push_str(&format!("/{index}"));
                walk(item, name, pointer, see);
                pointer.truncate(length);
            }
        }
        value => see(Leaf {
            pointer,
            name,
            value,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_scalar_is_seen_with_its_place() {
        let value = json!({"a/b": {"c": 1}, "d": ["x", {"e": null}, ["y"]]});
        let mut seen = Vec::new();
        visit(&value, &mut |leaf| {
            seen.push(format!("{} {} {}", leaf.pointer, leaf.name, leaf.value));
        });
        assert_eq!(
            seen,
            [
                "/a~1b/c c 1",
                r#"/d/0 d "x""#,
                "/d/1/e e null",
                r#"/d/2/0 d "y""#
            ]
        );
    }
}
