//! Which kinds carry pod specs, and where.
//!
//! The answers are data: `policies/carriers.yaml` names Kubernetes' own workloads,
//! `policies/custom-carriers.yaml` the custom kinds of common operators. Adding a kind is adding a
//! line there.

use std::sync::OnceLock;

use foldhash::HashMap;
use serde::Deserialize;

use super::pods::{PodPath, Shape, Step};
use crate::manifest::view::unescape;

static KUBERNETES: &str = include_str!(concat!(env!("OUT_DIR"), "/policies/carriers.json"));
static CUSTOM: &str = include_str!(concat!(env!("OUT_DIR"), "/policies/custom-carriers.json"));

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
    having: Option<String>,
    inherits: Option<String>,
}

impl CarrierPath {
    fn read(self) -> Result<PodPath, &'static str> {
        Ok(PodPath {
            steps: steps(&self.path)?,
            shape: self.holds,
            having: self.having,
            inherits: self.inherits,
        })
    }
}

/// All kinds that are known to carry pod specs.
#[derive(Debug, Default)]
pub struct Carriers {
    by_kind: HashMap<String, Vec<(String, Vec<PodPath>)>>,
}

/// Kubernetes' own kinds, read once when first asked for. A test makes sure that they can be read.
pub fn kubernetes() -> &'static Carriers {
    static TABLE: OnceLock<Carriers> = OnceLock::new();
    TABLE.get_or_init(|| built_in(KUBERNETES).unwrap_or_default())
}

/// The custom kinds, read once when first asked for: most releases hold none.
pub fn custom() -> &'static Carriers {
    static TABLE: OnceLock<Carriers> = OnceLock::new();
    TABLE.get_or_init(|| built_in(CUSTOM).unwrap_or_default())
}

/// A table that the build script has made JSON of; else what in it does not fit, and where.
fn built_in(json: &str) -> Result<Carriers, String> {
    let table: CarriersFile = serde_json::from_str(json).map_err(|error| error.to_string())?;
    Carriers::new(table)
}

impl Carriers {
    fn new(table: CarriersFile) -> Result<Carriers, String> {
        let mut carriers = Carriers::default();
        for (index, carrier) in table.carriers.into_iter().enumerate() {
            let pointer = format!("/carriers/{index}");
            if carriers.paths(&carrier.group, &carrier.kind).is_some() {
                return Err(format!("{pointer}: this kind stands here already"));
            }
            let paths = carrier.paths.into_iter().enumerate();
            let paths = paths.map(|(at, own)| {
                own.read()
                    .map_err(|reason| format!("{pointer}/paths/{at}/path: {reason}"))
            });
            let paths = paths.collect::<Result<_, _>>()?;
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
    fn the_built_in_tables_are_valid_and_know_the_workloads() {
        let kubernetes = built_in(KUBERNETES).unwrap();
        let custom = built_in(CUSTOM).unwrap();
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
            let expected = PodPath {
                steps,
                shape: Shape::Template,
                having: None,
                inherits: None,
            };
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
        let entry = |path: &str, holds: &str| {
            format!(
                r#"{{"group": "a", "kind": "B", "paths": [{{"path": "{path}", "holds": "{holds}"}}]}}"#
            )
        };
        let good = entry("/x", "spec");
        for (entries, expected) in [
            (
                format!("{good}, {good}"),
                "/carriers/1: this kind stands here already",
            ),
            (
                entry("x", "spec"),
                "/carriers/0/paths/0/path: must be a JSON Pointer",
            ),
            (entry("/x", "pods"), "unknown variant `pods`"),
        ] {
            let error = built_in(&format!(r#"{{"carriers": [{entries}]}}"#)).unwrap_err();
            assert!(error.starts_with(expected), "{error}\nexpected {expected}");
        }
    }
}
