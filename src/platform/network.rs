//! `hardening.network` of platform.yaml: which NetworkPolicies a release gets, and what the
//! manifests cannot know about the cluster.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::policy::exceptions::Pattern;

/// `hardening.network`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// Which policies releases get; `--network-policies` overrides it.
    pub mode: Mode,
    /// The ingress controller.
    pub ingress: Vec<PeerSide>,
    /// Prometheus.
    pub prometheus: Vec<PeerSide>,
    /// Where names are resolved.
    pub dns: Dns,
    /// Where the API server is.
    pub api_server: ApiServer,
    /// The nodes' addresses, from which pods on the node's own network call.
    pub nodes: Vec<Cidr>,
    /// Addresses that are no hosts outside.
    pub private_ranges: Vec<Cidr>,
    /// Namespaces that belong together, by name, for `peers`.
    pub zones: BTreeMap<String, Vec<String>>,
    /// Whom workloads may call, or be called by, besides what the manifests show.
    pub peers: Vec<ExtraPeer>,
    /// Calls inside a release that its manifests cannot show.
    pub calls: Vec<Call>,
    /// What to do for pods that a chart's own NetworkPolicies select.
    pub chart_policies: ChartPolicies,
}

impl Default for Network {
    fn default() -> Network {
        Network {
            mode: Mode::default(),
            ingress: vec![PeerSide::in_namespace("ingress-nginx")],
            prometheus: vec![PeerSide::in_namespace("monitoring")],
            dns: Dns::default(),
            api_server: ApiServer::default(),
            nodes: Vec::new(),
            private_ranges: ranges(&PRIVATE),
            zones: BTreeMap::new(),
            peers: Vec::new(),
            calls: Vec::new(),
            chart_policies: ChartPolicies::default(),
        }
    }
}

/// Addresses that are not the internet: RFC 1918, RFC 6598 (carriers, and pods of some clouds),
/// link-local and loopback; for IPv6 unique local and link-local.
const PRIVATE: [&str; 8] = [
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "fc00::/7",
    "fe80::/10",
];

/// Where API servers are as pods see them: private addresses, unless the platform knows better.
const API_SERVERS: [&str; 5] = [
    "10.0.0.0/8",
    "100.64.0.0/10",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "fc00::/7",
];

fn ranges(texts: &[&str]) -> Vec<Cidr> {
    texts.iter().filter_map(|text| Cidr::parse(text)).collect()
}

/// Which policies a release gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Default deny, and what the manifests show to be needed.
    #[default]
    Derive,
    /// Closed to other releases, open inside.
    Isolate,
    /// None.
    Off,
}

/// What to do for pods that a chart's own NetworkPolicies select.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChartPolicies {
    /// Leave them to the chart, for the directions its policies cover.
    #[default]
    Keep,
    /// Add ours beside them; what either allows is allowed.
    Extend,
    /// Add ours beside them, and take out their rules that let everyone in or out.
    Narrow,
}

/// Pods of other releases.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Pods {
    /// The namespace's name; every namespace without.
    pub namespace: Option<String>,
    /// Labels of the namespace.
    pub namespace_labels: BTreeMap<String, String>,
    /// Labels of the pods; every pod without.
    pub pods: BTreeMap<String, String>,
}

/// `hardening.network.dns`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Dns {
    /// The DNS servers' pods.
    pub pods: Vec<Pods>,
    /// Addresses of caches on the node itself (NodeLocal DNSCache).
    pub addresses: Vec<Cidr>,
    /// The pods' port, UDP and TCP.
    pub port: u16,
}

impl Default for Dns {
    fn default() -> Dns {
        let label = ("k8s-app".to_owned(), "kube-dns".to_owned());
        Dns {
            pods: vec![Pods {
                namespace: Some("kube-system".to_owned()),
                pods: BTreeMap::from([label]),
                ..Pods::default()
            }],
            addresses: ranges(&["169.254.20.10/32"]),
            port: 53,
        }
    }
}

/// `hardening.network.api_server`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ApiServer {
    /// Its addresses behind the `kubernetes` Service, and those it calls webhooks from.
    pub cidrs: Vec<Cidr>,
    /// Its ports.
    pub ports: Vec<u16>,
}

impl Default for ApiServer {
    fn default() -> ApiServer {
        ApiServer {
            cidrs: ranges(&API_SERVERS),
            ports: vec![443, 6443],
        }
    }
}

/// Workloads of a release, by what they are called. Fields that are absent match everything.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Workloads {
    /// Kind.
    pub kind: Option<String>,
    /// Name, as a glob.
    pub name: Option<Pattern>,
    /// Namespace, as a glob.
    pub namespace: Option<Pattern>,
}

/// A peer of some workloads.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtraPeer {
    /// Whose peer it is.
    #[serde(default)]
    pub workloads: Workloads,
    /// Whom they may call.
    #[serde(default)]
    pub to: Option<PeerSide>,
    /// Who may call them.
    #[serde(default)]
    pub from: Option<PeerSide>,
    /// On which ports; on all without.
    #[serde(default)]
    pub ports: Vec<PortSpec>,
    /// Why; shown where the call is explained.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Somebody outside of the release: exactly one of `zone`, `cidr` and the fields of [`Pods`].
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PeerSide {
    /// All pods of the zone's namespaces.
    pub zone: Option<String>,
    /// Addresses.
    pub cidr: Option<Cidr>,
    /// A namespace's name.
    pub namespace: Option<String>,
    /// Labels of a namespace.
    pub namespace_labels: BTreeMap<String, String>,
    /// Labels of pods.
    pub pods: BTreeMap<String, String>,
}

impl PeerSide {
    fn in_namespace(name: &str) -> PeerSide {
        PeerSide {
            namespace: Some(name.to_owned()),
            ..PeerSide::default()
        }
    }
}

/// A port: a number, or a number with its protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortSpec {
    /// The number.
    pub port: u16,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
}

/// A call from one workload of a release to another, or to a host outside.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// Who calls.
    pub from: Workloads,
    /// The host as a program would name it: a Service, or a name outside.
    pub to: String,
    /// The port; all of the Service's without.
    #[serde(default)]
    pub port: Option<u16>,
    /// Why; shown where the call is explained.
    #[serde(default)]
    pub reason: Option<String>,
}

/// A range of addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cidr {
    text: String,
    v6: bool,
}

impl Cidr {
    /// Reads `10.0.0.0/8`.
    pub fn parse(text: &str) -> Option<Cidr> {
        let (address, length) = text.split_once('/')?;
        let address: IpAddr = address.parse().ok()?;
        let length: u8 = length.parse().ok()?;
        let v6 = address.is_ipv6();
        (length <= if v6 { 128 } else { 32 }).then(|| Cidr {
            text: text.to_owned(),
            v6,
        })
    }

    /// Whether no address is outside of it.
    pub fn is_everything(&self) -> bool {
        self.text.ends_with("/0")
    }

    /// Whether it is of IPv6.
    pub fn is_v6(&self) -> bool {
        self.v6
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl JsonSchema for Cidr {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Cidr".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "minLength": 1})
    }
}

impl<'de> Deserialize<'de> for Cidr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Cidr, D::Error> {
        let text = String::deserialize(deserializer)?;
        Cidr::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "`{text}` is no range of addresses such as 10.0.0.0/8"
            ))
        })
    }
}

impl JsonSchema for PortSpec {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PortSpec".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "integer"]})
    }
}

impl<'de> Deserialize<'de> for PortSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PortSpec, D::Error> {
        let wrong = || serde::de::Error::custom("must be a port such as 443, or `8125/UDP`");
        let value = serde_json::Value::deserialize(deserializer)?;
        let text = match &value {
            serde_json::Value::Number(number) => number.to_string(),
            serde_json::Value::String(text) => text.clone(),
            _ => return Err(wrong()),
        };
        let (port, protocol) = text.split_once('/').unwrap_or((&text, "TCP"));
        let port = port.parse().ok().filter(|port| *port > 0);
        let known = ["TCP", "UDP", "SCTP"].contains(&protocol);
        Ok(PortSpec {
            port: port.filter(|_| known).ok_or_else(wrong)?,
            protocol: protocol.to_owned(),
        })
    }
}

impl Workloads {
    /// Whether a workload is among them.
    pub fn matches(&self, kind: &str, name: &str, namespace: &str) -> bool {
        self.kind.as_ref().is_none_or(|own| own == kind)
            && self.name.as_ref().is_none_or(|own| own.matches(name))
            && self
                .namespace
                .as_ref()
                .is_none_or(|own| own.matches(namespace))
    }
}

impl Network {
    /// What the types cannot say: zones that are named exist, a peer has one side.
    ///
    /// # Errors
    /// The pointer, from the block, of the first mistake, and the reason.
    pub fn validate(&self) -> Result<(), (String, String)> {
        for (index, peer) in self.peers.iter().enumerate() {
            let at = |rest: &str| format!("/peers/{index}{rest}");
            let (side, name) = match (&peer.to, &peer.from) {
                (Some(side), None) => (side, "to"),
                (None, Some(side)) => (side, "from"),
                _ => return Err((at(""), "give either `to` or `from`".into())),
            };
            self.validate_side(side)
                .map_err(|reason| (at(&format!("/{name}")), reason))?;
        }
        for (index, range) in self.private_ranges.iter().enumerate() {
            if range.is_everything() {
                let reason = "this is every address".to_owned();
                return Err((format!("/private_ranges/{index}"), reason));
            }
        }
        for (name, sides) in [("ingress", &self.ingress), ("prometheus", &self.prometheus)] {
            for (index, side) in sides.iter().enumerate() {
                self.validate_side(side)
                    .and_then(|()| named(side))
                    .map_err(|reason| (format!("/{name}/{index}"), reason))?;
            }
        }
        Ok(())
    }

    fn validate_side(&self, side: &PeerSide) -> Result<(), String> {
        let pods =
            side.namespace.is_some() || !side.namespace_labels.is_empty() || !side.pods.is_empty();
        let given = [side.zone.is_some(), side.cidr.is_some(), pods];
        if given.iter().filter(|given| **given).count() != 1 {
            return Err("give a `zone`, a `cidr`, or a `namespace` with or without `pods`".into());
        }
        match &side.zone {
            Some(zone) if !self.zones.contains_key(zone) => {
                let known: Vec<&str> = self.zones.keys().map(String::as_str).collect();
                Err(format!("no zone `{zone}`: there are {}", known.join(", ")))
            }
            _ => Ok(()),
        }
    }
}

/// A controller's pods are in a namespace of their own, not in that of whichever release.
fn named(side: &PeerSide) -> Result<(), String> {
    let anywhere = side.namespace.is_none() && side.namespace_labels.is_empty();
    match anywhere && !side.pods.is_empty() {
        true => Err("give the `namespace`, or `namespace_labels`".into()),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Network, String> {
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        let network: Network = serde_json::from_value(value).map_err(|e| e.to_string())?;
        network
            .validate()
            .map_err(|(at, reason)| format!("{at}: {reason}"))?;
        Ok(network)
    }

    #[test]
    fn defaults_hold_where_nothing_is_said() {
        let network = read(r#"{"dns": {"port": 5353}}"#).unwrap();
        assert_eq!(network.mode, Mode::Derive);
        assert_eq!(network.dns.port, 5353);
        assert_eq!(network.dns.pods.len(), 1);
        assert_eq!(network.private_ranges.len(), PRIVATE.len());
        assert_eq!(network.api_server.cidrs.len(), API_SERVERS.len());
    }

    #[test]
    fn mistakes_are_named() {
        for (text, expected) in [
            (r#"{"mode": "open"}"#, "unknown variant `open`"),
            (r#"{"zone": {}}"#, "unknown field `zone`"),
            (
                r#"{"private_ranges": ["10.0.0.0"]}"#,
                "`10.0.0.0` is no range",
            ),
            (
                r#"{"private_ranges": ["10.0.0.0/33"]}"#,
                "`10.0.0.0/33` is no range",
            ),
            (
                r#"{"private_ranges": ["::/0"]}"#,
                "/private_ranges/0: this is every address",
            ),
            (r#"{"peers": [{}]}"#, "/peers/0: give either `to` or `from`"),
            (r#"{"peers": [{"to": {}}]}"#, "/peers/0/to: give a `zone`"),
            (
                r#"{"peers": [{"to": {"zone": "data"}}], "zones": {"apps": []}}"#,
                "/peers/0/to: no zone `data`: there are apps",
            ),
            (
                r#"{"peers": [{"to": {"cidr": "10.0.0.0/8"}, "ports": ["x"]}]}"#,
                "must be a port",
            ),
            (
                r#"{"ingress": [{}]}"#,
                "/ingress/0: give a `zone`, a `cidr`",
            ),
            (
                r#"{"ingress": [{"pods": {"app": "nginx"}}]}"#,
                "/ingress/0: give the `namespace`",
            ),
            (
                r#"{"prometheus": [{"cidr": "10.0.0.0/8", "namespace": "x"}]}"#,
                "/prometheus/0: give a `zone`, a `cidr`",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
