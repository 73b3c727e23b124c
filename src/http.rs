//! The HTTP client of what talks to servers: trying a login, pulling an artifact. The filter talks
//! to nobody.
//!
//! What servers send can hold whatever they were sent, and an address can hold a password. So the
//! errors here hold neither; whoever asks says which server it was.

use std::cell::OnceCell;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use ureq::http::{HeaderMap, Response, Uri};
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
use ureq::{Agent, Body};

/// No server takes longer to be connected to, or is down.
const CONNECT: Duration = Duration::from_secs(10);

/// How servers may be talked to.
#[derive(Clone, Copy, Debug)]
pub struct Reach {
    /// Over `http://` to other machines too, where anybody on the way can read along.
    pub plain: bool,
    /// How long one answer may take altogether.
    pub timeout: Duration,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HttpError {
    /// The address is none.
    #[error("the address is not of the form https://HOST/PATH")]
    Address,
    /// The address holds a login.
    #[error("the address holds a user name or password: leave them out")]
    UserInfo,
    /// The address is not encrypted.
    #[error(
        "the address begins with http://, so that anybody on the way could read secrets: use https://, or say --plain-http"
    )]
    Plain,
    /// The system's certificates cannot be read.
    #[error("this system has no certificates to know servers by: {0}")]
    Certificates(String),
    /// Nobody answers there.
    #[error("no answer: {0}")]
    Unreachable(String),
    /// The answer is longer than anything that was asked for.
    #[error("the answer is longer than {0} bytes")]
    TooLong(u64),
}

/// What a server answered.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body. It may hold secrets.
    pub body: Vec<u8>,
    headers: HeaderMap,
}

impl Answer {
    /// A header's value, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether the answer sends the asker elsewhere.
    pub fn is_redirect(&self) -> bool {
        (300..400).contains(&self.status)
    }
}

/// A header of a request.
pub type Header<'h> = (&'h str, &'h str);

/// The client. Making one costs nothing; certificates are read for the first encrypted request.
pub struct Client {
    reach: Reach,
    secure: OnceCell<Result<Agent, HttpError>>,
}

impl Client {
    /// A client.
    pub fn new(reach: Reach) -> Client {
        Client {
            reach,
            secure: OnceCell::new(),
        }
    }

    /// Whether other machines may be talked to without encryption.
    pub fn is_plain(&self) -> bool {
        self.reach.plain
    }

    /// Fetches what is at an address; redirects are answers. `limit` is the longest body in bytes.
    ///
    /// # Errors
    /// See [`HttpError`].
    pub fn get(
        &self,
        url: &str,
        query: &[(&str, &str)],
        headers: &[Header<'_>],
        limit: u64,
    ) -> Result<Answer, HttpError> {
        let mut request = self.agent(url)?.get(url).query_pairs(query.iter().copied());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request.call(), limit)
    }

    /// Sends a form and gives the answer; redirects are answers too.
    ///
    /// # Errors
    /// See [`HttpError`].
    pub fn post_form(
        &self,
        url: &str,
        form: &[(&str, &str)],
        limit: u64,
    ) -> Result<Answer, HttpError> {
        let request = self.agent(url)?.post(url);
        let request = request.header("Accept", "application/json");
        answer(request.send_form(form.iter().copied()), limit)
    }

    /// Who fetches from an address, if it may be talked to at all.
    fn agent(&self, url: &str) -> Result<Agent, HttpError> {
        let uri: Uri = url.parse().map_err(|_| HttpError::Address)?;
        let authority = uri.authority().ok_or(HttpError::Address)?;
        if authority.as_str().contains('@') {
            return Err(HttpError::UserInfo);
        }
        match uri.scheme_str() {
            Some("https") => self
                .secure
                .get_or_init(|| secure(self.reach.timeout))
                .clone(),
            // A proxy would carry what is meant for this machine to another one.
            Some("http") if is_loopback(authority.host()) => {
                let config = config(self.reach.timeout).proxy(None);
                Ok(config.build().into())
            }
            Some("http") if self.reach.plain => Ok(config(self.reach.timeout).build().into()),
            Some("http") => Err(HttpError::Plain),
            _ => Err(HttpError::Address),
        }
    }
}

/// Whether a host is this machine.
pub fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

type ConfigBuilder = ureq::config::ConfigBuilder<ureq::typestate::AgentScope>;

fn config(timeout: Duration) -> ConfigBuilder {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .user_agent(concat!("helm-floe/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(CONNECT.min(timeout)))
        .timeout_global(Some(timeout))
}

/// Who fetches over TLS, with the certificates that the system trusts: a company's own registry is
/// signed by none that a program could bring along.
fn secure(timeout: Duration) -> Result<Agent, HttpError> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let reason = found.errors.first().map(ToString::to_string);
        let reason =
            reason.unwrap_or_else(|| "install ca-certificates, or set SSL_CERT_FILE".into());
        return Err(HttpError::Certificates(reason));
    }
    let certificates: Vec<Certificate<'static>> = found
        .certs
        .iter()
        .map(|der| Certificate::from_der(der).to_owned())
        .collect();
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(RootCerts::Specific(Arc::new(certificates)))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    Ok(config(timeout).tls_config(tls).build().into())
}

fn answer(said: Result<Response<Body>, ureq::Error>, limit: u64) -> Result<Answer, HttpError> {
    let mut response = said.map_err(reason)?;
    let body = response.body_mut().with_config().limit(limit).read_to_vec();
    let body = body.map_err(|error| match error {
        ureq::Error::BodyExceedsLimit(_) => HttpError::TooLong(limit),
        other => reason(other),
    })?;
    Ok(Answer {
        status: response.status().as_u16(),
        body,
        headers: response.headers().clone(),
    })
}

/// Only what says why, and never what was sent or received.
fn reason(error: ureq::Error) -> HttpError {
    use ureq::Error;
    HttpError::Unreachable(match error {
        Error::Io(error) => error.to_string(),
        Error::Rustls(error) => format!("TLS: {error}"),
        Error::Tls(reason) => format!("TLS: {reason}"),
        Error::Timeout(_) => "it took too long".into(),
        Error::HostNotFound => "the host's name leads nowhere".into(),
        Error::ConnectionFailed => "nobody listens there".into(),
        Error::ConnectProxyFailed(_) | Error::InvalidProxyUrl => "the proxy refuses".into(),
        Error::Http(_) | Error::BadUri(_) => return HttpError::Address,
        _ => "what answers there does not speak HTTP".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str, plain: bool) -> Option<HttpError> {
        let timeout = Duration::from_secs(1);
        Client::new(Reach { plain, timeout }).agent(url).err()
    }

    #[test]
    fn secrets_go_over_tls_or_nowhere_else_than_here() {
        for url in [
            "http://127.0.0.1:1/a",
            "http://localhost:1",
            "http://[::1]:1/",
        ] {
            assert_eq!(refusal(url, false), None, "{url}");
        }
        for url in [
            "http://catalog:8181/a",
            "http://localhost.example.com/",
            "http://10.0.0.1/",
            "http://127.0.0.1.example.com/",
        ] {
            assert_eq!(refusal(url, false), Some(HttpError::Plain), "{url}");
            assert_eq!(refusal(url, true), None, "{url}");
        }
        for url in ["", "catalog", "/a", "ftp://a/b", "thrift://a:1", "https://"] {
            assert_eq!(refusal(url, true), Some(HttpError::Address), "{url}");
        }
        for url in ["https://u:p@a/", "http://u@localhost/"] {
            assert_eq!(refusal(url, true), Some(HttpError::UserInfo), "{url}");
        }
    }
}
