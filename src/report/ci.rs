//! What the formats for other programs share.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::{Finding, Report, Severity};

/// A report for another program.
pub struct Ci<'a> {
    /// The report.
    pub report: &'a Report,
    /// The policies that it may name, by name.
    pub rules: &'a [Rule],
    /// The inputs that Helm rendered, by what the findings call them.
    pub charts: &'a BTreeSet<String>,
}

/// A policy as other programs describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The policy's name.
    pub name: String,
    /// What it asks for, in one line.
    pub title: String,
    /// Why, in a paragraph or two.
    pub description: String,
    /// What a violation does.
    pub severity: Severity,
    /// Where the standard it belongs to is published.
    pub docs: Option<String>,
}

impl Ci<'_> {
    /// The rule of that name, where the policies are known.
    pub fn rule(&self, name: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.name == name)
    }

    /// What a finding has to say, in a few lines: the message, the object and field, the way out.
    pub fn words(&self, finding: &Finding) -> String {
        let mut lines = vec![finding.message.clone()];
        if let Some(object) = finding.object() {
            lines.push(format!("{object}: {}", field(finding)));
        }
        match &finding.exception {
            Some(reason) => lines.push(format!("excepted: {reason}")),
            None if !finding.help.is_empty() => lines.push(format!("help: {}", finding.help)),
            None => {}
        }
        lines.join("\n")
    }
}

/// The field, with the line of what was judged where that is no line of a file.
fn field(finding: &Finding) -> String {
    match (&finding.source, finding.pointer.as_str()) {
        (Some(_), pointer) => format!("{pointer} (rendered line {})", finding.line),
        (None, pointer) => pointer.to_owned(),
    }
}

/// What tells a finding from all others and stays the same when lines move, objects are reordered
/// or containers are added: a hash of the policy, the object and the field.
pub fn fingerprint(finding: &Finding, file: &str) -> String {
    let mut hash = Sha256::new();
    let container = finding.container.as_deref().unwrap_or_default();
    let field = stable(finding);
    let parts = [
        &finding.policy,
        file,
        &finding.kind,
        finding.namespace.as_deref().unwrap_or_default(),
        &finding.name,
        container,
        &field,
    ];
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let digest = hash.finalize();
    digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The pointer without the indices that the object's and the container's name make needless.
fn stable(finding: &Finding) -> String {
    let mut tokens: Vec<&str> = finding.pointer.split('/').collect();
    if let [_, "items", index, ..] = tokens.as_mut_slice() {
        *index = "*";
    }
    if finding.container.is_some() {
        let lists = ["containers", "initContainers", "ephemeralContainers"];
        let list = tokens.iter().position(|token| lists.contains(token));
        if let Some(index) = list.and_then(|list| tokens.get_mut(list + 1)) {
            *index = "*";
        }
    }
    tokens.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::finding;

    #[test]
    fn a_fingerprint_outlives_what_moves() {
        let print = |finding: &Finding| fingerprint(finding, "a.yaml");
        let first = Finding {
            container: Some("web".into()),
            pointer: "/spec/template/spec/containers/0/image".into(),
            ..finding("images/digest")
        };
        let moved = Finding {
            pointer: "/spec/template/spec/containers/3/image".into(),
            line: 90,
            document: 4,
            ..first.clone()
        };
        assert_eq!(print(&first), print(&moved));
        for other in [
            Finding {
                name: "other".into(),
                ..first.clone()
            },
            Finding {
                container: Some("sidecar".into()),
                ..first.clone()
            },
            Finding {
                policy: "images/tag".into(),
                ..first.clone()
            },
            Finding {
                pointer: "/spec/template/spec/containers/0/env".into(),
                ..first.clone()
            },
        ] {
            assert_ne!(print(&first), print(&other), "{other:?}");
        }
        assert_ne!(print(&first), fingerprint(&first, "b.yaml"));
    }

    #[test]
    fn an_item_of_a_list_is_known_by_its_name() {
        let item = |index: usize| Finding {
            pointer: format!("/items/{index}/spec/hostPID"),
            ..finding("pss/hostNamespaces")
        };
        assert_eq!(fingerprint(&item(0), "a"), fingerprint(&item(1), "a"));
    }
}
