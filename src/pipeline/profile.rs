//! A product's artifact in a release: the pods that are its own while the stream is read, then the
//! ConfigMap and the service accounts, which only the whole stream tells.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use foldhash::{HashMap, HashSet};
use serde_json::Value;

use super::document::Found;
use super::network::{Ours, added_text};
use super::output::Added;
use super::{Done, Mode, Run};
use crate::check;
use crate::inject::Draft;
use crate::inject::network::facts::Stored;
use crate::inject::network::texts::Text;
use crate::inject::network::topology::{ObjectRef, release_namespace};
use crate::inject::network::{DERIVE, synthesis};
use crate::inject::profile::{
    ARTIFACT, Injected, Mount, Profile, SERVICE_ACCOUNT, Sources, artifact,
};
use crate::manifest::edit::EditError;
use crate::manifest::view::escape;
use crate::manifest::{DocSpan, Document, View};
use crate::object::{self, Object, PodPlace};
use crate::platform::identity::Identity;
use crate::platform::network;
use crate::policy::Violation;

/// ConfigMaps of ours.
const CONFIG_MAPS: Ours = Ours {
    policy: ARTIFACT,
    template: "templates/helm-floe/artifact.yaml",
    write: artifact::text,
};

/// What is known of a product's pods so far.
#[derive(Default)]
pub(super) struct Product {
    /// Whether any pods are the product's.
    found: bool,
    /// The ConfigMaps that pods mount, by their namespace as written.
    mounted: BTreeMap<Option<String>, Mounted>,
    /// The pods that are the product's, with their service accounts.
    pods: Vec<Pod>,
    /// The service accounts of the stream.
    accounts: Vec<ObjectRef>,
    /// What ConfigMaps and Secrets of the stream hold, when somebody asks.
    stored: OnceCell<Keys>,
}

/// A ConfigMap that pods mount.
struct Mounted {
    name: String,
    /// The document of the first pods that do.
    before: usize,
}

/// Pods of the product.
struct Pod {
    object: ObjectRef,
    /// Pointer to the pod spec.
    spec: String,
    account: Option<String>,
}

/// Kind, name and key of everything that ConfigMaps and Secrets hold.
type Keys = HashSet<(&'static str, String, String)>;

/// The product's pods of one object, before they are remembered.
#[derive(Default)]
pub(super) struct Selected(Vec<(PodPlace, Injected)>);

/// Reads what ConfigMaps and Secrets of a stream hold.
struct InStream<'r, 's> {
    spans: &'r [DocSpan<'s>],
    keys: &'r OnceCell<Keys>,
}

impl Sources for InStream<'_, '_> {
    fn has(&self, kind: &str, name: &str, key: &str) -> bool {
        let keys = self.keys.get_or_init(|| keys(self.spans));
        let kind = if kind == "Secret" {
            "Secret"
        } else {
            "ConfigMap"
        };
        keys.contains(&(kind, name.to_owned(), key.to_owned()))
    }
}

fn keys(spans: &[DocSpan<'_>]) -> Keys {
    let mut keys = Keys::default();
    for span in spans {
        if !span.text.contains("ConfigMap") && !span.text.contains("Secret") {
            continue;
        }
        let Ok(document) = Document::parse(span.text) else {
            continue;
        };
        let objects = document.root().map(View::Node).map(object::find);
        for object in objects.and_then(Result::ok).into_iter().flatten() {
            let kind = match object.identity.kind.as_str() {
                "ConfigMap" => "ConfigMap",
                "Secret" => "Secret",
                _ => continue,
            };
            for field in ["data", "stringData"] {
                for (key, _) in object.view.get(field).into_iter().flat_map(View::entries) {
                    keys.insert((kind, object.identity.name.clone(), key.into_owned()));
                }
            }
        }
    }
    keys
}

impl Run<'_, '_> {
    /// Injects the product into those pods of an object that are its own.
    pub(super) fn inject_profile<'a>(
        &self,
        draft: &mut Draft<'_>,
        object: &'a Object<'a>,
        places: &[PodPlace],
        found: &mut Vec<Found<'a>>,
    ) -> Result<Selected, EditError> {
        let mut selected = Selected::default();
        let Some(profile) = self
            .settings
            .profile
            .as_ref()
            .filter(|_| !places.is_empty())
        else {
            return Ok(selected);
        };
        let config_map = self.config_map_name(object);
        let mount = Mount {
            config_map: &config_map,
            early: artifact::is_early(&object.identity),
        };
        let stored = InStream {
            spans: &self.spans,
            keys: &self.product.stored,
        };
        let mut remarks = Vec::new();
        for place in places {
            if profile.selects(draft, object, place) {
                // A patch may just have given the pods the product's label.
                self.resources(draft, object, place)?;
                let injected =
                    profile.inject(draft, object, place, &mount, &stored, &mut remarks)?;
                selected.0.push((place.clone(), injected));
            }
        }
        if !selected.0.is_empty() {
            profile.inject_object(draft, object)?;
        }
        found.extend(remarks.iter().map(|remark| Found {
            object,
            violation: check::profile::judge(remark),
        }));
        Ok(selected)
    }

    /// The ConfigMap that an object's pods mount. It is named after the release; where nobody says
    /// that, after the first workload that mounts it, which no other release of the namespace has.
    fn config_map_name(&self, object: &Object<'_>) -> String {
        let id = &object.identity;
        let before = self.product.mounted.get(&id.namespace);
        let name = match (&self.settings.release, before) {
            (_, Some(before)) => return before.name.clone(),
            (Some(release), None) => format!("floe-artifact-{release}"),
            (None, None) => format!(
                "floe-{}-{}-artifact",
                id.kind.to_ascii_lowercase(),
                id.name.trim_end_matches(['-', '.'])
            ),
        };
        synthesis::shorten(&name, 253)
    }

    /// Remembers the product's pods of an object, and what they call.
    pub(super) fn remember(&mut self, number: usize, object: &Object<'_>, selected: Selected) {
        let Some(profile) = &self.settings.profile else {
            return;
        };
        if selected.0.is_empty() {
            return;
        }
        let name = self.config_map_name(object);
        let object_ref = self.facts.name(number, object);
        for (place, injected) in selected.0 {
            self.product.found = true;
            if injected.mounted {
                let mounted = Mounted {
                    name: name.clone(),
                    before: number,
                };
                let entry = self
                    .product
                    .mounted
                    .entry(object.identity.namespace.clone());
                let entry = entry.or_insert(mounted);
                entry.before = entry.before.min(number);
            }
            let spec = object.view.pointer(&place.spec);
            let account = |key: &str| {
                let name = spec?.get(key)?.as_str()?;
                (!name.is_empty()).then(|| name.into_owned())
            };
            self.product.pods.push(Pod {
                object: object_ref.clone(),
                spec: format!("{}{}", object.pointer, place.spec),
                account: account("serviceAccountName").or_else(|| account("serviceAccount")),
            });
            let template = place.template.unwrap_or_default();
            let template = format!("{}{template}", object.pointer);
            let endpoints = &profile.endpoints.known;
            let variables = injected.variables;
            self.facts.give(number, &template, variables, endpoints);
        }
    }

    /// Notes the service accounts of a document.
    pub(super) fn note_accounts(&mut self, number: usize, objects: &[Object<'_>]) {
        if self.settings.profile.is_none() {
            return;
        }
        for object in objects {
            let id = &object.identity;
            if id.kind == "ServiceAccount" && id.group().is_empty() {
                let account = self.facts.name(number, object);
                self.product.accounts.push(account);
            }
        }
    }

    /// Adds the ConfigMaps with the artifact, annotates the service accounts, and says what there is
    /// to say about the product as a whole.
    pub(super) fn profile(&mut self, done: &mut [Done]) -> Vec<Added> {
        let Some(profile) = &self.settings.profile else {
            return Vec::new();
        };
        if self.settings.mode != Mode::Harden {
            return Vec::new();
        }
        if !self.product.found {
            self.report.notices.push(format!(
                "no pods of this release carry {}: nothing was injected from the artifact",
                profile.selector()
            ));
            return Vec::new();
        }
        self.report.notices.extend(profile.notices.iter().cloned());
        self.hidden_endpoints(&profile.endpoints.hidden);
        self.accounts(&profile.identity, done);
        self.config_maps(profile)
    }

    fn config_maps(&mut self, profile: &Profile) -> Vec<Added> {
        let settings = self.settings;
        let release = release_namespace(&self.facts, settings.namespace.as_deref());
        let resolve = |namespace: Option<&str>| Text::from(namespace.unwrap_or(&release));
        let labels = settings.labels.iter();
        let labels = labels.filter(|label| settings.enabled(label.policy));
        let labels: BTreeMap<&str, &str> = labels
            .map(|label| (label.key.as_str(), label.value.as_str()))
            .collect();
        let mut added = Vec::new();
        let mut seen = BTreeSet::new();
        for (namespace, mounted) in std::mem::take(&mut self.product.mounted) {
            // The release's namespace may be written in some objects and left out in others.
            let place = resolve(namespace.as_deref());
            if !seen.insert((place.clone(), mounted.name.clone())) {
                continue;
            }
            let present = self.config_map_of(&place, &mounted.name, &resolve);
            if let Some(present) = present {
                self.judge_present(profile, &present);
                continue;
            }
            let labels = serde_json::json!(labels);
            let object = profile.config_map(&mounted.name, namespace.as_deref(), labels);
            added.extend(self.added(object, mounted.before));
        }
        added.sort_by_key(|own| own.before);
        added
    }

    /// The ConfigMap of that name which the stream holds.
    fn config_map_of(
        &self,
        namespace: &str,
        name: &str,
        resolve: &dyn Fn(Option<&str>) -> Text,
    ) -> Option<ObjectRef> {
        let mut stored = self.facts.stored.iter();
        let found = stored.find(|((kind, own, key), _)| {
            *kind == Stored::ConfigMap && **key == *name && *resolve(own.as_deref()) == *namespace
        });
        found.map(|(_, object)| object.clone())
    }

    /// Reports a ConfigMap of our name that holds something else.
    fn judge_present(&mut self, profile: &Profile, present: &ObjectRef) {
        let text = self.spans.get(present.document).map(|span| span.text);
        let document = text.and_then(|text| Document::parse(text).ok());
        let root = document.as_ref().and_then(Document::root).map(View::Node);
        let object = root.and_then(|root| root.pointer(&present.pointer));
        if object.is_some_and(|object| profile.is_in(object)) {
            return;
        }
        let violation = check::profile::other_artifact(&present.name, &present.pointer);
        self.report_on(vec![(present.clone(), violation)]);
    }

    fn added(&mut self, object: Value, before: usize) -> Option<Added> {
        let source = self.spans.get(before).and_then(|span| span.source);
        let helm4 = self.facts.helm4_template.as_deref();
        let report = &mut self.report.added;
        match added_text(object, &CONFIG_MAPS, source, helm4, report) {
            Ok(text) => Some(Added {
                before,
                texts: vec![self.edited.push(text.as_bytes())],
            }),
            Err(error) => {
                let reason = format!("the product's ConfigMap cannot be written: {error}");
                self.refuse(before, 0, &reason);
                None
            }
        }
    }

    /// Gives the service accounts of the product's pods the identity that its profiles ask for.
    fn accounts(&mut self, identity: &Identity, done: &mut [Done]) {
        if identity.annotations.is_empty() || !self.settings.enabled(SERVICE_ACCOUNT) {
            return;
        }
        let release = release_namespace(&self.facts, self.settings.namespace.as_deref());
        let resolve = |own: &ObjectRef| own.namespace.clone().unwrap_or(release.clone());
        let accounts = std::mem::take(&mut self.product.accounts);
        let by_name: HashMap<(Text, &str), &ObjectRef> = accounts
            .iter()
            .map(|own| ((resolve(own), &*own.name), own))
            .collect();
        let mut odd = Vec::new();
        let mut used: BTreeMap<(usize, &str), &ObjectRef> = BTreeMap::new();
        for pod in std::mem::take(&mut self.product.pods) {
            let name = pod.account.as_deref().filter(|name| *name != "default");
            let account = name.and_then(|name| by_name.get(&(resolve(&pod.object), name)));
            match account {
                Some(account) => {
                    used.insert((account.document, &*account.pointer), account);
                }
                None => {
                    let text = annotations_text(identity);
                    let violation = check::profile::no_account(&pod.spec, name, &text);
                    odd.push((pod.object, violation));
                }
            }
        }
        for account in used.into_values() {
            odd.extend(self.annotate(account, identity, done));
        }
        self.report_on(odd);
    }

    /// Annotates a service account; what cannot be done is a finding.
    fn annotate(
        &mut self,
        account: &ObjectRef,
        identity: &Identity,
        done: &mut [Done],
    ) -> Vec<(ObjectRef, Violation)> {
        let mut odd = Vec::new();
        let at = |key: &str| {
            let key = escape(key);
            format!("{}/metadata/annotations/{key}", account.pointer)
        };
        let amended = self.amend(account.document, done, |draft| {
            for (key, value) in &identity.annotations {
                let pointer = at(key);
                let there = draft.at(&pointer).filter(|own| !own.is_null());
                match there.map(|own| own.as_str().is_some_and(|own| own == *value)) {
                    Some(true) => {}
                    Some(false) => {
                        let name = &account.name;
                        odd.push(check::profile::other_identity(name, key, &pointer));
                    }
                    None => {
                        let value = Value::String(value.clone());
                        draft.fill(SERVICE_ACCOUNT, &pointer, value)?;
                    }
                }
            }
            Ok(())
        });
        if let Err(reason) = amended {
            odd = vec![check::profile::not_annotated(
                &account.name,
                &account.pointer,
                &reason,
            )];
        }
        odd.into_iter()
            .map(|violation| (account.clone(), violation))
            .collect()
    }

    /// Says which endpoints of the product no derived policy lets through, unless the platform file
    /// names calls or peers of its own: most likely those.
    fn hidden_endpoints(&mut self, hidden: &[String]) {
        let settings = self.settings;
        let network = &settings.network;
        let derives =
            settings.network_policies == network::Mode::Derive && settings.enabled(DERIVE);
        let named = !network.calls.is_empty() || !network.peers.is_empty();
        if derives && !named && !hidden.is_empty() {
            self.report.notices.push(format!(
                "no derived NetworkPolicy lets the pods reach {}: the address stands in a Secret; \
                 name it in hardening.network.calls or peers",
                hidden.join(", ")
            ));
        }
    }
}

/// Annotations as `kubectl annotate` takes them.
fn annotations_text(identity: &Identity) -> String {
    let pairs = identity.annotations.iter();
    let pairs: Vec<String> = pairs.map(|(key, value)| format!("{key}={value}")).collect();
    pairs.join(" ")
}
