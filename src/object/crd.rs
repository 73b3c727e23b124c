//! Where a custom kind carries pod specs, as its CustomResourceDefinition tells.

use super::pods::{PodPath, Shape, Step};
use crate::manifest::View;
use crate::manifest::view::Type;

/// Schemas nest about 20 levels down to a container's fields; beyond this there is no pod spec.
const MAX_DEPTH: usize = 16;

/// The group and kind that a CustomResourceDefinition defines.
pub fn defines(crd: View<'_>) -> Option<(String, String)> {
    let spec = crd.get("spec")?;
    let group = spec.get("group")?.as_str()?.into_owned();
    let kind = spec.get("names")?.get("kind")?.as_str()?.into_owned();
    Some((group, kind))
}

/// The paths of the pod specs in instances of the given version (`v1alpha1`).
///
/// A pod spec is an object schema whose `containers` is an array of objects with `name`, `image`
/// and `securityContext`: with less, the API server would prune what we add.
pub fn pod_paths(crd: View<'_>, version: &str) -> Vec<PodPath> {
    let schema = crd.get("spec").and_then(|spec| {
        let versions = spec.get("versions")?;
        versions
            .items()
            .find(|v| {
                v.get("name")
                    .and_then(|n| n.as_str())
                    .is_some_and(|n| n == version)
            })?
            .get("schema")?
            .get("openAPIV3Schema")
    });
    let mut paths = Vec::new();
    if let Some(schema) = schema {
        let mut steps = Vec::new();
        descend(schema, false, &mut steps, &mut paths);
    }
    paths
}

fn descend(schema: View<'_>, in_template: bool, steps: &mut Vec<Step>, out: &mut Vec<PodPath>) {
    if steps.len() > MAX_DEPTH {
        return;
    }
    if let Some(properties) = schema.get("properties") {
        if is_pod_spec(properties) {
            out.push(path(steps, in_template));
            return;
        }
        let template = properties.get("metadata").is_some()
            && properties.get("spec").is_some()
            && !steps.is_empty();
        for (key, next) in properties.entries() {
            let below_template = template && key == "spec";
            steps.push(Step::Key(key.into_owned()));
            descend(next, below_template, steps, out);
            steps.pop();
        }
    }
    for each in ["items", "additionalProperties"] {
        if let Some(next) = schema.get(each).filter(|s| s.value_type() == Type::Map) {
            steps.push(Step::Each);
            descend(next, false, steps, out);
            steps.pop();
        }
    }
}

fn path(steps: &[Step], in_template: bool) -> PodPath {
    match steps.split_last() {
        Some((_, template)) if in_template => PodPath {
            having: None,
            inherits: None,
            steps: template.to_vec(),
            shape: Shape::Template,
        },
        _ => PodPath {
            having: None,
            inherits: None,
            steps: steps.to_vec(),
            shape: Shape::Spec,
        },
    }
}

fn is_pod_spec(properties: View<'_>) -> bool {
    let container = properties
        .get("containers")
        .and_then(|c| c.get("items"))
        .and_then(|i| i.get("properties"));
    let has = |key| container.is_some_and(|c| c.get(key).is_some());
    has("name")
        && has("image")
        && has("securityContext")
        && properties.get("securityContext").is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pod_templates_and_pod_specs_are_found_in_the_schema() {
        let container = json!({"properties": {"name": {}, "image": {}, "securityContext": {}}});
        let pod = json!({"properties": {"securityContext": {}, "containers": {"type": "array", "items": container}}});
        let bare = json!({"properties": {"containers": {"items": {"properties": {"name": {}, "image": {}}}}}});
        let crd = json!({"spec": {"group": "ray.io", "names": {"kind": "RayCluster"}, "versions": [
            {"name": "v0", "schema": {"openAPIV3Schema": {}}},
            {"name": "v1", "schema": {"openAPIV3Schema": {"properties": {"metadata": {}, "spec": {"properties": {
                "predictor": pod, "bare": bare,
                "groups": {"items": {"properties": {"template": {"properties": {"metadata": {}, "spec": pod}}}}}}}}}}}]}});
        let view = View::Json(&crd);
        assert_eq!(defines(view), Some(("ray.io".into(), "RayCluster".into())));
        assert_eq!(pod_paths(view, "v0"), []);
        let key = |k: &str| Step::Key(k.into());
        assert_eq!(
            pod_paths(view, "v1"),
            [
                PodPath {
                    having: None,
                    inherits: None,
                    steps: vec![key("spec"), key("groups"), Step::Each, key("template")],
                    shape: Shape::Template
                },
                PodPath {
                    having: None,
                    inherits: None,
                    steps: vec![key("spec"), key("predictor")],
                    shape: Shape::Spec
                },
            ]
        );
    }
}
