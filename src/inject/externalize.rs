//! Inline Secrets become ExternalSecrets, so that no value travels in a release.
//!
//! The ExternalSecret has the Secret's name and keys; the operator
//! (<https://external-secrets.io>) creates the Secret from the platform's store. It takes the place
//! of the whole object before anything else looks at it, and nothing of a value goes into it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::labels::Label;
use crate::manifest::View;
use crate::object::Object;
use crate::object::secret::{self, Held};
use crate::platform::secrets::{Externalize, Placeholder};

/// The policy under which the replacement is reported.
pub const POLICY: &str = "secrets/externalize";

/// Secrets that controllers make and fill; an ExternalSecret would fight with them.
const CONTROLLER_MADE: [&str; 3] = [
    "bootstrap.kubernetes.io/token",
    "helm.sh/release.v1",
    "kubernetes.io/service-account-token",
];

/// kubectl keeps the whole manifest here, values included.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Annotations that are about the object in the release, not about the Secret the operator makes.
const ABOUT_THE_OBJECT: [&str; 5] = [
    "argocd.argoproj.io/",
    "helm.sh/",
    "kustomize.toolkit.fluxcd.io/",
    "meta.helm.sh/",
    "postrenderer.helm.sh/",
];

/// An annotation that repeats a word of a value of at least this many bytes is dropped; shorter
/// ones, such as `true`, are no evidence.
const TELLING: usize = 8;

/// What the platform wants of Secrets, and what the run knows.
#[derive(Clone, Debug)]
pub struct Externalizer {
    /// The platform's choice.
    pub config: Externalize,
    /// The environment, where one is given.
    pub environment: Option<String>,
    /// The release's name, where it is known.
    pub release: Option<String>,
    /// The release's namespace, where it is known.
    pub namespace: Option<String>,
    /// Labels that the operator's Secret gets as well.
    pub labels: Vec<Label>,
}

impl Externalizer {
    /// The ExternalSecret that takes the place of an object; `None` for an object that is no Secret,
    /// holds no literal value, or is to stay.
    ///
    /// # Errors
    /// The placeholder of the remote key of which nobody knows the value.
    pub fn replacement(&self, object: &Object<'_>) -> Result<Option<Value>, Placeholder> {
        if !secret::is_secret(object) || !self.wants(object) {
            return Ok(None);
        }
        let held = secret::held(object.view);
        if !held.values().any(|held| is_literal(object, held)) {
            return Ok(None);
        }
        let mut data = Vec::with_capacity(held.len());
        for (key, held) in &held {
            data.push(json!({
                "secretKey": key,
                "remoteRef": self.remote(object, key, held)?,
            }));
        }
        let store = &self.config.store;
        let mut target = json!({
            "creationPolicy": "Owner",
            "deletionPolicy": "Retain",
            "template": {
                "engineVersion": "v2",
                "mergePolicy": "Replace",
                "type": secret::secret_type(object.view),
            },
        });
        if let Some(metadata) = self.template_metadata(object, &held) {
            set(&mut target, "/template", "metadata", metadata);
        }
        if object.view.get("immutable").and_then(View::as_bool) == Some(true) {
            set(&mut target, "", "immutable", Value::Bool(true));
        }
        Ok(Some(json!({
            "apiVersion": self.config.api_version.as_str(),
            "kind": "ExternalSecret",
            "metadata": metadata(object, &held),
            "spec": {
                "data": data,
                "refreshInterval": self.config.refresh_interval,
                "secretStoreRef": {"kind": store.kind.as_str(), "name": store.name},
                "target": target,
            },
        })))
    }

    fn wants(&self, object: &Object<'_>) -> bool {
        let name = object.identity.name.as_str();
        let config = &self.config;
        let included = match &config.include {
            Some(globs) => globs.iter().any(|glob| glob.matches(name)),
            None => true,
        };
        let excluded = config.exclude.iter().any(|glob| glob.matches(name));
        let kind = secret::secret_type(object.view);
        !name.is_empty() && included && !excluded && !CONTROLLER_MADE.contains(&kind.as_ref())
    }

    /// Where the store keeps one value. The fields that the operator would fill in with their
    /// defaults are written out: Argo CD shows list items that differ from the cluster's as out of
    /// sync (external-secrets/external-secrets#6797).
    fn remote(&self, object: &Object<'_>, key: &str, held: &Held) -> Result<Value, Placeholder> {
        let id = &object.identity;
        let namespace = id.namespace.as_deref().or(self.namespace.as_deref());
        let template = &self.config.key;
        let remote_key = template.fill(|placeholder| match placeholder {
            Placeholder::Environment => self.environment.as_deref(),
            Placeholder::Namespace => namespace,
            Placeholder::Release => self.release.as_deref(),
            Placeholder::Name => Some(&id.name),
            Placeholder::Key => Some(key),
        })?;
        let mut remote = json!({
            "conversionStrategy": "Default",
            "decodingStrategy": if held.is_text() { "None" } else { "Base64" },
            "key": remote_key,
            "metadataPolicy": "None",
        });
        if !template.has(Placeholder::Key) {
            set(&mut remote, "", "property", key.into());
        }
        Ok(remote)
    }

    /// Labels and annotations of the Secret that the operator makes. It runs them as Go templates, so
    /// one that holds `{{` stays out.
    fn template_metadata(
        &self,
        object: &Object<'_>,
        held: &BTreeMap<String, Held>,
    ) -> Option<Value> {
        let plain = |value: &Value| value.as_str().is_none_or(|text| !text.contains("{{"));
        let mut labels = member(object, "labels");
        for label in &self.labels {
            let value = || Value::String(label.value.clone());
            labels.entry(label.key.clone()).or_insert_with(value);
        }
        labels.retain(|_, value| plain(value));
        let mut annotations = annotations(object, held);
        annotations.retain(|key, value| !is_about_object(key) && plain(value));
        let both = [("annotations", annotations), ("labels", labels)];
        let some = both.into_iter().filter(|(_, map)| !map.is_empty());
        let metadata: Map<String, Value> = some
            .map(|(name, map)| (name.to_owned(), map.into()))
            .collect();
        (!metadata.is_empty()).then_some(metadata.into())
    }
}

/// The `metadata` of the ExternalSecret. Whatever else a Secret's metadata holds is the server's.
fn metadata(object: &Object<'_>, held: &BTreeMap<String, Held>) -> Value {
    let mut metadata = Map::new();
    metadata.insert("name".into(), object.identity.name.clone().into());
    if let Some(namespace) = &object.identity.namespace {
        metadata.insert("namespace".into(), namespace.clone().into());
    }
    let both = [
        ("annotations", annotations(object, held)),
        ("labels", member(object, "labels")),
    ];
    for (name, map) in both.into_iter().filter(|(_, map)| !map.is_empty()) {
        metadata.insert(name.into(), map.into());
    }
    metadata.into()
}

/// The Secret's annotations without those that repeat something of a value. Those by which Helm and
/// its like treat the object stay in any case.
fn annotations(object: &Object<'_>, held: &BTreeMap<String, Held>) -> Map<String, Value> {
    let mut annotations = member(object, "annotations");
    annotations.retain(|key, value| {
        let text = value.as_str().unwrap_or_default();
        let repeats = || held.values().any(|held| repeats(text, held));
        is_about_object(key) || key != LAST_APPLIED && !repeats()
    });
    annotations
}

fn is_about_object(annotation: &str) -> bool {
    ABOUT_THE_OBJECT
        .iter()
        .any(|start| annotation.starts_with(start))
}

/// Whether a text holds a word of a value: as the value is written, as a pod sees it, or as that is
/// decoded once more.
fn repeats(text: &str, held: &Held) -> bool {
    let seen = std::str::from_utf8(&held.bytes).unwrap_or_default();
    let decoded = secret::decode(seen).and_then(|bytes| String::from_utf8(bytes).ok());
    let between = |c: char| c.is_whitespace() || "=:,;\"'(){}[]<>".contains(c);
    let forms = [
        held.written.as_str(),
        seen,
        decoded.as_deref().unwrap_or_default(),
    ];
    let mut words = forms.into_iter().flat_map(|form| form.split(between));
    words.any(|word| word.len() >= TELLING && text.contains(word))
}

/// A map of `metadata`, nulls left out.
fn member(object: &Object<'_>, name: &str) -> Map<String, Value> {
    let map = object.view.get("metadata").and_then(|m| m.get(name));
    let entries = map.into_iter().flat_map(View::entries);
    entries
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| (key.into_owned(), value.to_json()))
        .collect()
}

/// Sets a member of the map at a pointer.
fn set(value: &mut Value, pointer: &str, key: &str, new: Value) {
    if let Some(map) = value.pointer_mut(pointer).and_then(Value::as_object_mut) {
        map.insert(key.to_owned(), new);
    }
}

/// Whether a value is one: not empty, and no reference that something else fills in.
fn is_literal(object: &Object<'_>, held: &Held) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object;

    fn externalizer(config: Value) -> Externalizer {
        Externalizer {
            config: serde_json::from_value(config).unwrap(),
            environment: Some("prod".into()),
            release: None,
            namespace: Some("shop".into()),
            labels: vec![Label {
                policy: "labels/platform",
                key: "team".into(),
                value: "web".into(),
                strict: true,
            }],
        }
    }

    fn plain() -> Externalizer {
        externalizer(json!({"store": {"name": "vault"}}))
    }

    fn secret(more: Value) -> Value {
        let mut secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}});
        let members = more.as_object().unwrap().clone();
        secret.as_object_mut().unwrap().extend(members);
        secret
    }

    fn replaced(by: &Externalizer, secret: &Value) -> Result<Option<Value>, Placeholder> {
        let objects = object::find(View::Json(secret)).unwrap();
        by.replacement(&objects[0])
    }

    #[test]
    fn a_secret_becomes_an_external_secret_of_the_same_name_and_keys() {
        let secret = secret(json!({
            "metadata": {
                "name": "db",
                "namespace": "data",
                "creationTimestamp": null,
                "labels": {"app": "db"},
                "annotations": {
                    "helm.sh/hook": "pre-install",
                    "replicator/allow": "all",
                    "note": "the password is hunter2hunter2",
                    "kubectl.kubernetes.io/last-applied-configuration": "{}",
                },
            },
            "type": "kubernetes.io/basic-auth",
            "immutable": true,
            "data": {"username": "YWRtaW4=", "blob": "/w=="},
            "stringData": {"password": "hunter2hunter2"},
        }));
        let got = replaced(&plain(), &secret).unwrap().unwrap();
        let remote = |property: &str, decoding: &str| {
            json!({
                "secretKey": property,
                "remoteRef": {
                    "key": "data/db",
                    "property": property,
                    "conversionStrategy": "Default",
                    "decodingStrategy": decoding,
                    "metadataPolicy": "None",
                },
            })
        };
        let want = json!({
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": {
                "name": "db",
                "namespace": "data",
                "labels": {"app": "db"},
                "annotations": {"helm.sh/hook": "pre-install", "replicator/allow": "all"},
            },
            "spec": {
                "refreshInterval": "1h",
                "secretStoreRef": {"kind": "ClusterSecretStore", "name": "vault"},
                "data": [
                    remote("blob", "Base64"), remote("password", "None"), remote("username", "None"),
                ],
                "target": {
                    "creationPolicy": "Owner",
                    "deletionPolicy": "Retain",
                    "immutable": true,
                    "template": {
                        "engineVersion": "v2",
                        "mergePolicy": "Replace",
                        "type": "kubernetes.io/basic-auth",
                        "metadata": {
                            "labels": {"app": "db", "team": "web"},
                            "annotations": {"replicator/allow": "all"},
                        },
                    },
                },
            },
        });
        assert_eq!(got, want);
        assert_eq!(replaced(&plain(), &got), Ok(None), "once is enough");
    }

    #[test]
    fn the_platform_chooses_key_store_and_version() {
        let by = externalizer(json!({
            "store": {"name": "team", "kind": "SecretStore"},
            "key": "{environment}-{name}-{key}",
            "refresh_interval": "0",
            "api_version": "external-secrets.io/v1beta1",
        }));
        let secret = secret(json!({"stringData": {"a": "hunter2"}}));
        let got = replaced(&by, &secret).unwrap().unwrap();
        assert_eq!(got["apiVersion"], "external-secrets.io/v1beta1");
        assert_eq!(got["spec"]["refreshInterval"], "0");
        assert_eq!(got["spec"]["secretStoreRef"]["kind"], "SecretStore");
        let remote = &got["spec"]["data"][0]["remoteRef"];
        assert_eq!(remote["key"], "prod-db-a");
        assert!(remote.get("property").is_none(), "a remote key of its own");
    }

    #[test]
    fn an_unknown_part_of_the_key_is_an_error() {
        let config = json!({"store": {"name": "vault"}, "key": "{release}/{name}"});
        let literal = secret(json!({"stringData": {"a": "hunter2"}}));
        let got = replaced(&externalizer(config.clone()), &literal);
        assert_eq!(got, Err(Placeholder::Release));
        let empty = secret(json!({"data": {}}));
        assert_eq!(replaced(&externalizer(config), &empty), Ok(None));
    }

    #[test]
    fn only_inline_secrets_with_a_value_are_replaced() {
        let some = json!({"a": "hunter2"});
        for (members, want) in [
            (json!({"stringData": some}), true),
            (json!({"data": {"a": "aHVudGVyMg=="}}), true),
            (json!({"data": {"a": "/w=="}}), true),
            (json!({"stringData": {"a": "${A}", "b": "literal"}}), true),
            (json!({"stringData": {"a": "${A}-${B}"}}), false),
            (json!({"stringData": {"a": "${A}-x"}}), true),
            (
                json!({"stringData": {"a": "user=${A}\npassword=x\n"}}),
                true,
            ),
            (json!({"stringData": {"a": "${A"}}), true),
            (json!({"stringData": {"a": "<change-me>"}}), true),
            (
                json!({"metadata": {"name": "db", "annotations": {"avp.kubernetes.io/path": "kv/db"}}, "stringData": {"a": "<change-me>"}}),
                false,
            ),
            (json!({"stringData": {"a": 5}}), true),
            (json!({}), false),
            (json!({"data": null}), false),
            (json!({"data": {"a": "", "b": null}}), false),
            (json!({"stringData": {"a": "${A}", "b": "$(B)"}}), false),
            (json!({"data": {"a": "JHtBfQ=="}}), false),
            (
                json!({"stringData": {"a": "<path:kv/db#a>", "b": "{{ .a }}"}}),
                false,
            ),
            (
                json!({"stringData": {"a": "ENC[AES256_GCM,data:x]", "b": "ref+vault://a"}}),
                false,
            ),
            (
                json!({"type": "helm.sh/release.v1", "stringData": some}),
                false,
            ),
            (
                json!({"type": "kubernetes.io/service-account-token", "stringData": some}),
                false,
            ),
            (
                json!({"type": "bootstrap.kubernetes.io/token", "stringData": some}),
                false,
            ),
            (json!({"kind": "ConfigMap", "data": some}), false),
            (
                json!({"apiVersion": "example.com/v1", "stringData": some}),
                false,
            ),
            (json!({"metadata": {}, "stringData": some}), false),
        ] {
            let secret = secret(members);
            let got = replaced(&plain(), &secret).unwrap();
            assert_eq!(got.is_some(), want, "{secret}");
        }
    }

    #[test]
    fn names_choose_among_secrets() {
        let secret = secret(json!({"stringData": {"a": "hunter2"}}));
        for (include, exclude, want) in [
            (json!(null), json!([]), true),
            (json!(["d*"]), json!([]), true),
            (json!(["web-*"]), json!([]), false),
            (json!([]), json!([]), false),
            (json!(["*"]), json!(["db"]), false),
        ] {
            let config = json!({
                "store": {"name": "vault"}, "include": include, "exclude": exclude,
            });
            let got = replaced(&externalizer(config), &secret).unwrap();
            assert_eq!(got.is_some(), want, "{include} {exclude}");
        }
    }
}
