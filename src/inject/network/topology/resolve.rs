//! What a host name means inside the cluster.

use foldhash::{HashMap, HashSet};

use super::Service;
use crate::inject::network::evidence::Mention;
use crate::inject::network::evidence::hosts;

/// What a host name leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A Service of the release, by its place.
    Service(usize),
    /// A Service of another release, in this namespace.
    Namespace(String),
    /// The API server, by its Service `kubernetes.default`.
    ApiServer,
    /// A Service that the release does not have, in a namespace it has.
    Unknown,
    /// A host outside the cluster.
    Outside(String),
    /// An address.
    Address(String),
    /// Nothing that can be called, or nothing that is known.
    Nothing,
}

/// Stands for the namespace of the release where nobody says its name.
pub const OWN_NAMESPACE: &str = "own-namespace";

/// Knows the names of a release.
pub struct Resolver<'a> {
    services: HashMap<(&'a str, &'a str), usize>,
    namespaces: HashSet<&'a str>,
    public: HashSet<String>,
}

impl<'a> Resolver<'a> {
    /// Knows these Services and namespaces, and the host names under which the release is public.
    pub fn new(
        services: &'a [Service],
        namespaces: impl Iterator<Item = &'a str>,
        public: &[String],
    ) -> Resolver<'a> {
        let by_name = services.iter().enumerate().map(|(number, service)| {
            let key = (&*service.namespace, &*service.object.name);
            (key, number)
        });
        Resolver {
            services: by_name.collect(),
            namespaces: namespaces.collect(),
            public: public
                .iter()
                .map(|name| name.to_ascii_lowercase())
                .collect(),
        }
    }

    /// The Service of that name in a namespace.
    pub fn service(&self, namespace: &str, name: &str) -> Option<usize> {
        self.services.get(&(namespace, name)).copied()
    }

    /// What a pod in namespace `from` reaches under the mentioned name.
    pub fn resolve(&self, from: &str, mention: &Mention) -> Target {
        if hosts::address(&mention.host).is_some() {
            return match mention.outside {
                true => Target::Address(mention.host.clone()),
                false => Target::Nothing,
            };
        }
        let labels = mention.host.split('.');
        let labels: Vec<&str> = labels
            .map(|label| if label == OWN_NAMESPACE { from } else { label })
            .collect();
        let found = match labels.as_slice() {
            [name] => self.service(from, name),
            [name, namespace] => self
                .service(namespace, name)
                .or_else(|| self.service(from, namespace)),
            [name, namespace, "svc", ..] => self.service(namespace, name),
            [_, name, namespace, "svc", ..] => self.service(namespace, name),
            [_, name, namespace] => self.service(namespace, name),
            _ => None,
        };
        match (found, labels.as_slice()) {
            (Some(service), _) => Target::Service(service),
            (None, [_]) => Target::Unknown,
            (None, ["kubernetes", "default", ..]) => Target::ApiServer,
            // The DNS rule allows it.
            (None, ["kube-dns" | "coredns", "kube-system", ..]) => Target::Nothing,
            // The suffix of a namespace's names.
            (None, [_, "svc", ..]) => Target::Nothing,
            (None, [_, namespace, "svc", ..] | [_, _, namespace, "svc", ..]) => {
                self.elsewhere(namespace)
            }
            (None, labels) => self.outside(labels, mention),
        }
    }

    /// A Service that the release does not hold. In one of its own namespaces there is none; in
    /// another there may be.
    fn elsewhere(&self, namespace: &str) -> Target {
        match self.namespaces.contains(namespace) {
            true => Target::Unknown,
            false => Target::Namespace(namespace.to_owned()),
        }
    }

    fn outside(&self, labels: &[&str], mention: &Mention) -> Target {
        let last = labels.last().copied().unwrap_or_default();
        // `nothing.shop`, where the release has a namespace `shop`.
        if labels.len() == 2 && self.namespaces.contains(last) {
            return Target::Unknown;
        }
        let public = self.public.contains(&mention.host);
        let file = mention.bare && is_file_ending(last);
        let setting = mention.bare && !mention.explicit && is_setting_ending(last);
        if !mention.outside || public || file || setting || !is_top_level(last) {
            return Target::Nothing;
        }
        if let [_, last] = labels {
            // `kafka.infra` is a Service in a namespace, `example.com` is a host.
            if !is_known_top_level(last) {
                return match mention.explicit && !mention.bare && !is_file_ending(last) {
                    true => Target::Namespace((*last).to_owned()),
                    false => Target::Nothing,
                };
            }
        }
        Target::Outside(mention.host.clone())
    }
}

/// Whether a label may be a top-level domain at all.
fn is_top_level(label: &str) -> bool {
    label.starts_with("xn--")
        || (label.len() >= 2 && label.bytes().all(|b| b.is_ascii_alphabetic()))
}

/// Whether a label is a top-level domain that names of two labels commonly end in; country codes
/// have two letters.
fn is_known_top_level(label: &str) -> bool {
    const KNOWN: [&str; 22] = [
        "app", "biz", "cloud", "com", "dev", "edu", "gov", "info", "int", "internal", "lan",
        "local", "mil", "name", "net", "online", "org", "site", "store", "systems", "tech", "xyz",
    ];
    (label.len() == 2 && !is_file_ending(label)) || KNOWN.binary_search(&label).is_ok()
}

/// Whether a name that ends so is rather a setting's, `db.default.host`, than a host's.
fn is_setting_ending(label: &str) -> bool {
    matches!(
        label,
        "addr" | "address" | "endpoint" | "host" | "hostname" | "hosts" | "port" | "uri" | "url"
    )
}

/// Whether `name.label` is more likely a file.
fn is_file_ending(label: &str) -> bool {
    const ENDINGS: [&str; 29] = [
        "cfg",
        "conf",
        "crt",
        "css",
        "csv",
        "go",
        "gz",
        "html",
        "ini",
        "jar",
        "js",
        "json",
        "key",
        "lock",
        "log",
        "md",
        "pem",
        "php",
        "pid",
        "properties",
        "py",
        "sh",
        "so",
        "tgz",
        "ts",
        "txt",
        "yaml",
        "yml",
        "zip",
    ];
    ENDINGS.binary_search(&label).is_ok()
}

#[cfg(test)]
mod tests {
    use super::super::{Leads, Named, ObjectRef};
    use super::*;

    fn service(namespace: &str, name: &str) -> Service {
        Service {
            object: ObjectRef::from(Named {
                name: name.into(),
                ..Named::default()
            }),
            namespace: namespace.into(),
            workloads: Vec::new(),
            selector: Default::default(),
            leads: Leads::Pods,
            ports: [].into(),
        }
    }

    #[test]
    fn lists_are_sorted_for_the_search() {
        assert!(
            is_known_top_level("com") && is_known_top_level("xyz") && is_known_top_level("app")
        );
        assert!(is_file_ending("cfg") && is_file_ending("yml") && is_file_ending("py"));
    }

    #[test]
    fn names_of_settings_are_no_hosts() {
        let resolver = Resolver::new(&[], [].into_iter(), &[]);
        for (host, bare, explicit, expected) in [
            ("hub.db.url", true, false, Target::Nothing),
            ("self.environment.host", true, false, Target::Nothing),
            (
                "api.my.host",
                true,
                true,
                Target::Outside("api.my.host".into()),
            ),
            (
                "api.my.host",
                false,
                false,
                Target::Outside("api.my.host".into()),
            ),
        ] {
            let mention = Mention {
                host: host.into(),
                port: explicit.then_some(443),
                explicit,
                usual: None,
                bare,
                own: false,
                certain: true,
                outside: true,
                line: 0,
            };
            assert_eq!(resolver.resolve("a", &mention), expected, "{host}");
        }
    }

    #[test]
    fn names_lead_to_services_namespaces_or_outside() {
        let services = [
            service("a", "api"),
            service("b", "api"),
            service("a", "kafka"),
        ];
        let public = ["shop.example.com".to_owned()];
        let resolver = Resolver::new(&services, ["a", "b"].into_iter(), &public);
        let outside = |name: &str| Target::Outside(name.into());
        for (host, expected) in [
            ("api", Target::Service(0)),
            ("api.b", Target::Service(1)),
            ("api.b.svc", Target::Service(1)),
            ("api.b.svc.cluster.local", Target::Service(1)),
            ("kafka-0.kafka", Target::Service(2)),
            ("kafka-0.kafka.a", Target::Service(2)),
            ("kafka-0.kafka.a.svc", Target::Service(2)),
            ("kafka-0.kafka.a.svc.cluster.local", Target::Service(2)),
            ("nothing", Target::Unknown),
            ("nothing.b", Target::Unknown),
            ("nothing.b.svc", Target::Unknown),
            ("kubernetes.default.svc", Target::ApiServer),
            ("kube-dns.kube-system.svc.cluster.local", Target::Nothing),
            ("fn.svc.cluster.local", Target::Nothing),
            ("kafka.infra", Target::Namespace("infra".into())),
            ("kafka.infra.svc", Target::Namespace("infra".into())),
            (
                "kafka-0.kafka.infra.svc.cluster.local",
                Target::Namespace("infra".into()),
            ),
            ("example.com", outside("example.com")),
            (
                "db.abc.eu-west-1.rds.amazonaws.com",
                outside("db.abc.eu-west-1.rds.amazonaws.com"),
            ),
            ("shop.example.com", Target::Nothing),
            ("main.py", Target::Nothing),
            ("203.0.113.9", Target::Address("203.0.113.9".into())),
        ] {
            let mention = Mention {
                host: host.into(),
                port: Some(80),
                explicit: true,
                usual: None,
                bare: false,
                own: false,
                certain: true,
                outside: true,
                line: 0,
            };
            assert_eq!(resolver.resolve("a", &mention), expected, "{host}");
        }
    }
}
