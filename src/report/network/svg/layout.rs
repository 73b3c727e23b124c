//! Where everything of the picture goes: columns by who calls whom, one lane for each namespace.
//!
//! The steps are Sugiyama's: layers that calls cross from left to right, an order in each layer with
//! few crossings, then coordinates near those of the neighbours. Every step goes through sorted
//! lists, so that the same graph gives the same picture.

mod layers;
mod order;
mod place;

use crate::report::network::{Graph, Guard, Node};
use crate::report::printable;

/// The least and the most that a box is wide.
const BOX_WIDTH: (i32, i32) = (132, 300);
/// What a box is high, and what each port beyond the second adds.
const BOX_HEIGHT: (i32, i32) = (46, 20);
/// What the lid of a cylinder adds.
pub const LID: i32 = 6;
/// Pixels for a letter of a name, generously, because the viewer chooses the font.
const LETTER: i32 = 9;
/// Pixels for a letter of a port.
const SMALL_LETTER: i32 = 7;
/// Letters that fit into the widest box.
const LETTERS: usize = ((BOX_WIDTH.1 - 28) / LETTER) as usize;

/// A finished picture, in pixels.
#[derive(Debug, Default)]
pub struct Layout {
    /// The nodes; what both calls and is called from outside has two.
    pub boxes: Vec<Box>,
    /// The namespaces.
    pub lanes: Vec<Lane>,
    /// The calls that are drawn, in the order of the graph.
    pub wires: Vec<Wire>,
    /// The size of it all.
    pub size: (i32, i32),
}

/// A node.
#[derive(Clone, Debug, Default)]
pub struct Box {
    /// Its place in [`Graph::nodes`].
    pub node: usize,
    /// Left edge.
    pub x: i32,
    /// Upper edge.
    pub y: i32,
    /// Width.
    pub w: i32,
    /// Height.
    pub h: i32,
    /// The ports on which it is called, from the top.
    pub ports: Vec<Socket>,
}

/// A port at the left edge of a box.
#[derive(Clone, Debug)]
pub struct Socket {
    /// What stands in it.
    pub label: String,
    /// Its width.
    pub w: i32,
}

/// A namespace.
#[derive(Debug)]
pub struct Lane {
    /// Its name; the release's where that is not known.
    pub namespace: Option<String>,
    /// Left edge.
    pub x: i32,
    /// Upper edge.
    pub y: i32,
    /// Width.
    pub w: i32,
    /// Height.
    pub h: i32,
}

/// A call.
#[derive(Debug)]
pub struct Wire {
    /// Its place in [`Graph::calls`].
    pub call: usize,
    /// From the right edge of the caller, past the columns in between, to the callee's port: each
    /// pair of points is a stretch to go straight, curves lie between them.
    pub points: Vec<(i32, i32)>,
    /// Whether it goes back, against the direction of the columns.
    pub back: bool,
}

/// Lays a graph out.
pub fn layout(graph: &Graph) -> Layout {
    let sketch = layers::Sketch::new(graph);
    let order = order::order(&sketch);
    place::place(graph, &sketch, &order)
}

impl Box {
    /// The middle of a port's socket.
    pub fn port_y(&self, index: usize) -> i32 {
        let count = i32::try_from(self.ports.len()).unwrap_or(1);
        let index = i32::try_from(index).unwrap_or(0);
        self.y + self.h / 2 + BOX_HEIGHT.1 * (2 * index - (count - 1)) / 2
    }

    fn of(graph: &Graph, number: usize, ports: Vec<String>) -> Box {
        let letters = graph.nodes.get(number).map_or(0, |node| {
            let name = shown_name(node).chars().count() as i32 * LETTER;
            let below = subtitle(graph, number).chars().count() as i32 * (SMALL_LETTER - 1);
            name.max(below)
        });
        let lid = match graph.nodes.get(number) {
            Some(node) if node.is_cylinder() => LID,
            _ => 0,
        };
        let more = i32::try_from(ports.len()).unwrap_or(i32::MAX / 64) - 2;
        let sockets = ports.into_iter().map(|label| Socket {
            w: label.chars().count() as i32 * SMALL_LETTER + 12,
            label,
        });
        Box {
            node: number,
            w: (letters + 28).clamp(BOX_WIDTH.0, BOX_WIDTH.1),
            h: BOX_HEIGHT.0 + BOX_HEIGHT.1 * more.max(0) + lid,
            ports: sockets.collect(),
            ..Box::default()
        }
    }

    fn socket_width(&self) -> i32 {
        self.ports.iter().map(|port| port.w).max().unwrap_or(0)
    }
}

/// A node's name, cut where it is too long.
pub fn shown_name(node: &Node) -> String {
    cut(&node.name, LETTERS)
}

/// What stands below the name.
pub fn subtitle(graph: &Graph, number: usize) -> String {
    let Some(node) = graph.nodes.get(number) else {
        return String::new();
    };
    let mut text = cut(&node.kind, LETTERS);
    if !node.is_workload() {
        return text;
    }
    let guards = [node.incoming, node.outgoing];
    if graph.unexplained.contains(&number) {
        text.push_str(" · not explained");
    } else if guards.contains(&Guard::Open) && graph.mode == "derive" {
        text.push_str(" · not restricted");
    } else if guards.contains(&Guard::Chart) {
        text.push_str(" · chart's policy");
    } else if node.hook {
        text.push_str(" · hook");
    }
    text
}

fn cut(text: &str, most: usize) -> String {
    let text = printable(text);
    if text.chars().count() <= most {
        return text.into_owned();
    }
    let head: String = text.chars().take(most - 1).collect();
    format!("{head}…")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::network::Role;
    use crate::report::network::samples::{call, node};

    /// Workloads in up to three namespaces, two callers from outside and two hosts.
    fn graph(workloads: usize, calls: &[(usize, usize, u16)]) -> Graph {
        let kinds = ["Deployment", "StatefulSet", "Job"];
        let mut nodes: Vec<Node> = (0..workloads)
            .map(|number| {
                let (kind, namespace) = (kinds[number % 3], ["", "a", "b"][number / 3 % 3]);
                node(
                    Role::Workload,
                    kind,
                    namespace,
                    &"n".repeat(1 + number * 7 % 40),
                )
            })
            .collect();
        for role in [Role::Ingress, Role::ApiServer, Role::Outside] {
            nodes.push(node(role, "", "", "elsewhere"));
        }
        let calls = calls.iter().map(|(from, to, port)| {
            let (from, to) = (from % nodes.len(), to % nodes.len());
            call(from, to, *port)
        });
        Graph {
            mode: "derive",
            calls: calls
                .filter(|call| call.from.min(call.to) < workloads)
                .collect(),
            unexplained: vec![0],
            nodes,
            ..Graph::default()
        }
    }

    fn apart(a: (i32, i32, i32, i32), b: (i32, i32, i32, i32)) -> bool {
        a.0 + a.2 <= b.0 || b.0 + b.2 <= a.0 || a.1 + a.3 <= b.1 || b.1 + b.3 <= a.1
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn nothing_lies_on_anything_else(
            workloads in 1..14_usize,
            calls in proptest::collection::vec((0..20_usize, 0..20_usize, 1..4_u16), 0..30),
        ) {
            let graph = graph(workloads, &calls);
            let layout = layout(&graph);
            let boxes: Vec<_> = layout.boxes.iter().map(|own| {
                let ports = own.socket_width();
                (own.x - ports, own.y, own.w + ports, own.h)
            }).collect();
            for (index, a) in boxes.iter().enumerate() {
                prop_assert!(a.0 >= 0 && a.1 >= 60, "{a:?} in {layout:?}");
                prop_assert!(a.0 + a.2 <= layout.size.0 && a.1 + a.3 <= layout.size.1);
                for b in boxes.iter().skip(index + 1) {
                    prop_assert!(apart(*a, *b), "{a:?} {b:?} in {layout:?}");
                }
            }
            for (index, a) in layout.lanes.iter().enumerate() {
                for b in layout.lanes.iter().skip(index + 1) {
                    prop_assert!(apart((a.x, a.y, a.w, a.h), (b.x, b.y, b.w, b.h)));
                }
            }
            for (own, place) in layout.boxes.iter().zip(&boxes) {
                let node = &graph.nodes[own.node];
                for lane in &layout.lanes {
                    let around = (lane.x, lane.y, lane.w, lane.h);
                    let mine = node.is_workload() && lane.namespace == node.namespace;
                    let inside = place.0 >= lane.x && place.1 >= lane.y
                        && place.0 + place.2 <= lane.x + lane.w && place.1 + place.3 <= lane.y + lane.h;
                    prop_assert_eq!(mine, inside, "{:?} {:?}", place, around);
                    prop_assert!(mine || apart(*place, around));
                }
            }
            prop_assert_eq!(layout.wires.len(), graph.calls.len());
            for wire in &layout.wires {
                let call = &graph.calls[wire.call];
                let end = wire.points.last().copied().unwrap();
                let port = layout.boxes.iter().any(|own| {
                    own.node == call.to && own.ports.iter().enumerate().any(|(index, port)| {
                        port.label == call.port_text() && end == (own.x - port.w, own.port_y(index))
                    })
                });
                prop_assert!(port, "{wire:?} in {layout:?}");
            }
        }
    }
}
