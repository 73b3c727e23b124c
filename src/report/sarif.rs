//! SARIF 2.1.0, which code scanning services read
//! (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>).

use std::collections::BTreeSet;

use foldhash::HashMap;
use serde_json::{Map, Value, json};

use super::ci::{Ci, Rule, fingerprint};
use super::{Finding, place};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// The name and version of how fingerprints are made: another way must get another name, or
/// services would take old findings for new ones.
const FINGERPRINT: &str = "helmFloeFinding/v1";

/// The report as pretty-printed JSON with a final newline.
pub fn render(ci: &Ci<'_>) -> String {
    let names: BTreeSet<&str> = ci
        .report
        .findings
        .iter()
        .map(|f| f.policy.as_str())
        .collect();
    let names: Vec<&str> = names.into_iter().collect();
    let rules: Vec<Value> = names.iter().map(|name| rule(name, ci.rule(name))).collect();
    let mut seen = HashMap::default();
    let results = ci.report.findings.iter().map(|finding| {
        let index = names.binary_search(&finding.policy.as_str()).ok();
        result(ci, finding, index, &mut seen)
    });
    let results: Vec<Value> = results.collect();
    let notices = ci
        .report
        .notices
        .iter()
        .map(|notice| json!({"level": "note", "message": {"text": notice}}));
    let notices: Vec<Value> = notices.collect();
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "helm-floe",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": true,
                "toolExecutionNotifications": notices,
            }],
            "results": results,
        }],
    });
    format!("{log:#}\n")
}

fn rule(name: &str, known: Option<&Rule>) -> Value {
    let mut rule = Map::new();
    rule.insert("id".into(), name.into());
    let Some(known) = known else {
        return Value::Object(rule);
    };
    rule.insert("shortDescription".into(), json!({"text": known.title}));
    rule.insert("fullDescription".into(), json!({"text": known.description}));
    rule.insert(
        "help".into(),
        json!({"text": format!("{}\n\n`helm-floe explain {name}` shows how to fix and how to except it.", known.description)}),
    );
    rule.insert(
        "defaultConfiguration".into(),
        json!({"level": known.severity.word()}),
    );
    if let Some(docs) = &known.docs {
        rule.insert("helpUri".into(), docs.as_str().into());
    }
    rule.insert(
        "properties".into(),
        json!({"tags": ["security", "kubernetes"]}),
    );
    Value::Object(rule)
}

/// One finding. `seen` counts fingerprints, so that two findings of one field differ.
fn result(
    ci: &Ci<'_>,
    finding: &Finding,
    rule: Option<usize>,
    seen: &mut HashMap<String, usize>,
) -> Value {
    let place = place::of(finding, ci.charts);
    // A service that shows findings beside files wants a line in any case.
    let (line, column) = place.at.unwrap_or((1, 1));
    let print = fingerprint(finding, &place.file);
    let times = seen
        .entry(print.clone())
        .and_modify(|n| *n += 1)
        .or_insert(1);
    let mut result = json!({
        "ruleId": finding.policy,
        "level": finding.severity.word(),
        "message": {"text": ci.words(finding)},
        "locations": [{
            "physicalLocation": {
                "artifactLocation": {"uri": uri(&place.file)},
                "region": {"startLine": line, "startColumn": column},
            },
        }],
        "partialFingerprints": {FINGERPRINT: format!("{print}:{times}")},
        "properties": {"renderedLine": finding.line, "pointer": finding.pointer},
    });
    if let (Some(rule), Some(result)) = (rule, result.as_object_mut()) {
        result.insert("ruleIndex".into(), rule.into());
    }
    if let Some(object) = finding.object() {
        let name = format!("{object}#{}", finding.pointer);
        result["locations"][0]["logicalLocations"] =
            json!([{"fullyQualifiedName": name, "kind": "resource"}]);
    }
    if let Some(reason) = &finding.exception {
        result["suppressions"] =
            json!([{"kind": "external", "status": "accepted", "justification": reason}]);
    }
    result
}

/// A relative URI reference (RFC 3986 section 4.2) of a path: what is not allowed in a segment is
/// percent-encoded.
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(&byte);
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match plain(byte) {
            true => out.push(char::from(byte)),
            false => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_uri_reference() {
        let cases = [
            ("charts/web/templates/a.yaml", "charts/web/templates/a.yaml"),
            ("a b#c?d%.yaml", "a%20b%23c%3Fd%25.yaml"),
            ("c:x/ü.yaml", "c%3Ax/%C3%BC.yaml"),
        ];
        for (path, want) in cases {
            assert_eq!(uri(path), want);
        }
    }
}
