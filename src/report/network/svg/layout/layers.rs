//! Columns: callers left of what they call, outsiders at the edges.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::HashMap;

use super::Box;
use crate::report::network::Graph;

/// Boxes and the ways between them, before anything has coordinates.
pub struct Sketch {
    /// The boxes, without coordinates.
    pub boxes: Vec<Box>,
    /// What stands in the columns: the boxes, by the same numbers, then the points where calls
    /// pass a column.
    pub items: Vec<Item>,
    /// The calls.
    pub wires: Vec<Route>,
    /// The namespaces, which are the lanes.
    pub lanes: Vec<Option<String>>,
    /// Boxes that have no calls, by lane.
    pub idle: Vec<Vec<usize>>,
    /// How many columns there are.
    pub columns: usize,
}

/// Something that takes room in a column.
pub struct Item {
    /// Its column; `None` for boxes without calls.
    pub column: Option<usize>,
    /// Its lane; `None` for outsiders.
    pub lane: Option<usize>,
    /// How high it is.
    pub height: i32,
    /// The items beside it in the column before.
    pub left: Vec<usize>,
    /// And in the column after.
    pub right: Vec<usize>,
    /// The box right below which it stands, for the turn of a call that goes back.
    pub below: Option<usize>,
}

/// The way of a call.
pub struct Route {
    /// Its place in the graph.
    pub call: usize,
    /// The items on its way, the two ends among them.
    pub items: Vec<usize>,
    /// The number of the port at the callee's box.
    pub port: usize,
    /// Whether it goes back.
    pub back: bool,
}

/// The room a call takes where it passes a column.
const PASSING: i32 = 10;

/// An end of calls: the node, and whether it is the box at the left edge.
type End = (usize, bool);

impl Sketch {
    /// Sorts a graph into columns.
    pub fn new(graph: &Graph) -> Sketch {
        let ends = Ends::of(graph);
        let columns = ends.columns(graph);
        let lanes = lanes(graph, &columns);
        let mut sketch = Sketch {
            idle: vec![Vec::new(); lanes.len()],
            columns: columns.values().max().map_or(0, |last| last + 1),
            lanes,
            boxes: Vec::new(),
            items: Vec::new(),
            wires: Vec::new(),
        };
        let mut numbers: HashMap<End, usize> = HashMap::default();
        for (end, ports) in &ends.ports {
            numbers.insert(*end, sketch.boxes.len());
            sketch.add_box(graph, *end, ports, columns.get(end).copied());
        }
        sketch.route(graph, &ends, &numbers);
        sketch
    }

    fn add_box(
        &mut self,
        graph: &Graph,
        end: End,
        ports: &BTreeSet<PortKey>,
        column: Option<usize>,
    ) {
        let ports = ports.iter().map(|(_, label)| label.clone()).collect();
        let own = Box::of(graph, end.0, ports);
        let node = graph.nodes.get(end.0).filter(|node| node.is_workload());
        let lane = node.and_then(|node| self.lanes.iter().position(|lane| *lane == node.namespace));
        if let (None, Some(idle)) = (column, lane.and_then(|lane| self.idle.get_mut(lane))) {
            idle.push(self.boxes.len());
        }
        self.items.push(Item {
            column,
            lane,
            height: own.h,
            left: Vec::new(),
            right: Vec::new(),
            below: None,
        });
        self.boxes.push(own);
    }

    fn route(&mut self, graph: &Graph, ends: &Ends, numbers: &HashMap<End, usize>) {
        // Calls between the same two boxes take the same way.
        let mut ways: HashMap<(usize, usize), Vec<usize>> = HashMap::default();
        for (call, own) in graph.calls.iter().enumerate() {
            let (from, to) = (ends.caller(graph, own.from), ends.callee(own.to));
            let (Some(&from), Some(&to)) = (numbers.get(&from), numbers.get(&to)) else {
                continue;
            };
            let ports = ends.ports.get(&ends.callee(own.to));
            let label = own.port_text();
            let port = ports.and_then(|ports| ports.iter().position(|(_, text)| *text == label));
            let column = |item: usize| {
                self.items
                    .get(item)
                    .and_then(|item| item.column)
                    .unwrap_or(0)
            };
            let back = column(from) >= column(to);
            let items = match ways.get(&(from, to)) {
                Some(way) => way.clone(),
                None => {
                    let way = if back {
                        self.way_back(from, to)
                    } else {
                        self.way(from, to)
                    };
                    ways.insert((from, to), way.clone());
                    way
                }
            };
            self.wires.push(Route {
                call,
                items,
                port: port.unwrap_or(0),
                back,
            });
        }
    }

    /// The items from one box to another, with new ones in the columns between.
    fn way(&mut self, from: usize, to: usize) -> Vec<usize> {
        let lane = self.lane(from).or(self.lane(to));
        let mut way = vec![from];
        for column in self.column(from) + 1..self.column(to) {
            way.push(self.pass(column, lane, None));
        }
        way.push(to);
        self.join(&way);
        way
    }

    /// The items on the way back to a box: below the caller, past the columns between, and below
    /// the callee.
    fn way_back(&mut self, from: usize, to: usize) -> Vec<usize> {
        let (first, last) = (self.column(from), self.column(to));
        let mut way = vec![self.pass(first, self.lane(from), Some(from))];
        for column in (last + 1..first).rev() {
            way.push(self.pass(column, self.lane(from), None));
        }
        if last < first {
            way.push(self.pass(last, self.lane(to), Some(to)));
        }
        let forth: Vec<usize> = way.iter().rev().copied().collect();
        self.join(&forth);
        way.insert(0, from);
        way.push(to);
        way
    }

    fn column(&self, item: usize) -> usize {
        self.items
            .get(item)
            .and_then(|item| item.column)
            .unwrap_or(0)
    }

    fn lane(&self, item: usize) -> Option<usize> {
        self.items.get(item).and_then(|item| item.lane)
    }

    /// A new item where a call passes a column.
    fn pass(&mut self, column: usize, lane: Option<usize>, below: Option<usize>) -> usize {
        self.items.push(Item {
            column: Some(column),
            lane,
            height: PASSING,
            left: Vec::new(),
            right: Vec::new(),
            below,
        });
        self.items.len() - 1
    }

    /// Makes neighbours of items that follow each other from left to right.
    fn join(&mut self, way: &[usize]) {
        for pair in way.windows(2) {
            let [left, right] = *pair else { continue };
            if let Some(item) = self.items.get_mut(left) {
                item.right.push(right);
            }
            if let Some(item) = self.items.get_mut(right) {
                item.left.push(left);
            }
        }
    }
}

/// Ports sort by their number, then by their name.
type PortKey = (u16, String);

/// The ends of all calls.
struct Ends {
    /// The ports on which each end is called. Workloads without calls are among them.
    ports: BTreeMap<End, BTreeSet<PortKey>>,
}

impl Ends {
    fn of(graph: &Graph) -> Ends {
        let mut ends = Ends {
            ports: BTreeMap::new(),
        };
        for (number, node) in graph.nodes.iter().enumerate() {
            if node.is_workload() {
                ends.ports.insert((number, false), BTreeSet::new());
            }
        }
        for call in &graph.calls {
            ends.ports.entry(ends.caller(graph, call.from)).or_default();
            let label = call.port_text();
            let number = call.port.as_ref().and_then(|port| port.parse().ok());
            let ports = ends.ports.entry(ends.callee(call.to)).or_default();
            ports.insert((number.unwrap_or(u16::MAX), label));
        }
        ends
    }

    /// Outsiders that call stand at the left edge.
    fn caller(&self, graph: &Graph, number: usize) -> End {
        let node = graph.nodes.get(number);
        (number, node.is_some_and(|node| !node.is_workload()))
    }

    fn callee(&self, number: usize) -> End {
        (number, false)
    }

    /// The column of every end that has calls.
    fn columns(&self, graph: &Graph) -> HashMap<End, usize> {
        let is_workload = |number: usize| {
            graph
                .nodes
                .get(number)
                .is_some_and(|node| node.is_workload())
        };
        let pairs: BTreeSet<(usize, usize)> = graph
            .calls
            .iter()
            .map(|call| (call.from, call.to))
            .filter(|(from, to)| from != to && is_workload(*from) && is_workload(*to))
            .collect();
        let called: BTreeSet<usize> = graph.calls.iter().map(|call| call.to).collect();
        let calling: BTreeSet<usize> = graph.calls.iter().map(|call| call.from).collect();
        let workloads: Vec<usize> = (0..graph.nodes.len())
            .filter(|n| is_workload(*n) && (called.contains(n) || calling.contains(n)))
            .collect();
        let layers = layers(&workloads, &pairs, &called);
        let left = self.ports.keys().any(|(_, left)| *left);
        let first = usize::from(left);
        let last = layers
            .values()
            .max()
            .map_or(first, |layer| layer + first + 1);
        let mut columns = HashMap::default();
        for end in self.ports.keys() {
            let column = match (end.1, is_workload(end.0), layers.get(&end.0)) {
                (true, ..) => 0,
                (_, true, Some(layer)) => layer + first,
                (_, true, None) => continue,
                (_, false, _) => last,
            };
            columns.insert(*end, column);
        }
        columns
    }
}

/// The namespaces, those that call before those that are called.
fn lanes(graph: &Graph, columns: &HashMap<End, usize>) -> Vec<Option<String>> {
    let mean = |name: Option<&str>| {
        let nodes = graph.nodes.iter().enumerate();
        let own = nodes.filter(|(_, node)| node.is_workload() && node.namespace.as_deref() == name);
        let columns: Vec<usize> = own
            .filter_map(|(number, _)| columns.get(&(number, false)).copied())
            .collect();
        match columns.len() {
            // Nothing but workloads without calls.
            0 => f64::MAX,
            count => columns.iter().sum::<usize>() as f64 / count as f64,
        }
    };
    let mut names = graph.namespaces();
    names.sort_by(|a, b| mean(*a).total_cmp(&mean(*b)).then(a.cmp(b)));
    names
        .into_iter()
        .map(|name| name.map(str::to_owned))
        .collect()
}

/// The layer of each workload: one more than the highest of its callers. Calls that would close a
/// circle do not count.
fn layers(
    workloads: &[usize],
    pairs: &BTreeSet<(usize, usize)>,
    called: &BTreeSet<usize>,
) -> HashMap<usize, usize> {
    let mut callees: HashMap<usize, Vec<usize>> = HashMap::default();
    let mut waiting: HashMap<usize, usize> = HashMap::default();
    for (from, to) in pairs {
        callees.entry(*from).or_default().push(*to);
        *waiting.entry(*to).or_default() += 1;
    }
    let mut layer: HashMap<usize, usize> = HashMap::default();
    let mut left: BTreeSet<usize> = workloads.iter().copied().collect();
    let none =
        |waiting: &HashMap<usize, usize>, own: usize| waiting.get(&own).is_none_or(|n| *n == 0);
    let mut ready: BTreeSet<usize> = workloads
        .iter()
        .copied()
        .filter(|own| none(&waiting, *own))
        .collect();
    while let Some(&first) = left.first() {
        // In a circle: the one that calls most starts it.
        let most = |own: &usize| {
            (
                callees.get(own).map_or(0, Vec::len),
                std::cmp::Reverse(*own),
            )
        };
        let own = ready
            .pop_first()
            .unwrap_or_else(|| left.iter().copied().max_by_key(most).unwrap_or(first));
        left.remove(&own);
        let here = *layer.entry(own).or_insert(0);
        for callee in callees
            .get(&own)
            .into_iter()
            .flatten()
            .filter(|callee| left.contains(callee))
        {
            let there = layer.entry(*callee).or_insert(0);
            *there = (*there).max(here + 1);
            if let Some(count) = waiting.get_mut(callee) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    ready.insert(*callee);
                }
            }
        }
    }
    // Whom nobody calls goes right before those it calls.
    for own in workloads.iter().filter(|own| !called.contains(own)) {
        let near = callees
            .get(own)
            .into_iter()
            .flatten()
            .filter_map(|callee| layer.get(callee));
        if let Some(near) = near.min().copied() {
            layer.insert(*own, near.saturating_sub(1));
        }
    }
    layer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_stand_before_what_they_call() {
        for (pairs, called, expected) in [
            (&[(0, 1), (1, 2)][..], &[0, 1, 2][..], [0, 1, 2]),
            (&[(0, 1), (0, 2), (1, 2)], &[1, 2], [0, 1, 2]),
            // A circle.
            (&[(0, 1), (1, 2), (2, 0)], &[0, 1, 2], [0, 1, 2]),
            // Nobody calls 1, which calls the last only.
            (&[(0, 2), (1, 2)], &[0, 2], [0, 0, 1]),
            (&[], &[0, 1, 2], [0, 0, 0]),
        ] {
            let layers = layers(
                &[0, 1, 2],
                &pairs.iter().copied().collect(),
                &called.iter().copied().collect(),
            );
            let got = [0, 1, 2].map(|own| layers[&own]);
            assert_eq!(got, expected, "{pairs:?}");
        }
    }
}
