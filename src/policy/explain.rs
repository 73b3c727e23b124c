//! Policies in words, for `helm-floe explain`. Everything comes from the policy's own file.

use std::fmt::Write as _;

use serde_json::json;

use super::load::Loaded;
use super::model::{Fix, FixTarget, Policy};
use super::violation::shown;
use crate::config::{Source, dotted};

/// Line length of running text.
const WIDTH: usize = 80;

/// The policy as JSON: its name, its file unless it is built in, and all it says.
pub fn json(loaded: &Loaded) -> String {
    let complete = loaded.complete().ok();
    let policy = complete.as_ref().unwrap_or(&loaded.policy);
    let value = json!({"name": loaded.name, "file": loaded.file, "policy": policy});
    format!("{value:#}\n")
}

/// The policy in words: what it asks for, why, what is done about it, and how to except it.
pub fn text(loaded: &Loaded) -> String {
    let policy = &loaded.policy;
    let mut out = format!("{}: {}\n{}\n", loaded.name, policy.title, origin(loaded));
    section(&mut out, "Why", &[wrap(&policy.description)]);
    section(&mut out, "What to do", &helps(policy));
    section(&mut out, "What the filter does by itself", &fixes(policy));
    section(&mut out, "Passes", &example(loaded, "valid"));
    section(&mut out, "Does not pass", &example(loaded, "invalid"));
    section(
        &mut out,
        "Exception, in the platform file",
        &[exception(loaded)],
    );
    out
}

/// A heading and indented paragraphs; nothing when there are none.
fn section(out: &mut String, title: &str, paragraphs: &[String]) {
    let mut paragraphs = paragraphs
        .iter()
        .filter(|paragraph| !paragraph.trim().is_empty())
        .peekable();
    if paragraphs.peek().is_some() {
        let _ = writeln!(out, "\n{title}:");
    }
    for line in paragraphs.flat_map(|paragraph| paragraph.lines()) {
        let _ = writeln!(out, "{}", format!("  {line}").trim_end());
    }
}

/// Severity, standard and file in one or two lines.
fn origin(loaded: &Loaded) -> String {
    let policy = &loaded.policy;
    let mut line = policy.severity.word().to_owned();
    if let Some(standard) = &policy.standard {
        let _ = write!(line, ", {} {}", standard.name, standard.level);
        let versions: Vec<String> = policy
            .versions
            .iter()
            .map(|own| own.since.to_string())
            .collect();
        match versions.split_first() {
            Some((first, [])) => _ = write!(line, " since {first}"),
            Some((first, later)) => {
                _ = write!(line, " since {first}, changed in {}", later.join(", "))
            }
            None => {}
        }
        let _ = write!(line, "\n{}", standard.docs);
    }
    if let Some(file) = &loaded.file {
        let _ = write!(line, "\n{file}");
    }
    line
}

/// What to do, from the policy and from its rules, each text once.
fn helps(policy: &Policy) -> Vec<String> {
    let own = policy.help.iter();
    let rules = rules(policy).filter_map(|rule| rule.help.as_ref());
    let mut helps: Vec<String> = Vec::new();
    for help in own.chain(rules).map(|help| wrap(help)) {
        if !helps.contains(&help) {
            helps.push(help);
        }
    }
    helps
}

fn rules(policy: &Policy) -> impl Iterator<Item = &super::model::Rule> {
    policy
        .rules
        .iter()
        .chain(policy.versions.iter().flat_map(|version| &version.rules))
}

/// Every fix as a sentence.
fn fixes(policy: &Policy) -> Vec<String> {
    let mut sentences: Vec<String> = Vec::new();
    for sentence in rules(policy).flat_map(|rule| &rule.fix).map(fix) {
        if !sentences.contains(&sentence) {
            sentences.push(sentence);
        }
    }
    sentences
}

fn fix(fix: &Fix) -> String {
    let place = match fix.target {
        FixTarget::Pod => "the pod spec",
        FixTarget::PodMetadata => "the pod's metadata",
        FixTarget::Container => "the container",
        FixTarget::Object => "the object",
    };
    let value = fix.value.to_string();
    let unless = match fix.unless {
        Some(_) => " It stays as it is where that could not work.",
        None => "",
    };
    let done = match fix.path.strip_suffix("/-") {
        Some(list) => format!(
            "In {place}, appends {value} to {} unless it is there.",
            dotted(list)
        ),
        None => format!(
            "In {place}, sets {} to {value} where it is absent, null or empty.",
            dotted(&fix.path)
        ),
    };
    wrap(&(done + unless))
}

/// The first example of a sort, as it stands in the policy's file.
fn example(loaded: &Loaded, sort: &str) -> Vec<String> {
    let place = format!("/spec/examples/{sort}/0");
    let Ok(source) = Source::parse(&loaded.name, &loaded.text) else {
        return Vec::new();
    };
    let name = source
        .value(&format!("{place}/name"))
        .map(|name| format!("# {}", shown(&name).trim_matches('"')));
    let manifest = ["pod", "container", "object"]
        .iter()
        .find_map(|form| source.excerpt(&format!("{place}/{form}")));
    name.into_iter().chain(manifest).collect()
}

fn exception(loaded: &Loaded) -> String {
    let object = match loaded.name.starts_with("secrets/") {
        true => "kind: Secret\n      name: web\n      pointer: /data/password",
        false => "kind: Deployment\n      name: web",
    };
    format!(
        "hardening:\n  exceptions:\n    - policy: {}\n      {object}\n      reason: why it has to be\n      expires: \"2030-12-31\"",
        loaded.name
    )
}

/// Text in lines of at most [`WIDTH`] characters; blank lines part paragraphs.
fn wrap(text: &str) -> String {
    let paragraphs = text.trim().split("\n\n").map(|paragraph| {
        let mut lines = vec![String::new()];
        for word in paragraph.split_whitespace() {
            let full = lines.last().is_some_and(|line| {
                !line.is_empty() && line.chars().count() + 1 + word.chars().count() > WIDTH - 2
            });
            if full {
                lines.push(String::new());
            }
            if let Some(line) = lines.last_mut() {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
            }
        }
        lines.join("\n")
    });
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Library;

    #[test]
    fn a_policy_is_explained_from_its_file() {
        let library = Library::built_in().unwrap();
        let text = text(library.get("pss/capabilities_restricted").unwrap());
        for part in [
            "pss/capabilities_restricted: Containers drop all capabilities\n",
            "error, pod-security restricted since v1.22, changed in v1.25\nhttps://kubernetes.io/",
            "\nWhy:\n  A container starts with",
            "\n  In the container, appends \"ALL\" to securityContext.capabilities.drop unless it\n  is there.\n",
            "\nPasses:\n  # everything dropped\n  name: app\n  image: app:1\n  securityContext: {capabilities: {drop: [ALL]}}\n",
            "    - policy: pss/capabilities_restricted\n",
        ] {
            assert!(text.contains(part), "{part}\nis not in\n{text}");
        }
        assert!(
            text.lines()
                .all(|line| line.chars().count() <= 100 && line.trim_end() == line),
            "{text}"
        );
    }

    #[test]
    fn every_policy_can_be_explained() {
        let library = Library::built_in().unwrap();
        for loaded in library.iter() {
            assert!(text(loaded).contains(&loaded.policy.title));
            let value: serde_json::Value = serde_json::from_str(&json(loaded)).unwrap();
            assert_eq!(value["name"], loaded.name.as_str());
        }
    }

    #[test]
    fn text_is_wrapped_at_words_and_paragraphs_stay() {
        let text = format!("{}\n\nend", "word ".repeat(30));
        let wrapped = wrap(&text);
        assert!(wrapped.lines().all(|line| line.len() <= WIDTH));
        assert_eq!(wrapped.lines().count(), 4);
        assert!(wrapped.ends_with("\n\nend"));
    }
}
