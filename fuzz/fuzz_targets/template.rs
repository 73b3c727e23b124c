//! Any text is read as a template of a chart.
#![no_main]

use helm_floe::values::unused::template;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = template::parse(text);
});
