//! Addresses with a password in them: `postgres://app:password@db/app`.

use super::hit::{Hit, Rule};
use super::{names, values};

/// What stands between scheme and host.
pub const SIGN: &str = "://";

/// Longer ones are read up to here.
const LONGEST: usize = 2048;

/// Every URL in a text whose user information holds a password.
pub fn find(text: &str) -> Vec<Hit> {
    let signs = text.match_indices(SIGN);
    signs.filter_map(|(at, _)| one(text, at)).collect()
}

/// The URL whose `://` stands at `at`.
fn one(text: &str, at: usize) -> Option<Hit> {
    let scheme = text.get(..at)?;
    if !scheme.ends_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let start = at + SIGN.len();
    let end = text.floor_char_boundary((start + LONGEST).min(text.len()));
    let rest = text.get(start..end)?;
    let ends =
        |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`' | '\\' | ',' | '|');
    let whole = rest.split(ends).next()?;
    let authority = whole.split(['/', '?', '#']).next()?;
    // A password may hold a slash; a port does not.
    let user_info = match authority.rfind('@') {
        Some(at) => authority.get(..at)?,
        None => {
            let up_to = whole.get(..whole.rfind('@')?)?;
            let after = up_to.split_once(':')?.1;
            let is_port = after
                .split('/')
                .next()
                .is_some_and(|p| p.bytes().all(|b| b.is_ascii_digit()));
            let host_follows = whole
                .get(up_to.len() + 1..)
                .is_some_and(|h| h.starts_with(|c: char| c.is_ascii_alphanumeric()));
            (!is_port && host_follows && !up_to.contains(['?', '#', '(', '$', '{', '=']))
                .then_some(up_to)?
        }
    };
    let (user, password) = match user_info.split_once(':') {
        Some((user, password)) => (user, password),
        // A token can stand where the user does, and a public key of Sentry too.
        None if is_token(user_info, authority) => ("", user_info),
        None => return None,
    };
    let placeholder = password.starts_with(['<', '[', '{', '$', '%', '*'])
        && !password.starts_with("%2")
        && !password.starts_with("%3")
        && !password.starts_with("%4")
        && !password.starts_with("%5");
    if password.is_empty()
        || placeholder
        || !values::is_literal(password)
        || user.starts_with('<')
        || are_words(user, password)
    {
        return None;
    }
    let offset = start + user_info.len() - password.len();
    Some(Hit::new(
        Rule::UrlPassword,
        "a password in a URL",
        offset,
        password,
    ))
}

/// `USER:PASSWORD`: names in capitals for what is to be put in their place.
fn are_words(user: &str, password: &str) -> bool {
    let capitals = |text: &str| {
        text.bytes().any(|b| b.is_ascii_uppercase())
            && text
                .bytes()
                .all(|b| b.is_ascii_uppercase() || matches!(b, b'_' | b'-'))
    };
    capitals(user) && capitals(password) && names::classify(password).is_some()
}

fn is_token(user: &str, authority: &str) -> bool {
    user.len() >= 20
        && values::looks_random(user)
        && values::is_literal(user)
        && !authority.contains("sentry")
        && !authority.contains("ingest")
        && !authority.contains("glitchtip")
}
