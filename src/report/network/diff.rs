//! What changes in who may call whom, from one render to the next: by meaning, whatever the
//! manifests look like.

use std::collections::BTreeMap;

use serde::Serialize;

use super::json::{self, Connection};
use super::{Call, Graph, Guard, Node};
use crate::report::{plural, printable};

/// What one graph has and another has not.
pub struct Difference<'a> {
    gained: Side<'a>,
    lost: Side<'a>,
    /// Workloads of both graphs whose traffic somebody else decides about now.
    guards: Vec<(&'a Node, &'a Node)>,
}

/// One half of a difference.
struct Side<'a> {
    graph: &'a Graph,
    calls: Vec<&'a Call>,
    workloads: Vec<&'a Node>,
}

/// What makes a call the same call: caller, callee, port.
type Key<'a> = (&'a str, &'a str, Option<&'a str>, &'a str);

impl<'a> Difference<'a> {
    /// What `new` has gained and lost against `old`. Calls are told apart by their ends and their
    /// port, never by what shows them.
    pub fn between(old: &'a Graph, new: &'a Graph) -> Difference<'a> {
        let before = workloads(old);
        let after = workloads(new);
        let pairs = after
            .iter()
            .filter_map(|(id, new)| Some((*before.get(id)?, *new)));
        let changed = |(old, new): &(&Node, &Node)| guards(old) != guards(new);
        Difference {
            guards: pairs.filter(changed).collect(),
            gained: Side::of(new, old),
            lost: Side::of(old, new),
        }
    }

    /// Whether both graphs let the same through.
    pub fn is_empty(&self) -> bool {
        self.gained.is_empty() && self.lost.is_empty() && self.guards.is_empty()
    }
}

impl<'a> Side<'a> {
    /// What `graph` has and `other` has not.
    fn of(graph: &'a Graph, other: &'a Graph) -> Side<'a> {
        let known: BTreeMap<Key<'_>, ()> = other
            .calls
            .iter()
            .map(|own| (key(other, own), ()))
            .collect();
        let names = workloads(other);
        let nodes = graph.nodes.iter();
        Side {
            graph,
            calls: graph
                .calls
                .iter()
                .filter(|own| !known.contains_key(&key(graph, own)))
                .collect(),
            workloads: nodes
                .filter(|node| node.is_workload() && !names.contains_key(node.id.as_str()))
                .collect(),
        }
    }

    fn is_empty(&self) -> bool {
        self.calls.is_empty() && self.workloads.is_empty()
    }
}

fn workloads(graph: &Graph) -> BTreeMap<&str, &Node> {
    let own = graph.nodes.iter().filter(|node| node.is_workload());
    own.map(|node| (node.id.as_str(), node)).collect()
}

fn guards(node: &Node) -> (Guard, Guard) {
    (node.incoming, node.outgoing)
}

fn key<'a>(graph: &'a Graph, call: &'a Call) -> Key<'a> {
    let id = |number: usize| {
        graph
            .nodes
            .get(number)
            .map(|node| node.id.as_str())
            .unwrap_or_default()
    };
    (
        id(call.from),
        id(call.to),
        call.port.as_deref(),
        call.protocol,
    )
}

/// The difference for a reviewer: `+` is what is let through now, `-` what no longer is.
pub fn text(difference: &Difference<'_>, color: bool) -> String {
    let (gained, lost) = (&difference.gained, &difference.lost);
    if difference.is_empty() {
        return "No connection gained or lost.\n".to_owned();
    }
    let mut out = format!(
        "{} gained, {} lost.\n",
        plural(gained.calls.len(), "connection"),
        lost.calls.len()
    );
    let mut line = |sign: char, text: &str| {
        let text = printable(text);
        let code = if sign == '+' { "32" } else { "31" };
        out.push_str(&match color {
            true => format!("\x1b[{code}m{sign} {text}\x1b[0m\n"),
            false => format!("{sign} {text}\n"),
        });
    };
    for (sign, side) in [('-', lost), ('+', gained)] {
        for node in &side.workloads {
            line(sign, &format!("workload {}", node.title(true)));
        }
        for call in &side.calls {
            let node = |number: usize| side.graph.nodes.get(number).map(|node| node.title(true));
            let (from, to) = (node(call.from), node(call.to));
            let (from, to) = (from.unwrap_or_default(), to.unwrap_or_default());
            line(sign, &format!("{from} -> {to} on {}", call.port_text()));
            for why in &call.why {
                line(sign, &format!("    {}", why.sentence(None)));
            }
        }
    }
    for (old, new) in &difference.guards {
        for (direction, old, of) in [
            ("incoming", old.incoming, new.incoming),
            ("outgoing", old.outgoing, new.outgoing),
        ] {
            if old != of {
                let title = new.title(true);
                line('-', &format!("{title}: {direction} calls: {}", guard(old)));
                line('+', &format!("{title}: {direction} calls: {}", guard(of)));
            }
        }
    }
    out
}

fn guard(guard: Guard) -> &'static str {
    match guard {
        Guard::Derived => "only those listed",
        Guard::Chart => "the chart's own NetworkPolicy decides",
        Guard::Open => "everything is let through",
    }
}

#[derive(Serialize)]
struct Body<'a> {
    version: u32,
    gained: Half<'a>,
    lost: Half<'a>,
    changed: Vec<Changed<'a>>,
}

#[derive(Serialize)]
struct Half<'a> {
    workloads: Vec<&'a str>,
    connections: Vec<Connection<'a>>,
}

/// A workload whose traffic somebody else decides about now.
#[derive(Serialize)]
struct Changed<'a> {
    workload: &'a str,
    before: Guards,
    after: Guards,
}

#[derive(Serialize)]
struct Guards {
    ingress: Guard,
    egress: Guard,
}

/// The difference for programs.
pub fn json(difference: &Difference<'_>) -> String {
    let guards = |node: &Node| Guards {
        ingress: node.incoming,
        egress: node.outgoing,
    };
    let changed = difference.guards.iter().map(|(old, new)| Changed {
        workload: &new.id,
        before: guards(old),
        after: guards(new),
    });
    json::pretty(&Body {
        version: 1,
        gained: half(&difference.gained),
        lost: half(&difference.lost),
        changed: changed.collect(),
    })
}

fn half<'a>(side: &Side<'a>) -> Half<'a> {
    let calls = side.calls.iter();
    Half {
        workloads: side.workloads.iter().map(|node| node.id.as_str()).collect(),
        connections: calls
            .map(|call| json::connection(side.graph, call))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{call, node};
    use super::super::{Graph, Role};
    use super::*;

    fn graph(names: &[&str], calls: &[(usize, usize, u16)]) -> Graph {
        let nodes = names
            .iter()
            .map(|name| node(Role::Workload, "Deployment", "", name));
        Graph {
            nodes: nodes.collect(),
            calls: calls
                .iter()
                .map(|(from, to, port)| call(*from, *to, *port))
                .collect(),
            ..Graph::default()
        }
    }

    #[test]
    fn calls_are_the_same_by_ends_and_port() {
        for (old, new, expected) in [
            // The order of the workloads is no difference.
            (
                graph(&["a", "b"], &[(0, 1, 80)]),
                graph(&["b", "a"], &[(1, 0, 80)]),
                "No connection gained or lost.\n",
            ),
            (
                graph(&["a", "b"], &[(0, 1, 80)]),
                graph(&["a", "b"], &[(0, 1, 81)]),
                "1 connection gained, 1 lost.\n- Deployment a -> Deployment b on 80\n-     variable URL (/spec)\n\
                 + Deployment a -> Deployment b on 81\n+     variable URL (/spec)\n",
            ),
            (
                graph(&["a"], &[]),
                graph(&["a", "b"], &[]),
                "0 connections gained, 0 lost.\n+ workload Deployment b\n",
            ),
        ] {
            let difference = Difference::between(&old, &new);
            assert_eq!(text(&difference, false), expected);
            assert_eq!(difference.is_empty(), expected.starts_with("No"));
        }
    }

    #[test]
    fn a_lost_policy_is_a_difference() {
        let old = graph(&["a"], &[]);
        let mut new = graph(&["a"], &[]);
        new.nodes[0].outgoing = Guard::Open;
        let said = text(&Difference::between(&old, &new), false);
        assert!(
            said.contains("+ Deployment a: outgoing calls: everything is let through"),
            "{said}"
        );
        let json: serde_json::Value =
            serde_json::from_str(&json(&Difference::between(&old, &new))).unwrap();
        assert_eq!(json["changed"][0]["after"]["egress"], "open");
    }
}
