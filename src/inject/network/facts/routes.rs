//! Routes from outside: Ingress, the Gateway API, and other kinds of the same purpose.

use std::borrow::Cow;

use super::objects::port_ref;
use super::{Backend, Facts, annotation, member};
use crate::inject::network::evidence::hosts;
use crate::inject::network::topology::{ObjectRef, PortRef};
use crate::manifest::View;
use crate::manifest::view::{Type, escape};
use crate::object::Object;

impl Facts {
    /// Notes the Services that a route leads to, and the names it gives them.
    pub(super) fn route(&mut self, own: &ObjectRef, object: &Object<'_>) {
        let Some(spec) = object.view.get("spec") else {
            return;
        };
        let at = format!("{}/spec", object.pointer);
        let mut found = Vec::new();
        let istio = object.identity.group() == "networking.istio.io";
        // A VirtualService without a gateway only steers calls between pods.
        let gateways = spec.get("gateways").into_iter().flat_map(View::items);
        let inside = istio
            && gateways
                .filter_map(super::text)
                .all(|gateway| gateway == "mesh");
        if !inside {
            backends(spec, &at, 0, &mut |backend| found.push(backend));
        }
        asked(object, &mut |backend| found.push(backend));
        for (pointer, namespace, service, port) in found {
            self.routes.push(Backend {
                object: own.clone(),
                pointer: self.texts.keep(&pointer),
                namespace: namespace.map(|name| self.texts.keep(&name)),
                service: self.texts.keep(&service),
                port,
            });
        }
        self.public(spec, object.view);
    }

    /// The host names of a route.
    fn public(&mut self, spec: View<'_>, object: View<'_>) {
        let rules = spec.get("rules").into_iter().flat_map(View::items);
        let mut names: Vec<Cow<'_, str>> = rules.filter_map(|rule| member(rule, "host")).collect();
        for list in ["hostnames", "hosts"] {
            let hosts = spec.get(list).into_iter().flat_map(View::items);
            names.extend(hosts.filter_map(super::text));
        }
        names.extend(member(spec, "host"));
        names.extend(spec.pointer("/virtualhost/fqdn").and_then(super::text));
        let hostname = annotation(object, "external-dns.alpha.kubernetes.io/hostname");
        names.extend(hostname.map(Cow::Owned));
        let names = names.into_iter().map(Cow::into_owned);
        self.public_names.extend(names);
    }
}

/// Kinds that lead traffic from outside to Services.
pub(super) fn is_route(group: &str, kind: &str) -> bool {
    match group {
        "networking.k8s.io" | "extensions" => kind == "Ingress",
        "gateway.networking.k8s.io" => kind.ends_with("Route"),
        "route.openshift.io" => kind == "Route",
        "traefik.io" | "traefik.containo.us" => {
            kind.starts_with("IngressRoute") || kind == "Middleware"
        }
        "k8s.nginx.org" => kind.starts_with("VirtualServer") || kind == "TransportServer",
        "projectcontour.io" => kind == "HTTPProxy",
        "networking.istio.io" => kind == "VirtualService",
        "configuration.konghq.com" => kind == "TCPIngress" || kind == "UDPIngress",
        "apisix.apache.org" => kind == "ApisixRoute",
        _ => false,
    }
}

/// The Service that the controller asks whether it may let a call through: an annotation of NGINX's
/// and others' Ingresses, or Traefik's `forwardAuth`.
fn asked(object: &Object<'_>, found: &mut dyn FnMut(Found)) {
    let annotations = object.view.pointer("/metadata/annotations");
    for (key, value) in annotations.into_iter().flat_map(View::entries) {
        if key.ends_with("/auth-url") {
            let at = format!("{}/metadata/annotations/{}", object.pointer, escape(&key));
            found_in_url(value, at, found);
        }
    }
    if let Some(address) = object.view.pointer("/spec/forwardAuth/address") {
        let at = format!("{}/spec/forwardAuth/address", object.pointer);
        found_in_url(address, at, found);
    }
}

fn found_in_url(url: View<'_>, at: String, found: &mut dyn FnMut(Found)) {
    let mut mentions = Vec::new();
    if let Some(url) = super::text(url) {
        hosts::scan(&url, hosts::Context::plain(), &mut mentions);
    }
    for mention in mentions {
        let mut labels = mention.host.split('.').map(str::to_owned);
        if let Some(name) = labels.next() {
            let port = mention.port.map(PortRef::Number);
            found((at.clone(), labels.next(), name, port));
        }
    }
}

/// Routes nest their backends about eight levels deep.
const MAX_DEPTH: usize = 16;

type Found = (String, Option<String>, String, Option<PortRef>);

/// The Services that a route names, wherever they stand in it. Each kind has its own words for the
/// same: a map with the Service's name, perhaps its namespace and port.
fn backends(view: View<'_>, at: &str, depth: usize, found: &mut dyn FnMut(Found)) {
    if depth > MAX_DEPTH {
        return;
    }
    match view.value_type() {
        Type::Map => {
            for (key, value) in view.entries() {
                let at = format!("{at}/{}", escape(&key));
                if let Some((service, port)) = backend(&key, value, view) {
                    let (name, namespace) = split_host(&service, value);
                    found((at, namespace, name, port));
                } else if IS_LIST_OF_BACKENDS.contains(&key.as_ref()) {
                    each_backend(value, &at, depth, found);
                } else {
                    backends(value, &at, depth + 1, found);
                }
            }
        }
        Type::Seq => {
            for (index, item) in view.items().enumerate() {
                backends(item, &format!("{at}/{index}"), depth + 1, found);
            }
        }
        _ => {}
    }
}

/// Keys whose items are Services: Gateway API, OpenShift, Traefik and Contour, Apisix, NGINX.
const IS_LIST_OF_BACKENDS: [&str; 5] = [
    "backendRefs",
    "alternateBackends",
    "services",
    "backends",
    "upstreams",
];

fn each_backend(list: View<'_>, at: &str, depth: usize, found: &mut dyn FnMut(Found)) {
    for (index, item) in list.items().enumerate() {
        let at = format!("{at}/{index}");
        // What NGINX calls `name` is the upstream's own.
        let name = ["service", "name", "serviceName"];
        let name = name.into_iter().find_map(|key| member(item, key));
        let kind = member(item, "kind");
        let is_service = kind.is_none_or(|kind| kind == "Service");
        match name.filter(|_| is_service) {
            Some(name) => {
                let port = item.get("port").or_else(|| item.get("servicePort"));
                let namespace = member(item, "namespace").map(Cow::into_owned);
                found((at, namespace, name.into_owned(), port.and_then(port_ref)));
            }
            None => backends(item, &at, depth + 1, found),
        }
    }
}

/// A single Service under a telling key: its name and port.
fn backend(key: &str, value: View<'_>, parent: View<'_>) -> Option<(String, Option<PortRef>)> {
    match key {
        // Ingress: {service: {name, port: {number | name}}}
        "service" => {
            let port = value.get("port")?;
            let port = port.get("number").or_else(|| port.get("name"))?;
            Some((member(value, "name")?.into_owned(), port_ref(port)))
        }
        // Ingress before 1.19: {serviceName, servicePort}
        "backend" => Some((
            member(value, "serviceName")?.into_owned(),
            value.get("servicePort").and_then(port_ref),
        )),
        // OpenShift: {to: {kind: Service, name}, port: {targetPort}}
        "to" => {
            let service = member(value, "kind").is_none_or(|kind| kind == "Service");
            let port = parent.get("port").and_then(|port| port.get("targetPort"));
            let port = port.and_then(port_ref);
            let name = member(value, "name").filter(|_| service)?;
            Some((name.into_owned(), port))
        }
        // Istio: {destination: {host, port: {number}}}
        "destination" => {
            let port = value.get("port").and_then(|port| port.get("number"));
            Some((member(value, "host")?.into_owned(), port.and_then(port_ref)))
        }
        _ => None,
    }
}

/// The name and namespace of a Service that may be written as a host.
fn split_host(service: &str, value: View<'_>) -> (String, Option<String>) {
    let mut labels = service.split('.');
    let name = labels.next().unwrap_or_default().to_owned();
    let namespace = labels.next().map(str::to_owned);
    let beside = || member(value, "namespace").map(Cow::into_owned);
    (name, namespace.or_else(beside))
}
