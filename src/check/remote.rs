//! What the platform's store must hold for a release to start.

use super::violation;
use crate::inject::externalize::POLICY;
use crate::manifest::View;
use crate::object::Object;
use crate::platform::secrets::Placeholder;
use crate::policy::Violation;
use crate::report::Severity;
use crate::report::remote::RemoteKey;

/// Whether an object is an ExternalSecret of any version.
pub fn is_external_secret(object: &Object<'_>) -> bool {
    object.identity.kind == "ExternalSecret" && object.identity.group() == "external-secrets.io"
}

/// The remote keys an ExternalSecret reads, those it names one by one and those it takes whole.
/// What it finds by a pattern is not known before the operator looks.
pub fn keys(external_secret: View<'_>) -> Vec<RemoteKey> {
    let mut keys: Vec<RemoteKey> = Vec::new();
    let store = external_secret.pointer("/spec/secretStoreRef");
    let list = |name: &str| {
        let list = external_secret.get("spec").and_then(|spec| spec.get(name));
        list.into_iter().flat_map(View::items)
    };
    let text = |view: Option<View<'_>>| {
        let text = view.and_then(View::as_str).filter(|text| !text.is_empty());
        text.map(|text| text.into_owned())
    };
    for (entry, field) in list("data")
        .map(|entry| (entry, "remoteRef"))
        .chain(list("dataFrom").map(|entry| (entry, "extract")))
    {
        let Some(remote) = entry.get(field) else {
            continue;
        };
        let Some(key) = text(remote.get("key")) else {
            continue;
        };
        let store = entry.pointer("/sourceRef/storeRef").or(store);
        let member = |name| text(store.and_then(|store| store.get(name)));
        let store = format!(
            "{} {}",
            member("kind").unwrap_or_else(|| "SecretStore".into()),
            member("name").unwrap_or_default()
        );
        let at = keys.iter().position(|k| k.key == key && k.store == store);
        let at = at.unwrap_or_else(|| {
            keys.push(RemoteKey::new(store, key));
            keys.len() - 1
        });
        let encoded = text(remote.get("decodingStrategy")).as_deref() == Some("Base64");
        if let Some(known) = keys.get_mut(at) {
            known.add(text(remote.get("property")), encoded);
        }
    }
    keys
}

/// Says that the remote key of a Secret cannot be told.
pub fn unknown(secret: &Object<'_>, placeholder: Placeholder) -> Violation {
    let help = match placeholder {
        Placeholder::Environment => "give --env (or FLOE_ENV)",
        Placeholder::Release => "give --release; Helm does not tell a post-renderer",
        Placeholder::Namespace => {
            "give the release's namespace: --namespace (or HELM_NAMESPACE); Helm does not tell a post-renderer"
        }
        Placeholder::Name | Placeholder::Key => "give the Secret a name",
    };
    violation(
        POLICY,
        Severity::Error,
        &format!("{}/kind", secret.pointer),
        format!(
            "the Secret is to come from the store, but its remote key needs the {}, which is not known",
            placeholder.word()
        ),
        help,
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_come_from_data_and_from_whole_secrets() {
        let external = json!({"spec": {
            "secretStoreRef": {"name": "vault", "kind": "ClusterSecretStore"},
            "data": [
                {"secretKey": "b", "remoteRef": {"key": "shop/db", "property": "b"}},
                {"secretKey": "a", "remoteRef": {"key": "shop/db", "property": "a", "decodingStrategy": "Base64"}},
                {"secretKey": "c", "remoteRef": {"key": "shop/c"}},
                {"secretKey": "d", "remoteRef": {"key": "d"}, "sourceRef": {"storeRef": {"name": "own"}}},
                {"secretKey": "e"},
            ],
            "dataFrom": [{"extract": {"key": "shop/all"}}, {"find": {"name": {"regexp": ".*"}}}],
        }});
        let keys = keys(View::Json(&external));
        let said: Vec<String> = keys.iter().map(|k| format!("{}: {k}", k.store)).collect();
        let want = [
            "ClusterSecretStore vault: shop/db (a in base64, b)",
            "ClusterSecretStore vault: shop/c",
            "SecretStore own: d",
            "ClusterSecretStore vault: shop/all",
        ];
        assert_eq!(said, want);
    }
}
