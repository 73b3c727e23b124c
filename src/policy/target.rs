//! What a policy is asked about: a pod with its containers, or an object.

use std::borrow::Cow;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::model::ContainerList;
use crate::manifest::View;
use crate::manifest::view::Type;
use crate::object::Alone;

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
    /// `spec` is no pod spec but containers alone, as some custom kinds have them.
    pub alone: Option<Alone>,
    /// The map that holds what such containers inherit from a pod, where there is one.
    pub inherited: Option<View<'a>>,
    /// The metadata of the pod or pod template, where it has any.
    pub metadata: Option<View<'a>>,
    /// Where the pod spec lies, as a JSON Pointer from the document's root.
    pub spec_pointer: &'a str,
    /// Where the metadata lies or would lie, as a JSON Pointer from the document's root.
    pub metadata_pointer: &'a str,
}

impl<'a> PodTarget<'a> {
    /// The pod spec; an empty map where the document says null, or has none.
    pub(super) fn spec(&self) -> View<'a> {
        let spec = match self.alone {
            None => Some(self.spec),
            Some(_) => self.inherited,
        };
        spec.map_or(View::Json(&EMPTY_MAP), or_empty_map)
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
    pub fn containers(&self) -> Vec<Container<'a>> {
        self.containers_in(self.lists())
    }

    /// The lists of containers that the pod spec has.
    fn lists(&self) -> [Option<View<'a>>; 3] {
        let spec = self.spec();
        ContainerList::ALL.map(|list| spec.get(list.key()))
    }

    fn containers_in(&self, lists: [Option<View<'a>>; 3]) -> Vec<Container<'a>> {
        let mut found = Vec::with_capacity(4);
        for (list, items) in ContainerList::ALL.into_iter().zip(lists) {
            let items = match (self.alone, list) {
                (None, _) => items,
                (Some(Alone::List), ContainerList::Containers) => Some(self.spec),
                (Some(_), _) => None,
            };
            let items = items.into_iter().flat_map(View::items).enumerate();
            found.extend(items.map(|(index, view)| Container::new(view, list, index)));
        }
        if self.alone == Some(Alone::One) {
            found.push(Container::new(self.spec, ContainerList::Containers, 0));
        }
        found
    }
}

/// A pod taken apart once, so that many rules can be asked about its parts.
pub(super) struct Pod<'p, 'a> {
    pub target: &'p PodTarget<'a>,
    pub spec: View<'a>,
    pub containers: Vec<Container<'a>>,
    lists: [Option<View<'a>>; 3],
}

impl<'p, 'a> Pod<'p, 'a> {
    pub fn new(target: &'p PodTarget<'a>) -> Pod<'p, 'a> {
        let lists = target.lists();
        Pod {
            target,
            spec: target.spec(),
            containers: target.containers_in(lists),
            lists,
        }
    }

    /// Calls back with every part that must be a map or a list before any policy looks into it,
    /// until the callback says `false`; whether it never did.
    fn each_part(&self, ask: &mut dyn FnMut(View<'a>, Type, Part<'_, 'a>) -> bool) -> bool {
        let PodTarget { spec, metadata, .. } = *self.target;
        let kind = match self.target.alone {
            Some(Alone::List) => Type::Seq,
            Some(Alone::One) | None => Type::Map,
        };
        let mut lists = ContainerList::ALL.into_iter().zip(self.lists);
        ask(spec, kind, Part::Spec)
            && metadata.is_none_or(|view| ask(view, Type::Map, Part::Metadata))
            && lists
                .all(|(list, view)| view.is_none_or(|view| ask(view, Type::Seq, Part::List(list))))
            && self
                .containers
                .iter()
                .all(|own| ask(own.view, Type::Map, Part::Container(own)))
    }

    /// Whether everything is a map or a list that must be one.
    pub fn is_well_shaped(&self) -> bool {
        self.each_part(&mut |view, required, _| fits(view, required))
    }

    /// The parts that must be a map or a list and are neither. Kubernetes cannot decode such a pod
    /// at all.
    pub fn misshapen(&self) -> Vec<Misshapen> {
        let pod = self.target;
        let mut found = Vec::new();
        self.each_part(&mut |view, required, part| {
            if !fits(view, required) {
                let pointer = match part {
                    Part::Spec => pod.spec_pointer.to_owned(),
                    Part::Metadata => pod.metadata_pointer.to_owned(),
                    Part::List(list) => format!("{}/{}", pod.spec_pointer, list.key()),
                    Part::Container(container) => container.pointer(pod),
                };
                found.push(Misshapen {
                    pointer,
                    found: view.value_type(),
                    required,
                });
            }
            true
        });
        found
    }
}

fn fits(view: View<'_>, required: Type) -> bool {
    let kind = view.value_type();
    kind == required || kind == Type::Null
}

/// A part of a pod that must be a map or a list.
enum Part<'p, 'a> {
    Spec,
    Metadata,
    List(ContainerList),
    Container(&'p Container<'a>),
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
    fn new(view: View<'a>, list: ContainerList, index: usize) -> Container<'a> {
        Container {
            view: or_empty_map(view),
            is_null: view.is_null(),
            list,
            index,
        }
    }

    /// The container's name; empty where it has none.
    pub fn name(&self) -> Cow<'a, str> {
        self.view
            .get("name")
            .and_then(View::as_str)
            .unwrap_or_default()
    }

    /// The name by which people know the container: that of the member that holds it where it stands
    /// alone and has none.
    pub fn label<'l>(&self, pod: &PodTarget<'l>) -> Cow<'l, str>
    where
        'a: 'l,
    {
        let name = self.name();
        match pod.alone {
            Some(Alone::One) if name.is_empty() => {
                let member = pod.spec_pointer.rsplit('/').next();
                Cow::Borrowed(member.unwrap_or_default())
            }
            _ => name,
        }
    }

    /// The container's JSON Pointer from the document's root.
    pub fn pointer(&self, pod: &PodTarget<'_>) -> String {
        let index = self.index.to_string();
        match pod.alone {
            Some(Alone::One) => pod.spec_pointer.to_owned(),
            Some(Alone::List) => [pod.spec_pointer, &index].join("/"),
            None => [pod.spec_pointer, self.list.key(), &index].join("/"),
        }
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
