//! Keys that a mapping holds twice.

use super::violation;
use crate::manifest::view::unescape;
use crate::manifest::{Document, position};
use crate::policy::Violation;
use crate::report::Severity;

/// The policy that reports them.
pub const POLICY: &str = "manifest/duplicate-key";

/// A warning for each key that overrides an earlier one of the same mapping: Helm takes the last
/// silently, so the first is dead text.
pub fn duplicates(document: &Document<'_>) -> impl Iterator<Item = Violation> {
    let pointers = position::pointers_of(document, document.duplicate_keys());
    pointers.into_iter().map(|pointer| {
        let key = pointer.rsplit('/').next().unwrap_or_default();
        let key = unescape(key);
        violation(
            POLICY,
            Severity::Warning,
            &pointer,
            format!("the key `{key}` is there twice; Helm takes the last one"),
            "remove the one that is not meant from the chart's template or values",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_called_as_it_is_written_and_placed_by_its_pointer() {
        let document = Document::parse("m:\n  a/b: 1\n  \"a/b\": 2\n").unwrap();
        let found: Vec<_> = duplicates(&document).collect();
        let [only] = found.as_slice() else {
            panic!("{found:?}");
        };
        assert_eq!(only.pointer, "/m/a~1b");
        assert!(only.message.starts_with("the key `a/b` is there twice"));
    }
}
