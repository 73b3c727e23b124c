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
    edited: Store,
    pieces: Vec<Piece>,
}

/// What is new in all edited documents. One buffer would be copied each time it grows.
#[derive(Default)]
pub(super) struct Store {
    chunks: Vec<Vec<u8>>,
}

/// Where bytes stand in a [`Store`].
#[derive(Clone)]
pub(super) struct Stored {
    chunk: usize,
    range: Range<usize>,
}

/// The size of a chunk; larger texts get one of their own.
const CHUNK: usize = 1 << 18;

impl Store {
    /// Keeps bytes and says where.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Stored {
        let fits = |chunk: &Vec<u8>| chunk.capacity() - chunk.len() >= bytes.len();
        if !self.chunks.last().is_some_and(fits) {
            self.chunks.push(Vec::with_capacity(CHUNK.max(bytes.len())));
        }
        let chunk = self.chunks.len() - 1;
        let Some(last) = self.chunks.last_mut() else {
            return Stored { chunk, range: 0..0 };
        };
        let start = last.len();
        last.extend_from_slice(bytes);
        let range = start..last.len();
        Stored { chunk, range }
    }

    fn get(&self, at: &Stored) -> &[u8] {
        let chunk = self.chunks.get(at.chunk);
        chunk
            .and_then(|chunk| chunk.get(at.range.clone()))
            .unwrap_or_default()
    }
}

/// A stretch of the output.
enum Piece {
    /// Bytes of the input.
    Input(Range<usize>),
    /// Bytes among what is new.
    Edited(Stored),
}

/// How an edited document differs from the original: a stretch in the middle.
pub(super) struct Change {
    /// How many bytes at the start are the original's.
    kept_before: usize,
    /// How many bytes at the end are.
    kept_after: usize,
    /// Where the bytes in between stand among what is new.
    new: Stored,
}

/// Documents that the input does not have.
pub(super) struct Added {
    /// The number of the document they stand before.
    pub(super) before: usize,
    /// Where their text stands among what is new, with a separator behind each.
    pub(super) texts: Vec<Stored>,
}

impl Change {
    /// The change from `old` to `new`, whose middle is appended to `store`.
    pub(super) fn between(old: &[u8], new: &[u8], store: &mut Store) -> Change {
        let kept_before = common_start(old, new);
        let (old, new) = (
            old.get(kept_before..).unwrap_or_default(),
            new.get(kept_before..).unwrap_or_default(),
        );
        let kept_after = common_end(old, new);
        Change {
            kept_before,
            kept_after,
            new: store.push(new.get(..new.len() - kept_after).unwrap_or_default()),
        }
    }

    /// The changed document, given the original and what is new.
    pub(super) fn text(&self, old: &str, store: &Store) -> Vec<u8> {
        let old = old.as_bytes();
        let end = old.len().saturating_sub(self.kept_after);
        let pieces = [
            old.get(..self.kept_before),
            Some(store.get(&self.new)),
            old.get(end..),
        ];
        pieces.map(Option::unwrap_or_default).concat()
    }
}

/// Bytes are compared in blocks first, which is as fast as memory; then in smaller ones.
const BLOCKS: [usize; 2] = [1024, 32];

/// How many bytes two texts have in common at the start.
fn common_start(a: &[u8], b: &[u8]) -> usize {
    let mut start = 0;
    for block in BLOCKS {
        let (a, b) = (a.get(start..), b.get(start..));
        let blocks = a.unwrap_or_default().chunks_exact(block);
        let pairs = blocks.zip(b.unwrap_or_default().chunks_exact(block));
        start += block * pairs.take_while(|(a, b)| a == b).count();
    }
    let rest = (a.get(start..), b.get(start..));
    let (a, b) = (rest.0.unwrap_or_default(), rest.1.unwrap_or_default());
    let pairs = a.iter().zip(b);
    start + pairs.take_while(|(a, b)| a == b).count()
}

/// How many bytes two texts have in common at the end.
fn common_end(a: &[u8], b: &[u8]) -> usize {
    let mut end = 0;
    for block in BLOCKS {
        let (a, b) = (a.get(..a.len() - end), b.get(..b.len() - end));
        let blocks = a.unwrap_or_default().rchunks_exact(block);
        let pairs = blocks.zip(b.unwrap_or_default().rchunks_exact(block));
        end += block * pairs.take_while(|(a, b)| a == b).count();
    }
    let rest = (a.get(..a.len() - end), b.get(..b.len() - end));
    let (a, b) = (rest.0.unwrap_or_default(), rest.1.unwrap_or_default());
    let pairs = a.iter().rev().zip(b.iter().rev());
    end + pairs.take_while(|(a, b)| a == b).count()
}

impl<'s> Output<'s> {
    /// Edited documents in the place of the originals, separators untouched, and new ones between
    /// them.
    pub(super) fn new(
        text: &'s str,
        spans: &[DocSpan<'_>],
        done: &[Done],
        added: &[Added],
        edited: Store,
    ) -> Output<'s> {
        let edits = done.iter().filter(|done| matches!(done, Done::Edited(_)));
        let mut pieces = Vec::with_capacity(2 * edits.count() + 3);
        let mut at = 0;
        for (number, (span, done)) in spans.iter().zip(done).enumerate() {
            for added in added.iter().filter(|added| added.before == number) {
                pieces.push(Piece::Input(at..span.start));
                pieces.extend(added.texts.iter().cloned().map(Piece::Edited));
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
            Piece::Edited(at) => self.edited.get(at),
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
            let mut store = Store::default();
            store.push(b"0");
            let change = Change::between(old.as_bytes(), new.as_bytes(), &mut store);
            assert_eq!(store.get(&change.new), middle.as_bytes(), "{new:.20}");
            let start = &old[..change.kept_before];
            let end = &old[old.len() - change.kept_after..];
            assert_eq!(format!("{start}{middle}{end}"), new);
        }
    }
}
