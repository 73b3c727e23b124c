//! What a name says about the value under it.

use std::sync::LazyLock;

use super::keywords::Keywords;
use super::tables::{NAMES, Sort};

/// What a value is called in a finding, and how much it has to look like a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// How the value is judged.
    pub sort: Sort,
    /// The noun, with its article.
    pub what: &'static str,
}

/// A name, with what it says of its value: that is asked more than once of most names.
#[derive(Clone, Copy, Debug, Default)]
pub struct Name<'a> {
    /// The name itself.
    pub text: &'a str,
    /// What it says; `None` where it names no credential.
    pub says: Option<Named>,
    /// Whether it holds a piece of a word that names credentials.
    pub has_piece: bool,
}

impl<'a> Name<'a> {
    /// A name, read.
    pub fn of(text: &'a str) -> Name<'a> {
        let has_piece = may_be_credential(text);
        Name {
            text,
            says: has_piece.then(|| judge(text)).flatten(),
            has_piece,
        }
    }
}

/// The longest name that is looked at; longer ones are text.
const MAX: usize = 200;

/// What a name says of its value; `None` for one that names no credential.
pub fn classify(name: &str) -> Option<Named> {
    Name::of(name).says
}

/// The same of a name that holds a piece of a word that names credentials.
fn judge(name: &str) -> Option<Named> {
    if name.len() > MAX {
        return None;
    }
    let mut words = split(name);
    let names = &*NAMES;
    if is_about(&words) {
        return None;
    }
    if let Some(phrase) = names.phrases.iter().find(|p| words.ends_with(&p.words)) {
        let (sort, what) = (Sort::Password, phrase.what.as_str());
        return Some(Named { sort, what });
    }
    drop_trailing(&mut words);
    let (last, before) = words.split_last()?;
    let previous = before.last().map_or("", String::as_str);
    if names.absent.contains(previous) {
        return None;
    }
    if last == "key" {
        return key(before);
    }
    let sort = *names.credentials.get(last.as_str())?;
    let what = match last.as_str() {
        "passphrase" | "passphrases" => "a passphrase",
        "token" | "tokens" | "pat" | "jwt" | "bearer" | "authtoken" => "a token",
        "cookie" => "a shared cookie",
        "salt" | "pepper" | "nonce" => "a salt",
        "keys" => return key(before).filter(|_| !previous.is_empty()),
        "auth" | "authorization" | "webhook" => "a credential",
        "credential" | "credentials" | "creds" | "cred" => "a credential",
        _ if sort == Sort::Password => "a password",
        _ => "a secret",
    };
    // `db-secret` may be the name of a Secret object; `client-secret` hardly is.
    let sort = match (last.as_str(), sort) {
        ("secret", Sort::Secret) if !before.is_empty() && !is_key_word(previous) => Sort::Token,
        // Nodes of Erlang know each other by it, and people write it by hand.
        ("cookie", _) if previous == "erlang" => Sort::Password,
        _ => sort,
    };
    Some(Named { sort, what })
}

/// Whether one of the words takes the meaning away; a schema registry is a server.
fn is_about(words: &[String]) -> bool {
    let mut places = words.iter().enumerate();
    places.any(|(place, word)| {
        let is_server = word == "schema" && words.get(place + 1).is_some_and(|w| w == "registry");
        NAMES.about.contains(word.as_str()) && !is_server
    })
}

/// Leaves out words at the end that do not change the meaning, but never the only one.
fn drop_trailing(words: &mut Vec<String>) {
    while words.len() > 1 {
        let Some(last) = words.last() else { break };
        let is_number = last.bytes().all(|b| b.is_ascii_digit());
        // The password of `admin`, but the key of the `admin`.
        if is_number || NAMES.trailing.contains(last.as_str()) {
            words.pop();
        } else {
            break;
        }
    }
}

/// What the key of a Secret says of its value: as [`classify`], and a password with words behind it
/// that say whose it is (`password-replica`), not something about it.
pub fn classify_in_secret(name: Name<'_>) -> Option<Named> {
    if name.says.is_some() {
        return name.says;
    }
    if name.text.len() > MAX || !name.has_piece {
        return None;
    }
    let words = split(name.text);
    let names = &*NAMES;
    let is_password = |word: &String| names.credentials.get(word.as_str()) == Some(&Sort::Password);
    let at = words.iter().position(is_password)?;
    let behind = words.get(at + 1..).filter(|behind| !behind.is_empty())?;
    let of_it = |word: &String| names.of_passwords.contains(word.as_str());
    (!is_about(&words) && !behind.iter().any(of_it)).then_some(Named {
        sort: Sort::Password,
        what: "a password",
    })
}

/// Words before `primary` and the like that make the key behind them one that encrypts.
const OF_CIPHERS: [&str; 5] = ["cipher", "crypto", "encrypt", "encryption", "signing"];

/// A `key` after other words.
fn key(before: &[String]) -> Option<Named> {
    let names = &*NAMES;
    let previous = before.last().map_or("", String::as_str);
    let encrypts = || {
        before
            .iter()
            .any(|word| OF_CIPHERS.contains(&word.as_str()))
    };
    if previous.is_empty() || names.not_keys.contains(previous) && !encrypts() {
        return None;
    }
    let what = match previous {
        "api" | "app" | "application" => "an API key",
        "private" => "a private key",
        "access" => "an access key",
        "secret" => "a secret key",
        _ => "a key",
    };
    let sort = match is_key_word(previous) {
        true => Sort::Secret,
        false => Sort::Token,
    };
    Some(Named { sort, what })
}

fn is_key_word(word: &str) -> bool {
    NAMES.keys.contains(word)
}

/// Whether the name holds a piece of a word that names credentials: most do not, and splitting
/// takes time.
fn may_be_credential(name: &str) -> bool {
    PIECES.any(name)
}

/// Pieces of the words of policies/secret-names.yaml; a test asserts that none is missing.
static PIECES: LazyLock<Keywords> = LazyLock::new(|| {
    Keywords::new(vec![
        "pass", "pw", "psk", "pswd", "secret", "token", "key", "cred", "auth", "cookie", "salt",
        "pat", "jwt", "wort", "bearer", "webhook", "pepper", "nonce", "otp", "hec",
    ])
});

/// The words of a name in lower case: cut at signs, at the borders of camelCase and of digits, and
/// inside words that end like a credential (`pgpassword`).
pub fn split(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut before = None;
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        if !c.is_alphanumeric() || is_border(before, c, chars.peek().copied()) {
            push(&mut words, &mut word);
        }
        match c {
            _ if c.is_ascii_alphanumeric() => word.push(c.to_ascii_lowercase()),
            _ if c.is_alphanumeric() => word.extend(c.to_lowercase()),
            _ => {}
        }
        before = Some(c);
    }
    push(&mut words, &mut word);
    words
}

/// Whether a word begins at a letter or digit, by the character before and the one after it.
fn is_border(before: Option<char>, c: char, after: Option<char>) -> bool {
    match before {
        Some(b) if b.is_lowercase() && c.is_uppercase() => true,
        Some(b) if b.is_numeric() != c.is_numeric() && b.is_alphanumeric() => true,
        // The last capital of an acronym begins the next word: APIKey.
        Some(b) if b.is_uppercase() && c.is_uppercase() => after.is_some_and(char::is_lowercase),
        _ => false,
    }
}

/// No ending of policies/secret-names.yaml is longer; a test asserts it.
const LONGEST_ENDING: usize = 16;

fn push(words: &mut Vec<String>, word: &mut String) {
    if word.is_empty() {
        return;
    }
    let word = std::mem::take(word);
    let endings = &NAMES.endings;
    let inside = || {
        (word.len().saturating_sub(LONGEST_ENDING)..word.len())
            .filter(|&at| word.is_char_boundary(at))
            .find_map(|at| Some((at, endings.get(word.get(at..)?)?)))
    };
    match may_be_credential(&word).then(inside).flatten() {
        Some((at, ending)) => {
            let head = word.get(..at).unwrap_or_default();
            if !head.is_empty() {
                words.push(head.to_owned());
            }
            words.extend(ending.iter().cloned());
        }
        None => words.push(word),
    }
}

/// Whether a `key` is named by its value: `STRING_KEY: secret` says under which key to look. After a word
/// that makes a credential of it, as in `API_KEY: secret`, the value is one.
pub fn names_a_key(named: Named, value: &str) -> bool {
    named.what == "a key" && named.sort == Sort::Token && classify(value).is_some()
}

/// Whether a name is one word of small letters.
pub fn is_one_word(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_lowercase()) && split(name).len() == 1
}

/// Whether a name is written as one word and made of more, the last of which names a credential, as the
/// directives of servers are: `requirepass`, but not `proxy_pass`.
pub fn is_compound(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_alphabetic()) && split(name).len() > 1
}

/// Whether a name says of which sort something is.
pub fn says_which_sort(name: &str) -> bool {
    let words = split(name);
    words
        .last()
        .is_some_and(|last| NAMES.sorts.contains(last.as_str()))
}

/// Whether a file of that name holds words that are shown to people.
pub fn is_label_file(name: &str) -> bool {
    split(name)
        .iter()
        .any(|word| NAMES.label_files.contains(word.as_str()))
}

/// Whether the name is written like a variable of the environment.
pub fn is_variable(name: &str) -> bool {
    name.contains('_')
        && name
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

/// Whether the name says that its value is a user's name, which is no secret.
pub fn is_user(name: &str) -> bool {
    let words = split(name);
    words.last().is_some_and(|last| {
        matches!(
            last.as_str(),
            "user" | "username" | "login" | "email" | "principal"
        ) || (last == "name" && words.iter().rev().nth(1).is_some_and(|w| w == "user"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_into_words() {
        for (name, expected) in [
            ("ADMIN_PASSWORD", "admin password"),
            ("dbPassword", "db password"),
            ("APIKey", "api key"),
            ("AWSSecretKey2", "aws secret key 2"),
            ("pgpassword", "pg password"),
            ("requirepass", "require password"),
            ("minPasswordLength", "min password length"),
            ("spring.datasource.password", "spring datasource password"),
            (
                "hub.config.JupyterHub.cookie_secret",
                "hub config jupyter hub cookie secret",
            ),
            ("SONAR_WEB_SYSTEMPASSCODE", "sonar web system passcode"),
            ("bypass", "bypass"),
        ] {
            assert_eq!(split(name).join(" "), expected, "{name}");
        }
    }

    #[test]
    fn keys_of_secrets_may_say_whose_password_it_is() {
        for (name, expected) in [
            ("password-replica", true),
            ("auth.password_in", true),
            ("password", true),
            ("password-file", false),
            ("PASSWORD_POLICY", false),
            ("passwordMinLength", false),
            ("bypass-rule", false),
            ("secretName", false),
        ] {
            let name = Name::of(name);
            assert_eq!(
                classify_in_secret(name).is_some(),
                expected,
                "{}",
                name.text
            );
        }
    }

    #[test]
    fn no_word_is_overlooked_before_names_are_cut() {
        for word in NAMES.credentials.keys().chain(NAMES.endings.keys()) {
            assert!(may_be_credential(word), "{word}");
        }
        let longest = NAMES.endings.keys().map(String::len).max();
        assert!(longest.is_some_and(|length| length <= LONGEST_ENDING));
    }

    #[test]
    fn words_are_cut_off_in_front_of_every_ending() {
        for (ending, words) in &NAMES.endings {
            let expected = format!("y {}", words.join(" "));
            assert_eq!(split(&format!("y{ending}")).join(" "), expected);
        }
    }

    #[test]
    fn the_last_word_decides() {
        use Sort::{Password, Secret, Token};
        for (name, expected) in [
            ("POSTGRES_PASSWORD", Some(Password)),
            ("MINIO_ROOT_PASSWORD", Some(Password)),
            ("PASSWORD_1", Some(Password)),
            ("requirepass", Some(Password)),
            ("SMTP_PASS", Some(Password)),
            ("mongodb-passwords", Some(Password)),
            ("admin/password", Some(Password)),
            ("client-secret", Some(Secret)),
            ("SECRET_KEY_BASE", Some(Secret)),
            ("db-secret", Some(Token)),
            ("apiKey", Some(Secret)),
            ("DD_APP_KEY", Some(Secret)),
            ("OPENAI_KEY", Some(Token)),
            ("GITHUB_PAT", Some(Token)),
            ("RABBITMQ_ERLANG_COOKIE", Some(Password)),
            ("VAULT_DEV_ROOT_TOKEN_ID", Some(Password)),
            ("schema.registry.basic.auth.user.info", Some(Password)),
            ("SCHEMA_REGISTRY_PASSWORD", Some(Password)),
            ("SCHEMA_PASSWORD", None),
            ("TOKEN_ID", None),
            ("user.info", None),
            ("NOPASSWD", None),
            ("MYSQL_ALLOW_EMPTY_PASSWORD", None),
            ("loginWithoutPassword", None),
            ("emptyDirPassword", Some(Password)),
            ("DEFAULT_CREDS_KEY", None),
            ("auth-cookie", Some(Token)),
            ("tokenURL", None),
            ("secretName", None),
            ("PASSWORD_FILE", None),
            ("passwordMinLength", None),
            ("IDENTITY_PASSWORD_POLICY", None),
            ("AIRFLOW__API__SECRET_KEY_CMD", None),
            ("checksum/secret", None),
            ("existingSecret", None),
            ("SORT_KEY", None),
            ("publicKey", None),
            ("key", None),
            ("TOKENIZERS_PARALLELISM", None),
            ("AUTHOR", None),
            ("bypass", None),
            ("compass", None),
            ("PATH", None),
            ("ENCRYPTION_PRIMARY_KEY", Some(Secret)),
            ("clusterkey", Some(Token)),
            ("publickey", None),
        ] {
            assert_eq!(classify(name).map(|named| named.sort), expected, "{name}");
        }
    }
}
