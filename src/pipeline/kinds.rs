//! Which kinds carry pod specs: the built-in table, then what the stream's own CRDs say.

use foldhash::HashMap;

use crate::manifest::Document;
use crate::object::pods::{self, PodPath, PodPlace};
use crate::object::{Object, builtin, carriers, crd};

/// What is known about kinds so far.
#[derive(Default)]
pub struct Kinds {
    /// Group and kind to the number of the document that defines it.
    definitions: HashMap<(String, String), usize>,
    /// Paths read from definitions, by group, kind and version.
    learned: HashMap<(String, String, String), Vec<PodPath>>,
}

/// Where an object's pod specs lie.
pub enum Places {
    /// Known, perhaps none.
    Known(Vec<PodPlace>),
    /// The kind is unknown; a CRD further down may tell.
    Ask,
}

impl Kinds {
    /// Remembers a CustomResourceDefinition.
    pub fn define(&mut self, number: usize, object: &Object<'_>) {
        if object.identity.kind == "CustomResourceDefinition"
            && let Some(key) = crd::defines(object.view)
        {
            self.definitions.insert(key, number);
        }
    }

    /// The pod specs of an object. `last`: no further definition will come, so what is still
    /// unknown is looked at for what seems to be a pod spec.
    pub fn places(
        &mut self,
        object: &Object<'_>,
        last: bool,
        load: &dyn Fn(usize) -> Option<String>,
    ) -> Places {
        let id = &object.identity;
        let builtin = builtin::is_group(id.group());
        let table = if builtin {
            carriers::kubernetes()
        } else {
            carriers::custom()
        };
        if let Some(paths) = table.paths(id.group(), &id.kind) {
            return Places::Known(pods::places(object.view, paths));
        }
        if builtin {
            let none = builtin::has_no_pods(id.group(), &id.kind);
            let places = if none {
                Vec::new()
            } else {
                pods::guess(object.view)
            };
            return Places::Known(places);
        }
        if !last {
            return Places::Ask;
        }
        let paths = self.learn(id.group(), &id.kind, &id.api_version, load);
        if paths.is_empty() {
            return Places::Known(pods::guess(object.view));
        }
        Places::Known(pods::places(object.view, paths))
    }

    fn learn(
        &mut self,
        group: &str,
        kind: &str,
        api_version: &str,
        load: &dyn Fn(usize) -> Option<String>,
    ) -> &[PodPath] {
        let version = api_version
            .rsplit_once('/')
            .map_or(api_version, |(_, version)| version);
        let key = (group.to_owned(), kind.to_owned());
        let number = self.definitions.get(&key).copied();
        self.learned
            .entry((key.0, key.1, version.to_owned()))
            .or_insert_with(|| {
                let Some(text) = number.and_then(load) else {
                    return Vec::new();
                };
                let Ok(document) = Document::parse(&text) else {
                    return Vec::new();
                };
                let objects = document
                    .root()
                    .and_then(|root| crate::object::find(crate::manifest::View::Node(root)).ok());
                objects
                    .into_iter()
                    .flatten()
                    .filter(|o| crd::defines(o.view).is_some_and(|(g, k)| g == group && k == kind))
                    .flat_map(|o| crd::pod_paths(o.view, version))
                    .collect()
            })
    }
}
