//! `storage:` of platform.yaml: where data lies.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::typed::Problems;
use crate::platform::credentials::{Address, Credentials, Login};
use crate::platform::text::BucketName;

/// One storage profile.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StorageProfile {
    /// The kind of storage.
    #[serde(default, rename = "type")]
    pub kind: StorageType,
    /// The service's address; absent for the cloud's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Address>,
    /// The region.
    #[serde(default = "region")]
    #[schemars(length(min = 1, max = 63))]
    pub region: String,
    /// The bucket or container.
    pub bucket: BucketName,
    /// Whether the bucket stands in the path of an address and not in the host name.
    #[serde(default)]
    pub path_style_access: bool,
    /// How to log in.
    #[serde(default)]
    pub credentials: Credentials,
}

fn region() -> String {
    "us-east-1".into()
}

/// The kinds of storage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StorageType {
    /// Amazon S3, or what speaks its language.
    #[default]
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage.
    Azure,
    /// A directory.
    Local,
}

impl StorageType {
    /// The kind as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            StorageType::S3 => "s3",
            StorageType::Gcs => "gcs",
            StorageType::Azure => "azure",
            StorageType::Local => "local",
        }
    }

    /// The keys of a Secret with static credentials, and the variables that clients read.
    pub fn secret_keys(self) -> &'static [(&'static str, &'static str)] {
        match self {
            StorageType::S3 => &[
                ("access_key", "AWS_ACCESS_KEY_ID"),
                ("secret_key", "AWS_SECRET_ACCESS_KEY"),
            ],
            StorageType::Gcs => &[("credentials", "GOOGLE_APPLICATION_CREDENTIALS_JSON")],
            StorageType::Azure => &[("account_key", "AZURE_STORAGE_ACCOUNT_KEY")],
            StorageType::Local => &[],
        }
    }
}

impl StorageProfile {
    /// What the schema cannot say.
    pub fn rules(&self, at: &str, local: bool, problems: &mut Problems) {
        let login = Login {
            to: self.kind.as_str(),
            needed: self.kind != StorageType::Local,
            aws: self.kind == StorageType::S3,
            local,
        };
        self.credentials.rules(at, &login, problems);
        if let Some(reference) = self.endpoint.as_ref().and_then(Address::reference) {
            reference.rules(&format!("{at}/endpoint"), problems);
        }
    }
}
