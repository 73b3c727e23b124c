//! Jobs and CronJobs: when finished ones go, and in which zone a schedule is meant.

use serde_json::json;

use super::{JOBS, TIMEZONE};
use crate::inject::Draft;
use crate::manifest::edit::EditError;
use crate::manifest::view::View;
use crate::object::Object;
use crate::platform::artifact::Runtime;

/// Fills what a Job or CronJob does not say.
///
/// # Errors
/// Something of the wrong type bars the way.
pub fn inject(draft: &mut Draft<'_>, object: &Object<'_>, own: &Runtime) -> Result<(), EditError> {
    let id = &object.identity;
    let spec = format!("{}/spec", object.pointer);
    let jobs = &own.cleanup.jobs;
    let mut wanted = Vec::new();
    match (id.api_version.as_str(), id.kind.as_str()) {
        ("batch/v1", "Job") => {
            wanted.push((JOBS, "ttlSecondsAfterFinished", json!(jobs.ttl_seconds)));
        }
        ("batch/v1", "CronJob") => {
            let limits = &jobs.history_limits;
            wanted.extend([
                (JOBS, "successfulJobsHistoryLimit", json!(limits.successful)),
                (JOBS, "failedJobsHistoryLimit", json!(limits.failed)),
                (
                    JOBS,
                    "jobTemplate/spec/ttlSecondsAfterFinished",
                    json!(jobs.ttl_seconds),
                ),
            ]);
            if !names_a_zone(draft.at(&format!("{spec}/schedule"))) {
                wanted.push((TIMEZONE, "timeZone", json!(own.timezone)));
            }
        }
        _ => return Ok(()),
    }
    for (policy, field, value) in wanted {
        if policy != JOBS || own.cleanup.enabled {
            draft.fill(policy, &format!("{spec}/{field}"), value)?;
        }
    }
    Ok(())
}

/// Whether a schedule names its zone itself (`CRON_TZ=Asia/Tokyo 0 2 * * *`): the API server takes
/// one way or the other, never both.
fn names_a_zone(schedule: Option<View<'_>>) -> bool {
    let schedule = schedule.and_then(View::as_str);
    schedule.is_some_and(|text| text.contains("TZ="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_may_name_its_zone() {
        for (schedule, want) in [
            ("0 2 * * *", false),
            ("@daily", false),
            ("TZ=UTC 0 2 * * *", true),
            ("CRON_TZ=Asia/Tokyo 0 2 * * *", true),
        ] {
            let schedule = json!(schedule);
            assert_eq!(
                names_a_zone(Some(View::Json(&schedule))),
                want,
                "{schedule}"
            );
        }
        assert!(!names_a_zone(None));
    }
}
