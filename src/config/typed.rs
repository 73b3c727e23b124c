//! Reads a file into its type and reports everything that is wrong with it, in one go.
//!
//! Three questions are asked of every file: does it fit the [schema] of its type, does it hold what
//! must not stand in it ([`Checked::scan`]), and does it make sense ([`Checked::rules`]). What the
//! schema refuses is left out for the last question, so that one mistake seldom hides another.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use super::{ConfigError, Source, schema};
use crate::manifest::view::{escape, unescape};

/// A type that a file is read into.
pub trait Checked: DeserializeOwned + JsonSchema {
    /// Looks for what may not stand in any such file, whatever its form.
    fn scan(_file: &Value, _problems: &mut Problems) {}

    /// What a schema cannot say. `file` is the file as it was written, nulls left out.
    fn rules(&self, _file: &Value, _problems: &mut Problems) {}
}

/// Mistakes by the place they are found at.
#[derive(Debug, Default)]
pub struct Problems(Vec<(String, String)>);

impl Problems {
    /// Adds a mistake at a JSON Pointer.
    pub fn add(&mut self, pointer: impl Into<String>, reason: impl Into<String>) {
        let problem = (pointer.into(), reason.into());
        if !self.0.contains(&problem) {
            self.0.push(problem);
        }
    }

    /// Adds a mistake unless it is none.
    pub fn expect(&mut self, good: bool, pointer: impl Into<String>, reason: impl Into<String>) {
        if !good {
            self.add(pointer, reason);
        }
    }

    /// Whether there is a mistake at exactly that place.
    pub fn has(&self, pointer: &str) -> bool {
        self.0.iter().any(|(at, _)| at == pointer)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The mistakes with their place in the file, from top to bottom.
    pub fn errors(&self, source: &Source<'_>) -> Vec<ConfigError> {
        let errors = self.0.iter();
        let errors = errors.map(|(pointer, reason)| source.error(pointer, reason));
        in_order(errors.collect())
    }
}

fn in_order(mut errors: Vec<ConfigError>) -> Vec<ConfigError> {
    errors.sort_by(|a, b| a.position.cmp(&b.position).then(a.field.cmp(&b.field)));
    errors
}

/// Parses and reads a file; also gives its content as it was written, nulls left out.
///
/// # Errors
/// Every mistake in it, from top to bottom.
pub fn read<T: Checked>(file: &str, text: &str) -> Result<(T, Value), Vec<ConfigError>> {
    let source = Source::open(file, text).map_err(|error| vec![error])?;
    let mut value = source.value("").unwrap_or_default();
    drop_null(&mut value);
    match judge::<T>(&value) {
        (Some(read), problems) if problems.is_empty() && source.doubled_keys().is_empty() => {
            Ok((read, value))
        }
        (_, problems) => {
            let mut errors = source.doubled_keys();
            errors.extend(problems.errors(&source));
            Err(in_order(errors))
        }
    }
}

/// Reads a value and finds every mistake in it. The type is what could be made of the rest.
fn judge<T: Checked>(value: &Value) -> (Option<T>, Problems) {
    let mut problems = Problems::default();
    T::scan(value, &mut problems);
    let violations = match schema::violations_of::<T>(value) {
        Ok(violations) => violations,
        Err(reason) => {
            problems.add("", reason);
            return (None, problems);
        }
    };
    let (readable, bad): (Vec<_>, Vec<_>) = violations.iter().partition(|v| v.readable);
    let pointers = |list: Vec<&schema::Violation>| -> Vec<String> {
        list.into_iter().map(|v| v.pointer.clone()).collect()
    };
    let (readable, mut bad) = (pointers(readable), pointers(bad));
    let mut said = Vec::new();
    for violation in violations {
        if !problems.has(&violation.pointer) {
            if violation.readable {
                said.push(violation.pointer.clone());
            }
            problems.add(violation.pointer, violation.reason);
        }
    }
    let read = salvage::<T>(value, &mut bad, &said, &mut problems);
    if let Some(read) = &read {
        let mut found = Problems::default();
        read.rules(value, &mut found);
        for (pointer, reason) in found.0 {
            // A rule that misses what was left out would only confuse.
            let misled = bad
                .iter()
                .chain(&readable)
                .any(|bad| is_within(bad, &pointer));
            if !misled && !problems.has(&pointer) {
                problems.add(pointer, reason);
            }
        }
    }
    (read, problems)
}

/// Whether a place is another one or lies within it.
fn is_within(place: &str, outer: &str) -> bool {
    place
        .strip_prefix(outer)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Reads what is left of a value without the bad places; those that come up now are added. At a place
/// of which the schema has `said` that its content is wrong, the type's own words stand instead.
fn salvage<T: Checked>(
    value: &Value,
    bad: &mut Vec<String>,
    said: &[String],
    problems: &mut Problems,
) -> Option<T> {
    let mut rest = value.clone();
    for pointer in &mut *bad {
        take_out(&mut rest, pointer)?;
    }
    // Each turn takes at least one node away, so there are no more turns than mistakes.
    loop {
        let error = match serde_path_to_error::deserialize::<_, T>(&rest) {
            Ok(read) => return Some(read),
            Err(error) => error,
        };
        let tokens = error.path().iter().filter_map(|segment| match segment {
            Segment::Seq { index } => Some(index.to_string()),
            Segment::Map { key } => Some(escape(key).into_owned()),
            Segment::Enum { .. } | Segment::Unknown => None,
        });
        let mut pointer: String = tokens.map(|token| format!("/{token}")).collect();
        if said.contains(&pointer) {
            problems.0.retain(|(at, _)| *at != pointer);
        }
        if !bad.iter().any(|bad| is_within(bad, &pointer)) {
            problems.add(pointer.clone(), error.inner().to_string());
        }
        take_out(&mut rest, &mut pointer)?;
        bad.push(pointer);
    }
}

/// Takes a place out of a value; of a list the whole list, so that nothing moves up. The pointer
/// becomes what was really taken. `None` when nothing would be left, or nothing is there.
fn take_out(value: &mut Value, pointer: &mut String) -> Option<()> {
    let mut here = value;
    let mut end = 0;
    loop {
        let start = end + 1;
        let rest = pointer.get(start..)?;
        end = rest.find('/').map_or(pointer.len(), |at| start + at);
        let key = unescape(pointer.get(start..end)?).into_owned();
        let Value::Object(map) = here else {
            return None;
        };
        let Some(child) = map.get_mut(&key) else {
            // Taken out before with something around it.
            return Some(());
        };
        if end == pointer.len() || child.is_array() {
            map.remove(&key);
            pointer.truncate(end);
            return Some(());
        }
        here = map.get_mut(&key)?;
    }
}

/// A member that is null is as good as absent, as in Kubernetes.
pub fn drop_null(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(drop_null);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_null),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Debug, Default, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields, default)]
    struct Library {
        shelves: BTreeMap<String, Shelf>,
        favourite: Option<String>,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Shelf {
        width: u32,
        #[serde(default)]
        books: Vec<String>,
    }

    impl Checked for Library {
        fn rules(&self, _: &Value, problems: &mut Problems) {
            for (name, shelf) in &self.shelves {
                let pointer = format!("/shelves/{name}");
                let fits = shelf.books.len() < 3;
                problems.expect(fits, format!("{pointer}/books"), "too many books");
                problems.expect(shelf.width > 0, format!("{pointer}/width"), "no width");
            }
            if let Some(name) = &self.favourite {
                let known = self.shelves.contains_key(name);
                problems.expect(known, "/favourite", "no such shelf");
            }
        }
    }

    fn errors(text: &str) -> Vec<String> {
        match read::<Library>("f", text) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn all_mistakes_of_all_sorts_are_reported_from_top_to_bottom() {
        let text = "\
shelves:
  a: {width: 0, books: [a, b, c]}
  b: {width: wide, hight: 3}
  c: {books: [1]}
  c: {}
favourite: d
farvourite: d
";
        assert_eq!(
            errors(text),
            [
                "f:2:7: shelves.a.width: no width",
                "f:2:17: shelves.a.books: too many books",
                "f:3:7: shelves.b.width: must be a whole number, not text",
                "f:3:20: shelves.b.hight: unknown field `hight`: there are books, width",
                "f:5:3: the key c stands here twice",
                "f:5:3: shelves.c: missing field `width`",
                "f:6:1: favourite: no such shelf",
                "f:7:1: farvourite: unknown field `farvourite`: did you mean `favourite`? There are favourite, shelves",
            ]
        );
    }

    #[test]
    fn nulls_count_as_absent_and_a_missing_part_misleads_no_rule() {
        assert_eq!(errors("favourite:\n"), [""; 0]);
        assert_eq!(
            errors("shelves:\n  a: {width: }\n"),
            ["f:2:3: shelves.a: missing field `width`"]
        );
        assert_eq!(
            errors("shelves:\n  a: {width: 1, books: [a, [], c]}\n"),
            ["f:2:28: shelves.a.books[1]: must be text, not a list"]
        );
        assert_eq!(errors("[]\n"), ["f:1:1: must be a map, not a list"]);
    }
}
