//! What stands for something else: `$(VAR)`, and hosts whose port is in another variable.

use super::hosts;

/// The text with `$(NAME)` replaced by values, as the kubelet does it; with `shell`, `$NAME` and
/// `${NAME}` too, and what else programs take for it in their files: `${env:NAME}`, `%(NAME)s` of
/// Python's, `%(ENV_NAME)s` of supervisord. What is unknown stays.
pub fn expand<'v>(text: &str, shell: bool, value: &dyn Fn(&str) -> Option<&'v str>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let starts = |c: char| c == '$' || (shell && c == '%');
    while let Some(at) = rest.find(starts) {
        let (head, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(head);
        let (name, length) = match tail.starts_with('%') {
            true => in_python(tail),
            false => reference(tail, shell),
        };
        let written = tail.get(..length).unwrap_or_default();
        let of_supervisord = |name: &str| match tail.starts_with('%') {
            true => value(name.strip_prefix("ENV_")?),
            false => None,
        };
        let known = name.and_then(|name| value(name).or_else(|| of_supervisord(name)));
        out.push_str(known.or_else(|| default(written, shell)).unwrap_or(written));
        rest = tail.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// What a shell takes where nobody sets the variable: `redis` of `${HOST:-redis}`.
fn default(reference: &str, shell: bool) -> Option<&str> {
    let inner = reference.strip_prefix("${")?.strip_suffix('}')?;
    let (_, value) = inner.split_once(":-").filter(|_| shell)?;
    (!value.is_empty() && !value.contains('$')).then_some(value)
}

/// The name of `%(NAME)s` at a `%`, and how many bytes it takes.
fn in_python(text: &str) -> (Option<&str>, usize) {
    let inner = text.strip_prefix("%(").and_then(|own| own.split_once(")s"));
    match inner.filter(|(name, _)| is_name(name)) {
        Some((name, _)) => (Some(name), name.len() + 4),
        None => (None, 1),
    }
}

/// The name at a `$`, and how many bytes the reference takes.
fn reference(text: &str, shell: bool) -> (Option<&str>, usize) {
    let after = text.get(1..).unwrap_or_default();
    // `$$(NAME)` is a dollar and `(NAME)`.
    if after.starts_with('$') {
        return (None, 2);
    }
    for (open, close, wanted) in [('(', ')', true), ('{', '}', shell)] {
        if let Some(inner) = after.strip_prefix(open)
            && let Some((name, _)) = inner.split_once(close)
            && wanted
        {
            let length = name.len() + 3;
            // `${HOST:-default}`
            let name = name.split(":-").next().unwrap_or_default();
            let name = name.strip_prefix("env:").unwrap_or(name);
            return (is_name(name).then_some(name), length);
        }
    }
    let length = after
        .bytes()
        .take_while(|b| b.is_ascii_alphanumeric() || *b == b'_')
        .count();
    let name = after.get(..length).filter(|name| shell && is_name(name));
    (name, if name.is_some() { length + 1 } else { 1 })
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

/// The port that belongs to the host under a name, by the names people give it: `DB_HOST` goes with
/// `DB_PORT`, `redis.host` with `redis.port`.
pub fn port_beside<'v>(name: &str, value: &dyn Fn(&str) -> Option<&'v str>) -> Option<u16> {
    let start = host_word(name)?;
    let stem = name.get(..start).unwrap_or_default();
    let tail = name.get(start..).unwrap_or_default();
    let upper = tail.starts_with(|c: char| c.is_ascii_uppercase());
    let capitals = !tail.chars().any(|c| c.is_ascii_lowercase());
    let endings: &[&str] = match (upper, capitals) {
        (true, true) => &[
            "PORT",
            "PORT_NUMBER",
            "TCP_PORT",
            "SERVICE_PORT",
            "HTTP_PORT",
        ],
        (true, false) => &["Port", "PortNumber", "HttpPort"],
        (false, _) => &["port", "port_number", "port_value", "http_port", "httpPort"],
    };
    endings
        .iter()
        .map(|ending| format!("{stem}{ending}"))
        .chain([format!("{name}_PORT"), format!("{name}.port")])
        .find_map(|name| value(&name).and_then(|port| hosts::port(port.trim())))
}

/// Where the part of a name starts that says `host`, `addr` or the like; the rest is what the port's
/// name shares with it.
fn host_word(name: &str) -> Option<usize> {
    const WORDS: [&str; 8] = [
        "host", "addr", "server", "url", "uri", "endpoint", "svc", "service",
    ];
    let lower = name.to_ascii_lowercase();
    let found = WORDS.iter().filter_map(|word| lower.rfind(word)).max();
    // A variable PORT is most often the program's own; in a file `address` and `port` belong together.
    let word = ["host", "hostname", "address", "addr", "server"].contains(&lower.as_str());
    let alone = name == "HOST" || (word && name.contains(|c: char| c.is_ascii_lowercase()));
    found.filter(|at| *at > 0 || alone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(name: &str) -> Option<&'static str> {
        match name {
            "HOST" => Some("db"),
            "PORT" | "port" | "DB_PORT" | "API_SERVICE_PORT" | "redis.port" | "redisPort" => {
                Some("5432")
            }
            "X_PORT_NUMBER" => Some("1"),
            "PGPORT" => Some("2"),
            "ES_HTTP_PORT" | "es.httpPort" | "es.http_port" | "esHttpPort" => Some("9200"),
            "BOTH_PORT" => Some("3"),
            "BOTH_HTTP_PORT" => Some("4"),
            _ => None,
        }
    }

    #[test]
    fn references_become_values() {
        for (text, shell, expected) in [
            ("http://$(HOST):$(PORT)/x", false, "http://db:5432/x"),
            ("$(NONE)", false, "$(NONE)"),
            ("$$(HOST)", false, "$$(HOST)"),
            ("$HOST ${HOST}", false, "$HOST ${HOST}"),
            ("$HOST ${HOST} ${HOST:-x}", true, "db db db"),
            ("${NONE:-redis}:1", true, "redis:1"),
            ("${NONE:-} ${NONE-x}", true, "${NONE:-} ${NONE-x}"),
            ("${NONE:-redis}", false, "${NONE:-redis}"),
            ("$", true, "$"),
            ("$(", true, "$("),
            ("é$HOSTé", true, "édbé"),
            ("${env:HOST}.x", true, "db.x"),
            ("${env:NONE:-a}", true, "a"),
            ("%(HOST)s:%(ENV_PORT)s 5%", true, "db:5432 5%"),
            ("%(NONE)s %(HOST)d %(HOST", true, "%(NONE)s %(HOST)d %(HOST"),
            ("%(HOST)s $(ENV_PORT)", false, "%(HOST)s $(ENV_PORT)"),
        ] {
            assert_eq!(expand(text, shell, &value), expected, "{text}");
        }
    }

    #[test]
    fn a_port_stands_beside_its_host() {
        for (name, expected) in [
            ("DB_HOST", Some(5432)),
            ("API_SERVICE_ADDR", Some(5432)),
            ("HOST", Some(5432)),
            ("redis.host", Some(5432)),
            ("redisHost", Some(5432)),
            ("X_HOST", Some(1)),
            ("PGHOST", Some(2)),
            ("ES_HOST", Some(9200)),
            ("es.host", Some(9200)),
            ("esHost", Some(9200)),
            ("BOTH_HOST", Some(3)),
            ("HOSTNAME", None),
            ("hostname", Some(5432)),
            ("url", None),
            ("URL", None),
            ("CACHE_HOST", None),
            ("", None),
        ] {
            assert_eq!(port_beside(name, &value), expected, "{name}");
        }
    }
}
