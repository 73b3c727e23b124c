//! Which values are written out, and which are references that something else fills in.

use crate::object::Object;
use crate::object::secret::Held;

/// Whether a value is one: not empty, and no reference that something else fills in.
pub(super) fn is_literal(object: &Object<'_>, held: &Held) -> bool {
    let text = std::str::from_utf8(&held.bytes).unwrap_or("binary").trim();
    let reference = |text: &str| is_reference(text) || is_vault_plugin(object, text);
    !text.is_empty() && !reference(text) && !reference(held.written.trim())
}

/// Whether nothing of a text is written out: `${VAR}`, `$(VAR)`, `{{ … }}`, `<path:…>`, `ref+vault://…`,
/// `vault:…#…`, SOPS' `ENC[…]`, and several of them one behind the other.
fn is_reference(text: &str) -> bool {
    let wrapped = [
        ("${", "}"),
        ("$(", ")"),
        ("{{", "}}"),
        ("<path:", ">"),
        ("ENC[", "]"),
    ];
    let address = text.starts_with("ref+") || text.starts_with("vault:") && text.contains('#');
    let mut rest = text.to_owned();
    for (start, end) in wrapped {
        while let Some(at) = rest.find(start) {
            let length = rest.get(at..).and_then(|from| from.find(end));
            let Some(length) = length else { break };
            rest.replace_range(at..at + length + end.len(), "");
        }
    }
    let whole = rest.len() < text.len() && !rest.contains(char::is_alphanumeric);
    whole || address && !text.contains(char::is_whitespace)
}

/// Whether a text is a placeholder of the Argo CD Vault Plugin, which knows its Secrets by an
/// annotation.
fn is_vault_plugin(object: &Object<'_>, text: &str) -> bool {
    let annotations = object.view.pointer("/metadata/annotations");
    let plugin = annotations.and_then(|all| all.get("avp.kubernetes.io/path"));
    plugin.is_some() && text.starts_with('<') && text.ends_with('>')
}
