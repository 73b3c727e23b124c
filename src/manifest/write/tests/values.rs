//! Values that take the place of others.

use serde_json::json;

use super::{add, check, replace};

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
            "on a line of its own",
            "resources: \n  {} # none\nz: 0\n",
            replace("/resources", limits.clone()),
            "resources: \n  limits:\n    cpu: \"1\" # none\nz: 0\n",
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
            "a block scalar in the key's own column",
            "a:\n|\n  x\nb: 1\n",
            replace("/a", json!({})),
            "a: {}\nb: 1\n",
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
