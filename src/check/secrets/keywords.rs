//! Finds which of many words stand in a text, whatever their case.
//!
//! This is no Aho-Corasick automaton because a run is short: to build one over four hundred words
//! takes longer than to harden a small release. Here each word is filed under the code of its first
//! three bytes. A text is read once, and words are compared only where one with the code of the last
//! three bytes is filed.

use std::ops::ControlFlow;

/// The code of a byte is its last bits, which capital and small letters share.
const BITS: u32 = 5;
/// So many bytes make a code.
const BYTES: usize = 3;
/// How many codes there are.
const CODES: usize = 1 << (BITS * BYTES as u32);

/// Words to look for.
#[derive(Debug)]
pub struct Keywords {
    words: Vec<&'static str>,
    /// For each code whether a word begins with it, in pieces of 64 codes.
    begins: Box<[u64; CODES / 64]>,
    /// How many codes with words come before each piece.
    before: Vec<usize>,
    /// For each code with words where they begin in `filed`, and where the last ends.
    starts: Vec<usize>,
    /// The places of the words, by their codes.
    filed: Vec<usize>,
}

impl Keywords {
    /// Prepares to look for words of two bytes or more; shorter ones are never found.
    pub fn new(words: Vec<&'static str>) -> Keywords {
        let mut coded = Vec::with_capacity(words.len());
        for (place, word) in words.iter().enumerate() {
            let code = word.bytes().take(BYTES).fold(0, next);
            match word.len() {
                0 | 1 => {}
                // Whatever comes after it.
                2 => coded.extend((0..1 << BITS).map(|after| (next(code, after), place))),
                _ => coded.push((code, place)),
            }
        }
        coded.sort_unstable();
        let mut begins = Box::new([0; CODES / 64]);
        let mut starts = Vec::new();
        let mut last = None;
        for (at, (code, _)) in coded.iter().enumerate() {
            if last != Some(code) {
                last = Some(code);
                starts.push(at);
            }
            if let Some(piece) = begins.get_mut(code / 64) {
                *piece |= 1_u64 << (code % 64);
            }
        }
        starts.push(coded.len());
        let count = |sum: &mut usize, piece: &u64| {
            let before = *sum;
            *sum += piece.count_ones() as usize;
            Some(before)
        };
        Keywords {
            words,
            before: begins.iter().scan(0, count).collect(),
            begins,
            starts,
            filed: coded.into_iter().map(|(_, place)| place).collect(),
        }
    }

    /// Calls back with the place of each word that stands in the text, once for each time it does.
    pub fn each(&self, text: &str, mut visit: impl FnMut(usize)) {
        let _ = self.search(text, |place| {
            visit(place);
            ControlFlow::Continue(())
        });
    }

    /// Whether any word stands in the text.
    pub fn any(&self, text: &str) -> bool {
        self.search(text, |_| ControlFlow::Break(())).is_break()
    }

    fn search(
        &self,
        text: &str,
        mut visit: impl FnMut(usize) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let bytes = text.as_bytes();
        let mut code = 0;
        for (end, &byte) in bytes.iter().enumerate() {
            code = next(code, byte);
            if self.is_begun(code) {
                self.compare(code, bytes, end, &mut visit)?;
            }
        }
        // Behind the end comes a byte that is none, so that a word of two bytes can stand there.
        code = next(code, 0);
        if self.is_begun(code) {
            self.compare(code, bytes, bytes.len(), &mut visit)?;
        }
        ControlFlow::Continue(())
    }

    /// Whether any word begins with a code.
    #[inline]
    fn is_begun(&self, code: usize) -> bool {
        self.piece(code) >> (code % 64) & 1 == 1
    }

    #[inline]
    fn piece(&self, code: usize) -> u64 {
        self.begins.get(code / 64).copied().unwrap_or_default()
    }

    /// Compares the words of a code with the text in which its last byte stands at `end`.
    fn compare(
        &self,
        code: usize,
        bytes: &[u8],
        end: usize,
        visit: &mut impl FnMut(usize) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let begin = (end + 1).checked_sub(BYTES);
        let Some(text) = begin.and_then(|at| bytes.get(at..)) else {
            return ControlFlow::Continue(());
        };
        let piece = self.piece(code);
        let before = self.before.get(code / 64).copied().unwrap_or_default();
        let inside = piece & ((1 << (code % 64)) - 1);
        let number = before + inside.count_ones() as usize;
        let filed = match self.starts.get(number..number + 2) {
            Some(&[from, to]) => self.filed.get(from..to),
            _ => None,
        };
        for &place in filed.unwrap_or_default() {
            let word = self
                .words
                .get(place)
                .map_or(&[][..], |word| word.as_bytes());
            let stands = text.get(..word.len());
            if stands.is_some_and(|text| text.eq_ignore_ascii_case(word)) {
                visit(place)?;
            }
        }
        ControlFlow::Continue(())
    }
}

/// The code of the last bytes when another one follows.
#[inline]
fn next(code: usize, byte: u8) -> usize {
    (code << BITS | usize::from(byte & ((1 << BITS) - 1))) & (CODES - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(words: &[&'static str], text: &str) -> Vec<usize> {
        let mut found = Vec::new();
        Keywords::new(words.to_vec()).each(text, |place| found.push(place));
        found
    }

    #[test]
    fn words_are_found_wherever_they_stand() {
        for (text, expected) in [
            ("", vec![]),
            ("q~", vec![0]),
            ("xxQ~", vec![0]),
            ("q", vec![]),
            ("token", vec![1, 2]),
            ("a TOKEN: of mine", vec![1, 2]),
            ("to", vec![]),
            ("toktok", vec![2, 2]),
            ("schlüssel q~ ü", vec![3, 0]),
        ] {
            let words = ["q~", "token", "tok", "schlüssel"];
            assert_eq!(found(&words, text), expected, "{text}");
        }
    }

    proptest! {
        /// Whatever else stands in the text, and bytes with the codes of others too.
        #[test]
        fn the_words_found_are_those_a_search_for_each_finds(
            text in "([aAqQ~tToOkK@.\u{1}ä\u{e9}-]|token|Q~){0,12}",
        ) {
            let words = ["q~", "token", "tok", "ok", "-@", "aa"];
            let lower = text.to_ascii_lowercase();
            let mut expected: Vec<usize> = Vec::new();
            for (place, word) in words.iter().enumerate() {
                let times = (0..lower.len()).filter(|&at| lower.as_bytes()[at..].starts_with(word.as_bytes()));
                expected.extend(times.map(|_| place));
            }
            prop_assert_eq!(Keywords::new(words.to_vec()).any(&text), !expected.is_empty());
            let mut found = found(&words, &text);
            found.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }
}
