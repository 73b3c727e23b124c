//! NetworkPolicies from a topology: one for each workload, which denies everything else.
//!
//! A policy selects by labels that outlast an upgrade, never by nothing, and lives in the
//! workload's namespace. Its name is the workload's, with its kind, so that no two releases of a
//! namespace can claim one name.

mod peers;
mod rules;

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::labels::Labels;
use super::topology::{ObjectRef, Topology, Workload};
use super::{OWN, WORKLOAD};
use crate::manifest::view::escape;
use crate::platform::network::{ChartPolicies, Mode, Network};
pub use rules::shorten;

/// The label that marks the pods of one release, in mode `isolate`.
pub const RELEASE: &str = "floe.dev/release";

/// What policies are made from besides the topology.
pub struct Inputs<'a> {
    /// The platform's settings.
    pub network: &'a Network,
    /// Which policies to make.
    pub mode: Mode,
    /// The release's name; `isolate` needs it.
    pub release: Option<&'a str>,
    /// The labels that every object of the release gets.
    pub labels: &'a Labels,
}

/// What to add to a release.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The policies, in the order of their workloads.
    pub policies: Vec<Policy>,
    /// Labels that pod templates need, so that the policies can select them.
    pub labels: Vec<TemplateLabel>,
}

/// A NetworkPolicy to add.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// The workload it is for, by its place in the topology.
    pub workload: usize,
    /// The object.
    pub object: Value,
    /// The policy of that name and mark that the stream holds already, most likely from an earlier
    /// run: then nothing has to be added.
    pub present: Option<ObjectRef>,
}

/// A label to add to a pod template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateLabel {
    /// The workload, by its place in the topology.
    pub workload: usize,
    /// The number of its document.
    pub document: usize,
    /// JSON Pointer to the label from the document's root.
    pub pointer: String,
    /// The label's value.
    pub value: String,
}

/// Plans the policies of a release.
pub fn plan(topology: &Topology, inputs: &Inputs<'_>) -> Plan {
    let mut policies = Vec::new();
    let labels = plan_each(topology, inputs, &mut |policy| {
        if policy.present.is_none() {
            policies.push(policy);
        }
    });
    Plan { policies, labels }
}

/// Calls back with each policy of a release, so that a large release's need not all be held at once;
/// gives the labels that pod templates need.
pub fn plan_each(
    topology: &Topology,
    inputs: &Inputs<'_>,
    visit: &mut dyn FnMut(Policy),
) -> Vec<TemplateLabel> {
    let mut labels = Vec::new();
    if inputs.mode == Mode::Off {
        return labels;
    }
    let rules = rules::Rules::new(topology, inputs);
    let names = names(topology);
    let ours = topology.policies.iter().filter(|policy| policy.ours);
    let ours: HashMap<(&str, &str), &ObjectRef> = ours
        .map(|own| {
            (
                (own.namespace.as_str(), own.object.name.as_str()),
                &own.object,
            )
        })
        .collect();
    for (number, workload) in topology.workloads.iter().enumerate() {
        label(number, workload, inputs, &mut labels);
        if workload.operated || workload.selector.is_empty() {
            continue;
        }
        let Some(name) = names.get(number) else {
            continue;
        };
        let present = ours.get(&(workload.namespace.as_str(), name.as_str()));
        let directions = Directions::of(workload, inputs);
        if directions.any() {
            let spec = rules.spec(number, workload, directions);
            visit(Policy {
                workload: number,
                object: object(workload, name, spec, inputs),
                present: present.map(|own| (*own).clone()),
            });
        }
    }
    labels
}

/// Which directions of a workload's traffic a policy of ours covers.
#[derive(Clone, Copy, Debug)]
struct Directions {
    ingress: bool,
    egress: bool,
}

impl Directions {
    fn of(workload: &Workload, inputs: &Inputs<'_>) -> Directions {
        let keep = inputs.network.chart_policies == ChartPolicies::Keep;
        Directions {
            ingress: !(keep && workload.own_ingress),
            egress: inputs.mode == Mode::Derive && !(keep && workload.own_egress),
        }
    }

    fn any(self) -> bool {
        self.ingress || self.egress
    }
}

/// The names of all policies. An object with several pod templates gets a number behind the name.
fn names(topology: &Topology) -> Vec<String> {
    let mut before: Option<&Workload> = None;
    let mut count = 0;
    let workloads = topology.workloads.iter();
    workloads
        .map(|workload| {
            let same = before.is_some_and(|before| before.object == workload.object);
            count = if same { count + 1 } else { 0 };
            before = Some(workload);
            let kind = workload.object.kind.to_ascii_lowercase();
            // What is no name for the API server either, most often a value that was not given.
            let name = workload.object.name.trim_end_matches(['-', '.']);
            match count {
                0 => shorten(&format!("floe-{kind}-{name}"), 253),
                count => shorten(&format!("floe-{kind}-{name}-{count}"), 253),
            }
        })
        .collect()
}

fn label(number: usize, workload: &Workload, inputs: &Inputs<'_>, labels: &mut Vec<TemplateLabel>) {
    let mut add = |key: &str, value: &str| {
        let template = &workload.template;
        labels.push(TemplateLabel {
            workload: number,
            document: workload.object.document,
            pointer: format!("{template}/metadata/labels/{}", escape(key)),
            value: value.to_owned(),
        });
    };
    if let (true, Some(value)) = (workload.needs_label, workload.selector.get(WORKLOAD)) {
        add(WORKLOAD, value);
    }
    if let (Mode::Isolate, Some(release)) = (inputs.mode, inputs.release)
        && workload.labels.get(RELEASE).map(String::as_str) != Some(release)
    {
        add(RELEASE, release);
    }
}

fn object(workload: &Workload, name: &str, spec: Value, inputs: &Inputs<'_>) -> Value {
    let mut labels = inputs.labels.clone();
    let mode = match inputs.mode {
        Mode::Isolate => "isolate",
        Mode::Derive | Mode::Off => "derive",
    };
    labels.insert(OWN.to_owned(), mode.to_owned());
    let mut metadata = Map::new();
    metadata.insert("name".into(), json!(name));
    metadata.insert("labels".into(), json!(labels));
    if let Some(namespace) = &workload.object.namespace {
        metadata.insert("namespace".into(), json!(namespace));
    }
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata,
        "spec": spec,
    })
}
