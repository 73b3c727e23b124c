//! Values that the chart chose and the platform overruled.

use crate::inject::patches;
use crate::manifest::edit::{Edit, Operation};
use crate::policy::Violation;
use crate::report::Severity;

use super::violation;

/// A warning for an edit that replaced a value (`hardening.overrule`); `None` for one that filled
/// what was absent, and for the platform's own patches, which are meant to replace.
pub fn judge(edit: &Edit) -> Option<Violation> {
    let Operation::Replace { path, value } = &edit.operation else {
        return None;
    };
    let field = path.rsplit('/').next().unwrap_or_default();
    (*edit.policy != *patches::POLICY).then(|| {
        violation(
            &edit.policy,
            Severity::Warning,
            path,
            format!("{field} is overruled by the platform, it becomes {value}"),
            "set it so in the chart's values, then nothing has to be overruled",
        )
    })
}
