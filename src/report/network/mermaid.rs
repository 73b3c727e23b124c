//! The graph as a Mermaid flowchart, for Markdown that is shown by GitHub, GitLab and others.

use std::fmt::Write as _;

use super::{Graph, Node, Role};
use crate::report::printable;

/// A Mermaid `flowchart`.
pub fn render(graph: &Graph) -> String {
    let mut out = String::from("flowchart LR\n");
    for (index, namespace) in graph.namespaces().into_iter().enumerate() {
        let mut indent = "  ";
        if let Some(name) = namespace {
            line(
                &mut out,
                "  ",
                &format!("subgraph s{index}[{}]", quote(name)),
            );
            indent = "    ";
        }
        for (number, node) in graph.nodes.iter().enumerate() {
            if node.is_workload() && node.namespace.as_deref() == namespace {
                line(&mut out, indent, &shape(number, node));
            }
        }
        if namespace.is_some() {
            line(&mut out, "  ", "end");
        }
    }
    for (number, node) in graph.nodes.iter().enumerate() {
        if !node.is_workload() {
            line(&mut out, "  ", &shape(number, node));
        }
    }
    for call in &graph.calls {
        let (from, to, port) = (call.from, call.to, quote(&call.port_text()));
        line(&mut out, "  ", &format!("n{from} -->|{port}| n{to}"));
    }
    for number in &graph.unexplained {
        line(
            &mut out,
            "  ",
            &format!("style n{number} stroke-dasharray: 4 3"),
        );
    }
    out
}

fn line(out: &mut String, indent: &str, text: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{indent}{text}");
}

/// A node: rounded for a workload, a cylinder for what keeps data, a stadium for everyone else.
fn shape(number: usize, node: &Node) -> String {
    let (open, close) = match node.role {
        Role::Workload if node.is_cylinder() => ("[(", ")]"),
        Role::Workload => ("(", ")"),
        _ => ("([", "])"),
    };
    format!("n{number}{open}{}{close}", quote(&node.title(false)))
}

/// A quoted label. Whatever is no plain letter is written as Mermaid's entity code, so that no name
/// can end the label, or become markup.
fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in printable(text).chars() {
        if c.is_alphanumeric() || " -_./:".contains(c) {
            out.push(c);
        } else {
            let _ = write!(out, "#{};", u32::from(c));
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn no_name_ends_its_label() {
        let text = render(&samples::hostile());
        for line in text.lines().filter(|line| line.contains('"')) {
            assert_eq!(line.matches('"').count(), 2, "{line}");
            let label = line.split('"').nth(1).unwrap();
            assert!(
                !label.contains(['<', '>', '[', ']', '|', '(', ')', '\\']),
                "{line}"
            );
        }
    }

    #[test]
    fn characters_with_a_meaning_are_entities() {
        for (text, want) in [
            ("web", "\"web\""),
            ("a\"b", "\"a#34;b\""),
            ("a#b;", "\"a#35;b#59;\""),
            ("a\nb", "\"a#92;nb\""),
        ] {
            assert_eq!(quote(text), want);
        }
    }
}
