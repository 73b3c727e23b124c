//! What a Secret holds, whichever of its two fields says so.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Object;
use crate::manifest::View;

/// One value of a Secret as a pod would see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The value as it stands in the manifest.
    pub written: String,
    /// The bytes a pod gets; those of `written` where `data` holds no base64.
    pub bytes: Vec<u8>,
}

impl Held {
    /// Whether the value is text, as most stores keep it.
    pub fn is_text(&self) -> bool {
        std::str::from_utf8(&self.bytes).is_ok_and(|text| !text.contains('\0'))
    }
}

/// Whether an object is a Secret.
pub fn is_secret(object: &Object<'_>) -> bool {
    let id = &object.identity;
    id.kind == "Secret" && id.api_version == "v1"
}

/// The type of a Secret; `Opaque` where it names none.
pub fn secret_type(secret: View<'_>) -> Cow<'_, str> {
    let named = secret.get("type").and_then(View::as_str);
    named
        .filter(|name| !name.is_empty())
        .unwrap_or(Cow::Borrowed("Opaque"))
}

/// The values of a Secret by key. `stringData` wins over `data`, as in the API server; null is an
/// empty value.
pub fn held(secret: View<'_>) -> BTreeMap<String, Held> {
    let mut held = BTreeMap::new();
    for field in ["data", "stringData"] {
        for (key, value) in secret.get(field).into_iter().flat_map(View::entries) {
            let written = text(value);
            let bytes = match field {
                "data" => decode(&written).unwrap_or_else(|| written.clone().into_bytes()),
                _ => written.clone().into_bytes(),
            };
            held.insert(key.into_owned(), Held { written, bytes });
        }
    }
    held
}

/// A value as text; what is no string is not valid in a Secret, but still a value.
fn text(value: View<'_>) -> String {
    match value.as_str() {
        Some(text) => text.into_owned(),
        None if value.is_null() => String::new(),
        None => value.to_json().to_string(),
    }
}

/// Standard base64 with padding, line breaks ignored, as Go's encoding/base64 reads it.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let plain: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    STANDARD.decode(plain).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn string_data_wins_and_base64_is_decoded() {
        let secret = json!({
            "data": {"a": "eA==", "b": "eA==", "c": "not base64", "d": null, "e": "/w==", "f": "e\nA==\n"},
            "stringData": {"b": "y", "g": 5},
        });
        let held = held(View::Json(&secret));
        let bytes: Vec<(&str, &[u8])> = held
            .iter()
            .map(|(key, held)| (key.as_str(), held.bytes.as_slice()))
            .collect();
        let want: [(&str, &[u8]); 7] = [
            ("a", b"x"),
            ("b", b"y"),
            ("c", b"not base64"),
            ("d", b""),
            ("e", b"\xff"),
            ("f", b"x"),
            ("g", b"5"),
        ];
        assert_eq!(bytes, want);
        assert!(held["a"].is_text() && !held["e"].is_text());
    }

    #[test]
    fn the_type_is_opaque_unless_named() {
        for (secret, want) in [
            (json!({}), "Opaque"),
            (json!({"type": ""}), "Opaque"),
            (json!({"type": null}), "Opaque"),
            (json!({"type": "kubernetes.io/tls"}), "kubernetes.io/tls"),
        ] {
            assert_eq!(secret_type(View::Json(&secret)), want, "{secret}");
        }
    }
}
