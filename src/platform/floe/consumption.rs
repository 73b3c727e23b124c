//! `consumption:` of floe.yaml: the semantic layer that people and tools read from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::platform::text::{BucketName, Cron, Name, SecretName, Timezone};

/// `consumption`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Consumption {
    /// Whether there is one.
    pub enabled: bool,
    /// The port it listens on.
    #[schemars(range(min = 1, max = 65535))]
    pub port: u32,
    /// The Secret with the key that signs tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_secret_ref: Option<SecretName>,
    /// The kind of database it reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_type: Option<Name>,
    /// Whether it runs for developers: open and talkative.
    pub dev_mode: bool,
    /// What is computed ahead.
    pub pre_aggregations: PreAggregations,
    /// Who sees which rows.
    pub security: RowSecurity,
}

impl Default for Consumption {
    fn default() -> Self {
        Consumption {
            enabled: false,
            port: 4000,
            api_secret_ref: None,
            database_type: None,
            dev_mode: false,
            pre_aggregations: PreAggregations::default(),
            security: RowSecurity::default(),
        }
    }
}

/// `consumption.pre_aggregations`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PreAggregations {
    /// When they are computed anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_schedule: Option<Cron>,
    /// The time zone of that schedule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<Timezone>,
    /// Whether they are kept outside of the database.
    pub external: bool,
    /// Cube Store, which keeps them.
    pub cube_store: CubeStore,
    /// A bucket they pass on the way.
    pub export_bucket: ExportBucket,
}

/// `consumption.pre_aggregations.cube_store`; its bucket comes from the storage profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CubeStore {
    /// Whether it is used.
    pub enabled: bool,
    /// The Secret with the access key of its bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3_access_key_ref: Option<SecretName>,
    /// The Secret with the secret key of its bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3_secret_key_ref: Option<SecretName>,
}

/// `consumption.pre_aggregations.export_bucket`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExportBucket {
    /// Whether it is used.
    pub enabled: bool,
    /// The kind of bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket_type: Option<BucketType>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<BucketName>,
    /// The Secret with its access key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_key_ref: Option<SecretName>,
    /// The Secret with its secret key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_key_ref: Option<SecretName>,
    /// Snowflake's storage integration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integration: Option<Name>,
}

/// Kinds of export buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BucketType {
    /// Amazon S3.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage.
    Azure,
}

/// `consumption.security`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RowSecurity {
    /// Whether somebody sees only the rows of their own organization.
    pub row_level: bool,
    /// The column that says whose a row is.
    pub filter_column: Name,
}

impl Default for RowSecurity {
    fn default() -> Self {
        RowSecurity {
            row_level: true,
            filter_column: Name::from("organization_id"),
        }
    }
}

impl Consumption {
    /// The references to Secrets in whatever is switched on: place, Secret, key.
    pub fn secrets(&self) -> Vec<(&'static str, &SecretName, &'static str)> {
        let store = &self.pre_aggregations.cube_store;
        let export = &self.pre_aggregations.export_bucket;
        let all = [
            (
                self.enabled,
                "consumption.api_secret_ref",
                &self.api_secret_ref,
                "api_secret",
            ),
            (
                self.enabled && store.enabled,
                "consumption.pre_aggregations.cube_store.s3_access_key_ref",
                &store.s3_access_key_ref,
                "access_key",
            ),
            (
                self.enabled && store.enabled,
                "consumption.pre_aggregations.cube_store.s3_secret_key_ref",
                &store.s3_secret_key_ref,
                "secret_key",
            ),
            (
                self.enabled && export.enabled,
                "consumption.pre_aggregations.export_bucket.access_key_ref",
                &export.access_key_ref,
                "access_key",
            ),
            (
                self.enabled && export.enabled,
                "consumption.pre_aggregations.export_bucket.secret_key_ref",
                &export.secret_key_ref,
                "secret_key",
            ),
        ];
        let used = all.into_iter().filter(|(used, ..)| *used);
        used.filter_map(|(_, place, secret, key)| Some((place, secret.as_ref()?, key)))
            .collect()
    }
}
