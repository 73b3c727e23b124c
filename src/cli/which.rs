//! Which policies: the options that choose among them, and the list of what is chosen.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};

use super::output::Failure;
use super::platform::Format;
use crate::policy::{Level, Library, Loaded, Names, Selection, Version, select};

/// Policies by name.
#[derive(Clone, Debug, Default, Args)]
pub struct Which {
    /// Only these policies, by glob, e.g. `pss/*`; repeatable.
    #[arg(long, value_name = "GLOB")]
    pub only: Vec<String>,
    /// Not these policies, by glob; repeatable.
    #[arg(long, value_name = "GLOB")]
    pub skip: Vec<String>,
    /// A directory with further policies; repeatable.
    #[arg(long, value_name = "DIR")]
    pub policies: Vec<PathBuf>,
}

/// The Pod Security Standard that holds.
#[derive(Clone, Debug, Default, Args)]
pub struct Standard {
    /// Pod Security Standards level: restricted, baseline or privileged.
    #[arg(long, value_name = "LEVEL")]
    pub pss_level: Option<Level>,
    /// Pod Security Standards version: latest, or v1.N.
    #[arg(long, value_name = "VERSION")]
    pub pss_version: Option<Version>,
}

impl Which {
    /// The built-in policies and those of `--policies`.
    pub fn library(&self) -> Result<Library, Failure> {
        let mut library = Library::built_in().map_err(Failure::config)?;
        for directory in &self.policies {
            if !directory.is_dir() {
                let name = directory.display();
                return Err(Failure::Usage(format!(
                    "--policies {name}: no such directory"
                )));
            }
            library.add_directory(directory).map_err(Failure::config)?;
        }
        Ok(library)
    }

    /// The names of `--only` and of `--skip`.
    pub fn names(&self) -> Result<(Names, Names), Failure> {
        let names = |option: &str, globs: &[String]| {
            Names::new(globs).map_err(|e| Failure::Usage(format!("{option}: {e}")))
        };
        Ok((names("--only", &self.only)?, names("--skip", &self.skip)?))
    }

    /// The same, where each glob matches a policy and one policy at least is left of those that
    /// `--only` names.
    pub fn known_names(&self, library: &Library) -> Result<(Names, Names), Failure> {
        let (only, skip) = self.names()?;
        known(&only, library)?;
        known(&skip, library)?;
        let left = |own: &Loaded| only.contains(&own.name) && !skip.contains(&own.name);
        if !only.is_empty() && !library.iter().any(|own| left(own)) {
            return Err(Failure::Usage(format!(
                "no policy is left: --skip {} takes away all that --only {} names",
                self.skip.join(" --skip "),
                self.only.join(" --only ")
            )));
        }
        Ok((only, skip))
    }

    /// Whether `--skip` alone leaves nothing, which may be meant.
    pub fn skips_all(&self, selection: &Selection, library: &Library) -> bool {
        self.only.is_empty() && library.iter().all(|own| selection.skip.contains(&own.name))
    }

    /// The policies that are chosen, in the order of the library. All versions and levels of the
    /// standard are among them unless one is asked for.
    pub fn chosen(&self, standard: &Standard) -> Result<Vec<Arc<Loaded>>, Failure> {
        let library = self.library()?;
        let (only, skip) = self.known_names(&library)?;
        let by_name = |name: &str| (only.is_empty() || only.contains(name)) && !skip.contains(name);
        let in_force = standard.in_force(&library);
        let in_force = |name: &str| in_force.as_ref().is_none_or(|own| own.contains(name));
        let policies = library.iter();
        let policies = policies.filter(|own| by_name(&own.name) && in_force(&own.name));
        Ok(policies.cloned().collect())
    }
}

impl Standard {
    /// The names of the policies of a level and version; none where neither is asked for.
    fn in_force(&self, library: &Library) -> Option<BTreeSet<String>> {
        if self.pss_level.is_none() && self.pss_version.is_none() {
            return None;
        }
        let selection = Selection {
            level: self.pss_level.unwrap_or_default(),
            version: self.pss_version.unwrap_or_default(),
            ..Selection::default()
        };
        let selected = select::select(library, &selection).into_iter();
        Some(selected.map(|own| own.loaded.name.clone()).collect())
    }
}

/// Fails on a glob that matches no policy; most likely it is misspelt.
pub fn known(names: &Names, library: &Library) -> Result<(), Failure> {
    match names.unknown(library).next() {
        None => Ok(()),
        Some(glob) => Err(Failure::Usage(format!(
            "no policy matches `{glob}`; `helm-floe explain` lists them"
        ))),
    }
}

/// The policies as a list.
pub fn list(policies: &[Arc<Loaded>], format: Format) -> String {
    match format {
        Format::Text => text(policies),
        Format::Json => json(policies),
    }
}

/// One line for every policy: name, severity, title.
fn text(policies: &[Arc<Loaded>]) -> String {
    let widest = policies.iter().map(|own| own.name.len()).max();
    let widest = widest.unwrap_or_default();
    let line = |own: &Arc<Loaded>| {
        let (severity, title) = (own.policy.severity.word(), &own.policy.title);
        format!("{:widest$}  {severity:7}  {title}\n", own.name)
    };
    policies.iter().map(line).collect()
}

/// The same for programs.
fn json(policies: &[Arc<Loaded>]) -> String {
    let row = |own: &Arc<Loaded>| -> Value {
        json!({"policy": own.name, "severity": own.policy.severity.word(), "title": own.policy.title, "file": own.file})
    };
    let rows: Vec<Value> = policies.iter().map(row).collect();
    format!("{:#}\n", json!({"policies": rows}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn which(only: &[&str], skip: &[&str]) -> Which {
        let owned = |globs: &[&str]| globs.iter().map(|own| (*own).to_owned()).collect();
        Which {
            only: owned(only),
            skip: owned(skip),
            policies: Vec::new(),
        }
    }

    fn chosen(which: &Which, level: Option<Level>) -> Vec<String> {
        let standard = Standard {
            pss_level: level,
            pss_version: None,
        };
        let chosen = which.chosen(&standard).unwrap();
        chosen.iter().map(|own| own.name.clone()).collect()
    }

    #[test]
    fn the_list_is_what_the_options_choose() {
        assert!(chosen(&which(&[], &[]), None).len() > 50);
        let level = |level| chosen(&which(&["pss/runAs*"], &["pss/runAsUser"]), level);
        assert_eq!(level(None), ["pss/runAsNonRoot"]);
        assert_eq!(level(Some(Level::Restricted)), ["pss/runAsNonRoot"]);
        assert!(level(Some(Level::Baseline)).is_empty());
    }

    #[test]
    fn an_empty_choice_is_a_mistake() {
        let library = Library::built_in().unwrap();
        let failure = |which: Which| which.known_names(&library).err().map(|own| own.render());
        assert_eq!(failure(which(&["pss/*"], &["pss/runAsUser"])), None);
        assert_eq!(failure(which(&[], &["*"])), None);
        assert_eq!(
            failure(which(&["pss/runAs*"], &["pss/*"])).as_deref(),
            Some(
                "helm-floe: no policy is left: --skip pss/* takes away all that --only pss/runAs* names\n"
            )
        );
        assert!(
            failure(which(&["ps/*"], &[])).is_some_and(|own| own.contains("no policy matches"))
        );
    }
}
