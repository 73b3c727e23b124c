//! Credentials in a text of any format, by the names in front of them.
//!
//! No format is parsed. A piece of a word that names credentials (`pass`, `token`) is found first, then
//! the whole name around it, then what follows: a sign that assigns, and the value. So properties,
//! INI, TOML, HCL, shell, XML, SQL, JSON and formats nobody has thought of are read alike.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::hit::{Hit, Rule};
use super::names::{self, Named};
use super::scan::Style;
use super::tables::Sort;
use super::values;

/// Pieces of the words that name credentials.
pub const WORDS: [&str; 13] = [
    "pass", "pwd", "secret", "token", "key", "cred", "auth", "cookie", "psk", "_pat", "-pat",
    "jwt", "salt",
];

/// To find them one after the other, in texts that have some.
static PIECES: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .kind(Some(AhoCorasickKind::DFA))
        .build(WORDS)
        .ok()
});

/// Every credential with a name in front of it. `taken` are those found by their form.
pub fn find(text: &str, style: Style, taken: &[Hit]) -> Vec<Hit> {
    let mut hits = Vec::new();
    let Some(pieces) = PIECES.as_ref() else {
        return hits;
    };
    let mut done = 0;
    let most = 500;
    for piece in pieces.find_iter(text) {
        if piece.start() < done || hits.len() >= most {
            continue;
        }
        let name = name_around(text, piece.start(), piece.end());
        done = name.end;
        let inside = |hit: &Hit| hit.at <= name.start && name.start < hit.at + hit.span;
        if taken.iter().any(inside) || is_comment(text, name.start) {
            continue;
        }
        let Some(named) = names::classify(name.of(text)) else {
            continue;
        };
        let Some(value) = value_after(text, name, named.sort, style) else {
            continue;
        };
        if !value.quoted && is_in_template(text, name.start) {
            continue;
        }
        done = value.start;
        if let Some(hit) = judge(value, text, named, style) {
            done = value.end;
            hits.push(hit);
        }
    }
    hits
}

/// A stretch of a text.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    start: usize,
    end: usize,
    quoted: bool,
}

impl Stretch {
    fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or_default()
    }
}

fn is_name_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')
}

/// The name around a piece of it.
fn name_around(text: &str, start: usize, end: usize) -> Stretch {
    let bytes = text.as_bytes();
    let before = bytes.get(..start).unwrap_or_default();
    let after = bytes.get(end..).unwrap_or_default();
    let left = before
        .iter()
        .rev()
        .take(80)
        .take_while(|&&b| is_name_byte(b))
        .count();
    let right = after
        .iter()
        .take(80)
        .take_while(|&&b| is_name_byte(b))
        .count();
    Stretch {
        start: start - left,
        end: end + right,
        quoted: false,
    }
}

/// How much of a line is looked at before a name.
const LINE: usize = 1024;

/// The line a place is on, up to the place; of a long one its end.
fn line_before(text: &str, at: usize) -> &str {
    let from = text.floor_char_boundary(at.saturating_sub(LINE));
    let before = text.get(from..at).unwrap_or_default();
    before.rsplit('\n').next().unwrap_or_default()
}

/// Whether the place is in a comment that has the line for itself.
fn is_comment(text: &str, at: usize) -> bool {
    let line = line_before(text, at).trim_start();
    let registry = line.starts_with("//")
        && text
            .get(at.saturating_sub(1)..)
            .is_some_and(|t| t.starts_with(':') || t.starts_with('_'));
    (line.starts_with('#') && !line.starts_with("#{"))
        || (line.starts_with("//") && !registry)
        || line.starts_with(';')
        || line.starts_with("-- ")
        || line.starts_with("* ")
        || line.starts_with("/*")
        || line.starts_with("<!--")
        || line.starts_with('%') && line.starts_with("% ")
        || line.to_ascii_lowercase().starts_with("rem ")
}

/// Whether a place is in an action of a template: `{{ range $secret := .Secrets }}`.
fn is_in_template(text: &str, at: usize) -> bool {
    let line = line_before(text, at);
    line.rfind("{{")
        .is_some_and(|open| line.rfind("}}").is_none_or(|close| close < open))
}

/// The value that a name is given.
fn value_after(text: &str, name: Stretch, sort: Sort, style: Style) -> Option<Stretch> {
    let before = text.get(..name.start)?;
    let rest = text.get(name.end..)?;
    if before.ends_with("</") {
        return None;
    }
    let element = before.ends_with('<');
    if element && let Some(body) = rest.strip_prefix('>') {
        let length = body.find('<')?;
        return trimmed(text, name.end + 1, name.end + 1 + length);
    }
    let flag =
        before.ends_with(['-', ' ', '\t', '\n', '"', '\'']) && name.of(text).starts_with('-');
    let mut at = skip(text, name.end, |c| {
        matches!(c, '"' | '\'' | ']' | '`' | '\\')
    });
    let quoted_name = at > name.end
        && text
            .get(name.end..at)
            .is_some_and(|q| q.contains(['"', '\'']));
    if let Some(start) = in_next_element(text, at) {
        let length = text.get(start..)?.find('<')?;
        return trimmed(text, start, start + length);
    }
    let spaces = skip(text, at, |c| matches!(c, ' ' | '\t'));
    let tail = text.get(spaces..)?;
    let sign = ["=>", ":=", "?=", "+=", "||=", "=", ":"]
        .into_iter()
        .find(|sign| tail.starts_with(sign));
    if let Some(sign) = sign {
        at = spaces + sign.len();
        let next = text.get(at..)?;
        if next.starts_with(['=', '~', ':']) {
            return None;
        }
        // A variable of psql: `PASSWORD :'app_password'`.
        let apart = text.get(..spaces)?.ends_with(' ') && !next.starts_with([' ', '\t']);
        if sign == ":" && apart && !quoted_name {
            return None;
        }
        if sign != ":" || !next.starts_with("//") {
            at = skip(text, at, |c| matches!(c, ' ' | '\t'));
            let value = read_value(text, at, style)?;
            if sign == ":" && is_entry_point(before, name.of(text), next) || is_list(text, value) {
                return None;
            }
            let spoken = sign == ":" && !value.quoted && follows_word(before);
            return (!spoken || values::looks_random(value.of(text))).then_some(value);
        }
        return None;
    }
    // A variable that is used: `login "$USER" "$PASSWORD" "-h"`. NGINX gives it a value by `set`.
    let used = before.ends_with('$') || before.ends_with("${");
    let is_set = || {
        line_before(text, name.start)
            .trim_start()
            .starts_with("set ")
    };
    if used && !is_set() {
        return None;
    }
    if quoted_name && let Some(body) = tail.strip_prefix('>') {
        let start = spaces + 1;
        return trimmed(text, start, start + body.find('<')?);
    }
    let argument = before.trim_end_matches(['"', '\'']).ends_with('(')
        && sort != Sort::Password
        && names::is_one_word(name.of(text));
    if quoted_name && let Some(pair) = second_of_pair(text, spaces, sort) {
        // Words that a call is given: `compare('token', 'mysecret')`.
        let word = argument && values::is_plain_name(pair.of(text));
        return (!word).then_some(pair);
    }
    let spaced = spaces > at;
    if !spaced || element || PASSES_ON.contains(&name.of(text)) {
        return None;
    }
    let value = read_value(text, spaces, style)?;
    let line = line_before(text, name.start).trim_start();
    let ends_line = text
        .get(value.end..)?
        .trim_start_matches(['"', '\'', ' ', '\t', ';', '\r'])
        .starts_with('\n')
        || text
            .get(value.end..)?
            .trim_end_matches(['"', '\'', ' ', ';'])
            .is_empty();
    // `requirepass value`; a line of running text looks the same but for its last word.
    let credential = value.of(text);
    let telling = is_directive(name.of(text), credential, sort)
        || values::looks_random(credential)
        || values::is_well_known(credential, Sort::Password)
        || credential.bytes().any(|b| b.is_ascii_digit());
    let directive = ends_line
        && telling
        && text.contains('\n')
        && (line.is_empty()
            || matches!(
                line.trim_end(),
                "set" | "export" | "setenv" | "-" | "ENV" | "user" | "config set" | "SetEnv"
            ));
    let netrc = line.contains("login ") || line.contains("machine ");
    (flag || value.quoted && !style.prose || directive && !style.prose || netrc).then_some(value)
}

/// Directives of NGINX that say whom to pass requests on to.
const PASSES_ON: [&str; 6] = [
    "fastcgi_pass",
    "grpc_pass",
    "memcached_pass",
    "proxy_pass",
    "scgi_pass",
    "uwsgi_pass",
];

/// Whether a name that is no English word by itself gives a password, as in `requirepass value`, and no
/// type: `DBPassword SecretString`.
fn is_directive(name: &str, value: &str, sort: Sort) -> bool {
    let is_type = value.starts_with(|c: char| c.is_ascii_uppercase())
        && value.bytes().all(|b| b.is_ascii_alphabetic());
    sort == Sort::Password && names::is_compound(name) && !is_type
}

/// Whether a name is the module of an entry point and the value a name in it: it is itself given to
/// another name, as in `paste.filter_factory = heat.common.auth_password:filter_factory`.
fn is_entry_point(before: &str, name: &str, after: &str) -> bool {
    let given = before.trim_end_matches([' ', '\t', '"', '\'']);
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    let rest = after.trim_start_matches(inside);
    let line = rest.lines().next().unwrap_or_default();
    name.contains('.')
        && given.ends_with(['=', ':'])
        && after.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && line
            .trim_start_matches(['"', '\'', ' ', '\t', ','])
            .is_empty()
}

/// Whether a value is the first of a list with a path in it: `RegExpFilter, cat, root, cat, /etc/passwd`.
fn is_list(text: &str, value: Stretch) -> bool {
    let rest = text.get(value.end..).unwrap_or_default();
    let line = rest.lines().next().unwrap_or_default();
    !value.quoted && line.starts_with(", ") && line.contains(", /")
}

/// Whether a name comes after a word of a sentence: `no password: literals`.
fn follows_word(before: &str) -> bool {
    let word = before.trim_end_matches([' ', '\t']);
    word.len() < before.len() && word.ends_with(|c: char| c.is_alphabetic())
}

/// `name</name><value>…`, `name" value="…`, `name",\n "value": "…`: where the value of a pair begins.
fn in_next_element(text: &str, at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let close = rest.strip_prefix("</")?;
    let after = close.find('>')? + 3;
    let next = rest.get(after..)?;
    let gap = next.len() - next.trim_start().len();
    ["<value>", "<Value>", "<string>"]
        .into_iter()
        .find_map(|tag| {
            next.trim_start()
                .starts_with(tag)
                .then_some(at + after + gap + tag.len())
        })
}

/// After a quoted name: `, "value": "…"`, ` value="…"`, `, '…'`.
fn second_of_pair(text: &str, at: usize, sort: Sort) -> Option<Stretch> {
    let rest = text.get(at..)?;
    let trimmed_rest = rest.trim_start_matches([',', ' ', '\t', '\n', '\r']);
    let start = at + rest.len() - trimmed_rest.len();
    let named = [
        "value=",
        "\"value\":",
        "'value':",
        "value:",
        "\"Value\":",
        "content=",
        "Value=",
    ]
    .into_iter()
    .find(|key| trimmed_rest.starts_with(key));
    if let Some(key) = named {
        let from = skip(text, start + key.len(), |c| matches!(c, ' ' | '\t'));
        return read_value(text, from, Style::default());
    }
    let direct = rest.trim_start_matches(' ').starts_with(',')
        && !rest.trim_start_matches([',', ' ']).starts_with('\n');
    let value = read_value(text, start, Style::default())?;
    // A list of names looks the same: what follows must not be one more.
    let second = value.of(text);
    let credential = values::looks_random(second)
        || names::classify(second).is_none() && values::is_well_known(second, Sort::Token)
        || sort == Sort::Password && !values::is_plain_name(second);
    (direct && value.quoted && credential).then_some(value)
}

fn skip(text: &str, at: usize, which: impl Fn(char) -> bool) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.len() - rest.trim_start_matches(which).len()
}

fn trimmed(text: &str, start: usize, end: usize) -> Option<Stretch> {
    let inner = text.get(start..end)?;
    let value = inner.trim();
    let from = start + inner.len() - inner.trim_start().len();
    (!value.is_empty()).then_some(Stretch {
        start: from,
        end: from + value.len(),
        quoted: true,
    })
}

/// Longer values are read up to here.
const LONGEST: usize = 4096;

/// A value that begins at a place: quoted up to its quote, else up to a space or a sign that ends it.
fn read_value(text: &str, at: usize, style: Style) -> Option<Stretch> {
    let limit = text.floor_char_boundary((at + LONGEST).min(text.len()));
    let text = text.get(..limit)?;
    let rest = text.get(at..)?;
    // Python and C++ put letters before a quote, JSON in a string a backslash.
    let prefix = [
        "rb'", "rb\"", "b'", "b\"", "r'", "r\"", "u'", "u\"", "f'", "f\"", "\\\"", "\\'", "@\"",
        "$'",
    ]
    .into_iter()
    .find(|p| rest.starts_with(p))
    .map_or(0, |p| p.len() - 1);
    let body = rest.get(prefix..)?;
    let quote = body.chars().next()?;
    if matches!(quote, '"' | '\'' | '`') {
        let start = at + prefix + 1;
        let inner = text.get(start..)?;
        let mut escaped = false;
        for (offset, c) in inner.char_indices().take(4096) {
            match c {
                '\n' => break,
                '\\' if !escaped && prefix == 0 => escaped = true,
                '\\' if prefix > 0
                    && inner
                        .get(offset..)
                        .is_some_and(|t| t.starts_with("\\\"") || t.starts_with("\\'")) =>
                {
                    return Some(Stretch {
                        start,
                        end: start + offset,
                        quoted: true,
                    });
                }
                c if c == quote && !escaped => {
                    return Some(Stretch {
                        start,
                        end: start + offset,
                        quoted: true,
                    });
                }
                _ => escaped = false,
            }
        }
        return None;
    }
    if style.code {
        return None;
    }
    let ends = |c: char| {
        c.is_whitespace()
            || matches!(
                c,
                ',' | ';' | '&' | '<' | '>' | '"' | '\'' | '`' | ')' | '}' | ']' | '|' | '\\'
            )
    };
    let whole_line = style
        .lines
        .then(|| rest.lines().next().unwrap_or_default().trim_end());
    let end = match whole_line {
        Some(line) if !line.contains(['"', '\'']) && !line.contains(char::is_whitespace) => {
            line.len()
        }
        _ => rest.find(ends).unwrap_or(rest.len()),
    };
    (end > 0).then_some(Stretch {
        start: at,
        end: at + end,
        quoted: false,
    })
}

fn judge(value: Stretch, text: &str, named: Named, style: Style) -> Option<Hit> {
    let credential = value.of(text);
    if !value.quoted && is_code(credential, text.get(value.end..).unwrap_or_default()) {
        return None;
    }
    let sort = named.sort;
    if names::names_a_key(named, credential) || !values::is_credential(credential, sort, false) {
        return None;
    }
    if value.quoted && (credential.contains(['$', '<']) && credential.contains(' ')) {
        return None;
    }
    let rule = match values::is_well_known(credential, sort) {
        true => Rule::WeakDefault,
        false => Rule::NamedValue,
    };
    if style.prose && !values::looks_random(credential) {
        return None;
    }
    Some(Hit::new(rule, named.what, value.start, credential))
}

/// An unquoted value that is a piece of a program: a call, a member, a type, a variable.
fn is_code(value: &str, after: &str) -> bool {
    value.starts_with(['(', '[', '{', '$', '&', '*', '!', '@', '%', '^', '|', '?'])
        || value.contains(['(', '[', '{'])
        || after.starts_with(['(', '['])
        || value.ends_with(':')
        || matches!(
            value,
            "new"
                | "await"
                | "self"
                | "this"
                | "lambda"
                | "function"
                | "const"
                | "let"
                | "var"
                | "not"
                | "and"
                | "or"
                | "is"
                | "in"
        )
}
