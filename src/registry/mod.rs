//! Pulls compiled artifacts from OCI registries, as the distribution specification has it
//! (github.com/opencontainers/distribution-spec).
//!
//! Only by digest: what a tag names today may be something else tomorrow, and the same command would
//! deploy it. What comes is believed when it has that digest, whoever sent it.

pub mod login;
pub mod reference;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::http::{Answer, Client, HttpError, is_loopback};
use login::{Challenge, Logins};
use reference::{Digest, Reference};

/// The media type of a compiled artifact's layer.
pub const MEDIA_TYPE: &str = "application/vnd.helm-floe.artifact.v2+json";
/// The media type of the manifest around it.
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The specification lets registries refuse longer manifests.
const LONGEST_MANIFEST: u64 = 4 << 20;
/// Artifacts have a few kilobytes; what is much longer is something else.
const LONGEST_ARTIFACT: u64 = 8 << 20;
/// A token of a registry has a few kilobytes.
const LONGEST_TOKEN: u64 = 64 << 10;
/// Registries send the asker to a store of blobs, and that one perhaps to another.
const MOST_REDIRECTS: usize = 3;

/// Why an artifact cannot be pulled.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PullError {
    /// No answer.
    #[error("{0}")]
    Http(#[from] HttpError),
    /// There is nothing.
    #[error("the registry has no such {0}")]
    NotFound(What),
    /// A login is needed, or another one.
    #[error("the registry gives the {0} to nobody without a login{1}")]
    Denied(What, &'static str),
    /// The registry asks for a login that is not known here.
    #[error("the registry asks for a login of a sort that is not known here")]
    Challenge,
    /// The token service has no token.
    #[error("the registry's token service refuses with status {0}")]
    Token(u16),
    /// The registry sends the asker where nobody goes.
    #[error("the registry redirects the request for the {0} to nowhere that may be asked")]
    Redirect(What),
    /// Another status.
    #[error("the registry answers the request for the {0} with status {1}")]
    Status(What, u16),
    /// The bytes are others.
    #[error(
        "the {0} that came has another digest, sha256:{1}: it is not the one that was asked for"
    )]
    Digest(What, String),
    /// The manifest is not that of an artifact.
    #[error("the manifest is not that of a compiled artifact: {0}")]
    Manifest(String),
    /// The artifact is no text.
    #[error("the artifact is no UTF-8 text")]
    Text,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The manifest.
    Manifest,
    /// The layer.
    Artifact,
}

impl std::fmt::Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            What::Manifest => "manifest",
            What::Artifact => "artifact",
        })
    }
}

/// Pulls an artifact's text.
///
/// # Errors
/// See [`PullError`].
pub fn pull(reference: &Reference, client: &Client, logins: &Logins) -> Result<String, PullError> {
    let mut session = Session {
        reference,
        client,
        logins,
        authorization: None,
    };
    let manifest = session.fetch(What::Manifest, &reference.digest, LONGEST_MANIFEST)?;
    let layer = layer(&manifest).map_err(PullError::Manifest)?;
    let artifact = session.fetch(What::Artifact, &layer, LONGEST_ARTIFACT)?;
    String::from_utf8(artifact).map_err(|_| PullError::Text)
}

/// A manifest, as far as it matters here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
    size: u64,
}

/// The digest of the artifact that a manifest names.
///
/// # Errors
/// What is wrong with the manifest.
pub fn layer(manifest: &[u8]) -> Result<Digest, String> {
    let manifest: Manifest =
        serde_json::from_slice(manifest).map_err(|_| "it is no manifest of an image".to_owned())?;
    if manifest
        .media_type
        .as_deref()
        .is_some_and(|kind| kind != MANIFEST)
    {
        return Err(format!("it is not of type {MANIFEST}"));
    }
    let [layer] = manifest.layers.as_slice() else {
        return Err(format!("it has {} layers, not one", manifest.layers.len()));
    };
    if layer.media_type != MEDIA_TYPE {
        return Err(format!("its layer is not of type {MEDIA_TYPE}"));
    }
    if layer.size > LONGEST_ARTIFACT {
        return Err(format!("its layer has more than {LONGEST_ARTIFACT} bytes"));
    }
    layer
        .digest
        .parse()
        .map_err(|_| "its layer has no sha256 digest".to_owned())
}

/// Some requests to one repository.
struct Session<'s> {
    reference: &'s Reference,
    client: &'s Client,
    logins: &'s Logins,
    authorization: Option<String>,
}

impl Session<'_> {
    /// Fetches what has a digest, and sees that it has.
    fn fetch(&mut self, what: What, digest: &Digest, limit: u64) -> Result<Vec<u8>, PullError> {
        let sort = match what {
            What::Manifest => "manifests",
            What::Artifact => "blobs",
        };
        let base = self.reference.base(self.client.is_plain());
        let url = format!(
            "{base}/v2/{}/{sort}/sha256:{digest}",
            self.reference.repository
        );
        let mut answer = self.get(&url, limit)?;
        if answer.status == 401 && self.authorization.is_none() {
            self.authorization = Some(self.log_in(&answer, what)?);
            answer = self.get(&url, limit)?;
        }
        let answer = self.follow(what, url, answer, limit)?;
        match answer.status {
            200 => {}
            404 => return Err(PullError::NotFound(what)),
            401 | 403 => return Err(PullError::Denied(what, self.hint())),
            status => return Err(PullError::Status(what, status)),
        }
        let got: String = Sha256::digest(&answer.body)
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        match got == digest.as_str() {
            true => Ok(answer.body),
            false => Err(PullError::Digest(what, got)),
        }
    }

    fn get(&self, url: &str, limit: u64) -> Result<Answer, HttpError> {
        let mut headers = vec![("Accept", MANIFEST)];
        headers.extend(
            self.authorization
                .as_deref()
                .map(|value| ("Authorization", value)),
        );
        self.client.get(url, &[], &headers, limit)
    }

    /// Goes where redirects lead, without the login: it is the registry's, and the digest says
    /// whether the right bytes come.
    fn follow(
        &self,
        what: What,
        mut url: String,
        mut answer: Answer,
        limit: u64,
    ) -> Result<Answer, PullError> {
        for _ in 0..MOST_REDIRECTS {
            if !answer.is_redirect() {
                return Ok(answer);
            }
            let location = answer.header("Location").ok_or(PullError::Redirect(what))?;
            url = resolved(&url, location);
            if !self.may_ask(&url) {
                return Err(PullError::Redirect(what));
            }
            answer = self.client.get(&url, &[], &[], limit)?;
        }
        match answer.is_redirect() {
            true => Err(PullError::Redirect(what)),
            false => Ok(answer),
        }
    }

    /// A registry elsewhere has no business with the servers of this machine.
    fn may_ask(&self, url: &str) -> bool {
        let host = url
            .split_once("://")
            .map_or("", |(_, rest)| reference::host_of(rest));
        !is_loopback(host) || self.reference.is_loopback()
    }

    /// What to send in the header `Authorization`.
    fn log_in(&self, answer: &Answer, what: What) -> Result<String, PullError> {
        let login = self.logins.of(&self.reference.host);
        let said = answer.header("WWW-Authenticate").unwrap_or_default();
        match login::challenge(said).ok_or(PullError::Challenge)? {
            Challenge::Basic => login
                .map(login::Login::basic)
                .ok_or(PullError::Denied(what, self.hint())),
            Challenge::Bearer { realm, service } => {
                if !self.may_ask(&realm) {
                    return Err(PullError::Challenge);
                }
                let scope = format!("repository:{}:pull", self.reference.repository);
                let mut query = vec![("scope", scope.as_str())];
                query.extend(service.as_deref().map(|service| ("service", service)));
                let basic = login.map(login::Login::basic);
                let headers: Vec<_> = basic
                    .iter()
                    .map(|basic| ("Authorization", basic.as_str()))
                    .collect();
                let answer = self.client.get(&realm, &query, &headers, LONGEST_TOKEN)?;
                if answer.status != 200 {
                    return Err(PullError::Token(answer.status));
                }
                login::bearer(&answer.body).ok_or(PullError::Challenge)
            }
        }
    }

    /// What to do about a refusal.
    fn hint(&self) -> &'static str {
        let host = &self.reference.host;
        match (self.logins.of(host), self.logins.has_helper(host)) {
            (Some(_), _) => ", and the one in Docker's configuration is not good for it",
            (None, true) => {
                ": Docker's configuration keeps it in a credential helper, which is not asked; log in with `docker login` and a configuration without one"
            }
            (None, false) => {
                ", and Docker's configuration has none for it: `docker login` writes one"
            }
        }
    }
}

/// An address that is given as seen from another one.
fn resolved(from: &str, location: &str) -> String {
    if location.contains("://") {
        return location.to_owned();
    }
    let (scheme, rest) = from.split_once("://").unwrap_or_default();
    let authority = rest.split('/').next().unwrap_or_default();
    match location.strip_prefix("//") {
        Some(other) => format!("{scheme}://{other}"),
        None => format!(
            "{scheme}://{authority}/{}",
            location.trim_start_matches('/')
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_name_one_artifact_or_are_refused() {
        let digest = "a".repeat(64);
        let with = |layer: &str| {
            format!(r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","layers":[{layer}]}}"#)
        };
        let of = |kind: &str, digest: &str, size: u64| {
            format!(r#"{{"mediaType":"{kind}","digest":"{digest}","size":{size}}}"#)
        };
        let sha = format!("sha256:{digest}");
        let good = of(MEDIA_TYPE, &sha, 10);
        assert_eq!(
            layer(with(&good).as_bytes()).map(|d| d.as_str().to_owned()),
            Ok(digest)
        );
        for (text, want) in [
            ("[1]".to_owned(), "no manifest"),
            ("{}".to_owned(), "it has 0 layers"),
            (with(&format!("{good},{good}")), "it has 2 layers"),
            (
                with(&of("application/json", &sha, 10)),
                "not of type application/vnd.helm-floe",
            ),
            (with(&of(MEDIA_TYPE, &sha, 1 << 40)), "more than"),
            (with(&of(MEDIA_TYPE, "sha512:ab", 10)), "no sha256 digest"),
            (
                with(&good).replace("manifest.v1", "index.v1"),
                "it is not of type",
            ),
        ] {
            let said = layer(text.as_bytes()).unwrap_err();
            assert!(said.contains(want), "{text}\n{said}");
        }
    }

    #[test]
    fn redirects_are_resolved() {
        for (location, want) in [
            ("https://b/c", "https://b/c"),
            ("//b/c", "https://b/c"),
            ("/c?d", "https://a:1/c?d"),
            ("c", "https://a:1/c"),
        ] {
            assert_eq!(resolved("https://a:1/x/y", location), want);
        }
    }
}
