//! Whom a patch is for, in kustomize's way: regular expressions, each for the whole of a field.

use foldhash::HashMap;

use crate::object::Identity;

/// The namespace that kustomize thinks objects without one are in.
const DEFAULT_NAMESPACE: &str = "default";

/// Matches the group of `v1`. An empty expression would match every group.
const NO_GROUP: &str = "^$";

/// What a patch's `target` says: fields and expressions, in the order of the file.
pub(super) type Target = Vec<(&'static str, String)>;

/// What tells objects apart but for their namespace: group, version, kind and name.
type Key<'a> = (&'a str, &'a str, &'a str);

/// The names of all objects of a release, each with the namespaces it stands in.
pub(super) struct Names<'a>(HashMap<Key<'a>, Vec<&'a str>>);

impl<'a> Names<'a> {
    pub(super) fn of(objects: impl Iterator<Item = &'a Identity>) -> Names<'a> {
        let mut names: HashMap<_, Vec<_>> = HashMap::default();
        for object in objects {
            names
                .entry(key(object))
                .or_default()
                .push(namespace(object));
        }
        Names(names)
    }

    /// Whether kustomize takes another object for the same: it knows nothing of hooks.
    pub(super) fn shared(&self, object: &'a Identity) -> bool {
        let same = |own: &&&str| **own == namespace(object);
        self.namespaces(object).iter().filter(same).count() > 1
    }

    /// The target that selects this object and no other of the release.
    ///
    /// The namespace is given only where it decides: one that a chart writes into a cluster-wide
    /// object is none for kustomize, and the target would select nothing.
    pub(super) fn target(&self, object: &'a Identity) -> Target {
        let (group, version) = match object.api_version.split_once('/') {
            Some((group, version)) => (quote(group), version),
            None => (NO_GROUP.to_owned(), object.api_version.as_str()),
        };
        let mut target = vec![
            ("group", group),
            ("version", quote(version)),
            ("kind", quote(&object.kind)),
            ("name", quote(&object.name)),
        ];
        if self.namespaces(object).len() > 1 {
            target.push(("namespace", quote(namespace(object))));
        }
        target
    }

    fn namespaces(&self, object: &'a Identity) -> &[&'a str] {
        self.0.get(&key(object)).map_or(&[], Vec::as_slice)
    }
}

fn key(object: &Identity) -> Key<'_> {
    (&object.api_version, &object.kind, &object.name)
}

fn namespace(object: &Identity) -> &str {
    object.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE)
}

/// A regular expression of Go that matches this text alone; kustomize anchors it itself.
fn quote(text: &str) -> String {
    let special = |c: char| r"\.+*?()|[]{}^$".contains(c);
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if special(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(api_version: &str, namespace: Option<&str>, hook: Option<&str>) -> Identity {
        Identity {
            api_version: api_version.into(),
            kind: "Service".into(),
            namespace: namespace.map(str::to_owned),
            name: "web.a".into(),
            hook: hook.map(str::to_owned),
        }
    }

    #[test]
    fn a_target_selects_one_object() {
        let core = identity("v1", None, None);
        let knative = identity("serving.knative.dev/v1", None, None);
        let other = identity("v1", Some("shop"), None);
        let alone = Names::of([&core].into_iter());
        let groups = Names::of([&core, &knative].into_iter());
        let namespaces = Names::of([&core, &other].into_iter());
        assert!(!namespaces.shared(&core));
        for (names, object, want) in [
            (&alone, &core, r"^$ v1 Service web\.a"),
            (&groups, &core, r"^$ v1 Service web\.a"),
            (
                &groups,
                &knative,
                r"serving\.knative\.dev v1 Service web\.a",
            ),
            (&namespaces, &core, r"^$ v1 Service web\.a default"),
            (&namespaces, &other, r"^$ v1 Service web\.a shop"),
        ] {
            let target: Vec<_> = names.target(object).into_iter().map(|own| own.1).collect();
            assert_eq!(target.join(" "), want);
        }
    }

    #[test]
    fn a_hook_and_a_template_of_one_name_are_the_same_to_kustomize() {
        let template = identity("v1", None, None);
        let hook = identity("v1", Some("default"), Some("pre-install"));
        let names = Names::of([&template, &hook].into_iter());
        assert!(names.shared(&template) && names.shared(&hook));
    }
}
