//! Certificates that a webhook configuration of the same release vouches for.
//!
//! A chart that makes a certificate at each render writes the key into a Secret and the CA into a
//! `caBundle`. Once the Secret comes from a store the two are no longer made together.

use super::violation;
use crate::manifest::View;
use crate::object::Object;
use crate::object::secret::{self, decode};
use crate::policy::Violation;
use crate::report::Severity;

/// The policy that reports them.
pub const POLICY: &str = "secrets/webhook-certificate";

const HELP: &str = "let cert-manager issue the certificate and inject the caBundle (most charts have a value for it), or put the \
    certificate into the store and give the chart the same CA; `exclude` keeps the Secret as the chart makes it";

/// A Secret that holds a key pair and is about to come from a store.
#[derive(Clone, Debug)]
pub struct KeyPair {
    /// Its certificates, as PEM.
    certificates: Vec<String>,
    /// Pointer to the Secret in its document.
    pointer: String,
}

/// A `caBundle` that is written out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The object that holds it, as `kind name`.
    pub holder: String,
    /// The certificates, as PEM.
    pub pem: String,
}

/// The key pair that a Secret holds, where it holds one.
pub fn key_pair(object: &Object<'_>) -> Option<KeyPair> {
    let held = secret::held(object.view);
    let texts = || {
        held.values()
            .filter_map(|held| std::str::from_utf8(&held.bytes).ok())
    };
    let key = secret::secret_type(object.view) == "kubernetes.io/tls"
        || texts().any(|text| text.contains("PRIVATE KEY-----"));
    key.then(|| KeyPair {
        certificates: texts()
            .map(normal)
            .filter(|text| is_certificate(text))
            .collect(),
        pointer: object.pointer.clone(),
    })
}

/// The bundles of webhook configurations, API services and the conversion of custom resources.
pub fn bundles(object: &Object<'_>) -> Vec<Bundle> {
    let spec = object.view.get("spec");
    let client_configs: Vec<View<'_>> = match object.identity.kind.as_str() {
        "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration" => {
            let webhooks = object
                .view
                .get("webhooks")
                .into_iter()
                .flat_map(View::items);
            webhooks
                .filter_map(|hook| hook.get("clientConfig"))
                .collect()
        }
        "APIService" => spec.into_iter().collect(),
        "CustomResourceDefinition" => spec
            .and_then(|spec| spec.pointer("/conversion/webhook/clientConfig"))
            .into_iter()
            .collect(),
        _ => Vec::new(),
    };
    let pem = |config: View<'_>| {
        let bytes = decode(&config.get("caBundle")?.as_str()?)?;
        Some(normal(std::str::from_utf8(&bytes).ok()?)).filter(|text| is_certificate(text))
    };
    let holder = format!("{} {}", object.identity.kind, object.identity.name);
    let mut bundles: Vec<Bundle> = client_configs
        .into_iter()
        .filter_map(pem)
        .map(|pem| Bundle {
            holder: holder.clone(),
            pem,
        })
        .collect();
    bundles.dedup();
    bundles
}

/// What is to be said about a key pair: a warning whose message waits for the end of the stream.
pub fn pending(pair: &KeyPair) -> Violation {
    let kind = format!("{}/kind", pair.pointer);
    violation(POLICY, Severity::Warning, &kind, String::new(), HELP)
}

/// The message about a key pair whose CA, or that of nobody else, stands in one of the bundles.
/// `vouched` says whether some key pair of the stream has the CA of a bundle.
pub fn message(pair: &KeyPair, bundles: &[Bundle], vouched: bool) -> Option<String> {
    let own = bundles.iter().find(|bundle| pair.has(bundle));
    match (own, bundles.first()) {
        (Some(own), _) => Some(format!(
            "the Secret comes from the store now, and the caBundle of {} is still this render's CA: the two must agree",
            own.holder
        )),
        (None, Some(other)) if !vouched => Some(format!(
            "the Secret's key pair comes from the store now, and the caBundle of {} is written out: if it vouches for this pair, the two must agree",
            other.holder
        )),
        _ => None,
    }
}

impl KeyPair {
    /// Whether one of the pair's certificates is the bundle.
    pub fn has(&self, bundle: &Bundle) -> bool {
        self.certificates.contains(&bundle.pem)
    }
}

/// PEM without the blanks and line ends that differ from template to template.
fn normal(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_certificate(text: &str) -> bool {
    text.starts_with("-----BEGIN CERTIFICATE-----")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::object;

    const CA: &str = "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n";
    const OTHER: &str = "-----BEGIN CERTIFICATE-----\nREVG\n-----END CERTIFICATE-----\n";
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nR0hJ\n-----END PRIVATE KEY-----\n";

    fn encoded(text: &str) -> String {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(text)
    }

    fn pair(string_data: Value) -> Option<KeyPair> {
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": string_data});
        key_pair(&object::find(View::Json(&secret)).unwrap()[0])
    }

    fn bundles_of(value: Value) -> Vec<Bundle> {
        bundles(&object::find(View::Json(&value)).unwrap()[0])
    }

    #[test]
    fn bundles_stand_in_webhooks_services_and_definitions() {
        let object = |kind: &str, rest: Value| {
            let mut object = json!({"apiVersion": "x/v1", "kind": kind, "metadata": {"name": "h"}});
            object
                .as_object_mut()
                .unwrap()
                .extend(rest.as_object().unwrap().clone());
            object
        };
        let config = json!({"caBundle": encoded(CA)});
        let webhooks = json!({"webhooks": [{"clientConfig": config}, {"clientConfig": config}, {"clientConfig": {}}]});
        for (object, want) in [
            (
                object("ValidatingWebhookConfiguration", webhooks.clone()),
                1,
            ),
            (object("MutatingWebhookConfiguration", webhooks), 1),
            (object("APIService", json!({"spec": config})), 1),
            (
                object(
                    "CustomResourceDefinition",
                    json!({"spec": {"conversion": {"webhook": {"clientConfig": config}}}}),
                ),
                1,
            ),
            (object("CustomResourceDefinition", json!({"spec": {}})), 0),
            (
                object(
                    "ValidatingWebhookConfiguration",
                    json!({"webhooks": [{"clientConfig": {"caBundle": "Cg=="}}]}),
                ),
                0,
            ),
            (object("ConfigMap", json!({"spec": config})), 0),
        ] {
            assert_eq!(bundles_of(object.clone()).len(), want, "{object}");
        }
    }

    #[test]
    fn a_pair_is_told_by_its_ca_or_by_having_a_key() {
        let bundle = |pem: &str| Bundle {
            holder: "ValidatingWebhookConfiguration h".into(),
            pem: normal(pem),
        };
        let own = pair(json!({"ca.crt": CA.trim(), "tls.key": KEY})).unwrap();
        let said = message(&own, &[bundle(OTHER), bundle(CA)], true).unwrap();
        assert!(said.contains("is still this render's CA"));
        assert!(
            message(&own, &[bundle(OTHER)], true).is_none(),
            "another pair's bundle"
        );
        let said = message(&own, &[bundle(OTHER)], false).unwrap();
        assert!(said.contains("if it vouches for this pair"));
        assert!(message(&own, &[], false).is_none());
        assert!(
            pair(json!({"ca.crt": CA, "password": "x"})).is_none(),
            "no key"
        );
    }
}
