//! The hardened stream, as pieces of the input and of what is new.
//!
//! Most of a release is never copied: a CustomResourceDefinition of a megabyte gets two labels, so the
//! output is the input with a line in between.

use std::borrow::Cow;
use std::hash::BuildHasher;
use std::io::{self, Write};
use std::ops::Range;

use foldhash::HashMap;
use foldhash::fast::RandomState;
use memchr::{memchr, memrchr};

use super::Done;
use crate::manifest::{DocSpan, Splice};

/// The output of a run. Nothing is copied together until somebody asks for it.
pub struct Output<'s> {
    text: &'s str,
    spans: Vec<DocSpan<'s>>,
    done: Vec<Done>,
    added: Vec<Added>,
    new: Store,
}

/// What is new in the output. One buffer would be copied each time it grows.
#[derive(Default)]
pub(super) struct Store {
    chunks: Vec<Vec<u8>>,
    /// Texts that documents were given before, by their hash: most get the same few.
    known: HashMap<u64, Stored>,
    hasher: RandomState,
}

/// Where bytes stand in a [`Store`]. A release has tens of thousands of them, so they are small: no
/// document, edited or not, comes near four gigabytes.
#[derive(Clone, Copy)]
pub(super) struct Stored {
    chunk: u32,
    start: u32,
    len: u32,
}

impl Stored {
    /// How many bytes.
    pub(super) fn len(self) -> usize {
        self.len as usize
    }

    /// The first bytes, so many, and the others.
    pub(super) fn split_at(self, at: usize) -> (Stored, Stored) {
        let len = self.len.min(at as u32);
        let tail = Stored {
            start: self.start + len,
            len: self.len - len,
            ..self
        };
        (Stored { len, ..self }, tail)
    }
}

/// The size of a chunk; larger texts get one of their own.
const CHUNK: usize = 1 << 18;

/// So many texts are looked for when another one is stored. Those that recur come early.
const MAX_KNOWN: usize = 4096;

impl Store {
    /// Keeps bytes and says where.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Stored {
        let fits = |chunk: &Vec<u8>| chunk.capacity() - chunk.len() >= bytes.len();
        if !self.chunks.last().is_some_and(fits) {
            self.chunks.push(Vec::with_capacity(CHUNK.max(bytes.len())));
        }
        let mut stored = Stored {
            chunk: self.chunks.len() as u32 - 1,
            start: 0,
            len: bytes.len() as u32,
        };
        if let Some(last) = self.chunks.last_mut() {
            // Only the first text of a chunk may be longer than a chunk.
            stored.start = last.len() as u32;
            last.extend_from_slice(bytes);
        }
        stored
    }

    /// Keeps bytes that may well be there already.
    pub(super) fn push_common(&mut self, bytes: &[u8]) -> Stored {
        let hash = self.hasher.hash_one(bytes);
        match self.known.get(&hash) {
            Some(known) if self.get(*known) == bytes => *known,
            Some(_) => self.push(bytes),
            None => {
                let stored = self.push(bytes);
                if self.known.len() < MAX_KNOWN {
                    self.known.insert(hash, stored);
                }
                stored
            }
        }
    }

    pub(super) fn get(&self, at: Stored) -> &[u8] {
        let (start, len) = (at.start as usize, at.len as usize);
        let chunk = self.chunks.get(at.chunk as usize);
        chunk
            .and_then(|chunk| chunk.get(start..start + len))
            .unwrap_or_default()
    }
}

/// How an edited document differs from the original.
#[derive(Default)]
pub(super) struct Change {
    pub(super) hunks: Box<[Hunk]>,
}

/// A place in a document where something else stands now. As small as [`Stored`].
#[derive(Clone, Copy)]
pub(super) struct Hunk {
    at: u32,
    gone: u32,
    /// What stands there instead.
    pub(super) new: Stored,
}

impl Hunk {
    /// A text in the place of a stretch of the original.
    pub(super) fn new(old: Range<usize>, new: Stored) -> Hunk {
        Hunk {
            at: old.start as u32,
            gone: old.len() as u32,
            new,
        }
    }

    /// How many bytes of the original stand before it.
    pub(super) fn at(&self) -> usize {
        self.at as usize
    }

    /// Where the original goes on behind it.
    pub(super) fn end(&self) -> usize {
        self.at as usize + self.gone as usize
    }
}

/// Documents that the input does not have.
pub(super) struct Added {
    /// The number of the document they stand before.
    pub(super) before: usize,
    /// Where their text stands among what is new, with a separator behind each.
    pub(super) texts: Vec<Stored>,
}

impl Change {
    /// The change that splices make, which come in order; what is new goes to `store`.
    pub(super) fn of(splices: &[Splice], store: &mut Store) -> Change {
        let mut hunks = Vec::with_capacity(splices.len());
        // Members that are added in one place come one by one.
        for group in splices.chunk_by(|one, next| one.end == next.start) {
            let (Some(first), Some(last)) = (group.first(), group.last()) else {
                continue;
            };
            let new = match group {
                [one] => Cow::Borrowed(one.text.as_str()),
                several => several.iter().map(|splice| splice.text.as_str()).collect(),
            };
            let new = store.push_common(new.as_bytes());
            hunks.push(Hunk::new(first.start..last.end, new));
        }
        Change {
            hunks: hunks.into_boxed_slice(),
        }
    }

    /// The change from `old` to `new`; what is new goes to `store`.
    pub(super) fn between(old: &[u8], new: &[u8], store: &mut Store) -> Change {
        let start = line_start(old, common_start(old, new));
        let (old, new) = (
            old.get(start..).unwrap_or_default(),
            new.get(start..).unwrap_or_default(),
        );
        let end = whole_lines(old, new, common_end(old, new));
        let (old, new) = (
            old.get(..old.len() - end).unwrap_or_default(),
            new.get(..new.len() - end).unwrap_or_default(),
        );
        let hunks = match insertions(old, new) {
            Some(inserted) => {
                let hunk = |(at, lines): (usize, Range<usize>)| {
                    let lines = store.push_common(new.get(lines).unwrap_or_default());
                    Hunk::new(start + at..start + at, lines)
                };
                inserted.into_iter().map(hunk).collect()
            }
            None => Box::from([Hunk::new(start..start + old.len(), store.push(new))]),
        };
        Change { hunks }
    }

    /// The changed document, given the original and what is new.
    pub(super) fn text(&self, old: &str, store: &Store) -> Vec<u8> {
        let old = old.as_bytes();
        let mut text = Vec::with_capacity(old.len() + old.len() / 2);
        let mut at = 0;
        for hunk in &self.hunks {
            text.extend_from_slice(old.get(at..hunk.at()).unwrap_or_default());
            text.extend_from_slice(store.get(hunk.new));
            at = hunk.end();
        }
        text.extend_from_slice(old.get(at..).unwrap_or_default());
        text
    }
}

/// The places in `old`, and the lines of `new` to insert at each, where nothing else makes `new` of
/// `old`.
fn insertions(old: &[u8], new: &[u8]) -> Option<Vec<(usize, Range<usize>)>> {
    let mut kept = lines(old).peekable();
    let mut found: Vec<(usize, Range<usize>)> = Vec::new();
    let (mut at, mut start) = (0, 0);
    for line in lines(new) {
        let end = start + line.len();
        if kept.next_if_eq(&line).is_some() {
            at += line.len();
        } else {
            match found.last_mut() {
                Some((place, lines)) if *place == at => lines.end = end,
                _ => found.push((at, start..end)),
            }
        }
        start = end;
    }
    kept.next().is_none().then_some(found)
}

/// The lines of a text, each with its end.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        let (line, after) = rest.split_at_checked(end)?;
        rest = after;
        (!line.is_empty()).then_some(line)
    })
}

/// Where the line starts that a byte stands in.
pub(super) fn line_start(text: &[u8], at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    memrchr(b'\n', before).map_or(0, |end| end + 1)
}

/// How many bytes two texts have in common in whole lines at the end, of those that they have in
/// common.
fn whole_lines(a: &[u8], b: &[u8], common: usize) -> usize {
    let starts_line = |text: &[u8]| match text.len() - common {
        0 => true,
        start => text.get(start - 1) == Some(&b'\n'),
    };
    if starts_line(a) && starts_line(b) {
        return common;
    }
    let tail = a.get(a.len() - common..).unwrap_or_default();
    memchr(b'\n', tail).map_or(0, |end| common - end - 1)
}

/// Bytes are compared in blocks first, which is as fast as memory; then in smaller ones.
const BLOCKS: [usize; 2] = [1024, 32];

/// How many bytes two texts have in common at the start.
pub(super) fn common_start(a: &[u8], b: &[u8]) -> usize {
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
        spans: Vec<DocSpan<'s>>,
        done: Vec<Done>,
        added: Vec<Added>,
        new: Store,
    ) -> Output<'s> {
        Output {
            text,
            spans,
            done,
            added,
            new,
        }
    }

    /// Writes the whole stream.
    ///
    /// # Errors
    /// Whatever the writer says.
    pub fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        let mut written = 0;
        for (number, (span, done)) in self.spans.iter().zip(&self.done).enumerate() {
            for added in self.added.iter().filter(|added| added.before == number) {
                out.write_all(self.input(written..span.start))?;
                written = span.start;
                for text in &added.texts {
                    out.write_all(self.new.get(*text))?;
                }
            }
            let Done::Edited(change) = done else {
                continue;
            };
            for hunk in &change.hunks {
                out.write_all(self.input(written..span.start + hunk.at()))?;
                out.write_all(self.new.get(hunk.new))?;
                written = span.start + hunk.end();
            }
        }
        out.write_all(self.input(written..self.text.len()))
    }

    /// The whole stream in one piece.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut all = Vec::with_capacity(self.text.len() + self.text.len() / 2);
        // Writing to memory does not fail.
        let _ = self.write_to(&mut all);
        all
    }

    fn input(&self, range: Range<usize>) -> &[u8] {
        self.text.as_bytes().get(range).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The change between two texts: where, how much is gone, what is new.
    fn hunks(old: &str, new: &str) -> Vec<(usize, usize, String)> {
        let mut store = Store::default();
        store.push(b"0");
        let change = Change::between(old.as_bytes(), new.as_bytes(), &mut store);
        assert_eq!(change.text(old, &store), new.as_bytes(), "{old:?} {new:?}");
        let hunk = |hunk: &Hunk| {
            let text = store.get(hunk.new);
            (
                hunk.at(),
                hunk.end() - hunk.at(),
                String::from_utf8_lossy(text).into_owned(),
            )
        };
        change.hunks.iter().map(hunk).collect()
    }

    #[test]
    fn inserted_lines_are_all_that_is_kept_of_a_change() {
        let long = "0123456\n".repeat(400);
        for (old, new, want) in [
            ("a\nb\n", "a\nb\n", vec![]),
            ("a\nb\n", "a\nX\nb\n", vec![(2, 0, "X\n")]),
            ("", "X", vec![(0, 0, "X")]),
            // A line like the one before it may stand for either.
            ("a\na\nb\n", "a\na\na\nb\n", vec![(4, 0, "a\n")]),
            (
                "a: 1\nb: 2\n",
                "a: 1\nab: 3\nb: 2\nc: 4\n",
                vec![(5, 0, "ab: 3\n"), (10, 0, "c: 4\n")],
            ),
            (
                &long,
                &format!("{long}y\n{long}"),
                vec![(3200, 0, &format!("y\n{long}"))],
            ),
        ] {
            let want: Vec<_> = want
                .into_iter()
                .map(|(at, gone, new): (usize, usize, &str)| (at, gone, new.to_owned()))
                .collect();
            assert_eq!(hunks(old, new), want, "{new:.20}");
        }
    }

    #[test]
    fn splices_become_the_text_that_they_make() {
        let splice = |start, end, text: &str| {
            let text = text.to_owned();
            Splice { start, end, text }
        };
        let old = "a: 1\nb: {}\nc: 3\n";
        for (splices, hunks, want) in [
            (vec![], 0, old),
            (
                vec![splice(4, 4, "\nx: 1"), splice(4, 4, "\ny: 2")],
                1,
                "a: 1\nx: 1\ny: 2\nb: {}\nc: 3\n",
            ),
            (
                vec![splice(7, 10, ""), splice(10, 10, "\n  d: 4")],
                1,
                "a: 1\nb:\n  d: 4\nc: 3\n",
            ),
            (
                vec![splice(0, 5, ""), splice(14, 15, "4")],
                2,
                "b: {}\nc: 4\n",
            ),
        ] {
            let mut store = Store::default();
            let change = Change::of(&splices, &mut store);
            assert_eq!(change.hunks.len(), hunks, "{want}");
            assert_eq!(change.text(old, &store), want.as_bytes());
        }
    }

    #[test]
    fn what_is_no_insertion_of_lines_is_kept_as_one_stretch() {
        for (old, new, want) in [
            ("a\nb\nc\n", "a\nc\n", (2, 2, "")),
            ("a\nb\nc\n", "a\nB\nc\n", (2, 2, "B\n")),
            ("a\nb", "a\nb\nc\n", (2, 1, "b\nc\n")),
            ("{a: 1}\n", "{a: 1, b: 2}\n", (0, 7, "{a: 1, b: 2}\n")),
            ("x\nab\n", "y\nb\n", (0, 5, "y\nb\n")),
        ] {
            let (at, gone, text) = want;
            assert_eq!(
                hunks(old, new),
                [(at, gone, text.to_owned())],
                "{old:?} {new:?}"
            );
        }
    }

    #[test]
    fn what_many_documents_get_is_stored_once() {
        let mut store = Store::default();
        for at in 1..4 {
            Change::between(b"a\n", b"a\nlabel\n", &mut store);
            let (start, end) = (at, at);
            let text = "label\n".to_owned();
            Change::of(&[Splice { start, end, text }], &mut store);
        }
        assert_eq!(store.chunks, [b"label\n"]);
    }
}
