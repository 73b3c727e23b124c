//! `security:` of platform.yaml: who may log in, what they may do, where secrets lie.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::schema::suggest;
use crate::config::typed::Problems;
use crate::manifest::view::escape;
use crate::platform::credentials::{Identifier, SecretReference};
use crate::platform::text::{DnsLabel, Name, TlsVersion, Url};

/// `security`
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Security {
    /// Who somebody is.
    pub authentication: Authentication,
    /// What somebody may do.
    pub authorization: Authorization,
    /// Where secrets lie.
    pub secret_backends: SecretBackends,
    /// What is encrypted.
    pub encryption: Encryption,
    /// What is written down.
    pub audit: Audit,
}

/// `security.authentication`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Authentication {
    /// Whether people must log in.
    pub enabled: bool,
    /// How.
    pub method: AuthMethod,
    /// `oidc`: the identity provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc: Option<Oidc>,
    /// How long a login lasts.
    pub session: Session,
}

/// How people log in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AuthMethod {
    /// OpenID Connect.
    Oidc,
    /// OAuth2 without an identity.
    Oauth2,
    /// SAML.
    Saml,
    /// Accounts of the application's own.
    #[default]
    Static,
}

/// `security.authentication.oidc`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    /// The identity provider.
    pub provider_url: Url,
    /// The client's id, as text or in a Secret.
    pub client_id: Identifier,
    /// The client's secret, always in a Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<SecretReference>,
    /// What is asked for.
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
    /// Which claim says what.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claims_mapping: BTreeMap<String, String>,
}

fn scopes() -> Vec<String> {
    ["openid", "profile", "email"].map(String::from).into()
}

/// `security.authentication.session`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Session {
    /// How long a login lasts, in minutes.
    #[schemars(range(min = 1, max = 10080))]
    pub timeout_minutes: u32,
    /// How often somebody may be logged in at once.
    #[schemars(range(min = 1))]
    pub max_sessions_per_user: u32,
    /// Whether cookies go over TLS only.
    pub secure_cookies: bool,
    /// Which pages a cookie is sent from.
    pub same_site: SameSite,
}

impl Default for Session {
    fn default() -> Self {
        Session {
            timeout_minutes: 480,
            max_sessions_per_user: 5,
            secure_cookies: true,
            same_site: SameSite::default(),
        }
    }
}

/// Which pages a cookie is sent from (RFC 6265bis).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum SameSite {
    /// The site's own.
    Strict,
    /// The site's own, and links to it.
    #[default]
    Lax,
    /// Any.
    None,
}

/// `security.authorization`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Authorization {
    /// Whether rights are checked.
    pub enabled: bool,
    /// By role or by attribute.
    pub mode: AuthorizationMode,
    /// The roles by name.
    pub roles: BTreeMap<Name, Role>,
    /// The role of each group of the identity provider.
    pub group_mappings: BTreeMap<String, Name>,
}

/// How rights are given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AuthorizationMode {
    /// By role.
    #[default]
    Rbac,
    /// By attribute.
    Abac,
}

/// One role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Role {
    /// Who has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 500))]
    pub description: Option<String>,
    /// What it allows, as `thing:verb,verb`.
    pub permissions: Vec<String>,
}

/// `security.secret_backends`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SecretBackends {
    /// The one that is asked first.
    pub primary: SecretBackend,
    /// Kubernetes' own Secrets.
    pub kubernetes: KubernetesSecrets,
    /// HashiCorp Vault.
    pub vault: Vault,
    /// AWS Secrets Manager.
    pub aws_secrets_manager: AwsSecretsManager,
}

/// What keeps secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretBackend {
    /// Kubernetes.
    #[default]
    Kubernetes,
    /// HashiCorp Vault.
    Vault,
    /// AWS Secrets Manager.
    AwsSecretsManager,
}

/// `security.secret_backends.kubernetes`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KubernetesSecrets {
    /// Whether it is used.
    pub enabled: bool,
    /// The namespace of the Secrets; by default the release's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<DnsLabel>,
    /// Where Secrets are mounted.
    #[schemars(regex(pattern = "^/"), extend("patternErrorMessage" = "must be an absolute path"))]
    pub mount_path: String,
}

impl Default for KubernetesSecrets {
    fn default() -> Self {
        KubernetesSecrets {
            enabled: true,
            namespace: None,
            mount_path: "/var/run/secrets".into(),
        }
    }
}

/// `security.secret_backends.vault`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Vault {
    /// Whether it is used.
    pub enabled: bool,
    /// Where it listens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_url: Option<Url>,
    /// How pods log in.
    pub auth_method: VaultAuth,
    /// `kubernetes`: the role in Vault.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub kubernetes_role: Option<String>,
    /// Where the secrets lie.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub secret_path: Option<String>,
}

/// How pods log in to Vault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum VaultAuth {
    /// With their service account.
    #[default]
    Kubernetes,
    /// With an AppRole.
    Approle,
    /// With a JSON web token.
    Jwt,
}

/// `security.secret_backends.aws_secrets_manager`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AwsSecretsManager {
    /// Whether it is used.
    pub enabled: bool,
    /// The region.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub region: Option<String>,
    /// What the names of the secrets start with.
    #[schemars(length(max = 255))]
    pub prefix: String,
}

impl Default for AwsSecretsManager {
    fn default() -> Self {
        AwsSecretsManager {
            enabled: false,
            region: None,
            prefix: "floe/".into(),
        }
    }
}

/// `security.encryption`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Encryption {
    /// On the way.
    pub in_transit: InTransit,
    /// Where it lies.
    pub at_rest: AtRest,
}

/// `security.encryption.in_transit`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct InTransit {
    /// Whether traffic is encrypted.
    pub enabled: bool,
    /// The lowest version.
    pub min_tls_version: TlsVersion,
}

impl Default for InTransit {
    fn default() -> Self {
        InTransit {
            enabled: true,
            min_tls_version: TlsVersion::from("1.2"),
        }
    }
}

/// `security.encryption.at_rest`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AtRest {
    /// Whether data is encrypted.
    pub enabled: bool,
    /// Who keeps the key.
    pub provider: KeyProvider,
    /// The Secret that names the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_ref: Option<SecretReference>,
}

/// Who keeps a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyProvider {
    /// AWS.
    AwsKms,
    /// Google.
    GcpKms,
    /// The machine itself.
    #[default]
    Local,
}

/// `security.audit`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Audit {
    /// Whether anything is written down.
    pub enabled: bool,
    /// Who keeps it.
    pub backend: AuditBackend,
    /// How long it is kept, in days.
    #[schemars(range(min = 1, max = 3650))]
    pub retention_days: u32,
    /// What is written down.
    pub events: AuditEvents,
}

impl Default for Audit {
    fn default() -> Self {
        Audit {
            enabled: false,
            backend: AuditBackend::default(),
            retention_days: 90,
            events: AuditEvents::default(),
        }
    }
}

/// Who keeps the audit log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AuditBackend {
    /// AWS CloudWatch.
    Cloudwatch,
    /// Grafana Loki.
    #[default]
    Loki,
    /// Elasticsearch.
    Elasticsearch,
}

/// `security.audit.events`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AuditEvents {
    /// Logins.
    pub authentication: bool,
    /// Rights that were used or refused.
    pub authorization: bool,
    /// Data that was read.
    pub data_access: bool,
    /// Settings that were changed.
    pub configuration_changes: bool,
}

impl Default for AuditEvents {
    fn default() -> Self {
        AuditEvents {
            authentication: true,
            authorization: true,
            data_access: false,
            configuration_changes: true,
        }
    }
}

impl Security {
    /// What the schema cannot say.
    pub fn rules(&self, at: &str, problems: &mut Problems) {
        let authentication = &self.authentication;
        if authentication.method == AuthMethod::Oidc && authentication.oidc.is_none() {
            problems.add(
                format!("{at}/authentication"),
                "method `oidc` needs the block `oidc`",
            );
        }
        if let Some(oidc) = &authentication.oidc {
            let at = format!("{at}/authentication/oidc");
            if let Identifier::Secret(reference) = &oidc.client_id {
                reference.rules(&format!("{at}/client_id"), problems);
            }
            if let Some(reference) = &oidc.client_secret {
                reference.rules(&format!("{at}/client_secret"), problems);
            }
        }
        if let Some(reference) = &self.encryption.at_rest.key_ref {
            reference.rules(&format!("{at}/encryption/at_rest/key_ref"), problems);
        }
        self.authorization
            .rules(&format!("{at}/authorization"), problems);
        self.secret_backends
            .rules(&format!("{at}/secret_backends"), problems);
    }
}

impl Authorization {
    fn rules(&self, at: &str, problems: &mut Problems) {
        let known: Vec<&str> = self.roles.keys().map(Name::as_str).collect();
        for (group, role) in &self.group_mappings {
            problems.expect(
                self.roles.contains_key(role),
                format!("{at}/group_mappings/{}", escape(group)),
                format!("no role `{role}`{}", suggest(role.as_str(), &known)),
            );
        }
    }
}

impl SecretBackends {
    fn rules(&self, at: &str, problems: &mut Problems) {
        let vault = &self.vault;
        if vault.enabled {
            let here = format!("{at}/vault");
            if vault.server_url.is_none() {
                problems.add(&*here, "needs `server_url` where it is enabled");
            }
            if vault.auth_method == VaultAuth::Kubernetes && vault.kubernetes_role.is_none() {
                problems.add(&*here, "auth_method `kubernetes` needs `kubernetes_role`");
            }
        }
        let (field, enabled) = match self.primary {
            SecretBackend::Kubernetes => ("kubernetes", self.kubernetes.enabled),
            SecretBackend::Vault => ("vault", vault.enabled),
            SecretBackend::AwsSecretsManager => {
                ("aws_secrets_manager", self.aws_secrets_manager.enabled)
            }
        };
        problems.expect(
            enabled,
            format!("{at}/primary"),
            format!("`{field}` is not enabled: set `{field}.enabled: true`"),
        );
    }
}
