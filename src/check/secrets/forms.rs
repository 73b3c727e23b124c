//! Finds what has the exact form of a credential, by the rows of policies/secret-forms.yaml.

use std::cell::LazyCell;
use std::sync::{LazyLock, OnceLock};

use regex::bytes::{Regex, RegexBuilder};

use super::hit::{Hit, Rule};
use super::tables::{FORMS, Form, Look};
use super::values;

/// The rows that are tried only on a text that is one word.
static ALONE: LazyLock<Vec<(usize, &Form)>> = LazyLock::new(|| {
    let rows = FORMS.iter().enumerate();
    rows.filter(|(_, form)| form.alone).collect()
});

/// The expressions of a row, each compiled when it is first needed.
#[derive(Default)]
struct Patterns {
    /// For ASCII, which almost every text is: without the tables of Unicode an expression compiles in
    /// a fraction of the time, and compiling takes most of what the search costs a small release.
    ascii: OnceLock<Option<Regex>>,
    any: OnceLock<Option<Regex>>,
}

static PATTERNS: LazyLock<Vec<Patterns>> =
    LazyLock::new(|| FORMS.iter().map(|_| Patterns::default()).collect());

/// No form fits a shorter text.
const SHORTEST: usize = 7;
/// No form of a single word is shorter; the others hold a [mark](is_mark).
const SHORTEST_WORD: usize = 16;

/// Whether a byte stands in commands, statements and pairs, and in no word.
fn is_mark(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'\t' | b'\n' | b'=' | b':' | b'"' | b'\'' | b'@' | b'('
    )
}

/// Every credential in a text that has one of the forms, in the order of the rows; of two that overlap
/// the first. `marked` are the rows one of whose keywords stands in the text.
pub fn find(text: &str, marked: &[usize]) -> Vec<Hit> {
    let mut rows = alone(text);
    if !marked.is_empty() && !is_too_short(text) {
        rows.extend(marked);
        rows.sort_unstable();
    }
    let mut hits = Vec::new();
    for row in rows {
        if let (Some(form), Some(pattern)) = (FORMS.get(row), pattern(row, text)) {
            super::hit::merge(&mut hits, apply(form, pattern, text));
        }
    }
    hits
}

/// Whether no form can fit, by length alone; most scalars of a manifest are short words.
fn is_too_short(text: &str) -> bool {
    text.len() < SHORTEST || text.len() < SHORTEST_WORD && !text.bytes().any(is_mark)
}

/// The rows that may fit a text that is one word.
fn alone(text: &str) -> Vec<usize> {
    let one_word = (20..400).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_graphic())
        && text.bytes().any(|b| b.is_ascii_digit())
        && !text.contains("://");
    if !one_word {
        return Vec::new();
    }
    let random = LazyCell::new(|| values::looks_random(text));
    let starts = |word: &String| {
        text.get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    let is_as_long = |(shortest, longest)| (shortest..=longest).contains(&text.len());
    let may_fit = |form: &Form| {
        form.length.is_none_or(is_as_long)
            && (form.keywords.iter().any(starts) || form.keywords.is_empty() && *random)
    };
    let rows = ALONE.iter().filter(|(_, form)| may_fit(form));
    rows.map(|(row, _)| *row).collect()
}

/// The expression of a row for a text; `None` for one that is none, which a test rules out. In ASCII
/// both expressions of a row find the same.
fn pattern(row: usize, text: &str) -> Option<&'static Regex> {
    let (patterns, form) = (PATTERNS.get(row)?, FORMS.get(row)?);
    let compile = |unicode| {
        let mut builder = RegexBuilder::new(&form.pattern);
        builder.unicode(unicode).build().ok()
    };
    match text.is_ascii() {
        true => patterns.ascii.get_or_init(|| compile(false)).as_ref(),
        false => patterns.any.get_or_init(|| compile(true)).as_ref(),
    }
}

/// What one row finds.
fn apply(form: &'static Form, pattern: &Regex, text: &str) -> Vec<Hit> {
    let mut hits = Vec::new();
    for captures in pattern.captures_iter(text.as_bytes()) {
        let Some(whole) = captures.get(0) else {
            continue;
        };
        if form.alone && whole.len() < text.len() {
            continue;
        }
        let group = captures.get(1);
        if group.is_none()
            && pattern.captures_len() == 1
            && !stands_alone(text, whole.start(), whole.end())
        {
            continue;
        }
        let found = group.unwrap_or(whole);
        let Some(credential) = text.get(found.range()) else {
            continue;
        };
        let look = match (form.policy.into(), form.value) {
            (Rule::PrivateKey, Look::Literal) => Look::Literal,
            (_, look) => look,
        };
        if !values::fits(credential, look) || is_in_example(credential) {
            continue;
        }
        hits.push(Hit::new(
            form.policy.into(),
            &form.what,
            found.start(),
            credential,
        ));
    }
    hits
}

/// Whether no letter or digit touches a stretch of the text.
fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let touches = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    let before = text.get(..start).and_then(|t| t.chars().next_back());
    let after = text.get(end..).and_then(|t| t.chars().next());
    !touches(before) && !touches(after) && !is_in_base64(text.get(..start).unwrap_or_default())
}

/// Whether a text ends in the middle of base64, where any short form comes up by chance.
fn is_in_base64(before: &str) -> bool {
    const RUN: usize = 24;
    let bytes = before.as_bytes();
    let run = bytes
        .get(bytes.len().saturating_sub(RUN)..)
        .unwrap_or_default();
    let has = |test: fn(&u8) -> bool| run.iter().any(test);
    matches!(run.last(), Some(b'/' | b'+'))
        && run.len() == RUN
        && run
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'+'))
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
}

/// Documentation writes tokens of one letter, or ends them in EXAMPLE.
fn is_in_example(token: &str) -> bool {
    let tail = token.get(token.len().saturating_sub(16)..).unwrap_or(token);
    let few = values::entropy(tail) < 1.8 && token.len() >= 16;
    few || token.to_ascii_lowercase().contains("example")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::hit;
    use super::super::marks::Marks;
    use super::super::sample;
    use super::*;

    #[test]
    fn every_expression_compiles_with_and_without_unicode() {
        for (row, form) in FORMS.iter().enumerate() {
            for text in ["a", "ä"] {
                assert!(pattern(row, text).is_some(), "{}", form.name);
            }
        }
    }

    #[test]
    fn the_length_of_a_row_is_that_of_its_pattern() {
        for form in FORMS.iter() {
            let pattern = regex_syntax::parse(&form.pattern).unwrap();
            let properties = pattern.properties();
            let length = properties.minimum_len().zip(properties.maximum_len());
            assert!(
                form.length.is_none() || form.alone && form.length == length,
                "{}",
                form.name
            );
        }
    }

    /// What is found when every row is tried whose keywords allow it, whatever the length of the text.
    fn tried(text: &str) -> Vec<Hit> {
        let lower = text.to_ascii_lowercase();
        let word = (20..400).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_graphic())
            && text.bytes().any(|b| b.is_ascii_digit())
            && !text.contains("://");
        let is_tried = |form: &Form| match (form.alone, form.keywords.is_empty()) {
            (true, true) => word && values::looks_random(text),
            (true, false) => word && form.keywords.iter().any(|key| lower.starts_with(key)),
            (false, _) => form.keywords.iter().any(|key| lower.contains(key)),
        };
        let mut hits = Vec::new();
        for (row, form) in FORMS.iter().enumerate().filter(|(_, form)| is_tried(form)) {
            hit::merge(&mut hits, apply(form, pattern(row, text).unwrap(), text));
        }
        hits
    }

    fn found(text: &str) -> Vec<Hit> {
        find(text, &Marks::of(text).rows)
    }

    /// Texts of the forms, whole and cut off, by themselves and among others.
    #[test]
    fn no_row_is_passed_over_that_would_find_something() {
        for (seed, form) in (0..).zip(FORMS.iter()) {
            let text = sample::of(&form.name, seed).unwrap();
            for length in (0..=text.len())
                .rev()
                .filter(|&at| text.is_char_boundary(at))
            {
                let cut = &text[..length];
                for text in [
                    cut.to_owned(),
                    format!("key: \"{cut}\"\n"),
                    format!("{cut} é"),
                ] {
                    assert_eq!(found(&text), tried(&text), "{}: {text}", form.name);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_found_is_what_trying_every_row_finds(
            parts in prop::collection::vec(
                prop_oneof![
                    2 => "[a-zA-Z0-9 :=/_.\n\"'-]{0,12}",
                    1 => "[a-f0-9]{20,40}",
                    1 => "[A-Za-z0-9_.-]{20,80}",
                    1 => (prop::sample::select(FORMS.iter().collect::<Vec<_>>()), 0..9_u64)
                        .prop_filter_map("no text", |(form, seed)| sample::of(&form.name, seed)),
                    1 => prop::sample::select(FORMS.iter().collect::<Vec<_>>())
                        .prop_filter_map("no keyword", |form| form.keywords.first().cloned()),
                ],
                0..6,
            ),
        ) {
            let text = parts.concat();
            prop_assert_eq!(found(&text), tried(&text));
        }
    }
}
