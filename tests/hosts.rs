//! The hosts of docs/hosts.md: what stands there is what they take, and the filter does in them what it
//! does alone.
//!
//! `scripts/hosts` gets kustomize and Ansible for these tests; without them the tests that need
//! them say that they were skipped. Where a host cannot be had, a stand-in makes its call to the filter,
//! by its source.
#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::blocks::blocks_with;
use common::definitions::{against, definitions};
use common::{
    Helm, MAJORS, Outcome, chart, copy_tree, executable, feed, floe, helm_floe, path_text,
    repository, tools,
};
use helm_floe::manifest::{Document, View, split};
use helm_floe::object;
use serde_json::Value;

/// The release of the examples, as the filter alone hardens it.
const RELEASE: [&str; 2] = ["--release=web", "--namespace=shop"];

/// A program that `scripts/hosts` gets. Without it the test says so and does nothing.
fn tool(name: &str, file: &str) -> Option<PathBuf> {
    let path = tools().join(name).join(file);
    if path.exists() {
        return Some(path);
    }
    // Past the test harness, which shows only what failing tests print.
    let _ = writeln!(
        std::io::stderr(),
        "hosts test: skipped, it needs {name} (scripts/hosts)"
    );
    None
}

/// The objects of a stream, sorted, as Go reads them; null is nothing, and so are annotations without one,
/// which kustomize takes away.
fn objects(stream: &str) -> Vec<String> {
    let mut all = Vec::new();
    for span in split(stream).expect("a stream") {
        let document = Document::parse(span.text).expect("YAML");
        let found = document.root().map(|root| object::find(View::Node(root)));
        let found = found.transpose().expect("objects").unwrap_or_default();
        all.extend(found.iter().map(|own| sorted(own.view.to_json())));
    }
    all.sort();
    all
}

fn sorted(value: Value) -> String {
    format!("{:#}", without_nulls(value))
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let empty = serde_json::json!({});
            let members = members.into_iter().filter(|(key, value)| {
                !value.is_null() && (key != "annotations" || *value != empty)
            });
            Value::Object(members.map(|(k, v)| (k, without_nulls(v))).collect())
        }
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        value => value,
    }
}

/// How two streams differ.
fn difference(got: &str, want: &str) -> Option<String> {
    let (got, want) = (objects(got), objects(want));
    let only = |these: &[String], those: &[String]| {
        let only = these.iter().filter(|own| !those.contains(own));
        only.cloned().collect::<Vec<_>>().join("\n")
    };
    let (want, got, same) = (only(&want, &got), only(&got, &want), got == want);
    let diff = similar::TextDiff::from_lines(&want, &got);
    (!same).then(|| diff.unified_diff().header("wanted", "got").to_string())
}

#[track_caller]
fn assert_same(got: &str, want: &str, about: &str) {
    let difference = difference(got, want);
    assert!(
        difference.is_none(),
        "{about}: {}",
        difference.unwrap_or_default()
    );
}

/// What a chart renders to, hooks and definitions included.
fn rendered(helm: &Helm, chart: &Path) -> String {
    let args = ["template", "web", path_text(chart), "--include-crds"];
    helm.run(&args).ok()
}

/// The charts of this repository and its manifests, rendered; and whatever lies in the directory that
/// HELM_FLOE_RENDERED names.
fn releases() -> Vec<(String, String)> {
    let mut releases = Vec::new();
    for tree in ["charts", "testdata/charts"] {
        for entry in fs::read_dir(repository().join(tree)).expect("read") {
            let chart = entry.expect("read").path();
            if chart.join("Chart.yaml").exists() {
                releases.push((path_text(&chart).into(), rendered(&Helm::new(4), &chart)));
            }
        }
    }
    let mut folders = vec![repository().join("testdata/manifests")];
    folders.extend(std::env::var_os("HELM_FLOE_RENDERED").map(PathBuf::from));
    for entry in folders.iter().flat_map(walkdir::WalkDir::new) {
        let file = entry.expect("read").into_path();
        if file.extension().is_some_and(|e| e == "yaml") {
            releases.push((
                path_text(&file).into(),
                fs::read_to_string(&file).expect("read"),
            ));
        }
    }
    releases.push(("ODD".into(), ODD.into()));
    releases
}

/// What patches have to cope with: dots in names, one name in two namespaces and in two groups, null
/// and empty parents, keys with `/` and `~`, a list, containers in odd order, a Secret that goes.
const ODD: &str = r#"apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: ServiceAccount
    metadata: {name: web.a+b, namespace: one, annotations: {a/b~c: "1"}}
  - apiVersion: v1
    kind: ServiceAccount
    metadata: {name: web.a+b, namespace: two, annotations: {}}
  - apiVersion: v1
    kind: ServiceAccount
    metadata: {name: web.a+b, labels: null}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: web, labels: {app.kubernetes.io/name: web}}
spec:
  template:
    metadata:
    spec: {containers: [{image: nginx, securityContext: null}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: webxa, labels: {}}
data: {mode: "0644", "on": "off", big: "1e3", text: "a: b\n\n c \n"}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: web, namespace: nonsense}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
---
apiVersion: v1
kind: Secret
metadata: {name: login}
stringData: {password: hunter2-do-not-print}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector: {matchLabels: {app: web}}
  replicas: 1048576
  template:
    metadata: {labels: {app: web}}
    spec:
      securityContext:
      initContainers:
        - {name: init, image: "busybox:1", command: [sh, -c, "true"], resources: {}}
      containers:
        - name: b
          image: nginx:1.27
          resources: {limits: {cpu: 1.5}}
          securityContext: {capabilities: {drop: [NET_RAW]}}
          env: [{name: A, value: "1"}]
        - {name: a, image: redis:7, securityContext: {}, volumeMounts: []}
      volumes: []
"#;

/// A platform that also writes annotations and takes Secrets out of releases.
const PLATFORM: &str = "hardening:
  labels: {example.com/a.b: c}
  secrets: {externalize: {store: {name: vault}}}
  patches:
    - target: {kind: ServiceAccount|Deployment}
      patch: [{op: add, path: /metadata/annotations, value: {x/y~z: 'true'}}]
";

#[test]
fn kustomize_makes_of_a_release_what_the_filter_makes_of_it() {
    let Some(kustomize) = tool("kustomize", "kustomize") else {
        return;
    };
    let releases = releases();
    let mut wrong = Vec::new();
    let mut compared = 0;
    for (name, manifests) in &releases {
        for platform in ["hardening: {}\n", PLATFORM] {
            match compare(&kustomize, manifests, platform) {
                Ok(Compared::Same) => compared += 1,
                Ok(Compared::Refused) => {}
                Err(why) => wrong.push(format!("{name} with {platform}{why}")),
            }
        }
    }
    eprintln!("{compared} of {} compared", 2 * releases.len());
    assert!(compared > 30, "{compared} compared");
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n\n"));
}

/// What kustomize made of a release.
enum Compared {
    /// What the filter makes of it.
    Same,
    /// Nothing, as was said; or the filter itself cannot read it.
    Refused,
}

/// Holds what kustomize makes of a release with our patches against what the filter makes of it.
fn compare(kustomize: &Path, manifests: &str, platform: &str) -> Result<Compared, String> {
    let folder = tempfile::tempdir().expect("a directory");
    let file = |name: &str| folder.path().join(name);
    fs::write(file("platform.yaml"), platform).expect("written");
    fs::write(file("rendered.yaml"), manifests).expect("written");
    let run = |args: &[&str]| {
        let mut command = floe(args);
        command.args([
            "--platform=platform.yaml",
            "--on-violation=warn",
            "--release=web",
        ]);
        Outcome::of(&feed(command.current_dir(&folder), manifests.as_bytes()))
    };
    let want = run(&["post-render"]);
    if want.code == 2 {
        return Ok(Compared::Refused);
    }
    let said = run(&["diff", "--format=kustomize-patches", "--added=added.yaml"]);
    let refused = said.stderr.contains("kustomize refuses a release");
    let patches = said.ok();
    assert!(!patches.contains("hunter2"), "{patches}");
    let resources = "resources: [rendered.yaml, added.yaml]\npatches:\n";
    fs::write(file("kustomization.yaml"), format!("{resources}{patches}")).expect("written");
    let mut build = Command::new(kustomize);
    let built = build.args(["build", "."]).current_dir(&folder).output();
    let built = Outcome::of(&built.expect("runs"));
    match (built.code == 0, refused) {
        (true, false) => difference(&built.stdout, &want.ok()).map_or(Ok(Compared::Same), Err),
        (false, true) => Ok(Compared::Refused),
        (true, true) => Err("kustomize accepts it".into()),
        (false, false) => Err(format!("kustomize: {}", built.stderr)),
    }
}

/// The one block of docs/hosts.md with this fence and text in it.
fn block(fence: &str, text: &str) -> String {
    let mut found = blocks_with(fence).into_iter();
    let found = found.find(|own| own.place.starts_with("docs/hosts.md") && own.text.contains(text));
    found.expect("a block of docs/hosts.md").text
}

/// One Helm with the plugin, and a chart of ours as `./chart`.
fn helm_with(major: u32, name: &str) -> Helm {
    let helm = Helm::new(major);
    helm.install_plugin(helm_floe()).1.ok();
    copy_tree(Path::new(&chart(name)), &helm.home().join("chart"));
    helm
}

/// `helm template` of `./chart` by the post-renderer, as Helm itself runs it.
fn by_helm(helm: &Helm, arguments: &[&str]) -> String {
    let base = [
        "template",
        "web",
        "chart",
        "--namespace=shop",
        "--post-renderer=helm-floe",
    ];
    let arguments = arguments
        .iter()
        .map(|own| format!("--post-renderer-args={own}"));
    let arguments: Vec<String> = base
        .map(str::to_owned)
        .into_iter()
        .chain(arguments)
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    helm.run(&arguments).ok()
}

/// Runs a block in a Helm's home.
fn shell(helm: &Helm, text: &str) {
    let mut shell = helm.program("/bin/sh");
    let said = shell.args(["-euc", text]).output().expect("runs");
    Outcome::of(&said).ok();
}

/// What kustomize makes of the kustomization in a Helm's home, and what the filter makes of
/// `rendered.yaml` there. Added objects are written with the namespace they go to.
fn assert_kustomize_agrees(helm: &Helm, about: &str) {
    let Some(kustomize) = tool("kustomize", "kustomize") else {
        return;
    };
    let build = helm.program(kustomize).args(["build", "."]).output();
    let built = Outcome::of(&build.expect("runs")).ok();
    let rendered = fs::read(helm.home().join("rendered.yaml")).expect("read");
    let filter = feed(helm.program(helm_floe()).args(RELEASE), &rendered);
    let placed = |stream: &str| stream.replace("\n  namespace: shop", "");
    let want = Outcome::of(&filter).ok();
    assert!(placed(&want).contains("kind: NetworkPolicy"), "{about}");
    assert_same(&placed(&built), &placed(&want), about);
}

#[test]
fn the_kustomization_of_the_document_is_as_good_as_the_filter() {
    for major in MAJORS {
        let helm = helm_with(major, "web");
        shell(&helm, &block("sh", "> kustomization.yaml"));
        assert_kustomize_agrees(&helm, &format!("Helm {major}"));
    }
}

#[test]
fn kustomize_pipes_its_charts_into_the_filter() {
    let Some(kustomize) = tool("kustomize", "kustomize") else {
        return;
    };
    for major in MAJORS {
        let helm = helm_with(major, "web");
        fs::write(
            helm.home().join("kustomization.yaml"),
            "helmGlobals: {chartHome: .}\nhelmCharts: [{name: chart, releaseName: web}]\n",
        )
        .expect("written");
        let folder = kustomize.parent().expect("a folder").display();
        let pipe = block("sh kustomize", "");
        shell(&helm, &format!("PATH=$PATH:{folder}\n{pipe}"));
        let hardened = fs::read_to_string(helm.home().join("hardened.yaml")).expect("read");
        assert!(hardened.contains("seccompProfile") && hardened.contains("kind: NetworkPolicy"));
    }
}

#[test]
fn flux_takes_the_helm_release_of_the_document() {
    let helm = helm_with(4, "web");
    shell(&helm, &block("sh", "> helmrelease.yaml"));
    let text = fs::read_to_string(helm.home().join("helmrelease.yaml")).expect("read");
    let release = common::definitions::object("helmrelease.yaml", &text);
    let violations = against(&definitions(), &release).expect("a kind of Flux");
    assert!(violations.is_empty(), "{violations:?}");

    // What Flux's Helm controller makes of it: internal/postrender/kustomize.go.
    let patches = release.pointer("/spec/postRenderers/0/kustomize/patches");
    let patches = patches.and_then(Value::as_array).expect("patches");
    assert!(patches.len() > 3, "{patches:?}");
    let kustomization = serde_json::json!({
        "resources": ["rendered.yaml", "added.yaml"],
        "patches": patches,
    });
    let file = |name: &str| helm.home().join(name);
    fs::write(file("kustomization.yaml"), kustomization.to_string()).expect("written");
    let rendered = helm
        .run(&["template", "web", "chart", "--namespace=shop"])
        .ok();
    fs::write(file("rendered.yaml"), rendered).expect("written");
    assert_kustomize_agrees(&helm, "Flux");
}

/// The flags that helmfile gives Helm for a release (`appendPostRenderFlags` and
/// `appendPostRenderArgsFlags` in pkg/state/helmx.go of 1.8.0), once it has filled in its templates.
#[test]
fn helmfile_runs_the_filter() {
    let config = block("yaml helmfile", "releases:");
    let config = common::definitions::object("helmfile.yaml", &config);
    let text = |pointer: &str| common::definitions::text(&config, pointer);
    assert_eq!(text("/helmDefaults/postRenderer"), "helm-floe");
    let arguments = config.pointer("/helmDefaults/postRendererArgs");
    let arguments = arguments.and_then(Value::as_array).expect("arguments");
    let filled = arguments.iter().map(|own| {
        let own = own.as_str().expect("text");
        own.replace("{{ .Release.Name }}", text("/releases/0/name"))
            .replace("{{ .Release.Namespace }}", text("/releases/0/namespace"))
    });
    let filled: Vec<String> = filled.collect();
    assert_eq!(filled, RELEASE);
    for major in MAJORS {
        let hardened = by_helm(&helm_with(major, "web"), &RELEASE);
        assert!(
            hardened.contains("app.kubernetes.io/part-of: web"),
            "{hardened}"
        );
        let helm = helm_with(major, "violating");
        let args = ["template", "web", "chart", "--post-renderer", "helm-floe"];
        let said = helm.run(&args);
        assert_ne!(said.code, 0, "Helm {major}");
        assert!(
            said.stderr.contains("error[pss/"),
            "Helm {major}: {}",
            said.stderr
        );
    }
}

/// The provider calls `postrender.NewExec` of Helm 3's SDK (helm/resource_helm_release.go of 3.1.2), as
/// Helm 3's command line does.
#[test]
fn terraform_runs_the_filter() {
    let text = block("hcl", "helm_release");
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(name));
        let value = line.and_then(|line| line.trim().strip_prefix("= "));
        let value = value.unwrap_or_else(|| panic!("no {name}"));
        serde_json::from_str::<Value>(value).expect("a value")
    };
    let program = field("binary_path");
    let program = program.as_str().expect("a path");
    let arguments = field("args");
    let arguments = arguments.as_array().expect("a list").iter();
    let arguments: Vec<&str> = arguments.map(|own| own.as_str().expect("text")).collect();
    assert_eq!(
        (program, arguments.as_slice()),
        ("helm-floe", RELEASE.as_slice())
    );

    let helm = helm_with(3, "web");
    let hardened = by_helm(&helm, &arguments);
    assert!(hardened.contains("seccompProfile"), "{hardened}");
    let helm = helm_with(3, "violating");
    let args = ["template", "web", "chart", "--post-renderer", program];
    let said = helm.run(&args);
    assert_ne!(said.code, 0);
    assert!(said.stderr.contains("error[pss/"), "{}", said.stderr);
}

/// What `skaffold filter` does with a post-renderer (`runFilter` in cmd/skaffold/app/cmd/filter.go and
/// `ManifestList.Visit` of 2.24): it runs it without arguments, reads every document it writes as a
/// mapping, and looks at neither its exit code nor its stderr.
fn skaffold(input: &str, variables: &[(&str, &str)]) -> Result<String, String> {
    let mut filter = floe(&[]);
    filter.env("SKAFFOLD_CMDLINE", "filter --kube-context kind");
    filter.envs(variables.iter().copied());
    let answer = Outcome::of(&feed(&mut filter, input.as_bytes())).stdout;
    for span in split(&answer).expect("a stream") {
        let document = Document::parse(span.text).expect("YAML");
        let root = document.root().map(|root| root.to_json());
        if root.is_some_and(|root| !root.is_object() && !root.is_null()) {
            return Err(answer);
        }
    }
    Ok(answer)
}

#[test]
fn skaffold_runs_the_filter() {
    let config = block("yaml skaffold", "helm:");
    let config = common::definitions::object("skaffold.yaml", &config);
    for flags in ["install", "upgrade"] {
        let flags = config.pointer(&format!("/deploy/helm/flags/{flags}"));
        assert_eq!(
            flags,
            Some(&serde_json::json!(["--post-renderer=helm-floe"]))
        );
    }
    let helm = Helm::new(3);
    let hardened = skaffold(&rendered(&helm, Path::new(&chart("web"))), &[]).expect("accepted");
    assert!(hardened.contains("seccompProfile"), "{hardened}");

    // Helm 3 takes an empty answer for an empty release, so every refusal must be seen.
    let violating = rendered(&helm, Path::new(&chart("violating")));
    let nowhere = [("FLOE_PLATFORM_FILE", "/nowhere.yaml")];
    let misspelt = [("FLOE_ENV", "Not a name")];
    for (input, variables, why) in [
        (violating.as_str(), [].as_slice(), "error[pss/"),
        ("", &[], "empty"),
        ("a: [", &[], "cannot understand"),
        ("apiVersion: v1\nkind: Pod\n", &nowhere, "/nowhere.yaml"),
        ("apiVersion: v1\nkind: Pod\n", &misspelt, "Not a name"),
    ] {
        match skaffold(input, variables) {
            Err(answer) => assert!(answer.contains(why), "{why}: {answer}"),
            Ok(answer) => panic!("{why}: accepted {answer:?}"),
        }
    }
}

#[test]
fn ansible_runs_the_filter() {
    let Some(playbook) = tool("ansible", "venv/bin/ansible-playbook") else {
        return;
    };
    for major in MAJORS {
        for (name, refused) in [("web", false), ("violating", true)] {
            let helm = helm_with(major, name);
            let home = helm.home();
            fs::write(home.join("playbook.yaml"), block("yaml playbook", "")).expect("written");
            // The real module and the real Helm, but for what needs a cluster.
            // Ansible splits its command at spaces, so this path has none.
            let bin = tempfile::tempdir().expect("a directory");
            executable(
                &bin.path().join("helm"),
                &format!(
                    "case $1 in\n\
                     list) echo '[]' ;;\n\
                     upgrade) shift 3; exec {} template \"$@\" >\"$HOME/applied.yaml\" ;;\n\
                     *) exec {0} \"$@\" ;;\n\
                     esac",
                    path_text(&tools().join(major.to_string()).join("helm")),
                ),
            );
            let mut command = helm.program(&playbook);
            let path = command.get_envs().find(|(name, _)| *name == "PATH");
            let path = path.and_then(|(_, value)| value).expect("PATH").to_owned();
            let path = std::iter::once(bin.path().to_owned()).chain(std::env::split_paths(&path));
            let python = tools().join("ansible/venv/bin/python");
            command
                .env("PATH", std::env::join_paths(path).expect("a path"))
                .env(
                    "ANSIBLE_COLLECTIONS_PATH",
                    tools().join("ansible/collections"),
                )
                .env("LC_ALL", "C.UTF-8")
                .args(["-i", "localhost,", "-c", "local", "playbook.yaml", "-e"])
                .arg(format!("ansible_python_interpreter={}", python.display()));
            let said = Outcome::of(&command.output().expect("runs"));
            let about = format!("Helm {major}: {}{}", said.stdout, said.stderr);
            if refused {
                assert_ne!(said.code, 0, "{about}");
                assert!(about.contains("error[pss/"), "{about}");
                continue;
            }
            assert_eq!(said.code, 0, "{about}");
            let applied = fs::read_to_string(home.join("applied.yaml")).expect("read");
            let want = by_helm(&helm, &["--env=prod", "--namespace=shop"]);
            assert_same(&applied, &want, &about);
        }
    }
}
