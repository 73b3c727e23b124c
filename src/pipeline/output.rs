//! The hardened stream, as pieces of the input and of what is new.
//!
//! Most of a release is never copied: a CustomResourceDefinition of a megabyte gets two labels, so the
//! output is the input with a line in between.

use std::io::{self, Write};
use std::ops::Range;

use super::Done;
use crate::manifest::DocSpan;

/// The output of a run. Nothing is copied together until somebody asks for it.
pub struct Output<'s> {
    text: &'s str,
    edited: Vec<u8>,
    pieces: Vec<Piece>,
}

/// A stretch of the output.
enum Piece {
    /// Bytes of the input.
    Input(Range<usize>),
    /// Bytes among what is new.
    Edited(Range<usize>),
}

/// How an edited document differs from the original: a stretch in the middle.
pub(super) struct Change {
    /// How many bytes at the start are the original's.
    kept_before: usize,
    /// How many bytes at the end are.
    kept_after: usize,
    /// Where the bytes in between stand among what is new.
    new: Range<usize>,
}

impl Change {
    /// The changed document, given the original and what is new.
    pub(super) fn text(&self, old: &str, store: &[u8]) -> Vec<u8> {
        let old = old.as_bytes();
        let end = old.len().saturating_sub(self.kept_after);
        let pieces = [
            old.get(..self.kept_before),
            store.get(self.new.clone()),
            old.get(end..),
        ];
        pieces.map(Option::unwrap_or_default).concat()
    }
}

/// Documents that the input does not have.
pub(super) struct Added {
    /// The number of the document they stand before.
    pub(super) before: usize,
    /// Where their text stands among what is new, with a separator behind each.
    pub(super) text: Range<usize>,
}

impl Change {
    /// The change from `old` to `new`, whose middle is appended to `store`.
    pub(super) fn between(old: &[u8], new: &[u8], store: &mut Vec<u8>) -> Change {
        let kept_before = common_start(old, new);
        let (old, new) = (
            old.get(kept_before..).unwrap_or_default(),
            new.get(kept_before..).unwrap_or_default(),
        );
        let kept_after = common_end(old, new);
        let start = store.len();
        store.extend_from_slice(new.get(..new.len() - kept_after).unwrap_or_default());
        Change {
            kept_before,
            kept_after,
            new: start..store.len(),
        }
    }
}

/// Bytes are compared in blocks first, which is as fast as memory.
const BLOCK: usize = 1024;

/// How many bytes two texts have in common at the start.
fn common_start(a: &[u8], b: &[u8]) -> usize {
    let blocks = a
        .chunks_exact(BLOCK)
        .zip(b.chunks_exact(BLOCK))
        .take_while(|(a, b)| a == b)
        .count();
    let rest = a
        .iter()
        .zip(b)
        .skip(blocks * BLOCK)
        .take_while(|(a, b)| a == b)
        .count();
    blocks * BLOCK + rest
}

/// How many bytes two texts have in common at the end.
fn common_end(a: &[u8], b: &[u8]) -> usize {
    let blocks = a
        .rchunks_exact(BLOCK)
        .zip(b.rchunks_exact(BLOCK))
        .take_while(|(a, b)| a == b)
        .count();
    let rest = a
        .iter()
        .rev()
        .zip(b.iter().rev())
        .skip(blocks * BLOCK)
        .take_while(|(a, b)| a == b)
        .count();
    blocks * BLOCK + rest
}

impl<'s> Output<'s> {
    /// Edited documents in the place of the originals, separators untouched, and new ones between
    /// them.
    pub(super) fn new(
        text: &'s str,
        spans: &[DocSpan<'_>],
        done: &[Done],
        added: Option<Added>,
        edited: Vec<u8>,
    ) -> Output<'s> {
        let mut pieces = Vec::new();
        let mut at = 0;
        for (number, (span, done)) in spans.iter().zip(done).enumerate() {
            if let Some(added) = added.as_ref().filter(|added| added.before == number) {
                pieces.push(Piece::Input(at..span.start));
                pieces.push(Piece::Edited(added.text.clone()));
                at = span.start;
            }
            if let Done::Edited(change) = done {
                pieces.push(Piece::Input(at..span.start + change.kept_before));
                pieces.push(Piece::Edited(change.new.clone()));
                at = span.range().end - change.kept_after;
            }
        }
        pieces.push(Piece::Input(at..text.len()));
        Output {
            text,
            edited,
            pieces,
        }
    }

    /// Writes the whole stream.
    ///
    /// # Errors
    /// Whatever the writer says.
    pub fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        self.slices().try_for_each(|piece| out.write_all(piece))
    }

    /// The whole stream in one piece.
    pub fn to_vec(&self) -> Vec<u8> {
        self.slices().collect::<Vec<_>>().concat()
    }

    fn slices(&self) -> impl Iterator<Item = &[u8]> {
        self.pieces.iter().map(|piece| match piece {
            Piece::Input(range) => self.text.as_bytes().get(range.clone()).unwrap_or_default(),
            Piece::Edited(range) => self.edited.get(range.clone()).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_what_lies_between_the_common_ends() {
        let long = "x".repeat(3000);
        for (old, new, middle) in [
            ("ab", "ab", ""),
            ("ab", "aXb", "X"),
            ("", "X", "X"),
            ("aab", "aaab", "a"),
            ("abc", "", ""),
            (
                long.as_str(),
                format!("{long}y{long}").as_str(),
                &format!("y{long}"),
            ),
        ] {
            let mut store = vec![0];
            let change = Change::between(old.as_bytes(), new.as_bytes(), &mut store);
            assert_eq!(&store[change.new.clone()], middle.as_bytes(), "{new:.20}");
            let start = &old[..change.kept_before];
            let end = &old[old.len() - change.kept_after..];
            assert_eq!(format!("{start}{middle}{end}"), new);
        }
    }
}
