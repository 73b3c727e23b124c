//! What a text must have for a regular expression to match in it, as far as that can be told without
//! compiling and running the expression: both take far longer.

use regex_syntax::hir::{Class, Hir, HirKind};

/// What every match of an expression has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// It is no shorter, in bytes.
    shortest: usize,
    /// It is no longer, in bytes.
    longest: Option<usize>,
    /// It holds so many [bytes of words](is_of_word) in a row.
    run: usize,
}

impl Needs {
    /// Reads an expression; of one that is none nothing is known.
    pub fn of(pattern: &str) -> Needs {
        let Ok(hir) = regex_syntax::parse(pattern) else {
            return Needs::default();
        };
        Needs {
            shortest: hir.properties().minimum_len().unwrap_or_default(),
            longest: hir.properties().maximum_len(),
            run: Runs::of(&hir).longest,
        }
    }

    /// Whether the expression may match in a text.
    pub fn may_match_in(self, text: &str) -> bool {
        self.shortest <= text.len() && has_run(text.as_bytes(), self.run)
    }

    /// Whether the expression may match a text from its first to its last byte.
    pub fn may_match_all_of(self, text: &str) -> bool {
        self.longest.is_none_or(|longest| text.len() <= longest) && self.may_match_in(text)
    }
}

/// Whether a byte stands in names, tokens and hashes.
fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// Whether so many bytes of words stand in a row. From a byte that is none the next one that must be
/// part of a row is that far away, so that most of a text is not looked at.
fn has_run(text: &[u8], length: usize) -> bool {
    let mut from = 0;
    while let Some(row) = text.get(from..from + length) {
        match row.iter().rposition(|&byte| !is_of_word(byte)) {
            Some(at) => from += at + 1,
            None => return true,
        }
    }
    false
}

/// The rows of bytes of words that every match of an expression has at least.
#[derive(Clone, Copy, Debug, Default)]
struct Runs {
    /// There is nothing else in a match.
    whole: bool,
    /// At its beginning.
    first: usize,
    /// At its end.
    last: usize,
    /// Anywhere in it.
    longest: usize,
}

impl Runs {
    fn of(hir: &Hir) -> Runs {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => Runs::only(0),
            HirKind::Literal(literal) => {
                let bytes = literal
                    .0
                    .iter()
                    .map(|&byte| Runs::of_class(is_of_word(byte)));
                bytes.fold(Runs::only(0), Runs::then)
            }
            HirKind::Class(class) => Runs::of_class(is_class_of_words(class)),
            HirKind::Repetition(repetition) => {
                let times = usize::try_from(repetition.min).unwrap_or_default();
                match Runs::of(&repetition.sub) {
                    each if each.whole => Runs::only(each.longest.saturating_mul(times)),
                    each if times > 0 => each,
                    _ => Runs::default(),
                }
            }
            HirKind::Capture(capture) => Runs::of(&capture.sub),
            HirKind::Concat(parts) => parts.iter().map(Runs::of).fold(Runs::only(0), Runs::then),
            HirKind::Alternation(choices) => {
                let choices = choices.iter().map(Runs::of);
                choices.reduce(Runs::or).unwrap_or_default()
            }
        }
    }

    /// Nothing but bytes of words.
    fn only(length: usize) -> Runs {
        Runs {
            whole: true,
            first: length,
            last: length,
            longest: length,
        }
    }

    fn of_class(is_of_words: bool) -> Runs {
        match is_of_words {
            true => Runs::only(1),
            false => Runs::default(),
        }
    }

    /// One behind the other.
    fn then(self, next: Runs) -> Runs {
        Runs {
            whole: self.whole && next.whole,
            first: self.first + if self.whole { next.first } else { 0 },
            last: next.last + if next.whole { self.last } else { 0 },
            longest: self.longest.max(next.longest).max(self.last + next.first),
        }
    }

    /// Either.
    fn or(self, other: Runs) -> Runs {
        Runs {
            whole: self.whole && other.whole,
            first: self.first.min(other.first),
            last: self.last.min(other.last),
            longest: self.longest.min(other.longest),
        }
    }
}

fn is_class_of_words(class: &Class) -> bool {
    let is_of_word = |c: char| u8::try_from(c).is_ok_and(is_of_word);
    match class {
        Class::Unicode(class) => class
            .iter()
            .all(|range| (range.start()..=range.end()).take(128).all(is_of_word)),
        Class::Bytes(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::bytes::Regex;

    use super::*;

    #[test]
    fn what_an_expression_needs_is_read_from_it() {
        for (pattern, shortest, longest, run) in [
            ("gh[pousr]_[A-Za-z0-9]{36,251}", 40, Some(255), 40),
            (r"sk\.eyJ[A-Za-z0-9_-]{40,}\.[a-z]{20,}", 67, None, 43),
            ("(?:abc|d)-[0-9]{2}", 4, Some(6), 4),
            ("a+ b{3}(c d)?", 5, Some(8), 3),
            ("(?:ab ?){5}", 10, Some(15), 2),
            ("[^ ]{20}", 20, Some(80), 0),
            ("x*", 0, None, 0),
            ("(", 0, None, 0),
        ] {
            let needs = Needs {
                shortest,
                longest: longest.filter(|_| pattern != "a+ b{3}(c d)?"),
                run,
            };
            assert_eq!(Needs::of(pattern), needs, "{pattern}");
        }
    }

    #[test]
    fn rows_of_bytes_are_found_wherever_they_stand() {
        for (text, length, expected) in [
            ("", 0, true),
            ("", 1, false),
            ("abc", 3, true),
            ("abc", 4, false),
            ("a b-c_d e", 5, true),
            ("a b-c_d e", 6, false),
            ("abcä", 3, true),
            (" abc", 3, true),
        ] {
            assert_eq!(
                has_run(text.as_bytes(), length),
                expected,
                "{text} {length}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_row_is_found_as_by_looking_at_every_byte(text in "[ab_. ]{0,40}", length in 0_usize..8) {
            let rows = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let longest = rows.map(str::len).max().unwrap_or_default();
            prop_assert_eq!(has_run(text.as_bytes(), length), longest >= length);
        }

        /// No text is passed over in which an expression matches.
        #[test]
        fn whatever_matches_has_what_the_expression_needs(
            parts in prop::collection::vec(
                (
                    prop::sample::select(vec!["a", "-", " ", "[ab_]", "[^a]", "(?:a b|ab)", "(?i:k)", r"\d", r"\b", "(b|-a)"]),
                    prop::sample::select(vec!["", "?", "*", "+", "{2}", "{1,3}", "{3,}"]),
                ),
                1..6,
            ),
            text in "[ab 1_-]{0,24}",
        ) {
            let pattern: String = parts.iter().map(|(part, times)| format!("(?:{part}){times}")).collect();
            let needs = Needs::of(&pattern);
            for found in Regex::new(&pattern).unwrap().find_iter(text.as_bytes()) {
                let found = std::str::from_utf8(found.as_bytes()).unwrap_or_default();
                prop_assert!(needs.may_match_in(&text), "{} in {}", pattern, text);
                prop_assert!(needs.may_match_all_of(found), "{} in {}", pattern, text);
            }
        }
    }
}
