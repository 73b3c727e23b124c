//! The API server, with namespaces and policies that a test makes and removes.

use std::env;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::api::{Answer, Connection};
use crate::common::{Outcome, feed, floe, skipped};

/// An API server and everything a test has put there.
pub struct Server {
    test: String,
    folder: TempDir,
    proxy: Child,
    namespaces: Vec<String>,
    /// Files of policies that were applied.
    applied: Vec<PathBuf>,
}

impl Server {
    /// The server, or a word on the terminal that there is none to test with.
    pub fn new(test: &str) -> Option<Server> {
        let known = env::var_os("KUBECONFIG").is_some_and(|file| !file.is_empty());
        let meant = env::var_os("HELM_FLOE_E2E").is_some_and(|value| value == "1");
        if !(known && meant) {
            skipped(
                &format!("admission test {test}"),
                "it needs a cluster (KUBECONFIG=FILE scripts/e2e)",
            );
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let proxy = kubectl(&["proxy", "--unix-socket", socket.to_str().unwrap()])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        until("the proxy listens", || socket.exists());
        Some(Server {
            test: format!("helm-floe-{test}-{}", std::process::id()),
            folder,
            proxy,
            namespaces: Vec::new(),
            applied: Vec::new(),
        })
    }

    /// The version of the standard that the server knows as the latest, as `v1.N`.
    pub fn version(&self) -> String {
        let version = self.connect().send("GET", "/version", &Value::Null).body;
        let minor = version["minor"].as_str().unwrap();
        format!("v1.{}", minor.trim_end_matches('+'))
    }

    /// A connection of one's own.
    pub fn connect(&self) -> Connection {
        Connection::new(&self.folder.path().join("socket"))
    }

    /// Makes a namespace with a label, and gives its name.
    pub fn namespace(&mut self, name: &str, labels: &[&str]) -> String {
        let name = format!("{}-{name}", self.test);
        Outcome::of(&kubectl(&["create", "namespace", &name]).output().unwrap()).ok();
        self.namespaces.push(name.clone());
        if !labels.is_empty() {
            self.label(&name, labels);
        }
        until("the namespace has its service account", || {
            let args = ["-n", &name, "get", "serviceaccount", "default"];
            kubectl(&args).output().unwrap().status.success()
        });
        name
    }

    /// Sets labels of a namespace.
    pub fn label(&self, namespace: &str, labels: &[&str]) {
        let args = [&["label", "--overwrite", "namespace", namespace], labels].concat();
        Outcome::of(&kubectl(&args).output().unwrap()).ok();
    }

    /// The label by which exported policies of a name find their namespaces.
    pub fn selector(&self, name: &str) -> String {
        format!("floe-test={}-{name}", self.test)
    }

    /// Exports policies, applies them, and waits until they hold. They are about the namespaces
    /// with the label of [`Server::selector`].
    pub fn export(&mut self, name: &str, args: &[&str]) {
        let selector = self.selector(name);
        let prefix = format!("{}-{name}", self.test);
        let own = [
            "policies",
            "export",
            "--prefix",
            &prefix,
            "--namespace-selector",
            &selector,
        ];
        let exported = Outcome::of(&feed(&mut floe(&[&own, args].concat()), b"")).ok();
        let file = self.folder.path().join(format!("{name}.yaml"));
        std::fs::write(&file, exported).unwrap();
        let path = file.to_str().unwrap().to_owned();
        self.applied.push(file);
        Outcome::of(&kubectl(&["apply", "-f", &path]).output().unwrap()).ok();
        // The API server looks for new policies once a second.
        sleep(Duration::from_secs(4));
    }

    /// Takes back what [`Server::export`] applied last.
    pub fn withdraw(&mut self) {
        if let Some(file) = self.applied.pop() {
            let args = ["delete", "--ignore-not-found", "-f", file.to_str().unwrap()];
            let _ = kubectl(&args).output();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        while !self.applied.is_empty() {
            self.withdraw();
        }
        for name in &self.namespaces {
            let args = ["delete", "namespace", name, "--wait=false"];
            let _ = kubectl(&args).output();
        }
        let _ = self.proxy.kill();
        let _ = self.proxy.wait();
    }
}

pub fn kubectl(args: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("KUBECTL").unwrap_or_else(|| "kubectl".into()));
    command.args(args);
    command
}

/// Waits until that holds, a minute at most.
#[track_caller]
pub fn until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(60), "in vain: {what}");
        sleep(Duration::from_millis(100));
    }
}

/// What admission says about an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Admitted,
    Refused,
    /// The API server does not take it whatever the policies say.
    Invalid,
}

impl Verdict {
    /// The verdict of an answer; a refusal must have these words.
    pub fn of(answer: &Answer, words: &str) -> Verdict {
        match answer.status {
            200 | 201 => Verdict::Admitted,
            403 if answer.message().contains(words) => Verdict::Refused,
            400 | 422 => Verdict::Invalid,
            status => panic!("{status}: {}", answer.body),
        }
    }
}

/// The words of a refusal by Pod Security admission.
pub const POD_SECURITY: &str = "violates PodSecurity";
/// The words of a refusal by an exported policy.
pub const EXPORTED: &str = "ValidatingAdmissionPolicy";

/// The kinds that carry pods: API path, kind, and the fields around the template.
pub const CARRIERS: [(&str, &str, &str); 8] = [
    ("apis/apps/v1", "deployments", "Deployment"),
    ("apis/apps/v1", "statefulsets", "StatefulSet"),
    ("apis/apps/v1", "daemonsets", "DaemonSet"),
    ("apis/apps/v1", "replicasets", "ReplicaSet"),
    ("api/v1", "replicationcontrollers", "ReplicationController"),
    ("api/v1", "podtemplates", "PodTemplate"),
    ("apis/batch/v1", "jobs", "Job"),
    ("apis/batch/v1", "cronjobs", "CronJob"),
];

/// The path under which objects are made, as a dry run.
pub fn dry_run(api: &str, namespace: &str, resource: &str) -> String {
    format!("/{api}/namespaces/{namespace}/{resource}?dryRun=All")
}

/// A pod as what a carrier makes pods of.
pub fn carried(pod: &Value, (api, _, kind): (&str, &str, &str), name: &str) -> Value {
    let mut template = pod.clone();
    for key in ["apiVersion", "kind"] {
        template.as_object_mut().unwrap().remove(key);
    }
    let metadata = template["metadata"].as_object_mut().unwrap();
    metadata.remove("name");
    metadata.insert("labels".into(), json!({"app": "x"}));
    if kind.ends_with("Job") {
        template["spec"]["restartPolicy"] = json!("Never");
    }
    let selector = json!({"matchLabels": {"app": "x"}});
    let mut object = json!({
        "apiVersion": api.trim_start_matches("apis/").trim_start_matches("api/"),
        "kind": kind,
        "metadata": {"name": name},
    });
    match kind {
        "PodTemplate" => object["template"] = template,
        "Job" => object["spec"] = json!({"template": template}),
        "CronJob" => {
            let job = json!({"spec": {"template": template}});
            object["spec"] = json!({"schedule": "0 0 1 1 *", "jobTemplate": job});
        }
        "ReplicationController" => {
            object["spec"] = json!({"selector": {"app": "x"}, "template": template});
        }
        _ => object["spec"] = json!({"selector": selector, "template": template}),
    }
    object
}

/// The template in a carrier, or the pod itself.
pub fn template(object: &Value) -> &Value {
    match object["kind"].as_str() {
        Some("Pod") => object,
        Some("PodTemplate") => &object["template"],
        Some("CronJob") => &object["spec"]["jobTemplate"]["spec"]["template"],
        _ => &object["spec"]["template"],
    }
}

/// Objects as a stream of documents.
pub fn stream(objects: &[Value]) -> String {
    let mut text = String::new();
    for object in objects {
        let _ = writeln!(text, "---\n{object}");
    }
    text
}
