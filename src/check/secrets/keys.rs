//! Members that have the name of a credential, and say only which key of a Secret holds it.

use super::tables::Sort;
use super::{names, values};
use crate::manifest::View;
use crate::manifest::view::Type;

/// Whether a map names the Secret that its members are keys of: `secretName: db`, `password: password`.
pub fn stand_beside_a_secret(map: View<'_>) -> bool {
    let secret = map.get("secretName").and_then(View::as_str);
    secret.is_some_and(|name| !name.is_empty())
}

/// Whether a member of a map names something under a word that else is a credential's: a key of the
/// Secret that is named beside it, or whom a route passes on to.
pub fn is_name(key: &str, value: View<'_>, map: View<'_>, beside_secret: bool) -> bool {
    let Some(text) = value.as_str().filter(|text| values::is_plain_name(text)) else {
        return false;
    };
    let passes_on = || {
        key == "pass"
            && !values::is_well_known(&text, Sort::Token)
            && !map.entries().any(|(key, _)| names::is_user(&key))
    };
    beside_secret || passes_on() || key == "secretKey" && stands_beside_a_target(map)
}

/// Whether a map says where the value of a Secret's key goes, or which Secret it is of:
/// `envVar: PASSWORD`, `secretKey: password`.
fn stands_beside_a_target(map: View<'_>) -> bool {
    map.entries().any(|(key, value)| {
        let is_variable = |text: &str| {
            let sign = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
            text.bytes().all(sign)
        };
        match key.as_ref() {
            "envVar" | "env" => value.as_str().is_some_and(|text| is_variable(&text)),
            "configMapKey" => true,
            key => key.starts_with("secretName"),
        }
    })
}

/// Whether the members of a map in a map say which keys of a Secret to read, as charts let their
/// values do: `existingSecretKeys: {password: password}`, or `keys: {password: password}` beside
/// `existingSecret`.
pub fn are_members(name: &str, value: View<'_>, beside: View<'_>) -> bool {
    if value.value_type() != Type::Map || !["key", "Key"].iter().any(|word| name.contains(word)) {
        return false;
    }
    let words = names::split(name);
    let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(&word.as_str()));
    has(&["key", "keys"]) && (has(&["secret"]) || names_a_secret(beside))
}

/// Whether such a member does: its value speaks of a credential as a key does. What people choose for
/// a password (`changeme`) does not.
pub fn is_key(value: View<'_>) -> bool {
    value
        .as_str()
        .is_some_and(|text| values::is_plain_name(&text) && names::classify(&text).is_some())
}

/// Whether a member of a map holds the name of a Secret, or the empty default of one.
fn names_a_secret(map: View<'_>) -> bool {
    map.entries().any(|(key, value)| {
        let speaks = || key == "secret" || names::classify(&key).is_none();
        let named = || match value.value_type() {
            Type::Map => value.get("name").is_some(),
            _ => value
                .as_str()
                .is_some_and(|name| name.is_empty() || values::is_plain_name(&name)),
        };
        names::split(&key).iter().any(|word| word == "secret") && speaks() && named()
    })
}
