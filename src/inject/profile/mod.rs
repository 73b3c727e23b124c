//! What a product's artifact says, for the pods of a release that are the product's own.
//!
//! [`env`](mod@env) gives containers their variables, [`artifact`] the artifact itself as a file, [`jobs`] tidies
//! up finished jobs and sets the zone of schedules. The service account is another object, so the
//! pipeline annotates it when the whole stream has been read. `docs/profiles.md` says for users what
//! comes from which field.
//!
//! A name, mount or field that the chart has already stays; where it says something else, there is a
//! [`Remark`].

pub mod artifact;
pub mod env;
pub mod jobs;

use std::collections::BTreeMap;

use serde_json::Value;

use super::Draft;
use super::labels::selects_by_template;
use crate::manifest::edit::EditError;
use crate::manifest::view::{Type, View, escape};
use crate::object::selector::Selector;
use crate::object::{Object, PodPlace};
use crate::platform::artifact::{Artifact, Runtime, sha256};
use crate::platform::endpoints::{self, Endpoints};
use crate::platform::hardening::{Amounts, Preset};
use crate::platform::identity::{self, Identity};
use crate::platform::injection::Injection;
use crate::platform::variables::{self, Topic, Variable};
use crate::policy::exceptions::Pattern;
pub use artifact::Mount;
pub use env::Sources;

/// The policy that mounts the artifact.
pub const ARTIFACT: &str = "profile/artifact";
/// The policy that gives containers what they log in with.
pub const CREDENTIALS: &str = "profile/credentials";
/// The policy that tidies up finished jobs.
pub const JOBS: &str = "profile/jobs";
/// The policy that gives pods the identity of the cloud.
pub const SERVICE_ACCOUNT: &str = "profile/service-account";
/// The policy that tells containers where things are.
pub const SETTINGS: &str = "profile/settings";
/// The policy that tells containers where signals go.
pub const TELEMETRY: &str = "profile/telemetry";
/// The policy that sets the time zone.
pub const TIMEZONE: &str = "profile/timezone";

/// The label by whose value a component has its own size.
const COMPONENT: &str = "app.kubernetes.io/component";

/// The largest sum of keys and values in a ConfigMap, in bytes
/// (k8s.io/kubernetes, pkg/apis/core/validation, `MaxSecretSize`).
const MAX_SIZE: usize = 1 << 20;

/// A product, ready to be injected.
pub struct Profile {
    /// The artifact's text, as `compile` writes it.
    json: String,
    sha256: String,
    /// Its labels, as the platform file writes them, for people.
    selector_text: String,
    selector: Selector,
    skip: Vec<Pattern>,
    variables: Vec<Variable>,
    /// Size and variables of the components that have their own.
    components: BTreeMap<String, (Preset, Vec<Variable>)>,
    runtime: Runtime,
    /// What the service account and the pods wear.
    pub identity: Identity,
    /// What the pods have to reach.
    pub endpoints: Endpoints,
    /// What there is to say whatever the release.
    pub notices: Vec<String>,
}

/// What was done for one pod template.
#[derive(Debug, Default)]
pub struct Injected {
    /// The variables that its containers got: the container's place among all, init containers
    /// first; the pointer of the variable; and the variable.
    pub variables: Vec<(usize, String, Variable)>,
    /// Whether a container mounts the artifact.
    pub mounted: bool,
}

/// Something that stays as the chart has it, or is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The policy that would have changed it.
    pub policy: &'static str,
    /// Pointer to it.
    pub pointer: String,
    /// What it is.
    pub what: What,
}

/// What a [`Remark`] is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A variable of that name has another value.
    Differs(String),
    /// What the product keeps in a Secret stands in the clear: the variable, the Secret, its key.
    InTheClear(String, String, String),
    /// A variable of that name comes from a ConfigMap or Secret that all of the container's do.
    FromAll(String),
    /// Keys of AWS stand beside an IAM role, and win over it.
    KeysBesideRole(String),
    /// Something of the chart's is where the artifact would be mounted.
    MountTaken,
    /// The pod runs before the release's ConfigMaps exist.
    TooEarly,
}

impl Profile {
    /// Prepares a product.
    ///
    /// # Errors
    /// Why its artifact cannot be injected, as what follows its file's name.
    pub fn new(artifact: &Artifact, config: &Injection) -> Result<Profile, String> {
        let product = artifact.metadata.name.as_deref();
        let selector = config.selector(product)?;
        let identity = identity::of(&artifact.profiles);
        if !identity.clashes.is_empty() {
            return Err(identity.clashes.join("; "));
        }
        let json = artifact.to_json();
        if json.len() + artifact::KEY.len() > MAX_SIZE {
            return Err(format!(
                "is too large for a ConfigMap: {} bytes, and {MAX_SIZE} fit",
                json.len()
            ));
        }
        let sizes = artifact.resources.iter();
        let components = sizes.map(|(name, size)| {
            let amounts = |own: &crate::platform::file::infrastructure::Amounts| Amounts {
                cpu: own.cpu.as_str().into(),
                memory: own.memory.as_str().into(),
            };
            let preset = Preset {
                requests: amounts(&size.requests),
                limits: amounts(&size.limits),
            };
            let variables = variables::of(artifact, Some(size));
            (name.as_str().to_owned(), (preset, variables))
        });
        Ok(Profile {
            sha256: sha256(&json),
            json,
            selector_text: match product {
                Some(product) => config.selector.replace("{product}", product),
                None => config.selector.clone(),
            },
            selector,
            skip: config.skip_containers.clone(),
            variables: variables::of(artifact, None),
            components: components.collect(),
            runtime: artifact.runtime.clone(),
            identity,
            endpoints: endpoints::of(artifact),
            notices: variables::unsaid(&artifact.observability),
        })
    }

    /// The labels by which pods are the product's, as text.
    pub fn selector(&self) -> &str {
        &self.selector_text
    }

    /// Whether the pods of a template are the product's, by the labels they have so far.
    pub fn selects(&self, draft: &Draft<'_>, object: &Object<'_>, place: &PodPlace) -> bool {
        place.editable
            && place.template.is_some()
            && self.selector.matches(labels(draft, object, place))
    }

    /// The size of a template's component, where the product has one for it.
    pub fn size(
        &self,
        draft: &Draft<'_>,
        object: &Object<'_>,
        place: &PodPlace,
    ) -> Option<&Preset> {
        if !self.selects(draft, object, place) {
            return None;
        }
        self.component(labels(draft, object, place))
            .map(|(preset, _)| preset)
    }

    fn component(&self, labels: Option<View<'_>>) -> Option<&(Preset, Vec<Variable>)> {
        let component = labels?.get(COMPONENT)?.as_str()?;
        self.components.get(component.as_ref())
    }

    /// Injects the product into one of the product's own pod templates.
    ///
    /// # Errors
    /// Something of the wrong type bars the way.
    pub fn inject(
        &self,
        draft: &mut Draft<'_>,
        object: &Object<'_>,
        place: &PodPlace,
        mount: &Mount<'_>,
        sources: &dyn Sources,
        remarks: &mut Vec<Remark>,
    ) -> Result<Injected, EditError> {
        let mut injected = Injected::default();
        let Some(template) = &place.template else {
            return Ok(injected);
        };
        let template = format!("{}{template}", object.pointer);
        let spec = format!("{}{}", object.pointer, place.spec);
        let wanted = match self.component(labels(draft, object, place)) {
            Some((_, variables)) => variables,
            None => &self.variables,
        };
        for container in self.containers(draft, &spec) {
            let mut wanted: Vec<&Variable> = wanted.iter().collect();
            let path = artifact::variable();
            if artifact::mount(draft, &spec, &container.pointer, mount, remarks)? {
                injected.mounted = true;
                wanted.push(&path);
            }
            self.keys_beside_role(draft, &container.pointer, remarks);
            let added = env::inject(draft, &container.pointer, &wanted, sources, remarks)?;
            let added = added.into_iter();
            let numbered = added.map(|(pointer, own)| (container.number, pointer, own));
            injected.variables.extend(numbered);
        }
        if injected.mounted && artifact::rolls(object) {
            let key = escape(artifact::CHECKSUM);
            let at = format!("{template}/metadata/annotations/{key}");
            draft.fill(ARTIFACT, &at, Value::String(self.sha256.clone()))?;
        }
        if !selects_by_template(object) {
            for (key, value) in &self.identity.pod_labels {
                let at = format!("{template}/metadata/labels/{}", escape(key));
                draft.fill(SERVICE_ACCOUNT, &at, Value::String((*value).to_owned()))?;
            }
        }
        Ok(injected)
    }

    /// The containers of a pod that are the product's own.
    fn containers(&self, draft: &Draft<'_>, spec: &str) -> Vec<Container> {
        let Some(pod) = draft.at(spec) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        let mut number = 0;
        for list in ["initContainers", "containers"] {
            for (index, container) in pod.get(list).into_iter().flat_map(View::items).enumerate() {
                if self.is_own(list, container) {
                    let pointer = format!("{spec}/{list}/{index}");
                    found.push(Container { number, pointer });
                }
                number += 1;
            }
        }
        found
    }

    /// Whether a container of a list is the product's own: it has no name of others, and it is no
    /// sidecar that starts before the product and runs beside it.
    pub fn is_own(&self, list: &str, container: View<'_>) -> bool {
        let text = |key: &str| container.get(key).and_then(View::as_str);
        let name = text("name").unwrap_or_default();
        let always = text("restartPolicy").is_some_and(|policy| policy == "Always");
        let sidecar = list == "initContainers" && always;
        let foreign = self.skip.iter().any(|pattern| pattern.matches(&name));
        container.value_type() == Type::Map && !sidecar && !foreign
    }

    /// Keys that the chart gives a container whose pod has a role: clients take the keys.
    fn keys_beside_role(&self, draft: &Draft<'_>, container: &str, remarks: &mut Vec<Remark>) {
        if !self.identity.annotations.contains_key(identity::AWS_ROLE) {
            return;
        }
        let env = draft.at(container).and_then(|own| own.get("env"));
        for (index, variable) in env.into_iter().flat_map(View::items).enumerate() {
            let name = variable.get("name").and_then(View::as_str);
            if let Some(name) = name.filter(|name| name == "AWS_ACCESS_KEY_ID") {
                remarks.push(Remark {
                    policy: SERVICE_ACCOUNT,
                    pointer: format!("{container}/env/{index}/name"),
                    what: What::KeysBesideRole(name.into_owned()),
                });
            }
        }
    }

    /// Tidies up after jobs, and sets the zone of a schedule.
    ///
    /// # Errors
    /// Something of the wrong type bars the way.
    pub fn inject_object(
        &self,
        draft: &mut Draft<'_>,
        object: &Object<'_>,
    ) -> Result<(), EditError> {
        jobs::inject(draft, object, &self.runtime)
    }

    /// The ConfigMap with the artifact.
    pub fn config_map(&self, name: &str, namespace: Option<&str>, labels: Value) -> Value {
        artifact::config_map(&self.json, name, namespace, labels)
    }

    /// Whether a ConfigMap holds the artifact.
    pub fn is_in(&self, config_map: View<'_>) -> bool {
        let data = config_map
            .get("data")
            .and_then(|own| own.get(artifact::KEY));
        data.and_then(View::as_str)
            .is_some_and(|own| own == self.json)
    }
}

/// A container that gets something.
struct Container {
    number: usize,
    pointer: String,
}

/// The labels of a template's pods, as edited so far.
fn labels<'v>(draft: &'v Draft<'_>, object: &Object<'_>, place: &PodPlace) -> Option<View<'v>> {
    let template = place.template.as_deref()?;
    draft.at(&format!("{}{template}/metadata/labels", object.pointer))
}

/// The policy that a variable is injected by.
pub fn policy(topic: Topic) -> &'static str {
    match topic {
        Topic::Artifact => ARTIFACT,
        Topic::Addresses | Topic::Credentials => CREDENTIALS,
        Topic::Settings => SETTINGS,
        Topic::Telemetry => TELEMETRY,
        Topic::Timezone => TIMEZONE,
    }
}
