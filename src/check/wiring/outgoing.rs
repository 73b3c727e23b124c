//! NetworkPolicies of the chart's own that keep pods from what they surely need.

use foldhash::HashSet;

use super::facts::{Egress, EgressRule, Peer};
use super::{Release, violation};
use crate::inject::network::facts::{Source, Variables, WorkloadFacts};
use crate::inject::network::topology::{ObjectRef, PortRef};
use crate::policy::Violation;
use crate::report::Severity;

/// The policy about namespaces that are selected by a label nobody sets.
pub const LABEL: &str = "wiring/namespace-label";
/// The policy about rules for hosts outside that only reach pods.
pub const OUTSIDE: &str = "wiring/egress-outside";
/// The policy about pods that cannot ask for names.
pub const DNS: &str = "wiring/egress-dns";
/// The policy about sidecars that cannot reach their control plane.
pub const SIDECAR: &str = "wiring/egress-control-plane";
/// The policy about pods that cannot reach the database they are told of.
pub const DATABASE: &str = "wiring/egress-database";

/// The policies of this module.
pub const POLICIES: [&str; 5] = [LABEL, OUTSIDE, DNS, SIDECAR, DATABASE];

/// Ports that are hardly ever those of pods in other namespaces: HTTP, HTTPS and mail.
const PUBLIC: [u16; 4] = [80, 443, 465, 587];

/// Ports of databases: SQL Server, Oracle, MySQL, PostgreSQL, its pool, Redis, CockroachDB, MongoDB.
const DATABASES: [u16; 8] = [1433, 1521, 3306, 5432, 6432, 6379, 26257, 27017];

/// Judges the policies that restrict outgoing traffic.
pub fn judge(release: &Release<'_>) -> Vec<(ObjectRef, Violation)> {
    let mut found: Vec<(ObjectRef, Violation)> = by_label(release).collect();
    if release.wires.egress.is_empty() {
        return found;
    }
    let mut said = HashSet::default();
    for (number, policies) in covered(release) {
        let Some(workload) = release.facts.workloads.get(number) else {
            continue;
        };
        let pod = Covered { workload, policies };
        let own = [
            outside(release, &pod),
            dns(&pod),
            sidecar(&pod),
            database(&pod),
        ];
        for (object, violation) in own.into_iter().flatten() {
            // Policies commonly cover several workloads; pods are said once each.
            let key = (
                object.document,
                violation.pointer.clone(),
                violation.message.clone(),
            );
            if said.insert(key) {
                found.push((object, violation));
            }
        }
    }
    found
}

fn by_label<'a>(release: &'a Release<'_>) -> impl Iterator<Item = (ObjectRef, Violation)> + 'a {
    let unset = release.wires.by_name.iter();
    let unset = unset.filter(|(_, _, name)| !release.wires.named.contains(name));
    unset.map(|(object, pointer, name)| {
        let violation = violation(
            LABEL,
            Severity::Warning,
            pointer,
            format!("namespaces have no label name by themselves: unless somebody labels {name}, the rule allows nothing"),
            "select by kubernetes.io/metadata.name, which every cluster sets",
        );
        (object.clone(), violation)
    })
}

/// A workload with the policies that cover its outgoing traffic.
struct Covered<'a> {
    workload: &'a WorkloadFacts,
    policies: Vec<&'a Egress>,
}

impl<'a> Covered<'a> {
    fn rules(&self) -> impl Iterator<Item = &'a EgressRule> {
        self.policies.iter().flat_map(|policy| &policy.rules)
    }

    fn allows(&self, protocol: &str, port: u16) -> bool {
        self.rules().any(|rule| rule.allows(protocol, port))
    }

    /// The policy to report: the first that covers the pods.
    fn first(&self) -> Option<&'a Egress> {
        self.policies.first().copied()
    }

    fn name(&self) -> String {
        format!(
            "{} {}",
            self.workload.object.kind, self.workload.object.name
        )
    }
}

/// The workloads that policies cover, by number, in order.
fn covered<'a>(release: &Release<'a>) -> Vec<(usize, Vec<&'a Egress>)> {
    let mut all: Vec<(usize, &'a Egress)> = Vec::new();
    for policy in &release.wires.egress {
        let place = release.namespace(&policy.object.namespace);
        let numbers = release.numbers(place, &policy.selector);
        all.extend(numbers.into_iter().map(|number| (number, policy)));
    }
    all.sort_by_key(|(number, _)| *number);
    let groups = all.chunk_by(|a, b| a.0 == b.0);
    let group = |group: &[(usize, &'a Egress)]| {
        let number = group.first()?.0;
        Some((number, group.iter().map(|(_, policy)| *policy).collect()))
    };
    groups.filter_map(group).collect()
}

/// Rules with `namespaceSelector: {}` for ports that no pod of the release has: meant for hosts
/// outside, which no such rule reaches.
fn outside(release: &Release<'_>, pod: &Covered<'_>) -> Option<(ObjectRef, Violation)> {
    let all_pods = |rule: &EgressRule| {
        !rule.peers.is_empty()
            && rule.peers.iter().all(|peer| match peer {
                Peer::Namespaces {
                    labels,
                    expressions,
                    pods,
                } => labels.is_empty() && !expressions && !pods,
                _ => false,
            })
    };
    let ours = |port: u16| {
        let workloads = release.facts.workloads.iter();
        let containers = workloads.flat_map(|own| &own.pod.containers);
        let mut ports = containers.flat_map(|own| &own.ports);
        ports.any(|own| own.number == port)
    };
    let reached = |port: u16| {
        let blocks = |rule: &EgressRule| {
            rule.peers.is_empty() || rule.peers.iter().any(|peer| matches!(peer, Peer::Block))
        };
        pod.rules()
            .any(|rule| blocks(rule) && rule.allows("TCP", port))
    };
    pod.policies.iter().find_map(|policy| {
        let rules = policy.rules.iter().filter(|rule| all_pods(rule));
        rules.flat_map(|rule| rule.ports.iter().map(move |port| (rule, port))).find_map(|(rule, port)| {
            let (protocol, Some(PortRef::Number(port)), None) = port else {
                return None;
            };
            let public = PUBLIC.contains(port) || DATABASES.contains(port);
            if protocol != "TCP" || !public || reached(*port) || ours(*port) {
                return None;
            }
            let violation = violation(
                OUTSIDE,
                Severity::Warning,
                &rule.pointer,
                format!("namespaceSelector: {{}} allows port {port} of pods in the cluster only: no host outside of it can be called"),
                "for hosts outside use ipBlock with 0.0.0.0/0, less the private ranges",
            );
            Some((policy.object.clone(), violation))
        })
    })
}

/// Pods that may call others by name and cannot ask for the name, or only by UDP.
fn dns(pod: &Covered<'_>) -> Option<(ObjectRef, Violation)> {
    let names = pod.rules().any(|rule| {
        let pods = rule.peers.iter().any(|peer| !matches!(peer, Peer::Block));
        pods && !rule.allows("UDP", 53)
    });
    let (policy, pointer, message) = match (pod.allows("UDP", 53), pod.allows("TCP", 53)) {
        (true, false) => {
            let allows = |policy: &&Egress| {
                policy
                    .rules
                    .iter()
                    .find(|rule| rule.allows("UDP", 53))
                    .map(|rule| rule.pointer.clone())
            };
            let (policy, pointer) = pod
                .policies
                .iter()
                .find_map(|policy| Some((*policy, allows(policy)?)))?;
            let message =
                "DNS is allowed by UDP only: answers that do not fit into one packet come by TCP";
            (policy, pointer, message.to_owned())
        }
        (false, false) if names => {
            let policy = pod.first()?;
            let pointer = format!("{}/spec/egress", policy.object.pointer);
            let message = format!(
                "no policy lets {} ask for names: it may call pods and cannot find them",
                pod.name()
            );
            (policy, pointer, message)
        }
        _ => return None,
    };
    let violation = violation(
        DNS,
        Severity::Warning,
        &pointer,
        message,
        "allow port 53 by UDP and TCP to the pods k8s-app: kube-dns in kube-system",
    );
    Some((policy.object.clone(), violation))
}

/// Pods with a sidecar that cannot reach its control plane.
fn sidecar(pod: &Covered<'_>) -> Option<(ObjectRef, Violation)> {
    let own = &pod.workload.pod;
    let asked = own.sidecars.iter().map(|(_, namespace)| *namespace);
    let dapr = own.dapr.as_ref().map(|_| "dapr-system");
    let wanted = asked
        .chain(dapr)
        .find(|namespace| !pod.rules().any(|rule| rule.may_reach(namespace)))?;
    let policy = pod.first()?;
    let violation = violation(
        SIDECAR,
        Severity::Warning,
        &format!("{}/spec/egress", policy.object.pointer),
        format!(
            "{} asks for a sidecar, and no policy lets it reach the control plane in {wanted}",
            pod.name()
        ),
        "allow the ports of the control plane to that namespace, by kubernetes.io/metadata.name",
    );
    Some((policy.object.clone(), violation))
}

/// Pods with a variable for a database and no port open to any.
fn database(pod: &Covered<'_>) -> Option<(ObjectRef, Violation)> {
    if DATABASES.iter().any(|port| pod.allows("TCP", *port)) || named_port(pod) {
        return None;
    }
    let containers = pod.workload.pod.containers.iter();
    let mut variables = containers.flat_map(|own| &own.variables);
    let name = variables.find_map(|variable| match variable {
        Variables::One(own) if is_database(&own.name) => match &own.source {
            Source::Literal(text) if is_local(text) => None,
            _ => Some(own.name.as_str()),
        },
        _ => None,
    })?;
    let policy = pod.first()?;
    let violation = violation(
        DATABASE,
        Severity::Warning,
        &format!("{}/spec/egress", policy.object.pointer),
        format!(
            "{} is told of a database by {name}, and no policy lets it call any",
            pod.name()
        ),
        "allow the database's port, or take the variable away from pods that do not use it",
    );
    Some((policy.object.clone(), violation))
}

/// Whether a rule names its port, which may be a database's.
fn named_port(pod: &Covered<'_>) -> bool {
    let mut ports = pod.rules().flat_map(|rule| &rule.ports);
    ports.any(|(_, port, _)| matches!(port, Some(PortRef::Name(_))))
}

/// Variables that frameworks read the database from (Heroku's convention, PostgreSQL's libpq).
fn is_database(name: &str) -> bool {
    matches!(
        name,
        "DATABASE_URL"
            | "DATABASE_HOST"
            | "DB_HOST"
            | "DB_URL"
            | "PGHOST"
            | "POSTGRES_HOST"
            | "MYSQL_HOST"
    )
}

/// A database in a file, or none.
fn is_local(text: &str) -> bool {
    let text = text.trim();
    text.is_empty()
        || text.starts_with("sqlite")
        || text.starts_with("file:")
        || text.contains("localhost")
        || text.contains("127.0.0.1")
}
