//! The graph as a picture: one SVG file without scripts, fonts or anything else from elsewhere.
//!
//! Calls go from left to right and end in the port they call. Colours tell apart what shapes,
//! dashes and words tell apart too, so that print and colour-blind readers lose nothing; they are
//! taken from the palette of Okabe and Ito. A viewer in dark mode gets dark colours.

mod layout;

use super::{Call, Graph, Guard, Node, Role};
use crate::report::markup::escape;
use crate::report::plural;
use layout::{Box, Lane, Wire};

const STYLE: &str = include_str!("style.css");
/// Room below the picture for what its signs mean.
const LEGEND: i32 = 46;

/// The picture.
pub fn render(graph: &Graph) -> String {
    let layout = layout::layout(graph);
    let mut out = Out(String::new());
    let (width, height) = (layout.size.0, layout.size.1 + LEGEND);
    out.line(&format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\">"
    ));
    out.line(&format!(
        "<title>Who may call whom</title>\n<style>\n{STYLE}</style>"
    ));
    out.line(&format!(
        "<rect class=\"bg\" width=\"{width}\" height=\"{height}\"/>"
    ));
    head(&mut out, graph);
    for lane in &layout.lanes {
        draw_lane(&mut out, lane);
    }
    for wire in &layout.wires {
        draw_wire(&mut out, graph, wire);
    }
    for own in &layout.boxes {
        draw_box(&mut out, graph, own);
    }
    legend(&mut out, graph, layout.size.1 + 8);
    out.line("</svg>");
    out.0
}

struct Out(String);

impl Out {
    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    fn text(&mut self, class: &str, x: i32, y: i32, text: &str) {
        let text = escape(text);
        self.line(&format!(
            "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{text}</text>"
        ));
    }
}

fn head(out: &mut Out, graph: &Graph) {
    let workloads = plural(graph.workloads(), "workload");
    let connections = plural(graph.calls.len(), "connection");
    let rule = match graph.mode {
        "isolate" => "inside the release everyone may call everyone",
        "off" => "no NetworkPolicy holds anyone to it",
        _ => "besides these, everyone may look up names (DNS)",
    };
    out.text("h", 28, 42, "Who may call whom");
    out.text("s", 28, 62, &format!("{workloads}, {connections}; {rule}"));
}

fn draw_lane(out: &mut Out, lane: &Lane) {
    let Lane { x, y, w, h, .. } = lane;
    let name = match &lane.namespace {
        Some(name) => format!("namespace {name}"),
        None => "the release's namespace".to_owned(),
    };
    out.line(&format!(
        "<rect class=\"lane\" x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" rx=\"12\"/>"
    ));
    out.text("ns", x + 16, y + 24, &name);
}

fn draw_wire(out: &mut Out, graph: &Graph, wire: &Wire) {
    let Some(call) = graph.calls.get(wire.call) else {
        return;
    };
    let title = escape(&graph.tooltip(call));
    let class = sort(graph, call);
    let path = path(&wire.points, wire.back);
    let (x, y) = wire.points.last().copied().unwrap_or_default();
    out.line(&format!(
        "<g class=\"call {class}\"><title>{title}</title><path class=\"w\" d=\"{path}\"/>\
         <path class=\"tip\" d=\"M{x} {y}l-9 -4.5v9z\"/></g>"
    ));
}

/// What sort of call it is: from the edge of the picture, inside, or to the other edge.
fn sort(graph: &Graph, call: &Call) -> &'static str {
    let role = |number: usize| {
        graph
            .nodes
            .get(number)
            .map_or(Role::Workload, |node| node.role)
    };
    match (role(call.from), role(call.to)) {
        (Role::Workload, Role::Workload) => "own",
        (Role::Workload, _) => "out",
        (Role::Prometheus, _) => "watch",
        _ => "in",
    }
}

/// How far the turns of a call that goes back reach.
const TURN: i32 = 36;

/// A line that ends before its tip. Each two points are a straight stretch, with curves between; a
/// call that goes back turns round behind its caller and before its callee.
fn path(points: &[(i32, i32)], back: bool) -> String {
    let mut path = String::new();
    let last = points.len().saturating_sub(1);
    for (index, (x, y)) in points.iter().enumerate() {
        let x = if index == last { x - 8 } else { *x };
        let step = match index.checked_sub(1).and_then(|before| points.get(before)) {
            None => format!("M{x} {y}"),
            Some(_) if index % 2 == 0 => format!("H{x}"),
            Some((from, level)) => {
                let (out, into) = match back {
                    true if index == 1 => (from.max(&x) + TURN, from.max(&x) + TURN),
                    true if index == last => (from.min(&x) - TURN, from.min(&x) - TURN),
                    _ => (from + (x - from) / 2, from + (x - from) / 2),
                };
                format!("C{out} {level} {into} {y} {x} {y}")
            }
        };
        path.push_str(&step);
    }
    path
}

fn draw_box(out: &mut Out, graph: &Graph, own: &Box) {
    let Some(node) = graph.nodes.get(own.node) else {
        return;
    };
    let Box { x, y, h, .. } = own;
    let mut class = match (node.role, node.kind.as_str()) {
        (Role::Workload, "StatefulSet") => "data",
        (Role::Workload, "Job" | "CronJob") => "job",
        (Role::Workload, _) => "run",
        _ => "else",
    }
    .to_owned();
    if graph.unexplained.contains(&own.node) {
        class.push_str(" idle");
    }
    let open = [node.incoming, node.outgoing].contains(&Guard::Open);
    if node.is_workload() && open && graph.mode == "derive" {
        class.push_str(" open");
    }
    let title = escape(&graph.node_tooltip(own.node));
    out.line(&format!("<g class=\"{class}\"><title>{title}</title>"));
    out.line(&shape(node, own));
    let subtitle = layout::subtitle(graph, own.node);
    // Below the lid of a cylinder, and clear of a capsule's round end.
    let middle = y
        + h / 2
        + if node.is_cylinder() {
            layout::LID - 2
        } else {
            0
        };
    let name = layout::shown_name(node);
    let indent = x + if node.is_workload() { 14 } else { 20 };
    if subtitle.is_empty() {
        out.text("n", indent, middle + 5, &name);
    } else {
        out.text("n", indent, middle - 2, &name);
        out.text("k", indent, middle + 14, &subtitle);
    }
    for (index, port) in own.ports.iter().enumerate() {
        let (left, top) = (x - port.w, own.port_y(index) - 8);
        let width = port.w + 4;
        out.line(&format!("<rect class=\"port\" x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"16\" rx=\"4\"/>"));
        out.text("p", left + width / 2, top + 12, &port.label);
    }
    out.line("</g>");
}

/// A cylinder for what keeps data, a card for other workloads, a capsule for everyone else.
fn shape(node: &Node, own: &Box) -> String {
    let Box { x, y, w, h, .. } = own;
    if node.is_cylinder() {
        let (half, top, body) = (f64::from(*w) / 2.0, y + 6, h - 12);
        return format!(
            "<path class=\"box\" d=\"M{x} {top}a{half} 6 0 0 1 {w} 0v{body}a{half} 6 0 0 1 -{w} 0z\
             m0 0a{half} 6 0 0 0 {w} 0\"/>"
        );
    }
    let round = if node.is_workload() { 7 } else { h / 2 };
    format!("<rect class=\"box\" x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" rx=\"{round}\"/>")
}

/// What the lines mean.
fn legend(out: &mut Out, graph: &Graph, y: i32) {
    let mut x = 28;
    for (class, text) in [
        ("in", "from outside"),
        ("own", "inside the release"),
        ("out", "to outside"),
        ("watch", "metrics"),
    ] {
        if !graph.calls.iter().any(|call| sort(graph, call) == class) {
            continue;
        }
        let (end, level) = (x + 30, y + 12);
        out.line(&format!(
            "<g class=\"call {class}\"><path class=\"w\" d=\"M{x} {level}H{}\"/><path class=\"tip\" d=\"M{end} {level}l-9 -4.5v9z\"/></g>",
            end - 8
        ));
        out.text("s", end + 8, y + 16, text);
        x = end + 8 + text.len() as i32 * 6 + 26;
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn the_same_graph_is_the_same_picture() {
        let graph = samples::hostile();
        assert_eq!(render(&graph), render(&graph));
        assert!(!render(&graph).contains("<c>"));
    }

    #[test]
    fn an_empty_graph_has_a_picture() {
        assert!(render(&Graph::default()).ends_with("</svg>\n"));
    }
}
