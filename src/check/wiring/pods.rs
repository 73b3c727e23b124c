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

/// A container of the pod.
struct Container<'a> {
    view: View<'a>,
    list: &'static str,
    index: usize,
    ports: Option<View<'a>>,
    mounts: Option<View<'a>>,
}

/// Judges a pod spec.
pub fn judge(pod: &Pod<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    let containers = Container::all(pod);
    let volumes = pod.spec.get("volumes");
    mounted(pod, &containers, volumes, &mut found);
    for own in &containers {
        variables(pod, own, &mut found);
        probes(pod, own, &mut found);
    }
    twice(pod, &containers, volumes, &mut found);
    found
}

impl<'a> Container<'a> {
    /// All of a pod, in the order of [`LISTS`].
    fn all(pod: &Pod<'a>) -> Vec<Container<'a>> {
        let lists = LISTS.into_iter();
        let containers = lists.flat_map(|list| {
            let containers = items(pod.spec.get(list)).enumerate();
            containers.map(move |(index, view)| Container {
                view,
                list,
                index,
                ports: view.get("ports"),
                mounts: view.get("volumeMounts"),
            })
        });
        containers.collect()
    }

    /// Pointer to it from the document's root, for something that is found.
    fn at(&self, pod: &Pod<'_>) -> String {
        format!("{}/{}/{}", pod.at, self.list, self.index)
    }
}

const LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

fn items<'v>(list: Option<View<'v>>) -> impl Iterator<Item = View<'v>> {
    list.into_iter().flat_map(View::items)
}

/// A name as it stands.
fn name<'v>(view: View<'v>) -> Option<Cow<'v, str>> {
    view.get("name")?.as_str()
}

/// Mounts without a volume, and volumes without a mount.
fn mounted(
    pod: &Pod<'_>,
    containers: &[Container<'_>],
    volumes: Option<View<'_>>,
    found: &mut Vec<Violation>,
) {
    let claims = items(pod.templates).filter_map(|claim| name(claim.get("metadata")?));
    let declared = items(volumes).filter_map(name).chain(claims);
    let declared: HashSet<Cow<'_, str>> = declared.collect();
    let mut used = HashSet::default();
    for container in containers {
        let devices = container.view.get("volumeDevices");
        for (field, mounts) in [
            ("volumeMounts", container.mounts),
            ("volumeDevices", devices),
        ] {
            for (mount, own) in items(mounts).enumerate() {
                let Some(name) = name(own) else { continue };
                if !declared.contains(&name) {
                    let at = format!("{}/{field}/{mount}/name", container.at(pod));
                    found.push(unmounted(&at, &name));
                }
                used.insert(name);
            }
        }
    }
    for (index, volume) in items(volumes).enumerate() {
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

fn variables(pod: &Pod<'_>, container: &Container<'_>, found: &mut Vec<Violation>) {
    let mut seen = HashSet::default();
    for (index, variable) in items(container.view.get("env")).enumerate() {
        let Some(name) = name(variable) else { continue };
        if !seen.insert(name.clone()) {
            found.push(violation(
                VARIABLE,
                Severity::Warning,
                &format!("{}/env/{index}/name", container.at(pod)),
                format!("the variable {name} stands here before: the last one wins"),
                "remove one of the two from the chart's template or values",
            ));
        }
    }
}

fn probes(pod: &Pod<'_>, container: &Container<'_>, found: &mut Vec<Violation>) {
    let declares = |port: &str| {
        let mut declared = items(container.ports).filter_map(name);
        declared.any(|name| name == port)
    };
    for (handler, own) in handlers(container.view) {
        for action in ["httpGet", "tcpSocket"] {
            let port = own.get(action).and_then(|action| action.get("port"));
            let port = port.and_then(View::as_str).filter(|port| !is_number(port));
            if let Some(port) = port.filter(|port| !declares(port)) {
                found.push(violation(
                    PROBE,
                    Severity::Warning,
                    &format!("{}/{handler}/{action}/port", container.at(pod)),
                    format!("the container declares no port {port}: the probe always fails"),
                    "declare the port under that name, or write its number",
                ));
            }
        }
    }
}

/// What a container has the kubelet call, by its way from the container.
fn handlers<'v>(container: View<'v>) -> impl Iterator<Item = (&'static str, View<'v>)> {
    let lifecycle = container.get("lifecycle");
    let hook = |name: &str| lifecycle?.get(name);
    let handlers = [
        ("startupProbe", container.get("startupProbe")),
        ("readinessProbe", container.get("readinessProbe")),
        ("livenessProbe", container.get("livenessProbe")),
        ("lifecycle/postStart", hook("postStart")),
        ("lifecycle/preStop", hook("preStop")),
    ];
    let handlers = handlers.into_iter();
    handlers.filter_map(|(way, handler)| Some((way, handler?)))
}

fn is_number(port: &str) -> bool {
    !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())
}

/// Names that the API server refuses when they stand twice.
fn twice(
    pod: &Pod<'_>,
    containers: &[Container<'_>],
    volumes: Option<View<'_>>,
    found: &mut Vec<Violation>,
) {
    let mut names = HashSet::default();
    for container in containers {
        let own = name(container.view);
        again(&mut names, own, "container", found, || {
            format!("{}/name", container.at(pod))
        });
        let mut ports = HashSet::default();
        for (port, own) in items(container.ports).enumerate() {
            again(&mut ports, name(own), "port", found, || {
                format!("{}/ports/{port}/name", container.at(pod))
            });
        }
        let mut paths = HashSet::default();
        for (mount, own) in items(container.mounts).enumerate() {
            let path = own.get("mountPath").and_then(View::as_str);
            again(&mut paths, path, "mountPath", found, || {
                format!("{}/volumeMounts/{mount}/mountPath", container.at(pod))
            });
        }
    }
    let mut names = HashSet::default();
    for (index, own) in items(volumes).enumerate() {
        again(&mut names, name(own), "volume", found, || {
            format!("{}/volumes/{index}/name", pod.at)
        });
    }
}

/// Says that a name came before; `at` gives its pointer, which is made only then.
pub(super) fn again<'v>(
    seen: &mut HashSet<Cow<'v, str>>,
    name: Option<Cow<'v, str>>,
    noun: &str,
    found: &mut Vec<Violation>,
    at: impl FnOnce() -> String,
) {
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return;
    };
    if seen.contains(&name) {
        found.push(violation(
            NAME,
            Severity::Error,
            &at(),
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
