//! Coordinates: rows near their neighbours' rows, columns as wide as what stands in them.

use super::layers::Sketch;
use super::order::Order;
use super::{Box, Lane, Layout, Wire};
use crate::report::network::Graph;

/// Around everything; the top has room for the title.
const MARGIN: i32 = 28;
const TOP: i32 = 84;
/// Between two boxes of a column, between a box and a passing call, between two passing calls.
const ROW_GAP: i32 = 26;
const PASSING_GAP: i32 = 18;
const CLOSE_GAP: i32 = 8;
/// Between two columns, besides the ports.
const COLUMN_GAP: i32 = 84;
/// Inside a lane, above (with its name), beside and below.
const LANE_TOP: i32 = 46;
const LANE_SIDE: i32 = 30;
const LANE_BOTTOM: i32 = 26;
/// Between two lanes.
const LANE_GAP: i32 = 26;
/// How often rows are drawn towards their neighbours.
const PULLS: usize = 10;

/// Gives everything its coordinates.
pub fn place(graph: &Graph, sketch: &Sketch, order: &Order) -> Layout {
    let mut rows = Rows::new(sketch, order);
    rows.pull();
    let columns = Columns::new(sketch);
    let mut layout = Layout {
        boxes: sketch.boxes.clone(),
        ..Layout::default()
    };
    let bottom = lanes(sketch, &mut rows, &columns, &mut layout);
    rows.outsiders();
    let shift = rows.above();
    layout
        .boxes
        .iter_mut()
        .enumerate()
        .for_each(|(number, own)| {
            if let Some(column) = sketch.items.get(number).and_then(|item| item.column) {
                own.x = columns.left(column);
                own.y = rows.top(number) + shift;
            } else {
                own.y += shift;
            }
        });
    for lane in &mut layout.lanes {
        lane.y += shift;
    }
    layout.wires = wires(sketch, &rows, &columns, &layout.boxes, shift);
    let right = layout.boxes.iter().map(|own| own.x + own.w);
    let right = right
        .chain(layout.lanes.iter().map(|lane| lane.x + lane.w))
        .max();
    let low = layout.boxes.iter().map(|own| own.y + own.h).max();
    let low = low.unwrap_or(0).max(bottom + shift);
    let empty = graph.nodes.is_empty();
    layout.size = (
        right.unwrap_or(0).max(if empty { 320 } else { 560 }) + MARGIN,
        low + MARGIN,
    );
    layout
}

/// The middles of all items, from the top of their lane; of outsiders, from the top of the picture.
struct Rows<'a> {
    sketch: &'a Sketch,
    order: &'a Order,
    middle: Vec<f64>,
}

impl<'a> Rows<'a> {
    /// Everything as high up as it goes.
    fn new(sketch: &'a Sketch, order: &'a Order) -> Rows<'a> {
        let mut rows = Rows {
            sketch,
            order,
            middle: vec![0.0; sketch.items.len()],
        };
        for column in order {
            for lane in rows.lanes() {
                let mut y = 0;
                let members = rows.members(column, lane);
                for (index, item) in members.iter().enumerate() {
                    let height = rows.height(*item);
                    rows.set(*item, f64::from(y + height / 2));
                    y += height
                        + members
                            .get(index + 1)
                            .map_or(0, |next| rows.gap(*item, *next));
                }
            }
        }
        rows
    }

    fn lanes(&self) -> Vec<Option<usize>> {
        let lanes = (0..self.sketch.lanes.len()).map(Some);
        lanes.chain([None]).collect()
    }

    fn members(&self, column: &[usize], lane: Option<usize>) -> Vec<usize> {
        let own = |item: &&usize| {
            self.sketch
                .items
                .get(**item)
                .is_some_and(|item| item.lane == lane)
        };
        column.iter().filter(own).copied().collect()
    }

    fn height(&self, item: usize) -> i32 {
        self.sketch.items.get(item).map_or(0, |item| item.height)
    }

    /// The room between an item and the next one below.
    fn gap(&self, item: usize, next: usize) -> i32 {
        let passing = |item: usize| item >= self.sketch.boxes.len();
        match (passing(item), passing(next)) {
            (false, false) => ROW_GAP,
            (true, true) => CLOSE_GAP,
            _ => PASSING_GAP,
        }
    }

    fn at(&self, item: usize) -> f64 {
        self.middle.get(item).copied().unwrap_or(0.0)
    }

    fn set(&mut self, item: usize, to: f64) {
        if let Some(middle) = self.middle.get_mut(item) {
            *middle = to;
        }
    }

    fn top(&self, item: usize) -> i32 {
        (self.at(item) - f64::from(self.height(item)) / 2.0).round() as i32
    }

    /// Draws the items of every lane towards their neighbours in the same lane.
    fn pull(&mut self) {
        for pull in 0..PULLS {
            let columns: Vec<&Vec<usize>> = match pull % 2 == 0 {
                true => self.order.iter().collect(),
                false => self.order.iter().rev().collect(),
            };
            for column in columns {
                for lane in self.lanes().into_iter().flatten() {
                    let members = self.members(column, Some(lane));
                    self.spread(&members, Some(lane));
                }
            }
        }
    }

    /// Outsiders stand beside those they talk to.
    fn outsiders(&mut self) {
        for column in self.order {
            let members = self.members(column, None);
            self.spread(&members, None);
        }
    }

    /// Puts items of a column, in their order, as near to their neighbours as there is room.
    fn spread(&mut self, members: &[usize], lane: Option<usize>) {
        let wanted: Vec<f64> = members
            .iter()
            .map(|item| self.wanted(*item, lane))
            .collect();
        let mut offsets = Vec::with_capacity(members.len());
        let mut offset = 0.0;
        for (index, item) in members.iter().enumerate() {
            if let Some(before) = index.checked_sub(1).and_then(|before| members.get(before)) {
                let heights = f64::from(self.height(*before) + self.height(*item)) / 2.0;
                offset += heights + f64::from(self.gap(*before, *item));
            }
            offsets.push(offset);
        }
        let relative = wanted
            .iter()
            .zip(&offsets)
            .map(|(wanted, offset)| wanted - offset);
        let placed = never_less(relative);
        for ((item, offset), place) in members.iter().zip(&offsets).zip(placed) {
            self.set(*item, place + offset);
        }
    }

    fn wanted(&self, item: usize, lane: Option<usize>) -> f64 {
        let Some(own) = self.sketch.items.get(item) else {
            return 0.0;
        };
        if let Some(above) = own.below {
            let heights = f64::from(self.height(above) + own.height) / 2.0;
            return self.at(above) + heights + f64::from(PASSING_GAP);
        }
        let beside = own.left.iter().chain(&own.right).filter(|other| {
            let other = self.sketch.items.get(**other);
            lane.is_none() || other.is_some_and(|other| other.lane == lane)
        });
        let places: Vec<f64> = beside.map(|other| self.at(*other)).collect();
        match places.is_empty() {
            true => self.at(item),
            false => places.iter().sum::<f64>() / places.len() as f64,
        }
    }

    /// The rows of a lane: from its highest item to its lowest.
    fn extent(&self, lane: usize) -> (f64, f64) {
        let items = self.sketch.items.iter().enumerate();
        let own = items.filter(|(_, item)| item.lane == Some(lane) && item.column.is_some());
        own.fold((f64::MAX, f64::MIN), |(top, bottom), (number, item)| {
            let half = f64::from(item.height) / 2.0;
            let middle = self.at(number);
            (top.min(middle - half), bottom.max(middle + half))
        })
    }

    /// Moves a lane down.
    fn shift(&mut self, lane: usize, by: f64) {
        for (item, middle) in self.sketch.items.iter().zip(&mut self.middle) {
            if item.lane == Some(lane) {
                *middle += by;
            }
        }
    }

    /// By how much the highest outsider would stand in the title.
    fn above(&self) -> i32 {
        let items = self.sketch.items.iter().enumerate();
        let outside = items.filter(|(_, item)| item.lane.is_none());
        let tops = outside.map(|(number, _)| TOP - self.top(number));
        tops.max().unwrap_or(0).max(0)
    }
}

/// The nearest values that never fall, in the sense of least squares: neighbours that would fall
/// are pooled and take their mean.
fn never_less(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for value in values {
        let mut pool = (value, 1);
        while let Some(&(sum, count)) = pools.last() {
            if sum / count as f64 <= pool.0 / pool.1 as f64 {
                break;
            }
            pools.pop();
            pool = (sum + pool.0, count + pool.1);
        }
        pools.push(pool);
    }
    let spread = pools
        .iter()
        .flat_map(|(sum, count)| std::iter::repeat_n(sum / *count as f64, *count));
    spread.collect()
}

/// Where the columns stand.
struct Columns {
    /// Left edge and width of each.
    spans: Vec<(i32, i32)>,
    /// The columns of workloads: left edge with the ports, right edge.
    lanes: (i32, i32),
}

impl Columns {
    fn new(sketch: &Sketch) -> Columns {
        let mut widths = vec![0; sketch.columns];
        let mut ports = vec![0; sketch.columns];
        let mut inside = vec![false; sketch.columns];
        for (own, item) in sketch.boxes.iter().zip(&sketch.items) {
            let Some(column) = item.column else { continue };
            if let (Some(width), Some(port), Some(inside)) = (
                widths.get_mut(column),
                ports.get_mut(column),
                inside.get_mut(column),
            ) {
                *width = own.w.max(*width);
                *port = own.socket_width().max(*port);
                *inside |= item.lane.is_some();
            }
        }
        let mut x = MARGIN;
        let mut spans = Vec::with_capacity(widths.len());
        let mut lanes: Option<(i32, i32)> = None;
        for (column, ((width, port), inside)) in widths.iter().zip(&ports).zip(&inside).enumerate()
        {
            if column > 0 {
                x += COLUMN_GAP;
            }
            // Edges of lanes need room of their own.
            let enters = *inside && lanes.is_none();
            x += if enters { LANE_SIDE } else { 0 };
            let left = x;
            x += port;
            spans.push((x, *width));
            x += width;
            if *inside {
                lanes = Some((lanes.map_or(left, |(left, _)| left), x));
            }
        }
        let (left, right) = lanes.unwrap_or((MARGIN + LANE_SIDE, MARGIN + LANE_SIDE));
        // Boxes without calls may be wider than all columns: then outsiders make room.
        let more = (left + widest_idle(sketch) - right).max(0);
        for (span, inside) in spans.iter_mut().zip(&inside) {
            if !inside && span.0 > left {
                span.0 += more;
            }
        }
        Columns {
            spans,
            lanes: (left, right + more),
        }
    }

    fn left(&self, column: usize) -> i32 {
        self.spans.get(column).map_or(MARGIN, |(left, _)| *left)
    }

    fn right(&self, column: usize) -> i32 {
        self.spans
            .get(column)
            .map_or(MARGIN, |(left, width)| left + width)
    }
}

/// The width of the widest box without calls.
fn widest_idle(sketch: &Sketch) -> i32 {
    let idle = sketch.idle.iter().flatten();
    let boxes = idle.filter_map(|own| sketch.boxes.get(*own));
    boxes.map(|own| own.w).max().unwrap_or(0)
}

/// Puts the lanes below each other, and the boxes without calls to the bottom of theirs. Gives the
/// lower edge of the last one.
fn lanes(sketch: &Sketch, rows: &mut Rows<'_>, columns: &Columns, layout: &mut Layout) -> i32 {
    let (left, right) = columns.lanes;
    let mut y = TOP;
    for (lane, namespace) in sketch.lanes.iter().enumerate() {
        let top = y;
        y += LANE_TOP;
        let (first, last) = rows.extent(lane);
        if first < last {
            rows.shift(lane, f64::from(y) - first);
            y += (last - first).round() as i32;
        }
        let idle = sketch.idle.get(lane).map(Vec::as_slice).unwrap_or_default();
        if !idle.is_empty() {
            y += if first < last { ROW_GAP } else { 0 };
            y = grid(idle, &mut layout.boxes, (left, right), y);
        }
        y += LANE_BOTTOM;
        layout.lanes.push(Lane {
            namespace: namespace.clone(),
            x: left - LANE_SIDE,
            y: top,
            w: right - left + 2 * LANE_SIDE,
            h: y - top,
        });
        y += LANE_GAP;
    }
    y - LANE_GAP
}

/// Puts boxes beside each other between two edges, in as many rows as it takes.
fn grid(idle: &[usize], boxes: &mut [Box], (left, right): (i32, i32), top: i32) -> i32 {
    let (mut x, mut y, mut low) = (left, top, top);
    for number in idle {
        let Some(own) = boxes.get_mut(*number) else {
            continue;
        };
        if x > left && x + own.w > right {
            (x, y) = (left, low + ROW_GAP / 2);
        }
        (own.x, own.y) = (x, y);
        x += own.w + ROW_GAP;
        low = low.max(y + own.h);
    }
    low
}

fn wires(
    sketch: &Sketch,
    rows: &Rows<'_>,
    columns: &Columns,
    boxes: &[Box],
    shift: i32,
) -> Vec<Wire> {
    let wires = sketch.wires.iter().filter_map(|route| {
        let (first, last) = (route.items.first()?, route.items.last()?);
        let (from, to) = (boxes.get(*first)?, boxes.get(*last)?);
        let port = to.ports.get(route.port);
        let end = (to.x - port.map_or(0, |port| port.w), to.port_y(route.port));
        let mut points = vec![(from.x + from.w, from.y + from.h / 2)];
        let between = route
            .items
            .get(1..route.items.len() - 1)
            .unwrap_or_default();
        for item in between {
            let column = sketch.items.get(*item)?.column?;
            let y = rows.at(*item).round() as i32 + shift;
            let mut edges = [(columns.left(column), y), (columns.right(column), y)];
            if route.back {
                edges.reverse();
            }
            points.extend(edges);
        }
        points.push(end);
        Some(Wire {
            call: route.call,
            points,
            back: route.back,
        })
    });
    wires.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_fall_take_their_mean() {
        for (values, expected) in [
            (&[1.0, 2.0, 3.0][..], vec![1.0, 2.0, 3.0]),
            (&[3.0, 1.0], vec![2.0, 2.0]),
            (&[1.0, 5.0, 3.0, 9.0], vec![1.0, 4.0, 4.0, 9.0]),
            (&[4.0, 3.0, 2.0], vec![3.0, 3.0, 3.0]),
            (&[], vec![]),
        ] {
            assert_eq!(never_less(values.iter().copied()), expected);
        }
    }
}
