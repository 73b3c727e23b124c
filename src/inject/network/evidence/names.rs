//! What a name promises about its value: a host, or nothing, or certainly not a host to call.

use std::sync::LazyLock;

use foldhash::HashMap;

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

/// What a word says about the name it stands in; some say several things.
#[derive(Clone, Copy, Debug, Default)]
struct Said(u8);

impl Said {
    const HOST: Said = Said(1);
    const VAGUE: Said = Said(1 << 1);
    const SUFFIX: Said = Said(1 << 2);
    const NEVER: Said = Said(1 << 3);
    const NO_CALL: Said = Said(1 << 4);
    const TELEMETRY: Said = Said(1 << 5);
    const PUBLIC: Said = Said(1 << 6);

    fn has(self, other: Said) -> bool {
        self.0 & other.0 != 0
    }
}

/// The words of all lists, so that each word of a name is looked up once.
static SAID: LazyLock<HashMap<&'static str, Said>> = LazyLock::new(|| {
    let lists: [(Said, &[&'static str]); 7] = [
        (Said::HOST, &HOST),
        (Said::VAGUE, &VAGUE),
        (Said::SUFFIX, &SUFFIX),
        (Said::NEVER, &NEVER),
        (Said::NO_CALL, &NO_CALL),
        (Said::TELEMETRY, &TELEMETRY),
        (Said::PUBLIC, &PUBLIC),
    ];
    let mut words: HashMap<&str, Said> = HashMap::default();
    for (said, list) in lists {
        for word in list {
            words.entry(word).or_default().0 |= said.0;
        }
    }
    words
});

/// The words of a name in lower case: cut at everything that is no letter and no digit, and before
/// capital letters inside `camelCase`. Trailing digits are dropped: `HOST2` is a host.
struct Words {
    /// The name in lower case.
    lower: String,
    list: Vec<Word>,
}

/// A word of a name.
#[derive(Clone, Copy)]
struct Word {
    /// Where it starts and ends in the name.
    start: usize,
    end: usize,
    said: Said,
}

impl Words {
    fn of(name: &str) -> Words {
        let mut words = Words {
            lower: name.to_ascii_lowercase(),
            list: Vec::with_capacity(8),
        };
        let bytes = name.as_bytes();
        let mut start = None;
        let mut before = b' ';
        for (at, byte) in bytes.iter().copied().enumerate() {
            if !byte.is_ascii_alphanumeric() {
                words.push(start.take(), at);
            } else {
                let next_is_small = || bytes.get(at + 1).is_some_and(u8::is_ascii_lowercase);
                let starts = byte.is_ascii_uppercase()
                    && (before.is_ascii_lowercase()
                        || (before.is_ascii_uppercase() && next_is_small()));
                if starts {
                    words.push(start.take(), at);
                }
                start = start.or(Some(at));
            }
            before = byte;
        }
        words.push(start, bytes.len());
        words
    }

    /// Adds the word from `start`, where one is open.
    fn push(&mut self, start: Option<usize>, end: usize) {
        let Some(start) = start else {
            return;
        };
        let word = self.lower.get(start..end).unwrap_or_default();
        let letters = word.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let end = match letters {
            0 => end,
            letters => start + letters,
        };
        let word = word.get(..end - start).unwrap_or_default();
        self.list.push(Word {
            start,
            end,
            said: SAID.get(word).copied().unwrap_or_default(),
        });
    }

    fn text(&self, word: &Word) -> &str {
        self.lower.get(word.start..word.end).unwrap_or_default()
    }

    fn iter(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.list.iter().map(|word| self.text(word))
    }

    fn any(&self, said: Said) -> bool {
        self.list.iter().any(|word| word.said.has(said))
    }

    /// Whether two words follow each other.
    fn pair(&self, first: &str, second: &str) -> bool {
        let mut pairs = self.list.windows(2);
        pairs.any(|pair| {
            let mut words = pair.iter().map(|word| self.text(word));
            words.next() == Some(first) && words.next() == Some(second)
        })
    }

    /// Whether the words, one behind the other, hold a text.
    fn joined_hold(&self, text: &str, rare: u8) -> bool {
        let may = memchr::memchr(rare, self.lower.as_bytes()).is_some();
        may && self.iter().collect::<String>().contains(text)
    }
}

/// What a name promises. `certain` names promise a host even for a bare word.
pub fn promise(name: &str) -> Promise {
    let words = Words::of(name);
    let last = words.list.last();
    if last.is_some_and(|last| last.said.has(Said::NEVER)) {
        return Promise::NoCall;
    }
    let no_proxy = || words.joined_hold("noproxy", b'x') || words.pair("non", "proxy");
    if words.any(Said::NO_CALL) || no_proxy() {
        return Promise::NoCall;
    }
    // Names that Consul writes into a webhook's certificate: `tlsAutoHosts`.
    if words.pair("auto", "hosts") {
        return Promise::NoCall;
    }
    let mut backwards = words.list.iter().rev();
    let telling = backwards.find(|word| !word.said.has(Said::SUFFIX));
    // Where all are suffixes the first has to do.
    let Some(last) = telling.or(words.list.first()) else {
        return Promise::Nothing;
    };
    let (text, said) = (words.text(last), last.said);
    if MEMBERS.contains(&text) {
        return Promise::Members;
    }
    // Cassandra's drivers.
    let is_point = matches!(text, "point" | "points");
    if is_point && (words.pair("contact", "point") || words.pair("contact", "points")) {
        return Promise::Host;
    }
    if said.has(Said::HOST) {
        // `PAYMENT_SERVICE` is one, a bare `SERVICE` may be anything.
        let service = text == "service" && words.list.len() > 1;
        return match said.has(Said::VAGUE) && !service {
            true => Promise::Perhaps,
            false => Promise::Host,
        };
    }
    if text == "name" && (words.pair("service", "name") || words.pair("svc", "name")) {
        return match words.any(Said::TELEMETRY) {
            true => Promise::Nothing,
            false => Promise::Service,
        };
    }
    // `zookeeperhost`, `apiurl`: words run together.
    let ends = [
        "host", "hosts", "url", "uri", "addr", "server", "servers", "endpoint",
    ];
    let ends_in = |end: &&str| text.len() > end.len() && text.ends_with(*end);
    match ends.iter().any(ends_in) {
        true => Promise::Host,
        false => Promise::Nothing,
    }
}

/// Whether a name speaks of an address at all, be it vaguely: enough to believe a URL in a file.
pub fn speaks_of_hosts(name: &str) -> bool {
    let last_is_host = || {
        let words = Words::of(name);
        let last = words.list.last();
        last.is_some_and(|last| last.said.has(Said::HOST))
    };
    promise(name) == Promise::Host || last_is_host()
}

/// Whether hosts outside the cluster under this name are the application's own public names, or are
/// shown to people, and not called by its pods.
pub fn is_public(name: &str) -> bool {
    let words = Words::of(name);
    // Variables of these prefixes are built into pages and used by browsers.
    let first = words.iter().next();
    matches!(first, Some("vite" | "react" | "vue" | "gatsby" | "nuxt"))
        || words.iter().rev().nth(1) == Some("external")
        || words.any(Said::PUBLIC)
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
    fn names_are_cut_into_words() {
        for (name, expected) in [
            ("DB_HOST", vec!["db", "host"]),
            ("spring.redis.host", vec!["spring", "redis", "host"]),
            ("redisHost", vec!["redis", "host"]),
            ("apiURL", vec!["api", "url"]),
            ("URLPrefix", vec!["url", "prefix"]),
            ("KAFKA_HOST2", vec!["kafka", "host"]),
            ("--kafka-brokers", vec!["kafka", "brokers"]),
            ("éHostÉ42x-7", vec!["host", "42x", "7"]),
            ("", vec![]),
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
            ("NO2_PROXY", NoCall),
            ("DB_TEMPLATE", Nothing),
            ("SERVICE_NAME_TEMPLATE", Service),
            ("BASE_STRING", Nothing),
            ("", Nothing),
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
