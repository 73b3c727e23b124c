//! Bounds on what a document may ask of the reader. Over a bound is a refusal, never an abort.

/// Nesting of maps and lists. Go allows 10,000; real manifests stay below 40.
pub const MAX_DEPTH: usize = 256;

/// Bytes from the start of a key (its anchor and tag included) to its `:`. Go allows 1,024
/// characters.
pub const MAX_KEY: usize = 1_000;

/// Nesting with every alias replaced by what it stands for.
pub const MAX_EXPANDED_DEPTH: usize = 512;

/// Bytes of one document: spans are 32-bit.
pub const MAX_DOCUMENT: usize = u32::MAX as usize - 16;

/// The share of a document's values that may come from aliases, by the number of values decoded so
/// far: goyaml v2's guard against "billion laughs" documents (`allowedAliasRatio` in `decode.go`).
pub fn allowed_alias_ratio(decoded: u64) -> f64 {
    const LOW: u64 = 400_000;
    const HIGH: u64 = 4_000_000;
    if decoded <= LOW {
        0.99
    } else if decoded >= HIGH {
        0.10
    } else {
        0.99 - 0.89 * ((decoded - LOW) as f64 / (HIGH - LOW) as f64)
    }
}
