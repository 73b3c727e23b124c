//! The graph in the language of Graphviz.

use std::fmt::Write as _;

use super::{Graph, Node, Role};
use crate::report::printable;

/// A `digraph`, ready for `dot -Tsvg`.
pub fn render(graph: &Graph) -> String {
    let mut out = String::from(
        "digraph network {\n  rankdir=LR\n  node [shape=box, style=rounded, fontname=\"Helvetica\", fontsize=11]\n  \
         edge [fontname=\"Helvetica\", fontsize=10]\n",
    );
    for (index, namespace) in graph.namespaces().into_iter().enumerate() {
        let mut indent = "  ";
        if let Some(name) = namespace {
            line(&mut out, "  ", &format!("subgraph cluster_{index} {{"));
            line(&mut out, "    ", &format!("label={}", quote(name)));
            indent = "    ";
        }
        for (number, node) in graph.nodes.iter().enumerate() {
            if node.is_workload() && node.namespace.as_deref() == namespace {
                line(&mut out, indent, &statement(graph, number, node));
            }
        }
        if namespace.is_some() {
            line(&mut out, "  ", "}");
        }
    }
    for (number, node) in graph.nodes.iter().enumerate() {
        if !node.is_workload() {
            line(&mut out, "  ", &statement(graph, number, node));
        }
    }
    for call in &graph.calls {
        let (label, tooltip) = (quote(&call.port_text()), quote(&graph.tooltip(call)));
        let ends = format!("n{} -> n{}", call.from, call.to);
        line(
            &mut out,
            "  ",
            &format!("{ends} [label={label}, tooltip={tooltip}]"),
        );
    }
    out.push_str("}\n");
    out
}

fn line(out: &mut String, indent: &str, text: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{indent}{text}");
}

fn statement(graph: &Graph, number: usize, node: &Node) -> String {
    let look = match node.role {
        Role::Workload if node.is_cylinder() => ", shape=cylinder, style=solid",
        Role::Workload if graph.unexplained.contains(&number) => ", style=\"rounded,dashed\"",
        Role::Workload => "",
        _ => ", shape=plaintext, style=solid",
    };
    let (label, tooltip) = (
        quote(&node.title(false)),
        quote(&graph.node_tooltip(number)),
    );
    format!("n{number} [label={label}, tooltip={tooltip}{look}]")
}

/// A quoted string. Graphviz gives a meaning to quotes and backslashes, and to `&`, which starts an
/// entity; line breaks stay.
fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for (index, line) in text.lines().enumerate() {
        if index > 0 {
            out.push_str("\\n");
        }
        for c in printable(line).chars() {
            match c {
                '"' | '\\' => out.extend(['\\', c]),
                '&' => out.push_str("&amp;"),
                _ => out.push(c),
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_end_where_they_should() {
        for (text, want) in [
            ("web", r#""web""#),
            ("a\"b\\", r#""a\"b\\""#),
            ("a\nb", r#""a\nb""#),
            ("a&lt;\u{1b}", r#""a&amp;lt;\\u{1b}""#),
        ] {
            assert_eq!(quote(text), want);
        }
    }
}
