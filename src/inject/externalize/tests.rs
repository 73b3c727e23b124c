//! Which Secrets are replaced, and by what.

use serde_json::json;

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
