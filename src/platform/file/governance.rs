//! `governance:` of platform.yaml: how data is classified, kept and checked.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::typed::Problems;
use crate::manifest::view::escape;
use crate::platform::text::Name;

/// `governance`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Governance {
    /// What kinds of data there are.
    pub classifications: Classifications,
    /// How long data is kept.
    pub retention: Retention,
    /// Which laws and standards hold.
    pub compliance: Compliance,
    /// What is checked in every table.
    pub data_quality: DataQuality,
}

/// `governance.classifications`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Classifications {
    /// Whether data is classified.
    pub enabled: bool,
    /// The classes by name.
    pub classes: BTreeMap<Name, Class>,
}

/// One class of data.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// How bad it is when the data gets out.
    pub sensitivity: Sensitivity,
    /// Whether it must be encrypted.
    #[serde(default)]
    pub encryption_required: bool,
    /// How long it is kept, in days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 36500))]
    pub retention_days: Option<u32>,
    /// Whether somebody must approve its use.
    #[serde(default)]
    pub require_approval: bool,
    /// Which laws and standards it falls under.
    #[serde(default)]
    pub compliance_required: Vec<Framework>,
    /// Whether it must be masked.
    #[serde(default)]
    pub masking_required: bool,
}

/// How bad it is when data gets out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sensitivity {
    /// Not bad.
    Low,
    /// Embarrassing.
    Medium,
    /// Costly.
    High,
    /// Ruinous.
    Critical,
}

/// Laws and standards.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Framework {
    /// The EU's General Data Protection Regulation.
    Gdpr,
    /// The California Consumer Privacy Act.
    Ccpa,
    /// SOC 2.
    Soc2,
    /// The US Health Insurance Portability and Accountability Act.
    Hipaa,
    /// The Payment Card Industry Data Security Standard.
    PciDss,
}

/// `governance.retention`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Whether data is deleted at some time.
    pub enabled: bool,
    /// What holds where no other policy does.
    pub default_policy: RetentionPolicy,
    /// Other policies by name.
    pub policies: BTreeMap<Name, RetentionPolicy>,
}

/// How long data is kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionPolicy {
    /// Until it is deleted, in days.
    #[schemars(range(min = 1, max = 36500))]
    pub retention_days: u32,
    /// Until it is archived, in days.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 36500))]
    pub archive_after_days: Option<u32>,
}

impl Default for RetentionPolicy {
    fn default() -> Self {
        RetentionPolicy {
            retention_days: 730,
            archive_after_days: None,
        }
    }
}

/// `governance.compliance`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Compliance {
    /// Whether anything is enforced.
    pub enabled: bool,
    /// What, and how strictly.
    pub frameworks: BTreeMap<Framework, FrameworkRule>,
}

/// How strictly a law or standard is enforced.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FrameworkRule {
    /// Whether it is.
    pub enabled: bool,
    /// How strictly.
    pub enforcement: Enforcement,
}

impl Default for FrameworkRule {
    fn default() -> Self {
        FrameworkRule {
            enabled: true,
            enforcement: Enforcement::default(),
        }
    }
}

/// How strictly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Enforcement {
    /// A violation stops the run.
    #[default]
    Strict,
    /// Some do.
    Moderate,
    /// It is only reported.
    Permissive,
}

/// `governance.data_quality`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DataQuality {
    /// Whether tables are checked.
    pub enabled: bool,
    /// What is checked in every table.
    pub default_checks: Vec<String>,
    /// Whether a failed check stops the run.
    pub fail_on_error: bool,
}

impl Governance {
    /// What the schema cannot say: data is archived before it is deleted.
    pub fn rules(&self, at: &str, problems: &mut Problems) {
        let own = self.retention.policies.iter().map(|(name, policy)| {
            let name = escape(name.as_str()).into_owned();
            (format!("{at}/retention/policies/{name}"), policy)
        });
        let default = (
            format!("{at}/retention/default_policy"),
            &self.retention.default_policy,
        );
        for (at, policy) in own.chain([default]) {
            problems.expect(
                policy
                    .archive_after_days
                    .is_none_or(|days| days < policy.retention_days),
                format!("{at}/archive_after_days"),
                "must be less than `retention_days`: what is deleted cannot be archived",
            );
        }
    }
}
