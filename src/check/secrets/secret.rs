//! Secret objects: what in them is a credential.

use super::hit::{Hit, Rule};
use super::names::{self, Name};
use super::scan::{self, Context};
use super::tables::Sort;
use super::walk::Found;
use super::{encoded, values};
use crate::manifest::View;
use crate::manifest::view::escape;

/// Every key of a Secret whose value is a credential.
pub fn scan(view: View<'_>, depth: u8) -> Vec<Found> {
    let mut found = Vec::new();
    for (field, is_encoded) in [("data", true), ("stringData", false)] {
        let Some(map) = view.get(field) else { continue };
        for (key, value) in map.entries() {
            let Some(text) = text_of(value) else { continue };
            let hits = match is_encoded {
                true => decoded(&key, &text, depth),
                false => judge(&key, &text, depth),
            };
            let beside_certificate = map.get(&key.replace(".key", ".crt")).is_some();
            let Some(mut hits) = hits else { continue };
            for hit in &mut hits {
                if hit.rule == Rule::WeakDefault {
                    hit.what = "a well-known default";
                }
                hit.rule = Rule::Inline;
                hit.encoded = is_encoded;
                hit.generated |= hit.what == "a private key" && beside_certificate;
            }
            let text = if is_encoded { "" } else { text.as_str() };
            found.push(Found::new(
                format!("/{field}/{}", escape(&key)),
                value,
                text,
                hits,
            ));
        }
    }
    found
}

/// The text of a scalar; numbers and booleans are what somebody forgot to quote.
fn text_of(value: View<'_>) -> Option<String> {
    value
        .as_str()
        .map(|text| text.into_owned())
        .or_else(|| value.as_number().map(|number| number.to_string()))
        .or_else(|| value.as_bool().map(|is| is.to_string()))
}

/// A value of `data`. What is no base64 at all is judged as it stands: the API server will refuse it.
fn decoded(key: &str, value: &str, depth: u8) -> Option<Vec<Hit>> {
    let Some(bytes) = encoded::decode(value) else {
        return judge(key, value, depth);
    };
    match String::from_utf8(bytes) {
        Ok(text) => judge(key, &text, depth),
        Err(error) => binary(key, error.as_bytes()),
    }
}

/// Bytes that are no text: a key store by its name, or a key made of random bytes.
fn binary(key: &str, bytes: &[u8]) -> Option<Vec<Hit>> {
    let ending = key
        .rsplit('.')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let store = matches!(
        ending.as_str(),
        "jks" | "p12" | "pfx" | "keystore" | "keytab" | "jceks" | "bcfks" | "pkcs12" | "der"
    );
    let what = match (store, names::classify(key)) {
        (true, _) if !key.to_ascii_lowercase().contains("trust") => "a key store",
        (false, Some(named)) => named.what,
        _ => return None,
    };
    let hit = Hit {
        rule: Rule::Inline,
        what,
        at: 0,
        span: bytes.len(),
        length: bytes.len(),
        fingerprint: None,
        encoded: true,
        generated: false,
    };
    Some(vec![hit])
}

/// A decoded value under its key.
fn judge(key: &str, text: &str, depth: u8) -> Option<Vec<Hit>> {
    let text = text.trim();
    if text.is_empty() || names::is_user(key) {
        return None;
    }
    let context = Context {
        name: Name::of(key),
        loose: true,
        depth,
        ..Context::default()
    };
    let mut hits = scan::value(context, text);
    if !hits.is_empty() {
        for hit in &mut hits {
            hit.generated = hit.length == text.len() && is_generated(text);
        }
        return Some(hits);
    }
    if says_password(text) && values::is_well_known(text, Sort::Token) && !is_identifier(key) {
        return Some(vec![Hit::new(Rule::WeakDefault, "a credential", 0, text)]);
    }
    let public = [
        "-----BEGIN CERTIFICATE",
        "-----BEGIN PUBLIC",
        "-----BEGIN X509",
    ];
    if text.contains(char::is_whitespace)
        || public.iter().any(|mark| text.starts_with(mark))
        || is_identifier(key)
    {
        return None;
    }
    (values::is_literal(text)
        && !values::is_setting(text)
        && values::looks_random(text)
        && text.len() >= 12)
        .then(|| vec![Hit::new(Rule::Inline, "a value that looks random", 0, text)])
}

/// Whether a value says by itself that it is a password, under whatever key: `changeme`, but not the
/// `secret` that a kind may be called.
fn says_password(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    lower.contains("pass") || lower.contains("change")
}

/// What Helm's `randAlphaNum` gives: letters and digits, and nothing else.
fn is_generated(text: &str) -> bool {
    (8..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric())
        && text.bytes().any(|b| b.is_ascii_digit())
        && text.bytes().any(|b| b.is_ascii_uppercase())
        && values::looks_random(text)
}

/// A key that says it holds the name or number of something.
fn is_identifier(key: &str) -> bool {
    let words = names::split(key);
    let sort = names::says_which_sort(key);
    sort || words.last().is_some_and(|last| {
        matches!(
            last.as_str(),
            "id" | "ids"
                | "sid"
                | "uuid"
                | "guid"
                | "name"
                | "host"
                | "hostname"
                | "url"
                | "uri"
                | "endpoint"
                | "region"
                | "bucket"
                | "database"
                | "db"
                | "port"
                | "version"
                | "image"
                | "tag"
                | "hash"
                | "checksum"
                | "sha"
                | "crt"
                | "cert"
                | "certificate"
                | "ca"
                | "pub"
                | "public"
                | "arn"
                | "schema"
                | "class"
                | "issuer"
                | "audience"
                | "namespace"
                | "cluster"
                | "account"
                | "project"
                | "tenant"
                | "zone"
                | "domain"
                | "email"
                | "user"
                | "username"
                | "path"
                | "file"
                | "dir"
                | "folder"
                | "mode"
                | "level"
        )
    }) || words
        .windows(2)
        .any(|pair| matches!(pair, [a, b] if a == "public" && b == "key"))
        || names::classify(key).is_none() && words.iter().any(|word| word == "htpasswd")
}
