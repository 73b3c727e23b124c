//! Logins of registries: those in Docker's configuration file, and what registries ask for.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::reference::host_of;

/// A user and a password. They must not be shown.
pub struct Login {
    user: String,
    password: String,
}

impl Login {
    /// The value of the header `Authorization` (RFC 7617).
    pub fn basic(&self) -> String {
        let pair = format!("{}:{}", self.user, self.password);
        format!("Basic {}", STANDARD.encode(pair))
    }
}

/// Logins by registry.
#[derive(Default)]
pub struct Logins {
    known: BTreeMap<String, Login>,
    helpers: BTreeSet<String>,
    helper_for_all: bool,
}

/// Docker's `config.json`, as far as it matters here.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Config {
    auths: BTreeMap<String, Auth>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth {
    auth: String,
}

impl Logins {
    /// Reads Docker's configuration. Logins that a helper keeps are not asked for: that would run
    /// another program.
    ///
    /// # Errors
    /// It is none; the reason repeats nothing of it.
    pub fn read(config: &str) -> Result<Logins, &'static str> {
        let config: Config =
            serde_json::from_str(config).map_err(|_| "is no configuration of Docker")?;
        let mut known = BTreeMap::new();
        for (server, auth) in config
            .auths
            .into_iter()
            .filter(|(_, auth)| !auth.auth.is_empty())
        {
            let login =
                decoded(&auth.auth).ok_or("holds a login that is not USER:PASSWORD in base64")?;
            known.insert(registry(&server), login);
        }
        Ok(Logins {
            known,
            helpers: config
                .cred_helpers
                .keys()
                .map(|server| registry(server))
                .collect(),
            helper_for_all: !config.creds_store.is_empty(),
        })
    }

    /// The login of a registry.
    pub fn of(&self, host: &str) -> Option<&Login> {
        self.known.get(host)
    }

    /// Whether a helper may keep a login of a registry.
    pub fn has_helper(&self, host: &str) -> bool {
        self.helper_for_all || self.helpers.contains(host)
    }
}

fn decoded(auth: &str) -> Option<Login> {
    let pair = String::from_utf8(STANDARD.decode(auth).ok()?).ok()?;
    let (user, password) = pair.split_once(':')?;
    Some(Login {
        user: user.to_owned(),
        // Docker pads with zero bytes.
        password: password.trim_matches('\0').to_owned(),
    })
}

/// A registry as references name it: Docker's file has addresses of several forms.
fn registry(server: &str) -> String {
    let rest = server.split_once("://").map_or(server, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or_default();
    match host_of(host) {
        "index.docker.io" | "registry-1.docker.io" => "docker.io".into(),
        _ => host.to_owned(),
    }
}

/// What a registry asks for in `WWW-Authenticate`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// The user and password of each request.
    Basic,
    /// A token of a token service (distribution.github.io/distribution/spec/auth/token).
    Bearer {
        /// The token service.
        realm: String,
        /// What it should call the registry.
        service: Option<String>,
    },
}

/// Reads the header; `None` for a sort of login that is not known here.
pub fn challenge(header: &str) -> Option<Challenge> {
    let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
    if scheme.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let parameters = parameters(rest);
    Some(Challenge::Bearer {
        realm: parameters.get("realm")?.clone(),
        service: parameters.get("service").cloned(),
    })
}

/// `name="value"` pairs with commas between; a value in quotes may hold commas.
fn parameters(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        let name = name.trim_matches([' ', ',']).to_lowercase();
        found.insert(name, value.to_owned());
        rest = next;
    }
    found
}

/// The value of the header `Authorization` from a token service's answer.
pub fn bearer(body: &[u8]) -> Option<String> {
    // A service may send the token under both names.
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let token = body
        .get("token")
        .or_else(|| body.get("access_token"))?
        .as_str()?;
    let fits = !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
    fits.then(|| format!("Bearer {token}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_found_by_registry() {
        let auth = STANDARD.encode("me:pass:word\0");
        let config = format!(
            r#"{{"auths": {{"https://index.docker.io/v1/": {{"auth": "{auth}"}}, "ghcr.io": {{"auth": "{auth}"}},
               "http://localhost:5000": {{"auth": "{auth}"}}, "empty.io": {{}}}},
               "credHelpers": {{"gcr.io": "gcloud"}}, "other": 1}}"#
        );
        let logins = Logins::read(&config).unwrap_or_default();
        for host in ["docker.io", "ghcr.io", "localhost:5000"] {
            let basic = logins.of(host).map(Login::basic);
            assert_eq!(
                basic,
                Some(format!("Basic {}", STANDARD.encode("me:pass:word"))),
                "{host}"
            );
        }
        assert!(logins.of("empty.io").is_none() && logins.of("gcr.io").is_none());
        assert!(logins.has_helper("gcr.io") && !logins.has_helper("ghcr.io"));
        for bad in [
            "",
            "[1]",
            r#"{"auths": {"a": {"auth": "%"}}}"#,
            r#"{"auths": {"a": {"auth": "YQ=="}}}"#,
        ] {
            assert!(Logins::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn challenges_are_read() {
        let bearer = |realm: &str, service: Option<&str>| Challenge::Bearer {
            realm: realm.into(),
            service: service.map(str::to_owned),
        };
        for (header, want) in [
            (r#"Basic realm="r""#, Some(Challenge::Basic)),
            ("basic", Some(Challenge::Basic)),
            (
                r#"Bearer realm="https://auth.io/token",service="r.io",scope="repository:a:pull,push""#,
                Some(bearer("https://auth.io/token", Some("r.io"))),
            ),
            (
                r#"bearer service=a, realm="https://a/b""#,
                Some(bearer("https://a/b", Some("a"))),
            ),
            (r#"Bearer service="a""#, None),
            ("Negotiate", None),
            ("", None),
        ] {
            assert_eq!(challenge(header), want, "{header}");
        }
    }

    #[test]
    fn tokens_are_read() {
        for (body, want) in [
            (r#"{"token": "a"}"#, Some("Bearer a")),
            (r#"{"access_token": "a"}"#, Some("Bearer a")),
            (r#"{"token": "a", "access_token": "a"}"#, Some("Bearer a")),
            (r#"{"token": ""}"#, None),
            (r#"{"token": "a\r\nb"}"#, None),
            ("{}", None),
        ] {
            assert_eq!(bearer(body.as_bytes()).as_deref(), want, "{body}");
        }
    }
}
