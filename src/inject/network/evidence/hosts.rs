//! The host grammar: what in a text is the address of something to call.
//!
//! URLs of every scheme (`jdbc:`, user information and `dns:///` included), `host:port`, names that
//! end in `.svc`, comma lists of all of these; and bare words where the context promises a host.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use memchr::memmem;

use super::names::{self, Promise};

/// What says that a host may stand in a text without a colon and without quotes.
static SIGNS: LazyLock<[memmem::Finder<'static>; 2]> =
    LazyLock::new(|| [".svc", "/dev/"].map(memmem::Finder::new));

/// What stands between a URL's scheme and its host.
static SCHEME_END: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new("://"));

/// A host that a text names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// The name in lower case, or an IP address.
    pub host: String,
    /// The port, where one is named or the scheme has one.
    pub port: Option<u16>,
    /// Whether the port stands in the text.
    pub explicit: bool,
    /// The port that a service of its sort usually has, for a host outside without any.
    pub usual: Option<u16>,
    /// Whether it is a bare word that only the context makes a host.
    pub bare: bool,
    /// Whether it may be the caller's own name, which is no call.
    pub own: bool,
    /// Whether it is surely a host: a URL's, or one under a name that promises it. Only such a host
    /// is repeated in a report when it is none of the release's, because `word:123` may be a password.
    pub certain: bool,
    /// Whether a host outside the cluster is meant to be called, where this is none of ours.
    pub outside: bool,
    /// The line of the text, from 0.
    pub line: usize,
}

/// What is known about a text before looking at it.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// What its name promises.
    pub promise: Promise,
    /// Whether hosts outside the cluster count.
    pub outside: bool,
    /// The line it is on.
    pub line: usize,
}

impl Context {
    /// A text about which nothing is known.
    pub fn plain() -> Context {
        Context {
            promise: Promise::Nothing,
            outside: true,
            line: 0,
        }
    }
}

/// Longest text whose bare words are hosts; beyond it is prose or a certificate.
const MAX_BARE: usize = 1024;

/// The hosts of one value.
pub fn scan(text: &str, context: Context, found: &mut Vec<Mention>) {
    if context.promise == Promise::NoCall {
        return;
    }
    let before = found.len();
    let mut end = Vec::new();
    if may_hold_addresses(text) {
        end = urls(text, context, found);
        pairs(text, &end, context, found);
    }
    if found.len() == before
        && end.is_empty()
        && context.promise != Promise::Nothing
        && text.len() <= MAX_BARE
    {
        bare(text, context, found);
    }
}

/// Says of hosts under a name that speaks of the application's own that they are not called.
pub fn hide_public(name: &str, found: &mut [Mention]) {
    if !found.is_empty() && names::is_public(name) {
        found.iter_mut().for_each(|own| own.outside = false);
    }
}

/// Whether a text has what stands in or beside every address: most values are numbers, modes, paths.
fn may_hold_addresses(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr3(b':', b'"', b'\'', bytes).is_some()
        || SIGNS.iter().any(|sign| sign.find(bytes).is_some())
}

/// Finds URLs; returns the ranges they take.
fn urls(text: &str, context: Context, found: &mut Vec<Mention>) -> Vec<(usize, usize)> {
    let mut taken = Vec::new();
    for at in SCHEME_END.find_iter(text.as_bytes()) {
        if taken.last().is_some_and(|(_, end)| at < *end) {
            continue;
        }
        let head = text.get(..at).unwrap_or_default();
        let scheme_at = head
            .rfind(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')))
            .map_or(0, |n| {
                n + head
                    .get(n..)
                    .and_then(|t| t.chars().next())
                    .map_or(1, char::len_utf8)
            });
        let scheme = head
            .get(scheme_at..)
            .unwrap_or_default()
            .to_ascii_lowercase();
        let rest = text.get(at + 3..).unwrap_or_default();
        let length = rest.find(is_url_end).unwrap_or(rest.len());
        let rest = up_to_the_next(rest.get(..length).unwrap_or_default());
        let length = rest.len();
        if NO_HOST.contains(&scheme.as_str()) {
            taken.push((scheme_at, at + 3 + length));
        } else if rest.starts_with('/') && !names_hosts_in_paths(&scheme) {
            // No host stands before the path, but one may in it: rmi:///jndi/rmi://cache:5555/x.
            taken.push((scheme_at, at + 3));
        } else {
            taken.push((scheme_at, at + 3 + length));
            authority(rest, &scheme, context, found);
        }
    }
    taken
}

/// A URL without the one that follows it behind a comma: `nats://a:4222,nats://b:4222`.
fn up_to_the_next(rest: &str) -> &str {
    let comma = rest
        .find("://")
        .and_then(|next| rest.get(..next)?.rfind(','));
    comma.and_then(|at| rest.get(..at)).unwrap_or(rest)
}

/// Where a URL inside other text ends for certain.
fn is_url_end(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>' | '\\' | '|')
}

/// Schemes whose authority is no host.
const NO_HOST: [&str; 13] = [
    "abfs",
    "abfss",
    "arn",
    "azure",
    "data",
    "docker",
    "file",
    "gs",
    "kubernetes",
    "s3",
    "s3a",
    "unix",
    "urn",
];

/// Whether the scheme is one of gRPC's resolvers, which take the target as a path.
fn names_hosts_in_paths(scheme: &str) -> bool {
    matches!(scheme, "dns" | "ipv4" | "ipv6" | "passthrough" | "xds")
}

/// The hosts of a URL, given what follows `://`.
fn authority(rest: &str, scheme: &str, context: Context, found: &mut Vec<Mention>) {
    let end = rest.find(['/', '?', '#', ';']).unwrap_or(rest.len());
    let (mut hosts, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    // gRPC's resolvers put the target behind an empty authority: dns:///host:port.
    if hosts.is_empty() {
        let path = path.trim_start_matches('/');
        hosts = path.split(['/', '?', '#']).next().unwrap_or_default();
    }
    // A password may hold an @, a host may not.
    let hosts = hosts.rsplit_once('@').map_or(hosts, |(_, hosts)| hosts);
    for host in hosts.split(',') {
        // MySQL's driver for Go: tcp(db:3306).
        let host = host.trim().trim_end_matches([')', ']', '}', '.', ';', ':']);
        if let Some((host, port)) = host_and_port(host) {
            let usual = usual_port(scheme);
            found.push(Mention {
                host,
                port: port.or(usual),
                explicit: port.is_some(),
                usual: None,
                bare: false,
                own: false,
                certain: true,
                outside: context.outside,
                line: context.line,
            });
        }
    }
}

/// The port of a scheme (IANA's registry, and the drivers' documentation).
fn usual_port(scheme: &str) -> Option<u16> {
    // `jdbc:postgresql`, `git+ssh`, `postgresql+psycopg2`: the first part that is known decides.
    scheme.split(['+', ':']).find_map(|part| match part {
        "http" | "ws" => Some(80),
        "https" | "wss" | "grpcs" => Some(443),
        "postgres" | "postgresql" | "pgsql" => Some(5432),
        "mysql" | "mysql2" | "mariadb" => Some(3306),
        "redis" | "rediss" => Some(6379),
        "mongodb" => Some(27017),
        "amqp" => Some(5672),
        "amqps" => Some(5671),
        "nats" => Some(4222),
        "kafka" => Some(9092),
        "ldap" => Some(389),
        "ldaps" => Some(636),
        "smtp" => Some(25),
        "smtps" => Some(465),
        "ssh" | "sftp" => Some(22),
        "ftp" => Some(21),
        "sqlserver" | "mssql" => Some(1433),
        "mqtt" => Some(1883),
        "mqtts" => Some(8883),
        "bolt" | "neo4j" => Some(7687),
        "clickhouse" => Some(9000),
        "memcached" => Some(11211),
        "cassandra" => Some(9042),
        _ => None,
    })
}

/// Finds `host:port` and `….svc` outside of URLs.
fn pairs(text: &str, taken: &[(usize, usize)], context: Context, found: &mut Vec<Mention>) {
    let bytes = text.as_bytes();
    let mut skip = taken.iter().peekable();
    let mut at = 0;
    while at < bytes.len() {
        if let Some((start, end)) = skip.peek().copied()
            && at >= *start
        {
            at = at.max(*end);
            skip.next();
            continue;
        }
        if !bytes.get(at).is_some_and(|b| is_host_byte(*b)) {
            at += 1;
            continue;
        }
        let end = bytes.get(at..).and_then(|rest| {
            let length = rest.iter().position(|b| !is_host_byte(*b));
            length.map(|length| at + length)
        });
        let end = end.unwrap_or(bytes.len());
        pair(text, at, end, context, found);
        at = end + 1;
    }
}

fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}

/// Looks at one run of the letters that hosts are made of.
fn pair(text: &str, start: usize, end: usize, context: Context, found: &mut Vec<Mention>) {
    let bytes = text.as_bytes();
    let before = start.checked_sub(1).and_then(|at| bytes.get(at)).copied();
    let word = text.get(start..end).unwrap_or_default();
    let after = bytes.get(end).copied();
    // A path or an image (`ghcr.io/acme/api:1.0`) is no host; `/dev/tcp/` is bash's way to one.
    let behind_slashes = text.get(..start).is_some_and(|head| head.ends_with("//"));
    if before == Some(b'/') && !behind_slashes {
        return dev_tcp(text, start, word, end, context, found);
    }
    if matches!(before, Some(b'$' | b'{' | b'%')) {
        return;
    }
    let digits = match after {
        Some(b':') => text.get(end + 1..).unwrap_or_default(),
        _ => "",
    };
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    let port = digits.get(..length).and_then(port);
    let follows = digits.as_bytes().get(length).copied();
    let ends = !matches!(follows, Some(b) if is_host_byte(b) || b == b'@');
    if let (Some(port), true) = (port, ends) {
        if let Some(host) = name_or_address(word) {
            found.push(mention(host, Some(port), context));
        }
    } else if let Some(port) = port_behind_quote(text, before, end)
        && let Some(host) = name_or_address(word)
    {
        found.push(Mention {
            bare: true,
            ..mention(host, Some(port), context)
        });
    } else if is_cluster_name(word)
        && after != Some(b'@')
        && let Some(host) = name_or_address(word)
    {
        found.push(mention(host, None, context));
    }
}

/// The port in `("db", 5432)`, as programs connect.
fn port_behind_quote(text: &str, before: Option<u8>, end: usize) -> Option<u16> {
    let quote = before.filter(|b| matches!(b, b'"' | b'\''))?;
    let rest = text.get(end..)?.strip_prefix(char::from(quote))?;
    let rest = rest.strip_prefix(',')?.trim_start_matches(' ');
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let follows = rest.as_bytes().get(digits).copied();
    port(rest.get(..digits)?).filter(|_| follows == Some(b')'))
}

fn dev_tcp(
    text: &str,
    start: usize,
    word: &str,
    end: usize,
    context: Context,
    found: &mut Vec<Mention>,
) {
    let head = text.get(..start).unwrap_or_default();
    if !head.ends_with("/dev/tcp/") && !head.ends_with("/dev/udp/") {
        return;
    }
    let digits = text.get(end + 1..).unwrap_or_default();
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    let port = digits.get(..length).and_then(port);
    if let (Some(port), Some(host)) = (port, name_or_address(word)) {
        found.push(mention(host, Some(port), context));
    }
}

fn mention(host: String, port: Option<u16>, context: Context) -> Mention {
    Mention {
        host,
        port,
        explicit: port.is_some(),
        usual: None,
        bare: false,
        own: false,
        certain: context.promise == Promise::Host,
        outside: context.outside,
        line: context.line,
    }
}

/// Whether the name says itself that it is a Service's: `db.shop.svc`, `db.shop.svc.cluster.local`.
fn is_cluster_name(word: &str) -> bool {
    word.ends_with(".svc") || word.contains(".svc.")
}

/// Bare words: all of the value must be hosts.
fn bare(text: &str, context: Context, found: &mut Vec<Mention>) {
    let vague = matches!(context.promise, Promise::Perhaps | Promise::Members);
    if vague && !text.contains('-') {
        return;
    }
    // Other names than a host's are believed only where the release has such a Service.
    let sure = context.promise == Promise::Host;
    let context = Context {
        outside: context.outside && sure,
        ..context
    };
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';'));
    for word in words.filter(|word| !word.is_empty()) {
        let word = word.trim_matches(['"', '\'', '[', ']']);
        // SQL Server's clients name the protocol: tcp:db.
        let word = word.strip_prefix("tcp:").unwrap_or(word);
        let both = [bare_word(word, None, context), in_namespace(word, context)];
        found.extend(both.into_iter().flatten().map(|mention| Mention {
            own: matches!(context.promise, Promise::Perhaps | Promise::Service),
            ..mention
        }));
    }
}

/// `shop/db`, as controllers take the name of a Service.
fn in_namespace(word: &str, context: Context) -> Option<Mention> {
    let (namespace, name) = word.split_once('/')?;
    if namespace.is_empty() || namespace.contains('.') || name.contains(['.', '/']) {
        return None;
    }
    Some(Mention {
        bare: true,
        // It may be a path all the same.
        outside: false,
        ..mention(
            name_or_address(&format!("{name}.{namespace}"))?,
            None,
            context,
        )
    })
}

/// A bare word as a host, for those who know from elsewhere that it is one.
pub fn bare_word(word: &str, port: Option<u16>, context: Context) -> Option<Mention> {
    // `api/v1`: curl takes a URL without its scheme.
    let word = word.trim_matches(['"', '\'']).split('/').next()?;
    // `rabbit@mq`: nodes of Erlang, ssh; but outside it is the address of a letter.
    let (user, host) = word.rsplit_once('@').unwrap_or(("", word));
    Some(Mention {
        bare: true,
        outside: context.outside && user.is_empty(),
        ..mention(name_or_address(host)?, port, context)
    })
}

/// A host with or without its port: `db`, `db:5432`, `[2001:db8::1]:53`.
fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (address, rest) = rest.split_once(']')?;
        let address: Ipv6Addr = address.parse().ok()?;
        let port = rest.strip_prefix(':').and_then(port);
        return Some((name_or_address(&address.to_string())?, port));
    }
    match text.split_once(':') {
        Some((host, rest)) => {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            Some((name_or_address(host)?, port(rest.get(..digits)?)))
        }
        None => Some((name_or_address(text)?, None)),
    }
}

/// A port number.
pub fn port(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port| *port > 0)
}

/// The text in lower case when it is a DNS name or an address that can be called.
fn name_or_address(text: &str) -> Option<String> {
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        let callable = !address.is_loopback() && !address.is_unspecified();
        return (callable && !address.is_broadcast()).then(|| text.to_owned());
    }
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        let callable = !address.is_loopback() && !address.is_unspecified();
        return callable.then(|| text.to_ascii_lowercase());
    }
    let text = without_service_labels(text.strip_suffix('.').unwrap_or(text));
    let letters = text.bytes().any(|b| b.is_ascii_alphabetic());
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let fits = letters && text.len() <= 253 && text.split('.').all(label);
    let lower = text.to_ascii_lowercase();
    let local = lower == "localhost" || lower.ends_with(".localhost");
    // The last label of a name is never a number: 1.2.3 is a version.
    let numeric = lower
        .rsplit('.')
        .next()
        .is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    (fits && !local && !numeric).then_some(lower)
}

/// A name without the labels that only SRV records have: `_grpc._tcp.api.shop.svc`.
fn without_service_labels(mut text: &str) -> &str {
    while let Some((label, rest)) = text.split_once('.')
        && label.starts_with('_')
    {
        text = rest;
    }
    text
}

/// Whether the text is an IP address.
pub fn address(host: &str) -> Option<IpAddr> {
    host.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scanned(text: &str, promise: Promise) -> Vec<String> {
        let mut found = Vec::new();
        let context = Context {
            promise,
            ..Context::plain()
        };
        scan(text, context, &mut found);
        let shown = found.iter().map(|m| match m.port {
            Some(port) => format!("{}:{port}", m.host),
            None => m.host.clone(),
        });
        shown.collect()
    }

    #[test]
    fn addresses_are_found_whatever_the_name_promises() {
        for (text, expected) in [
            ("http://api:8080/v1", vec!["api:8080"]),
            ("http://api", vec!["api:80"]),
            (
                "https://api.example.com/x?y=http://z",
                vec!["api.example.com:443"],
            ),
            ("api.backend.svc:8080", vec!["api.backend.svc:8080"]),
            ("api.backend.svc", vec!["api.backend.svc"]),
            (
                "api.backend.svc.cluster.local.",
                vec!["api.backend.svc.cluster.local"],
            ),
            ("jdbc:mysql://db:3306/shop?useSSL=false", vec!["db:3306"]),
            ("jdbc:postgresql://db/app", vec!["db:5432"]),
            ("jdbc:sqlserver://db:1433;databaseName=x", vec!["db:1433"]),
            ("jdbc:oracle:thin:@db:1521:orcl", vec!["db:1521"]),
            ("postgres://app:$(PW)@db:5432/app", vec!["db:5432"]),
            ("postgres://app:p@ss@db/app", vec!["db:5432"]),
            (
                "mongodb://u:p@m-0.m:27017,m-1.m:27017/db",
                vec!["m-0.m:27017", "m-1.m:27017"],
            ),
            ("user:secret@tcp(db:3306)/name", vec!["db:3306"]),
            (
                "service:jmx:rmi:///jndi/rmi://cache:5555/jmxrmi",
                vec!["cache:5555"],
            ),
            (
                "service:jmx:rmi:///jndi/rmi://127.0.0.1:5555/jmxrmi",
                vec![],
            ),
            ("postgresql:///shop", vec![]),
            ("file:///etc/x/http://no", vec![]),
            ("dns:///api:9000", vec!["api:9000"]),
            (
                "dns:///api.ns.svc.cluster.local:9000",
                vec!["api.ns.svc.cluster.local:9000"],
            ),
            (
                "kafka-0.kafka:9092,kafka-1.kafka:9092",
                vec!["kafka-0.kafka:9092", "kafka-1.kafka:9092"],
            ),
            ("dnssrv+_grpc._tcp.api.shop.svc", vec!["api.shop.svc"]),
            ("nats://a:4222,nats://b:4222", vec!["a:4222", "b:4222"]),
            (
                "etcd-0=http://etcd-0.etcd:2380,etcd-1=http://etcd-1.etcd:2380",
                vec!["etcd-0.etcd:2380", "etcd-1.etcd:2380"],
            ),
            ("jdbc:oracle:thin:@//db:1521/orcl", vec!["db:1521"]),
            ("redis://:secret@redis:6379/0", vec!["redis:6379"]),
            ("PLAINTEXT://kafka:9092", vec!["kafka:9092"]),
            ("zk:2888:3888::1", vec!["zk:2888"]),
            ("[2001:db8::1]:53", vec![]),
            ("tcp://[2001:db8::1]:53", vec!["2001:db8::1:53"]),
            ("203.0.113.9:443", vec!["203.0.113.9:443"]),
            ("cat < /dev/tcp/db/5432", vec!["db:5432"]),
            ("db:5432", vec!["db:5432"]),
            (r#"connect(("db", 5432))"#, vec!["db:5432"]),
            // Not addresses.
            (r#"sleep("db", "5432")"#, vec![]),
            (r#"["db", 5432]"#, vec![]),
            ("redis", vec![]),
            (":8080", vec![]),
            ("localhost:8080", vec![]),
            ("0.0.0.0:8080", vec![]),
            ("http://127.0.0.1:8080", vec![]),
            ("ghcr.io/acme/api:1.0", vec![]),
            ("acme/redis:7", vec![]),
            ("12:34:56", vec![]),
            ("1.2.3:4", vec![]),
            ("no_such_svc:4040", vec![]),
            ("user:1234@db", vec![]),
            ("s3://bucket/key", vec![]),
            ("file:///etc/x", vec![]),
            ("sha256:0123456789abcdef", vec![]),
            ("${HOST}:8080", vec![]),
            ("https://", vec![]),
            ("://", vec![]),
        ] {
            assert_eq!(scanned(text, Promise::Nothing), expected, "{text}");
        }
    }

    #[test]
    fn bare_words_count_where_a_host_is_promised() {
        for (text, expected) in [
            ("redis", vec!["redis"]),
            (
                "redis-0.redis, redis-1.redis",
                vec!["redis-0.redis", "redis-1.redis"],
            ),
            ("redis:6379", vec!["redis:6379"]),
            ("true", vec!["true"]),
            ("tcp:db", vec!["db"]),
            ("rabbit@mq", vec!["mq"]),
            ("shop/db", vec!["shop", "db.shop"]),
            ("api/v1/x", vec!["api"]),
            ("5432", vec![]),
            ("", vec![]),
            ("-", vec![]),
            ("a_b", vec![]),
        ] {
            assert_eq!(scanned(text, Promise::Host), expected, "{text}");
        }
        assert_eq!(scanned("http://api:80", Promise::NoCall), [""; 0]);
        assert_eq!(scanned("orders-api", Promise::Perhaps), ["orders-api"]);
        assert_eq!(scanned("redis", Promise::Perhaps), [""; 0]);
        assert_eq!(scanned("redis", Promise::Members), [""; 0]);
        assert_eq!(
            scanned("loki-memberlist", Promise::Members),
            ["loki-memberlist"]
        );
        assert_eq!(scanned("redis", Promise::Service), ["redis"]);
    }
}
