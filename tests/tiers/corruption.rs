//! Every corruption of the two files is refused at its place.

use super::*;

/// A line of a file in block style: `key: value`, `key:` or `- item`.
struct Line<'t> {
    /// From 1.
    number: usize,
    text: &'t str,
    indent: usize,
    /// Empty for an item of a list.
    key: &'t str,
    value: &'t str,
    /// The keys above and the own one, `*` for an item.
    path: Vec<&'t str>,
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let mut open: Vec<(usize, &str)> = Vec::new();
    let mut lines = Vec::new();
    for (index, text) in text.lines().enumerate() {
        let body = text.trim_start();
        let indent = text.len() - body.len();
        // `- type: dbt` opens an item and holds a key of it.
        let (indent, body) = match body.strip_prefix("- ") {
            Some(rest) if rest.contains(": ") => {
                open.retain(|(column, _)| *column < indent);
                open.push((indent, "*"));
                (indent + 2, rest)
            }
            _ => (indent, body),
        };
        open.retain(|(column, _)| *column < indent);
        let (key, value) = match body.strip_prefix("- ") {
            Some(item) => ("", item),
            None => body.split_once(':').expect("a key"),
        };
        open.push((indent, if key.is_empty() { "*" } else { key }));
        lines.push(Line {
            number: index + 1,
            text,
            indent,
            key,
            value: value.trim(),
            path: open.iter().map(|(_, key)| *key).collect(),
        });
    }
    lines
}

impl Line<'_> {
    fn column(&self) -> usize {
        // An item is found at its value, behind the dash.
        self.indent + if self.key.is_empty() { 3 } else { 1 }
    }

    /// The line with another value.
    fn with(&self, value: &str) -> String {
        let head = self.text.len() - self.value.len();
        let head = self.text.get(..head).expect("the value ends the line");
        let gap = if head.ends_with(' ') { "" } else { " " };
        format!("{head}{gap}{value}")
    }
}

/// The schema of what stands at a path, references followed; of alternatives all.
fn at<'s>(root: &'s Value, path: &[&str]) -> Vec<&'s Value> {
    let mut here = follow(root, root);
    for key in path {
        let mut next = Vec::new();
        for schema in here {
            let child = match *key {
                "*" => schema.get("items"),
                key => schema["properties"]
                    .get(key)
                    .or_else(|| schema["patternProperties"].as_object()?.values().next())
                    .or_else(|| schema.get("additionalProperties").filter(|s| s.is_object())),
            };
            next.extend(child.into_iter().flat_map(|child| follow(root, child)));
        }
        here = next;
    }
    here
}

fn follow<'s>(root: &'s Value, schema: &'s Value) -> Vec<&'s Value> {
    if let Some(target) = schema["$ref"].as_str() {
        let target = target.strip_prefix('#').expect("a local reference");
        return follow(root, root.pointer(target).expect("there"));
    }
    for keyword in ["anyOf", "oneOf"] {
        if let Some(branches) = schema[keyword].as_array() {
            return branches
                .iter()
                .flat_map(|branch| follow(root, branch))
                .collect();
        }
    }
    vec![schema]
}

/// Asserts that a text is refused with a message at that place.
fn refused_at<T: Checked>(text: &str, line: usize, column: usize, what: &str) {
    let errors = typed::read::<T>("file", text).err().unwrap_or_default();
    let here = |error: &ConfigError| error.position == Some((line, column));
    let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert!(
        errors.iter().any(here),
        "{what} at {line}:{column}: {said:#?}"
    );
}

/// Corrupts every field of a file in every way that its schema has a word on; counts wrong types,
/// bad patterns, unknown keys and missing fields.
fn corrupt<T: Checked>(text: &str, schema: &Value) -> [usize; 4] {
    let rows: Vec<&str> = text.lines().collect();
    let lines = lines(text);
    let mut count = [0; 4];
    for (index, line) in lines.iter().enumerate() {
        let here = at(schema, &line.path);
        let name = line.path.join(".");
        let refuse = |row: String, column: usize, what: &str| {
            let mut rows = rows.clone();
            rows[index] = &row;
            let text = rows.join("\n") + "\n";
            refused_at::<T>(&text, line.number, column, &format!("{name}: {what}"));
        };
        // A list of lists is what no field takes, unless it takes anything.
        let any = |s: &&Value| ["type", "enum", "const"].iter().all(|k| s.get(k).is_none());
        if !here.is_empty() && !here.iter().any(any) && !line.value.is_empty() {
            refuse(line.with("[[]]"), line.column(), "wrong type");
            count[0] += 1;
        }
        // No pattern takes blanks around a bar.
        if here.iter().any(|s| s.get("pattern").is_some()) && !line.value.is_empty() {
            refuse(line.with("\"| |\""), line.column(), "bad pattern");
            count[1] += 1;
        }
        let (own, above) = line.path.split_last().expect("not empty");
        let parents = at(schema, above);
        let closed =
            |s: &&Value| s["additionalProperties"] == false && s.get("properties").is_some();
        let starts_item = line.text.trim_start().starts_with("- ");
        if !parents.is_empty() && parents.iter().any(closed) && *own != "*" && !starts_item {
            let blanks = " ".repeat(line.indent);
            let row = format!("{blanks}nonsense: 1\n{}", line.text);
            refuse(row, line.column(), "unknown key");
            count[2] += 1;
        }
        let names = |s: &&Value| {
            s["required"]
                .as_array()
                .is_some_and(|r| r.iter().any(|n| n == own))
        };
        // A property without its reference is a plain one.
        let plain = parents.iter().any(|s| s.get("not").is_some());
        if parents.iter().any(names) && !starts_item && !plain {
            let (text, line, column) = without(&rows, &lines, index);
            refused_at::<T>(&text, line, column, &format!("{name}: missing"));
            count[3] += 1;
        }
    }
    count
}

/// The file without a field and what belongs to it, and where its absence has to be reported: at
/// the map that lacks it.
fn without(rows: &[&str], lines: &[Line<'_>], index: usize) -> (String, usize, usize) {
    let line = &lines[index];
    let block = lines
        .iter()
        .skip(index + 1)
        .take_while(|l| l.indent > line.indent)
        .count();
    let mut kept: Vec<String> = rows.iter().map(ToString::to_string).collect();
    kept.drain(index..=index + block);
    let before = |found: fn(&Line<'_>, &Line<'_>) -> bool| {
        lines[..index].iter().rev().find(|l| found(l, line))
    };
    let item = line.path.iter().rev().nth(1) == Some(&"*");
    let (number, column) = if item {
        let first = before(|l, _| l.text.trim_start().starts_with("- ")).expect("an item");
        (first.number, first.indent + 1)
    } else if let Some(parent) = before(|l, line| l.indent < line.indent) {
        let next = lines.get(index + block + 1).map_or(0, |l| l.indent);
        if parent.number == line.number - 1 && next < line.indent {
            // The only field: an empty map is left, not nothing.
            kept[parent.number - 1].push_str(" {}");
        }
        (parent.number, parent.column())
    } else {
        (1, 1)
    };
    (kept.join("\n") + "\n", number, column)
}

#[test]
fn every_corruption_of_the_platform_file_is_refused_at_its_place() {
    let text = fs::read_to_string(tiers().join("platform/uat/platform.yaml")).expect("read");
    let count = corrupt::<PlatformFile>(&text, &schema("platform"));
    assert!(
        count[0] > 180 && count[1] > 50 && count[2] > 200 && count[3] > 20,
        "{count:?}"
    );
}

#[test]
fn every_corruption_of_the_product_file_is_refused_at_its_place() {
    let text = fs::read_to_string(tiers().join("floe.yaml")).expect("read");
    let count = corrupt::<FloeFile>(&text, &schema("floe"));
    assert!(
        count[0] > 80 && count[1] > 30 && count[2] > 100 && count[3] > 30,
        "{count:?}"
    );
}

/// The complete examples set every field there is, so that the tests above reach all of them.
#[test]
fn the_examples_set_every_field() {
    for (of, file) in [
        ("platform", "platform/uat/platform.yaml"),
        ("floe", "floe.yaml"),
    ] {
        let schema = schema(of);
        let text = fs::read_to_string(tiers().join(file)).expect("read");
        let lines = lines(&text);
        let set: BTreeSet<Vec<&str>> = lines.iter().map(|l| l.path.clone()).collect();
        let mut missing = Vec::new();
        for line in &lines {
            for part in at(&schema, &line.path) {
                let Some(fields) = part["properties"].as_object() else {
                    continue;
                };
                // Of alternatives the one that is used.
                let used = fields.get("type").and_then(|t| t.get("const")).is_none()
                    && !fields.contains_key("secret_ref");
                for field in fields.keys().filter(|_| used) {
                    let mut path = line.path.clone();
                    path.push(field);
                    if !set.contains(&path) {
                        missing.push(path.join("."));
                    }
                }
            }
        }
        // Entries of a map need not each set everything, as long as one does.
        let last = |path: &str| path.rsplit('.').next().expect("a word").to_owned();
        let seen: BTreeSet<String> = lines.iter().map(|l| l.key.to_owned()).collect();
        missing.retain(|path| !seen.contains(&last(path)) && !path.starts_with("hardening"));
        assert!(missing.is_empty(), "{file} does not set {missing:?}");
    }
}

// ---- the same product in four environments ----------------------------------------------------
