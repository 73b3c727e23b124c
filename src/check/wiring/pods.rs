//! What does not fit together inside of one pod spec.

use std::borrow::Cow;

use foldhash::HashSet;

use super::violation;
use crate::inject::network::facts::member;
use crate::manifest::View;
use crate::manifest::view::Type;
use crate::policy::Violation;
use crate::report::Severity;

/// The policy about mounts of volumes that the pod does not have.
pub const VOLUME: &str = "wiring/volume";
/// The policy about volumes that no container mounts.
pub const UNUSED: &str = "wiring/unused-volume";
/// The policy about names that stand twice where each may stand once.
pub const NAME: &str = "wiring/duplicate-name";
/// The policy about variables that stand twice.
pub const VARIABLE: &str = "wiring/duplicate-variable";
/// The policy about probes of a port that the container does not have.
pub const PROBE: &str = "wiring/probe-port";

/// The policies of this module.
pub const POLICIES: [&str; 5] = [VOLUME, UNUSED, NAME, VARIABLE, PROBE];

/// A pod spec of a kind whose pods are made just as it says.
pub struct Pod<'a> {
    /// The spec.
    pub spec: View<'a>,
    /// Pointer to it from the document's root.
    pub at: &'a str,
    /// Claims that a StatefulSet makes for each pod, which are volumes too.
    pub templates: Option<View<'a>>,
    /// The pods' annotations.
    pub annotations: Option<View<'a>>,
}

/// Judges a pod spec.
pub fn judge(pod: &Pod<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    volumes(pod, &mut found);
    for list in LISTS {
        for (index, own) in items(pod.spec.get(list)).enumerate() {
            container(own, &format!("{}/{list}/{index}", pod.at), &mut found);
        }
    }
    twice(pod, &mut found);
    found
}

const LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

fn items<'v>(list: Option<View<'v>>) -> impl Iterator<Item = View<'v>> {
    list.into_iter().flat_map(View::items)
}

/// A name as it stands.
fn name<'v>(view: View<'v>) -> Option<Cow<'v, str>> {
    view.get("name")?.as_str()
}

fn volumes(pod: &Pod<'_>, found: &mut Vec<Violation>) {
    let declared: HashSet<Cow<'_, str>> = items(pod.spec.get("volumes")).filter_map(name).collect();
    let claims = items(pod.templates).filter_map(|claim| name(claim.get("metadata")?));
    let claims: HashSet<Cow<'_, str>> = claims.collect();
    let mut used = HashSet::default();
    for list in LISTS {
        for (index, container) in items(pod.spec.get(list)).enumerate() {
            for field in ["volumeMounts", "volumeDevices"] {
                for (mount, own) in items(container.get(field)).enumerate() {
                    let Some(name) = name(own) else { continue };
                    if !declared.contains(&name) && !claims.contains(&name) {
                        let at = format!("{}/{list}/{index}/{field}/{mount}/name", pod.at);
                        found.push(unmounted(&at, &name));
                    }
                    used.insert(name);
                }
            }
        }
    }
    for (index, volume) in items(pod.spec.get("volumes")).enumerate() {
        let unused = |name: &Cow<'_, str>| !used.contains(name) && !is_for_sidecar(pod, name);
        if let Some(name) = name(volume).filter(unused) {
            let at = format!("{}/volumes/{index}", pod.at);
            found.push(violation(
                UNUSED,
                Severity::Warning,
                &at,
                format!("no container mounts the volume {name}"),
                "mount it, or take it out of the chart's template",
            ));
        }
    }
}

/// Whether a sidecar that GKE adds mounts a volume of that name
/// (GoogleCloudPlatform/gcs-fuse-csi-driver, pkg/webhook/sidecar_spec.go).
fn is_for_sidecar(pod: &Pod<'_>, name: &str) -> bool {
    const RESERVED: [&str; 3] = ["gke-gcsfuse-buffer", "gke-gcsfuse-cache", "gke-gcsfuse-tmp"];
    let asked = |own: View<'_>| member(own, "gke-gcsfuse/volumes").as_deref() == Some("true");
    RESERVED.contains(&name) && pod.annotations.is_some_and(asked)
}

fn unmounted(at: &str, name: &str) -> Violation {
    violation(
        VOLUME,
        Severity::Error,
        at,
        format!("the pod has no volume {name}: the API server refuses it"),
        "add the volume to the pod, or take the mount out; often one of the two depends on a value that the other does not",
    )
}

fn container(own: View<'_>, at: &str, found: &mut Vec<Violation>) {
    let mut seen = HashSet::default();
    for (index, variable) in items(own.get("env")).enumerate() {
        let Some(name) = name(variable) else { continue };
        if !seen.insert(name.clone()) {
            found.push(violation(
                VARIABLE,
                Severity::Warning,
                &format!("{at}/env/{index}/name"),
                format!("the variable {name} stands here before: the last one wins"),
                "remove one of the two from the chart's template or values",
            ));
        }
    }
    probes(own, at, found);
}

fn probes(own: View<'_>, at: &str, found: &mut Vec<Violation>) {
    let declares = |port: &str| {
        items(own.get("ports")).any(|declared| name(declared).is_some_and(|name| name == port))
    };
    for probe in [
        "startupProbe",
        "readinessProbe",
        "livenessProbe",
        "lifecycle/postStart",
        "lifecycle/preStop",
    ] {
        for action in ["httpGet", "tcpSocket"] {
            let pointer = format!("/{probe}/{action}/port");
            let port = own.pointer(&pointer);
            let Some(port) = port.and_then(View::as_str).filter(|port| !is_number(port)) else {
                continue;
            };
            if !declares(&port) {
                found.push(violation(
                    PROBE,
                    Severity::Warning,
                    &format!("{at}{pointer}"),
                    format!("the container declares no port {port}: the probe always fails"),
                    "declare the port under that name, or write its number",
                ));
            }
        }
    }
}

fn is_number(port: &str) -> bool {
    !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())
}

/// Names that the API server refuses when they stand twice.
fn twice(pod: &Pod<'_>, found: &mut Vec<Violation>) {
    let mut containers = HashSet::default();
    for list in LISTS {
        for (index, own) in items(pod.spec.get(list)).enumerate() {
            let at = format!("{}/{list}/{index}", pod.at);
            again(
                &mut containers,
                name(own),
                &format!("{at}/name"),
                "container",
                found,
            );
            let mut ports = HashSet::default();
            for (port, own) in items(own.get("ports")).enumerate() {
                let at = format!("{at}/ports/{port}/name");
                again(&mut ports, name(own), &at, "port", found);
            }
            let mut paths = HashSet::default();
            for (mount, own) in items(own.get("volumeMounts")).enumerate() {
                let path = own.get("mountPath").and_then(View::as_str);
                let at = format!("{at}/volumeMounts/{mount}/mountPath");
                again(&mut paths, path, &at, "mountPath", found);
            }
        }
    }
    let mut volumes = HashSet::default();
    for (index, own) in items(pod.spec.get("volumes")).enumerate() {
        let at = format!("{}/volumes/{index}/name", pod.at);
        again(&mut volumes, name(own), &at, "volume", found);
    }
}

/// Says that a name came before.
pub(super) fn again<'v>(
    seen: &mut HashSet<Cow<'v, str>>,
    name: Option<Cow<'v, str>>,
    at: &str,
    noun: &str,
    found: &mut Vec<Violation>,
) {
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return;
    };
    if seen.contains(&name) {
        found.push(violation(
            NAME,
            Severity::Error,
            at,
            format!("{noun} {name} stands here twice: the API server refuses it"),
            "give one of the two another name, or remove it from the chart's template or values",
        ));
    } else {
        seen.insert(name);
    }
}

/// Whether a pod spec is one: containers that are maps. What is none, other policies refuse.
pub fn is_pod(spec: View<'_>) -> bool {
    let mut containers = items(spec.get("containers"));
    containers.all(|own| own.value_type() == Type::Map && member(own, "name").is_some())
}
