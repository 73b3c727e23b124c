//! Policies as text. Most of it is the same for all policies of a release: that is written once.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::peers::NAMESPACE;
use super::rules::dns;
use super::{Inputs, Policy, Rule, Selection, metadata};
use crate::inject::network::labels::Labels;
use crate::inject::network::topology::{Port, PortRef};
use crate::manifest::{EditError, write_document, write_key, write_string};

/// The name of the list of peers in rules for incoming traffic, and in those for outgoing.
const FROM: &str = "from";
const TO: &str = "to";

/// Writes the policies of a release.
pub struct Pen {
    /// The text up to the name.
    head: String,
    /// The rule of all policies for outgoing traffic.
    dns: String,
}

impl Pen {
    /// `comment` stands above each policy; `annotations` are those of each.
    ///
    /// # Errors
    /// Something that all policies share cannot be written.
    pub fn new(
        inputs: &Inputs<'_>,
        comment: &str,
        annotations: Option<Value>,
    ) -> Result<Pen, EditError> {
        let mut metadata = metadata(inputs);
        metadata.extend(annotations.map(|own| ("annotations".to_owned(), own)));
        let object = write_document(&json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": metadata,
        }))?;
        let mut egress = String::from("  egress:\n");
        rule(&mut egress, TO, &dns(inputs.network))?;
        Ok(Pen {
            head: format!("{comment}{object}  name: "),
            dns: egress,
        })
    }

    /// A policy's document with the separator behind it. Borrowed parts are the same in others.
    ///
    /// # Errors
    /// A label that readers do not take.
    pub fn write(&self, policy: &Policy<'_>) -> Result<[Cow<'_, str>; 5], EditError> {
        let mut name = String::new();
        write_string(&mut name, &policy.name);
        if let Some(namespace) = &policy.namespace {
            name.push_str("\n  namespace: ");
            write_string(&mut name, namespace);
        }
        name.push_str("\nspec:\n");
        let spec = &policy.spec;
        let mut own = String::new();
        for own_rule in spec.egress.iter().flatten() {
            rule(&mut own, TO, own_rule)?;
        }
        if spec.ingress.as_ref().is_some_and(|rules| !rules.is_empty()) {
            own.push_str("  ingress:\n");
        }
        for own_rule in spec.ingress.iter().flatten() {
            rule(&mut own, FROM, own_rule)?;
        }
        own.push_str("  podSelector:\n    ");
        labels(&mut own, spec.selector, 4)?;
        Ok([
            Cow::Borrowed(&self.head),
            Cow::Owned(name),
            Cow::Borrowed(spec.egress.as_ref().map_or("", |_| &self.dns)),
            Cow::Owned(own),
            Cow::Borrowed(match (&spec.ingress, &spec.egress) {
                (Some(_), Some(_)) => "  policyTypes:\n    - Ingress\n    - Egress\n---\n",
                (Some(_), None) => "  policyTypes:\n    - Ingress\n---\n",
                (None, _) => "  policyTypes:\n    - Egress\n---\n",
            }),
        ])
    }
}

/// A rule of a policy; keys are sorted, as in all objects of ours.
fn rule(out: &mut String, side: &str, rule: &Rule<'_>) -> Result<(), EditError> {
    if rule.peers.is_none() && rule.ports.is_empty() {
        out.push_str("    - {}\n");
        return Ok(());
    }
    let mut start = "    - ";
    let ports_first = side > "ports";
    if ports_first && !rule.ports.is_empty() {
        out.push_str(start);
        ports(out, &rule.ports);
        start = "      ";
    }
    if let Some(peers) = &rule.peers {
        out.push_str(start);
        out.push_str(side);
        out.push_str(if peers.is_empty() { ": []\n" } else { ":\n" });
        for peer in peers {
            selection(out, peer)?;
        }
        start = "      ";
    }
    if !ports_first && !rule.ports.is_empty() {
        out.push_str(start);
        ports(out, &rule.ports);
    }
    Ok(())
}

fn ports(out: &mut String, ports: &[Port]) {
    out.push_str("ports:\n");
    for port in ports {
        out.push_str("        - port: ");
        match &port.port {
            PortRef::Number(number) => out.push_str(&number.to_string()),
            PortRef::Name(name) => write_string(out, name),
        }
        out.push_str("\n          protocol: ");
        out.push_str(port.protocol.name());
        out.push('\n');
    }
}

fn selection(out: &mut String, selection: &Selection<'_>) -> Result<(), EditError> {
    out.push_str("        - ");
    match selection {
        Selection::Pods(namespace, pods) => {
            if let Some(namespace) = namespace {
                out.push_str("namespaceSelector:\n            matchLabels:\n              ");
                out.push_str(NAMESPACE);
                out.push_str(": ");
                write_string(out, namespace);
                out.push_str("\n          ");
            }
            out.push_str("podSelector:\n            ");
            labels(out, pods, 12)
        }
        Selection::Other(value) => {
            let text = write_document(value)?;
            out.push_str(&text.trim_end().replace('\n', "\n          "));
            out.push('\n');
            Ok(())
        }
    }
}

/// `matchLabels` in a column.
fn labels(out: &mut String, labels: &Labels, column: usize) -> Result<(), EditError> {
    out.push_str("matchLabels:");
    if labels.is_empty() {
        out.push_str(" {}");
    }
    for (key, value) in labels.iter() {
        out.push('\n');
        out.push_str(BLANKS.get(..column + 2).unwrap_or_default());
        write_key(out, key)?;
        out.push_str(": ");
        write_string(out, value);
    }
    out.push('\n');
    Ok(())
}

/// More of them than labels are indented by.
const BLANKS: &str = "                ";

#[cfg(test)]
mod tests {
    use super::super::Spec;
    use super::*;
    use crate::inject::network::topology::Protocol;
    use crate::platform::network::{Mode, Network};

    /// The policy as the API server takes it.
    fn to_value(policy: &Policy<'_>, inputs: &Inputs<'_>) -> Value {
        let mut metadata = metadata(inputs);
        metadata.insert("name".into(), json!(policy.name));
        if let Some(namespace) = &policy.namespace {
            metadata.insert("namespace".into(), json!(namespace));
        }
        json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": metadata,
            "spec": policy.spec.to_value(inputs.network),
        })
    }

    fn port(port: PortRef, protocol: Protocol) -> Port {
        Port { port, protocol }
    }

    #[test]
    fn the_text_is_that_of_the_object() {
        let (web, odd) = (
            Labels::from([("app", "web")]),
            Labels::from([("on", "yes"), ("a b", "1")]),
        );
        let none = Labels::default();
        let network = Network::default();
        let inputs = Inputs {
            network: &network,
            mode: Mode::Derive,
            release: None,
            labels: &Labels::from([("floe.dev/environment", "dev")]),
        };
        let block = json!({"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}});
        let number = port(PortRef::Number(80), Protocol::Tcp);
        let name = port(PortRef::Name("on".into()), Protocol::Udp);
        let rules = vec![
            Rule {
                peers: None,
                ports: Vec::new(),
            },
            Rule {
                peers: None,
                ports: vec![number.clone(), name],
            },
            Rule {
                peers: Some(vec![
                    Selection::Pods(None, &web),
                    Selection::Pods(Some("1"), &odd),
                    Selection::Pods(None, &none),
                    Selection::Other(block),
                    Selection::Other(json!({"podSelector": {}})),
                ]),
                ports: vec![number],
            },
            Rule {
                peers: Some(Vec::new()),
                ports: Vec::new(),
            },
        ];
        let pen = Pen::new(&inputs, "", None).unwrap();
        for (ingress, egress) in [
            (Some(rules.clone()), Some(rules.clone())),
            (Some(Vec::new()), Some(Vec::new())),
            (Some(rules.clone()), None),
            (None, Some(rules)),
        ] {
            for namespace in [None, Some("no".into())] {
                let policy = Policy {
                    workload: 0,
                    name: "floe-pod-1".into(),
                    namespace,
                    spec: Spec {
                        selector: &odd,
                        ingress: ingress.clone(),
                        egress: egress.clone(),
                    },
                    present: None,
                };
                let object = write_document(&to_value(&policy, &inputs)).unwrap();
                let text = pen.write(&policy).unwrap().concat();
                assert_eq!(text, format!("{object}---\n"));
            }
        }
    }

    #[test]
    fn keys_beyond_what_readers_take_are_refused() {
        let long = "k".repeat(1001);
        let labels = Labels::from([(long.as_str(), "v")]);
        assert!(super::labels(&mut String::new(), &labels, 4).is_err());
    }
}
