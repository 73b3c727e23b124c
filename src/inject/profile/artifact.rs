//! The artifact as a file: a ConfigMap, a volume, a mount in each container, and a checksum that
//! makes new pods when the artifact changes.

use serde_json::{Map, Value, json};

use super::{ARTIFACT, Remark, What};
use crate::inject::Draft;
use crate::manifest::edit::EditError;
use crate::manifest::{Document, View, write_document};
use crate::object::{Identity, Object};
use crate::platform::variables::{Given, Topic, Variable};

/// The directory the artifact is mounted on.
pub const DIRECTORY: &str = "/etc/floe";
/// The file in it, which is also the key in the ConfigMap.
pub const KEY: &str = "artifact.json";
/// The variable that says where the file is.
pub const PATH: &str = "FLOE_COMPILED_ARTIFACTS_PATH";
/// The annotation of pod templates that changes with the artifact.
pub const CHECKSUM: &str = "checksum/floe-artifact";
/// The volume's name.
const VOLUME: &str = "floe-artifact";

/// Hooks that run before the other objects of a release are made.
const EARLY: [&str; 4] = ["crd-install", "pre-install", "pre-rollback", "pre-upgrade"];

/// What a pod would mount.
#[derive(Clone, Copy, Debug)]
pub struct Mount<'m> {
    /// The ConfigMap.
    pub config_map: &'m str,
    /// Whether the pod runs before it exists.
    pub early: bool,
}

/// Whether an object's pods may run before the release's ConfigMaps exist.
pub fn is_early(identity: &Identity) -> bool {
    let events = identity.hook.as_deref().unwrap_or_default();
    events.split(',').any(|own| EARLY.contains(&own.trim()))
}

/// Whether pods are made anew when their template changes. A Job's template may not change at all,
/// and nobody makes a bare Pod again.
pub fn rolls(object: &Object<'_>) -> bool {
    let id = &object.identity;
    let fixed = match id.group() {
        "batch" => id.kind == "Job",
        "" => id.kind == "Pod",
        _ => false,
    };
    !fixed
}

/// The variable that says where the artifact is.
pub fn variable() -> Variable {
    Variable {
        name: PATH.into(),
        given: Given::Literal(format!("{DIRECTORY}/{KEY}")),
        topic: Topic::Artifact,
    }
}

/// Mounts the artifact in a container, unless something is in the way; says whether it is mounted.
///
/// # Errors
/// The pod's volumes or the container's mounts are no list.
pub fn mount(
    draft: &mut Draft<'_>,
    spec: &str,
    container: &str,
    mount: &Mount<'_>,
    remarks: &mut Vec<Remark>,
) -> Result<bool, EditError> {
    if !draft.enabled(ARTIFACT) {
        return Ok(false);
    }
    let mut stays = |pointer: String, what: What| {
        let remark = Remark {
            policy: ARTIFACT,
            pointer,
            what,
        };
        if !remarks.contains(&remark) {
            remarks.push(remark);
        }
        Ok(false)
    };
    if mount.early {
        return stays(spec.to_owned(), What::TooEarly);
    }
    let volume = place_of(draft, &format!("{spec}/volumes"), "name", VOLUME);
    if let Some((pointer, volume)) = &volume {
        let name = volume.pointer("/configMap/name").and_then(View::as_str);
        if name.is_none_or(|name| name != mount.config_map) {
            return stays(pointer.clone(), What::MountTaken);
        }
    }
    let (volumes, mounts) = (
        format!("{spec}/volumes"),
        format!("{container}/volumeMounts"),
    );
    let there = overlapping(draft, &mounts);
    if let Some((pointer, own)) = there {
        let text = |key: &str| own.get(key).and_then(View::as_str).unwrap_or_default();
        let ours = text("name") == VOLUME && text("mountPath") == DIRECTORY;
        return match ours {
            true => Ok(true),
            false => stays(pointer, What::MountTaken),
        };
    }
    if volume.is_none() {
        let volume = json!({"name": VOLUME, "configMap": {"name": mount.config_map}});
        draft.append(ARTIFACT, &volumes, volume)?;
    }
    let mount = json!({"name": VOLUME, "mountPath": DIRECTORY, "readOnly": true});
    draft.append(ARTIFACT, &mounts, mount)?;
    Ok(true)
}

/// The item of a list with that value under a key, and its pointer.
fn place_of<'v>(
    draft: &'v Draft<'_>,
    list: &str,
    key: &str,
    value: &str,
) -> Option<(String, View<'v>)> {
    let items = draft.at(list).into_iter().flat_map(View::items);
    let is = |own: &View<'_>| {
        own.get(key)
            .and_then(View::as_str)
            .is_some_and(|own| own == value)
    };
    let (index, item) = items.enumerate().find(|(_, item)| is(item))?;
    Some((format!("{list}/{index}"), item))
}

/// A mount on our directory, below it or above it.
fn overlapping<'v>(draft: &'v Draft<'_>, mounts: &str) -> Option<(String, View<'v>)> {
    let below = |inner: &str, outer: &str| {
        let rest = inner.strip_prefix(outer.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let items = draft.at(mounts).into_iter().flat_map(View::items);
    let overlaps = |own: &View<'_>| {
        let path = own.get("mountPath").and_then(View::as_str);
        path.is_some_and(|path| below(&path, DIRECTORY) || below(DIRECTORY, &path))
    };
    let (index, item) = items.enumerate().find(|(_, item)| overlaps(item))?;
    Some((format!("{mounts}/{index}"), item))
}

/// The text of a ConfigMap with the artifact, as a document. The artifact keeps its lines, so that a
/// difference between two releases can be read.
///
/// # Errors
/// It cannot be written.
pub fn text(config_map: &Value) -> Result<String, EditError> {
    let quoted = write_document(config_map)?;
    let json = config_map.pointer(&format!("/data/{KEY}"));
    let Some(json) = json.and_then(Value::as_str).filter(|json| json.is_ascii()) else {
        // What lies beyond ASCII may be the end of a line to some readers.
        return Ok(quoted);
    };
    let start = format!("  {KEY}: ");
    let mut text = String::with_capacity(2 * json.len());
    for line in quoted.lines() {
        match line.starts_with(&start) {
            true => {
                text.push_str(&format!("  {KEY}: |\n"));
                json.lines()
                    .for_each(|line| text.push_str(&format!("    {line}\n")));
            }
            false => text.push_str(&format!("{line}\n")),
        }
    }
    let same = Document::parse(&text).is_ok_and(|document| {
        let root = document.root().map(View::Node);
        root.is_some_and(|root| root.same(View::Json(config_map)))
    });
    Ok(if same { text } else { quoted })
}

/// The ConfigMap with the artifact.
pub fn config_map(json: &str, name: &str, namespace: Option<&str>, labels: Value) -> Value {
    let mut metadata = Map::new();
    metadata.insert("name".into(), json!(name));
    metadata.insert("labels".into(), labels);
    if let Some(namespace) = namespace {
        metadata.insert("namespace".into(), json!(namespace));
    }
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "data": {KEY: json},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(kind: &str, hook: Option<&str>) -> Identity {
        Identity {
            api_version: if kind == "Pod" { "v1" } else { "batch/v1" }.into(),
            kind: kind.into(),
            namespace: None,
            name: "a".into(),
            hook: hook.map(str::to_owned),
        }
    }

    #[test]
    fn hooks_before_the_release_are_early() {
        for (hook, want) in [
            (None, false),
            (Some("pre-install"), true),
            (Some("post-install, pre-upgrade"), true),
            (Some("post-install,post-upgrade"), false),
            (Some("pre-delete"), false),
            (Some("test"), false),
        ] {
            assert_eq!(is_early(&identity("Job", hook)), want, "{hook:?}");
        }
    }

    #[test]
    fn templates_of_jobs_and_bare_pods_make_no_new_pods() {
        let nothing = Value::Null;
        for (kind, want) in [("Job", false), ("Pod", false), ("CronJob", true)] {
            let object = Object {
                pointer: String::new(),
                view: View::Json(&nothing),
                identity: identity(kind, None),
            };
            assert_eq!(rolls(&object), want, "{kind}");
        }
    }

    #[test]
    fn a_config_map_keeps_the_lines_of_the_artifact_where_every_reader_agrees() {
        for (json, block) in [
            ("{\n  \"a\": \"b # c: d\",\n  \"e\": []\n}\n", true),
            ("{\n  \"a\": \"b\u{2028}c\"\n}\n", false),
            ("{\n  \"a\": \"grün\"\n}\n", false),
            ("{}", false),
        ] {
            let object = config_map(json, "a", Some("shop"), json!({"b": "c"}));
            let text = text(&object).unwrap();
            assert_eq!(text.contains("artifact.json: |\n"), block, "{text}");
            let document = Document::parse(&text).unwrap();
            assert_eq!(document.root().unwrap().to_json(), object);
        }
    }
}
