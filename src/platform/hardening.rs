//! The `hardening:` block of platform.yaml.
//!
//! Every field has a default that is the strictest choice, so an empty block, or none, hardens
//! most. Unknown fields are errors.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::secrets::Secrets;
use crate::manifest::view::escape;
use crate::object::quantity::Quantity;
use crate::platform::network::Network;
use crate::policy::exceptions::Exception;
use crate::policy::{Level, Version};

/// `hardening:` as the platform team writes it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Hardening {
    /// Labels every object and pod template gets, where the key is absent.
    pub labels: BTreeMap<String, String>,
    /// Requests and limits for containers that have none.
    pub resources: Resources,
    /// The Pod Security Standard that releases must meet.
    pub pod_security: PodSecurity,
    /// When root file systems become read-only.
    pub read_only_root: ReadOnlyRoot,
    /// Which pods get the token of their service account.
    pub service_account_tokens: Tokens,
    /// NetworkPolicies.
    pub network: Network,
    /// Where secrets come from instead of charts.
    pub secrets: Secrets,
    /// Policies whose explicit violations are overwritten instead of refused.
    pub overrule: Vec<String>,
    /// Who may break which policy, why, and until when.
    pub exceptions: Vec<Exception>,
    /// The platform's own edits, applied last.
    pub patches: Vec<Patch>,
    /// Directories with further policies, relative to the platform file.
    pub policies: Vec<String>,
}

/// `hardening.resources`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Resources {
    /// The preset for every container without a more fitting one: `small`, `medium`, `large`, a
    /// name from `presets`, or `none` to fill nothing.
    pub preset: String,
    /// Presets of the platform's own; they may redefine the built-in ones.
    pub presets: BTreeMap<String, Preset>,
    /// Preset by the value of the pods' `app.kubernetes.io/component` label.
    pub components: BTreeMap<String, String>,
    /// Whether an absent CPU limit is filled.
    pub cpu_limits: bool,
}

impl Default for Resources {
    fn default() -> Self {
        Resources {
            preset: "small".into(),
            presets: BTreeMap::new(),
            components: BTreeMap::new(),
            cpu_limits: true,
        }
    }
}

/// Requests and limits in Kubernetes quantities.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    /// What the scheduler reserves.
    pub requests: Amounts,
    /// What the kubelet enforces.
    pub limits: Amounts,
}

/// CPU and memory as Kubernetes quantities.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Amounts {
    /// Cores, e.g. `250m`.
    #[serde(deserialize_with = "amount")]
    #[schemars(with = "crate::platform::text::Amount")]
    pub cpu: String,
    /// Bytes, e.g. `512Mi`.
    #[serde(deserialize_with = "amount")]
    #[schemars(with = "crate::platform::text::Amount")]
    pub memory: String,
}

/// A quantity as text; Kubernetes takes a number as well.
fn amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) => Ok(text),
        serde_json::Value::Number(number) => Ok(number.to_string()),
        _ => Err(serde::de::Error::custom("must be a Kubernetes quantity")),
    }
}

/// `hardening.read_only_root`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReadOnlyRoot {
    /// Where the image's writable directories are known.
    #[default]
    Auto,
    /// For every container that does not say otherwise.
    Always,
    /// For none.
    Never,
}

/// `hardening.service_account_tokens`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tokens {
    /// All whose chart does not say otherwise, as Kubernetes has it.
    #[default]
    Keep,
    /// Those that a role of the release is bound to, or that call the API server.
    Bound,
}

/// `hardening.pod_security`
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PodSecurity {
    /// `restricted` (the default), `baseline`, or `privileged` for no pod security policy at all.
    pub level: Option<Level>,
    /// `latest` (the default) or a Kubernetes minor version such as `v1.31`.
    pub version: Option<Version>,
}

/// One of the platform's own edits, with a target as kustomize selects it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// Which objects it edits.
    #[serde(default)]
    pub target: Target,
    /// RFC 6902 operations.
    pub patch: Vec<crate::manifest::edit::Operation>,
    /// Why; shown in the report.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Which objects a patch edits: all given fields must match. `group`, `version`, `kind`, `name`
/// and `namespace` are regular expressions that match the whole value, as in kustomize.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct Target {
    /// API group; the core group is the empty string.
    pub group: Option<String>,
    /// API version without the group.
    pub version: Option<String>,
    /// Kind.
    pub kind: Option<String>,
    /// `metadata.name`
    pub name: Option<String>,
    /// `metadata.namespace`, the release's where the object has none.
    pub namespace: Option<String>,
    /// Label selector in kubectl's string form.
    pub label_selector: Option<String>,
    /// The same over annotations.
    pub annotation_selector: Option<String>,
}

/// The presets every platform has, by name.
pub fn builtin_preset(name: &str) -> Option<Preset> {
    let amounts = |cpu: &str, memory: &str| Amounts {
        cpu: cpu.into(),
        memory: memory.into(),
    };
    let preset = |requests, limits| Some(Preset { requests, limits });
    match name {
        "small" => preset(amounts("100m", "256Mi"), amounts("500m", "512Mi")),
        "medium" => preset(amounts("250m", "512Mi"), amounts("1", "1Gi")),
        "large" => preset(amounts("500m", "1Gi"), amounts("2", "2Gi")),
        _ => None,
    }
}

impl Hardening {
    /// What the types cannot say: every preset that is named exists, labels are labels.
    ///
    /// # Errors
    /// The pointer, from the block, of the first mistake, and the reason.
    pub fn validate(&self) -> Result<(), (String, String)> {
        let known = |name: &str| {
            name == "none"
                || self.resources.presets.contains_key(name)
                || builtin_preset(name).is_some()
        };
        let missing = |name: &str| {
            let mut names = vec!["none", "small", "medium", "large"];
            names.extend(self.resources.presets.keys().map(String::as_str));
            format!("no preset `{name}`: there are {}", names.join(", "))
        };
        if !known(&self.resources.preset) {
            return Err(("/resources/preset".into(), missing(&self.resources.preset)));
        }
        for (component, preset) in &self.resources.components {
            if !known(preset) {
                return Err((
                    format!("/resources/components/{}", escape(component)),
                    missing(preset),
                ));
            }
        }
        for (name, preset) in &self.resources.presets {
            preset.validate().map_err(|(at, reason)| {
                (format!("/resources/presets/{}{at}", escape(name)), reason)
            })?;
        }
        self.network
            .validate()
            .map_err(|(at, reason)| (format!("/network{at}"), reason))?;
        for (key, value) in &self.labels {
            if !is_label_value(value) {
                return Err((format!("/labels/{}", escape(key)), "not a label value: up to 63 letters, digits, `-`, `_` and `.`, first and last a letter or digit".into()));
            }
        }
        let inside = |(at, reason)| (format!("/secrets{at}"), reason);
        self.secrets.validate().map_err(inside)
    }
}

impl Preset {
    fn validate(&self) -> Result<(), (String, String)> {
        let amounts = [("requests", &self.requests), ("limits", &self.limits)];
        for (kind, amounts) in amounts {
            for (resource, text) in [("cpu", &amounts.cpu), ("memory", &amounts.memory)] {
                if Quantity::parse(text).is_none() {
                    return Err((
                        format!("/{kind}/{resource}"),
                        format!("`{text}` is not a Kubernetes quantity"),
                    ));
                }
            }
        }
        let above = |request: &str, limit: &str| Quantity::parse(request) > Quantity::parse(limit);
        for (resource, request, limit) in [
            ("cpu", &self.requests.cpu, &self.limits.cpu),
            ("memory", &self.requests.memory, &self.limits.memory),
        ] {
            if above(request, limit) {
                return Err((
                    format!("/limits/{resource}"),
                    "the limit is below the request".into(),
                ));
            }
        }
        Ok(())
    }
}

/// Whether a text may be a label's value (k8s.io/apimachinery/pkg/util/validation).
fn is_label_value(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let edge = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    text.len() <= 63
        && text.chars().all(inner)
        && edge(text.chars().next())
        && edge(text.chars().last())
}
