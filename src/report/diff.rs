//! A unified diff of what the filter changes.

use std::fmt::Write as _;

use foldhash::HashMap;
use similar::{ChangeTag, TextDiff};

/// Lines of context around a change, as `diff -u` gives.
const CONTEXT: usize = 3;

/// ANSI colours when `color` is set, as `git diff` uses them.
struct Paint {
    color: bool,
}

impl Paint {
    fn line(&self, out: &mut String, code: &str, text: &str) {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let written = if self.color {
            writeln!(out, "\x1b[{code}m{text}\x1b[0m")
        } else {
            writeln!(out, "{text}")
        };
        debug_assert!(written.is_ok(), "writing to a string cannot fail");
    }
}

/// How lines that must not be shown as they are can be shown: for each the text in its place.
pub type Masked<'t> = HashMap<&'t str, String>;

/// The unified diff from `before` to `after`; empty when they are equal.
pub fn render(name: &str, before: &str, after: &str, masked: &Masked<'_>, color: bool) -> String {
    let mut out = String::new();
    if before == after {
        return out;
    }
    let paint = Paint { color };
    paint.line(&mut out, "1", &format!("--- {name}"));
    paint.line(&mut out, "1", &format!("+++ {name} (hardened)"));
    let diff = TextDiff::from_lines(before, after);
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        paint.line(&mut out, "36", &hunk.header().to_string());
        for change in hunk.iter_changes() {
            let (sign, code) = match change.tag() {
                ChangeTag::Delete => ('-', "31"),
                ChangeTag::Insert => ('+', "32"),
                ChangeTag::Equal => (' ', "0"),
            };
            let line = change.value().trim_end_matches(['\n', '\r']);
            let line = masked.get(line).map_or(line, String::as_str);
            paint.line(&mut out, code, &format!("{sign}{line}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_have_no_diff() {
        assert_eq!(render("-", "a\n", "a\n", &Masked::default(), true), "");
    }

    #[test]
    fn an_added_line_is_shown_with_its_context() {
        let want = "--- x\n+++ x (hardened)\n@@ -1,2 +1,3 @@\n a\n+b\n c\n";
        assert_eq!(
            render("x", "a\nc\n", "a\nb\nc\n", &Masked::default(), false),
            want
        );
    }

    #[test]
    fn a_masked_line_is_not_shown() {
        let masked = Masked::from_iter([("p: secret", "p: (hidden)".to_owned())]);
        let diff = render("x", "p: secret\nc\n", "p: secret\nb\nc\n", &masked, false);
        assert!(
            diff.contains(" p: (hidden)\n") && !diff.contains("secret"),
            "{diff}"
        );
    }
}
