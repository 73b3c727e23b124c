//! Who may call whom in a release, as a [`Graph`] for people: the topology with names that may be
//! shown and places in the input.

use std::collections::{BTreeMap, HashMap};

use super::{Outcome, Places, Settings, Unreadable, run};
use crate::inject::network::synthesis::{self, Plan};
use crate::inject::network::topology::{
    Edge, Evidence, EvidenceKind, Loose, LooseWhy, ObjectRef, Peer, PortRef, Topology, Workload,
};
use crate::inject::network::{self, labels::Labels};
use crate::manifest::{Document, View, split};
use crate::object;
use crate::platform::network::{ExtraPeer, Mode};
use crate::report::network as view;
use crate::report::network::{Call, Graph, Guard, Item, Node, Object, Place, Role, Why};

/// What an input comes to.
pub struct Survey {
    /// Who may call whom.
    pub graph: Graph,
    /// How many objects were read.
    pub objects: usize,
}

/// From a line of the stream, from 1, to the input it comes from and the line there.
pub type Origin<'a> = &'a dyn Fn(usize) -> (String, usize);

/// Derives who may call whom in a release.
///
/// # Errors
/// As [`run`].
pub fn survey(
    text: &str,
    mut settings: Settings,
    origin: Origin<'_>,
) -> Result<Survey, Unreadable> {
    let mode = settings.network_policies;
    if mode == Mode::Off {
        // What would be derived is of interest all the same.
        settings.network_policies = Mode::Derive;
    }
    let Outcome {
        topology, report, ..
    } = run(text, &settings)?;
    let topology = topology.unwrap_or_default();
    let plan = network::plan(
        &topology,
        &synthesis::Inputs {
            network: &settings.network,
            mode,
            release: settings.release.as_deref(),
            labels: &Labels::new(),
        },
    );
    let surveyor = Surveyor {
        topology: &topology,
        settings: &settings,
        mode,
        plan: &plan,
        places: Places::new(text),
        public: public(text, &topology),
        origin,
    };
    Ok(Survey {
        graph: surveyor.graph(),
        objects: report.objects,
    })
}

struct Surveyor<'a> {
    topology: &'a Topology,
    settings: &'a Settings,
    mode: Mode,
    plan: &'a Plan,
    places: Places<'a>,
    /// The text of the documents without Secrets, in lower case.
    public: String,
    origin: Origin<'a>,
}

impl Surveyor<'_> {
    fn graph(&self) -> Graph {
        let (mut nodes, at) = self.workloads();
        let calls = self.calls(&mut nodes, &at);
        let mut unexplained = self.topology.unexplained();
        unexplained.retain(|number| {
            let own = self.topology.workloads.get(*number);
            own.is_some_and(|own| !own.operated)
        });
        let place = |number: &usize| at.get(*number).copied();
        let mut unexplained: Vec<usize> = unexplained.iter().filter_map(place).collect();
        unexplained.sort_unstable();
        let mut loose: Vec<view::Loose> = self
            .topology
            .loose
            .iter()
            .filter_map(|own| Some(self.loose(own, *at.get(own.workload)?)))
            .collect();
        loose.sort_by_cached_key(|own| (own.from, own.problem.clone(), key(&own.why)));
        loose.dedup();
        let policies = self.topology.policies.iter();
        let idle = policies.filter(|own| own.workloads.is_empty() && !own.selects_all);
        let unreachable = self.topology.unreachable();
        let services = unreachable
            .iter()
            .filter_map(|own| self.topology.services.get(*own));
        Graph {
            mode: match self.mode {
                Mode::Derive => "derive",
                Mode::Isolate => "isolate",
                Mode::Off => "off",
            },
            nodes,
            calls,
            unexplained,
            idle_policies: self.items(idle.map(|own| &own.object)),
            unreachable: self.items(services.map(|own| &own.object)),
            loose,
        }
    }

    fn items<'o>(&self, objects: impl Iterator<Item = &'o ObjectRef>) -> Vec<Item> {
        let mut items: Vec<Item> = objects
            .map(|own| Item {
                object: object(own),
                place: self.place(own, &format!("{}/metadata/name", own.pointer), 0),
            })
            .collect();
        items.sort();
        items
    }

    /// The workloads as sorted nodes, and the place of each workload of the topology among them.
    fn workloads(&self) -> (Vec<Node>, Vec<usize>) {
        let workloads = &self.topology.workloads;
        let mut order: Vec<usize> = (0..workloads.len()).collect();
        let sort_key = |own: &Workload| {
            let object = &own.object;
            (
                own.namespace.clone(),
                object.name.clone(),
                object.kind.clone(),
            )
        };
        order.sort_by_cached_key(|number| workloads.get(*number).map(sort_key));
        let mut at = vec![0; workloads.len()];
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut nodes = Vec::with_capacity(workloads.len());
        for number in order {
            let (Some(own), Some(at)) = (workloads.get(number), at.get_mut(number)) else {
                continue;
            };
            *at = nodes.len();
            let mut node = self.workload(number, own);
            // An object may hold several pod templates.
            let count = seen.entry(node.id.clone()).or_insert(0);
            *count += 1;
            if *count > 1 {
                node.id = format!("{}#{count}", node.id);
            }
            nodes.push(node);
        }
        (nodes, at)
    }

    fn workload(&self, number: usize, own: &Workload) -> Node {
        let namespace = (!own.namespace.is_empty()).then(|| own.namespace.clone());
        let object = &own.object;
        let planned = self
            .plan
            .policies
            .iter()
            .find(|policy| policy.workload == number);
        let present = self
            .topology
            .policies
            .iter()
            .filter(|policy| policy.workloads.contains(&number));
        let ours = present.clone().any(|policy| policy.ours);
        let covers = |direction: &str| match planned {
            None => ours,
            Some(policy) => {
                let types = policy.object.pointer("/spec/policyTypes");
                let types = types.and_then(serde_json::Value::as_array);
                types.is_some_and(|types| types.iter().any(|own| own == direction))
            }
        };
        let guard = |direction: &str, chart: bool| match (covers(direction), chart) {
            (true, _) if planned.is_some() || !chart => Guard::Derived,
            (_, true) => Guard::Chart,
            _ => Guard::Open,
        };
        let planned_name =
            planned.and_then(|policy| policy.object.pointer("/metadata/name")?.as_str());
        let mut policies: Vec<String> = present.map(|policy| policy.object.name.clone()).collect();
        policies.extend(planned_name.map(str::to_owned));
        policies.sort();
        policies.dedup();
        let kind = object.kind.clone();
        Node {
            id: match &namespace {
                Some(namespace) => format!("{kind}/{namespace}/{}", object.name),
                None => format!("{kind}/{}", object.name),
            },
            role: Role::Workload,
            kind,
            namespace,
            name: object.name.clone(),
            place: self.place(object, &format!("{}/metadata/name", object.pointer), 0),
            hook: own.hook,
            incoming: guard("Ingress", own.own_ingress),
            outgoing: guard("Egress", own.own_egress),
            policies,
        }
    }

    /// The calls, with the ends that are no workloads added to the nodes.
    fn calls(&self, nodes: &mut Vec<Node>, at: &[usize]) -> Vec<Call> {
        let mut peers: BTreeMap<(Role, String), Node> = BTreeMap::new();
        for edge in &self.topology.edges {
            for peer in [&edge.from, &edge.to] {
                if let Some(node) = self.peer(peer, edge) {
                    peers.entry((node.role, node.id.clone())).or_insert(node);
                }
            }
        }
        let first = nodes.len();
        let numbers: HashMap<(Role, String), usize> = peers.keys().cloned().zip(first..).collect();
        nodes.extend(peers.into_values());
        let end = |peer: &Peer, edge: &Edge| match peer {
            Peer::Workload(number) => at.get(*number).copied(),
            other => {
                let node = self.peer(other, edge)?;
                numbers.get(&(node.role, node.id)).copied()
            }
        };
        let mut calls: BTreeMap<_, Call> = BTreeMap::new();
        for edge in &self.topology.edges {
            let (Some(from), Some(to)) = (end(&edge.from, edge), end(&edge.to, edge)) else {
                continue;
            };
            for (port, protocol) in self.ports(edge) {
                let number: Option<u16> = port.as_ref().and_then(|port| port.parse().ok());
                let key = (from, to, number, port.clone(), protocol);
                let call = calls.entry(key).or_insert_with(|| Call {
                    from,
                    to,
                    port,
                    protocol,
                    service: self.service(edge),
                    why: Vec::new(),
                });
                call.why
                    .extend(edge.evidence.iter().map(|own| self.why(own)));
            }
        }
        let mut calls: Vec<Call> = calls.into_values().collect();
        for call in &mut calls {
            call.why.sort_by_cached_key(key);
            call.why.dedup();
        }
        calls
    }

    fn service(&self, edge: &Edge) -> Option<String> {
        let service = self.topology.services.get(edge.service?)?;
        Some(service.object.name.clone())
    }

    /// The ports of a call, as its policy writes them; one `None` for all.
    fn ports(&self, edge: &Edge) -> Vec<(Option<String>, &'static str)> {
        let network = &self.settings.network;
        let listed: Vec<(Option<String>, &'static str)> = match (&edge.port, &edge.from, &edge.to) {
            (Some(port), ..) => {
                let text = match &port.port {
                    PortRef::Number(number) => number.to_string(),
                    PortRef::Name(name) => name.clone(),
                };
                vec![(Some(text), port.protocol.name())]
            }
            (None, _, Peer::ApiServer) => {
                let ports = network.api_server.ports.iter();
                ports.map(|port| (Some(port.to_string()), "TCP")).collect()
            }
            (None, Peer::Extra(index), _) | (None, _, Peer::Extra(index)) => {
                let extra = network.peers.get(*index);
                let ports = extra
                    .map(|extra| extra.ports.as_slice())
                    .unwrap_or_default();
                let protocol = |name: &str| match name {
                    "UDP" => "UDP",
                    "SCTP" => "SCTP",
                    _ => "TCP",
                };
                let text = |port: u16| Some(port.to_string());
                ports
                    .iter()
                    .map(|own| (text(own.port), protocol(&own.protocol)))
                    .collect()
            }
            (None, ..) => Vec::new(),
        };
        match listed.is_empty() {
            true => vec![(None, "TCP")],
            false => listed,
        }
    }

    /// An end that is no workload.
    fn peer(&self, peer: &Peer, edge: &Edge) -> Option<Node> {
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
            Peer::Namespace(name) => named(
                Role::Namespace,
                "namespace",
                "namespace",
                name,
                &format!(".{name}"),
            ),
            Peer::Outside(name) => named(Role::Outside, "outside", "host", name, name),
            Peer::Address(cidr) => {
                let address = cidr.split('/').next().unwrap_or_default();
                named(Role::Address, "address", "address", cidr, address)
            }
            Peer::Extra(index) => {
                let (id, kind, name) = extra(*index, self.settings.network.peers.get(*index)?);
                Some(node(Role::Platform, &id, kind, &name))
            }
        }
    }

    /// Whether a name can be read outside of Secrets anyway.
    fn may_show(&self, name: &str, evidence: &[Evidence]) -> bool {
        let platform = evidence
            .iter()
            .any(|own| own.kind == EvidenceKind::Platform);
        platform || self.public.contains(&name.to_ascii_lowercase())
    }

    fn why(&self, own: &Evidence) -> Why {
        let (kind, name) = match &own.kind {
            EvidenceKind::Variable(name) => ("variable", Some(name)),
            EvidenceKind::Argument => ("argument", None),
            EvidenceKind::File(name) => ("file", Some(name)),
            EvidenceKind::Annotation(name) => ("annotation", Some(name)),
            EvidenceKind::Resource => ("resource", None),
            EvidenceKind::Exposed(name) => ("type", Some(name)),
            EvidenceKind::Siblings => ("siblings", None),
            EvidenceKind::Route => ("route", None),
            EvidenceKind::Webhook => ("webhook", None),
            EvidenceKind::Monitor => ("monitor", None),
            EvidenceKind::Binding => ("binding", None),
            EvidenceKind::Platform => ("platform", None),
        };
        let platform = own.kind == EvidenceKind::Platform;
        // The lines of what a Secret holds in base64 are no lines of the input.
        let encoded = own.object.kind == "Secret" && own.pointer.contains("/data/");
        let line = if encoded { 0 } else { own.line };
        Why {
            kind,
            name: name.cloned(),
            object: (!platform).then(|| object(&own.object)),
            field: own.pointer.clone(),
            reason: Some(own.says.clone()).filter(|says| platform && !says.is_empty()),
            place: match platform {
                true => None,
                false => self.place(&own.object, &own.pointer, line),
            },
        }
    }

    fn loose(&self, own: &Loose, from: usize) -> view::Loose {
        let says = &own.evidence.says;
        let host = says.split(':').next().unwrap_or_default();
        let shown = match self.may_show(host, std::slice::from_ref(&own.evidence)) {
            true => format!(" {says}"),
            false => String::new(),
        };
        let problem = match &own.why {
            LooseWhy::Port(service, port) => {
                let service = self.topology.services.get(*service);
                let name = service
                    .map(|own| own.object.name.as_str())
                    .unwrap_or_default();
                format!("calls port {port} of Service {name}, which has no such port")
            }
            LooseWhy::NoService => format!("calls{shown}, which is no Service of this release"),
            LooseWhy::NoPort => format!("calls{shown} on a port that nothing tells"),
        };
        view::Loose {
            from,
            problem: problem
                .replace("calls,", "calls something,")
                .replace("calls on", "calls a host on"),
            why: self.why(&own.evidence),
        }
    }

    fn place(&self, of: &ObjectRef, pointer: &str, line: usize) -> Option<Place> {
        let position = self.places.position(of.document, pointer, line);
        let (line, _) = position?;
        let (input, line) = (self.origin)(line);
        let template = self.places.source(of.document).map(str::to_owned);
        Some(Place {
            input,
            line,
            template,
        })
    }
}

/// By what evidence is sorted: all but its place, which the order of the input decides.
fn key(why: &Why) -> (&'static str, Option<String>, Option<Object>, String) {
    (
        why.kind,
        why.name.clone(),
        why.object.clone(),
        why.field.clone(),
    )
}

fn object(own: &ObjectRef) -> Object {
    Object {
        kind: own.kind.clone(),
        namespace: own.namespace.clone(),
        name: own.name.clone(),
    }
}

/// A peer whose name stands in a Secret only: its id and what it is called instead.
fn hidden(id: &str, evidence: &Evidence) -> (String, String) {
    let place = format!("{}{}", object(&evidence.object), evidence.pointer);
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
