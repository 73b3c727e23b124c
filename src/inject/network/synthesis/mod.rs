//! NetworkPolicies from a topology: one for each workload, which denies everything else.
//!
//! A policy selects by labels that outlast an upgrade, never by nothing, and lives in the
//! workload's namespace. Its name is the workload's, with its kind, so that no two releases of a
//! namespace can claim one name.

mod peers;
mod rules;
pub mod text;

use foldhash::HashMap;
use serde_json::{Map, Value, json};

use super::labels::Labels;
use super::texts::Text;
use super::topology::{ObjectRef, Topology, Workload};
use super::{OWN, WORKLOAD};
use crate::platform::network::{ChartPolicies, Mode, Network};
pub use peers::Selection;
pub use rules::{Rule, Spec, shorten};

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
pub struct Plan<'t> {
    /// The policies, in the order of their workloads.
    pub policies: Vec<Policy<'t>>,
    /// Labels that pod templates need, so that the policies can select them.
    pub labels: Vec<TemplateLabel>,
}

/// A NetworkPolicy to add.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy<'t> {
    /// The workload it is for, by its place in the topology.
    pub workload: usize,
    /// Its name.
    pub name: String,
    /// Its namespace, where that of the workload is written.
    pub namespace: Option<Text>,
    /// What it says.
    pub spec: Spec<'t>,
    /// The policy of that name and mark that the stream holds already, most likely from an earlier
    /// run: then nothing has to be added.
    pub present: Option<ObjectRef>,
}

/// A label to add to a pod template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateLabel {
    /// The workload, by its place in the topology.
    pub workload: usize,
    /// The label's key.
    pub key: &'static str,
    /// The label's value.
    pub value: Text,
}

/// Plans the policies of a release.
pub fn plan<'t>(topology: &'t Topology, inputs: &Inputs<'_>) -> Plan<'t> {
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
pub fn plan_each<'t>(
    topology: &'t Topology,
    inputs: &Inputs<'_>,
    visit: &mut dyn FnMut(Policy<'t>),
) -> Vec<TemplateLabel> {
    let mut labels = Vec::new();
    if inputs.mode == Mode::Off {
        return labels;
    }
    let rules = rules::Rules::new(topology, inputs);
    let mut names = names(topology);
    let ours = topology.policies.iter().filter(|policy| policy.ours);
    let ours: HashMap<(&str, &str), &ObjectRef> = ours
        .map(|own| ((&*own.namespace, &*own.object.name), &own.object))
        .collect();
    for (number, workload) in topology.workloads.iter().enumerate() {
        label(number, workload, inputs, &mut labels);
        if workload.operated || workload.selector.is_empty() {
            continue;
        }
        let Some(name) = names.get_mut(number).map(std::mem::take) else {
            continue;
        };
        let present = ours.get(&(&*workload.namespace, name.as_str()));
        let present = present.map(|own| (*own).clone());
        let directions = Directions::of(workload, inputs);
        if directions.any() {
            visit(Policy {
                workload: number,
                name,
                namespace: workload.object.namespace.clone(),
                spec: rules.spec(number, workload, directions),
                present,
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
    let mut add = |key, value| {
        labels.push(TemplateLabel {
            workload: number,
            key,
            value,
        });
    };
    if let (true, Some(value)) = (workload.needs_label, workload.selector.get(WORKLOAD)) {
        add(WORKLOAD, value.clone());
    }
    if let (Mode::Isolate, Some(release)) = (inputs.mode, inputs.release)
        && workload.labels.get(RELEASE).map(|own| &**own) != Some(release)
    {
        add(RELEASE, Text::from(release));
    }
}

/// `metadata` of the policies, but for what is each one's own.
fn metadata(inputs: &Inputs<'_>) -> Map<String, Value> {
    let mode = match inputs.mode {
        Mode::Isolate => "isolate",
        Mode::Derive | Mode::Off => "derive",
    };
    let labels = inputs.labels.with(OWN, mode);
    Map::from_iter([("labels".to_owned(), json!(labels))])
}
