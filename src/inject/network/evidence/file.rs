//! Hosts in configuration files: properties, INI, YAML, JSON, TOML, XML, nginx and their like.
//!
//! No format is parsed. A line is cut into settings, each with its key, which is enough to tell a
//! host from a word that happens to be one's name; keys of neighbouring lines give the port.

use super::expand;
use super::hosts::{self, Context, Mention};
use super::markup;
use super::names::{self, Promise};
use super::nginx;

/// A setting of a file.
#[derive(Debug)]
struct Setting<'t> {
    key: &'t str,
    value: &'t str,
    line: usize,
    indent: usize,
    /// Whether only a blank stands between key and value, as in nginx.conf and fluentd.conf: so do
    /// words of a sentence.
    blank: bool,
}

/// The hosts in a file. Those outside the cluster count only where the key speaks of hosts, because
/// files are full of links to read.
pub fn file(text: &str, found: &mut Vec<Mention>) {
    if !may_hold_hosts(text) || is_dashboard(text) {
        return;
    }
    let with_variables = nginx::with_variables(text);
    let settings = settings(with_variables.as_deref().unwrap_or(text));
    for (number, setting) in settings.iter().enumerate() {
        // Numbers are most of what files say, and no host.
        if setting.value.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let context = Context {
            promise: match setting.key {
                "" => Promise::Nothing,
                _ if setting.blank && setting.value.contains(' ') => Promise::Nothing,
                key => names::promise(key),
            },
            outside: false,
            line: setting.line,
        };
        let before = found.len();
        hosts::scan(setting.value, context, found);
        found.extend(replica(setting, context));
        let mentions = found.get_mut(before..).unwrap_or_default();
        if mentions.is_empty() {
            continue;
        }
        let outside = names::speaks_of_hosts(setting.key)
            && !names::is_public(setting.key)
            && !is_link(&settings, number);
        for mention in mentions {
            mention.outside = outside;
            if mention.port.is_none() {
                mention.port = port_near(&settings, number);
                mention.explicit = mention.port.is_some();
            }
        }
    }
}

/// Whether anything in the text could be a host. Most large files are dashboards and rules, where
/// nothing is.
fn may_hold_hosts(text: &str) -> bool {
    const SIGNS: [&str; 18] = [
        "://",
        ".svc",
        "host",
        "Host",
        "HOST",
        "addr",
        "server",
        "Server=",
        "datasource=",
        "SERVER",
        "url",
        "endpoint",
        "replicaof",
        "slaveof",
        "sentinel",
        "join",
        "members",
        "ontact",
    ];
    let bytes = text.as_bytes();
    let digits_after_colon = || {
        memchr::memchr_iter(b':', bytes).any(|at| bytes.get(at + 1).is_some_and(u8::is_ascii_digit))
    };
    SIGNS
        .iter()
        .any(|sign| memchr::memmem::find(bytes, sign.as_bytes()).is_some())
        || digits_after_colon()
}

/// Whether the file is a dashboard of Grafana's: it asks data sources by their names, and its hosts
/// are links.
fn is_dashboard(text: &str) -> bool {
    text.trim_start().starts_with('{')
        && text.contains("\"schemaVersion\"")
        && text.contains("\"panels\"")
}

/// Whether a URL is shown to people: what is called needs no title.
fn is_link(settings: &[Setting<'_>], number: usize) -> bool {
    let near = settings.get(number.saturating_sub(8)..settings.len().min(number + 9));
    settings.get(number).is_some_and(|own| {
        let mut near = near.into_iter().flatten();
        matches!(own.key, "url" | "href")
            && near.any(|other| other.key == "title" && other.indent == own.indent)
    })
}

/// The settings of a file, in order.
fn settings(text: &str) -> Vec<Setting<'_>> {
    let mut settings = Vec::new();
    // The key above a list of its own, which is every item's.
    let mut above = "";
    // The name of a property whose value follows.
    let mut named = "";
    for (number, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        if is_comment(trimmed) {
            continue;
        }
        let indent = line.len() - trimmed.len();
        if trimmed.starts_with('<') && !trimmed.starts_with("<?") {
            markup::line(trimmed, &mut named, &mut |key, value| {
                settings.push(Setting {
                    key,
                    value,
                    line: number,
                    indent,
                    blank: false,
                });
            });
            continue;
        }
        let mut key = if trimmed.starts_with("- ") { above } else { "" };
        let mut quoted = "";
        let mut at = 0;
        for part in parts(trimmed) {
            let before = trimmed.get(..at).unwrap_or_default();
            at += part.len();
            if is_reference(before, part) {
                continue;
            }
            let called = part.ends_with('(');
            let opens = part.ends_with('{');
            let part = part.trim_end_matches([',', ';', '{', '}', '(', ')']);
            let (mut own, mut value, blank) = key_and_value(part.trim());
            // `upstream api {`: a block's own name.
            if blank && opens {
                own = "";
            }
            if own.is_empty() && value.is_empty() {
                continue;
            }
            // `host = getenv(…)`: a function is no host.
            if called && !own.is_empty() && value.bytes().all(is_word) {
                key = own;
                continue;
            }
            // `define('DB_HOST', 'db')`, `getenv("DB_HOST", "db")`
            if let Some(word) = in_quotes(value).filter(|_| own.is_empty()) {
                (own, value, quoted) = match quoted {
                    "" => (own, value, word),
                    name => (name, word, ""),
                };
            }
            if !own.is_empty() {
                key = own;
                above = if value.is_empty() { own } else { above };
            }
            settings.push(Setting {
                key,
                value,
                line: number,
                indent,
                blank,
            });
        }
    }
    settings
}

/// The parts of a line, each with the character that ends it.
fn parts(line: &str) -> impl Iterator<Item = &str> {
    let is_end = |byte: u8| matches!(byte, b',' | b';' | b'{' | b'}' | b'(' | b')');
    let mut rest = line;
    std::iter::from_fn(move || {
        let end = rest.bytes().position(is_end);
        let (part, after) = rest.split_at_checked(end.map_or(rest.len(), |at| at + 1))?;
        rest = after;
        (!part.is_empty()).then_some(part)
    })
}

/// Whether a part, which ends in a brace, is the name of a value that will stand in its place:
/// `${db.host}`, and `f'{db.host}/x'` in Python.
fn is_reference(before: &str, part: &str) -> bool {
    let (Some(head), Some(name)) = (before.strip_suffix('{'), part.strip_suffix('}')) else {
        return false;
    };
    !name.is_empty()
        && name.bytes().all(is_word)
        && (head.ends_with(['$', '%', '#']) || leaves_a_quote_open(head))
}

fn leaves_a_quote_open(text: &str) -> bool {
    let mut open = None;
    for c in text.chars().filter(|c| matches!(c, '"' | '\'')) {
        open = match open {
            None => Some(c),
            Some(quote) if quote == c => None,
            other => other,
        };
    }
    open.is_some()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')
}

/// The word that the quotes around a whole part hold.
fn in_quotes(part: &str) -> Option<&str> {
    let quote = part.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let inner = part.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inner.is_empty() && !inner.contains(quote)).then_some(inner)
}

fn is_comment(line: &str) -> bool {
    ["#", "//", ";", "--", "<!--", "*", "/*"]
        .iter()
        .any(|start| line.starts_with(start))
}

/// `replicaof redis 6379` and `sentinel monitor main redis 6379 2` of Redis.
fn replica(setting: &Setting<'_>, context: Context) -> Option<Mention> {
    let mut words = setting.value.split_whitespace();
    match setting.key {
        "replicaof" | "slaveof" => {}
        "sentinel" if words.next() == Some("monitor") => drop(words.next()),
        _ => return None,
    }
    let host = words.next()?;
    let port = words.next().and_then(hosts::port);
    hosts::bare_word(host, port, context)
}

/// `key = value`, `key: value`, `key value`; an empty key for anything else.
/// The third is whether only a blank stood between them.
fn key_and_value(part: &str) -> (&str, &str, bool) {
    let part = part.strip_prefix("- ").unwrap_or(part).trim_start();
    let end = key_length(part);
    let (key, rest) = part.split_at_checked(end).unwrap_or((part, ""));
    let bare = key.trim_matches(['"', '\'', '[', ']']);
    let spaced = rest.starts_with([' ', '\t']);
    let rest = rest.trim_start();
    let after = rest.get(1..).unwrap_or_default();
    let (value, blank) = match rest.as_bytes().first() {
        Some(b'=') => (rest.trim_start_matches(['=', '>']), false),
        // A port behind a host is no value: `db:5432`.
        Some(b':')
            if key.ends_with(['"', '\''])
                || (!after.starts_with(|c: char| c.is_ascii_digit())
                    && !after.starts_with("//")) =>
        {
            (rest.trim_start_matches([':', '=']), false)
        }
        Some(_) if spaced => (rest, true),
        _ => return ("", part, false),
    };
    let value = value.trim();
    // `ConnectionString=Host=db;Port=5432`: the first of several settings in one.
    let inner = key_length(value);
    if inner > 0 && value.as_bytes().get(inner) == Some(&b'=') {
        return key_and_value(value);
    }
    (bare, value.trim_matches(['"', '\'']), blank)
}

/// How many of the letters that keys are made of stand at the start of a text.
fn key_length(text: &str) -> usize {
    let other = text.bytes().position(|byte| !is_key_letter(byte));
    other.unwrap_or(text.len())
}

fn is_key_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'.' | b'-' | b'_' | b'"' | b'\'' | b'/' | b'[' | b']')
}

/// The port of a host, among the settings around it: `host:` and `port:` side by side.
fn port_near(settings: &[Setting<'_>], number: usize) -> Option<u16> {
    let own = settings.get(number)?;
    let value = |name: &str| {
        let near = |setting: &&Setting<'_>| {
            setting.key == name
                && setting.indent == own.indent
                && setting.line.abs_diff(own.line) <= 8
        };
        let near = settings.iter().filter(near);
        near.min_by_key(|setting| setting.line.abs_diff(own.line))
            .map(|setting| setting.value)
    };
    expand::port_beside(own.key, &value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        file(text, &mut found);
        let shown = found.iter().map(|m| match m.port {
            Some(port) => format!("{}:{port}", m.host),
            None => m.host.clone(),
        });
        shown.collect()
    }

    #[test]
    fn files_name_hosts() {
        for (text, expected) in [
            (
                "spring.datasource.url=jdbc:mysql://db:3306/shop?useSSL=false\nserver.port=8080\n",
                vec!["db:3306"],
            ),
            (
                "spring.redis.host=redis\nspring.redis.port=6379\n",
                vec!["redis:6379"],
            ),
            ("redis:\n  host: redis\n  port: 6379\n", vec!["redis:6379"]),
            (
                "hosts:\n  - redis-0.redis\n  - redis-1.redis\n",
                vec!["redis-0.redis", "redis-1.redis"],
            ),
            ("redis:\n  addr: redis:6379\n", vec!["redis:6379"]),
            (
                "{\"db\": {\"host\": \"db\", \"port\": 5432}}",
                vec!["db:5432"],
            ),
            (
                "<node><host>zk</host><port>2181</port></node>\n",
                vec!["zk:2181"],
            ),
            ("<server host=\"db\" port=\"5432\"/>\n", vec!["db:5432"]),
            (
                "<property name=\"db.host\" value=\"db\"/>\n<property><name>mq.host</name><value>mq</value></property>\n",
                vec!["db", "mq"],
            ),
            (
                "<server>\n  host db\n  port 5432\n</server>\n",
                vec!["db:5432"],
            ),
            ("[OUTPUT]\n  Host  db\n  Port  5432\n", vec!["db:5432"]),
            ("upstream u {\n  server db;\n}\n", vec!["db"]),
            ("db = connect(host=\"db\", port=5432)\n", vec!["db:5432"]),
            ("define('DB_HOST', 'db');\n", vec!["db"]),
            ("host = os.getenv(\"DB_HOST\", \"db\")\n", vec!["db"]),
            ("<host>zk</host>\n<port>2181</port>\n", vec!["zk:2181"]),
            (
                "location / {\n  proxy_pass http://backend:8000;\n}\n",
                vec!["backend:8000"],
            ),
            ("upstream api {\n  server api:8080;\n}\n", vec!["api:8080"]),
            ("fastcgi_pass php:9000;", vec!["php:9000"]),
            (
                "brokers: [kafka-0.kafka:9092, kafka-1.kafka:9092]",
                vec!["kafka-0.kafka:9092", "kafka-1.kafka:9092"],
            ),
            ("bootstrap.servers=kafka:9092", vec!["kafka:9092"]),
            (
                "ConnectionString=Host=db;Port=5432;Database=x",
                vec!["db:5432"],
            ),
            (
                "[\"redis:6379\", \"http://es:9200\"]\n",
                vec!["redis:6379", "es:9200"],
            ),
            ("targets: ['app:8080']", vec!["app:8080"]),
            ("replicaof redis-0.redis 6379\n", vec!["redis-0.redis:6379"]),
            ("sentinel monitor main redis 6379 2\n", vec!["redis:6379"]),
            (
                "memberlist:\n  join_members:\n  - loki-memberlist\n",
                vec!["loki-memberlist"],
            ),
            ("contact-points: cassandra\n", vec!["cassandra"]),
            (
                "set $b http://api;\nproxy_pass $b:3100$request_uri;\n",
                vec!["api:3100"],
            ),
            // Not hosts.
            ("db.url=\"jdbc:postgresql://\"${db.host}\":5432/x\n", vec![]),
            ("self.infer_url = '{self.environment.host}/p'\n", vec![]),
            ("host = '{\"host\": \"db\"}'\n", vec!["db"]),
            (
                "{\"panels\": [{\"url\": \"http://db\"}], \"schemaVersion\": 39}\n",
                vec![],
            ),
            ("cache:\n  backend: redis\n", vec![]),
            ("# url: http://no:1\n", vec![]),
            ("mode = web\n", vec![]),
            ("the host db is up\nserver is up\n", vec![]),
            ("names = [\"web\", \"db\"]\n", vec![]),
            ("service: registry\n", vec![]),
            ("listen 8080;\nserver_name localhost;\n", vec![]),
            ("addr: :5000\n", vec![]),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn links_to_read_are_not_called() {
        let mut found = Vec::new();
        file(
            "{\"title\": \"Grafana\", \"url\": \"https://grafana.com/x\"}\n",
            &mut found,
        );
        assert!(found.iter().all(|mention| !mention.outside), "{found:?}");
        found.clear();
        file(
            "message: see https://example.com\napi_url: https://api.example.com\n",
            &mut found,
        );
        let outside: Vec<_> = found.iter().map(|m| (m.host.as_str(), m.outside)).collect();
        assert_eq!(outside, [("example.com", false), ("api.example.com", true)]);
    }
}
