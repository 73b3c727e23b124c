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
    /// Whether its fixes may replace a value that somebody chose.
    pub overrule: bool,
    /// The place of its version; `None` when it has no versions.
    version: Option<usize>,
}

impl Selected {
    /// The policy at a version of its standard; `None` when it did not exist yet.
    fn new(loaded: &Arc<Loaded>, selection: &Selection) -> Option<Selected> {
        let versions = &loaded.policy.versions;
        let version = versions
            .iter()
            .rposition(|own| own.since <= selection.version);
        (version.is_some() || versions.is_empty()).then(|| Selected {
            loaded: Arc::clone(loaded),
            overrule: selection.overrule.contains(&loaded.name),
            version,
        })
    }

    fn version(&self) -> Option<&PolicyVersion> {
        self.loaded.policy.versions.get(self.version?)
    }

    /// Its rules in this version.
    pub fn rules(&self) -> &[Rule] {
        let own = self.version().map(|version| version.rules.as_slice());
        own.filter(|rules| !rules.is_empty())
            .unwrap_or(&self.loaded.policy.rules)
    }

    /// Pods that this version leaves alone, as a JSON Schema.
    pub fn unless(&self) -> Option<&Value> {
        self.version()?.unless.as_ref()
    }

    fn overrides(&self) -> &[String] {
        self.version()
            .map(|version| version.overrides.as_slice())
            .unwrap_or_default()
    }

    fn level(&self) -> Option<Level> {
        self.loaded
            .policy
            .standard
            .as_ref()
            .map(|standard| standard.level)
    }
}

/// The policies that apply, in the order they are asked: by level, then by name, as Kubernetes'
/// evaluator does; policies of no standard come last.
pub fn select(library: &Library, selection: &Selection) -> Vec<Selected> {
    let mut chosen: Vec<Selected> = library
        .iter()
        .filter(|loaded| selection.only.is_empty() || selection.only.contains(&loaded.name))
        .filter(|loaded| !selection.skip.contains(&loaded.name))
        .filter_map(|loaded| Selected::new(loaded, selection))
        .filter(|own| own.level().is_none_or(|level| level <= selection.level))
        .collect();
    let overridden: BTreeSet<String> = chosen
        .iter()
        .flat_map(Selected::overrides)
        .cloned()
        .collect();
    chosen.retain(|own| !overridden.contains(&own.loaded.name));
    chosen.sort_by_key(|own| (own.level().is_none(), own.level()));
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The Pod Security checks in force, without their family's name.
    fn names(level: Level, version: &str, only: &[&str], skip: &[&str]) -> Vec<String> {
        let selection = Selection {
            level,
            version: version.parse().unwrap(),
            only: Names::new(only).unwrap(),
            skip: Names::new(skip).unwrap(),
            overrule: Names::default(),
        };
        let selected = select(&Library::built_in().unwrap(), &selection);
        let names = selected
            .iter()
            .filter_map(|own| own.loaded.name.strip_prefix("pss/"));
        names.map(str::to_owned).collect()
    }

    #[test]
    fn levels_and_versions_decide() {
        assert!(names(Level::Privileged, "latest", &[], &[]).is_empty());
        let baseline = names(Level::Baseline, "v1.33", &["pss/*"], &[]);
        assert!(baseline.contains(&"hostPathVolumes".to_owned()));
        assert!(!baseline.contains(&"hostProbesAndHostLifecycle".to_owned()));
        assert!(!baseline.contains(&"runAsNonRoot".to_owned()));
        let restricted = names(Level::Restricted, "latest", &["pss/*"], &[]);
        assert_eq!(
            restricted.first().map(String::as_str),
            Some("appArmorProfile")
        );
        assert_eq!(
            restricted.last().map(String::as_str),
            Some("seccompProfile_restricted")
        );
    }

    #[test]
    fn a_stricter_policy_replaces_the_weaker_one_where_both_apply() {
        let all = names(Level::Restricted, "v1.22", &["pss/*"], &[]);
        assert!(!all.contains(&"capabilities_baseline".to_owned()));
        assert!(
            names(Level::Restricted, "v1.21", &["pss/*"], &[])
                .contains(&"capabilities_baseline".to_owned())
        );
        let without = names(Level::Restricted, "latest", &[], &["pss/restrictedVolumes"]);
        assert!(
            without.contains(&"hostPathVolumes".to_owned()),
            "a skipped policy replaces nothing"
        );
        assert_eq!(
            names(Level::Restricted, "latest", &["pss/hostPathVolumes"], &[]),
            ["hostPathVolumes"]
        );
    }

    #[test]
    fn globs_that_match_nothing_are_named() {
        let library = Library::built_in().unwrap();
        let names = Names::new(["pss/*", "pss/runAsNonRot", "none/*"]).unwrap();
        assert_eq!(
            names.unknown(&library).collect::<Vec<_>>(),
            ["pss/runAsNonRot", "none/*"]
        );
        assert!(Names::new(["["]).is_err());
    }
}
