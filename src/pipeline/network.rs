//! NetworkPolicies for the whole release, made when every document has been read.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::output::Added;
use super::{Done, Mode, Run};
use crate::check;
use crate::inject::network::narrow::OPEN;
use crate::inject::network::synthesis::{self, TemplateLabel};
use crate::inject::network::topology::{self, ObjectRef, Topology};
use crate::inject::network::{self, DERIVE};
use crate::inject::tokens;
use crate::manifest::{
    DocSpan, Document, EditError, Style, View, line_column, position, split, write_document,
};
use crate::object::identity::HELM4_FILENAME;
use crate::object::{self, Object, PodPlace};
use crate::platform::hardening::Tokens;
use crate::platform::network as settings;
use crate::policy::Violation;
use crate::report;

/// Policies of ours.
const POLICIES: Ours = Ours {
    policy: DERIVE,
    template: "templates/helm-floe/networkpolicies.yaml",
    write: write_document,
};

/// A field to fill in a document that was handled before, because only the whole release tells that
/// it is needed.
struct Late<'a> {
    policy: &'a str,
    document: usize,
    pointer: &'a str,
    value: Value,
}

impl Run<'_, '_> {
    /// Notes what the objects of one document say about the network and name of each other.
    pub(super) fn note(&mut self, number: usize, objects: &[Object<'_>], places: &[Vec<PodPlace>]) {
        for (object, places) in objects.iter().zip(places) {
            self.facts.collect(number, object, places);
            if self.wiring.release {
                self.wires.collect(number, object, places);
            }
        }
    }

    /// Adds the release's policies, and reports what is odd about its network.
    pub(super) fn network(&mut self, done: &mut [Done]) -> (Option<Topology>, Option<Added>) {
        let mut facts = std::mem::take(&mut self.facts);
        // Kinds that were unknown at first were read last.
        facts.workloads.sort_by_key(|own| own.object.document);
        self.wiring(&facts);
        let derives = self.settings.mode == Mode::Harden
            && self.settings.network_policies != settings::Mode::Off
            && self.settings.enabled(DERIVE);
        let of_policies = [check::network::SELECTS_NOTHING, OPEN];
        let hosts = self.settings.mode == Mode::Check
            && self.settings.enabled(check::wiring::hosts::POLICY);
        let policies = !facts.policies.is_empty()
            && of_policies
                .iter()
                .any(|policy| self.settings.enabled(policy));
        let tokens = self.settings.mode == Mode::Harden
            && self.settings.tokens == Tokens::Bound
            && self.settings.enabled(tokens::POLICY);
        if facts.workloads.is_empty() || !(derives || hosts || policies || tokens) {
            return (None, None);
        }
        let topology = self.topology(&mut facts);
        if tokens {
            self.withhold_tokens(&facts, &topology, done);
        }
        let helm4_template = facts.helm4_template.take();
        // What large releases say is large, and so are their policies.
        drop(facts);
        let mut odd = check::network::selects_nothing(&topology);
        if !self.settings.narrows() {
            odd.extend(check::network::open(&topology));
        }
        let mut added = None;
        if hosts {
            odd.extend(check::wiring::hosts::judge(&topology, self.part));
        }
        if derives {
            // What is open inside needs no explanation.
            if self.settings.network_policies == settings::Mode::Derive {
                odd.extend(check::network::unknown_targets(&topology));
                odd.extend(check::network::unexplained(&topology));
            }
            added = self.policies(&topology, helm4_template.as_deref(), done);
        }
        self.report_on(odd);
        (Some(topology), added)
    }

    /// Who calls whom.
    fn topology(&self, facts: &mut network::Facts) -> Topology {
        let spans = &self.spans;
        let load = |number: usize| spans.get(number).map(|span| span.text);
        let labels = &self.settings.labels;
        let common = |key: &str| labels.iter().any(|label| label.key == key);
        let inputs = topology::Inputs {
            network: &self.settings.network,
            namespace: self.settings.namespace.as_deref(),
            load: &load,
            common: &common,
        };
        network::derive(facts, &inputs)
    }

    /// Writes the policies before the first workload: Helm 3 applies in the order of the output, and
    /// a pod should not run before its policy is there.
    fn policies(
        &mut self,
        topology: &Topology,
        helm4: Option<&str>,
        done: &mut [Done],
    ) -> Option<Added> {
        let labels = self.settings.labels.iter();
        let inputs = synthesis::Inputs {
            network: &self.settings.network,
            mode: self.settings.network_policies,
            release: self.settings.release.as_deref(),
            labels: &labels
                .filter(|label| self.settings.enabled(label.policy))
                .map(|label| (label.key.clone(), label.value.clone()))
                .collect(),
        };
        let workloads = topology.workloads.iter();
        let before = workloads.map(|own| own.object.document).min()?;
        let source = self.spans.get(before).and_then(|span| span.source);
        let (edited, report) = (&mut self.edited, &mut self.report);
        let spans = &self.spans;
        let (mut texts, mut unwritable, mut odd) = (Vec::new(), Vec::new(), Vec::new());
        let labels = network::plan_each(topology, &inputs, &mut |policy| {
            if let Some(present) = policy.present {
                if !is_as_planned(spans, &present, &policy.object) {
                    odd.push(check::network::altered(&present));
                }
                return;
            }
            match added_text(policy.object, &POLICIES, source, helm4, &mut report.added) {
                Ok(text) => texts.push(edited.push(text.as_bytes())),
                Err(error) => unwritable.push((policy.workload, error)),
            }
        });
        self.report_on(odd);
        for (number, error) in unwritable {
            let workload = topology.workloads.get(number);
            let document = workload.map_or(0, |own| own.object.document);
            let reason = format!("the workload's NetworkPolicy cannot be written: {error}");
            self.refuse(document, 0, &reason);
        }
        for label in &labels {
            self.label(topology, label, done);
        }
        (!texts.is_empty()).then_some(Added { before, texts })
    }

    /// Adds a label to a pod template, so that a policy can select its pods.
    fn label(&mut self, topology: &Topology, label: &TemplateLabel, done: &mut [Done]) {
        let late = Late {
            policy: DERIVE,
            document: label.document,
            pointer: &label.pointer,
            value: Value::String(label.value.clone()),
        };
        if let Err(reason) = self.fill(late, done) {
            let workload = topology.workloads.get(label.workload);
            let odd = workload.map(|own| check::network::not_labelled(own, &reason));
            self.report_on(odd.into_iter().collect());
        }
    }

    /// Leaves the service account's token out of pods that do not need it.
    fn withhold_tokens(&mut self, facts: &network::Facts, topology: &Topology, done: &mut [Done]) {
        for number in tokens::needless(facts, topology) {
            let Some(workload) = topology.workloads.get(number) else {
                continue;
            };
            let late = Late {
                policy: tokens::POLICY,
                document: workload.object.document,
                pointer: &format!("{}/spec/automountServiceAccountToken", workload.template),
                value: Value::Bool(false),
            };
            let document = late.document;
            if let Err(reason) = self.fill(late, done) {
                self.refuse(document, 0, &reason);
            }
        }
    }

    /// Fills a field of a document that was handled before.
    fn fill(&mut self, late: Late<'_>, done: &mut [Done]) -> Result<(), String> {
        let Late {
            policy, pointer, ..
        } = late;
        self.amend(late.document, done, |draft| {
            draft.fill(policy, pointer, late.value).map(drop)
        })
    }

    /// Turns what is odd into findings with their places. Each document is read again once.
    pub(super) fn report_on(&mut self, mut odd: Vec<(ObjectRef, Violation)>) {
        odd.retain(|(_, violation)| self.settings.enabled(&violation.policy));
        odd.sort_by(|(a, _), (b, _)| (a.document, &a.pointer).cmp(&(b.document, &b.pointer)));
        for odd in odd.chunk_by(|(a, _), (b, _)| a.document == b.document) {
            self.report_on_document(odd);
        }
    }

    fn report_on_document(&mut self, odd: &[(ObjectRef, Violation)]) {
        let Some((of, _)) = odd.first() else {
            return;
        };
        let Some(text) = self.spans.get(of.document).map(|span| span.text) else {
            return;
        };
        let Ok(document) = Document::parse(text) else {
            return;
        };
        let objects = document
            .root()
            .and_then(|root| object::find(View::Node(root)).ok())
            .unwrap_or_default();
        let objects = objects
            .iter()
            .map(|object| (object.pointer.as_str(), object));
        let objects: HashMap<&str, &Object<'_>> = objects.collect();
        for (of, violation) in odd {
            if let Some(object) = objects.get(of.pointer.as_str()) {
                let finding = self.finding(of.document, &document, object, violation.clone());
                self.find(finding);
            }
        }
    }
}

/// Finds the places that a topology's evidence names, in the stream it was derived from.
pub struct Places<'s> {
    spans: Vec<DocSpan<'s>>,
}

impl<'s> Places<'s> {
    /// Over a stream that could be read.
    pub fn new(text: &'s str) -> Places<'s> {
        Places {
            spans: split(text).unwrap_or_default(),
        }
    }

    /// Line and column, from 1, of a value of the stream; `line` is the line inside a value of many
    /// lines, from 0. `None` for a place in another file, or in a document that cannot be read by
    /// itself.
    pub fn position(&self, document: usize, pointer: &str, line: usize) -> Option<(usize, usize)> {
        let span = self.spans.get(document)?;
        let parsed = Document::parse(span.text).ok()?;
        let value = View::Node(parsed.root()?).pointer(pointer)?.node()?;
        let at = position::locate(&parsed, pointer).start;
        let (first, column) = line_column(span.text, at);
        let first = span.first_line + first - 1;
        let block = matches!(value.raw().style, Style::Literal | Style::Folded);
        // The text of a block scalar starts on the line below its key.
        match block {
            true => Some((first + 1 + line, 1)),
            false => Some((first, column)),
        }
    }

    /// The chart template of a document, by Helm's comment.
    pub fn source(&self, document: usize) -> Option<&'s str> {
        self.spans.get(document)?.source
    }
}

/// A template of ours in the chart that a template belongs to.
fn template_beside(template: &str, ours: &str) -> String {
    let chart = template.split('/').next().unwrap_or_default();
    format!("{chart}/{ours}")
}

/// Whether a policy of the stream allows what the planned one would.
fn is_as_planned(spans: &[DocSpan<'_>], present: &ObjectRef, planned: &Value) -> bool {
    let Some(span) = spans.get(present.document) else {
        return false;
    };
    let Ok(document) = Document::parse(span.text) else {
        return false;
    };
    let pointer = format!("{}/spec", present.pointer);
    let spec = document
        .root()
        .and_then(|root| View::Node(root).pointer(&pointer));
    match (spec, planned.get("spec")) {
        (Some(spec), Some(planned)) => spec.same(View::Json(planned)),
        _ => false,
    }
}

/// What is the same for all objects of ours of one sort.
pub(super) struct Ours {
    /// The policy that adds them.
    pub(super) policy: &'static str,
    /// The template that they seem to come from, below the chart's name.
    pub(super) template: &'static str,
    /// How one is written.
    pub(super) write: fn(&Value) -> Result<String, EditError>,
}

/// The document of an object of ours with its separator; notes in `added` that it is there.
pub(super) fn added_text(
    mut object: Value,
    ours: &Ours,
    source: Option<&str>,
    helm4: Option<&str>,
    added: &mut Vec<report::Added>,
) -> Result<String, EditError> {
    let mut text = String::new();
    if let Some(template) = helm4 {
        let annotations = json!({HELM4_FILENAME: template_beside(template, ours.template)});
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("annotations".into(), annotations);
        }
    } else if let Some(template) = source {
        text.push_str(&format!(
            "# Source: {}\n",
            template_beside(template, ours.template)
        ));
    }
    text.push_str(&(ours.write)(&object)?);
    text.push_str("---\n");
    added.push(reported(ours.policy, &object));
    Ok(text)
}

fn reported(policy: &str, object: &Value) -> report::Added {
    let text = |pointer: &str| object.pointer(pointer)?.as_str().map(str::to_owned);
    report::Added {
        policy: policy.to_owned(),
        kind: text("/kind").unwrap_or_default(),
        namespace: text("/metadata/namespace"),
        name: text("/metadata/name").unwrap_or_default(),
    }
}
