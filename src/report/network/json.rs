//! The graph for programs. `docs/network.md` documents the form; changes that break a reader
//! raise the version.

use serde::Serialize;

use super::{Call, Graph, Guard, Item, Loose, Node, Place, Role, Why};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    version: u32,
    mode: &'a str,
    workloads: Vec<Workload<'a>>,
    peers: Vec<Peer<'a>>,
    connections: Vec<Connection<'a>>,
    unexplained: Vec<&'a str>,
    idle_policies: &'a [Item],
    unreachable_services: &'a [Item],
    loose: Vec<LooseEnd<'a>>,
}

#[derive(Serialize)]
struct Workload<'a> {
    id: &'a str,
    kind: &'a str,
    namespace: Option<&'a str>,
    name: &'a str,
    #[serde(flatten)]
    place: Option<&'a Place>,
    hook: bool,
    ingress: Guard,
    egress: Guard,
    policies: &'a [String],
}

#[derive(Serialize)]
struct Peer<'a> {
    id: &'a str,
    role: Role,
    name: &'a str,
}

/// A port by number or by name.
#[derive(Serialize)]
#[serde(untagged)]
enum Port<'a> {
    Number(u16),
    Name(&'a str),
}

impl Port<'_> {
    fn of(text: &str) -> Port<'_> {
        text.parse().map_or(Port::Name(text), Port::Number)
    }
}

/// A call as JSON has it; also in the difference of two graphs.
#[derive(Serialize)]
pub(super) struct Connection<'a> {
    from: &'a str,
    to: &'a str,
    port: Option<Port<'a>>,
    protocol: &'a str,
    service: Option<&'a str>,
    evidence: &'a [Why],
}

#[derive(Serialize)]
struct LooseEnd<'a> {
    from: &'a str,
    problem: &'a str,
    evidence: &'a Why,
}

/// The graph as pretty-printed JSON with a final newline.
pub fn render(graph: &Graph) -> String {
    let nodes = || graph.nodes.iter();
    let body = Body {
        version: 1,
        mode: graph.mode,
        workloads: nodes().filter(|n| n.is_workload()).map(workload).collect(),
        peers: nodes().filter(|n| !n.is_workload()).map(peer).collect(),
        connections: graph.calls.iter().map(|c| connection(graph, c)).collect(),
        unexplained: graph.unexplained.iter().map(|n| id(graph, *n)).collect(),
        idle_policies: &graph.idle_policies,
        unreachable_services: &graph.unreachable,
        loose: graph.loose.iter().map(|end| loose(graph, end)).collect(),
    };
    pretty(&body)
}

/// Pretty-printed JSON with a final newline.
pub(super) fn pretty(body: &impl Serialize) -> String {
    // Maps with string keys and numbers only: nothing that JSON cannot write.
    let mut text = serde_json::to_string_pretty(body).unwrap_or_default();
    text.push('\n');
    text
}

fn workload(node: &Node) -> Workload<'_> {
    Workload {
        id: &node.id,
        kind: &node.kind,
        namespace: node.namespace.as_deref(),
        name: &node.name,
        place: node.place.as_ref(),
        hook: node.hook,
        ingress: node.incoming,
        egress: node.outgoing,
        policies: &node.policies,
    }
}

fn peer(node: &Node) -> Peer<'_> {
    Peer {
        id: &node.id,
        role: node.role,
        name: &node.name,
    }
}

pub(super) fn connection<'a>(graph: &'a Graph, call: &'a Call) -> Connection<'a> {
    Connection {
        from: id(graph, call.from),
        to: id(graph, call.to),
        port: call.port.as_deref().map(Port::of),
        protocol: call.protocol,
        service: call.service.as_deref(),
        evidence: &call.why,
    }
}

fn loose<'a>(graph: &'a Graph, end: &'a Loose) -> LooseEnd<'a> {
    LooseEnd {
        from: id(graph, end.from),
        problem: &end.problem,
        evidence: &end.why,
    }
}

fn id(graph: &Graph, node: usize) -> &str {
    graph
        .nodes
        .get(node)
        .map(|node| node.id.as_str())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn any_name_stays_what_it_is() {
        let graph = samples::hostile();
        let json: serde_json::Value = serde_json::from_str(&render(&graph)).unwrap();
        assert_eq!(json["workloads"][0]["name"], graph.nodes[0].name.as_str());
        assert_eq!(json["connections"][0]["from"], graph.nodes[0].id.as_str());
        assert_eq!(json["connections"][0]["port"], 80);
    }
}
