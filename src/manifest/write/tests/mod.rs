//! Every hard case as a row: the text, the operations, the text that a careful person would make
//! of it.

use serde_json::{Value, json};

use crate::manifest::edit::{EditError, Operation};
use crate::manifest::overlay::Overlay;
use crate::manifest::tape::Document;

mod flow;
mod lists;
mod maps;
mod references;
mod values;

/// Applies RFC 6902 operations to a text.
fn edit(text: &str, operations: Value) -> Result<String, EditError> {
    edit_document(&Document::parse(text).unwrap(), operations)
}

/// Applies RFC 6902 operations to a document; the first attempt has to succeed.
fn edit_document(doc: &Document<'_>, operations: Value) -> Result<String, EditError> {
    let mut overlay = Overlay::new(doc);
    let operations: Vec<Operation> = serde_json::from_value(operations).unwrap();
    for operation in &operations {
        overlay.apply(operation)?;
    }
    assert_eq!(overlay.attempts()?.1, 0, "{}", doc.text());
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
fn a_part_that_cannot_be_spliced_is_written_anew() {
    // The pair in the list has no brackets to write between.
    let doc = Document::parse("m: [a: b] # c\nz: 0\n").unwrap();
    let mut overlay = Overlay::new(&doc);
    overlay.apply(&Operation::add("/m/0/c", 1)).unwrap();
    assert_eq!(overlay.attempts().map(|(_, failed)| failed), Ok(1));
    let mut out = b"# before\n".to_vec();
    overlay.write(&mut out).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "# before\nm: [{a: b, c: 1}] # c\nz: 0\n"
    );
}

#[test]
fn comments_that_would_make_the_text_unreadable_go() {
    // The tab is part of the blanks behind a plain scalar, but may not start a line elsewhere.
    let doc = Document::parse("12\n\t# end\n").unwrap();
    let mut overlay = Overlay::new(&doc);
    overlay.apply(&Operation::replace("", "yes")).unwrap();
    let mut out = Vec::new();
    overlay.write(&mut out).unwrap();
    assert_eq!(out, b"\"yes\"\n");
}

#[test]
fn what_cannot_be_written_leaves_the_output_alone() {
    let doc = Document::parse("a: &x k\n*x : 1\n").unwrap();
    let mut overlay = Overlay::new(&doc);
    overlay.apply(&Operation::replace("/a", 2)).unwrap();
    let mut out = b"# before\n".to_vec();
    let error = EditError::Unwritable("an alias is used as a key");
    assert_eq!(overlay.write(&mut out), Err(error));
    assert_eq!(out, b"# before\n");
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
