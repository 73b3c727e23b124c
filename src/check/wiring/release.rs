//! A release as the checks ask about it: what is where, and who selects whom.

use foldhash::{HashMap, HashSet};

use super::facts::{Provided, Scaled, Scaler, What, Wires};
use crate::inject::network::Facts;
use crate::inject::network::facts::{Selected, ServiceFacts, WorkloadFacts};
use crate::inject::network::labels::{Index, Labels};
use crate::inject::network::texts::Text;
use crate::inject::network::topology::{self, ObjectRef};

/// What is known about a release besides its objects.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scope<'a> {
    /// The release's namespace, where it is known.
    pub namespace: Option<&'a str>,
    /// Whether the stream is only a part of the release: one file of many.
    pub part: bool,
    /// Whether the stream may lack the release's hooks: Helm 3 shows them to no filter.
    pub hookless: bool,
}

/// The facts of a stream with the ways through them.
pub struct Release<'a> {
    /// Who names what.
    pub wires: &'a Wires,
    /// What the network facts say.
    pub facts: &'a Facts,
    /// What else is known.
    pub scope: Scope<'a>,
    /// The namespace of objects that name none; empty when nobody says it.
    pub home: Text,
    provided: HashMap<(What, &'a str, &'a str), &'a Provided>,
    services: HashMap<(&'a str, &'a str), &'a ServiceFacts>,
    scaled: HashMap<(usize, &'a str), &'a Scaled>,
    scalers: HashMap<(&'a str, &'a str, &'a str), &'a Scaler>,
    workloads: HashMap<(&'a str, &'a str, &'a str), usize>,
    /// The namespaces that objects of the release are in.
    namespaces: HashSet<&'a str>,
    index: Index<'a>,
}

impl<'a> Release<'a> {
    /// Prepares to answer.
    pub fn new(wires: &'a Wires, facts: &'a Facts, scope: &Scope<'a>) -> Release<'a> {
        let home = topology::release_namespace(facts, scope.namespace);
        let mut release = Release {
            wires,
            facts,
            scope: *scope,
            home,
            provided: HashMap::default(),
            services: HashMap::default(),
            scaled: HashMap::default(),
            scalers: HashMap::default(),
            workloads: HashMap::default(),
            namespaces: HashSet::default(),
            index: Index::default(),
        };
        release.fill();
        release
    }

    /// Where an object is. `""` is the release's namespace, by whatever name.
    pub fn namespace<'n>(&self, written: &'n Option<Text>) -> &'n str {
        match written.as_deref() {
            Some(own) if *own != *self.home => own,
            _ => "",
        }
    }

    fn fill(&mut self) {
        let (wires, facts) = (self.wires, self.facts);
        self.namespaces.insert("");
        for own in &wires.provided {
            let place = match own.what {
                What::ClusterRole => "",
                _ => self.namespace(&own.namespace),
            };
            self.provided.insert((own.what, place, &own.name), own);
        }
        for own in &facts.services {
            let place = self.namespace(&own.object.namespace);
            self.namespaces.insert(place);
            self.services.insert((place, &own.object.name), own);
        }
        for own in &wires.scaled {
            let key = (own.object.document, own.object.pointer.as_str());
            self.scaled.insert(key, own);
        }
        for own in &wires.scalers {
            let place = self.namespace(&own.object.namespace);
            self.scalers.insert((place, &own.kind, &own.name), own);
        }
        for (number, own) in facts.workloads.iter().enumerate() {
            let place = self.namespace(&own.object.namespace);
            self.namespaces.insert(place);
            let key = (place, own.object.kind.as_str(), own.object.name.as_str());
            self.workloads.insert(key, number);
        }
        let pods = facts.workloads.iter();
        let pods = pods.map(|own| (self.namespace(&own.object.namespace), &own.worn));
        self.index = Index::new(pods);
    }

    /// Whether objects of the release run in a namespace: in another one, others' may.
    pub fn holds(&self, namespace: &str) -> bool {
        self.namespaces.contains(namespace)
    }

    /// The object of that name.
    pub fn provided(&self, what: What, namespace: &str, name: &str) -> Option<&'a Provided> {
        self.provided.get(&(what, namespace, name)).copied()
    }

    /// The Service of that name.
    pub fn service(&self, namespace: &str, name: &str) -> Option<&'a ServiceFacts> {
        self.services.get(&(namespace, name)).copied()
    }

    /// The workload of that kind and name.
    pub fn workload(&self, namespace: &str, kind: &str, name: &str) -> Option<&'a WorkloadFacts> {
        let number = self.workloads.get(&(namespace, kind, name))?;
        self.facts.workloads.get(*number)
    }

    /// How many pods a workload has.
    pub fn scaled(&self, workload: &ObjectRef) -> Option<&'a Scaled> {
        let key = (workload.document, workload.pointer.as_str());
        self.scaled.get(&key).copied()
    }

    /// What changes a workload's number of pods.
    pub fn scaler(&self, workload: &ObjectRef) -> Option<&'a Scaler> {
        let place = self.namespace(&workload.namespace);
        let key = (place, workload.kind.as_str(), workload.name.as_str());
        self.scalers.get(&key).copied()
    }

    /// The workloads whose pods a selector selects, by number, in order.
    pub fn numbers(&self, namespace: &str, selector: &Selected) -> Vec<usize> {
        let workloads = &self.facts.workloads;
        let mut numbers = match selector.labels.is_empty() {
            true => (0..workloads.len()).collect(),
            false => self.index.select(namespace, &selector.labels),
        };
        numbers.retain(|number| {
            workloads.get(*number).is_some_and(|own| {
                self.namespace(&own.object.namespace) == namespace && selector.selects(&own.worn)
            })
        });
        numbers
    }

    /// Whether pods may come to have all of a selector's labels when they run.
    pub fn may_select(&self, namespace: &str, selector: &Labels) -> bool {
        !self.index.may_select(namespace, selector).is_empty()
    }

    /// The workloads whose pods a selector selects.
    pub fn selected(&self, namespace: &str, selector: &Selected) -> Vec<&'a WorkloadFacts> {
        let numbers = self.numbers(namespace, selector).into_iter();
        numbers
            .filter_map(|number| self.facts.workloads.get(number))
            .collect()
    }
}
