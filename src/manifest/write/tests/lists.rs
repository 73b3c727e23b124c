//! Items of block lists, and line endings.

use serde_json::json;

use super::{add, check, remove, replace};

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
