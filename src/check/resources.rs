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
            let Some(resources) = container.get("resources") else {
                continue;
            };
            for (field, message, help) in mistakes(resources) {
                let at = format!("{spec}/{list}/{index}/resources/{field}");
                let name = container.get("name").and_then(View::as_str);
                let mut violation = error(&at, message, help);
                violation.container = name.map(|name| name.into_owned());
                found.push(violation);
            }
        }
    }
    found
}

/// What is wrong: the field below `resources`, a message, and what to do.
type Mistake = (String, String, &'static str);

fn mistakes(resources: View<'_>) -> Vec<Mistake> {
    let mut found = Vec::new();
    let [requests, limits] = ["requests", "limits"].map(|kind| (kind, resources.get(kind)));
    for resource in ["cpu", "memory"] {
        let mut read = |(kind, amounts): (&str, Option<View<'_>>)| {
            let value = amounts?.get(resource).filter(|v| !v.is_null())?;
            let amount = Quantity::read(value);
            if amount.is_none() {
                found.push((
                    format!("{kind}/{resource}"),
                    format!("{kind}.{resource} is not a Kubernetes quantity"),
                    "write it like 250m, 0.5, 512Mi or 2Gi",
                ));
            }
            amount
        };
        if let (Some(request), Some(limit)) = (read(requests), read(limits))
            && request > limit
        {
            found.push((
                format!("limits/{resource}"),
                format!("the {resource} limit is below the request"),
                "raise the limit or lower the request in the chart's values",
            ));
        }
    }
    found
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
