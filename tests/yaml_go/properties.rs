//! What holds for every text, whatever Go thinks of it.

use helm_floe::manifest::view::Type;
use helm_floe::manifest::{DocSpan, Document, Kind, Node, Style, View, split};
use proptest::prelude::*;
use serde_json::Value;

use crate::mutate::{Random, SEEDS, mutate};

/// Checks that the tape is well formed and that all ways of looking at it agree.
///
/// # Panics
/// When they do not.
pub fn check(doc: &Document<'_>) {
    let Some(root) = doc.root() else {
        return;
    };
    check_spans(root);
    check_view(View::Node(root), &root.to_json());
}

fn check_spans(node: Node<'_>) {
    let (raw, text) = (node.raw(), node.document().text());
    let span = node.span();
    assert!(
        text.get(span.clone()).is_some(),
        "{span:?} is a range of characters"
    );
    let line = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let bom = if text.starts_with('\u{feff}') && line == 0 {
        3
    } else {
        0
    };
    assert_eq!(
        usize::from(raw.col),
        span.start - line - bom,
        "the column of {span:?} in {text:?}"
    );
    assert_eq!(span.is_empty(), raw.style == Style::Empty);
    let mut at = span.start;
    let mut next = node.id() + 1;
    for child in node.children() {
        assert_eq!(child.id(), next, "children follow each other on the tape");
        next = child.raw().next;
        assert!(
            child.span().start >= at && child.span().end <= span.end,
            "{child:?} in {span:?}"
        );
        at = child.span().end;
        check_spans(child);
    }
    assert_eq!(raw.next, next);
    if raw.kind == Kind::Map {
        assert_eq!(node.children().count() % 2, 0);
    }
}

/// Something to tell two values by.
fn place(view: View<'_>) -> (Option<u32>, Type) {
    (view.node().map(Node::id), view.value_type())
}

fn check_view(view: View<'_>, json: &Value) {
    match json {
        Value::Null => assert_eq!(view.value_type(), Type::Null),
        Value::Bool(value) => assert_eq!(view.as_bool(), Some(*value)),
        Value::Number(value) => assert_eq!(view.as_number().as_ref(), Some(value)),
        Value::String(value) => assert_eq!(view.as_str().as_deref(), Some(value.as_str())),
        Value::Array(items) => {
            assert_eq!(view.items().count(), items.len());
            view.items()
                .zip(items)
                .for_each(|(view, json)| check_view(view, json));
        }
        Value::Object(members) => {
            assert_eq!(view.entries().count(), members.len());
            for (number, (key, value)) in view.entries().enumerate() {
                check_view(value, &members[key.as_ref()]);
                if number < 50 {
                    let found = view.get(&key).expect("a key of the map");
                    assert_eq!(place(found), place(value), "{key}");
                }
            }
            assert!(view.get("no key of any test").is_none());
        }
    }
}

fn read(text: &str) -> Option<Value> {
    let doc = Document::parse(text).ok()?;
    check(&doc);
    Some(doc.root().map_or(Value::Null, |root| root.to_json()))
}

/// A document with a few random edits.
fn edited() -> impl Strategy<Value = String> {
    (0..SEEDS.len(), any::<u64>())
        .prop_map(|(seed, number)| mutate(SEEDS[seed], &mut Random::new(number)))
}

/// Text out of the characters that mean something.
fn noise() -> impl Strategy<Value = String> {
    "[-a?:,{}\\[\\]#&*!|>'\"%@` \t\n\r.0<=\\\\é\u{2028}\u{feff}]{0,60}"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn no_text_breaks_the_reader(text in prop_oneof![edited(), noise(), any::<String>()]) {
        match Document::parse(&text) {
            Ok(doc) => check(&doc),
            Err(error) => prop_assert!(error.offset <= text.len(), "{error:?}"),
        }
    }

    #[test]
    fn line_ends_make_no_difference(text in prop_oneof![edited(), noise()]) {
        let text = text.replace('\r', "");
        prop_assert_eq!(read(&text), read(&text.replace('\n', "\r\n")));
    }

    #[test]
    fn a_comment_line_before_or_after_makes_no_difference(text in edited()) {
        prop_assume!(!text.starts_with(['\u{feff}', '%']) && text.ends_with('\n'));
        let value = read(&text);
        prop_assert_eq!(&value, &read(&format!("# before\n{text}")));
        // After a block scalar that keeps its line ends, nothing else may be in their place.
        prop_assert_eq!(&value, &read(&format!("{text}# after\n")));
    }

    #[test]
    fn documents_cover_the_stream(parts in prop::collection::vec(edited(), 0..4)) {
        let stream = parts.join("---\n");
        let Ok(spans) = split(&stream) else { return Ok(()) };
        let mut at = 0;
        for DocSpan { text, start, first_line, .. } in spans {
            prop_assert!(start >= at);
            prop_assert_eq!(&stream[start..start + text.len()], text);
            prop_assert_eq!(first_line, stream[..start].matches('\n').count() + 1);
            prop_assert!(!text.starts_with("---") && !text.contains("\n---"));
            let between = &stream[at..start];
            prop_assert!(between.lines().all(|l| l.trim().is_empty() || l.starts_with("---")));
            at = start + text.len();
        }
    }
}
