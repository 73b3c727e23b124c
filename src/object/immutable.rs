//! Fields that nobody may change from outside: not a patch, and not a policy's fix.

/// Fields of an object that the API server never lets change, that say which object it is, or that
/// select pods. A list's `items` would be applied in the place of the object.
const FIELDS: [&str; 9] = [
    "/apiVersion",
    "/items",
    "/kind",
    "/metadata/name",
    "/metadata/namespace",
    "/spec/clusterIP",
    "/spec/selector",
    "/spec/serviceName",
    "/spec/volumeClaimTemplates",
];

/// The field that an edit at a JSON Pointer into an object would change, because it lies there, above
/// it or below it.
pub fn reached(path: &str) -> Option<&'static str> {
    let below = |outer: &str, inner: &str| {
        let rest = inner.strip_prefix(outer);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let mut fields = FIELDS.into_iter();
    fields.find(|field| below(field, path) || below(path, field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_above_and_below_is_reached_too() {
        for (path, field) in [
            ("/spec/selector", Some("/spec/selector")),
            ("/spec/selector/matchLabels/app", Some("/spec/selector")),
            ("/spec", Some("/spec/clusterIP")),
            ("", Some("/apiVersion")),
            ("/metadata", Some("/metadata/name")),
            ("/metadata/namespace", Some("/metadata/namespace")),
            ("/items/-", Some("/items")),
            ("/metadata/labels/app", None),
            ("/spec/selectors", None),
            ("/spec/template/spec", None),
        ] {
            assert_eq!(reached(path), field, "{path}");
        }
    }
}
