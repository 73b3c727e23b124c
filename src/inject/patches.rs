//! The platform's own edits, for the objects their targets select.

use regex::Regex;

use super::Draft;
use crate::manifest::edit::{EditError, Operation};
use crate::manifest::view::Type;
use crate::object::selector::Selector;
use crate::object::{Object, immutable};
use crate::platform::hardening::{Patch, Target};

/// The policy under which a patch's edits are reported.
pub const POLICY: &str = "platform/patch";

/// A patch whose target is ready to match.
#[derive(Clone, Debug)]
pub struct Prepared {
    target: Matcher,
    /// The target as people wrote it.
    words: String,
    operations: Vec<Operation>,
}

#[derive(Clone, Debug)]
struct Matcher {
    group: Option<Regex>,
    version: Option<Regex>,
    kind: Option<Regex>,
    name: Option<Regex>,
    namespace: Option<Regex>,
    labels: Option<Selector>,
    annotations: Option<Selector>,
}

/// A mistake in a patch: the pointer to the field, from the patch, and the reason.
pub type Mistake = (String, String);

/// Prepares a patch.
///
/// # Errors
/// The first field that is wrong: a path that is no JSON Pointer, an operation that reaches a
/// selector or another immutable field, `move` or `copy` (running them twice would not give the
/// same), a bad expression.
pub fn prepare(patch: &Patch) -> Result<Prepared, Mistake> {
    for (index, operation) in patch.patch.iter().enumerate() {
        let at = |reason: String| (format!("/patch/{index}"), reason);
        if !operation.path().is_empty() && !operation.path().starts_with('/') {
            let reason = "must be a JSON Pointer, which starts with /";
            return Err((format!("/patch/{index}/path"), reason.into()));
        }
        match operation {
            Operation::Move { .. } | Operation::Copy { .. } => {
                return Err(at("move and copy give something else when run twice: use add, replace, remove or test".into()));
            }
            Operation::Test { .. } => {}
            Operation::Add { path, .. }
            | Operation::Replace { path, .. }
            | Operation::Remove { path } => {
                if let Some(field) = immutable::reached(path) {
                    return Err(at(format!(
                        "{field} is immutable or selects pods: a patch may not change it"
                    )));
                }
            }
        }
    }
    Ok(Prepared {
        target: Matcher::new(&patch.target)?,
        words: words(&patch.target),
        operations: patch.patch.clone(),
    })
}

/// A target in a line, as it stands in the platform file.
fn words(target: &Target) -> String {
    let fields = [
        ("group", &target.group),
        ("version", &target.version),
        ("kind", &target.kind),
        ("name", &target.name),
        ("namespace", &target.namespace),
        ("labelSelector", &target.label_selector),
        ("annotationSelector", &target.annotation_selector),
    ];
    let fields = fields
        .into_iter()
        .filter_map(|(name, own)| Some(format!("{name}: {}", own.as_ref()?)));
    fields.collect::<Vec<_>>().join(", ")
}

impl Prepared {
    /// Whether the patch is for an object; `release_namespace` is for those that name none.
    pub fn selects(&self, object: &Object<'_>, release_namespace: Option<&str>) -> bool {
        self.target.selects(object, release_namespace)
    }

    /// What to tell people where the patch was for no object at all.
    pub fn selects_nothing(&self) -> String {
        format!(
            "the patch for {{{}}} is for no object here; its fields are regular expressions that have to match a whole name",
            self.words
        )
    }
}

impl Matcher {
    fn new(target: &Target) -> Result<Matcher, Mistake> {
        let regex = |field: &str, pattern: &Option<String>| match pattern {
            None => Ok(None),
            Some(pattern) => Regex::new(&format!("^(?:{pattern})$"))
                .map(Some)
                .map_err(|_| {
                    (
                        format!("/target/{field}"),
                        format!("`{pattern}` is not a regular expression"),
                    )
                }),
        };
        let selector = |field: &str, text: &Option<String>| match text {
            None => Ok(None),
            Some(text) => Selector::parse(text)
                .map(Some)
                .map_err(|e| (format!("/target/{field}"), e)),
        };
        Ok(Matcher {
            group: regex("group", &target.group)?,
            version: regex("version", &target.version)?,
            kind: regex("kind", &target.kind)?,
            name: regex("name", &target.name)?,
            namespace: regex("namespace", &target.namespace)?,
            labels: selector("labelSelector", &target.label_selector)?,
            annotations: selector("annotationSelector", &target.annotation_selector)?,
        })
    }

    fn selects(&self, object: &Object<'_>, release_namespace: Option<&str>) -> bool {
        let id = &object.identity;
        let version = id
            .api_version
            .rsplit_once('/')
            .map_or(id.api_version.as_str(), |(_, v)| v);
        let namespace = id
            .namespace
            .as_deref()
            .or(release_namespace)
            .unwrap_or_default();
        let fits =
            |regex: &Option<Regex>, text: &str| regex.as_ref().is_none_or(|r| r.is_match(text));
        let meta = |key: &str| object.view.get("metadata").and_then(|m| m.get(key));
        let chosen = |selector: &Option<Selector>, key: &str| {
            selector.as_ref().is_none_or(|s| s.matches(meta(key)))
        };
        fits(&self.group, id.group())
            && fits(&self.version, version)
            && fits(&self.kind, &id.kind)
            && fits(&self.name, &id.name)
            && fits(&self.namespace, namespace)
            && chosen(&self.labels, "labels")
            && chosen(&self.annotations, "annotations")
    }
}

/// Applies every patch whose target selects the object. A patch whose `test` does not hold is
/// left out for that object; what an operation wants that is so already is not done again.
pub fn inject(
    draft: &mut Draft<'_>,
    object: &Object<'_>,
    patches: &[Prepared],
    release_namespace: Option<&str>,
) -> Result<(), EditError> {
    for patch in patches
        .iter()
        .filter(|patch| patch.selects(object, release_namespace))
    {
        for operation in &patch.operations {
            match step(draft, &object.pointer, operation) {
                Step::Done => {}
                Step::Leave => break,
                Step::Apply(operation) => draft.apply(POLICY, operation)?,
            }
        }
    }
    Ok(())
}

/// What to do about one operation.
enum Step {
    /// The object is that way already.
    Done,
    /// The patch's condition does not hold.
    Leave,
    /// It has to be applied.
    Apply(Operation),
}

fn step(draft: &Draft<'_>, object: &str, operation: &Operation) -> Step {
    let at = format!("{object}{}", operation.path());
    let is = |pointer: &str, value: &serde_json::Value| {
        draft.at(pointer).is_some_and(|v| v.to_json() == *value)
    };
    match operation {
        Operation::Test { value, .. } if is(&at, value) => Step::Done,
        Operation::Test { .. } => Step::Leave,
        Operation::Remove { .. } if draft.at(&at).is_none() => Step::Done,
        Operation::Remove { .. } => Step::Apply(Operation::Remove { path: at }),
        Operation::Add { value, .. } | Operation::Replace { value, .. } if is(&at, value) => {
            Step::Done
        }
        Operation::Add { value, .. } if list_holds(draft, &at, value) => Step::Done,
        Operation::Add { value, .. } => Step::Apply(Operation::Add {
            path: at,
            value: value.clone(),
        }),
        Operation::Replace { value, .. } => Step::Apply(Operation::Replace {
            path: at,
            value: value.clone(),
        }),
        Operation::Move { .. } | Operation::Copy { .. } => Step::Done,
    }
}

/// Whether `at` is a place in a list that holds the value already.
fn list_holds(draft: &Draft<'_>, at: &str, value: &serde_json::Value) -> bool {
    let list = at.rsplit_once('/').and_then(|(list, _)| draft.at(list));
    list.is_some_and(|list| {
        list.value_type() == Type::Seq && list.items().any(|item| item.to_json() == *value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(patch: &str) -> Result<Prepared, Mistake> {
        prepare(&serde_json::from_str(patch).unwrap())
    }

    #[test]
    fn a_path_is_a_json_pointer() {
        let patch = r#"{"target": {}, "patch": [{"op": "remove", "path": "spec/x"}]}"#;
        let (place, reason) = prepared(patch).unwrap_err();
        assert_eq!(place, "/patch/0/path");
        assert_eq!(reason, "must be a JSON Pointer, which starts with /");
    }

    #[test]
    fn a_patch_names_its_target_as_it_is_written() {
        let patch = r#"{"target": {"kind": "deploy", "name": "web*"}, "patch": []}"#;
        let told = prepared(patch).unwrap().selects_nothing();
        assert!(
            told.starts_with("the patch for {kind: deploy, name: web*} is for no object"),
            "{told}"
        );
    }
}
