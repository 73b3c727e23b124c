//! Objects without a name.

use super::violation;
use crate::object::Object;
use crate::policy::Violation;
use crate::report::Severity;

/// The policy that reports them.
pub const POLICY: &str = "manifest/name";

/// An object must have a name: Helm cannot create one without.
pub fn judge(object: &Object<'_>) -> Option<Violation> {
    object.identity.name.is_empty().then(|| {
        violation(
            POLICY,
            Severity::Error,
            &format!("{}/metadata/name", object.pointer),
            format!("the {} has no metadata.name", object.identity.kind),
            "give it a name in the chart's template; Helm cannot install an object without one",
        )
    })
}
