//! The filter never panics, and running it twice changes nothing.
#![no_main]

use helm_floe::pipeline::{self, Mode, Settings};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let settings = Settings::for_release("web", "dev", Mode::Harden).expect("the built-in policies load");
    let Ok(once) = pipeline::run(text, &settings) else { return };
    let first = String::from_utf8(once.output.to_vec()).expect("the filter writes UTF-8");
    let twice = pipeline::run(&first, &settings).expect("its own output can be read");
    assert_eq!(first.as_bytes(), twice.output.to_vec(), "{text}");
});
