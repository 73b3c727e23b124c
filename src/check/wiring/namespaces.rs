//! Objects in other namespaces than the release.

use super::{Release, violation};
use crate::inject::network::topology::ObjectRef;
use crate::policy::Violation;
use crate::report::{Severity, plural};

/// The policy about objects in other namespaces than the release.
pub const NAMESPACE: &str = "wiring/namespace";

/// The policies of this module.
pub const POLICIES: [&str; 1] = [NAMESPACE];

/// One finding for each namespace that is not the release's.
pub fn judge(release: &Release<'_>) -> Vec<(ObjectRef, Violation)> {
    let home = match release.scope.namespace {
        Some(home) => home,
        None if release.wires.namespaces.len() > 1 => release.home.as_str(),
        None => return Vec::new(),
    };
    let others = release.wires.namespaces.iter();
    let others = others.filter(|(name, _)| !is_shared(name) && name.as_str() != home);
    others
        .map(|(name, (first, count))| {
            let message = format!(
                "{} of this release {} in namespace {name}, and the release in {home}: Services, Secrets and selectors do not reach across",
                plural(*count, "object"),
                if *count == 1 { "is" } else { "are" },
            );
            let violation = violation(
                NAMESPACE,
                Severity::Warning,
                &format!("{}/metadata/namespace", first.pointer),
                message,
                "write .Release.Namespace in the chart's templates, or install the release there with --namespace",
            );
            (first.clone(), violation)
        })
        .collect()
}

/// Namespaces of the cluster itself, where some objects must be.
fn is_shared(name: &str) -> bool {
    name.starts_with("kube-")
}
