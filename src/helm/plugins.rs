//! Which plugins a Helm finds.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::manifest::{Document, View};

/// An installed plugin, by its `plugin.yaml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plugin {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Whether `plugin.yaml` is of the kind that only Helm 4 reads.
    pub for_helm_4: bool,
    /// Whether it is a post-renderer.
    pub post_renderer: bool,
    /// Where it lies.
    pub directory: PathBuf,
    /// The program it runs, where that is told by the plugin's own directory.
    pub program: Option<PathBuf>,
}

impl Plugin {
    /// Whether it is what makes `helm floe`.
    pub fn is_wrapper(&self) -> bool {
        self.name == "floe" && !self.post_renderer
    }

    /// Whether it is what Helm 4 means by `--post-renderer helm-floe`.
    pub fn is_post_renderer(&self) -> bool {
        self.name == "helm-floe" && self.post_renderer
    }

    /// Whether it is one of helm-floe's own.
    pub fn is_ours(&self) -> bool {
        self.is_wrapper() || self.is_post_renderer()
    }
}

/// The plugins in a list of directories, as `HELM_PLUGINS` has it; what cannot be read is left out.
pub fn installed(directories: &OsStr) -> Vec<Plugin> {
    let mut folders: Vec<PathBuf> = env::split_paths(directories)
        .filter_map(|directory| fs::read_dir(directory).ok())
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    folders.sort();
    folders.iter().filter_map(|folder| read(folder)).collect()
}

fn read(directory: &Path) -> Option<Plugin> {
    let text = fs::read_to_string(directory.join("plugin.yaml")).ok()?;
    let document = Document::parse(&text).ok()?;
    let root = View::Node(document.root()?);
    let field = |pointer: &str| Some(root.pointer(pointer)?.as_str()?.into_owned());
    let command = field("/command").or_else(|| field("/runtimeConfig/platformCommand/0/command"));
    Some(Plugin {
        name: field("/name")?,
        version: field("/version").unwrap_or_default(),
        for_helm_4: field("/apiVersion").is_some(),
        post_renderer: field("/type").is_some_and(|kind| kind == "postrenderer/v1"),
        program: command.and_then(|command| program(&command, directory)),
        directory: directory.to_owned(),
    })
}

/// The program of a `command`, where it lies below the plugin's directory. Both Helms split the
/// words first and expand variables then.
fn program(command: &str, directory: &Path) -> Option<PathBuf> {
    let word = command.split_whitespace().next()?;
    let below = ["$HELM_PLUGIN_DIR/", "${HELM_PLUGIN_DIR}/"];
    let below = below.iter().find_map(|own| word.strip_prefix(own))?;
    Some(directory.join(below))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_schemas_and_leaves_out_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            (
                "old",
                "name: floe\nversion: 0.1.0\ncommand: \"$HELM_PLUGIN_DIR/bin/helm-floe x\"\n",
            ),
            ("other", "name: other\ncommand: echo\n"),
            (
                "post",
                "apiVersion: v1\ntype: postrenderer/v1\nname: helm-floe\nversion: 0.1.0\nruntimeConfig:\n  \
                 platformCommand:\n    - command: ${HELM_PLUGIN_DIR}/../floe/bin/helm-floe\n",
            ),
            ("broken", "a: b: c\n"),
            ("nameless", "version: 1.0.0\n"),
        ] {
            fs::create_dir(folder.path().join(name)).unwrap();
            fs::write(folder.path().join(name).join("plugin.yaml"), text).unwrap();
        }
        fs::create_dir(folder.path().join("empty")).unwrap();
        let list = env::join_paths([folder.path(), Path::new("/nowhere")]).unwrap();
        let found = installed(&list);
        let found: Vec<_> = found
            .iter()
            .map(|plugin| {
                let program = plugin.program.as_deref();
                let program = program.map(|own| own.strip_prefix(folder.path()).unwrap());
                (
                    plugin.name.as_str(),
                    plugin.is_wrapper(),
                    plugin.is_post_renderer(),
                    plugin.for_helm_4,
                    program,
                )
            })
            .collect();
        let (old, post) = ("old/bin/helm-floe", "post/../floe/bin/helm-floe");
        assert_eq!(
            found,
            [
                ("floe", true, false, false, Some(Path::new(old))),
                ("other", false, false, false, None),
                ("helm-floe", false, true, true, Some(Path::new(post))),
            ]
        );
    }
}
