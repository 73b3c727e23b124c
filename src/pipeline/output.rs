//! The hardened stream, as pieces of the input and of the edited documents.

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
    /// Bytes among the edited documents.
    Edited(Range<usize>),
}

impl<'s> Output<'s> {
    /// Edited documents in the place of the originals, separators untouched.
    pub(super) fn new(
        text: &'s str,
        spans: &[DocSpan<'_>],
        done: &[Done],
        edited: Vec<u8>,
    ) -> Output<'s> {
        let mut pieces = Vec::new();
        let mut at = 0;
        for (span, done) in spans.iter().zip(done) {
            if let Done::Edited(range) = done {
                pieces.push(Piece::Input(at..span.start));
                pieces.push(Piece::Edited(range.clone()));
                at = span.range().end;
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
