//! The tape's shape: kinds, styles, spans, columns, flags. What scalars mean is tested elsewhere.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::manifest::limits::{MAX_DEPTH, MAX_EXPANDED_DEPTH, MAX_KEY};
use crate::manifest::tape::{
    Document, FLAG_DUPLICATE, FLAG_ESCAPED, FLAG_EXPLICIT_KEY, FLAG_MERGE, FLAG_MULTILINE,
    FLAG_ODD_KEY, FLAG_PROPS, Kind, NodeId, RawNode, Style,
};
use crate::manifest::view::View;

fn parse(text: &str) -> Document<'_> {
    Document::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error} at {}", error.offset))
}

/// One line a node: depth, style, column, and the source in quotes.
fn dump(text: &str) -> String {
    fn describe(doc: &Document<'_>, id: NodeId, depth: usize, out: &mut String) {
        let node = doc.node(id);
        let raw = node.raw();
        let kind = match raw.kind {
            Kind::Scalar => String::new(),
            kind => format!("{kind:?} "),
        };
        *out += &format!(
            "{}{kind}{:?} {} {:?}\n",
            "  ".repeat(depth),
            raw.style,
            raw.col,
            node.source()
        );
        for child in node.children() {
            describe(doc, child.id(), depth + 1, out);
        }
    }
    let mut out = String::new();
    let doc = parse(text);
    if doc.root().is_some() {
        describe(&doc, 0, 0, &mut out);
    }
    out
}

/// Removes the indentation that the test's own text has.
fn lines(text: &str) -> String {
    let lines = text.lines().skip(1);
    lines
        .map(|line| line.get(12..).unwrap_or_default().to_owned() + "\n")
        .collect()
}

#[test]
fn nodes_carry_the_spans_of_the_text() {
    for (text, want) in [
        (
            "a: 1\nb:\n  c: 'd'\n",
            "
            Map Block 0 \"a: 1\\nb:\\n  c: 'd'\"
              Plain 0 \"a\"
              Plain 3 \"1\"
              Plain 0 \"b\"
              Map Block 2 \"c: 'd'\"
                Plain 2 \"c\"
                Single 5 \"'d'\"",
        ),
        (
            "l:\n- a\n-  b: c # d\n   e:\n- - f\n",
            "
            Map Block 0 \"l:\\n- a\\n-  b: c # d\\n   e:\\n- - f\"
              Plain 0 \"l\"
              Seq Block 0 \"- a\\n-  b: c # d\\n   e:\\n- - f\"
                Plain 2 \"a\"
                Map Block 3 \"b: c # d\\n   e:\"
                  Plain 3 \"b\"
                  Plain 6 \"c\"
                  Plain 3 \"e\"
                  Empty 5 \"\"
                Seq Block 2 \"- f\"
                  Plain 4 \"f\"",
        ),
        (
            "a: |\n  x\n\n  y\n\nb: >+ # c\n  z\n\n",
            "
            Map Block 0 \"a: |\\n  x\\n\\n  y\\n\\nb: >+ # c\\n  z\\n\\n\"
              Plain 0 \"a\"
              Literal 3 \"|\\n  x\\n\\n  y\\n\"
              Plain 0 \"b\"
              Folded 3 \">+ # c\\n  z\\n\\n\"",
        ),
        (
            "m: {a: 1, b, 'c':, d: }\nl: [x: y, [], ]\n",
            "
            Map Block 0 \"m: {a: 1, b, 'c':, d: }\\nl: [x: y, [], ]\"
              Plain 0 \"m\"
              Map Flow 3 \"{a: 1, b, 'c':, d: }\"
                Plain 4 \"a\"
                Plain 7 \"1\"
                Plain 10 \"b\"
                Empty 11 \"\"
                Single 13 \"'c'\"
                Empty 17 \"\"
                Plain 19 \"d\"
                Empty 21 \"\"
              Plain 0 \"l\"
              Seq Flow 3 \"[x: y, [], ]\"
                Map Flow 4 \"x: y\"
                  Plain 4 \"x\"
                  Plain 7 \"y\"
                Seq Flow 10 \"[]\"",
        ),
        (
            "a: &x !!str b\nc: &y\n  !!str d: *x\ne: !!str\nf: &z # g\n",
            "
            Map Block 0 \"a: &x !!str b\\nc: &y\\n  !!str d: *x\\ne: !!str\\nf: &z\"
              Plain 0 \"a\"
              Plain 12 \"b\"
              Plain 0 \"c\"
              Map Block 2 \"!!str d: *x\"
                Plain 8 \"d\"
                Alias Plain 11 \"*x\"
              Plain 0 \"e\"
              Empty 8 \"\"
              Plain 0 \"f\"
              Empty 5 \"\"",
        ),
        (
            "a: b c  # d\ne: f\n  g\n\n  h # i\nj: \"k\n  l\"\n",
            "
            Map Block 0 \"a: b c  # d\\ne: f\\n  g\\n\\n  h # i\\nj: \\\"k\\n  l\\\"\"
              Plain 0 \"a\"
              Plain 3 \"b c\"
              Plain 0 \"e\"
              Plain 3 \"f\\n  g\\n\\n  h\"
              Plain 0 \"j\"
              Double 3 \"\\\"k\\n  l\\\"\"",
        ),
        (
            "? a\n: b\n? |-\n  c\n",
            "
            Map Block 0 \"? a\\n: b\\n? |-\\n  c\\n\"
              Plain 2 \"a\"
              Plain 2 \"b\"
              Literal 2 \"|-\\n  c\\n\"
              Empty 0 \"\"",
        ),
        (
            "\u{feff}a: b\r\n# c\r\n",
            "\n            Map Block 0 \"a: b\"\n              Plain 0 \"a\"\n              Plain 3 \"b\"",
        ),
        ("--- # a\nb\n...\n", "\n            Plain 0 \"b\""),
        (
            "? |\n  k",
            "\n            Map Block 0 \"? |\\n  k\"\n              Literal 2 \"|\\n  k\"\n              Empty 3 \"\"",
        ),
        ("# only\n", ""),
        ("", ""),
    ] {
        assert_eq!(dump(text), lines(want), "{text:?}");
    }
}

#[test]
fn flags_say_what_needs_a_closer_look() {
    let flags = |text: &str, id: NodeId| parse(text).node(id).raw().flags;
    for (text, id, want) in [
        ("a: b", 0, 0),
        ("a: b", 2, 0),
        ("a: b\n  c", 2, FLAG_MULTILINE | FLAG_ESCAPED),
        ("a: 'b'", 2, 0),
        ("a: 'b''c'", 2, FLAG_ESCAPED),
        ("a: \"b\\tc\"", 2, FLAG_ESCAPED),
        ("a: 'b\n\n  c'", 2, FLAG_MULTILINE | FLAG_ESCAPED),
        ("a: |\n  b\n", 2, FLAG_MULTILINE | FLAG_ESCAPED),
        ("a: &x b", 2, FLAG_PROPS),
        ("a: {<<: {b: c}}", 2, FLAG_MERGE),
        ("a: 1\na: 2", 0, FLAG_DUPLICATE),
        ("a: 1\n'a': 2", 0, FLAG_DUPLICATE),
        ("on: 1", 0, FLAG_ODD_KEY),
        ("\"\\x61\": 1\na: 2", 0, FLAG_ODD_KEY | FLAG_DUPLICATE),
        ("!!str a: 1", 0, FLAG_ODD_KEY),
        ("'on': 1\nname: 2\nno-no: 3\n.x: 4\n-y: 5", 0, 0),
        ("? a\n: b", 0, FLAG_EXPLICIT_KEY),
        ("{? a, b: c}", 0, FLAG_EXPLICIT_KEY),
    ] {
        assert_eq!(flags(text, id), want, "{text:?} node {id}");
    }
}

#[test]
fn block_scalars_know_their_indentation() {
    for (text, body) in [
        ("a: |\n  b\n", 2),
        ("a: |\n     b\n", 5),
        ("a:\n  b: |1\n     c\n", 3),
        ("|\n b\n", 1),
        ("- - |\n    b\n", 4),
    ] {
        let doc = parse(text);
        let literal = doc.nodes.iter().find(|raw| raw.style == Style::Literal);
        assert_eq!(literal.map(|raw| raw.body), Some(body), "{text:?}");
    }
}

#[test]
fn a_node_takes_twenty_bytes() {
    assert_eq!(size_of::<RawNode>(), 20);
}

#[test]
fn buffers_are_used_again() {
    let doc = parse("a: [1, 2, 3, &x 4, *x]\n");
    let (json, nodes) = (doc.root().unwrap().to_json(), doc.nodes.as_ptr());
    let doc = Document::parse_with("b: [1, 2, &y 3, *y]\n", doc.into_buffers()).unwrap();
    assert_eq!(doc.root().unwrap().to_json(), json!({"b": [1, 2, 3, 3]}));
    assert_eq!(doc.nodes.as_ptr(), nodes);
    assert_ne!(doc.root().unwrap().to_json(), json);
}

#[test]
fn duplicate_keys_are_the_later_ones_of_the_same_map() {
    let names = |text: &str| -> Vec<(usize, String)> {
        let doc = parse(text);
        let node = |id: &NodeId| {
            let node = doc.node(*id);
            (node.span().start, node.text().into_owned())
        };
        doc.duplicate_keys().iter().map(node).collect()
    };
    let many: String = (0..40).map(|n| format!("k{n}: 1\n")).collect();
    for (text, want) in [
        ("a: 1\nb: 2\n".to_owned(), vec![]),
        ("a: 1\nb: {a: 2}\nc: [{a: 3}]\n".to_owned(), vec![]),
        (
            "a: 1\nb: 2\na: 3\na: 4\n".to_owned(),
            vec![(10, "a"), (15, "a")],
        ),
        ("m: {a: 1, \"a\": 2}\n".to_owned(), vec![(10, "a")]),
        (
            "x: &x {a: 1}\nm: {a: 1, <<: *x, <<: *x}\n".to_owned(),
            vec![],
        ),
        ("true: 1\nyes: 2\n".to_owned(), vec![(8, "yes")]),
        (format!("{many}k7: 2\n"), vec![(many.len(), "k7")]),
        (many.clone(), vec![]),
    ] {
        let want: Vec<_> = want
            .into_iter()
            .map(|(at, key)| (at, key.to_owned()))
            .collect();
        assert_eq!(names(&text), want, "{text:?}");
    }
}

#[test]
fn aliases_make_nodes_shared_up_and_down() {
    let doc = parse("a: &x\n  b: [1]\n  c: 2\nd: 3\ne: *x\n");
    let shared = |key: &str| {
        let value = doc.root().unwrap().pointer_to(key);
        doc.aliased(value)
    };
    assert!(shared("/a"));
    assert!(shared("/a/b"));
    assert!(shared("/a/b/0"));
    assert!(shared(""), "the root holds the shared map");
    assert!(!shared("/d"));
    let plain = parse("a: &x {b: 1}\nc: 2\n");
    assert!(!plain.aliased(0), "an anchor that nobody uses");
}

impl super::super::tape::Node<'_> {
    /// The node at a JSON Pointer.
    fn pointer_to(self, pointer: &str) -> NodeId {
        match View::Node(self).pointer(pointer) {
            Some(View::Node(node)) => node.id(),
            other => panic!("{pointer}: {other:?}"),
        }
    }
}

#[test]
fn an_alias_can_stand_for_a_value_of_another_document() {
    let first = parse("a: &x {k: [1]}\nb: &y text\nc: &x 2\n");
    let known: BTreeMap<String, Value> = first.anchors().collect();
    assert_eq!(
        known,
        BTreeMap::from([("x".into(), json!(2)), ("y".into(), json!("text"))])
    );

    let known = BTreeMap::from([
        ("m".to_owned(), json!({"k": [1], "z": null})),
        ("t".to_owned(), json!("text")),
    ]);
    let text = "a: *m\nb: {<<: *m, z: 2}\n*t : [*t, &t own, *t]\n";
    assert_eq!(Document::parse(text).unwrap_err().offset, 3);
    let doc = Document::parse_with_anchors(text, &known).unwrap();
    let root = doc.root().unwrap();
    let json = json!({
        "a": {"k": [1], "z": null}, "b": {"k": [1], "z": 2}, "text": ["text", "own", "own"],
    });
    assert_eq!(root.to_json(), json);
    assert_eq!(
        root.get("a").unwrap().get("k").unwrap().to_json(),
        json!([1])
    );
    assert_eq!(
        root.get("b").unwrap().get("k").unwrap().to_json(),
        json!([1])
    );
    assert_eq!(root.get("a").unwrap().entries().count(), 2);
    assert_eq!(
        root.get("text").unwrap().item(0).unwrap().as_str().unwrap(),
        "text"
    );
    let foreign: Vec<_> = doc
        .foreign_aliases()
        .map(|(id, value)| (doc.node(id).source(), value.is_object()))
        .collect();
    assert_eq!(
        foreign,
        [("*m", true), ("*m", true), ("*t", false), ("*t", false)]
    );
    for (text, known) in [
        ("<<: *m", json!([1])),
        ("*m : 1", json!({})),
        ("*m : 1", json!(1)),
    ] {
        let known = BTreeMap::from([("m".to_owned(), known)]);
        assert!(
            Document::parse_with_anchors(text, &known).is_err(),
            "{text} {known:?}"
        );
    }
}

/// The offset and the reason of a refusal.
fn refusal(text: &str) -> (usize, String) {
    let error = Document::parse(text).unwrap_err();
    (error.offset, error.to_string())
}

#[test]
fn errors_name_the_place() {
    for (text, offset, reason) in [
        ("a: 1\n b: 2\n", 7, "second key"),
        ("a:\n  b: 1\n c: 2\n", 11, "indentation"),
        ("a: 1\n...\nb: 2\n", 9, "silently drop"),
        ("  a: 1\n b: 2\n", 8, "silently drop"),
        ("a: [1\nb: 2\n", 4, "spans"),
        ("a: 'b\n", 3, "never closed"),
        ("a: [b\n", 3, "never closed"),
        ("a: \"\\d\"\n", 4, "escape"),
        ("a:\n\tb: 1\n", 3, "tab"),
        ("a: *x\n", 3, "an alias of an anchor that is not there"),
        ("a: &x [*x]\n", 7, "contains itself"),
        ("~: 1\n", 0, "null cannot be a key"),
        ("a: .inf\n", 3, "infinity"),
        ("a: !!int x\n", 9, "tag"),
        ("1: a\n\"1\": b\n", 5, "same string"),
        ("a: b: c\n", 4, "second key"),
        ("a: - b\n", 3, "list cannot start"),
        ("a: 1\n---\nb: 2\n", 5, "separator"),
        ("a: x\rb\n", 4, "carriage return"),
        ("%YAML 1.1\n---\na: 1\n", 0, "directives"),
        ("a: b\nc\nd: e\n", 5, "without ':'"),
        ("c:\n  <<: 3\n", 9, "merge"),
    ] {
        let (at, message) = refusal(text);
        assert!(message.contains(reason), "{text:?}: {message}");
        assert_eq!(at, offset, "{text:?}: {message}");
    }
}

#[test]
fn depth_is_bounded() {
    let block = |depth: usize| -> String {
        (0..depth)
            .map(|level| format!("{}a:\n", " ".repeat(level)))
            .collect()
    };
    let flow = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let dashes = |depth: usize| "- ".repeat(depth) + "a";
    for make in [&block as &dyn Fn(usize) -> String, &flow, &dashes] {
        parse(&make(MAX_DEPTH));
        let (_, reason) = refusal(&make(MAX_DEPTH + 1));
        assert!(reason.contains("nested deeper"), "{reason}");
        assert!(Document::parse(&make(3_000)).is_err());
    }
}

#[test]
fn keys_are_bounded_with_their_properties() {
    let key = |len: usize| "k".repeat(len);
    parse(&format!("{}: v\n", key(MAX_KEY)));
    parse(&format!("{{{}: v}}\n", key(MAX_KEY)));
    parse(&format!("&x {}: v\n", key(MAX_KEY - 3)));
    parse(&format!("? {}\n: v\n", key(3 * MAX_KEY)));
    for text in [
        format!("{}: v\n", key(MAX_KEY + 1)),
        format!("'{}': v\n", key(MAX_KEY - 1)),
        format!("{{{}: v}}\n", key(MAX_KEY + 1)),
        format!("[{}: v]\n", key(MAX_KEY + 1)),
        format!("&x {}: v\n", key(MAX_KEY - 2)),
        format!("a: 1\n&x {}: v\n", key(MAX_KEY - 2)),
    ] {
        assert!(refusal(&text).1.contains("a key longer"), "{text}");
    }
}

#[test]
fn alias_bombs_are_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let item = format!("*a{}, ", level - 1);
        bomb += &format!("a{level}: &a{level} [{}]\n", item.repeat(9));
    }
    assert!(refusal(&bomb).1.contains("excessive aliasing"));
    let merges = bomb.replace("&a0 [x, x, x, x, x, x, x, x, x]", "&a0 {k: v}");
    let merges = merges.replace(" [*", " {<<: [*").replace("]\n", "]}\n");
    assert!(refusal(&merges).1.contains("excessive aliasing"));

    let chain = |length: usize| -> String {
        let link = |n: usize| format!("a{n}: &a{n} [*a{}]\n", n - 1);
        "a0: &a0 x\n".to_owned() + &(1..length).map(link).collect::<String>()
    };
    parse(&chain(100));
    assert!(
        refusal(&chain(MAX_EXPANDED_DEPTH))
            .1
            .contains("nest deeper")
    );
}

#[test]
fn many_aliases_and_anchors_take_little_time() {
    let anchors: String = (0..20_000)
        .map(|n| format!("- &a{n} x\n- *a{n}\n"))
        .collect();
    let doc = parse(&anchors);
    assert_eq!(doc.root().unwrap().items().count(), 40_000);
    assert_eq!(
        doc.root()
            .unwrap()
            .items()
            .filter_map(|v| v.as_str().map(drop))
            .count(),
        40_000
    );
    let line = format!("{{{}}}", "a,".repeat(200_000));
    assert_eq!(parse(&line).duplicate_keys().len(), 199_999);
}
