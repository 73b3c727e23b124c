//! What a pod spec says: variables, arguments, and which ConfigMaps and Secrets it uses.

use super::{Scrape, container_ports, member, text};
use crate::inject::network::texts::{Text, Texts};
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
    pub account: Option<Text>,
    /// `automountServiceAccountToken`.
    pub automount: Option<bool>,
    /// Whether a volume projects a service account token.
    pub token: bool,
    /// The pods' annotations that may name hosts.
    pub annotations: Vec<Word>,
    /// What Prometheus is asked to scrape.
    pub scrape: Option<Scrape>,
    /// The id under which Dapr knows the pods, where it adds its sidecar.
    pub dapr: Option<Box<Word>>,
    /// Sidecars that others add to the pods: the annotation that asks for them, and the namespace of
    /// their control plane.
    pub sidecars: Vec<(Word, &'static str)>,
    /// What Consul's annotations say, where they ask for its sidecar.
    pub mesh: Option<Box<Mesh>>,
    /// Workloads that OpenShift's console draws an arrow to, as the chart says.
    pub connects_to: Option<Box<Word>>,
}

/// What Consul's annotations say (developer.hashicorp.com/consul/docs/k8s/annotations-and-labels).
#[derive(Debug)]
pub struct Mesh {
    /// `connect-service-upstreams`: Services that the pods call by ports of their own loopback.
    pub upstreams: Option<Word>,
    /// Whether the sidecar takes all calls upon itself: `transparent-proxy`, on by default.
    pub transparent: bool,
}

impl Mesh {
    fn read(annotations: View<'_>, at: &str, texts: &mut Texts) -> Option<Box<Mesh>> {
        let own = |name: &str| member(annotations, &format!("consul.hashicorp.com/{name}"));
        if own("connect-inject").as_deref() != Some("true") {
            return None;
        }
        let upstreams = own("connect-service-upstreams").map(|text| {
            let pointer = format!("{at}/consul.hashicorp.com~1connect-service-upstreams");
            Word::new(&text, &pointer, texts)
        });
        let transparent = own("transparent-proxy").as_deref() != Some("false");
        Some(Box::new(Mesh {
            upstreams,
            transparent,
        }))
    }
}

/// A container.
#[derive(Debug, Default)]
pub struct Container {
    /// Its variables, from ConfigMaps and Secrets first, as Kubernetes takes them.
    pub variables: Vec<Variables>,
    /// Command and arguments, one after the other; commands of hooks and probes each in a list of
    /// their own. None is empty.
    pub commands: Vec<Vec<Word>>,
    /// The ports it declares.
    pub ports: Box<[ContainerPort]>,
    /// The volumes it mounts.
    pub volumes: Box<[Text]>,
}

/// Variables of a container.
#[derive(Debug)]
pub enum Variables {
    /// One.
    One(Variable),
    /// All of a ConfigMap or Secret, each name behind a prefix.
    All(Stored, Text, Text),
}

/// A variable.
#[derive(Debug)]
pub struct Variable {
    /// The name.
    pub name: Text,
    /// Where its value comes from.
    pub source: Source,
    /// Pointer to the value from the document's root.
    pub pointer: Text,
}

/// Where a value comes from.
#[derive(Debug)]
pub enum Source {
    /// It stands here.
    Literal(Text),
    /// From that key of that ConfigMap or Secret.
    Key(Stored, Text, Text),
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
    pub name: Text,
    /// The keys that are mounted; all when empty.
    pub keys: Vec<Text>,
    /// The volume's name.
    pub volume: Text,
}

/// A piece of text with its place.
#[derive(Debug)]
pub struct Word {
    /// The text.
    pub text: Text,
    /// Pointer from the document's root.
    pub pointer: Text,
}

impl Word {
    /// A text at a pointer.
    pub fn new(text: &str, pointer: &str, texts: &mut Texts) -> Word {
        Word {
            text: Text::from(text),
            pointer: texts.keep(pointer),
        }
    }
}

impl Pod {
    /// Reads a pod spec that lies at a pointer.
    pub fn read(spec: View<'_>, at: &str, texts: &mut Texts) -> Pod {
        let account = member(spec, "serviceAccountName").or_else(|| member(spec, "serviceAccount"));
        let mut pod = Pod {
            account: account.map(|name| texts.keep(&name)),
            automount: spec
                .get("automountServiceAccountToken")
                .and_then(View::as_bool),
            host_network: spec.get("hostNetwork").and_then(View::as_bool) == Some(true),
            ..Pod::default()
        };
        for list in ["initContainers", "containers"] {
            for (index, container) in spec.get(list).into_iter().flat_map(View::items).enumerate() {
                let at = format!("{at}/{list}/{index}");
                pod.containers.push(Container::read(container, &at, texts));
            }
        }
        for volume in spec.get("volumes").into_iter().flat_map(View::items) {
            pod.volume(volume, texts);
        }
        pod.containers.shrink_to_fit();
        pod.mounts.shrink_to_fit();
        pod
    }

    fn volume(&mut self, volume: View<'_>, texts: &mut Texts) {
        let called = texts.keep(&member(volume, "name").unwrap_or_default());
        let mut mount = |kind, source: Option<View<'_>>, name: &str| {
            let mount = source.and_then(|source| Mount::read(kind, source, name, texts));
            self.mounts.extend(mount.map(|mount| Mount {
                volume: called.clone(),
                ..mount
            }));
        };
        mount(Stored::ConfigMap, volume.get("configMap"), "name");
        mount(Stored::Secret, volume.get("secret"), "secretName");
        let projected = volume.get("projected").and_then(|p| p.get("sources"));
        for source in projected.into_iter().flat_map(View::items) {
            mount(Stored::ConfigMap, source.get("configMap"), "name");
            mount(Stored::Secret, source.get("secret"), "name");
        }
        let is_token = |source: View<'_>| source.get("serviceAccountToken").is_some();
        self.token |= projected.into_iter().flat_map(View::items).any(is_token);
    }

    /// Reads the pods' annotations, which lie at a pointer.
    pub fn annotate(&mut self, annotations: View<'_>, at: &str, texts: &mut Texts) {
        self.scrape = Scrape::read(annotations, at, texts);
        self.mesh = Mesh::read(annotations, at, texts);
        for (key, value) in annotations.entries() {
            let pointer = || format!("{at}/{}", escape(&key));
            if let Some(namespace) = control_plane(&key, value) {
                let word = Word::new(&key, &pointer(), texts);
                self.sidecars.push((word, namespace));
            }
            match (key.as_ref(), text(value)) {
                ("dapr.io/app-id", Some(text)) => {
                    self.dapr = Some(Box::new(Word::new(&text, &pointer(), texts)));
                }
                (key, Some(text)) if may_name_hosts(key) => {
                    self.annotations.push(Word::new(&text, &pointer(), texts));
                }
                _ => {}
            }
        }
    }

    /// Reads the annotations of the workload itself, where some charts put what belongs to the pods.
    pub fn annotate_object(&mut self, object: &Object<'_>, texts: &mut Texts) {
        let annotations = object
            .view
            .get("metadata")
            .and_then(|metadata| metadata.get("annotations"));
        let mut word = |key: &str| {
            let text = member(annotations?, key)?;
            let pointer = format!("{}/metadata/annotations/{}", object.pointer, escape(key));
            Some(Box::new(Word::new(&text, &pointer, texts)))
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
        "consul.hashicorp.com/connect-inject" => ("true", "consul"),
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
    const NO: [&str; 10] = [
        "checksum",
        "consul.hashicorp.com/",
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
    pub fn read(annotations: View<'_>, at: &str, texts: &mut Texts) -> Option<Scrape> {
        let key = ["prometheus.io/scrape", "prometheus.io.scrape"]
            .into_iter()
            .find(|key| member(annotations, key).as_deref() == Some("true"))?;
        Some(Scrape {
            port: annotations
                .get("prometheus.io/port")
                .and_then(super::number),
            pointer: texts.keep(&format!("{at}/{}", escape(key))),
        })
    }
}

impl Mount {
    /// Reads a source of a volume's files, whose name stands under a key.
    fn read(kind: Stored, source: View<'_>, key: &str, texts: &mut Texts) -> Option<Mount> {
        let name = member(source, key)?;
        let items = source.get("items").into_iter().flat_map(View::items);
        let items = items.filter_map(|item| member(item, "key"));
        Some(Mount {
            kind,
            name: texts.keep(&name),
            keys: items.map(|key| texts.keep(&key)).collect(),
            volume: Text::default(),
        })
    }
}

impl Container {
    fn read(container: View<'_>, at: &str, texts: &mut Texts) -> Container {
        let mounts = container.get("volumeMounts").into_iter();
        let volumes = mounts
            .flat_map(View::items)
            .filter_map(|own| member(own, "name"));
        let mut read = Container {
            volumes: volumes.map(|name| texts.keep(&name)).collect(),
            ports: container_ports(container, texts),
            ..Container::default()
        };
        for source in container.get("envFrom").into_iter().flat_map(View::items) {
            read.all_of(source, texts);
        }
        let variables = container.get("env").into_iter().flat_map(View::items);
        for (index, variable) in variables.enumerate() {
            read.variable(variable, &format!("{at}/env/{index}"), texts);
        }
        for lists in COMMANDS {
            let mut command = Vec::new();
            for list in lists {
                words(container, at, list, &mut command, texts);
            }
            if !command.is_empty() {
                command.shrink_to_fit();
                read.commands.push(command);
            }
        }
        read.variables.shrink_to_fit();
        read.commands.shrink_to_fit();
        read
    }

    /// Adds a variable that the container gets from its product.
    pub fn give(&mut self, at: &str, variable: &profile::Variable, texts: &mut Texts) {
        let (source, pointer) = match &variable.given {
            Given::Literal(text) => (Source::Literal(texts.keep(text)), format!("{at}/value")),
            Given::Secret { secret, key } => (
                Source::Key(Stored::Secret, texts.keep(secret), texts.keep(key)),
                format!("{at}/valueFrom/secretKeyRef"),
            ),
        };
        self.variables.push(Variables::One(Variable {
            name: texts.keep(&variable.name),
            source,
            pointer: texts.keep(&pointer),
        }));
    }

    fn all_of(&mut self, source: View<'_>, texts: &mut Texts) {
        let prefix = member(source, "prefix").unwrap_or_default();
        for (key, kind) in [
            ("configMapRef", Stored::ConfigMap),
            ("secretRef", Stored::Secret),
        ] {
            if let Some(name) = source
                .get(key)
                .and_then(|reference| member(reference, "name"))
            {
                let all = Variables::All(kind, texts.keep(&name), texts.keep(&prefix));
                self.variables.push(all);
            }
        }
    }

    fn variable(&mut self, variable: View<'_>, at: &str, texts: &mut Texts) {
        let Some(name) = member(variable, "name") else {
            return;
        };
        if let Some((source, pointer)) = source(variable, at, texts) {
            self.variables.push(Variables::One(Variable {
                name: texts.keep(&name),
                source,
                pointer: texts.keep(&pointer),
            }));
        }
    }
}

/// Where the value of a variable comes from, and the pointer to it.
fn source(variable: View<'_>, at: &str, texts: &mut Texts) -> Option<(Source, String)> {
    if let Some(value) = variable.get("value").and_then(text) {
        return Some((Source::Literal(Text::from(value)), format!("{at}/value")));
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
            let (name, key) = (member(key, "name")?, member(key, "key")?);
            let source = Source::Key(kind, texts.keep(&name), texts.keep(&key));
            return Some((source, format!("{at}/valueFrom/{reference}")));
        }
    }
    None
}

/// The lists of a container's words that make a command: arguments follow the command itself.
const COMMANDS: [&[&str]; 6] = [
    &["/command", "/args"],
    &["/lifecycle/postStart/exec/command"],
    &["/lifecycle/preStop/exec/command"],
    &["/startupProbe/exec/command"],
    &["/readinessProbe/exec/command"],
    &["/livenessProbe/exec/command"],
];

/// Adds the words of a list of a container that lies at a pointer.
fn words(container: View<'_>, at: &str, list: &str, command: &mut Vec<Word>, texts: &mut Texts) {
    let items = container.pointer(list).into_iter().flat_map(View::items);
    command.extend(items.enumerate().filter_map(|(index, word)| {
        let pointer = || format!("{at}{list}/{index}");
        text(word).map(|text| Word::new(&text, &pointer(), texts))
    }));
}
