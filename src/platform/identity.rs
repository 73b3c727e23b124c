//! Who a product's pods are to the cloud: what their service account and they themselves must wear
//! so that profiles without long-lived keys work.

use std::collections::{BTreeMap, BTreeSet};

use super::artifact::Profiles;
use super::credentials::{Credentials, Mode};
use super::file::storage::StorageType;

/// The annotation by which EKS gives a service account an IAM role
/// (docs.aws.amazon.com/eks, "IAM roles for service accounts").
pub const AWS_ROLE: &str = "eks.amazonaws.com/role-arn";
/// The annotation by which GKE gives it a Google service account
/// (cloud.google.com/kubernetes-engine, "Workload Identity Federation for GKE").
pub const GOOGLE_ACCOUNT: &str = "iam.gke.io/gcp-service-account";
/// The annotation by which AKS gives it a managed identity
/// (azure.github.io/azure-workload-identity).
pub const AZURE_CLIENT: &str = "azure.workload.identity/client-id";
/// The label by which Azure's webhook knows the pods that want a token.
pub const AZURE_USE: &str = "azure.workload.identity/use";

/// What a product's pods and their service account wear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Annotations of the service account.
    pub annotations: BTreeMap<&'static str, String>,
    /// Labels of the pods.
    pub pod_labels: BTreeMap<&'static str, &'static str>,
    /// Whether a service account is asked for something it cannot be: two identities of one cloud.
    pub clashes: Vec<String>,
}

/// Every login of a product.
fn logins(profiles: &Profiles) -> impl Iterator<Item = &Credentials> {
    let own = [
        &profiles.storage.profile.credentials,
        &profiles.catalog.profile.credentials,
        &profiles.compute.profile.credentials,
    ];
    let storage = profiles.other_storage.values().map(|own| &own.credentials);
    let catalogs = profiles.other_catalogs.values().map(|own| &own.credentials);
    own.into_iter().chain(storage).chain(catalogs)
}

/// Whether a storage profile is opened by an Azure identity.
fn azure_storage(profiles: &Profiles) -> bool {
    let others = profiles.other_storage.values();
    let mut all = std::iter::once(&profiles.storage.profile).chain(others);
    all.any(|own| own.kind == StorageType::Azure && own.credentials.mode == Mode::ServiceAccount)
}

/// The identity that a product's profiles ask for.
pub fn of(profiles: &Profiles) -> Identity {
    let mut wanted: BTreeMap<&'static str, BTreeSet<&str>> = BTreeMap::new();
    for login in logins(profiles) {
        if let Some(role) = &login.role_arn {
            wanted.entry(AWS_ROLE).or_default().insert(role.as_str());
        }
        if let Some(identity) = login.identity.as_deref() {
            // A Google service account is an e-mail address, an Azure identity a UUID.
            let key = match identity.contains('@') {
                true => GOOGLE_ACCOUNT,
                false => AZURE_CLIENT,
            };
            wanted.entry(key).or_default().insert(identity);
        }
    }
    let mut identity = Identity::default();
    if wanted.contains_key(AZURE_CLIENT) || azure_storage(profiles) {
        identity.pod_labels.insert(AZURE_USE, "true");
    }
    for (key, values) in wanted {
        let values: Vec<&str> = values.into_iter().collect();
        match values.as_slice() {
            [one] => {
                identity.annotations.insert(key, (*one).to_owned());
            }
            several => identity.clashes.push(format!(
                "its profiles ask for more than one {key}, and a service account can have only one: {}",
                several.join(", ")
            )),
        }
    }
    identity
}
