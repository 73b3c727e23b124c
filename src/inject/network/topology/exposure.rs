//! Calls that come from outside the release, and those to the API server.

use foldhash::{HashMap, HashSet};

use super::build::{Edges, Inputs, Namespace, evidence, service_ports};
use super::{Evidence, EvidenceKind, Peer, Port, PortRef, Protocol};
use crate::inject::network::facts::{Account, Backend, Facts, Monitored, WorkloadFacts};
use crate::inject::network::texts::Text;

/// Finds who from outside may call the release, and who of it calls the API server.
pub(super) fn find(facts: &Facts, _: &Inputs<'_>, namespace: Namespace<'_>, edges: &mut Edges<'_>) {
    exposed(facts, edges);
    on_nodes(edges);
    for (backends, peer, kind) in [
        (&facts.routes, Peer::Ingress, EvidenceKind::Route),
        (&facts.webhooks, Peer::ApiServer, EvidenceKind::Webhook),
    ] {
        for backend in backends {
            called(backend, &peer, &kind, namespace, edges);
        }
    }
    scraped(facts, edges);
    for monitor in &facts.monitors {
        monitored(monitor, facts, namespace, edges);
    }
    bound(facts, namespace, edges);
}

/// LoadBalancer and NodePort Services.
fn exposed(facts: &Facts, edges: &mut Edges<'_>) {
    for (number, own) in facts.services.iter().enumerate() {
        let (says, field) = match &*own.kind {
            kind @ ("LoadBalancer" | "NodePort") => (kind, "type"),
            _ if own.external_addresses => ("externalIPs", "externalIPs"),
            _ => continue,
        };
        let Some(service) = edges.topology.services.get(number) else {
            continue;
        };
        let says = Text::from(says);
        let kind = EvidenceKind::Exposed(says.clone());
        let pointer = Text::from(format!("{}/spec/{field}", own.object.pointer));
        let shown = evidence(kind, &own.object, &pointer, says);
        edges.reach(&Peer::World, number, &service_ports(service, None), &shown);
    }
}

/// Ports of the node.
fn on_nodes(edges: &mut Edges<'_>) {
    let topology = edges.topology;
    for (number, own) in topology.workloads.iter().enumerate() {
        for port in own.ports.iter().filter(|port| port.on_node) {
            let kind = EvidenceKind::Exposed("hostPort".into());
            let says = Text::from(port.number.to_string());
            let shown = evidence(kind, &own.object, &own.template, says);
            let port = Port {
                port: PortRef::Number(port.number),
                protocol: port.protocol,
            };
            edges.add(Peer::World, Peer::Workload(number), Some(port), None, shown);
        }
    }
}

/// A Service that a route or a webhook names.
fn called(
    backend: &Backend,
    from: &Peer,
    kind: &EvidenceKind,
    namespace: Namespace<'_>,
    edges: &mut Edges<'_>,
) {
    let written = backend
        .namespace
        .clone()
        .or_else(|| backend.object.namespace.clone());
    let place = namespace(&written);
    let Some(number) = edges.resolver.service(&place, &backend.service) else {
        return;
    };
    let Some(service) = edges.topology.services.get(number) else {
        return;
    };
    let says = match &backend.port {
        Some(PortRef::Number(port)) => format!("{}:{port}", backend.service).into(),
        Some(PortRef::Name(port)) => format!("{}:{port}", backend.service).into(),
        None => backend.service.clone(),
    };
    let shown = evidence(kind.clone(), &backend.object, &backend.pointer, says);
    let ports = service_ports(service, backend.port.as_ref());
    edges.reach(from, number, &ports, &shown);
}

/// `prometheus.io/scrape` on pods and on Services.
fn scraped(facts: &Facts, edges: &mut Edges<'_>) {
    let kind = || EvidenceKind::Annotation("prometheus.io/scrape".into());
    for (number, own) in facts.workloads.iter().enumerate() {
        let Some(scrape) = &own.pod.scrape else {
            continue;
        };
        let shown = evidence(kind(), &own.object, &scrape.pointer, "scrape".into());
        for port in scraped_ports(own, scrape.port) {
            scrape_by(edges, false, number, port, None, &shown);
        }
    }
    for (number, own) in facts.services.iter().enumerate() {
        let (Some(scrape), Some(service)) = (&own.scrape, edges.topology.services.get(number))
        else {
            continue;
        };
        let shown = evidence(kind(), &own.object, &scrape.pointer, "scrape".into());
        match scrape.port {
            None => {
                for &workload in &service.workloads {
                    for port in service_ports(service, None) {
                        let port = edges.pod_port(workload, port);
                        scrape_by(edges, true, workload, port, Some(number), &shown);
                    }
                }
            }
            // The annotation's port replaces the address' port: it is the pods'.
            Some(port) => {
                for &workload in &service.workloads {
                    scrape_by(edges, true, workload, tcp(port), Some(number), &shown);
                }
            }
        }
    }
}

/// Prometheus scrapes a port of a workload, and so does who of the release does as Prometheus.
fn scrape_by(
    edges: &mut Edges<'_>,
    of_service: bool,
    workload: usize,
    port: Port,
    service: Option<usize>,
    shown: &Evidence,
) {
    let to = Peer::Workload(workload);
    for number in 0..edges.scrapers.len() {
        let Some(own) = edges.scrapers.get(number) else {
            continue;
        };
        let looks = if of_service { own.services } else { own.pods };
        if !looks || own.workload == workload {
            continue;
        }
        let (from, file) = (Peer::Workload(own.workload), own.evidence.clone());
        for shown in [shown.clone(), file] {
            edges.add(from.clone(), to.clone(), Some(port.clone()), service, shown);
        }
    }
    edges.add(Peer::Prometheus, to, Some(port), service, shown.clone());
}

fn scraped_ports(workload: &WorkloadFacts, port: Option<u16>) -> Vec<Port> {
    if let Some(port) = port {
        return vec![tcp(port)];
    }
    let containers = workload.pod.containers.iter();
    let declared = containers.flat_map(|container| &container.ports);
    declared
        .filter(|port| port.protocol == Protocol::Tcp)
        .map(|port| tcp(port.number))
        .collect()
}

fn tcp(port: u16) -> Port {
    Port {
        port: PortRef::Number(port),
        protocol: Protocol::Tcp,
    }
}

/// A ServiceMonitor or PodMonitor.
fn monitored(monitor: &Monitored, facts: &Facts, namespace: Namespace<'_>, edges: &mut Edges<'_>) {
    let own = namespace(&monitor.object.namespace);
    let looks_in = |place: &str| match &monitor.namespaces {
        None => true,
        Some(names) if names.is_empty() => *place == *own,
        Some(names) => names.iter().any(|name| **name == *place),
    };
    for (port, target, pointer) in &monitor.endpoints {
        let says = match port.as_ref().or(target.as_ref()) {
            Some(PortRef::Number(port)) => Text::from(port.to_string()),
            Some(PortRef::Name(port)) => port.clone(),
            None => continue,
        };
        let shown = evidence(EvidenceKind::Monitor, &monitor.object, pointer, says);
        for (workload, port) in ends(
            monitor,
            facts,
            &looks_in,
            port.as_ref(),
            target.as_ref(),
            edges,
        ) {
            let to = Peer::Workload(workload);
            edges.add(Peer::Prometheus, to, Some(port), None, shown.clone());
        }
    }
}

/// The pods and ports that one endpoint of a monitor means.
fn ends(
    monitor: &Monitored,
    facts: &Facts,
    looks_in: &dyn Fn(&str) -> bool,
    port: Option<&PortRef>,
    target: Option<&PortRef>,
    edges: &Edges<'_>,
) -> Vec<(usize, Port)> {
    let mut ends = Vec::new();
    if monitor.pods {
        for (number, workload) in edges.topology.workloads.iter().enumerate() {
            let selected =
                looks_in(&workload.namespace) && monitor.selector.selects(&workload.labels);
            if let (true, Some(port)) = (selected, port.or(target)) {
                ends.push((number, edges.named_port(number, port, Protocol::Tcp)));
            }
        }
        return ends;
    }
    for (service, own) in edges.topology.services.iter().zip(&facts.services) {
        if !looks_in(&service.namespace) || !monitor.selector.selects(&own.labels) {
            continue;
        }
        for &workload in &service.workloads {
            match (port, target) {
                (Some(port), _) => {
                    for port in service_ports(service, Some(port)) {
                        ends.push((workload, edges.pod_port(workload, port)));
                    }
                }
                (None, Some(target)) => {
                    ends.push((workload, edges.named_port(workload, target, Protocol::Tcp)));
                }
                (None, None) => {}
            }
        }
    }
    ends
}

/// Pods whose service account a role is bound to, unless no token is mounted.
fn bound(facts: &Facts, namespace: Namespace<'_>, edges: &mut Edges<'_>) {
    let unmounted: HashSet<(Text, &str)> = facts
        .accounts
        .iter()
        .filter(|(_, _, mounted)| !mounted)
        .map(|(written, name, _)| (namespace(written), &**name))
        .collect();
    let mut by_account: HashMap<(Text, Option<&str>), &Account> = HashMap::default();
    for binding in &facts.bindings {
        let key = (namespace(&binding.namespace), binding.name.as_deref());
        by_account.entry(key).or_insert(binding);
    }
    for (number, own) in facts.workloads.iter().enumerate() {
        let place = namespace(&own.object.namespace);
        let account = own.pod.account.as_deref().unwrap_or("default");
        let mounted = own.pod.automount;
        let mounted = mounted.unwrap_or_else(|| !unmounted.contains(&(place.clone(), account)));
        if !mounted && !own.pod.token {
            continue;
        }
        let own = by_account.get(&(place.clone(), Some(account)));
        if let Some(binding) = own.or_else(|| by_account.get(&(place, None))) {
            let shown = evidence(
                EvidenceKind::Binding,
                &binding.object,
                &binding.pointer,
                Text::from(account),
            );
            edges.add(Peer::Workload(number), Peer::ApiServer, None, None, shown);
        }
    }
}
