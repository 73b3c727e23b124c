//! What stands in a text, found by reading it once: so that each search looks only at texts in which
//! there can be something for it.

use std::sync::LazyLock;

use super::keywords::Keywords;
use super::tables::FORMS;
use super::{anchors, urls};

/// What stands anywhere in a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The rows of the forms one of whose keywords does.
    pub rows: Vec<usize>,
    /// Whether a piece of a name that names credentials does.
    pub name: bool,
    /// Whether the sign of an address does.
    pub address: bool,
}

/// What a keyword stands for.
#[derive(Clone, Copy, Debug)]
enum Mark {
    Form(usize),
    Name,
    Address,
}

/// All keywords, and what each stands for.
static KEYWORDS: LazyLock<(Keywords, Vec<Mark>)> = LazyLock::new(|| {
    let rows = FORMS.iter().enumerate().filter(|(_, form)| !form.alone);
    let forms = rows.flat_map(|(row, form)| {
        let words = form.keywords.iter();
        words.map(move |word| (word.as_str(), Mark::Form(row)))
    });
    let names = anchors::WORDS.map(|word| (word, Mark::Name));
    let all = forms.chain(names).chain([(urls::SIGN, Mark::Address)]);
    let (words, marks) = all.unzip();
    (Keywords::new(words), marks)
});

/// A text of one word that is shorter holds nothing to look for.
const SHORTEST_WORD: usize = 16;

impl Marks {
    /// Reads a text.
    pub fn of(text: &str) -> Marks {
        let mut marks = Marks::default();
        if is_short_word(text) {
            return marks;
        }
        let (keywords, mark_of) = &*KEYWORDS;
        keywords.each(text, |word| match mark_of.get(word) {
            Some(&Mark::Form(row)) if !marks.rows.contains(&row) => marks.rows.push(row),
            Some(Mark::Name) => marks.name = true,
            Some(Mark::Address) => marks.address = true,
            _ => {}
        });
        marks
    }
}

/// Whether a text is a short word, as most scalars of a manifest are: no form fits one, and nothing
/// in it is named or addressed.
fn is_short_word(text: &str) -> bool {
    let divides = |byte| {
        matches!(
            byte,
            b' ' | b'\t' | b'\n' | b'=' | b':' | b'"' | b'\'' | b'@' | b'(' | b',' | b'<' | b'{'
        )
    };
    text.len() < SHORTEST_WORD && !text.bytes().any(divides)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tables::Form;
    use super::*;

    /// What a text holds, each word looked for by itself.
    fn looked_for(text: &str) -> Marks {
        let text = text.to_ascii_lowercase();
        let any = |form: &Form| {
            form.keywords
                .iter()
                .any(|word| text.contains(word.as_str()))
        };
        let rows = FORMS.iter().enumerate();
        let rows = rows.filter(|(_, form)| !form.alone && any(form));
        Marks {
            rows: rows.map(|(row, _)| row).collect(),
            name: anchors::WORDS.iter().any(|word| text.contains(word)),
            address: text.contains("://"),
        }
    }

    fn of(text: &str) -> Marks {
        let mut marks = Marks::of(text);
        marks.rows.sort_unstable();
        marks
    }

    #[test]
    fn every_keyword_marks_a_text() {
        let words = FORMS.iter().flat_map(|form| &form.keywords);
        for word in words.map(String::as_str).chain(anchors::WORDS) {
            for text in [
                format!("{word} in front of other words"),
                format!("among others: ä{}", word.to_ascii_uppercase()),
            ] {
                assert_eq!(of(&text), looked_for(&text), "{text}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_text_is_marked_by_what_stands_in_it(
            parts in prop::collection::vec(
                prop_oneof![
                    "[a-zA-Z0-9 :=/_.\n{ä-]{0,9}",
                    prop::sample::select(FORMS.iter().collect::<Vec<_>>())
                        .prop_filter_map("no keyword", |form| form.keywords.first().cloned()),
                    prop::sample::select(anchors::WORDS.as_slice()).prop_map(str::to_uppercase),
                    Just(urls::SIGN.to_owned()),
                ],
                0..8,
            ),
        ) {
            let text = parts.concat();
            match is_short_word(&text) {
                true => prop_assert_eq!(of(&text), Marks::default()),
                false => prop_assert_eq!(of(&text), looked_for(&text)),
            }
        }
    }
}
