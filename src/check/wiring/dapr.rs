//! Dapr components that ask for TLS where nothing offers it.

use super::{Release, violation};
use crate::inject::network::facts::{Component, Selected, Source, Variables, WorkloadFacts};
use crate::inject::network::topology::ObjectRef;
use crate::policy::Violation;
use crate::report::Severity;

/// The policy about them.
pub const TLS: &str = "wiring/redis-tls";

/// The policies of this module.
pub const POLICIES: [&str; 1] = [TLS];

/// Components that call a Redis of the release by TLS.
pub fn judge(release: &Release<'_>) -> Vec<(ObjectRef, Violation)> {
    let components = release.facts.components.iter();
    components.filter_map(|own| plain(release, own)).collect()
}

fn plain(release: &Release<'_>, own: &Component) -> Option<(ObjectRef, Violation)> {
    let setting = |name: &str| {
        let found = own.settings.iter().find(|setting| setting.name == name)?;
        match &found.source {
            Source::Literal(text) => Some((text.as_str(), &found.pointer)),
            Source::Key(..) | Source::Namespace => None,
        }
    };
    let (_, pointer) = setting("enableTLS").filter(|(text, _)| *text == "true")?;
    let (host, _) = setting("redisHost")?;
    let name = host.split([':', '.']).next()?;
    let place = release.namespace(&own.object.namespace);
    let service = release.service(place, name)?;
    let selector = Selected {
        labels: service.selector.clone(),
        expressions: Vec::new(),
    };
    let pods = release.selected(place, &selector);
    if service.selector.is_empty() || pods.is_empty() || pods.iter().any(|pod| speaks_tls(pod)) {
        return None;
    }
    let violation = violation(
        TLS,
        Severity::Warning,
        pointer,
        format!("the component calls {name} by TLS, and nothing in its pods speaks of TLS"),
        "turn TLS on in the Redis, or set enableTLS to false",
    );
    Some((own.object.clone(), violation))
}

/// Whether anything in a pod has to do with TLS: then it is not for us to say.
fn speaks_tls(own: &WorkloadFacts) -> bool {
    let tls = |text: &str| {
        let text = text.to_ascii_lowercase();
        text.contains("tls") || text.contains("ssl") || text.contains("cert")
    };
    let pod = &own.pod;
    own.operated
        || !pod.sidecars.is_empty()
        || pod
            .mounts
            .iter()
            .any(|mount| tls(&mount.name) || mount.keys.iter().any(|key| tls(key)))
        || pod.containers.iter().any(|container| {
            let ports = || {
                container
                    .ports
                    .iter()
                    .filter_map(|port| port.name.as_deref())
            };
            container
                .commands
                .iter()
                .flatten()
                .any(|word| tls(&word.text))
                || ports().any(tls)
                || container.ports.iter().any(|port| port.number == 6380)
                || container.variables.iter().any(|variable| match variable {
                    Variables::One(one) => tls(&one.name),
                    Variables::All(_, name, _) => tls(name),
                })
        })
}
