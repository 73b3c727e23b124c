//! Exceptions: who may violate which policy, why, and until when.
//!
//! They belong to the platform team and stand in its platform file, never in a chart. An expired one
//! no longer counts, and one that nothing needs is reported, so that the list stays honest.

mod fields;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

pub use fields::{Date, Pattern, Place};

use crate::object::Identity;
use crate::report::Finding;

/// One exception. A field that is absent matches everything.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// The policies, by name, e.g. `pss/runAsNonRoot` or `pss/*`.
    pub policy: Pattern,
    /// The object's kind.
    #[serde(default)]
    pub kind: Option<String>,
    /// The object's name.
    #[serde(default)]
    pub name: Option<Pattern>,
    /// The object's namespace, or the release's where the object names none.
    #[serde(default)]
    pub namespace: Option<Pattern>,
    /// The container's name; findings that are not about a container do not match then.
    #[serde(default)]
    pub container: Option<Pattern>,
    /// The file, by its path as the report shows it, `./` left out; then findings about no file, such
    /// as those of the filter, do not match.
    #[serde(default)]
    pub file: Option<Pattern>,
    /// The place in the object, as the report gives it, e.g. `/data/*`. A finding below such a place
    /// is covered too.
    #[serde(default)]
    pub pointer: Option<Place>,
    /// Why it is granted; repeated in every report.
    #[serde(deserialize_with = "some_text")]
    #[schemars(length(min = 1))]
    pub reason: String,
    /// The last day it counts, as `YYYY-MM-DD`.
    #[serde(default)]
    pub expires: Option<Date>,
}

fn some_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.trim().is_empty() {
        return Err(serde::de::Error::custom("must say why"));
    }
    Ok(text)
}

impl Exception {
    /// Whether its last day is over on another day, `YYYY-MM-DD`.
    pub fn is_over(&self, today: &str) -> bool {
        self.expires
            .as_ref()
            .is_some_and(|last| last.is_before(today))
    }

    /// Whether the exception lets an object be as it is on a day, so that nothing is filled in for the
    /// sake of the policies that it [spares](Exception::spares). One for a file or a place in an object
    /// is about what stands there. `namespace` is the release's.
    pub fn frees(&self, object: &Identity, namespace: Option<&str>, today: &str) -> bool {
        let namespace = object.namespace.as_deref().or(namespace);
        self.file.is_none()
            && self.pointer.is_none()
            && !self.is_over(today)
            && self
                .fit_object(&object.kind, &object.name, namespace)
                .into_iter()
                .all(|(_, fits)| fits)
    }

    /// Whether the exception is from a policy, for all of an object or for a container of that name.
    pub fn spares(&self, policy: &str, container: Option<&str>) -> bool {
        self.policy.matches(policy) && fits(&self.container, container)
    }

    /// Whether the exception is about the finding; `namespace` is the release's.
    fn covers(&self, finding: &Finding, namespace: Option<&str>) -> bool {
        self.policy.matches(&finding.policy) && self.misfits(finding, namespace).next().is_none()
    }

    /// The fields, but for the policy, that do not fit a finding.
    fn misfits(
        &self,
        finding: &Finding,
        namespace: Option<&str>,
    ) -> impl Iterator<Item = &'static str> {
        let place = self.pointer.as_ref();
        let namespace = finding.namespace.as_deref().or(namespace);
        let file = finding.file.as_deref().map(plain_path);
        let object = self.fit_object(&finding.kind, &finding.name, namespace);
        let fields = [
            (
                "container",
                fits(&self.container, finding.container.as_deref()),
            ),
            ("file", fits(&self.file, file)),
            (
                "pointer",
                place.is_none_or(|place| place.covers(&finding.pointer)),
            ),
        ];
        let fields = object.into_iter().chain(fields);
        fields.filter(|(_, fits)| !fits).map(|(field, _)| field)
    }

    /// Which of the fields about an object fit it.
    fn fit_object(
        &self,
        kind: &str,
        name: &str,
        namespace: Option<&str>,
    ) -> [(&'static str, bool); 3] {
        let own = self.kind.as_ref();
        [
            ("kind", own.is_none_or(|own| own == kind)),
            ("name", fits(&self.name, Some(name))),
            ("namespace", fits(&self.namespace, namespace)),
        ]
    }

    /// The one field that keeps the exception from covering a finding that refuses.
    fn nearly_covers(&self, finding: &Finding, namespace: Option<&str>) -> Option<&'static str> {
        if !finding.refuses() || !self.policy.matches(&finding.policy) {
            return None;
        }
        let mut misfits = self.misfits(finding, namespace);
        misfits.next().filter(|_| misfits.next().is_none())
    }
}

/// Whether a pattern matches a name; no pattern matches everything.
fn fits(pattern: &Option<Pattern>, name: Option<&str>) -> bool {
    pattern
        .as_ref()
        .is_none_or(|pattern| name.is_some_and(|name| pattern.matches(name)))
}

/// A path without the `./` in front.
fn plain_path(path: &str) -> &str {
    path.strip_prefix("./").unwrap_or(path)
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the exception from {}", self.policy)?;
        if let Some(kind) = &self.kind {
            write!(f, " for {kind}")?;
        }
        if let Some(name) = &self.name {
            write!(f, " {name}")?;
        }
        if let Some(container) = &self.container {
            write!(f, ", container {container}")?;
        }
        if let Some(place) = &self.pointer {
            write!(f, " at {place}")?;
        }
        if let Some(file) = &self.file {
            write!(f, " in {file}")?;
        }
        write!(f, " ({})", self.reason)
    }
}

/// What became of an exception.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Use {
    /// It covers no finding.
    #[default]
    None,
    /// It covers none, but would cover this one but for one of its fields.
    Nearly(String),
    /// It covers some.
    Some,
}

/// Which exceptions were needed; of several runs, [`Used::merge`] gives the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Used(Vec<Use>);

impl Used {
    /// Adds what another run over the same exceptions needed.
    pub fn merge(&mut self, other: &Used) {
        self.0
            .resize(self.0.len().max(other.0.len()), Use::default());
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            if *own == Use::None || *other == Use::Some {
                own.clone_from(other);
            }
        }
    }

    /// One line for every exception that nothing needed. Those about files are of use only where
    /// files are looked at, which `files` says.
    pub fn notices(&self, exceptions: &[Exception], files: bool) -> Vec<String> {
        let uses = self.0.iter().chain(std::iter::repeat(&Use::None));
        let own = exceptions.iter().zip(uses);
        let own = own.filter(|(exception, _)| files || exception.file.is_none());
        own.filter_map(|(exception, used)| match used {
            Use::Some => None,
            Use::None => Some(format!(
                "{exception} covers no finding here; once no release needs it, remove it from the platform file"
            )),
            Use::Nearly(miss) => Some(format!("{exception} covers no finding here: {miss}")),
        })
        .collect()
    }
}

/// Marks the findings that an exception covers, and says of others that theirs has expired.
///
/// `today` is `YYYY-MM-DD`; `namespace` is the release's, for objects that name none.
pub fn apply(
    exceptions: &[Exception],
    today: &str,
    namespace: Option<&str>,
    findings: &mut [Finding],
) -> Used {
    let mut used = vec![Use::None; exceptions.len()];
    for finding in &mut *findings {
        let mut expired = None;
        for (exception, used) in exceptions.iter().zip(&mut used) {
            if !exception.covers(finding, namespace) {
                continue;
            }
            *used = Use::Some;
            if !exception.is_over(today) {
                finding
                    .exception
                    .get_or_insert_with(|| exception.reason.clone());
            } else if let Some(last) = &exception.expires {
                expired = Some(format!("{exception} expired on {last}"));
            }
        }
        if let Some(note) = expired.filter(|_| finding.exception.is_none()) {
            finding.help = [note, std::mem::take(&mut finding.help)].join("; ");
        }
    }
    for (exception, used) in exceptions.iter().zip(&mut used) {
        if *used == Use::None
            && let Some(miss) = near_miss(exception, findings, namespace)
        {
            *used = Use::Nearly(miss);
        }
    }
    Used(used)
}

/// The first finding that an exception would cover but for one field, in words.
fn near_miss(
    exception: &Exception,
    findings: &[Finding],
    namespace: Option<&str>,
) -> Option<String> {
    findings.iter().find_map(|finding| {
        let field = exception.nearly_covers(finding, namespace)?;
        Some(format!(
            "its {field} does not fit the finding {} of {} {}",
            finding.policy, finding.kind, finding.name
        ))
    })
}

/// The entry under `exceptions:` of a platform file that would cover a finding.
pub fn suggestion(finding: &Finding) -> String {
    let quoted = |text: &str| serde_json::Value::String(text.to_owned()).to_string();
    let mut entry = format!(
        "{{policy: {}, kind: {}, name: {}",
        finding.policy,
        finding.kind,
        quoted(&finding.name)
    );
    if let Some(container) = &finding.container {
        entry.push_str(&format!(", container: {}", quoted(container)));
    }
    // An object may hold several credentials, and the next one is not excepted with the first.
    if finding.policy.starts_with("secrets/") {
        entry.push_str(&format!(
            ", pointer: {}",
            quoted(&globset::escape(&finding.pointer))
        ));
    }
    entry.push_str(", reason: \"…\", expires: YYYY-MM-DD}");
    entry
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Source;
    use crate::report::Severity;

    fn read(text: &str) -> Result<Vec<Exception>, String> {
        let decode = |source: Source<'_>| source.decode();
        Source::parse("p", text)
            .and_then(decode)
            .map_err(|error| error.to_string())
    }

    fn finding(container: Option<&str>, namespace: Option<&str>) -> Finding {
        Finding {
            policy: "pss/privileged".to_owned(),
            severity: Severity::Error,
            message: "m".to_owned(),
            help: "h".to_owned(),
            file: Some("./deploy/agent.yaml".to_owned()),
            document: 0,
            api_version: "apps/v1".to_owned(),
            kind: "DaemonSet".to_owned(),
            namespace: namespace.map(str::to_owned),
            name: "node-agent".to_owned(),
            container: container.map(str::to_owned),
            pointer: "/data/config".to_owned(),
            source: None,
            line: 1,
            column: 1,
            exception: None,
            quote: 0..0,
        }
    }

    /// Whether an exception with these fields covers the agent's finding in the release `prod`.
    fn covers(fields: &str) -> bool {
        let exceptions = read(&format!("- {{reason: r, {fields}}}\n")).unwrap();
        let mut findings = [finding(Some("agent"), None)];
        apply(&exceptions, "2026-06-01", Some("prod"), &mut findings);
        !findings[0].refuses()
    }

    #[test]
    fn every_field_narrows() {
        for (fields, expected) in [
            ("policy: pss/privileged", true),
            ("policy: 'pss/*'", true),
            ("policy: pss/hostPorts", false),
            ("policy: '*', kind: DaemonSet", true),
            ("policy: '*', kind: Deployment", false),
            ("policy: '*', name: 'node-*'", true),
            ("policy: '*', name: node", false),
            ("policy: '*', container: agent", true),
            ("policy: '*', container: other", false),
            ("policy: '*', pointer: /data/config", true),
            ("policy: '*', pointer: '/data/*'", true),
            ("policy: '*', pointer: /data", true),
            ("policy: '*', pointer: /data/con", false),
            ("policy: '*', pointer: '/*'", true),
            ("policy: '*', pointer: '/*/other'", false),
            ("policy: '*', namespace: prod", true),
            ("policy: '*', namespace: 'dev-*'", false),
            ("policy: '*', file: deploy/agent.yaml", true),
            ("policy: '*', file: '*.yaml'", true),
            ("policy: '*', file: agent.yaml", false),
            ("policy: '*', expires: 2026-06-01", true),
            ("policy: '*', expires: 2026-05-31", false),
        ] {
            assert_eq!(covers(fields), expected, "{fields}");
        }
    }

    #[test]
    fn a_container_is_needed_where_one_is_named_and_an_own_namespace_counts() {
        let exceptions = read("- {policy: '*', container: '*', reason: r}\n- {policy: '*', namespace: prod, reason: r}\n").unwrap();
        let mut findings = [finding(None, Some("dev")), finding(None, Some("prod"))];
        apply(&exceptions, "2026-06-01", Some("prod"), &mut findings);
        assert_eq!(
            findings.map(|finding| finding.exception.is_some()),
            [false, true]
        );
    }

    #[test]
    fn an_expired_exception_is_named_and_an_unused_one_reported() {
        let exceptions = read(
            "- {policy: pss/privileged, kind: DaemonSet, reason: for now, expires: 2026-01-31}\n\
             - {policy: pss/hostPorts, reason: not used}\n",
        )
        .unwrap();
        let mut findings = [finding(Some("agent"), None)];
        let mut used = Used::default();
        used.merge(&apply(&exceptions, "2026-02-01", None, &mut findings));
        assert!(findings[0].refuses());
        assert_eq!(
            findings[0].help,
            "the exception from pss/privileged for DaemonSet (for now) expired on 2026-01-31; h"
        );
        assert_eq!(
            used.notices(&exceptions, false),
            [
                "the exception from pss/hostPorts (not used) covers no finding here; once no release needs it, remove it from the platform file"
            ]
        );
        assert_eq!(Used::default().notices(&exceptions, false).len(), 2);
    }

    #[test]
    fn a_near_miss_is_told_with_the_field_that_does_not_fit() {
        for (fields, expected) in [
            ("kind: Daemonset", Some("kind")),
            ("kind: DaemonSet, name: node", Some("name")),
            ("kind: DaemonSet, container: sidecar", Some("container")),
            ("namespace: dev", Some("namespace")),
            ("pointer: /spec", Some("pointer")),
            ("kind: Daemonset, name: node", None),
        ] {
            let exceptions = read(&format!("- {{policy: pss/*, reason: r, {fields}}}\n")).unwrap();
            let mut findings = [finding(Some("agent"), None)];
            let used = apply(&exceptions, "2026-02-01", Some("prod"), &mut findings);
            let told = used.notices(&exceptions, false).join("");
            let field = told.split_once("here: its ").map(|(_, rest)| rest);
            let end = "does not fit the finding pss/privileged of DaemonSet node-agent";
            assert_eq!(
                field,
                expected.map(|field| format!("{field} {end}")).as_deref(),
                "{fields}: {told}"
            );
        }
    }

    #[test]
    fn mistakes_are_errors_with_their_place() {
        for (text, expected) in [
            ("- {policy: x}\n", "p:1:3: [0]: missing field `reason`"),
            (
                "- {policy: x, reason: ' '}\n",
                "p:1:15: [0].reason: must say why",
            ),
            (
                "- {policy: '[', reason: r}\n",
                "p:1:4: [0].policy: error parsing glob",
            ),
            (
                "- {policy: x, reason: r, expires: 2026-02-29}\n",
                "p:1:26: [0].expires: must be a day as YYYY-MM-DD",
            ),
            (
                "- {policy: x, reason: r, pointer: data}\n",
                "p:1:26: [0].pointer: must be a JSON Pointer, which starts with /",
            ),
            (
                "- {policy: x, reason: r, until: 2026-02-28}\n",
                "p:1:26: [0].until: unknown field `until`",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.starts_with(expected), "{error}\nexpected {expected}");
        }
    }

    #[test]
    fn the_suggested_exception_covers_its_finding() {
        let leak = Finding {
            policy: "secrets/token".to_owned(),
            pointer: "/data/a[0]{b}".to_owned(),
            ..finding(None, None)
        };
        for found in [finding(Some("agent"), None), leak] {
            let suggested = suggestion(&found).replace("YYYY-MM-DD", "2099-01-01");
            let exceptions = read(&format!("- {suggested}\n")).unwrap();
            let mut findings = [found];
            apply(&exceptions, "2026-06-01", None, &mut findings);
            assert_eq!(findings[0].exception.as_deref(), Some("…"), "{suggested}");
        }
    }
}
