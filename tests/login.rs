//! `platform verify` against real servers on loopback: what is asked, what is told, what never comes
//! out.
#![cfg(unix)]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::server::{Reply, Request, Server};
use common::{Outcome, feed, floe, path_text};
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::{Value, json};
use tempfile::TempDir;

/// What must never be repeated.
const SECRET: &str = "hunter2-do-not-print";
const TOKEN: &str = "opaque-token-do-not-print";
const REFRESH: &str = "opaque-refresh-do-not-print";

/// A platform file with these catalogs.
fn platform(catalogs: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a directory");
    let text = format!("version: \"1.2.0\"\ncatalogs:\n{catalogs}");
    fs::write(folder.path().join("platform.yaml"), text).expect("written");
    folder
}

/// A catalog that logs in by secrets of its own.
fn catalog(name: &str, uri: &str, more: &str) -> String {
    format!(
        "  {name}:\n    uri: {uri}\n    warehouse: w\n    credentials:\n      mode: oauth2\n      client_id: {{secret_ref: {name}-client, key: client_id}}\n      client_secret: {{secret_ref: {name}-client, key: client_secret}}\n      scope: PRINCIPAL_ROLE:READER\n{more}"
    )
}

const VARIABLES: [(&str, &str); 2] = [
    ("POLARIS_CLIENT_ID", "the-client"),
    ("POLARIS_CLIENT_SECRET", SECRET),
];

/// Runs `platform verify`; no secret may come out, whatever happens.
fn verify(folder: &TempDir, env: &[(&str, &str)], more: &[&str]) -> Outcome {
    let file = folder.path().join("platform.yaml");
    let args = ["platform", "verify", "--platform", path_text(&file)];
    let mut command = floe(&[&args, more].concat());
    let said = Outcome::of(&feed(command.envs(env.iter().copied()), b""));
    for secret in [SECRET, TOKEN, REFRESH] {
        assert!(!said.stdout.contains(secret), "{}", said.stdout);
        assert!(!said.stderr.contains(secret), "{}", said.stderr);
    }
    said
}

fn granted(more: Value) -> Reply {
    let mut body = json!({"access_token": TOKEN, "token_type": "bearer", "expires_in": 3600});
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    Reply::new(200, body.to_string()).header("content-type", "application/json")
}

/// The fields of a form, decoded.
fn form(request: &Request) -> Vec<(String, String)> {
    let plain = |text: &str| {
        text.replace('+', " ")
            .replace("%3A", ":")
            .replace("%20", " ")
    };
    let pairs = request
        .body
        .split('&')
        .filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (plain(name), plain(value)))
        .collect()
}

#[test]
fn a_login_is_tried_and_refreshed() {
    let server = Server::start(|_| granted(json!({"scope": "PRINCIPAL_ROLE:READER"})));
    let folder = platform(&catalog(
        "default",
        &format!("{}/api/catalog/", server.url()),
        "",
    ));
    let said = verify(&folder, &VARIABLES, &[]);
    assert_eq!(said.stderr, "");
    assert_eq!(
        said.ok(),
        "catalogs.default: a token for 3600 s, with scope PRINCIPAL_ROLE:READER; a second request gave another one for 3600 s\n"
    );
    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    for request in &asked {
        assert_eq!(request.method, "POST");
        assert_eq!(request.path, "/api/catalog/v1/oauth/tokens");
        assert_eq!(
            request.headers["content-type"],
            "application/x-www-form-urlencoded"
        );
        let want = [
            ("client_id", "the-client"),
            ("client_secret", SECRET),
            ("grant_type", "client_credentials"),
            ("scope", "PRINCIPAL_ROLE:READER"),
        ];
        let want = want.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(form(request), want);
    }
}

#[test]
fn a_refresh_token_is_used_when_there_is_one() {
    let server = Server::start(
        |request| match request.body.contains("grant_type=refresh_token") {
            true => granted(json!({"expires_in": "60", "scope": "other"})),
            false => granted(json!({"refresh_token": REFRESH})),
        },
    );
    let folder = platform(&catalog("default", &server.url(), ""));
    let said = verify(&folder, &VARIABLES, &[]).ok();
    assert_eq!(
        said,
        "catalogs.default: a token for 3600 s, with scope PRINCIPAL_ROLE:READER; the refresh token gave another one for 60 s, with scope other\n"
    );
    let second = form(&server.asked()[1]);
    assert!(
        second.contains(&("refresh_token".into(), REFRESH.into())),
        "{second:?}"
    );
    let said = verify(&folder, &VARIABLES, &["--format", "json"]).ok();
    let said: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(
        said["catalogs"],
        json!([{
            "catalog": "default",
            "result": "granted",
            "token": {"expires_in": 3600, "scope": "PRINCIPAL_ROLE:READER"},
            "refreshed": {"expires_in": 60, "scope": "other"},
            "refresh_token": true,
        }])
    );
}

/// Whatever a server does: the exit code, and what is said. Every answer repeats the secret.
#[test]
fn every_failure_says_what_it_is_and_never_what_was_sent() {
    let echo = |status: u16, error: &str| {
        let body = json!({"error": error, "error_description": format!("bad {SECRET}"), "message": SECRET});
        Reply::new(status, body.to_string()).header("www-authenticate", format!("Basic {SECRET}"))
    };
    let long = vec![b' '; 70_000];
    let elsewhere = Server::start(|_| granted(json!({})));
    let cases = [
        (
            echo(401, "invalid_client"),
            1,
            "asking for a token: the server refuses with status 401, invalid_client: the client's id or secret is wrong",
        ),
        (
            echo(400, "invalid_scope"),
            1,
            "the server refuses with status 400, invalid_scope: the client may not have this scope",
        ),
        (echo(400, SECRET), 1, "the server refuses with status 400\n"),
        (
            Reply::new(500, format!("<html>{SECRET}")),
            1,
            "the server refuses with status 500\n",
        ),
        (
            Reply::new(204, ""),
            1,
            "the server refuses with status 204\n",
        ),
        (
            Reply::new(200, format!("<html>{SECRET}")),
            1,
            "the answer is no token: it is no JSON",
        ),
        (
            Reply::new(200, format!("{{\"token\":\"{SECRET}\"}}")),
            1,
            "the answer is no token: it has no `access_token`",
        ),
        (
            granted(json!({"token_type": SECRET})),
            1,
            "the answer is no token: its `token_type` is not bearer",
        ),
        (
            granted(json!({"expires_in": SECRET})),
            1,
            "the answer is no token: its `expires_in` is no number of seconds",
        ),
        (
            Reply::new(200, long),
            2,
            "the answer is longer than 65536 bytes",
        ),
        (
            Reply::new(302, "").header("location", elsewhere.url()),
            2,
            "the server redirects to another address",
        ),
        (
            Reply::new(307, "").header("location", format!("{}/{SECRET}", elsewhere.url())),
            2,
            "secrets are not sent after it",
        ),
        (
            granted(json!({"scope": format!("a {SECRET}")})),
            0,
            "with a scope that is not shown",
        ),
        (
            granted(json!({"scope": TOKEN})),
            0,
            "with a scope that is not shown",
        ),
        (
            granted(json!({"scope": "a\u{1b}[2J"})),
            0,
            "with a scope that is not shown",
        ),
    ];
    for (reply, code, want) in cases {
        let answer = reply.clone();
        let server = Server::start(move |_| answer.clone());
        let folder = platform(&catalog("default", &server.url(), ""));
        for format in ["text", "json"] {
            let said = verify(&folder, &VARIABLES, &["--format", format]);
            assert_eq!(said.code, code, "{reply:?}\n{}{}", said.stdout, said.stderr);
            let text = format!("{}{}", said.stdout, said.stderr);
            let scope = code == 0 && format == "json";
            assert!(
                text.contains(want) || scope && text.contains("\"scope\": null"),
                "{text}"
            );
        }
    }
    assert!(elsewhere.asked().is_empty(), "a redirect was followed");
}

#[test]
fn a_refresh_that_fails_is_a_failure() {
    let count = AtomicUsize::new(0);
    let server = Server::start(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => granted(json!({})),
        _ => Reply::new(503, SECRET),
    });
    let folder = platform(&catalog("default", &server.url(), ""));
    let said = verify(&folder, &VARIABLES, &[]);
    assert_eq!((said.code, said.stdout.as_str()), (1, ""));
    assert_eq!(
        said.stderr,
        "helm-floe: catalogs.default: refreshing the token: the server refuses with status 503\n"
    );
}

#[test]
fn all_catalogs_are_tried_and_all_problems_told() {
    let good = Server::start(|_| granted(json!({})));
    let bad = Server::start(|_| Reply::new(401, r#"{"error":"invalid_client"}"#));
    let own = |name: &str| {
        format!("{{secret_ref: {name}_ID, secret_name: {name}, key: id}}")
            .replace("secret_name: ", "secret_name: s-")
    };
    let named = |name: &str, uri: &str, kind: &str, more: &str| {
        let id = own(name).replace(&format!("s-{name}"), &name.to_lowercase());
        let secret = id
            .replace("_ID", "_SECRET")
            .replace("key: id", "key: secret");
        format!(
            "  {}:\n    type: {kind}\n    uri: {uri}\n    warehouse: w\n    credentials: {{mode: oauth2, client_id: {id}, client_secret: {secret}}}\n{more}",
            name.to_lowercase()
        )
    };
    let text = [
        named("A", &good.url(), "polaris", ""),
        named("B", &bad.url(), "rest", ""),
        named("C", "http://catalog.example.com", "polaris", ""),
        named("D", &good.url(), "nessie", ""),
        named("E", "\"http://127.0.0.1:1\"", "polaris", ""),
        named("F", &good.url(), "unity", &format!("    properties: {{oauth2-server-uri: \"{}/oidc/v1/token\"}}\n", good.url())),
        named("G", &good.url(), "rest", "    properties: {oauth2-server-uri: /other/tokens}\n"),
        named("H", "{secret_ref: h-address}", "rest", ""),
        "  i:\n    type: glue\n    uri: http://glue\n    warehouse: w\n    credentials: {mode: iam_role, role_arn: \"arn:aws:iam::123456789012:role/r\"}\n".into(),
    ]
    .concat();
    let folder = platform(&text);
    let mut env: Vec<(String, String)> = Vec::new();
    for name in ["A", "B", "C", "D", "E", "F", "G"] {
        env.push((format!("{name}_ID"), "me".into()));
        env.push((format!("{name}_SECRET"), SECRET.into()));
    }
    env.push(("H_ID".into(), String::new()));
    let env: Vec<(&str, &str)> = env.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let said = verify(&folder, &env, &[]);
    assert_eq!(said.code, 2);
    let out = "\
catalogs.a: a token for 3600 s, with no scope; a second request gave another one for 3600 s
catalogs.f: a token for 3600 s, with no scope; a second request gave another one for 3600 s
catalogs.g: a token for 3600 s, with no scope; a second request gave another one for 3600 s
catalogs.i: not tried, it does not log in by oauth2 but by iam_role
";
    assert_eq!(said.stdout, out);
    for line in [
        "catalogs.b: asking for a token: the server refuses with status 401, invalid_client",
        "catalogs.c: asking for a token: the address begins with http://",
        "catalogs.d: properties: a catalog of type nessie has no token endpoint of its own: set `oauth2-server-uri`",
        "catalogs.e: asking for a token: no answer: ",
        "catalogs.h: uri: the variable H_ADDRESS is not set; it has to hold the key uri of the Secret h-address",
        "catalogs.h: credentials.client_id: the variable H_ID is not set; it has to hold the key id of the Secret h",
        "catalogs.h: credentials.client_secret: the variable H_SECRET is not set",
    ] {
        assert!(
            said.stderr.contains(&format!("helm-floe: {line}")),
            "{line}\n{}",
            said.stderr
        );
    }
    assert_eq!(said.stderr.lines().count(), 7, "{}", said.stderr);
    let paths: Vec<String> = good
        .asked()
        .into_iter()
        .map(|request| request.path)
        .collect();
    let want = ["/v1/oauth/tokens", "/oidc/v1/token", "/other/tokens"];
    assert_eq!(
        paths,
        want.iter()
            .flat_map(|path| [*path, *path])
            .collect::<Vec<_>>()
    );
    // One alone: only its own problems count.
    verify(&folder, &env, &["--catalog", "a"]).ok();
    assert_eq!(verify(&folder, &env, &["--catalog", "b"]).code, 1);
    let said = verify(&folder, &env, &["--catalog", "z"]);
    assert_eq!(said.code, 2);
    assert!(
        said.stderr.contains("no catalog `z` in "),
        "{}",
        said.stderr
    );
    let said = verify(&folder, &env, &["--catalog", "i"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("nothing was tried"), "{}", said.stderr);
}

/// Two Secrets under one variable: one of them would go to the other's server.
#[test]
fn a_secret_is_never_sent_to_another_catalogs_server() {
    let one = Server::start(|_| granted(json!({})));
    let two = Server::start(|_| granted(json!({})));
    let folder = platform(&(catalog("one", &one.url(), "") + &catalog("two", &two.url(), "")));
    let said = verify(&folder, &VARIABLES, &[]);
    assert_eq!((said.code, said.stdout.as_str()), (2, ""));
    assert!(
        said.stderr.contains("POLARIS_CLIENT_SECRET"),
        "{}",
        said.stderr
    );
    assert!(
        said.stderr
            .contains("try one at a time with --catalog NAME"),
        "{}",
        said.stderr
    );
    assert!(one.asked().is_empty() && two.asked().is_empty());
    verify(&folder, &VARIABLES, &["--catalog", "two"]).ok();
    assert!(one.asked().is_empty());
    assert_eq!(two.asked().len(), 2);
}

/// A server that never answers does not hold anybody up.
#[test]
fn a_server_that_never_answers_times_out() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let folder = platform(&catalog("default", &format!("http://{address}"), ""));
    let said = verify(&folder, &VARIABLES, &["--timeout", "1"]);
    assert_eq!(said.code, 2);
    assert!(
        said.stderr.contains("no answer: it took too long"),
        "{}",
        said.stderr
    );
}

/// What is meant for this machine is not carried to a proxy.
#[test]
fn proxies_do_not_see_what_is_meant_for_this_machine() {
    let server = Server::start(|_| granted(json!({})));
    let proxy = Server::start(|_| Reply::new(500, ""));
    let folder = platform(&catalog("default", &server.url(), ""));
    let url = proxy.url();
    let env = [
        &VARIABLES[..],
        &[
            ("HTTP_PROXY", &url),
            ("http_proxy", &url),
            ("ALL_PROXY", &url),
        ],
    ]
    .concat();
    verify(&folder, &env, &[]).ok();
    assert_eq!(server.asked().len(), 2);
    assert!(proxy.asked().is_empty());
}

#[test]
fn tls_servers_are_known_by_the_systems_certificates() {
    let made =
        rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .expect("versions")
    .with_no_client_auth()
    .with_single_cert(vec![made.cert.der().clone()], key.into())
    .expect("a configuration");
    let config = Arc::new(config);
    let server = Server::wrapped(
        |_| granted(json!({})),
        move |stream| {
            let connection = rustls::ServerConnection::new(config.clone()).ok()?;
            Some(Box::new(rustls::StreamOwned::new(connection, stream)))
        },
    );
    let port = server.host().rsplit(':').next().expect("a port").to_owned();
    let folder = platform(&catalog(
        "default",
        &format!("https://localhost:{port}"),
        "",
    ));
    let file = folder.path().join("ca.pem");
    fs::write(&file, made.cert.pem()).expect("written");
    let trusting = [&VARIABLES[..], &[("SSL_CERT_FILE", path_text(&file))]].concat();
    verify(&folder, &trusting, &[]).ok();
    assert_eq!(server.asked().len(), 2);

    let other =
        rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    fs::write(&file, other.cert.pem()).expect("written");
    let said = verify(&folder, &trusting, &[]);
    assert_eq!(said.code, 2);
    assert!(
        said.stderr.contains("no answer: invalid peer certificate"),
        "{}",
        said.stderr
    );
    fs::write(&file, "").expect("written");
    let said = verify(&folder, &trusting, &[]);
    assert!(
        said.stderr.contains("no certificates to know servers by"),
        "{}",
        said.stderr
    );
    assert!(
        server.asked().is_empty(),
        "a secret went to a server that nobody knows"
    );
}
