//! `infrastructure.network:` of platform.yaml: names, gates and rules of the network.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::schema::suggest;
use crate::config::typed::Problems;
use crate::manifest::view::escape;
use crate::platform::text::{DnsLabel, DnsName, Name, TlsVersion};

/// `infrastructure.network`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// Whether the platform looks after the network.
    pub enabled: bool,
    /// Domains.
    pub dns: Dns,
    /// Who may talk to whom.
    pub network_policies: NetworkPolicies,
    /// The way in.
    pub ingress: Ingress,
    /// The way in on a single machine.
    pub local_access: LocalAccess,
}

impl Default for Network {
    fn default() -> Self {
        Network {
            enabled: true,
            dns: Dns::default(),
            network_policies: NetworkPolicies::default(),
            ingress: Ingress::default(),
            local_access: LocalAccess::default(),
        }
    }
}

/// `infrastructure.network.dns`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Dns {
    /// The domain inside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub internal_domain: Option<DnsName>,
    /// The domain outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_domain: Option<DnsName>,
    /// Who answers.
    pub strategy: DnsStrategy,
}

/// Who answers for names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DnsStrategy {
    /// The cluster.
    #[default]
    Kubernetes,
    /// Consul.
    Consul,
    /// AWS Route 53.
    Route53,
}

/// `infrastructure.network.network_policies`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkPolicies {
    /// Whether zones become policies.
    pub enabled: bool,
    /// What holds where no zone says otherwise.
    pub default_rule: DefaultRule,
    /// The zones by name.
    pub zones: BTreeMap<Name, Zone>,
}

/// What holds where nothing else does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DefaultRule {
    /// Nothing is allowed.
    DenyAll,
    /// Everything is.
    #[default]
    AllowAll,
}

/// One zone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Zone {
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 500))]
    pub description: Option<String>,
    /// Zones and services it may talk to.
    pub allowed_egress: Vec<Name>,
    /// Zones and services that may talk to it.
    pub allowed_ingress: Vec<Name>,
}

/// `infrastructure.network.ingress`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ingress {
    /// Whether there is a way in.
    pub enabled: bool,
    /// Who opens it.
    pub ingress_class: IngressClass,
    /// Encryption on the way.
    pub tls: Tls,
    /// The routes by name.
    pub routes: BTreeMap<Name, Route>,
}

/// Ingress controllers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IngressClass {
    /// ingress-nginx.
    #[default]
    Nginx,
    /// Traefik.
    Traefik,
    /// AWS load balancers.
    Alb,
    /// Google load balancers.
    Gce,
}

/// `infrastructure.network.ingress.tls`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// Whether traffic is encrypted.
    pub enabled: bool,
    /// Where certificates come from.
    pub provider: TlsProvider,
    /// Who signs them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub issuer: Option<String>,
    /// The lowest version.
    pub min_version: TlsVersion,
}

impl Default for Tls {
    fn default() -> Self {
        Tls {
            enabled: false,
            provider: TlsProvider::default(),
            issuer: None,
            min_version: TlsVersion::from("1.2"),
        }
    }
}

/// Where certificates come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TlsProvider {
    /// cert-manager.
    #[default]
    CertManager,
    /// AWS Certificate Manager.
    Acm,
    /// Somebody puts them there.
    Manual,
}

/// One route.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The host name.
    pub host: DnsName,
    /// The Service behind it.
    pub service: DnsLabel,
    /// The Service's port.
    #[schemars(range(min = 1, max = 65535))]
    pub port: u32,
    /// Who checks the visitor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub auth: Option<String>,
}

/// `infrastructure.network.local_access`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LocalAccess {
    /// Whether services are reachable from the machine.
    pub enabled: bool,
    /// How.
    pub access_type: AccessType,
    /// The port of each service.
    pub ports: LocalPorts,
}

/// How a service is reached from the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AccessType {
    /// A port of the node.
    #[default]
    #[serde(rename = "nodeport")]
    NodePort,
    /// `kubectl port-forward`.
    PortForward,
    /// A load balancer.
    #[serde(rename = "loadbalancer")]
    LoadBalancer,
}

macro_rules! ports {
    ($($(#[$doc:meta])* $name:ident: $port:literal;)*) => {
        /// `infrastructure.network.local_access.ports`: node ports, which Kubernetes keeps between
        /// 30000 and 32767.
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
        #[serde(deny_unknown_fields, default)]
        pub struct LocalPorts {
            $($(#[$doc])* #[schemars(range(min = 30000, max = 32767))] pub $name: u32,)*
        }

        impl Default for LocalPorts {
            fn default() -> Self {
                LocalPorts { $($name: $port,)* }
            }
        }

        impl LocalPorts {
            fn list(&self) -> Vec<(&'static str, u32)> {
                vec![$((stringify!($name), self.$name),)*]
            }
        }
    };
}

ports! {
    /// Dagster's web server.
    dagster: 30000;
    /// Polaris.
    polaris: 30181;
    /// MinIO's console.
    minio_console: 30901;
    /// Jaeger's page.
    jaeger: 30686;
    /// Marquez' page.
    marquez_web: 30301;
    /// Marquez' API.
    marquez_api: 30500;
    /// LocalStack.
    localstack: 30566;
}

impl Network {
    /// What the schema cannot say: zones exist, ports are not given twice.
    pub fn rules(&self, at: &str, problems: &mut Problems) {
        // Besides zones there are these, which every cluster has.
        let mut known: Vec<&str> = self
            .network_policies
            .zones
            .keys()
            .map(Name::as_str)
            .collect();
        known.extend(["ingress", "kube-dns", "internet"]);
        for (name, zone) in &self.network_policies.zones {
            let at = format!("{at}/network_policies/zones/{}", escape(name.as_str()));
            for (field, others) in [
                ("allowed_egress", &zone.allowed_egress),
                ("allowed_ingress", &zone.allowed_ingress),
            ] {
                for (index, other) in others.iter().enumerate() {
                    let other = other.as_str();
                    problems.expect(
                        known.contains(&other),
                        format!("{at}/{field}/{index}"),
                        format!("no zone `{other}`{}", suggest(other, &known)),
                    );
                }
            }
        }
        let mut seen: BTreeMap<u32, &str> = BTreeMap::new();
        for (name, port) in self.local_access.ports.list() {
            if let Some(first) = seen.insert(port, name) {
                let at = format!("{at}/local_access/ports");
                problems.add(at, format!("{first} and {name} both have port {port}"));
            }
        }
    }
}
