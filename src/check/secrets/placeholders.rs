//! Values that stand for one that is to come: `<your-password>`, `change-me-please`.

use std::sync::LazyLock;

use super::keywords::Keywords;
use super::tables::VALUES;
use super::values::looks_random;

/// Whether the value stands for one that is to come.
pub fn is_placeholder(value: &str) -> bool {
    let value = value.trim();
    let lower = value.to_ascii_lowercase();
    let table = &*VALUES;
    let framed = |open: char, close: char| value.starts_with(open) && value.ends_with(close);
    let one_sign = value.chars().next().is_some_and(|first| {
        value.chars().all(|c| c == first) && (value.len() > 2 || !first.is_alphanumeric())
    });
    let digits = value.bytes().all(|b| b.is_ascii_digit());
    table.placeholder_words.contains(&lower)
        || holds_placeholder(&lower)
        || (framed('<', '>') && value.len() > 2)
        || (framed('[', ']') && value.len() > 2)
        || (framed('{', '}') && is_field(value))
        || (framed('%', '%') && value.len() > 2)
        || (value.len() > 4 && value.starts_with("__") && value.ends_with("__"))
        || (one_sign && !digits)
        || lower.ends_with("example") && lower.len() > 12
        || value.ends_with("EXAMPLEKEY") && value.len() > 12
        || lower.starts_with("example-")
        || lower.starts_with("example_")
        || lower.ends_with("-placeholder")
        || value.len() < 40 && lower.contains("xxxx")
}

/// The parts of placeholders, to look for all of them at once.
static PLACEHOLDERS: LazyLock<Keywords> = LazyLock::new(|| {
    let parts = VALUES.placeholders.iter();
    Keywords::new(parts.map(String::as_str).collect())
});

/// Whether a text in lower case holds a part of a placeholder.
fn holds_placeholder(text: &str) -> bool {
    let mut holds = false;
    PLACEHOLDERS.each(text, |place| {
        let part = VALUES.placeholders.get(place);
        holds = holds || part.is_some_and(|part| holds_word(text, part));
    });
    holds
}

/// `{DB_PASSWORD}`, as Python and others put values into texts.
fn is_field(value: &str) -> bool {
    let name = value.trim_matches(['{', '}']);
    !name.is_empty()
        && !looks_random(name)
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'))
}

/// Whether a text holds a part that no letter or digit touches where the part itself has one: `todo`
/// can come up in a random value.
pub fn holds_word(text: &str, part: &str) -> bool {
    let touches = |c: Option<char>, own: Option<char>| {
        own.is_some_and(char::is_alphanumeric) && c.is_some_and(char::is_alphanumeric)
    };
    text.match_indices(part).any(|(at, _)| {
        let before = text.get(..at).and_then(|t| t.chars().next_back());
        let after = text.get(at + part.len()..).and_then(|t| t.chars().next());
        part.len() > 8
            || !touches(before, part.chars().next()) && !touches(after, part.chars().next_back())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asked_for_each(text: &str) -> bool {
        let mut parts = VALUES.placeholders.iter();
        parts.any(|part| holds_word(text, part))
    }

    #[test]
    fn no_part_of_a_placeholder_is_overlooked() {
        for part in &VALUES.placeholders {
            assert!(holds_placeholder(part), "{part}");
        }
    }

    proptest! {
        #[test]
        fn placeholders_are_those_that_a_search_for_each_part_finds(
            parts in prop::collection::vec(
                prop_oneof![
                    "[a-z0-9 _.<-]{0,4}",
                    prop::sample::select(VALUES.placeholders.as_slice()),
                    (prop::sample::select(VALUES.placeholders.as_slice()), 1..4_usize)
                        .prop_map(|(part, less)| part.chars().skip(less).collect()),
                ],
                0..4,
            ),
        ) {
            let text = parts.concat();
            prop_assert_eq!(holds_placeholder(&text), asked_for_each(&text));
        }
    }
}
