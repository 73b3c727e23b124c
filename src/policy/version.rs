//! Levels and versions of the Pod Security Standards.
//!
//! Source: `k8s.io/pod-security-admission/api`, `ParseLevel` and `ParseVersion`.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A level of the Pod Security Standards; each asks for everything the one before asks for.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing is asked for.
    Privileged,
    /// Known privilege escalations are ruled out.
    Baseline,
    /// Pods are hardened by today's best practice.
    #[default]
    Restricted,
}

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Level, String> {
        match text {
            "privileged" => Ok(Level::Privileged),
            "baseline" => Ok(Level::Baseline),
            "restricted" => Ok(Level::Restricted),
            _ => Err("must be one of privileged, baseline, restricted".to_owned()),
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Privileged => "privileged",
            Level::Baseline => "baseline",
            Level::Restricted => "restricted",
        })
    }
}

/// A version of the Pod Security Standards: `v1.N`, or `latest`, which is newer than any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// `v1.N`
    Minor(u32),
    /// `latest`
    #[default]
    Latest,
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Version, String> {
        if text == "latest" {
            return Ok(Version::Latest);
        }
        text.strip_prefix("v1.")
            .filter(|minor| minor.bytes().all(|b| b.is_ascii_digit()))
            .filter(|minor| *minor == "0" || !minor.starts_with('0'))
            .and_then(|minor| minor.parse().ok())
            .map(Version::Minor)
            .ok_or_else(|| "must be latest or v1.N, for example v1.31".to_owned())
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Version::Minor(minor) => write!(f, "v1.{minor}"),
            Version::Latest => f.write_str("latest"),
        }
    }
}

impl JsonSchema for Version {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Version".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": r"^(latest|v1\.(0|[1-9]\d{0,8}))$",
            "patternErrorMessage": "must be latest or v1.N, for example v1.31",
        })
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Version, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_kubernetes_reads_them() {
        for (text, version) in [
            ("latest", Version::Latest),
            ("v1.0", Version::Minor(0)),
            ("v1.25", Version::Minor(25)),
        ] {
            assert_eq!(text.parse(), Ok(version));
            assert_eq!(version.to_string(), text);
        }
        for text in [
            "",
            "1.25",
            "v1",
            "v1.",
            "v1.01",
            "v2.0",
            "v1.-1",
            "v1.+1",
            "v1.99999999999",
        ] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }

    #[test]
    fn latest_is_newer_than_any_number() {
        assert!(Version::Latest > Version::Minor(u32::MAX));
        assert!(Version::Minor(9) < Version::Minor(10));
    }

    #[test]
    fn levels_are_ordered() {
        assert!(Level::Privileged < Level::Baseline && Level::Baseline < Level::Restricted);
        assert_eq!("baseline".parse(), Ok(Level::Baseline));
        assert!("Baseline".parse::<Level>().is_err());
    }
}
