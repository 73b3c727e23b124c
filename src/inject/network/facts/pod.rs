//! What a pod spec says: variables, arguments, and which ConfigMaps and Secrets it uses.

use super::{Scrape, container_ports, member, text};
use crate::inject::network::topology::ContainerPort;
use crate::manifest::View;
use crate::manifest::view::escape;
use crate::object::Object;
use crate::platform::variables::{self as profile, Given};

/// A pod.
#[derive(Debug, Default)]
pub struct Pod {
    /// Init containers and containers, in order.
    pub containers: Vec<Container>,
    /// ConfigMaps and Secrets that it mounts.
    pub mounts: Vec<Mount>,
    /// `hostNetwork`.
    pub host_network: bool,
    /// `serviceAccountName`.
    pub account: Option<String>,
    /// `automountServiceAccountToken`.
    pub automount: Option<bool>,
    /// Whether a volume projects a service account token.
    pub token: bool,
    /// The pods' annotations that may name hosts.
    pub annotations: Vec<Word>,
    /// What Prometheus is asked to scrape.
    pub scrape: Option<Scrape>,
    /// The id under which Dapr knows the pods, where it adds its sidecar.
    pub dapr: Option<Word>,
    /// Sidecars that others add to the pods: the annotation that asks for them, and the namespace of
    /// their control plane.
    pub sidecars: Vec<(Word, &'static str)>,
    /// Workloads that OpenShift's console draws an arrow to, as the chart says.
    pub connects_to: Option<Word>,
}

/// A container.
#[derive(Debug, Default)]
pub struct Container {
    /// Its variables, from ConfigMaps and Secrets first, as Kubernetes takes them.
    pub variables: Vec<Variables>,
    /// Command and arguments, one after the other; commands of hooks and probes each in a list of
    /// their own.
    pub commands: Vec<Vec<Word>>,
    /// The ports it declares.
    pub ports: Vec<ContainerPort>,
}

/// Variables of a container.
#[derive(Debug)]
pub enum Variables {
    /// One.
    One(Variable),
    /// All of a ConfigMap or Secret, each name behind a prefix.
    All(Stored, String, String),
}

/// A variable.
#[derive(Debug)]
pub struct Variable {
    /// The name.
    pub name: String,
    /// Where its value comes from.
    pub source: Source,
    /// Pointer to the value from the document's root.
    pub pointer: String,
}

/// Where a value comes from.
#[derive(Debug)]
pub enum Source {
    /// It stands here.
    Literal(String),
    /// From that key of that ConfigMap or Secret.
    Key(Stored, String, String),
    /// The pod's own namespace.
    Namespace,
}

/// A sort of object that stores text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stored {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
}

/// A ConfigMap or Secret that is mounted.
#[derive(Debug)]
pub struct Mount {
    /// Which sort.
    pub kind: Stored,
    /// Its name.
    pub name: String,
    /// The keys that are mounted; all when empty.
    pub keys: Vec<String>,
}

/// A piece of text with its place.
#[derive(Debug)]
pub struct Word {
    /// The text.
    pub text: String,
    /// Pointer from the document's root.
    pub pointer: String,
}

impl Pod {
    /// Reads a pod spec that lies at a pointer.
    pub fn read(spec: View<'_>, at: &str) -> Pod {
        let mut pod = Pod {
            account: member(spec, "serviceAccountName").or_else(|| member(spec, "serviceAccount")),
            automount: spec
                .get("automountServiceAccountToken")
                .and_then(View::as_bool),
            host_network: spec.get("hostNetwork").and_then(View::as_bool) == Some(true),
            ..Pod::default()
        };
        for list in ["initContainers", "containers"] {
            for (index, container) in spec.get(list).into_iter().flat_map(View::items).enumerate() {
                let at = format!("{at}/{list}/{index}");
                pod.containers.push(Container::read(container, &at));
            }
        }
        for volume in spec.get("volumes").into_iter().flat_map(View::items) {
            pod.volume(volume);
        }
        pod
    }

    fn volume(&mut self, volume: View<'_>) {
        self.mount(
            Stored::ConfigMap,
            volume.get("configMap"),
            &["name", "items"],
        );
        self.mount(
            Stored::Secret,
            volume.get("secret"),
            &["secretName", "items"],
        );
        let projected = volume.get("projected").and_then(|p| p.get("sources"));
        for source in projected.into_iter().flat_map(View::items) {
            self.mount(Stored::ConfigMap, source.get("configMap"), &["name"]);
            self.mount(Stored::Secret, source.get("secret"), &["name"]);
            self.token |= source.get("serviceAccountToken").is_some();
        }
    }

    fn mount(&mut self, kind: Stored, source: Option<View<'_>>, keys: &[&str]) {
        let name_key = keys.first().copied().unwrap_or_default();
        let Some((source, name)) = source.and_then(|s| Some((s, member(s, name_key)?))) else {
            return;
        };
        let items = source.get("items").into_iter().flat_map(View::items);
        self.mounts.push(Mount {
            kind,
            name,
            keys: items.filter_map(|item| member(item, "key")).collect(),
        });
    }

    /// Reads the pods' annotations, which lie at a pointer.
    pub fn annotate(&mut self, annotations: Option<View<'_>>, at: &str) {
        let Some(annotations) = annotations else {
            return;
        };
        self.scrape = Scrape::read(annotations, at);
        for (key, value) in annotations.entries() {
            let pointer = || format!("{at}/{}", escape(&key));
            if let Some(namespace) = control_plane(&key, value) {
                let word = Word {
                    text: key.clone().into_owned(),
                    pointer: pointer(),
                };
                self.sidecars.push((word, namespace));
            }
            match (key.as_ref(), text(value)) {
                ("dapr.io/app-id", Some(text)) => {
                    let pointer = pointer();
                    self.dapr = Some(Word { text, pointer });
                }
                (key, Some(text)) if may_name_hosts(key) => {
                    let pointer = pointer();
                    self.annotations.push(Word { text, pointer });
                }
                _ => {}
            }
        }
    }

    /// Reads the annotations of the workload itself, where some charts put what belongs to the pods.
    pub fn annotate_object(&mut self, object: &Object<'_>) {
        let annotations = object
            .view
            .get("metadata")
            .and_then(|metadata| metadata.get("annotations"));
        let word = |key: &str| {
            let text = member(annotations?, key)?;
            let pointer = format!("{}/metadata/annotations/{}", object.pointer, escape(key));
            Some(Word { text, pointer })
        };
        self.connects_to = word("app.openshift.io/connects-to");
        if self.dapr.is_none() {
            self.dapr = word("dapr.io/app-id");
        }
    }
}

/// The namespace of the control plane that sidecars need, when an annotation asks for them; where
/// each project's own installation puts it.
fn control_plane(key: &str, value: View<'_>) -> Option<&'static str> {
    let (wanted, namespace) = match key {
        "dapr.io/enabled" => ("true", "dapr-system"),
        "linkerd.io/inject" => ("enabled", "linkerd"),
        "sidecar.istio.io/inject" => ("true", "istio-system"),
        _ => return None,
    };
    (text(value).as_deref() == Some(wanted)).then_some(namespace)
}

/// Whether an annotation may name hosts that the pods call: not checksums and the like, nor what
/// others read from it.
fn may_name_hosts(key: &str) -> bool {
    const NO: [&str; 9] = [
        "checksum",
        "prometheus.io",
        "helm.sh/",
        "kubectl.",
        "kubernetes.io/",
        "k8s.io/",
        "container.apparmor",
        "rollme",
        "postrenderer.",
    ];
    !NO.iter().any(|part| key.contains(part))
}

impl Scrape {
    /// Reads `prometheus.io/…` from annotations that lie at a pointer.
    pub fn read(annotations: View<'_>, at: &str) -> Option<Scrape> {
        let key = ["prometheus.io/scrape", "prometheus.io.scrape"]
            .into_iter()
            .find(|key| member(annotations, key).as_deref() == Some("true"))?;
        Some(Scrape {
            port: annotations
                .get("prometheus.io/port")
                .and_then(super::number),
            pointer: format!("{at}/{}", escape(key)),
        })
    }
}

impl Container {
    fn read(container: View<'_>, at: &str) -> Container {
        let mut read = Container {
            ports: container_ports(container).collect(),
            ..Container::default()
        };
        for source in container.get("envFrom").into_iter().flat_map(View::items) {
            read.all_of(source);
        }
        for (index, variable) in container
            .get("env")
            .into_iter()
            .flat_map(View::items)
            .enumerate()
        {
            read.variable(variable, &format!("{at}/env/{index}"));
        }
        let mut command = words(container.get("command"), &format!("{at}/command"));
        command.extend(words(container.get("args"), &format!("{at}/args")));
        read.commands.push(command);
        for hook in [
            "lifecycle/postStart",
            "lifecycle/preStop",
            "startupProbe",
            "readinessProbe",
            "livenessProbe",
        ] {
            let pointer = format!("/{hook}/exec/command");
            let command = words(container.pointer(&pointer), &format!("{at}{pointer}"));
            if !command.is_empty() {
                read.commands.push(command);
            }
        }
        read
    }

    /// Adds a variable that the container gets from its product.
    pub fn give(&mut self, at: String, variable: profile::Variable) {
        let (source, pointer) = match variable.given {
            Given::Literal(text) => (Source::Literal(text), format!("{at}/value")),
            Given::Secret { secret, key } => (
                Source::Key(Stored::Secret, secret, key),
                format!("{at}/valueFrom/secretKeyRef"),
            ),
        };
        self.variables.push(Variables::One(Variable {
            name: variable.name,
            source,
            pointer,
        }));
    }

    fn all_of(&mut self, source: View<'_>) {
        let prefix = member(source, "prefix").unwrap_or_default();
        for (key, kind) in [
            ("configMapRef", Stored::ConfigMap),
            ("secretRef", Stored::Secret),
        ] {
            if let Some(name) = source
                .get(key)
                .and_then(|reference| member(reference, "name"))
            {
                let all = Variables::All(kind, name, prefix.clone());
                self.variables.push(all);
            }
        }
    }

    fn variable(&mut self, variable: View<'_>, at: &str) {
        let Some(name) = member(variable, "name") else {
            return;
        };
        if let Some((source, pointer)) = source(variable, at) {
            self.variables.push(Variables::One(Variable {
                name,
                source,
                pointer,
            }));
        }
    }
}

/// Where the value of a variable comes from, and the pointer to it.
fn source(variable: View<'_>, at: &str) -> Option<(Source, String)> {
    if let Some(value) = variable.get("value").and_then(text) {
        return Some((Source::Literal(value), format!("{at}/value")));
    }
    let from = variable.get("valueFrom")?;
    let field = from.get("fieldRef").and_then(|of| member(of, "fieldPath"));
    if field.as_deref() == Some("metadata.namespace") {
        return Some((Source::Namespace, format!("{at}/valueFrom/fieldRef")));
    }
    for (reference, kind) in [
        ("configMapKeyRef", Stored::ConfigMap),
        ("secretKeyRef", Stored::Secret),
    ] {
        if let Some(key) = from.get(reference) {
            let source = Source::Key(kind, member(key, "name")?, member(key, "key")?);
            return Some((source, format!("{at}/valueFrom/{reference}")));
        }
    }
    None
}

fn words(list: Option<View<'_>>, at: &str) -> Vec<Word> {
    let items = list.into_iter().flat_map(View::items).enumerate();
    items
        .filter_map(|(index, word)| {
            Some(Word {
                text: text(word)?,
                pointer: format!("{at}/{index}"),
            })
        })
        .collect()
}
