//! The fixes of the policies, on a pod spec or a whole object.

use super::Draft;
use crate::manifest::View;
use crate::manifest::edit::{EditError, Operation};
use crate::object::{Alone, Object, PodPlace};
use crate::policy::exceptions::Exception;
use crate::policy::fix::{EditableObject, EditablePod};
use crate::policy::{Evaluator, ObjectTarget, PodTarget};

/// A value for a pod that has no spec at all.
static NOTHING: serde_json::Value = serde_json::Value::Null;

/// The pointers of one pod spec in a document.
#[derive(Clone, Debug)]
pub struct PodPointers {
    /// The pod spec, or the containers where there is no more than those.
    pub spec: String,
    /// How the containers stand where there is no pod spec.
    pub alone: Option<Alone>,
    /// What they inherit from then.
    pub inherits: Option<String>,
    /// The metadata beside it, whether it exists or not.
    pub metadata: Option<String>,
}

impl PodPointers {
    /// The pointers of a place in an object.
    pub fn new(object: &Object<'_>, place: &PodPlace) -> PodPointers {
        PodPointers {
            spec: match &place.only {
                Some((member, _)) => format!("{}{}/{member}", object.pointer, place.spec),
                None => format!("{}{}", object.pointer, place.spec),
            },
            alone: place.only.as_ref().map(|(_, alone)| *alone),
            inherits: place
                .inherits
                .as_ref()
                .map(|pointer| format!("{}{pointer}", object.pointer)),
            metadata: place
                .template
                .as_ref()
                .map(|template| format!("{}{template}/metadata", object.pointer)),
        }
    }

    /// The pod as policies look at it.
    pub fn target<'a>(&'a self, root: View<'a>) -> PodTarget<'a> {
        let (spec, metadata) = self.spec_and_metadata(root);
        PodTarget {
            alone: self.alone,
            inherited: self.inherits.as_deref().and_then(|at| root.pointer(at)),
            spec: spec.unwrap_or(View::Json(&NOTHING)),
            metadata,
            spec_pointer: &self.spec,
            metadata_pointer: self.metadata.as_deref().unwrap_or_default(),
        }
    }

    /// Both lie beside each other in a template, which is looked up once.
    fn spec_and_metadata<'a>(&self, root: View<'a>) -> (Option<View<'a>>, Option<View<'a>>) {
        let Some(metadata) = self.metadata.as_deref() else {
            return (root.pointer(&self.spec), None);
        };
        match (
            self.spec.strip_suffix("/spec"),
            metadata.strip_suffix("/metadata"),
        ) {
            (Some(template), Some(other)) if template == other => {
                let template = root.pointer(template);
                let member = |key: &str| template.and_then(|template| template.get(key));
                (member("spec"), member("metadata"))
            }
            _ => (root.pointer(&self.spec), root.pointer(metadata)),
        }
    }
}

struct DraftPod<'a, 'd> {
    draft: &'a mut Draft<'d>,
    pointers: &'a PodPointers,
    exceptions: &'a [&'a Exception],
}

impl EditablePod for DraftPod<'_, '_> {
    type Error = EditError;

    fn pod(&self) -> PodTarget<'_> {
        self.pointers.target(self.draft.view())
    }

    fn is_excepted(&self, policy: &str, container: Option<&str>) -> bool {
        let mut own = self.exceptions.iter();
        own.any(|exception| exception.spares(policy, container))
    }

    fn apply(&mut self, policy: &str, operation: Operation) -> Result<(), EditError> {
        self.draft.apply(policy, operation)
    }
}

/// Fills what the policies ask of a pod, but for those that the object's exceptions spare it.
pub fn inject(
    draft: &mut Draft<'_>,
    pointers: &PodPointers,
    policies: &Evaluator,
    exceptions: &[&Exception],
) -> Result<(), EditError> {
    policies.harden(&mut DraftPod {
        draft,
        pointers,
        exceptions,
    })
}

struct DraftObject<'a, 'd> {
    draft: &'a mut Draft<'d>,
    object: &'a Object<'a>,
    exceptions: &'a [&'a Exception],
}

impl EditableObject for DraftObject<'_, '_> {
    type Error = EditError;

    fn object(&self) -> ObjectTarget<'_> {
        object_target(self.draft.view(), self.object)
    }

    fn is_excepted(&self, policy: &str) -> bool {
        let mut own = self.exceptions.iter();
        own.any(|exception| exception.spares(policy, None))
    }

    fn apply(&mut self, policy: &str, operation: Operation) -> Result<(), EditError> {
        self.draft.apply(policy, operation)
    }
}

/// An object as policies look at it.
pub fn object_target<'a>(root: View<'a>, object: &'a Object<'_>) -> ObjectTarget<'a> {
    ObjectTarget {
        root: root
            .pointer(&object.pointer)
            .unwrap_or(View::Json(&NOTHING)),
        pointer: &object.pointer,
        group: object.identity.group(),
        kind: &object.identity.kind,
    }
}

/// Fills what the policies ask of the object as a whole, but for those that its exceptions spare it.
pub fn inject_object(
    draft: &mut Draft<'_>,
    object: &Object<'_>,
    policies: &Evaluator,
    exceptions: &[&Exception],
) -> Result<(), EditError> {
    policies.harden_object(&mut DraftObject {
        draft,
        object,
        exceptions,
    })
}
