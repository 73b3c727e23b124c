//! Any text as what a registry answers, as Docker's configuration and as a reference: an answer or an
//! error, never a panic.
#![no_main]

use helm_floe::registry::login::{self, Logins};
use helm_floe::registry::{layer, reference::Reference};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = layer(text.as_bytes());
    let _ = login::challenge(text);
    let _ = login::bearer(text.as_bytes());
    if let Ok(logins) = Logins::read(text) {
        let _ = logins.of("localhost:5000").map(login::Login::basic);
    }
    if let Ok(reference) = text.parse::<Reference>() {
        assert!(reference.base(false).starts_with("http"));
    }
});
