//! Any text as any of our configuration files: an answer or errors, never a panic.
#![no_main]

use helm_floe::config::typed::read;
use helm_floe::platform::artifact::Artifact;
use helm_floe::platform::file::PlatformFile;
use helm_floe::platform::floe::FloeFile;
use helm_floe::platform::mapping::MappingFile;
use helm_floe::values::strvals;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = read::<PlatformFile>("f", text);
    let _ = read::<FloeFile>("f", text);
    let _ = read::<MappingFile>("f", text);
    let _ = Artifact::read("f", text);
    let _ = strvals::apply(&mut serde_json::Map::new(), text);
});
