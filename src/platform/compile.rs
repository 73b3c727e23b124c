//! Resolves a floe.yaml against a platform.yaml.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use super::artifact::{
    Artifact, Chosen, Metadata, Origin, Profiles, ResolvedLayer, Runtime, Signals, VERSION, sha256,
};
use super::credentials::{Credentials, Mode};
use super::file::PlatformFile;
use super::file::observability::Observability;
use super::floe::{ENVIRONMENT, FloeFile};
use super::references::{self, SecretUse, Uses};
use super::text::Name;
use crate::config::schema::nearest;
use crate::config::{ConfigError, Source, typed};

/// A file with its name.
#[derive(Clone, Copy, Debug)]
pub struct Text<'t> {
    /// What it is called in errors.
    pub file: &'t str,
    /// What it says.
    pub text: &'t str,
}

/// Why a product cannot run in an environment.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unresolved {
    /// The product names a profile that the platform does not have.
    #[error("profile `{name}` not found in {sort} of {platform}{}. Available profiles: [{}]", meant(near), available.join(", "))]
    ProfileNotFound {
        /// The field of floe.yaml.
        field: &'static str,
        /// The profile.
        name: String,
        /// The block of platform.yaml.
        sort: &'static str,
        /// The platform file.
        platform: String,
        /// The profiles that there are.
        available: Vec<String>,
        /// The nearest of them.
        near: Option<String>,
    },
    /// Two keys of Secrets want the same variable.
    #[error("{0}")]
    Collision(String),
    /// A pod has one service account and so one role.
    #[error("the profiles of this product ask for more than one IAM role, and a pod can have only one: {}", .0.join("; "))]
    SeveralRoles(Vec<String>),
    /// Keys in the environment would win over the role.
    #[error(
        "{keys} brings AWS_ACCESS_KEY_ID, which would win over the IAM role of {role}: use the role for both, or keys for both"
    )]
    KeysBesideRole {
        /// The profile with keys.
        keys: String,
        /// The profile with a role.
        role: String,
    },
}

fn meant(near: &Option<String>) -> String {
    near.as_ref()
        .map_or(String::new(), |near| format!(" (did you mean `{near}`?)"))
}

impl Unresolved {
    /// Where in floe.yaml it stands, as a JSON Pointer.
    fn pointer(&self) -> String {
        match self {
            Unresolved::ProfileNotFound { field, .. } => format!("/{field}"),
            _ => String::new(),
        }
    }
}

/// Compiles a product for an environment. `source` is what the artifact says about where the
/// platform file is.
///
/// # Errors
/// Everything that is wrong with either file, or between them.
pub fn compile(
    spec: Text<'_>,
    platform: Text<'_>,
    source: &str,
    environment: Option<&str>,
) -> Result<Artifact, Vec<ConfigError>> {
    let read_spec = typed::read::<FloeFile>(spec.file, spec.text);
    let read_platform = typed::read::<PlatformFile>(platform.file, platform.text);
    let ((floe, _), (file, _)) = match (read_spec, read_platform) {
        (Ok(floe), Ok(file)) => (floe, file),
        (floe, file) => {
            let errors = [floe.err(), file.err()];
            return Err(errors.into_iter().flatten().flatten().collect());
        }
    };
    let mut artifact = resolve(&floe, &file, platform.file, environment)
        .map_err(|unresolved| located(spec, &unresolved))?;
    artifact.metadata.spec_sha256 = Some(sha256(spec.text));
    artifact.metadata.platform_sha256 = Some(sha256(platform.text));
    artifact.platform.source = Some(source.to_owned());
    Ok(artifact)
}

/// The errors with their places in floe.yaml.
fn located(spec: Text<'_>, unresolved: &[Unresolved]) -> Vec<ConfigError> {
    match Source::open(spec.file, spec.text) {
        Ok(source) => {
            let errors = unresolved.iter();
            errors
                .map(|error| source.error(&error.pointer(), error))
                .collect()
        }
        Err(error) => vec![error],
    }
}

/// Resolves the files. The hashes and the place of the platform file are left to the caller.
///
/// # Errors
/// Every reason why the product cannot run there.
pub fn resolve(
    floe: &FloeFile,
    file: &PlatformFile,
    platform: &str,
    environment: Option<&str>,
) -> Result<Artifact, Vec<Unresolved>> {
    let mut errors = Vec::new();
    let storage = find(
        "storage",
        "storage",
        &floe.storage,
        &file.storage,
        platform,
        &mut errors,
    );
    let catalog = find(
        "catalog",
        "catalogs",
        &floe.catalog,
        &file.catalogs,
        platform,
        &mut errors,
    );
    let compute = find(
        "compute",
        "compute",
        &floe.compute,
        &file.compute,
        platform,
        &mut errors,
    );
    let (Some(storage), Some(catalog), Some(compute)) = (storage, catalog, compute) else {
        return Err(errors);
    };
    let mut profiles = Profiles {
        storage,
        catalog,
        compute,
        other_storage: BTreeMap::new(),
        other_catalogs: BTreeMap::new(),
    };
    let layers = layers(file, &mut profiles);
    let secrets = secrets(&profiles, file, floe);
    errors.extend(
        references::clashes(&secrets)
            .into_iter()
            .map(Unresolved::Collision),
    );
    errors.extend(roles(&profiles, &secrets));
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(Artifact {
        version: VERSION.into(),
        metadata: Metadata {
            name: Some(floe.name.as_str().into()),
            version: Some(floe.version.as_str().into()),
            environment: environment.map(str::to_owned),
            compiler: compiler(),
            spec_sha256: None,
            platform_sha256: None,
        },
        platform: Origin {
            version: Some(file.version.as_str().into()),
            source: None,
        },
        profiles,
        layers,
        secrets,
        observability: signals(floe, &file.observability, environment),
        runtime: Runtime {
            timezone: file.infrastructure.timezone.clone(),
            cleanup: file.infrastructure.lifecycle.cleanup.clone(),
        },
        resources: file.infrastructure.resource_profiles.clone(),
        governance: floe.governance.clone(),
        platform_governance: file.governance.clone(),
        transforms: floe.transforms.clone(),
        consumption: floe.consumption.clone(),
        orchestration: floe.orchestration.clone(),
        service_account: floe.service_account.clone(),
        principal_role: floe.principal_role.clone(),
    })
}

/// This program and its version, as artifacts name it.
pub fn compiler() -> String {
    format!("helm-floe {}", env!("CARGO_PKG_VERSION"))
}

fn find<T: Clone>(
    field: &'static str,
    sort: &'static str,
    name: &Name,
    profiles: &BTreeMap<Name, T>,
    platform: &str,
    errors: &mut Vec<Unresolved>,
) -> Option<Chosen<T>> {
    let profile = profiles.get(name);
    if profile.is_none() {
        let available: Vec<&str> = profiles.keys().map(Name::as_str).collect();
        errors.push(Unresolved::ProfileNotFound {
            field,
            name: name.as_str().into(),
            sort,
            platform: platform.into(),
            near: nearest(name.as_str(), &available).map(str::to_owned),
            available: available.into_iter().map(str::to_owned).collect(),
        });
    }
    profile.map(|profile| Chosen {
        name: name.clone(),
        profile: profile.clone(),
    })
}

/// The layers; profiles that only they refer to are added to those of the product.
fn layers(file: &PlatformFile, profiles: &mut Profiles) -> BTreeMap<Name, ResolvedLayer> {
    let mut layers = BTreeMap::new();
    for (name, layer) in &file.layers {
        // That both exist was checked when the file was read.
        if let Some(profile) = file.storage.get(&layer.storage_ref)
            && layer.storage_ref != profiles.storage.name
        {
            let other = &mut profiles.other_storage;
            other.insert(layer.storage_ref.clone(), profile.clone());
        }
        if let Some(profile) = file.catalogs.get(&layer.catalog_ref)
            && layer.catalog_ref != profiles.catalog.name
        {
            let other = &mut profiles.other_catalogs;
            other.insert(layer.catalog_ref.clone(), profile.clone());
        }
        let resolved = ResolvedLayer {
            storage: layer.storage_ref.clone(),
            catalog: layer.catalog_ref.clone(),
            namespace: layer.namespace.clone(),
            description: layer.description.clone(),
            retention_days: layer.retention_days,
            properties: layer.properties.clone(),
        };
        layers.insert(name.clone(), resolved);
    }
    layers
}

/// Every key of a Secret that the product needs.
fn secrets(profiles: &Profiles, file: &PlatformFile, floe: &FloeFile) -> Vec<SecretUse> {
    let mut uses = profile_secrets(profiles);
    uses.signals(file);
    for (place, secret, key) in floe.consumption.secrets() {
        uses.add(secret, key, "", &format!("/{}", place.replace('.', "/")));
    }
    uses.into_list()
}

/// What the profiles of a product need.
pub fn profile_secrets(profiles: &Profiles) -> Uses {
    let mut uses = Uses::default();
    let storage = &profiles.storage;
    uses.storage(
        &storage.profile,
        true,
        &format!("/storage/{}", storage.name),
    );
    let catalog = &profiles.catalog;
    uses.catalog(
        &catalog.profile,
        true,
        &format!("/catalogs/{}", catalog.name),
    );
    let compute = &profiles.compute;
    uses.compute(&compute.profile, &format!("/compute/{}", compute.name));
    for (name, profile) in &profiles.other_storage {
        uses.storage(profile, false, &format!("/storage/{name}"));
    }
    for (name, profile) in &profiles.other_catalogs {
        uses.catalog(profile, false, &format!("/catalogs/{name}"));
    }
    uses
}

/// Each profile of a product with its credentials.
fn logins(profiles: &Profiles) -> Vec<(String, &Credentials)> {
    let mut logins = vec![
        (
            format!("storage.{}", profiles.storage.name),
            &profiles.storage.profile.credentials,
        ),
        (
            format!("catalogs.{}", profiles.catalog.name),
            &profiles.catalog.profile.credentials,
        ),
        (
            format!("compute.{}", profiles.compute.name),
            &profiles.compute.profile.credentials,
        ),
    ];
    for (name, profile) in &profiles.other_storage {
        logins.push((format!("storage.{name}"), &profile.credentials));
    }
    for (name, profile) in &profiles.other_catalogs {
        logins.push((format!("catalogs.{name}"), &profile.credentials));
    }
    logins
}

/// One role for a pod, and no keys beside it.
fn roles(profiles: &Profiles, secrets: &[SecretUse]) -> Vec<Unresolved> {
    let logins = logins(profiles);
    let with_role: Vec<(&str, &str)> = logins
        .iter()
        .filter(|(_, credentials)| credentials.mode == Mode::IamRole)
        .filter_map(|(name, credentials)| {
            Some((name.as_str(), credentials.role_arn.as_ref()?.as_str()))
        })
        .collect();
    let mut errors = Vec::new();
    let different: BTreeSet<&str> = with_role.iter().map(|(_, role)| *role).collect();
    if different.len() > 1 {
        let list = with_role
            .iter()
            .map(|(name, role)| format!("{name} {role}"));
        errors.push(Unresolved::SeveralRoles(list.collect()));
    }
    let keys = secrets.iter().find(|used| used.env == "AWS_ACCESS_KEY_ID");
    if let (Some((role, _)), Some(keys)) = (with_role.first(), keys) {
        errors.push(Unresolved::KeysBesideRole {
            keys: keys.used_by.join(", "),
            role: (*role).to_owned(),
        });
    }
    errors
}

/// The platform says where signals go; the product may switch them off and add attributes.
fn signals(floe: &FloeFile, platform: &Observability, environment: Option<&str>) -> Signals {
    let own = &floe.observability;
    let mut attributes = platform.attributes.clone();
    let environment = environment.unwrap_or_default();
    let filled = own.attributes.iter();
    attributes.extend(
        filled.map(|(name, value)| (name.clone(), value.replace(ENVIRONMENT, environment))),
    );
    Signals {
        traces: platform.traces && own.traces,
        metrics: platform.metrics && own.metrics,
        lineage: platform.lineage && own.lineage && floe.governance.emit_lineage,
        otlp_endpoint: platform.otlp_endpoint.clone(),
        otlp_protocol: platform.otlp_protocol,
        lineage_endpoint: platform.lineage_endpoint.clone(),
        lineage_namespace: platform
            .lineage_namespace
            .clone()
            .or_else(|| (!environment.is_empty()).then(|| environment.to_owned())),
        attributes,
        sampling: platform.tracing.sampling.clone(),
        metrics_config: platform.metrics_config.clone(),
        logging: platform.logging.clone(),
        compute_logs: platform.compute_logs.clone(),
    }
}
