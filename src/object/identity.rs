//! Which object it is: group, kind, namespace, name, and the hook events it answers to.

use std::fmt;

use crate::manifest::View;
use crate::manifest::view::Type;

/// The annotation under which Helm 4 tells a post-renderer the template of a document
/// (helm.sh/helm/v4, pkg/action/action.go).
pub const HELM4_FILENAME: &str = "postrenderer.helm.sh/postrender-filename";

/// The annotation that makes an object a Helm hook.
pub const HOOK: &str = "helm.sh/hook";

/// What an object is called, as the API server tells objects apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// `apps/v1`, `v1`.
    pub api_version: String,
    /// `Deployment`.
    pub kind: String,
    /// The namespace written in the object; none means the release's.
    pub namespace: Option<String>,
    /// `metadata.name`; empty when it has none.
    pub name: String,
    /// The value of `helm.sh/hook`. A hook and a template may share kind and name: Helm keeps
    /// them apart, and so must we.
    pub hook: Option<String>,
}

impl Identity {
    /// Reads `metadata` of an object. The error is the pointer of a field that is no string.
    pub fn read(
        object: View<'_>,
        api_version: String,
        kind: String,
    ) -> Result<Identity, &'static str> {
        let meta = match object.get("metadata") {
            Some(meta) if meta.value_type() == Type::Map => Some(meta),
            Some(meta) if !meta.is_null() => return Err("/metadata"),
            _ => None,
        };
        let field = |key: &str, at: &'static str| match meta.and_then(|m| m.get(key)) {
            Some(value) if !value.is_null() => {
                value.as_str().map(|s| Some(s.into_owned())).ok_or(at)
            }
            _ => Ok(None),
        };
        let hook = meta
            .and_then(|m| m.get("annotations"))
            .and_then(|a| a.get(HOOK))
            .and_then(|h| h.as_str())
            .map(|h| h.into_owned());
        Ok(Identity {
            api_version,
            kind,
            namespace: field("namespace", "/metadata/namespace")?.filter(|n| !n.is_empty()),
            name: field("name", "/metadata/name")?.unwrap_or_default(),
            hook,
        })
    }

    /// The API group: empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version
            .split_once('/')
            .map_or("", |(group, _)| group)
    }

    /// Whether Helm runs this object as a hook.
    pub fn is_hook(&self) -> bool {
        self.hook.is_some()
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}
