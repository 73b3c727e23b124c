//! Files that are no manifests are judged, and streams hidden, without a panic; hiding keeps the
//! lines, and the rules of a `.helmignore` match anything without taking long.
#![no_main]

use helm_floe::check::{files, hide};
use helm_floe::files::helmignore::Rules;
use helm_floe::files::text;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let (name, content) = input.split_once('\n').unwrap_or(("a.yaml", input));
    let lines = content.matches('\n').count();
    for placed in files::judge(name, content) {
        assert!((1..=lines + 1).contains(&placed.line), "{}", placed.line);
    }
    let _ = text::holds(content);
    assert_eq!(hide::secrets(content).matches('\n').count(), lines);
    if let Some(rules) = Rules::parse(content) {
        let _ = rules.ignores(name, true);
    }
});
