//! Who calls whom: workloads, Services, and the calls between them with their evidence.
//!
//! Everything here is plain data, so that policies are made from it, and texts and pictures drawn
//! of it, without looking at a manifest again.

mod build;
mod calls;
mod declared;
mod exposure;
mod hints;
mod links;
mod mesh;
mod resolve;
mod store;
mod targets;

use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use super::labels::Labels;
use super::narrow::Direction;
use super::texts::{Text, Texts};
use crate::object::Object;
pub use build::{Inputs, derive, release_namespace};

/// An object of the stream. Copies share what they say.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef(Rc<Named>);

/// What an object of the stream is called, and where it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Named {
    /// The document's number in the stream, from 0.
    pub document: usize,
    /// JSON Pointer to the object in its document: `""`, or `/items/3` in a `List`.
    pub pointer: Text,
    /// `Deployment`.
    pub kind: Text,
    /// The namespace as written; `None` means the release's.
    pub namespace: Option<Text>,
    /// `metadata.name`.
    pub name: Text,
}

impl ObjectRef {
    /// An object of the document of that number.
    pub fn of(document: usize, object: &Object<'_>, texts: &mut Texts) -> ObjectRef {
        let id = &object.identity;
        ObjectRef::from(Named {
            document,
            pointer: texts.keep(&object.pointer),
            kind: texts.keep(&id.kind),
            namespace: id.namespace.as_deref().map(|own| texts.keep(own)),
            name: texts.keep(&id.name),
        })
    }
}

impl From<Named> for ObjectRef {
    fn from(named: Named) -> ObjectRef {
        ObjectRef(Rc::new(named))
    }
}

impl Deref for ObjectRef {
    type Target = Named;

    fn deref(&self) -> &Named {
        &self.0
    }
}

/// `Deployment shop/web`.
impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// What a release's pods and Services say to each other.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    /// Everything that runs pods, in the order of the stream. Peers name workloads by their place
    /// in this list.
    pub workloads: Vec<Workload>,
    /// The Services, in the order of the stream.
    pub services: Vec<Service>,
    /// The calls, sorted: each pair of peers once for each port.
    pub edges: Vec<Edge>,
    /// Names in the manifests that look like a call and lead nowhere.
    pub loose: Vec<Loose>,
    /// NetworkPolicies of the chart's own.
    pub policies: Vec<ChartPolicy>,
}

/// Something that runs pods.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The object.
    pub object: ObjectRef,
    /// The namespace it runs in; empty when it is the release's and that is not known.
    pub namespace: Text,
    /// JSON Pointer, in its document, to the pod template; a Pod is one itself.
    pub template: Text,
    /// The labels of its pods, those that the controller adds among them.
    pub labels: Labels,
    /// The labels that select its pods and no other workload's. Never empty, and the same after an
    /// upgrade of the chart.
    pub selector: Labels,
    /// Whether the selector needs a label, [`super::WORKLOAD`], that the pod template does not have yet.
    pub needs_label: bool,
    /// The ports its containers declare.
    pub ports: Box<[ContainerPort]>,
    /// Whether its pods use the node's own network, where no NetworkPolicy holds.
    pub host_network: bool,
    /// Whether Helm runs it as a hook.
    pub hook: bool,
    /// Whether an operator makes its pods, as it sees fit: it gets no policy.
    pub operated: bool,
    /// Whether a NetworkPolicy of the chart selects its pods for incoming traffic.
    pub own_ingress: bool,
    /// Whether a NetworkPolicy of the chart selects its pods for outgoing traffic.
    pub own_egress: bool,
}

/// A port that a container declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerPort {
    /// The name, by which Services and policies may call it.
    pub name: Option<Text>,
    /// The number.
    pub number: u16,
    /// TCP, UDP or SCTP.
    pub protocol: Protocol,
    /// Whether it is a port of the node too (`hostPort`).
    pub on_node: bool,
}

/// A transport protocol that NetworkPolicies know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// The default.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    /// The name in manifests.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Tcp => "TCP",
            Protocol::Udp => "UDP",
            Protocol::Sctp => "SCTP",
        }
    }
}

/// A Service of the release.
#[derive(Clone, Debug)]
pub struct Service {
    /// The object.
    pub object: ObjectRef,
    /// The namespace it is in; empty as in [`Workload::namespace`].
    pub namespace: Text,
    /// The workloads whose pods it selects.
    pub workloads: Vec<usize>,
    /// The labels it selects by, where no workload of the release makes such pods; else empty.
    pub selector: Labels,
    /// Where it leads.
    pub leads: Leads,
    /// Its ports.
    pub ports: Rc<[ServicePort]>,
}

/// Where a Service leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leads {
    /// To the pods it selects, through an address of its own.
    Pods,
    /// To the pods it selects, by their own addresses (`clusterIP: None`).
    PodsDirectly,
    /// To another host (`type: ExternalName`).
    Name(String),
    /// To whatever somebody enters into its Endpoints; those of the stream.
    Endpoints(Vec<Text>),
    /// To pods that an operator makes, Service and all: the stream shows neither.
    Operated,
}

/// A port of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// The name; required where there is more than one.
    pub name: Option<Text>,
    /// The number clients use.
    pub number: u16,
    /// The pods' port.
    pub target: PortRef,
    /// TCP, UDP or SCTP.
    pub protocol: Protocol,
}

/// A port by number or by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PortRef {
    /// `8080`
    Number(u16),
    /// `http`, as a container of the pod declares it.
    Name(Text),
}

/// A port of pods.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port {
    /// Which.
    pub port: PortRef,
    /// TCP, UDP or SCTP.
    pub protocol: Protocol,
}

/// `8080`, `8125/UDP`, `http`.
impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.port {
            PortRef::Number(number) => write!(f, "{number}")?,
            PortRef::Name(name) => f.write_str(name)?,
        }
        match self.protocol {
            Protocol::Tcp => Ok(()),
            other => write!(f, "/{}", other.name()),
        }
    }
}

/// One end of a call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peer {
    /// A workload of the release, by its place in [`Topology::workloads`].
    Workload(usize),
    /// Anyone: behind a LoadBalancer or a NodePort.
    World,
    /// The ingress controller.
    Ingress,
    /// Prometheus.
    Prometheus,
    /// The API server, as it calls webhooks and as pods call it.
    ApiServer,
    /// Pods in a namespace that the release does not hold.
    Namespace(Text),
    /// Pods that somebody else makes and a Service of the release selects.
    Behind(Rc<Behind>),
    /// Hosts outside the cluster whose addresses are not known, by the name that is used.
    Outside(Text),
    /// An address, in CIDR notation.
    Address(Text),
    /// One of the platform's own peers, by its place in `hardening.network.peers`.
    Extra(usize),
}

/// A Service of the release whose pods somebody else makes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Behind {
    /// The namespace of both.
    pub namespace: Text,
    /// The Service's name.
    pub service: Text,
    /// What it selects by.
    pub labels: Labels,
}

/// A call that the release makes or takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Who calls.
    pub from: Peer,
    /// Who is called.
    pub to: Peer,
    /// The called pods' port; `None` when nothing tells which.
    pub port: Option<Port>,
    /// The Service that is called, by its place in [`Topology::services`].
    pub service: Option<usize>,
    /// Everything in the manifests that shows the call; never empty.
    pub evidence: Vec<Evidence>,
}

/// A place in the manifests that shows a call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Evidence {
    /// What sort of place it is.
    pub kind: EvidenceKind,
    /// The object that says so.
    pub object: ObjectRef,
    /// JSON Pointer to the value, from the document's root.
    pub pointer: Text,
    /// The line of the value, from 0, for text of many lines.
    pub line: usize,
    /// The host and port as the text says them; never anything else of the text, which may be secret.
    pub says: Text,
}

/// What sort of place shows a call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EvidenceKind {
    /// An environment variable of that name.
    Variable(Text),
    /// A command or an argument.
    Argument,
    /// A file of that name in a ConfigMap or Secret.
    File(Text),
    /// An annotation with that key.
    Annotation(Text),
    /// A custom resource.
    Resource,
    /// A Service that is open to the world, by its type.
    Exposed(Text),
    /// An Ingress, a route of the Gateway API, or another kind of route.
    Route,
    /// A webhook, or an aggregated API.
    Webhook,
    /// A ServiceMonitor or PodMonitor.
    Monitor,
    /// A RoleBinding or ClusterRoleBinding of the pods' service account.
    Binding,
    /// The headless Service by which the pods of a StatefulSet find each other.
    Siblings,
    /// A NetworkPolicy of the chart's own, whose rule names the other end.
    Policy,
    /// The platform file.
    Platform,
    /// That field of the profiles of the product that the pods belong to.
    Profile(Text),
}

/// A name that looks like a call and leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loose {
    /// The workload that names it.
    pub workload: usize,
    /// Why it leads nowhere.
    pub why: LooseWhy,
    /// Where it stands.
    pub evidence: Evidence,
}

/// Why a name leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LooseWhy {
    /// The Service, by its place in [`Topology::services`], has no such port.
    Port(usize, u16),
    /// The release has no Service of that name. Another release of the namespace may.
    NoService,
    /// A host outside, without a port that could be opened.
    NoPort,
}

/// A NetworkPolicy that the stream holds.
#[derive(Clone, Debug)]
pub struct ChartPolicy {
    /// The object.
    pub object: ObjectRef,
    /// The namespace it is in.
    pub namespace: Text,
    /// Whether it is one of ours, from a run before this one.
    pub ours: bool,
    /// The workloads whose pods it selects.
    pub workloads: Vec<usize>,
    /// Whether its selector is empty, so that it selects all pods of the namespace.
    pub selects_all: bool,
    /// Whether it may select pods that the stream does not show: an operator's or a program's.
    pub may_select_more: bool,
    /// Its rules that let everyone in or out.
    pub open: Vec<(Direction, usize)>,
}

impl Topology {
    /// Workloads about whose connections nothing is known: no call from them, none to them.
    pub fn unexplained(&self) -> Vec<usize> {
        let mut known = vec![false; self.workloads.len()];
        for edge in &self.edges {
            for peer in [&edge.from, &edge.to] {
                if let Peer::Workload(number) = peer
                    && let Some(known) = known.get_mut(*number)
                {
                    *known = true;
                }
            }
        }
        let numbers = known.iter().enumerate().filter(|(_, known)| !**known);
        numbers.map(|(number, _)| number).collect()
    }

    /// Services with pods that no one may reach, as far as the manifests show.
    pub fn unreachable(&self) -> Vec<usize> {
        let mut called = vec![false; self.workloads.len()];
        for edge in &self.edges {
            if let Peer::Workload(number) = edge.to
                && let Some(called) = called.get_mut(number)
            {
                *called = true;
            }
        }
        let services = self.services.iter().enumerate().filter(|(_, service)| {
            let mut workloads = service.workloads.iter();
            !service.workloads.is_empty()
                && !workloads.any(|number| called.get(*number) == Some(&true))
        });
        services.map(|(number, _)| number).collect()
    }
}
