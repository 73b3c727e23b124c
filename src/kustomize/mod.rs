//! What the filter changes in a release, as patches for kustomize: for hosts whose only post-renderer
//! is kustomize, such as Flux's Helm controller.
//!
//! Objects before and after are held against each other ([`changes`]); `operations` says what makes one
//! value of another, `target` how kustomize finds the object, `text` writes it all down. What kustomize
//! does with a patch is in `PatchTransformer`, `resmap.Select` and `Selector` of
//! sigs.k8s.io/kustomize/api v0.21.

mod operations;
mod target;
mod text;

use std::collections::{BTreeMap, VecDeque};

use foldhash::HashMap;
use serde_json::Value;

use crate::manifest::{Document, Kind, Node, Operation, ParseError, Style, View, split};
use crate::object::identity::HELM4_FILENAME;
use crate::object::{self, Identity};
use target::{Names, Target};

/// Objects with this annotation are never in kustomize's output (`IgnoredByKustomizeAnnotation`).
const LOCAL_CONFIG: &str = "config.kubernetes.io/local-config";

/// What makes one release of another.
#[derive(Debug, Default)]
pub struct Changes {
    /// What kustomize can do, in the order of the stream.
    patches: Vec<Patch>,
    /// What a patch cannot do.
    pub left_out: Vec<LeftOut>,
    /// The objects that only the later release has.
    added: Vec<Value>,
}

/// A change of one object.
#[derive(Debug)]
struct Patch {
    target: Target,
    change: Change,
}

#[derive(Debug)]
enum Change {
    Edit(Vec<Operation>),
    Delete(Identity),
}

/// An object whose change is not among the patches.
#[derive(Debug)]
pub struct LeftOut {
    /// Which object.
    pub object: Identity,
    /// Why, as a clause.
    pub reason: &'static str,
}

/// An object of a stream.
struct Object {
    identity: Identity,
    value: Value,
    /// Whether its document has a key twice.
    key_twice: bool,
    /// Whether its document has a word that kustomize takes for something else than Kubernetes does.
    ambiguous: bool,
}

/// Holds two streams of manifests against each other. `namespace` is given to added objects that have
/// none.
///
/// # Errors
/// A stream cannot be read.
pub fn changes(before: &str, after: &str, namespace: Option<&str>) -> Result<Changes, ParseError> {
    let (before, after) = (objects(before)?, objects(after)?);
    let names = Names::of(before.iter().map(|object| &object.identity));
    let mut left: HashMap<&Identity, VecDeque<&Object>> = HashMap::default();
    for object in &after {
        left.entry(&object.identity).or_default().push_back(object);
    }
    let mut changes = Changes::default();
    for object in &before {
        let now = left.get_mut(&object.identity);
        let now = now.and_then(VecDeque::pop_front);
        changes.compare(object, now.map(|now| &now.value), &names);
    }
    for object in &after {
        let queue = left.get_mut(&object.identity);
        if queue.and_then(VecDeque::pop_front).is_some() {
            changes.add(object, namespace);
        }
    }
    Ok(changes)
}

impl Changes {
    /// Whether the later release has new objects.
    pub fn adds(&self) -> bool {
        !self.added.is_empty()
    }

    /// Notes what becomes of an object; `now` is none where it goes.
    fn compare<'a>(&mut self, object: &'a Object, now: Option<&Value>, names: &Names<'a>) {
        if now.is_some_and(|now| *now == object.value) {
            return;
        }
        let identity = &object.identity;
        if let Some(reason) = out_of_reach(object, names) {
            let object = identity.clone();
            return self.left_out.push(LeftOut { object, reason });
        }
        self.patches.push(Patch {
            target: names.target(identity),
            change: match now {
                Some(now) => Change::Edit(operations::between(&object.value, now)),
                None => Change::Delete(identity.clone()),
            },
        });
    }

    fn add(&mut self, object: &Object, namespace: Option<&str>) {
        self.left_out.push(LeftOut {
            object: object.identity.clone(),
            reason: "it is new, and no patch of kustomize adds an object",
        });
        let mut value = object.value.clone();
        if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            let annotations = metadata.get_mut("annotations");
            if let Some(annotations) = annotations.and_then(Value::as_object_mut) {
                annotations.remove(HELM4_FILENAME);
                if annotations.is_empty() {
                    metadata.remove("annotations");
                }
            }
            if let Some(namespace) = namespace {
                let own = metadata.entry("namespace");
                own.or_insert_with(|| Value::String(namespace.to_owned()));
            }
        }
        self.added.push(value);
    }
}

/// Why kustomize cannot patch an object, where it cannot.
fn out_of_reach<'a>(object: &'a Object, names: &Names<'a>) -> Option<&'static str> {
    let annotations = object.value.pointer("/metadata/annotations");
    let local = annotations.and_then(|own| own.get(LOCAL_CONFIG));
    if object.key_twice {
        Some("it has a key twice, and kustomize refuses a release with such an object")
    } else if object.identity.name.is_empty() {
        Some("it has no name, and kustomize refuses a release with such an object")
    } else if names.shared(&object.identity) {
        Some(
            "another object has its kind, name and namespace, and kustomize refuses a release with both",
        )
    } else if object.ambiguous {
        Some(
            "it has a word like `on` or a date without quotes, which kustomize changes when it patches",
        )
    } else if local.is_some_and(|local| local != "false") {
        Some("kustomize leaves objects with the annotation config.kubernetes.io/local-config out")
    } else {
        None
    }
}

/// Whether a document has a scalar that kustomize writes back as another value than Kubernetes reads: to
/// its YAML 1.2 `yes` is a text and `2026-01-31` a moment (`resolve` of go.yaml.in/yaml/v3).
fn is_ambiguous(document: &Document<'_>) -> bool {
    let nodes = document.root().map_or(0, |root| root.raw().next);
    let mut nodes = (0..nodes).map(|id| document.node(id));
    nodes.any(|node| {
        let plain = node.raw().kind == Kind::Scalar && node.raw().style == Style::Plain;
        plain && node.tag().is_none() && (is_boolean_word(node) || is_date(node.source()))
    })
}

fn is_boolean_word(node: Node<'_>) -> bool {
    let word = node.source();
    let common = ["true", "false"].iter();
    let mut common = common.map(|own| word.eq_ignore_ascii_case(own));
    View::Node(node).as_bool().is_some() && !common.any(|same| same)
}

/// Whether a text is a day such as `2026-01-31`, perhaps with a time behind it.
fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let (Some(year), Some(month), Some(day)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let time = day.trim_start_matches(|c: char| c.is_ascii_digit());
    year.len() == 4
        && matches!(month.len(), 1 | 2)
        && digits(year)
        && digits(month)
        && matches!(day.len() - time.len(), 1 | 2)
        && (time.is_empty() || time.starts_with(['T', 't', ' ']))
}

/// The objects of a stream. An alias may lead to an earlier document, as Helm 4 has it.
fn objects(stream: &str) -> Result<Vec<Object>, ParseError> {
    let mut anchors = BTreeMap::new();
    let mut objects = Vec::new();
    for span in split(stream)? {
        let document = Document::parse_with_anchors(span.text, &anchors)?;
        let found = document.root().map(|root| object::find(View::Node(root)));
        for object in found.and_then(Result::ok).unwrap_or_default() {
            objects.push(Object {
                value: object.view.to_json(),
                identity: object.identity,
                key_twice: !document.duplicate_keys().is_empty(),
                ambiguous: is_ambiguous(&document),
            });
        }
        let defined: Vec<_> = document.anchors().collect();
        drop(document);
        anchors.extend(defined);
    }
    Ok(objects)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kustomize_cannot_patch_is_listed() {
        let map = "apiVersion: v1\nkind: ConfigMap\n";
        let named = "metadata: {name: a}\n";
        for (object, why) in [
            (format!("{map}{named}data: {{a: b}}\n"), None),
            (
                format!("{map}{named}data: {{a: \"on\", b: 'true'}}\n"),
                None,
            ),
            (format!("{map}{named}data: {{a: yes}}\n"), Some("`on`")),
            (format!("{map}{named}data: {{on: b}}\n"), Some("`on`")),
            (
                format!("{map}{named}data: {{a: 2026-01-31}}\n"),
                Some("date"),
            ),
            (
                format!("{map}{named}data: {{a: 2026-01-31-a, b: 1-2-3}}\n"),
                None,
            ),
            (
                format!("{map}{named}data: {{a: b, a: b}}\n"),
                Some("a key twice"),
            ),
            (
                format!("{map}metadata: {{generateName: a}}\n"),
                Some("no name"),
            ),
            (
                format!("{map}metadata: {{name: a, annotations: {{{LOCAL_CONFIG}: 'true'}}}}\n"),
                Some("local-config"),
            ),
            (
                format!(
                    "{map}{named}---\n{map}metadata: {{name: a, annotations: {{helm.sh/hook: test}}}}\n"
                ),
                Some("another object"),
            ),
        ] {
            let after = object.replace("ConfigMap\n", "ConfigMap\nimmutable: true\n");
            let changes = changes(&object, &after, None).unwrap();
            let listed = changes.left_out.first().map(|own| own.reason);
            match why {
                None => assert_eq!((changes.patches.len(), listed), (1, None), "{object}"),
                Some(why) => {
                    assert!(
                        listed.is_some_and(|own| own.contains(why)),
                        "{object}{listed:?}"
                    );
                    assert!(changes.patches.is_empty(), "{object}");
                }
            }
        }
    }

    #[test]
    fn a_name_cannot_write_patches() {
        let object =
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: \"a\\n- target: {kind: Pod}\"\n";
        let text = changes("", object, None).unwrap().patches().unwrap();
        assert_eq!(text.lines().count(), 4, "{text}");
    }

    #[test]
    fn an_added_object_goes_to_the_namespace_of_the_release() {
        let object = |own: &str| {
            format!(
                "apiVersion: v1\nkind: Pod\nmetadata: {{name: a, annotations: {{{HELM4_FILENAME}: f}}{own}}}\n"
            )
        };
        for (own, want) in [("", "shop"), (", namespace: own", "own")] {
            let changes = changes("", &object(own), Some("shop")).unwrap();
            let added = changes.added().unwrap();
            let want = format!(
                "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  namespace: {want}\n"
            );
            assert!(added.ends_with(&want), "{added}");
        }
    }
}
