//! A real API server judges every object of every chart with every values file, custom kinds by their
//! own definitions: dry runs with strict validation, so nothing but service accounts is made.

use std::sync::PoisonError;

use crate::common::cluster::{Namespace, kubeconfig};
use crate::common::definitions::definition_of;
use crate::common::{Helm, Outcome, documents, feed, floe};
use crate::render::{cases, objects};
use crate::{TURN, custom_kinds};

/// A namespace in which objects are only tried.
struct Judge(Namespace);

impl Judge {
    /// Has the server judge a stream. It must take every object, and have nothing to say of any: no
    /// warning of Pod Security, and none of a field that is going away.
    #[track_caller]
    fn takes(&mut self, what: &str, stream: &str) {
        for kind in custom_kinds(stream) {
            if let Some(file) = definition_of(&kind.group, &kind.kind) {
                self.0.define(&file);
            } else {
                panic!("{what}: scripts/crds gets no definition of {}", kind.kind);
            }
        }
        // A pod is refused before anything else is said of it where its account is not there.
        let documents = documents(stream).into_iter();
        let accounts = documents.filter(|document| document.kind == "ServiceAccount");
        let accounts: Vec<&str> = accounts.map(|document| document.text).collect();
        self.apply(&[], &accounts.join("\n---\n")).ok();
        let count = objects(stream).len();
        let said = self.said(stream);
        assert_eq!(said.code, 0, "{what}: {}", said.stderr);
        assert_eq!(said.stderr, "", "{what}");
        let judged = said
            .stdout
            .lines()
            .filter(|line| line.ends_with("(server dry run)"));
        assert_eq!(judged.count(), count, "{what}: {}", said.stdout);
    }

    fn said(&self, stream: &str) -> Outcome {
        self.apply(&["--dry-run=server", "--validate=strict"], stream)
    }

    /// Has the server apply a stream, which is one request for each object.
    fn apply(&self, how: &[&str], stream: &str) -> Outcome {
        let apply = ["apply", "--server-side", "-f", "-"];
        let mut command = self.0.kubectl_command(&[&apply[..], how].concat());
        Outcome::of(&feed(&mut command, stream.as_bytes()))
    }
}

#[test]
fn an_api_server_takes_every_object_strictly() {
    let Some(kubeconfig) = kubeconfig("HELM_FLOE_E2E", "strict validation", "scripts/lifecycle")
    else {
        return;
    };
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let name = format!("helm-floe-life-strict-{}", std::process::id());
    let mut judge = Judge(Namespace::new(name.clone(), kubeconfig));

    // The judge is strict: a mistake is found.
    let mistake = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndate: {}\n";
    assert_ne!(judge.said(mistake).code, 0);

    let helm = Helm::new(4);
    let scratch = tempfile::tempdir().expect("a directory");
    for case in cases() {
        let mut arguments = vec!["template", "life", "--namespace", &name];
        arguments.extend(case.arguments());
        let stream = helm.run(&arguments).ok();
        judge.takes(&case.name(), &stream);

        let filter = [
            "post-render",
            "--env",
            "test",
            "--release",
            "life",
            "--namespace",
            &name,
        ];
        let mut command = floe(&filter);
        let hardened = feed(command.current_dir(scratch.path()), stream.as_bytes());
        let hardened = Outcome::of(&hardened).ok();
        judge.takes(&format!("{}, hardened", case.name()), &hardened);
    }
}
