//! A report in the shape of a manifest that Helm 4 cannot accept.
//!
//! Helm 4 throws a post-renderer's stderr away, but it prints the whole of an output that is not a
//! mapping and refuses the release. So a refusal is written as one YAML literal block scalar and
//! the filter exits 0. Helm 3 would accept such an output: only `--helm4`, which stands in the
//! Helm 4 plugin's `plugin.yaml`, asks for it, and Skaffold, which reads every document as a mapping
//! before Helm does (`ManifestList.Visit` in pkg/skaffold/kubernetes/manifest/visitor.go).

/// The text when a report has nothing to show; an empty scalar could pass for an empty document.
const FALLBACK: &str = "helm-floe refused this release";

/// Spaces before every line: what the block header's indentation indicator says.
const INDENT: &str = "  ";

/// Renders a report as one YAML literal block scalar, ending with a line break.
///
/// Any text is safe: colours and control characters are taken out, tabs become spaces, every kind
/// of line break becomes a plain one, and a first line that starts with a space gets an indentation
/// indicator. YAML reads the result as a string, never as a mapping or several documents.
#[must_use]
pub fn block_scalar(report: &str) -> String {
    let text = clean(report);
    let mut lines: Vec<&str> = text.split('\n').map(|l| l.trim_end_matches(' ')).collect();
    while lines.pop_if(|line| line.is_empty()).is_some() {}
    let mut lines = lines.into_iter().skip_while(|line| line.is_empty());
    let first = lines.next().unwrap_or(FALLBACK);
    let header = if first.starts_with(' ') { "|2-" } else { "|-" };
    let mut scalar = String::with_capacity(text.len() + text.len() / 8 + 8);
    scalar.push_str(header);
    for line in std::iter::once(first).chain(lines) {
        scalar.push('\n');
        if !line.is_empty() {
            scalar.push_str(INDENT);
            scalar.push_str(line);
        }
    }
    scalar.push('\n');
    scalar
}

/// The report's text in characters that YAML prints, with `\n` as the only line break.
fn clean(report: &str) -> String {
    let plain = anstream::adapter::strip_str(report).to_string();
    let mut text = String::with_capacity(plain.len());
    let mut characters = plain.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\r' if characters.peek() == Some(&'\n') => {}
            // YAML 1.1, which Helm reads, breaks lines at the last three as well.
            '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => text.push('\n'),
            '\t' => text.push_str("    "),
            c if is_printable(c) => text.push(c),
            _ => {}
        }
    }
    text
}

/// Whether YAML takes the character as it is (`c-printable`, YAML 1.2.2 section 5.1), byte order
/// marks left out.
fn is_printable(c: char) -> bool {
    matches!(c,
        ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
        && c != '\u{feff}'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn renders() {
        let cases = [
            ("one line", "|-\n  one line\n"),
            ("a: b\n---\n# c\n", "|-\n  a: b\n  ---\n  # c\n"),
            ("a\n\n   b  \n", "|-\n  a\n\n     b\n"),
            ("\n\n a\nb\n", "|2-\n   a\n  b\n"),
            ("a\tb", "|-\n  a    b\n"),
            ("a\r\nb\rc\u{85}d\u{2028}e", "|-\n  a\n  b\n  c\n  d\n  e\n"),
            ("\u{1b}[31mred\u{1b}[0m", "|-\n  red\n"),
            ("a\0b\u{7}\u{7f}\u{9b}\u{feff}\u{fffe}c", "|-\n  abc\n"),
            ("é 漢 🦀", "|-\n  é 漢 🦀\n"),
            ("", "|-\n  helm-floe refused this release\n"),
            (" \n\t\n", "|-\n  helm-floe refused this release\n"),
            (" \n a", "|2-\n   a\n"),
        ];
        for (report, scalar) in cases {
            assert_eq!(block_scalar(report), scalar, "{report:?}");
        }
    }

    proptest! {
        #[test]
        fn every_line_is_indented_text(report in "([ \n\t]|(?s:.)){0,200}") {
            let scalar = block_scalar(&report);
            let mut lines = scalar.split('\n');
            let header = lines.next();
            prop_assert!(header == Some("|-") || header == Some("|2-"));
            let lines: Vec<&str> = lines.collect();
            prop_assert_eq!(lines.last(), Some(&""));
            prop_assert!(lines.first().is_some_and(|first| !first.is_empty()));
            for line in &lines {
                prop_assert!(line.is_empty() || line.starts_with(INDENT), "{line:?}");
                prop_assert!(!line.ends_with(' '), "{line:?}");
                prop_assert!(line.chars().all(is_printable), "{line:?}");
            }
            prop_assert_eq!(header == Some("|2-"), lines[0].starts_with("   "));
        }

        #[test]
        fn words_survive(words in prop::collection::vec("[!-~]{1,12}", 1..20)) {
            let scalar = block_scalar(&words.join("\n"));
            let back: Vec<&str> = scalar.lines().skip(1).map(str::trim_start).collect();
            prop_assert_eq!(back, words);
        }
    }
}
