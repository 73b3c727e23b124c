//! Lays values over values, as Helm does with several `-f` files.

use serde_json::{Map, Value};

/// Lays `over` on `base`: maps are merged key by key, anything else is replaced. A null stays in
/// place, because in a values file it is what makes Helm drop the chart's default.
pub fn lay(base: &mut Map<String, Value>, over: Map<String, Value>) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Object(below)), Value::Object(above)) => lay(below, above),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// The values that a chart gets to see: its defaults under the given values, nulls dropped.
pub fn coalesce(defaults: &Map<String, Value>, values: &Map<String, Value>) -> Map<String, Value> {
    let mut merged = defaults.clone();
    lay(&mut merged, values.clone());
    let mut merged = Value::Object(merged);
    crate::config::typed::drop_null(&mut merged);
    match merged {
        Value::Object(merged) => merged,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn maps_merge_and_everything_else_is_replaced() {
        let mut base = map(json!({"a": {"b": 1, "c": [1, 2]}, "d": 1, "e": {"f": 1}}));
        lay(
            &mut base,
            map(json!({"a": {"c": [3]}, "d": {"x": 1}, "e": null})),
        );
        assert_eq!(
            Value::Object(base.clone()),
            json!({"a": {"b": 1, "c": [3]}, "d": {"x": 1}, "e": null})
        );
        let seen = coalesce(&map(json!({"e": {"g": 1}, "h": 2})), &base);
        assert_eq!(
            Value::Object(seen),
            json!({"a": {"b": 1, "c": [3]}, "d": {"x": 1}, "h": 2})
        );
    }
}
