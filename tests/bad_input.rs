//! What cannot be understood is refused: exit code 2, nothing on stdout, and the place on stderr.

#![cfg(unix)]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use std::fs::File;
use std::process::{Command, Stdio};

use common::{Outcome, feed, floe, helm_floe};

const CONFIG_MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n";

/// Asserts that an input is refused as bad, by the filter and by `check`, with that on stderr.
#[track_caller]
fn assert_refused(input: &[u8], expected: &str) {
    for args in [&[][..], &["post-render"], &["check", "-"], &["diff"]] {
        let said = Outcome::of(&feed(&mut floe(args), input));
        let what = format!("{args:?} of {:?}", String::from_utf8_lossy(start_of(input)));
        assert_eq!(said.code, 2, "{what}: {}", said.stderr);
        assert_eq!(said.stdout, "", "{what}");
        assert!(
            said.stderr.contains(expected),
            "{what}: not {expected:?} but {}",
            said.stderr
        );
    }
}

fn start_of(input: &[u8]) -> &[u8] {
    input.get(..input.len().min(200)).unwrap_or_default()
}

#[test]
fn nothing_at_all_is_an_error_with_a_way_out() {
    for (input, reason) in [
        ("", "stdin: error: the input is empty; "),
        (" \n\t\r\n\n", "stdin: error: the input is empty; "),
        (
            "# Source: web/templates/a.yaml\n---\n# nothing\n",
            "stdin: error: the input holds no Kubernetes object; ",
        ),
        (
            "---\n---\nnull\n---\n",
            "stdin: error: the input holds no Kubernetes object; ",
        ),
        (
            "apiVersion: v1\nkind: List\nitems: []\n",
            "stdin: error: the input holds no Kubernetes object; ",
        ),
    ] {
        let said = Outcome::of(&feed(&mut floe(&[]), input.as_bytes()));
        assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{input:?}");
        assert!(said.stderr.contains(reason), "{input:?}: {}", said.stderr);
        assert!(said.stderr.contains("--allow-empty"), "{}", said.stderr);
        let allowed = Outcome::of(&feed(&mut floe(&["--allow-empty"]), input.as_bytes()));
        assert_eq!(allowed.ok(), input);
    }
}

/// Texts that cannot be read, with the place and the reason.
const UNREADABLE: [(&str, &str); 25] = [
    (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {b: c}\n",
        "stdin:3:11: error: a bracket that is never closed",
    ),
    (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: \"a\n",
        "stdin:4:9: error: a quote that is never closed",
    ),
    (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  na",
        "stdin:4:3: error: metadata is not a mapping",
    ),
    (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  labels:\n    b: c\n    d",
        "stdin:7:5: error: a key without ':'",
    ),
    (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n\tname: a\n",
        "stdin:4:1: error: a tab where indentation is expected",
    ),
    (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n\tlabels: {}\n",
        "stdin:5:1: error: a tab where indentation is expected",
    ),
    (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: *a\n",
        "stdin:4:9: error: an alias of an anchor that is not there",
    ),
    (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: &m\n  labels: *m\n",
        "stdin:4:11: error: anchor 'm' contains itself",
    ),
    (
        "apiVersion: v1\nkind: ConfigMap\n  metadata: {}\n",
        "stdin:3:11: error: a second key on the line of a value",
    ),
    (
        "- apiVersion: v1\n  kind: ConfigMap\n",
        "stdin:1:1: error: expected a Kubernetes object, a mapping with apiVersion and kind",
    ),
    (
        "Error: values don't meet the schema\n",
        "stdin:1:1: error: apiVersion is missing",
    ),
    (
        "installation failed\n",
        "stdin:1:1: error: expected a Kubernetes object, a mapping with apiVersion and kind",
    ),
    (
        "apiVersion: v1\nmetadata:\n  name: a\n",
        "stdin:1:1: error: kind is missing",
    ),
    (
        "# only a comment\n---\nkind: ConfigMap\nmetadata:\n  name: a\n",
        "stdin:3:1: error: apiVersion is missing",
    ),
    (
        "apiVersion: v1\nkind: [ConfigMap]\n",
        "stdin:2:1: error: kind is not a string",
    ),
    (
        "apiVersion: 1\nkind: ConfigMap\n",
        "stdin:1:13: error: apiVersion is not a string",
    ),
    (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: 0644\n",
        "stdin:4:9: error: metadata.name is not a string",
    ),
    (
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  metadata: {name: a}\n",
        "stdin:4:3: error: kind is missing",
    ),
    (
        "apiVersion: v1\nkind: List\nitems:\n- metadata: {name: a}\n",
        "stdin:4:3: error: apiVersion is missing",
    ),
    (
        "apiVersion: v1\nkind: Pod\nspec: {hostPID: true}\nitems:\n- apiVersion: v1\n  kind: Service\n",
        "stdin:4:1: error: items in an object whose kind is no list",
    ),
    (
        "---\n# Source: web/templates/a.yaml\napiVersion: v1\nkind: \"a\u{7}\"\n",
        "stdin:4:9: error: a control character (template web/templates/a.yaml)",
    ),
    (
        "%YAML 1.2\n---\napiVersion: v1\n",
        "stdin:1:1: error: directives ('%') are not supported",
    ),
    (
        "apiVersion: v1\nkind: ConfigMap\n...\nmetadata: {name: a}\n",
        "stdin:4:1: error: content after the end of the document's value",
    ),
    (
        "apiVersion: v1\rkind: ConfigMap\r",
        "stdin:1:15: error: a carriage return without a line feed",
    ),
    (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: é, [a]: b}\n",
        "stdin:3:21: error: a map or list cannot be a key",
    ),
];

#[test]
fn what_cannot_be_read_is_refused_where_it_stands() {
    for (input, expected) in UNREADABLE {
        assert_refused(input.as_bytes(), expected);
    }
}

#[test]
fn every_unreadable_document_is_named_in_one_run() {
    let texts = ["kind: A\n", CONFIG_MAP, "a: [\n"];
    let said = Outcome::of(&feed(&mut floe(&[]), texts.join("---\n").as_bytes()));
    assert_eq!(
        said.stderr,
        "helm-floe cannot understand the input, nothing was written\n\
         stdin:1:1: error: apiVersion is missing\n\
         stdin:8:4: error: a bracket that is never closed\n"
    );
}

#[test]
fn separators_that_helm_and_kubectl_read_differently_are_refused() {
    let text = "text after '---' on the same line, which Helm reads as content and kubectl refuses";
    let indented = "an indented '---' at the start: a separator for Helm, text for kubectl";
    for (tail, line, reason) in [
        ("--- a: b\n", 5, text),
        ("---a: b\n", 5, text),
        ("----\n", 5, text),
        ("data:\n  key: \"\n-----BEGIN KEY-----\n\"\n", 7, text),
    ] {
        let input = format!("{CONFIG_MAP}{tail}");
        assert_refused(
            input.as_bytes(),
            &format!("stdin:{line}:1: error: {reason}\n"),
        );
    }
    let input = format!("  ---\n{CONFIG_MAP}");
    assert_refused(input.as_bytes(), &format!("stdin:1:3: error: {indented}\n"));
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    for (input, expected) in [
        (
            &b"apiVersion: v1\nkind: \xffConfigMap\n"[..],
            "stdin:2:7: error: invalid UTF-8 at byte 21\n",
        ),
        (
            // The column counts characters, the offset bytes.
            b"kind: \xc3\xa9\xc3\xa9\xc3\n",
            "stdin:1:9: error: invalid UTF-8 at byte 10\n",
        ),
        (
            b"a\0p\0i\0V\0e\0r\0s\0i\0o\0n\0",
            "stdin:1:2: error: a control character\n",
        ),
        (
            b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
            "stdin:1:2: error: invalid UTF-8 at byte 1\n",
        ),
    ] {
        assert_refused(input, expected);
    }
}

#[test]
fn the_same_object_twice_is_bad_input() {
    let input = format!("{CONFIG_MAP}---\n# again\n{CONFIG_MAP}");
    for args in [&[][..], &["check"]] {
        let said = Outcome::of(&feed(&mut floe(args), input.as_bytes()));
        assert_eq!(said.code, 2, "{args:?}");
        let report = format!("{}{}", said.stdout, said.stderr);
        for words in [
            "error[manifest/duplicate-object]: ConfigMap a is in the stream twice, first in the document at line 1",
            "stdin:10:9",
            "remove one of the two",
        ] {
            assert!(report.contains(words), "{args:?}: no {words:?} in {report}");
        }
    }
    let warned = Outcome::of(&feed(
        &mut floe(&["--on-violation", "warn"]),
        input.as_bytes(),
    ));
    assert_eq!(warned.ok(), input);
    let said = Outcome::of(&feed(&mut floe(&[]), input.as_bytes()));
    assert_eq!(said.stdout, "", "nothing leaves the filter");
}

#[test]
fn the_same_name_elsewhere_is_another_object() {
    for other in [
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  namespace: b\n",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  annotations: {helm.sh/hook: test}\n",
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n",
        "apiVersion: example.com/v1\nkind: ConfigMap\nmetadata:\n  name: a\n",
    ] {
        let input = format!("{CONFIG_MAP}---\n{other}");
        assert_eq!(
            Outcome::of(&feed(&mut floe(&[]), input.as_bytes())).ok(),
            input
        );
    }
    // The release's own namespace, written out, is the same place.
    let input = format!("{CONFIG_MAP}---\n{CONFIG_MAP}  namespace: b\n");
    let said = Outcome::of(&feed(&mut floe(&["-n", "b"]), input.as_bytes()));
    assert_eq!(said.code, 2, "{}", said.stderr);
}

/// `levels` maps, one inside the other.
fn nested_block(levels: usize) -> String {
    (0..levels)
        .map(|level| format!("{}a:\n", " ".repeat(level + 1)))
        .collect()
}

#[test]
fn depth_is_bounded() {
    let levels = 10_000;
    let flow = "[".repeat(levels) + &"]".repeat(levels);
    let braces = "{a: ".repeat(levels) + &"}".repeat(levels);
    let dashes = "- ".repeat(levels);
    for (nested, place) in [
        (flow, "5:262"),
        (braces, "5:1027"),
        (format!("\n  {dashes}a"), "6:513"),
        (format!("\n{}", nested_block(levels)), "261:258"),
    ] {
        let input = format!("{CONFIG_MAP}data: {nested}\n");
        let expected = format!("stdin:{place}: error: nested deeper than 256 levels\n");
        assert_refused(input.as_bytes(), &expected);
    }
}

#[test]
fn aliases_cannot_blow_a_document_up() {
    let mut bomb = format!("{CONFIG_MAP}l0: &l0 [a, a, a, a, a, a, a, a, a]\n");
    for level in 1..12 {
        let below = format!("*l{}, ", level - 1).repeat(9);
        bomb.push_str(&format!("l{level}: &l{level} [{below}]\n"));
    }
    let start = std::time::Instant::now();
    assert_refused(bomb.as_bytes(), ": error: excessive aliasing\n");
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

#[test]
fn size_is_bounded() {
    const LIMIT: usize = 100_000_000;
    let comment = |length: usize| {
        let mut input = CONFIG_MAP.as_bytes().to_vec();
        input.push(b'#');
        input.resize(length - 1, b'x');
        input.push(b'\n');
        input
    };
    let said = Outcome::of(&feed(&mut floe(&[]), &comment(LIMIT)));
    assert_eq!((said.code, said.stdout.as_str()), (2, ""));
    assert_eq!(
        said.stderr,
        "helm-floe cannot understand the input, nothing was written\n\
         stdin: error: the input has 100000000 bytes or more, which is refused; \
         render fewer charts at a time\n"
    );
}

/// Runs the binary through a shell, which can close descriptors.
fn through_shell(script: &str) -> Outcome {
    let mut command = Command::new("/bin/sh");
    command.env_clear().args(["-c", script]).arg("sh");
    Outcome::of(&feed(command.arg(helm_floe()), CONFIG_MAP.as_bytes()))
}

#[test]
fn closed_streams_are_errors() {
    let said = through_shell(r#""$1" post-render <&-"#);
    assert_eq!((said.code, said.stdout.as_str()), (2, ""));
    assert!(
        said.stderr.contains("the input is empty"),
        "{}",
        said.stderr
    );

    let said = through_shell(r#""$1" post-render >&-"#);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("stdout is closed"), "{}", said.stderr);

    // Without stderr there is nobody to tell, but the work is done.
    assert_eq!(through_shell(r#""$1" post-render 2>&-"#).ok(), CONFIG_MAP);
    assert_eq!(through_shell(r#""$1" post-render >/dev/null"#).code, 0);
}

#[test]
fn a_full_disk_is_an_error() {
    let Ok(full) = File::options().write(true).open("/dev/full") else {
        return; // Linux has it
    };
    let mut command = floe(&[]);
    command.stdin(Stdio::piped()).stdout(full);
    let mut child = command.stderr(Stdio::piped()).spawn().expect("runs");
    let mut pipe = child.stdin.take().expect("a pipe");
    std::io::Write::write_all(&mut pipe, CONFIG_MAP.as_bytes()).expect("written");
    drop(pipe);
    let said = Outcome::of(&child.wait_with_output().expect("ends"));
    assert_eq!(said.code, 2);
    assert!(
        said.stderr
            .contains("cannot write to stdout: No space left"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_reader_that_leaves_early_is_not_worth_a_word() {
    let input = format!("{CONFIG_MAP}#{}\n", "x".repeat(1_000_000));
    let script = r#""$1" post-render --skip '*' | head -c 1; exit 0"#;
    let mut command = Command::new("/bin/sh");
    command.env_clear().env("PATH", "/usr/bin:/bin");
    command.args(["-c", script, "sh"]).arg(helm_floe());
    let said = Outcome::of(&feed(&mut command, input.as_bytes()));
    assert_eq!(said.stdout, "a");
    assert!(!said.stderr.contains("pipe"), "{}", said.stderr);
    assert!(!said.stderr.contains("panic"), "{}", said.stderr);
}

#[test]
fn a_reader_of_an_answer_may_leave_early_and_one_of_manifests_may_not() {
    // The page of the schema is larger than the buffer of a pipe.
    let input = format!("{CONFIG_MAP}#{}\n", "x".repeat(1_000_000));
    for (words, code) in [("schema platform", 0), ("post-render", 2)] {
        let script = format!(r#"{{ "$1" {words}; echo $? >&2; }} | head -c 1"#);
        let mut command = Command::new("/bin/sh");
        command.env_clear().env("PATH", "/usr/bin:/bin");
        command.args(["-c", &script, "sh"]).arg(helm_floe());
        let said = Outcome::of(&feed(&mut command, input.as_bytes())).stderr;
        assert_eq!(
            said.lines().last(),
            Some(code.to_string().as_str()),
            "{words}: {said}"
        );
    }
}
