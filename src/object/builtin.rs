//! The kinds that Kubernetes itself defines.

/// Groups of Kubernetes itself (k8s.io/api, one folder per group).
const GROUPS: [&str; 24] = [
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "extensions",
    "flowcontrol.apiserver.k8s.io",
    "internal.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
    "storagemigration.k8s.io",
];

/// The groups of them that have workloads, each with its kinds that are none (`register.go` of
/// k8s.io/api, of all versions there ever were).
const WITHOUT_PODS: [(&str, &[&str]); 4] = [
    (
        "",
        &[
            "Binding",
            "ComponentStatus",
            "ConfigMap",
            "Endpoints",
            "Event",
            "LimitRange",
            "Namespace",
            "Node",
            "PersistentVolume",
            "PersistentVolumeClaim",
            "ResourceQuota",
            "Secret",
            "Service",
            "ServiceAccount",
        ],
    ),
    ("apps", &["ControllerRevision", "Scale"]),
    ("batch", &[]),
    (
        "extensions",
        &["Ingress", "NetworkPolicy", "PodSecurityPolicy", "Scale"],
    ),
];

/// Whether a group is one of Kubernetes' own.
pub fn is_group(group: &str) -> bool {
    GROUPS.binary_search(&group).is_ok()
}

/// Whether a kind in one of Kubernetes' own groups is known to hold no pod spec. In a group with
/// workloads the others are workloads, or misspelt: `v1` has no `Deployment`.
pub fn has_no_pods(group: &str, kind: &str) -> bool {
    let workloads = WITHOUT_PODS.iter().find(|(own, _)| *own == group);
    workloads.is_none_or(|(_, others)| others.contains(&kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::carriers;

    #[test]
    fn groups_are_sorted_for_the_search() {
        assert!(GROUPS.is_sorted());
        assert!(is_group("batch") && !is_group("gateway.networking.k8s.io"));
    }

    #[test]
    fn no_carrier_is_said_to_hold_no_pods() {
        for (group, kinds) in WITHOUT_PODS {
            assert!(is_group(group), "{group}");
            for kind in kinds {
                assert_eq!(carriers::kubernetes().paths(group, kind), None, "{kind}");
                assert!(has_no_pods(group, kind));
            }
        }
        for (group, kind) in [("", "Pod"), ("", "Deployment"), ("batch", "job")] {
            assert!(!has_no_pods(group, kind), "{group} {kind}");
        }
        assert!(has_no_pods("networking.k8s.io", "Ingress"));
    }
}
