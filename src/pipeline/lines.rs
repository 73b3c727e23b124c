//! Lines of a document that was changed before: where they stand now, and what they say, so that they
//! can be changed again without the rest.

use std::ops::Range;

use super::output::{Change, Hunk, Store, common_start, line_start};

impl Change {
    /// Where whole lines of the original stand in the changed document, with what is new among them.
    /// `None` where a change reaches to their edges, and may belong to what is around them. Only hunks
    /// that are edits themselves ([`Change::of`]) tell which lines are which.
    pub(super) fn moved(&self, lines: Range<usize>) -> Option<Range<usize>> {
        let (mut start, mut end) = (lines.start, lines.end);
        for hunk in &self.hunks {
            let beside = hunk.end() < lines.start || hunk.at() > lines.end;
            let inside = hunk.at() > lines.start && hunk.end() < lines.end;
            if !beside && !inside {
                return None;
            }
            let grown = hunk.new.len() as isize - (hunk.end() - hunk.at()) as isize;
            if hunk.end() < lines.start {
                start = start.checked_add_signed(grown)?;
            }
            if hunk.end() < lines.end {
                end = end.checked_add_signed(grown)?;
            }
        }
        Some(start..end)
    }

    /// A part of the changed document, given the original and what is new.
    pub(super) fn part(&self, old: &str, part: Range<usize>, store: &Store) -> Option<String> {
        let mut text = Vec::with_capacity(part.len());
        let mut before = 0;
        for piece in self.pieces(old.as_bytes(), store) {
            let end = part.end.saturating_sub(before).min(piece.len());
            let start = part.start.saturating_sub(before).min(end);
            text.extend_from_slice(piece.get(start..end)?);
            before += piece.len();
        }
        String::from_utf8(text).ok()
    }

    /// The change with a text put in at a place of the changed document; the text goes to `store`.
    pub(super) fn with(self, at: usize, new: &[u8], store: &mut Store) -> Change {
        let new = store.push(new);
        let mut hunks = self.hunks.into_vec();
        // How many bytes of the original, and of the changed document, stand before a hunk.
        let (mut old, mut changed) = (0, 0);
        let mut number = 0;
        while let Some(hunk) = hunks.get(number) {
            let end = changed + hunk.at() - old + hunk.new.len();
            if at <= end {
                break;
            }
            (old, changed) = (hunk.end(), end);
            number += 1;
        }
        let hunk = hunks.get(number).copied();
        let inside = hunk.and_then(|hunk| at.checked_sub(changed + hunk.at() - old));
        match hunk.zip(inside) {
            Some((hunk, inside)) => {
                let (head, tail) = hunk.new.split_at(inside);
                let end = hunk.end();
                let parts = [
                    Hunk::new(hunk.at()..end, head),
                    Hunk::new(end..end, new),
                    Hunk::new(end..end, tail),
                ];
                let says = |hunk: &Hunk| hunk.new.len() > 0 || hunk.end() > hunk.at();
                hunks.splice(number..=number, parts.into_iter().filter(says));
            }
            None => {
                let at = old + at - changed;
                hunks.insert(number, Hunk::new(at..at, new));
            }
        }
        Change {
            hunks: hunks.into(),
        }
    }

    /// The stretches of the original and of what is new that make the changed document.
    fn pieces<'t>(&self, old: &'t [u8], store: &'t Store) -> impl Iterator<Item = &'t [u8]> {
        let starts = std::iter::once(0).chain(self.hunks.iter().map(Hunk::end));
        let ends = self.hunks.iter().map(Hunk::at).chain([old.len()]);
        let kept = starts
            .zip(ends)
            .map(|(start, end)| old.get(start..end).unwrap_or_default());
        let new = self.hunks.iter().map(|hunk| store.get(hunk.new));
        kept.zip(new.chain([[].as_slice()]))
            .flat_map(|(kept, new)| [kept, new])
    }
}

/// Where lines were put into a text, and which, where nothing else was done to it.
pub(super) fn inserted<'n>(old: &[u8], new: &'n [u8]) -> Option<(usize, &'n [u8])> {
    let at = line_start(old, common_start(old, new));
    let count = new.len().checked_sub(old.len())?;
    let (lines, tail) = new.get(at..)?.split_at_checked(count)?;
    (old.get(at..)? == tail).then_some((at, lines))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Splice;

    #[test]
    fn lines_are_followed_into_the_changed_document() {
        let splice = |start, end, text: &str| {
            let text = text.to_owned();
            Splice { start, end, text }
        };
        // The second and third of four lines.
        let (old, lines) = ("a\nb\nc\nd\n", 2..6);
        for (splices, want) in [
            (vec![], Some("b\nc\n")),
            (vec![splice(1, 1, "\nX")], Some("b\nc\n")),
            (vec![splice(0, 1, ""), splice(7, 8, "")], Some("b\nc\n")),
            (vec![splice(5, 5, "\nX")], Some("b\nc\nX\n")),
            (vec![splice(3, 4, "+")], Some("b+c\n")),
            (vec![splice(2, 2, "X\n")], None),
            (vec![splice(6, 6, "X\n")], None),
            (vec![splice(4, 6, "")], None),
            (vec![splice(0, 8, "X")], None),
        ] {
            let mut store = Store::default();
            let change = Change::of(&splices, &mut store);
            let moved = change.moved(lines.clone());
            let part = moved.and_then(|lines| change.part(old, lines, &store));
            assert_eq!(part.as_deref(), want, "{splices:?}");
        }
    }

    #[test]
    fn a_text_is_put_in_anywhere() {
        for (old, new) in [
            ("a\nb\n", "a\nb\n"),
            ("a\nb\n", "a\nX\nb\nY\n"),
            ("a\nb\nc\n", "a\nB\nc\n"),
            ("a\nb\nc\n", "c\n"),
            ("", "X\n"),
        ] {
            for at in 0..=new.len() {
                let mut store = Store::default();
                let change = Change::between(old.as_bytes(), new.as_bytes(), &mut store);
                let part = change.part(old, at..new.len(), &store);
                assert_eq!(part.as_deref(), new.get(at..), "{old:?} {new:?}");
                let change = change.with(at, b"Z\n", &mut store);
                let (head, tail) = new.split_at(at);
                let want = format!("{head}Z\n{tail}");
                let got = change.text(old, &store);
                assert_eq!(String::from_utf8(got), Ok(want), "{old:?} {new:?}");
            }
        }
    }

    #[test]
    fn lines_put_in_are_told_from_other_changes() {
        for (old, new, want) in [
            ("a\nb\n", "a\nX\nb\n", Some((2, "X\n"))),
            ("a\nb\n", "a\nbX\nb\n", Some((2, "bX\n"))),
            ("a\n", "a\nX\n", Some((2, "X\n"))),
            ("a\n", "a\n", Some((2, ""))),
            ("a\nb\n", "a\nB\n", None),
            ("a\nb\n", "a\n", None),
            ("a\nb\nc\n", "X\na\nb\nY\nc\n", None),
        ] {
            let found = inserted(old.as_bytes(), new.as_bytes());
            let want = want.map(|(at, lines): (usize, &str)| (at, lines.as_bytes()));
            assert_eq!(found, want, "{old:?} {new:?}");
        }
    }
}
