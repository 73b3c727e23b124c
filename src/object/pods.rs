//! Where an object carries pod specs.

use crate::manifest::View;
use crate::manifest::view::{Type, escape};
use crate::manifest::way::Way;

/// What lies at the end of a carrier's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// A pod template: `metadata` and `spec`. A Pod is one itself.
    Template,
    /// A pod spec alone.
    Spec,
    /// A list of containers alone.
    Containers,
    /// One container alone.
    Container,
}

/// How containers stand that have no pod spec around them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alone {
    /// In a list.
    List,
    /// By itself.
    One,
}

/// One step from an object down to a pod spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The member of that name.
    Key(String),
    /// Every item of a list, or every value of a map.
    Each,
}

/// A path from an object to its pod specs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodPath {
    /// The steps from the object's root.
    pub steps: Vec<Step>,
    /// What stands there.
    pub shape: Shape,
    /// The member without which it is no place: it is where there is something to look at.
    pub having: Option<String>,
    /// Pointer to the map whose fields of a pod spec hold for containers that stand alone.
    pub inherits: Option<String>,
}

/// One pod spec of an object, by pointers relative to the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodPlace {
    /// The template's pointer where there is one; its `metadata` holds the pods' labels.
    pub template: Option<String>,
    /// The pod spec's pointer; where containers stand alone, that of their list's parent or their own.
    pub spec: String,
    /// The member of `spec` that holds the containers, where they stand alone.
    pub only: Option<(String, Alone)>,
    /// The pointer of what such containers inherit from, where there is such a thing.
    pub inherits: Option<String>,
    /// Whether edits are allowed: not where the place was guessed.
    pub editable: bool,
}

impl PodPlace {
    /// A pod spec that was guessed from its looks.
    fn guess(spec: String) -> PodPlace {
        PodPlace {
            template: None,
            spec,
            only: None,
            inherits: None,
            editable: false,
        }
    }
}

impl PodPath {
    /// Whether a map lacks the member without which the path does not count.
    fn lacks_its_member(&self, view: View<'_>) -> bool {
        let own = self.having.as_deref().map(|member| view.get(member));
        own.is_some_and(is_absent)
    }
}

fn is_absent(member: Option<View<'_>>) -> bool {
    member.is_none_or(View::is_null)
}

/// The places an object's paths lead to. A path that ends at nothing (an absent optional
/// template) gives none.
pub fn places(object: View<'_>, paths: &[PodPath]) -> Vec<PodPlace> {
    let mut found = Vec::new();
    for path in paths {
        walk(object, &path.steps, String::new(), &mut |at, view| {
            match view.value_type() {
                Type::Null => {}
                Type::Map if path.lacks_its_member(view) => {}
                // A template may be there without a spec.
                Type::Map if path.shape == Shape::Template && is_absent(view.get("spec")) => {}
                Type::Map => found.push(place(at, path)),
                Type::Seq if path.shape == Shape::Containers => found.push(place(at, path)),
                // What should hold a pod spec and cannot: the policies say that its type is wrong.
                _ => found.push(spec(at)),
            }
        });
    }
    found
}

fn place(at: String, path: &PodPath) -> PodPlace {
    match path.shape {
        Shape::Template => PodPlace {
            spec: format!("{at}/spec"),
            template: Some(at),
            only: None,
            inherits: None,
            editable: true,
        },
        Shape::Spec => spec(at),
        Shape::Containers => alone(&at, Alone::List, path),
        Shape::Container => alone(&at, Alone::One, path),
    }
}

fn spec(at: String) -> PodPlace {
    PodPlace {
        template: None,
        spec: at,
        only: None,
        inherits: None,
        editable: true,
    }
}

fn alone(at: &str, alone: Alone, path: &PodPath) -> PodPlace {
    let (parent, member) = at.rsplit_once('/').unwrap_or(("", at));
    PodPlace {
        template: None,
        spec: parent.to_owned(),
        only: Some((member.to_owned(), alone)),
        inherits: path.inherits.clone(),
        editable: true,
    }
}

fn walk<'d>(view: View<'d>, steps: &[Step], at: String, found: &mut dyn FnMut(String, View<'d>)) {
    let Some((step, rest)) = steps.split_first() else {
        return found(at, view);
    };
    match step {
        Step::Key(_) if !matches!(view.value_type(), Type::Map | Type::Null) => found(at, view),
        Step::Key(key) => {
            if let Some(next) = view.get(key) {
                walk(next, rest, format!("{at}/{}", escape(key)), found);
            }
        }
        Step::Each if view.value_type() == Type::Map => {
            for (key, next) in view.entries() {
                walk(next, rest, format!("{at}/{}", escape(&key)), found);
            }
        }
        Step::Each => {
            for (index, next) in view.items().enumerate() {
                walk(next, rest, format!("{at}/{index}"), found);
            }
        }
    }
}

/// Pod specs guessed in an object of unknown kind: maps with a `containers` list whose items
/// have a name and an image. They may be checked, never edited.
pub fn guess(object: View<'_>) -> Vec<PodPlace> {
    let mut found = Vec::new();
    look(object, &Way::Root, &mut found);
    found
}

/// Nothing in the public kinds nests a pod spec deeper.
const MAX_GUESS_DEPTH: usize = 24;

fn look(view: View<'_>, way: &Way<'_>, found: &mut Vec<PodPlace>) {
    if way.depth() > MAX_GUESS_DEPTH {
        return;
    }
    match view.value_type() {
        Type::Map if looks_like_pod_spec(view) => found.push(PodPlace::guess(way.pointer())),
        Type::Map => {
            for (key, value) in view.entries() {
                look(value, &Way::Key(way, &key), found);
            }
        }
        Type::Seq => {
            for (index, value) in view.items().enumerate() {
                look(value, &Way::Index(way, index), found);
            }
        }
        _ => {}
    }
}

fn looks_like_pod_spec(view: View<'_>) -> bool {
    let is_container = |c: View<'_>| {
        ["name", "image"]
            .iter()
            .all(|key| c.get(key).is_some_and(|v| v.value_type() == Type::String))
    };
    view.get("containers")
        .is_some_and(|list| list.items().any(is_container))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn path(text: &str, shape: Shape) -> PodPath {
        let step = |s: &str| {
            if s == "*" {
                Step::Each
            } else {
                Step::Key(s.into())
            }
        };
        PodPath {
            steps: text
                .split('.')
                .filter(|s| !s.is_empty())
                .map(step)
                .collect(),
            shape,
            having: None,
            inherits: None,
        }
    }

    #[test]
    fn paths_lead_to_pod_specs() {
        let object = json!({"spec": {
            "template": {"spec": {"containers": []}},
            "groups": [{"template": {"spec": {}}}, {"template": {}}],
            "sidecars": [{"name": "a"}],
            "roles": {"x": {"podSpec": {}}, "y/z": {"podSpec": {}}}}});
        let view = View::Json(&object);
        let specs = |paths: &[PodPath]| {
            places(view, paths)
                .into_iter()
                .map(|p| p.spec)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            specs(&[path("spec.template", Shape::Template)]),
            ["/spec/template/spec"]
        );
        assert_eq!(
            specs(&[path("spec.groups.*.template", Shape::Template)]),
            ["/spec/groups/0/template/spec"]
        );
        assert_eq!(
            specs(&[path("spec.roles.*.podSpec", Shape::Spec)]),
            ["/spec/roles/x/podSpec", "/spec/roles/y~1z/podSpec"]
        );
        assert_eq!(specs(&[path("spec.absent", Shape::Template)]), [""; 0]);
        let only = places(view, &[path("spec.sidecars", Shape::Containers)]);
        assert_eq!(
            only,
            [PodPlace {
                template: None,
                spec: "/spec".into(),
                only: Some(("sidecars".into(), Alone::List)),
                inherits: None,
                editable: true
            }]
        );
    }

    #[test]
    fn containers_may_stand_alone() {
        let object = json!({"spec": {"steps": [
            {"container": {"image": "a"}, "securityContext": {"runAsUser": 0}},
            {"container": null, "securityContext": null}]}});
        let object = View::Json(&object);
        let one = PodPath {
            inherits: Some("/spec".into()),
            ..path("spec.steps.*.container", Shape::Container)
        };
        let expected = PodPlace {
            template: None,
            spec: "/spec/steps/0".into(),
            only: Some(("container".into(), Alone::One)),
            inherits: Some("/spec".into()),
            editable: true,
        };
        assert_eq!(places(object, &[one]), [expected]);
        let having = PodPath {
            having: Some("securityContext".into()),
            ..path("spec.steps.*", Shape::Spec)
        };
        assert_eq!(places(object, &[having]), [spec("/spec/steps/0".into())]);
    }

    #[test]
    fn what_cannot_hold_a_pod_spec_is_a_place_too() {
        for object in [
            json!({"spec": "x"}),
            json!({"spec": {"template": []}}),
            json!({"spec": {"template": {"spec": 5}}}),
        ] {
            let places = places(
                View::Json(&object),
                &[path("spec.template", Shape::Template)],
            );
            assert_eq!(places.len(), 1, "{object}");
        }
        let nothing = json!({"spec": {"template": null}});
        assert_eq!(
            places(
                View::Json(&nothing),
                &[path("spec.template", Shape::Template)]
            ),
            []
        );
    }

    #[test]
    fn unknown_kinds_are_guessed_but_never_editable() {
        let object = json!({"spec": {"workers": [{"pod": {"containers": [{"name": "a", "image": "b"}]}}],
                            "notThis": {"containers": ["a"]}}});
        let found = guess(View::Json(&object));
        assert_eq!(found, [PodPlace::guess("/spec/workers/0/pod".into())]);
    }
}
