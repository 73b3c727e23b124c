//! What pod specs name, and how many pods there will be.

use std::borrow::Cow;

use foldhash::HashSet;

use super::{Use, What, Wires, count};
use crate::inject::network::facts::member;
use crate::inject::network::texts::Text;
use crate::inject::network::topology::ObjectRef;
use crate::manifest::View;
use crate::object::{Alone, Object, PodPlace};

/// A workload with a number of replicas.
#[derive(Debug)]
pub struct Scaled {
    /// The object.
    pub object: ObjectRef,
    /// `spec.replicas`, where it is written.
    pub replicas: Option<u64>,
    /// PersistentVolumeClaims that its pods share: name, and the volume's pointer.
    pub claims: Vec<(Text, Text)>,
}

/// A container without a request.
#[derive(Debug)]
pub struct Lacking {
    /// Its name.
    pub container: String,
    /// `cpu` or `memory`.
    pub resource: &'static str,
}

/// A field that may hold a reference, what it refers to, and the field of it with the name.
type Source = (&'static str, What, &'static str);

/// What an item of `envFrom` takes all keys of.
const ALL_OF: [Source; 2] = [
    ("configMapRef", What::ConfigMap, "name"),
    ("secretRef", What::Secret, "name"),
];
/// What the `valueFrom` of a variable takes one key of.
const ONE_OF: [Source; 2] = [
    ("configMapKeyRef", What::ConfigMap, "name"),
    ("secretKeyRef", What::Secret, "name"),
];
/// Where a volume's files come from.
const VOLUME: [Source; 3] = [
    ("configMap", What::ConfigMap, "name"),
    ("secret", What::Secret, "secretName"),
    ("persistentVolumeClaim", What::Claim, "claimName"),
];
/// Where the files of a part of a projected volume come from.
const PROJECTED: [Source; 2] = [
    ("configMap", What::ConfigMap, "name"),
    ("secret", What::Secret, "name"),
];

impl Wires {
    pub(super) fn pod(&mut self, own: &ObjectRef, object: &Object<'_>, place: &PodPlace) {
        let Some(spec) = object.view.pointer(&place.spec) else {
            return;
        };
        let holder = self.holder(own);
        let at = format!("{}{}", object.pointer, place.spec);
        match &place.only {
            None => {
                self.volumes(holder, spec, &at, &claim_templates(object));
                self.containers(holder, spec, &at, "initContainers");
                self.containers(holder, spec, &at, "containers");
            }
            Some((list, Alone::List)) => self.containers(holder, spec, &at, list),
            Some((member, Alone::One)) => {
                if let Some(own) = spec.get(member) {
                    self.container(holder, own, &|| format!("{at}/{member}"));
                }
            }
        }
        let account = ["serviceAccountName", "serviceAccount"]
            .into_iter()
            .find_map(|field| Some((field, member(spec, field)?)));
        if let Some((field, name)) = account
            && place.only.is_none()
            && !matches!(name.as_ref(), "" | "default")
        {
            let pointer = format!("{at}/{field}");
            self.push((holder, What::Account), &name, None, &pointer, false);
        }
        self.pull_secrets(holder, spec, &at);
    }

    /// What the containers of a list name. `at` is the pointer of the list's parent.
    fn containers(&mut self, holder: usize, parent: View<'_>, at: &str, list: &str) {
        let items = parent.get(list).into_iter().flat_map(View::items);
        for (index, own) in items.enumerate() {
            self.container(holder, own, &|| format!("{at}/{list}/{index}"));
        }
    }

    /// Secrets for the registry, which pods and service accounts name alike.
    pub(super) fn pull_secrets(&mut self, holder: usize, view: View<'_>, at: &str) {
        let secrets = view.get("imagePullSecrets").into_iter();
        for (index, own) in secrets.flat_map(View::items).enumerate() {
            let pointer = format!("{at}/imagePullSecrets/{index}");
            self.named(holder, (What::Secret, "name"), own, &pointer);
        }
    }

    fn push(
        &mut self,
        (holder, what): (usize, What),
        name: &str,
        key: Option<&str>,
        pointer: &str,
        optional: bool,
    ) {
        self.uses.push(Use {
            holder,
            what,
            namespace: None,
            name: self.texts.keep(name),
            key: key.map(|key| self.texts.keep(key)),
            pointer: self.texts.keep(pointer),
            optional,
        });
    }

    /// Notes a reference, and its keys where it lists some. `what` is what it refers to, with the
    /// field that holds the name.
    fn named(&mut self, holder: usize, (what, field): (What, &str), view: View<'_>, pointer: &str) {
        let Some(name) = member(view, field).filter(|name| !name.is_empty()) else {
            return;
        };
        let optional = view.get("optional").and_then(View::as_bool) == Some(true);
        let key = member(view, "key");
        let items = view.get("items").into_iter().flat_map(View::items);
        for (index, item) in items.enumerate() {
            if let Some(key) = member(item, "key") {
                let pointer = format!("{pointer}/items/{index}");
                self.push((holder, what), &name, Some(&key), &pointer, optional);
            }
        }
        self.push((holder, what), &name, key.as_deref(), pointer, optional);
    }

    /// Notes those of some references that a map at a pointer holds.
    fn references(&mut self, holder: usize, sources: &[Source], map: View<'_>, at: &str) {
        for (source, what, field) in sources {
            if let Some(view) = map.get(source) {
                self.named(holder, (*what, field), view, &format!("{at}/{source}"));
            }
        }
    }

    /// Notes what a container names; `at` gives its pointer, which most do not need.
    fn container(&mut self, holder: usize, container: View<'_>, at: &dyn Fn() -> String) {
        let all = container.get("envFrom").into_iter().flat_map(View::items);
        for (index, from) in all.enumerate() {
            let at = format!("{}/envFrom/{index}", at());
            self.references(holder, &ALL_OF, from, &at);
        }
        let variables = container.get("env").into_iter().flat_map(View::items);
        for (index, variable) in variables.enumerate() {
            if let Some(from) = variable.get("valueFrom") {
                let at = format!("{}/env/{index}/valueFrom", at());
                self.references(holder, &ONE_OF, from, &at);
            }
        }
    }

    /// The claims of a StatefulSet take the place of volumes of the same name.
    fn volumes(
        &mut self,
        holder: usize,
        spec: View<'_>,
        at: &str,
        replaced: &HashSet<Cow<'_, str>>,
    ) {
        let volumes = spec.get("volumes").into_iter().flat_map(View::items);
        for (index, volume) in volumes.enumerate() {
            if member(volume, "name").is_some_and(|name| replaced.contains(&name)) {
                continue;
            }
            let at = format!("{at}/volumes/{index}");
            self.references(holder, &VOLUME, volume, &at);
            let projected = volume.get("projected").and_then(|own| own.get("sources"));
            for (index, own) in projected.into_iter().flat_map(View::items).enumerate() {
                let at = format!("{at}/projected/sources/{index}");
                self.references(holder, &PROJECTED, own, &at);
            }
        }
    }

    /// Notes how many pods a workload has, and which claims they share.
    pub(super) fn scale(&mut self, own: &ObjectRef, object: &Object<'_>, places: &[PodPlace]) {
        let id = &object.identity;
        let kinds = ["Deployment", "StatefulSet", "ReplicaSet", "Rollout"];
        let (Some(place), true) = (places.first(), kinds.contains(&id.kind.as_str())) else {
            return;
        };
        let spec = object.view.pointer(&place.spec);
        let volumes = spec.and_then(|spec| spec.get("volumes"));
        let volumes = volumes.into_iter().flat_map(View::items).enumerate();
        let claims = volumes.filter_map(|(index, volume)| {
            let claim = member(volume.get("persistentVolumeClaim")?, "claimName")?;
            let (object, spec) = (&object.pointer, &place.spec);
            let pointer = format!("{object}{spec}/volumes/{index}/persistentVolumeClaim");
            Some((self.texts.keep(&claim), self.texts.keep(&pointer)))
        });
        let claims = claims.collect();
        self.scaled.push(Scaled {
            object: own.clone(),
            replicas: object.view.pointer("/spec/replicas").and_then(count),
            claims,
        });
    }

    /// Notes which containers of a workload lack a request after the edits. `root` is the edited
    /// document.
    pub fn hardened(
        &mut self,
        number: usize,
        object: &Object<'_>,
        places: &[PodPlace],
        root: View<'_>,
    ) {
        let kinds = ["Deployment", "StatefulSet", "ReplicaSet", "Rollout"];
        if !kinds.contains(&object.identity.kind.as_str()) {
            return;
        }
        for place in places {
            let spec = root.pointer(&format!("{}{}", object.pointer, place.spec));
            let Some(spec) = spec.filter(|spec| spec.get("resources").is_none()) else {
                continue;
            };
            let lacking: Vec<Lacking> = counted(spec).flat_map(lacking).collect();
            if !lacking.is_empty() {
                let key = (number, self.texts.keep(&object.pointer));
                self.lacking.entry(key).or_default().extend(lacking);
            }
        }
    }
}

/// The names of a StatefulSet's claims.
fn claim_templates<'o>(object: &'o Object<'_>) -> HashSet<Cow<'o, str>> {
    let claims = object.view.pointer("/spec/volumeClaimTemplates");
    let claims = claims.into_iter().flat_map(View::items);
    claims
        .filter_map(|claim| member(claim.get("metadata")?, "name"))
        .collect()
}

/// The containers whose use an autoscaler adds up: all that run beside each other.
fn counted(spec: View<'_>) -> impl Iterator<Item = View<'_>> {
    let sidecar = |own: &View<'_>| member(*own, "restartPolicy").as_deref() == Some("Always");
    let init = spec.get("initContainers").into_iter().flat_map(View::items);
    let main = spec.get("containers").into_iter().flat_map(View::items);
    init.filter(sidecar).chain(main)
}

/// The requests that a container lacks. A limit stands in for a request.
fn lacking(container: View<'_>) -> impl Iterator<Item = Lacking> {
    let resources = container.get("resources");
    let given = move |resource: &str| {
        ["requests", "limits"].into_iter().any(|kind| {
            let amount = resources.and_then(|own| own.get(kind)?.get(resource));
            amount.is_some_and(|amount| !amount.is_null())
        })
    };
    let lacks = ["cpu", "memory"]
        .into_iter()
        .filter(move |resource| !given(resource));
    lacks.map(move |resource| Lacking {
        container: member(container, "name").unwrap_or_default().into_owned(),
        resource,
    })
}
