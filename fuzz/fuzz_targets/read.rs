//! Any text is read or refused; what was read can be asked for its meaning.
#![no_main]

use helm_floe::manifest::Document;
use helm_floe::manifest::split::split;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(spans) = split(text) else { return };
    for span in spans {
        if let Ok(document) = Document::parse(span.text) {
            if let Some(root) = document.root() {
                let _ = root.to_json();
            }
            let _ = document.duplicate_keys();
        }
    }
});
