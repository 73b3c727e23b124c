//! Aliases and merge keys.

use std::collections::BTreeMap;

use serde_json::json;

use crate::manifest::tape::Document;

use super::{add, check, edit_document, remove, replace};

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

/// Helm 4 leaves an alias without its anchor where the two were in different items of a `List`
/// (helm/helm#32203).
#[test]
fn aliases_of_another_document_get_their_value() {
    let anchors = BTreeMap::from([
        ("labels".to_owned(), json!({"app": "x", "tier": "1"})),
        ("name".to_owned(), json!("yes")),
    ]);
    let text = "metadata:\n  name: *name\n  labels: *labels # shared\nspec:\n  selector:\n    <<: *labels\n    app: y\n  list: [*name]\n";
    let doc = Document::parse_with_anchors(text, &anchors).unwrap();
    let plain = "metadata:\n  name: \"yes\"\n  labels: # shared\n    app: x\n    tier: \"1\"\nspec:\n  selector:\n    app: y\n    tier: \"1\"\n  list: [\"yes\"]\n";
    assert_eq!(edit_document(&doc, json!([])).unwrap(), plain);
    let added = edit_document(&doc, add("/metadata/labels/new", json!("z")));
    let want = plain.replacen("    tier:", "    new: z\n    tier:", 1);
    assert_eq!(added.unwrap(), want);
}
