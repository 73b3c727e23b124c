//! The script with which floe-platform creates Polaris' catalogs, run against a server that answers as
//! Polaris does.

use std::fs;
use std::io::Write as _;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::server::{Reply, Request, Server};
use crate::common::{Helm, Outcome, feed, path_text, repository};
use crate::render::{objects, template};

const SECRET: &str = "s3cr3t&do=not,\"print\"";
const TOKEN: &str = "opaque-token-do-not-print";

/// What the chart mounts into the Job: the script, and a description of each catalog.
fn mounted(sets: &[&str]) -> TempDir {
    let chart = repository().join("charts/floe-platform");
    let mut arguments = vec![path_text(&chart)];
    arguments.extend(sets.iter().flat_map(|set| ["--set", set]));
    let stream = template(&Helm::new(4), &arguments).ok();
    let all = objects(&stream);
    let mut own = all.iter().filter(|o| o["kind"] == "ConfigMap");
    let own = own.find(|o| o["metadata"]["name"] == "acme-polaris-catalogs");
    let folder = tempfile::tempdir().expect("a directory");
    let data = own.expect("a ConfigMap")["data"].as_object();
    for (name, text) in data.expect("data") {
        fs::write(folder.path().join(name), text.as_str().expect("text")).expect("written");
    }
    folder
}

/// Runs the script, which must not say anything secret; nothing where there is no curl.
fn create(folder: &TempDir, server: &Server) -> Option<Outcome> {
    if Command::new("curl").arg("--version").output().is_err() {
        // Past the test harness, which shows only what failing tests print.
        let _ = writeln!(
            std::io::stderr(),
            "the script that creates catalogs: skipped, there is no curl here"
        );
        return None;
    }
    let scratch = tempfile::tempdir().expect("a directory");
    let mut command = Command::new("sh");
    command
        .arg(folder.path().join("create.sh"))
        .env("TMPDIR", scratch.path())
        .env("POLARIS_URL", server.url())
        .env("REALM", "HARBOUR")
        .env("ROOT_CLIENT_ID", "root")
        .env("ROOT_CLIENT_SECRET", SECRET);
    let said = Outcome::of(&feed(&mut command, b""));
    for text in [&said.stdout, &said.stderr] {
        assert!(!text.contains(SECRET) && !text.contains(TOKEN), "{text}");
    }
    Some(said)
}

fn token(_: &Request) -> Reply {
    Reply::new(
        200,
        json!({"access_token": TOKEN, "token_type": "bearer"}).to_string(),
    )
}

#[test]
fn catalogs_that_are_missing_are_created() {
    let folder = mounted(&[
        "minio.enabled=true",
        "polaris.catalogs[0].name=landing",
        "polaris.catalogs[0].location=s3://raw/in/",
    ]);
    let tried = AtomicUsize::new(0);
    let server = Server::start(move |request| match request.path.as_str() {
        // Polaris is not up at once.
        "/api/catalog/v1/oauth/tokens" if tried.fetch_add(1, Ordering::SeqCst) == 0 => {
            Reply::new(503, "")
        }
        "/api/catalog/v1/oauth/tokens" => token(request),
        "/api/management/v1/catalogs" if request.body.contains("landing") => Reply::new(409, "{}"),
        _ => Reply::new(201, "{}"),
    });
    let Some(said) = create(&folder, &server) else {
        return;
    };
    let stdout = said.ok();
    assert_eq!(
        stdout,
        "the catalog floe is there\nthe catalog landing is there\n"
    );
    let asked = server.asked();
    let login = &asked[1];
    assert!(
        login
            .body
            .contains("client_secret=s3cr3t%26do%3Dnot%2C%22print%22"),
        "{}",
        login.body
    );
    let rest: Vec<(&str, &str)> = asked[2..]
        .iter()
        .map(|request| (request.method.as_str(), request.path.as_str()))
        .collect();
    let grants = |name: &str| {
        format!("/api/management/v1/catalogs/{name}/catalog-roles/catalog_admin/grants")
    };
    assert_eq!(
        rest,
        [
            ("POST", "/api/management/v1/catalogs"),
            ("PUT", &grants("floe")),
            ("POST", "/api/management/v1/catalogs"),
            ("PUT", &grants("landing")),
        ]
    );
    for request in &asked[2..] {
        assert_eq!(request.headers["authorization"], format!("Bearer {TOKEN}"));
        assert_eq!(request.headers["polaris-realm"], "HARBOUR");
    }
    let body: Value = serde_json::from_str(&asked[2].body).expect("JSON");
    let wanted = json!({"catalog": {
        "name": "floe",
        "type": "INTERNAL",
        "properties": {"default-base-location": "s3://floe/floe/"},
        "storageConfigInfo": {
            "storageType": "S3",
            "allowedLocations": ["s3://floe/floe/"],
            "region": "us-east-1",
            "endpoint": "http://acme-minio:9000",
            "pathStyleAccess": true,
        },
    }});
    assert_eq!(body, wanted);
    assert!(
        asked[4].body.contains("\"s3://raw/in/\""),
        "{}",
        asked[4].body
    );
}

/// Whatever Polaris refuses fails the Job, with its words.
#[test]
fn refusals_are_failures() {
    let folder = mounted(&[
        "polaris.catalogs[0].name=floe",
        "polaris.catalogs[0].roleArn=arn:aws:iam::111111111111:role/floe",
    ]);
    for (path, status, wanted) in [
        ("/api/catalog/v1/oauth/tokens", 401, "401"),
        (
            "/api/management/v1/catalogs",
            400,
            "Polaris says 400: the bucket overlaps",
        ),
        (
            "/api/management/v1/catalogs/floe/catalog-roles/catalog_admin/grants",
            404,
            "Polaris says 404",
        ),
    ] {
        let server = Server::start(move |request| match request.path.as_str() {
            own if own == path => Reply::new(status, "the bucket overlaps"),
            "/api/catalog/v1/oauth/tokens" => token(request),
            _ => Reply::new(201, "{}"),
        });
        let Some(said) = create(&folder, &server) else {
            return;
        };
        assert_ne!(said.code, 0, "{path}");
        assert!(said.stderr.contains(wanted), "{path}: {}", said.stderr);
    }
}

/// The catalog of a product is created where it is this release's, and no other.
#[test]
fn the_product_s_catalog_is_created_where_it_is_here() {
    let names = |sets: &[&str]| {
        let folder = mounted(sets);
        let files = fs::read_dir(folder.path()).expect("read");
        let files = files.map(|file| {
            file.expect("read")
                .file_name()
                .into_string()
                .expect("UTF-8")
        });
        let mut names: Vec<String> = files
            .filter_map(|file| file.strip_suffix(".json").map(str::to_owned))
            .collect();
        names.sort();
        names
    };
    let product = ["floe.catalog.type=polaris", "floe.catalog.warehouse=goods"];
    let at = |uri: &str| {
        let uri = format!("floe.catalog.uri={uri}");
        names(&[product[0], product[1], &uri])
    };
    assert_eq!(
        at("http://acme-polaris:8181/api/catalog"),
        ["floe", "goods"]
    );
    assert_eq!(at("https://polaris.example.com/api/catalog"), ["floe"]);
    assert_eq!(names(&["polaris.warehouse=sea"]), ["sea"]);
}
