//! Where a rule looks: which values of a pod it is asked about.

use super::model::{ContainerList, NodeKind, Rule};
use super::target::{Container, Pod, PodTarget};
use crate::manifest::View;
use crate::manifest::view::{escape, unescape};

/// Where a rule looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Look {
    node: NodeKind,
    lists: Vec<ContainerList>,
    /// The tokens of [`Rule::inherit`].
    inherit: Option<Vec<String>>,
    annotation: Option<String>,
}

/// A value a rule is asked about.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub view: View<'a>,
    pub container: Option<Container<'a>>,
}

impl Look {
    /// Where the rule looks.
    pub fn of(rule: &Rule) -> Look {
        let tokens = |pointer: &String| {
            let tokens = pointer.split('/').skip(1);
            tokens.map(|token| unescape(token).into_owned()).collect()
        };
        Look {
            node: rule.node,
            lists: rule.lists.clone(),
            inherit: rule.inherit.as_ref().map(tokens),
            annotation: rule.annotation.clone(),
        }
    }

    /// Calls back with every value, until the callback says `false`; whether it never did.
    pub fn each<'a>(&self, pod: &Pod<'_, 'a>, ask: &mut dyn FnMut(Asked<'a>) -> bool) -> bool {
        let target = pod.target;
        let mut one = |view, container| ask(Asked { view, container });
        match (self.node, &self.annotation) {
            (NodeKind::Object, _) => true,
            (NodeKind::Pod | NodeKind::PodMetadata, _) if target.alone.is_some() => true,
            (NodeKind::Pod, None) => one(pod.spec, None),
            (NodeKind::PodMetadata, _) => one(target.metadata(), None),
            (NodeKind::Pod, Some(name)) => {
                target.annotation(name).is_none_or(|view| one(view, None))
            }
            (NodeKind::Container, annotation) => {
                let inherited = self.is_set(pod.spec);
                let asked = pod
                    .containers
                    .iter()
                    .filter(|own| self.lists.is_empty() || self.lists.contains(&own.list));
                asked.filter(|own| !inherited || self.is_set(own.view)).all(
                    |own| match annotation {
                        None => one(own.view, Some(*own)),
                        Some(prefix) => {
                            let value = target.annotation(&format!("{prefix}{}", own.name()));
                            value.is_none_or(|view| one(view, Some(*own)))
                        }
                    },
                )
            }
        }
    }

    /// Whether the field that containers inherit has a value here; `false` when there is none.
    pub fn is_set(&self, view: View<'_>) -> bool {
        let value = self
            .inherit
            .as_ref()
            .and_then(|tokens| tokens.iter().try_fold(view, |view, token| view.get(token)));
        value.is_some_and(|value| !value.is_null())
    }

    /// The pointer, from the document's root, of the value a container or the pod is asked about.
    pub fn pointer(&self, pod: &PodTarget<'_>, container: Option<&Container<'_>>) -> String {
        if let Some(annotation) = &self.annotation {
            let name = container.map(Container::name).unwrap_or_default();
            let key = format!("{annotation}{name}");
            return format!("{}/annotations/{}", pod.metadata_pointer, escape(&key));
        }
        match (self.node, container) {
            (NodeKind::Container, Some(container)) => container.pointer(pod),
            (NodeKind::PodMetadata, _) => pod.metadata_pointer.to_owned(),
            _ => pod.spec_pointer.to_owned(),
        }
    }
}
