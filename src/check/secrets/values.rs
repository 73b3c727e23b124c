//! What a value looks like: a reference, a placeholder, something harmless, or as if drawn at random.

use super::placeholders::{holds_word, is_placeholder};
use super::tables::{Look, Sort, VALUES};

/// Whether the value is written out: no reference to another place and no placeholder.
pub fn is_literal(value: &str) -> bool {
    let value = value.trim();
    !value.is_empty() && !is_reference(value) && !is_placeholder(value)
}

/// Whether the value says where the credential is, instead of what it is.
pub fn is_reference(value: &str) -> bool {
    let lower = value.trim().to_ascii_lowercase();
    let table = &*VALUES;
    if table
        .references
        .iter()
        .any(|start| lower.starts_with(start.as_str()))
    {
        return true;
    }
    if let Some((scheme, _)) = lower.split_once("://")
        && table
            .schemes
            .contains(scheme.rsplit('+').next().unwrap_or(scheme))
    {
        return true;
    }
    is_variable(value) || holds_template(value) || is_named_reference(value)
}

/// `$ref{database.password}`
fn is_named_reference(value: &str) -> bool {
    let reference = value.strip_prefix('$').and_then(|v| v.strip_suffix('}'));
    reference
        .and_then(|v| v.split_once('{'))
        .is_some_and(|(word, path)| {
            let sign = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'/');
            word.len() > 1
                && word.bytes().all(|b| b.is_ascii_lowercase())
                && !path.is_empty()
                && path.bytes().all(sign)
        })
}

/// `$NAME`, `%NAME%`, `%NAME`-like references of shells.
fn is_variable(value: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let inner = value.strip_prefix('%').and_then(|v| v.strip_suffix('%'));
    value
        .strip_prefix('$')
        .is_some_and(|name| is_name(name.trim_start_matches('$')) && !name.is_empty())
        || inner.is_some_and(is_name)
}

/// A template or variable somewhere inside.
fn holds_template(value: &str) -> bool {
    let between = |open: &str, close: &str| {
        value
            .find(open)
            .is_some_and(|at| value.get(at..).is_some_and(|rest| rest.contains(close)))
    };
    between("${", "}")
        || between("$(", ")")
        || between("{{", "}}")
        || between("<%", "%>")
        || between("#{", "}")
        || between("@@", "@@")
        || between("%(", ")s")
}

/// Whether the value is a setting that only happens to stand under such a name: a switch, a path, an
/// address, a duration, a digest, an expression.
pub fn is_setting(value: &str) -> bool {
    let value = value.trim();
    is_switch(value)
        || is_path(value)
        || is_file_name(value)
        || is_address(value)
        || is_measure(value)
        || is_digest(value)
        || is_expression(value)
        || is_prose(value)
}

/// A boolean in any of its spellings, or nothing.
pub fn is_switch(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    matches!(
        lower.as_str(),
        "" | "true"
            | "false"
            | "yes"
            | "no"
            | "on"
            | "off"
            | "null"
            | "none"
            | "nil"
            | "~"
            | "enabled"
            | "disabled"
            | "enable"
            | "disable"
            | "{}"
            | "[]"
            | "\"\""
            | "''"
    )
}

/// A path of a file: absolute, relative to here or home, or under a well-known directory.
fn is_path(value: &str) -> bool {
    if value.contains(char::is_whitespace) {
        return false;
    }
    let plain = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '*' | '@' | '~' | ':')
    };
    let segments = value.split('/').filter(|s| !s.is_empty());
    let wordy = |segment: &str| !looks_random(segment);
    let starts = value.starts_with('/')
        || value.starts_with("./")
        || value.starts_with("../")
        || value.starts_with("~/");
    let windows = value.len() > 3 && value.get(1..3) == Some(":\\");
    let relative = value.contains('/') && value.matches('/').count() <= 8;
    windows
        || (starts && value.chars().all(plain) && segments.clone().all(wordy))
        || (relative
            && value.chars().all(plain)
            && segments.clone().count() > 1
            && segments.clone().all(is_wordy))
}

/// Something people name things: lower-case words between signs, or one word.
fn is_wordy(segment: &str) -> bool {
    let trimmed = segment.trim_matches(|c: char| matches!(c, '.' | '*' | ':'));
    !trimmed.is_empty()
        && split_words(trimmed).all(|word| {
            let letters = word.bytes().filter(u8::is_ascii_alphabetic).count();
            let digits = word.len() - letters;
            let one_case = !word.bytes().skip(1).any(|b| b.is_ascii_uppercase())
                || word.bytes().all(|b| !b.is_ascii_lowercase());
            one_case && digits <= 3 && word.len() <= 20
        })
}

fn split_words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|w| !w.is_empty())
}

/// `tls.key`, `config.yaml`
fn is_file_name(value: &str) -> bool {
    const ENDINGS: [&str; 26] = [
        "pem",
        "key",
        "crt",
        "cer",
        "csr",
        "der",
        "p12",
        "pfx",
        "jks",
        "json",
        "yaml",
        "yml",
        "txt",
        "conf",
        "cfg",
        "ini",
        "toml",
        "xml",
        "properties",
        "env",
        "sh",
        "py",
        "js",
        "so",
        "sock",
        "keytab",
    ];
    value.rsplit_once('.').is_some_and(|(stem, ending)| {
        ENDINGS.contains(&ending.to_ascii_lowercase().as_str())
            && !stem.is_empty()
            && stem.len() < 80
            && !stem.contains(char::is_whitespace)
    })
}

/// An address without a credential: URL, host and port, e-mail, host name, cron-like or class names.
fn is_address(value: &str) -> bool {
    if value.contains(char::is_whitespace) {
        return false;
    }
    if let Some((scheme, rest)) = value.split_once("://") {
        return scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+.-:".contains(&b))
            && !rest.split('/').next().unwrap_or_default().contains('@')
            && !rest.contains("password=");
    }
    let host = |text: &str| {
        text.contains('.')
            && text.split('.').all(|part| {
                !part.is_empty()
                    && part
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
                    && is_wordy(part)
            })
            && text
                .split('.')
                .any(|part| part.bytes().any(|b| b.is_ascii_alphabetic()) && part.len() > 1)
    };
    let without_port = value
        .rsplit_once(':')
        .filter(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
        .map_or(value, |(h, _)| h);
    let local = value.split_once('@').is_some_and(|(user, domain)| {
        host(domain)
            && is_wordy(user)
            && domain.len() > 4
            && domain
                .rsplit('.')
                .next()
                .is_some_and(|tld| tld.len() >= 2 && tld.bytes().all(|b| b.is_ascii_lowercase()))
    });
    let dots = value.matches('.').count();
    (dots >= 2 && host(without_port))
        || (without_port.len() < value.len() && is_wordy(without_port))
        || local
}

/// A duration, a quantity, a version, a number with a unit, a list of scopes.
fn is_measure(value: &str) -> bool {
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let unit = value.get(digits..).unwrap_or_default();
    let units = [
        "s", "ms", "m", "h", "d", "w", "y", "ns", "us", "min", "mins", "sec", "secs", "days",
        "hours", "minutes", "seconds", "Ki", "Mi", "Gi", "Ti", "k", "M", "G", "KB", "MB", "GB",
        "kb", "mb", "gb", "%", "px", "em", "rem",
    ];
    let version = value.strip_prefix('v').unwrap_or(value);
    let is_version = version.contains('.')
        && version.split('.').count() <= 4
        && version
            .split('.')
            .all(|p| !p.is_empty() && p.len() <= 4 && p.bytes().all(|b| b.is_ascii_digit()));
    (digits > 0 && units.contains(&unit)) || is_version
}

/// `sha256:…` and the like.
fn is_digest(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    // A line of an htpasswd file.
    if let Some((user, hash)) = value.split_once(':')
        && !user.is_empty()
        && hash.starts_with(['$', '{'])
        && is_digest(hash)
    {
        return true;
    }
    [
        "sha256:", "sha512:", "sha1:", "md5:", "sha256-", "sha384-", "sha512-",
    ]
    .iter()
    .any(|mark| lower.starts_with(mark))
        || lower.starts_with("$2a$")
        || lower.starts_with("$2b$")
        || lower.starts_with("$2y$")
        || lower.starts_with("$argon2")
        || lower.starts_with("$6$")
        || lower.starts_with("$5$")
        || lower.starts_with("$1$")
        || lower.starts_with("$apr1$")
        || lower.starts_with("{ssha")
        || lower.starts_with("{sha")
        || lower.starts_with("{crypt}")
        || lower.starts_with("{bcrypt}")
        || lower.starts_with("{argon2")
        || lower.starts_with("scram-sha-256$")
        || lower.starts_with("pbkdf2")
        || lower.starts_with("scrypt:")
        || lower.starts_with("-----begin certificate")
        || lower.starts_with("-----begin public")
        || lower.starts_with("-----begin pkcs7")
        || lower.starts_with("ssh-rsa ")
        || lower.starts_with("ssh-ed25519 ")
        || lower.starts_with("ecdsa-sha2-")
        || lower.starts_with("age1")
}

/// A piece of a program, a regular expression, or a list of words.
fn is_expression(value: &str) -> bool {
    let call = value.contains('(')
        && (value.ends_with(')')
            || value.ends_with("),")
            || value.ends_with(");")
            || value.ends_with('('))
        && value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '(');
    let regex = value.starts_with('^') && value.ends_with('$')
        || value.contains("\\d")
        || value.contains("\\w")
        || value.contains("(?i)")
        || value.contains("[^")
        || value.contains("[a-z")
        || value.contains("[A-Z");
    let list = value.contains(',')
        && value.split(',').count() > 1
        && value.split(',').all(|part| {
            let part = part.trim();
            !part.is_empty() && (is_wordy(part) || part.contains('='))
        })
        || value.contains(", ") && value.split(", ").any(|part| part.starts_with('/'));
    let opening = matches!(
        value.chars().next(),
        Some('{' | '[' | '|' | '>' | '&' | '*' | '!')
    ) && value.len() < 3;
    let dotted = value.contains('.')
        && value.split('.').count() >= 2
        && value.split('.').all(|part| {
            !part.is_empty()
                && part.len() > 1
                && part.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_')
        });
    call || regex
        || list
        || opening
        || dotted
        || value.contains("=>")
        || value.contains("->")
        || value.contains("::")
}

/// Words of a sentence.
fn is_prose(value: &str) -> bool {
    let words: Vec<&str> = value.split_whitespace().collect();
    words.len() >= 2
        && words
            .iter()
            .filter(|w| {
                w.chars().all(|c| {
                    c.is_alphabetic()
                        || matches!(
                            c,
                            '.' | ',' | '\'' | '’' | '?' | '!' | ':' | '-' | '"' | '(' | ')'
                        )
                })
            })
            .count()
            * 4
            >= words.len() * 3
}

/// Whether the value is a default that everybody knows, for a name of that sort.
pub fn is_well_known(value: &str, sort: Sort) -> bool {
    let lower = value.trim().to_ascii_lowercase();
    let table = &*VALUES;
    table.defaults.contains(&lower)
        || (sort == Sort::Password && table.passwords.contains(&lower))
        || (sort == Sort::Secret && is_pair_of_words(&lower))
        || holds_default(&lower)
}

/// `admin:admin`: a user's name and a password, both words that everybody knows.
fn is_pair_of_words(value: &str) -> bool {
    value.split_once(':').is_some_and(|(user, password)| {
        is_common_word(user) && is_well_known(password, Sort::Password)
    })
}

/// Whether a value holds a part of a well-known default between signs, and is no address or path.
fn holds_default(value: &str) -> bool {
    let mut parts = VALUES.default_parts.iter();
    parts.any(|part| holds_word(value, part)) && !is_setting(value)
}

/// Whether the value is one of the words people take for a password while they try something out.
pub fn is_common_word(value: &str) -> bool {
    VALUES
        .passwords
        .contains(&value.trim().to_ascii_lowercase())
}

/// Whether the value looks as if drawn at random: letters and digits mixed beyond what a name has.
pub fn looks_random(value: &str) -> bool {
    let value = value.trim();
    let length = 8..=4096;
    if !length.contains(&value.len()) || value.contains(char::is_whitespace) || !value.is_ascii() {
        return false;
    }
    if is_hex(value) {
        return value.len() >= 16;
    }
    if is_uuid(value) {
        return true;
    }
    if is_scrambled(value) {
        return true;
    }
    let words: Vec<&str> = split_words(value).collect();
    let longest = words
        .iter()
        .copied()
        .max_by_key(|w| w.len())
        .unwrap_or_default();
    let mixed = words
        .iter()
        .filter(|w| is_mixed(w))
        .map(|w| w.len())
        .sum::<usize>();
    let single = words.len() == 1 || longest.bytes().any(|b| b.is_ascii_uppercase());
    let digits = longest.bytes().any(|b| b.is_ascii_digit());
    if longest.len() >= 16 && !is_camel(longest) && (digits || single) {
        return entropy(longest) >= 2.8;
    }
    mixed >= 8 && mixed * 2 >= value.len() && entropy(value) >= 2.75
}

/// Letters of both cases and digits change places all over the value, whatever signs are between
/// them, as in base64.
fn is_scrambled(value: &str) -> bool {
    let plain: Vec<u8> = value.bytes().filter(u8::is_ascii_alphanumeric).collect();
    let count = |test: fn(&u8) -> bool| plain.iter().filter(|b| test(b)).count();
    plain.len() >= 16
        && plain.len() * 5 >= value.len() * 4
        && count(u8::is_ascii_digit) >= 2
        && count(u8::is_ascii_uppercase) >= 2
        && count(u8::is_ascii_lowercase) >= 2
        && changes(&plain) * 3 >= plain.len()
}

/// 16 or more hexadecimal digits, some of them digits and some letters.
fn is_hex(value: &str) -> bool {
    value.len() >= 8
        && value.bytes().all(|b| b.is_ascii_hexdigit())
        && value.bytes().any(|b| b.is_ascii_digit())
        && value.bytes().any(|b| b.is_ascii_alphabetic())
}

/// A UUID in its usual writing.
pub fn is_uuid(value: &str) -> bool {
    value.len() == 36
        && value.split('-').map(str::len).eq([8, 4, 4, 4, 12])
        && value.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

/// Letters and digits change places more often than in a name: `aB3x9`, not `orders2` or `myApp`.
fn is_mixed(word: &str) -> bool {
    if word.len() < 5 {
        return false;
    }
    changes(word.as_bytes()) * 5 >= word.len() && !is_camel(word)
}

/// How often a digit, a small and a capital letter follow one another, a capitalised word not
/// counted.
fn changes(bytes: &[u8]) -> usize {
    let class = |b: u8| match b {
        b'0'..=b'9' => 0,
        b'a'..=b'z' => 1,
        _ => 2,
    };
    let differs = |pair: &&[u8]| match pair {
        [a, b] => class(*a) != class(*b) && !(class(*a) == 2 && class(*b) == 1),
        _ => false,
    };
    bytes.windows(2).filter(differs).count()
}

/// Words of three and more letters, written together: `SecretsManagerBackend`.
fn is_camel(word: &str) -> bool {
    if !word.bytes().all(|b| b.is_ascii_alphabetic()) {
        return false;
    }
    let parts = super::names::split(word);
    let is_word = |part: &&String| part.len() >= 3 && part.contains(['a', 'e', 'i', 'o', 'u', 'y']);
    let in_words: usize = parts.iter().filter(is_word).map(String::len).sum();
    parts.len() > 1 && in_words * 5 >= word.len() * 3
}

/// Shannon entropy of the characters, in bits for each.
pub fn entropy(text: &str) -> f64 {
    let mut counts = [0u32; 256];
    for byte in text.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let total = text.len() as f64;
    counts
        .iter()
        .filter(|&&count| count > 0)
        .map(|&count| {
            let share = f64::from(count) / total;
            -share * share.log2()
        })
        .sum()
}

/// Whether the value looks as a form asks for.
pub fn fits(value: &str, look: Look) -> bool {
    match look {
        Look::Literal => is_literal(value),
        Look::Password => is_literal(value) && !is_setting(value),
        Look::Random => is_literal(value) && looks_random(value),
        Look::VeryRandom => {
            is_literal(value) && value.len() >= 24 && looks_random(value) && entropy(value) >= 3.5
        }
        Look::Basic => super::encoded::decode(value)
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .is_some_and(|text| {
                text.split_once(':').is_some_and(|(user, password)| {
                    !text.contains(char::is_control)
                        && user.len() < 80
                        && is_literal(user)
                        && is_literal(password)
                })
            }),
        Look::Bootstrap => value.split_once('.').is_some_and(|(id, secret)| {
            let digit = |text: &str| {
                text.bytes().any(|b| b.is_ascii_digit())
                    && text.bytes().any(|b| b.is_ascii_lowercase())
            };
            digit(secret) && (digit(id) || entropy(secret) > 3.2)
        }),
    }
}

/// Whether a value under a name of that sort is a credential. `loose`: in a Secret, where whatever is
/// written out under such a name is one.
pub fn is_credential(value: &str, sort: Sort, loose: bool) -> bool {
    let value = value.trim();
    if value.len() > 4096 || !is_literal(value) {
        return false;
    }
    if loose {
        return value.len() > 1
            && !is_path(value)
            && !is_switch(value)
            && !is_file_name(value)
            && !is_address(value)
            && !is_digest(value)
            || is_well_known(value, sort);
    }
    if is_well_known(value, sort) {
        return true;
    }
    if is_setting(value) {
        return false;
    }
    match sort {
        Sort::Password => true,
        Sort::Secret => !is_plain_name(value) || looks_random(value),
        Sort::Token => looks_random(value),
    }
}

/// What people call objects: lower-case words joined by hyphens, one word, a number.
pub fn is_plain_name(value: &str) -> bool {
    let digits = value.bytes().all(|b| b.is_ascii_digit());
    digits
        || value.len() < 4
        || (is_wordy(value)
            && value.bytes().all(|b| {
                b.is_ascii_lowercase()
                    || b.is_ascii_digit()
                    || matches!(b, b'-' | b'.' | b'_' | b'/' | b':')
            }))
        || is_camel(value)
        || value.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
}
