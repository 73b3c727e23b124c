//! Walks the registry of built-in policies: every one is explained, named once, tested by its own
//! examples, and leads to the code it speaks of.
#![cfg(unix)]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeSet;
use std::fs;

use common::{Outcome, feed, floe, repository};
use helm_floe::policy::Library;

fn library() -> Library {
    Library::built_in().expect("the built-in policies")
}

#[test]
fn every_policy_file_is_registered_under_its_own_name() {
    let root = repository().join("policies");
    let files: BTreeSet<String> = walkdir::WalkDir::new(&root)
        .min_depth(2)
        .into_iter()
        .map(|entry| entry.expect("read").into_path())
        .filter(|path| path.is_file())
        .map(|path| {
            let name = path.strip_prefix(&root).expect("below").with_extension("");
            name.to_string_lossy().into_owned()
        })
        .collect();
    let names: Vec<String> = library().iter().map(|l| l.name.clone()).collect();
    assert_eq!(
        files.iter().collect::<Vec<_>>(),
        names.iter().collect::<Vec<_>>()
    );
    assert!(names.len() > 30, "{names:?}");
}

#[test]
fn every_policy_says_what_why_and_what_to_do() {
    for loaded in library().iter() {
        let (name, policy) = (&loaded.name, &loaded.policy);
        assert!((10..=90).contains(&policy.title.len()), "{name}: title");
        assert!(
            !policy.title.ends_with('.'),
            "{name}: a title is no sentence"
        );
        assert!(policy.description.trim().len() > 40, "{name}: description");
        let helps = policy.rules.iter().map(|rule| rule.help.as_deref());
        let own = [policy.help.as_deref()].into_iter();
        assert!(
            own.chain(helps)
                .flatten()
                .any(|help| help.trim().len() > 10),
            "{name}: help"
        );
    }
}

#[test]
fn every_policy_has_rules_with_examples_or_names_its_module() {
    for loaded in library().iter() {
        let (name, policy) = (&loaded.name, loaded.complete().expect("a valid policy"));
        let versions = policy.versions.iter().any(|v| !v.rules.is_empty());
        if let Some(module) = &policy.module {
            let file = repository().join("src").join(module.replace("::", "/"));
            let found = file.with_extension("rs").is_file() || file.join("mod.rs").is_file();
            assert!(found, "{name}: no module {module}");
            assert!(
                policy.rules.is_empty() && !versions,
                "{name}: module and rules"
            );
        } else {
            assert!(
                !policy.rules.is_empty() || versions,
                "{name}: neither rules nor module"
            );
            assert!(!policy.examples.valid.is_empty(), "{name}: a valid example");
            assert!(
                !policy.examples.invalid.is_empty(),
                "{name}: an invalid example"
            );
        }
    }
}

#[test]
fn a_module_reports_under_the_name_of_its_policy() {
    for loaded in library().iter() {
        let Some(module) = &loaded.policy.module else {
            continue;
        };
        let file = repository().join("src").join(module.replace("::", "/"));
        let text = fs::read_to_string(file.with_extension("rs"))
            .or_else(|_| fs::read_to_string(file.join("mod.rs")))
            .expect("the module");
        let quoted = format!("\"{}\"", loaded.name);
        let settings = repository().join("src/pipeline/settings.rs");
        let elsewhere = fs::read_to_string(settings).expect("read");
        assert!(
            text.contains(&quoted) || elsewhere.contains(&quoted),
            "{} is nowhere in {module}",
            loaded.name
        );
    }
}

#[test]
fn every_policy_can_be_explained() {
    let list = Outcome::of(&feed(&mut floe(&["explain"]), b"")).ok();
    assert_eq!(list.lines().count(), library().iter().count());
    for loaded in library().iter() {
        let name = loaded.name.as_str();
        assert!(list.lines().any(|line| line.starts_with(name)), "{name}");
        let text = Outcome::of(&feed(&mut floe(&["explain", name]), b"")).ok();
        for heading in ["Why:", "What to do:", "Exception, in the platform file:"] {
            assert!(text.contains(heading), "{name}: no {heading} in {text}");
        }
        assert!(text.contains(&loaded.policy.title), "{name}");
        let json = floe(&["explain", name, "--format", "json"]);
        let json = Outcome::of(&feed(&mut { json }, b"")).ok();
        let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(json["name"], name);
    }
}

#[test]
fn every_example_comes_out_as_it_says() {
    let said = Outcome::of(&feed(&mut floe(&["policies", "test"]), b"")).ok();
    let count: usize = said
        .split_once(" examples, 0 failed\n")
        .and_then(|(count, rest)| rest.is_empty().then(|| count.parse().ok())?)
        .expect("a count and nothing else");
    assert!(count > 80, "{said}");
}

#[test]
fn exports_are_the_same_each_time_and_pass_our_own_check() {
    for format in ["vap", "map"] {
        let export = || {
            let args = [
                "policies",
                "export",
                "--format",
                format,
                "--pss-version",
                "v1.36",
            ];
            Outcome::of(&feed(&mut floe(&args), b"")).ok()
        };
        let text = export();
        assert_eq!(text, export(), "{format}");
        assert!(text.matches("\n---\n").count() > 3, "{format}: {text}");
        let said = Outcome::of(&feed(&mut floe(&["check", "-"]), text.as_bytes())).ok();
        assert!(
            said.starts_with("helm-floe: 0 errors, 0 warnings"),
            "{format}: {said}"
        );
    }
}

#[test]
fn a_schema_that_the_api_server_cannot_ask_needs_other_words() {
    let policy = |admission: &str| {
        let folder = tempfile::tempdir().expect("a directory");
        let text = format!(
            "apiVersion: floe.dev/v1alpha1\nkind: Policy\nmetadata: {{name: acme/name}}\nspec:\n  \
             title: Names hold no blanks\n  description: So.\n{admission}  rules:\n  - node: object\n    \
             schema: {{properties: {{metadata: {{properties: {{name: {{pattern: '^\\S+$'}}}}}}}}}}\n    message: a blank\n"
        );
        fs::write(folder.path().join("name.yaml"), text).expect("written");
        let directory = folder.path().to_str().expect("UTF-8");
        let args = ["policies", "list", "--policies", directory];
        Outcome::of(&feed(&mut floe(&args), b""))
    };
    let said = policy("");
    assert_eq!(said.code, 2, "{}", said.stdout);
    assert!(said.stderr.contains("admission.none"), "{}", said.stderr);
    policy("  admission: {none: blanks are rare}\n").ok();
    policy("  admission: {cel: \"!object.metadata.name.contains(' ')\"}\n").ok();
}
