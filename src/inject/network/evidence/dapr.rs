//! Which Dapr application a program calls: it asks its own sidecar for it by id, and the sidecar
//! calls that of the other one.
//!
//! The path is that of Dapr's service invocation API
//! (<https://docs.dapr.io/reference/api/service_invocation_api/>).

/// What stands before an id in a URL.
const INVOKE: &str = "/invoke/";
/// The end of the names of variables that hold an id.
const ID_NAMES: [&str; 2] = ["APP_ID", "APPID"];

/// The ids in a text: behind `/v1.0/invoke/`, or the whole text where its name says that it is one.
/// An id may be followed by the namespace of its application: `orders.shop`.
pub fn invoked<'t>(name: &str, text: &'t str) -> Vec<&'t str> {
    let mut ids = Vec::new();
    for (at, _) in text.match_indices(INVOKE) {
        let before = text.get(..at).unwrap_or_default();
        let version = before.rsplit('/').next().unwrap_or_default();
        let rest = text.get(at + INVOKE.len()..).unwrap_or_default();
        let id = rest.split(|c| !is_id(c)).next().unwrap_or_default();
        if version.starts_with('v') && !id.is_empty() {
            ids.push(id);
        }
    }
    let named = name.to_ascii_uppercase().replace('-', "_");
    let text = text.trim();
    if ids.is_empty() && ID_NAMES.iter().any(|end| named.ends_with(end)) && text.chars().all(is_id)
    {
        ids.push(text);
    }
    ids
}

fn is_id(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stand_in_paths_and_under_names() {
        for (name, text, expected) in [
            (
                "URL",
                "http://localhost:3500/v1.0/invoke/orders/method/list",
                vec!["orders"],
            ),
            (
                "URL",
                "http://127.0.0.1:3500/v1.0/invoke/orders.shop/method",
                vec!["orders.shop"],
            ),
            (
                "",
                "curl localhost:3500/v1.0/invoke/a/method/x /v1.0/invoke/b/",
                vec!["a", "b"],
            ),
            ("URL", "http://localhost:3500/api/invoke/orders", vec![]),
            ("URL", "http://localhost:3500/v1.0/state/orders", vec![]),
            ("BACKEND_APP_ID", "todo-backend", vec!["todo-backend"]),
            ("orders-app-id", "orders", vec!["orders"]),
            ("APP_ID", "two words", vec![]),
            ("ID", "orders", vec![]),
        ] {
            assert_eq!(invoked(name, text), expected, "{name}={text}");
        }
    }
}
