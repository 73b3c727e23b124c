//! `helm-floe check` over files that are no manifests, charts and whole repositories: what is looked
//! at, what is found where, and that no credential is ever repeated.
#![cfg(unix)]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{Helm, Outcome, feed, floe, helm_floe, path_text};
use proptest::prelude::*;
use serde_json::Value;
use tempfile::TempDir;

/// A password that nothing may repeat.
const PASSWORD: &str = "Tr0ub4dor-and-3";

/// A tree of files; a `%` in their text stands for the password.
fn tree(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().expect("a directory");
    for (name, text) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("created");
        fs::write(path, text.replace('%', PASSWORD)).expect("written");
    }
    root
}

/// Runs `check` in a directory.
fn check(root: &Path, args: &[&str]) -> Outcome {
    let mut command = floe(&[&["check"], args].concat());
    said(command.current_dir(root))
}

/// The same with Helm at hand.
fn check_with_helm(helm: &Helm, root: &Path, args: &[&str]) -> Outcome {
    let mut command = helm.program(helm_floe());
    command.arg("check").args(args).current_dir(root);
    said(&mut command)
}

/// What a program says, in which the password must not be.
fn said(command: &mut Command) -> Outcome {
    let said = Outcome::of(&feed(command, b""));
    for text in [&said.stdout, &said.stderr] {
        assert!(!text.contains(PASSWORD), "{text}");
    }
    said
}

/// Every finding of a report as `file:line:column policy pointer`.
fn findings(said: &Outcome) -> Vec<String> {
    let report: Value = serde_json::from_str(&said.stdout).expect("a JSON report");
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or("-").to_owned();
    let line = |finding: &Value| {
        format!(
            "{}:{}:{} {} {}",
            text(finding, "file"),
            finding["line"],
            finding["column"],
            text(finding, "policy"),
            text(finding, "pointer"),
        )
    };
    let findings = report["findings"].as_array().expect("findings");
    findings.iter().map(line).collect()
}

/// Files of many kinds, each with one credential, and some that are not to be looked at.
const REPOSITORY: [(&str, &str); 16] = [
    (".env", "HOST=db\nDB_PASSWORD=%\n"),
    (
        ".git/config",
        "[remote \"a\"]\n\turl = https://me:%@example.com/a.git\n",
    ),
    (".gitignore", "*.local\n/build/\n"),
    ("Dockerfile", "FROM scratch\nENV DB_PASSWORD=%\n"),
    (
        "app/application.properties",
        "spring.datasource.password=%\n",
    ),
    (
        "artifact.json",
        "{\n  \"a\": {\"b\": [{\"password\": \"%\"}]}\n}\n",
    ),
    ("build/values.yaml", "password: %\n"),
    (
        "deploy/config.yaml",
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nsecretGenerator:\n- name: a\n  literals:\n  - password=%\n",
    ),
    (
        "deploy/pod.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  password: %\n",
    ),
    (
        "main.tf",
        "resource \"db\" \"a\" {\n  password = \"%\"\n}\n",
    ),
    ("photo.png", "\u{0}password=%\n"),
    ("run.sh", "#!/bin/sh\nexport DB_PASSWORD='%'\n"),
    ("secret.local", "password=%\n"),
    ("template.yaml", "a: {{ .Values.a }}\npassword: %\n"),
    (
        "values-dev.yaml",
        "a: 1\n---\ndb:\n  existingSecret: db\n  password: \"%\" # for now\n",
    ),
    (
        "values.yaml",
        "db: {existingSecret: db, passwordKey: password}\n",
    ),
];

#[test]
fn a_repository_is_looked_through() {
    let root = tree(&REPOSITORY);
    let said = check(
        root.path(),
        &[".", "--format", "json", "--only", "secrets/*"],
    );
    assert_eq!(said.code, 1, "{}", said.stderr);
    let want = [
        "./.env:2:13 secrets/named-value ",
        "./Dockerfile:2:17 secrets/named-value ",
        "./app/application.properties:1:28 secrets/named-value ",
        "./artifact.json:2:28 secrets/named-value /a/b/0/password",
        "./deploy/config.yaml:6:5 secrets/named-value /secretGenerator/0/literals/0",
        "./deploy/pod.yaml:5:13 secrets/named-value /data/password",
        "./main.tf:2:15 secrets/named-value ",
        "./run.sh:2:21 secrets/named-value ",
        "./template.yaml:2:11 secrets/named-value ",
        "./values-dev.yaml:5:13 secrets/named-value /db/password",
    ];
    assert_eq!(findings(&said), want);
    let report: Value = serde_json::from_str(&said.stdout).expect("JSON");
    assert_eq!(report["summary"]["objects"], 1);
    assert_eq!(report["summary"]["files"], 11);
}

#[test]
fn the_report_reads_well_and_is_the_same_each_time() {
    let root = tree(&REPOSITORY);
    let file = root.path().join("out.local");
    let args = ["values-dev.yaml", ".env", "--report", path_text(&file)];
    let said = check(root.path(), &args);
    let want = "\
helm-floe refuses what these files hold: 2 errors, 0 warnings in 2 files

error[secrets/named-value]: a password of 15 characters stands in the clear
 --> values-dev.yaml:5:13
  = field: /db/password
  = help: let the file name where the credential is instead: a Secret, a store, a variable of the environment. Then replace the credential; it stays in the file's history

error[secrets/named-value]: a password of 15 characters stands in the clear
 --> .env:2:13
  = help: let the file name where the credential is instead: a Secret, a store, a variable of the environment. Then replace the credential; it stays in the file's history

help: change the files or the chart's values, or have the platform team except a finding: `helm-floe explain POLICY` shows how
note: no platform directory here or above: the built-in defaults hold
";
    let plain: String = said
        .stdout
        .lines()
        .map(|line| format!("{}\n", line.trim_start()))
        .collect();
    let want: String = want
        .lines()
        .map(|line| format!("{}\n", line.trim_start()))
        .collect();
    assert_eq!(plain, want);
    assert_eq!(fs::read_to_string(&file).expect("the report"), said.stdout);

    let many = tempfile::tempdir().expect("a directory");
    for number in 0..300 {
        let text = format!("password={PASSWORD}{number}\n");
        fs::write(many.path().join(format!("{number}.env")), text).expect("written");
    }
    let first = check(many.path(), &["."]);
    assert_eq!(first.stdout.matches("error[").count(), 300);
    assert_eq!(check(many.path(), &["."]).stdout, first.stdout);
}

/// A chart with a credential in each of its parts, and what Helm leaves out of it.
const CHART: [(&str, &str); 10] = [
    ("web/.helmignore", "ci/\n"),
    (
        "web/Chart.yaml",
        "apiVersion: v2\nname: web\nversion: 0.1.0\n",
    ),
    ("web/ci/values.yaml", "password: %\n"),
    ("web/files/init.sql", "CREATE USER a WITH PASSWORD '%';\n"),
    (
        "web/templates/_helpers.tpl",
        "{{- define \"a\" }}{{ end }}\n",
    ),
    (
        "web/templates/config.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  password: %\n  user: {{ .Values.user }}\n",
    ),
    ("web/values.yaml", "user: app\nadmin:\n  password: %\n"),
    (
        "web/charts/db/Chart.yaml",
        "apiVersion: v2\nname: db\nversion: 0.1.0\n",
    ),
    ("web/charts/db/values.yaml", "rootPassword: %\n"),
    (
        "web/charts/db/templates/empty.yaml",
        "{{- if .Values.never }}{{ end }}\n",
    ),
];

#[test]
fn a_chart_is_rendered_and_its_own_files_are_read() {
    let root = tree(&CHART);
    let helm = Helm::new(4);
    let args = ["--format", "json", "--only", "secrets/*"];
    for path in ["web", "."] {
        let said = check_with_helm(&helm, root.path(), &[&[path], args.as_slice()].concat());
        let at = |file: &str| match path {
            "." => format!("./web{file}"),
            _ => format!("web{file}"),
        };
        let want = [
            format!("{}:8:13 secrets/named-value /data/password", at("")),
            format!(
                "{}:1:15 secrets/named-value /rootPassword",
                at("/charts/db/values.yaml")
            ),
            format!("{}:1:30 secrets/named-value ", at("/files/init.sql")),
            format!("{}:6:13 secrets/named-value ", at("/templates/config.yaml")),
            format!(
                "{}:3:13 secrets/named-value /admin/password",
                at("/values.yaml")
            ),
        ];
        assert_eq!(findings(&said), want, "{path}: {}", said.stderr);
    }
}

#[test]
fn what_cannot_be_read_does_not_hide_the_rest() {
    let root = tree(&[
        (".env", "DB_PASSWORD=%\n"),
        ("broken.yaml", "apiVersion: v1\nkind: Pod\n  metadata: {\n"),
        (
            "chart/Chart.yaml",
            "apiVersion: v2\nname: chart\nversion: 0.1.0\n",
        ),
        ("chart/templates/a.yaml", "{{ fail \"no\" }}\n"),
        (
            "library/Chart.yaml",
            "apiVersion: v2\nname: library\nversion: 0.1.0\ntype: library\n",
        ),
    ]);
    let said = check_with_helm(&Helm::new(4), root.path(), &["."]);
    assert_eq!(said.code, 1, "{}", said.stdout);
    assert!(said.stdout.contains("./.env:1:13"), "{}", said.stdout);
    for word in [
        "error[manifest/unreadable]",
        "broken.yaml:3:",
        "helm template ./chart",
    ] {
        assert!(said.stdout.contains(word), "no {word} in {}", said.stdout);
    }
    assert!(!said.stdout.contains("library"), "{}", said.stdout);
    let chart = check_with_helm(&Helm::new(4), root.path(), &["chart"]);
    assert_eq!(chart.code, 2, "a chart that is named must render");
    assert!(
        chart.stderr.contains("helm template chart"),
        "{}",
        chart.stderr
    );
    let nothing = check(root.path(), &["broken.yaml"]);
    assert_eq!((nothing.code, nothing.stdout.as_str()), (2, ""));
}

#[test]
fn links_binaries_and_giants_are_left() {
    let outside = tree(&[("secret.env", "DB_PASSWORD=%\n")]);
    let root = tree(&[("a.txt", "nothing\n"), ("b.bin", "\u{0}\nDB_PASSWORD=%\n")]);
    for name in ["folder", "secret.env"] {
        let target = outside
            .path()
            .join(if name == "folder" { "" } else { name });
        std::os::unix::fs::symlink(target, root.path().join(name)).expect("linked");
    }
    let giant = fs::File::create(root.path().join("giant.log")).expect("created");
    giant.set_len(10_000_001).expect("a sparse file");
    let said = check(root.path(), &["."]);
    let want = "\
helm-floe: 0 errors, 0 warnings in 1 file, 0 edits
note: no platform directory here or above: the built-in defaults hold
note: ./giant.log has more than 10 MB and was not looked at
";
    assert_eq!((said.code, said.stdout.as_str()), (0, want));
    let named = root.path().join("folder").join("secret.env");
    let said = check(root.path(), &[path_text(&named)]);
    assert_eq!(said.code, 1, "what is named is looked at");
}

#[test]
fn a_named_file_is_what_it_holds() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {hostPID: true}\n";
    let root = tree(&[
        ("rendered", pod),
        (
            "nameless.yaml",
            "apiVersion: v1\nkind: Pod\nspec: {hostPID: true}\n",
        ),
        ("values.yaml", "kind: DaemonSet\nhostPID: true\n"),
        ("Chart.yaml", "apiVersion: v2\nname: a\n"),
        ("empty.yaml", "# nothing\n"),
    ]);
    let only = [
        "--only",
        "pss/hostNamespaces",
        "--only",
        "manifest/name",
        "--only",
        "secrets/*",
    ];
    for (file, code) in [
        ("rendered", 1),
        ("nameless.yaml", 1),
        ("values.yaml", 0),
        ("Chart.yaml", 0),
        ("empty.yaml", 2),
    ] {
        let said = check(root.path(), &[&[file], only.as_slice()].concat());
        assert_eq!(said.code, code, "{file}: {}{}", said.stdout, said.stderr);
    }
}

#[test]
fn the_platform_file_holds_no_credential() {
    for (text, place) in [
        (
            "security:\n  oauth2:\n    client_secret: %\n",
            "platform.yaml:3:5: security.oauth2.client_secret: ",
        ),
        (
            "hardening: {labels: {password: \"%\"}}\n",
            "platform.yaml:1:32: hardening.labels.password: ",
        ),
        (
            "hardening:\n  resources: {preset: [\"postgres://app:%@db/app\"]}\n",
            "platform.yaml:2:",
        ),
        ("a: 1\npassword: {a: \"%\"\n", "platform.yaml:"),
    ] {
        let root = tree(&[
            ("platform.yaml", text),
            (
                "pod.yaml",
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
            ),
        ]);
        let said = check(root.path(), &["pod.yaml", "--platform", "platform.yaml"]);
        assert_eq!(said.code, 2, "{text}: {}", said.stdout);
        assert!(said.stderr.contains(place), "{text}: {}", said.stderr);
        let mut command = floe(&["--platform", "platform.yaml"]);
        let filter = self::said(command.current_dir(root.path()));
        assert_eq!(filter.stdout, "");
    }
}

#[test]
fn the_platform_excepts_files_by_their_path() {
    let platform = "\
hardening:
  exceptions:
    - {policy: secrets/*, file: 'fixtures/*', reason: made up for tests}
    - {policy: secrets/*, file: 'gone/*', reason: no longer there}
";
    let root = tree(&[
        ("platform.yaml", platform),
        ("fixtures/a.env", "DB_PASSWORD=%\n"),
        (
            "fixtures/deep/cm.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {password: \"%\"}\n",
        ),
        ("b.env", "DB_PASSWORD=%\n"),
    ]);
    let said = check(root.path(), &[".", "--platform", "platform.yaml"]);
    assert_eq!(said.code, 1);
    assert!(
        said.stdout.contains("1 error, 0 warnings, 2 excepted in"),
        "{}",
        said.stdout
    );
    let gone = "the exception from secrets/* in gone/* (no longer there) covers no finding here";
    assert!(said.stdout.contains(gone), "{}", said.stdout);
    let pod = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    let mut command = floe(&["--platform", "platform.yaml"]);
    let filter = Outcome::of(&feed(command.current_dir(root.path()), pod.as_bytes()));
    assert_eq!(
        (filter.code, filter.stderr.as_str()),
        (0, ""),
        "a release has no files"
    );
}

/// Lines of many formats, some of them broken.
fn line() -> impl Strategy<Value = String> {
    let known = [
        "apiVersion: v1",
        "kind: Secret",
        "data:",
        "stringData: {a: '",
        "  password: |",
        "  a: &x !!binary aGk=",
        "- *x",
        "\"password\": \"Tr0ub4dor-and-3\",",
        "export PASSWORD=Tr0ub4dor-and-3 # \u{e9}",
        "# password: Tr0ub4dor-and-3",
        "-----BEGIN PRIVATE KEY-----",
        "url: postgres://a:Tr0ub4dor-and-3@db/a\r",
        "---",
        "{{ if .a }}",
        "}]\u{feff}\t",
    ];
    prop_oneof![
        4 => proptest::sample::select(known.to_vec()).prop_map(str::to_owned),
        1 => "[ -~\u{e4}\u{1f600}]{0,20}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_can_be_judged_and_hidden(lines in proptest::collection::vec(line(), 0..12)) {
        let text = lines.join("\n");
        let placed = helm_floe::check::files::judge("a.yaml", &text);
        for placed in placed {
            prop_assert!((1..=lines.len().max(1)).contains(&placed.line), "{text}");
            prop_assert!(!placed.violation.message.contains(PASSWORD));
        }
        let hidden = helm_floe::check::hide::secrets(&text);
        prop_assert_eq!(hidden.lines().count(), text.lines().count(), "{}\n==>\n{}", text, hidden);
        let _ = helm_floe::files::text::holds(&text);
    }
}
