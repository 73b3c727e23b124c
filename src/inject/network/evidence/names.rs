//! What a name promises about its value: a host, or nothing, or certainly not a host to call.

/// What a name promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// The value is a host: `DB_HOST`, `--upstream`, `bootstrap.servers`.
    Host,
    /// The name of a Service: `CACHE_SERVICE_NAME`. It may be the pod's own.
    Service,
    /// The value is a host or a kind of thing: `ORDERS_API`, `CACHE_BACKEND`. A name of several words
    /// that a Service has is hardly a kind.
    Perhaps,
    /// The members of a cluster, the caller's own Service most often: `join_members`. Their names are
    /// told from kinds of things as those of [`Promise::Perhaps`] are.
    Members,
    /// The name says nothing; only what looks like an address is one.
    Nothing,
    /// Hosts in it are not called: `NO_PROXY`, `ALLOWED_HOSTS`, `LISTEN_ADDRESS`.
    NoCall,
}

/// Last words of names whose value is a host.
const HOST: [&str; 57] = [
    "addr",
    "address",
    "addresses",
    "addrs",
    "api",
    "authority",
    "backend",
    "bootstrap",
    "broker",
    "brokers",
    "collector",
    "connect",
    "connection",
    "coordinator",
    "datasource",
    "dsn",
    "endpoint",
    "endpoints",
    "fqdn",
    "gateway",
    "host",
    "hostname",
    "hostnames",
    "hostport",
    "hosts",
    "issuer",
    "link",
    "master",
    "node",
    "nodes",
    "origin",
    "peer",
    "peers",
    "primary",
    "proxy",
    "quorum",
    "registry",
    "remote",
    "replica",
    "replicas",
    "seed",
    "seeds",
    "sentinel",
    "sentinels",
    "server",
    "servers",
    "service",
    "services",
    "svc",
    "target",
    "targets",
    "upstream",
    "upstreams",
    "uri",
    "uris",
    "url",
    "urls",
];

/// Last words of names under which programs find the others of their cluster: `--join`,
/// `memberlist.join_members`, `retry_join`.
const MEMBERS: [&str; 2] = ["join", "members"];

/// Words that promise a host only for what is certainly an address: their value is as often a kind
/// of thing (`CACHE_BACKEND=redis`) or a count.
const VAGUE: [&str; 15] = [
    "api",
    "authority",
    "backend",
    "connection",
    "issuer",
    "link",
    "master",
    "node",
    "primary",
    "registry",
    "replica",
    "replicas",
    "seed",
    "service",
    "services",
];

/// Words after which the rest of a name only says in what form the value comes.
const SUFFIX: [&str; 8] = [
    "base", "default", "internal", "list", "local", "string", "template", "value",
];

/// Last words of names whose value is never a host, whatever it looks like: `redis:7` is an image, and
/// `word:123` may be a password.
const NEVER: [&str; 16] = [
    "cert",
    "checksum",
    "credential",
    "credentials",
    "digest",
    "hash",
    "image",
    "images",
    "key",
    "passphrase",
    "passwd",
    "password",
    "secret",
    "tag",
    "token",
    "version",
];

/// Words of names whose hosts are not called: what is listened on, what may call, what is shown.
const NO_CALL: [&str; 16] = [
    "advertise",
    "advertised",
    "allow",
    "allowed",
    "bind",
    "bypass",
    "cors",
    "deny",
    "ignore",
    "listen",
    "listener",
    "listeners",
    "publish",
    "published",
    "trusted",
    "whitelist",
];

/// Words of names that say under which name a pod reports of itself: `OTEL_SERVICE_NAME`.
const TELEMETRY: [&str; 11] = [
    "apm",
    "datadog",
    "dd",
    "elastic",
    "jaeger",
    "log",
    "otel",
    "telemetry",
    "trace",
    "tracing",
    "zipkin",
];

/// Words of names whose hosts, outside the cluster, are the application's own or are only shown.
const PUBLIC: [&str; 33] = [
    "avatar",
    "callback",
    "canonical",
    "copyright",
    "csp",
    "doc",
    "docs",
    "documentation",
    "domain",
    "favicon",
    "frontend",
    "help",
    "homepage",
    "icon",
    "image",
    "images",
    "ingress",
    "login",
    "logo",
    "logout",
    "namespace",
    "origin",
    "public",
    "redirect",
    "root",
    "runbook",
    "schema",
    "site",
    "support",
    "terms",
    "virtual",
    "website",
    "xmlns",
];

/// The words of a name in lower case: cut at everything that is no letter and no digit, and before
/// capital letters inside `camelCase`. Trailing digits are dropped: `HOST2` is a host.
struct Words {
    /// All of them, one behind the other.
    joined: String,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Words {
    fn of(name: &str) -> Words {
        let mut words = Words {
            joined: String::with_capacity(name.len()),
            ends: Vec::with_capacity(8),
        };
        let mut open = false;
        let mut before = b' ';
        let mut bytes = name.bytes().peekable();
        while let Some(byte) = bytes.next() {
            if !byte.is_ascii_alphanumeric() {
                words.end(&mut open);
            } else {
                let next_is_small = bytes.peek().is_some_and(u8::is_ascii_lowercase);
                let starts = byte.is_ascii_uppercase()
                    && (before.is_ascii_lowercase()
                        || (before.is_ascii_uppercase() && next_is_small));
                if starts {
                    words.end(&mut open);
                }
                open = true;
                words.joined.push(char::from(byte.to_ascii_lowercase()));
            }
            before = byte;
        }
        words.end(&mut open);
        words
    }

    /// Ends the word that is open.
    fn end(&mut self, open: &mut bool) {
        if !std::mem::take(open) {
            return;
        }
        let start = self.ends.last().copied().unwrap_or_default();
        let word = self.joined.get(start..).unwrap_or_default();
        let letters = word.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        if letters > 0 {
            self.joined.truncate(start + letters);
        }
        self.ends.push(self.joined.len());
    }

    fn get(&self, number: usize) -> Option<&str> {
        let start = match number {
            0 => 0,
            after => *self.ends.get(after - 1)?,
        };
        self.joined.get(start..*self.ends.get(number)?)
    }

    fn iter(&self) -> impl DoubleEndedIterator<Item = &str> {
        (0..self.ends.len()).filter_map(|number| self.get(number))
    }

    fn any_in(&self, list: &[&str]) -> bool {
        self.iter().any(|word| list.binary_search(&word).is_ok())
    }
}

/// What a name promises. `certain` names promise a host even for a bare word.
pub fn promise(name: &str) -> Promise {
    let words = Words::of(name);
    let pair = |a: &str, b: &str| {
        let mut pairs = words.iter().zip(words.iter().skip(1));
        pairs.any(|two| two == (a, b))
    };
    let last = words.iter().next_back();
    if last.is_some_and(|last| NEVER.binary_search(&last).is_ok()) {
        return Promise::NoCall;
    }
    if words.joined.contains("noproxy") || pair("non", "proxy") || words.any_in(&NO_CALL) {
        return Promise::NoCall;
    }
    // Names that Consul writes into a webhook's certificate: `tlsAutoHosts`.
    if pair("auto", "hosts") {
        return Promise::NoCall;
    }
    let is_suffix = |word: &&str| SUFFIX.binary_search(word).is_ok();
    let telling = words.iter().rev().find(|word| !is_suffix(word));
    // Where all are suffixes the first has to do.
    match telling.or(words.get(0)) {
        Some(last) if MEMBERS.contains(&last) => Promise::Members,
        // Cassandra's drivers.
        Some("point" | "points") if pair("contact", "points") || pair("contact", "point") => {
            Promise::Host
        }
        Some(last) if HOST.binary_search(&last).is_ok() => {
            // `PAYMENT_SERVICE` is one, a bare `SERVICE` may be anything.
            let service = last == "service" && words.ends.len() > 1;
            match VAGUE.binary_search(&last).is_ok() && !service {
                true => Promise::Perhaps,
                false => Promise::Host,
            }
        }
        Some("name") if pair("service", "name") || pair("svc", "name") => {
            match words.any_in(&TELEMETRY) {
                true => Promise::Nothing,
                false => Promise::Service,
            }
        }
        // `zookeeperhost`, `apiurl`: words run together.
        Some(last)
            if [
                "host", "hosts", "url", "uri", "addr", "server", "servers", "endpoint",
            ]
            .iter()
            .any(|end| last.len() > end.len() && last.ends_with(end)) =>
        {
            Promise::Host
        }
        _ => Promise::Nothing,
    }
}

/// Whether a name speaks of an address at all, be it vaguely: enough to believe a URL in a file.
pub fn speaks_of_hosts(name: &str) -> bool {
    let last_is_host = || {
        let words = Words::of(name);
        let last = words.iter().next_back();
        last.is_some_and(|last| HOST.binary_search(&last).is_ok())
    };
    promise(name) == Promise::Host || last_is_host()
}

/// Whether hosts outside the cluster under this name are the application's own public names, or are
/// shown to people, and not called by its pods.
pub fn is_public(name: &str) -> bool {
    let words = Words::of(name);
    // Variables of these prefixes are built into pages and used by browsers.
    matches!(
        words.get(0),
        Some("vite" | "react" | "vue" | "gatsby" | "nuxt")
    ) || words.iter().rev().nth(1) == Some("external")
        || words.any_in(&PUBLIC)
}

/// The port that a service of a well-known sort listens on, by the words of a name: `REDIS_HOST`.
pub fn usual_port(name: &str) -> Option<u16> {
    Words::of(name).iter().find_map(|word| match word {
        "postgres" | "postgresql" | "pg" | "pghost" => Some(5432),
        "mysql" | "mariadb" => Some(3306),
        "redis" | "valkey" => Some(6379),
        "mongo" | "mongodb" => Some(27017),
        "rabbitmq" | "amqp" => Some(5672),
        "kafka" => Some(9092),
        "elasticsearch" | "opensearch" | "elastic" => Some(9200),
        "memcached" | "memcache" => Some(11211),
        "ldap" => Some(389),
        "smtp" | "mail" => Some(587),
        "nats" => Some(4222),
        "clickhouse" => Some(8123),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted_for_the_search() {
        assert!(HOST.is_sorted() && VAGUE.is_sorted() && SUFFIX.is_sorted());
        assert!(
            TELEMETRY.is_sorted() && NEVER.is_sorted() && NO_CALL.is_sorted() && PUBLIC.is_sorted()
        );
    }

    #[test]
    fn names_are_cut_into_words() {
        for (name, expected) in [
            ("DB_HOST", vec!["db", "host"]),
            ("spring.redis.host", vec!["spring", "redis", "host"]),
            ("redisHost", vec!["redis", "host"]),
            ("apiURL", vec!["api", "url"]),
            ("URLPrefix", vec!["url", "prefix"]),
            ("KAFKA_HOST2", vec!["kafka", "host"]),
            ("--kafka-brokers", vec!["kafka", "brokers"]),
        ] {
            assert_eq!(
                Words::of(name).iter().collect::<Vec<_>>(),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn names_promise_hosts_or_not() {
        use Promise::{Host, Members, NoCall, Nothing, Perhaps, Service};
        for (name, expected) in [
            ("DB_HOST", Host),
            ("REDIS_LEADER_ADDR", Host),
            ("API_URL", Host),
            ("KAFKA_BOOTSTRAP_SERVERS", Host),
            ("hazelcast.cluster.members", Members),
            ("join_members", Members),
            ("-memberlist.join", Members),
            ("--join", Members),
            ("retry_join", Members),
            ("CASSANDRA_CONTACT_POINTS", Host),
            ("contactPoint", Host),
            ("MOUNT_POINT", Nothing),
            ("--cart_svc", Host),
            ("--upstream", Host),
            ("-connect", Host),
            ("ES_HOSTS_LIST", Host),
            ("zookeeperhost", Host),
            ("PAYMENT_SERVICE", Host),
            ("SERVICE", Perhaps),
            ("CACHE_BACKEND", Perhaps),
            ("ORDERS_API", Perhaps),
            ("CACHE_SERVICE_NAME", Service),
            ("serviceName", Service),
            ("--publish-service", NoCall),
            ("MODE", Nothing),
            ("OTEL_SERVICE_NAME", Nothing),
            ("DB_NAME", Nothing),
            ("LOG_LEVEL", Nothing),
            ("PROXY_IMAGE", NoCall),
            ("DB_PASSWORD", NoCall),
            ("NO_PROXY", NoCall),
            ("no_proxy", NoCall),
            ("nonProxyHosts", NoCall),
            ("tlsAutoHosts", NoCall),
            ("ALLOWED_HOSTS", NoCall),
            ("LISTEN_ADDRESS", NoCall),
            ("KAFKA_ADVERTISED_LISTENERS", NoCall),
        ] {
            assert_eq!(promise(name), expected, "{name}");
        }
    }

    #[test]
    fn public_names_are_not_called() {
        for (name, expected) in [
            ("PUBLIC_URL", true),
            ("NEXT_PUBLIC_API_URL", true),
            ("VITE_API_URL", true),
            ("OAUTH_REDIRECT_URI", true),
            ("EXTERNAL_URL", true),
            ("EXTERNAL_DB_HOST", false),
            ("STRIPE_API_URL", false),
            ("DATABASE_URL", false),
        ] {
            assert_eq!(is_public(name), expected, "{name}");
        }
    }
}
