//! The text of ConfigMaps and Secrets that a workload uses, read when it is asked for.

use std::cell::RefCell;
use std::rc::Rc;

use foldhash::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::ObjectRef;
use super::build::Namespace;
use crate::inject::network::facts::{Facts, Stored};
use crate::inject::network::texts::Text;
use crate::manifest::view::escape;
use crate::manifest::{Document, View};

/// One key of a ConfigMap or Secret.
#[derive(Debug)]
pub struct Entry {
    /// The key.
    pub key: Text,
    /// The text behind it; decoded where the Secret holds base64.
    pub value: Text,
    /// JSON Pointer to it from the document's root.
    pub pointer: Text,
}

/// A ConfigMap or Secret.
#[derive(Debug)]
pub struct Content {
    /// The object.
    pub object: ObjectRef,
    /// Its keys.
    pub entries: Vec<Entry>,
}

impl Content {
    /// The entry of that key.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| *entry.key == *key)
    }
}

/// Reads each ConfigMap and Secret at most once.
pub struct Store<'a> {
    by_name: HashMap<(Stored, Text, &'a str), &'a ObjectRef>,
    load: &'a dyn Fn(usize) -> Option<&'a str>,
    read: RefCell<HashMap<&'a ObjectRef, Option<Rc<Content>>>>,
}

impl<'a> Store<'a> {
    /// A store over the facts' ConfigMaps and Secrets.
    pub fn new(
        facts: &'a Facts,
        load: &'a dyn Fn(usize) -> Option<&'a str>,
        namespace: Namespace<'_>,
    ) -> Store<'a> {
        let stored = facts.stored.iter();
        let by_name = stored
            .map(|((kind, written, name), object)| ((*kind, namespace(written), &**name), object));
        Store {
            by_name: by_name.collect(),
            load,
            read: RefCell::default(),
        }
    }

    /// What a ConfigMap or Secret of the release holds; `None` when the release has none of that
    /// name.
    pub fn get(&self, kind: Stored, namespace: &Text, name: &'a str) -> Option<Rc<Content>> {
        let object = *self.by_name.get(&(kind, namespace.clone(), name))?;
        let mut read = self.read.borrow_mut();
        let content = read
            .entry(object)
            .or_insert_with(|| (self.load)(object.document).and_then(|text| content(text, object)));
        content.clone()
    }
}

/// Reads one object again from its document's text.
fn content(text: &str, object: &ObjectRef) -> Option<Rc<Content>> {
    let document = Document::parse(text).ok()?;
    let view = View::Node(document.root()?).pointer(&object.pointer)?;
    let mut entries = Vec::new();
    let encoded = object.kind == "Secret";
    // `stringData` wins over `data`, as in the API server.
    for (field, encoded) in [("stringData", false), ("data", encoded)] {
        for (key, value) in view.get(field).into_iter().flat_map(View::entries) {
            let pointer = format!("{}/{field}/{}", object.pointer, escape(&key));
            let value = value.as_str().and_then(|value| match encoded {
                true => decode(&value),
                false => Some(value.into_owned()),
            });
            if let Some(value) = value
                && !entries.iter().any(|entry: &Entry| *entry.key == *key)
            {
                entries.push(Entry {
                    key: Text::from(key),
                    value: Text::from(value),
                    pointer: Text::from(pointer),
                });
            }
        }
    }
    let object = object.clone();
    Some(Rc::new(Content { object, entries }))
}

/// The text behind base64; `None` for what is no text.
fn decode(value: &str) -> Option<String> {
    let value: String = value.split_whitespace().collect();
    String::from_utf8(STANDARD.decode(value).ok()?).ok()
}
