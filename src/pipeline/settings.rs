//! Everything a run depends on besides the stream itself.

use std::collections::BTreeMap;

use crate::check;
use crate::config::ConfigError;
use crate::inject::externalize::Externalizer;
use crate::inject::labels::{ENVIRONMENT, Label, PART_OF};
use crate::inject::network::DERIVE;
use crate::inject::network::narrow::OPEN;
use crate::inject::patches;
use crate::inject::profile::Profile;
use crate::object::Identity;
use crate::platform::hardening::{Hardening, ReadOnlyRoot, Resources, Tokens};
use crate::platform::network::{self, ChartPolicies, Network};
use crate::policy::exceptions::Exception;
use crate::policy::{Evaluator, Library, Selection};

/// What to do with the documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Fill what is absent, then check what comes out.
    Harden,
    /// Check what came in, change nothing.
    Check,
}

/// Everything a run depends on besides the stream itself.
pub struct Settings {
    /// Whether to edit.
    pub mode: Mode,
    /// The release's name, where it is known.
    pub release: Option<String>,
    /// The release's namespace, where it is known.
    pub namespace: Option<String>,
    /// The labels to add.
    pub labels: Vec<Label>,
    /// How to fill resources.
    pub resources: Resources,
    /// Where Secrets come from, unless from charts.
    pub externalize: Option<Externalizer>,
    /// When root file systems become read-only.
    pub read_only_root: ReadOnlyRoot,
    /// Which pods get the token of their service account.
    pub tokens: Tokens,
    /// The platform's patches.
    pub patches: Vec<patches::Prepared>,
    /// The product whose pods the release may hold.
    pub profile: Option<Profile>,
    /// What is known about the network around the release.
    pub network: Network,
    /// Which NetworkPolicies the release gets.
    pub network_policies: network::Mode,
    /// The policies in force.
    pub policies: Evaluator,
    /// The platform's exceptions.
    pub exceptions: Vec<Exception>,
    /// Whether the report lists every edit, or only counts them.
    pub keep_edits: bool,
    /// Today's date, `YYYY-MM-DD`, for exceptions that expire.
    pub today: String,
}

/// The labels a release gets: the environment, what it is part of, the platform's own.
pub fn labels(
    environment: Option<&str>,
    release: Option<&str>,
    own: &BTreeMap<String, String>,
) -> Vec<Label> {
    let label = |policy, key: &str, value: &str, strict| Label {
        policy,
        key: key.into(),
        value: value.into(),
        strict,
    };
    let mut labels = Vec::new();
    if let Some(environment) = environment {
        labels.push(label("labels/environment", ENVIRONMENT, environment, true));
    }
    if let Some(release) = release.filter(|_| !own.contains_key(PART_OF)) {
        labels.push(label("labels/part-of", PART_OF, release, false));
    }
    labels.extend(
        own.iter()
            .map(|(key, value)| label("labels/platform", key, value, key != PART_OF)),
    );
    labels
}

impl Settings {
    /// The exceptions that let an object be as it is.
    pub fn exceptions_for(&self, object: &Identity) -> Vec<&Exception> {
        let namespace = self.namespace.as_deref();
        let own = self.exceptions.iter();
        own.filter(|exception| exception.frees(object, namespace, &self.today))
            .collect()
    }

    /// The settings of a release on a platform without a platform file: the built-in defaults,
    /// which are the strictest.
    ///
    /// # Errors
    /// A built-in policy is broken; a test makes sure that none is.
    pub fn for_release(
        release: &str,
        environment: &str,
        mode: Mode,
    ) -> Result<Settings, ConfigError> {
        let hardening = Hardening::default();
        Ok(Settings {
            mode,
            release: Some(release.to_owned()),
            namespace: None,
            labels: labels(Some(environment), Some(release), &hardening.labels),
            resources: hardening.resources,
            externalize: None,
            read_only_root: hardening.read_only_root,
            tokens: hardening.service_account_tokens,
            patches: Vec::new(),
            profile: None,
            network_policies: hardening.network.mode,
            network: hardening.network,
            policies: Evaluator::new(&Library::built_in()?, &Selection::default()),
            exceptions: Vec::new(),
            keep_edits: false,
            today: String::new(),
        })
    }

    /// Whether rules that let everyone in or out are taken out of the chart's own NetworkPolicies.
    pub fn narrows(&self) -> bool {
        self.mode == Mode::Harden
            && self.network_policies == network::Mode::Derive
            && self.network.chart_policies == ChartPolicies::Narrow
            && self.enabled(OPEN)
            && self.enabled(DERIVE)
    }

    /// Whether NetworkPolicies are made for the release.
    pub fn derives(&self) -> bool {
        self.mode == Mode::Harden
            && self.network_policies != network::Mode::Off
            && self.enabled(DERIVE)
    }

    /// Whether the policy of that name is in force (`--only`, `--skip`).
    pub fn enabled(&self, policy: &str) -> bool {
        self.policies.enabled(policy)
    }

    /// Whether any policy is in force that looks for credentials.
    pub fn secrets(&self) -> bool {
        check::secrets::POLICIES
            .iter()
            .any(|policy| self.enabled(policy))
    }
}
