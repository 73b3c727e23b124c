//! What one object shows by itself: annotations in the wrong place, selectors that will not hold.

use std::borrow::Cow;

use foldhash::HashSet;

use super::pods::{self, Pod};
use super::violation;
use crate::inject::network::labels;
use crate::manifest::View;
use crate::manifest::view::escape;
use crate::object::{Object, PodPlace};
use crate::policy::Violation;
use crate::report::Severity;

/// The policy about annotations that belong to the pods and stand on their workload.
pub const ANNOTATION: &str = "wiring/annotation-place";
/// The policy about workloads that do not select their own pods.
pub const SELECTOR: &str = "wiring/own-selector";
/// The policy about selectors and claims with labels that change at each upgrade.
pub const CHANGING: &str = "wiring/changing-label";

/// The policies of this module.
pub const POLICIES: [&str; 3] = [ANNOTATION, SELECTOR, CHANGING];

/// Annotations that only their pods' own metadata makes work, by prefix, and who reads them.
const ON_PODS: [(&str, &str); 9] = [
    ("config.linkerd.io/", "Linkerd"),
    ("consul.hashicorp.com/connect-", "Consul"),
    ("dapr.io/", "Dapr"),
    (
        "instrumentation.opentelemetry.io/inject-",
        "the OpenTelemetry operator",
    ),
    ("linkerd.io/inject", "Linkerd"),
    ("proxy.istio.io/config", "Istio"),
    ("sidecar.istio.io/", "Istio"),
    ("traffic.sidecar.istio.io/", "Istio"),
    ("vault.hashicorp.com/agent-", "Vault's agent injector"),
];

/// Judges one object as it stands after the edits. `root` is its document.
pub fn judge(root: View<'_>, object: &Object<'_>, places: &[PodPlace]) -> Vec<Violation> {
    let mut found = Vec::new();
    let id = &object.identity;
    let Some(view) = root.pointer(&object.pointer) else {
        return found;
    };
    let built_in = matches!(id.group(), "" | "apps" | "batch" | "extensions");
    for place in places.iter().filter(|_| built_in) {
        let (Some(spec), Some(template)) = (view.pointer(&place.spec), &place.template) else {
            continue;
        };
        if !pods::is_pod(spec) {
            continue;
        }
        let at = format!("{}{}", object.pointer, place.spec);
        let templates = match id.kind.as_str() {
            "StatefulSet" => view.pointer("/spec/volumeClaimTemplates"),
            _ => None,
        };
        found.extend(pods::judge(&Pod {
            spec,
            at: &at,
            templates,
            annotations: view.pointer(&format!("{template}/metadata/annotations")),
        }));
        if !template.is_empty() {
            annotations(object, view, template, &mut found);
            own_selector(object, view, template, &mut found);
        }
    }
    if id.group().is_empty() && id.kind == "Service" {
        ports(object, view, &mut found);
    }
    changing(object, view, &mut found);
    found
}

fn annotations(object: &Object<'_>, view: View<'_>, template: &str, found: &mut Vec<Violation>) {
    let Some(own) = view.pointer("/metadata/annotations") else {
        return;
    };
    let on_pods = |key: &str| {
        let pods = view.pointer(template)?.pointer("/metadata/annotations")?;
        pods.get(key)
    };
    let mut misplaced: Vec<(&str, Vec<Cow<'_, str>>)> = Vec::new();
    for (key, _) in own.entries() {
        let reader = ON_PODS.iter().find(|(prefix, _)| key.starts_with(prefix));
        let Some((_, reader)) = reader else { continue };
        if on_pods(&key).is_some() {
            continue;
        }
        match misplaced.iter_mut().find(|(own, _)| own == reader) {
            Some((_, keys)) => keys.push(key),
            None => misplaced.push((reader, vec![key])),
        }
    }
    for (reader, keys) in misplaced {
        let first = keys.first().map(|key| escape(key)).unwrap_or_default();
        let at = format!("{}/metadata/annotations/{first}", object.pointer);
        let message = format!(
            "{reader} reads {} on pods only, not on the {}",
            keys.join(", "),
            object.identity.kind
        );
        let help = "move it to spec.template.metadata.annotations";
        found.push(violation(ANNOTATION, Severity::Warning, &at, message, help));
    }
}

/// The API server refuses a workload whose selector does not fit its template
/// (k8s.io/kubernetes, pkg/apis/apps/validation).
fn own_selector(object: &Object<'_>, view: View<'_>, template: &str, found: &mut Vec<Violation>) {
    if object.identity.group() != "apps" {
        return;
    }
    let Some(selector) = view.pointer("/spec/selector/matchLabels") else {
        return;
    };
    let template = view.pointer(template);
    let pods = template.and_then(|template| template.pointer("/metadata/labels"));
    for (key, value) in selector.entries() {
        let label = pods.and_then(|pods| pods.get(&key));
        if label.is_some_and(|label| label.same(value)) {
            continue;
        }
        let at = format!(
            "{}/spec/selector/matchLabels/{}",
            object.pointer,
            escape(&key)
        );
        found.push(violation(
            SELECTOR,
            Severity::Error,
            &at,
            format!(
                "the pod template has no such label {key}: the API server refuses the {}",
                object.identity.kind
            ),
            "give the pod template the labels of the selector",
        ));
    }
}

/// Names of a Service's ports: needed where there are several, each once.
fn ports(object: &Object<'_>, view: View<'_>, found: &mut Vec<Violation>) {
    let ports = view
        .pointer("/spec/ports")
        .into_iter()
        .flat_map(View::items);
    let mut seen = HashSet::default();
    for (index, port) in ports.enumerate() {
        let name = port.get("name").and_then(View::as_str);
        pods::again(&mut seen, name, "port", found, || {
            format!("{}/spec/ports/{index}/name", object.pointer)
        });
    }
}

/// Labels that the next version of the chart has another value for.
fn changing(object: &Object<'_>, view: View<'_>, found: &mut Vec<Violation>) {
    let (selector, effect) = match object.identity.kind.as_str() {
        "Service" => (
            "/spec/selector",
            "the pods before an upgrade get no traffic during it",
        ),
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" => (
            "/spec/selector/matchLabels",
            "the selector cannot be changed, so the next upgrade fails",
        ),
        _ => return,
    };
    let mut look = |labels: Option<View<'_>>, at: &str, effect: &str| {
        for (key, value) in labels.into_iter().flat_map(View::entries) {
            if changes(&key, value, view) {
                found.push(violation(
                    CHANGING,
                    Severity::Warning,
                    &format!("{}{at}/{}", object.pointer, escape(&key)),
                    format!("the label {key} has another value in the next version of the chart: {effect}"),
                    "leave chart and version out; the labels name and instance are enough",
                ));
            }
        }
    };
    look(view.pointer(selector), selector, effect);
    if object.identity.kind == "StatefulSet" {
        let claims = view.pointer("/spec/volumeClaimTemplates");
        for (index, claim) in claims.into_iter().flat_map(View::items).enumerate() {
            let at = format!("/spec/volumeClaimTemplates/{index}/metadata/labels");
            let effect = "claim templates cannot be changed, so the next upgrade fails";
            look(claim.pointer("/metadata/labels"), &at, effect);
        }
    }
}

/// Whether a label has another value after an upgrade. `version: v1` is most often a person's own
/// choice, so `version` counts only where it is the chart's.
fn changes(key: &str, value: View<'_>, object: View<'_>) -> bool {
    match key {
        "version" => object
            .pointer("/metadata/labels")
            .and_then(|own| own.get("app.kubernetes.io/version")?.as_str())
            .is_some_and(|own| own == value.as_str().unwrap_or_default()),
        _ if labels::is_stable(key) => false,
        // `chart: web` is no version.
        _ => value
            .as_str()
            .is_some_and(|value| value.bytes().any(|b| b.is_ascii_digit())),
    }
}
