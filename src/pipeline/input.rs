//! From bytes to text, and places in the text.

use std::io::{self, Read};

use super::{Problem, Unreadable};

/// A stream must be smaller than this. Helm cannot store a release of more than about a
/// megabyte; 85 MB is what 275 public charts with all their CRDs come to.
const MAX_STREAM: usize = 100_000_000;

/// Reads a stream to its end, or until it is too large for [`decode`].
///
/// The buffer has room for any stream from the start: only the pages that are written to cost
/// memory, while growing would copy everything read so far.
///
/// # Errors
/// Whatever the reader says.
pub fn read(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(MAX_STREAM + 1);
    from.take(MAX_STREAM as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The input as text.
///
/// # Errors
/// When it is too large, empty, or no UTF-8.
pub fn decode(bytes: Vec<u8>, allow_empty: bool) -> Result<String, Unreadable> {
    let refuse = |line, column, reason: String, help: &str| {
        Err(Unreadable(vec![Problem {
            line,
            column,
            source: None,
            reason,
            help: help.into(),
        }]))
    };
    if bytes.len() >= MAX_STREAM {
        let reason = format!("the input has {MAX_STREAM} bytes or more, which is refused");
        return refuse(0, 0, reason, "render fewer charts at a time");
    }
    match String::from_utf8(bytes) {
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let valid = String::from_utf8_lossy(error.as_bytes().get(..at).unwrap_or_default())
                .into_owned();
            let (line, column) = crate::manifest::line_column(&valid, at);
            refuse(line, column, format!("invalid UTF-8 at byte {at}"), "")
        }
        Ok(text) if text.trim().is_empty() && !allow_empty => refuse(
            0,
            0,
            "the input is empty".into(),
            "Helm 3's `template --output-dir` bypasses the post-renderer, and an empty answer would delete the release; \
             --allow-empty if this chart renders nothing on purpose",
        ),
        Ok(text) => Ok(text),
    }
}

/// A problem at a byte of the stream.
pub fn problem(text: &str, offset: usize, reason: &str, source: Option<String>) -> Problem {
    let (line, column) = crate::manifest::line_column(text, offset);
    Problem {
        line,
        column,
        source,
        reason: reason.to_owned(),
        help: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(bytes: &[u8]) -> String {
        let problem = &decode(bytes.to_vec(), false).unwrap_err().0[0];
        match problem.place() {
            Some((line, column)) => format!("{line}:{column}: {problem}"),
            None => problem.to_string(),
        }
    }

    #[test]
    fn bad_bytes_are_refused_with_their_place() {
        assert!(
            reason(b"a: b\nc: \xff\n").starts_with("2:4: invalid UTF-8 at byte 8"),
            "{}",
            reason(b"a: b\nc: \xff\n")
        );
        assert!(reason(b" \n\t\n").starts_with("the input is empty; "));
        assert!(reason(&vec![b' '; MAX_STREAM]).contains("or more"));
    }

    #[test]
    fn an_empty_input_may_be_allowed() {
        assert_eq!(decode(b"\n".to_vec(), true), Ok("\n".into()));
    }
}
