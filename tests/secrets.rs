//! No credential of a release is missed, and none is repeated: not in a report of any format, not in
//! a diff, not in an error.
#![cfg(unix)]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeSet;
use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::{Outcome, feed, floe, repository};
use helm_floe::check::secrets::sample::{self, Numbers};

/// A release with credentials in it.
struct Leaky {
    text: String,
    /// The lines that hold one, from 1.
    lines: BTreeSet<usize>,
    /// The credentials as they stand in the text, and decoded.
    credentials: Vec<String>,
}

/// A password as a program makes one.
fn password(numbers: &mut Numbers) -> String {
    const SIGNS: &[u8] = b"abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let sign = |numbers: &mut Numbers| char::from(SIGNS[numbers.below(SIGNS.len())]);
    (0..18).map(|_| sign(numbers)).collect()
}

/// testdata/secrets/leaky.yaml with made-up credentials in the place of its marks.
fn leaky(seed: u64) -> Leaky {
    let file = repository().join("testdata/secrets/leaky.yaml");
    let template = fs::read_to_string(file).expect("read");
    let mut numbers = Numbers::new(seed);
    let mut leaky = Leaky {
        text: String::new(),
        lines: BTreeSet::new(),
        credentials: Vec::new(),
    };
    for (number, line) in template.lines().enumerate() {
        let mut line = line.to_owned();
        while let Some((before, mark, after)) = mark(&line).filter(|_| !line.starts_with('#')) {
            let (encoded, name) = match mark.strip_prefix("b64 ") {
                Some(name) => (true, name),
                None => (false, mark.as_str()),
            };
            let value = match name {
                "password" => password(&mut numbers),
                form => sample::of(form, seed).expect("a form of that name"),
            };
            let written = if encoded {
                STANDARD.encode(&value)
            } else {
                value.clone()
            };
            line = format!("{before}{written}{after}");
            leaky.lines.insert(number + 1);
            leaky.credentials.extend([value, written]);
        }
        leaky.text.push_str(&line);
        leaky.text.push('\n');
    }
    leaky
}

/// The first `@…@` of a line, with what is before and after it.
fn mark(line: &str) -> Option<(String, String, String)> {
    let (before, rest) = line.split_once('@')?;
    let (mark, after) = rest.split_once('@')?;
    Some((before.to_owned(), mark.to_owned(), after.to_owned()))
}

/// Fails where any credential can be read in what was said.
fn silent(leaky: &Leaky, said: &str, where_: &str) {
    for credential in &leaky.credentials {
        assert!(
            !said.contains(credential),
            "{where_} repeats a credential:\n{said}"
        );
    }
}

#[test]
fn every_credential_is_found_on_its_line_and_nothing_else() {
    for seed in 1..6 {
        let leaky = leaky(seed);
        let args = ["check", "--only", "secrets/*", "--format", "json", "-"];
        let said = Outcome::of(&feed(&mut floe(&args), leaky.text.as_bytes()));
        assert_eq!(said.code, 1, "{}", said.stderr);
        let report: serde_json::Value = serde_json::from_str(&said.stdout).expect("JSON");
        let findings = report["findings"].as_array().expect("findings");
        let lines: BTreeSet<usize> = findings
            .iter()
            .map(|finding| finding["line"].as_u64().expect("a line") as usize)
            .collect();
        assert_eq!(
            lines, leaky.lines,
            "seed {seed}\n{}\n{}",
            leaky.text, said.stdout
        );
    }
}

#[test]
fn no_output_repeats_a_credential() {
    let leaky = leaky(7);
    let input = leaky.text.as_bytes();
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("report");
    let report = report.to_str().expect("UTF-8");
    for format in ["text", "json"] {
        for args in [
            vec!["check", "-"],
            vec!["check", "--on-violation", "warn", "-"],
            vec!["check", "--report", report, "-"],
            vec!["check", "--skip", "secrets/*", "-"],
            vec!["post-render"],
            vec!["post-render", "--helm4"],
            vec!["diff", "-"],
            vec!["diff", "--only", "pss/*", "-"],
            vec!["diff", "--on-violation", "warn", "-"],
        ] {
            let args = [args, vec!["--format", format]].concat();
            let said = Outcome::of(&feed(&mut floe(&args), input));
            silent(
                &leaky,
                &format!("{}{}", said.stdout, said.stderr),
                &args.join(" "),
            );
        }
        // Here stdout is the release itself.
        for mode in ["warn", "reject"] {
            let args = ["post-render", "--on-violation", mode, "--format", format];
            let said = Outcome::of(&feed(&mut floe(&args), input));
            silent(&leaky, &said.stderr, &args.join(" "));
            assert_eq!(said.stdout.is_empty(), mode == "reject");
        }
        silent(
            &leaky,
            &fs::read_to_string(report).expect("a report"),
            "the report file",
        );
    }
}

#[test]
fn no_error_repeats_a_credential() {
    let leaky = leaky(8);
    for broken in [
        leaky.text.replace("stringData:", "stringData: ["),
        leaky.text.replace("data:\n", "data:\n\t"),
        leaky.text.replace("kind: Deployment", "kind: [Deployment]"),
        leaky.text.replace("  name: app\n", "  name: {}\n"),
        leaky.text.replace("password: ", "password: *"),
        leaky.text.replace("@", "\u{1}"),
        leaky.text.replace("containers:", "containers: 5 #"),
    ] {
        assert_ne!(broken, leaky.text);
        for command in ["check", "post-render", "diff"] {
            let said = Outcome::of(&feed(&mut floe(&[command]), broken.as_bytes()));
            silent(&leaky, &format!("{}{}", said.stdout, said.stderr), command);
        }
    }
}
