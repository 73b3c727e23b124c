//! Single values as words of Helm's command line, where nothing in them can mean anything else.

use std::collections::BTreeMap;

use serde_json::Value;

/// `--set` and `--set-json` for parameters by key; with `text` every value is text, otherwise it is
/// typed as Helm's `--set` does it: true, false, null and whole numbers, all else is text.
///
/// Text goes as a JSON string, in which Helm knows no comma, brace or backslash of its own grammar.
///
/// # Errors
/// A key that is not plain names, joined by dots, with indices.
pub fn assignments(
    parameters: &BTreeMap<String, String>,
    text: bool,
) -> Result<Vec<String>, String> {
    let words = parameters.iter().map(|(key, value)| {
        if !is_key(key) {
            return Err(format!(
                "helm parameter {key:?}: a key is made of names, dots and indices, as in a.b[0].c; a dot in a name is written \\."
            ));
        }
        Ok(match text || !is_typed(value) {
            true => format!("--set-json={key}={}", Value::from(value.as_str())),
            // JSON numbers would become floating-point ones, and 1000000 would render as 1e+06.
            false => format!("--set={key}={value}"),
        })
    });
    words.collect()
}

/// Whether Helm's `--set` takes the text for something else than text (helm.sh/helm,
/// `pkg/strvals`, `typedVal`).
fn is_typed(value: &str) -> bool {
    let digits = value.strip_prefix('-').unwrap_or(value);
    let number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    matches!(value, "true" | "false" | "null" | "0")
        || number && !digits.starts_with('0') && value.parse::<i64>().is_ok()
}

/// Whether a key holds nothing of Helm's grammar but dots, escaped dots and indices.
fn is_key(key: &str) -> bool {
    let mut characters = key.chars().peekable();
    // Whether a name has begun, and whether it has ended with an index.
    let (mut name, mut indexed) = (false, false);
    while let Some(c) = characters.next() {
        match c {
            '.' if name || indexed => (name, indexed) = (false, false),
            '[' if name || indexed => {
                let mut digits = 0;
                while characters.next_if(char::is_ascii_digit).is_some() {
                    digits += 1;
                }
                if digits == 0 || characters.next() != Some(']') {
                    return false;
                }
                indexed = true;
            }
            '\\' if !indexed && characters.next_if_eq(&'.').is_some() => name = true,
            c if !indexed && (c.is_alphanumeric() || "_-/:@+$~".contains(c)) => name = true,
            _ => return false,
        }
    }
    name || indexed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::strvals;
    use proptest::prelude::*;

    fn words(key: &str, value: &str, text: bool) -> Result<Vec<String>, String> {
        assignments(&[(key.to_owned(), value.to_owned())].into(), text)
    }

    #[test]
    fn values_are_typed_as_by_set() {
        for (value, word) in [
            ("true", "--set=a=true"),
            ("null", "--set=a=null"),
            ("0", "--set=a=0"),
            ("-12", "--set=a=-12"),
            ("1000000", "--set=a=1000000"),
            ("007", r#"--set-json=a="007""#),
            ("1.5", r#"--set-json=a="1.5""#),
            ("-", r#"--set-json=a="-""#),
            ("", r#"--set-json=a="""#),
            (
                "99999999999999999999",
                r#"--set-json=a="99999999999999999999""#,
            ),
            ("a,b=c", r#"--set-json=a="a,b=c""#),
            ("{a,b}", r#"--set-json=a="{a,b}""#),
            ("a\\,b", r#"--set-json=a="a\\,b""#),
            ("a\"\nb", r#"--set-json=a="a\"\nb""#),
            (";touch x", r#"--set-json=a=";touch x""#),
        ] {
            assert_eq!(words("a", value, false), Ok(vec![word.into()]), "{value}");
        }
        let word = r#"--set-json=a="true""#;
        assert_eq!(words("a", "true", true), Ok(vec![word.into()]));
    }

    #[test]
    fn keys_are_names_dots_and_indices() {
        for key in [
            "a",
            "a.b",
            "a[0]",
            "a[0][1].b",
            r"a.b\.c/d",
            "some-thing_1",
            "ärger",
        ] {
            assert!(is_key(key), "{key}");
        }
        for key in [
            "", ".", ".a", "a.", "a..b", "a[", "a[]", "a[x]", "a[0", "a[0]b", "[0]", "a,b", "a=b",
            "a b", "a{", r"a\", r"a\,b", "a\nb", "a;b", "a\"", "a$(b)",
        ] {
            assert!(!is_key(key), "{key}");
        }
    }

    proptest! {
        /// One assignment sets one key, whatever the value holds.
        #[test]
        fn a_typed_word_is_one_assignment(value in "(true|false|null|-?[0-9]{1,20}|.{0,8})") {
            let words = words("a", &value, false).unwrap();
            let [word] = words.as_slice() else { panic!("{words:?}") };
            if let Some(assignment) = word.strip_prefix("--set=") {
                let mut values = serde_json::Map::new();
                strvals::apply(&mut values, assignment).unwrap();
                prop_assert!(values.len() == 1 && !values["a"].is_string(), "{values:?}");
            } else {
                let json = word.strip_prefix("--set-json=a=").unwrap();
                prop_assert_eq!(serde_json::from_str::<String>(json).unwrap(), value);
            }
        }
    }
}
