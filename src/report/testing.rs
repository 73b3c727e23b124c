//! Samples for the tests of the renderers.

use super::{Finding, Severity};

/// An error about a Deployment.
pub fn finding(policy: &str) -> Finding {
    Finding {
        policy: policy.into(),
        severity: Severity::Error,
        message: "it is not allowed".into(),
        help: "do not".into(),
        file: None,
        document: 0,
        api_version: "apps/v1".into(),
        kind: "Deployment".into(),
        namespace: Some("shop".into()),
        name: "web".into(),
        container: None,
        pointer: "/spec".into(),
        source: None,
        line: 1,
        column: 1,
        exception: None,
        quote: 0..0,
    }
}
