//! Which kinds carry pod specs, and where.
//!
//! The answers are data: `policies/carriers.yaml` names Kubernetes' own workloads and the custom
//! kinds of common operators. Adding a kind is adding a line there.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::config::{ConfigError, Source};
use crate::manifest::View;
use crate::manifest::view::{Type, escape, unescape};

static BUILT_IN: &str = include_str!("../../policies/carriers.yaml");

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
    paths: Vec<PodPath>,
}

/// A place in an object where a pod spec lies, or several when the path has a `*`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PodPath {
    /// JSON Pointer from the object's root; `*` stands for every item of a list or every value of a
    /// map.
    pub path: String,
    /// What lies there.
    pub holds: Holds,
    /// The operator merges it into pods of its own making, so that what it does not set may be set
    /// all the same.
    #[serde(default)]
    pub partial: bool,
}

/// What lies at a [`PodPath`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Holds {
    /// A map with `metadata` and `spec`, the latter a pod spec.
    Template,
    /// A pod spec.
    Spec,
    /// A list of containers without a pod spec of their own.
    Containers,
}

impl PodPath {
    /// Every place in the object that the path leads to, in the order of the document, with its
    /// JSON Pointer. A place that is absent or null is left out.
    pub fn places<'a>(&self, root: View<'a>) -> Vec<(String, View<'a>)> {
        let mut places = vec![(String::new(), root)];
        for token in self.path.split('/').skip(1) {
            places = places
                .into_iter()
                .flat_map(|(at, view)| step(&at, view, token))
                .collect();
        }
        places.retain(|(_, view)| !view.is_null());
        places
    }
}

fn step<'a>(at: &str, view: View<'a>, token: &str) -> Vec<(String, View<'a>)> {
    match (token, view.value_type()) {
        ("*", Type::Seq) => {
            let items = view.items().enumerate();
            items
                .map(|(index, item)| (format!("{at}/{index}"), item))
                .collect()
        }
        ("*", Type::Map) => {
            let members = view.entries();
            members
                .map(|(key, value)| (format!("{at}/{}", escape(&key)), value))
                .collect()
        }
        _ => {
            let member = view.get(&unescape(token));
            member
                .map(|value| (format!("{at}/{token}"), value))
                .into_iter()
                .collect()
        }
    }
}

/// All kinds that are known to carry pod specs.
#[derive(Debug, Default)]
pub struct Carriers {
    by_kind: HashMap<String, Vec<(String, Vec<PodPath>)>>,
}

impl Carriers {
    /// The built-in table, read once when first asked for. A test makes sure that it can be read.
    pub fn built_in() -> &'static Carriers {
        static TABLE: OnceLock<Carriers> = OnceLock::new();
        TABLE.get_or_init(|| Carriers::parse("carriers.yaml", BUILT_IN).unwrap_or_default())
    }

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
            let misplaced = carrier
                .paths
                .iter()
                .position(|own| !own.path.is_empty() && !own.path.starts_with('/'));
            if let Some(at) = misplaced {
                let reason = "must be a JSON Pointer, which starts with /";
                return Err(source.error(&format!("{pointer}/paths/{at}/path"), &reason));
            }
            if !carriers.paths(&carrier.group, &carrier.kind).is_empty() {
                return Err(source.error(&pointer, &"this kind stands here already"));
            }
            carriers
                .by_kind
                .entry(carrier.kind)
                .or_default()
                .push((carrier.group, carrier.paths));
        }
        Ok(carriers)
    }

    /// Where objects of a kind carry pod specs; nothing for a kind that is not known to.
    pub fn paths(&self, group: &str, kind: &str) -> &[PodPath] {
        let groups = self
            .by_kind
            .get(kind)
            .map(Vec::as_slice)
            .unwrap_or_default();
        groups
            .iter()
            .find(|(own, _)| own == group)
            .map(|(_, paths)| paths.as_slice())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_built_in_table_is_valid_and_knows_the_workloads() {
        let carriers = Carriers::parse("carriers.yaml", BUILT_IN).unwrap();
        for (group, kind, path) in [
            ("", "Pod", ""),
            ("apps", "Deployment", "/spec/template"),
            ("batch", "CronJob", "/spec/jobTemplate/spec/template"),
            ("argoproj.io", "Rollout", "/spec/template"),
        ] {
            let expected = PodPath {
                path: path.to_owned(),
                holds: Holds::Template,
                partial: false,
            };
            assert_eq!(carriers.paths(group, kind), [expected], "{kind}");
        }
        assert!(carriers.paths("", "Deployment").is_empty());
        assert!(carriers.paths("", "ConfigMap").is_empty());
    }

    #[test]
    fn stars_stand_for_items_and_values() {
        let object = json!({
            "groups": [{"template": {"spec": 0}}, {"template": null}, {}, {"template": {"spec": 3}}],
            "zones": {"a/b": {"spec": 4}, "c": {}},
        });
        let found = |path: &str| -> Vec<(String, String)> {
            let path = PodPath {
                path: path.to_owned(),
                holds: Holds::Spec,
                partial: false,
            };
            let places = path.places(View::Json(&object)).into_iter();
            places
                .map(|(pointer, view)| (pointer, view.to_json().to_string()))
                .collect()
        };
        let places = |list: &[(&str, &str)]| -> Vec<(String, String)> {
            list.iter()
                .map(|(pointer, value)| (pointer.to_string(), value.to_string()))
                .collect()
        };
        assert_eq!(
            found("/groups/*/template/spec"),
            places(&[
                ("/groups/0/template/spec", "0"),
                ("/groups/3/template/spec", "3")
            ])
        );
        assert_eq!(found("/zones/*/spec"), places(&[("/zones/a~1b/spec", "4")]));
        assert_eq!(found("/none/*"), places(&[]));
        assert_eq!(found("").len(), 1);
    }

    #[test]
    fn broken_tables_say_where() {
        let twice = "carriers:\n- {group: a, kind: B, paths: [{path: '', holds: spec}]}\n";
        let twice = format!("{twice}{}", &twice["carriers:\n".len()..]);
        let cases = [
            (
                twice.as_str(),
                "t:3:3: carriers[1]: this kind stands here already",
            ),
            (
                "carriers:\n- {group: a, kind: B, paths: [{path: x, holds: spec}]}\n",
                "t:2:32: carriers[0].paths[0].path: must be a JSON Pointer",
            ),
            (
                "carriers:\n- {group: a, kind: B, paths: [{path: /x, holds: pods}]}\n",
                "t:2:42: carriers[0].paths[0].holds: unknown variant `pods`",
            ),
        ];
        for (text, expected) in cases {
            let error = Carriers::parse("t", text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}\nexpected {expected}");
        }
    }
}
