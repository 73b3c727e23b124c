//! stub
use super::pods::{PodPath, Shape, Step};
use std::collections::HashMap;
use std::sync::LazyLock;
/// c
pub struct Carriers(HashMap<(String, String), Vec<PodPath>>);
impl Carriers {
    /// p
    pub fn paths(&self, group: &str, kind: &str) -> Option<&[PodPath]> {
        self.0
            .get(&(group.into(), kind.into()))
            .map(|v| v.as_slice())
    }
}
/// b
pub fn builtin() -> &'static Carriers {
    static C: LazyLock<Carriers> = LazyLock::new(|| {
        let mut m = HashMap::new();
        for (g, k, p) in [
            ("", "Pod", ""),
            ("", "PodTemplate", "template"),
            ("", "ReplicationController", "spec.template"),
            ("apps", "Deployment", "spec.template"),
            ("apps", "StatefulSet", "spec.template"),
            ("apps", "DaemonSet", "spec.template"),
            ("apps", "ReplicaSet", "spec.template"),
            ("batch", "Job", "spec.template"),
            ("batch", "CronJob", "spec.jobTemplate.spec.template"),
        ] {
            m.insert(
                (g.to_owned(), k.to_owned()),
                vec![PodPath {
                    steps: p
                        .split('.')
                        .filter(|s| !s.is_empty())
                        .map(|s| Step::Key(s.into()))
                        .collect(),
                    shape: Shape::Template,
                }],
            );
        }
        Carriers(m)
    });
    &C
}
