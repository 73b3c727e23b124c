//! `oci://HOST/REPOSITORY@sha256:DIGEST`

use std::fmt;
use std::str::FromStr;

use crate::http::is_loopback;

/// What a reference to a registry begins with.
pub const SCHEME: &str = "oci://";

/// A SHA-256 digest, as 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest(String);

impl Digest {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Digest {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Digest, &'static str> {
        let digits = text.strip_prefix("sha256:").unwrap_or_default();
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        match digits.len() == 64 && digits.bytes().all(hex) {
            true => Ok(Digest(digits.to_owned())),
            false => Err("a digest is sha256: and 64 hexadecimal digits in small letters"),
        }
    }
}

/// An artifact in a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The registry, with a port if it has one.
    pub host: String,
    /// The repository.
    pub repository: String,
    /// The manifest's digest.
    pub digest: Digest,
}

impl FromStr for Reference {
    type Err = String;

    /// A tag beside the digest is allowed and means nothing.
    fn from_str(text: &str) -> Result<Reference, String> {
        let rest = text.strip_prefix(SCHEME).unwrap_or(text);
        let (name, digest) = rest.split_once('@').ok_or(
            "a tag can be moved to something else: name the artifact by its digest, oci://HOST/REPOSITORY@sha256:…, as the push printed it",
        )?;
        let digest = digest.parse()?;
        let (host, path) = name.split_once('/').unwrap_or((name, ""));
        let repository = path
            .split_once(':')
            .map_or(path, |(repository, _)| repository);
        if !is_host(host) {
            return Err("the registry is no host name, with a port or without".into());
        }
        if !is_repository(repository) {
            return Err(
                "the repository is no path of small letters and digits, such as team/orders".into(),
            );
        }
        Ok(Reference {
            host: host.to_owned(),
            repository: repository.to_owned(),
            digest,
        })
    }
}

impl Reference {
    /// The address of the registry. One on this machine is not encrypted, as everywhere; with `plain`
    /// none is.
    pub fn base(&self, plain: bool) -> String {
        match self.host.as_str() {
            // What Docker calls its registry is not where it is.
            "docker.io" => "https://registry-1.docker.io".into(),
            host if plain || self.is_loopback() => format!("http://{host}"),
            host => format!("https://{host}"),
        }
    }

    /// Whether the registry is on this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(host_of(&self.host))
    }
}

/// The host at the beginning of an address without its scheme, without the port.
pub fn host_of(address: &str) -> &str {
    let authority = address.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}

fn is_host(text: &str) -> bool {
    let host = host_of(text);
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    let name = !host.is_empty() && host.bytes().all(fits) && !host.starts_with(['-', '.']);
    let ip = bare.is_some_and(|ip| ip.parse::<std::net::Ipv6Addr>().is_ok());
    (name || ip) && !text.ends_with(':')
}

/// The grammar of the distribution specification: parts of small letters and digits, joined by `.`,
/// `_`, `__` or any number of `-`.
fn is_repository(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let part = |part: &str| {
        let signs = part.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        let joined =
            |sign: &str| matches!(sign, "" | "." | "_" | "__") || sign.bytes().all(|b| b == b'-');
        part.bytes().next().is_some_and(word)
            && part.bytes().next_back().is_some_and(word)
            && signs.into_iter().all(joined)
    };
    text.len() <= 255 && text.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_have_a_digest_or_are_refused() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        for (text, host, repository, base) in [
            (
                "oci://ghcr.io/team/orders",
                "ghcr.io",
                "team/orders",
                "https://ghcr.io",
            ),
            (
                "oci://r.example.com:5000/a/b.c__d--e:v1",
                "r.example.com:5000",
                "a/b.c__d--e",
                "https://r.example.com:5000",
            ),
            (
                "oci://localhost:5000/a",
                "localhost:5000",
                "a",
                "http://localhost:5000",
            ),
            ("oci://127.0.0.1/a", "127.0.0.1", "a", "http://127.0.0.1"),
            ("oci://[::1]:5000/a", "[::1]:5000", "a", "http://[::1]:5000"),
            (
                "oci://docker.io/library/a",
                "docker.io",
                "library/a",
                "https://registry-1.docker.io",
            ),
        ] {
            let read: Reference = format!("{text}@{digest}").parse().unwrap();
            assert_eq!(
                (read.host.as_str(), read.repository.as_str()),
                (host, repository)
            );
            assert_eq!(read.base(false), base);
        }
        for (text, want) in [
            ("oci://ghcr.io/a", "a tag can be moved"),
            ("oci://ghcr.io/a:v1", "a tag can be moved"),
            ("oci://ghcr.io/a@sha256:ab", "64 hexadecimal digits"),
            (
                &format!("oci://ghcr.io/a@{}", digest.to_uppercase()),
                "64 hexadecimal digits",
            ),
            (
                &format!("oci://ghcr.io/a@sha512:{}", "a".repeat(64)),
                "64 hexadecimal digits",
            ),
            (&format!("oci:///a@{digest}"), "no host name"),
            (&format!("oci://u:p@r/a@{digest}"), "64 hexadecimal digits"),
            (&format!("oci://-r/a@{digest}"), "no host name"),
            (&format!("oci://r:/a@{digest}"), "no host name"),
            (&format!("oci://r/@{digest}"), "the repository"),
            (&format!("oci://r/A@{digest}"), "the repository"),
            (&format!("oci://r/a/../b@{digest}"), "the repository"),
            (&format!("oci://r/a//b@{digest}"), "the repository"),
            (&format!("oci://r/a?x=y@{digest}"), "the repository"),
            (&format!("oci://r@{digest}"), "the repository"),
        ] {
            let said = text.parse::<Reference>().unwrap_err();
            assert!(said.contains(want), "{text}\n{said}");
        }
    }
}
