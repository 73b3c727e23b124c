//! What is wrong with an installation, and how to mend it.

use std::path::PathBuf;

use crate::helm::plan::Major;
use crate::helm::plugins::Plugin;

/// Where a plugin is to be had.
const SOURCE: &str = "https://github.com/helm-floe/helm-floe";
/// What mends a plugin of ours.
const RENEW: &str = "helm plugin update floe, or uninstall and install it";

/// What is known about the installation.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Our own program.
    pub program: Program,
    /// The helm-floe on `PATH`.
    pub on_path: Option<Program>,
    /// Helm, or why there is none.
    pub helm: Result<Program, String>,
    /// Why Helm loads no plugin, where it loads none.
    pub refusal: Option<String>,
    /// The plugins in the directories where Helm looks.
    pub plugins: Vec<Installed>,
    /// Where a Helm 4 has put plugins of ours, if it is told to look for plugins elsewhere.
    pub unseen: Option<PathBuf>,
    /// Whether `HELM_NO_PLUGINS` hides plugins.
    pub plugins_hidden: bool,
}

/// A program that was asked for its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Where it is, links resolved.
    pub path: PathBuf,
    /// What it calls its version; none when it does not run.
    pub version: Option<String>,
}

/// A plugin, and what it runs.
#[derive(Clone, Debug)]
pub struct Installed {
    /// The plugin.
    pub plugin: Plugin,
    /// Its program, where the plugin is one of ours.
    pub runs: Option<Program>,
}

/// How good a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Fine,
    /// Works, but not everything does.
    Warning,
    /// Does not work.
    Error,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How good it is.
    pub level: Level,
    /// What was found.
    pub text: String,
    /// What to do about it; nothing where all is fine.
    pub help: String,
}

impl Line {
    /// A thing as it should be.
    pub fn fine(text: impl Into<String>) -> Line {
        Line::new(Level::Fine, text, "")
    }

    /// Something that works only in part.
    pub fn warning(text: impl Into<String>, help: impl Into<String>) -> Line {
        Line::new(Level::Warning, text, help)
    }

    /// Something that does not work.
    pub fn error(text: impl Into<String>, help: impl Into<String>) -> Line {
        Line::new(Level::Error, text, help)
    }

    fn new(level: Level, text: impl Into<String>, help: impl Into<String>) -> Line {
        Line {
            level,
            text: text.into(),
            help: help.into(),
        }
    }
}

/// Judges an installation, in the order in which things depend on each other.
pub fn judge(facts: &Facts) -> Vec<Line> {
    let mut lines = program(facts);
    match major(facts) {
        Ok((major, line)) => {
            lines.push(line);
            lines.extend(plugins(facts, major));
        }
        Err(line) => lines.push(line),
    }
    lines
}

/// Our own program, and the one that Helm 3 and pipes would find.
fn program(facts: &Facts) -> Vec<Line> {
    let own = &facts.program;
    let (version, shown) = (
        own.version.as_deref().unwrap_or_default(),
        own.path.display(),
    );
    let mut lines = vec![Line::fine(format!("helm-floe {version}, {shown}"))];
    lines.extend(match &facts.on_path {
        None => Some(Line::warning(
            "no helm-floe on PATH: pipes and Helm 3's `--post-renderer helm-floe` do not find it",
            format!("put a link to {shown} into a directory on PATH"),
        )),
        Some(other) if other.path == own.path => None,
        Some(other) => Some(of_version(
            "the helm-floe on PATH",
            other,
            facts,
            "replace it",
        )),
    });
    lines
}

/// A helm-floe that is not this one: it should be of the same version.
fn of_version(called: &str, other: &Program, facts: &Facts, help: &str) -> Line {
    let shown = other.path.display();
    match &other.version {
        None => Line::error(format!("{called} does not run: {shown}"), help),
        Some(version) if other.version != facts.program.version => Line::warning(
            format!("{called} is version {version}, and not this one: {shown}"),
            help,
        ),
        Some(version) => Line::fine(format!("{called} {version}, {shown}")),
    }
}

/// Helm and its major version, or what is wrong with it.
fn major(facts: &Facts) -> Result<(Major, Line), Line> {
    let none = |text: String| Line::error(text, "https://helm.sh/docs/intro/install");
    let helm = facts.helm.as_ref().map_err(|reason| none(reason.clone()))?;
    let shown = helm.path.display();
    let Some(version) = &helm.version else {
        return Err(none(format!("{shown} does not say its version")));
    };
    match Major::from_version(version) {
        Some(major) => Ok((major, Line::fine(format!("Helm {version}, {shown}")))),
        None => Err(Line::error(
            format!("Helm {version}, {shown}: neither 3 nor 4"),
            "put Helm 3 or 4 on PATH, or set HELM_BIN",
        )),
    }
}

/// What of Helm's plugins is ours, and what keeps it from being loaded.
fn plugins(facts: &Facts, major: Major) -> Vec<Line> {
    let mut lines = Vec::new();
    if facts.plugins_hidden {
        let text = "HELM_NO_PLUGINS is set: there is no `helm floe`";
        lines.push(Line::warning(text, "unset HELM_NO_PLUGINS"));
    }
    if let (Major::Four, Some(unseen)) = (major, &facts.unseen) {
        lines.push(Line::warning(
            format!(
                "Helm 4 has installed a plugin of ours in {}, and HELM_PLUGINS has it look elsewhere",
                unseen.display()
            ),
            "unset HELM_PLUGINS for Helm 4, which always installs into its data directory, or add that directory to it",
        ));
    }
    lines.extend(refusal(facts, major));
    let signature = match major {
        Major::Three => "",
        Major::Four => " --verify=false",
    };
    lines.extend(ours(
        facts,
        Plugin::is_wrapper,
        "the plugin floe",
        Line::warning(
            "the plugin `floe` is not installed: there is no `helm floe`",
            format!("helm plugin install {SOURCE}{signature}"),
        ),
    ));
    if major == Major::Four {
        lines.extend(ours(
            facts,
            Plugin::is_post_renderer,
            "the post-renderer helm-floe",
            Line::warning(
                "the post-renderer plugin is not installed: Helm 4 knows no `--post-renderer helm-floe`",
                "the plugin `floe` brings it along when Helm 4 installs it; a `floe` that is there must be uninstalled first",
            ),
        ));
    }
    lines
}

/// What keeps Helm from loading any plugin, in Helm's own words.
fn refusal(facts: &Facts, major: Major) -> Option<Line> {
    let reason = facts.refusal.as_ref()?;
    let new = |own: &Installed| own.plugin.for_helm_4;
    let help = match major {
        Major::Three if facts.plugins.iter().any(new) => {
            "Helm 3 loads no plugin at all beside one of Helm 4's kind; give it a directory of its own: HELM_PLUGINS=~/.helm3/plugins"
        }
        _ => "mend or remove the plugin that Helm names",
    };
    Some(Line::error(format!("Helm loads no plugin: {reason}"), help))
}

/// Every copy of one of our plugins; only the first is used.
fn ours(facts: &Facts, is: fn(&Plugin) -> bool, called: &str, missing: Line) -> Vec<Line> {
    let mut copies = facts.plugins.iter().filter(|own| is(&own.plugin));
    let Some(first) = copies.next() else {
        return vec![missing];
    };
    let shown = first.plugin.directory.display();
    let mut lines = vec![match &first.runs {
        Some(program) => of_version(called, program, facts, RENEW),
        None => Line::error(format!("{called} runs no helm-floe: {shown}"), RENEW),
    }];
    lines.extend(copies.map(|other| {
        let other = other.plugin.directory.display();
        Line::warning(
            format!("{called} is there twice: in {shown} and in {other}"),
            format!("remove {other}"),
        )
    }));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(path: &str, version: Option<&str>) -> Program {
        Program {
            path: path.into(),
            version: version.map(str::to_owned),
        }
    }

    fn plugin(name: &str, for_helm_4: bool) -> Installed {
        let directory = PathBuf::from("/plugins").join(name);
        let program = directory.join("bin/helm-floe");
        Installed {
            runs: Some(runs("/plugins/floe/bin/helm-floe", Some("0.1.0"))),
            plugin: Plugin {
                name: name.into(),
                version: "0.1.0".into(),
                for_helm_4,
                post_renderer: for_helm_4,
                directory,
                program: Some(program),
            },
        }
    }

    fn facts(helm: &str, plugins: &[Installed]) -> Facts {
        Facts {
            program: runs("/bin/helm-floe", Some("0.1.0")),
            on_path: Some(runs("/bin/helm-floe", Some("0.1.0"))),
            helm: Ok(runs("/bin/helm", Some(helm))),
            refusal: None,
            plugins: plugins.to_vec(),
            unseen: None,
            plugins_hidden: false,
        }
    }

    /// The worst level, and what is said about it.
    fn worst(facts: &Facts) -> (Level, String) {
        let lines = judge(facts);
        for line in &lines {
            assert_eq!(line.level == Level::Fine, line.help.is_empty(), "{line:?}");
        }
        let worst = lines.into_iter().max_by_key(|line| line.level);
        worst
            .map(|line| (line.level, format!("{} ({})", line.text, line.help)))
            .unwrap()
    }

    #[test]
    fn a_whole_installation_is_fine() {
        let (floe, post) = (plugin("floe", false), plugin("helm-floe", true));
        let three = facts("v3.22.0", std::slice::from_ref(&floe));
        assert_eq!(worst(&three).0, Level::Fine);
        let mut four = facts("v4.3.1", &[floe, post]);
        assert_eq!(worst(&four).0, Level::Fine);
        // The binary by itself beside the plugin, as the README installs both.
        four.on_path = Some(runs("/home/u/.cargo/bin/helm-floe", Some("0.1.0")));
        assert_eq!(worst(&four).0, Level::Fine);
    }

    #[test]
    fn every_fault_is_named() {
        let (floe, post) = (plugin("floe", false), plugin("helm-floe", true));
        let both = [floe.clone(), post.clone()];
        let three = |change: fn(&mut Facts)| {
            let mut facts = facts("v3.22.0", &both);
            change(&mut facts);
            facts
        };
        let four = |change: fn(&mut Facts)| {
            let mut facts = facts("v4.3.1", &both);
            change(&mut facts);
            facts
        };
        use Level::{Error, Warning};
        let cases = [
            (facts("v3.22.0", &[]), Warning, "no `helm floe`"),
            (facts("v2.17.0", &both), Error, "neither 3 nor 4"),
            (
                three(|f| f.refusal = Some("field not found".into())),
                Error,
                "field not found (Helm 3 loads no plugin at all",
            ),
            (
                four(|f| f.refusal = Some("two plugins claim a name".into())),
                Error,
                "two plugins claim a name (mend",
            ),
            (
                facts("v4.3.1", std::slice::from_ref(&floe)),
                Warning,
                "post-renderer plugin is not",
            ),
            (
                facts("v4.3.1", &[floe.clone(), post.clone(), floe]),
                Warning,
                "floe is there twice",
            ),
            (
                four(|f| f.helm = Err("no helm on PATH".into())),
                Error,
                "no helm on PATH",
            ),
            (
                four(|f| f.helm = Ok(runs("/bin/helm", None))),
                Error,
                "does not say its version",
            ),
            (four(|f| f.on_path = None), Warning, "no helm-floe on PATH"),
            (
                four(|f| f.on_path = Some(runs("/usr/bin/helm-floe", Some("0.0.9")))),
                Warning,
                "on PATH is version 0.0.9",
            ),
            (
                four(|f| f.on_path = Some(runs("/usr/bin/helm-floe", None))),
                Error,
                "on PATH does not run",
            ),
            (
                four(|f| f.plugins[0].runs = Some(runs("/x", None))),
                Error,
                "the plugin floe does not run",
            ),
            (
                four(|f| f.plugins[0].runs = None),
                Error,
                "the plugin floe runs no helm-floe",
            ),
            (
                four(|f| f.plugins[1].runs = Some(runs("/x", Some("0.0.9")))),
                Warning,
                "the post-renderer helm-floe is version 0.0.9",
            ),
            (
                four(|f| f.unseen = Some("/data/plugins".into())),
                Warning,
                "in /data/plugins, and HELM_PLUGINS has it look elsewhere (unset HELM_PLUGINS",
            ),
            (
                four(|f| f.plugins_hidden = true),
                Warning,
                "HELM_NO_PLUGINS",
            ),
        ];
        for (facts, level, words) in cases {
            let (found, text) = worst(&facts);
            assert_eq!(found, level, "{text}");
            assert!(text.contains(words), "{text}: no {words}");
        }
    }
}
