//! Members of block maps.

use serde_json::json;

use super::{add, check, remove, replace};

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
