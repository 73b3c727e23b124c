//! What the objects of a release say about the network, copied out while the stream is read.
//!
//! ConfigMaps and Secrets are only noted: their text is read when a workload turns out to use them.

mod makers;
mod objects;
mod peers;
mod pod;
mod routes;

use std::borrow::Cow;
use std::rc::Rc;

use foldhash::HashMap;

use super::labels::Labels;
use super::narrow::Direction;
use super::texts::{Text, Texts};
use super::topology::{ContainerPort, ObjectRef, ServicePort};
use crate::manifest::View;
use crate::object::identity::HELM4_FILENAME;
use crate::object::{Object, PodPlace};
use crate::platform::endpoints::Endpoint;
use crate::platform::variables as profile;
pub use objects::{Monitored, Selected, port_ref};
pub use peers::{Allowed, Where};
pub use pod::{Container, Mesh, Mount, Pod, Source, Stored, Variable, Variables, Word};

/// The facts of a stream. Filled object by object with [`Facts::collect`].
#[derive(Debug, Default)]
pub struct Facts {
    /// What runs pods.
    pub workloads: Vec<WorkloadFacts>,
    /// The Services.
    pub services: Vec<ServiceFacts>,
    /// ConfigMaps and Secrets by kind, namespace as written, and name.
    pub stored: HashMap<(Stored, Option<Text>, Text), ObjectRef>,
    /// Endpoints and EndpointSlices: the Service's namespace and name, and the addresses.
    pub endpoints: Vec<(ObjectRef, Text, Vec<Text>)>,
    /// Backends that a route leads to.
    pub routes: Vec<Backend>,
    /// Services that the API server calls.
    pub webhooks: Vec<Backend>,
    /// ServiceMonitors and PodMonitors.
    pub monitors: Vec<Monitored>,
    /// Service accounts that a role is bound to: namespace as written, name.
    pub bindings: Vec<Account>,
    /// Service accounts that say whether their token is mounted.
    pub accounts: Vec<(Option<Text>, Text, bool)>,
    /// Dapr components.
    pub components: Vec<Component>,
    /// NetworkPolicies.
    pub policies: Vec<PolicyFacts>,
    /// Labels of pod templates in custom resources, with the resources' namespaces as written: pods that
    /// an operator makes.
    pub templates: Vec<(Option<Text>, Labels)>,
    /// Whether a role of the release lets a program make pods, with whatever labels.
    pub makes_pods: bool,
    /// Host names under which routes offer the release to the world.
    pub public_names: Vec<String>,
    /// Namespaces that the stream creates.
    pub namespaces: Vec<Text>,
    /// How often each namespace is written, to tell the release's where nobody says it.
    pub written: HashMap<Text, usize>,
    /// The chart template of the first object that has one by Helm 4's annotation.
    pub helm4_template: Option<String>,
    /// What the objects are called and say.
    pub texts: Texts,
}

/// A workload as its object says it.
#[derive(Debug)]
pub struct WorkloadFacts {
    /// The object.
    pub object: ObjectRef,
    /// Pointer to the pod template from the document's root.
    pub template: Text,
    /// The labels of the pod template.
    pub labels: Labels,
    /// The labels that the pods have when they run, as far as they are known: those, and what the
    /// controller adds.
    pub worn: Labels,
    /// `spec.selector.matchLabels`; empty for kinds without a selector.
    pub selector: Labels,
    /// Whether Helm runs it as a hook.
    pub hook: bool,
    /// Whether an operator makes its pods.
    pub operated: bool,
    /// The name of a StatefulSet's governing Service.
    pub governing: Option<Box<Word>>,
    /// The pod.
    pub pod: Pod,
    /// What the product that the pods belong to has to reach.
    pub given: Vec<Endpoint>,
}

/// A Service as its object says it.
#[derive(Debug)]
pub struct ServiceFacts {
    /// The object.
    pub object: ObjectRef,
    /// The Service's own labels, by which monitors select it.
    pub labels: Labels,
    /// `spec.selector`; empty for a Service without.
    pub selector: Labels,
    /// `spec.type`, `ClusterIP` by default.
    pub kind: Text,
    /// Whether it has external addresses of its own (`spec.externalIPs`).
    pub external_addresses: bool,
    /// `clusterIP: None`
    pub headless: bool,
    /// `spec.externalName`
    pub external_name: Option<Text>,
    /// Whether an operator makes it, so that it is not in the stream itself.
    pub operated: bool,
    /// The ports.
    pub ports: Rc<[ServicePort]>,
    /// The port to scrape, when its annotations ask Prometheus for it.
    pub scrape: Option<Scrape>,
}

/// What `prometheus.io/…` annotations ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scrape {
    /// The port, where one is named.
    pub port: Option<u16>,
    /// Pointer to the annotation that asks.
    pub pointer: Text,
}

/// A reference to a Service.
#[derive(Debug)]
pub struct Backend {
    /// The object that holds it.
    pub object: ObjectRef,
    /// Where in its document.
    pub pointer: Text,
    /// The Service's namespace, where it is written.
    pub namespace: Option<Text>,
    /// The Service's name.
    pub service: Text,
    /// The Service's port; all of them without.
    pub port: Option<super::topology::PortRef>,
}

/// A service account that a role is bound to.
#[derive(Debug)]
pub struct Account {
    /// The binding.
    pub object: ObjectRef,
    /// Where the account stands in its document.
    pub pointer: Text,
    /// The account's namespace; the binding's own where none is written.
    pub namespace: Option<Text>,
    /// Its name; `None` for every account of the namespace.
    pub name: Option<Text>,
}

/// A Dapr component: what the sidecars of its scopes call.
#[derive(Debug)]
pub struct Component {
    /// The object.
    pub object: ObjectRef,
    /// Dapr application ids; empty for all of the namespace.
    pub scopes: Vec<Text>,
    /// Its settings.
    pub settings: Vec<Variable>,
}

/// A NetworkPolicy of the stream.
#[derive(Debug)]
pub struct PolicyFacts {
    /// The object.
    pub object: ObjectRef,
    /// Whether it is one of ours.
    pub ours: bool,
    /// `spec.podSelector`.
    pub selector: Selected,
    /// Whether it covers incoming traffic.
    pub ingress: bool,
    /// Whether it covers outgoing traffic.
    pub egress: bool,
    /// Its rules that let everyone in or out.
    pub open: Vec<(Direction, usize)>,
    /// The pods that its rules name, with the ports.
    pub allowed: Vec<Allowed>,
}

impl Facts {
    /// What an object of the document of that number is called from now on.
    pub fn name(&mut self, number: usize, object: &Object<'_>) -> ObjectRef {
        ObjectRef::of(number, object, &mut self.texts)
    }

    /// Notes what one object says, which is called `own`. `places` are its pod specs.
    pub fn collect(&mut self, own: &ObjectRef, object: &Object<'_>, places: &[PodPlace]) {
        if object.identity.kind == "CustomResourceDefinition" {
            return self.conversion(own, object);
        }
        if let Some(namespace) = &own.namespace {
            *self.written.entry(namespace.clone()).or_default() += 1;
        }
        if self.helm4_template.is_none() {
            self.helm4_template = annotation(object.view, HELM4_FILENAME);
        }
        for place in places {
            match place.editable {
                true => self.workload(own, object, place),
                false => self.made_by_operator(own, object, place),
            }
        }
        if places.is_empty() {
            self.other(own, object);
        }
    }

    fn workload(&mut self, own: &ObjectRef, object: &Object<'_>, place: &PodPlace) {
        let (Some(template), Some(spec)) = (&place.template, object.view.pointer(&place.spec))
        else {
            return;
        };
        // A PodTemplate runs nothing by itself, but whoever makes pods from it makes them so.
        if object.identity.name.is_empty() {
            return;
        }
        let metadata = object
            .view
            .pointer(template)
            .and_then(|template| template.get("metadata"));
        let texts = &mut self.texts;
        let labels = super::labels::read(metadata.and_then(|m| m.get("labels")), texts);
        let selector = object.view.pointer("/spec/selector");
        // A ReplicationController's selector is the map of labels itself.
        let selector = match object.identity.kind.as_str() {
            "ReplicationController" => selector,
            _ => selector.and_then(|selector| selector.get("matchLabels")),
        };
        let at = format!("{}{}", object.pointer, place.spec);
        let mut pod = Pod::read(spec, &at, texts);
        if let Some(annotations) = metadata.and_then(|m| m.get("annotations")) {
            let at = format!("{}{template}/metadata/annotations", object.pointer);
            pod.annotate(annotations, &at, texts);
        }
        pod.annotate_object(object, texts);
        let governing = object.view.pointer("/spec/serviceName").and_then(text);
        let governing_at = || format!("{}/spec/serviceName", object.pointer);
        self.workloads.push(WorkloadFacts {
            object: own.clone(),
            template: texts.keep(&format!("{}{template}", object.pointer)),
            worn: match is_named_by_job(object) {
                true => labels.of_job(&object.identity.name),
                false => labels.clone(),
            },
            labels,
            selector: super::labels::read(selector, texts),
            hook: object.identity.is_hook(),
            operated: !makes_pods_as_written(object.identity.group(), &object.identity.kind),
            governing: governing.map(|text| Box::new(Word::new(&text, &governing_at(), texts))),
            pod,
            given: Vec::new(),
        });
    }

    /// Adds what pods got from their product: variables, each with the place of its container among
    /// all and its pointer, and what they have to reach.
    pub fn give(
        &mut self,
        document: usize,
        template: &str,
        variables: Vec<(usize, String, profile::Variable)>,
        endpoints: &[Endpoint],
    ) {
        let mut workloads = self.workloads.iter_mut().rev();
        let is = |own: &&mut WorkloadFacts| {
            own.object.document == document && *own.template == *template
        };
        let Some(workload) = workloads.find(is) else {
            return;
        };
        workload.given = endpoints.to_vec();
        for (number, pointer, variable) in variables {
            if let Some(container) = workload.pod.containers.get_mut(number) {
                container.give(&pointer, &variable, &mut self.texts);
            }
        }
    }
}

/// Whether it is a Job that labels its pods with its name: one that leaves its selector to Kubernetes.
fn is_named_by_job(object: &Object<'_>) -> bool {
    let id = &object.identity;
    let manual = object.view.pointer("/spec/manualSelector");
    id.group() == "batch" && id.kind == "Job" && manual.and_then(View::as_bool) != Some(true)
}

/// Whether the kind's controller makes pods just as the template says: Kubernetes' own, and those
/// that stand in for a Deployment. Operators of other kinds add containers, labels and peers.
fn makes_pods_as_written(group: &str, kind: &str) -> bool {
    match group {
        "" | "apps" | "batch" | "extensions" => true,
        "argoproj.io" => kind == "Rollout",
        "apps.openshift.io" => kind == "DeploymentConfig",
        "apps.kruise.io" => true,
        _ => false,
    }
}

/// An annotation of the object, as text.
fn annotation(object: View<'_>, key: &str) -> Option<String> {
    let annotations = object.get("metadata")?.get("annotations")?;
    Some(annotations.get(key)?.as_str()?.into_owned())
}

/// A string, or a number or boolean as it would be written: what people leave unquoted.
pub fn text(view: View<'_>) -> Option<Cow<'_, str>> {
    if let Some(text) = view.as_str() {
        return Some(text);
    }
    let number = view.as_number().map(|number| number.to_string());
    let text = number.or_else(|| view.as_bool().map(|b| b.to_string()));
    text.map(Cow::Owned)
}

/// The member of a map, as [`text`].
pub fn member<'v>(view: View<'v>, key: &str) -> Option<Cow<'v, str>> {
    text(view.get(key)?)
}

/// A port number.
fn number(view: View<'_>) -> Option<u16> {
    text(view)?.trim().parse().ok().filter(|port| *port > 0)
}

/// The ports that a container declares.
fn container_ports(container: View<'_>, texts: &mut Texts) -> Box<[ContainerPort]> {
    let ports = container.get("ports").into_iter().flat_map(View::items);
    let ports = ports.filter_map(|port| {
        Some(ContainerPort {
            name: member(port, "name").map(|name| texts.keep(&name)),
            number: number(port.get("containerPort")?)?,
            protocol: objects::protocol(port),
            on_node: port.get("hostPort").and_then(number).is_some(),
        })
    });
    ports.collect()
}
