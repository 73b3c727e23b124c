//! How a profile proves who it is: four modes, what each needs and refuses, and references to
//! Secrets. A value never stands in a file; only the name of the Secret that holds it does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::{RoleArn, SecretKey, SecretName, SecretObject, Url};
use crate::config::typed::Problems;

/// What to say where a secret stands in the clear.
pub const USE_SECRET_REF: &str = "must use secret_ref, not a plaintext value: write {secret_ref: NAME} with the name of a Secret";

/// A reference to one key of a Kubernetes Secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("errorMessage" = USE_SECRET_REF))]
pub struct SecretReference {
    /// The name of the Secret (`polaris-oauth`), or of the environment variable that the
    /// application reads (`POLARIS_CLIENT_SECRET`); the latter needs `secret_name`
    /// and `key`.
    pub secret_ref: SecretName,
    /// The Secret, where `secret_ref` names an environment variable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_name: Option<SecretObject>,
    /// The key in the Secret; by default the name of the field, e.g. `client_secret`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<SecretKey>,
}

impl SecretReference {
    /// Whether the reference names an environment variable and not a Secret.
    pub fn is_variable(&self) -> bool {
        is_variable(&self.secret_ref)
    }
}

/// Whether a name is that of an environment variable: Secrets have no capitals.
pub fn is_variable(name: &SecretName) -> bool {
    name.as_str().starts_with(|c: char| c.is_ascii_uppercase())
}

/// An address, or the Secret that holds it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(extend("errorMessage" = "must be a URL or {secret_ref: NAME}"))]
pub enum Address {
    /// The address itself.
    Url(Url),
    /// Where it is kept.
    Secret(SecretReference),
}

impl Address {
    /// The reference, where the address is kept in a Secret.
    pub fn reference(&self) -> Option<&SecretReference> {
        match self {
            Address::Url(_) => None,
            Address::Secret(reference) => Some(reference),
        }
    }
}

/// An identifier that may be public, or the Secret that holds it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(extend("errorMessage" = "must be text or {secret_ref: NAME}"))]
pub enum Identifier {
    /// The identifier itself.
    Text(#[schemars(length(min = 1, max = 255))] String),
    /// Where it is kept.
    Secret(SecretReference),
}

/// How to log in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Long-lived keys or a password in a Secret.
    #[default]
    Static,
    /// OAuth2 client credentials: a client id and a client secret for short-lived tokens.
    Oauth2,
    /// An AWS IAM role that the pod's service account assumes.
    IamRole,
    /// The identity of the pod's service account, as the cluster's cloud has set it up.
    ServiceAccount,
}

impl Mode {
    /// The mode as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Static => "static",
            Mode::Oauth2 => "oauth2",
            Mode::IamRole => "iam_role",
            Mode::ServiceAccount => "service_account",
        }
    }

    /// The fields that mean something in this mode, and whether they must be there.
    fn fields(self) -> &'static [(&'static str, bool)] {
        match self {
            // Whether a static secret must be there depends on what is logged in to.
            Mode::Static => &[("secret_ref", false)],
            Mode::Oauth2 => &[
                ("client_id", true),
                ("client_secret", true),
                ("scope", false),
            ],
            Mode::IamRole => &[("role_arn", true)],
            Mode::ServiceAccount => &[("identity", false)],
        }
    }
}

/// `credentials` of a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Credentials {
    /// How to log in; each mode has its own fields, and another mode's fields are errors.
    pub mode: Mode,
    /// `static`: the Secret with the keys that this kind of profile needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretName>,
    /// `oauth2`: the client's id, as text or in a Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<Identifier>,
    /// `oauth2`: the client's secret, always in a Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<SecretReference>,
    /// `oauth2`: what the token may do; the least that suffices.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub scope: Option<String>,
    /// `iam_role`: the role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<RoleArn>,
    /// `service_account`: the identity behind it: a Google service account's address or the
    /// client id of an Azure managed identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub identity: Option<String>,
}

/// What the rules need to know about the profile that logs in.
pub struct Login {
    /// What it logs in to, as in `type: s3`.
    pub to: &'static str,
    /// Whether nobody gets in without credentials.
    pub needed: bool,
    /// Whether it is one of AWS, so that an IAM role can open it.
    pub aws: bool,
    /// Whether the platform file says that it describes a single machine.
    pub local: bool,
}

impl Credentials {
    /// What a mode needs and refuses. `at` is the pointer of the profile.
    pub fn rules(&self, at: &str, login: &Login, problems: &mut Problems) {
        let here = format!("{at}/credentials");
        let mode = self.mode.as_str();
        let fields = self.mode.fields();
        for (name, given) in self.given() {
            if given && !fields.iter().any(|(field, _)| *field == name) {
                let takes: Vec<&str> = fields.iter().map(|(field, _)| *field).collect();
                problems.add(
                    format!("{here}/{name}"),
                    format!(
                        "has no place in mode `{mode}`, which takes {}",
                        takes.join(", ")
                    ),
                );
            }
        }
        for (field, required) in fields {
            let given = self
                .given()
                .into_iter()
                .any(|(name, given)| name == *field && given);
            if *required && !given {
                problems.add(&*here, format!("mode `{mode}` needs `{field}`"));
            }
        }
        self.login_rules(&here, login, problems);
        self.reference_rules(&here, problems);
    }

    fn login_rules(&self, here: &str, login: &Login, problems: &mut Problems) {
        let missing = self.mode == Mode::Static && self.secret_ref.is_none();
        if missing && login.needed && !login.local {
            problems.add(
                here,
                format!(
                    "a profile of type {} needs credentials: give `secret_ref`, or another `mode` \
                     (only where infrastructure.cloud.provider is `local` it may go without)",
                    login.to
                ),
            );
        }
        if self.mode == Mode::IamRole && !login.aws {
            problems.add(
                format!("{here}/mode"),
                format!(
                    "an IAM role opens nothing of type {}: use `service_account`",
                    login.to
                ),
            );
        }
        let everything = self.scope.as_deref().is_some_and(|scope| {
            scope
                .split_whitespace()
                .any(|scope| scope == "PRINCIPAL_ROLE:ALL")
        });
        if everything && !login.local {
            problems.add(
                format!("{here}/scope"),
                "asks for every role there is: name the role that is needed, such as PRINCIPAL_ROLE:DATA_ENGINEER",
            );
        }
    }

    fn reference_rules(&self, here: &str, problems: &mut Problems) {
        if self.mode == Mode::Static && self.secret_ref.as_ref().is_some_and(is_variable) {
            problems.add(
                format!("{here}/secret_ref"),
                "must name a Secret: static credentials are several keys of one, not one variable",
            );
        }
        if let Some(Identifier::Secret(reference)) = &self.client_id {
            reference.rules(&format!("{here}/client_id"), problems);
        }
        if let Some(reference) = &self.client_secret {
            reference.rules(&format!("{here}/client_secret"), problems);
        }
    }

    /// The fields besides `mode`, and whether they are there.
    fn given(&self) -> [(&'static str, bool); 6] {
        [
            ("secret_ref", self.secret_ref.is_some()),
            ("client_id", self.client_id.is_some()),
            ("client_secret", self.client_secret.is_some()),
            ("scope", self.scope.is_some()),
            ("role_arn", self.role_arn.is_some()),
            ("identity", self.identity.is_some()),
        ]
    }
}

impl SecretReference {
    /// Both forms say which Secret and which key; `at` is the pointer of the reference.
    pub fn rules(&self, at: &str, problems: &mut Problems) {
        if self.is_variable() {
            let whole = self.secret_name.is_some() && self.key.is_some();
            problems.expect(
                whole,
                at,
                "names an environment variable and so needs `secret_name` and `key`: which Secret holds the value, under which key",
            );
        } else {
            problems.expect(
                self.secret_name.is_none(),
                format!("{at}/secret_name"),
                "stands here twice: `secret_ref` names a Secret already",
            );
        }
    }
}
