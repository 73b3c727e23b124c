//! `infrastructure:` of platform.yaml: time zone, cloud, life cycle and sizes. The network has a
//! file of its own.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::connections::Network;
use crate::config::typed::Problems;
use crate::manifest::view::escape;
use crate::platform::text::{AccountId, Amount, Arn, DnsLabel, Name, RoleArn, Timezone, Url};

/// `infrastructure`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Infrastructure {
    /// The time zone of schedules and logs.
    pub timezone: Timezone,
    /// Names, gates and rules of the network.
    pub network: Network,
    /// The cloud it runs in.
    pub cloud: Cloud,
    /// What is tidied up, and how much may be used.
    pub lifecycle: Lifecycle,
    /// Sizes for workloads by name; a name is the value of `app.kubernetes.io/component`.
    pub resource_profiles: BTreeMap<Name, ResourceProfile>,
}

impl Default for Infrastructure {
    fn default() -> Self {
        Infrastructure {
            timezone: Timezone::from("UTC"),
            network: Network::default(),
            cloud: Cloud::default(),
            lifecycle: Lifecycle::default(),
            resource_profiles: BTreeMap::new(),
        }
    }
}

/// `infrastructure.cloud`
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cloud {
    /// Which cloud. `local` says that this is a single machine, where profiles may go without
    /// credentials.
    pub provider: Provider,
    /// The region; `aws` needs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub region: Option<String>,
    /// What only AWS has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws: Option<Aws>,
    /// A stand-in for AWS.
    pub localstack: Localstack,
}

/// The clouds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// Amazon Web Services.
    Aws,
    /// Google Cloud.
    Gcp,
    /// Microsoft Azure.
    Azure,
    /// None: a laptop or a test.
    #[default]
    Local,
}

/// `infrastructure.cloud.aws`
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Aws {
    /// The account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<AccountId>,
    /// The network: `id`, `subnets` and whatever else describes it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub vpc: BTreeMap<String, Value>,
    /// Roles.
    pub iam: Iam,
    /// Keys for encryption.
    pub kms: Kms,
    /// Logs and metrics.
    pub cloudwatch: Cloudwatch,
}

/// `infrastructure.cloud.aws.iam`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Iam {
    /// The role of each service account.
    pub service_accounts: BTreeMap<DnsLabel, ServiceAccountRole>,
}

/// The role of a service account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceAccountRole {
    /// The role.
    pub role_arn: RoleArn,
}

/// `infrastructure.cloud.aws.kms`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Kms {
    /// The key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_arn: Option<Arn>,
}

/// `infrastructure.cloud.aws.cloudwatch`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cloudwatch {
    /// Whether it is used.
    pub enabled: bool,
    /// The log group.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub log_group: Option<String>,
    /// The namespace of metrics.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub metrics_namespace: Option<String>,
}

/// `infrastructure.cloud.localstack`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Localstack {
    /// Whether it is used.
    pub enabled: bool,
    /// Where it listens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Url>,
    /// The services it stands in for.
    pub services: Vec<String>,
}

impl Default for Localstack {
    fn default() -> Self {
        Localstack {
            enabled: false,
            endpoint: None,
            services: vec!["s3".into(), "sts".into()],
        }
    }
}

/// `infrastructure.lifecycle`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Lifecycle {
    /// What is tidied up.
    pub cleanup: Cleanup,
    /// How much a namespace may use.
    pub resource_quotas: ResourceQuotas,
}

/// `infrastructure.lifecycle.cleanup`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cleanup {
    /// Whether finished jobs are tidied up.
    pub enabled: bool,
    /// Which, and when.
    pub jobs: Jobs,
}

impl Default for Cleanup {
    fn default() -> Self {
        Cleanup {
            enabled: true,
            jobs: Jobs::default(),
        }
    }
}

/// `infrastructure.lifecycle.cleanup.jobs`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Jobs {
    /// How long a finished job stays, in seconds.
    pub ttl_seconds: u32,
    /// How many finished jobs of a CronJob stay.
    pub history_limits: HistoryLimits,
}

impl Default for Jobs {
    fn default() -> Self {
        Jobs {
            ttl_seconds: 300,
            history_limits: HistoryLimits::default(),
        }
    }
}

/// `infrastructure.lifecycle.cleanup.jobs.history_limits`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HistoryLimits {
    /// Jobs that succeeded.
    pub successful: u32,
    /// Jobs that failed.
    pub failed: u32,
}

impl Default for HistoryLimits {
    fn default() -> Self {
        HistoryLimits {
            successful: 3,
            failed: 5,
        }
    }
}

/// `infrastructure.lifecycle.resource_quotas`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ResourceQuotas {
    /// Whether namespaces get a quota.
    pub enabled: bool,
    /// The quota of each namespace.
    pub namespace_limits: NamespaceLimits,
}

/// `infrastructure.lifecycle.resource_quotas.namespace_limits`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NamespaceLimits {
    /// How many pods.
    #[schemars(range(min = 1))]
    pub pods: u32,
    /// The sum of CPU requests.
    pub requests_cpu: Amount,
    /// The sum of memory requests.
    pub requests_memory: Amount,
    /// The sum of CPU limits.
    pub limits_cpu: Amount,
    /// The sum of memory limits.
    pub limits_memory: Amount,
}

impl Default for NamespaceLimits {
    fn default() -> Self {
        NamespaceLimits {
            pods: 50,
            requests_cpu: Amount::from("8"),
            requests_memory: Amount::from("8Gi"),
            limits_cpu: Amount::from("12"),
            limits_memory: Amount::from("20Gi"),
        }
    }
}

/// CPU and memory.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Amounts {
    /// Cores.
    pub cpu: Amount,
    /// Bytes.
    pub memory: Amount,
}

/// What the scheduler reserves and the kubelet allows.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// What the scheduler reserves.
    pub requests: Amounts,
    /// What the kubelet allows.
    pub limits: Amounts,
}

/// One of `infrastructure.resource_profiles`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResourceProfile {
    /// What the scheduler reserves.
    pub requests: Amounts,
    /// What the kubelet allows.
    pub limits: Amounts,
    /// Environment variables of every container of that size; no secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
}

/// Checks that amounts are quantities and that no limit is below its request.
pub fn amounts_rules(at: &str, requests: &Amounts, limits: &Amounts, problems: &mut Problems) {
    for (name, request, limit) in [
        ("cpu", &requests.cpu, &limits.cpu),
        ("memory", &requests.memory, &limits.memory),
    ] {
        for (kind, amount) in [("requests", request), ("limits", limit)] {
            problems.expect(
                amount.quantity().is_some(),
                format!("{at}/{kind}/{name}"),
                "must be a Kubernetes quantity such as 250m, 1.5 or 512Mi",
            );
        }
        if let (Some(request), Some(limit)) = (request.quantity(), limit.quantity()) {
            let at = format!("{at}/limits/{name}");
            problems.expect(request <= limit, at, "the limit is below the request");
        }
    }
}

impl Infrastructure {
    /// What the schema cannot say.
    pub fn rules(&self, at: &str, problems: &mut Problems) {
        if self.cloud.provider == Provider::Aws && self.cloud.region.is_none() {
            problems.add(format!("{at}/cloud"), "provider `aws` needs `region`");
        }
        let limits = &self.lifecycle.resource_quotas.namespace_limits;
        let quota = format!("{at}/lifecycle/resource_quotas/namespace_limits");
        for (resource, requests, limits) in [
            ("cpu", &limits.requests_cpu, &limits.limits_cpu),
            ("memory", &limits.requests_memory, &limits.limits_memory),
        ] {
            if let (Some(request), Some(limit)) = (requests.quantity(), limits.quantity()) {
                let at = format!("{quota}/limits_{resource}");
                problems.expect(request <= limit, at, "the limit is below the request");
            }
        }
        for (name, profile) in &self.resource_profiles {
            let at = format!("{at}/resource_profiles/{}", escape(name.as_str()));
            amounts_rules(&at, &profile.requests, &profile.limits, problems);
            for name in profile.env.keys() {
                problems.expect(
                    is_variable_name(name),
                    format!("{at}/env/{}", escape(name)),
                    "the name must be letters, digits and `_`, no digit first",
                );
            }
        }
        self.network.rules(&format!("{at}/network"), problems);
    }
}

/// Whether a name may be that of an environment variable in a shell.
fn is_variable_name(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(inner)
}
