//! Labels: which of them stay the same over upgrades, and which pods they select.

use std::rc::Rc;

use foldhash::HashMap;
use serde::{Serialize, Serializer};

use super::texts::{Text, Texts};
use crate::manifest::View;

/// Labels, sorted by key. Copies share them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Rc<[(Text, Text)]>);

/// Keys whose values change from one release of a chart to the next: a policy that selected by them
/// would let its pods go at the next upgrade.
const UNSTABLE: [&str; 9] = [
    "app.kubernetes.io/version",
    "appVersion",
    "chart",
    "chart-version",
    "controller-revision-hash",
    "helm.sh/chart",
    "helm.sh/revision",
    "pod-template-hash",
    "version",
];

/// Whether the key keeps its value over upgrades.
pub fn is_stable(key: &str) -> bool {
    UNSTABLE.binary_search(&key).is_err()
}

/// The label that a StatefulSet gives each of its pods, with the pod's own name.
pub const POD_NAME: &str = "statefulset.kubernetes.io/pod-name";

/// The labels that a Job gives all of its pods, with its own name (k8s.io/kubernetes,
/// pkg/registry/batch/job/strategy.go).
const JOB_NAME: [&str; 2] = ["batch.kubernetes.io/job-name", "job-name"];

/// The name of the StatefulSet whose pod has this name: `db` of `db-0`.
pub fn stateful_set(pod: &str) -> Option<&str> {
    let (set, ordinal) = pod.rsplit_once('-')?;
    let is_ordinal = !ordinal.is_empty() && ordinal.bytes().all(|b| b.is_ascii_digit());
    is_ordinal.then_some(set)
}

/// Reads a map of strings; what is no string, which the API server would refuse, is left out.
pub fn read(map: Option<View<'_>>, texts: &mut Texts) -> Labels {
    let entries = map.into_iter().flat_map(View::entries);
    let pairs = entries.filter_map(|(key, value)| {
        let value = value.as_str()?;
        Some((texts.keep(&key), texts.keep(&value)))
    });
    let labels = pairs.collect();
    texts.keep_labels(labels)
}

/// Whether all of the selector's labels are among the pod's.
pub fn selects(selector: &Labels, pod: &Labels) -> bool {
    selector
        .iter()
        .all(|(key, value)| pod.get(key) == Some(value))
}

impl Labels {
    /// The value of a label.
    pub fn get(&self, key: &str) -> Option<&Text> {
        let mut pairs = self.iter();
        pairs.find_map(|(own, value)| (*own == *key).then_some(value))
    }

    /// Keys and values, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&Text, &Text)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The labels without those that change over upgrades.
    pub fn stable(&self) -> Labels {
        self.keeping(is_stable)
    }

    /// The labels with some keys only.
    pub fn keeping(&self, keep: impl Fn(&str) -> bool) -> Labels {
        if self.iter().all(|(key, _)| keep(key)) {
            return self.clone();
        }
        let kept = self.0.iter().filter(|(key, _)| keep(key));
        Labels(kept.cloned().collect())
    }

    /// The labels of the pods of a Job of that name: it adds those that are not there.
    pub fn of_job(&self, name: &str) -> Labels {
        let lacking = JOB_NAME.into_iter().filter(|key| self.get(key).is_none());
        lacking.fold(self.clone(), |labels, key| labels.with(key, name))
    }

    /// The labels and another one, in the place of one with its key.
    pub fn with(&self, key: &str, value: &str) -> Labels {
        let another = (Text::from(key), Text::from(value));
        self.0.iter().cloned().chain([another]).collect()
    }
}

/// Of labels with the same key the last one counts.
impl FromIterator<(Text, Text)> for Labels {
    fn from_iter<T: IntoIterator<Item = (Text, Text)>>(pairs: T) -> Labels {
        let mut pairs: Vec<(Text, Text)> = pairs.into_iter().collect();
        if !pairs.is_sorted_by(|a, b| a.0 < b.0) {
            pairs.reverse();
            pairs.sort_by(|a, b| a.0.cmp(&b.0));
            pairs.dedup_by(|a, b| a.0 == b.0);
        }
        Labels(pairs.into())
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Labels {
    fn from(pairs: [(&str, &str); N]) -> Labels {
        let kept = pairs.map(|(key, value)| (Text::from(key), Text::from(value)));
        kept.into_iter().collect()
    }
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(key, value)| (&**key, &**value)))
    }
}

/// Finds the pods that a selector selects without asking each of them: the rarest label of the
/// selector decides whom to ask.
#[derive(Debug, Default)]
pub struct Index<'a> {
    by_label: HashMap<(&'a str, &'a str, &'a str), Vec<usize>>,
    pods: Vec<&'a Labels>,
}

impl<'a> Index<'a> {
    /// An index over pods, each with its namespace and labels.
    pub fn new(pods: impl Iterator<Item = (&'a str, &'a Labels)>) -> Index<'a> {
        let mut index = Index::default();
        for (number, (namespace, labels)) in pods.enumerate() {
            for (key, value) in labels.iter() {
                let place = index.by_label.entry((namespace, key, value));
                place.or_default().push(number);
            }
            index.pods.push(labels);
        }
        index
    }

    /// The numbers of the pods in a namespace that a selector with at least one label selects, in
    /// order; none for an empty selector.
    pub fn select(&self, namespace: &str, selector: &Labels) -> Vec<usize> {
        self.selected(namespace, selector).collect()
    }

    /// Whether a selector selects that one pod of a namespace and no other.
    pub fn is_alone(&self, number: usize, namespace: &str, selector: &Labels) -> bool {
        self.selected(namespace, selector).take(2).eq([number])
    }

    fn selected<'s>(
        &'s self,
        namespace: &'s str,
        selector: &'s Labels,
    ) -> impl Iterator<Item = usize> + 's {
        let lists = selector.iter().map(|(key, value)| {
            let found = self.by_label.get(&(namespace, &**key, &**value));
            found.map(Vec::as_slice).unwrap_or_default()
        });
        let rarest = lists.min_by_key(|list| list.len()).unwrap_or_default();
        let fits = move |number: &usize| {
            let pod = self.pods.get(*number);
            pod.is_some_and(|pod| selects(selector, pod))
        };
        rarest.iter().copied().filter(fits)
    }

    /// The numbers of the pods that a selector may select once they run, in order: those that have
    /// some of its labels and no other value for the rest. A program may label its own pods, as the
    /// leader of several, and controllers label theirs.
    pub fn may_select(&self, namespace: &str, selector: &Labels) -> Vec<usize> {
        let lists = selector
            .iter()
            .filter_map(|(key, value)| self.by_label.get(&(namespace, &**key, &**value)));
        let rarest = lists.min_by_key(|list| list.len());
        let fits = |number: &&usize| {
            let pod = self.pods.get(**number);
            pod.is_some_and(|pod| {
                selector
                    .iter()
                    .all(|(key, value)| pod.get(key).is_none_or(|own| own == value))
            })
        };
        rarest.into_iter().flatten().filter(fits).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        let kept = pairs.iter();
        kept.map(|(key, value)| (Text::from(*key), Text::from(*value)))
            .collect()
    }

    #[test]
    fn labels_are_sorted_and_the_last_of_a_key_counts() {
        let all = labels(&[("b", "1"), ("a", "2"), ("b", "3")]);
        assert_eq!(all, Labels::from([("a", "2"), ("b", "3")]));
        assert_eq!(all.with("b", "4").get("b").map(|own| &**own), Some("4"));
        assert_eq!(all.with("0", "5").len(), 3);
        assert_eq!(serde_json::to_string(&all).unwrap(), r#"{"a":"2","b":"3"}"#);
    }

    #[test]
    fn a_job_labels_its_pods_with_its_name() {
        let (own, legacy) = ("batch.kubernetes.io/job-name", "job-name");
        for (template, expected) in [
            (labels(&[]), labels(&[(own, "train"), (legacy, "train")])),
            (
                labels(&[("app", "x"), (legacy, "other")]),
                labels(&[("app", "x"), (own, "train"), (legacy, "other")]),
            ),
        ] {
            assert_eq!(template.of_job("train"), expected);
        }
    }

    #[test]
    fn unstable_keys_are_sorted_for_the_search() {
        assert!(UNSTABLE.is_sorted());
        assert!(!is_stable("helm.sh/chart") && is_stable("app.kubernetes.io/name"));
    }

    #[test]
    fn the_index_selects_what_asking_everyone_would() {
        let pods = [
            ("a", labels(&[("app", "web"), ("release", "r")])),
            ("a", labels(&[("app", "db"), ("release", "r")])),
            ("b", labels(&[("app", "web"), ("release", "r")])),
            ("a", labels(&[])),
        ];
        let index = Index::new(pods.iter().map(|(namespace, labels)| (*namespace, labels)));
        for (namespace, selector, expected) in [
            ("a", labels(&[("release", "r")]), vec![0, 1]),
            ("a", labels(&[("release", "r"), ("app", "db")]), vec![1]),
            ("b", labels(&[("app", "web")]), vec![2]),
            ("a", labels(&[("app", "none")]), vec![]),
            ("a", labels(&[]), vec![]),
        ] {
            assert_eq!(index.select(namespace, &selector), expected, "{selector:?}");
        }
        for (selector, expected) in [
            (labels(&[("app", "db"), ("role", "primary")]), vec![1]),
            (labels(&[("release", "r"), ("role", "primary")]), vec![0, 1]),
            (labels(&[("app", "none"), ("release", "r")]), vec![]),
            (labels(&[("role", "primary")]), vec![]),
        ] {
            assert_eq!(index.may_select("a", &selector), expected, "{selector:?}");
        }
    }

    #[test]
    fn a_pod_is_named_after_its_stateful_set() {
        for (pod, expected) in [
            ("db-0", Some("db")),
            ("db-main-12", Some("db-main")),
            ("db", None),
            ("db-x", None),
            ("db-", None),
        ] {
            assert_eq!(stateful_set(pod), expected, "{pod}");
        }
    }
}
