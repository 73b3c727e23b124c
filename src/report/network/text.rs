//! The graph for a reviewer at a terminal: for each workload who may call it, whom it may call, on
//! which port, and what shows it.

use super::{Call, Graph, Guard, Item, Node, Object, Place, Why};
use crate::report::{plural, printable};

/// A name is padded to the longest of its graph, up to this many characters.
const WIDEST: usize = 44;
/// So are ports.
const WIDEST_PORT: usize = 28;

/// The whole graph; headings in bold when `color` is set.
pub fn render(graph: &Graph, color: bool) -> String {
    let page = Page {
        graph,
        color,
        input: only_input(graph),
        name: width(WIDEST, (0..graph.nodes.len()).map(|n| graph.title(n))),
        port: width(WIDEST_PORT, ports(graph)),
    };
    let mut out = page.head();
    for (number, node) in graph.nodes.iter().enumerate() {
        if node.is_workload() {
            out.push('\n');
            out.push_str(&page.workload(number, node));
        }
    }
    out.push_str(&page.remarks());
    out
}

/// The input that all places are in, where there is but one.
fn only_input(graph: &Graph) -> Option<&str> {
    let calls = graph.calls.iter().flat_map(|call| &call.why);
    let loose = graph.loose.iter().map(|end| &end.why);
    let items = graph.idle_policies.iter().chain(&graph.unreachable);
    let places = calls.chain(loose).filter_map(|why| why.place.as_ref());
    let mut places = places.chain(items.filter_map(|item| item.place.as_ref()));
    let first = places.next()?.input.as_str();
    places.all(|place| place.input == first).then_some(first)
}

fn width(most: usize, texts: impl Iterator<Item = String>) -> usize {
    let widths = texts.map(|text| printable(&text).chars().count());
    widths.max().unwrap_or(0).min(most)
}

/// A graph with the widths of its columns.
struct Page<'a> {
    graph: &'a Graph,
    color: bool,
    /// The input, where all lines are in one.
    input: Option<&'a str>,
    name: usize,
    port: usize,
}

impl Page<'_> {
    fn head(&self) -> String {
        let workloads = plural(self.graph.workloads(), "workload");
        let connections = plural(self.graph.calls.len(), "connection");
        let rule = match self.graph.mode {
            "isolate" => {
                "Mode isolate: inside the release everyone may call everyone. This is what the manifests show:"
            }
            "off" => "Mode off: no NetworkPolicy is added. This is what the manifests show:",
            _ => "Each workload may do what is listed and look up names (DNS), nothing else.",
        };
        let lines = match self.input {
            Some(input) => format!("Lines are those of {}.\n", printable(input)),
            None => String::new(),
        };
        format!("{workloads}, {connections}. {rule}\n{lines}")
    }

    /// Why, with the line; with the input too where there are several.
    fn why(&self, why: &Why, own: Option<&Object>) -> String {
        why.sentence_with(own, |place| self.place(place))
    }

    fn place(&self, place: &Place) -> String {
        match self.input {
            Some(_) => format!("line {}", place.line),
            None => place.to_string(),
        }
    }

    fn workload(&self, number: usize, node: &Node) -> String {
        let mut out = self.bold(&self.graph.title(number));
        if node.hook {
            out.push_str("  (hook)");
        }
        out.push('\n');
        let own = self.graph.object(number);
        let [incoming, outgoing] = rows(self.graph, number);
        let known = !self.graph.unexplained.contains(&number);
        let mut side = |heading: &str, calls: Vec<(&Call, usize, String)>, guard: Guard| {
            if calls.is_empty() && known {
                out.push_str(&format!("  {heading:<9}  nobody\n"));
            }
            for (index, (call, other, ports)) in calls.into_iter().enumerate() {
                let heading = if index == 0 { heading } else { "" };
                out.push_str(&self.row(heading, other, &ports, &call.why, own.as_ref()));
            }
            out.push_str(&note(guard, node));
        };
        side("called by", incoming, node.incoming);
        side("calls", outgoing, node.outgoing);
        if !known {
            out.push_str("  nothing shows whom it calls or who calls it\n");
        }
        out
    }

    /// One call: the other end, the ports, and each place that shows it on a line of its own.
    fn row(
        &self,
        heading: &str,
        other: usize,
        port: &str,
        why: &[Why],
        own: Option<&Object>,
    ) -> String {
        let other = self.graph.title(other);
        let (name, ports) = (self.name, self.port);
        let start = format!(
            "  {heading:<9}  {:<name$}  {:<ports$}  ",
            printable(&other),
            printable(port)
        );
        let indent = " ".repeat(start.chars().count());
        let mut out = String::new();
        for (index, why) in why.iter().enumerate() {
            let sentence = self.why(why, own);
            let lead = if index == 0 { &start } else { &indent };
            out.push_str(&format!("{lead}{}\n", printable(&sentence)));
        }
        out
    }

    /// What a reviewer should look at twice.
    fn remarks(&self) -> String {
        let graph = self.graph;
        let titles = graph.unexplained.iter().map(|number| graph.title(*number));
        let items = |items: &[Item]| items.iter().map(|own| self.item(own)).collect::<Vec<_>>();
        let loose = graph.loose.iter().map(|end| {
            let why = self.why(&end.why, None);
            format!("{} {}: {why}", graph.title(end.from), end.problem)
        });
        let mut out = String::new();
        for (heading, lines) in [
            (
                "Not explained: nothing in the manifests shows their connections",
                titles.collect(),
            ),
            ("Calls that lead nowhere", loose.collect()),
            (
                "NetworkPolicies that select nothing",
                items(&graph.idle_policies),
            ),
            ("Services that no one may reach", items(&graph.unreachable)),
        ] {
            if lines.is_empty() {
                continue;
            }
            out.push_str(&format!("\n{}\n", self.bold(heading)));
            for line in lines {
                out.push_str(&format!("  {}\n", printable(&line)));
            }
        }
        out
    }

    fn item(&self, item: &Item) -> String {
        match &item.place {
            Some(place) => format!("{}, {}", item.object, self.place(place)),
            None => item.object.to_string(),
        }
    }

    fn bold(&self, text: &str) -> String {
        match self.color {
            true => format!("\x1b[1m{}\x1b[0m", printable(text)),
            false => printable(text).into_owned(),
        }
    }
}

/// The calls to a workload and those from it: the call, its other end, the ports.
fn rows(graph: &Graph, number: usize) -> [Vec<(&Call, usize, String)>; 2] {
    let incoming = graph.calls.iter().filter(|call| call.to == number);
    let outgoing = graph.calls.iter().filter(|call| call.from == number);
    [
        by_ports(incoming.map(|call| (call, call.from)).collect()),
        by_ports(outgoing.map(|call| (call, call.to)).collect()),
    ]
}

/// What stands in the column of ports.
fn ports(graph: &Graph) -> impl Iterator<Item = String> {
    let workloads = (0..graph.nodes.len())
        .filter(|number| graph.nodes.get(*number).is_some_and(Node::is_workload));
    let rows = workloads.flat_map(|number| rows(graph, number)).flatten();
    rows.map(|(_, _, ports)| ports)
}

/// Calls to one end on several ports, shown by the same places, as one with all of its ports.
fn by_ports(calls: Vec<(&Call, usize)>) -> Vec<(&Call, usize, String)> {
    let mut rows: Vec<(&Call, usize, String)> = Vec::new();
    for (call, other) in calls {
        match rows.last_mut() {
            Some((last, end, ports)) if *end == other && last.why == call.why => {
                ports.push_str(&format!(", {}", call.port_text()));
            }
            _ => rows.push((call, other, call.port_text())),
        }
    }
    rows
}

/// Who else decides about one direction of a workload's traffic.
fn note(guard: Guard, node: &Node) -> String {
    let text = match guard {
        Guard::Derived => return String::new(),
        Guard::Open => "anyone else too: nothing restricts it".to_owned(),
        Guard::Chart => format!(
            "the chart's own NetworkPolicy decides: {}",
            node.chart_policies.join(", ")
        ),
    };
    format!("  {:<9}  {}\n", "", printable(&text))
}
