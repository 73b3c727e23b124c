//! Labels that are there already with another value.

use super::violation;
use crate::inject::labels::Conflict;
use crate::policy::Violation;
use crate::report::Severity;

/// Turns a label that was not added into a warning.
pub fn conflict(conflict: Conflict) -> Violation {
    violation(
        conflict.policy,
        Severity::Warning,
        &conflict.pointer,
        conflict.message,
        "remove the label from the chart's values, or give the release the environment it says",
    )
}
