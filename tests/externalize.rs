//! Inline Secrets of every style, with values and remarks about them in every place: nothing of
//! them leaves the filter, and running it twice changes nothing.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use helm_floe::check::hide;
use helm_floe::inject::externalize::Externalizer;
use helm_floe::manifest::{Document, View, split};
use helm_floe::object;
use helm_floe::pipeline::{Mode, Settings, run};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

/// A value, and what it is in base64.
const VALUE: &str = "hunter2-do-not-print";
const ENCODED: &str = "aHVudGVyMi1kby1ub3QtcHJpbnQ=";

fn settings() -> Settings {
    let mut settings = Settings::for_release("web", "prod", Mode::Harden).expect("valid policies");
    settings.keep_edits = true;
    settings.externalize = Some(Externalizer {
        config: serde_json::from_value(json!({"store": {"name": "vault"}})).expect("valid"),
        environment: None,
        release: None,
        namespace: Some("shop".into()),
        labels: settings.labels.clone(),
    });
    settings
}

/// The Secret in block style, with comments that give the value away at some of its lines.
fn block() -> impl Strategy<Value = String> {
    let entry = select(vec![
        format!("a: {VALUE}"),
        format!("b: \"{VALUE}\""),
        format!("c: |\n    {VALUE}\n    # {VALUE}"),
        format!("d: >-\n    {VALUE}\n\n    {VALUE}"),
        format!("e: &anchor {ENCODED}"),
        format!("f: !!str {VALUE}"),
        format!("g: '{VALUE}'\n  h: [{VALUE}]"),
    ]);
    let entries = prop::collection::vec(entry, 1..4);
    let annotation = select(vec![
        "a: b".to_owned(),
        format!("note: it is {VALUE}"),
        format!("kubectl.kubernetes.io/last-applied-configuration: '{{\"a\":\"{ENCODED}\"}}'"),
    ]);
    let field = select(vec!["data", "stringData"]);
    let remarks = prop::collection::vec(any::<bool>(), 16);
    (entries, annotation, field, remarks, any::<bool>()).prop_map(
        |(mut entries, annotation, field, remarks, crlf)| {
            entries.sort();
            entries.dedup();
            let mut text = format!(
                "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n  annotations:\n    {annotation}\n{field}:\n"
            );
            for entry in entries {
                text.push_str(&format!("  {entry}\n"));
            }
            let text = remarked(&text, &remarks);
            if crlf { text.replace('\n', "\r\n") } else { text }
        },
    )
}

/// Comments above and, where a line is a key with its value, behind it.
fn remarked(text: &str, remarks: &[bool]) -> String {
    let mut out = String::new();
    let mut remarks = remarks.iter().cycle();
    for line in text.lines() {
        let nested = line.is_empty() || line.starts_with("    ");
        if !nested && remarks.next() == Some(&true) {
            let indent = line.len() - line.trim_start().len();
            out.push_str(&format!("{}# {VALUE} {ENCODED}\n", " ".repeat(indent)));
        }
        let scalar = line.trim_end().ends_with(['|', '-', '=', '"', ':']);
        let remark = !nested && scalar && remarks.next() == Some(&true);
        out.push_str(line);
        out.push_str(if remark {
            " # hunter2-do-not-print\n"
        } else {
            "\n"
        });
    }
    out.push_str("# hunter2-do-not-print\n");
    out
}

/// The Secret on one line.
fn flow() -> impl Strategy<Value = String> {
    select(vec![
        format!(
            "{{apiVersion: v1, kind: Secret, metadata: {{name: db}}, stringData: {{a: {VALUE}}}}} # {VALUE}\n"
        ),
        format!(
            "{{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{{\"name\":\"db\"}},\"data\":{{\"a\":\"{ENCODED}\"}}}}\n"
        ),
        format!(
            "{{ # {VALUE}\n  \"apiVersion\": \"v1\", \"kind\": \"Secret\",\n  \"metadata\": {{\"name\": \"db\"}}, # {VALUE}\n  \"stringData\": {{\"a\": \"{VALUE}\"}}\n}}\n"
        ),
    ])
}

/// A stream with the Secret as a document of its own or inside a list.
fn stream() -> impl Strategy<Value = String> {
    (prop_oneof![block(), flow()], 0..4_u8).prop_map(|(secret, place)| {
        let indented = || {
            let lines: Vec<&str> = secret.lines().collect();
            lines.join("\n    ")
        };
        let other = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: other # stays\n";
        match place {
            0 => secret.clone(),
            1 => format!("{other}---\n# Source: web/templates/db.yaml\n{secret}---\n{other}"),
            2 => format!("apiVersion: v1\nkind: List\nitems:\n  -\n    {}\n", indented()),
            _ => format!(
                "kind: List\napiVersion: v1\nitems:\n  - apiVersion: v1\n    kind: ConfigMap\n    metadata: {{name: one}}\n  -\n    {}\n  - apiVersion: v1\n    kind: ConfigMap\n    metadata: {{name: two}}\n",
                indented()
            ),
        }
    })
}

fn filtered(text: &str) -> (String, String) {
    let outcome = run(text, &settings()).expect("readable");
    let report = helm_floe::report::json::render(&outcome.report);
    (
        String::from_utf8(outcome.output.to_vec()).expect("UTF-8"),
        report,
    )
}

fn kinds(text: &str) -> Vec<String> {
    let spans = split(text).expect("separators");
    let documents: Vec<Document<'_>> = spans
        .iter()
        .map(|span| Document::parse(span.text).expect("YAML"))
        .collect();
    let roots = documents.iter().filter_map(Document::root);
    let objects = roots.flat_map(|root| object::find(View::Node(root)).expect("objects"));
    objects.map(|object| object.identity.kind).collect()
}

fn clean(text: &str) -> bool {
    !text.contains("hunter2") && !text.contains("aHVudGVyMi")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_byte_of_a_value_survives(text in stream()) {
        let (output, report) = filtered(&text);
        prop_assert!(clean(&output), "{text}\n==>\n{output}");
        prop_assert!(clean(&report), "{text}\n==>\n{report}");
        prop_assert!(clean(&hide::secrets(&text)), "{text}\n==>\n{}", hide::secrets(&text));
        let mut expected = kinds(&text);
        for kind in &mut expected {
            if kind == "Secret" {
                *kind = "ExternalSecret".into();
            }
        }
        prop_assert_eq!(kinds(&output), expected, "{}", output);
        prop_assert_eq!(output.matches("# stays").count(), text.matches("# stays").count());
    }

    #[test]
    fn twice_is_once(text in stream()) {
        let (once, _) = filtered(&text);
        prop_assert_eq!(&filtered(&text).0, &once);
        prop_assert_eq!(&filtered(&once).0, &once);
    }
}
