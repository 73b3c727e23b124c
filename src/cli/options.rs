//! The options that the filter, `check` and `diff` share, and what they come to.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::Deserialize;

use super::output::{Color, Failure};
use super::which::{Standard, Which};
use super::{names, product, tiers};
use crate::check::files;
use crate::config::{ConfigError, Source, dotted, text_of, typed};
use crate::inject::externalize::Externalizer;
use crate::inject::patches;
use crate::pipeline::{self, Mode, Settings};
use crate::platform::Hardening;
use crate::platform::file;
use crate::platform::locate::{Located, locate};
use crate::platform::network;
use crate::policy::exceptions::Pattern;
use crate::policy::{Evaluator, Library, Names, Selection};

/// Options of everything that judges manifests.
#[derive(Clone, Debug, Default, Args)]
pub struct Options {
    /// Logical environment: sets the label and chooses platform/NAME/platform.yaml.
    #[arg(long, value_name = "NAME", env = "FLOE_ENV", value_parser = names::environment)]
    pub env: Option<String>,
    /// The platform file to use.
    #[arg(long, value_name = "FILE", env = "FLOE_PLATFORM_FILE")]
    pub platform: Option<PathBuf>,
    /// The product whose pods the release may hold.
    #[command(flatten)]
    pub product: product::Choice,
    /// The release's name; Helm does not tell a post-renderer.
    #[arg(long, value_name = "NAME", value_parser = names::release)]
    pub release: Option<String>,
    /// The release's namespace.
    #[arg(long, short, value_name = "NS", env = "HELM_NAMESPACE", value_parser = names::namespace)]
    pub namespace: Option<String>,
    /// What a finding of severity error does: refuse the release, or only be reported.
    #[arg(long, value_enum, default_value_t)]
    pub on_violation: OnViolation,
    /// The policies that judge.
    #[command(flatten)]
    pub which: Which,
    /// The Pod Security Standard.
    #[command(flatten)]
    pub standard: Standard,
    /// Which NetworkPolicies the release gets: derive, isolate or off.
    #[arg(long, value_name = "MODE", value_enum)]
    pub network_policies: Option<network::Mode>,
    /// The report's format.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// When there are colours.
    #[command(flatten)]
    pub color: Color,
    /// Write the report to a file as well; .json, .sarif, .xml (JUnit) and .html tell its format.
    #[arg(long, value_name = "FILE", env = "FLOE_REPORT")]
    pub report: Option<PathBuf>,
    /// Accept an input without objects.
    #[arg(long)]
    pub allow_empty: bool,
    /// Answer in a way that makes Helm 4 show a refusal.
    #[arg(long, hide = true)]
    pub helm4: bool,
}

/// What a violation does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OnViolation {
    /// Nothing is written, exit code 1.
    #[default]
    Reject,
    /// The output is written and the report says what is wrong.
    Warn,
}

/// A report's format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
    /// JUnit XML, for CI systems that show tests.
    Junit,
    /// A page of its own, for reviewers.
    Html,
    /// Not a report but the changes, for hosts that run kustomize; `diff` only.
    KustomizePatches,
}

/// Set for everything that Skaffold's Helm deployer runs. Skaffold calls a user's post-renderer without
/// looking at its exit code (`runFilter` in cmd/skaffold/app/cmd/filter.go of v2.24), and Helm 3 takes an
/// empty answer for an empty release.
const SKAFFOLD: &str = "SKAFFOLD_CMDLINE";

/// Whether Skaffold runs this.
pub fn in_skaffold() -> bool {
    std::env::var_os(SKAFFOLD).is_some()
}

impl Options {
    /// Whether whoever runs the filter goes by what it writes and not by its exit code.
    pub fn exit_code_is_lost(&self) -> bool {
        self.helm4 || in_skaffold()
    }

    /// Resolves the options and the platform file into a run's settings; the notices say which
    /// defaults took effect.
    pub fn settings(&self, mode: Mode) -> Result<(Settings, Vec<String>), Failure> {
        let mut notices = Vec::new();
        let file = self.platform_file(&mut notices)?;
        let mut library = self.which.library()?;
        let platform = match &file {
            Some(file) => Platform::load(file, &mut library)?,
            None => Platform::default(),
        };
        let hardening = platform.hardening;
        let selection = self.selection(&hardening, &library)?;
        let profile = self.product.profile(
            file.as_deref(),
            self.env.as_deref(),
            &hardening.profile,
            &mut notices,
        )?;
        let network_policies = self.network_policies.unwrap_or(hardening.network.mode);
        if network_policies == network::Mode::Isolate && self.release.is_none() {
            return Err(Failure::Usage(
                "network policies of mode `isolate` need --release: it marks the release's pods"
                    .into(),
            ));
        }
        let labels = pipeline::labels(
            self.env.as_deref(),
            self.release.as_deref(),
            &hardening.labels,
        );
        if self.which.skips_all(&selection, &library) {
            notices.push("--skip leaves no policy: nothing is judged or filled in".into());
        }
        let policies = Evaluator::new(&library, &selection);
        let settings = Settings {
            mode,
            release: self.release.clone(),
            namespace: self.namespace.clone(),
            externalize: hardening.secrets.externalize.map(|config| Externalizer {
                config,
                environment: self.env.clone(),
                release: self.release.clone(),
                namespace: self.namespace.clone(),
                labels: labels
                    .iter()
                    .filter(|label| policies.enabled(label.policy))
                    .cloned()
                    .collect(),
            }),
            labels,
            resources: hardening.resources,
            read_only_root: hardening.read_only_root,
            tokens: hardening.service_account_tokens,
            patches: platform.patches,
            profile,
            network: hardening.network,
            network_policies,
            policies,
            exceptions: hardening.exceptions,
            keep_edits: self.wants(Format::Json) || self.wants(Format::Html),
            today: super::input::today(),
        };
        Ok((settings, notices))
    }

    /// The format of the file of `--report`: what its ending says, or that of the screen.
    pub fn file_format(&self) -> Format {
        let file = self.report.as_deref();
        file.and_then(Format::of).unwrap_or(self.format)
    }

    /// Whether the report is wanted in a format, on the screen or in a file.
    pub fn wants(&self, format: Format) -> bool {
        self.format == format || (self.report.is_some() && self.file_format() == format)
    }

    fn selection(&self, hardening: &Hardening, library: &Library) -> Result<Selection, Failure> {
        let (only, skip) = self.which.known_names(library)?;
        let overrule = Names::new(&hardening.overrule)
            .map_err(|e| Failure::Usage(format!("hardening.overrule: {e}")))?;
        Ok(Selection {
            level: self
                .standard
                .pss_level
                .or(hardening.pod_security.level)
                .unwrap_or_default(),
            version: self
                .standard
                .pss_version
                .or(hardening.pod_security.version)
                .unwrap_or_default(),
            only,
            skip,
            overrule,
        })
    }

    /// Where the platform file is: the one that is named, or that of the environment.
    pub fn located(&self) -> Result<Located, Failure> {
        if let Some(file) = &self.platform {
            return Ok(Located::File(file.clone()));
        }
        let here = std::env::current_dir()
            .map_err(|e| Failure::Usage(format!("no working directory: {e}")))?;
        let env = self.env.as_deref().unwrap_or_default();
        let mut located = locate(&here, env);
        if !matches!(located, Located::File(_)) {
            tiers::well_named(&here, env)?;
        }
        if let Located::UnknownEnvironment { directory, .. } = &mut located
            && let Ok(below) = directory.strip_prefix(&here)
        {
            *directory = below.to_owned();
        }
        Ok(located)
    }

    fn platform_file(&self, notices: &mut Vec<String>) -> Result<Option<PathBuf>, Failure> {
        match (self.located()?, &self.env) {
            (Located::File(file), _) => Ok(Some(file)),
            (Located::Nowhere, _) => {
                notices
                    .push("no platform directory here or above: the built-in defaults hold".into());
                Ok(None)
            }
            (Located::UnknownEnvironment { directory, known }, Some(env)) => {
                Err(Failure::Usage(format!(
                    "no environment `{env}` in {}: it has {}",
                    directory.display(),
                    known.join(", ")
                )))
            }
            (Located::UnknownEnvironment { directory, known }, None) => {
                notices.push(format!(
                    "no --env given: the built-in defaults hold, not one of {} in {}",
                    known.join(", "),
                    directory.display()
                ));
                Ok(None)
            }
        }
    }
}

/// Checks what only the filter knows about the `hardening` block: patches, policies, directories.
pub fn check_hardening(file: &Path) -> Result<(), Failure> {
    let mut library = Library::built_in().map_err(Failure::config)?;
    Platform::load(file, &mut library).map(|_| ())
}

/// What a platform file gives, checked.
#[derive(Default)]
struct Platform {
    hardening: Hardening,
    patches: Vec<patches::Prepared>,
}

/// The part of platform.yaml that hardening needs; its other blocks belong to `compile`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct PlatformFile {
    hardening: Hardening,
}

impl Platform {
    /// Reads a platform file and adds its policies to the library.
    fn load(file: &Path, library: &mut Library) -> Result<Platform, Failure> {
        let name = file.display().to_string();
        let text = text_of(file, tiers::PLATFORM).map_err(Failure::config)?;
        let all = |first: ConfigError| mistakes(&name, &text, first);
        let source = Source::parse(&name, &text).map_err(all)?;
        if says_more(&source) {
            typed::read::<file::PlatformFile>(&name, &text)
                .map_err(|errors| tiers::wrong(&errors))?;
        }
        no_credential(&name, &text, "a platform file")?;
        let hardening = source.decode::<PlatformFile>().map_err(all)?.hardening;
        let wrong = |at: String, reason: &str| {
            Failure::config(source.error(&format!("/hardening{at}"), &reason))
        };
        hardening
            .validate()
            .map_err(|(at, reason)| wrong(at, &reason))?;
        let mut patches = Vec::new();
        for (index, patch) in hardening.patches.iter().enumerate() {
            let prepared = patches::prepare(patch);
            patches.push(
                prepared.map_err(|(at, reason)| wrong(format!("/patches/{index}{at}"), &reason))?,
            );
        }
        let folder = file.parent().unwrap_or(Path::new("."));
        for (index, directory) in hardening.policies.iter().enumerate() {
            let directory = folder.join(directory);
            if !directory.is_dir() {
                let reason = format!("{}: no such directory", directory.display());
                return Err(wrong(format!("/policies/{index}"), &reason));
            }
            library.add_directory(&directory).map_err(Failure::config)?;
        }
        if let Some((at, name)) = names_no_policy(&hardening, library) {
            let reason = format!("no policy matches `{name}`; `helm-floe explain` lists them");
            return Err(wrong(at, &reason));
        }
        if let Some((at, name)) = overrules_nothing(&hardening, library) {
            let reason = format!(
                "`{name}` has no fix that could overrule a value; write a patch, or an exception"
            );
            return Err(wrong(at, &reason));
        }
        Ok(Platform { hardening, patches })
    }
}

/// All mistakes of a platform file in which a first one was found, in the words of `platform validate`.
fn mistakes(name: &str, text: &str, first: ConfigError) -> Failure {
    match typed::read::<file::PlatformFile>(name, text) {
        Err(errors) if !errors.is_empty() => tiers::wrong(&errors),
        _ => Failure::config(first),
    }
}

/// The first place that lists for overruling what no fix can overrule.
fn overrules_nothing(hardening: &Hardening, library: &Library) -> Option<(String, String)> {
    let mut listed = hardening.overrule.iter().enumerate();
    listed.find_map(|(index, glob)| {
        let names = Pattern::new(glob).ok()?;
        let mut named = library.iter().filter(|own| names.matches(&own.name));
        let idle = !named.any(|own| own.policy.has_fix());
        idle.then(|| (format!("/overrule/{index}"), glob.clone()))
    })
}

/// Whether a platform file has more than the one block that the filter itself reads. Then the whole
/// file is checked; a schema for one block alone would take longer than most releases.
fn says_more(source: &Source<'_>) -> bool {
    let value = source.value("").unwrap_or_default();
    let mut keys = value.as_object().into_iter().flat_map(|own| own.keys());
    keys.any(|key| key != "hardening")
}

/// Refuses a file of ours with a credential in it, by the place: everybody can read the file.
/// `what_it_is` is what the message calls it.
pub fn no_credential(file: &str, text: &str, what_it_is: &str) -> Result<(), Failure> {
    let found = files::judge(file, text);
    let Some(found) = found.first() else {
        return Ok(());
    };
    let what = &found.violation.message;
    Err(Failure::config(ConfigError {
        file: file.to_owned(),
        position: Some((found.line, found.column)),
        field: dotted(&found.violation.pointer),
        reason: format!("{what}; {what_it_is} says where credentials are, never what they are"),
    }))
}

/// The first place in the block that names policies of which there are none.
fn names_no_policy(hardening: &Hardening, library: &Library) -> Option<(String, String)> {
    let unknown = |names: &Pattern| !library.iter().any(|loaded| names.matches(&loaded.name));
    let mut overruled = hardening.overrule.iter().enumerate();
    let mut excepted = hardening.exceptions.iter().enumerate();
    let overruled = overruled.find_map(|(index, glob)| {
        let names = Pattern::new(glob).ok().filter(&unknown)?;
        Some((format!("/overrule/{index}"), names.to_string()))
    });
    overruled.or_else(|| {
        excepted
            .find(|(_, exception)| unknown(&exception.policy))
            .map(|(index, exception)| {
                let at = format!("/exceptions/{index}/policy");
                (at, exception.policy.to_string())
            })
    })
}
