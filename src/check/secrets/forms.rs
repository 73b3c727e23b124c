//! Finds what has the exact form of a credential, by the rows of policies/secret-forms.yaml.

use std::sync::{LazyLock, OnceLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex::Regex;

use super::hit::{Hit, Rule};
use super::tables::{FORMS, Form, Look};
use super::values;

/// All keywords in one automaton, so that a text without any is read once and no expression is
/// tried. A keyword's pattern id leads to its row.
struct Keywords {
    automaton: Option<AhoCorasick>,
    rows: Vec<usize>,
}

static KEYWORDS: LazyLock<Keywords> = LazyLock::new(|| {
    let mut rows = Vec::new();
    let mut words = Vec::new();
    for (row, form) in FORMS.iter().enumerate().filter(|(_, form)| !form.alone) {
        for word in &form.keywords {
            rows.push(row);
            words.push(word.as_str());
        }
    }
    let automaton = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::Standard)
        .kind(Some(AhoCorasickKind::ContiguousNFA))
        // So many words have no rare byte to look for, and to find that out takes time at each start.
        .prefilter(false)
        .build(words)
        .ok();
    Keywords { automaton, rows }
});

/// The expressions, each compiled when its keyword first comes up.
static PATTERNS: LazyLock<Vec<OnceLock<Option<Regex>>>> =
    LazyLock::new(|| FORMS.iter().map(|_| OnceLock::new()).collect());

/// No form fits a shorter text.
const SHORTEST: usize = 7;
/// No form of a single word is shorter; the others hold a sign of [`MARKS`].
const SHORTEST_WORD: usize = 16;
/// What stands in commands, statements and pairs, and in no word.
const MARKS: [u8; 9] = *b" \t\n=:\"'@(";

/// Every credential in a text that has one of the forms, in the order of the rows; of two that
/// overlap the first.
pub fn find(text: &str) -> Vec<Hit> {
    match is_too_short(text) {
        true => Vec::new(),
        false => apply_all(text, rows(text)),
    }
}

/// Whether no form can fit, by length alone; most scalars of a manifest are short words.
fn is_too_short(text: &str) -> bool {
    text.len() < SHORTEST
        || text.len() < SHORTEST_WORD && !text.bytes().any(|byte| MARKS.contains(&byte))
}

/// The same in a part of a text that holds no keyword.
pub fn find_alone(text: &str) -> Vec<Hit> {
    apply_all(text, Vec::new())
}

/// Whether any keyword stands in a text.
pub fn any(text: &str) -> bool {
    let automaton = KEYWORDS.automaton.as_ref();
    automaton.is_some_and(|automaton| automaton.is_match(text))
}

/// The rows one of whose keywords stands in the text.
fn rows(text: &str) -> Vec<usize> {
    let mut rows: Vec<usize> = Vec::new();
    if let Some(automaton) = &KEYWORDS.automaton {
        for found in automaton.find_overlapping_iter(text) {
            if let Some(&row) = KEYWORDS.rows.get(found.pattern().as_usize())
                && !rows.contains(&row)
            {
                rows.push(row);
            }
        }
    }
    rows
}

fn apply_all(text: &str, mut rows: Vec<usize>) -> Vec<Hit> {
    let mut hits = Vec::new();
    rows.extend(alone(text));
    rows.sort_unstable();
    for row in rows {
        if let (Some(form), Some(pattern)) = (FORMS.get(row), pattern(row)) {
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
    let rows = FORMS.iter().enumerate();
    rows.filter(|(_, form)| form.alone && begins(form))
        .map(|(row, _)| row)
        .collect()
}

/// The expression of a row; `None` for one that is none, which a test rules out.
pub fn pattern(row: usize) -> Option<&'static Regex> {
    let compile = || Regex::new(&FORMS.get(row)?.pattern).ok();
    PATTERNS.get(row)?.get_or_init(compile).as_ref()
}

/// What one row finds.
fn apply(form: &'static Form, pattern: &Regex, text: &str) -> Vec<Hit> {
    let mut hits = Vec::new();
    for captures in pattern.captures_iter(text) {
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
        let look = match (form.policy.into(), form.value) {
            (Rule::PrivateKey, Look::Literal) => Look::Literal,
            (_, look) => look,
        };
        if !values::fits(found.as_str(), look) || is_in_example(found.as_str()) {
            continue;
        }
        hits.push(Hit::new(
            form.policy.into(),
            &form.what,
            found.start(),
            found.as_str(),
        ));
    }
    hits
}

/// Whether no letter or digit touches a stretch of the text.
fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let touches = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    let before = text.get(..start).and_then(|t| t.chars().next_back());
    let after = text.get(end..).and_then(|t| t.chars().next());
    !touches(before) && !touches(after)
}

/// Documentation writes tokens of one letter, or ends them in EXAMPLE.
fn is_in_example(token: &str) -> bool {
    let tail = token.get(token.len().saturating_sub(16)..).unwrap_or(token);
    let few = values::entropy(tail) < 1.8 && token.len() >= 16;
    few || token.to_ascii_lowercase().contains("example")
}
