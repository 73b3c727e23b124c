//! What holds for every document and every list of edits.

use proptest::prelude::*;
use serde_json::Value;

use crate::manifest::edit::Operation;
use crate::manifest::emit;
use crate::manifest::overlay::Overlay;
use crate::manifest::tape::{Document, Style};
use crate::manifest::view::View;

use super::random::{self, Random};
use super::splice::{Splice, Writer};
use super::verify;

/// Texts of our own that hold what is hard to write into.
const SEEDS: [&str; 9] = [
    "apiVersion: v1\nkind: Service\nmetadata:\n  name: x # name\n  labels:\n    app: a\n    app: b\nspec:\n  ports:\n  - port: 80\n    name: http\n  # more\n  selector: {app: x}\n",
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x, annotations: {postrenderer.helm.sh/postrender-filename: 'f'}}\nspec:\n  template:\n    spec:\n      containers:\n        - name: c\n          env:\n            - name: N\n              value: &n proxy\n          resources: {}\n          securityContext:\n        - name: *n\n          args: [\"a\", \"b\"]\n",
    "{\"apiVersion\": \"v1\", \"metadata\": {\"name\": \"x\", annotations: {a: 'f'}}, \"data\": {}}\n",
    "{\n  \"a\": [\n    1,\n    {\"b\": null}\n  ],\n  \"c\": {\n    \"d\": \"e\"\n  }\n}",
    "base: &b\n  k: 1\n  l: {m: [1, 2]}\nuse:\n  !!merge <<: *b\n  n: 2\nalso: *b\nlist: [*b, *b]\n",
    "data:\n  a: |\n    x\n\n  b: >+\n    y\n\n  c: |-\n    z\n# end\n",
    "a: |+\n  x\n\nb:\n- |\n  y\n- - 1\n  - 2\n-\n  k: 1\n",
    "spec:\r\n  a: 1\r\n  b:\r\n  - x\r\n  - y: |\r\n      z\r\nc:",
    "# only a comment\n",
];

fn parsed(text: &str) -> Value {
    let doc = Document::parse(text).unwrap();
    doc.root().map_or(Value::Null, |root| root.to_json())
}

/// Applies operations to an overlay and, by the json-patch crate, to the value; both must agree on
/// which ones fail. Gives the patched value.
pub(super) fn apply_both(
    overlay: &mut Overlay<'_>,
    random: &mut Random,
    count: usize,
) -> (Value, String) {
    let mut value = overlay.view().to_json();
    let mut log = String::new();
    for _ in 0..count {
        let operation = random::operation(random, &value);
        log += &format!("{operation:?}\n");
        let ours = overlay.apply(&operation);
        let theirs = patch(&mut value, &operation);
        assert_eq!(ours.is_ok(), theirs, "{operation:?}: {ours:?}");
        assert!(overlay.view().same(View::Json(&value)), "{log}");
    }
    (value, log)
}

fn patch(value: &mut Value, operation: &Operation) -> bool {
    let operation = serde_json::to_value(operation).unwrap();
    let operation: json_patch::PatchOperation = serde_json::from_value(operation).unwrap();
    let before = value.clone();
    let done = json_patch::patch(value, &[operation]).is_ok();
    if !done {
        // json-patch 5 loses the value when the second half of a move fails.
        *value = before;
    }
    done
}

fn written(overlay: &Overlay<'_>) -> String {
    let mut out = Vec::new();
    overlay.write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn check_edits(text: &str, seed: u64) {
    let Ok(doc) = Document::parse(text) else {
        return;
    };
    let mut random = Random(seed);
    let count = 1 + random.below(6);
    let mut overlay = Overlay::new(&doc);
    let (want, log) = apply_both(&mut overlay, &mut random, count);
    let mut out = Vec::new();
    let done = overlay.write(&mut out);
    assert_eq!(done, Ok(()), "{text}\n---\n{log}");
    let out = String::from_utf8(out).unwrap();
    let got = parsed(&out);
    assert!(
        View::Json(&got).same(View::Json(&want)),
        "{text}\n---\n{log}---\n{out}"
    );
}

/// Spoils one splice after the walk: whatever the check by pieces lets through, the check of the
/// whole document must let through too.
fn check_spoilt(text: &str, seed: u64) -> bool {
    let Ok(doc) = Document::parse(text) else {
        return false;
    };
    let mut random = Random(seed);
    let mut overlay = Overlay::new(&doc);
    apply_both(&mut overlay, &mut random, 3);
    let Some(root) = &overlay.root else {
        return false;
    };
    let mut writer = Writer::new(&doc);
    if !matches!(writer.root(root), Ok(true)) || writer.splices.is_empty() {
        return false;
    }
    let at = random.below(writer.splices.len());
    spoil(&mut writer.splices[at], text.len(), &mut random);
    let spoilt = &writer.splices[at];
    if !text.is_char_boundary(spoilt.start) || !text.is_char_boundary(spoilt.end) {
        return false;
    }
    let out = writer.new_text();
    if verify::pieces_read(&writer) {
        assert!(verify::reads_as(&overlay, root, &out), "{text}\n---\n{out}");
    }
    true
}

fn spoil(splice: &mut Splice, length: usize, random: &mut Random) {
    match random.below(8) {
        0 => splice.text.clear(),
        1 => splice.text = splice.text.repeat(2),
        2 => splice.text = splice.text.replace('\n', "\n "),
        3 => splice.text = splice.text.replace("\n ", "\n"),
        4 => drop(splice.text.pop()),
        5 => splice.text += " # a",
        6 => splice.text += "\n    deep: 1",
        _ => {
            splice.start = splice.start.saturating_sub(random.below(3));
            splice.end = (splice.end + random.below(20)).min(length);
        }
    }
}

proptest! {
    #[test]
    fn a_spoilt_text_is_not_taken_for_right(document: u64, seed: u64) {
        check_spoilt(&random::document(&mut Random(document)), seed);
    }

    #[test]
    fn edits_of_seeds_read_as_patched(at in 0..SEEDS.len(), seed: u64) {
        check_edits(SEEDS[at], seed);
    }

    #[test]
    fn edits_of_documents_read_as_patched(document: u64, seed: u64) {
        check_edits(&random::document(&mut Random(document)), seed);
    }

    #[test]
    fn edits_of_garbled_documents_read_as_patched(document: u64, seed: u64) {
        let mut random = Random(document);
        let text = random::document(&mut random);
        check_edits(&random::garbled(&mut random, &text), seed);
    }

    #[test]
    fn without_edits_the_bytes_stay(document: u64) {
        let text = random::document(&mut Random(document));
        if let Ok(doc) = Document::parse(&text) {
            prop_assert_eq!(written(&Overlay::new(&doc)), text);
        }
    }

    #[test]
    fn an_added_member_keeps_every_line(document: u64) {
        let text = random::document(&mut Random(document)) + "\n";
        let Ok(doc) = Document::parse(&text) else { return Ok(()) };
        let mut overlay = Overlay::new(&doc);
        let block = doc.root().is_some_and(|root| root.raw().style == Style::Block);
        if block && overlay.apply(&Operation::add("/added", "x")).is_ok() {
            let out = written(&overlay);
            let kept: Vec<_> = out.lines().filter(|line| *line != "added: x").collect();
            prop_assert_eq!(kept, text.lines().collect::<Vec<_>>());
        }
    }

    #[test]
    fn strings_are_read_back(text: String) {
        for quoted in [false, true] {
            let mut out = String::new();
            emit::string(&mut out, &text, quoted);
            prop_assert_eq!(parsed(&out), Value::String(text.clone()));
        }
    }
}
