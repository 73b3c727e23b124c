//! Selectors that select nothing, or more than was meant, and ports that nobody has.

use super::facts::Scaler;
use super::{Release, violation};
use crate::inject::network::facts::{Monitored, Selected, ServiceFacts, WorkloadFacts};
use crate::inject::network::labels::{self, Labels};
use crate::inject::network::texts::Text;
use crate::inject::network::topology::{ObjectRef, PortRef};
use crate::policy::Violation;
use crate::report::Severity;

/// The policy about Services that select no pod.
pub const SERVICE: &str = "wiring/service-selector";
/// The policy about PodDisruptionBudgets that select no pod.
pub const BUDGET: &str = "wiring/budget-selector";
/// The policy about autoscalers whose target is not there.
pub const TARGET: &str = "wiring/scale-target";
/// The policy about monitors that select nothing.
pub const MONITOR: &str = "wiring/monitor-selector";
/// The policy about ports of a Service that no pod has.
pub const PORT: &str = "wiring/target-port";
/// The policy about Services that select the pods of a job, too.
pub const OVERLAP: &str = "wiring/service-overlap";

/// The policies of this module.
pub const POLICIES: [&str; 6] = [SERVICE, BUDGET, TARGET, MONITOR, PORT, OVERLAP];

const HELP: &str = "select by the labels that the pod templates of the release really have";

/// Asks whom each selector selects.
pub fn judge(release: &Release<'_>) -> Vec<(ObjectRef, Violation)> {
    let mut found = Vec::new();
    let facts = release.facts;
    if !facts.workloads.is_empty() {
        for service in &facts.services {
            self::service(release, service, &mut found);
        }
        found.extend(budgets(release));
    }
    found.extend(targets(release));
    let monitors = facts.monitors.iter();
    found.extend(monitors.filter_map(|own| monitor(release, own)));
    found
}

/// Whether pods may run that the stream does not show: those that operators and programs make.
fn may_be_others(release: &Release<'_>, namespace: &str) -> bool {
    let operated = release.facts.workloads.iter().any(|own| own.operated);
    let operated = operated || release.facts.makes_pods;
    let system = namespace.starts_with("kube-");
    release.wires.operators || operated || release.scope.part || system || !release.holds(namespace)
}

fn service(release: &Release<'_>, own: &ServiceFacts, found: &mut Vec<(ObjectRef, Violation)>) {
    if own.selector.is_empty() || own.external_name.is_some() {
        return;
    }
    let place = release.namespace(&own.object.namespace);
    let selector = Selected {
        labels: own.selector.clone(),
        expressions: Vec::new(),
    };
    let pods = release.selected(place, &selector);
    let at = format!("{}/spec/selector", own.object.pointer);
    if pods.is_empty() {
        let pods_here = release
            .facts
            .workloads
            .iter()
            .any(|pod| release.namespace(&pod.object.namespace) == place);
        let later = gets_labels_later(release, place, &own.selector);
        if pods_here && !later && !may_be_others(release, place) {
            let message = format!(
                "Service {} selects no pod of this release{}",
                own.object.name,
                nearest(release, place, &selector)
            );
            found.push((
                own.object.clone(),
                violation(SERVICE, Severity::Warning, &at, message, HELP),
            ));
        }
        return;
    }
    if !pods.iter().any(|pod| pod.operated) {
        found.extend(ports(own, &pods));
    }
    found.extend(overlap(own, &pods));
}

/// Whether pods may get the labels that no template has when they run: from the StatefulSet, or from
/// a program that may change pods.
fn gets_labels_later(release: &Release<'_>, namespace: &str, selector: &Labels) -> bool {
    if let Some(pod) = selector.get(labels::POD_NAME) {
        let set = labels::stateful_set(pod);
        return set.is_some_and(|set| release.workload(namespace, "StatefulSet", set).is_some());
    }
    release.wires.labels_pods && release.may_select(namespace, selector)
}

/// The pod whose labels differ least from a selector, in words.
fn nearest(release: &Release<'_>, namespace: &str, selector: &Selected) -> String {
    let pods = release.facts.workloads.iter().take(MAX_COMPARED);
    let pods = pods.filter(|pod| release.namespace(&pod.object.namespace) == namespace);
    let differing = |pod: &WorkloadFacts| -> Vec<String> {
        let labels = selector.labels.iter();
        let differs = labels.filter(|(key, value)| pod.labels.get(key) != Some(*value));
        differs
            .map(|(key, _)| match pod.labels.get(key) {
                Some(value) => format!("has {key}: {value}"),
                None => format!("lacks {key}"),
            })
            .collect()
    };
    let nearest = pods
        .map(|pod| (differing(pod), pod))
        .min_by_key(|(differing, _)| differing.len());
    match nearest {
        Some((differing, pod)) if differing.len() < selector.labels.len() => {
            format!(
                "; {} {} {}",
                pod.object.kind,
                pod.object.name,
                differing.join(" and ")
            )
        }
        _ => String::new(),
    }
}

/// Selectors are compared with this many pods at most, so that the time grows with the release.
const MAX_COMPARED: usize = 100;

/// Ports by a name that none of the pods declares.
fn ports(own: &ServiceFacts, pods: &[&WorkloadFacts]) -> Vec<(ObjectRef, Violation)> {
    let ports = own.ports.iter().enumerate();
    let lacking = ports.filter_map(|(index, port)| {
        let PortRef::Name(name) = &port.target else {
            return None;
        };
        let declared = pods.iter().flat_map(|pod| &pod.pod.containers);
        let mut declared = declared.flat_map(|container| &container.ports);
        if declared.any(|declared| declared.name.as_ref() == Some(name)) {
            return None;
        }
        let violation = violation(
            PORT,
            Severity::Warning,
            &format!("{}/spec/ports/{index}/targetPort", own.object.pointer),
            format!(
                "no container behind Service {} declares a port {name}: the port {} leads nowhere",
                own.object.name, port.number
            ),
            "name a port that the containers declare, or write its number",
        );
        Some((own.object.clone(), violation))
    });
    lacking.collect()
}

/// Pods that run to their end, selected beside those that serve.
fn overlap(own: &ServiceFacts, pods: &[&WorkloadFacts]) -> Option<(ObjectRef, Violation)> {
    let ends = |pod: &WorkloadFacts| {
        let kind = pod.object.kind.as_str();
        matches!(kind, "Job" | "CronJob") || (kind == "Pod" && pod.hook)
    };
    let serves = pods.iter().any(|pod| !ends(pod));
    let declares = |pod: &WorkloadFacts| {
        let ports = pod.pod.containers.iter().flat_map(|own| &own.ports);
        ports.count() > 0
    };
    // By a named port a pod without it gets no traffic.
    let by_number = own
        .ports
        .iter()
        .any(|port| matches!(port.target, PortRef::Number(_)));
    let mut odd = pods.iter().filter(|pod| ends(pod) && !declares(pod));
    let odd = odd.next().filter(|_| serves && by_number)?;
    let violation = violation(
        OVERLAP,
        Severity::Warning,
        &format!("{}/spec/selector", own.object.pointer),
        format!(
            "Service {} selects the pods of {} {}, too: calls fail while they run",
            own.object.name, odd.object.kind, odd.object.name
        ),
        "give the pods that serve a label of their own, and select by it",
    );
    Some((own.object.clone(), violation))
}

fn budgets<'a>(release: &'a Release<'_>) -> impl Iterator<Item = (ObjectRef, Violation)> + 'a {
    release.wires.budgets.iter().filter_map(|own| {
        let selector = own.selector.as_ref().filter(|own| !own.is_empty())?;
        let place = release.namespace(&own.object.namespace);
        let none = release.selected(place, selector).is_empty();
        if !none || may_be_others(release, place) {
            return None;
        }
        let violation = violation(
            BUDGET,
            Severity::Warning,
            &format!("{}/spec/selector", own.object.pointer),
            format!(
                "PodDisruptionBudget {} selects no pod of this release{}: it guards nothing",
                own.object.name,
                nearest(release, place, selector)
            ),
            HELP,
        );
        Some((own.object.clone(), violation))
    })
}

/// Kinds of Kubernetes' own that can be scaled: others may come from an operator.
const SCALABLE: [&str; 4] = ["Deployment", "StatefulSet", "ReplicaSet", "DaemonSet"];

fn targets<'a>(release: &'a Release<'_>) -> impl Iterator<Item = (ObjectRef, Violation)> + 'a {
    let idle = |own: &&Scaler| {
        let place = release.namespace(&own.object.namespace);
        SCALABLE.contains(&own.kind.as_str())
            && release.workload(place, &own.kind, &own.name).is_none()
            && !may_be_others(release, place)
    };
    release.wires.scalers.iter().filter(idle).map(|own| {
        let violation = violation(
            TARGET,
            Severity::Warning,
            &format!("{}/spec", own.object.pointer),
            format!(
                "{} {} is not in these manifests: {} {} scales nothing",
                own.kind, own.name, own.object.kind, own.object.name
            ),
            "correct the name or kind of the target in the chart's template",
        );
        (own.object.clone(), violation)
    })
}

fn monitor(release: &Release<'_>, own: &Monitored) -> Option<(ObjectRef, Violation)> {
    let here = own.namespaces.as_ref()?;
    let written = [own.object.namespace.clone()];
    let named: Vec<Option<Text>> = here.iter().cloned().map(Some).collect();
    let places = match named.is_empty() {
        true => written.as_slice(),
        false => named.as_slice(),
    };
    let places: Vec<&str> = places
        .iter()
        .map(|place| release.namespace(place))
        .collect();
    if own.selector.is_empty() || places.iter().any(|place| may_be_others(release, place)) {
        return None;
    }
    let inside = |namespace: &Option<Text>| places.contains(&release.namespace(namespace));
    let message = if own.pods {
        let none = places
            .iter()
            .all(|place| release.selected(place, &own.selector).is_empty());
        let pods = &release.facts.workloads;
        (none && !pods.is_empty()).then(|| "selects no pod of this release".to_owned())
    } else {
        let services = release.facts.services.iter();
        let services = services.filter(|own| inside(&own.object.namespace));
        let selected: Vec<&ServiceFacts> = services
            .filter(|service| own.selector.selects(&service.labels))
            .collect();
        match selected.is_empty() {
            true if release.facts.services.is_empty() => None,
            true => Some("selects no Service of this release".to_owned()),
            false => without_port(own, &selected),
        }
    }?;
    let violation = violation(
        MONITOR,
        Severity::Warning,
        &format!("{}/spec", own.object.pointer),
        format!(
            "{} {} {message}: nothing is scraped",
            own.object.kind, own.object.name
        ),
        "select by the labels of the Service itself, and name one of its ports",
    );
    Some((own.object.clone(), violation))
}

/// What to say of an endpoint whose port none of the Services has, by name.
fn without_port(own: &Monitored, services: &[&ServiceFacts]) -> Option<String> {
    own.endpoints.iter().find_map(|(port, ..)| {
        let Some(PortRef::Name(name)) = port else {
            return None;
        };
        let ports = services.iter().flat_map(|service| &*service.ports);
        let has = ports.filter(|own| own.name.as_ref() == Some(name)).count() > 0;
        (!has).then(|| format!("asks for a port {name} that no selected Service has"))
    })
}
