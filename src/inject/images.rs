//! What is known about an image: the user it runs as, and where it writes.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::json;

use super::Draft;
use super::security::PodPointers;
use crate::manifest::View;
use crate::object::Alone;
use crate::object::image::Image;
use crate::platform::hardening::ReadOnlyRoot;

use crate::manifest::edit::EditError;

/// The policy that sets users.
pub const USER: &str = "images/user";
/// The policy that makes root file systems read-only.
pub const READ_ONLY_ROOT: &str = "images/read-only-root";

/// One row of policies/images.yaml, which explains the fields.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    repository: String,
    #[serde(default)]
    tag: Option<String>,
    #[serde(default)]
    user: Option<i64>,
    #[serde(default)]
    nonroot: bool,
    #[serde(default)]
    writable: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct Table {
    images: Vec<Known>,
}

/// The built-in table; a test asserts that it can be read.
static TABLE: LazyLock<Vec<Known>> = LazyLock::new(|| read_table().unwrap_or_default());

fn read_table() -> Option<Vec<Known>> {
    let json = include_str!(concat!(env!("OUT_DIR"), "/policies/images.json"));
    let table: Table = serde_json::from_str(json).ok()?;
    Some(table.images)
}

fn known(reference: &str) -> Option<&'static Known> {
    let image = Image::parse(reference);
    let name = image.familiar();
    TABLE.iter().find(|row| {
        let fits = match row.repository.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => name == row.repository,
        };
        fits && row
            .tag
            .as_deref()
            .is_none_or(|part| image.tag.is_some_and(|tag| tag.contains(part)))
    })
}

/// Containers whose user nobody knows: pointer and image, for a warning each.
pub type Unknown = Vec<(String, String)>;

/// Sets users and read-only root file systems in one pod; returns the containers that may not
/// start because nothing says which user they run as.
pub fn inject(
    draft: &mut Draft<'_>,
    pod: &PodPointers,
    read_only_roots: ReadOnlyRoot,
) -> Result<Unknown, EditError> {
    let mut unknown = Vec::new();
    let Some(spec) = draft.at(&pod.spec) else {
        return Ok(unknown);
    };
    if is_windows(spec) || spec.get("hostUsers").and_then(View::as_bool) == Some(false) {
        return Ok(unknown);
    }
    let inherited = pod.inherits.as_deref().and_then(|at| draft.at(at));
    let pod_has_user = is_set(inherited.unwrap_or(spec), "/securityContext/runAsUser");
    let mut group = None;
    for Own {
        at,
        image,
        has_user,
        mounts,
        read_only,
    } in Own::all(pod, spec)
    {
        let row = known(&image);
        if !pod_has_user && !has_user {
            match set_user(draft, &at, row)? {
                User::Set(user) if group.is_none() && mounts_claim(draft, pod, &at) => {
                    group = Some(user);
                }
                User::Unknown => unknown.push((at.clone(), image)),
                User::Set(_) | User::Settled => {}
            }
        }
        if mounts && !read_only {
            read_only_root(draft, pod, &at, row, read_only_roots)?;
        }
    }
    if let Some(group) = group {
        open_volumes(draft, pod, group)?;
    }
    Ok(unknown)
}

/// A container with an image, and what it says for itself.
struct Own {
    /// Its pointer.
    at: String,
    image: String,
    /// It has a user, or may be root.
    has_user: bool,
    /// A new volume can be mounted into it: not into an ephemeral container, or where there is no
    /// pod spec.
    mounts: bool,
    /// It says whether its root file system is read-only.
    read_only: bool,
}

impl Own {
    /// All of a pod, read once: the edits that follow change nothing of this in another container.
    fn all(pod: &PodPointers, spec: View<'_>) -> Vec<Own> {
        match pod.alone {
            Some(Alone::List) => Own::of_list(spec, pod.spec.clone(), false).collect(),
            Some(Alone::One) => Own::of(pod.spec.clone(), spec, false).into_iter().collect(),
            None => {
                let lists = ["initContainers", "containers", "ephemeralContainers"].into_iter();
                let lists = lists.filter_map(|list| Some((list, spec.get(list)?)));
                let own = lists.flat_map(|(list, items)| {
                    let mounts = list != "ephemeralContainers";
                    Own::of_list(items, format!("{}/{list}", pod.spec), mounts)
                });
                own.collect()
            }
        }
    }

    /// Those of a list, which stands at a pointer.
    fn of_list(list: View<'_>, at: String, mounts: bool) -> impl Iterator<Item = Own> {
        let containers = list.items().enumerate();
        containers.filter_map(move |(index, container)| {
            Own::of(format!("{at}/{index}"), container, mounts)
        })
    }

    fn of(at: String, container: View<'_>, mounts: bool) -> Option<Own> {
        let image = container.get("image")?.as_str()?.into_owned();
        let context = container.get("securityContext");
        let own = |key: &str| context?.get(key).filter(|value| !value.is_null());
        Some(Own {
            at,
            image,
            has_user: own("runAsUser").is_some()
                || own("runAsNonRoot").and_then(View::as_bool) == Some(false),
            mounts,
            read_only: own("readOnlyRootFilesystem").is_some(),
        })
    }
}

/// Lets a user who is no longer root write to the pod's volumes, most of which a cluster hands over
/// as root's. It is done once for each volume, because on every start it would open files that
/// programs insist are theirs alone, PostgreSQL's for one.
///
/// See <https://kubernetes.io/docs/tasks/configure-pod-container/security-context/>.
fn open_volumes(draft: &mut Draft<'_>, pod: &PodPointers, group: i64) -> Result<(), EditError> {
    let context = format!("{}/securityContext", pod.spec);
    if draft.fill(USER, &format!("{context}/fsGroup"), json!(group))? {
        let policy = format!("{context}/fsGroupChangePolicy");
        draft.fill(USER, &policy, json!("OnRootMismatch"))?;
    }
    Ok(())
}

/// Whether the container mounts a volume that outlives the pod. Those of a StatefulSet's
/// `volumeClaimTemplates` are not among the pod's volumes.
fn mounts_claim(draft: &Draft<'_>, pod: &PodPointers, container: &str) -> bool {
    if pod.alone.is_some() {
        return false;
    }
    let (Some(spec), Some(container)) = (draft.at(&pod.spec), draft.at(container)) else {
        return false;
    };
    let name = |view: View<'_>| {
        let name = view.get("name").and_then(View::as_str);
        name.map(|name| name.into_owned())
    };
    let mounts = container.get("volumeMounts").into_iter();
    mounts.flat_map(View::items).filter_map(name).any(|mount| {
        let mut volumes = spec.get("volumes").into_iter().flat_map(View::items);
        let volume = volumes.find(|volume| name(*volume).as_ref() == Some(&mount));
        let lasts = |volume: View<'_>| {
            is_set(volume, "/persistentVolumeClaim") || is_set(volume, "/ephemeral")
        };
        volume.is_none_or(lasts)
    })
}

/// What came of looking for a container's user.
enum User {
    /// The table knows it, and it has been set.
    Set(i64),
    /// The image says it.
    Settled,
    /// Nobody says it.
    Unknown,
}

/// Sets the user of a container that has none where the table knows it.
fn set_user(
    draft: &mut Draft<'_>,
    container: &str,
    row: Option<&Known>,
) -> Result<User, EditError> {
    match row {
        Some(Known {
            user: Some(user), ..
        }) => {
            draft.fill(
                USER,
                &format!("{container}/securityContext/runAsUser"),
                json!(user),
            )?;
            Ok(User::Set(*user))
        }
        Some(row) if row.nonroot => Ok(User::Settled),
        _ => Ok(User::Unknown),
    }
}

fn read_only_root(
    draft: &mut Draft<'_>,
    pod: &PodPointers,
    container: &str,
    row: Option<&Known>,
    mode: ReadOnlyRoot,
) -> Result<(), EditError> {
    let writable = row.and_then(|row| row.writable.as_deref());
    let wanted = match mode {
        ReadOnlyRoot::Never => false,
        ReadOnlyRoot::Auto => writable.is_some(),
        ReadOnlyRoot::Always => true,
    };
    if !wanted {
        return Ok(());
    }
    let root = format!("{container}/securityContext/readOnlyRootFilesystem");
    if !draft.fill(READ_ONLY_ROOT, &root, json!(true))? {
        return Ok(());
    }
    for path in writable.unwrap_or_default() {
        if !draft.at(container).is_some_and(|c| is_mounted(c, path)) {
            mount(draft, pod, container, path)?;
        }
    }
    Ok(())
}

/// Whether a volume is mounted on the directory or above it.
fn is_mounted(container: View<'_>, path: &str) -> bool {
    let covers = |mount: &str| {
        let mount = mount.trim_end_matches('/');
        path.strip_prefix(mount)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    container
        .get("volumeMounts")
        .into_iter()
        .flat_map(View::items)
        .filter_map(|m| m.get("mountPath").and_then(View::as_str))
        .any(|mount| covers(&mount))
}

/// Mounts an emptyDir of the container's own on a directory.
fn mount(
    draft: &mut Draft<'_>,
    pod: &PodPointers,
    container: &str,
    path: &str,
) -> Result<(), EditError> {
    let owner = draft
        .at(container)
        .and_then(|c| c.get("name"))
        .and_then(View::as_str)
        .unwrap_or_default()
        .into_owned();
    let name = volume_name(&owner, path);
    draft.append(
        READ_ONLY_ROOT,
        &format!("{}/volumes", pod.spec),
        json!({"name": name, "emptyDir": {}}),
    )?;
    draft.append(
        READ_ONLY_ROOT,
        &format!("{container}/volumeMounts"),
        json!({"name": name, "mountPath": path}),
    )
}

/// A volume name from container and directory: a DNS label of at most 63 characters.
fn volume_name(container: &str, path: &str) -> String {
    let slug: String = format!("{container}{path}")
        .chars()
        .map(|c| {
            if c.is_ascii_lowercase() || c.is_ascii_digit() {
                c
            } else {
                '-'
            }
        })
        .collect();
    // The tail tells directories apart, the head containers: keep the tail.
    let start = slug.len().saturating_sub(58);
    format!(
        "floe-{}",
        slug.get(start..).unwrap_or_default().trim_matches('-')
    )
}

fn is_set(view: View<'_>, pointer: &str) -> bool {
    view.pointer(pointer).is_some_and(|v| !v.is_null())
}

fn is_windows(spec: View<'_>) -> bool {
    spec.pointer("/os/name")
        .and_then(View::as_str)
        .is_some_and(|name| name == "windows")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_can_be_read_and_knows_images_by_repository_and_tag() {
        assert!(!read_table().unwrap().is_empty());
        for (image, user) in [
            ("docker.io/library/postgres:16-alpine", Some(70)),
            ("postgres:16", Some(999)),
            ("example.com/postgres:16", None),
            ("quay.io/prometheus/node-exporter:v1", Some(65534)),
            ("bitnami/redis", None),
        ] {
            assert_eq!(known(image).and_then(|row| row.user), user, "{image}");
        }
    }

    #[test]
    fn volume_names_are_dns_labels() {
        assert_eq!(
            volume_name("web", "/var/cache/nginx"),
            "floe-web-var-cache-nginx"
        );
        let long = volume_name(&"x".repeat(63), "/var/run");
        assert!(long.len() <= 63 && long.ends_with("-var-run"), "{long}");
    }
}
