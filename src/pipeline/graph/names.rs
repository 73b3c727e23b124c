//! What ends of calls are called, and which names may be shown.
//!
//! A host may stand in a Secret, and a whole Secret may look like a host. So a name is shown only
//! where the documents without Secrets have it too; otherwise its field is named instead.

use crate::inject::network::topology::{Edge, Evidence, EvidenceKind, Peer, Topology};
use crate::manifest::{Document, View, split};
use crate::object;
use crate::platform::network::{ExtraPeer, Network};
use crate::report::network::{Guard, Node, Role};

/// Knows which names of a release may be shown.
pub struct Names<'a> {
    network: &'a Network,
    /// The text of the documents without Secrets, in lower case.
    public: String,
}

impl<'a> Names<'a> {
    /// Reads what a stream shows outside of Secrets.
    pub fn new(text: &str, topology: &Topology, network: &'a Network) -> Names<'a> {
        Names {
            network,
            public: public(text, topology),
        }
    }

    /// An end that is no workload.
    pub fn peer(&self, peer: &Peer, edge: &Edge) -> Option<Node> {
        let node = |role, id: &str, kind: &str, name: &str| Node {
            id: id.to_owned(),
            role,
            kind: kind.to_owned(),
            namespace: None,
            name: name.to_owned(),
            place: None,
            hook: false,
            incoming: Guard::Open,
            outgoing: Guard::Open,
            policies: Vec::new(),
            chart_policies: Vec::new(),
        };
        let named = |role, id: &str, kind: &str, name: &str, text: &str| {
            let (id, name) = match self.may_show(text, &edge.evidence) {
                true => (format!("{id}/{name}"), name.to_owned()),
                false => hidden(id, edge.evidence.first()?),
            };
            Some(node(role, &id, kind, &name))
        };
        match peer {
            Peer::Workload(_) => None,
            Peer::World => Some(node(Role::World, "world", "", "anyone")),
            Peer::Ingress => Some(node(Role::Ingress, "ingress", "", "ingress controller")),
            Peer::Prometheus => Some(node(Role::Prometheus, "prometheus", "", "Prometheus")),
            Peer::ApiServer => Some(node(Role::ApiServer, "api-server", "", "API server")),
            // Behind a Service that the stream itself names; without a name it is the release's own.
            Peer::Namespace(name) if edge.service.is_some() => {
                let name = match &**name {
                    "" => "of the release",
                    name => name,
                };
                let id = format!("namespace/{name}");
                Some(node(Role::Namespace, &id, "namespace", name))
            }
            Peer::Namespace(name) => named(
                Role::Namespace,
                "namespace",
                "namespace",
                name,
                &format!(".{name}"),
            ),
            Peer::Behind(own) => {
                let service = &own.service;
                let id = format!("service/{service}");
                Some(node(Role::Namespace, &id, "pods of Service", service))
            }
            Peer::Outside(name) => named(Role::Outside, "outside", "host", name, name),
            Peer::Address(cidr) => {
                let address = cidr.split('/').next().unwrap_or_default();
                named(Role::Address, "address", "address", cidr, address)
            }
            Peer::Extra(index) => {
                let (id, kind, name) = extra(*index, self.network.peers.get(*index)?);
                Some(node(Role::Platform, &id, kind, &name))
            }
        }
    }

    /// Whether a name can be read outside of Secrets anyway.
    pub fn may_show(&self, name: &str, evidence: &[Evidence]) -> bool {
        let platform = evidence.iter().any(|own| {
            let kind = &own.kind;
            matches!(kind, EvidenceKind::Platform | EvidenceKind::Profile(_))
        });
        platform || self.public.contains(&name.to_ascii_lowercase())
    }
}

/// A peer whose name stands in a Secret only: its id and what it is called instead.
fn hidden(id: &str, evidence: &Evidence) -> (String, String) {
    let place = format!("{}{}", super::object(&evidence.object), evidence.pointer);
    (format!("{id}/in {place}"), format!("named by {place}"))
}

/// A peer of the platform file: its id, what it is, and its name. Labels are left out.
fn extra(index: usize, own: &ExtraPeer) -> (String, &'static str, String) {
    let by_label = || {
        let name = format!("pods by label (peer {index})");
        (format!("platform/{index}"), "", name)
    };
    let Some(side) = own.to.as_ref().or(own.from.as_ref()) else {
        return by_label();
    };
    let (kind, name) = match (&side.zone, &side.cidr, &side.namespace) {
        (Some(zone), ..) => ("zone", zone.clone()),
        (_, Some(cidr), _) => ("address", cidr.to_string()),
        (.., Some(name)) if side.pods.is_empty() => ("namespace", name.clone()),
        (.., Some(name)) => ("pods in namespace", format!("{name} (peer {index})")),
        _ => return by_label(),
    };
    (format!("platform/{kind}/{name}"), kind, name)
}

/// The text of the documents that hold no Secret, in lower case; nothing where no name is asked for.
fn public(text: &str, topology: &Topology) -> String {
    let mut ends = topology
        .edges
        .iter()
        .flat_map(|edge| [&edge.from, &edge.to]);
    let named = ends.any(|peer| {
        matches!(
            peer,
            Peer::Namespace(_) | Peer::Outside(_) | Peer::Address(_)
        )
    });
    if !named && topology.loose.is_empty() {
        return String::new();
    }
    let spans = split(text).unwrap_or_default();
    let open = spans.iter().filter(|span| !holds_secret(span.text));
    open.map(|span| span.text.to_ascii_lowercase()).collect()
}

/// Whether a document holds a Secret. One that cannot be read by itself may.
fn holds_secret(text: &str) -> bool {
    let Ok(document) = Document::parse(text) else {
        return true;
    };
    let Some(root) = document.root() else {
        return false;
    };
    match object::find(View::Node(root)) {
        Ok(objects) => objects.iter().any(|own| own.identity.kind == "Secret"),
        Err(_) => true,
    }
}
