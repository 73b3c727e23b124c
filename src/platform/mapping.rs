//! The cluster mapping: on which cluster, in which namespace and how large an environment runs.
//!
//! It maps every environment to exactly one entry. What it must not do is decide who may promote
//! what: that is another system's business.

use std::collections::BTreeMap;

use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use super::file::infrastructure::{Amounts, Sizes, amounts_rules};
use super::hardening::builtin_preset;
use super::text::{Amount, DnsLabel, Environment, Name};
use crate::config::schema::suggest;
use crate::config::typed::{Checked, Problems};
use crate::manifest::view::escape;

/// A mapping file.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
#[schemars(title = "cluster mapping")]
pub struct MappingFile {
    /// The entries by name.
    pub cluster_mapping: BTreeMap<Name, Entry>,
    /// The same under its older name.
    pub clusters: BTreeMap<Name, Entry>,
    /// Presets beside `small`, `medium` and `large`; they may redefine those.
    pub resource_presets: BTreeMap<Name, Sizes>,
    /// What the names of the platform's own objects start with.
    pub fullname_override: Option<DnsLabel>,
}

/// Some environments and where they run.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Entry {
    /// The kube context, which is also the name of Argo CD's destination; absent for the current
    /// context.
    #[serde(default)]
    #[schemars(length(max = 253))]
    pub cluster: String,
    /// The environments.
    #[schemars(length(min = 1))]
    pub environments: Vec<Environment>,
    /// The namespace, with `{{ .environment }}` for the environment.
    #[serde(default, alias = "namespace_template")]
    pub namespace_template: Option<String>,
    /// Whether each environment has a namespace of its own.
    #[serde(default)]
    pub isolation: Isolation,
    /// How large it is.
    #[serde(default)]
    pub resources: EntryResources,
    /// `resources.preset` under an older name.
    #[serde(default)]
    pub resource_preset: Option<Name>,
    /// Whether people rely on it: replicas are then scaled and kept from being drained all at
    /// once. By default so for entries of nothing but `prod`, `production` and `prod-…`.
    #[serde(default)]
    pub production: Option<bool>,
    /// Network policies; on unless a reason is given.
    #[serde(default)]
    pub network_policies: EntryNetwork,
}

/// How environments of one entry are kept apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// Each has a namespace of its own.
    #[default]
    Namespace,
    /// They share one; names and the label `floe.dev/environment` tell them apart.
    Label,
}

/// `resources` of an entry.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EntryResources {
    /// The preset of its environments.
    pub preset: Option<Name>,
    /// Another preset for some of them.
    pub overrides: BTreeMap<Environment, Name>,
}

/// `networkPolicies` of an entry.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EntryNetwork {
    /// Whether there are any.
    pub enabled: bool,
    /// Why there are none.
    pub reason: Option<String>,
}

impl Default for EntryNetwork {
    fn default() -> Self {
        EntryNetwork {
            enabled: true,
            reason: None,
        }
    }
}

/// Where one environment runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The environment.
    pub environment: String,
    /// The kube context; empty for the current one.
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// How it is kept apart from others.
    pub isolation: Isolation,
    /// The preset's name.
    pub preset: String,
    /// What the preset says.
    pub sizes: Sizes,
    /// Whether people rely on it.
    pub production: bool,
    /// Whether it has network policies.
    pub network_policies: bool,
    /// What the names of the platform's own objects start with.
    pub fullname: String,
}

/// An environment that the mapping does not have.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no environment `{environment}` in the mapping{}", suggest(environment, &known.iter().map(String::as_str).collect::<Vec<_>>()))]
pub struct Unmapped {
    /// The one that was asked for.
    pub environment: String,
    /// Those there are, sorted.
    pub known: Vec<String>,
}

impl MappingFile {
    /// The mapping that holds where none is given: everything on the current cluster, `prod` large
    /// and the rest small.
    pub fn built_in() -> MappingFile {
        let entry = |environments: &[&str], preset: &str, production| Entry {
            cluster: String::new(),
            environments: environments
                .iter()
                .map(|name| Environment::from(*name))
                .collect(),
            namespace_template: None,
            isolation: Isolation::Namespace,
            resources: EntryResources {
                preset: Some(Name::from(preset)),
                overrides: BTreeMap::new(),
            },
            resource_preset: None,
            production: Some(production),
            network_policies: EntryNetwork::default(),
        };
        let others = ["local", "dev", "qa", "uat", "staging"];
        MappingFile {
            cluster_mapping: BTreeMap::from([
                (Name::from("non-prod"), entry(&others, "small", false)),
                (Name::from("prod"), entry(&["prod"], "large", true)),
            ]),
            ..MappingFile::default()
        }
    }

    fn entries(&self) -> impl Iterator<Item = (&'static str, &Name, &Entry)> {
        let new = self
            .cluster_mapping
            .iter()
            .map(|(name, entry)| ("clusterMapping", name, entry));
        let old = self
            .clusters
            .iter()
            .map(|(name, entry)| ("clusters", name, entry));
        new.chain(old)
    }

    /// Every environment of the mapping, sorted.
    pub fn environments(&self) -> Vec<String> {
        let names = self.entries().flat_map(|(_, _, entry)| &entry.environments);
        let mut names: Vec<String> = names.map(|name| name.as_str().to_owned()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Where an environment runs. The mapping has been checked.
    ///
    /// # Errors
    /// The mapping does not have it.
    pub fn target(&self, environment: &str) -> Result<Target, Unmapped> {
        let has = |entry: &Entry| {
            entry
                .environments
                .iter()
                .any(|name| name.as_str() == environment)
        };
        let unmapped = || Unmapped {
            environment: environment.to_owned(),
            known: self.environments(),
        };
        let (_, _, entry) = self
            .entries()
            .find(|(_, _, entry)| has(entry))
            .ok_or_else(unmapped)?;
        let preset = entry.preset(environment);
        let base = self
            .fullname_override
            .as_ref()
            .map_or("floe-platform", DnsLabel::as_str);
        Ok(Target {
            environment: environment.to_owned(),
            cluster: entry.cluster.clone(),
            namespace: entry.namespace(environment).unwrap_or_default(),
            isolation: entry.isolation,
            sizes: self.preset(&preset).ok_or_else(unmapped)?,
            preset,
            production: entry.is_production(),
            network_policies: entry.network_policies.enabled,
            fullname: match entry.isolation {
                Isolation::Namespace => base.to_owned(),
                Isolation::Label => format!("{base}-{environment}"),
            },
        })
    }

    /// The amounts of a preset.
    fn preset(&self, name: &str) -> Option<Sizes> {
        if let Some(sizes) = self.resource_presets.get(name) {
            return Some(sizes.clone());
        }
        let preset = builtin_preset(name)?;
        let amounts = |cpu: &str, memory: &str| Amounts {
            cpu: Amount::from(cpu),
            memory: Amount::from(memory),
        };
        Some(Sizes {
            requests: amounts(&preset.requests.cpu, &preset.requests.memory),
            limits: amounts(&preset.limits.cpu, &preset.limits.memory),
        })
    }

    /// What is allowed but deserves a word: an older spelling, a cluster in two entries.
    pub fn notices(&self) -> Vec<String> {
        let mut notices = Vec::new();
        if !self.clusters.is_empty() {
            notices.push("the mapping's `clusters` is called `clusterMapping` now".to_owned());
        }
        let mut seen: BTreeMap<&str, &Name> = BTreeMap::new();
        for (_, name, entry) in self
            .entries()
            .filter(|(_, _, entry)| !entry.cluster.is_empty())
        {
            if let Some(first) = seen.insert(&entry.cluster, name) {
                notices.push(format!(
                    "the entries {first} and {name} are of the same cluster, {}",
                    entry.cluster
                ));
            }
        }
        notices
    }
}

impl Entry {
    fn preset(&self, environment: &str) -> String {
        let own = self.resources.overrides.get(environment);
        let preset = own
            .or(self.resources.preset.as_ref())
            .or(self.resource_preset.as_ref());
        preset.map_or("small", Name::as_str).to_owned()
    }

    fn is_production(&self) -> bool {
        let named = |name: &Environment| {
            let name = name.as_str();
            name == "prod" || name == "production" || name.starts_with("prod-")
        };
        self.production
            .unwrap_or_else(|| self.environments.iter().all(named))
    }

    /// The namespace of an environment.
    fn namespace(&self, environment: &str) -> Result<String, String> {
        let template = self
            .namespace_template
            .as_deref()
            .unwrap_or("floe-{{ .environment }}");
        // The constant pattern always compiles; were it not so, nothing would be replaced.
        let placeholder = Regex::new(r"\{\{\s*\.?environment\s*\}\}").map_err(|e| e.to_string())?;
        let name = placeholder.replace_all(template, environment).into_owned();
        if name.contains(['{', '}']) {
            return Err("has an unknown placeholder: the only one is {{ .environment }}".into());
        }
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let edge = |b: Option<&u8>| b.is_some_and(|b| *b != b'-');
        let bytes = name.as_bytes();
        let fits = bytes.len() <= 63 && bytes.iter().all(|b| inner(*b));
        if fits && edge(bytes.first()) && edge(bytes.last()) {
            return Ok(name);
        }
        Err(format!(
            "gives `{name}` for {environment}, which is no namespace: up to 63 lower-case letters, digits and `-`, a letter or digit first and last"
        ))
    }
}

impl Checked for MappingFile {
    fn rules(&self, _: &Value, problems: &mut Problems) {
        if self.cluster_mapping.is_empty() && self.clusters.is_empty() {
            problems.add("", "missing field `clusterMapping`");
        }
        for (name, sizes) in &self.resource_presets {
            let at = format!("/resourcePresets/{}", escape(name.as_str()));
            amounts_rules(&at, &sizes.requests, &sizes.limits, problems);
        }
        let mut mapped: BTreeMap<&str, &Name> = BTreeMap::new();
        let mut namespaces: BTreeMap<(&str, String), (&str, Isolation)> = BTreeMap::new();
        for (block, name, entry) in self.entries() {
            let at = format!("/{block}/{}", escape(name.as_str()));
            self.entry_rules(entry, &at, problems);
            for (index, environment) in entry.environments.iter().enumerate() {
                let here = format!("{at}/environments/{index}");
                let environment = environment.as_str();
                if let Some(first) = mapped.insert(environment, name) {
                    let reason = format!("`{environment}` belongs to the entry {first} already");
                    problems.add(here.as_str(), reason);
                }
                match entry.namespace(environment) {
                    Err(reason) => problems.add(format!("{at}/namespaceTemplate"), reason),
                    Ok(namespace) => {
                        let key = (entry.cluster.as_str(), namespace.clone());
                        let own = (environment, entry.isolation);
                        if let Some((other, isolation)) = namespaces.insert(key, own)
                            && other != environment
                            && (isolation, entry.isolation) != (Isolation::Label, Isolation::Label)
                        {
                            problems.add(here, format!("{environment} and {other} would share the namespace {namespace}: put {{{{ .environment }}}} into namespaceTemplate, or say `isolation: label`"));
                        }
                    }
                }
            }
        }
    }
}

impl MappingFile {
    fn entry_rules(&self, entry: &Entry, at: &str, problems: &mut Problems) {
        let resources = &entry.resources;
        if resources.preset.is_some() && entry.resource_preset.is_some() {
            let reason = "is the older name of `resources.preset`, which stands here too";
            problems.add(format!("{at}/resourcePreset"), reason);
        }
        let mut known = vec!["small", "medium", "large"];
        known.extend(self.resource_presets.keys().map(Name::as_str));
        let named = [
            ("resources/preset".to_owned(), resources.preset.as_ref()),
            ("resourcePreset".to_owned(), entry.resource_preset.as_ref()),
        ];
        let overrides = resources.overrides.iter().map(|(environment, preset)| {
            (format!("resources/overrides/{environment}"), Some(preset))
        });
        for (field, preset) in named.into_iter().chain(overrides) {
            let Some(preset) = preset.map(Name::as_str) else {
                continue;
            };
            problems.expect(
                self.preset(preset).is_some(),
                format!("{at}/{field}"),
                format!("no preset `{preset}`{}", suggest(preset, &known)),
            );
        }
        for environment in resources.overrides.keys() {
            problems.expect(
                entry.environments.contains(environment),
                format!("{at}/resources/overrides/{environment}"),
                format!("`{environment}` is no environment of this entry"),
            );
        }
        let network = &entry.network_policies;
        if !network.enabled && network.reason.as_deref().unwrap_or_default().is_empty() {
            let reason = "needs `reason`: why this environment has no network policies";
            problems.add(format!("{at}/networkPolicies"), reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::typed::read;

    const FIVE: &str = "\
clusterMapping:
  shared:
    cluster: aks-nonprod
    environments: [dev, qa, uat, staging]
    resources: {preset: small, overrides: {staging: medium}}
  live:
    cluster: aks-prod
    environments: [prod]
    namespaceTemplate: floe-prod
    resources: {preset: large}
";

    fn errors(text: &str) -> String {
        match read::<MappingFile>("m", text) {
            Ok(_) => String::new(),
            Err(errors) => errors.iter().map(|e| format!("{e}\n")).collect(),
        }
    }

    #[test]
    fn five_environments_run_on_two_clusters() {
        let (mapping, _) = read::<MappingFile>("m", FIVE).unwrap();
        let rows: Vec<String> = mapping
            .environments()
            .iter()
            .map(|name| {
                let t = mapping.target(name).unwrap();
                format!(
                    "{} {} {} {} {}",
                    t.environment, t.cluster, t.namespace, t.preset, t.production
                )
            })
            .collect();
        assert_eq!(
            rows,
            [
                "dev aks-nonprod floe-dev small false",
                "prod aks-prod floe-prod large true",
                "qa aks-nonprod floe-qa small false",
                "staging aks-nonprod floe-staging medium false",
                "uat aks-nonprod floe-uat small false",
            ]
        );
        assert_eq!(
            mapping.target("prd").unwrap_err().to_string(),
            "no environment `prd` in the mapping: did you mean `prod`? There are dev, prod, qa, staging, uat"
        );
    }

    #[test]
    fn each_rule_has_a_mapping_that_breaks_it() {
        let entry = |rest: &str| {
            format!("clusterMapping:\n  a:\n    cluster: c\n    environments: [dev, qa]\n{rest}")
        };
        for (text, want) in [
            (entry(""), ""),
            (entry("    namespaceTemplate: '{{environment}}-x'\n"), ""),
            (
                entry("    namespaceTemplate: fixed\n    isolation: label\n"),
                "",
            ),
            (
                entry("  b: {cluster: d, environments: [qa]}\n"),
                "m:5:34: clusterMapping.b.environments[0]: `qa` belongs to the entry a already",
            ),
            (
                entry("  b: {cluster: d, environments: []}\n"),
                "m:5:19: clusterMapping.b.environments: must have at least one item",
            ),
            (
                entry("  b: {cluster: d}\n"),
                "m:5:3: clusterMapping.b: missing field `environments`",
            ),
            (
                entry("    namespaceTemplate: fixed\n"),
                "m:4:25: clusterMapping.a.environments[1]: qa and dev would share the namespace fixed",
            ),
            (
                entry("    namespaceTemplate: Floe_{{ .environment }}\n"),
                "m:5:5: clusterMapping.a.namespaceTemplate: gives `Floe_dev` for dev, which is no namespace",
            ),
            (
                entry("    namespaceTemplate: floe-{{ .env }}\n"),
                "m:5:5: clusterMapping.a.namespaceTemplate: has an unknown placeholder",
            ),
            (
                entry("    resources: {preset: smal}\n"),
                "m:5:17: clusterMapping.a.resources.preset: no preset `smal`: did you mean `small`?",
            ),
            (
                entry("    resources: {overrides: {prod: small}}\n"),
                "m:5:29: clusterMapping.a.resources.overrides.prod: `prod` is no environment of this entry",
            ),
            (
                entry("    networkPolicies: {enabled: false}\n"),
                "m:5:5: clusterMapping.a.networkPolicies: needs `reason`",
            ),
            (
                entry("    networkPolicies: {enabled: false, reason: no CNI}\n"),
                "",
            ),
            ("{}\n".into(), "m:1:1: missing field `clusterMapping`"),
            (
                entry("    isolation: none\n"),
                "m:5:5: clusterMapping.a.isolation: must be one of namespace, label",
            ),
        ] {
            let said = errors(&text);
            let fits = if want.is_empty() {
                said.is_empty()
            } else {
                said.starts_with(want)
            };
            assert!(fits, "{text}\n{said}");
        }
    }

    #[test]
    fn older_names_and_doubled_clusters_get_a_notice() {
        let text = "clusters:\n  a: {cluster: c, environments: [dev], resourcePreset: large}\n  b: {cluster: c, environments: [qa]}\n";
        let (mapping, _) = read::<MappingFile>("m", text).unwrap();
        assert_eq!(mapping.notices().len(), 2);
        assert_eq!(mapping.target("dev").unwrap().preset, "large");
    }
}
