//! An edit that is accepted gives a text that reads back as the edited value.
#![no_main]

use helm_floe::manifest::edit::Operation;
use helm_floe::manifest::overlay::Overlay;
use helm_floe::manifest::{Document, View};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// Every pointer into a value, depth first.
fn pointers(view: View<'_>, at: String, out: &mut Vec<String>) {
    for (key, value) in view.entries() {
        pointers(value, format!("{at}/{}", helm_floe::manifest::view::escape(&key)), out);
    }
    for (index, value) in view.items().enumerate() {
        pointers(value, format!("{at}/{index}"), out);
    }
    out.push(at);
}

fuzz_target!(|input: (u8, u8, String, String)| {
    let (kind, place, key, text) = input;
    let Ok(document) = Document::parse(&text) else { return };
    let Some(root) = document.root() else { return };
    let mut places = Vec::new();
    pointers(View::Node(root), String::new(), &mut places);
    let path = places[usize::from(place) % places.len()].clone();
    let value = Value::String(key.clone());
    let operation = match kind % 3 {
        0 => Operation::Add { path: format!("{path}/{}", helm_floe::manifest::view::escape(&key)), value },
        1 => Operation::Replace { path, value },
        _ => Operation::Remove { path },
    };
    let mut overlay = Overlay::new(&document);
    if overlay.apply(&operation).is_err() {
        return;
    }
    let wanted = overlay.view().to_json();
    let mut out = Vec::new();
    if overlay.write(&mut out).is_err() {
        return;
    }
    let written = String::from_utf8(out).expect("the writer writes UTF-8");
    let again = Document::parse(&written).expect("what was written can be read");
    assert_eq!(again.root().map(|root| root.to_json()).unwrap_or(Value::Null), wanted, "{text}\n=>\n{written}");
});
