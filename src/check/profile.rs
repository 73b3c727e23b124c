//! What of a product's artifact a chart has otherwise, and what its pods lack to use it.

use super::violation;
use crate::inject::profile::{ARTIFACT, Remark, SERVICE_ACCOUNT, What, artifact};
use crate::policy::Violation;
use crate::report::Severity;

/// Turns what stays as it is into a finding.
pub fn judge(remark: &Remark) -> Violation {
    let (severity, message, help) = match &remark.what {
        What::Differs(name) => (
            Severity::Warning,
            format!(
                "the chart sets {name} to something else than the product's artifact says; it stays"
            ),
            "take the variable out of the chart's values, or correct the profile in platform.yaml",
        ),
        What::InTheClear(name, secret, key) => (
            Severity::Error,
            format!(
                "the chart sets {name} in the clear, which the product's profiles keep in the Secret {secret}, key {key}"
            ),
            "take the variable out of the chart's values: the pod then gets it by reference",
        ),
        What::FromAll(name) => (
            Severity::Warning,
            format!(
                "the chart's envFrom brings {name}, which the product's artifact would set; it stays"
            ),
            "take the key out of the ConfigMap or Secret",
        ),
        What::KeysBesideRole(name) => (
            Severity::Error,
            format!(
                "the chart sets {name}, which wins over the IAM role of the product's profiles"
            ),
            "take the AWS keys out of the chart's values",
        ),
        What::MountTaken => (
            Severity::Warning,
            format!(
                "the chart has something else where the artifact would be mounted ({}): this container gets no artifact",
                artifact::DIRECTORY
            ),
            "mount it elsewhere in the chart, or --skip profile/artifact",
        ),
        What::TooEarly => (
            Severity::Warning,
            "this hook runs before the release's ConfigMaps exist: its pod gets no artifact".into(),
            "let it run after the install or upgrade (post-install, post-upgrade) if it reads the artifact",
        ),
    };
    violation(remark.policy, severity, &remark.pointer, message, help)
}

/// A pod of the product whose service account the release does not bring.
pub fn no_account(pod: &str, account: Option<&str>, annotations: &str) -> Violation {
    let (place, message) = match account {
        Some(name) => (
            format!("{pod}/serviceAccountName"),
            format!("the release does not bring the ServiceAccount {name}, so it gets no identity of the cloud"),
        ),
        None => (
            pod.to_owned(),
            "the pod runs as the namespace's `default` ServiceAccount, which gets no identity of the cloud".into(),
        ),
    };
    let help = format!(
        "have the chart make a ServiceAccount of its own, most often by serviceAccount.create; or annotate the one there is with {annotations} and except this finding"
    );
    violation(SERVICE_ACCOUNT, Severity::Warning, &place, message, &help)
}

/// A service account with another identity than the profiles ask for.
pub fn other_identity(account: &str, annotation: &str, pointer: &str) -> Violation {
    violation(
        SERVICE_ACCOUNT,
        Severity::Warning,
        pointer,
        format!(
            "ServiceAccount {account} has another {annotation} than the product's profiles ask for; it stays"
        ),
        "take the annotation out of the chart's values, or correct the profile's credentials in platform.yaml",
    )
}

/// A service account that cannot be annotated.
pub fn not_annotated(account: &str, pointer: &str, reason: &str) -> Violation {
    violation(
        SERVICE_ACCOUNT,
        Severity::Error,
        pointer,
        format!("ServiceAccount {account} cannot be annotated: {reason}"),
        "write its annotations out in the chart's template",
    )
}

/// A ConfigMap of our name that holds something else.
pub fn other_artifact(config_map: &str, pointer: &str) -> Violation {
    violation(
        ARTIFACT,
        Severity::Error,
        pointer,
        format!(
            "ConfigMap {config_map} does not hold the product's artifact, and its pods would read it"
        ),
        "rename it in the chart; or filter what the chart renders, not an earlier output",
    )
}
