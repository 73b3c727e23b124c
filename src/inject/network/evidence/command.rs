//! Hosts in arguments and shell scripts.

use super::hosts::{self, Context, Mention};
use super::names::{self, Promise};
use super::{expand, file};

/// The hosts in a command and its arguments; each with the number of the word it stands in.
pub fn arguments(words: &[&str], found: &mut Vec<(usize, Mention)>) {
    let mut flag: Option<&str> = None;
    let mut own = Vec::new();
    let certifies = makes_certificate(words);
    for (number, word) in words.iter().enumerate() {
        one(word, flag, &mut own);
        if certifies && (flag == Some("--host") || word.starts_with("--host=")) {
            own.clear();
        }
        let name = assignment(word).map(|(name, _)| name).or(flag);
        for mut mention in own.drain(..) {
            if mention.bare && mention.port.is_none() {
                mention.port = name.and_then(|name| port_flag(words, name));
                mention.explicit = mention.port.is_some();
            }
            found.push((number, mention));
        }
        flag = Some(*word).filter(|word| is_flag(word));
    }
    if !certifies && words.iter().all(|word| !word.contains('\n')) {
        let mut operands = Vec::new();
        command(words, 0, &mut operands);
        let last = words.len().saturating_sub(1);
        found.extend(operands.into_iter().map(|mention| (last, mention)));
    }
}

/// Whether it is kube-webhook-certgen's `create`, whose `--host` goes into the certificate that
/// `--secret-name` keeps.
fn makes_certificate(words: &[&str]) -> bool {
    words.contains(&"create") && words.iter().any(|word| word.starts_with("--secret-name"))
}

/// `--db-host`, which says what the next word is.
fn is_flag(word: &str) -> bool {
    word.starts_with('-') && !word.contains(|c: char| c == '=' || c.is_whitespace())
}

/// The hosts in one word of a command, behind a flag or not.
fn one(word: &str, flag: Option<&str>, found: &mut Vec<Mention>) {
    if word.starts_with(['{', '[']) {
        file::file(word, found);
    } else if word.contains(char::is_whitespace) {
        script(word, found);
    } else if let Some((name, value)) = assignment(word) {
        value_of(name, value, found);
    } else if !word.starts_with('-') {
        match flag {
            Some(flag) => value_of(flag, word, found),
            None => hosts::scan(word, Context::plain(), found),
        }
    }
}

/// The port that belongs to a host's flag: `--db-host db --db-port 5432`.
fn port_flag(words: &[&str], name: &str) -> Option<u16> {
    let value = |wanted: &str| {
        let joined = words.iter().filter_map(|word| assignment(word));
        let apart = words.windows(2).filter_map(|two| match two {
            [name, value] => Some((*name, *value)),
            _ => None,
        });
        let mut both = joined.chain(apart);
        both.find(|(name, _)| *name == wanted)
            .map(|(_, value)| value)
    };
    expand::port_beside(name, &value)
}

/// `--flag=value` and `NAME=value`, with the name.
fn assignment(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let bare = name.trim_start_matches('-');
    let is_name = !bare.is_empty()
        && bare
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    is_name.then_some((name, value))
}

fn value_of(name: &str, value: &str, found: &mut Vec<Mention>) {
    let promise = match name {
        "-h" | "-H" => Promise::Host,
        // A property of Java's.
        name => names::promise(name.strip_prefix("-D").unwrap_or(name)),
    };
    // The value may be a setting itself: `-D cache.host=redis`, `--set=url=http://x`.
    if let Some((inner, value)) = assignment(value) {
        return value_of(inner, value, found);
    }
    scan(name, value, promise, 0, found);
}

/// The hosts in the value under a name.
fn scan(name: &str, value: &str, promise: Promise, line: usize, found: &mut Vec<Mention>) {
    let before = found.len();
    let context = Context {
        promise,
        outside: true,
        line,
    };
    hosts::scan(value, context, found);
    hosts::hide_public(name, found.get_mut(before..).unwrap_or_default());
}

/// The hosts in a shell script.
pub fn script(text: &str, found: &mut Vec<Mention>) {
    for (line, text) in text.lines().enumerate() {
        let trimmed = text.trim_start();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        // What is printed for people is not called.
        let shown = ["echo ", "printf ", "info ", "log "]
            .iter()
            .any(|word| trimmed.starts_with(word));
        let context = Context {
            promise: Promise::Nothing,
            outside: !shown,
            line,
        };
        hosts::scan(text, context, found);
        for part in trimmed.split([';', '|', '&', '(', ')', '`', '{', '}']) {
            let words: Vec<&str> = part.split_whitespace().collect();
            command(&words, line, found);
            assignments(&words, line, found);
            if let ["for", _, "in", hosts @ ..] = words.as_slice() {
                each(hosts, line, found);
            }
        }
    }
    arrays(text, found);
}

/// Words that may be hosts: of a list that a loop goes through.
fn each(words: &[&str], line: usize, found: &mut Vec<Mention>) {
    let context = Context {
        promise: Promise::Host,
        outside: false,
        line,
    };
    found.extend(
        words
            .iter()
            .filter_map(|word| hosts::bare_word(word, None, context)),
    );
}

/// Longer arrays are read up to here, in bytes.
const LONGEST_ARRAY: usize = 2048;

/// The items of arrays whose names promise hosts: `DB_HOSTS=(db-0.db db-1.db)`.
fn arrays(text: &str, found: &mut Vec<Mention>) {
    let mut rest = text;
    let mut before = 0;
    while let Some(at) = rest.find("=(") {
        let (head, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
        let name = head.rsplit(|c: char| c.is_whitespace() || c == ';').next();
        let body = tail.get(2..).unwrap_or_default();
        before += head.matches('\n').count();
        if name.is_some_and(|name| names::promise(name) == Promise::Host) {
            // Nobody may close it.
            let items = body.get(..body.floor_char_boundary(LONGEST_ARRAY));
            let items = items.and_then(|items| items.split(')').next());
            let items = items.unwrap_or_default();
            for (line, items) in items.lines().enumerate() {
                let items: Vec<&str> = items.split_whitespace().collect();
                each(&items, before + line, found);
            }
        }
        rest = body;
    }
}

/// `HOST=db` and `--host=db` in a line of a script.
fn assignments(words: &[&str], line: usize, found: &mut Vec<Mention>) {
    let words = words
        .iter()
        .map(|word| word.trim_start_matches(['"', '\'']));
    for (name, value) in words.filter_map(assignment) {
        let value = value.trim_matches(['"', '\'']);
        if names::promise(name) == Promise::Host {
            scan(name, value, Promise::Host, line, found);
        }
    }
}

/// What programs that are all about hosts take as operands.
fn takes_host(program: &str) -> bool {
    matches!(
        program,
        "nc" | "ncat"
            | "netcat"
            | "telnet"
            | "nslookup"
            | "getent"
            | "host"
            | "dig"
            | "ping"
            | "wait-for-it"
            | "wait-for-it.sh"
            | "wait-for"
            | "wait-for.sh"
            | "curl"
            | "wget"
            | "http"
            | "ssh"
    )
}

/// Programs whose `-h` is the host to call.
fn has_host_flag(program: &str) -> bool {
    const CLIENTS: [&str; 23] = [
        "clickhouse-client",
        "cqlsh",
        "createdb",
        "ldapsearch",
        "mariadb",
        "mariadb-admin",
        "mariadb-dump",
        "mongo",
        "mongodump",
        "mongosh",
        "mosquitto_pub",
        "mosquitto_sub",
        "mysql",
        "mysqladmin",
        "mysqldump",
        "pg_dump",
        "pg_isready",
        "pg_restore",
        "psql",
        "rabbitmqadmin",
        "redis-cli",
        "valkey-cli",
        "wait4x",
    ];
    CLIENTS.binary_search(&program).is_ok()
}

/// One command of a script, as words.
fn command(words: &[&str], line: usize, found: &mut Vec<Mention>) {
    let program = |word: &&&str| {
        let name = base(word);
        takes_host(name) || has_host_flag(name)
    };
    let context = Context {
        promise: Promise::Host,
        outside: true,
        line,
    };
    let mention = match words.iter().position(|word| program(&word)) {
        Some(at) => {
            let name = base(words.get(at).copied().unwrap_or_default());
            let rest = words.get(at + 1..).unwrap_or_default();
            match takes_host(name) {
                true => operand(rest, context),
                false => by_flags(rest, context),
            }
        }
        // Whatever is called, or will be: `AUTH="-u root -h db"`.
        None => apart(words, &["-h", "-H", "--host"]).and_then(|host| {
            let context = Context {
                outside: false,
                ..context
            };
            hosts::bare_word(host, None, context)
        }),
    };
    let known = |new: &Mention| {
        let same =
            |old: &Mention| old.host == new.host && (new.port.is_none() || old.port == new.port);
        found.iter().any(same)
    };
    found.extend(mention.filter(|new| !known(new)));
}

fn base(word: &str) -> &str {
    let word = word.trim_matches(['"', '\'']);
    word.rsplit('/').next().unwrap_or(word)
}

/// The word behind the first of some flags.
fn apart<'w>(words: &[&'w str], flags: &[&str]) -> Option<&'w str> {
    words.windows(2).find_map(|two| match two {
        [flag, value] => flags
            .contains(&flag.trim_start_matches(['"', '\'']))
            .then_some(*value),
        _ => None,
    })
}

/// `nc -z -w 2 db 5432`: the first operand that may be a host, and the port behind it.
fn operand(words: &[&str], context: Context) -> Option<Mention> {
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        // `getent hosts db`
        if word.starts_with('-') || matches!(*word, "hosts" | "ahosts" | "ahostsv4" | "ahostsv6") {
            continue;
        }
        if word.contains("://") || word.contains(['=', '$', '>', '<', ':']) {
            return None;
        }
        let after = words.peek().and_then(|next| hosts::port(next));
        if let Some(mention) = hosts::bare_word(word, after, context) {
            return Some(mention);
        }
    }
    None
}

/// `redis-cli -h redis -p 6379`, `psql --host=db`.
fn by_flags(words: &[&str], context: Context) -> Option<Mention> {
    let value = |short: &str, long: &str| {
        let joined = |word: &&str| {
            let tail = word.strip_prefix(long)?.strip_prefix('=')?;
            Some(tail.to_owned())
        };
        let apart = apart(words, &[short, long]).map(str::to_owned);
        let glued = |word: &&str| {
            let tail = word.strip_prefix(short).filter(|tail| !tail.is_empty())?;
            (!word.starts_with("--")).then(|| tail.to_owned())
        };
        apart
            .or_else(|| words.iter().find_map(joined))
            .or_else(|| words.iter().find_map(glued))
    };
    let port = value("-p", "--port").or_else(|| value("-P", "--port"));
    let host = value("-h", "--host").or_else(|| value("-H", "--host"))?;
    let port = port.and_then(|port| hosts::port(port.trim_matches(['"', '\''])));
    hosts::bare_word(&host, port, context)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(found: &[Mention]) -> Vec<String> {
        let shown = found.iter().map(|m| match m.port {
            Some(port) => format!("{}:{port}", m.host),
            None => m.host.clone(),
        });
        shown.collect()
    }

    #[test]
    fn arguments_name_hosts() {
        for (words, expected) in [
            (
                vec!["--upstream=api:8080", "--listen=:9000"],
                vec!["api:8080"],
            ),
            (vec!["--db_addr", "db:27017"], vec!["db:27017"]),
            (
                vec!["--cart_svc", "carts", "no_such_svc:1", "orders-db:271"],
                vec!["carts", "orders-db:271"],
            ),
            (vec!["-connect", "a:1,b:2"], vec!["a:1", "b:2"]),
            (vec!["-Dcache.host=redis"], vec!["redis"]),
            (
                vec!["redis-cli", "-h", "redis", "-p", "6379"],
                vec!["redis", "redis:6379"],
            ),
            (vec!["server", "web"], vec![]),
            (
                vec!["--db-host", "db", "--db-port", "5432"],
                vec!["db:5432"],
            ),
            (vec!["--db-host=db", "--db-port=5432"], vec!["db:5432"]),
            (vec!["--db-host", "db"], vec!["db"]),
            (vec![r#"{"host":"db","port":5432}"#], vec!["db:5432"]),
            (vec!["--mode", "web"], vec![]),
            (vec!["--log-level=web"], vec![]),
            (vec!["nc", "-z", "db", "5432"], vec!["db:5432"]),
            (
                vec!["create", "--host=hook,hook.ns.svc", "--secret-name=x"],
                vec![],
            ),
            (
                vec!["create", "--host", "hook.ns.svc", "--secret-name", "x"],
                vec![],
            ),
            (vec!["create", "--host=db"], vec!["db"]),
        ] {
            let mut found = Vec::new();
            arguments(&words, &mut found);
            let found: Vec<Mention> = found.into_iter().map(|(_, mention)| mention).collect();
            assert_eq!(shown(&found), expected, "{words:?}");
        }
    }

    #[test]
    fn scripts_name_hosts() {
        for (text, expected) in [
            ("until nc -z db 5432; do sleep 1; done", vec!["db:5432"]),
            ("until nc -zw2 db 5432; do sleep 1; done", vec!["db:5432"]),
            (
                "while true; do curl -fsS http://api:8080/ping; done",
                vec!["api:8080"],
            ),
            ("curl api/health", vec!["api"]),
            ("curl -s api:8080/health", vec!["api:8080"]),
            (
                "until pg_isready -h db -p 5432; do sleep 1; done",
                vec!["db:5432"],
            ),
            (
                "psql --host=db --port=5433 -c 'select 1'",
                vec!["db:5433", "db"],
            ),
            ("mysqladmin ping -h mysql", vec!["mysql"]),
            ("wait-for-it.sh db:5432 -- run web", vec!["db:5432"]),
            ("# curl http://no:1", vec![]),
            ("exec web server --mode api", vec![]),
            ("echo redis", vec![]),
            ("until nslookup db; do sleep 2; done", vec!["db"]),
            ("until getent hosts db; do sleep 2; done", vec!["db"]),
            ("ssh root@db true", vec!["db"]),
            ("rabbitmqadmin -H mq list queues", vec!["mq"]),
            ("psql \"host=db user=x\"", vec!["db"]),
            ("AUTH=\"-uroot -h db\"", vec!["db"]),
            ("for h in db mq; do nc -z $h 1; done", vec!["db", "mq"]),
            (
                "DB_HOSTS=(\n  \"db-0.db\"\n  db-1.db\n)\n",
                vec!["db-0.db", "db-1.db"],
            ),
            ("MODES=(web worker)", vec![]),
            ("df -h /data", vec![]),
        ] {
            let mut found = Vec::new();
            script(text, &mut found);
            assert_eq!(shown(&found), expected, "{text}");
        }
    }

    #[test]
    fn what_is_printed_is_not_called_outside() {
        let mut found = Vec::new();
        script(
            "echo see https://example.com/docs\ncurl https://example.com",
            &mut found,
        );
        let outside: Vec<_> = found.iter().map(|m| (m.line, m.outside)).collect();
        assert_eq!(outside, [(0, false), (1, true)]);
    }
}
