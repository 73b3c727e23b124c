//! What a mentioned host leads to, as edges.

use std::rc::Rc;

use super::build::{Edges, service_ports};
use super::resolve::Target;
use super::{
    Behind, Evidence, Leads, Loose, LooseWhy, Peer, Port, PortRef, Protocol, Service, ServicePort,
    Topology,
};
use crate::inject::network::evidence::Mention;
use crate::inject::network::evidence::hosts;
use crate::inject::network::labels::stateful_set;
use crate::inject::network::texts::Text;

/// Adds the edges of one mention.
pub(super) fn call(
    edges: &mut Edges<'_>,
    workload: usize,
    namespace: &str,
    mention: &Mention,
    evidence: Evidence,
) {
    let from = Peer::Workload(workload);
    match edges.resolver.resolve(namespace, mention) {
        Target::Nothing => {}
        Target::Unknown if is_a_guess(mention) => {}
        Target::Unknown => edges.loose.push(Loose {
            workload,
            why: LooseWhy::NoService,
            evidence,
        }),
        Target::ApiServer => edges.add(from, Peer::ApiServer, None, None, evidence),
        Target::Service(service) => to_service(edges, &from, service, mention, evidence),
        Target::Namespace(name) => {
            edges.add(from, Peer::Namespace(name.into()), None, None, evidence);
        }
        Target::Address(address) => {
            let range = if address.contains(':') { 128 } else { 32 };
            let to = Peer::Address(format!("{address}/{range}").into());
            edges.add(from, to, mention.port.map(tcp), None, evidence);
        }
        Target::Outside(host) => match mention.port.or(mention.usual) {
            Some(port) => {
                let to = Peer::Outside(host.into());
                edges.add(from, to, Some(tcp(port)), None, evidence);
            }
            None => edges.loose.push(Loose {
                workload,
                why: LooseWhy::NoPort,
                evidence,
            }),
        },
    }
}

/// Whether only the release could tell that the mention is a host at all: a bare word without a
/// port, or a text that may be anything else.
fn is_a_guess(mention: &Mention) -> bool {
    (mention.bare && !mention.explicit) || !mention.certain || !mention.outside
}

fn tcp(port: u16) -> Port {
    Port {
        port: PortRef::Number(port),
        protocol: Protocol::Tcp,
    }
}

fn to_service(
    edges: &mut Edges<'_>,
    from: &Peer,
    number: usize,
    mention: &Mention,
    evidence: Evidence,
) {
    let Some(service) = edges.topology.services.get(number) else {
        return;
    };
    match &service.leads {
        Leads::Name(host) => renamed(edges, from, number, host, mention, evidence),
        Leads::Endpoints(addresses) => {
            let port = mention.port.map(PortRef::Number);
            let found = service_ports(service, port.as_ref());
            for port in found.iter().map(|own| own.target.clone()) {
                let port = Port {
                    port,
                    protocol: Protocol::Tcp,
                };
                let peers = endpoint_peers(addresses, &service.object.name);
                for to in peers {
                    edges.add(
                        from.clone(),
                        to,
                        Some(port.clone()),
                        Some(number),
                        evidence.clone(),
                    );
                }
            }
        }
        Leads::Operated => operated(edges, from, number, mention, &evidence),
        Leads::Pods | Leads::PodsDirectly => pods(edges, from, number, mention, evidence),
    }
}

/// A call to what an operator makes. It labels pods as it likes, so all pods of the namespace are
/// allowed, on the port.
fn operated(
    edges: &mut Edges<'_>,
    from: &Peer,
    number: usize,
    mention: &Mention,
    evidence: &Evidence,
) {
    let Some(service) = edges.topology.services.get(number) else {
        return;
    };
    let port = mention.port.map(PortRef::Number);
    let to = Peer::Namespace(service.namespace.clone());
    let ports = service_ports(service, port.as_ref());
    edges.reach_peer(from, number, &to, &ports, evidence);
}

/// A call to a Service whose pods somebody else makes, most likely an operator.
fn behind(
    edges: &mut Edges<'_>,
    from: &Peer,
    number: usize,
    mention: &Mention,
    evidence: &Evidence,
) {
    let Some(service) = edges.topology.services.get(number) else {
        return;
    };
    let listed = mention.port.map(PortRef::Number);
    let mut ports = service_ports(service, listed.as_ref());
    // A usual port is a guess.
    if ports.is_empty() && !mention.explicit {
        ports = service_ports(service, None);
    }
    let to = Peer::Behind(Rc::new(Behind {
        namespace: service.namespace.clone(),
        service: service.object.name.clone(),
        labels: service.selector.clone(),
    }));
    edges.reach_peer(from, number, &to, &ports, evidence);
}

/// A call to another name (`type: ExternalName`): to a Service, or to a host outside.
fn renamed(
    edges: &mut Edges<'_>,
    from: &Peer,
    number: usize,
    host: &str,
    mention: &Mention,
    evidence: Evidence,
) {
    let Some(service) = edges.topology.services.get(number) else {
        return;
    };
    let meant = Mention {
        host: host.to_owned(),
        bare: false,
        outside: true,
        ..mention.clone()
    };
    match edges.resolver.resolve(&service.namespace, &meant) {
        Target::Service(other) if other != number => {
            let pods = edges.topology.services.get(other);
            if pods.is_some_and(|other| !other.workloads.is_empty()) {
                self::pods(edges, from, other, &meant, evidence);
            }
        }
        Target::Namespace(name) => {
            edges.add(
                from.clone(),
                Peer::Namespace(name.into()),
                None,
                Some(number),
                evidence,
            );
        }
        _ => {
            let named = service.ports.first().map(|port| port.number);
            match (mention.port.or(named), from) {
                (Some(port), _) => {
                    let to = Peer::Outside(host.into());
                    edges.add(from.clone(), to, Some(tcp(port)), Some(number), evidence);
                }
                (None, Peer::Workload(workload)) => edges.loose.push(Loose {
                    workload: *workload,
                    why: LooseWhy::NoPort,
                    evidence,
                }),
                (None, _) => {}
            }
        }
    }
}

/// Private addresses are called exactly; public ones may change, as every host outside.
fn endpoint_peers(addresses: &[Text], name: &Text) -> Vec<Peer> {
    let private = |address: &&Text| match hosts::address(address) {
        Some(std::net::IpAddr::V4(v4)) => v4.is_private() || v4.is_link_local(),
        Some(std::net::IpAddr::V6(v6)) => v6.is_unique_local(),
        None => false,
    };
    let exact = addresses.iter().filter(private).map(|address| {
        let range = if address.contains(':') { 128 } else { 32 };
        Peer::Address(format!("{address}/{range}").into())
    });
    let mut peers: Vec<Peer> = exact.collect();
    if peers.len() < addresses.len() || addresses.is_empty() {
        peers.push(Peer::Outside(name.clone()));
    }
    peers
}

fn pods(edges: &mut Edges<'_>, from: &Peer, number: usize, mention: &Mention, evidence: Evidence) {
    let topology = edges.topology;
    let Some(service) = topology.services.get(number) else {
        return;
    };
    if !service.selector.is_empty() {
        return behind(edges, from, number, mention, &evidence);
    }
    let workloads = named_pods(topology, service, &mention.host);
    let own = |number: &usize| *from == Peer::Workload(*number);
    if mention.own && workloads.iter().any(own) {
        return;
    }
    let listed = |port: u16| -> Vec<&ServicePort> {
        let ports = service.ports.iter();
        ports.filter(|own| own.number == port).collect()
    };
    let ports = mention.port.map(listed);
    match (ports, mention.port) {
        (Some(ports), _) if !ports.is_empty() => {
            edges.reach_some(from, number, &workloads, &ports, &evidence);
        }
        // The pods' own addresses: any port that they listen on.
        (Some(_), Some(port)) if mention.explicit && service.leads == Leads::PodsDirectly => {
            directly(edges, from, (number, &workloads), port, &evidence);
        }
        (Some(_), Some(port)) if mention.explicit => {
            if let Peer::Workload(workload) = from {
                edges.loose.push(Loose {
                    workload: *workload,
                    why: LooseWhy::Port(number, port),
                    evidence,
                });
            }
        }
        // A scheme's usual port is no more than a guess: where the Service does not have it, the
        // real one comes from somewhere else.
        (_, port) => match (service_ports(service, None), port) {
            // A headless Service needs no ports.
            (ports, Some(port)) if ports.is_empty() => {
                directly(edges, from, (number, &workloads), port, &evidence);
            }
            (ports, None) if ports.is_empty() => {
                for workload in workloads {
                    let to = Peer::Workload(workload);
                    edges.add(from.clone(), to, None, Some(number), evidence.clone());
                }
            }
            (ports, _) => edges.reach_some(from, number, &workloads, &ports, &evidence),
        },
    }
}

/// The workloads behind a Service that a host means: all of them, but for the name of a single pod of
/// a StatefulSet (`db-0.db`), or of a bare Pod.
fn named_pods(topology: &Topology, service: &Service, host: &str) -> Vec<usize> {
    let mut labels = host.split('.');
    let (Some(pod), Some(name)) = (labels.next(), labels.next()) else {
        return service.workloads.clone();
    };
    let is_pod = |number: &&usize| {
        let own = topology.workloads.get(**number).map(|own| &own.object);
        own.is_some_and(|own| match own.kind.as_str() {
            "StatefulSet" => stateful_set(pod) == Some(own.name.as_str()),
            "Pod" => own.name == *pod,
            _ => false,
        })
    };
    let one = service.workloads.iter().find(is_pod);
    match one.filter(|_| *name == *service.object.name) {
        Some(one) => vec![*one],
        None => service.workloads.clone(),
    }
}

/// A call to pods by their own addresses, on a port that the headless Service does not list.
fn directly(
    edges: &mut Edges<'_>,
    from: &Peer,
    (number, workloads): (usize, &[usize]),
    port: u16,
    evidence: &Evidence,
) {
    for &workload in workloads {
        let own = edges.topology.workloads.get(workload);
        let mut declared = own.into_iter().flat_map(|own| &own.ports);
        let declared = declared.find(|own| own.number == port);
        let port = Some(Port {
            port: PortRef::Number(port),
            protocol: declared.map_or(Protocol::Tcp, |own| own.protocol),
        });
        let to = Peer::Workload(workload);
        edges.add(from.clone(), to, port, Some(number), evidence.clone());
    }
}
