//! Which requests a policy is about, and where the pod lies in each.

use serde_json::{Value, json};

use super::{Expr, literal};

/// The template of whatever carries a pod: the Pod itself, or what holds its metadata and spec.
/// `dyn` keeps the API server's type checker, which looks at one kind at a time, from missing the
/// fields of the others.
pub fn template(object: &str) -> String {
    let object = format!("dyn({object})");
    format!(
        "{object}.kind == 'Pod' ? {object}\n: {object}.kind == 'PodTemplate' ? {object}.template\n\
         : {object}.kind == 'CronJob' ? {object}.spec.jobTemplate.spec.template\n: {object}.spec.template"
    )
}

/// A field that may be absent, as a map or list that may be empty.
pub fn or_empty(map: &str, field: &str, empty: &str) -> String {
    let there = literal::has_member(map, field).text();
    format!("({there} ? {} : {empty})", literal::member(map, field))
}

/// Every request that makes or changes a pod, or something that makes pods.
///
/// These are the kinds that Kubernetes' own Pod Security admission looks at
/// (k8s.io/pod-security-admission, admission.DefaultPodSpecExtractor).
pub fn pod_resources() -> Value {
    let rule = |group: &str, resources: Value| {
        json!({
            "apiGroups": [group],
            "apiVersions": ["v1"],
            "operations": ["CREATE", "UPDATE"],
            "resources": resources,
        })
    };
    let core = [
        "pods",
        "pods/ephemeralcontainers",
        "podtemplates",
        "replicationcontrollers",
    ];
    json!([
        rule("", json!(core)),
        rule(
            "apps",
            json!(["daemonsets", "deployments", "replicasets", "statefulsets"])
        ),
        rule("batch", json!(["cronjobs", "jobs"])),
    ])
}

/// The same requests, without those that may not change what was given: a Pod's spec and a Job's
/// template stay as they were made.
pub fn editable_pod_resources() -> Value {
    let rule = |group: &str, operations: Value, resources: Value| {
        json!({
            "apiGroups": [group],
            "apiVersions": ["v1"],
            "operations": operations,
            "resources": resources,
        })
    };
    let (create, both) = (json!(["CREATE"]), json!(["CREATE", "UPDATE"]));
    let apps = ["daemonsets", "deployments", "replicasets", "statefulsets"];
    json!([
        rule("", create.clone(), json!(["pods"])),
        rule(
            "",
            both.clone(),
            json!(["podtemplates", "replicationcontrollers"])
        ),
        rule("apps", both.clone(), json!(apps)),
        rule("batch", create, json!(["jobs"])),
        rule("batch", both, json!(["cronjobs"])),
    ])
}

/// Requests that add containers to a running pod.
pub fn ephemeral_resources() -> Value {
    json!([{
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["UPDATE"],
        "resources": ["pods/ephemeralcontainers"],
    }])
}

/// The names of the containers that were added to the pod before.
pub fn old_ephemeral_containers() -> String {
    let list = or_empty("dyn(oldObject).spec", "ephemeralContainers", "[]");
    format!("{list}.map(c, c.name)")
}

/// Kubernetes' own kinds that are in no namespace, but for Namespaces, with their groups
/// (`kubectl api-resources --namespaced=false` of 1.36, and what older versions had).
const OF_CLUSTER: [(&str, &str); 32] = [
    ("APIService", "apiregistration.k8s.io"),
    ("CSIDriver", "storage.k8s.io"),
    ("CSINode", "storage.k8s.io"),
    ("CertificateSigningRequest", "certificates.k8s.io"),
    ("ClusterRole", "rbac.authorization.k8s.io"),
    ("ClusterRoleBinding", "rbac.authorization.k8s.io"),
    ("ClusterTrustBundle", "certificates.k8s.io"),
    ("ComponentStatus", ""),
    ("CustomResourceDefinition", "apiextensions.k8s.io"),
    ("DeviceClass", "resource.k8s.io"),
    ("DeviceTaintRule", "resource.k8s.io"),
    ("FlowSchema", "flowcontrol.apiserver.k8s.io"),
    ("IPAddress", "networking.k8s.io"),
    ("IngressClass", "networking.k8s.io"),
    ("MutatingAdmissionPolicy", "admissionregistration.k8s.io"),
    (
        "MutatingAdmissionPolicyBinding",
        "admissionregistration.k8s.io",
    ),
    (
        "MutatingWebhookConfiguration",
        "admissionregistration.k8s.io",
    ),
    ("Node", ""),
    ("PersistentVolume", ""),
    ("PriorityClass", "scheduling.k8s.io"),
    ("PriorityLevelConfiguration", "flowcontrol.apiserver.k8s.io"),
    ("ResourceSlice", "resource.k8s.io"),
    ("RuntimeClass", "node.k8s.io"),
    ("ServiceCIDR", "networking.k8s.io"),
    ("StorageClass", "storage.k8s.io"),
    ("StorageVersion", "internal.apiserver.k8s.io"),
    ("StorageVersionMigration", "storagemigration.k8s.io"),
    ("ValidatingAdmissionPolicy", "admissionregistration.k8s.io"),
    (
        "ValidatingAdmissionPolicyBinding",
        "admissionregistration.k8s.io",
    ),
    (
        "ValidatingWebhookConfiguration",
        "admissionregistration.k8s.io",
    ),
    ("VolumeAttachment", "storage.k8s.io"),
    ("VolumeAttributesClass", "storage.k8s.io"),
];

/// The kind of a rule, and its group where one is named.
fn kind_and_group(kind: &str) -> (&str, Option<&str>) {
    match kind.split_once('.') {
        Some((kind, group)) => (kind, Some(group)),
        None => (kind, None),
    }
}

/// Whether a rule's kind is known to be in no namespace. Namespaces do not count: a binding chooses
/// them by their own labels.
pub fn is_of_cluster(kind: &str) -> bool {
    let (kind, group) = kind_and_group(kind);
    OF_CLUSTER
        .iter()
        .any(|(own, its)| *own == kind && group.is_none_or(|group| group == *its))
}

/// Requests about objects of these kinds, `Kind` or `Kind.group`; all kinds when empty.
pub fn object_resources(kinds: &[String]) -> Value {
    let (namespaces, others): (Vec<&str>, Vec<&str>) = kinds
        .iter()
        .map(String::as_str)
        .partition(|kind| *kind == "Namespace");
    let mut groups: Vec<&str> = others
        .iter()
        .map(|kind| kind_and_group(kind).1.unwrap_or("*"))
        .collect();
    if kinds.is_empty() || groups.contains(&"*") {
        groups = vec!["*"];
    }
    groups.sort_unstable();
    groups.dedup();
    let rule = |groups: &[&str], versions: &str, resource: &str, scope: &str| {
        json!({
            "apiGroups": groups,
            "apiVersions": [versions],
            "operations": ["CREATE", "UPDATE"],
            "resources": [resource],
            "scope": scope,
        })
    };
    let mut rules = Vec::new();
    if !groups.is_empty() {
        rules.push(rule(&groups, "*", "*", "Namespaced"));
    }
    if kinds.is_empty() || !namespaces.is_empty() {
        rules.push(rule(&[""], "v1", "namespaces", "Cluster"));
    }
    rules.into()
}

/// Whether the object is of one of these kinds.
pub fn is_of_kinds(kinds: &[String]) -> Expr {
    if kinds.is_empty() {
        return Expr::Always(true);
    }
    Expr::any(kinds.iter().map(|kind| {
        let (kind, group) = kind_and_group(kind);
        let is =
            |on: &str, text: &str| Expr::relation(format!("{on} == {}", literal::string(text)));
        let group = group.map(|group| is("request.kind.group", group));
        Expr::all([is("request.kind.kind", kind)].into_iter().chain(group))
    }))
}

/// Where the template lies in the object: a JSON Pointer.
pub fn pointer() -> String {
    "object.kind == 'Pod' ? ''\n: object.kind == 'PodTemplate' ? '/template'\n\
     : object.kind == 'CronJob' ? '/spec/jobTemplate/spec/template'\n: '/spec/template'"
        .to_owned()
}

/// Whether the request changes the pod. Scaling a workload, or a controller that keeps its books,
/// is not refused for pods that are there already.
pub fn changes_pod() -> String {
    let annotations = |object: &str| or_empty(&format!("{object}.metadata"), "annotations", "{}");
    let (new, old) = ("dyn(object)", "dyn(oldObject)");
    let differs = |path: &str| format!("{new}.{path} != {old}.{path}");
    format!(
        "request.operation != 'UPDATE'\n|| (object.kind == 'Pod'\n    ? {}\n      || {}\n         \
         != {}\n    : object.kind == 'PodTemplate'\n    ? {}\n    : object.kind == 'CronJob'\n    \
         ? {}\n    : {})",
        differs("spec"),
        annotations(new),
        annotations(old),
        differs("template"),
        differs("spec.jobTemplate.spec.template"),
        differs("spec.template"),
    )
}

/// Whether nobody has made the object from a template of their own. The controller of a Deployment
/// looks for the ReplicaSet with its very template: one that differs, it would make again.
pub fn is_nobodys() -> String {
    "object.kind == 'Pod' || !has(object.metadata.ownerReferences)\n\
     || !object.metadata.ownerReferences.exists(o, has(o.controller) && o.controller)"
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_asked_about_where_a_binding_can_choose_them() {
        let namespaced = |groups: Value| {
            json!({
                "apiGroups": groups, "apiVersions": ["*"], "resources": ["*"],
                "operations": ["CREATE", "UPDATE"], "scope": "Namespaced",
            })
        };
        let namespaces = json!({
            "apiGroups": [""], "apiVersions": ["v1"], "resources": ["namespaces"],
            "operations": ["CREATE", "UPDATE"], "scope": "Cluster",
        });
        for (kinds, expected) in [
            (
                &["Role", "Deployment.apps"][..],
                json!([namespaced(json!(["*"]))]),
            ),
            (
                &["Role.rbac.authorization.k8s.io", "Deployment.apps"],
                json!([namespaced(json!(["apps", "rbac.authorization.k8s.io"]))]),
            ),
            (&["Namespace"], json!([namespaces])),
            (
                &["Job.batch", "Namespace"],
                json!([namespaced(json!(["batch"])), namespaces]),
            ),
            (&[], json!([namespaced(json!(["*"])), namespaces])),
        ] {
            let kinds: Vec<String> = kinds.iter().map(|own| (*own).to_owned()).collect();
            assert_eq!(object_resources(&kinds), expected, "{kinds:?}");
        }
    }

    #[test]
    fn what_is_in_no_namespace_is_known() {
        for (kind, expected) in [
            ("ClusterRole", true),
            ("StorageClass.storage.k8s.io", true),
            // Somebody else's kind of that name.
            ("Node.example.com", false),
            ("Namespace", false),
            ("Role.rbac.authorization.k8s.io", false),
        ] {
            assert_eq!(is_of_cluster(kind), expected, "{kind}");
        }
    }
}
