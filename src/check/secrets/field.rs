//! A field of one of our own files, where a reference to a Secret could stand.
//!
//! There the judgement is stricter than in a chart: under a name that names a credential nothing may be
//! written out at all, however harmless it looks.

use super::hit::{Hit, Rule};
use super::names::{self, Name};
use super::scan::{self, Context};
use super::tables::Sort;
use super::values;

/// The credential in a field, if there is one.
pub fn judge(name: &str, text: &str) -> Option<Hit> {
    let context = Context {
        name: Name::of(name),
        ..Context::default()
    };
    let found = scan::value(context, text).into_iter().next();
    found.or_else(|| {
        let what = named(name)?;
        let written = !text.trim().is_empty() && !values::is_reference(text);
        written.then(|| Hit::new(Rule::NamedValue, what, 0, text))
    })
}

/// What a name says is under it, if that can be nothing but a credential: `auth` and `webhook` are
/// names of settings as well.
pub fn named(name: &str) -> Option<&'static str> {
    let named = names::classify(name)?;
    let certain = named.sort != Sort::Token || matches!(named.what, "a token" | "a secret");
    certain.then_some(named.what)
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn credentials_are_told_from_other_texts() {
        for form in ["github", "gitlab", "aws-access-key", "slack"] {
            let text = sample::of(form, 7).unwrap();
            assert!(judge("note", &text).is_some(), "{form}");
        }
        for (name, text) in [
            ("password", "hunter2"),
            ("password", "a"),
            ("client_secret", "Zx9"),
            ("db_secret", "plain-name"),
            ("DB_PASSWORD", "Zx9"),
            ("apiKey", "Zx9"),
            ("s3.secret-key", "Zx9"),
            ("auth.token", "abc"),
            ("credential", "changeme"),
            ("uri", "postgresql://u:Zx9-4f@db:5432/x"),
            ("uri", "see jdbc:postgresql://u:Zx9-4f@db/x"),
        ] {
            assert!(judge(name, text).is_some(), "{name}: {text}");
        }
        for (name, text) in [
            ("secret_ref", "polaris-client-secret"),
            ("s3_access_key_ref", "cube-s3-key"),
            ("secret_path", "secret/data/floe"),
            ("token_refresh_enabled", "true"),
            ("secretName", "a"),
            ("auth", "oidc"),
            ("uri", "http://host:8181/path@2"),
            ("uri", "s3://bucket/user:name"),
            ("password", ""),
            ("password", "${DB_PASSWORD}"),
            ("monkey", "banana"),
            ("tag", "sk-short"),
        ] {
            assert_eq!(judge(name, text), None, "{name}: {text}");
        }
    }
}
