//! The policy file: what a policy says, and what it looks like on disk.
//!
//! `docs/policies.md` describes the format for those who write policies. Every object is closed: an
//! unknown key is an error, because a misspelt key in a security policy is a hole.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::version::{Level, Version};
use crate::report::Severity;

/// The only `apiVersion` a policy file may have.
pub const API_VERSION: &str = "floe.dev/v1alpha1";

/// One policy file.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PolicyFile {
    /// [`API_VERSION`].
    pub api_version: String,
    /// `Policy`.
    pub kind: String,
    /// The policy's name.
    pub metadata: Metadata,
    /// The policy itself.
    pub spec: Policy,
}

/// What the policy is called.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// `family/name`, unique among all loaded policies.
    pub name: String,
}

/// What a policy asks for, and everything said about it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Policy {
    /// What it asks for, in one line.
    pub title: String,
    /// Why it asks for that, in a paragraph or two.
    pub description: String,
    /// The published standard the policy belongs to, where it belongs to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard: Option<Standard>,
    /// Whether a violation refuses the release.
    #[serde(default = "Policy::error")]
    pub severity: Severity,
    /// What the author of the chart can do; a rule may say it more precisely.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The Rust module that implements the policy, for one that no rule can express.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The rules, unless a version brings its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// How the policy changed from one version of its standard to the next, oldest first. Empty:
    /// it has always been as it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<PolicyVersion>,
    /// How the API server is asked; absent: by the rules, as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admission: Option<Admission>,
    /// Manifests that pass and manifests that do not, run by `helm-floe policies test`.
    #[serde(default)]
    pub examples: Examples,
}

/// How `helm-floe policies export` puts a policy to the API server, where not by its rules.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Admission {
    /// A CEL expression that must hold. It stands for all rules of the policy.
    Cel(String),
    /// The API server cannot ask this, and why.
    None(String),
}

impl Policy {
    fn error() -> Severity {
        Severity::Error
    }

    /// Whether any of its rules, in any version, can mend a violation.
    pub fn has_fix(&self) -> bool {
        let versions = self.versions.iter().flat_map(|version| &version.rules);
        let mut rules = self.rules.iter().chain(versions);
        rules.any(|rule| !rule.fix.is_empty())
    }
}

/// The published standard a policy implements.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Standard {
    /// The standard's name, e.g. `pod-security`.
    pub name: String,
    /// The first level of the standard that asks for this.
    pub level: Level,
    /// Where the standard is published.
    pub docs: String,
}

/// The policy from one version of the standard on.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyVersion {
    /// The first version it is like this.
    pub since: Version,
    /// The rules; empty: those of the policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// Pods to which none of the rules apply: a JSON Schema on the pod spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless: Option<Value>,
    /// Weaker policies that this one makes superfluous.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<String>,
}

/// One thing to look at, and what it must be like.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What the schema is about.
    pub node: NodeKind,
    /// For `container` rules: which of the pod's lists; all when empty.
    #[serde(default, rename = "in", skip_serializing_if = "Vec::is_empty")]
    pub lists: Vec<ContainerList>,
    /// For `object` rules: which kinds, as `Kind` or `Kind.group`; all when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// A JSON Schema: the rule only applies where it holds (on the pod spec, or the object).
    #[serde(default, rename = "match", skip_serializing_if = "Option::is_none")]
    pub applies: Option<Value>,
    /// A JSON Schema: the rule does not apply where it holds (on the pod spec, or the object).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless: Option<Value>,
    /// A field, as a JSON Pointer, that a container inherits from the pod. Where the pod sets it and
    /// the container does not, the rule is not asked about the container; a `pod` rule judges it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inherit: Option<String>,
    /// Look at the pod's annotation of this name instead, or with `node: container` at the one of
    /// this name followed by the container's. Where it is absent the rule does not apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotation: Option<String>,
    /// The JSON Schema (2020-12) that must hold. It never sees a null member: to Kubernetes that is
    /// the same as an absent one.
    pub schema: Value,
    /// What is wrong where it does not hold. `{field}`, `{value}`, `{container}` and `{reason}` stand
    /// for the offending field, its value, the container's name and what the schema says.
    pub message: String,
    /// What the author of the chart can do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// What the filter may add by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fix: Vec<Fix>,
}

/// What a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum NodeKind {
    /// The pod spec.
    Pod,
    /// The metadata of the pod or of the pod template.
    PodMetadata,
    /// Every container: init containers, containers, ephemeral containers.
    Container,
    /// The whole object.
    Object,
}

/// One of a pod spec's lists of containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ContainerList {
    /// `initContainers`
    InitContainers,
    /// `containers`
    Containers,
    /// `ephemeralContainers`
    EphemeralContainers,
}

impl ContainerList {
    /// All of them, in the order Kubernetes' evaluator visits them.
    pub const ALL: [ContainerList; 3] = [
        ContainerList::InitContainers,
        ContainerList::Containers,
        ContainerList::EphemeralContainers,
    ];

    /// The list's key in a pod spec.
    pub fn key(self) -> &'static str {
        match self {
            ContainerList::InitContainers => "initContainers",
            ContainerList::Containers => "containers",
            ContainerList::EphemeralContainers => "ephemeralContainers",
        }
    }
}

/// What the filter may add so that a rule holds. It fills what is absent, null or empty, and never
/// changes a value that somebody chose.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fix {
    /// Where the path starts.
    pub target: FixTarget,
    /// JSON Pointer to the field. Missing parents are created. A last token `-` means: append to
    /// the list unless it already holds the value.
    pub path: String,
    /// The value to put there.
    pub value: Value,
    /// A JSON Schema of the pod spec, container or object that the path starts from. Where it holds the
    /// fix is left out: with the value a pod could not run, or the API server would refuse it. A fix of
    /// the pod is then made on the other containers, if it is for the sake of containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless: Option<Value>,
}

/// Where a fix's path starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FixTarget {
    /// The pod spec.
    Pod,
    /// The metadata of the pod or of the pod template.
    PodMetadata,
    /// The container that violates the rule.
    Container,
    /// The object.
    Object,
}

/// Manifests the policy has an opinion on.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Examples {
    /// Manifests that satisfy the policy.
    #[serde(default)]
    pub valid: Vec<Example>,
    /// Manifests that violate it.
    #[serde(default)]
    pub invalid: Vec<Example>,
}

/// One example: exactly one of `pod`, `container` and `object`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// What it shows.
    pub name: String,
    /// The version of the standard it is about; the latest when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// A pod template: `metadata` and `spec`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<Value>,
    /// A container, the only one of its pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<Value>,
    /// A whole object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<Value>,
    /// For an invalid example: what the policy's own fixes make of it. Absent: they cannot mend it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed: Option<Value>,
}
