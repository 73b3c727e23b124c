//! What a product's pods have to reach, so that derived NetworkPolicies let them: the addresses of
//! its profiles, and those that clients know by themselves.

use super::artifact::{Artifact, Profiles};
use super::credentials::{Address, Credentials, Mode};
use super::file::catalogs::{CatalogProfile, CatalogType};
use super::file::compute::{ComputeProfile, ComputeType};
use super::file::properties::Property;
use super::file::storage::{StorageProfile, StorageType};

/// Where GKE hands tokens to pods: its metadata server, and the agent that stands in for it
/// (cloud.google.com/kubernetes-engine, "Use Workload Identity Federation", network policies).
const GOOGLE_METADATA: [(&str, u16); 2] = [("169.254.169.254", 80), ("169.254.169.252", 988)];

/// Where EKS hands credentials to pods (docs.aws.amazon.com/eks, "EKS Pod Identity").
const AWS_AGENT: (&str, u16) = ("169.254.170.23", 80);

/// A cloud that gives pods an identity.
#[derive(Clone, Copy)]
enum Cloud {
    Aws,
    Google,
    Azure,
}

/// Something to reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// A URL, or a host.
    pub address: String,
    /// The port, for a host.
    pub port: Option<u16>,
    /// The field that says so.
    pub field: String,
}

/// Everything that a product's pods have to reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// What is known.
    pub known: Vec<Endpoint>,
    /// The fields whose address stands in a Secret.
    pub hidden: Vec<String>,
}

/// The endpoints of a product.
pub fn of(artifact: &Artifact) -> Endpoints {
    let mut endpoints = Endpoints::default();
    endpoints.profiles(&artifact.profiles);
    let signals = &artifact.observability;
    if signals.traces || signals.metrics {
        endpoints.address(&signals.otlp_endpoint, "observability.otlp_endpoint");
    }
    if signals.lineage {
        endpoints.address(&signals.lineage_endpoint, "observability.lineage_endpoint");
    }
    endpoints
}

impl Endpoints {
    fn profiles(&mut self, profiles: &Profiles) {
        let own = &profiles.storage;
        self.storage(&own.profile, own.name.as_str());
        for (name, profile) in &profiles.other_storage {
            self.storage(profile, name.as_str());
        }
        let own = &profiles.catalog;
        self.catalog(&own.profile, own.name.as_str());
        for (name, profile) in &profiles.other_catalogs {
            self.catalog(profile, name.as_str());
        }
        let own = &profiles.compute;
        self.compute(&own.profile, own.name.as_str());
    }

    fn host(&mut self, address: impl Into<String>, port: Option<u16>, field: &str) {
        self.known.push(Endpoint {
            address: address.into(),
            port,
            field: field.to_owned(),
        });
    }

    fn address(&mut self, address: &Option<Address>, field: &str) {
        match address {
            Some(Address::Url(url)) => self.host(url.as_str(), None, field),
            Some(Address::Secret(_)) => self.hidden.push(field.to_owned()),
            None => {}
        }
    }

    fn storage(&mut self, profile: &StorageProfile, name: &str) {
        let field = format!("storage.{name}.endpoint");
        match (&profile.endpoint, profile.kind) {
            (Some(_), _) => self.address(&profile.endpoint, &field),
            (None, StorageType::S3) => {
                let host = format!("s3.{}.amazonaws.com", profile.region);
                self.host(host, Some(443), &field);
            }
            (None, StorageType::Gcs) => self.host("storage.googleapis.com", Some(443), &field),
            // The account stands before it, and all are public addresses.
            (None, StorageType::Azure) => self.host("blob.core.windows.net", Some(443), &field),
            (None, StorageType::Local) => {}
        }
        let at = format!("storage.{name}.credentials");
        let cloud = match profile.kind {
            StorageType::S3 => Some(Cloud::Aws),
            StorageType::Gcs => Some(Cloud::Google),
            StorageType::Azure => Some(Cloud::Azure),
            StorageType::Local => None,
        };
        self.login(&profile.credentials, cloud, Some(&profile.region), &at);
    }

    fn catalog(&mut self, profile: &CatalogProfile, name: &str) {
        let uri = Some(profile.uri.clone());
        self.address(&uri, &format!("catalogs.{name}.uri"));
        let at = format!("catalogs.{name}.credentials");
        let glue = profile.kind == CatalogType::Glue;
        let region = glue.then(|| region_of(&profile.uri)).flatten();
        let cloud = glue.then_some(Cloud::Aws);
        self.login(&profile.credentials, cloud, region, &at);
    }

    fn compute(&mut self, profile: &ComputeProfile, name: &str) {
        let text = |property: &str| match profile.properties.get(property) {
            Some(Property::Plain(value)) => value.as_str().map(str::to_owned),
            _ => None,
        };
        let port = match profile.properties.get("port") {
            Some(Property::Plain(value)) => value.as_u64().and_then(|port| port.try_into().ok()),
            _ => None,
        };
        let field = |property: &str| format!("compute.{name}.properties.{property}");
        let (property, suffix, port) = match profile.kind {
            ComputeType::Snowflake => ("account", ".snowflakecomputing.com", Some(443)),
            ComputeType::Databricks => ("host", "", Some(443)),
            ComputeType::Redshift => ("host", "", port.or(Some(5439))),
            ComputeType::Postgres => ("host", "", port.or(Some(5432))),
            ComputeType::Spark => ("host", "", port),
            ComputeType::Bigquery => {
                self.host("bigquery.googleapis.com", Some(443), &field("project"));
                ("", "", None)
            }
            ComputeType::Duckdb => ("", "", None),
        };
        if let Some(host) = text(property) {
            self.host(format!("{host}{suffix}"), port, &field(property));
        } else if matches!(profile.properties.get(property), Some(Property::Secret(_))) {
            self.hidden.push(field(property));
        }
        let at = format!("compute.{name}.credentials");
        let cloud = match profile.kind {
            ComputeType::Bigquery => Some(Cloud::Google),
            ComputeType::Redshift => Some(Cloud::Aws),
            _ => None,
        };
        self.login(&profile.credentials, cloud, None, &at);
    }

    /// Where a login gets its tokens. An identity tells its cloud; without one it is that of the
    /// profile, where that has one.
    fn login(&mut self, own: &Credentials, cloud: Option<Cloud>, region: Option<&str>, at: &str) {
        let cloud = match own.identity.as_deref() {
            Some(identity) if identity.contains('@') => Some(Cloud::Google),
            Some(_) => Some(Cloud::Azure),
            None => cloud,
        };
        match (own.mode, cloud) {
            (Mode::IamRole, _) => {
                let host = match region {
                    Some(region) => format!("sts.{region}.amazonaws.com"),
                    None => "sts.amazonaws.com".into(),
                };
                self.host(host, Some(443), at);
            }
            (Mode::ServiceAccount, Some(Cloud::Aws)) => {
                let (host, port) = AWS_AGENT;
                self.host(host, Some(port), at);
            }
            (Mode::ServiceAccount, Some(Cloud::Google)) => {
                for (host, port) in GOOGLE_METADATA {
                    self.host(host, Some(port), at);
                }
            }
            (Mode::ServiceAccount, Some(Cloud::Azure)) => {
                self.host("login.microsoftonline.com", Some(443), at);
            }
            (Mode::ServiceAccount, None) | (Mode::Static | Mode::Oauth2, _) => {}
        }
    }
}

/// The region in an address of AWS: `https://glue.eu-central-1.amazonaws.com`.
fn region_of(address: &Address) -> Option<&str> {
    let Address::Url(url) = address else {
        return None;
    };
    let (host, _) = url.as_str().split_once(".amazonaws.com")?;
    host.rsplit('.').next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::compile::{Text, compile};

    /// The endpoints of a product with a platform file, as `host[:port]`, and the hidden fields.
    fn endpoints(platform: &str) -> (Vec<String>, Vec<String>) {
        let spec = Text {
            file: "floe.yaml",
            text: "name: orders\nversion: 1.0.0\n",
        };
        let file = Text {
            file: "platform.yaml",
            text: platform,
        };
        let artifact = compile(spec, file, "platform.yaml", None).unwrap();
        let found = of(&artifact);
        let show = |own: &Endpoint| match own.port {
            Some(port) => format!("{}:{port}", own.address),
            None => own.address.clone(),
        };
        (found.known.iter().map(show).collect(), found.hidden)
    }

    #[test]
    fn clouds_are_reached_where_their_clients_look() {
        let cases: [(&str, &[&str], &[&str]); 4] = [
            (
                "\
storage:
  default: {region: eu-north-1, bucket: abc, credentials: {mode: iam_role, role_arn: 'arn:aws:iam::123456789012:role/x'}}
catalogs:
  default: {type: rest, uri: {secret_ref: address}, warehouse: w}
compute:
  default: {type: snowflake, properties: {account: acme}, credentials: {secret_ref: login}}
observability: {lineage: false, otlp_endpoint: 'http://otel.watch.svc:4317', lineage_endpoint: 'http://marquez:5000'}
",
                &[
                    "s3.eu-north-1.amazonaws.com:443",
                    "sts.eu-north-1.amazonaws.com:443",
                    "acme.snowflakecomputing.com:443",
                    "http://otel.watch.svc:4317",
                ],
                &["catalogs.default.uri"],
            ),
            (
                "\
storage:
  default: {type: gcs, bucket: abc, credentials: {mode: service_account, identity: a@b.iam.gserviceaccount.com}}
catalogs:
  default: {type: nessie, uri: 'https://nessie:19120', warehouse: w}
compute:
  default: {type: postgres, properties: {host: db, port: 5433}, credentials: {secret_ref: login}}
",
                &[
                    "storage.googleapis.com:443",
                    "169.254.169.254:80",
                    "169.254.169.252:988",
                    "https://nessie:19120",
                    "db:5433",
                ],
                &[],
            ),
            (
                "\
storage:
  default: {type: azure, endpoint: 'https://acme.blob.core.windows.net', bucket: abc, credentials: {mode: service_account}}
catalogs:
  default: {type: glue, uri: 'https://glue.eu-west-1.amazonaws.com/iceberg', warehouse: w, credentials: {mode: iam_role, role_arn: 'arn:aws:iam::123456789012:role/x'}}
compute:
  default: {type: redshift, properties: {host: {secret_ref: host}}, credentials: {secret_ref: login}}
",
                &[
                    "https://acme.blob.core.windows.net",
                    "login.microsoftonline.com:443",
                    "https://glue.eu-west-1.amazonaws.com/iceberg",
                    "sts.eu-west-1.amazonaws.com:443",
                ],
                &["compute.default.properties.host"],
            ),
            (
                "\
storage:
  default: {bucket: abc, credentials: {mode: service_account}}
catalogs:
  default: {uri: 'https://catalog.example.com/api', warehouse: w, credentials: {mode: service_account}}
compute:
  default: {type: databricks, properties: {host: dbc.example.com, http_path: /sql}, credentials: {secret_ref: login}}
",
                &[
                    "s3.us-east-1.amazonaws.com:443",
                    "169.254.170.23:80",
                    "https://catalog.example.com/api",
                    "dbc.example.com:443",
                ],
                &[],
            ),
        ];
        for (platform, known, hidden) in cases {
            let found = endpoints(platform);
            assert_eq!(
                (found.0.as_slice(), found.1.as_slice()),
                (
                    known
                        .iter()
                        .map(|own| (*own).to_owned())
                        .collect::<Vec<_>>()
                        .as_slice(),
                    hidden
                        .iter()
                        .map(|own| (*own).to_owned())
                        .collect::<Vec<_>>()
                        .as_slice(),
                )
            );
        }
    }
}
