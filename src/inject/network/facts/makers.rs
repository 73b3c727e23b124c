//! What may make pods that the stream does not show: custom resources and programs.

use super::{Facts, text};
use crate::inject::network::labels;
use crate::inject::network::topology::ObjectRef;
use crate::manifest::View;
use crate::object::{Object, PodPlace};

/// What pods come from, with the group of each.
const MAKERS: [(&str, &str); 9] = [
    ("", "pods"),
    ("", "replicationcontrollers"),
    ("apps", "daemonsets"),
    ("apps", "deployments"),
    ("apps", "replicasets"),
    ("apps", "statefulsets"),
    ("batch", "cronjobs"),
    ("batch", "jobs"),
    ("extensions", "deployments"),
];

impl Facts {
    /// Notes the labels of the pods that an operator makes from a custom resource, where the place of
    /// the pod spec was guessed: those of its template.
    pub(super) fn made_by_operator(
        &mut self,
        own: &ObjectRef,
        object: &Object<'_>,
        place: &PodPlace,
    ) {
        let template = place.spec.strip_suffix("/spec").filter(|at| !at.is_empty());
        let template = template.and_then(|at| object.view.pointer(at));
        let labels = template.and_then(|own| own.pointer("/metadata/labels"));
        if let Some(labels) = labels {
            let labels = labels::read(Some(labels), &mut self.texts);
            self.templates.push((own.namespace.clone(), labels));
        }
    }

    /// Notes whether a role lets its holders make pods.
    pub(super) fn role(&mut self, object: &Object<'_>) {
        let rules = object.view.get("rules").into_iter();
        self.makes_pods |= rules.flat_map(View::items).any(makes_pods);
    }
}

fn makes_pods(rule: View<'_>) -> bool {
    let lists = |field: &str, wanted: &str| {
        let items = rule.get(field).into_iter().flat_map(View::items);
        let mut items = items.filter_map(text);
        items.any(|own| own == "*" || own == wanted)
    };
    let mut makers = MAKERS.iter();
    lists("verbs", "create")
        && makers.any(|(group, resource)| lists("apiGroups", group) && lists("resources", resource))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn roles_let_programs_make_pods_or_not() {
        for (groups, resources, verbs, expected) in [
            (json!([""]), json!(["pods"]), json!(["get", "create"]), true),
            (json!([""]), json!(["pods"]), json!(["get", "patch"]), false),
            (
                json!(["apps"]),
                json!(["deployments"]),
                json!(["create"]),
                true,
            ),
            (json!(["acme.com"]), json!(["*"]), json!(["*"]), false),
            (json!(["*"]), json!(["*"]), json!(["*"]), true),
            (json!([""]), json!(["pods/exec"]), json!(["create"]), false),
            (json!([""]), json!(["secrets"]), json!(["create"]), false),
        ] {
            let rule = json!({"apiGroups": groups, "resources": resources, "verbs": verbs});
            assert_eq!(makes_pods(View::Json(&rule)), expected, "{rule}");
        }
    }
}
