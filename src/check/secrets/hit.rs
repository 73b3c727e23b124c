//! What was found in a value, without the value.

use super::fingerprint;
use super::tables::Family;

/// Which policy reports a hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// A credential in a Secret object.
    Inline,
    /// A text that has the exact form of a token.
    Token,
    /// A private key.
    PrivateKey,
    /// A URL or connection string with a password.
    UrlPassword,
    /// A well-known default.
    WeakDefault,
    /// A literal under a name that names a credential.
    NamedValue,
}

impl Rule {
    /// The policy's name.
    pub fn policy(self) -> &'static str {
        match self {
            Rule::Inline => "secrets/inline",
            Rule::Token => "secrets/token",
            Rule::PrivateKey => "secrets/private-key",
            Rule::UrlPassword => "secrets/url-password",
            Rule::WeakDefault => "secrets/weak-default",
            Rule::NamedValue => "secrets/named-value",
        }
    }
}

impl From<Family> for Rule {
    fn from(family: Family) -> Rule {
        match family {
            Family::Token => Rule::Token,
            Family::PrivateKey => Rule::PrivateKey,
            Family::UrlPassword => Rule::UrlPassword,
            Family::NamedValue => Rule::NamedValue,
        }
    }
}

/// One credential in a text. It tells enough to find the place and to compare two places, and never
/// holds the credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The policy that reports it.
    pub rule: Rule,
    /// The noun, with its article: `a password`.
    pub what: &'static str,
    /// Where the credential begins in the text, in bytes.
    pub at: usize,
    /// How long it is, in bytes of the text.
    pub span: usize,
    /// How long it is, in characters.
    pub length: usize,
    /// See [`fingerprint::of`]; `None` for what could be guessed from it.
    pub fingerprint: Option<String>,
    /// It stands there in base64.
    pub encoded: bool,
    /// It looks as if made by a function of the template (`randAlphaNum`, `genSignedCert`), which
    /// makes another one at each render.
    pub generated: bool,
}

impl Hit {
    /// A credential that stands at a place of a text.
    pub fn new(rule: Rule, what: &'static str, at: usize, credential: &str) -> Hit {
        Hit {
            rule,
            what,
            at,
            span: credential.len(),
            length: credential.chars().count(),
            fingerprint: fingerprint::of(credential),
            encoded: false,
            generated: false,
        }
    }

    /// Whether both are about some of the same bytes.
    pub fn overlaps(&self, other: &Hit) -> bool {
        self.at < other.at + other.span.max(1) && other.at < self.at + self.span.max(1)
    }
}

/// No more are looked for in one text: it is refused anyway, and each is compared with all others.
const MOST: usize = 500;

/// Adds hits that are about none of the bytes an earlier one is about.
pub fn merge(hits: &mut Vec<Hit>, more: impl IntoIterator<Item = Hit>) {
    for hit in more.into_iter().take(MOST.saturating_sub(hits.len())) {
        if !hits.iter().any(|other| other.overlaps(&hit)) {
            hits.push(hit);
        }
    }
}
