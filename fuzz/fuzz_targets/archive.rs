//! Any bytes are unpacked as a chart: within bounds, and no path leads out of it.
#![no_main]

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use helm_floe::files::archive::{MAX_ENTRIES, MAX_FILE, unpack};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    judge(bytes);
    // Hardly any input is gzip with its checksum; what is inside of it is the greater part.
    let mut packed = GzEncoder::new(Vec::new(), Compression::none());
    let packed = packed.write_all(bytes).and_then(|()| packed.finish());
    judge(&packed.expect("written to memory"));
});

fn judge(packed: &[u8]) {
    let mut left = 1 << 20;
    let Ok(files) = unpack(packed, &mut left) else {
        return;
    };
    assert!(files.len() <= MAX_ENTRIES);
    for (path, content) in files {
        assert!(content.len() as u64 <= MAX_FILE);
        let parts: Vec<&str> = path.split('/').collect();
        assert!(
            !parts.iter().any(|part| ["", ".", ".."].contains(part)),
            "{path:?}"
        );
    }
}
