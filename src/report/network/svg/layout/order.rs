//! The order in each column: near their neighbours, so that few calls cross.

use super::layers::Sketch;

/// How often the columns are sorted anew, to and fro.
const SWEEPS: usize = 12;
/// With more stretches than this between two columns, crossings are no longer counted.
const COUNTED: usize = 600;

/// The items of each column, from the top; lane by lane.
pub type Order = Vec<Vec<usize>>;

/// Orders the items of all columns.
pub fn order(sketch: &Sketch) -> Order {
    let mut order: Order = vec![Vec::new(); sketch.columns];
    for (number, item) in sketch.items.iter().enumerate() {
        if let Some(column) = item.column.and_then(|column| order.get_mut(column)) {
            column.push(number);
        }
    }
    for column in &mut order {
        column.sort_by_key(|item| {
            let own = sketch.items.get(*item);
            let below = own.and_then(|own| own.below);
            (
                own.and_then(|own| own.lane),
                below.unwrap_or(*item),
                below.is_some(),
            )
        });
    }
    let mut best = (crossings(sketch, &order), order.clone());
    for sweep in 0..SWEEPS {
        let forward = sweep % 2 == 0;
        let columns: Vec<usize> = match forward {
            true => (0..order.len()).collect(),
            false => (0..order.len()).rev().collect(),
        };
        for column in columns {
            sort(sketch, &mut order, column, forward);
        }
        let now = crossings(sketch, &order);
        if now < best.0 {
            best = (now, order.clone());
        }
    }
    best.1
}

/// Where each item stands in its column, as a share of the column's length.
fn positions(sketch: &Sketch, order: &Order) -> Vec<f64> {
    let mut positions = vec![0.5; sketch.items.len()];
    for column in order {
        for (index, item) in column.iter().enumerate() {
            if let Some(position) = positions.get_mut(*item) {
                *position = (index as f64 + 0.5) / column.len() as f64;
            }
        }
    }
    positions
}

/// Sorts one column by the mean of its neighbours on one side, within each lane.
fn sort(sketch: &Sketch, order: &mut Order, column: usize, forward: bool) {
    let positions = positions(sketch, order);
    let at = |item: usize| positions.get(item).copied().unwrap_or(0.5);
    let wanted = |item: &usize| {
        let own = sketch.items.get(*item);
        // Right below its box, whatever is beside it.
        let below = own.and_then(|own| own.below);
        let item = &below.unwrap_or(*item);
        let own = sketch.items.get(*item);
        let beside = own.map(|own| if forward { &own.left } else { &own.right });
        let beside = beside.filter(|beside| !beside.is_empty());
        let place = match beside {
            Some(beside) => {
                beside.iter().map(|other| at(*other)).sum::<f64>() / beside.len() as f64
            }
            None => at(*item),
        };
        (own.and_then(|own| own.lane), place, *item, below.is_some())
    };
    if let Some(items) = order.get_mut(column) {
        let mut keyed: Vec<_> = items.iter().map(|item| (wanted(item), *item)).collect();
        keyed.sort_by(|(a, _), (b, _)| {
            let places = a.0.cmp(&b.0).then(a.1.total_cmp(&b.1));
            // Of those that want one place the order stays, and nothing comes between a box and
            // what is below it.
            let stay = at(a.2).total_cmp(&at(b.2)).then(a.2.cmp(&b.2));
            places.then(stay).then(a.3.cmp(&b.3))
        });
        *items = keyed.into_iter().map(|(_, item)| item).collect();
    }
}

/// How many stretches cross.
fn crossings(sketch: &Sketch, order: &Order) -> usize {
    let mut place = vec![0; sketch.items.len()];
    for column in order {
        for (index, item) in column.iter().enumerate() {
            if let Some(place) = place.get_mut(*item) {
                *place = index;
            }
        }
    }
    let at = |item: usize| place.get(item).copied().unwrap_or(0);
    let mut crossings = 0;
    for column in order {
        let mut stretches: Vec<(usize, usize)> = Vec::new();
        for item in column {
            let right = sketch.items.get(*item).map(|item| item.right.as_slice());
            stretches.extend(
                right
                    .unwrap_or_default()
                    .iter()
                    .map(|other| (at(*item), at(*other))),
            );
        }
        if stretches.len() > COUNTED {
            continue;
        }
        for (index, a) in stretches.iter().enumerate() {
            let rest = stretches.iter().skip(index + 1);
            crossings += rest
                .filter(|b| (a.0 < b.0 && a.1 > b.1) || (a.0 > b.0 && a.1 < b.1))
                .count();
        }
    }
    crossings
}
