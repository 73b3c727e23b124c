//! A stream cut into documents.
//!
//! Three readers cut the same stream: Helm 3 at `(?:^|\s*\n)---\s*` and Helm 4 at `(?m)^---[ \t]*`
//! (both `SplitManifests` in `releaseutil`), and kubectl's reader (`YAMLReader` in
//! `k8s.io/apimachinery/pkg/util/yaml`), which Helm uses too when it applies. The Helms cut at any
//! line that starts with `---` and take the rest of that line for content; kubectl wants nothing but
//! blanks or a comment there. A line on which they disagree is an error, so that what was checked is
//! what gets applied. `...` separates documents for none of them.

use std::ops::Range;

use memchr::memmem;

use super::error::{ParseError, Step, fail};

/// One document of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DocSpan<'s> {
    /// The document's text, without the separator lines around it.
    pub text: &'s str,
    /// Where the text starts in the stream.
    pub start: usize,
    /// The line of the stream, from 1, on which the text starts.
    pub first_line: usize,
    /// The chart template that the document comes from, by Helm's `# Source: ` comment at the top of
    /// it. A document without the comment has that of the document before: Helm writes one for each
    /// file, and a file may hold several documents.
    pub source: Option<&'s str>,
}

impl DocSpan<'_> {
    /// The document's bytes in the stream.
    pub fn range(&self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }
}

/// Cuts a stream into documents, in order. What lies between two separators and holds nothing but
/// blanks is no document; comments alone are one.
///
/// # Errors
/// A line that one of Helm 3, Helm 4 and kubectl reads as a separator and another does not.
pub fn split(stream: &str) -> Result<Vec<DocSpan<'_>>, ParseError> {
    Splitter {
        stream,
        line: 1,
        counted: 0,
        source: None,
        found: Vec::new(),
    }
    .run()
    .map_err(|error| *error)
}

struct Splitter<'s> {
    stream: &'s str,
    /// The number of the line at `counted`.
    line: usize,
    counted: usize,
    source: Option<&'s str>,
    found: Vec<DocSpan<'s>>,
}

impl<'s> Splitter<'s> {
    fn run(mut self) -> Step<Vec<DocSpan<'s>>> {
        let bytes = self.stream.as_bytes();
        self.no_indented_separator()?;
        let mut start = 0;
        if bytes.starts_with(b"---") {
            start = self.separator(0)?;
        }
        for at in memmem::find_iter(bytes, b"\n---") {
            let separator = at + 1;
            if separator < start {
                continue; // the separator that the stream starts with
            }
            self.add(start, separator);
            start = self.separator(separator)?;
        }
        self.add(start, bytes.len());
        Ok(self.found)
    }

    /// Both Helms trim the stream before they cut it, kubectl does not.
    fn no_indented_separator(&self) -> Step<()> {
        let trimmed = self.stream.trim_start();
        let blanks = self.stream.len() - trimmed.len();
        let before = self.stream.as_bytes().get(blanks.wrapping_sub(1));
        if trimmed.starts_with("---") && before.is_some_and(|&b| b != b'\n') {
            return fail(
                blanks,
                "an indented '---' at the start: a separator for Helm, text for kubectl",
            );
        }
        Ok(())
    }

    /// Checks the separator line that starts at `at`; gives where the next line starts.
    fn separator(&self, at: usize) -> Step<usize> {
        let line = self.stream.get(at + 3..).unwrap_or_default();
        let line = line.split_once('\n').map_or(line, |(line, _)| line);
        let rest = line.strip_suffix('\r').unwrap_or(line);
        let rest = rest.trim_start_matches([' ', '\t']);
        if !rest.is_empty() && !rest.starts_with('#') {
            return fail(
                at,
                "text after '---' on the same line, which Helm reads as content and kubectl refuses",
            );
        }
        Ok((at + 3 + line.len() + 1).min(self.stream.len()))
    }

    fn add(&mut self, start: usize, end: usize) {
        let bytes = self.stream.as_bytes();
        let skipped = bytes.get(self.counted..start).unwrap_or_default();
        self.line += memchr::memchr_iter(b'\n', skipped).count();
        self.counted = start;
        let text = self.stream.get(start..end).unwrap_or_default();
        let content = text.trim_ascii_start();
        if content.is_empty() {
            return;
        }
        self.source = source(content).or(self.source);
        self.found.push(DocSpan {
            text,
            start,
            first_line: self.line,
            source: self.source,
        });
    }
}

/// The template named by a `# Source: ` comment on the first line.
fn source(text: &str) -> Option<&str> {
    let path = text.strip_prefix("# Source: ")?;
    let path = path.split_once('\n').map_or(path, |(path, _)| path);
    Some(path.trim_ascii()).filter(|path| !path.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(stream: &str) -> Vec<&str> {
        let spans = split(stream).unwrap();
        for span in &spans {
            assert_eq!(&stream[span.range()], span.text);
            let lines_before = stream[..span.start].matches('\n').count();
            assert_eq!(span.first_line, lines_before + 1, "{stream:?}");
        }
        spans.iter().map(|span| span.text).collect()
    }

    #[test]
    fn documents_lie_between_separator_lines() {
        for (stream, want) in [
            ("", &[][..]),
            (" \n\t\n", &[]),
            ("---", &[]),
            ("---\n", &[]),
            ("---\n---\n\n---", &[]),
            ("a: 1", &["a: 1"]),
            ("a: 1\n", &["a: 1\n"]),
            ("---\na: 1\n", &["a: 1\n"]),
            ("\n---\na: 1\n", &["a: 1\n"]),
            ("a: 1\n---\nb: 2", &["a: 1\n", "b: 2"]),
            ("a: 1\n---", &["a: 1\n"]),
            (
                "a: 1\n--- # comment\nb: 2\n---#\nc: 3\n",
                &["a: 1\n", "b: 2\n", "c: 3\n"],
            ),
            ("a: 1\r\n---\r\nb: 2\r\n", &["a: 1\r\n", "b: 2\r\n"]),
            ("a: 1\n--- \t\n\n\nb: 2\n", &["a: 1\n", "\n\nb: 2\n"]),
            ("# only\n---\na: 1\n", &["# only\n", "a: 1\n"]),
            ("a: |\n  ---\n  b\n", &["a: |\n  ---\n  b\n"]),
            ("a: x---\n", &["a: x---\n"]),
            ("a: 1\n...\n---\nb: 2\n", &["a: 1\n...\n", "b: 2\n"]),
            ("a: 1\n--\n", &["a: 1\n--\n"]),
        ] {
            assert_eq!(texts(stream), want, "{stream:?}");
        }
    }

    #[test]
    fn separators_that_readers_disagree_on_are_refused_where_they_stand() {
        for (stream, offset) in [
            ("---a: 1\n", 0),
            ("a: 1\n---b: 2\n", 5),
            ("a: 1\n--- b: 2\n", 5),
            ("a: 1\n--- |\n  x\n", 5),
            ("a: 1\n----\n", 5),
            ("k: \"\n-----BEGIN\n\"\n", 5),
            ("---\n---\n---x\n", 8),
            ("a: 1\n--- \u{a0}\n", 5),
            ("  ---\na: 1\n", 2),
            ("\n\t---\na: 1\n", 2),
        ] {
            let error = split(stream).unwrap_err();
            assert_eq!(error.offset, offset, "{stream:?}: {error}");
        }
    }

    #[test]
    fn the_template_comes_from_the_comment_at_the_top() {
        let stream = "---\n# Source: c/templates/a.yaml\na: 1\n---\nb: 2\n---\n\n\
                      # Source: c/templates/b.yaml\r\n# Source: no\nc: 3\n---\n\
                      # other\n# Source: c/no.yaml\nd: 4\n";
        let sources: Vec<_> = split(stream).unwrap().iter().map(|s| s.source).collect();
        let (a, b) = (Some("c/templates/a.yaml"), Some("c/templates/b.yaml"));
        assert_eq!(sources, [a, a, b, b]);
        assert_eq!(split("a: 1\n# Source: x\n").unwrap()[0].source, None);
    }
}
