//! Flow style and JSON.

use serde_json::json;

use super::{add, check, remove, replace};

#[test]
fn flow_style_stays() {
    check(&[
        (
            "add",
            "m: {a: 1, b: 2} # c\n",
            add("/m/c", json!({"d": ["x"]})),
            "m: {a: 1, b: 2, c: {d: [x]}} # c\n",
        ),
        (
            "add to a list",
            "m: [a, 'b']\n",
            add("/m/-", json!("c d")),
            "m: [a, 'b', \"c d\"]\n",
        ),
        (
            "in front",
            "m: [a, b]\n",
            add("/m/0", json!("c")),
            "m: [c, a, b]\n",
        ),
        (
            "quotes as the neighbours",
            "m: [\"a\", \"b\"]\n",
            add("/m/-", json!("c")),
            "m: [\"a\", \"b\", \"c\"]\n",
        ),
        (
            "blanks as the neighbours",
            "m: [ a,b ]\n",
            add("/m/-", json!("c")),
            "m: [ a,b,c ]\n",
        ),
        (
            "a trailing comma",
            "m: [a, ]\n",
            add("/m/-", json!("c")),
            "m: [a, c, ]\n",
        ),
        (
            "replace",
            "m: {a: 1, b: 2}\n",
            replace("/m/a", json!([1])),
            "m: {a: [1], b: 2}\n",
        ),
        (
            "replace nothing",
            "m: {a: , b: 2}\n",
            replace("/m/a", json!({"x": 1})),
            "m: {a: {x: 1}, b: 2}\n",
        ),
        (
            "behind nothing",
            "m: {a: }\n",
            add("/m/b", json!(1)),
            "m: {a: , b: 1}\n",
        ),
        (
            "remove",
            "m: {a: 1, b: 2, c: 3}\n",
            remove(&["/m/b"]),
            "m: {a: 1, c: 3}\n",
        ),
        (
            "remove the first",
            "m: {a: 1, b: 2, c: 3}\n",
            remove(&["/m/a", "/m/b"]),
            "m: {c: 3}\n",
        ),
        (
            "remove the last",
            "m: {a: 1, b: 2}\n",
            remove(&["/m/b"]),
            "m: {a: 1}\n",
        ),
        (
            "remove all",
            "m: {a: {b: 2}}\n",
            remove(&["/m/a/b"]),
            "m: {a: {}}\n",
        ),
        (
            "replace all",
            "m: [a, b]\n",
            replace("/m", json!([1, {"c": 2}])),
            "m: [1, {c: 2}]\n",
        ),
        (
            "over lines",
            "m: {\n  a: 1,\n  b: 2 # c\n  }\n",
            add("/m/c", json!(3)),
            "m: {\n  a: 1,\n  b: 2,\n  c: 3 # c\n  }\n",
        ),
        (
            "Helm 4's metadata",
            "metadata: {name: x, annotations: {postrenderer.helm.sh/postrender-filename: 'f'}}\nkind: A\n",
            add("/metadata/labels", json!({"floe.dev/environment": "dev"})),
            "metadata: {name: x, annotations: {postrenderer.helm.sh/postrender-filename: 'f'}, labels: {floe.dev/environment: dev}}\nkind: A\n",
        ),
    ]);
}

#[test]
fn json_stays_json() {
    check(&[
        (
            "on one line",
            r#"{"a":1,"b":{"c":[]}}"#,
            add("/b/d", json!({"e": "f", "g": [1, 2]})),
            r#"{"a":1,"b":{"c":[],"d":{"e":"f","g":[1,2]}}}"#,
        ),
        (
            "an empty map takes the style around",
            r#"{"a":1,"b":{}}"#,
            add("/b/d", json!("x")),
            r#"{"a":1,"b":{"d":"x"}}"#,
        ),
        (
            "pretty",
            "{\n  \"kind\": \"A\",\n  \"metadata\": {\n    \"name\": \"x\"\n  }\n}\n",
            add("/metadata/labels", json!({"a": "b"})),
            "{\n  \"kind\": \"A\",\n  \"metadata\": {\n    \"name\": \"x\",\n    \"labels\": {\"a\": \"b\"}\n  }\n}\n",
        ),
        (
            "half JSON, as Helm 4 hands it over",
            "{\"apiVersion\": \"v1\", \"metadata\": {\"name\": \"x\", annotations: {postrenderer.helm.sh/postrender-filename: 'f'}}}\n",
            json!([{"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}, {"op": "add", "path": "/metadata/annotations/c", "value": "d"}]),
            "{\"apiVersion\": \"v1\", \"metadata\": {\"name\": \"x\", annotations: {postrenderer.helm.sh/postrender-filename: 'f', c: d}, \"labels\": {\"a\": \"b\"}}}\n",
        ),
    ]);
}
