//! `orchestration:` of floe.yaml: jobs, and when they run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::schema::suggest;
use crate::config::typed::Problems;
use crate::manifest::view::escape;
use crate::platform::text::{Cron, Day, Name, PythonPath, Timezone};

/// `orchestration`
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Orchestration {
    /// Python modules with assets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asset_modules: Vec<PythonPath>,
    /// The dbt project whose models become assets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dbt: Option<Dbt>,
    /// How assets are cut into parts.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub partitions: BTreeMap<Name, Partition>,
    /// Settings of assets by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub assets: BTreeMap<Name, Asset>,
    /// The jobs by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub jobs: BTreeMap<Name, Job>,
    /// When jobs run by the clock.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub schedules: BTreeMap<Name, Schedule>,
    /// When jobs run by what happens.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sensors: BTreeMap<Name, Sensor>,
    /// Runs over the past.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub backfills: BTreeMap<Name, Backfill>,
}

/// `orchestration.dbt`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dbt {
    /// dbt's manifest.
    #[schemars(length(min = 1, max = 255))]
    pub manifest_path: String,
    /// How fine the signals are.
    #[serde(default)]
    pub observability_level: ObservabilityLevel,
    /// The project's directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub project_dir: Option<String>,
    /// The directory of profiles.yml.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub profiles_dir: Option<String>,
    /// dbt's target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub target: Option<String>,
}

/// How fine signals are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ObservabilityLevel {
    /// One span for each model.
    #[default]
    PerModel,
    /// One for each job.
    JobLevel,
}

/// How an asset is cut into parts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[schemars(extend("errorMessage" = "must have a `type` of time_window, static, multi or dynamic"))]
pub enum Partition {
    /// By time.
    TimeWindow {
        /// The first day.
        start: Day,
        /// When a new part begins.
        cron_schedule: Cron,
        /// The time zone of that schedule.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timezone: Option<Timezone>,
        /// The last day.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        end: Option<Day>,
        /// The form of the parts' names, as strftime has it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(min = 1, max = 100))]
        fmt: Option<String>,
    },
    /// By fixed keys.
    Static {
        /// The keys.
        #[schemars(length(min = 1))]
        partition_keys: Vec<String>,
    },
    /// By several others at once.
    Multi {
        /// The others by name.
        partitions: BTreeMap<Name, Partition>,
    },
    /// By what a function says.
    Dynamic {
        /// The function.
        #[serde(rename = "fn")]
        function: PythonPath,
    },
}

/// Settings of an asset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Asset {
    /// One of `partitions`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partitions: Option<Name>,
    /// When it is made anew without being asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub automation_condition: Option<String>,
    /// How a backfill is cut into runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub backfill_policy: Option<String>,
    /// The tool that makes it, for the eye.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub compute_kind: Option<String>,
    /// The group it is shown in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub group_name: Option<String>,
}

/// One job.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[schemars(extend("errorMessage" = "must have a `type` of batch or ops"))]
pub enum Job {
    /// Makes assets.
    Batch {
        /// Which, in Dagster's notation.
        #[schemars(length(min = 1))]
        selection: Vec<String>,
        /// What it is for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(max = 500))]
        description: Option<String>,
        /// Tags of its runs.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        tags: BTreeMap<String, String>,
    },
    /// Runs a function.
    Ops {
        /// The function.
        target_function: PythonPath,
        /// What it is given.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        args: BTreeMap<String, Value>,
        /// What it is for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(max = 500))]
        description: Option<String>,
        /// Tags of its runs.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        tags: BTreeMap<String, String>,
    },
}

/// Runs a job by the clock.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// The job.
    pub job: Name,
    /// When.
    pub cron_schedule: Cron,
    /// The time zone of that schedule; by default the platform's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<Timezone>,
    /// Whether it runs.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Which part of the asset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub partition_selector: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 500))]
    pub description: Option<String>,
}

fn yes() -> bool {
    true
}

/// Runs a job by what happens.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[schemars(extend("errorMessage" = "must have a `type` of file_watcher, asset_sensor, run_status or custom"))]
pub enum Sensor {
    /// A file comes.
    FileWatcher {
        /// The job.
        job: Name,
        /// The directory.
        #[schemars(length(min = 1, max = 255))]
        path: String,
        /// Which files, as a glob.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(min = 1, max = 255))]
        pattern: Option<String>,
        /// How often it looks, in seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1))]
        poll_interval_seconds: Option<u32>,
        /// What it is for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(max = 500))]
        description: Option<String>,
    },
    /// An asset is made anew.
    AssetSensor {
        /// The job.
        job: Name,
        /// The assets.
        #[schemars(length(min = 1))]
        watched_assets: Vec<Name>,
        /// How often it looks, in seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1))]
        poll_interval_seconds: Option<u32>,
        /// What it is for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(max = 500))]
        description: Option<String>,
    },
    /// Another job ends.
    RunStatus {
        /// The job.
        job: Name,
        /// The other jobs.
        #[schemars(length(min = 1))]
        watched_jobs: Vec<Name>,
        /// How they end.
        status: RunResult,
        /// How often it looks, in seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1))]
        poll_interval_seconds: Option<u32>,
        /// What it is for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(max = 500))]
        description: Option<String>,
    },
    /// A function says so.
    Custom {
        /// The job.
        job: Name,
        /// The function.
        target_function: PythonPath,
        /// What it is given.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        args: BTreeMap<String, Value>,
        /// How often it looks, in seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1))]
        poll_interval_seconds: Option<u32>,
        /// What it is for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(max = 500))]
        description: Option<String>,
    },
}

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum RunResult {
    /// Well.
    Success,
    /// Badly.
    Failure,
    /// By somebody's hand.
    Canceled,
}

/// A run over the past.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backfill {
    /// The job.
    pub job: Name,
    /// From when to when.
    pub partition_range: DayRange,
    /// How many parts at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub batch_size: Option<u32>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 500))]
    pub description: Option<String>,
    /// Tags of its runs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

/// A span of days.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DayRange {
    /// The first day.
    pub start: Day,
    /// The last day.
    pub end: Day,
}

impl Orchestration {
    /// What the schema cannot say: jobs and partitions that are named exist, days are in order.
    /// `written` is the block as it was written; names count even where their entry has mistakes.
    pub fn rules(&self, at: &str, written: &Value, problems: &mut Problems) {
        let jobs = names(written, "jobs");
        let mut expect = |at: String, job: &Name| {
            let reason = format!("no job `{job}`{}", suggest(job.as_str(), &jobs));
            problems.expect(jobs.contains(&job.as_str()), at, reason);
        };
        for (name, schedule) in &self.schedules {
            expect(
                format!("{at}/schedules/{}/job", escape(name.as_str())),
                &schedule.job,
            );
        }
        for (name, sensor) in &self.sensors {
            let at = format!("{at}/sensors/{}", escape(name.as_str()));
            expect(format!("{at}/job"), sensor.job());
            for (index, job) in sensor.watched_jobs().iter().enumerate() {
                expect(format!("{at}/watched_jobs/{index}"), job);
            }
        }
        for (name, backfill) in &self.backfills {
            expect(
                format!("{at}/backfills/{}/job", escape(name.as_str())),
                &backfill.job,
            );
        }
        for (name, backfill) in &self.backfills {
            let range = &backfill.partition_range;
            let at = format!(
                "{at}/backfills/{}/partition_range/end",
                escape(name.as_str())
            );
            problems.expect(range.start <= range.end, at, "is before the start");
        }
        let partitions = names(written, "partitions");
        for (name, asset) in &self.assets {
            if let Some(wanted) = &asset.partitions {
                problems.expect(
                    partitions.contains(&wanted.as_str()),
                    format!("{at}/assets/{}/partitions", escape(name.as_str())),
                    format!(
                        "no partitions `{wanted}`{}",
                        suggest(wanted.as_str(), &partitions)
                    ),
                );
            }
        }
    }
}

/// The names in a map of the block.
fn names<'w>(written: &'w Value, map: &str) -> Vec<&'w str> {
    let entries = written.get(map).and_then(Value::as_object);
    entries
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect()
}

impl Sensor {
    fn job(&self) -> &Name {
        match self {
            Sensor::FileWatcher { job, .. }
            | Sensor::AssetSensor { job, .. }
            | Sensor::RunStatus { job, .. }
            | Sensor::Custom { job, .. } => job,
        }
    }

    fn watched_jobs(&self) -> &[Name] {
        match self {
            Sensor::RunStatus { watched_jobs, .. } => watched_jobs,
            _ => &[],
        }
    }
}
