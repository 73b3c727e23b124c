//! The wiring of releases: each fault of `testdata/manifests/wiring` is found, at its place and as
//! nothing else, and what only looks like a fault is not.
#![cfg(unix)]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use common::{Helm, Outcome, copy_tree, feed, floe, path_text, repository};
use serde_json::Value;

/// A finding: policy, severity and pointer.
type Found = (String, String, String);

/// What `helm-floe` finds in a stream.
fn findings(args: &[&str], input: &str) -> Vec<Found> {
    let only = [
        "--only=wiring/*",
        "--only=manifest/duplicate-key",
        "--only=network/selects-nothing",
    ];
    let file = tempfile::NamedTempFile::new().expect("a file");
    let report = ["--format", "json", "--report", path_text(file.path())];
    let said = Outcome::of(&feed(
        &mut floe(&[args, &only, &report].concat()),
        input.as_bytes(),
    ));
    let text = fs::read_to_string(file.path()).expect("a report");
    assert!(!text.is_empty(), "{}", said.stderr);
    let report: Value = serde_json::from_str(&text).expect("JSON");
    let field = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let findings = report["findings"].as_array().expect("findings").iter();
    findings
        .map(|own| {
            (
                field(own, "policy"),
                field(own, "severity"),
                field(own, "pointer"),
            )
        })
        .collect()
}

fn manifests(name: &str) -> String {
    let file = format!("testdata/manifests/wiring/{name}.yaml");
    fs::read_to_string(repository().join(file)).expect("read")
}

/// Every file, and all that is to be found in it.
const FAULTS: &[(&str, &[(&str, &str)])] = &[
    (
        "config-keys",
        &[(
            "wiring/key",
            "/spec/containers/0/env/0/valueFrom/configMapKeyRef",
        )],
    ),
    (
        "control-plane",
        &[
            ("wiring/egress-control-plane", "/spec/egress"),
            ("wiring/egress-database", "/spec/egress"),
            ("wiring/egress-dns", "/spec/egress/0"),
        ],
    ),
    (
        "dapr-annotations",
        &[(
            "wiring/annotation-place",
            "/metadata/annotations/dapr.io~1enabled",
        )],
    ),
    (
        "namespace-labels",
        &[
            (
                "wiring/namespace-label",
                "/spec/ingress/0/from/0/namespaceSelector/matchLabels/name",
            ),
            (
                "wiring/namespace-label",
                "/spec/egress/0/to/0/namespaceSelector/matchLabels/name",
            ),
        ],
    ),
    (
        "namespaces",
        &[
            ("wiring/namespace", "/metadata/namespace"),
            (
                "wiring/config-map",
                "/spec/template/spec/containers/0/envFrom/0/configMapRef",
            ),
        ],
    ),
    (
        "not-rendered",
        &[
            (
                "wiring/service-account",
                "/spec/template/spec/serviceAccountName",
            ),
            (
                "wiring/secret",
                "/spec/template/spec/containers/0/envFrom/0/secretRef",
            ),
            (
                "wiring/config-map",
                "/spec/template/spec/volumes/0/configMap",
            ),
        ],
    ),
    ("outside", &[("wiring/egress-outside", "/spec/egress/1")]),
    (
        "ports",
        &[
            ("wiring/target-port", "/spec/ports/0/targetPort"),
            (
                "wiring/probe-port",
                "/spec/template/spec/containers/0/readinessProbe/httpGet/port",
            ),
            (
                "wiring/service-port",
                "/spec/rules/0/http/paths/0/backend/service",
            ),
            ("wiring/host", "/spec/containers/0/command/1"),
        ],
    ),
    (
        "redis-tls",
        &[("wiring/redis-tls", "/spec/metadata/1/value")],
    ),
    (
        "replicas",
        &[
            ("wiring/disruption-budget", "/spec/minAvailable"),
            ("wiring/autoscaler-replicas", "/spec/replicas"),
            (
                "wiring/shared-volume",
                "/spec/template/spec/volumes/0/persistentVolumeClaim",
            ),
            ("wiring/autoscaler-request", "/spec/metrics/0"),
        ],
    ),
    (
        "secret-names",
        &[
            (
                "wiring/secret",
                "/spec/template/spec/containers/0/env/0/valueFrom/secretKeyRef",
            ),
            (
                "wiring/key",
                "/spec/template/spec/containers/0/env/1/valueFrom/secretKeyRef",
            ),
            ("wiring/key", "/spec/metadata/0/secretKeyRef"),
            ("wiring/key", "/spec/metadata/1/secretKeyRef"),
        ],
    ),
    (
        "selectors",
        &[
            ("wiring/service-selector", "/spec/selector"),
            ("wiring/budget-selector", "/spec/selector"),
            ("network/selects-nothing", "/spec/podSelector"),
            ("wiring/monitor-selector", "/spec"),
        ],
    ),
    (
        "service-names",
        &[
            (
                "wiring/host",
                "/spec/template/spec/initContainers/0/command/2",
            ),
            (
                "wiring/host",
                "/spec/template/spec/containers/0/env/0/value",
            ),
        ],
    ),
    (
        "two-volumes",
        &[
            (
                "wiring/volume",
                "/spec/template/spec/containers/0/volumeMounts/0/name",
            ),
            ("manifest/duplicate-key", "/spec/template/spec/volumes"),
        ],
    ),
];

#[test]
fn every_fault_is_found_at_its_place_and_nothing_else() {
    for (name, expected) in FAULTS {
        let found = findings(&["check", "-", "--namespace", "shop"], &manifests(name));
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|(policy, _, pointer)| (policy.as_str(), pointer.as_str()))
            .collect();
        assert_eq!(found, *expected, "{name}");
    }
}

#[test]
fn every_file_is_in_the_table() {
    let folder = repository().join("testdata/manifests/wiring");
    let files = fs::read_dir(folder).expect("read");
    let files: BTreeSet<String> = files
        .map(|entry| entry.expect("read").path().with_extension(""))
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .collect();
    let table = FAULTS.iter().map(|(name, _)| (*name).to_owned());
    assert_eq!(files, table.collect::<BTreeSet<_>>());
}

/// The policies that the filter reports, without NetworkPolicies of ours.
fn filtered(input: &str) -> Vec<String> {
    let args = [
        "post-render",
        "--on-violation=warn",
        "--network-policies=off",
    ];
    let found = findings(&args, input);
    found.into_iter().map(|(policy, ..)| policy).collect()
}

/// Helm 3 shows no hooks to a post-renderer: what a hook may make is not missed. With a hook in the
/// stream, or Helm 4's annotation, everything is there.
#[test]
fn what_a_hook_may_make_is_not_missed() {
    let job = manifests("not-rendered");
    assert_eq!(filtered(&job), [""; 0]);
    let hook = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: h, annotations: {helm.sh/hook: test}}\n";
    let all = [
        "wiring/service-account",
        "wiring/secret",
        "wiring/config-map",
    ];
    assert_eq!(filtered(&format!("{job}{hook}")), all);
    let helm4 = job.replace(
        "metadata: {name: dbt-run}",
        "metadata: {name: dbt-run, annotations: {postrenderer.helm.sh/postrender-filename: a/templates/b.yaml}}",
    );
    assert_eq!(filtered(&helm4), all);
}

/// What a controller, an operator, a program or a webhook adds to the pods, or makes, is there.
#[test]
fn what_others_add_when_pods_run_is_not_missed() {
    let web = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  selector: {matchLabels: {app: web}}\n  \
        template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: a, image: \"a:1\"}]}\n---\n";
    let selects = |key: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: s}}\nspec: {{selector: {{{key}: x}}, ports: [{{port: 80}}]}}\n---\n\
            apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p}}\nspec: {{podSelector: {{matchLabels: {{{key}: x}}}}, policyTypes: [Ingress]}}\n---\n"
        )
    };
    let job = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: x}\nspec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: \"a:1\"}]}}}\n---\n";
    let custom = "apiVersion: acme.com/v1\nkind: Sandbox\nmetadata: {name: s}\nspec: {podTemplate: {metadata: {labels: {app: x}}, spec: {containers: [{name: a, image: \"a:1\"}]}}}\n---\n";
    let role = |resource: &str| {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: r}}\nrules: [{{apiGroups: [\"\"], resources: [{resource}], verbs: [create]}}]\n---\n"
        )
    };
    let fuse = |annotation: &str, volume: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p, annotations: {{{annotation}: \"true\"}}}}\nspec: {{containers: [{{name: a, image: \"a:1\"}}], volumes: [{{name: {volume}, emptyDir: {{}}}}]}}\n---\n"
        )
    };
    let nothing: &[&str] = &[];
    let both: &[&str] = &["wiring/service-selector", "network/selects-nothing"];
    for (name, stream, expected) in [
        ("none", web.to_owned() + &selects("app"), both),
        ("job", [web, job, &selects("job-name")].concat(), nothing),
        (
            "job, by its full key",
            [web, job, &selects("batch.kubernetes.io/job-name")].concat(),
            nothing,
        ),
        (
            "job, another key",
            [web, job, &selects("job")].concat(),
            both,
        ),
        ("operator", [web, custom, &selects("app")].concat(), nothing),
        (
            "program",
            [web, &role("pods"), &selects("app")].concat(),
            nothing,
        ),
        (
            "program of other means",
            [web, &role("configmaps"), &selects("app")].concat(),
            both,
        ),
        (
            "sidecar",
            fuse("gke-gcsfuse/volumes", "gke-gcsfuse-cache"),
            nothing,
        ),
        (
            "no sidecar",
            fuse("example.com/volumes", "gke-gcsfuse-cache"),
            &["wiring/unused-volume"],
        ),
        (
            "another volume",
            fuse("gke-gcsfuse/volumes", "cache"),
            &["wiring/unused-volume"],
        ),
    ] {
        let found = findings(&["check", "-", "--namespace", "shop"], &stream);
        let found: Vec<&str> = found.iter().map(|(policy, ..)| policy.as_str()).collect();
        assert_eq!(found, expected, "{name}");
    }
}

/// A name that is nearly one of the release's is a slip, whatever hooks make.
#[test]
fn a_slip_is_reported_without_hooks_too() {
    let found = filtered(&manifests("secret-names"));
    assert!(found.contains(&"wiring/secret".to_owned()), "{found:?}");
}

/// The filter fills requests, and then the autoscaler has them.
#[test]
fn requests_that_the_filter_fills_count() {
    let policies = |more: &[&str]| -> Vec<String> {
        let args = [&["post-render", "--on-violation=warn"], more].concat();
        let found = findings(&args, &manifests("replicas"));
        found.into_iter().map(|(policy, ..)| policy).collect()
    };
    let request = "wiring/autoscaler-request".to_owned();
    assert!(policies(&[]).contains(&request));
    let filled = policies(&["--only=resources/*"]);
    assert!(!filled.contains(&request), "{filled:?}");
    assert_eq!(
        filled.first().map(String::as_str),
        Some("wiring/disruption-budget")
    );
}

/// Files of a folder are parts of one release: what one lacks another may have.
#[test]
fn a_part_of_a_release_lacks_nothing() {
    let folder = tempfile::tempdir().expect("a directory");
    for name in ["not-rendered", "selectors", "service-names", "ports"] {
        let file = folder.path().join(name).with_extension("yaml");
        fs::write(file, manifests(name)).expect("write");
    }
    let found = findings(&["check", path_text(folder.path())], "");
    let policies: BTreeSet<&str> = found.iter().map(|(policy, ..)| policy.as_str()).collect();
    let expected = [
        "network/selects-nothing",
        "wiring/host",
        "wiring/probe-port",
        "wiring/service-port",
        "wiring/target-port",
    ];
    assert_eq!(policies, BTreeSet::from(expected));
}

#[test]
fn what_the_api_server_refuses_is_refused() {
    let found = findings(&["check", "-"], &manifests("two-volumes"));
    let errors = found.iter().filter(|(_, severity, _)| severity == "error");
    let errors: Vec<&str> = errors.map(|(policy, ..)| policy.as_str()).collect();
    assert_eq!(errors, ["wiring/volume"]);
}

/// What others make: a Secret by an ExternalSecret, a certificate, an operator, a program that is
/// told its name; a ConfigMap that every namespace has; a claim of a StatefulSet.
#[test]
fn what_something_makes_is_there() {
    let pod = |volumes: &str, more: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  volumes: {volumes}\n  containers: [{{name: c, image: c, volumeMounts: [{{name: v, mountPath: /v}}]{more}}}]\n---\n"
        )
    };
    let secret = "[{name: v, secret: {secretName: web-tls}}]";
    let cases = [
        (
            pod(secret, ""),
            "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: x}\nspec: {secretName: web-tls}\n",
        ),
        (
            pod(secret, ""),
            "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: web-tls}\nspec: {dataFrom: [{extract: {key: a}}]}\n",
        ),
        (
            pod(secret, ""),
            "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: web-tls}\nspec: {encryptedData: {a: b}}\n",
        ),
        (
            pod(secret, ""),
            "apiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nmetadata: {name: web}\nspec: {instances: 1}\n",
        ),
        (pod(secret, ", args: [--secret-name=web-tls]"), ""),
        (
            pod(secret, ""),
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: r}\nrules: [{apiGroups: [\"\"], resources: [secrets], verbs: [create]}]\n",
        ),
        (
            pod("[{name: v, configMap: {name: kube-root-ca.crt}}]", ""),
            "",
        ),
        (
            pod(
                "[{name: v, secret: {secretName: web-tls, optional: true}}]",
                "",
            ),
            "",
        ),
    ];
    // A release that makes no Secret at all gets its Secrets from elsewhere.
    let own = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: of-its-own}\n";
    for (pod, other) in cases {
        let found = findings(&["check", "-"], &format!("{pod}{other}{own}"));
        assert_eq!(found, [], "{pod}{other}");
    }
    let missing = |more: &str| findings(&["check", "-"], &format!("{}{more}", pod(secret, "")));
    assert_eq!((missing(own).len(), missing("").len()), (1, 0));
}

/// Every policy of the family is in the document.
#[test]
fn the_document_names_every_policy() {
    let text = fs::read_to_string(repository().join("docs/wiring.md")).expect("read");
    let library = helm_floe::policy::Library::built_in().expect("the built-in policies");
    for loaded in library.iter().filter(|own| own.name.starts_with("wiring/")) {
        assert!(
            text.contains(&format!("`{}`", loaded.name)),
            "{}",
            loaded.name
        );
    }
}

/// The pointers that `check --unused-values` reports, and its exit code.
fn unused(args: &[&str]) -> (Vec<String>, i32) {
    let args = [&["check", "--unused-values", "--format", "json"], args].concat();
    let said = Outcome::of(&feed(&mut floe(&args), b""));
    let report: Value = serde_json::from_str(&said.stdout).expect("a report");
    let findings = report["findings"].as_array().expect("findings").iter();
    let pointer = |own: &Value| own["pointer"].as_str().unwrap_or_default().to_owned();
    (findings.map(pointer).collect(), said.code)
}

/// The chart's own file says which keys are read: all but those called so.
#[test]
fn keys_that_no_template_reads_are_found_and_no_others() {
    let chart = repository().join("testdata/charts/keys");
    let values = fs::read_to_string(chart.join("values.yaml")).expect("read");
    let (found, code) = unused(&[path_text(&chart)]);
    let expected = values.lines().filter(|line| !line.starts_with('#'));
    let expected = expected
        .map(|line| line.matches("unread").count())
        .sum::<usize>();
    assert_eq!((found.len(), code), (expected, 1), "{found:?}");
    for pointer in &found {
        let name = pointer.rsplit('/').next().unwrap_or_default();
        assert!(name.starts_with("unread"), "{pointer}");
    }
}

#[test]
fn further_values_are_looked_at_too() {
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("values-prod.yaml");
    let text = "image: {tag: '2', tags: '3'}\nsessions: {sise: 3}\nglobal: {registry: r}\n";
    fs::write(&file, text).expect("write");
    let chart = repository().join("testdata/charts/keys");
    let (all, _) = unused(&[path_text(&chart), "-f", path_text(&file)]);
    let (own, _) = unused(&[path_text(&chart)]);
    let mut added: Vec<&str> = all
        .iter()
        .filter(|own_| !own.contains(own_))
        .map(String::as_str)
        .collect();
    added.sort_unstable();
    assert_eq!(added, ["/image/tags", "/sessions/sise"]);
}

/// What cannot be followed counts as read, and what cannot be read at all is said.
#[test]
fn what_cannot_be_followed_counts_as_read() {
    let cases: [(&str, &[&str]); 12] = [
        ("{{ toYaml .Values.a }}", &["/other"]),
        ("{{ toYaml .Values }}", &[]),
        ("{{ toYaml . }}", &[]),
        ("{{ index .Values .Release.Name }}", &[]),
        ("{{ .Values.a.b }}", &["/a/c", "/other"]),
        ("{{ range .Values.a }}{{ . }}{{ end }}", &["/other"]),
        (
            "{{ range $k, $v := .Values }}{{ $k }}{{ end }}",
            &["/a/b", "/a/c"],
        ),
        (
            "{{ with .Values }}{{ .other }}{{ $.Values.a.c }}{{ end }}",
            &["/a/b"],
        ),
        (
            "{{ $x := .Values.a }}{{ if .x }}{{ $x = .Values }}{{ end }}{{ $x.other }}{{ $x.b }}",
            &["/a/c"],
        ),
        (
            "{{ define \"t.x\" }}{{ .v.c }}{{ end }}{{ include (printf \"%s.x\" .Chart.Name) (dict \"v\" .Values.a) }}",
            &["/a/b", "/other"],
        ),
        (
            "{{ $_ := set .Values \"n\" .Values.a }}{{ .Values.n.b }}",
            &["/a/c", "/other"],
        ),
        ("{{ tpl \"{{ .Values.other }}\" . }}", &["/a"]),
    ];
    for (template, expected) in cases {
        let folder = tempfile::tempdir().expect("a directory");
        let chart = folder.path();
        fs::create_dir(chart.join("templates")).expect("made");
        let files = [
            ("Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"),
            ("values.yaml", "a: {b: 1, c: 2}\nother: 3\n"),
            ("templates/t.yaml", template),
        ];
        for (name, text) in files {
            fs::write(chart.join(name), text).expect("write");
        }
        let (found, _) = unused(&[path_text(chart)]);
        assert_eq!(found, expected, "{template}");
    }
}

#[test]
fn charts_that_cannot_be_read_are_said() {
    let folder = tempfile::tempdir().expect("a directory");
    let chart = folder.path();
    let run = || {
        Outcome::of(&feed(
            &mut floe(&["check", "--unused-values", path_text(chart)]),
            b"",
        ))
    };
    let said = run();
    assert!(
        said.code == 2 && said.stderr.contains("it has no Chart.yaml"),
        "{}",
        said.stderr
    );
    fs::create_dir(chart.join("templates")).expect("made");
    fs::write(
        chart.join("Chart.yaml"),
        "apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies: [{name: db, version: 1}]\n",
    )
    .expect("write");
    fs::write(chart.join("values.yaml"), "db: {size: 1}\nother: 1\n").expect("write");
    let said = run();
    assert_eq!(said.code, 1, "{}", said.stdout);
    assert!(said.stdout.contains("no template reads other") && !said.stdout.contains("reads db"));
    assert!(
        said.stdout.contains("the subchart db is missing"),
        "{}",
        said.stdout
    );
    fs::write(chart.join("templates/t.yaml"), "a\n{{ if .x }}\n").expect("write");
    let said = run();
    assert!(
        said.code == 2 && said.stderr.contains("t.yaml:2: "),
        "{}",
        said.stderr
    );
}

/// A packed subchart is read like any other, also one that lies in a packed one.
#[test]
fn packed_subcharts_are_read() {
    let keys = repository().join("testdata/charts/keys");
    let expected = unused(&[path_text(&keys)]);
    let folder = tempfile::tempdir().expect("a directory");
    let chart = folder.path().join("keys");
    copy_tree(&keys, &chart);
    let helm = Helm::new(4);
    let pack = |from: &Path, into: &Path| {
        let arguments = ["package", path_text(from), "--destination", path_text(into)];
        helm.run(&arguments).ok();
        fs::remove_dir_all(from).expect("removed");
    };
    let charts = chart.join("charts");
    let names = fs::read_dir(&charts).expect("read");
    let names: Vec<PathBuf> = names.map(|entry| entry.expect("read").path()).collect();
    assert!(names.len() >= 2, "{names:?}");
    for subchart in names {
        pack(&subchart, &charts);
    }
    assert_eq!(unused(&[path_text(&chart)]), expected);

    let outer = folder.path().join("outer");
    fs::create_dir_all(outer.join("charts")).expect("made");
    fs::write(
        outer.join("Chart.yaml"),
        "apiVersion: v2\nname: outer\nversion: 1.0.0\n",
    )
    .expect("written");
    pack(&chart, &outer.join("charts"));
    let values = fs::read_to_string(keys.join("values.yaml")).expect("read");
    let values: Vec<String> = values.lines().map(|line| format!("  {line}\n")).collect();
    fs::write(
        outer.join("values.yaml"),
        format!("keys:\n{}", values.concat()),
    )
    .expect("written");
    let (mut found, _) = unused(&[path_text(&outer)]);
    let mut expected: Vec<String> = expected.0.iter().map(|own| format!("/keys{own}")).collect();
    // Tags are those of the whole release: nothing reads those in the values of a subchart.
    expected.retain(|pointer| !pointer.starts_with("/keys/tags/"));
    expected.push("/keys/tags".into());
    found.sort();
    expected.sort();
    assert_eq!(found, expected);

    // What is no packed chart is said, with its name.
    fs::write(outer.join("charts/broken-1.0.0.tgz"), "no archive").expect("written");
    let check = ["check", "--unused-values", path_text(&outer)];
    let said = Outcome::of(&feed(&mut floe(&check), b""));
    let told = said
        .stderr
        .contains("broken-1.0.0.tgz: no chart can be unpacked");
    assert!(said.code == 2 && told, "{}", said.stderr);
}
