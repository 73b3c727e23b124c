//! The environment variables of a product: what its artifact says, under the names that clients
//! read. Secrets are references, never values. `docs/profiles.md` has the table.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::artifact::{Artifact, Signals};
use super::credentials::{Address, Identifier, Mode};
use super::file::catalogs::{AccessDelegation, CatalogType};
use super::file::infrastructure::ResourceProfile;
use super::file::observability::{OtlpProtocol, SamplingType};
use super::file::properties::Property;
use super::file::storage::StorageType;
use super::references::{SecretUse, variable};

/// The path that OpenLineage clients add to `OPENLINEAGE_URL` by themselves
/// (openlineage.io/docs/client/python, "HTTP transport").
const LINEAGE_PATH: &str = "api/v1/lineage";

/// What a variable is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// The artifact itself.
    Artifact,
    /// Addresses that stand in Secrets, under the Secrets' own names.
    Addresses,
    /// Logins.
    Credentials,
    /// Where things are.
    Settings,
    /// Signals.
    Telemetry,
    /// The time zone.
    Timezone,
}

/// A variable of a product's containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value, or where that is kept.
    pub given: Given,
    /// What it is about.
    pub topic: Topic,
}

/// Where the value of a variable comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// It is no secret.
    Literal(String),
    /// It is kept in a Secret, under a key.
    Secret {
        /// The Secret.
        secret: String,
        /// The key in its data.
        key: String,
    },
}

impl Variable {
    /// The variable as an item of a container's `env`.
    pub fn entry(&self) -> Value {
        match &self.given {
            // Kubernetes would expand `$(NAME)`.
            Given::Literal(text) => {
                json!({"name": self.name, "value": text.replace("$(", "$$(")})
            }
            Given::Secret { secret, key } => json!({
                "name": self.name,
                "valueFrom": {"secretKeyRef": {"name": secret, "key": key}},
            }),
        }
    }
}

/// The variables of a product, sorted by name. `size` is the resource profile of the component that
/// they are for.
pub fn of(artifact: &Artifact, size: Option<&ResourceProfile>) -> Vec<Variable> {
    let mut list = List {
        secrets: &artifact.secrets,
        by_name: BTreeMap::new(),
    };
    // What comes first stays: no literal takes the place of a secret, and the settings of a
    // component are more to the point than those of all.
    list.logins(artifact);
    for (name, value) in size.into_iter().flat_map(|size| &size.env) {
        list.literal(Topic::Settings, name, value);
    }
    list.storage(artifact);
    list.catalog(artifact);
    list.compute(artifact);
    if let Some(environment) = &artifact.metadata.environment {
        list.literal(Topic::Settings, "FLOE_PLATFORM_ENV", environment);
    }
    list.signals(artifact);
    list.lineage(&artifact.observability);
    list.literal(Topic::Timezone, "TZ", artifact.runtime.timezone.as_str());
    list.by_name.into_values().collect()
}

/// Signals that a product should send and that have nowhere to go, as sentences.
pub fn unsaid(signals: &Signals) -> Vec<String> {
    let otlp = (signals.traces || signals.metrics) && signals.otlp_endpoint.is_none();
    let lineage = signals.lineage && signals.lineage_endpoint.is_none();
    let sentence = |what: &str, field: &str| {
        format!(
            "the artifact wants {what}, and the platform says no observability.{field}: nothing is injected for them"
        )
    };
    let otlp = otlp.then(|| sentence("traces or metrics", "otlp_endpoint"));
    let lineage = lineage.then(|| sentence("lineage events", "lineage_endpoint"));
    otlp.into_iter().chain(lineage).collect()
}

/// Variables in the making. The first of a name stays.
struct List<'a> {
    secrets: &'a [SecretUse],
    by_name: BTreeMap<String, Variable>,
}

impl List<'_> {
    fn put(&mut self, topic: Topic, name: &str, given: Given) {
        let name = name.to_owned();
        let entry = self.by_name.entry(name.clone());
        entry.or_insert(Variable { name, given, topic });
    }

    fn literal(&mut self, topic: Topic, name: &str, value: &str) {
        self.put(topic, name, Given::Literal(value.to_owned()));
    }

    /// An address, from the Secret that holds it where it stands in one. `field` is what the list of
    /// Secrets says that it is for.
    fn address(&mut self, topic: Topic, name: &str, address: &Address, field: &str) {
        match address {
            Address::Url(url) => self.literal(topic, name, url.as_str()),
            Address::Secret(_) => {
                let mut uses = self.secrets.iter();
                let used = uses.find(|used| used.used_by.iter().any(|place| place == field));
                if let Some(used) = used {
                    self.put(topic, name, Given::from(used));
                }
            }
        }
    }

    fn logins(&mut self, artifact: &Artifact) {
        for used in &artifact.secrets {
            let mut fields = used.used_by.iter();
            let topic = match fields.all(|field| is_address(field)) {
                true => Topic::Addresses,
                false => Topic::Credentials,
            };
            self.put(topic, &used.env, Given::from(used));
        }
        let catalog = &artifact.profiles.catalog.profile;
        if catalog.credentials.mode != Mode::Oauth2 {
            return;
        }
        let prefix = match catalog.kind {
            CatalogType::Polaris => "POLARIS",
            _ => "FLOE_CATALOG",
        };
        if let Some(scope) = &catalog.credentials.scope {
            self.literal(Topic::Credentials, &format!("{prefix}_SCOPE"), scope);
        }
        if let Some(Identifier::Text(id)) = &catalog.credentials.client_id {
            self.literal(Topic::Credentials, &format!("{prefix}_CLIENT_ID"), id);
        }
    }

    fn storage(&mut self, artifact: &Artifact) {
        let own = &artifact.profiles.storage;
        let profile = &own.profile;
        let topic = Topic::Settings;
        let s3 = profile.kind == StorageType::S3;
        self.literal(topic, "FLOE_STORAGE_TYPE", profile.kind.as_str());
        self.literal(topic, "FLOE_STORAGE_BUCKET", profile.bucket.as_str());
        if s3 {
            for name in ["FLOE_STORAGE_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"] {
                self.literal(topic, name, &profile.region);
            }
            let path_style = profile.path_style_access.to_string();
            self.literal(topic, "FLOE_STORAGE_PATH_STYLE_ACCESS", &path_style);
        }
        if let Some(endpoint) = &profile.endpoint {
            let field = format!("storage.{}.endpoint", own.name);
            self.address(topic, "FLOE_STORAGE_ENDPOINT", endpoint, &field);
            if s3 {
                self.address(topic, "AWS_ENDPOINT_URL_S3", endpoint, &field);
            }
        }
    }

    fn catalog(&mut self, artifact: &Artifact) {
        let own = &artifact.profiles.catalog;
        let profile = &own.profile;
        let topic = Topic::Settings;
        let field = format!("catalogs.{}.uri", own.name);
        let delegation = match profile.access_delegation {
            AccessDelegation::VendedCredentials => "vended-credentials",
            AccessDelegation::RemoteSigning => "remote-signing",
            AccessDelegation::None => "none",
        };
        let refresh = profile.token_refresh_enabled.to_string();
        self.literal(topic, "FLOE_CATALOG_TYPE", profile.kind.as_str());
        self.literal(topic, "FLOE_CATALOG_NAMESPACE", &profile.namespace);
        self.literal(topic, "FLOE_CATALOG_ACCESS_DELEGATION", delegation);
        self.literal(topic, "FLOE_CATALOG_TOKEN_REFRESH", &refresh);
        let polaris = profile.kind == CatalogType::Polaris;
        for prefix in ["FLOE_CATALOG", "POLARIS"] {
            if prefix == "FLOE_CATALOG" || polaris {
                self.address(topic, &format!("{prefix}_URI"), &profile.uri, &field);
                self.literal(topic, &format!("{prefix}_WAREHOUSE"), &profile.warehouse);
            }
        }
    }

    /// Each property under the name of the engine and its own, as adapters have them:
    /// `SNOWFLAKE_ACCOUNT`.
    fn compute(&mut self, artifact: &Artifact) {
        let profile = &artifact.profiles.compute.profile;
        let engine = profile.kind.as_str();
        self.literal(Topic::Settings, "FLOE_COMPUTE_TYPE", engine);
        for (name, property) in &profile.properties {
            if let Property::Plain(value) = property
                && let Some(text) = scalar(value)
            {
                let name = variable(&format!("{engine}_{name}"));
                self.literal(Topic::Settings, &name, &text);
            }
        }
    }

    /// OpenTelemetry's own variables (opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables).
    fn signals(&mut self, artifact: &Artifact) {
        let topic = Topic::Telemetry;
        let signals = &artifact.observability;
        if !signals.traces && !signals.metrics {
            return self.literal(topic, "OTEL_SDK_DISABLED", "true");
        }
        let Some(endpoint) = &signals.otlp_endpoint else {
            return;
        };
        let field = "observability.otlp_endpoint";
        self.address(topic, "OTEL_EXPORTER_OTLP_ENDPOINT", endpoint, field);
        let protocol = match signals.otlp_protocol {
            OtlpProtocol::Grpc => "grpc",
            OtlpProtocol::Http => "http/protobuf",
        };
        self.literal(topic, "OTEL_EXPORTER_OTLP_PROTOCOL", protocol);
        for (name, sent) in [
            ("OTEL_TRACES_EXPORTER", signals.traces),
            ("OTEL_METRICS_EXPORTER", signals.metrics),
        ] {
            self.literal(topic, name, if sent { "otlp" } else { "none" });
        }
        if signals.traces {
            self.sampling(signals);
        }
        let mut attributes = signals.attributes.clone();
        let service = attributes.remove("service.name");
        if let Some(service) = service.as_ref().or(artifact.metadata.name.as_ref()) {
            self.literal(topic, "OTEL_SERVICE_NAME", service);
        }
        if let Some(version) = &artifact.metadata.version {
            let entry = attributes.entry("service.version".into());
            entry.or_insert_with(|| version.clone());
        }
        // The key's old name counts as well: two of them would only confuse.
        if let Some(environment) = &artifact.metadata.environment
            && !attributes.contains_key("deployment.environment")
        {
            let entry = attributes.entry("deployment.environment.name".into());
            entry.or_insert_with(|| environment.clone());
        }
        if !attributes.is_empty() {
            let text = resource_attributes(&attributes);
            self.literal(topic, "OTEL_RESOURCE_ATTRIBUTES", &text);
        }
    }

    /// The samplers that a variable can name; there is none that limits the rate.
    fn sampling(&mut self, signals: &Signals) {
        let topic = Topic::Telemetry;
        let sampler = match signals.sampling.sampling_type {
            SamplingType::AlwaysOn => "parentbased_always_on",
            SamplingType::AlwaysOff => "always_off",
            SamplingType::Probabilistic => {
                let share = signals.sampling.probability.to_string();
                self.literal(topic, "OTEL_TRACES_SAMPLER_ARG", &share);
                "parentbased_traceidratio"
            }
            SamplingType::RateLimiting => return,
        };
        self.literal(topic, "OTEL_TRACES_SAMPLER", sampler);
    }

    /// The variables of OpenLineage's clients (openlineage.io/docs/client/python).
    fn lineage(&mut self, signals: &Signals) {
        let topic = Topic::Telemetry;
        if !signals.lineage {
            return self.literal(topic, "OPENLINEAGE_DISABLED", "true");
        }
        match &signals.lineage_endpoint {
            None => return,
            Some(Address::Url(url)) => {
                let (base, path) = split_url(url.as_str());
                self.literal(topic, "OPENLINEAGE_URL", base);
                if !path.is_empty() && path != LINEAGE_PATH {
                    self.literal(topic, "OPENLINEAGE_ENDPOINT", path);
                }
            }
            Some(secret) => {
                let field = "observability.lineage_endpoint";
                self.address(topic, "OPENLINEAGE_URL", secret, field);
            }
        }
        if let Some(namespace) = &signals.lineage_namespace {
            self.literal(topic, "OPENLINEAGE_NAMESPACE", namespace);
        }
    }
}

impl From<&SecretUse> for Given {
    fn from(used: &SecretUse) -> Given {
        Given::Secret {
            secret: used.secret.clone(),
            key: used.key.clone(),
        }
    }
}

/// Whether a field of the platform file holds an address, as the list of Secrets names it.
fn is_address(field: &str) -> bool {
    ["endpoint", "uri"].iter().any(|end| field.ends_with(end))
}

/// A plain value as text; `None` for lists and maps.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// A URL's scheme and host, and its path without slashes around it.
fn split_url(url: &str) -> (&str, &str) {
    let host = url.find("://").map_or(0, |at| at + 3);
    let end = url.get(host..).and_then(|rest| rest.find('/'));
    let end = end.map_or(url.len(), |at| host + at);
    let (base, path) = url.split_at_checked(end).unwrap_or((url, ""));
    (base, path.trim_matches('/'))
}

/// `key=value,…`, percent-encoded as W3C Baggage asks for
/// (opentelemetry.io/docs/specs/otel/resource/sdk).
fn resource_attributes(attributes: &BTreeMap<String, String>) -> String {
    let pairs = attributes.iter();
    let pairs = pairs.map(|(key, value)| format!("{}={}", encoded(key), encoded(value)));
    pairs.collect::<Vec<_>>().join(",")
}

fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'-' | b'.' | b'_' | b'~' | b'/' | b':' | b'@' => out.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::compile::{Text, compile};

    /// The variables of a product with a platform file, `NAME=value` or `NAME<secret/key`.
    fn variables(platform: &str, spec: &str) -> Vec<String> {
        let (file, text) = ("f", platform);
        let spec = format!("name: orders\nversion: 1.0.0\n{spec}");
        let spec = Text {
            file: "floe.yaml",
            text: &spec,
        };
        let artifact = compile(spec, Text { file, text }, file, Some("uat")).unwrap();
        let list = of(&artifact, None).into_iter();
        list.map(|own| match own.given {
            Given::Literal(value) => format!("{}={value}", own.name),
            Given::Secret { secret, key } => format!("{}<{secret}/{key}", own.name),
        })
        .collect()
    }

    const BASE: &str = "\
storage:
  default: {bucket: abc, credentials: {secret_ref: keys}}
catalogs:
  default: {type: rest, uri: http://catalog, warehouse: w}
compute:
  default: {type: duckdb, properties: {threads: 4, path: ':memory:', extensions: [a]}}
";

    fn with(observability: &str) -> Vec<String> {
        variables(&format!("{BASE}observability: {observability}\n"), "")
    }

    #[test]
    fn profiles_become_settings_and_references() {
        assert_eq!(
            with("{}"),
            [
                "AWS_ACCESS_KEY_ID<keys/access_key",
                "AWS_DEFAULT_REGION=us-east-1",
                "AWS_REGION=us-east-1",
                "AWS_SECRET_ACCESS_KEY<keys/secret_key",
                "DUCKDB_PATH=:memory:",
                "DUCKDB_THREADS=4",
                "FLOE_CATALOG_ACCESS_DELEGATION=none",
                "FLOE_CATALOG_NAMESPACE=default",
                "FLOE_CATALOG_TOKEN_REFRESH=true",
                "FLOE_CATALOG_TYPE=rest",
                "FLOE_CATALOG_URI=http://catalog",
                "FLOE_CATALOG_WAREHOUSE=w",
                "FLOE_COMPUTE_TYPE=duckdb",
                "FLOE_PLATFORM_ENV=uat",
                "FLOE_STORAGE_BUCKET=abc",
                "FLOE_STORAGE_PATH_STYLE_ACCESS=false",
                "FLOE_STORAGE_REGION=us-east-1",
                "FLOE_STORAGE_TYPE=s3",
                "TZ=UTC",
            ]
        );
    }

    #[test]
    fn addresses_in_secrets_stay_there() {
        let platform = "\
storage:
  default: {bucket: abc, endpoint: {secret_ref: minio, key: url}, credentials: {secret_ref: keys}}
catalogs:
  default:
    uri: {secret_ref: CATALOG, secret_name: catalog, key: address}
    warehouse: w
    credentials: {mode: oauth2, client_id: me, client_secret: {secret_ref: client}, scope: 'PRINCIPAL_ROLE:X'}
compute:
  default: {}
observability: {otlp_endpoint: {secret_ref: otlp}, lineage_endpoint: {secret_ref: lineage}}
";
        let all = variables(platform, "");
        for want in [
            "AWS_ENDPOINT_URL_S3<minio/url",
            "CATALOG<catalog/address",
            "FLOE_CATALOG_URI<catalog/address",
            "FLOE_STORAGE_ENDPOINT<minio/url",
            "MINIO_URL<minio/url",
            "OPENLINEAGE_URL<lineage/lineage_endpoint",
            "OTEL_EXPORTER_OTLP_ENDPOINT<otlp/otlp_endpoint",
            "POLARIS_CLIENT_ID=me",
            "POLARIS_CLIENT_SECRET<client/client_secret",
            "POLARIS_SCOPE=PRINCIPAL_ROLE:X",
            "POLARIS_URI<catalog/address",
            "POLARIS_WAREHOUSE=w",
        ] {
            assert!(all.iter().any(|own| own == want), "{want}: {all:?}");
        }
    }

    #[test]
    fn signals_have_the_names_of_their_specifications() {
        let telemetry = |observability: &str| -> Vec<String> {
            let mut all = with(observability);
            all.retain(|own| own.starts_with("OTEL_") || own.starts_with("OPENLINEAGE_"));
            all
        };
        let cases: [(&str, &[&str]); 4] = [
            ("{}", &[]),
            (
                "{traces: false, metrics: false, lineage: false}",
                &["OPENLINEAGE_DISABLED=true", "OTEL_SDK_DISABLED=true"],
            ),
            (
                "{otlp_endpoint: 'http://otel:4318', otlp_protocol: http, metrics: false, \
                  lineage_endpoint: 'http://marquez:5000/api/v1/lineage', \
                  attributes: {service.name: 'a b', team: 'x=y, z%'}, \
                  tracing: {sampling: {sampling_type: probabilistic, probability: 0.25}}}",
                &[
                    "OPENLINEAGE_NAMESPACE=uat",
                    "OPENLINEAGE_URL=http://marquez:5000",
                    "OTEL_EXPORTER_OTLP_ENDPOINT=http://otel:4318",
                    "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
                    "OTEL_METRICS_EXPORTER=none",
                    "OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=uat,service.version=1.0.0,team=x%3Dy%2C%20z%25",
                    "OTEL_SERVICE_NAME=a b",
                    "OTEL_TRACES_EXPORTER=otlp",
                    "OTEL_TRACES_SAMPLER=parentbased_traceidratio",
                    "OTEL_TRACES_SAMPLER_ARG=0.25",
                ],
            ),
            (
                "{traces: false, metrics: false, lineage_namespace: own, \
                  lineage_endpoint: 'https://gate/lineage/v1'}",
                &[
                    "OPENLINEAGE_ENDPOINT=lineage/v1",
                    "OPENLINEAGE_NAMESPACE=own",
                    "OPENLINEAGE_URL=https://gate",
                    "OTEL_SDK_DISABLED=true",
                ],
            ),
        ];
        for (observability, want) in cases {
            assert_eq!(telemetry(observability), want, "{observability}");
        }
    }

    #[test]
    fn a_component_has_its_own_settings_and_no_secret_of_others() {
        let text = format!("{BASE}infrastructure: {{timezone: Asia/Tokyo}}\n");
        let spec = Text {
            file: "floe.yaml",
            text: "name: orders\nversion: 1.0.0\n",
        };
        let platform = Text {
            file: "f",
            text: &text,
        };
        let artifact = compile(spec, platform, "f", None).unwrap();
        let size: ResourceProfile = serde_json::from_value(serde_json::json!({
            "requests": {"cpu": "1", "memory": "1Gi"},
            "limits": {"cpu": "1", "memory": "1Gi"},
            "env": {"DUCKDB_THREADS": "8", "AWS_ACCESS_KEY_ID": "literal"},
        }))
        .unwrap();
        let all = of(&artifact, Some(&size));
        let given = |name: &str| &all.iter().find(|own| own.name == name).unwrap().given;
        assert_eq!(given("DUCKDB_THREADS"), &Given::Literal("8".into()));
        assert_eq!(given("TZ"), &Given::Literal("Asia/Tokyo".into()));
        assert!(matches!(given("AWS_ACCESS_KEY_ID"), Given::Secret { .. }));
    }

    #[test]
    fn what_has_nowhere_to_go_is_said() {
        let said = |text: &str| {
            let value: Value = serde_json::from_str(text).unwrap();
            unsaid(&serde_json::from_value(value).unwrap()).len()
        };
        for (text, want) in [
            (r#"{"traces":true,"metrics":false,"lineage":true}"#, 2),
            (r#"{"traces":false,"metrics":false,"lineage":false}"#, 0),
            (
                r#"{"traces":true,"metrics":true,"lineage":false,"otlp_endpoint":"http://a"}"#,
                0,
            ),
        ] {
            assert_eq!(said(text), want, "{text}");
        }
    }
}
