//! Secrets, ConfigMaps, claims, accounts and roles that something names and the release lacks.

use foldhash::{HashMap, HashSet};

use super::facts::{Keys, Provided, Use, What};
use super::{Release, violation};
use crate::inject::network::facts::{Source, Variables};
use crate::inject::network::texts::Text;
use crate::inject::network::topology::ObjectRef;
use crate::policy::Violation;
use crate::report::Severity;

/// The policy about Secrets that are not there.
pub const SECRET: &str = "wiring/secret";
/// The policy about ConfigMaps that are not there.
pub const CONFIG_MAP: &str = "wiring/config-map";
/// The policy about claims that are not there.
pub const CLAIM: &str = "wiring/volume-claim";
/// The policy about service accounts that are not there.
pub const ACCOUNT: &str = "wiring/service-account";
/// The policy about roles that are not there.
pub const ROLE: &str = "wiring/role";
/// The policy about keys that a ConfigMap or Secret of the release lacks.
pub const KEY: &str = "wiring/key";

/// The policies of this module.
pub const POLICIES: [&str; 6] = [SECRET, CONFIG_MAP, CLAIM, ACCOUNT, ROLE, KEY];

const HELP: &str = "correct the name in the chart's values or template, or have the object made before the release";
const KEY_HELP: &str = "name a key that the object has, add the key to it, or say `optional: true` where the pod does without it";

/// ConfigMaps that every namespace has (Istio, Kubernetes, OpenShift).
const EVERYWHERE: [&str; 3] = [
    "istio-ca-root-cert",
    "kube-root-ca.crt",
    "openshift-service-ca.crt",
];

/// Follows each reference.
pub fn judge(release: &Release<'_>) -> Vec<(ObjectRef, Violation)> {
    let mut found = Vec::new();
    let mut said = HashSet::default();
    let mut absent: Vec<(&Use, &ObjectRef)> = Vec::new();
    for own in &release.wires.uses {
        let Some(holder) = release.wires.holders.get(own.holder) else {
            continue;
        };
        let place = place(release, own, holder);
        match release.provided(own.what, place, &own.name) {
            Some(provided) => {
                let missing = own.key.as_ref().filter(|key| lacks(provided, key));
                if let Some(key) = missing.filter(|_| !own.optional) {
                    found.push((holder.clone(), without_key(own, key, provided)));
                }
            }
            None if own.optional || !release.holds(place) => {}
            None if said.insert((own.holder, own.what, &own.name)) => absent.push((own, holder)),
            None => {}
        }
    }
    if !absent.is_empty() {
        let names = absent.iter().map(|(own, _)| own.name.as_str());
        let others = Others::new(release, &names.collect());
        let absent = absent.into_iter();
        found.extend(absent.filter_map(|(own, holder)| {
            let violation = others.missing(own, holder)?;
            Some((holder.clone(), violation))
        }));
    }
    found
}

/// The namespace in which a reference looks.
fn place<'u>(release: &Release<'_>, own: &'u Use, holder: &'u ObjectRef) -> &'u str {
    if own.what == What::ClusterRole {
        return "";
    }
    match &own.namespace {
        Some(_) => release.namespace(&own.namespace),
        None => release.namespace(&holder.namespace),
    }
}

fn lacks(provided: &Provided, key: &str) -> bool {
    match &provided.keys {
        Keys::Open => false,
        Keys::Known(keys) => !keys.iter().any(|own| *own == *key),
    }
}

fn without_key(own: &Use, key: &str, provided: &Provided) -> Violation {
    let has = match &provided.keys {
        Keys::Known(keys) => listed(keys),
        Keys::Open => String::new(),
    };
    let (kind, name) = (own.what.kind(), &own.name);
    violation(
        KEY,
        Severity::Warning,
        &own.pointer,
        format!("{kind} {name} has no key {key}: it has {has}"),
        KEY_HELP,
    )
}

/// Up to six names.
fn listed(names: &[Text]) -> String {
    let mut names: Vec<&str> = names.iter().map(Text::as_str).collect();
    names.sort_unstable();
    match names.get(..6) {
        Some(first) if names.len() > 6 => {
            format!("{} and {} more", first.join(", "), names.len() - 6)
        }
        _ => names.join(", "),
    }
}

/// What else may explain a name that the release does not have.
struct Others<'r, 'a> {
    release: &'r Release<'a>,
    by_name: HashMap<(What, &'a str), &'a Provided>,
    /// Whether the release makes Secrets itself.
    makes_secrets: bool,
    /// Names that are words of commands and variables: a program that is told a name may make the
    /// object.
    told: HashSet<&'a str>,
}

impl<'r, 'a> Others<'r, 'a> {
    /// For the names that are absent.
    fn new(release: &'r Release<'a>, absent: &HashSet<&str>) -> Others<'r, 'a> {
        let mut told = HashSet::default();
        let names = |text: &'a str| {
            let words = text.split(['=', ',', ' ', '/', ':', '"', '\'', '\n']);
            words.filter(|word| absent.contains(word))
        };
        let containers = release.facts.workloads.iter();
        for container in containers.flat_map(|own| &own.pod.containers) {
            for word in container.commands.iter().flatten() {
                told.extend(names(&word.text));
            }
            for variable in &container.variables {
                if let Variables::One(variable) = variable
                    && let Source::Literal(text) = &variable.source
                {
                    told.extend(names(text));
                }
            }
        }
        let provided = release.wires.provided.iter();
        Others {
            release,
            by_name: provided
                .map(|own| ((own.what, own.name.as_str()), own))
                .collect(),
            makes_secrets: provided_secrets(release),
            told,
        }
    }

    /// What to say of a name that the release does not have; nothing where something may make it.
    fn missing(&self, own: &Use, holder: &ObjectRef) -> Option<Violation> {
        let elsewhere = self.elsewhere(own);
        let near = elsewhere.is_none().then(|| self.near(own)).flatten();
        let scope = self.release.scope;
        let unseen = scope.part || scope.hookless;
        let hint = match (elsewhere, near) {
            (Some(Some(namespace)), _) => {
                format!("; the one of that name is in namespace {namespace}")
            }
            (Some(None), _) => "; the one of that name is in the release's namespace".to_owned(),
            (None, Some(near)) => format!("; {near} is"),
            (None, None) if unseen || self.may_come(own) => return None,
            (None, None) => String::new(),
        };
        let (policy, effect) = match own.what {
            What::Secret if own.pointer.contains("/imagePullSecrets/") => {
                (SECRET, "images are pulled without it")
            }
            What::Secret if holder.kind == "Ingress" => {
                (SECRET, "the controller answers with another certificate")
            }
            What::Secret => (SECRET, "no pod starts before it is there"),
            What::ConfigMap => (CONFIG_MAP, "no pod starts before it is there"),
            What::Claim => (CLAIM, "no pod starts before it is there"),
            What::Account if holder.kind.ends_with("Binding") => (ACCOUNT, "nobody gets the role"),
            What::Account => (ACCOUNT, "no pod is made before it is there"),
            What::Role | What::ClusterRole => (ROLE, "it grants nothing"),
        };
        let (kind, name) = (own.what.kind(), &own.name);
        Some(violation(
            policy,
            Severity::Warning,
            &own.pointer,
            format!("{kind} {name} is not in these manifests{hint}: {effect}"),
            HELP,
        ))
    }

    /// The namespace, as written, of an object of the release with that kind and name.
    fn elsewhere(&self, own: &Use) -> Option<Option<&'a str>> {
        let found = self.by_name.get(&(own.what, own.name.as_str()))?;
        Some(found.namespace.as_deref())
    }

    /// Whether something may make the object, or does already.
    fn may_come(&self, own: &Use) -> bool {
        let (wires, name) = (self.release.wires, own.name.as_str());
        // Secrets are commonly made outside of releases on purpose, and those of the registry always.
        let outside = own.what == What::Secret
            && (!self.makes_secrets || own.pointer.contains("/imagePullSecrets/"));
        let usual = match own.what {
            What::ConfigMap => EVERYWHERE.contains(&name),
            What::ClusterRole => is_built_in(name),
            What::Role => name.starts_with("system:") || name.starts_with("extension-apiserver-"),
            What::Account => name == "default",
            What::Secret | What::Claim => false,
        };
        let made = || {
            let mut ends = name.match_indices(['-', '.']).map(|(at, _)| at);
            let stem = |at: usize| {
                name.get(..at)
                    .is_some_and(|stem| wires.custom.contains(stem))
            };
            wires.custom.contains(name) || ends.any(stem)
        };
        usual
            || outside
            || wires.mentioned.contains(name)
            || wires.creates.contains(&own.what)
            || made()
            || (matches!(own.what, What::Secret | What::ConfigMap) && self.told.contains(name))
    }

    /// An object of the release whose name is nearly the one that is meant.
    fn near(&self, own: &Use) -> Option<&'a str> {
        let provided = self.release.wires.provided.iter();
        let same = provided.filter(|other| other.what == own.what);
        let names = same.map(|other| other.name.as_str()).take(MAX_COMPARED);
        names
            .filter(|name| is_near(name, &own.name))
            .min_by_key(|name| name.len().abs_diff(own.name.len()))
    }
}

fn provided_secrets(release: &Release<'_>) -> bool {
    let mut provided = release.wires.provided.iter();
    provided.any(|own| own.what == What::Secret)
}

/// Names are compared with this many others at most, so that the time grows with the release.
const MAX_COMPARED: usize = 100;

/// Roles that Kubernetes itself brings.
fn is_built_in(name: &str) -> bool {
    name.starts_with("system:") || matches!(name, "cluster-admin" | "admin" | "edit" | "view")
}

/// Whether one of two names was most likely meant to be the other: the same but for the number, or
/// with further words in it (`shop-secrets` and `shop-app-secret`).
fn is_near(a: &str, b: &str) -> bool {
    // Few names end alike, so this is looked at first.
    if words(a).next_back() != words(b).next_back() {
        return false;
    }
    let (in_a, in_b) = (words(a).count(), words(b).count());
    let (few, many) = if in_a <= in_b { (a, b) } else { (b, a) };
    in_a.min(in_b) > 1
        && in_a.abs_diff(in_b) <= 2
        && words(few).all(|word| words(many).any(|other| other == word))
}

/// The words of a name in the singular.
fn words(name: &str) -> impl DoubleEndedIterator<Item = &str> {
    let words = name.split(['-', '.', '_']);
    words.map(|word| word.trim_end_matches('s'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_those_that_were_most_likely_meant() {
        for (a, b, near) in [
            ("todo-secrets", "todo-app-secrets", true),
            ("shop-taskora-secrets", "taskora-secrets", true),
            ("db-credential", "db-credentials", true),
            ("db", "db-credentials", false),
            ("web-tls", "db-tls", false),
            ("shop-web-config", "shop-web-secret", false),
            ("shop-config", "shop-a-b-config", true),
            ("shop-config", "shop-a-b-c-config", false),
            ("shops-db.main", "shop_db-main", true),
        ] {
            assert_eq!(is_near(a, b), near, "{a} {b}");
            assert_eq!(is_near(b, a), near, "{b} {a}");
        }
    }

    #[test]
    fn long_lists_are_cut() {
        let names: Vec<Text> = "hgfedcba".chars().map(|c| String::from(c).into()).collect();
        assert_eq!(listed(&names), "a, b, c, d, e, f and 2 more");
        assert_eq!(listed(&names[..2]), "g, h");
    }
}
