//! Finds what has the exact form of a credential, by the rows of policies/secret-forms.yaml.

use std::sync::{LazyLock, OnceLock};

use regex::bytes::{Regex, RegexBuilder};

use super::hit::{Hit, Rule};
use super::keywords::Keywords;
use super::tables::{FORMS, Form, Look};
use super::values;

/// The keywords of all rows that have some, and the row of each; so a text without any is read once
/// and no expression is tried.
static KEYWORDS: LazyLock<(Keywords, Vec<usize>)> = LazyLock::new(|| {
    let rows = FORMS.iter().enumerate().filter(|(_, form)| !form.alone);
    let words =
        rows.flat_map(|(row, form)| form.keywords.iter().map(move |word| (word.as_str(), row)));
    let (words, rows) = words.unzip();
    (Keywords::new(words), rows)
});

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

/// What a text holds of the forms.
#[derive(Debug, Default)]
pub struct Found {
    /// Every credential that has one of the forms, in the order of the rows; of two that overlap
    /// the first.
    pub hits: Vec<Hit>,
    /// Whether any keyword stands in the text: else none stands in its parts.
    pub keyword: bool,
}

/// Looks for all forms in a text.
pub fn find(text: &str) -> Found {
    if is_too_short(text) {
        return Found::default();
    }
    let rows = rows(text);
    Found {
        keyword: !rows.is_empty(),
        hits: apply_all(text, rows),
    }
}

/// Whether no form can fit, by length alone; most scalars of a manifest are short words.
fn is_too_short(text: &str) -> bool {
    text.len() < SHORTEST || text.len() < SHORTEST_WORD && !text.bytes().any(is_mark)
}

/// The same in a part of a text that holds no keyword.
pub fn find_alone(text: &str) -> Vec<Hit> {
    apply_all(text, Vec::new())
}

/// The rows one of whose keywords stands in the text.
fn rows(text: &str) -> Vec<usize> {
    let (keywords, row_of) = &*KEYWORDS;
    let mut rows: Vec<usize> = Vec::new();
    keywords.each(text, |word| {
        if let Some(&row) = row_of.get(word)
            && !rows.contains(&row)
        {
            rows.push(row);
        }
    });
    rows
}

fn apply_all(text: &str, mut rows: Vec<usize>) -> Vec<Hit> {
    let mut hits = Vec::new();
    rows.extend(alone(text));
    rows.sort_unstable();
    for row in rows {
        if let (Some(form), Some(pattern)) = (FORMS.get(row), pattern(row, text)) {
            super::hit::merge(&mut hits, apply(form, pattern, text));
        }
    }
    hits
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
    let random = values::looks_random(text);
    let begins = |form: &Form| {
        let starts = |word: &String| {
            text.get(..word.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(word))
        };
        form.keywords.iter().any(starts) || form.keywords.is_empty() && random
    };
    let rows = ALONE.iter().filter(|(_, form)| begins(form));
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
    use super::*;

    #[test]
    fn every_expression_compiles_with_and_without_unicode() {
        for (row, form) in FORMS.iter().enumerate() {
            for text in ["a", "ä"] {
                assert!(pattern(row, text).is_some(), "{}", form.name);
            }
        }
    }
}
