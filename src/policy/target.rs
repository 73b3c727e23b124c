//! What a policy is asked about: a pod with its containers, or an object.

use std::borrow::Cow;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::model::ContainerList;
use crate::manifest::View;
use crate::manifest::view::Type;

static EMPTY_MAP: LazyLock<Value> = LazyLock::new(|| Value::Object(Map::new()));
static EMPTY_STRING: LazyLock<Value> = LazyLock::new(|| Value::String(String::new()));

/// The view itself, or an empty map for null: to Go a null struct is a struct without fields.
pub(super) fn or_empty_map(view: View<'_>) -> View<'_> {
    if view.is_null() {
        View::Json(&EMPTY_MAP)
    } else {
        view
    }
}

/// The view itself, or the empty string for null: what Go makes of a null in a map of strings.
fn or_empty_string(view: View<'_>) -> View<'_> {
    if view.is_null() {
        View::Json(&EMPTY_STRING)
    } else {
        view
    }
}

/// A pod or a pod template inside a document.
#[derive(Clone, Copy, Debug)]
pub struct PodTarget<'a> {
    /// The pod spec.
    pub spec: View<'a>,
    /// The metadata of the pod or pod template, where it has any.
    pub metadata: Option<View<'a>>,
    /// Where the pod spec lies, as a JSON Pointer from the document's root.
    pub spec_pointer: &'a str,
    /// Where the metadata lies or would lie, as a JSON Pointer from the document's root.
    pub metadata_pointer: &'a str,
}

impl<'a> PodTarget<'a> {
    /// The pod spec; an empty map where the document says null.
    pub(super) fn spec(&self) -> View<'a> {
        or_empty_map(self.spec)
    }

    /// The metadata; an empty map where the document has none.
    pub(super) fn metadata(&self) -> View<'a> {
        self.metadata.map_or(View::Json(&EMPTY_MAP), or_empty_map)
    }

    /// The value of an annotation; the empty string where it is null.
    pub(super) fn annotation(&self, name: &str) -> Option<View<'a>> {
        Some(or_empty_string(
            self.metadata?.get("annotations")?.get(name)?,
        ))
    }

    /// All containers in the order Kubernetes' evaluator visits them.
    pub fn containers(&self) -> impl Iterator<Item = Container<'a>> + use<'a> {
        let spec = self.spec;
        ContainerList::ALL.into_iter().flat_map(move |list| {
            let items = spec.get(list.key()).map(View::items);
            items
                .into_iter()
                .flatten()
                .enumerate()
                .map(move |(index, view)| Container {
                    view: or_empty_map(view),
                    is_null: view.is_null(),
                    list,
                    index,
                })
        })
    }

    /// The parts that must be maps or lists and are neither, before any policy looks into them:
    /// pointer and what is required there. Kubernetes cannot decode such a pod at all.
    pub(super) fn misshapen(&self) -> Vec<Misshapen> {
        let mut found = Vec::new();
        let mut ask = |view: View<'_>, pointer: &dyn Fn() -> String, required| {
            let kind = view.value_type();
            if kind != required && kind != Type::Null {
                found.push(Misshapen {
                    pointer: pointer(),
                    found: kind,
                    required,
                });
            }
        };
        ask(self.spec, &|| self.spec_pointer.to_owned(), Type::Map);
        if let Some(metadata) = self.metadata {
            ask(metadata, &|| self.metadata_pointer.to_owned(), Type::Map);
        }
        for list in ContainerList::ALL {
            if let Some(view) = self.spec.get(list.key()) {
                ask(
                    view,
                    &|| format!("{}/{}", self.spec_pointer, list.key()),
                    Type::Seq,
                );
            }
        }
        for container in self.containers() {
            ask(container.view, &|| container.pointer(self), Type::Map);
        }
        found
    }

    /// Whether everything is a map or a list that must be one.
    pub(super) fn is_well_shaped(&self) -> bool {
        let fits = |view: View<'_>, required| matches!(view.value_type(), kind if kind == required || kind == Type::Null);
        fits(self.spec, Type::Map)
            && self
                .metadata
                .is_none_or(|metadata| fits(metadata, Type::Map))
            && ContainerList::ALL.iter().all(|list| {
                self.spec
                    .get(list.key())
                    .is_none_or(|view| fits(view, Type::Seq))
            })
            && self
                .containers()
                .all(|container| fits(container.view, Type::Map))
    }
}

/// A part of a pod that has the wrong JSON type.
pub(super) struct Misshapen {
    pub pointer: String,
    pub found: Type,
    pub required: Type,
}

/// One container of a pod.
#[derive(Clone, Copy, Debug)]
pub struct Container<'a> {
    /// The container; an empty map where the document says null.
    pub view: View<'a>,
    /// Whether the document says null.
    pub is_null: bool,
    /// The list it stands in.
    pub list: ContainerList,
    /// Its place in the list.
    pub index: usize,
}

impl<'a> Container<'a> {
    /// The container's name; empty where it has none.
    pub fn name(&self) -> Cow<'a, str> {
        self.view
            .get("name")
            .and_then(View::as_str)
            .unwrap_or_default()
    }

    /// The container's JSON Pointer from the document's root.
    pub fn pointer(&self, pod: &PodTarget<'_>) -> String {
        format!("{}/{}/{}", pod.spec_pointer, self.list.key(), self.index)
    }
}

/// A whole object, for policies that are not about pods.
#[derive(Clone, Copy, Debug)]
pub struct ObjectTarget<'a> {
    /// The object.
    pub root: View<'a>,
    /// Where it lies in its document: empty, or `/items/N` inside a List.
    pub pointer: &'a str,
    /// Its API group; empty for the core group.
    pub group: &'a str,
    /// Its kind.
    pub kind: &'a str,
}
