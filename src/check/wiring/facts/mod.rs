//! What the objects of a release name and offer, copied out while the stream is read.
//!
//! What pods, Services, routes, monitors and NetworkPolicies say besides is among the facts about
//! the network already; see [`crate::inject::network::facts`].

mod pods;
mod policies;
mod providers;

use std::borrow::Cow;
use std::collections::BTreeMap;

use foldhash::{HashMap, HashSet};

use crate::inject::network::facts::{Selected, member, port_ref, text};
use crate::inject::network::texts::{Text, Texts};
use crate::inject::network::topology::{ObjectRef, PortRef};
use crate::manifest::View;
use crate::object::{Object, PodPlace};
pub use pods::{Lacking, Scaled};
pub use policies::{Egress, EgressRule, Peer};
pub use providers::{Keys, Provided};

/// A sort of object that others name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// A Secret.
    Secret,
    /// A ConfigMap.
    ConfigMap,
    /// A PersistentVolumeClaim.
    Claim,
    /// A ServiceAccount.
    Account,
    /// A Role.
    Role,
    /// A ClusterRole.
    ClusterRole,
}

impl What {
    /// The kind as manifests write it.
    pub fn kind(self) -> &'static str {
        match self {
            What::Secret => "Secret",
            What::ConfigMap => "ConfigMap",
            What::Claim => "PersistentVolumeClaim",
            What::Account => "ServiceAccount",
            What::Role => "Role",
            What::ClusterRole => "ClusterRole",
        }
    }
}

/// A place that names another object.
#[derive(Debug)]
pub struct Use {
    /// Which of [`Wires::holders`] holds it.
    pub holder: usize,
    /// What is named.
    pub what: What,
    /// Its namespace, where that is written and not the holder's.
    pub namespace: Option<Text>,
    /// Its name.
    pub name: Text,
    /// The key in it.
    pub key: Option<Text>,
    /// Pointer from the document's root to the reference.
    pub pointer: Text,
    /// Whether Kubernetes does without it.
    pub optional: bool,
}

/// A PodDisruptionBudget.
#[derive(Debug)]
pub struct Budget {
    /// The object.
    pub object: ObjectRef,
    /// `spec.selector`; `None` where there is none.
    pub selector: Option<Selected>,
    /// `minAvailable`, as written.
    pub min_available: Option<String>,
    /// `maxUnavailable`, as written.
    pub max_unavailable: Option<String>,
}

/// Something that changes a workload's number of replicas.
#[derive(Debug)]
pub struct Scaler {
    /// The object.
    pub object: ObjectRef,
    /// The workload's kind.
    pub kind: Text,
    /// The workload's name.
    pub name: Text,
    /// `minReplicas`, 1 by default; `None` where the kind counts otherwise.
    pub min: Option<u64>,
    /// Resources whose use is measured as a part of the request: resource, container if one, pointer.
    pub parts: Vec<(String, Option<String>, String)>,
}

/// What a release names and offers. Filled object by object with [`Wires::collect`] and
/// [`Wires::hardened`].
#[derive(Debug, Default)]
pub struct Wires {
    /// Objects that name others.
    pub holders: Vec<ObjectRef>,
    /// What they name.
    pub uses: Vec<Use>,
    /// What there is to be named.
    pub provided: Vec<Provided>,
    /// Names of custom resources, whose operators make further objects named after them.
    pub custom: HashSet<Text>,
    /// Names of Secrets and the like that some object mentions in a place that may create them.
    pub mentioned: HashSet<Text>,
    /// Which of Secrets and ConfigMaps a role of the release may create.
    pub creates: HashSet<What>,
    /// Whether a role of the release lets a program label pods, as the leader of several does.
    pub labels_pods: bool,
    /// Whether an operator may make pods, by a custom resource of the release.
    pub operators: bool,
    /// Whether the stream shows hooks: without any, there may be some that it does not show.
    pub hooks: bool,
    /// PodDisruptionBudgets.
    pub budgets: Vec<Budget>,
    /// HorizontalPodAutoscalers and their like.
    pub scalers: Vec<Scaler>,
    /// Workloads with a number of replicas.
    pub scaled: Vec<Scaled>,
    /// Claims that only one node may mount: namespace as written, name.
    pub single: HashSet<(Option<Text>, Text)>,
    /// NetworkPolicies with rules for outgoing traffic.
    pub egress: Vec<Egress>,
    /// Namespaces selected by their label `name`: policy, pointer, value.
    pub by_name: Vec<(ObjectRef, Text, Text)>,
    /// The `name` labels of the release's own Namespaces.
    pub named: HashSet<Text>,
    /// For each namespace that is written, the first object in it and how many there are.
    pub namespaces: BTreeMap<Text, (ObjectRef, usize)>,
    /// Containers without a request, by document and pointer of their workload, as the filter leaves them.
    pub lacking: HashMap<(usize, Text), Vec<Lacking>>,
    /// What the objects name.
    texts: Texts,
}

impl Wires {
    /// Notes what one object, which is called `own`, says as the chart rendered it. `places` are its
    /// pod specs.
    pub fn collect(&mut self, own: &ObjectRef, object: &Object<'_>, places: &[PodPlace]) {
        let id = &object.identity;
        if id.kind == "CustomResourceDefinition" {
            return;
        }
        self.hooks |= id.is_hook();
        self.place(own, object);
        for place in places.iter().filter(|place| place.editable) {
            self.pod(own, object, place);
        }
        match (id.group(), id.kind.as_str()) {
            ("", "Secret" | "ConfigMap" | "PersistentVolumeClaim" | "ServiceAccount")
            | ("rbac.authorization.k8s.io", "Role" | "ClusterRole") => self.offered(own, object),
            ("", "Service") => self.serving(object),
            ("", "Namespace") => {
                let label = object.view.pointer("/metadata/labels/name").and_then(text);
                self.named.extend(label.map(Text::from));
            }
            ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
                self.binding(own, object);
            }
            ("networking.k8s.io" | "extensions", "Ingress") => self.ingress(own, object),
            ("networking.k8s.io", "NetworkPolicy") => self.network_policy(own, object),
            ("policy", "PodDisruptionBudget") => self.budget(own, object),
            ("autoscaling", "HorizontalPodAutoscaler") => self.autoscaler(own, object),
            ("keda.sh", "ScaledObject") | ("autoscaling.k8s.io", "VerticalPodAutoscaler") => {
                self.scaler(own, object);
            }
            ("dapr.io", "Component") => self.component(own, object),
            (group, _) if group.contains('.') && !group.ends_with(".k8s.io") => {
                self.resource(own, object);
            }
            _ => {}
        }
        self.scale(own, object, places);
    }

    /// Remembers an object that names others.
    fn holder(&mut self, own: &ObjectRef) -> usize {
        if self.holders.last() != Some(own) {
            self.holders.push(own.clone());
        }
        self.holders.len() - 1
    }

    /// Counts the object in the namespace that it names.
    fn place(&mut self, own: &ObjectRef, object: &Object<'_>) {
        let Some(namespace) = &own.namespace else {
            return;
        };
        if is_placed_on_purpose(object.identity.group(), &own.kind) {
            return;
        }
        match self.namespaces.get_mut(namespace) {
            Some((_, count)) => *count += 1,
            None => {
                let first = (own.clone(), 1);
                self.namespaces.insert(namespace.clone(), first);
            }
        }
    }

    fn binding(&mut self, own: &ObjectRef, object: &Object<'_>) {
        let holder = self.holder(own);
        let at = &object.pointer;
        if let Some(role) = object.view.get("roleRef") {
            let what = match member(role, "kind").as_deref() {
                Some("Role") => What::Role,
                _ => What::ClusterRole,
            };
            if let Some(name) = member(role, "name") {
                self.uses.push(Use {
                    holder,
                    what,
                    namespace: None,
                    name: self.texts.keep(&name),
                    key: None,
                    pointer: self.texts.keep(&format!("{at}/roleRef/name")),
                    optional: false,
                });
            }
        }
        let subjects = object.view.get("subjects").into_iter();
        for (index, subject) in subjects.flat_map(View::items).enumerate() {
            let account = member(subject, "kind").as_deref() == Some("ServiceAccount");
            let Some(name) = member(subject, "name").filter(|_| account) else {
                continue;
            };
            self.uses.push(Use {
                holder,
                what: What::Account,
                namespace: member(subject, "namespace").map(|name| self.texts.keep(&name)),
                name: self.texts.keep(&name),
                key: None,
                pointer: self.texts.keep(&format!("{at}/subjects/{index}")),
                optional: false,
            });
        }
    }

    fn ingress(&mut self, own: &ObjectRef, object: &Object<'_>) {
        let tls = object.view.pointer("/spec/tls");
        let holder = self.holder(own);
        let issued = is_issued(object.view);
        for (index, entry) in tls.into_iter().flat_map(View::items).enumerate() {
            let Some(name) = member(entry, "secretName").filter(|name| !name.is_empty()) else {
                continue;
            };
            let name = self.texts.keep(&name);
            if issued {
                self.mentioned.insert(name);
                continue;
            }
            let pointer = format!("{}/spec/tls/{index}/secretName", object.pointer);
            self.uses.push(Use {
                holder,
                what: What::Secret,
                namespace: None,
                name,
                key: None,
                pointer: self.texts.keep(&pointer),
                optional: false,
            });
        }
    }

    /// The keys of Secrets that a Dapr component asks for, unless from another store.
    fn component(&mut self, own: &ObjectRef, object: &Object<'_>) {
        let store = object.view.pointer("/auth/secretStore").and_then(text);
        if store.is_some_and(|store| store != "kubernetes") {
            return;
        }
        let holder = self.holder(own);
        let settings = object.view.pointer("/spec/metadata");
        for (index, setting) in settings.into_iter().flat_map(View::items).enumerate() {
            let Some(reference) = setting.get("secretKeyRef") else {
                continue;
            };
            let Some(name) = member(reference, "name") else {
                continue;
            };
            // Without a key it is called like the Secret (dapr/components-contrib).
            let key = member(reference, "key").unwrap_or_else(|| name.clone());
            let pointer = format!("{}/spec/metadata/{index}/secretKeyRef", object.pointer);
            self.uses.push(Use {
                holder,
                what: What::Secret,
                namespace: None,
                key: Some(self.texts.keep(&key)),
                name: self.texts.keep(&name),
                pointer: self.texts.keep(&pointer),
                optional: false,
            });
        }
    }

    fn budget(&mut self, own: &ObjectRef, object: &Object<'_>) {
        let Some(spec) = object.view.get("spec") else {
            return;
        };
        let selector = spec.get("selector").filter(|own| !own.is_null());
        let amount = |field: &str| member(spec, field).map(Cow::into_owned);
        self.budgets.push(Budget {
            object: own.clone(),
            selector: selector.map(|own| Selected::read(Some(own), &mut self.texts)),
            min_available: amount("minAvailable"),
            max_unavailable: amount("maxUnavailable"),
        });
    }

    fn autoscaler(&mut self, own: &ObjectRef, object: &Object<'_>) {
        let Some(spec) = object.view.get("spec") else {
            return;
        };
        let at = format!("{}/spec", object.pointer);
        let mut parts = Vec::new();
        let metrics = spec.get("metrics").filter(|metrics| !metrics.is_empty());
        for (index, metric) in metrics.into_iter().flat_map(View::items).enumerate() {
            for (field, key) in [
                ("Resource", "resource"),
                ("ContainerResource", "containerResource"),
            ] {
                let source = metric
                    .get(key)
                    .filter(|_| member(metric, "type").as_deref() == Some(field));
                // autoscaling/v2 and v2beta1.
                let used = |own: View<'_>| {
                    own.pointer("/target/averageUtilization")
                        .or_else(|| own.get("targetAverageUtilization"))
                        .is_some_and(|used| !used.is_null())
                };
                let Some(source) = source.filter(|own| used(*own)) else {
                    continue;
                };
                if let Some(name) = member(source, "name") {
                    parts.push((
                        name.into_owned(),
                        member(source, "container").map(Cow::into_owned),
                        format!("{at}/metrics/{index}"),
                    ));
                }
            }
        }
        // Without metrics, and in autoscaling/v1, it is the use of the CPU.
        if metrics.is_none() {
            let used = spec.get("targetCPUUtilizationPercentage");
            let pointer = match used {
                Some(_) => format!("{at}/targetCPUUtilizationPercentage"),
                None => at.clone(),
            };
            parts.push(("cpu".to_owned(), None, pointer));
        }
        let min = spec.get("minReplicas").and_then(count).unwrap_or(1);
        self.push_scaler(own, object, "/spec/scaleTargetRef", Some(min), parts);
    }

    fn scaler(&mut self, own: &ObjectRef, object: &Object<'_>) {
        let field = match object.identity.kind.as_str() {
            "VerticalPodAutoscaler" => "/spec/targetRef",
            _ => "/spec/scaleTargetRef",
        };
        self.push_scaler(own, object, field, None, Vec::new());
    }

    fn push_scaler(
        &mut self,
        own: &ObjectRef,
        object: &Object<'_>,
        field: &str,
        min: Option<u64>,
        parts: Vec<(String, Option<String>, String)>,
    ) {
        let Some(target) = object.view.pointer(field) else {
            return;
        };
        // KEDA takes a Deployment for granted.
        let kind = member(target, "kind").unwrap_or("Deployment".into());
        if let Some(name) = member(target, "name") {
            self.scalers.push(Scaler {
                object: own.clone(),
                kind: self.texts.keep(&kind),
                name: self.texts.keep(&name),
                min,
                parts,
            });
        }
    }
}

/// Whether cert-manager, or something that reads its older annotation, makes the Secrets that the
/// object names for TLS.
fn is_issued(object: View<'_>) -> bool {
    let annotations = object.pointer("/metadata/annotations");
    let mut entries = annotations.into_iter().flat_map(View::entries);
    entries.any(|(key, _)| key.starts_with("cert-manager.io/") || key == "kubernetes.io/tls-acme")
}

/// Kinds that charts put into other namespaces because they must be there: what grants access, what
/// monitoring looks for, and what is in no namespace at all.
fn is_placed_on_purpose(group: &str, kind: &str) -> bool {
    matches!(
        group,
        "rbac.authorization.k8s.io"
            | "monitoring.coreos.com"
            | "admissionregistration.k8s.io"
            | "apiregistration.k8s.io"
            | "storage.k8s.io"
            | "scheduling.k8s.io"
    ) || kind.starts_with("Cluster")
        || matches!(
            kind,
            "Namespace"
                | "PersistentVolume"
                | "PodSecurityPolicy"
                | "IngressClass"
                | "GatewayClass"
        )
}

/// A count of replicas.
fn count(view: View<'_>) -> Option<u64> {
    text(view)?.parse().ok()
}

/// A port of a probe or a rule.
fn port(view: Option<View<'_>>) -> Option<PortRef> {
    view.and_then(port_ref)
}
