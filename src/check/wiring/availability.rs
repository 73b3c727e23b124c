//! Budgets that can never be met, and autoscalers and volumes that do not go with the replicas.

use super::facts::{Budget, Lacking, Scaled, Scaler};
use super::{Release, violation};
use crate::inject::network::facts::WorkloadFacts;
use crate::inject::network::texts::Text;
use crate::inject::network::topology::ObjectRef;
use crate::policy::Violation;
use crate::report::Severity;

/// The policy about budgets that let no pod go.
pub const BUDGET: &str = "wiring/disruption-budget";
/// The policy about autoscalers that measure against requests that are not there.
pub const REQUEST: &str = "wiring/autoscaler-request";
/// The policy about replicas written beside an autoscaler.
pub const REPLICAS: &str = "wiring/autoscaler-replicas";
/// The policy about volumes of one node under several replicas.
pub const VOLUME: &str = "wiring/shared-volume";

/// The policies of this module.
pub const POLICIES: [&str; 4] = [BUDGET, REQUEST, REPLICAS, VOLUME];

/// Judges what depends on numbers of replicas.
pub fn judge(release: &Release<'_>) -> Vec<(ObjectRef, Violation)> {
    let mut found = Vec::new();
    let budgets = release.wires.budgets.iter();
    found.extend(budgets.filter_map(|own| budget(release, own)));
    for scaler in &release.wires.scalers {
        let place = release.namespace(&scaler.object.namespace);
        if let Some(workload) = release.workload(place, &scaler.kind, &scaler.name) {
            found.extend(requests(release, scaler, workload));
            found.extend(replicas(release, scaler, workload));
        }
    }
    for own in &release.wires.scaled {
        found.extend(volumes(release, own));
    }
    found
}

fn budget(release: &Release<'_>, own: &Budget) -> Option<(ObjectRef, Violation)> {
    let (field, blocks) = match (&own.max_unavailable, &own.min_available) {
        (Some(most), _) if matches!(most.as_str(), "0" | "0%") => ("maxUnavailable", None),
        (_, Some(least)) if least == "100%" => ("minAvailable", None),
        (None, Some(least)) => ("minAvailable", Some(least)),
        _ => return None,
    };
    let why = match blocks {
        None => "it lets no pod go, however many there are".to_owned(),
        Some(least) => {
            let (pods, name) = alone(release, own)?;
            let least = required(least, pods)?;
            if least < pods || pods == 0 {
                return None;
            }
            match pods {
                1 => format!("{name} has 1 replica, and it must stay"),
                _ => format!("{name} has {pods} replicas, and {least} must stay"),
            }
        }
    };
    let violation = violation(
        BUDGET,
        Severity::Warning,
        &format!("{}/spec/{field}", own.object.pointer),
        format!(
            "PodDisruptionBudget {} keeps every node with its pods from being drained: {why}",
            own.object.name
        ),
        "run more replicas than must be available, or use maxUnavailable: 1",
    );
    Some((own.object.clone(), violation))
}

/// The fewest pods of the single workload that a budget is about, and its name.
fn alone<'a>(release: &Release<'a>, own: &Budget) -> Option<(u64, &'a str)> {
    let place = release.namespace(&own.object.namespace);
    let selected = release.selected(place, own.selector.as_ref()?);
    let lasting = |own: &&WorkloadFacts| {
        !own.hook && !matches!(own.object.kind.as_str(), "Job" | "CronJob" | "Pod")
    };
    let mut selected = selected.into_iter().filter(lasting);
    let (only, None) = (selected.next()?, selected.next()) else {
        return None;
    };
    let pods = match release.scaler(&only.object) {
        Some(scaler) => scaler.min?,
        None => release.scaled(&only.object)?.replicas.unwrap_or(1),
    };
    Some((pods, &only.object.name))
}

/// How many of so many pods must be available. A percentage is rounded up, as by the disruption
/// controller (k8s.io/kubernetes, pkg/controller/disruption).
fn required(least: &str, pods: u64) -> Option<u64> {
    match least.strip_suffix('%') {
        None => least.parse().ok(),
        Some(percent) => {
            let percent: u64 = percent.parse().ok()?;
            Some(percent.checked_mul(pods)?.div_ceil(100))
        }
    }
}

fn requests(
    release: &Release<'_>,
    scaler: &Scaler,
    workload: &WorkloadFacts,
) -> Option<(ObjectRef, Violation)> {
    let key = (workload.object.document, workload.object.pointer.clone());
    let lacking = release.wires.lacking.get(&key)?;
    let (own, pointer) = scaler
        .parts
        .iter()
        .find_map(|(resource, container, pointer)| {
            let concerns = |own: &&Lacking| {
                own.resource == resource
                    && container.as_ref().is_none_or(|name| *name == own.container)
            };
            Some((lacking.iter().find(concerns)?, pointer))
        })?;
    let violation = violation(
        REQUEST,
        Severity::Warning,
        pointer,
        format!(
            "{} measures {} as a part of the request, and container {} of {} has none: it never scales",
            scaler.object.name, own.resource, own.container, scaler.name
        ),
        "give every container of the pod a request for that resource",
    );
    Some((scaler.object.clone(), violation))
}

fn replicas(
    release: &Release<'_>,
    scaler: &Scaler,
    workload: &WorkloadFacts,
) -> Option<(ObjectRef, Violation)> {
    if scaler.object.kind == "VerticalPodAutoscaler" {
        return None;
    }
    let written = release.scaled(&workload.object)?.replicas?;
    let violation = violation(
        REPLICAS,
        Severity::Warning,
        &format!("{}/spec/replicas", workload.object.pointer),
        format!(
            "{} {} sets the replicas, and so does the template: every upgrade goes back to {written}",
            scaler.object.kind, scaler.object.name
        ),
        "leave replicas out of the template where autoscaling is on",
    );
    Some((workload.object.clone(), violation))
}

fn volumes(release: &Release<'_>, own: &Scaled) -> Option<(ObjectRef, Violation)> {
    let pods = match release.scaler(&own.object) {
        Some(scaler) => scaler.min?,
        None => own.replicas.unwrap_or(1),
    };
    if pods < 2 {
        return None;
    }
    let written = &own.object.namespace;
    let home = Some(release.home.clone());
    let same: [&Option<Text>; 2] = match release.namespace(written) {
        "" => [&None, &home],
        _ => [written, written],
    };
    let single = |claim: &&(Text, Text)| {
        let mut places = same.iter().map(|place| ((*place).clone(), claim.0.clone()));
        places.any(|key| release.wires.single.contains(&key))
    };
    let (claim, pointer) = own.claims.iter().find(single)?;
    let violation = violation(
        VOLUME,
        Severity::Warning,
        pointer,
        format!(
            "{} has {pods} replicas that share claim {claim}, which one node mounts at a time: pods on other nodes never start",
            own.object.name
        ),
        "use a StatefulSet with volumeClaimTemplates, a claim with ReadWriteMany, or one replica",
    );
    Some((own.object.clone(), violation))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_rounded_up() {
        for (least, pods, want) in [
            ("1", 3, Some(1)),
            ("50%", 1, Some(1)),
            ("50%", 3, Some(2)),
            ("34%", 3, Some(2)),
            ("33%", 3, Some(1)),
            ("half", 3, None),
        ] {
            assert_eq!(required(least, pods), want, "{least} of {pods}");
        }
    }
}
