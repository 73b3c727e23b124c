//! Every hard case as a row: the text, the operations, the text that a careful person would make
//! of it.

use serde_json::{Value, json};

use crate::manifest::edit::{EditError, Operation};
use crate::manifest::overlay::Overlay;
use crate::manifest::tape::Document;

/// Applies RFC 6902 operations to a text.
fn edit(text: &str, operations: Value) -> Result<String, EditError> {
    let doc = Document::parse(text).unwrap();
    let mut overlay = Overlay::new(&doc);
    let operations: Vec<Operation> = serde_json::from_value(operations).unwrap();
    for operation in &operations {
        overlay.apply(operation)?;
    }
    let mut out = Vec::new();
    overlay.write(&mut out)?;
    let out = String::from_utf8(out).unwrap();
    let read = Document::parse(&out).unwrap();
    let value = read.root().map_or(Value::Null, |root| root.to_json());
    assert_eq!(
        value,
        overlay.view().to_json(),
        "the text reads otherwise:\n{out}"
    );
    Ok(out)
}

/// Checks rows of name, text, operations and expected text.
fn check(rows: &[(&str, &str, Value, &str)]) {
    let mut failed = String::new();
    for (name, text, operations, want) in rows {
        let got = edit(text, operations.clone()).unwrap_or_else(|e| format!("error: {e}"));
        if got != *want {
            failed += &format!("--- {name}: expected\n{want}--- but got\n{got}\n");
        }
    }
    assert!(failed.is_empty(), "\n{failed}");
}

fn add(path: &str, value: Value) -> Value {
    json!([{"op": "add", "path": path, "value": value}])
}

fn replace(path: &str, value: Value) -> Value {
    json!([{"op": "replace", "path": path, "value": value}])
}

fn remove(paths: &[&str]) -> Value {
    let one = |path: &&str| json!({"op": "remove", "path": path});
    paths.iter().map(one).collect()
}

#[test]
fn without_edits_the_bytes_stay() {
    for text in [
        "",
        "# only\n",
        "a: 1",
        "a: {b: [1, 2]}  # c\r\n\r\n",
        "- |\n x\n- >+\n y\n\n",
    ] {
        assert_eq!(edit(text, json!([])).unwrap(), text);
    }
}

#[test]
fn members_join_a_block_map() {
    check(&[
        (
            "behind the last member",
            "a: 1\nb: 2\n",
            add("/c", json!(3)),
            "a: 1\nb: 2\nc: 3\n",
        ),
        (
            "in the map's own column",
            "m:\n    a: 1\nz: 0\n",
            add("/m/b", json!("x")),
            "m:\n    a: 1\n    b: x\nz: 0\n",
        ),
        (
            "no final line ending",
            "a: 1",
            add("/b", json!(2)),
            "a: 1\nb: 2",
        ),
        (
            "no final line ending, below",
            "a:\n  b: 1",
            add("/a/c", json!(2)),
            "a:\n  b: 1\n  c: 2",
        ),
        (
            "two levels at once",
            "a:\n  b: 1",
            json!([{"op": "add", "path": "/a/c", "value": 2}, {"op": "add", "path": "/d", "value": 3}]),
            "a:\n  b: 1\n  c: 2\nd: 3",
        ),
        (
            "behind a trailing comment",
            "m:\n  a: 1 # one\nz: 0\n",
            add("/m/b", json!(2)),
            "m:\n  a: 1 # one\n  b: 2\nz: 0\n",
        ),
        (
            "comments of the map stay where they were",
            "m:\n  a: 1\n  # b: 1\n    # deeper\n# about z\nz: 0\n",
            add("/m/b", json!(2)),
            "m:\n  a: 1\n  # b: 1\n    # deeper\n  b: 2\n# about z\nz: 0\n",
        ),
        (
            "blank lines belong to what follows",
            "m:\n  a: 1\n\nz: 0\n",
            add("/m/b", json!(2)),
            "m:\n  a: 1\n  b: 2\n\nz: 0\n",
        ),
        (
            "behind a nested map",
            "m:\n  a:\n    b: 1\nz: 0\n",
            add("/m/c", json!(2)),
            "m:\n  a:\n    b: 1\n  c: 2\nz: 0\n",
        ),
        (
            "behind a list",
            "m:\n  a:\n  - 1\nz: 0\n",
            add("/m/c", json!(2)),
            "m:\n  a:\n  - 1\n  c: 2\nz: 0\n",
        ),
        (
            "behind a block scalar",
            "m:\n  a: |\n    x\n\nz: 0\n",
            add("/m/c", json!(2)),
            "m:\n  a: |\n    x\n  c: 2\n\nz: 0\n",
        ),
        (
            "behind a kept block scalar",
            "m:\n  a: |+\n    x\n\nz: 0\n",
            add("/m/c", json!(2)),
            "m:\n  a: |+\n    x\n\n  c: 2\nz: 0\n",
        ),
        (
            "behind a block scalar at the end",
            "m:\n  a: |\n    x\n",
            add("/m/c", json!(2)),
            "m:\n  a: |\n    x\n  c: 2\n",
        ),
        (
            "behind a folded plain scalar",
            "m:\n  a: one\n    two\nz: 0\n",
            add("/m/c", json!(2)),
            "m:\n  a: one\n    two\n  c: 2\nz: 0\n",
        ),
        (
            "behind an empty value",
            "m:\n  a:\nz: 0\n",
            add("/m/c", json!(2)),
            "m:\n  a:\n  c: 2\nz: 0\n",
        ),
        (
            "maps in their values' order, lists as the document has them",
            "spec:\n  args:\n  - a\n",
            add(
                "/spec/s",
                json!({"caps": {"drop": ["ALL"]}, "allow": false, "none": [], "nil": {}}),
            ),
            "spec:\n  args:\n  - a\n  s:\n    allow: false\n    caps:\n      drop:\n      - ALL\n    nil: {}\n    none: []\n",
        ),
        (
            "indented lists as the neighbours have them",
            "spec:\n  args:\n    - a\n",
            add("/spec/caps", json!({"drop": ["ALL", {"x": 1, "y": [1]}]})),
            "spec:\n  args:\n    - a\n  caps:\n    drop:\n      - ALL\n      - x: 1\n        \"y\":\n          - 1\n",
        ),
        (
            "four columns where the neighbours have them",
            "spec:\n    a:\n        b: 1\n",
            add("/spec/c", json!({"d": {"e": 1}})),
            "spec:\n    a:\n        b: 1\n    c:\n        d:\n            e: 1\n",
        ),
        (
            "a member takes the place of the old",
            "a: 1 # c\nb: 2\n",
            add("/a", json!("x")),
            "a: x # c\nb: 2\n",
        ),
        (
            "the same value again changes nothing",
            "a:   0644 # c\n",
            add("/a", json!(420)),
            "a:   0644 # c\n",
        ),
        (
            "an indented root",
            "  a: 1\n  b: 2\n",
            add("/c", json!(3)),
            "  a: 1\n  b: 2\n  c: 3\n",
        ),
        (
            "keys that need quotes",
            "a: 1\n",
            add("/on~1off: x", json!("yes")),
            "a: 1\n\"on/off: x\": \"yes\"\n",
        ),
    ]);
}

#[test]
fn nothing_grows_into_a_block() {
    let limits = json!({"limits": {"cpu": "1"}});
    let block = "resources:\n  limits:\n    cpu: \"1\"\nz: 0\n";
    check(&[
        (
            "empty",
            "resources:\nz: 0\n",
            replace("/resources", limits.clone()),
            block,
        ),
        (
            "null",
            "resources: null\nz: 0\n",
            replace("/resources", limits.clone()),
            block,
        ),
        (
            "tilde",
            "resources: ~\nz: 0\n",
            replace("/resources", limits.clone()),
            block,
        ),
        (
            "{}",
            "resources: {}\nz: 0\n",
            replace("/resources", limits.clone()),
            block,
        ),
        (
            "{} member by member",
            "resources: {}\nz: 0\n",
            add("/resources/limits", json!({"cpu": "1"})),
            block,
        ),
        (
            "{ }",
            "resources: { }\nz: 0\n",
            add("/resources/limits", json!({"cpu": "1"})),
            block,
        ),
        (
            "a string",
            "resources: none\nz: 0\n",
            replace("/resources", limits.clone()),
            block,
        ),
        (
            "a comment behind it stays",
            "resources: {} # none\nz: 0\n",
            replace("/resources", limits.clone()),
            "resources: # none\n  limits:\n    cpu: \"1\"\nz: 0\n",
        ),
        (
            "commented-out members stay",
            "resources:\n  # limits: {}\nz: 0\n",
            replace("/resources", limits.clone()),
            "resources:\n  limits:\n    cpu: \"1\"\n  # limits: {}\nz: 0\n",
        ),
        (
            "a list",
            "m:\n  a: []\n",
            add("/m/a/-", json!("x")),
            "m:\n  a:\n  - x\n",
        ),
        (
            "a list at the end of the text",
            "m:\n  a: []",
            add("/m/a/-", json!("x")),
            "m:\n  a:\n  - x",
        ),
        (
            "in a list item",
            "l:\n- name: x\n  c: {}\n- name: y\n",
            add("/l/0/c/d", json!(true)),
            "l:\n- name: x\n  c:\n    d: true\n- name: y\n",
        ),
        (
            "an item",
            "l:\n- {}\n- ~\n-\n",
            json!([{"op": "add", "path": "/l/0/a", "value": 1}, {"op": "replace", "path": "/l/1", "value": {"b": 2, "c": 3}}, {"op": "replace", "path": "/l/2", "value": [4, 5]}]),
            "l:\n- a: 1\n- b: 2\n  c: 3\n- - 4\n  - 5\n",
        ),
        (
            "the root",
            "{} # nothing\n",
            add("/a", json!(1)),
            "a: 1 # nothing\n",
        ),
        (
            "a null root",
            "# c\nnull\n",
            replace("", json!({"a": 1, "b": [2]})),
            "# c\na: 1\nb:\n- 2\n",
        ),
        (
            "no root",
            "# c\n",
            replace("", json!({"a": 1})),
            "# c\na: 1\n",
        ),
        (
            "no root, no final line ending",
            "# c",
            replace("", json!({"a": 1, "b": 2})),
            "# c\na: 1\nb: 2",
        ),
        (
            "a missing pod template's metadata",
            "spec:\n  template:\n    spec:\n      containers: []\n",
            add("/spec/template/metadata", json!({"labels": {"a": "b"}})),
            "spec:\n  template:\n    spec:\n      containers: []\n    metadata:\n      labels:\n        a: b\n",
        ),
        (
            "labels: null",
            "metadata:\n  labels: null\n  name: x\n",
            replace("/metadata/labels", json!({"a": "b"})),
            "metadata:\n  labels:\n    a: b\n  name: x\n",
        ),
        (
            "with an anchor or a tag",
            "a: !!null\nb: &x\nc: &y null # c\n",
            json!([{"op": "replace", "path": "/a", "value": {"k": 1}}, {"op": "replace", "path": "/b", "value": 2}, {"op": "replace", "path": "/c", "value": [3]}]),
            "a:\n  k: 1\nb: 2\nc: # c\n- 3\n",
        ),
    ]);
}

#[test]
fn values_are_replaced_in_their_place() {
    check(&[
        (
            "plain",
            "a:  b   # c\n",
            replace("/a", json!(1.5)),
            "a:  1.5   # c\n",
        ),
        (
            "quoted over two lines",
            "a: 'x\n  y' # c\nb: 1\n",
            replace("/a", json!("z")),
            "a: z # c\nb: 1\n",
        ),
        (
            "on the next line",
            "a:\n  long\n  text\nb: 1\n",
            replace("/a", json!(null)),
            "a:\n  null\nb: 1\n",
        ),
        (
            "a block scalar",
            "a: |- # c\n  x\n  y\nb: 1\n",
            replace("/a", json!("z")),
            "a: z # c\nb: 1\n",
        ),
        (
            "a block scalar by a map",
            "a: |- # c\n  x\n  y\nb: 1\n",
            replace("/a", json!({"k": "v"})),
            "a: # c\n  k: v\nb: 1\n",
        ),
        (
            "a block scalar item",
            "- |\n  x\n- b\n",
            replace("/0", json!({"k": "v", "l": 1})),
            "- k: v\n  l: 1\n- b\n",
        ),
        (
            "a map by a scalar",
            "a: # c\n  # d\n  b: 1\n  c: 2 # e\nz: 0\n",
            replace("/a", json!("x")),
            "a: x # c\nz: 0\n",
        ),
        (
            "a map by a map",
            "a: # c\n  b: 1\n  c: |\n    x\nz: 0\n",
            replace("/a", json!({"k": [1]})),
            "a: # c\n  k:\n  - 1\nz: 0\n",
        ),
        (
            "a list in the key's column by a scalar",
            "a:\n- b\n- c\nz: 0\n",
            replace("/a", json!([])),
            "a: []\nz: 0\n",
        ),
        (
            "a map in a list",
            "- a: 1\n  b: 2\n- c\n",
            replace("/0", json!("x")),
            "- x\n- c\n",
        ),
        (
            "a map in a list below its dash",
            "-\n  a: 1\n  b: 2\n- c\n",
            replace("/0", json!({"d": 1, "e": 2})),
            "- d: 1\n  e: 2\n- c\n",
        ),
        (
            "a wide dash",
            "-   a: 1\n    b: 2\n-   c\n",
            replace("/1", json!({"d": 1, "e": 2})),
            "-   a: 1\n    b: 2\n-   d: 1\n    e: 2\n",
        ),
        (
            "the root",
            "# c\na: 1\nb: 2 # d\n# e\n",
            replace("", json!({"x": {"k": 1}})),
            "# c\nx:\n  k: 1\n# e\n",
        ),
        (
            "the root by a scalar",
            "a: 1\nb: 2\n",
            replace("", json!("x")),
            "x\n",
        ),
        (
            "an anchored map by a scalar",
            "a: &x # c\n  b: 1\nz: 0\n",
            replace("/a", json!(1)),
            "a: 1 # c\nz: 0\n",
        ),
        (
            "types that look alike",
            "a: b\n",
            replace(
                "/a",
                json!({"a": "1", "b": "true", "c": "0x1", "d": "1e3", "e": "", "f": "~", "g": "2001-01-01", "h": "a: b", "i": "x #y", "j": "\u{7}\u{85}\u{feff}\u{1f600}é"}),
            ),
            "a:\n  a: \"1\"\n  b: \"true\"\n  c: \"0x1\"\n  d: \"1e3\"\n  e: \"\"\n  f: \"~\"\n  g: \"2001-01-01\"\n  h: \"a: b\"\n  i: \"x #y\"\n  j: \"\\u0007\\u0085\\ufeff\u{1f600}é\"\n",
        ),
    ]);
}

#[test]
fn items_come_and_go() {
    check(&[
        (
            "append",
            "a:\n- 1\n- 2\nb: 0\n",
            add("/a/-", json!(3)),
            "a:\n- 1\n- 2\n- 3\nb: 0\n",
        ),
        (
            "append, indented",
            "a:\n  - 1 # c\n  # d\nb: 0\n",
            add("/a/-", json!({"x": 1, "y": 2})),
            "a:\n  - 1 # c\n  # d\n  - x: 1\n    \"y\": 2\nb: 0\n",
        ),
        (
            "append in the key's column, with a comment of the next key",
            "a:\n- 1\n# about b\nb: 0\n",
            add("/a/-", json!(3)),
            "a:\n- 1\n- 3\n# about b\nb: 0\n",
        ),
        (
            "in front",
            "a:\n# about 1\n- 1\n- 2\n",
            add("/a/0", json!(0)),
            "a:\n# about 1\n- 0\n- 1\n- 2\n",
        ),
        (
            "in front, on a dash's line",
            "- - 1\n  - 2\n",
            add("/0/0", json!(0)),
            "- - 0\n  - 1\n  - 2\n",
        ),
        (
            "between",
            "- 1\n# about 2\n- 2\n",
            add("/1", json!({"a": [1]})),
            "- 1\n# about 2\n- a:\n  - 1\n- 2\n",
        ),
        (
            "remove",
            "- 1\n- 2 # two\n- 3\n",
            remove(&["/1"]),
            "- 1\n- 3\n",
        ),
        (
            "remove the first",
            "a:\n  - b: 1\n    c: 2\n  - d\n",
            remove(&["/a/0"]),
            "a:\n  - d\n",
        ),
        (
            "remove the last",
            "a:\n- 1\n- 2\nb: 0\n",
            remove(&["/a/1"]),
            "a:\n- 1\nb: 0\n",
        ),
        (
            "remove the last without a final line ending",
            "a:\n- 1\n- 2",
            remove(&["/a/1"]),
            "a:\n- 1",
        ),
        (
            "remove all",
            "a:\n- 1\n- 2\nb: 0\n",
            remove(&["/a/0", "/a/0"]),
            "a: []\nb: 0\n",
        ),
        (
            "remove all of a nested list",
            "- - 1\n- 2\n",
            remove(&["/0/0"]),
            "- []\n- 2\n",
        ),
        (
            "remove the first of a nested list",
            "- - 1\n  - 2\n",
            remove(&["/0/0"]),
            "- - 2\n",
        ),
        (
            "replace and remove neighbours",
            "- 1\n- 2\n- 3\n",
            json!([{"op": "replace", "path": "/0", "value": {"a": 1}}, {"op": "remove", "path": "/1"}, {"op": "add", "path": "/1", "value": "x"}]),
            "- a: 1\n- x\n- 3\n",
        ),
        (
            "move",
            "- 1\n- 2\n- 3\n",
            json!([{"op": "move", "from": "/0", "path": "/-"}]),
            "- 2\n- 3\n- 1\n",
        ),
        (
            "copy",
            "a:\n  b: [1, 2]\n",
            json!([{"op": "copy", "from": "/a/b", "path": "/c"}]),
            "a:\n  b: [1, 2]\nc:\n- 1\n- 2\n",
        ),
        (
            "a member of an item",
            "l:\n  - name: x\n    image: y\n  # next\n  - name: z\n",
            add("/l/0/s", json!({"t": false})),
            "l:\n  - name: x\n    image: y\n    s:\n      t: false\n  # next\n  - name: z\n",
        ),
        (
            "a list behind its key's comment",
            "a: # c\n  - 1\n",
            add("/a/-", json!(2)),
            "a: # c\n  - 1\n  - 2\n",
        ),
    ]);
}

#[test]
fn members_go() {
    check(&[
        (
            "with their comment",
            "a: 1\nb: 2 # two\nc: 3\n",
            remove(&["/b"]),
            "a: 1\nc: 3\n",
        ),
        (
            "with all below",
            "a: 1\nb:\n  c:\n  - 1\n  d: |\n    x\n\n# c\nc: 3\n",
            remove(&["/b"]),
            "a: 1\n\n# c\nc: 3\n",
        ),
        ("the first", "a: 1\nb: 2\n", remove(&["/a"]), "b: 2\n"),
        ("the last", "a: 1\nb: 2\n", remove(&["/b"]), "a: 1\n"),
        (
            "the last without a final line ending",
            "a: 1\nb: 2\nc: 3",
            remove(&["/b", "/c"]),
            "a: 1",
        ),
        (
            "all",
            "a:\n  b: 1\n  c: 2\nz: 0\n",
            remove(&["/a/b", "/a/c"]),
            "a: {}\nz: 0\n",
        ),
        ("all of the root", "a: 1\n", remove(&["/a"]), "{}\n"),
        (
            "the first of an item",
            "- a: 1\n  b: 2\n  c: 3\n",
            remove(&["/0/a", "/0/b"]),
            "- c: 3\n",
        ),
        (
            "the first of an item, with comments",
            "- a: 1\n  # about b\n  b: 2\n",
            remove(&["/0/a"]),
            "-\n  # about b\n  b: 2\n",
        ),
        (
            "all of an item",
            "- a: 1\n  b: 2\n- c\n",
            remove(&["/0/a", "/0/b"]),
            "- {}\n- c\n",
        ),
        (
            "duplicates too",
            "a: 1\nb: 2\na: 3\n",
            remove(&["/a"]),
            "b: 2\n",
        ),
        (
            "one and another comes",
            "a: 1\nb: 2",
            json!([{"op": "remove", "path": "/b"}, {"op": "add", "path": "/c", "value": 3}]),
            "a: 1\nc: 3",
        ),
        (
            "a comment must not become part of a block scalar",
            "a: |\n  x\nb: 1\n    # deep\n# c\nc: 2\n",
            remove(&["/b"]),
            "a: |\n  x\n# c\nc: 2\n",
        ),
        (
            "nor a blank line of a kept one",
            "a: |+\n  x\nb: 1\n\nc: 2\n",
            remove(&["/b"]),
            "a: |+\n  x\nc: 2\n",
        ),
    ]);
}

#[test]
fn duplicates_are_dealt_with_together() {
    check(&[
        (
            "replaced",
            "l:\n  app: a # 1\n  x: 1\n  app: b # 2\n",
            replace("/l/app", json!("c")),
            "l:\n  x: 1\n  app: c # 2\n",
        ),
        (
            "left alone by other edits",
            "l:\n  app: a\n  app: b\n",
            add("/l/x", json!("c")),
            "l:\n  app: a\n  app: b\n  x: c\n",
        ),
    ]);
}

#[test]
fn flow_style_stays() {
    check(&[
        (
            "add",
            "m: {a: 1, b: 2} # c\n",
            add("/m/c", json!({"d": ["x"]})),
            "m: {a: 1, b: 2, c: {d: [x]}} # c\n",
        ),
        (
            "add to a list",
            "m: [a, 'b']\n",
            add("/m/-", json!("c d")),
            "m: [a, 'b', \"c d\"]\n",
        ),
        (
            "in front",
            "m: [a, b]\n",
            add("/m/0", json!("c")),
            "m: [c, a, b]\n",
        ),
        (
            "quotes as the neighbours",
            "m: [\"a\", \"b\"]\n",
            add("/m/-", json!("c")),
            "m: [\"a\", \"b\", \"c\"]\n",
        ),
        (
            "blanks as the neighbours",
            "m: [ a,b ]\n",
            add("/m/-", json!("c")),
            "m: [ a,b,c ]\n",
        ),
        (
            "a trailing comma",
            "m: [a, ]\n",
            add("/m/-", json!("c")),
            "m: [a, c, ]\n",
        ),
        (
            "replace",
            "m: {a: 1, b: 2}\n",
            replace("/m/a", json!([1])),
            "m: {a: [1], b: 2}\n",
        ),
        (
            "replace nothing",
            "m: {a: , b: 2}\n",
            replace("/m/a", json!({"x": 1})),
            "m: {a: {x: 1}, b: 2}\n",
        ),
        (
            "behind nothing",
            "m: {a: }\n",
            add("/m/b", json!(1)),
            "m: {a: , b: 1}\n",
        ),
        (
            "remove",
            "m: {a: 1, b: 2, c: 3}\n",
            remove(&["/m/b"]),
            "m: {a: 1, c: 3}\n",
        ),
        (
            "remove the first",
            "m: {a: 1, b: 2, c: 3}\n",
            remove(&["/m/a", "/m/b"]),
            "m: {c: 3}\n",
        ),
        (
            "remove the last",
            "m: {a: 1, b: 2}\n",
            remove(&["/m/b"]),
            "m: {a: 1}\n",
        ),
        (
            "remove all",
            "m: {a: {b: 2}}\n",
            remove(&["/m/a/b"]),
            "m: {a: {}}\n",
        ),
        (
            "replace all",
            "m: [a, b]\n",
            replace("/m", json!([1, {"c": 2}])),
            "m: [1, {c: 2}]\n",
        ),
        (
            "over lines",
            "m: {\n  a: 1,\n  b: 2 # c\n  }\n",
            add("/m/c", json!(3)),
            "m: {\n  a: 1,\n  b: 2,\n  c: 3 # c\n  }\n",
        ),
        (
            "a single pair in a list",
            "m: [a: b]\n",
            add("/m/0/c", json!(1)),
            "m: [{a: b, c: 1}]\n",
        ),
        (
            "Helm 4's metadata",
            "metadata: {name: x, annotations: {postrenderer.helm.sh/postrender-filename: 'f'}}\nkind: A\n",
            add("/metadata/labels", json!({"floe.dev/environment": "dev"})),
            "metadata: {name: x, annotations: {postrenderer.helm.sh/postrender-filename: 'f'}, labels: {floe.dev/environment: dev}}\nkind: A\n",
        ),
    ]);
}

#[test]
fn json_stays_json() {
    check(&[
        (
            "on one line",
            r#"{"a":1,"b":{"c":[]}}"#,
            add("/b/d", json!({"e": "f", "g": [1, 2]})),
            r#"{"a":1,"b":{"c":[],"d":{"e":"f","g":[1,2]}}}"#,
        ),
        (
            "an empty map takes the style around",
            r#"{"a":1,"b":{}}"#,
            add("/b/d", json!("x")),
            r#"{"a":1,"b":{"d":"x"}}"#,
        ),
        (
            "pretty",
            "{\n  \"kind\": \"A\",\n  \"metadata\": {\n    \"name\": \"x\"\n  }\n}\n",
            add("/metadata/labels", json!({"a": "b"})),
            "{\n  \"kind\": \"A\",\n  \"metadata\": {\n    \"name\": \"x\",\n    \"labels\": {\"a\": \"b\"}\n  }\n}\n",
        ),
        (
            "half JSON, as Helm 4 hands it over",
            "{\"apiVersion\": \"v1\", \"metadata\": {\"name\": \"x\", annotations: {postrenderer.helm.sh/postrender-filename: 'f'}}}\n",
            json!([{"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}, {"op": "add", "path": "/metadata/annotations/c", "value": "d"}]),
            "{\"apiVersion\": \"v1\", \"metadata\": {\"name\": \"x\", annotations: {postrenderer.helm.sh/postrender-filename: 'f', c: d}, \"labels\": {\"a\": \"b\"}}}\n",
        ),
    ]);
}

#[test]
fn line_endings_stay() {
    check(&[
        (
            "CRLF",
            "m:\r\n  a: 1\r\nz: 0\r\n",
            add("/m/b", json!({"c": [1]})),
            "m:\r\n  a: 1\r\n  b:\r\n    c:\r\n    - 1\r\nz: 0\r\n",
        ),
        (
            "CRLF, a block grows",
            "m: {}\r\nz: 0\r\n",
            add("/m/b", json!(1)),
            "m:\r\n  b: 1\r\nz: 0\r\n",
        ),
        (
            "CRLF, a block goes",
            "m:\r\n  a: 1\r\n  b: 2\r\nz: 0\r\n",
            replace("/m", json!(1)),
            "m: 1\r\nz: 0\r\n",
        ),
        (
            "CRLF, no final line ending",
            "a: 1\r\nb: 2",
            add("/c", json!(3)),
            "a: 1\r\nb: 2\r\nc: 3",
        ),
        (
            "CRLF, a block scalar",
            "a: |\r\n  x\r\nb: 2\r\n",
            json!([{"op": "remove", "path": "/b"}, {"op": "add", "path": "/c", "value": 3}]),
            "a: |\r\n  x\r\nc: 3\r\n",
        ),
        (
            "mixed: the neighbour's",
            "a:\n  b: 1\r\nc:\n  d: 1\nz: 0\r\n",
            json!([{"op": "add", "path": "/a/x", "value": 1}, {"op": "add", "path": "/c/x", "value": 1}, {"op": "add", "path": "/y~1", "value": 1}]),
            "a:\n  b: 1\r\n  x: 1\r\nc:\n  d: 1\n  x: 1\nz: 0\r\ny/: 1\r\n",
        ),
    ]);
}

#[test]
fn aliases_keep_their_meaning() {
    check(&[
        (
            "an alias that is edited gets its own value",
            "a: &x\n  b: 1\nc: *x\n",
            add("/c/d", json!(2)),
            "a: &x\n  b: 1\nc:\n  b: 1\n  d: 2\n",
        ),
        (
            "an anchor that is edited leaves its aliases behind",
            "a: &x\n  b: 1\nc: *x # c\n",
            add("/a/d", json!(2)),
            "a: &x\n  b: 1\n  d: 2\nc: # c\n  b: 1\n",
        ),
        (
            "inside of an anchored part",
            "a: &x\n  b:\n    e: 1\nc: [*x]\n",
            add("/a/b/d", json!(2)),
            "a: &x\n  b:\n    e: 1\n    d: 2\nc: [{b: {e: 1}}]\n",
        ),
        (
            "an anchor that goes",
            "a: &x 1\nc: *x\nd: *x\n",
            remove(&["/a"]),
            "c: 1\nd: 1\n",
        ),
        (
            "an anchor that is replaced",
            "a: &x 1\nc: *x\n",
            replace("/a", json!(2)),
            "a: 2\nc: 1\n",
        ),
        (
            "aliases elsewhere stay",
            "a: &x 1\nb: *x\nc:\n  d: 1\n",
            add("/c/e", json!(2)),
            "a: &x 1\nb: *x\nc:\n  d: 1\n  e: 2\n",
        ),
        (
            "a container's name is an alias",
            "containers:\n- env:\n  - name: N\n    value: &n proxy\n  name: *n\n",
            json!([{"op": "add", "path": "/containers/0/securityContext", "value": {"privileged": false}}, {"op": "replace", "path": "/containers/0/env/0/value", "value": "x"}]),
            "containers:\n- env:\n  - name: N\n    value: x\n  name: proxy\n  securityContext:\n    privileged: false\n",
        ),
        (
            "chains",
            "a: &x {k: 1}\nb: &y {l: *x}\nc: *y\n",
            add("/a/m", json!(2)),
            "a: &x {k: 1, m: 2}\nb: &y {l: {k: 1}}\nc:\n  l:\n    k: 1\n",
        ),
        (
            "an anchor used again",
            "a: &x 1\nb: *x\nc: &x 2\nd: *x\n",
            remove(&["/a"]),
            "b: 1\nc: &x 2\nd: *x\n",
        ),
    ]);
}

#[test]
fn merges_keep_their_meaning() {
    check(&[
        (
            "a key of its own wins over the merge",
            "a: &x\n  k: 1\nb:\n  !!merge <<: *x\n  l: 2\n",
            replace("/b/k", json!(3)),
            "a: &x\n  k: 1\nb:\n  !!merge <<: *x\n  l: 2\n  k: 3\n",
        ),
        (
            "in the merge, deep",
            "a: &x\n  k: {m: 1}\nb:\n  <<: *x\n",
            add("/b/k/o", json!(3)),
            "a: &x\n  k: {m: 1}\nb:\n  <<: *x\n  k:\n    m: 1\n    o: 3\n",
        ),
        (
            "another key",
            "a: &x\n  k: 1\nb:\n  <<: *x\n",
            add("/b/o", json!(3)),
            "a: &x\n  k: 1\nb:\n  <<: *x\n  o: 3\n",
        ),
        (
            "what it brings goes",
            "a: &x\n  k: 1\n  m: 2\nb:\n  <<: *x\n  l: 2\n",
            remove(&["/b/k"]),
            "a: &x\n  k: 1\n  m: 2\nb:\n  l: 2\n  m: 2\n",
        ),
        (
            "the anchor is edited",
            "a: &x\n  k: 1\nb:\n  <<: *x\n  l: 2\n",
            add("/a/m", json!(3)),
            "a: &x\n  k: 1\n  m: 3\nb:\n  l: 2\n  k: 1\n",
        ),
        (
            "a key of its own behind the merge",
            "a: &x\n  k: 1\nb:\n  <<: *x\n  k: 2 # c\n",
            replace("/b/k", json!(3)),
            "a: &x\n  k: 1\nb:\n  <<: *x\n  k: 3 # c\n",
        ),
    ]);
}

#[test]
fn odd_texts() {
    check(&[
        (
            "a List",
            "kind: List\nitems:\n- kind: A\n  metadata:\n    name: x\n- kind: B\n  metadata: {}\n",
            json!([{"op": "add", "path": "/items/0/metadata/labels", "value": {"a": "b"}}, {"op": "add", "path": "/items/1/metadata/labels", "value": {"a": "b"}}]),
            "kind: List\nitems:\n- kind: A\n  metadata:\n    name: x\n    labels:\n      a: b\n- kind: B\n  metadata:\n    labels:\n      a: b\n",
        ),
        (
            "a block scalar at the very end",
            "a: |\n  x",
            add("/b", json!(1)),
            "a: |-\n  x\nb: 1",
        ),
        (
            "tabs in a block scalar",
            "a: |\n  x\n  \ty\nb: 1\n",
            replace("/b", json!(2)),
            "a: |\n  x\n  \ty\nb: 2\n",
        ),
        (
            "quoted keys",
            "\"a\": 1\n'b' : 2\n",
            json!([{"op": "replace", "path": "/b", "value": 3}, {"op": "replace", "path": "/a", "value": 4}]),
            "\"a\": 4\n'b' : 3\n",
        ),
        (
            "keys that Go renames",
            "on: 1\n0644: 2\n",
            json!([{"op": "replace", "path": "/true", "value": 3}, {"op": "remove", "path": "/420"}]),
            "on: 3\n",
        ),
    ]);
}

#[test]
fn what_cannot_be_done_is_refused() {
    let rows = [
        (
            "a: null\n",
            add("/a/b", json!(1)),
            EditError::Parent("/a/b".into()),
        ),
        (
            "a: 1\n",
            add("/b/c", json!(1)),
            EditError::Missing("/b/c".into()),
        ),
        (
            "a: [1]\n",
            add("/a/2", json!(1)),
            EditError::Index("/a/2".into()),
        ),
        (
            "a: [1]\n",
            add("/a/01", json!(1)),
            EditError::Index("/a/01".into()),
        ),
        (
            "a: 1\n",
            replace("/b", json!(1)),
            EditError::Missing("/b".into()),
        ),
        (
            "a: [1]\n",
            replace("/a/-", json!(1)),
            EditError::Missing("/a/-".into()),
        ),
        ("a: 1\n", remove(&["/b"]), EditError::Missing("/b".into())),
        ("a: 1\n", remove(&[""]), EditError::Root),
        ("a: 1\n", add("a", json!(1)), EditError::Pointer("a".into())),
        (
            "a: {b: 1}\n",
            json!([{"op": "move", "from": "/a", "path": "/a/b"}]),
            EditError::MoveInside("/a".into()),
        ),
        (
            "a: 1\n",
            json!([{"op": "test", "path": "/a", "value": "1"}]),
            EditError::Test("/a".into()),
        ),
        (
            "a: 1\n",
            add(&format!("/{}", "k".repeat(2000)), json!(1)),
            EditError::Unwritable("a key is longer than 1000 bytes"),
        ),
    ];
    for (text, operations, want) in rows {
        assert_eq!(
            edit(text, operations.clone()),
            Err(want),
            "{text:?} {operations}"
        );
    }
}
