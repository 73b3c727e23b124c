//! The documents keep their word: every command block in them runs, every file they show loads,
//! every link leads somewhere.
//!
//! What a fence says decides what happens to a block:
//!
//! | fence | what the test does |
//! |---|---|
//! | `console` | runs it with trycmd, output and exit code compared |
//! | `sh` | runs it with Helm 3 and with Helm 4, where `./chart` is the test chart |
//! | `sh checkout` | runs it in a copy of `examples` and `charts`, which must stay as they are |
//! | `sh cluster`, `sh network`, `sh build` | not run: needs a cluster (tests/cluster.rs), the network, or builds this repository |
//! | `yaml` | loads it as the platform file, policy or manifests that it is |
//! | `yaml ci` | not run here: tests/ci.rs runs it |
//! | `sh kustomize`, `yaml helmfile`, `yaml playbook`, `yaml skaffold`, `hcl` | tests/hosts.rs gives it to its host |
//! | `diff` | finds it in what `helm-floe diff` really says |
//! | `text` | nothing |
#![cfg(unix)]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use common::blocks::{blocks, blocks_with, documents};
use common::{
    Helm, MAJORS, Outcome, alone, chart, copy_tree, feed, floe, helm_floe, path_text, repository,
};

#[test]
fn every_fence_says_what_to_do_with_its_block() {
    let known = [
        "console",
        "sh",
        "sh checkout",
        "sh cluster",
        "sh network",
        "sh build",
        "sh kustomize",
        "yaml",
        "yaml ci",
        "yaml helmfile",
        "yaml playbook",
        "yaml skaffold",
        "hcl",
        "diff",
        "text",
    ];
    for block in blocks() {
        let fence = block.fence.as_str();
        assert!(known.contains(&fence), "{}: {fence:?}", block.place);
    }
}

#[test]
fn console_blocks_say_what_they_show() {
    blocks_with("console");
    if alone("console_blocks_say_what_they_show") {
        trycmd::TestCases::new()
            .register_bin("helm-floe", helm_floe())
            .case("README.md")
            .case("docs/*.md");
    }
}

#[test]
fn shell_blocks_run_with_both_helms() {
    for major in MAJORS {
        let helm = Helm::new(major);
        helm.install_plugin(helm_floe()).1.ok();
        copy_tree(Path::new(&chart("web")), &helm.home().join("chart"));
        for block in blocks_with("sh") {
            let mut shell = helm.program("/bin/sh");
            shell.args(["-euc", &block.text]);
            let said = Outcome::of(&shell.output().expect("runs"));
            let place = format!("{}, Helm {major}", block.place);
            assert_eq!(said.code, 0, "{place}: {}{}", said.stderr, said.stdout);
        }
    }
}

/// What is generated is what lies here.
#[test]
fn checkout_blocks_write_what_is_here() {
    let helm = Helm::new(4);
    for block in blocks_with("sh checkout") {
        let folder = tempfile::tempdir().expect("a directory");
        for tree in ["examples", "charts"] {
            copy_tree(&repository().join(tree), &folder.path().join(tree));
        }
        let mut shell = helm.program("/bin/sh");
        shell.args(["-euc", &block.text]).current_dir(&folder);
        let said = Outcome::of(&shell.output().expect("runs"));
        assert_eq!(said.code, 0, "{}: {}", block.place, said.stderr);
        for tree in ["examples", "charts"] {
            for entry in walkdir::WalkDir::new(folder.path().join(tree)) {
                let entry = entry.expect("read").into_path();
                let name = entry.strip_prefix(&folder).expect("below");
                let same = entry.is_dir()
                    || fs::read(&entry).ok() == fs::read(repository().join(name)).ok();
                assert!(
                    same,
                    "{}: {} is not up to date",
                    block.place,
                    name.display()
                );
            }
        }
    }
}

/// The commands of a block, without comments; a line that ends in a backslash goes on.
fn commands(text: &str) -> Vec<String> {
    let joined = text.replace("\\\n", " ");
    let lines = joined
        .lines()
        .map(|line| line.split(" #").next().unwrap_or_default());
    let lines = lines
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(str::to_owned).collect()
}

/// Blocks that are not run still name programs, scripts and options that exist.
#[test]
fn blocks_that_are_not_run_name_what_exists() {
    let help = Outcome::of(&feed(&mut floe(&["post-render", "--help"]), b"")).ok();
    let fences = ["sh cluster", "sh network", "sh build"];
    for block in fences.into_iter().flat_map(blocks_with) {
        for command in commands(&block.text) {
            let mut words = command.split_whitespace();
            // What stands before the program are variables for it.
            let program = words.find(|word| !word.contains('='));
            let program = program.unwrap_or_default();
            let programs = [
                "cargo",
                "docker",
                "flux",
                "helm",
                "helm-floe",
                "kubectl",
                "minikube",
            ];
            let known = programs.contains(&program)
                || program.starts_with("scripts/") && repository().join(program).is_file();
            assert!(known, "{}: {program}", block.place);
            for option in ["--env", "--report"] {
                assert!(!command.contains(option) || help.contains(option));
            }
        }
    }
}

#[test]
fn yaml_blocks_load() {
    let mut seen = BTreeSet::new();
    for block in blocks_with("yaml") {
        let folder = tempfile::tempdir().expect("a directory");
        let platform = folder.path().join("platform");
        copy_tree(&repository().join("testdata/platform"), &platform);
        let mut command;
        let mut input = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n".to_owned();
        if block.text.starts_with("hardening:") {
            seen.insert("platform file");
            fs::write(platform.join("prod/platform.yaml"), &block.text).expect("written");
            command = floe(&["--env", "prod"]);
        } else if block.text.starts_with("version: ") {
            seen.insert("whole platform file");
            fs::write(platform.join("prod/platform.yaml"), &block.text).expect("written");
            command = floe(&["platform", "validate", "--env", "prod"]);
        } else if block.text.starts_with("name: ") {
            seen.insert("product");
            copy_tree(&repository().join("examples/starter"), folder.path());
            fs::write(folder.path().join("floe.yaml"), &block.text).expect("written");
            command = floe(&["compile", "--env", "prod"]);
        } else if block.text.starts_with("clusterMapping:") {
            seen.insert("mapping");
            copy_tree(&repository().join("examples/starter"), folder.path());
            fs::write(folder.path().join("mapping.yaml"), &block.text).expect("written");
            command = floe(&["compile", "--env", "dev", "-o", "artifact.json"]);
            Outcome::of(&feed(command.current_dir(folder.path()), b"")).ok();
            let words = "generate -a artifact.json --all-envs --mapping mapping.yaml -o values";
            command = floe(&words.split(' ').collect::<Vec<_>>());
        } else if block.text.contains("kind: Policy\n") {
            seen.insert("policy");
            let own = folder.path().join("own");
            fs::create_dir(&own).expect("created");
            fs::write(own.join("own.yaml"), &block.text).expect("written");
            command = floe(&["policies", "test", "--policies", path_text(&own)]);
        } else {
            seen.insert("manifests");
            input = block.text.clone();
            command = floe(&["--on-violation", "warn"]);
        }
        let said = Outcome::of(&feed(command.current_dir(folder.path()), input.as_bytes()));
        assert_eq!(
            said.code, 0,
            "{}: {}{}",
            block.place, said.stderr, said.stdout
        );
    }
    let sorts = ["platform file", "whole platform file", "product", "mapping"];
    assert!(sorts.iter().all(|sort| seen.contains(sort)), "{seen:?}");
}

#[test]
fn the_diff_of_the_readme_is_the_real_one() {
    let helm = Helm::new(4);
    let simple = "testdata/charts/simple";
    let words = ["diff", simple, "--release", "web", "--env", "prod"];
    let readme = fs::read_to_string(repository().join("README.md")).expect("read");
    let command = format!("`helm-floe {}`", words.join(" "));
    assert!(readme.contains(&command), "README.md: no {command}");
    let mut command = helm.program(helm_floe());
    command.args(words).current_dir(repository());
    let real = Outcome::of(&command.output().expect("runs")).ok();
    for block in blocks_with("diff") {
        assert!(
            real.contains(&block.text),
            "{}: not in\n{real}",
            block.place
        );
    }
}

/// `docs/tiers.svg` is what the command below it says, whatever the machine.
#[test]
fn the_picture_of_the_tiers_is_the_real_one() {
    let document = fs::read_to_string(repository().join("docs/network.md")).expect("read");
    let before = " -o docs/tiers.svg`";
    let (command, _) = document.split_once(before).expect("the command");
    let (_, words) = command.rsplit_once("`helm-floe ").expect("the command");
    let helm = Helm::new(4);
    let mut command = helm.program(helm_floe());
    command.args(words.split(' ')).args(["--format", "svg"]);
    let real = Outcome::of(&command.current_dir(repository()).output().expect("runs")).ok();
    let shown = fs::read_to_string(repository().join("docs/tiers.svg")).expect("read");
    assert!(
        real == shown,
        "docs/tiers.svg: run the command in docs/network.md again"
    );
}

#[test]
fn the_external_secret_of_the_document_is_the_real_one() {
    let input = fs::read(repository().join("testdata/manifests/secret.yaml")).expect("read");
    let platform = repository().join("testdata/platform/externalize.yaml");
    let mut command = floe(&["--platform", path_text(&platform), "--namespace", "shop"]);
    let real = Outcome::of(&feed(&mut command, &input)).ok();
    let shown = blocks_with("yaml");
    let shown = |text: &str| shown.iter().any(|block| block.text == text);
    assert!(shown(&String::from_utf8_lossy(&input)), "another Secret");
    assert!(shown(&real), "another ExternalSecret than\n{real}");
}

#[test]
fn the_example_of_the_platform_file_is_the_tested_one() {
    let file = repository().join("testdata/platform/prod/platform.yaml");
    let file = fs::read_to_string(file).expect("read");
    let shown = blocks_with("yaml")
        .into_iter()
        .any(|block| block.text == file);
    assert!(shown, "docs/platform.md shows another platform.yaml");
}

/// The fields of each block of the platform file, as its reader lists them in its errors.
#[test]
fn the_platform_document_names_every_field() {
    let read = |name: &str| fs::read_to_string(repository().join(name)).expect("read");
    let document = read("docs/platform.md") + &read("docs/externalize.md");
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("platform.yaml");
    for (text, prefix) in [
        ("hardening: {nonsense: 1}\n", ""),
        ("hardening: {resources: {nonsense: 1}}\n", "resources."),
        (
            "hardening: {pod_security: {nonsense: 1}}\n",
            "pod_security.",
        ),
        ("hardening: {network: {nonsense: 1}}\n", "network."),
        (
            "hardening: {network: {dns: {nonsense: 1}}}\n",
            "network.dns.",
        ),
        (
            "hardening: {network: {api_server: {nonsense: 1}}}\n",
            "network.api_server.",
        ),
        ("hardening: {network: {ingress: [{nonsense: 1}]}}\n", ""),
        ("hardening: {network: {peers: [{nonsense: 1}]}}\n", ""),
        ("hardening: {network: {peers: [{to: {nonsense: 1}}]}}\n", ""),
        ("hardening: {network: {calls: [{nonsense: 1}]}}\n", ""),
        ("hardening: {secrets: {externalize: {nonsense: 1}}}\n", ""),
        (
            "hardening: {secrets: {externalize: {store: {nonsense: 1}}}}\n",
            "store.",
        ),
        ("hardening: {profile: {nonsense: 1}}\n", "profile."),
        ("hardening: {exceptions: [{nonsense: 1}]}\n", ""),
        ("hardening: {patches: [{nonsense: 1}]}\n", ""),
        ("hardening: {patches: [{target: {nonsense: 1}}]}\n", ""),
    ] {
        fs::write(&file, text).expect("written");
        let mut command = floe(&["--platform", path_text(&file)]);
        let said = Outcome::of(&feed(&mut command, b"")).stderr;
        let (_, fields) = said.split_once("here are ").expect("the fields");
        let fields: Vec<&str> = fields
            .lines()
            .take(1)
            .flat_map(|own| own.split(", "))
            .collect();
        assert!(fields.len() > 1, "{said}");
        for field in fields {
            let exact = document.contains(&format!("`{prefix}{field}`"));
            let block = document.contains(&format!("`{prefix}{field}."));
            assert!(exact || block, "docs/platform.md: no `{prefix}{field}`");
        }
    }
}

#[test]
fn links_lead_somewhere() {
    let mut links = 0;
    for file in documents() {
        let text = fs::read_to_string(&file).expect("read");
        for link in text.split("](").skip(1) {
            let link = link.split([')', '#']).next().unwrap_or_default();
            if link.is_empty() || link.starts_with("http") {
                continue;
            }
            links += 1;
            let target = file.parent().expect("a folder").join(link);
            assert!(target.exists(), "{}: {link}", file.display());
        }
    }
    assert!(links > 5, "{links}");
}
