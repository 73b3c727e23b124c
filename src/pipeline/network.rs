//! NetworkPolicies for the whole release, made when every document has been read.

use std::borrow::Cow;

use foldhash::HashMap;
use serde_json::{Value, json};

use super::output::Added;
use super::{Done, Mode, Run};
use crate::check;
use crate::inject::network::narrow::OPEN;
use crate::inject::network::synthesis::text::Pen;
use crate::inject::network::synthesis::{self, TemplateLabel};
use crate::inject::network::texts::{Text, Texts};
use crate::inject::network::topology::{self, ObjectRef, Topology, Workload};
use crate::inject::network::{self, DERIVE};
use crate::inject::tokens;
use crate::manifest::view::escape;
use crate::manifest::{DocSpan, Document, EditError, Style, View, line_column, position, split};
use crate::object::identity::HELM4_FILENAME;
use crate::object::{self, Object, PodPlace};
use crate::platform::hardening::Tokens;
use crate::platform::network as settings;
use crate::policy::Violation;
use crate::report;

/// The template that policies of ours seem to come from, below the chart's name.
const TEMPLATE: &str = "templates/helm-floe/networkpolicies.yaml";

/// A field to fill in a document that was handled before, because only the whole release tells that
/// it is needed.
enum Late {
    /// A label on a pod template, so that a policy can select its pods.
    Label(TemplateLabel),
    /// The service account's token, left out of the pods of a workload that does not need it.
    Token(usize),
}

impl Run<'_, '_> {
    /// Notes what the objects of one document say about the network and name of each other.
    pub(super) fn note(&mut self, number: usize, objects: &[Object<'_>], places: &[Vec<PodPlace>]) {
        for (object, places) in objects.iter().zip(places) {
            let own = self.facts.name(number, object);
            self.facts.collect(&own, object, places);
            if self.wiring.release {
                self.wires.collect(&own, object, places);
            }
        }
    }

    /// Adds the release's policies, and reports what is odd about its network.
    pub(super) fn network(&mut self, done: &mut [Done]) -> (Option<Topology>, Option<Added>) {
        let mut facts = std::mem::take(&mut self.facts);
        // Kinds that were unknown at first were read last.
        facts.workloads.sort_by_key(|own| own.object.document);
        self.wiring(&facts);
        // No more objects come.
        facts.texts = Texts::default();
        let derives = self.settings.derives();
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
        let topology = self.topology(&facts);
        let needless = match tokens {
            true => tokens::needless(&facts, &topology),
            false => Vec::new(),
        };
        let mut late: Vec<Late> = needless.into_iter().map(Late::Token).collect();
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
            let (policies, labels) = self.policies(&topology, helm4_template.as_deref());
            added = policies;
            late.extend(labels.into_iter().map(Late::Label));
        }
        odd.extend(self.fill_all(late, &topology, done));
        self.report_on(odd);
        (Some(topology), added)
    }

    /// Who calls whom.
    fn topology(&self, facts: &network::Facts) -> Topology {
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
    /// a pod should not run before its policy is there. Gives the labels that they select by, too.
    fn policies(
        &mut self,
        topology: &Topology,
        helm4: Option<&str>,
    ) -> (Option<Added>, Vec<TemplateLabel>) {
        let labels = self.settings.labels.iter();
        let inputs = synthesis::Inputs {
            network: &self.settings.network,
            mode: self.settings.network_policies,
            release: self.settings.release.as_deref(),
            labels: &labels
                .filter(|label| self.settings.enabled(label.policy))
                .map(|label| (Text::from(&*label.key), Text::from(&*label.value)))
                .collect(),
        };
        let workloads = topology.workloads.iter();
        let before = workloads.map(|own| own.object.document).min();
        let before = before.unwrap_or_default();
        let source = self.spans.get(before).and_then(|span| span.source);
        let (edited, report) = (&mut self.edited, &mut self.report);
        let spans = &self.spans;
        let (mut texts, mut unwritable, mut odd) = (Vec::new(), Vec::new(), Vec::new());
        let (comment, annotations) = origin(TEMPLATE, source, helm4);
        let pen = Pen::new(&inputs, &comment, annotations);
        let labels = network::plan_each(topology, &inputs, &mut |policy| {
            if let Some(present) = &policy.present {
                if !is_as_planned(spans, present, &policy.spec.to_value(inputs.network)) {
                    odd.push(check::network::altered(present));
                }
                return;
            }
            let written = pen.as_ref().map_err(Clone::clone);
            match written.and_then(|pen| pen.write(&policy)) {
                Ok(parts) => {
                    texts.extend(parts.iter().map(|part| match part {
                        Cow::Borrowed(part) => edited.push_common(part.as_bytes()),
                        Cow::Owned(part) => edited.push(part.as_bytes()),
                    }));
                    report.added.push(report::Added {
                        policy: DERIVE,
                        kind: "NetworkPolicy".into(),
                        namespace: policy.namespace.map(|own| own.to_string()),
                        name: policy.name,
                    });
                }
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
        let added = (!texts.is_empty()).then_some(Added { before, texts });
        (added, labels)
    }

    /// Fills fields of documents that were handled before, reading and writing each document once.
    /// What cannot be filled is refused, or odd.
    fn fill_all(
        &mut self,
        mut late: Vec<Late>,
        topology: &Topology,
        done: &mut [Done],
    ) -> Vec<(ObjectRef, Violation)> {
        let document = |late: &Late| {
            let workload = topology.workloads.get(late.workload());
            workload.map_or(0, |own| own.object.document)
        };
        late.sort_by_key(document);
        let mut odd = Vec::new();
        for late in late.chunk_by(|a, b| document(a) == document(b)) {
            let fields = late.iter().filter_map(|late| Field::of(late, topology));
            let fields: Vec<Field<'_>> = fields.collect();
            if self.fill_labels(&fields, done).is_some() {
                continue;
            }
            let mut failed = Vec::new();
            if self.fill(&fields, done, &mut failed).is_err() {
                failed.clear();
                // What cannot be written does not keep the rest from it.
                for own in &fields {
                    if let Err(reason) = self.fill(std::slice::from_ref(own), done, &mut failed) {
                        failed.push((own, reason));
                    }
                }
            }
            for (own, reason) in failed {
                match own.policy {
                    tokens::POLICY => self.refuse(own.workload.object.document, 0, &reason),
                    _ => odd.push(check::network::not_labelled(own.workload, &reason)),
                }
            }
        }
        odd
    }

    /// Fills fields of one document where they are labels of its only pod template.
    fn fill_labels(&mut self, fields: &[Field<'_>], done: &mut [Done]) -> Option<()> {
        let labels: Option<Vec<_>> = fields.iter().map(|own| own.label).collect();
        let document = fields.first()?.workload.object.document;
        self.amend_labels(document, done, labels?.into_iter())
    }

    /// Fills fields of one document. `failed` gets those that do not fit into it, and why.
    fn fill<'f, 't>(
        &mut self,
        fields: &'f [Field<'t>],
        done: &mut [Done],
        failed: &mut Vec<(&'f Field<'t>, String)>,
    ) -> Result<(), String> {
        let document = fields.first().map_or(0, |own| own.workload.object.document);
        self.amend(document, done, |draft| {
            for own in fields {
                let filled = draft.fill(own.policy, &own.pointer, own.value.clone());
                if let Err(error) = filled {
                    failed.push((own, error.to_string()));
                }
            }
            Ok(())
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
            if let Some(object) = objects.get(&*of.pointer) {
                let finding = self.finding(of.document, &document, object, violation.clone());
                self.find(finding);
            }
        }
    }
}

impl Late {
    /// The workload, by its place in the topology.
    fn workload(&self) -> usize {
        match self {
            Late::Label(label) => label.workload,
            Late::Token(workload) => *workload,
        }
    }
}

/// What [`Late`] comes to in a document.
struct Field<'t> {
    policy: &'static str,
    workload: &'t Workload,
    /// Where.
    pointer: String,
    value: Value,
    /// Key and value, where it is a label.
    label: Option<(&'t str, &'t str)>,
}

impl<'t> Field<'t> {
    fn of(late: &'t Late, topology: &'t Topology) -> Option<Field<'t>> {
        let workload = topology.workloads.get(late.workload())?;
        let template = &workload.template;
        Some(match late {
            Late::Label(label) => Field {
                policy: DERIVE,
                workload,
                pointer: format!("{template}/metadata/labels/{}", escape(label.key)),
                value: Value::from(label.value.as_str()),
                label: Some((label.key, &label.value)),
            },
            Late::Token(_) => Field {
                policy: tokens::POLICY,
                workload,
                pointer: format!("{template}/spec/automountServiceAccountToken"),
                value: Value::Bool(false),
                label: None,
            },
        })
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

/// Whether a policy of the stream says what the planned `spec` would.
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
    spec.is_some_and(|spec| spec.same(View::Json(planned)))
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

/// What says that an object of ours comes from a template: a comment above it, or annotations.
fn origin(ours: &str, source: Option<&str>, helm4: Option<&str>) -> (String, Option<Value>) {
    match (helm4, source) {
        (Some(template), _) => {
            let annotations = json!({HELM4_FILENAME: template_beside(template, ours)});
            (String::new(), Some(annotations))
        }
        (None, Some(template)) => {
            let template = template_beside(template, ours);
            (format!("# Source: {template}\n"), None)
        }
        (None, None) => (String::new(), None),
    }
}

/// The document of an object of ours with its separator; notes in `added` that it is there.
pub(super) fn added_text(
    mut object: Value,
    ours: &Ours,
    source: Option<&str>,
    helm4: Option<&str>,
    added: &mut Vec<report::Added>,
) -> Result<String, EditError> {
    let (mut text, annotations) = origin(ours.template, source, helm4);
    let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
    if let (Some(metadata), Some(annotations)) = (metadata, annotations) {
        metadata.insert("annotations".into(), annotations);
    }
    text.push_str(&(ours.write)(&object)?);
    text.push_str("---\n");
    added.push(reported(ours.policy, &object));
    Ok(text)
}

fn reported(policy: &'static str, object: &Value) -> report::Added {
    let text = |pointer: &str| object.pointer(pointer)?.as_str().map(str::to_owned);
    report::Added {
        policy,
        kind: text("/kind").unwrap_or_default().into(),
        namespace: text("/metadata/namespace"),
        name: text("/metadata/name").unwrap_or_default(),
    }
}
