//! Every Secret that a platform file refers to: which key, under which environment variable, for
//! which field. Values are never read; the list is what somebody has to create.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::credentials::{Address, Credentials, Identifier, Mode, SecretReference, is_variable};
use super::file::PlatformFile;
use super::file::catalogs::{CatalogProfile, CatalogType};
use super::file::compute::ComputeProfile;
use super::file::properties::Property;
use super::file::storage::StorageProfile;
use super::text::SecretName;
use crate::config::dotted;
use crate::config::typed::Problems;

/// One key of one Secret that something needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretUse {
    /// The Secret.
    pub secret: String,
    /// The key in its data.
    pub key: String,
    /// The environment variable that hands it to the application.
    pub env: String,
    /// The name that the file refers to it by.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The fields that want it.
    pub used_by: Vec<String>,
}

/// Uses, in the making. Those of the same key and variable become one.
#[derive(Debug, Default)]
pub struct Uses(Vec<SecretUse>);

impl Uses {
    /// The uses, sorted, each once.
    pub fn into_list(self) -> Vec<SecretUse> {
        let mut merged: BTreeMap<(String, String, String), SecretUse> = BTreeMap::new();
        for used in self.0 {
            let id = (used.secret.clone(), used.key.clone(), used.env.clone());
            let places = used.used_by.clone();
            let entry = merged.entry(id).or_insert_with(|| SecretUse {
                used_by: Vec::new(),
                ..used
            });
            entry.used_by.extend(places);
        }
        let mut list: Vec<SecretUse> = merged.into_values().collect();
        for used in &mut list {
            used.used_by.sort();
            used.used_by.dedup();
        }
        list
    }

    /// Adds one key of a Secret. An empty variable is named after the Secret and the key.
    pub fn add(&mut self, name: &SecretName, key: &str, env: &str, pointer: &str) {
        let env = match env {
            "" => format!("{}_{}", variable(name.as_str()), variable(key)),
            env => env.to_owned(),
        };
        self.0.push(SecretUse {
            secret: name.as_str().to_owned(),
            key: key.to_owned(),
            env,
            reference: name.as_str().to_owned(),
            used_by: vec![dotted(pointer)],
        });
    }

    /// Adds a reference in a field. `env` is the variable that clients are known to read, if any.
    pub fn reference(
        &mut self,
        reference: &SecretReference,
        field: &str,
        env: &str,
        pointer: &str,
    ) {
        let name = reference.secret_ref.as_str();
        let key = reference.key.as_ref().map(|key| key.as_str());
        let own = match key {
            _ if reference.is_variable() => name.to_owned(),
            Some(key) => format!("{}_{}", variable(name), variable(key)),
            None => variable(name),
        };
        let secret = reference.secret_name.as_ref();
        self.0.push(SecretUse {
            secret: secret.map_or(name, |secret| secret.as_str()).to_owned(),
            key: key.unwrap_or(field).to_owned(),
            env: if env.is_empty() || reference.is_variable() {
                own
            } else {
                env.to_owned()
            },
            reference: name.to_owned(),
            used_by: vec![dotted(pointer)],
        });
    }

    fn address(&mut self, address: Option<&Address>, field: &str, pointer: &str) {
        if let Some(reference) = address.and_then(Address::reference) {
            self.reference(reference, field, "", &format!("{pointer}/{field}"));
        }
    }

    /// What a login needs. `keys` are those of a static secret with their variables.
    fn credentials(
        &mut self,
        credentials: &Credentials,
        keys: &[(&str, &str)],
        oauth2: [&str; 2],
        pointer: &str,
    ) {
        let at = format!("{pointer}/credentials");
        let [client_id, client_secret] = oauth2;
        match (credentials.mode, &credentials.secret_ref) {
            (Mode::Static, Some(name)) if !is_variable(name) => {
                for (key, env) in keys {
                    self.add(name, key, env, &format!("{at}/secret_ref"));
                }
            }
            (Mode::Oauth2, _) => {
                if let Some(Identifier::Secret(reference)) = &credentials.client_id {
                    let at = format!("{at}/client_id");
                    self.reference(reference, "client_id", client_id, &at);
                }
                if let Some(reference) = &credentials.client_secret {
                    let at = format!("{at}/client_secret");
                    self.reference(reference, "client_secret", client_secret, &at);
                }
            }
            _ => {}
        }
    }

    fn properties(&mut self, properties: &BTreeMap<String, Property>, pointer: &str) {
        let at = format!("{pointer}/properties");
        for (at, reference) in Property::references(properties, &at) {
            let field = at.rsplit('/').next().unwrap_or_default().to_owned();
            self.reference(reference, &field, "", &at);
        }
    }

    /// What a storage profile needs. One that is not a product's own (`main` is false) cannot
    /// have the variables that every client reads; its variables are named after its Secret.
    pub fn storage(&mut self, profile: &StorageProfile, main: bool, pointer: &str) {
        let keys = variables(profile.kind.secret_keys(), main);
        self.credentials(&profile.credentials, &keys, ["", ""], pointer);
        self.address(profile.endpoint.as_ref(), "endpoint", pointer);
    }

    /// What a catalog profile needs; as [`Uses::storage`].
    pub fn catalog(&mut self, profile: &CatalogProfile, main: bool, pointer: &str) {
        let keys = variables(profile.kind.secret_keys(), main);
        let oauth2 = match profile.kind {
            CatalogType::Polaris if main => ["POLARIS_CLIENT_ID", "POLARIS_CLIENT_SECRET"],
            _ => ["", ""],
        };
        self.credentials(&profile.credentials, &keys, oauth2, pointer);
        self.address(Some(&profile.uri), "uri", pointer);
        self.properties(&profile.properties, pointer);
    }

    /// What a compute profile needs.
    pub fn compute(&mut self, profile: &ComputeProfile, pointer: &str) {
        let keys = profile.kind.secret_keys();
        self.credentials(&profile.credentials, keys, ["", ""], pointer);
        self.properties(&profile.properties, pointer);
    }

    /// What the endpoints of signals need.
    pub fn signals(&mut self, file: &PlatformFile) {
        let signals = &file.observability;
        self.address(
            signals.otlp_endpoint.as_ref(),
            "otlp_endpoint",
            "/observability",
        );
        self.address(
            signals.lineage_endpoint.as_ref(),
            "lineage_endpoint",
            "/observability",
        );
    }

    /// What nothing but the platform itself needs: logins of people, the key of its disks.
    fn platform(&mut self, file: &PlatformFile) {
        if let Some(oidc) = &file.security.authentication.oidc {
            let at = "/security/authentication/oidc";
            if let Identifier::Secret(reference) = &oidc.client_id {
                self.reference(reference, "client_id", "", &format!("{at}/client_id"));
            }
            if let Some(reference) = &oidc.client_secret {
                self.reference(
                    reference,
                    "client_secret",
                    "",
                    &format!("{at}/client_secret"),
                );
            }
        }
        if let Some(reference) = &file.security.encryption.at_rest.key_ref {
            let at = "/security/encryption/at_rest/key_ref";
            self.reference(reference, "key_ref", "", at);
        }
    }
}

/// Everything that a platform file refers to, sorted.
pub fn of_platform(file: &PlatformFile) -> Vec<SecretUse> {
    let mut uses = Uses::default();
    for (name, profile) in &file.storage {
        uses.storage(profile, true, &format!("/storage/{name}"));
    }
    for (name, profile) in &file.catalogs {
        uses.catalog(profile, true, &format!("/catalogs/{name}"));
    }
    for (name, profile) in &file.compute {
        uses.compute(profile, &format!("/compute/{name}"));
    }
    uses.signals(file);
    uses.platform(file);
    uses.into_list()
}

/// The environment variable that a name becomes: capitals, and `_` for whatever is neither letter
/// nor digit.
pub fn variable(name: &str) -> String {
    let word = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '_'
        }
    };
    name.chars().map(word).collect()
}

/// Two different keys under one variable: only one of them would arrive. Variables that every
/// client reads are not compared here, since a product uses only some of the profiles;
/// [`clashes`] does.
pub fn collisions(uses: &[SecretUse], problems: &mut Problems) {
    let derived = |used: &&SecretUse| used.env.starts_with(&variable(&used.reference));
    for (first, second) in pairs(uses.iter().filter(derived)) {
        let place = second
            .used_by
            .first()
            .map_or(String::new(), |field| pointer(field));
        problems.add(place, clash(first, second));
    }
}

/// The same for what one product uses: every variable counts.
pub fn clashes(uses: &[SecretUse]) -> Vec<String> {
    let pairs = pairs(uses.iter());
    pairs
        .into_iter()
        .map(|(first, second)| clash(first, second))
        .collect()
}

/// The uses that have the variable of an earlier one, each with that one.
fn pairs<'u>(uses: impl Iterator<Item = &'u SecretUse>) -> Vec<(&'u SecretUse, &'u SecretUse)> {
    let mut by_variable: BTreeMap<&str, &SecretUse> = BTreeMap::new();
    let mut pairs = Vec::new();
    for used in uses {
        match by_variable.get(used.env.as_str()) {
            Some(first) => pairs.push((*first, used)),
            None => {
                by_variable.insert(&used.env, used);
            }
        }
    }
    pairs
}

fn clash(first: &SecretUse, second: &SecretUse) -> String {
    format!(
        "both `{}` (key {}, for {}) and `{}` (key {}, for {}) become the variable {}: rename one, \
         or give them variables with {{secret_ref: NAME_IN_CAPITALS, secret_name: NAME, key: KEY}}",
        first.secret,
        first.key,
        first.used_by.join(", "),
        second.secret,
        second.key,
        second.used_by.join(", "),
        first.env
    )
}

/// A field as a JSON Pointer; the fields here have no dots in their names that matter.
fn pointer(field: &str) -> String {
    format!("/{}", field.replace('.', "/"))
}

/// The keys of a Secret with the variables they go into; without any for a profile that is not the
/// product's own.
fn variables(
    keys: &'static [(&'static str, &'static str)],
    main: bool,
) -> Vec<(&'static str, &'static str)> {
    let variable = |env| if main { env } else { "" };
    keys.iter()
        .map(|&(key, env)| (key, variable(env)))
        .collect()
}
