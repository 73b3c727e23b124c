//! Argo CD's contract with a config management plugin.
//!
//! Every case runs against a stand-in that does with our commands what Argo CD's plugin server does
//! (`cmpserver/plugin/plugin.go` of Argo CD 3.5). With HELM_FLOE_ARGOCD set to the directory that
//! `scripts/argocd/build` prints, it runs against the real server too, over its socket.
#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../common/mod.rs"]
mod common;

mod configuration;
mod deadline;
mod dependencies;
mod hostile;
mod manifests;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use common::{
    Helm, Outcome, chart, copy_tree, executable, feed, floe, helm_floe, path_text, repository,
};
use helm_floe::manifest::{Document, split};
use serde_json::{Value, json};

/// What an Application's repository is called at the server.
type Answer = Result<Value, String>;

/// A repository, a plugin configuration for it, and the environment of the sidecar.
struct Argo {
    helm: Helm,
    repository: tempfile::TempDir,
    /// `helm-floe argocd plugin config` with these arguments.
    config: Vec<&'static str>,
    /// Variables of the sidecar.
    sidecar: Vec<(&'static str, String)>,
    /// How long a request may take, in seconds.
    seconds: u64,
}

/// Who stands in Argo CD's place.
#[derive(Clone, Copy, Debug)]
enum Server {
    StandIn,
    Real,
}

/// The stand-in, and the real server where it has been built.
fn servers() -> Vec<Server> {
    match env::var_os("HELM_FLOE_ARGOCD") {
        Some(_) => vec![Server::StandIn, Server::Real],
        None => vec![Server::StandIn],
    }
}

impl Argo {
    /// A repository with a chart of ours in `apps/web`, and a `floe.yaml`.
    fn with_chart(name: &str) -> Argo {
        let argo = Argo {
            helm: Helm::new(4),
            // Short, because a socket's path must be.
            repository: tempfile::Builder::new()
                .prefix("repo")
                .tempdir()
                .expect("a directory"),
            config: Vec::new(),
            sidecar: Vec::new(),
            seconds: 90,
        };
        copy_tree(Path::new(&chart(name)), &argo.app());
        argo.write("floe.yaml", "");
        argo
    }

    fn app(&self) -> PathBuf {
        self.repository.path().join("apps/web")
    }

    /// Writes a file of the repository.
    fn write(&self, path: &str, text: &str) {
        let path = self.repository.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("created");
        fs::write(path, text).expect("written");
    }

    /// The environment that Argo CD gives the plugin, with these parameters.
    fn environment(&self, parameters: &Value) -> Vec<String> {
        vec![
            "ARGOCD_APP_NAME=web".into(),
            "ARGOCD_APP_NAMESPACE=shop".into(),
            "ARGOCD_APP_SOURCE_PATH=apps/web".into(),
            "KUBE_VERSION=1.36".into(),
            "KUBE_API_VERSIONS=apps/v1,batch/v1".into(),
            format!("ARGOCD_APP_PARAMETERS={parameters}"),
        ]
    }

    /// The sidecar's environment.
    fn sidecar(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = self.helm.program(program);
        command.env("SOURCE_DATE_EPOCH", "1750000000");
        command.envs(self.sidecar.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The plugin's configuration.
    fn plugin(&self) -> String {
        let words = ["argocd", "plugin", "config"].iter().chain(&self.config);
        let words: Vec<&str> = words.copied().collect();
        Outcome::of(&feed(&mut floe(&words), b"")).ok()
    }

    /// Asks a server; `method` is config, discover, parameters or generate.
    fn ask(&self, server: Server, method: &str, parameters: &Value) -> Answer {
        let environment = self.environment(parameters);
        match server {
            Server::StandIn => self.ask_stand_in(method, &environment),
            Server::Real => Running::start(self).ask(self, method, &environment),
        }
    }

    /// The manifests of the application, as JSON.
    fn generate(&self, server: Server, parameters: &Value) -> Result<Vec<Value>, String> {
        let answer = self.ask(server, "generate", parameters)?;
        let manifests = answer["manifests"].as_array().cloned().unwrap_or_default();
        let parsed = manifests.iter().map(|text| {
            let text = text.as_str().expect("text");
            let document = Document::parse(text).expect("YAML");
            document.root().expect("an object").to_json()
        });
        Ok(parsed.collect())
    }

    /// Runs the configured command in a copy of the repository, in a process group of its own, and
    /// takes its output as Argo CD does.
    fn ask_stand_in(&self, method: &str, environment: &[String]) -> Answer {
        let plugin = self.plugin();
        let plugin = Document::parse(&plugin).expect("YAML");
        let plugin = plugin.root().expect("a map").to_json();
        let command = match method {
            "generate" => &plugin["spec"]["generate"],
            "discover" => &plugin["spec"]["discover"]["find"],
            _ => &plugin["spec"]["parameters"]["dynamic"],
        };
        let words = [&command["command"], &command["args"]];
        let words = words.iter().filter_map(|list| list.as_array()).flatten();
        let words: Vec<&str> = words.map(|word| word.as_str().expect("text")).collect();
        let work = tempfile::tempdir().expect("a directory");
        copy_links_too(self.repository.path(), work.path());
        let mut child = self.sidecar(words[0]);
        child.args(&words[1..]).process_group(0);
        child.current_dir(work.path().join("apps/web"));
        child.envs(environment.iter().filter_map(|pair| pair.split_once('=')));
        let said = Outcome::of(&child.output().expect("runs"));
        if said.code != 0 {
            let words = words.join(" ");
            let stderr = said.stderr.trim();
            return Err(format!(
                "`{words}` failed exit status {}: {stderr}",
                said.code
            ));
        }
        Ok(match method {
            "generate" => json!({"manifests": documents(&said.stdout)}),
            "discover" => {
                json!({"isSupported": !said.stdout.is_empty(), "isDiscoveryEnabled": true})
            }
            _ => {
                json!({"parameterAnnouncements": serde_json::from_str::<Value>(&said.stdout).expect("JSON")})
            }
        })
    }
}

/// The documents of a stream that hold an object.
fn documents(stream: &str) -> Vec<&str> {
    let spans = split(stream).expect("separators");
    let texts = spans.into_iter().map(|span| span.text);
    texts.filter(|text| text.contains("kind:")).collect()
}

/// Copies a directory, symbolic links as they are.
fn copy_links_too(from: &Path, to: &Path) {
    let mut command = Command::new("cp");
    let status = command.arg("-a").arg(from.join(".")).arg(to).status();
    assert!(status.expect("runs").success());
}

/// The real server, with the plugin's configuration.
struct Running {
    child: Child,
    folder: tempfile::TempDir,
    programs: PathBuf,
}

impl Running {
    fn start(argo: &Argo) -> Running {
        let programs = PathBuf::from(env::var_os("HELM_FLOE_ARGOCD").expect("set"));
        let folder = tempfile::Builder::new()
            .prefix("cmp")
            .tempdir()
            .expect("a directory");
        let at = |name: &str| folder.path().join(name);
        for name in ["config", "socks", "work"] {
            fs::create_dir(at(name)).expect("created");
        }
        fs::write(at("config/plugin.yaml"), argo.plugin()).expect("written");
        let mut command = argo.sidecar(programs.join("server"));
        command.arg("--config-dir-path").arg(at("config"));
        command.env("ARGOCD_PLUGINSOCKFILEPATH", at("socks"));
        command.env("ARGOCD_CMP_WORKDIR", at("work"));
        command
            .stdout(Stdio::null())
            .stderr(fs::File::create(at("log")).expect("a log"));
        let child = command.spawn().expect("runs");
        let running = Running {
            child,
            folder,
            programs,
        };
        let started = Instant::now();
        while !running.socket().exists() {
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "no socket: {}",
                running.log()
            );
            thread::sleep(Duration::from_millis(20));
        }
        running
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socks/helm-floe.sock")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn ask(&self, argo: &Argo, method: &str, environment: &[String]) -> Answer {
        let mut command = Command::new(self.programs.join("client"));
        command
            .arg(self.socket())
            .arg(argo.repository.path())
            .arg(argo.app());
        command
            .arg(method)
            .arg(argo.seconds.to_string())
            .args(environment);
        let said = Outcome::of(&command.output().expect("runs")).ok();
        let answer: Value = serde_json::from_str(&said).expect("JSON");
        match answer["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Parameters as the Application of a user has them.
fn map(name: &str, entries: &[(&str, &str)]) -> Value {
    let map: serde_json::Map<_, _> = entries
        .iter()
        .map(|(k, v)| ((*k).to_owned(), json!(v)))
        .collect();
    json!({"name": name, "map": map})
}

fn files(names: &[&str]) -> Value {
    json!({"name": "values-files", "array": names})
}

/// The manifest of that kind and name.
fn find<'m>(manifests: &'m [Value], kind: &str, name: &str) -> &'m Value {
    let found = manifests
        .iter()
        .find(|m| m["kind"] == kind && m["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind} {name} among {manifests:?}"))
}
