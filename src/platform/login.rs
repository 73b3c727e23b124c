//! Tries the logins of catalogs: the client-credentials grant of OAuth2 (RFC 6749 section 4.4) as
//! clients of Iceberg's REST catalogs use it, then a refresh.
//!
//! No token and no secret leaves this module, and nothing else of what a server says that could be
//! one: an answer may repeat what it was sent.

use serde_json::Value;
use thiserror::Error;

use super::credentials::{Address, Identifier, Mode, SecretReference};
use super::file::PlatformFile;
use super::file::catalogs::{CatalogProfile, CatalogType};
use super::file::properties::Property;
use super::references::{self, SecretUse, Uses};
use super::text::Name;
use crate::check::secrets::scan;
use crate::http::{Answer, Client, HttpError};

/// The property that names the token endpoint, as Iceberg's clients know it.
pub const ENDPOINT: &str = "oauth2-server-uri";
/// Where the endpoint is below the catalog's address, unless that property says otherwise.
const DEFAULT_ENDPOINT: &str = "v1/oauth/tokens";
/// Answers of token endpoints are a few hundred bytes, and tokens a few thousand.
const LONGEST_ANSWER: u64 = 64 << 10;

/// A login that can be tried.
pub struct Login {
    endpoint: String,
    client_id: String,
    client_secret: String,
    scope: Option<String>,
}

/// What became of a login.
#[derive(Debug)]
pub enum Outcome {
    /// Tokens came, twice.
    Granted {
        /// The first.
        first: Grant,
        /// Whether the server gave a refresh token, which was then used; else the client asked for
        /// a token once more, as RFC 6749 section 4.4.3 has it.
        refresh_token: bool,
        /// The second.
        second: Grant,
    },
    /// The profile logs in by other means.
    Skipped(Mode),
    /// It failed.
    Failed(Vec<Problem>),
}

/// What may be told about a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// After how many seconds it expires, if the server says so.
    pub expires_in: Option<u64>,
    /// What it is good for; [`None`] where the server's words cannot be shown.
    pub scope: Option<String>,
}

/// Why a login failed, or could not be tried.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Problem {
    /// A variable is missing.
    #[error(
        "{field}: the variable {env} is not set; it has to hold the key {key} of the Secret {secret}"
    )]
    Missing {
        /// The field of the catalog's profile.
        field: String,
        /// The variable.
        env: String,
        /// The Secret.
        secret: String,
        /// The key in it.
        key: String,
    },
    /// Nobody knows where tokens are.
    #[error("properties: a catalog of type {0} has no token endpoint of its own: set `{ENDPOINT}`")]
    NoEndpoint(&'static str),
    /// The property that names the endpoint is no text.
    #[error("properties.{ENDPOINT}: must be a URL, a path below `uri`, or {{secret_ref: NAME}}")]
    Endpoint,
    /// No answer.
    #[error("{step}: {error}")]
    Http {
        /// What was asked for.
        step: Step,
        /// Why there is none.
        error: HttpError,
    },
    /// The server wants the secret to be sent elsewhere.
    #[error(
        "{0}: the server redirects to another address, and secrets are not sent after it: set `{ENDPOINT}` to where it leads"
    )]
    Redirected(Step),
    /// The server said no.
    #[error("{step}: the server refuses with status {status}{}", said(*code))]
    Refused {
        /// What was asked for.
        step: Step,
        /// The HTTP status.
        status: u16,
        /// Its reason, where it is one of those that RFC 6749 section 5.2 knows.
        code: Option<&'static str>,
    },
    /// The server said yes and gave nothing to use.
    #[error("{step}: the answer is no token: {reason}")]
    NoToken {
        /// What was asked for.
        step: Step,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl Problem {
    /// Whether the server was asked and said no; otherwise nobody knows whether the login is good.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Problem::Refused { .. } | Problem::NoToken { .. })
    }
}

/// What a server is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The first token.
    Token,
    /// The second.
    Refresh,
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Step::Token => "asking for a token",
            Step::Refresh => "refreshing the token",
        })
    }
}

/// The error codes of RFC 6749 section 5.2, and what most often lies behind each.
const CODES: [(&str, &str); 6] = [
    ("invalid_client", "the client's id or secret is wrong"),
    ("invalid_scope", "the client may not have this scope"),
    ("unauthorized_client", "the client may not log in this way"),
    (
        "unsupported_grant_type",
        "the server knows no client credentials",
    ),
    ("invalid_grant", "the refresh token is no longer good"),
    (
        "invalid_request",
        "the server misses something in the request",
    ),
];

fn said(code: Option<&str>) -> String {
    let known = CODES.iter().find(|(name, _)| Some(*name) == code);
    known.map_or(String::new(), |(name, meaning)| {
        format!(", {name}: {meaning}")
    })
}

/// Looks up a variable of the environment; one that is empty counts as absent.
pub type Environment<'e> = &'e dyn Fn(&str) -> Option<String>;

/// Tries the login of each catalog, or of one of them, and gives each with its name.
///
/// # Errors
/// Two Secrets would be read from the same variable, and one of them sent to the other's server.
pub fn verify(
    file: &PlatformFile,
    only: Option<&str>,
    environment: Environment<'_>,
    client: &Client,
) -> Result<Vec<(Name, Outcome)>, Vec<String>> {
    let chosen = || {
        let all = file.catalogs.iter();
        all.filter(|(name, _)| only.is_none_or(|only| name.as_str() == only))
    };
    let mut uses = Uses::default();
    for (name, profile) in chosen().filter(|(_, profile)| logs_in(profile)) {
        uses.catalog(profile, true, &format!("/catalogs/{name}"));
    }
    let uses = uses.into_list();
    let clashes = references::clashes(&uses);
    if !clashes.is_empty() {
        return Err(clashes);
    }
    let outcomes = chosen().map(|(name, profile)| {
        let source = Source {
            at: format!("catalogs.{name}"),
            uses: &uses,
            environment,
        };
        let outcome = match logs_in(profile) {
            false => Outcome::Skipped(profile.credentials.mode),
            true => match source.login(profile) {
                Ok(login) => login
                    .attempt(client)
                    .unwrap_or_else(|problem| Outcome::Failed(vec![problem])),
                Err(problems) => Outcome::Failed(problems),
            },
        };
        (name.clone(), outcome)
    });
    Ok(outcomes.collect())
}

fn logs_in(profile: &CatalogProfile) -> bool {
    profile.credentials.mode == Mode::Oauth2
}

/// Where the secrets of one catalog come from.
struct Source<'s> {
    at: String,
    uses: &'s [SecretUse],
    environment: Environment<'s>,
}

impl Source<'_> {
    /// Everything that a login needs.
    fn login(&self, profile: &CatalogProfile) -> Result<Login, Vec<Problem>> {
        let credentials = &profile.credentials;
        let secret = |reference: &Option<SecretReference>| match reference {
            Some(_) => self.value("credentials.client_secret"),
            // The rules of the file do not let it be absent.
            None => Ok(String::new()),
        };
        let endpoint = self.endpoint(profile);
        let client_id = match &credentials.client_id {
            Some(Identifier::Text(text)) => Ok(text.clone()),
            _ => self.value("credentials.client_id"),
        };
        let client_secret = secret(&credentials.client_secret);
        match (endpoint, client_id, client_secret) {
            (Ok(endpoint), Ok(client_id), Ok(client_secret)) => Ok(Login {
                endpoint,
                client_id,
                client_secret,
                scope: credentials.scope.clone(),
            }),
            (endpoint, id, secret) => {
                let problems = [endpoint.err(), id.err(), secret.err()];
                Err(problems.into_iter().flatten().collect())
            }
        }
    }

    fn endpoint(&self, profile: &CatalogProfile) -> Result<String, Problem> {
        let named = match profile.properties.get(ENDPOINT) {
            Some(Property::Secret(_)) => Some(self.value(&format!("properties.{ENDPOINT}"))?),
            Some(Property::Plain(Value::String(text))) => Some(text.clone()),
            Some(Property::Plain(_)) => return Err(Problem::Endpoint),
            None => None,
        };
        match named {
            Some(named) if named.contains("://") => return Ok(named),
            None if !matches!(profile.kind, CatalogType::Polaris | CatalogType::Rest) => {
                return Err(Problem::NoEndpoint(profile.kind.as_str()));
            }
            _ => {}
        }
        let base = match &profile.uri {
            Address::Url(url) => url.as_str().to_owned(),
            Address::Secret(_) => self.value("uri")?,
        };
        let path = named.as_deref().unwrap_or(DEFAULT_ENDPOINT);
        let base = base.trim_end_matches('/');
        Ok(format!("{base}/{}", path.trim_start_matches('/')))
    }

    /// What the variable of a field holds.
    fn value(&self, field: &str) -> Result<String, Problem> {
        let place = format!("{}.{field}", self.at);
        let wants = |used: &&SecretUse| used.used_by.contains(&place);
        let Some(used) = self.uses.iter().find(wants) else {
            // Every reference of a profile is among its uses.
            return Err(Problem::Endpoint);
        };
        let value = (self.environment)(&used.env).filter(|value| !value.is_empty());
        value.ok_or_else(|| Problem::Missing {
            env: used.env.clone(),
            secret: used.secret.clone(),
            key: used.key.clone(),
            field: field.to_owned(),
        })
    }
}

/// A token, as it came. It must not be shown.
struct Token {
    access: String,
    refresh: Option<String>,
    expires_in: Option<u64>,
    scope: Option<String>,
}

impl Login {
    fn attempt(&self, client: &Client) -> Result<Outcome, Problem> {
        let first = self.token(client, Step::Token, None)?;
        let second = self.token(client, Step::Refresh, first.refresh.as_deref())?;
        Ok(Outcome::Granted {
            first: self.grant(&first),
            refresh_token: first.refresh.is_some(),
            second: self.grant(&second),
        })
    }

    /// Asks for a token, by a refresh token if there is one.
    fn token(&self, client: &Client, step: Step, refresh: Option<&str>) -> Result<Token, Problem> {
        let mut form = vec![
            ("client_id", self.client_id.as_str()),
            ("client_secret", self.client_secret.as_str()),
        ];
        match refresh {
            Some(token) => form.extend([("grant_type", "refresh_token"), ("refresh_token", token)]),
            None => form.push(("grant_type", "client_credentials")),
        }
        form.extend(self.scope.as_deref().map(|scope| ("scope", scope)));
        let answer = client.post_form(&self.endpoint, &form, LONGEST_ANSWER);
        let answer = answer.map_err(|error| Problem::Http { step, error })?;
        if answer.is_redirect() {
            return Err(Problem::Redirected(step));
        }
        if answer.status != 200 {
            return Err(Problem::Refused {
                step,
                status: answer.status,
                code: code(&answer),
            });
        }
        token(&answer.body).map_err(|reason| Problem::NoToken { step, reason })
    }

    /// What may be told: a scope only of the signs that a scope is made of, and without anything
    /// secret in it.
    fn grant(&self, token: &Token) -> Grant {
        let asked = self.scope.as_deref().unwrap_or_default();
        // A server that says nothing grants what was asked for (RFC 6749 section 5.1).
        let scope = token.scope.as_deref().unwrap_or(asked);
        let secrets = [
            Some(self.client_secret.as_str()),
            Some(token.access.as_str()),
            token.refresh.as_deref(),
        ];
        let leaks = secrets
            .into_iter()
            .flatten()
            .any(|secret| scope.contains(secret));
        let written = scope.len() <= 256
            && scope
                .bytes()
                .all(|b| matches!(b, b' '..=b'~' if b != b'"' && b != b'\\'));
        let harmless = scope == asked || scan::value(scan::Context::default(), scope).is_empty();
        Grant {
            expires_in: token.expires_in,
            scope: (written && harmless && !leaks).then(|| scope.to_owned()),
        }
    }
}

/// The reason that a server gives, if it is one of those that are known: no other text of it is shown.
fn code(answer: &Answer) -> Option<&'static str> {
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    let said = body.get("error")?.as_str()?;
    let known = CODES.iter().map(|(name, _)| *name);
    known.into_iter().find(|name| *name == said)
}

/// Reads a token endpoint's answer (RFC 6749 section 5.1).
fn token(body: &[u8]) -> Result<Token, &'static str> {
    let body: Value = serde_json::from_slice(body).map_err(|_| "it is no JSON")?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let access = text("access_token").filter(|token| !token.is_empty());
    let access = access.ok_or("it has no `access_token`")?;
    let kind = text("token_type").ok_or("it has no `token_type`")?;
    if !kind.eq_ignore_ascii_case("bearer") {
        return Err("its `token_type` is not bearer");
    }
    let expires_in = match body.get("expires_in") {
        None | Some(Value::Null) => None,
        // Some servers put the number in quotes.
        Some(value) => {
            let quoted = value.as_str().and_then(|text| text.parse().ok());
            Some(
                value
                    .as_u64()
                    .or(quoted)
                    .ok_or("its `expires_in` is no number of seconds")?,
            )
        }
    };
    if expires_in == Some(0) {
        return Err("it expires at once");
    }
    Ok(Token {
        access,
        refresh: text("refresh_token").filter(|token| !token.is_empty()),
        expires_in,
        scope: text("scope"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_tokens_or_say_why_not() {
        for (body, want) in [
            (
                r#"{"access_token":"a","token_type":"bearer","expires_in":3600}"#,
                Ok(Some(3600)),
            ),
            (
                r#"{"access_token":"a","token_type":"Bearer","expires_in":"60"}"#,
                Ok(Some(60)),
            ),
            (r#"{"access_token":"a","token_type":"BEARER"}"#, Ok(None)),
            (
                r#"{"access_token":"","token_type":"bearer"}"#,
                Err("it has no `access_token`"),
            ),
            (r#"{"access_token":"a"}"#, Err("it has no `token_type`")),
            (
                r#"{"access_token":"a","token_type":"mac"}"#,
                Err("its `token_type` is not bearer"),
            ),
            (
                r#"{"access_token":"a","token_type":"bearer","expires_in":-1}"#,
                Err("its `expires_in` is no number of seconds"),
            ),
            (
                r#"{"access_token":"a","token_type":"bearer","expires_in":0}"#,
                Err("it expires at once"),
            ),
            ("<html>", Err("it is no JSON")),
            ("[]", Err("it has no `access_token`")),
        ] {
            assert_eq!(
                token(body.as_bytes()).map(|token| token.expires_in),
                want,
                "{body}"
            );
        }
    }

    #[test]
    fn a_scope_is_shown_unless_it_could_be_a_secret() {
        let login = Login {
            endpoint: String::new(),
            client_id: "me".into(),
            client_secret: "hunter2".into(),
            scope: Some("PRINCIPAL_ROLE:READER".into()),
        };
        let token = |scope: Option<&str>| Token {
            access: "opaque-access".into(),
            refresh: Some("opaque-refresh".into()),
            expires_in: None,
            scope: scope.map(str::to_owned),
        };
        for (scope, want) in [
            (None, Some("PRINCIPAL_ROLE:READER")),
            (
                Some("PRINCIPAL_ROLE:WRITER a"),
                Some("PRINCIPAL_ROLE:WRITER a"),
            ),
            (Some(""), Some("")),
            (Some("a hunter2"), None),
            (Some("opaque-access"), None),
            (Some("x opaque-refresh"), None),
            (Some("a\nb"), None),
            (Some("\u{1b}[2J"), None),
        ] {
            assert_eq!(
                login.grant(&token(scope)).scope.as_deref(),
                want,
                "{scope:?}"
            );
        }
    }
}
