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

/// Requests about objects of these kinds, `Kind` or `Kind.group`; all kinds when empty.
pub fn object_resources(kinds: &[String]) -> Value {
    let mut groups: Vec<&str> = kinds
        .iter()
        .map(|kind| kind.split_once('.').map_or("*", |(_, group)| group))
        .collect();
    if kinds.is_empty() || groups.contains(&"*") {
        groups = vec!["*"];
    }
    groups.sort_unstable();
    groups.dedup();
    // An object of the cluster would be judged whatever namespaces the binding selects.
    json!([{
        "apiGroups": groups,
        "apiVersions": ["*"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["*"],
        "scope": "Namespaced",
    }])
}

/// Whether the object is of one of these kinds.
pub fn is_of_kinds(kinds: &[String]) -> Expr {
    if kinds.is_empty() {
        return Expr::Always(true);
    }
    Expr::any(kinds.iter().map(|kind| {
        let (kind, group) = match kind.split_once('.') {
            Some((kind, group)) => (kind, Some(group)),
            None => (kind.as_str(), None),
        };
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
