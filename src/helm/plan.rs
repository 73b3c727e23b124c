//! Decides which Helm command does what the user asked for, with the filter in it.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::args::{Request, option_word};

/// The name of the post-renderer plugin the wrapper makes for one run of Helm 4. It differs from the
/// installed plugin's, because Helm 4 does not load two plugins of one name.
pub const PLUGIN_NAME: &str = "helm-floe-wrapper";

/// The variable that carries the filter's path. Helm splits a plugin's `command` at spaces before it
/// expands variables, so a path with spaces must come as a variable.
const EXE_VARIABLE: &str = "HELM_FLOE_EXE";

/// The variable that carries the path of the file for what the filter says on stderr.
const STDERR_VARIABLE: &str = "HELM_FLOE_STDERR";

/// Helm 3 drops a post-renderer's stderr when all goes well and Helm 4 always; so it goes to a file
/// that the wrapper prints. `sh` runs the script by name, so that it may lie on a file system from
/// which nothing can be executed.
const SCRIPT: &str = "exec \"$HELM_FLOE_EXE\" post-render \"$@\" 2>\"$HELM_FLOE_STDERR\"\n";

/// The throw-away plugin of Helm 4. It does not say `--helm4`: the wrapper prints the report, so the
/// filter need not smuggle it past Helm 4 as a broken manifest.
const PLUGIN: &str = concat!(
    "apiVersion: v1\n",
    "type: postrenderer/v1\n",
    "name: helm-floe-wrapper\n",
    "version: ",
    env!("CARGO_PKG_VERSION"),
    "\n",
    "runtime: subprocess\n",
    "runtimeConfig:\n",
    "  platformCommand:\n",
    "    - command: sh ${HELM_PLUGIN_DIR}/post-render.sh\n",
);

/// The major version of Helm: they differ in what a post-renderer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Major {
    /// A post-renderer is an executable.
    Three,
    /// A post-renderer is a plugin.
    Four,
}

impl Major {
    /// Reads `helm version --template '{{.Version}}'`, such as `v3.22.0` or `v4.3`.
    #[must_use]
    pub fn from_version(version: &str) -> Option<Self> {
        let number = version.trim().strip_prefix('v')?;
        match number.split('.').next()? {
            "3" => Some(Self::Three),
            "4" => Some(Self::Four),
            _ => None,
        }
    }
}

/// What the decision depends on beside the request.
#[derive(Clone, Copy, Debug)]
pub struct Host<'a> {
    /// Helm's major version.
    pub major: Major,
    /// The filter: this program's own path.
    pub exe: &'a Path,
    /// A private directory for this run.
    pub scratch: &'a Path,
    /// `HELM_PLUGINS`, or what `helm env` says it is: the user's plugins stay in sight.
    pub plugins: &'a OsStr,
    /// `HELM_NAMESPACE`, which Helm sets for `helm floe …`.
    pub namespace: Option<&'a OsStr>,
}

/// A Helm command, ready to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Helm's arguments, the verb first.
    pub args: Vec<OsString>,
    /// Variables to set.
    pub set: Vec<(&'static str, OsString)>,
    /// Variables to remove.
    pub unset: &'static [&'static str],
    /// Files to write before, in the scratch directory, with their text.
    pub files: Vec<(PathBuf, &'static str)>,
    /// Where what the filter says on stderr will be.
    pub stderr: PathBuf,
}

/// Plans the Helm command for `verb` and a request.
///
/// The post-renderer's flags come right after the verb, so that a `--` in the user's words cannot
/// swallow them.
#[must_use]
pub fn plan(verb: &str, request: &Request, host: &Host<'_>) -> Plan {
    let stderr = host.scratch.join("stderr");
    let plugins = host.scratch.join("plugins");
    let script = plugins.join(PLUGIN_NAME).join("post-render.sh");
    let mut set = vec![
        (EXE_VARIABLE, host.exe.as_os_str().to_os_string()),
        (STDERR_VARIABLE, stderr.clone().into_os_string()),
    ];
    let mut files = vec![(script.clone(), SCRIPT)];
    let mut words = filter_words(request, host);
    let renderer = match host.major {
        Major::Three => {
            words.insert(0, script.into_os_string());
            "sh"
        }
        Major::Four => {
            files.push((script.with_file_name("plugin.yaml"), PLUGIN));
            set.push(("HELM_PLUGINS", with_plugins(&plugins, host.plugins)));
            PLUGIN_NAME
        }
    };
    let mut args = vec![
        OsString::from(verb),
        option_word("post-renderer", Some(OsStr::new(renderer))),
    ];
    let post_renderer_arg = |word: OsString| option_word("post-renderer-args", Some(&word));
    args.extend(words.into_iter().map(post_renderer_arg));
    args.extend(request.helm.iter().cloned());
    Plan {
        args,
        set,
        // Set for `helm floe …` itself; the Helm inside must not pass them on as the filter's.
        unset: &["HELM_PLUGIN_NAME", "HELM_PLUGIN_DIR"],
        files,
        stderr,
    }
}

/// The filter's own words: what Helm keeps to itself, and the user's options.
fn filter_words(request: &Request, host: &Host<'_>) -> Vec<OsString> {
    let release = request.release.as_deref();
    let release = release.map(|name| option_word("release", Some(name)));
    let namespace = request.namespace.as_deref().or(host.namespace);
    let namespace = namespace
        .filter(|name| !name.is_empty())
        .map(|name| option_word("namespace", Some(name)));
    let ours = release.into_iter().chain(namespace);
    ours.chain(request.filter.iter().cloned()).collect()
}

/// `HELM_PLUGINS` with one directory in front, as the path list Helm takes.
fn with_plugins(dir: &Path, plugins: &OsStr) -> OsString {
    let separator = if cfg!(windows) { ";" } else { ":" };
    let mut list = dir.as_os_str().to_os_string();
    if !plugins.is_empty() {
        list.push(separator);
        list.push(plugins);
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::helm::args::parse;

    fn planned(verb: &str, line: &str, major: Major, namespace: Option<&str>) -> Plan {
        let args: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let request = parse(verb, major, &args).expect(line);
        let host = Host {
            major,
            exe: Path::new("/opt/my tools/helm-floe"),
            scratch: Path::new("/s"),
            plugins: OsStr::new("/home/u/plugins"),
            namespace: namespace.map(OsStr::new),
        };
        plan(verb, &request, &host)
    }

    fn variable(plan: &Plan, name: &str) -> Option<String> {
        let (_, value) = plan.set.iter().find(|(key, _)| *key == name)?;
        Some(value.to_string_lossy().into_owned())
    }

    #[test]
    fn reads_versions() {
        let cases = [
            ("v3.22.0", Some(Major::Three)),
            ("v4.3\n", Some(Major::Four)),
            ("v3.22.0+g123", Some(Major::Three)),
            ("v2.17.0", None),
            ("v30.1.0", None),
            ("3.22.0", None),
            ("", None),
        ];
        for (text, major) in cases {
            assert_eq!(Major::from_version(text), major, "{text:?}");
        }
    }

    #[test]
    fn helm_3_gets_the_path_and_the_options() {
        let plan = planned(
            "install",
            "web ./c -n prod --env x",
            Major::Three,
            Some("other"),
        );
        let expected = [
            "install",
            "--post-renderer=sh",
            "--post-renderer-args=/s/plugins/helm-floe-wrapper/post-render.sh",
            "--post-renderer-args=--release=web",
            "--post-renderer-args=--namespace=prod",
            "--post-renderer-args=--env=x",
            "web",
            "./c",
            "-n",
            "prod",
        ];
        assert_eq!(plan.args, expected.map(OsString::from));
        let script = Path::new("/s/plugins/helm-floe-wrapper/post-render.sh");
        assert_eq!(plan.files, [(script.to_path_buf(), SCRIPT)]);
        assert_eq!(variable(&plan, "HELM_PLUGINS"), None);
        let exe = variable(&plan, "HELM_FLOE_EXE");
        assert_eq!(exe.as_deref(), Some("/opt/my tools/helm-floe"));
        assert_eq!(
            variable(&plan, "HELM_FLOE_STDERR").as_deref(),
            Some("/s/stderr")
        );
    }

    #[test]
    fn helm_4_gets_a_plugin_beside_the_users() {
        let plan = planned(
            "upgrade",
            "web ./c --skip labels/*",
            Major::Four,
            Some("prod"),
        );
        let expected = [
            "upgrade",
            "--post-renderer=helm-floe-wrapper",
            "--post-renderer-args=--release=web",
            "--post-renderer-args=--namespace=prod",
            "--post-renderer-args=--skip=labels/*",
            "web",
            "./c",
        ];
        assert_eq!(plan.args, expected.map(OsString::from));
        let list = variable(&plan, "HELM_PLUGINS").expect("set");
        let paths: Vec<PathBuf> = std::env::split_paths(&list).collect();
        assert_eq!(
            paths,
            [Path::new("/s/plugins"), Path::new("/home/u/plugins")]
        );
        let files: Vec<_> = plan.files.iter().map(|(path, _)| path.as_path()).collect();
        let dir = Path::new("/s/plugins/helm-floe-wrapper");
        assert_eq!(files, [dir.join("post-render.sh"), dir.join("plugin.yaml")]);
    }

    #[test]
    fn the_throw_away_plugin_says_its_name() {
        assert!(
            PLUGIN.contains(&format!("name: {PLUGIN_NAME}\n")),
            "{PLUGIN}"
        );
        assert!(!PLUGIN.contains("helm4"));
    }

    #[test]
    fn dashes_cannot_swallow_the_post_renderer() {
        let plan = planned("template", "-- web ./c", Major::Four, None);
        let at = |word: &str| plan.args.iter().position(|w| w == word);
        assert!(at("--post-renderer=helm-floe-wrapper") < at("--"));
    }

    #[test]
    fn an_empty_namespace_is_none() {
        let plan = planned("template", "web ./c", Major::Three, Some(""));
        assert!(
            !plan
                .args
                .iter()
                .any(|w| w.to_string_lossy().contains("namespace"))
        );
    }
}
