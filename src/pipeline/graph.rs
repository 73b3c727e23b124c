//! Who may call whom in a release, as a [`Graph`] for people: the topology with names that may be
//! shown and places in the input.

mod names;

use std::collections::BTreeMap;

use foldhash::HashMap;

use super::{Outcome, Places, Settings, Unreadable, run};
use crate::inject::network::synthesis::{self, Plan, Policy};
use crate::inject::network::topology::{
    ChartPolicy, Edge, Evidence, EvidenceKind, Loose, LooseWhy, ObjectRef, Peer, PortRef, Topology,
    Workload,
};
use crate::inject::network::{self, labels::Labels};
use crate::platform::network::Mode;
use crate::report::network as view;
use crate::report::network::{Call, Graph, Guard, Item, Node, Object, Place, Role, Why};
use names::Names;

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
            labels: &Labels::default(),
        },
    );
    let surveyor = Surveyor {
        topology: &topology,
        settings: &settings,
        mode,
        plan: &plan,
        places: Places::new(text),
        names: Names::new(text, &topology, &settings.network),
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
    plan: &'a Plan<'a>,
    places: Places<'a>,
    names: Names<'a>,
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
        let mut seen: HashMap<String, usize> = HashMap::default();
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
        let namespace = (!own.namespace.is_empty()).then(|| own.namespace.to_string());
        let object = &own.object;
        let [incoming, outgoing] = self.guards(number, own);
        let (policies, chart_policies) = self.policies(number);
        let kind = object.kind.to_string();
        Node {
            id: match &namespace {
                Some(namespace) => format!("{kind}/{namespace}/{}", object.name),
                None => format!("{kind}/{}", object.name),
            },
            role: Role::Workload,
            kind,
            namespace,
            name: object.name.to_string(),
            place: self.place(object, &format!("{}/metadata/name", object.pointer), 0),
            hook: own.hook,
            incoming,
            outgoing,
            policies,
            chart_policies,
        }
    }

    /// The policy that the filter would add for a workload.
    fn planned(&self, number: usize) -> Option<&Policy<'_>> {
        let mut plans = self.plan.policies.iter();
        plans.find(|policy| policy.workload == number)
    }

    /// The policies of the stream that select a workload.
    fn present(&self, number: usize) -> impl Iterator<Item = &ChartPolicy> {
        let policies = self.topology.policies.iter();
        policies.filter(move |policy| policy.workloads.contains(&number))
    }

    /// The names of all policies that select a workload, and of the chart's among them.
    fn policies(&self, number: usize) -> (Vec<String>, Vec<String>) {
        let name = |policy: &ChartPolicy| policy.object.name.to_string();
        let mut chart: Vec<String> = self
            .present(number)
            .filter(|policy| !policy.ours)
            .map(name)
            .collect();
        let mut all: Vec<String> = self.present(number).map(name).collect();
        all.extend(self.planned(number).map(|policy| policy.name.clone()));
        for names in [&mut all, &mut chart] {
            names.sort();
            names.dedup();
        }
        (all, chart)
    }

    /// Who decides about calls to a workload and from it.
    fn guards(&self, number: usize, own: &Workload) -> [Guard; 2] {
        let planned = self.planned(number);
        let ours = self.present(number).any(|policy| policy.ours);
        let covers = |direction: &str| match planned {
            // From a run before this one, which left them to the chart where it has its own.
            None => ours && (direction == "Ingress" || self.mode != Mode::Isolate),
            Some(policy) => policy.spec.types().contains(&direction),
        };
        let guard = |direction: &str, chart: bool| match (covers(direction), chart) {
            (true, false) => Guard::Derived,
            (true, true) if planned.is_some() => Guard::Derived,
            (_, true) => Guard::Chart,
            (false, false) => Guard::Open,
        };
        [
            guard("Ingress", own.own_ingress),
            guard("Egress", own.own_egress),
        ]
    }

    /// The calls, with the ends that are no workloads added to the nodes.
    fn calls(&self, nodes: &mut Vec<Node>, at: &[usize]) -> Vec<Call> {
        let mut peers: BTreeMap<(Role, String), Node> = BTreeMap::new();
        for edge in &self.topology.edges {
            for peer in [&edge.from, &edge.to] {
                if let Some(node) = self.names.peer(peer, edge) {
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
                let node = self.names.peer(other, edge)?;
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
        Some(service.object.name.to_string())
    }

    /// The ports of a call, as its policy writes them; one `None` for all.
    fn ports(&self, edge: &Edge) -> Vec<(Option<String>, &'static str)> {
        let network = &self.settings.network;
        let listed: Vec<(Option<String>, &'static str)> = match (&edge.port, &edge.from, &edge.to) {
            (Some(port), ..) => {
                let text = match &port.port {
                    PortRef::Number(number) => number.to_string(),
                    PortRef::Name(name) => name.to_string(),
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
            EvidenceKind::Policy => ("policy", None),
            EvidenceKind::Platform => ("platform", None),
            EvidenceKind::Profile(field) => ("profile", Some(field)),
        };
        let platform = own.kind == EvidenceKind::Platform;
        // The lines of what a Secret holds in base64 are no lines of the input.
        let encoded = own.object.kind == "Secret" && own.pointer.contains("/data/");
        let line = if encoded { 0 } else { own.line };
        Why {
            kind,
            name: name.map(|name| name.to_string()),
            object: (!platform).then(|| object(&own.object)),
            field: own.pointer.to_string(),
            reason: Some(own.says.to_string()).filter(|says| platform && !says.is_empty()),
            place: match platform {
                true => None,
                false => self.place(&own.object, &own.pointer, line),
            },
        }
    }

    fn loose(&self, own: &Loose, from: usize) -> view::Loose {
        let says = &own.evidence.says;
        let host = says.split(':').next().unwrap_or_default();
        let evidence = std::slice::from_ref(&own.evidence);
        let what = match self.names.may_show(host, evidence) {
            true => &**says,
            false => "a host",
        };
        let problem = match &own.why {
            LooseWhy::Port(service, port) => {
                let service = self.topology.services.get(*service);
                let name = service.map(|own| &*own.object.name);
                let name = name.unwrap_or_default();
                format!("calls port {port} of Service {name}, which has no such port")
            }
            LooseWhy::NoService => format!("calls {what}, which is no Service of this release"),
            LooseWhy::NoPort => format!("calls {what} on a port that nothing tells"),
        };
        view::Loose {
            from,
            problem,
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
        kind: own.kind.to_string(),
        namespace: own.namespace.as_deref().map(str::to_owned),
        name: own.name.to_string(),
    }
}
