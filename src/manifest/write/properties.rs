//! What holds for every document and every list of edits.

use proptest::prelude::*;
use serde_json::Value;

use crate::manifest::edit::Operation;
use crate::manifest::emit;
use crate::manifest::overlay::Overlay;
use crate::manifest::tape::{Document, Style};
use crate::manifest::view::View;

use super::random::{self, Random};

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
    let out = written(&overlay);
    let got = parsed(&out);
    assert!(
        View::Json(&got).same(View::Json(&want)),
        "{text}\n---\n{log}---\n{out}"
    );
}

proptest! {
    #[test]
    fn edits_of_seeds_read_as_patched(at in 0..SEEDS.len(), seed: u64) {
        check_edits(SEEDS[at], seed);
    }

    #[test]
    fn edits_of_documents_read_as_patched(document: u64, seed: u64) {
        check_edits(&random::document(&mut Random(document)), seed);
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
