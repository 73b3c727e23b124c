//! `observability:` of platform.yaml: where signals go, and how many.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::typed::Problems;
use crate::platform::credentials::Address;
use crate::platform::text::{BucketName, Interval, Name};

/// `observability`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Observability {
    /// Whether traces are sent; a product may switch them off for itself.
    pub traces: bool,
    /// Whether metrics are sent.
    pub metrics: bool,
    /// Whether lineage events are sent.
    pub lineage: bool,
    /// Where the OpenTelemetry collector listens, as text or in a Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otlp_endpoint: Option<Address>,
    /// How clients speak to the collector.
    pub otlp_protocol: OtlpProtocol,
    /// Where lineage events go, as text or in a Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lineage_endpoint: Option<Address>,
    /// The namespace of lineage events; by default the environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub lineage_namespace: Option<String>,
    /// Attributes of every signal.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// Traces in detail.
    pub tracing: Tracing,
    /// Metrics in detail.
    pub metrics_config: Metrics,
    /// Logs.
    pub logging: Logging,
    /// The logs of runs, kept as files.
    pub compute_logs: ComputeLogs,
}

impl Default for Observability {
    fn default() -> Self {
        Observability {
            traces: true,
            metrics: true,
            lineage: true,
            otlp_endpoint: None,
            otlp_protocol: OtlpProtocol::default(),
            lineage_endpoint: None,
            lineage_namespace: None,
            attributes: BTreeMap::new(),
            tracing: Tracing::default(),
            metrics_config: Metrics::default(),
            logging: Logging::default(),
            compute_logs: ComputeLogs::default(),
        }
    }
}

/// The two ways OTLP is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OtlpProtocol {
    /// gRPC, usually port 4317.
    #[default]
    Grpc,
    /// HTTP, usually port 4318.
    Http,
}

/// `observability.tracing`
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tracing {
    /// Which traces are kept.
    pub sampling: Sampling,
    /// Where traces are sent.
    pub exporters: TraceExporters,
}

/// `observability.tracing.sampling`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sampling {
    /// How the choice is made.
    pub sampling_type: SamplingType,
    /// `probabilistic`: the share that is kept, from 0 to 1.
    #[schemars(range(min = 0, max = 1))]
    pub probability: f64,
    /// `rate_limiting`: how many traces are kept each second.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub rate_limit: Option<u32>,
}

impl Default for Sampling {
    fn default() -> Self {
        Sampling {
            sampling_type: SamplingType::AlwaysOn,
            probability: 1.0,
            rate_limit: None,
        }
    }
}

/// How traces are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SamplingType {
    /// Every trace is kept.
    #[default]
    AlwaysOn,
    /// None is.
    AlwaysOff,
    /// A share of them is.
    Probabilistic,
    /// So many a second are.
    RateLimiting,
}

/// `observability.tracing.exporters`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TraceExporters {
    /// Jaeger.
    pub jaeger: bool,
    /// AWS X-Ray.
    pub xray: bool,
    /// Another OTLP receiver.
    pub otlp: bool,
}

impl Default for TraceExporters {
    fn default() -> Self {
        TraceExporters {
            jaeger: true,
            xray: false,
            otlp: false,
        }
    }
}

/// `observability.metrics_config`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// How often metrics are read.
    pub scrape_interval: Interval,
    /// How long they are kept, in days.
    #[schemars(range(min = 1, max = 365))]
    pub retention_days: u32,
    /// Where metrics are sent.
    pub exporters: MetricExporters,
    /// Who is told when something is wrong.
    pub alerting: Alerting,
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics {
            scrape_interval: Interval::from("15s"),
            retention_days: 15,
            exporters: MetricExporters::default(),
            alerting: Alerting::default(),
        }
    }
}

/// `observability.metrics_config.exporters`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MetricExporters {
    /// Prometheus.
    pub prometheus: bool,
    /// AWS CloudWatch.
    pub cloudwatch: bool,
    /// StatsD.
    pub statsd: bool,
}

impl Default for MetricExporters {
    fn default() -> Self {
        MetricExporters {
            prometheus: true,
            cloudwatch: false,
            statsd: false,
        }
    }
}

/// `observability.metrics_config.alerting`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Alerting {
    /// Whether alerts are sent.
    pub enabled: bool,
    /// The rules by name.
    pub rules: BTreeMap<Name, AlertRule>,
}

/// One alert.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AlertRule {
    /// How bad it is.
    pub severity: AlertSeverity,
    /// Who is told.
    pub notify: Vec<String>,
}

/// How bad an alert is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlertSeverity {
    /// Good to know.
    Info,
    /// Somebody should look.
    #[default]
    Warning,
    /// Somebody must look now.
    Critical,
}

/// `observability.logging`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Logging {
    /// The least important messages that are kept.
    pub level: LogLevel,
    /// How a message is written.
    pub log_format: LogFormat,
    /// Where logs go.
    pub backends: LogBackends,
}

/// How important a message is, in Python's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum LogLevel {
    /// Details for developers.
    Debug,
    /// What happens.
    #[default]
    Info,
    /// What may go wrong.
    Warning,
    /// What went wrong.
    Error,
    /// What ends the program.
    Critical,
}

/// How a message is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// For people.
    Text,
}

/// `observability.logging.backends`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LogBackends {
    /// Grafana Loki.
    pub loki: bool,
    /// AWS CloudWatch.
    pub cloudwatch: bool,
    /// Elasticsearch.
    pub elasticsearch: bool,
}

impl Default for LogBackends {
    fn default() -> Self {
        LogBackends {
            loki: true,
            cloudwatch: false,
            elasticsearch: false,
        }
    }
}

/// `observability.compute_logs`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ComputeLogs {
    /// Whether the logs of runs are kept.
    pub enabled: bool,
    /// What keeps them.
    pub manager_type: LogManager,
    /// The storage profile that opens the bucket.
    pub storage_ref: Name,
    /// The bucket; by default that of the storage profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<BucketName>,
    /// What the names of the files start with.
    #[schemars(length(max = 255))]
    pub prefix: String,
    /// How long they are kept, in days.
    #[schemars(range(min = 1, max = 365))]
    pub retention_days: u32,
    /// Where they are written before they are sent.
    #[schemars(length(min = 1, max = 255))]
    pub local_dir: String,
    /// How often they are sent, in seconds.
    #[schemars(range(min = 1, max = 300))]
    pub upload_interval: u32,
}

impl Default for ComputeLogs {
    fn default() -> Self {
        ComputeLogs {
            enabled: true,
            manager_type: LogManager::S3,
            storage_ref: Name::from("default"),
            bucket: None,
            prefix: "dagster-compute-logs/".into(),
            retention_days: 30,
            local_dir: "/tmp/dagster-compute-logs".into(),
            upload_interval: 30,
        }
    }
}

/// What keeps the logs of runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogManager {
    /// An S3 bucket.
    #[default]
    S3,
    /// An Azure container.
    AzureBlob,
    /// A Google bucket.
    Gcs,
    /// A directory.
    Local,
    /// Nothing.
    Noop,
}

impl Observability {
    /// What the schema cannot say.
    pub fn rules(&self, at: &str, problems: &mut Problems) {
        for (field, endpoint) in [
            ("otlp_endpoint", &self.otlp_endpoint),
            ("lineage_endpoint", &self.lineage_endpoint),
        ] {
            if let Some(reference) = endpoint.as_ref().and_then(Address::reference) {
                reference.rules(&format!("{at}/{field}"), problems);
            }
        }
        let sampling = &self.tracing.sampling;
        problems.expect(
            sampling.sampling_type != SamplingType::RateLimiting || sampling.rate_limit.is_some(),
            format!("{at}/tracing/sampling/sampling_type"),
            "rate_limiting needs `rate_limit`",
        );
    }
}
