//! Artifacts in registries: pushed by a real client into a real registry, pulled by `generate`.
#![cfg(unix)]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::registry::Registry;
use common::server::{Reply, Request, Server};
use common::{Outcome, feed, floe, repository, tools};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// What must never be repeated.
const SECRET: &str = "hunter2-do-not-print";
const MEDIA_TYPE: &str = "application/vnd.helm-floe.artifact.v2+json";

/// Pushes a file as the documentation says, and gives the digest that the client prints.
fn push(registry: &Registry, file: &Path, name: &str, media_type: &str) -> String {
    let mut oras = Command::new(oras());
    oras.args([
        "push",
        "--plain-http",
        &format!("{}/{name}", registry.address),
    ]);
    oras.arg(format!(
        "{}:{media_type}",
        file.file_name().expect("a name").display()
    ));
    let home = file.parent().expect("a folder");
    oras.current_dir(home).env_clear().env("HOME", home);
    let said = Outcome::of(&oras.output().expect("runs")).ok();
    let digest = said.lines().find_map(|line| line.strip_prefix("Digest: "));
    digest.expect("a digest").to_owned()
}

/// Sends a request on to a registry.
fn ask(host: &str, request: &Request) -> Reply {
    let url = format!("http://{host}{}", request.path);
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    let agent: ureq::Agent = config.build().into();
    let mut reply = agent.get(url).call().expect("an answer");
    let body = reply.body_mut().read_to_vec().expect("a body");
    Reply::new(reply.status().as_u16(), body)
}

fn oras() -> PathBuf {
    let built = tools().join("oras/oras");
    let on_path = std::env::var_os("PATH").and_then(|path| {
        std::env::split_paths(&path)
            .map(|folder| folder.join("oras"))
            .find(|file| file.is_file())
    });
    let program = if built.is_file() {
        Some(built)
    } else {
        on_path
    };
    program.expect("oras is missing: run scripts/tools oras")
}

/// A folder with an artifact for production.
fn artifact() -> TempDir {
    let folder = tempfile::tempdir().expect("a directory");
    let mut compile = floe(&["compile", "--env", "prod", "-o"]);
    compile.arg(folder.path().join("prod.json"));
    Outcome::of(&feed(
        compile.current_dir(repository().join("examples/starter")),
        b"",
    ))
    .ok();
    folder
}

/// Runs `generate` with an artifact, in a folder whose `docker/config.json` is Docker's.
fn generate(folder: &Path, artifact: &str, more: &[&str]) -> Outcome {
    let mut command = floe(&[&["generate", "-a", artifact, "-e", "prod"], more].concat());
    command
        .current_dir(folder)
        .env("DOCKER_CONFIG", folder.join("docker"));
    let said = Outcome::of(&feed(&mut command, b""));
    for text in [&said.stdout, &said.stderr] {
        assert!(!text.contains(SECRET), "{text}");
    }
    said
}

fn docker_config(folder: &Path, config: &Value) {
    fs::create_dir_all(folder.join("docker")).expect("created");
    fs::write(folder.join("docker/config.json"), config.to_string()).expect("written");
}

fn sha(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[test]
fn a_pulled_artifact_is_the_file() {
    let registry = Registry::start();
    let folder = artifact();
    let file = folder.path().join("prod.json");
    let digest = push(&registry, &file, "team/orders:1.0.0", MEDIA_TYPE);
    let from_file = generate(folder.path(), "prod.json", &[]).ok();
    for tag in ["", ":1.0.0", ":anything"] {
        let reference = format!("oci://{}/team/orders{tag}@{digest}", registry.address);
        assert_eq!(
            generate(folder.path(), &reference, &[]).ok(),
            from_file,
            "{reference}"
        );
    }
    // Both at once: they are of the same environment, and by their names it is told which.
    let reference = format!("oci://{}/team/orders@{digest}", registry.address);
    let said = generate(folder.path(), &reference, &["-a", "prod.json"]);
    assert_eq!(said.code, 2);
    assert!(
        said.stderr
            .contains(&format!("both {reference} and prod.json")),
        "{}",
        said.stderr
    );
}

#[test]
fn what_is_not_pinned_or_not_there_is_refused() {
    let registry = Registry::start();
    let folder = artifact();
    let file = folder.path().join("prod.json");
    let host = &registry.address;
    push(&registry, &file, "team/orders:1.0.0", MEDIA_TYPE);
    let other = push(&registry, &file, "team/orders:json", "application/json");
    fs::write(folder.path().join("none.json"), "{\"version\": \"0.1.0\"}").expect("written");
    let none = push(
        &registry,
        &folder.path().join("none.json"),
        "team/orders:none",
        MEDIA_TYPE,
    );
    fs::write(folder.path().join("binary"), [0xff, 0xfe]).expect("written");
    let binary = push(
        &registry,
        &folder.path().join("binary"),
        "team/orders:binary",
        MEDIA_TYPE,
    );
    let nothing = format!("sha256:{}", "0".repeat(64));
    for (reference, want) in [
        (
            format!("oci://{host}/team/orders:1.0.0"),
            "a tag can be moved to something else: name the artifact by its digest",
        ),
        (
            format!("oci://{host}/team/orders"),
            "name the artifact by its digest",
        ),
        (
            format!("oci://me:{SECRET}@{host}/team/orders"),
            "--artifact oci://: a digest is sha256:",
        ),
        (
            format!("oci://{host}/team/orders@{nothing}"),
            "the registry has no such manifest",
        ),
        (
            format!("oci://{host}/other@{nothing}"),
            "the registry has no such manifest",
        ),
        (
            format!("oci://{host}/team/orders@{other}"),
            &format!("its layer is not of type {MEDIA_TYPE}"),
        ),
        (
            format!("oci://{host}/team/orders@{none}"),
            "artifacts of version 0.1.0 cannot be read",
        ),
        (
            format!("oci://{host}/team/orders@{binary}"),
            "the artifact is no UTF-8 text",
        ),
        (
            format!("oci://127.0.0.1:1/team/orders@{nothing}"),
            "no answer: ",
        ),
    ] {
        let said = generate(folder.path(), &reference, &[]);
        assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{reference}");
        assert!(said.stderr.contains(want), "{reference}\n{}", said.stderr);
    }
}

/// A registry in front of the real one that wants a login, and may send the asker elsewhere.
fn front(host: &str, answer: impl Fn(&Request) -> Option<Reply> + Send + 'static) -> Server {
    let host = host.to_owned();
    Server::start(move |request| answer(request).unwrap_or_else(|| ask(&host, request)))
}

fn authorization(request: &Request) -> &str {
    request
        .headers
        .get("authorization")
        .map_or("", String::as_str)
}

#[test]
fn a_basic_login_comes_from_dockers_configuration() {
    let registry = Registry::start();
    let folder = artifact();
    let digest = push(
        &registry,
        &folder.path().join("prod.json"),
        "orders:1",
        MEDIA_TYPE,
    );
    let login = STANDARD.encode(format!("me:{SECRET}"));
    let want = format!("Basic {login}");
    let server = front(&registry.address, move |request| {
        let good = authorization(request) == want;
        (!good).then(|| Reply::new(401, "").header("www-authenticate", "Basic realm=\"registry\""))
    });
    let host = server.host();
    let reference = format!("oci://{host}/orders@{digest}");
    let auths = |host: &str, login: &str| json!({"auths": {host: {"auth": login}}});
    docker_config(folder.path(), &auths(&host, &login));
    generate(folder.path(), &reference, &[]).ok();
    // Nothing is sent before it is asked for.
    assert_eq!(authorization(&server.asked()[0]), "");
    for (config, want) in [
        (json!({}), "Docker's configuration has none for it"),
        (
            auths("other.example.com", &login),
            "Docker's configuration has none for it",
        ),
        (
            auths(&host, &STANDARD.encode("me:wrong")),
            "the one in Docker's configuration is not good for it",
        ),
        (json!({"credsStore": "desktop"}), "credential helper"),
        (
            auths(&host, SECRET),
            "config.json: holds a login that is not USER:PASSWORD in base64",
        ),
        (
            json!([SECRET]),
            "config.json: is no configuration of Docker",
        ),
    ] {
        docker_config(folder.path(), &config);
        let said = generate(folder.path(), &reference, &[]);
        assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{config}");
        assert!(said.stderr.contains(want), "{config}\n{}", said.stderr);
    }
}

#[test]
fn a_bearer_token_comes_from_the_token_service() {
    for (known, answer, code) in [
        (true, json!({"token": SECRET}).to_string(), 0),
        (false, json!({"access_token": SECRET}).to_string(), 0),
        (true, json!({"token": "another"}).to_string(), 2),
        (true, json!({"error": SECRET}).to_string(), 2),
    ] {
        let registry = Registry::start();
        let folder = artifact();
        let digest = push(
            &registry,
            &folder.path().join("prod.json"),
            "team/orders:1",
            MEDIA_TYPE,
        );
        let tokens = Server::start(move |_| Reply::new(200, answer.clone()));
        let challenge = format!(
            "Bearer realm=\"{}/token\",service=\"the registry\"",
            tokens.url()
        );
        let server = front(&registry.address, move |request| {
            let good = authorization(request) == format!("Bearer {SECRET}");
            (!good).then(|| Reply::new(401, "").header("www-authenticate", &*challenge))
        });
        let login = STANDARD.encode("me:word");
        let config = match known {
            true => json!({"auths": {server.host(): {"auth": login}}}),
            false => json!({}),
        };
        docker_config(folder.path(), &config);
        let said = generate(
            folder.path(),
            &format!("oci://{}/team/orders@{digest}", server.host()),
            &[],
        );
        assert_eq!(said.code, code, "{}", said.stderr);
        let asked = tokens.asked();
        assert_eq!(asked.len(), 1);
        assert_eq!(
            asked[0].path.replace("%20", "+"),
            "/token?scope=repository%3Ateam%2Forders%3Apull&service=the+registry"
        );
        let sent = if known {
            format!("Basic {login}")
        } else {
            String::new()
        };
        assert_eq!(authorization(&asked[0]), sent);
    }
}

#[test]
fn redirects_get_no_login_and_what_comes_must_have_the_digest() {
    let registry = Registry::start();
    let folder = artifact();
    let file = folder.path().join("prod.json");
    let digest = push(&registry, &file, "orders:1", MEDIA_TYPE);
    let text = fs::read(&file).expect("read");
    let layer = sha(&text);
    let login = STANDARD.encode("me:word");
    for (sent, code, want) in [
        (Reply::new(200, text.clone()), 0, String::new()),
        (
            Reply::new(200, "{}"),
            2,
            format!(
                "the artifact that came has another digest, sha256:{}",
                sha(b"{}")
            ),
        ),
        (
            Reply::new(200, vec![b' '; 9 << 20]),
            2,
            "the answer is longer than 8388608 bytes".into(),
        ),
        (
            Reply::new(404, ""),
            2,
            "the registry has no such artifact".into(),
        ),
        (
            Reply::new(302, ""),
            2,
            "redirects the request for the artifact to nowhere".into(),
        ),
        (
            Reply::new(302, "").header("location", "ftp://a/b"),
            2,
            "the address is not of the form".into(),
        ),
        (
            Reply::new(302, "").header("location", "http://store.example.com/b"),
            2,
            "the address begins with http://".into(),
        ),
    ] {
        let store = Server::start(move |_| sent.clone());
        let (to, challenged) = (
            format!("{}/store/blob", store.url()),
            format!("Basic {login}"),
        );
        let blob = format!("/v2/orders/blobs/sha256:{layer}");
        let server = front(&registry.address, move |request| {
            match request.path == blob {
                _ if authorization(request) != challenged => {
                    Some(Reply::new(401, "").header("www-authenticate", "Basic"))
                }
                true => Some(Reply::new(307, "").header("location", &*to)),
                false => None,
            }
        });
        docker_config(
            folder.path(),
            &json!({"auths": {server.host(): {"auth": login}}}),
        );
        let said = generate(
            folder.path(),
            &format!("oci://{}/orders@{digest}", server.host()),
            &[],
        );
        assert_eq!(said.code, code, "{}", said.stderr);
        assert!(said.stderr.contains(&want), "{want}\n{}", said.stderr);
        for request in store.asked() {
            assert_eq!(
                authorization(&request),
                "",
                "a login went to the store of blobs"
            );
        }
    }
}

/// A registry that lies about the manifest, too.
#[test]
fn another_manifest_than_the_named_one_is_refused() {
    let registry = Registry::start();
    let folder = artifact();
    let file = folder.path().join("prod.json");
    let good = push(&registry, &file, "orders:1", MEDIA_TYPE);
    let host = registry.address.clone();
    let server = Server::start(move |_| {
        ask(
            &host,
            &Request {
                path: format!("/v2/orders/manifests/{good}"),
                ..Request::default()
            },
        )
    });
    let reference = format!("oci://{}/orders@sha256:{}", server.host(), "1".repeat(64));
    let said = generate(folder.path(), &reference, &[]);
    assert_eq!(said.code, 2);
    assert!(
        said.stderr
            .contains("the manifest that came has another digest, sha256:"),
        "{}",
        said.stderr
    );
}

/// No stage of the filter can open a connection or run a program.
#[test]
fn the_filter_talks_to_nobody() {
    let mut files = 0;
    for stage in [
        "manifest",
        "object",
        "policy",
        "inject",
        "check",
        "pipeline",
        "report",
        "pipeline.rs",
    ] {
        for entry in walkdir::WalkDir::new(repository().join("src").join(stage)) {
            let path = entry.expect("read").into_path();
            if path.extension().is_none_or(|ending| ending != "rs") {
                continue;
            }
            files += 1;
            let text = fs::read_to_string(&path).expect("read");
            for word in [
                "TcpStream",
                "UdpSocket",
                "UnixStream",
                "ureq",
                "crate::http",
                "crate::registry",
                "process::Command",
            ] {
                assert!(!text.contains(word), "{}: {word}", path.display());
            }
        }
    }
    assert!(files > 100, "{files}");
}
