//! Containers whose user nobody knows.

use super::violation;
use crate::inject::images::USER;
use crate::policy::Violation;
use crate::report::Severity;

/// Warns that a container may pass admission and still not start.
pub fn unknown(container: &str, image: &str) -> Violation {
    violation(
        USER,
        Severity::Warning,
        &format!("{container}/image"),
        format!(
            "nothing says which user {image} runs as; with runAsNonRoot it starts only if its USER is a number other than 0"
        ),
        "set securityContext.runAsUser in the chart's values to the uid the image is made for",
    )
}
