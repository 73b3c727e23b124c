//! NetworkPolicies enforced by a real cluster: `scripts/enforce`, which takes any `KUBECONFIG`.
//!
//! Two releases of the chart `tiers` stand in one namespace. From inside every pod, every other one
//! is called, by name and by address: what answers must be exactly what the chart means to be
//! called. First without the filter, to see that every call would go through, then with it, over
//! install, upgrade, rollback and uninstall.
//!
//! The tests make namespaces and pods, so they run only when `HELM_FLOE_ENFORCE=1` says that this
//! cluster is meant.
#![cfg(unix)]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io::Write as _;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::{Helm, Outcome, chart, helm_floe, path_text};

/// The releases, side by side in one namespace.
const RELEASES: [&str; 2] = ["red", "blue"];

/// A tier: what it is, its kind, the port of its pods, the port of its Service, whom it calls.
const TIERS: [(&str, &str, u16, u16, &[&str]); 3] = [
    ("frontend", "deployment", 8080, 80, &["backend"]),
    ("backend", "deployment", 8000, 8000, &["database"]),
    ("database", "statefulset", 5432, 5432, &[]),
];

/// The chart's hooks: the migration and the test.
const HOOKS: usize = 2;

/// Callers that belong to no release: a pod's name, its namespace, the tiers it may call.
const OTHERS: [(&str, Space, &[&str]); 3] = [
    ("ingress", Space::Ingress, &["frontend"]),
    ("stranger", Space::Elsewhere, &[]),
    ("neighbour", Space::Own, &[]),
];

/// One test at a time: a small cluster has enough to do.
static TURN: Mutex<()> = Mutex::new(());

/// The namespaces of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Space {
    /// Where the releases are.
    Own,
    /// Where the platform file says that the ingress controller is.
    Ingress,
    /// Another one.
    Elsewhere,
}

const SPACES: [Space; 3] = [Space::Own, Space::Ingress, Space::Elsewhere];

/// What a pod may be asked to call.
struct Target {
    /// How failures call it.
    name: String,
    host: String,
    port: u16,
}

/// Something that calls: a name, its namespace, and what `kubectl exec` takes.
struct Caller {
    name: String,
    space: Space,
    pod: String,
}

impl Caller {
    /// Whether the target is the caller itself.
    fn is(&self, target: &Target) -> bool {
        target.name.split(' ').next() == Some(&self.name)
    }
}

/// The namespaces and the settings of a test, removed at the end.
struct Stage {
    helm: Helm,
    image: String,
    /// A web server outside of the private address ranges.
    outside: (String, u16),
    /// Whether the proof is made with the filter, as it should be.
    filter: bool,
}

impl Stage {
    /// Makes namespaces and callers, or says on the terminal that there is no cluster to test with.
    fn new(major: u32) -> Option<Stage> {
        let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        if set("KUBECONFIG").is_none() || set("HELM_FLOE_ENFORCE").as_deref() != Some("1") {
            // Past the test harness, which shows only what failing tests print.
            let _ = writeln!(
                std::io::stderr(),
                "enforcement under Helm {major}: skipped, it needs a cluster (KUBECONFIG=FILE scripts/enforce)"
            );
            return None;
        }
        let helm = Helm::new(major);
        if major == 4 {
            helm.install_plugin(helm_floe()).1.ok();
        }
        let outside = set("OUTSIDE").unwrap_or_else(|| "1.1.1.1:80".into());
        let (host, port) = outside.rsplit_once(':').expect("OUTSIDE is HOST:PORT");
        let stage = Stage {
            helm,
            image: set("IMAGE").unwrap_or_else(|| "busybox:1.36".into()),
            outside: (host.to_owned(), port.parse().expect("a port")),
            filter: set("FILTER").as_deref() != Some("off"),
        };
        for space in SPACES {
            stage
                .kubectl(&["create", "namespace", &stage.space(space)])
                .ok();
        }
        for (name, space, _) in OTHERS {
            let image = format!("--image={}", stage.image);
            let run = [
                "run",
                name,
                &image,
                "--restart=Never",
                "--command",
                "--",
                "sleep",
                "86400",
            ];
            stage.kubectl_in(space, &run).ok();
        }
        for (name, space, _) in OTHERS {
            let pod = format!("pod/{name}");
            let wait = ["wait", "--for=condition=Ready", "--timeout=120s", &pod];
            stage.kubectl_in(space, &wait).ok();
        }
        Some(stage)
    }

    fn space(&self, space: Space) -> String {
        let base = format!(
            "helm-floe-enforce-{}-{}",
            self.helm.major,
            std::process::id()
        );
        match space {
            Space::Own => base,
            Space::Ingress => format!("{base}-ingress"),
            Space::Elsewhere => format!("{base}-elsewhere"),
        }
    }

    fn kubectl(&self, args: &[&str]) -> Outcome {
        let mut command = Command::new(env::var_os("KUBECTL").unwrap_or_else(|| "kubectl".into()));
        Outcome::of(&command.args(args).output().expect("kubectl runs"))
    }

    fn kubectl_in(&self, space: Space, args: &[&str]) -> Outcome {
        let space = self.space(space);
        self.kubectl(&[&["--namespace", &space], args].concat())
    }

    /// Runs Helm in the releases' namespace; the platform file tells where the other callers are.
    fn helm(&self, args: &[&str], filter: bool) -> Outcome {
        let mut args = args.to_vec();
        let file = self.helm.home().join("platform.yaml");
        let platform = format!("--post-renderer-args=--platform={}", path_text(&file));
        if filter {
            let ingress = self.space(Space::Ingress);
            let text = format!(
                "hardening: {{network: {{ingress: [{{namespace: {ingress}}}]}}}}
"
            );
            fs::write(&file, text).expect("written");
            args.extend(["--post-renderer", "helm-floe", platform.as_str()]);
        }
        let space = self.space(Space::Own);
        args.extend(["--namespace", &space]);
        let mut command = self.helm.command(&args);
        command.env("KUBECONFIG", env::var_os("KUBECONFIG").expect("set"));
        Outcome::of(&command.output().expect("helm runs"))
    }

    /// `helm install` or `helm upgrade`, until all pods are ready: the kubelet's probes get through.
    /// Helm 4 runs the migration too, which ends when it has reached the database. Helm 3 hands over
    /// no hooks, so the migration would have no policy, and be blocked.
    fn deploy(&self, verb: &str, release: &str, set: &[&str], filter: bool) {
        let image = format!("image={}", self.image);
        let tiers = chart("tiers");
        let args = [
            verb,
            release,
            &tiers,
            "--wait",
            "--timeout=180s",
            "--set",
            &image,
        ];
        let hooks: &[&str] = if filter && self.helm.major == 4 {
            &[]
        } else {
            &["--no-hooks"]
        };
        self.helm(&[&args, set, hooks].concat(), filter).ok();
    }

    /// How many policies a release gets: one for each tier, and one for each hook that is seen.
    fn expected_policies(&self) -> usize {
        TIERS.len() + if self.helm.major == 4 { HOOKS } else { 0 }
    }

    /// Removes the migrations, which Helm leaves to the user.
    fn remove_hooks(&self) {
        self.kubectl_in(Space::Own, &["delete", "jobs", "--all"])
            .ok();
    }

    /// Everything that calls.
    fn callers(&self, releases: &[&str]) -> Vec<Caller> {
        let mut callers = Vec::new();
        for release in releases {
            callers.extend(TIERS.iter().map(|(tier, kind, ..)| Caller {
                name: format!("{release}-{tier}"),
                space: Space::Own,
                pod: format!("{kind}/{release}-{tier}"),
            }));
        }
        callers.extend(OTHERS.iter().map(|(name, space, _)| Caller {
            name: (*name).to_owned(),
            space: *space,
            pod: format!("pod/{name}"),
        }));
        callers
    }

    /// Every tier by its Service's name and by its pod's address, the outside, and the API server.
    fn targets(&self, releases: &[&str]) -> Vec<Target> {
        let own = self.space(Space::Own);
        let mut targets = Vec::new();
        for release in releases {
            for (tier, _, pods, service, _) in TIERS {
                let name = format!("{release}-{tier}");
                targets.push(Target {
                    host: format!("{name}.{own}.svc"),
                    name: format!("{name} by name"),
                    port: service,
                });
                targets.push(Target {
                    host: self.address(release, tier),
                    name: format!("{name} by address"),
                    port: pods,
                });
            }
        }
        targets.push(Target {
            name: "outside".into(),
            host: self.outside.0.clone(),
            port: self.outside.1,
        });
        targets.push(Target {
            name: "API server".into(),
            host: self.api_server(),
            port: 443,
        });
        targets
    }

    /// The address of a tier's pod that is not about to end.
    fn address(&self, release: &str, tier: &str) -> String {
        let labels =
            format!("app.kubernetes.io/instance={release},app.kubernetes.io/component={tier}");
        let path = "jsonpath={range .items[*]}{.metadata.deletionTimestamp}/{.status.podIP} {end}";
        let get = ["get", "pods", "--selector", &labels, "-o", path];
        let found = self.kubectl_in(Space::Own, &get).ok();
        let mut alive = found
            .split_whitespace()
            .filter_map(|pod| pod.strip_prefix('/'));
        alive.next().unwrap_or("0.0.0.0").to_owned()
    }

    fn api_server(&self) -> String {
        let path = "jsonpath={.spec.clusterIP}";
        let get = ["get", "service", "kubernetes", "-n", "default", "-o", path];
        self.kubectl(&get).ok()
    }

    /// `caller -> target` for every call that gets an answer, tried from inside the caller's pod. A
    /// pod does not call itself: such calls never leave it, or are let through by some plugins.
    fn reached(&self, callers: &[Caller], targets: &[Target]) -> BTreeSet<String> {
        let mut script = String::new();
        for (number, target) in targets.iter().enumerate() {
            let Target { host, port, .. } = target;
            script.push_str(&format!(
                "(echo | timeout 5 nc -w 4 {host} {port} >/dev/null 2>&1 && echo {number}) &\n"
            ));
        }
        script.push_str("wait\n");
        let call = |caller: &Caller| {
            let exec = ["exec", &caller.pod, "--", "sh", "-c", &script];
            let said = self.kubectl_in(caller.space, &exec).stdout;
            let numbers = said
                .split_whitespace()
                .map(|number| number.parse::<usize>());
            let reached = numbers.map(|number| &targets[number.expect("a target's number")]);
            let others = reached.filter(|target| !caller.is(target));
            let calls = others.map(|target| format!("{} -> {}", caller.name, target.name));
            calls.collect::<Vec<String>>()
        };
        // What is blocked is waited for, so everyone calls at once.
        std::thread::scope(|scope| {
            let calling = callers
                .iter()
                .map(|caller| scope.spawn(move || call(caller)));
            let calling: Vec<_> = calling.collect();
            let calls = calling
                .into_iter()
                .flat_map(|one| one.join().expect("no panic"));
            calls.collect()
        })
    }

    /// Waits until exactly these calls get through, and sees that it stays so.
    #[track_caller]
    fn prove(&self, what: &str, releases: &[&str], expected: &BTreeSet<String>) {
        let callers = self.callers(releases);
        let start = Instant::now();
        let mut stable = 0;
        loop {
            let targets = self.targets(releases);
            let reached = self.reached(&callers, &targets);
            stable = if reached == *expected { stable + 1 } else { 0 };
            if stable == 2 {
                let (calls, of) = (reached.len(), self.all(releases).len());
                let _ = writeln!(
                    std::io::stderr(),
                    "Helm {}, {what}: {calls} of {of} calls get through, as they should",
                    self.helm.major
                );
                return;
            }
            let wrong = |a: &BTreeSet<String>, b: &BTreeSet<String>| {
                a.difference(b).cloned().collect::<Vec<_>>().join("\n  ")
            };
            assert!(
                stable > 0 || start.elapsed() < Duration::from_secs(120),
                "Helm {}, {what}\nblocked, and should not be:\n  {}\nnot blocked, and should be:\n  {}",
                self.helm.major,
                wrong(expected, &reached),
                wrong(&reached, expected),
            );
            sleep(Duration::from_secs(1));
        }
    }

    /// What the chart means to be called.
    fn intended(&self, releases: &[&str]) -> BTreeSet<String> {
        let mut calls = BTreeSet::new();
        let mut add = |from: &str, release: &str, tier: &str| {
            for by in ["name", "address"] {
                calls.insert(format!("{from} -> {release}-{tier} by {by}"));
            }
        };
        for release in releases {
            for (from, .., callees) in TIERS {
                for tier in callees {
                    add(&format!("{release}-{from}"), release, tier);
                }
            }
            for (from, _, callees) in OTHERS {
                for tier in callees {
                    add(from, release, tier);
                }
            }
        }
        // Nothing of ours holds the others back.
        for (from, ..) in OTHERS {
            calls.insert(format!("{from} -> outside"));
            calls.insert(format!("{from} -> API server"));
        }
        calls
    }

    /// Every call there is.
    fn all(&self, releases: &[&str]) -> BTreeSet<String> {
        let targets = self.targets(releases);
        let mut calls = BTreeSet::new();
        for caller in self.callers(releases) {
            for target in targets.iter().filter(|target| !caller.is(target)) {
                calls.insert(format!("{} -> {}", caller.name, target.name));
            }
        }
        calls
    }

    /// Everything in the releases' namespace that a release could have left behind.
    fn objects(&self) -> Vec<String> {
        let kinds = "deployments,statefulsets,pods,services,configmaps,secrets,jobs,networkpolicies,ingresses";
        let get = ["get", kinds, "-o", "name", "--ignore-not-found"];
        let list = self.kubectl_in(Space::Own, &get).ok();
        let own = ["configmap/kube-root-ca.crt", "pod/neighbour"];
        let list = list.lines().filter(|name| !own.contains(name));
        list.map(str::to_owned).collect()
    }

    #[track_caller]
    fn nothing_left(&self) {
        let start = Instant::now();
        while !self.objects().is_empty() {
            let left = start.elapsed() < Duration::from_secs(120);
            assert!(left, "left behind: {:?}", self.objects());
            sleep(Duration::from_millis(500));
        }
    }

    /// The NetworkPolicies of a release.
    fn policies(&self, release: &str) -> usize {
        let get = ["get", "networkpolicies", "-o", "name"];
        let list = self.kubectl_in(Space::Own, &get).ok();
        let own = format!("-{release}-");
        list.lines().filter(|name| name.contains(&own)).count()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for space in SPACES {
            let space = self.space(space);
            self.kubectl(&[
                "delete",
                "namespace",
                &space,
                "--wait=false",
                "--ignore-not-found",
            ]);
        }
    }
}

fn proof(major: u32) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(stage) = Stage::new(major) else {
        return;
    };
    // A call that nobody answers anyway would prove nothing.
    for release in RELEASES {
        stage.deploy("install", release, &[], false);
    }
    stage.prove("without the filter", &RELEASES, &stage.all(&RELEASES));
    for release in RELEASES {
        stage.helm(&["uninstall", release], false).ok();
    }
    stage.nothing_left();

    let intended = stage.intended(&RELEASES);
    for release in RELEASES {
        stage.deploy("install", release, &[], stage.filter);
    }
    stage.prove("installed", &RELEASES, &intended);
    for release in RELEASES {
        assert_eq!(
            stage.policies(release),
            stage.expected_policies(),
            "{release}"
        );
    }

    // The chart's own value says that the backend may call a host outside.
    let (host, port) = &stage.outside;
    let outside = format!("outside=http://{host}:{port}/");
    stage.deploy("upgrade", "red", &["--set", &outside], stage.filter);
    let mut more = intended.clone();
    more.insert("red-backend -> outside".into());
    stage.prove("red upgraded", &RELEASES, &more);
    assert_eq!(stage.policies("red"), stage.expected_policies());

    let rollback = [
        "rollback",
        "red",
        "1",
        "--no-hooks",
        "--wait",
        "--timeout=180s",
    ];
    stage.helm(&rollback, false).ok();
    stage.prove("red rolled back", &RELEASES, &intended);

    stage.helm(&["uninstall", "red", "--no-hooks"], false).ok();
    let blue = &RELEASES[1..];
    stage.prove("red uninstalled", blue, &stage.intended(blue));
    assert_eq!(stage.policies("red"), 0);
    assert_eq!(stage.policies("blue"), stage.expected_policies());

    stage.helm(&["uninstall", "blue", "--no-hooks"], false).ok();
    stage.remove_hooks();
    stage.nothing_left();
}

#[test]
fn only_intended_calls_get_through_with_helm_3() {
    proof(3);
}

#[test]
fn only_intended_calls_get_through_with_helm_4() {
    proof(4);
}
