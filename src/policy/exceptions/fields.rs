//! What the fields of an exception hold: globs over names and places, and days.

use std::fmt;

use globset::{Glob, GlobBuilder, GlobMatcher};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

/// A glob over names.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    matcher: GlobMatcher,
}

impl Pattern {
    /// Compiles a glob.
    ///
    /// # Errors
    /// Why the text is none.
    pub fn new(text: &str) -> Result<Pattern, String> {
        let glob = Glob::new(text).map_err(|error| error.to_string())?;
        Ok(Pattern {
            text: text.to_owned(),
            matcher: glob.compile_matcher(),
        })
    }

    /// Whether the glob matches the whole name.
    pub fn matches(&self, name: &str) -> bool {
        self.matcher.is_match(name)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.text == other.text
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl JsonSchema for Pattern {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Pattern".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "minLength": 1})
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pattern, D::Error> {
        Pattern::new(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A JSON Pointer in which `*` stands for any characters within one token.
#[derive(Clone, Debug)]
pub struct Place {
    text: String,
    here: GlobMatcher,
    below: GlobMatcher,
}

impl Place {
    /// Compiles a pointer.
    ///
    /// # Errors
    /// Why the text is none.
    pub fn new(text: &str) -> Result<Place, String> {
        if !text.starts_with('/') {
            return Err("must be a JSON Pointer, which starts with /".to_owned());
        }
        let compile = |glob: &str| {
            let glob = GlobBuilder::new(glob).literal_separator(true).build();
            glob.map(|glob| glob.compile_matcher())
                .map_err(|error| error.to_string())
        };
        Ok(Place {
            text: text.to_owned(),
            here: compile(text)?,
            below: compile(&format!("{}/**", text.trim_end_matches('/')))?,
        })
    }

    /// Whether a pointer leads here, or to something below.
    pub fn covers(&self, pointer: &str) -> bool {
        self.here.is_match(pointer) || self.below.is_match(pointer)
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Place) -> bool {
        self.text == other.text
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl JsonSchema for Place {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Place".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^/",
            "patternErrorMessage": "must be a JSON Pointer, which begins with `/`",
        })
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Place, D::Error> {
        Place::new(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A day, as `YYYY-MM-DD`; in this form text order is the order of days.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(String);

impl Date {
    /// Whether the day is over on another day, itself `YYYY-MM-DD`.
    pub fn is_before(&self, today: &str) -> bool {
        self.0.as_str() < today
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for Date {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Date".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": r"^\d{4}-\d{2}-\d{2}$",
            "patternErrorMessage": "must be a day as YYYY-MM-DD",
        })
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
        let text = String::deserialize(deserializer)?;
        if is_date(&text) {
            Ok(Date(text))
        } else {
            Err(serde::de::Error::custom("must be a day as YYYY-MM-DD"))
        }
    }
}

fn is_date(text: &str) -> bool {
    let number = |part: Option<&str>, digits: usize| {
        let part =
            part.filter(|part| part.len() == digits && part.bytes().all(|b| b.is_ascii_digit()))?;
        part.parse::<u32>().ok()
    };
    let mut parts = text.split('-');
    let (year, month, day) = (
        number(parts.next(), 4),
        number(parts.next(), 2),
        number(parts.next(), 2),
    );
    let (Some(year), Some(month), Some(day), None) = (year, month, day, parts.next()) else {
        return false;
    };
    let leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_days() {
        for (text, expected) in [
            ("2026-11-30", true),
            ("2024-02-29", true),
            ("2000-02-29", true),
            ("1900-02-29", false),
            ("2026-13-01", false),
            ("2026-00-01", false),
            ("2026-1-1", false),
            ("2026-01-01T00:00:00Z", false),
            ("26-01-01", false),
        ] {
            assert_eq!(is_date(text), expected, "{text}");
        }
    }
}
