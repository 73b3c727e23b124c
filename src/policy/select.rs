//! Which policies apply, and which version of each.

use std::collections::BTreeSet;
use std::sync::Arc;

use globset::{Glob, GlobSet, GlobSetBuilder};
use serde_json::Value;

use super::load::{Library, Loaded};
use super::model::{PolicyVersion, Rule};
use super::version::{Level, Version};

/// What the user asked for.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The level of the Pod Security Standards.
    pub level: Level,
    /// Their version.
    pub version: Version,
    /// Policies by name, as globs; everything when empty.
    pub only: Names,
    /// Policies to leave out, as globs.
    pub skip: Names,
    /// Policies whose fixes may replace a value that somebody chose, as globs
    /// (`security.overrule` of the platform file).
    pub overrule: Names,
}

/// A set of policy names, written as globs such as `pss/*`.
#[derive(Clone, Debug, Default)]
pub struct Names {
    globs: GlobSet,
    sources: Vec<String>,
}

impl Names {
    /// The names any of these globs matches.
    ///
    /// # Errors
    /// What is wrong with the first that is no glob.
    pub fn new<S: AsRef<str>>(globs: impl IntoIterator<Item = S>) -> Result<Names, String> {
        let mut builder = GlobSetBuilder::new();
        let mut sources = Vec::new();
        for glob in globs {
            builder.add(Glob::new(glob.as_ref()).map_err(|error| error.to_string())?);
            sources.push(glob.as_ref().to_owned());
        }
        let globs = builder.build().map_err(|error| error.to_string())?;
        Ok(Names { globs, sources })
    }

    /// Whether no glob was given at all.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// Whether one of the globs matches the name.
    pub fn contains(&self, name: &str) -> bool {
        self.globs.is_match(name)
    }

    /// The globs that match none of the library's policies; most likely misspelt.
    pub fn unknown<'a>(&'a self, library: &'a Library) -> impl Iterator<Item = &'a str> {
        self.sources
            .iter()
            .enumerate()
            .filter_map(|(index, source)| {
                let known = library
                    .iter()
                    .any(|loaded| self.globs.matches(&loaded.name).contains(&index));
                (!known).then_some(source.as_str())
            })
    }
}

/// A policy that applies, in the version that applies.
#[derive(Clone, Debug)]
pub struct Selected {
    /// The policy.
    pub loaded: Arc<Loaded>,
    /// Its rules in this version.
    pub rules: Vec<Rule>,
    /// Pods this version leaves alone.
    pub unless: Option<Value>,
    /// Whether its fixes may replace a value that somebody chose.
    pub overrule: bool,
}

/// The policies that apply, in the order they are asked: by level, then by name, as Kubernetes'
/// evaluator does; policies of no standard come last.
pub fn select(library: &Library, selection: &Selection) -> Vec<Selected> {
    let mut chosen: Vec<(&Arc<Loaded>, Option<&PolicyVersion>)> = library
        .iter()
        .filter(|loaded| selection.only.is_empty() || selection.only.contains(&loaded.name))
        .filter(|loaded| !selection.skip.contains(&loaded.name))
        .filter(|loaded| level_of(loaded).is_none_or(|level| level <= selection.level))
        .filter_map(|loaded| Some((loaded, version_of(loaded, selection.version)?)))
        .collect();
    let overridden: BTreeSet<&str> = chosen
        .iter()
        .filter_map(|(_, version)| *version)
        .flat_map(|version| &version.overrides)
        .map(String::as_str)
        .collect();
    chosen.retain(|(loaded, _)| !overridden.contains(loaded.name.as_str()));
    chosen.sort_by_key(|(loaded, _)| (level_of(loaded).is_none(), level_of(loaded)));
    chosen
        .into_iter()
        .map(|(loaded, version)| Selected {
            loaded: Arc::clone(loaded),
            rules: rules_of(loaded, version).to_vec(),
            unless: version.and_then(|version| version.unless.clone()),
            overrule: selection.overrule.contains(&loaded.name),
        })
        .collect()
}

fn level_of(loaded: &Loaded) -> Option<Level> {
    loaded
        .policy
        .standard
        .as_ref()
        .map(|standard| standard.level)
}

/// The policy's version at a version of its standard: `Some(None)` when it has no versions at all,
/// `None` when it did not exist yet.
fn version_of(loaded: &Loaded, version: Version) -> Option<Option<&PolicyVersion>> {
    let versions = &loaded.policy.versions;
    if versions.is_empty() {
        return Some(None);
    }
    versions.iter().rfind(|own| own.since <= version).map(Some)
}

fn rules_of<'a>(loaded: &'a Loaded, version: Option<&'a PolicyVersion>) -> &'a [Rule] {
    match version {
        Some(version) if !version.rules.is_empty() => &version.rules,
        _ => &loaded.policy.rules,
    }
}
