//! No text makes the search for credentials panic, and what it says holds none of the text.
#![no_main]

use helm_floe::check::hide;
use helm_floe::check::secrets::{described, scan};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str)| {
    let (name, text) = input;
    for found in scan::text(name, text) {
        let end = found.hit.at + found.hit.span;
        assert!(found.line >= 1 && found.line <= text.matches('\n').count() + 1);
        assert!(found.hit.encoded || end <= text.len());
        let _ = described(&found.hit);
    }
    let _ = hide::lines(text);
});
