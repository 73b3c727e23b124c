//! Services that routes, webhooks and StatefulSets name, and their ports.

use foldhash::HashSet;

use super::{Release, violation};
use crate::inject::network::facts::{Backend, ServiceFacts};
use crate::inject::network::topology::{ObjectRef, PortRef};
use crate::policy::Violation;
use crate::report::Severity;

/// The policy about Services that are not there.
pub const SERVICE: &str = "wiring/service";
/// The policy about ports that a Service of the release lacks.
pub const PORT: &str = "wiring/service-port";

/// The policies of this module.
pub const POLICIES: [&str; 2] = [SERVICE, PORT];

const HELP: &str = "correct the name in the chart's values or template, or turn on the part of the chart that brings the Service";
const PORT_HELP: &str = "name a port by which the Service is called, not the one of its pods";

/// Follows each name of a Service.
pub fn judge(release: &Release<'_>) -> Vec<(ObjectRef, Violation)> {
    let mut found = Vec::new();
    let mut said = HashSet::default();
    let facts = release.facts;
    for (backends, called) in [(&facts.routes, false), (&facts.webhooks, true)] {
        for own in backends {
            let place = match &own.namespace {
                Some(_) => release.namespace(&own.namespace),
                None => release.namespace(&own.object.namespace),
            };
            let Some(service) = release.service(place, &own.service) else {
                let first = said.insert((own.object.document, &own.object.pointer, &own.service));
                if first && is_missing(release, own, place, called) {
                    found.push((own.object.clone(), missing(own, called)));
                }
                continue;
            };
            if let Some(port) = own.port.as_ref().filter(|port| lacks(own, service, port)) {
                found.push((own.object.clone(), without_port(own, port, service)));
            }
        }
    }
    found.extend(governing(release));
    found
}

/// A name that belongs to an ingress controller's own actions, not to a Service (AWS load balancers).
fn is_action(own: &Backend) -> bool {
    matches!(&own.port, Some(PortRef::Name(name)) if *name == "use-annotation")
}

fn is_missing(release: &Release<'_>, own: &Backend, place: &str, called: bool) -> bool {
    // A webhook's Service is written with its namespace always, so that alone says nothing.
    let known = match called {
        true => release.scope.namespace.is_some() || own.namespace.is_none(),
        false => true,
    };
    known
        && release.holds(place)
        && !release.scope.part
        && !is_action(own)
        && !is_host(own)
        && !release.wires.operators
}

/// Istio names hosts of any sort; only a plain name is a Service of the namespace.
fn is_host(own: &Backend) -> bool {
    own.object.kind == "VirtualService" && own.namespace.is_some()
}

fn missing(own: &Backend, called: bool) -> Violation {
    let effect = match called {
        true => "the API server's calls fail",
        false => "the route answers with an error",
    };
    let name = &own.service;
    violation(
        SERVICE,
        Severity::Warning,
        &own.pointer,
        format!("Service {name} is not in these manifests: {effect}"),
        HELP,
    )
}

fn lacks(own: &Backend, service: &ServiceFacts, port: &PortRef) -> bool {
    // What a Service without pods or ports leads to is not known; an OpenShift route names the pods' port.
    if service.external_name.is_some() || service.ports.is_empty() || is_action(own) {
        return false;
    }
    let pods = own.object.kind == "Route";
    !service.ports.iter().any(|own| match port {
        PortRef::Number(number) => own.number == *number || (pods && own.target == *port),
        PortRef::Name(name) => own.name.as_ref() == Some(name) || (pods && own.target == *port),
    })
}

fn without_port(own: &Backend, port: &PortRef, service: &ServiceFacts) -> Violation {
    let asked = match port {
        PortRef::Number(number) => number.to_string(),
        PortRef::Name(name) => name.to_string(),
    };
    let ports = service.ports.iter().map(|own| match &own.name {
        Some(name) => format!("{} ({name})", own.number),
        None => own.number.to_string(),
    });
    let ports: Vec<String> = ports.collect();
    violation(
        PORT,
        Severity::Warning,
        &own.pointer,
        format!(
            "Service {} has no port {asked}: it has {}",
            own.service,
            ports.join(", ")
        ),
        PORT_HELP,
    )
}

/// StatefulSets whose governing Service is not there: their pods get no names.
fn governing<'a>(release: &'a Release<'_>) -> impl Iterator<Item = (ObjectRef, Violation)> + 'a {
    release.facts.workloads.iter().filter_map(|own| {
        let named = own.governing.as_ref().filter(|word| !word.text.is_empty())?;
        let place = release.namespace(&own.object.namespace);
        let known = release.service(place, &named.text).is_some();
        if known || own.operated || own.object.kind != "StatefulSet" || release.scope.part {
            return None;
        }
        let violation = violation(
            SERVICE,
            Severity::Warning,
            &named.pointer,
            format!(
                "Service {} is not in these manifests: the pods of the StatefulSet get no names of their own",
                named.text
            ),
            HELP,
        );
        Some((own.object.clone(), violation))
    })
}
