//! Kubernetes objects in a document, and where their pod specs lie.
//!
//! [`find`] lists the objects of one document, a `List`'s items included. [`identity`] says which
//! object it is, [`pods`] where it carries pod specs, [`selector`] and [`quantity`] read the two
//! small languages Kubernetes hides in strings.

pub mod builtin;
pub mod carriers;
pub mod crd;
pub mod identity;
pub mod image;
pub mod immutable;
pub mod pods;
pub mod quantity;
pub mod secret;
pub mod selector;

use std::fmt;

use crate::manifest::View;
use crate::manifest::view::Type;
pub use identity::Identity;
pub use pods::{Alone, PodPlace, Shape};

/// Lists inside lists are read this deep; nobody nests them, an attacker might.
const MAX_LIST_DEPTH: usize = 4;

/// One Kubernetes object of a document.
#[derive(Clone, Debug)]
pub struct Object<'d> {
    /// Where the object lies in the document: `""`, or `/items/3` in a `List`.
    pub pointer: String,
    /// The object as it stands in the text.
    pub view: View<'d>,
    /// What it is called.
    pub identity: Identity,
}

/// Why a document is no Kubernetes object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAnObject {
    /// RFC 6901 pointer to the value that is wrong or lacks something.
    pub pointer: String,
    /// What is wrong, as a lowercase fragment.
    pub reason: String,
}

impl fmt::Display for NotAnObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

/// The objects of a document, in order.
///
/// Whatever has a non-null `items` is a list, as in `unstructuredJSONScheme.decode` of
/// k8s.io/apimachinery; items without `apiVersion` and `kind` take them from the list
/// (`PodList` holds `Pod`s). One whose kind does not say so is refused: what else it holds would be
/// lost. An empty or null document has no objects.
pub fn find(root: View<'_>) -> Result<Vec<Object<'_>>, NotAnObject> {
    let mut objects = Vec::with_capacity(1);
    if !root.is_null() {
        collect(root, String::new(), None, 0, &mut objects)?;
    }
    Ok(objects)
}

fn collect<'d>(
    view: View<'d>,
    pointer: String,
    inherited: Option<(&str, &str)>,
    depth: usize,
    out: &mut Vec<Object<'d>>,
) -> Result<(), NotAnObject> {
    let refuse_at = |at: &str, reason: &str| NotAnObject {
        pointer: format!("{pointer}{at}"),
        reason: reason.into(),
    };
    let refuse = |reason: &str| refuse_at("", reason);
    if view.value_type() != Type::Map {
        return Err(refuse(
            "expected a Kubernetes object, a mapping with apiVersion and kind",
        ));
    }
    let (api_version, kind) = match (text(view, "apiVersion"), text(view, "kind"), inherited) {
        (Ok(None), Ok(None), Some((api, kind))) if !kind.is_empty() => {
            (api.to_owned(), kind.to_owned())
        }
        (Ok(Some(api)), Ok(Some(kind)), _) => (api, kind),
        (Err(()), ..) => return Err(refuse_at("/apiVersion", "apiVersion is not a string")),
        (_, Err(()), _) => return Err(refuse_at("/kind", "kind is not a string")),
        (Ok(None), ..) => return Err(refuse("apiVersion is missing")),
        (_, Ok(None), _) => return Err(refuse("kind is missing")),
    };
    match view.get("items").filter(|items| !items.is_null()) {
        None => {
            let identity = Identity::read(view, api_version, kind)
                .map_err(|at| refuse_at(at, wrong_type(at)))?;
            out.push(Object {
                pointer,
                view,
                identity,
            });
            Ok(())
        }
        Some(_) if depth == MAX_LIST_DEPTH => Err(refuse("lists are nested too deep")),
        Some(_) if !kind.to_ascii_lowercase().ends_with("list") => Err(refuse_at(
            "/items",
            "items in an object whose kind is no list: Helm and kubectl would apply them in its place",
        )),
        Some(items) if items.value_type() == Type::Seq => {
            let item_kind = kind.strip_suffix("List").unwrap_or(&kind);
            for (index, item) in items.items().enumerate() {
                let at = format!("{pointer}/items/{index}");
                collect(item, at, Some((&api_version, item_kind)), depth + 1, out)?;
            }
            Ok(())
        }
        Some(_) => Err(NotAnObject {
            pointer: format!("{pointer}/items"),
            reason: "items of a list is not a sequence".into(),
        }),
    }
}

/// What to say of a field of `metadata` that has the wrong type.
fn wrong_type(pointer: &str) -> &'static str {
    match pointer {
        "/metadata/name" => "metadata.name is not a string",
        "/metadata/namespace" => "metadata.namespace is not a string",
        _ => "metadata is not a mapping",
    }
}

/// A string member, `None` when absent, null or empty, `Err` for another type.
fn text(view: View<'_>, key: &str) -> Result<Option<String>, ()> {
    match view.get(key) {
        None => Ok(None),
        Some(value) if value.is_null() => Ok(None),
        Some(value) => match value.as_str() {
            Some(text) if text.is_empty() => Ok(None),
            Some(text) => Ok(Some(text.into_owned())),
            None => Err(()),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn names(value: &Value) -> Result<Vec<String>, String> {
        find(View::Json(value))
            .map(|all| {
                all.iter()
                    .map(|o| format!("{} {} {}", o.pointer, o.identity.kind, o.identity.name))
                    .collect()
            })
            .map_err(|e| format!("{}: {e}", e.pointer))
    }

    #[test]
    fn lists_are_opened_and_typed_lists_lend_their_kind() {
        let cm = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}});
        let pods =
            json!({"apiVersion": "v1", "kind": "PodList", "items": [{"metadata": {"name": "p"}}]});
        let list = json!({"apiVersion": "v1", "kind": "List", "items": [cm, pods]});
        assert_eq!(
            names(&list),
            Ok(vec![
                "/items/0 ConfigMap a".into(),
                "/items/1/items/0 Pod p".into()
            ])
        );
    }

    #[test]
    fn what_is_no_object_is_refused_with_its_place() {
        for (value, want) in [
            (
                json!([1]),
                ": expected a Kubernetes object, a mapping with apiVersion and kind",
            ),
            (json!({"kind": "Pod"}), ": apiVersion is missing"),
            (json!({"apiVersion": "v1"}), ": kind is missing"),
            (
                json!({"apiVersion": 1, "kind": "Pod"}),
                "/apiVersion: apiVersion is not a string",
            ),
            (
                json!({"apiVersion": "v1", "kind": "List", "items": {}}),
                "/items: items of a list is not a sequence",
            ),
            (
                json!({"apiVersion": "v1", "kind": "List", "items": [1]}),
                "/items/0: expected a Kubernetes object, a mapping with apiVersion and kind",
            ),
            (
                json!({"apiVersion": "v1", "kind": "List", "items": [{"metadata": {"name": "a"}}]}),
                "/items/0: apiVersion is missing",
            ),
            (
                json!({"apiVersion": "v1", "kind": "Pod", "spec": {}, "items": []}),
                "/items: items in an object whose kind is no list: Helm and kubectl would apply them in its place",
            ),
            (
                json!({"apiVersion": "v1", "kind": "Pod", "metadata": "x"}),
                "/metadata: metadata is not a mapping",
            ),
            (
                json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": 5}}),
                "/metadata/name: metadata.name is not a string",
            ),
        ] {
            assert_eq!(names(&value), Err(want.to_owned()), "{value}");
        }
    }

    #[test]
    fn an_empty_document_holds_nothing() {
        assert_eq!(names(&Value::Null), Ok(vec![]));
    }
}
