//! Reads files that may be anything.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use crate::manifest::view::Type;
use crate::manifest::{Document, View, split};

/// Larger files are not looked at: nobody writes them by hand.
pub const MAX_FILE: u64 = 10_000_000;

/// How many bytes decide whether a file is text, as Git has it.
const START: usize = 8_000;

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Text; bytes that are no UTF-8 are replaced.
    Text(String),
    /// No text.
    Binary,
    /// More than [`MAX_FILE`] bytes.
    TooLarge,
}

/// What the YAML or JSON in a text is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// At least one Kubernetes object: `apiVersion`, `kind` and a name, or a list.
    Objects,
    /// Something that calls itself a kind but has no name: the configuration of a tool, such as
    /// kustomize, or a manifest that is wrong.
    Unnamed,
    /// Anything else.
    Data,
    /// Comments at most.
    Nothing,
    /// No YAML, or templates of it.
    Unreadable,
}

/// Tells what a text is about.
pub fn holds(text: &str) -> Holds {
    let Ok(spans) = split(text) else {
        return Holds::Unreadable;
    };
    let mut most = Holds::Nothing;
    for span in spans {
        let Ok(document) = Document::parse(span.text) else {
            return Holds::Unreadable;
        };
        let Some(root) = document
            .root()
            .map(View::Node)
            .filter(|root| !root.is_null())
        else {
            continue;
        };
        let has = |key| root.get(key).is_some_and(|value| !value.is_empty());
        let named = root.get("metadata").is_some_and(|metadata| {
            ["name", "generateName"]
                .iter()
                .any(|key| metadata.get(key).is_some())
        });
        let list = root
            .get("items")
            .is_some_and(|items| items.value_type() == Type::Seq);
        most = match (has("apiVersion") && has("kind"), named || list) {
            _ if most == Holds::Objects => most,
            (true, true) => Holds::Objects,
            (true, false) => Holds::Unnamed,
            (false, _) if has("kind") && root.entries().all(|(key, _)| is_top_level(&key)) => {
                Holds::Unnamed
            }
            (false, _) if most == Holds::Unnamed => most,
            (false, _) => Holds::Data,
        };
    }
    most
}

/// Whether Kubernetes' own kinds have a field of that name at their top.
fn is_top_level(key: &str) -> bool {
    let fields = [
        "apiVersion",
        "kind",
        "metadata",
        "spec",
        "status",
        "data",
        "stringData",
        "binaryData",
        "type",
        "immutable",
        "rules",
        "roleRef",
        "subjects",
        "webhooks",
        "items",
    ];
    fields.contains(&key)
}

/// Whether a text that cannot be read as YAML was meant to hold Kubernetes objects, and is no
/// template of them.
pub fn speaks_of_an_object(text: &str) -> bool {
    let line = |start: &str| text.lines().any(|line| line.starts_with(start));
    line("apiVersion:") && line("kind:") && !text.contains("{{")
}

/// Reads a file.
///
/// # Errors
/// Whatever the file system says.
pub fn read(path: &Path) -> io::Result<Content> {
    let mut bytes = Vec::new();
    let read = File::open(path)?
        .take(MAX_FILE + 1)
        .read_to_end(&mut bytes)?;
    match read as u64 > MAX_FILE {
        true => Ok(Content::TooLarge),
        false => Ok(decode(bytes)),
    }
}

/// The bytes as text: UTF-8, or UTF-16 where a byte order mark says so, as Windows writes it.
pub fn decode(bytes: Vec<u8>) -> Content {
    let wide = |from: fn([u8; 2]) -> u16| {
        let (pairs, _) = bytes.get(2..).unwrap_or_default().as_chunks::<2>();
        let units = pairs.iter().map(|pair| from(*pair));
        let text = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER));
        Content::Text(text.collect())
    };
    if bytes.starts_with(&[0xff, 0xfe]) {
        return wide(u16::from_le_bytes);
    }
    if bytes.starts_with(&[0xfe, 0xff]) {
        return wide(u16::from_be_bytes);
    }
    if bytes.iter().take(START).any(|byte| *byte == 0) {
        return Content::Binary;
    }
    Content::Text(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_from_what_is_none() {
        let text = |text: &str| Content::Text(text.to_owned());
        for (bytes, want) in [
            (b"a=b\n".as_slice(), text("a=b\n")),
            (b"", text("")),
            (b"\x7fELF\x00", Content::Binary),
            (b"caf\xe9", text("caf\u{fffd}")),
            (b"\xff\xfea\x00=\x00", text("a=")),
            (b"\xfe\xff\x00a\x00=", text("a=")),
            (b"\xff\xfe\x00\xd8", text("\u{fffd}")),
        ] {
            assert_eq!(decode(bytes.to_vec()), want, "{bytes:?}");
        }
    }

    #[test]
    fn objects_are_told_from_other_yaml() {
        for (text, want) in [
            (
                "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n",
                Holds::Objects,
            ),
            (
                "a: 1\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\n",
                Holds::Objects,
            ),
            ("apiVersion: v1\nkind: List\nitems: []\n", Holds::Objects),
            ("kind: Pod\nmetadata: {name: a}\n", Holds::Unnamed),
            ("kind: Pod\n", Holds::Unnamed),
            ("kind: Deployment\nimage: {tag: a}\n", Holds::Data),
            (
                "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"a\"}}",
                Holds::Objects,
            ),
            (
                "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n",
                Holds::Unnamed,
            ),
            ("apiVersion: v2\nname: chart\n", Holds::Data),
            ("image: {tag: a}\n", Holds::Data),
            ("- a\n", Holds::Data),
            ("# nothing\n---\n", Holds::Nothing),
            ("a: {{ .Values.a }}\n", Holds::Unreadable),
            (
                "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\na: {{ b }}\n",
                Holds::Unreadable,
            ),
            (
                "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\na: 1\n",
                Holds::Objects,
            ),
        ] {
            assert_eq!(holds(text), want, "{text}");
        }
        assert!(speaks_of_an_object("apiVersion: v1\nkind: Pod\n\tx\n"));
        assert!(!speaks_of_an_object(
            "apiVersion: v1\nkind: Pod\na: {{ .b }}\n"
        ));
    }

    #[test]
    fn a_file_without_end_is_too_large() {
        if cfg!(target_os = "linux") {
            assert_eq!(read(Path::new("/dev/zero")).unwrap(), Content::TooLarge);
        }
        assert!(read(Path::new("/no/such/file")).is_err());
    }
}
