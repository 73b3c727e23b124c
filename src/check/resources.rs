//! Requests and limits that the API server would refuse.

use super::violation;
use crate::manifest::View;
use crate::object::quantity::Quantity;
use crate::policy::Violation;
use crate::report::Severity;

/// The policy that reports them.
pub const POLICY: &str = "resources/quantity";

/// Quantities that are none, and limits below their request, in one pod spec.
pub fn judge(root: View<'_>, spec: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    let Some(pod) = root.pointer(spec) else {
        return found;
    };
    for list in ["initContainers", "containers"] {
        for (index, container) in pod.get(list).into_iter().flat_map(View::items).enumerate() {
            let at = format!("{spec}/{list}/{index}");
            let before = found.len();
            container_resources(container, &at, &mut found);
            let name = container.get("name").and_then(View::as_str);
            for violation in found.iter_mut().skip(before) {
                violation.container = name.as_deref().map(str::to_owned);
            }
        }
    }
    found
}

fn container_resources(container: View<'_>, at: &str, found: &mut Vec<Violation>) {
    let Some(resources) = container.get("resources") else {
        return;
    };
    let amount = |kind: &str, resource: &str| {
        resources
            .get(kind)
            .and_then(|r| r.get(resource))
            .filter(|v| !v.is_null())
    };
    for resource in ["cpu", "memory"] {
        for kind in ["requests", "limits"] {
            if amount(kind, resource).is_some_and(|v| Quantity::read(v).is_none()) {
                found.push(error(
                    &format!("{at}/resources/{kind}/{resource}"),
                    format!("{kind}.{resource} is not a Kubernetes quantity"),
                    "write it like 250m, 0.5, 512Mi or 2Gi",
                ));
            }
        }
        let read = |kind| amount(kind, resource).and_then(Quantity::read);
        if let (Some(request), Some(limit)) = (read("requests"), read("limits"))
            && request > limit
        {
            found.push(error(
                &format!("{at}/resources/limits/{resource}"),
                format!("the {resource} limit is below the request"),
                "raise the limit or lower the request in the chart's values",
            ));
        }
    }
}

fn error(pointer: &str, message: String, help: &str) -> Violation {
    violation(POLICY, Severity::Error, pointer, message, help)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pointers(resources: serde_json::Value) -> Vec<String> {
        let pod = json!({"spec": {"containers": [{"name": "a", "resources": resources}]}});
        judge(View::Json(&pod), "/spec")
            .into_iter()
            .map(|v| v.pointer)
            .collect()
    }

    #[test]
    fn what_the_api_server_refuses_is_found() {
        let base = "/spec/containers/0/resources";
        for (resources, want) in [
            (
                json!({"requests": {"cpu": "500m"}, "limits": {"cpu": 1}}),
                vec![],
            ),
            (
                json!({"requests": {"cpu": 2}, "limits": {"cpu": "1500m"}}),
                vec![format!("{base}/limits/cpu")],
            ),
            (
                json!({"limits": {"memory": "1 GB"}}),
                vec![format!("{base}/limits/memory")],
            ),
            (json!({"limits": null}), vec![]),
            (
                json!({"requests": {"memory": "1Gi"}, "limits": {"memory": "1024Mi"}}),
                vec![],
            ),
        ] {
            assert_eq!(pointers(resources.clone()), want, "{resources}");
        }
    }
}
