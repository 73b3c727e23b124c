//! Finds credentials that stand in a configuration file. No value is ever repeated.
//!
//! Three signs: a field whose name says that it is secret, an address with a password in it, and
//! the shape of a well-known token.

use std::sync::OnceLock;

use regex::Regex;
use serde_json::Value;

use super::credentials::USE_SECRET_REF;
use crate::config::typed::Problems;
use crate::manifest::view::escape;

/// Adds a problem for every credential in a file.
pub fn scan(file: &Value, problems: &mut Problems) {
    walk(file, &mut String::new(), None, problems);
}

fn walk(value: &Value, pointer: &mut String, name: Option<&str>, problems: &mut Problems) {
    let length = pointer.len();
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                pointer.push('/');
                pointer.push_str(&escape(key));
                walk(member, pointer, Some(key), problems);
                pointer.truncate(length);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointer.push_str(&format!("/{index}"));
                walk(item, pointer, name, problems);
                pointer.truncate(length);
            }
        }
        Value::String(text) => {
            if let Some(reason) = credential(name.unwrap_or_default(), text) {
                problems.add(pointer.as_str(), reason);
            }
        }
        Value::Number(_) if name.is_some_and(is_secret_name) => {
            problems.add(pointer.as_str(), USE_SECRET_REF);
        }
        _ => {}
    }
}

/// What gives a text away as a credential, if anything does.
pub fn credential(name: &str, text: &str) -> Option<String> {
    if has_password(text) {
        return Some("holds a user name and password: leave them out, or put the whole address into a Secret and write {secret_ref: NAME}".into());
    }
    if let Some(shape) = token(text) {
        return Some(format!("looks like {shape}: {USE_SECRET_REF}"));
    }
    // An empty text or a placeholder that the runtime fills holds nothing.
    let nothing = text.is_empty() || (text.starts_with("${") && text.ends_with('}'));
    (is_secret_name(name) && !nothing).then(|| USE_SECRET_REF.to_owned())
}

/// Whether a field of that name holds a secret. Names that end in `_ref`, `_name`, `_file`, `_path`
/// or the like say where one is, and are none.
pub fn is_secret_name(name: &str) -> bool {
    static NAME: OnceLock<Option<Regex>> = OnceLock::new();
    let pattern = r"(?i)(^|[-_.a-z0-9])(password|passwd|passphrase|secret|token|api[-_.]?key|access[-_.]?key|secret[-_.]?key|private[-_.]?key|account[-_.]?key|credential|credentials|tls[-_.]?key)$";
    regex(&NAME, pattern).is_some_and(|name_is| name_is.is_match(name))
}

/// Whether a text holds an address with a password: `scheme://user:password@host`.
fn has_password(text: &str) -> bool {
    static ADDRESS: OnceLock<Option<Regex>> = OnceLock::new();
    regex(&ADDRESS, r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/@:]*:[^\s/@]+@")
        .is_some_and(|address| address.is_match(text))
}

/// The shapes of well-known tokens, and what they are.
const TOKENS: [(&str, &str); 9] = [
    (r"\b(AKIA|ASIA)[0-9A-Z]{16}\b", "an AWS access key"),
    (r"\b(ghp|gho|ghu|ghs|ghr)_[0-9A-Za-z]{36}", "a GitHub token"),
    (r"\bgithub_pat_[0-9A-Za-z_]{22,}", "a GitHub token"),
    (r"\bglpat-[0-9A-Za-z_-]{20,}", "a GitLab token"),
    (r"\bxox[abposr]-[0-9A-Za-z-]{10,}", "a Slack token"),
    (r"\bsk-[0-9A-Za-z_-]{20,}", "an API key"),
    (r"\bAIza[0-9A-Za-z_-]{35}", "a Google API key"),
    (
        r"\beyJ[0-9A-Za-z_-]{8,}\.eyJ[0-9A-Za-z_-]{8,}\.",
        "a JSON web token",
    ),
    (r"-----BEGIN [A-Z ]*PRIVATE KEY-----", "a private key"),
];

fn token(text: &str) -> Option<&'static str> {
    static SHAPES: OnceLock<Vec<(Option<Regex>, &'static str)>> = OnceLock::new();
    let shapes = SHAPES.get_or_init(|| {
        let shapes = TOKENS.iter();
        shapes
            .map(|(pattern, name)| (Regex::new(pattern).ok(), *name))
            .collect()
    });
    let found = shapes
        .iter()
        .find(|(shape, _)| shape.as_ref().is_some_and(|shape| shape.is_match(text)));
    found.map(|(_, name)| *name)
}

/// A pattern compiled once. They are all constants that the tests compile.
fn regex<'r>(cell: &'r OnceLock<Option<Regex>>, pattern: &str) -> Option<&'r Regex> {
    cell.get_or_init(|| Regex::new(pattern).ok()).as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        for (pattern, name) in TOKENS {
            assert!(Regex::new(pattern).is_ok(), "{name}");
        }
        assert!(is_secret_name("password"));
        assert!(has_password("http://user:pw@host"));
    }

    #[test]
    fn credentials_are_told_from_other_texts() {
        let long = |prefix: &str, length: usize| format!("{prefix}{}", "A".repeat(length));
        for (name, text) in [
            ("password", "hunter2"),
            ("client_secret", "Zx9"),
            ("DB_PASSWORD", "Zx9"),
            ("apiKey", "Zx9"),
            ("s3.secret-key", "Zx9"),
            ("uri", "postgresql://u:p@db:5432/x"),
            ("uri", "see jdbc:postgresql://u:p@db/x"),
            ("note", &long("AKIA", 16)),
            ("note", &long("ghp_", 36)),
            ("note", "-----BEGIN RSA PRIVATE KEY-----"),
            ("note", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x"),
        ] {
            let said = credential(name, text).unwrap_or_else(|| panic!("{name}: {text}"));
            assert!(!said.contains(text), "{said}");
        }
        for (name, text) in [
            ("secret_ref", "polaris-client-secret"),
            ("s3_access_key_ref", "cube-s3-key"),
            ("secret_path", "secret/data/floe"),
            ("token_refresh_enabled", "true"),
            ("secretName", "a"),
            ("uri", "http://host:8181/path@2"),
            ("uri", "s3://bucket/user:name"),
            ("password", ""),
            ("password", "${DB_PASSWORD}"),
            ("monkey", "banana"),
            ("tag", "sk-short"),
        ] {
            assert_eq!(credential(name, text), None, "{name}: {text}");
        }
    }
}
