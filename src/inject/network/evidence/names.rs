//! What a name promises about its value: a host, or nothing, or certainly not a host to call.

/// What a name promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// The value is a host: `DB_HOST`, `--upstream`, `bootstrap.servers`.
    Host,
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
const NO_CALL: [&str; 14] = [
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
    "trusted",
    "whitelist",
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
pub fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut open = false;
    let mut before = ' ';
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        if !c.is_ascii_alphanumeric() {
            open = false;
        } else {
            let next_is_small = chars.peek().is_some_and(char::is_ascii_lowercase);
            let starts = c.is_ascii_uppercase()
                && (before.is_ascii_lowercase() || (before.is_ascii_uppercase() && next_is_small));
            if !open || starts {
                words.push(String::new());
                open = true;
            }
            if let Some(word) = words.last_mut() {
                word.push(c.to_ascii_lowercase());
            }
        }
        before = c;
    }
    for word in &mut words {
        let letters = word.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        if letters > 0 {
            word.truncate(letters);
        }
    }
    words
}

/// What a name promises. `certain` names promise a host even for a bare word.
pub fn promise(name: &str) -> Promise {
    let words = words(name);
    let has = |list: &[&str]| {
        words
            .iter()
            .any(|word| list.binary_search(&word.as_str()).is_ok())
    };
    let pair = |a: &str, b: &str| {
        words
            .windows(2)
            .any(|two| matches!(two, [x, y] if x == a && y == b))
    };
    let joined = words.concat();
    let last = words.last().map(String::as_str);
    if last.is_some_and(|last| NEVER.binary_search(&last).is_ok()) {
        return Promise::NoCall;
    }
    if pair("no", "proxy") || pair("non", "proxy") || joined.contains("noproxy") || has(&NO_CALL) {
        return Promise::NoCall;
    }
    let mut rest = words.as_slice();
    while let Some((last, before)) = rest.split_last() {
        if before.is_empty() || SUFFIX.binary_search(&last.as_str()).is_err() {
            break;
        }
        rest = before;
    }
    match rest.last().map(String::as_str) {
        Some(last) if HOST.binary_search(&last).is_ok() => {
            // `PAYMENT_SERVICE` is one, a bare `SERVICE` may be anything.
            let service = last == "service" && words.len() > 1;
            match VAGUE.binary_search(&last).is_ok() && !service {
                true => Promise::Nothing,
                false => Promise::Host,
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
    promise(name) == Promise::Host
        || words(name)
            .last()
            .is_some_and(|last| HOST.binary_search(&last.as_str()).is_ok())
}

/// Whether hosts outside the cluster under this name are the application's own public names, or are
/// shown to people, and not called by its pods.
pub fn is_public(name: &str) -> bool {
    let words = words(name);
    let first = words.first().map(String::as_str);
    // Variables of these prefixes are built into pages and used by browsers.
    matches!(first, Some("vite" | "react" | "vue" | "gatsby" | "nuxt"))
        || matches!(words.as_slice(), [.., before, _] if before == "external")
        || words
            .iter()
            .any(|word| PUBLIC.binary_search(&word.as_str()).is_ok())
}

/// The port that a service of a well-known sort listens on, by the words of a name: `REDIS_HOST`.
pub fn usual_port(name: &str) -> Option<u16> {
    words(name).iter().find_map(|word| match word.as_str() {
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
        assert!(NEVER.is_sorted() && NO_CALL.is_sorted() && PUBLIC.is_sorted());
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
            assert_eq!(words(name), expected, "{name}");
        }
    }

    #[test]
    fn names_promise_hosts_or_not() {
        use Promise::{Host, NoCall, Nothing};
        for (name, expected) in [
            ("DB_HOST", Host),
            ("REDIS_LEADER_ADDR", Host),
            ("API_URL", Host),
            ("KAFKA_BOOTSTRAP_SERVERS", Host),
            ("hazelcast.cluster.members", Nothing),
            ("--cart_svc", Host),
            ("--upstream", Host),
            ("-connect", Host),
            ("ES_HOSTS_LIST", Host),
            ("zookeeperhost", Host),
            ("PAYMENT_SERVICE", Host),
            ("SERVICE", Nothing),
            ("CACHE_BACKEND", Nothing),
            ("MODE", Nothing),
            ("OTEL_SERVICE_NAME", Nothing),
            ("DB_NAME", Nothing),
            ("LOG_LEVEL", Nothing),
            ("PROXY_IMAGE", NoCall),
            ("DB_PASSWORD", NoCall),
            ("NO_PROXY", NoCall),
            ("no_proxy", NoCall),
            ("nonProxyHosts", NoCall),
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
