//! Jobs, whose pod template cannot change once they exist.

use super::violation;
use crate::object::Object;
use crate::policy::Violation;
use crate::report::Severity;

/// The policy that reports an edited Job.
pub const POLICY: &str = "manifest/immutable-job";

/// The pod template of a Job that Helm would try to change in place, as a JSON Pointer; `None` for
/// other objects. Hooks are made anew each time.
pub fn template(object: &Object<'_>) -> Option<String> {
    let id = &object.identity;
    let changed_in_place = id.kind == "Job" && id.group() == "batch" && !id.is_hook();
    changed_in_place.then(|| format!("{}/spec/template", object.pointer))
}

/// Says that upgrading an existing Job will fail.
pub fn immutable(object: &Object<'_>) -> Violation {
    let template = format!("{}/spec/template", object.pointer);
    let message = "the Job's pod template is edited, and Kubernetes lets no one change it once the Job exists";
    let help = "if the Job was installed without helm-floe, delete it before this upgrade; later upgrades give the same template";
    violation(POLICY, Severity::Warning, &template, message.into(), help)
}
