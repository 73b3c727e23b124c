//! Which kinds carry pod specs, and where.
//!
//! The answers are data: `policies/carriers.yaml` names Kubernetes' own workloads,
//! `policies/custom-carriers.yaml` the custom kinds of common operators. Adding a kind is adding a
//! line there.

use std::sync::OnceLock;

use foldhash::HashMap;
use serde::Deserialize;

use super::pods::{PodPath, Shape, Step};
use crate::config::{ConfigError, Source};
use crate::manifest::view::unescape;

static KUBERNETES: &str = include_str!("../../policies/carriers.yaml");
static CUSTOM: &str = include_str!("../../policies/custom-carriers.yaml");

/// The file's form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CarriersFile {
    carriers: Vec<Carrier>,
}

/// A kind whose objects carry pod specs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Carrier {
    group: String,
    kind: String,
    paths: Vec<CarrierPath>,
}

/// A place in its objects.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CarrierPath {
    path: String,
    holds: Shape,
}

/// All kinds that are known to carry pod specs.
#[derive(Debug, Default)]
pub struct Carriers {
    by_kind: HashMap<String, Vec<(String, Vec<PodPath>)>>,
}

/// Kubernetes' own kinds, read once when first asked for. A test makes sure that they can be read.
pub fn kubernetes() -> &'static Carriers {
    static TABLE: OnceLock<Carriers> = OnceLock::new();
    TABLE.get_or_init(|| Carriers::parse("carriers.yaml", KUBERNETES).unwrap_or_default())
}

/// The custom kinds, read once when first asked for: most releases hold none, and reading them
/// takes as long as hardening a small release.
pub fn custom() -> &'static Carriers {
    static TABLE: OnceLock<Carriers> = OnceLock::new();
    TABLE.get_or_init(|| Carriers::parse("custom-carriers.yaml", CUSTOM).unwrap_or_default())
}

impl Carriers {
    /// Reads a table.
    ///
    /// # Errors
    /// The first thing in it that does not fit, with its place.
    pub fn parse(file: &str, text: &str) -> Result<Carriers, ConfigError> {
        let source = Source::parse(file, text)?;
        let read: CarriersFile = source.decode()?;
        let mut carriers = Carriers::default();
        for (index, carrier) in read.carriers.into_iter().enumerate() {
            let pointer = format!("/carriers/{index}");
            if carriers.paths(&carrier.group, &carrier.kind).is_some() {
                return Err(source.error(&pointer, &"this kind stands here already"));
            }
            let mut paths = Vec::new();
            for (at, own) in carrier.paths.iter().enumerate() {
                let pointer = format!("{pointer}/paths/{at}/path");
                paths.push(PodPath {
                    steps: steps(&own.path).map_err(|reason| source.error(&pointer, &reason))?,
                    shape: own.holds,
                });
            }
            let groups = carriers.by_kind.entry(carrier.kind).or_default();
            groups.push((carrier.group, paths));
        }
        Ok(carriers)
    }

    /// Where objects of a kind carry pod specs; `None` for a kind that is not known to.
    pub fn paths(&self, group: &str, kind: &str) -> Option<&[PodPath]> {
        let (_, paths) = self
            .by_kind
            .get(kind)?
            .iter()
            .find(|(own, _)| own == group)?;
        Some(paths)
    }
}

/// The steps of a JSON Pointer in which `*` stands for every item or value.
fn steps(path: &str) -> Result<Vec<Step>, &'static str> {
    if !path.is_empty() && !path.starts_with('/') {
        return Err("must be a JSON Pointer, which starts with /");
    }
    let step = |token: &str| match token {
        "*" => Step::Each,
        key => Step::Key(unescape(key).into_owned()),
    };
    Ok(path.split('/').skip(1).map(step).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Step {
        Step::Key(name.to_owned())
    }

    #[test]
    fn the_built_in_table_is_valid_and_knows_the_workloads() {
        let kubernetes = Carriers::parse("carriers.yaml", KUBERNETES).unwrap();
        let custom = Carriers::parse("custom-carriers.yaml", CUSTOM).unwrap();
        let job = ["spec", "jobTemplate", "spec", "template"]
            .map(key)
            .to_vec();
        let template = vec![key("spec"), key("template")];
        for (carriers, group, kind, steps) in [
            (&kubernetes, "", "Pod", vec![]),
            (&kubernetes, "apps", "Deployment", template.clone()),
            (&kubernetes, "batch", "CronJob", job),
            (&custom, "argoproj.io", "Rollout", template),
        ] {
            let shape = Shape::Template;
            let expected = PodPath { steps, shape };
            assert_eq!(
                carriers.paths(group, kind),
                Some([expected].as_slice()),
                "{kind}"
            );
        }
        assert_eq!(kubernetes.paths("", "Deployment"), None);
        assert_eq!(kubernetes.paths("", "ConfigMap"), None);
    }

    #[test]
    fn stars_stand_for_items_and_values() {
        let expected = vec![key("spec"), Step::Each, key("a/b")];
        assert_eq!(steps("/spec/*/a~1b"), Ok(expected));
        assert_eq!(steps(""), Ok(vec![]));
    }

    #[test]
    fn broken_tables_say_where() {
        let entry = "- {group: a, kind: B, paths: [{path: '', holds: spec}]}\n";
        let twice = format!("carriers:\n{entry}{entry}");
        let relative = "carriers:\n- {group: a, kind: B, paths: [{path: x, holds: spec}]}\n";
        let unknown = "carriers:\n- {group: a, kind: B, paths: [{path: /x, holds: pods}]}\n";
        let cases = [
            (
                twice.as_str(),
                "t:3:3: carriers[1]: this kind stands here already",
            ),
            (
                relative,
                "t:2:32: carriers[0].paths[0].path: must be a JSON Pointer",
            ),
            (
                unknown,
                "t:2:42: carriers[0].paths[0].holds: unknown variant `pods`",
            ),
        ];
        for (text, expected) in cases {
            let error = Carriers::parse("t", text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}\nexpected {expected}");
        }
    }
}
