//! Reads configuration files: YAML into types, and errors that say where.
//!
//! Every file a user writes for us goes through here, so that each error reads
//! `file:line:column: field: reason` and a misspelt or doubled key is one.

pub mod leaves;
pub mod place;
mod quick;
pub mod schema;
pub mod typed;
mod words;

use std::fmt;
use std::io::ErrorKind;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use crate::manifest::error::line_column;
use crate::manifest::view::{Type, escape, unescape};
use crate::manifest::{Document, Node, Style, View};

/// What is wrong with a configuration file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file.
    pub file: String,
    /// Line and column from 1; `None` when the file cannot be read at all.
    pub position: Option<(usize, usize)>,
    /// The field, as `spec.rules[0].schema`; empty for the file as a whole.
    pub field: String,
    /// What is wrong, as a fragment that follows the field.
    pub reason: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some((line, column)) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        if !self.field.is_empty() {
            write!(f, ": {}", self.field)?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl std::error::Error for ConfigError {}

impl ConfigError {
    /// An error about a file as a whole, e.g. one that cannot be opened.
    pub fn unreadable(file: &str, reason: &dyn fmt::Display) -> ConfigError {
        ConfigError {
            file: file.to_owned(),
            position: None,
            field: String::new(),
            reason: reason.to_string(),
        }
    }
}

/// The text of a file that is `usual`ly called so.
///
/// # Errors
/// It cannot be read. Where a directory was named, or a file whose name ends otherwise, the error names
/// what was meant.
pub fn text_of(path: &Path, usual: &str) -> Result<String, ConfigError> {
    let name = path.display().to_string();
    let wrong = |reason: String| ConfigError::unreadable(&name, &reason);
    if path.is_dir() {
        return Err(wrong(match path.join(usual) {
            inner if inner.is_file() => {
                format!("is a directory: name the file, {}", inner.display())
            }
            _ => "is a directory: name the file".into(),
        }));
    }
    let bytes = std::fs::read(path).map_err(|error| match path.with_extension("yml") {
        other if error.kind() == ErrorKind::NotFound && other.is_file() => {
            wrong(format!("{error}; there is {}", other.display()))
        }
        _ => wrong(error.to_string()),
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let valid = error.as_bytes().get(..at).unwrap_or_default();
        let position = Some(line_column(&String::from_utf8_lossy(valid), at));
        ConfigError {
            position,
            ..wrong("is not UTF-8 from here on".into())
        }
    })
}

/// A parsed configuration file.
#[derive(Debug)]
pub struct Source<'s> {
    file: &'s str,
    document: Document<'s>,
}

impl<'s> Source<'s> {
    /// Parses the text of a file.
    ///
    /// # Errors
    /// It is no YAML, is empty, or has a key twice.
    pub fn parse(file: &'s str, text: &'s str) -> Result<Source<'s>, ConfigError> {
        let source = Source::open(file, text)?;
        match source.doubled_keys().into_iter().next() {
            Some(doubled) => Err(doubled),
            None => Ok(source),
        }
    }

    /// Parses the text of a file that may have keys twice; [`Source::doubled_keys`] lists them.
    ///
    /// # Errors
    /// It is no YAML, or is empty.
    pub fn open(file: &'s str, text: &'s str) -> Result<Source<'s>, ConfigError> {
        let document = Document::parse(text).map_err(|error| ConfigError {
            position: Some(line_column(text, error.offset)),
            ..ConfigError::unreadable(file, &error.reason)
        })?;
        if document.root().is_none() {
            return Err(ConfigError::unreadable(file, &"is empty"));
        }
        Ok(Source { file, document })
    }

    /// An error for every key that stands in its map a second time.
    pub fn doubled_keys(&self) -> Vec<ConfigError> {
        let keys = self.document.duplicate_keys().iter();
        keys.map(|&key| {
            let key = self.document.node(key);
            let reason = format!("the key {} stands here twice", key.source());
            ConfigError {
                position: Some(line_column(self.document.text(), key.span().start)),
                ..ConfigError::unreadable(self.file, &reason)
            }
        })
        .collect()
    }

    /// The file's content as a typed value.
    ///
    /// # Errors
    /// The first field that does not fit the type, with its place.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        let value = self
            .document
            .root()
            .map(|root| root.to_json())
            .unwrap_or_default();
        // Keeping track of the path takes longer than reading; it is needed for errors only.
        if let Ok(done) = T::deserialize(&value) {
            return Ok(done);
        }
        serde_path_to_error::deserialize(&value).map_err(|error| {
            let tokens = error.path().iter().filter_map(|segment| match segment {
                Segment::Seq { index } => Some(index.to_string()),
                Segment::Map { key } => Some(escape(key).into_owned()),
                Segment::Enum { .. } | Segment::Unknown => None,
            });
            let pointer: String = tokens.map(|token| format!("/{token}")).collect();
            self.error(&pointer, &without_value(&error.inner().to_string()))
        })
    }

    /// An error about the field at a JSON Pointer, or about where it would be.
    pub fn error(&self, pointer: &str, reason: &dyn fmt::Display) -> ConfigError {
        ConfigError {
            file: self.file.to_owned(),
            position: Some(line_column(self.document.text(), self.offset(pointer))),
            field: dotted(&self.as_written(pointer)),
            reason: reason.to_string(),
        }
    }

    /// The value at a JSON Pointer.
    pub fn value(&self, pointer: &str) -> Option<Value> {
        Some(
            View::Node(self.document.root()?)
                .pointer(pointer)?
                .to_json(),
        )
    }

    /// The value at a JSON Pointer as it stands in the file, indented as if it stood alone.
    pub fn excerpt(&self, pointer: &str) -> Option<String> {
        let View::Node(node) = View::Node(self.document.root()?).pointer(pointer)? else {
            return None;
        };
        let indent = usize::from(node.raw().col);
        let text = self.document.text().get(node.span().start..end(node))?;
        let lines = text.trim_end().lines().enumerate().map(|(number, line)| {
            let blank = line.bytes().take_while(|b| *b == b' ').count();
            line.get(if number == 0 { 0 } else { blank.min(indent) }..)
                .unwrap_or_default()
        });
        Some(lines.collect::<Vec<_>>().join("\n"))
    }

    /// A pointer with its keys as the file writes them: YAML takes a bare `n` for `false`.
    fn as_written(&self, pointer: &str) -> String {
        let mut here = self.document.root();
        let mut written = String::new();
        for token in pointer.split('/').skip(1) {
            let entry = here.and_then(|node| node.get_entry(&unescape(token)));
            let key = entry.as_ref().map(|(key, _)| key.source().trim());
            let bare = key.filter(|key| !key.starts_with(['"', '\'', '&', '!', '|', '>', '?']));
            written.push('/');
            written.push_str(&bare.map_or(token.into(), escape));
            here = match entry {
                Some((_, View::Node(child))) => Some(child),
                Some(_) => None,
                None => here.and_then(|node| item(node, token)),
            };
        }
        written
    }

    /// Where the field at a pointer starts: at its key, or at its nearest parent's when it is not
    /// there.
    fn offset(&self, pointer: &str) -> usize {
        let Some(mut node) = self.document.root() else {
            return 0;
        };
        let mut offset = node.span().start;
        for token in pointer.split('/').skip(1) {
            let (start, child) = match View::Node(node).value_type() {
                Type::Map => match node.get_entry(&unescape(token)) {
                    Some((key, child)) => (Some(key.span().start), Some(child)),
                    None => (None, None),
                },
                Type::Seq => (
                    None,
                    token
                        .parse()
                        .ok()
                        .and_then(|index| View::Node(node).item(index)),
                ),
                _ => (None, None),
            };
            let Some(View::Node(child)) = child else {
                break;
            };
            offset = start.unwrap_or(child.span().start);
            node = child;
        }
        offset
    }
}

/// What serde says of a value of the wrong type, without the value: in the wrong place of a file may
/// stand anything, a credential too.
fn without_value(reason: &str) -> String {
    // Serde calls a map by the name of its Rust type, and takes a list for one as well.
    match reason.split_once(", expected struct ") {
        Some((found, _)) if found.starts_with("invalid length") => {
            return "invalid type: sequence, expected a map".to_owned();
        }
        Some((found, _)) => return format!("{found}, expected a map"),
        None => {}
    }
    let begins = ["invalid type: string ", "invalid value: string "];
    let found = begins.iter().find(|begin| reason.starts_with(**begin));
    let expected = reason.rfind(", expected ");
    match (found, expected.and_then(|at| reason.get(at..))) {
        (Some(begin), Some(expected)) => format!("{}{expected}", begin.trim_end()),
        _ => reason.to_owned(),
    }
}

/// The item of a list that a token of a pointer names.
fn item<'d>(list: Node<'d>, token: &str) -> Option<Node<'d>> {
    match View::Node(list).item(token.parse().ok()?)? {
        View::Node(item) => Some(item),
        _ => None,
    }
}

/// Where a node's text ends: a block collection with its last child.
fn end(node: Node<'_>) -> usize {
    match node.raw().style {
        Style::Block => node.children().last().map_or(node.span().end, end),
        _ => node.span().end,
    }
}

/// A JSON Pointer as people write a field: `spec.rules[0].schema`.
pub fn dotted(pointer: &str) -> String {
    let mut field = String::new();
    for token in pointer.split('/').skip(1) {
        if !token.is_empty() && token.bytes().all(|b| b.is_ascii_digit()) {
            field.push('[');
            field.push_str(token);
            field.push(']');
        } else {
            if !field.is_empty() {
                field.push('.');
            }
            field.push_str(&unescape(token));
        }
    }
    field
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Shelf {
        #[allow(dead_code)]
        books: Vec<Book>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Book {
        #[allow(dead_code)]
        pages: u32,
    }

    fn error(text: &str) -> String {
        let read = Source::parse("shelf.yaml", text).and_then(|source| source.decode::<Shelf>());
        read.unwrap_err().to_string()
    }

    #[test]
    fn errors_name_file_line_column_and_field() {
        let cases = [
            (
                "books:\n- pages: many\n",
                r#"shelf.yaml:2:3: books[0].pages: invalid type: string, expected u32"#,
            ),
            (
                "books:\n- {pages: 1, title: x}\n",
                "shelf.yaml:2:14: books[0].title: unknown field `title`, expected `pages`",
            ),
            (
                "books:\n- pages: 1\n- {}\n",
                "shelf.yaml:3:3: books[1]: missing field `pages`",
            ),
            (
                "book: []\n",
                "shelf.yaml:1:1: book: unknown field `book`, expected `books`",
            ),
            (
                "books: []\nbooks: []\n",
                "shelf.yaml:2:1: the key books stands here twice",
            ),
            ("# nothing\n", "shelf.yaml: is empty"),
        ];
        for (text, expected) in cases {
            assert_eq!(error(text), expected, "{text:?}");
        }
        assert!(
            error("books: [\n").starts_with("shelf.yaml:1:8: "),
            "{}",
            error("books: [\n")
        );
    }

    #[test]
    fn an_error_about_a_missing_field_points_to_its_parent() {
        let source = Source::parse("f", "a:\n  b: {}\n").unwrap();
        assert_eq!(
            source.error("/a/b/c/0", &"must be there").to_string(),
            "f:2:3: a.b.c[0]: must be there"
        );
    }

    #[test]
    fn an_excerpt_stands_as_if_alone() {
        let source = Source::parse(
            "f",
            "a:\n  - b:\n      c: 1 # one\n      d:\n        - {e: [f]}\n  - {f: g}\n",
        )
        .unwrap();
        assert_eq!(
            source.excerpt("/a/0/b").as_deref(),
            Some("c: 1 # one\nd:\n  - {e: [f]}")
        );
        assert_eq!(source.excerpt("/a/1").as_deref(), Some("{f: g}"));
        assert_eq!(source.excerpt("/a/2"), None);
        assert_eq!(source.value("/a/0/b/c"), Some(1.into()));
    }

    #[test]
    fn an_error_names_keys_as_they_are_written() {
        let source = Source::parse("f", "a: [{n: 1, \"x.y\": {0x10: 2}}]\n").unwrap();
        for (pointer, field) in [
            ("/a/0/false", "a[0].n"),
            ("/a/0/x.y/16", "a[0].x.y.0x10"),
            ("/a/0/none/1", "a[0].none[1]"),
        ] {
            assert_eq!(source.error(pointer, &"is wrong").field, field);
        }
    }

    #[test]
    fn files_that_cannot_be_read_say_what_was_meant() {
        let root = tempfile::tempdir().unwrap();
        let said = |name: &str| {
            let error = text_of(&root.path().join(name), "platform.yaml").unwrap_err();
            let folder = format!("{}/", root.path().display());
            error.to_string().replace(&folder, "")
        };
        std::fs::create_dir_all(root.path().join("prod")).unwrap();
        let directory = "prod: is a directory: name the file";
        assert_eq!(said("prod"), directory);
        std::fs::write(root.path().join("prod/platform.yaml"), "").unwrap();
        let file = "prod: is a directory: name the file, prod/platform.yaml";
        assert_eq!(said("prod"), file);
        std::fs::write(root.path().join("uat.yml"), "").unwrap();
        assert!(said("uat.yaml").ends_with("; there is uat.yml"));
        std::fs::write(root.path().join("bad.yaml"), b"a: 1\nb: \xff\n").unwrap();
        assert_eq!(said("bad.yaml"), "bad.yaml:2:4: is not UTF-8 from here on");
    }

    #[test]
    fn pointers_become_fields() {
        assert_eq!(
            dotted("/securityContext/capabilities/add/0"),
            "securityContext.capabilities.add[0]"
        );
        assert_eq!(
            dotted("/metadata/annotations/a.b~1c"),
            "metadata.annotations.a.b/c"
        );
        assert_eq!(dotted(""), "");
    }
}
