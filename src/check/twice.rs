//! Objects that the stream holds twice.

use super::violation;
use crate::object::Object;
use crate::policy::Violation;
use crate::report::Severity;

/// The policy that reports them.
pub const POLICY: &str = "manifest/duplicate-object";

/// Says that an object of that identity came before, in the document at `line`.
pub fn judge(object: &Object<'_>, line: usize) -> Violation {
    violation(
        POLICY,
        Severity::Error,
        &format!("{}/metadata/name", object.pointer),
        format!(
            "{} is in the stream twice, first in the document at line {line}",
            object.identity
        ),
        "remove one of the two from the chart's templates or values, or give it another name",
    )
}
