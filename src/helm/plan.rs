//! Decides which Helm command does what the user asked for, with the filter in it.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::args::{Request, option_word};

/// The name of the post-renderer plugin the wrapper makes for one run of Helm 4. It differs from the
/// installed plugin's, because Helm 4 does not load two plugins of one name.
pub const PLUGIN_NAME: &str = "helm-floe-wrapper";

/// The variable that carries the filter's path into the throw-away plugin. Helm splits a plugin's
/// `command` at spaces before it expands variables, so a path with spaces must come as a variable.
pub const EXE_VARIABLE: &str = "HELM_FLOE_EXE";

/// The variable by which the filter is told where its report goes.
pub const REPORT_VARIABLE: &str = "FLOE_REPORT";

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

/// One file to write before Helm runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFile {
    /// Where, inside the scratch directory.
    pub path: PathBuf,
    /// What.
    pub text: String,
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
    /// The throw-away plugin of Helm 4.
    pub plugin: Option<PlannedFile>,
    /// Where the filter will write its report.
    pub report: PathBuf,
}

/// Plans the Helm command for `verb` and a request.
///
/// The post-renderer's flags come right after the verb, so that a `--` in the user's words cannot
/// swallow them.
#[must_use]
pub fn plan(verb: &str, request: &Request, host: &Host<'_>) -> Plan {
    let report = host.scratch.join("report");
    let mut set = vec![(REPORT_VARIABLE, report.clone().into_os_string())];
    let mut plugin = None;
    let renderer = match host.major {
        Major::Three => host.exe.as_os_str().to_os_string(),
        Major::Four => {
            let dir = host.scratch.join("plugins");
            set.push((EXE_VARIABLE, host.exe.as_os_str().to_os_string()));
            set.push(("HELM_PLUGINS", with_plugins(&dir, host.plugins)));
            plugin = Some(PlannedFile {
                path: dir.join(PLUGIN_NAME).join("plugin.yaml"),
                text: plugin_yaml(),
            });
            OsString::from(PLUGIN_NAME)
        }
    };
    let mut args = vec![
        OsString::from(verb),
        option_word("post-renderer", Some(&renderer)),
    ];
    let words = filter_words(request, host);
    args.extend(words.map(|word| option_word("post-renderer-args", Some(&word))));
    args.extend(request.helm.iter().cloned());
    Plan {
        args,
        set,
        // Set for `helm floe …` itself; the Helm inside must not pass them on as the filter's.
        unset: &["HELM_PLUGIN_NAME", "HELM_PLUGIN_DIR"],
        plugin,
        report,
    }
}

/// The filter's own words: the sub-command where no plugin names it, what Helm keeps to itself, and
/// the user's options.
fn filter_words(request: &Request, host: &Host<'_>) -> impl Iterator<Item = OsString> {
    let sub_command = (host.major == Major::Three).then(|| OsString::from("post-render"));
    let release = request.release.as_deref();
    let release = release.map(|name| option_word("release", Some(name)));
    let namespace = request.namespace.as_deref().or(host.namespace);
    let namespace = namespace
        .filter(|name| !name.is_empty())
        .map(|name| option_word("namespace", Some(name)));
    [sub_command, release, namespace]
        .into_iter()
        .flatten()
        .chain(request.filter.clone())
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

/// The throw-away plugin. It does not say `--helm4`: the wrapper prints the report itself, so the
/// filter need not smuggle it past Helm 4 as a broken manifest.
fn plugin_yaml() -> String {
    format!(
        "apiVersion: v1\n\
         type: postrenderer/v1\n\
         name: {PLUGIN_NAME}\n\
         version: {version}\n\
         runtime: subprocess\n\
         runtimeConfig:\n\
         \x20 platformCommand:\n\
         \x20   - command: ${{{EXE_VARIABLE}}}\n\
         \x20     args: [post-render]\n",
        version = env!("CARGO_PKG_VERSION"),
    )
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
            "--post-renderer=/opt/my tools/helm-floe",
            "--post-renderer-args=post-render",
            "--post-renderer-args=--release=web",
            "--post-renderer-args=--namespace=prod",
            "--post-renderer-args=--env=x",
            "web",
            "./c",
            "-n",
            "prod",
        ];
        assert_eq!(plan.args, expected.map(OsString::from));
        assert_eq!(plan.plugin, None);
        assert_eq!(variable(&plan, "HELM_PLUGINS"), None);
        assert_eq!(variable(&plan, "FLOE_REPORT").as_deref(), Some("/s/report"));
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
        let exe = variable(&plan, "HELM_FLOE_EXE");
        assert_eq!(exe.as_deref(), Some("/opt/my tools/helm-floe"));
        let plugin = plan.plugin.expect("a plugin");
        assert_eq!(
            plugin.path,
            Path::new("/s/plugins/helm-floe-wrapper/plugin.yaml")
        );
        assert!(
            plugin.text.contains("command: ${HELM_FLOE_EXE}\n"),
            "{}",
            plugin.text
        );
        assert!(!plugin.text.contains("helm4"));
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
