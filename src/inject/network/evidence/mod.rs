//! Reads hosts out of text: variables, arguments, shell scripts, configuration files.
//!
//! [`names`] says what a name (of a variable, a key, a flag) promises about its value, [`hosts`]
//! finds hosts in one value, [`command`] in arguments and scripts, [`file`](mod@file) in configuration files;
//! [`dapr`] the applications it is asked for by id; [`expand`] puts in what `$(VAR)` stands for and finds the port that belongs to a host.

pub mod command;
pub mod dapr;
pub mod expand;
pub mod file;
pub mod hosts;
mod markup;
pub mod names;
mod nginx;

pub use hosts::Mention;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Texts of the pieces that addresses are made of, and any others.
    fn text() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            prop::sample::select(vec![
                "://",
                ":",
                "@",
                ",",
                ".",
                "/",
                "=",
                "$(",
                ")",
                "${",
                "}",
                "-h ",
                "host",
                "http",
                "db",
                "5432",
                ".svc",
                "\n",
                " ",
                "- ",
                "<",
                ">",
                "[",
                "]",
                "\"",
                "#",
                "é",
                "nc ",
                "sentinel monitor ",
            ])
            .prop_map(str::to_owned),
            any::<String>(),
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn whatever_the_text_a_host_is_a_name_or_an_address(text in text()) {
            let mut found = Vec::new();
            for promise in [names::Promise::Host, names::Promise::Nothing] {
                let context = hosts::Context { promise, ..hosts::Context::plain() };
                hosts::scan(&text, context, &mut found);
            }
            file::file(&text, &mut found);
            command::script(&text, &mut found);
            let words: Vec<&str> = text.split(' ').collect();
            let mut in_words = Vec::new();
            command::arguments(&words, &mut in_words);
            for (word, _) in &in_words {
                prop_assert!(*word < words.len());
            }
            found.extend(in_words.into_iter().map(|(_, mention)| mention));
            let known = |name: &str| (name == "db").then_some("x");
            expand::expand(&text, true, &known);
            expand::port_beside(&text, &known);
            for mention in found {
                let is_name = mention.host.split('.').all(|label| {
                    !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                });
                prop_assert!(is_name || hosts::address(&mention.host).is_some(), "{:?}", mention);
                prop_assert!(mention.line <= text.lines().count());
            }
        }
    }
}
