//! What a release offers to be named, and what may bring more than the stream shows.

use super::{What, Wires};
use crate::inject::network::facts::{member, text};
use crate::inject::network::texts::{Text, Texts};
use crate::inject::network::topology::ObjectRef;
use crate::manifest::View;
use crate::manifest::view::Type;
use crate::object::Object;

/// An object that others may name.
#[derive(Debug)]
pub struct Provided {
    /// What it is.
    pub what: What,
    /// Its namespace as written.
    pub namespace: Option<Text>,
    /// Its name.
    pub name: Text,
    /// The keys in it.
    pub keys: Keys,
}

/// The keys of a ConfigMap or Secret.
#[derive(Debug)]
pub enum Keys {
    /// Just these.
    Known(Vec<Text>),
    /// Something else fills it.
    Open,
}

/// Whether resources of a kind make no pods, and no objects but those they name.
fn is_passive(group: &str, kind: &str) -> bool {
    match group {
        "cilium.io"
        | "configuration.konghq.com"
        | "kyverno.io"
        | "networking.istio.io"
        | "projectcalico.org"
        | "projectcontour.io"
        | "route.openshift.io"
        | "security.istio.io"
        | "telemetry.istio.io"
        | "traefik.containo.us"
        | "traefik.io" => true,
        "keda.sh" => kind != "ScaledJob",
        "monitoring.coreos.com" => !matches!(
            kind,
            "Alertmanager" | "Prometheus" | "PrometheusAgent" | "ThanosRuler"
        ),
        _ => false,
    }
}

impl Wires {
    fn offer(&mut self, what: What, namespace: &Option<Text>, name: Text, keys: Keys) {
        self.provided.push(Provided {
            what,
            namespace: namespace.clone(),
            name,
            keys,
        });
    }

    /// Notes an object that others may name.
    pub(super) fn offered(&mut self, own: &ObjectRef, object: &Object<'_>) {
        let view = object.view;
        let texts = &mut self.texts;
        let (what, keys) = match own.kind.as_str() {
            "Secret" => (What::Secret, keys(view, &["data", "stringData"], texts)),
            "ConfigMap" => (What::ConfigMap, keys(view, &["data", "binaryData"], texts)),
            "PersistentVolumeClaim" => {
                let modes = view.pointer("/spec/accessModes");
                let mut modes = modes.into_iter().flat_map(View::items).filter_map(text);
                let single = |mode: &str| matches!(mode, "ReadWriteOnce" | "ReadWriteOncePod");
                let first = modes.next();
                if first.is_some_and(|mode| single(&mode)) && modes.all(|mode| single(&mode)) {
                    self.single
                        .insert((own.namespace.clone(), own.name.clone()));
                }
                (What::Claim, Keys::Open)
            }
            "ServiceAccount" => {
                let holder = self.holder(own);
                self.pull_secrets(holder, view, &object.pointer);
                (What::Account, Keys::Open)
            }
            kind => {
                self.granted(view);
                let what = match kind {
                    "Role" => What::Role,
                    _ => What::ClusterRole,
                };
                (what, Keys::Open)
            }
        };
        self.offer(what, &own.namespace, own.name.clone(), keys);
    }

    /// What a role's holders may create and change.
    fn granted(&mut self, role: View<'_>) {
        for rule in role.get("rules").into_iter().flat_map(View::items) {
            let list = |field: &str| {
                let items = rule.get(field).into_iter().flat_map(View::items);
                items.filter_map(text).collect::<Vec<_>>()
            };
            let verbs = list("verbs");
            let may = |verb: &str| verbs.iter().any(|own| own == verb || own == "*");
            if !may("create") && !may("update") && !may("patch") {
                continue;
            }
            let resources = list("resources");
            if (may("update") || may("patch"))
                && resources.iter().any(|own| own == "pods" || own == "*")
            {
                self.labels_pods = true;
            }
            let names = list("resourceNames");
            for (what, resource) in [(What::Secret, "secrets"), (What::ConfigMap, "configmaps")] {
                if !resources.iter().any(|own| own == resource || own == "*") {
                    continue;
                }
                let names = names.iter().map(|name| self.texts.keep(name));
                self.mentioned.extend(names);
                if may("create") {
                    self.creates.insert(what);
                }
            }
        }
    }

    /// OpenShift makes a certificate for a Service that asks for one.
    pub(super) fn serving(&mut self, object: &Object<'_>) {
        let annotations = object.view.pointer("/metadata/annotations");
        for (key, value) in annotations.into_iter().flat_map(View::entries) {
            if key.ends_with("serving-cert-secret-name") {
                self.mentioned.extend(text(value).map(Text::from));
            }
        }
    }

    /// A custom resource: what it makes, where that is known; otherwise what it may.
    pub(super) fn resource(&mut self, own: &ObjectRef, object: &Object<'_>) {
        let (namespace, spec) = (&own.namespace, object.view.get("spec"));
        let named = |pointer: &str| {
            let name = spec.and_then(|spec| spec.pointer(pointer)).and_then(text);
            name.map(Text::from)
        };
        match (object.identity.group(), own.kind.as_str()) {
            ("external-secrets.io", "ExternalSecret") => {
                let name = named("/target/name").unwrap_or_else(|| own.name.clone());
                self.offer(What::Secret, namespace, name, external(spec));
            }
            ("bitnami.com", "SealedSecret") => {
                let name = named("/template/metadata/name").unwrap_or_else(|| own.name.clone());
                self.offer(What::Secret, namespace, name, sealed(spec));
            }
            ("cert-manager.io", _) | ("external-secrets.io", _) => {
                if let Some(name) = named("/secretName") {
                    self.offer(What::Secret, namespace, name, Keys::Open);
                }
                self.mention(object.view, false, 0);
            }
            (group, kind) => {
                self.mention(object.view, false, 0);
                if !is_passive(group, kind) {
                    self.operators = true;
                    self.custom.insert(own.name.clone());
                }
            }
        }
    }

    /// Notes names below keys that speak of Secrets, ConfigMaps, claims or accounts.
    fn mention(&mut self, view: View<'_>, telling: bool, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        match view.value_type() {
            Type::Map => {
                for (key, value) in view.entries() {
                    let speaks = ["ecret", "onfigMap", "laim", "ccount", "redential"];
                    let telling = telling || speaks.iter().any(|word| key.contains(word));
                    self.mention(value, telling, depth + 1);
                }
            }
            Type::Seq => {
                for item in view.items() {
                    self.mention(item, telling, depth + 1);
                }
            }
            Type::String if telling => {
                let name = text(view).map(|name| self.texts.keep(&name));
                self.mentioned.extend(name);
            }
            _ => {}
        }
    }
}

/// Custom resources nest the names they make less deep.
const MAX_DEPTH: usize = 12;

/// The keys of a ConfigMap or Secret. An empty one waits for somebody to fill it, and so does a
/// Secret of a type that Kubernetes fills.
fn keys(object: View<'_>, fields: &[&str], texts: &mut Texts) -> Keys {
    if member(object, "type").as_deref() == Some("kubernetes.io/service-account-token") {
        return Keys::Open;
    }
    let fields = fields.iter().filter_map(|field| object.get(field));
    let keys = fields
        .flat_map(View::entries)
        .map(|(key, _)| texts.keep(&key));
    match keys.collect::<Vec<_>>() {
        keys if keys.is_empty() => Keys::Open,
        keys => Keys::Known(keys),
    }
}

/// The keys that an ExternalSecret writes, where it lists them all.
fn external(spec: Option<View<'_>>) -> Keys {
    let Some(spec) = spec else {
        return Keys::Open;
    };
    let open = spec.get("dataFrom").is_some_and(|from| !from.is_empty())
        || spec.pointer("/target/template/templateFrom").is_some()
        || member(spec, "creationPolicy").is_some_and(|policy| policy == "Merge");
    let policy = spec.pointer("/target/creationPolicy").and_then(text);
    if open || policy.is_some_and(|policy| policy != "Owner" && policy != "Orphan") {
        return Keys::Open;
    }
    let template = spec.pointer("/target/template");
    let written = template.and_then(|template| template.get("data"));
    let merged = template.is_none_or(|template| {
        written.is_none() || member(template, "mergePolicy").as_deref() == Some("Merge")
    });
    let data = spec.get("data").into_iter().flat_map(View::items);
    let fetched = data.filter_map(|entry| member(entry, "secretKey"));
    let written = written.into_iter().flat_map(View::entries);
    let mut keys: Vec<Text> = written.map(|(key, _)| key.into()).collect();
    keys.extend(fetched.filter(|_| merged).map(Text::from));
    Keys::Known(keys)
}

/// The keys that a SealedSecret holds.
fn sealed(spec: Option<View<'_>>) -> Keys {
    let fields = ["/encryptedData", "/template/data"];
    let maps = fields.iter().filter_map(|at| spec?.pointer(at));
    let keys = maps.flat_map(View::entries).map(|(key, _)| Text::from(key));
    Keys::Known(keys.collect())
}
