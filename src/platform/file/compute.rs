//! `compute:` of platform.yaml: what runs the transformations.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::properties::Property;
use crate::config::typed::Problems;
use crate::platform::credentials::{Credentials, Login};

/// One compute profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ComputeProfile {
    /// The engine.
    #[serde(rename = "type")]
    pub kind: ComputeType,
    /// The engine's settings; which of them must be there depends on the type.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, Property>,
    /// How to log in.
    pub credentials: Credentials,
}

/// The engines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ComputeType {
    /// DuckDB, inside the job itself.
    #[default]
    Duckdb,
    /// Snowflake.
    Snowflake,
    /// Google BigQuery.
    Bigquery,
    /// Amazon Redshift.
    Redshift,
    /// Databricks.
    Databricks,
    /// PostgreSQL.
    Postgres,
    /// Apache Spark.
    Spark,
}

impl ComputeType {
    /// The engine as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            ComputeType::Duckdb => "duckdb",
            ComputeType::Snowflake => "snowflake",
            ComputeType::Bigquery => "bigquery",
            ComputeType::Redshift => "redshift",
            ComputeType::Databricks => "databricks",
            ComputeType::Postgres => "postgres",
            ComputeType::Spark => "spark",
        }
    }

    /// The properties without which the engine cannot be reached.
    pub fn required(self) -> &'static [&'static str] {
        match self {
            ComputeType::Snowflake => &["account"],
            ComputeType::Bigquery => &["project"],
            ComputeType::Redshift | ComputeType::Postgres => &["host"],
            ComputeType::Databricks => &["host", "http_path"],
            ComputeType::Duckdb | ComputeType::Spark => &[],
        }
    }

    /// The keys of a Secret with static credentials, and the variables that adapters read.
    pub fn secret_keys(self) -> &'static [(&'static str, &'static str)] {
        match self {
            ComputeType::Duckdb => &[("token", "MOTHERDUCK_TOKEN")],
            ComputeType::Snowflake => &[
                ("user", "SNOWFLAKE_USER"),
                ("password", "SNOWFLAKE_PASSWORD"),
            ],
            ComputeType::Bigquery => &[("credentials", "GOOGLE_APPLICATION_CREDENTIALS_JSON")],
            ComputeType::Redshift => {
                &[("user", "REDSHIFT_USER"), ("password", "REDSHIFT_PASSWORD")]
            }
            ComputeType::Databricks => &[("token", "DATABRICKS_TOKEN")],
            ComputeType::Postgres => {
                &[("user", "POSTGRES_USER"), ("password", "POSTGRES_PASSWORD")]
            }
            ComputeType::Spark => &[("token", "SPARK_TOKEN")],
        }
    }
}

impl ComputeProfile {
    /// What the schema cannot say.
    pub fn rules(&self, at: &str, local: bool, problems: &mut Problems) {
        let login = Login {
            to: self.kind.as_str(),
            needed: !matches!(self.kind, ComputeType::Duckdb | ComputeType::Spark),
            aws: matches!(
                self.kind,
                ComputeType::Redshift | ComputeType::Duckdb | ComputeType::Spark
            ),
            local,
        };
        self.credentials.rules(at, &login, problems);
        let here = format!("{at}/properties");
        for name in self.kind.required() {
            if !self.properties.contains_key(*name) {
                let reason = format!("type {} needs the property `{name}`", self.kind.as_str());
                // Where there is no map yet, its place is the profile.
                let at = if self.properties.is_empty() {
                    at
                } else {
                    &here
                };
                problems.add(at, reason);
            }
        }
        Property::rules(&self.properties, &here, problems);
    }
}
