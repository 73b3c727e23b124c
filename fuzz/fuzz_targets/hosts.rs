//! Any text is searched for hosts: as a value, a file, a script, arguments.
#![no_main]

use helm_floe::inject::network::evidence::hosts::{self, Context};
use helm_floe::inject::network::evidence::{command, expand, file, names};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut found = Vec::new();
    hosts::scan(text, Context::plain(), &mut found);
    let promise = names::promise(text);
    hosts::scan(text, Context { promise, ..Context::plain() }, &mut found);
    file::file(text, &mut found);
    command::script(text, &mut found);
    let words: Vec<&str> = text.split(' ').collect();
    command::arguments(&words, &mut Vec::new());
    let known = |name: &str| name.starts_with('A').then_some("b");
    expand::expand(text, true, &known);
    expand::port_beside(text, &known);
});
