//! From facts to a topology.

use foldhash::HashMap;

use super::resolve::Resolver;
use super::{
    ChartPolicy, Edge, Evidence, Leads, Loose, ObjectRef, Peer, Port, PortRef, Service,
    ServicePort, Topology, Workload, calls, declared, exposure, hints, mesh,
};
use crate::inject::network::WORKLOAD;
use crate::inject::network::facts::{Facts, ServiceFacts};
use crate::inject::network::labels::{self, Index, Labels};
use crate::inject::network::texts::Text;
use crate::platform::network::Network;

/// What a topology is made from besides the facts.
pub struct Inputs<'a> {
    /// The platform's settings.
    pub network: &'a Network,
    /// The release's namespace, where it is known.
    pub namespace: Option<&'a str>,
    /// The text of a document.
    pub load: &'a dyn Fn(usize) -> Option<&'a str>,
    /// Whether every pod of the release gets a label of that key: it tells none from another.
    pub common: &'a dyn Fn(&str) -> bool,
}

/// Derives who calls whom.
pub fn derive<'a>(facts: &'a Facts, inputs: &Inputs<'a>) -> Topology {
    let release = release_namespace(facts, inputs.namespace);
    let namespace = |written: &Option<Text>| written.clone().unwrap_or_else(|| release.clone());
    let mut topology = Topology {
        workloads: workloads(facts, &namespace),
        ..Topology::default()
    };
    let pods = topology.workloads.iter();
    let index = Index::new(pods.map(|own| (&*own.namespace, &own.labels)));
    let services = facts.services.iter();
    let mut endpoints: Endpoints<'_> = HashMap::default();
    for (object, service, addresses) in &facts.endpoints {
        let key = (namespace(&object.namespace), &**service);
        let list = endpoints.entry(key).or_default();
        list.extend(addresses.iter().cloned());
    }
    let services = services.map(|own| {
        let mut service = service(own, &endpoints, &namespace);
        if matches!(service.leads, Leads::Pods | Leads::PodsDirectly) {
            let pods = (&index, topology.workloads.as_slice());
            service.workloads = selected(&service.namespace, &own.selector, pods);
            // Somebody else makes the pods.
            if service.workloads.is_empty() {
                service.selector = own.selector.clone();
            }
        }
        service
    });
    let services: Vec<Service> = services.collect();
    let policies = policies(facts, &namespace, &topology.workloads, &index);
    let selectors = selectors(facts, &topology.workloads, &index, inputs.common);
    // The calls of a large release take their own memory.
    drop(index);
    topology.services = services;
    for (workload, (selector, needs_label)) in topology.workloads.iter_mut().zip(selectors) {
        (workload.selector, workload.needs_label) = (selector, needs_label);
    }
    for (policy, own) in policies.iter().zip(&facts.policies) {
        for &number in policy.workloads.iter().filter(|_| !policy.ours) {
            if let Some(workload) = topology.workloads.get_mut(number) {
                workload.own_ingress |= own.ingress;
                workload.own_egress |= own.egress;
            }
        }
    }
    topology.policies = policies;
    let (edges, loose) = edges(facts, inputs, &topology, &namespace);
    topology.edges = edges;
    topology.loose = loose;
    topology
}

/// Addresses by namespace and name of the Service that leads to them.
type Endpoints<'a> = HashMap<(Text, &'a str), Vec<Text>>;

/// The namespace of an object, given what is written.
pub(super) type Namespace<'n> = &'n dyn Fn(&Option<Text>) -> Text;

/// The namespace that objects without one go to: as given, else the one most objects name, because
/// charts commonly write the release's into them. Empty when nobody says any.
pub fn release_namespace(facts: &Facts, given: Option<&str>) -> Text {
    let most = || {
        let written = facts.written.iter();
        written.max_by(|a, b| (a.1, b.0).cmp(&(b.1, a.0)))
    };
    match given {
        Some(given) => Text::from(given),
        None => most().map(|(name, _)| name.clone()).unwrap_or_default(),
    }
}

fn workloads(facts: &Facts, namespace: Namespace<'_>) -> Vec<Workload> {
    let own = facts.workloads.iter().map(|own| Workload {
        object: own.object.clone(),
        namespace: namespace(&own.object.namespace),
        template: own.template.clone(),
        labels: own.worn.clone(),
        selector: Labels::default(),
        needs_label: false,
        ports: own
            .pod
            .containers
            .iter()
            .flat_map(|container| container.ports.iter().cloned())
            .collect(),
        host_network: own.pod.host_network,
        hook: own.hook,
        operated: own.operated,
        own_ingress: false,
        own_egress: false,
    });
    own.collect()
}

fn service(own: &ServiceFacts, endpoints: &Endpoints<'_>, namespace: Namespace<'_>) -> Service {
    let place = namespace(&own.object.namespace);
    let leads = match &own.external_name {
        _ if own.operated => Leads::Operated,
        Some(name) if own.kind == "ExternalName" => Leads::Name(name.to_ascii_lowercase()),
        _ if own.selector.is_empty() => {
            let key = (place.clone(), &*own.object.name);
            Leads::Endpoints(endpoints.get(&key).cloned().unwrap_or_default())
        }
        _ if own.headless => Leads::PodsDirectly,
        _ => Leads::Pods,
    };
    Service {
        object: own.object.clone(),
        workloads: Vec::new(),
        selector: Labels::default(),
        namespace: place,
        leads,
        ports: own.ports.clone(),
    }
}

/// The workloads whose pods a Service selects. Where no template has all of its labels, those whose
/// pods may get the others when they run.
fn selected(
    namespace: &str,
    selector: &Labels,
    (index, workloads): (&Index<'_>, &[Workload]),
) -> Vec<usize> {
    let found = index.select(namespace, selector);
    if !found.is_empty() {
        return found;
    }
    let Some(set) = selector
        .get(labels::POD_NAME)
        .and_then(|pod| labels::stateful_set(pod))
    else {
        return index.may_select(namespace, selector);
    };
    let is_it = |own: &Workload| {
        own.object.kind == "StatefulSet" && own.object.name == *set && own.namespace == *namespace
    };
    workloads.iter().position(is_it).into_iter().collect()
}

fn policies(
    facts: &Facts,
    namespace: Namespace<'_>,
    workloads: &[Workload],
    index: &Index<'_>,
) -> Vec<ChartPolicy> {
    let policies = facts.policies.iter().map(|own| {
        let place = namespace(&own.object.namespace);
        let candidates = match own.selector.labels.is_empty() {
            true => (0..workloads.len()).collect(),
            false => index.select(&place, &own.selector.labels),
        };
        let selected = candidates.into_iter().filter(|number| {
            let workload = workloads.get(*number);
            workload.is_some_and(|workload| {
                workload.namespace == place && own.selector.selects(&workload.labels)
            })
        });
        ChartPolicy {
            object: own.object.clone(),
            ours: own.ours,
            workloads: selected.collect(),
            selects_all: own.selector.is_empty(),
            may_select_more: facts.makes_pods
                || facts.templates.iter().any(|(written, labels)| {
                    namespace(written) == place && own.selector.selects(labels)
                }),
            open: own.open.clone(),
            namespace: place,
        }
    });
    policies.collect()
}

/// For each workload the labels to select it by, and whether its template lacks one of them.
///
/// The workload's own selector comes first, because it can never change; then all labels of its
/// pods that outlast an upgrade. Where both are empty or select another workload's pods too, a label
/// of ours tells them apart.
fn selectors(
    facts: &Facts,
    workloads: &[Workload],
    index: &Index<'_>,
    common: &dyn Fn(&str) -> bool,
) -> Vec<(Labels, bool)> {
    let own = facts.workloads.iter().zip(workloads).enumerate();
    own.map(|(number, (facts, workload))| {
        let alone = |labels: &Labels| {
            let telling = labels.keeping(|key| !common(key));
            index.is_alone(number, &workload.namespace, &telling)
        };
        let ours = |value: &str| Labels::from([(WORKLOAD, value)]);
        if let Some(value) = facts.labels.get(WORKLOAD) {
            return (ours(value), false);
        }
        // A ReplicationController without a selector takes its template's labels for one: another
        // label would change whom it selects.
        let fixed = workload.object.kind == "ReplicationController" && facts.selector.is_empty();
        let selector = facts.selector.stable();
        if alone(&selector) {
            return (selector, false);
        }
        let mut all = facts.labels.stable();
        if !fixed {
            all = all.keeping(|key| !common(key));
        }
        if fixed || alone(&all) {
            return (all, false);
        }
        (ours(&label_value(&workload.object)), true)
    })
    .collect()
}

/// The value of our label: kind and name, which no other workload of the namespace shares.
fn label_value(workload: &ObjectRef) -> String {
    let kind = workload.kind.to_ascii_lowercase();
    let value = format!("{kind}-{}", workload.name);
    crate::inject::network::synthesis::shorten(&value, 63)
}

fn edges<'a>(
    facts: &'a Facts,
    inputs: &Inputs<'a>,
    topology: &Topology,
    namespace: Namespace<'_>,
) -> (Vec<Edge>, Vec<Loose>) {
    let own = topology.workloads.iter().map(|own| &*own.namespace);
    let created = facts.namespaces.iter().map(|own| &**own);
    let resolver = Resolver::new(&topology.services, own.chain(created), &facts.public_names);
    let mut edges = Edges {
        topology,
        resolver,
        by_key: HashMap::default(),
        list: Vec::new(),
        loose: Vec::new(),
        scrapers: Vec::new(),
    };
    calls::find(facts, inputs.load, namespace, &mut edges);
    declared::find(facts, namespace, &mut edges);
    exposure::find(facts, inputs, namespace, &mut edges);
    mesh::find(facts, namespace, &mut edges);
    hints::find(inputs.network, &mut edges);
    drop(edges.by_key);
    let mut list = edges.list;
    for edge in &mut list {
        edge.evidence.sort();
        edge.evidence
            .dedup_by(|a, b| (&a.object, &a.pointer, &a.says) == (&b.object, &b.pointer, &b.says));
    }
    // No two are equal in all three.
    list.sort_unstable_by(|a, b| (&a.from, &a.to, &a.port).cmp(&(&b.from, &b.to, &b.port)));
    (list, edges.loose)
}

/// Collects edges: each pair of peers once for each port.
pub(super) struct Edges<'a> {
    pub topology: &'a Topology,
    pub resolver: Resolver<'a>,
    by_key: HashMap<(Peer, Peer, Option<Port>), usize>,
    pub list: Vec<Edge>,
    pub loose: Vec<Loose>,
    pub scrapers: Vec<Scraper>,
}

/// A workload that scrapes, as Prometheus does, what annotations ask for.
pub(super) struct Scraper {
    /// Its place in [`Topology::workloads`].
    pub workload: usize,
    /// Whether it looks at the annotations of pods.
    pub pods: bool,
    /// Whether it looks at those of Services.
    pub services: bool,
    /// The file that says so.
    pub evidence: Evidence,
}

impl Edges<'_> {
    /// Adds a call, or its evidence to the call that is there.
    pub fn add(
        &mut self,
        from: Peer,
        to: Peer,
        port: Option<Port>,
        service: Option<usize>,
        evidence: Evidence,
    ) {
        let key = (from, to, port);
        if let Some(edge) = self.by_key.get(&key).and_then(|at| self.list.get_mut(*at)) {
            edge.evidence.push(evidence);
            return;
        }
        self.by_key.insert(key.clone(), self.list.len());
        let (from, to, port) = key;
        self.list.push(Edge {
            from,
            to,
            port,
            service,
            evidence: vec![evidence],
        });
    }

    /// Adds calls to all pods of a Service on some of its ports.
    pub fn reach(
        &mut self,
        from: &Peer,
        service: usize,
        ports: &[&ServicePort],
        evidence: &Evidence,
    ) {
        if let Some(own) = self.topology.services.get(service) {
            self.reach_some(from, service, &own.workloads, ports, evidence);
        }
    }

    /// Adds calls to some of a Service's workloads on some of its ports.
    pub fn reach_some(
        &mut self,
        from: &Peer,
        service: usize,
        workloads: &[usize],
        ports: &[&ServicePort],
        evidence: &Evidence,
    ) {
        for &number in workloads {
            for port in ports {
                let port = Some(self.pod_port(number, port));
                let to = Peer::Workload(number);
                self.add(from.clone(), to, port, Some(service), evidence.clone());
            }
        }
    }

    /// Adds calls to whatever is behind some ports of a Service whose pods the release does not have.
    pub fn reach_peer(
        &mut self,
        from: &Peer,
        service: usize,
        to: &Peer,
        ports: &[&ServicePort],
        evidence: &Evidence,
    ) {
        for own in ports {
            let port = Some(Port {
                port: own.target.clone(),
                protocol: own.protocol,
            });
            self.add(
                from.clone(),
                to.clone(),
                port,
                Some(service),
                evidence.clone(),
            );
        }
    }

    /// The port of a workload's pods behind a port of a Service.
    pub fn pod_port(&self, workload: usize, port: &ServicePort) -> Port {
        self.named_port(workload, &port.target, port.protocol)
    }

    /// A port of a workload's pods, by number where its containers say which.
    pub fn named_port(&self, workload: usize, port: &PortRef, protocol: super::Protocol) -> Port {
        let number = match port {
            PortRef::Number(_) => None,
            PortRef::Name(name) => self.topology.workloads.get(workload).and_then(|own| {
                let named = |port: &&super::ContainerPort| {
                    port.name.as_ref() == Some(name) && port.protocol == protocol
                };
                own.ports.iter().find(named).map(|port| port.number)
            }),
        };
        Port {
            port: number.map_or_else(|| port.clone(), PortRef::Number),
            protocol,
        }
    }
}

/// The ports of a Service that a number or a name means; all of them for none.
pub(super) fn service_ports<'s>(
    service: &'s Service,
    port: Option<&PortRef>,
) -> Vec<&'s ServicePort> {
    let wanted = |own: &&ServicePort| match port {
        None => true,
        Some(PortRef::Number(number)) => own.number == *number,
        Some(PortRef::Name(name)) => own.name.as_ref() == Some(name),
    };
    let found: Vec<&ServicePort> = service.ports.iter().filter(wanted).collect();
    if !found.is_empty() {
        return found;
    }
    // OpenShift's routes may name the pods' port.
    let behind = service.ports.iter();
    behind.filter(|own| port == Some(&own.target)).collect()
}

/// Evidence that an object gives at a pointer.
pub(super) fn evidence(
    kind: super::EvidenceKind,
    object: &ObjectRef,
    pointer: &Text,
    says: Text,
) -> Evidence {
    Evidence {
        kind,
        object: object.clone(),
        pointer: pointer.clone(),
        line: 0,
        says,
    }
}
