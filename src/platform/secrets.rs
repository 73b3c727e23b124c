//! The `hardening.secrets` block of platform.yaml: where secrets come from instead of charts.

use serde::Deserialize;

use crate::policy::exceptions::Pattern;

/// `hardening.secrets`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Secrets {
    /// Replace the Secrets of charts by references into the platform's store.
    pub externalize: Option<Externalize>,
}

/// `hardening.secrets.externalize`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Externalize {
    /// The External Secrets store that holds the values.
    pub store: Store,
    /// The remote key of a Secret, with placeholders.
    #[serde(default = "default_key")]
    pub key: KeyTemplate,
    /// How often the operator reads the values again, as a Go duration; `0` means once.
    #[serde(default = "default_refresh")]
    pub refresh_interval: String,
    /// The version of the operator's API.
    #[serde(default)]
    pub api_version: ApiVersion,
    /// The Secrets to replace, by name; all when absent.
    #[serde(default)]
    pub include: Option<Vec<Pattern>>,
    /// The Secrets to leave as they are, by name.
    #[serde(default)]
    pub exclude: Vec<Pattern>,
}

/// `hardening.secrets.externalize.store`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// The store's name.
    pub name: String,
    /// Whether every namespace or only the release's own can read it.
    #[serde(default)]
    pub kind: StoreKind,
}

/// The two kinds of stores of External Secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum StoreKind {
    /// One for the whole cluster.
    #[default]
    ClusterSecretStore,
    /// One in the release's namespace.
    SecretStore,
}

impl StoreKind {
    /// The kind as it stands in a manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            StoreKind::ClusterSecretStore => "ClusterSecretStore",
            StoreKind::SecretStore => "SecretStore",
        }
    }
}

/// The API versions of `ExternalSecret` whose fields are the ones we write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum ApiVersion {
    /// Served from External Secrets 0.16 on.
    #[default]
    #[serde(rename = "external-secrets.io/v1")]
    V1,
    /// Served up to External Secrets 0.16.
    #[serde(rename = "external-secrets.io/v1beta1")]
    V1Beta1,
}

impl ApiVersion {
    /// The `apiVersion` as it stands in a manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            ApiVersion::V1 => "external-secrets.io/v1",
            ApiVersion::V1Beta1 => "external-secrets.io/v1beta1",
        }
    }
}

fn default_key() -> KeyTemplate {
    KeyTemplate(vec![
        Part::Is(Placeholder::Namespace),
        Part::Text("/".into()),
        Part::Is(Placeholder::Name),
    ])
}

fn default_refresh() -> String {
    "1h".into()
}

/// A remote key with placeholders, such as `{namespace}/{name}`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct KeyTemplate(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Is(Placeholder),
}

/// What a remote key may be made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// The environment (`--env`).
    Environment,
    /// The Secret's namespace.
    Namespace,
    /// The release's name (`--release`).
    Release,
    /// The Secret's name.
    Name,
    /// The key in the Secret's data.
    Key,
}

impl Placeholder {
    const ALL: [Placeholder; 5] = [
        Placeholder::Environment,
        Placeholder::Namespace,
        Placeholder::Release,
        Placeholder::Name,
        Placeholder::Key,
    ];

    /// The word between the braces.
    pub fn word(self) -> &'static str {
        match self {
            Placeholder::Environment => "environment",
            Placeholder::Namespace => "namespace",
            Placeholder::Release => "release",
            Placeholder::Name => "name",
            Placeholder::Key => "key",
        }
    }
}

impl TryFrom<String> for KeyTemplate {
    type Error = String;

    fn try_from(text: String) -> Result<KeyTemplate, String> {
        let mut parts = Vec::new();
        let mut rest = text.as_str();
        while let Some((before, from)) = rest.split_once('{') {
            let (word, after) = from.split_once('}').ok_or("a `{` without its `}`")?;
            let placeholder = Placeholder::ALL.into_iter().find(|p| p.word() == word);
            let placeholder = placeholder.ok_or_else(|| {
                let known = Placeholder::ALL.map(|p| format!("{{{}}}", p.word()));
                format!(
                    "no placeholder `{{{word}}}`: there are {}",
                    known.join(", ")
                )
            })?;
            parts.extend([Part::Text(before.into()), Part::Is(placeholder)]);
            rest = after;
        }
        parts.push(Part::Text(rest.into()));
        parts.retain(|part| *part != Part::Text(String::new()));
        let template = KeyTemplate(parts);
        match template.has(Placeholder::Name) {
            true => Ok(template),
            false => Err("must hold `{name}`, or all Secrets would share one remote key".into()),
        }
    }
}

impl KeyTemplate {
    /// Whether the key holds a placeholder.
    pub fn has(&self, placeholder: Placeholder) -> bool {
        self.0.contains(&Part::Is(placeholder))
    }

    /// The key with its placeholders filled in.
    ///
    /// # Errors
    /// The placeholder of which the value is not known.
    pub fn fill<'v>(
        &self,
        value: impl Fn(Placeholder) -> Option<&'v str>,
    ) -> Result<String, Placeholder> {
        let mut key = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => key.push_str(text),
                Part::Is(placeholder) => {
                    let text = value(*placeholder).filter(|text| !text.is_empty());
                    key.push_str(text.ok_or(*placeholder)?);
                }
            }
        }
        Ok(key)
    }
}

impl Secrets {
    /// What the types cannot say: the store has a name, the interval is a duration.
    ///
    /// # Errors
    /// The pointer, from the block, of the first mistake, and the reason.
    pub fn validate(&self) -> Result<(), (String, String)> {
        let Some(externalize) = &self.externalize else {
            return Ok(());
        };
        if !is_object_name(&externalize.store.name) {
            return Err((
                "/externalize/store/name".into(),
                "not the name of a store: lower-case letters, digits, `-` and `.`, first and last a letter or digit".into(),
            ));
        }
        if !is_duration(&externalize.refresh_interval) {
            return Err((
                "/externalize/refresh_interval".into(),
                "not a duration such as `1h`, `15m` or `1h30m`; `0` reads the values once".into(),
            ));
        }
        Ok(())
    }
}

/// Whether a text may be the name of a custom resource: a DNS subdomain (RFC 1123), as
/// k8s.io/apimachinery's validation has it.
fn is_object_name(text: &str) -> bool {
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let label = |label: &str| {
        let bytes = label.as_bytes();
        let inner = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-';
        edge(bytes.first()) && edge(bytes.last()) && bytes.iter().all(inner)
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// Whether a text is a duration that Go's `time.ParseDuration` reads and that is not negative.
fn is_duration(text: &str) -> bool {
    if text == "0" {
        return true;
    }
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let number = rest.get(..rest.len() - digits.len()).unwrap_or_default();
        let whole = number.bytes().filter(|b| *b == b'.').count() <= 1
            && number.bytes().any(|b| b.is_ascii_digit());
        let unit = ["ns", "us", "µs", "ms", "s", "m", "h"]
            .into_iter()
            .filter(|unit| digits.starts_with(unit))
            .max_by_key(|unit| unit.len());
        let Some(unit) = unit.filter(|_| whole) else {
            return false;
        };
        rest = digits.get(unit.len()..).unwrap_or_default();
    }
    !text.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str) -> Result<String, String> {
        let template = KeyTemplate::try_from(template.to_owned())?;
        let value = |placeholder| match placeholder {
            Placeholder::Namespace => Some("shop"),
            Placeholder::Name => Some("web-db"),
            Placeholder::Key => Some("tls.crt"),
            Placeholder::Environment => None,
            Placeholder::Release => Some(""),
        };
        template.fill(value).map_err(|p| format!("no {}", p.word()))
    }

    #[test]
    fn a_key_is_made_of_placeholders() {
        for (template, want) in [
            ("{namespace}/{name}", Ok("shop/web-db")),
            ("kv/{name}-{key}", Ok("kv/web-db-tls.crt")),
            ("{name}", Ok("web-db")),
            ("{environment}/{name}", Err("no environment")),
            ("{release}/{name}", Err("no release")),
            (
                "{namespace}",
                Err("must hold `{name}`, or all Secrets would share one remote key"),
            ),
            ("{name}/{", Err("a `{` without its `}`")),
            (
                "{name}/{cluster}",
                Err(
                    "no placeholder `{cluster}`: there are {environment}, {namespace}, {release}, {name}, {key}",
                ),
            ),
        ] {
            let want = want.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(filled(template), want, "{template}");
        }
        assert_eq!(
            default_key(),
            KeyTemplate::try_from("{namespace}/{name}".to_owned()).unwrap()
        );
    }

    #[test]
    fn durations_are_gos() {
        for (text, want) in [
            ("0", true),
            ("1h", true),
            ("1h30m", true),
            ("1.5h", true),
            ("500ms", true),
            ("10µs", true),
            ("", false),
            ("1", false),
            ("h", false),
            (".h", false),
            ("1d", false),
            ("-1h", false),
            ("1 h", false),
            ("1h ", false),
        ] {
            assert_eq!(is_duration(text), want, "{text:?}");
        }
    }

    #[test]
    fn names_are_dns_subdomains() {
        for (text, want) in [
            ("vault", true),
            ("team-a.vault", true),
            ("", false),
            ("Vault", false),
            ("-vault", false),
            ("a..b", false),
            ("a_b", false),
        ] {
            assert_eq!(is_object_name(text), want, "{text:?}");
        }
        assert!(!is_object_name(&"a".repeat(254)));
    }
}
