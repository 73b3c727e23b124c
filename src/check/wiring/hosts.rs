//! Hosts in variables, arguments and files that are no Service of the release.

use foldhash::HashSet;

use super::violation;
use crate::inject::network::topology::{Loose, LooseWhy, ObjectRef, Topology};
use crate::policy::Violation;
use crate::report::Severity;

/// The policy about them. While policies are derived, `network/unknown-target` says the same.
pub const POLICY: &str = "wiring/host";

/// Calls to a Service that is not there, or to a port that it does not have. A place that several
/// workloads read is said once.
pub fn judge(topology: &Topology, part: bool) -> Vec<(ObjectRef, Violation)> {
    let mut said = HashSet::default();
    let mut found = Vec::new();
    for loose in &topology.loose {
        let own = &loose.evidence;
        if let Some((message, help)) = message(topology, loose, part)
            && said.insert((&own.object, &own.pointer, &own.says))
        {
            let violation = violation(POLICY, Severity::Warning, &own.pointer, message, help);
            found.push((own.object.clone(), violation));
        }
    }
    found
}

/// What to say of a call, and what to do.
fn message(topology: &Topology, loose: &Loose, part: bool) -> Option<(String, &'static str)> {
    let workload = &topology.workloads.get(loose.workload)?.object.name;
    match &loose.why {
        LooseWhy::Port(service, port) => {
            let service = topology.services.get(*service)?;
            let ports = service.ports.iter().map(|port| port.number.to_string());
            let ports: Vec<String> = ports.collect();
            let (name, ports) = (&service.object.name, ports.join(", "));
            Some((
                format!("{workload} calls port {port} of Service {name}, which has {ports}"),
                "name a port that the Service has, or add it to the Service",
            ))
        }
        LooseWhy::NoService if !part => {
            // What looks like a host in a Secret may be the secret.
            let host = match loose.evidence.object.kind.as_str() {
                "Secret" => "a host",
                _ => loose.evidence.says.as_str(),
            };
            Some((
                format!("{workload} calls {host}, which is no Service of these manifests"),
                "correct the name in the chart's values; if another release has the Service, all is well",
            ))
        }
        LooseWhy::NoService | LooseWhy::NoPort => None,
    }
}
