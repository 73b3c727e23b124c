//! Who may call whom, as people and programs read it: one renderer per output format.
//!
//! A [`Graph`] is plain data with names that may be shown: no value of a variable, a label or a
//! Secret is in it, only the fields where they stand. It is sorted, so that the order of the
//! manifests does not matter.

pub mod diff;
pub mod dot;
pub mod json;
pub mod mermaid;
pub mod svg;
pub mod text;

use std::fmt;

use serde::Serialize;

/// What a release's NetworkPolicies let through, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// `derive`, `isolate` or `off`.
    pub mode: &'static str,
    /// Workloads first, then everyone else; each sorted by its id.
    pub nodes: Vec<Node>,
    /// Sorted by caller, callee and port.
    pub calls: Vec<Call>,
    /// Workloads about whose connections the manifests say nothing, by their place in `nodes`.
    pub unexplained: Vec<usize>,
    /// NetworkPolicies whose selector fits no pod.
    pub idle_policies: Vec<Item>,
    /// Services that no one may reach.
    pub unreachable: Vec<Item>,
    /// Calls that lead nowhere.
    pub loose: Vec<Loose>,
}

/// An end of calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Unique, and the same as long as the release calls it the same.
    pub id: String,
    /// What it is to the release.
    pub role: Role,
    /// `Deployment`; empty for what is no object.
    pub kind: String,
    /// The namespace, where it is known.
    pub namespace: Option<String>,
    /// The name, fit to be shown.
    pub name: String,
    /// Where a workload stands.
    pub place: Option<Place>,
    /// Whether Helm runs it as a hook.
    pub hook: bool,
    /// Who decides about calls to a workload.
    pub incoming: Guard,
    /// Who decides about calls from it.
    pub outgoing: Guard,
    /// The names of the NetworkPolicies that select a workload's pods.
    pub policies: Vec<String>,
    /// Those of them that are the chart's own.
    pub chart_policies: Vec<String>,
}

/// What an end of calls is to the release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// A workload of the release.
    Workload,
    /// Anyone, inside the cluster and outside.
    World,
    /// The ingress controller.
    Ingress,
    /// Prometheus.
    Prometheus,
    /// The API server.
    ApiServer,
    /// The pods of another namespace.
    Namespace,
    /// A host outside the cluster.
    Outside,
    /// An address.
    Address,
    /// A peer that the platform file adds.
    Platform,
}

/// Who decides about one direction of a workload's traffic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Guard {
    /// A derived NetworkPolicy.
    #[default]
    Derived,
    /// A NetworkPolicy of the chart's own.
    Chart,
    /// Nobody: everything is let through.
    Open,
}

/// A call that is let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The caller, by its place in [`Graph::nodes`].
    pub from: usize,
    /// The callee.
    pub to: usize,
    /// The callee's port: a number or a name; `None` for all ports.
    pub port: Option<String>,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: &'static str,
    /// The Service through which it goes.
    pub service: Option<String>,
    /// What shows it; never empty.
    pub why: Vec<Why>,
}

/// A place in the manifests that shows a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Why {
    /// `variable`, `argument`, `file` and so on: `docs/network.md` lists them.
    pub kind: &'static str,
    /// The name of the variable, file or annotation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The object that holds the field; none for the platform file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<Object>,
    /// JSON Pointer to the field.
    pub field: String,
    /// The platform's reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where the field stands.
    #[serde(flatten)]
    pub place: Option<Place>,
}

/// An object as people call it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Object {
    /// `Deployment`.
    pub kind: String,
    /// The namespace, where one is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

/// An object with its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Item {
    /// The object.
    #[serde(flatten)]
    pub object: Object,
    /// Where it stands.
    #[serde(flatten)]
    pub place: Option<Place>,
}

/// A line of the input.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The file, chart or `stdin`.
    pub input: String,
    /// The line, from 1; of a chart, the line of what Helm renders.
    pub line: usize,
    /// The template, where Helm names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
}

/// A call that leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loose {
    /// The caller, by its place in [`Graph::nodes`].
    pub from: usize,
    /// Why it leads nowhere.
    pub problem: String,
    /// What shows it.
    pub why: Why,
}

/// `Deployment shop/web`
impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// `manifests.yaml:17`
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.input, self.line)
    }
}

impl Node {
    /// Whether the release runs it.
    pub fn is_workload(&self) -> bool {
        self.role == Role::Workload
    }

    /// Whether pictures draw it as a cylinder, the sign for what keeps data.
    fn is_cylinder(&self) -> bool {
        self.is_workload() && self.kind == "StatefulSet"
    }

    /// `Deployment shop/web`, `host mail.example.com`. The namespace is left out when all of the
    /// release is in one.
    pub fn title(&self, with_namespace: bool) -> String {
        let name = match (&self.namespace, with_namespace) {
            (Some(namespace), true) => format!("{namespace}/{}", self.name),
            _ => self.name.clone(),
        };
        match self.kind.is_empty() {
            true => name,
            false => format!("{} {name}", self.kind),
        }
    }
}

impl Call {
    /// `8080`, `8125/UDP`, `all ports`.
    pub fn port_text(&self) -> String {
        match (&self.port, self.protocol) {
            (None, _) => "all ports".into(),
            (Some(port), "TCP") => port.clone(),
            (Some(port), protocol) => format!("{port}/{protocol}"),
        }
    }
}

impl Why {
    /// `variable BACKEND_URL of Deployment web, manifests.yaml:17 (/spec/template/…)`. The object is
    /// left out where it is `but` itself.
    pub fn sentence(&self, but: Option<&Object>) -> String {
        self.sentence_with(but, Place::to_string)
    }

    fn sentence_with(&self, but: Option<&Object>, place: impl Fn(&Place) -> String) -> String {
        let mut text = self.kind.to_owned();
        if let Some(name) = &self.name {
            text.push_str(&format!(" {name}"));
        }
        let same = |object: &Object| {
            but.is_some_and(|but| {
                let namespace = object.namespace.is_none() || object.namespace == but.namespace;
                namespace && object.kind == but.kind && object.name == but.name
            })
        };
        if let Some(object) = self.object.as_ref().filter(|object| !same(object)) {
            text.push_str(&format!(" of {object}"));
        }
        if let Some(reason) = &self.reason {
            text.push_str(&format!(": {reason}"));
        }
        if let Some(own) = &self.place {
            text.push_str(&format!(", {}", place(own)));
        }
        text.push_str(&format!(" ({})", self.field));
        text
    }
}

impl Graph {
    /// The namespaces of the workloads, sorted; `None` is the release's where that is not known.
    pub fn namespaces(&self) -> Vec<Option<&str>> {
        let workloads = self.nodes.iter().filter(|node| node.is_workload());
        let mut names: Vec<_> = workloads.map(|node| node.namespace.as_deref()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// How a node is called in this graph.
    pub fn title(&self, node: usize) -> String {
        let several = self.namespaces().len() > 1;
        self.nodes
            .get(node)
            .map(|node| node.title(several))
            .unwrap_or_default()
    }

    /// The workload as an object of the manifests.
    pub fn object(&self, node: usize) -> Option<Object> {
        let node = self.nodes.get(node).filter(|node| node.is_workload())?;
        Some(Object {
            kind: node.kind.clone(),
            namespace: node.namespace.clone(),
            name: node.name.clone(),
        })
    }

    /// How many workloads there are.
    pub fn workloads(&self) -> usize {
        self.nodes.iter().filter(|node| node.is_workload()).count()
    }

    /// The lines that a viewer shows for a call when asked: ends, port, and what shows it.
    fn tooltip(&self, call: &Call) -> String {
        let mut text = format!(
            "{} calls {} on {}",
            self.title(call.from),
            self.title(call.to),
            call.port_text()
        );
        if let Some(service) = &call.service {
            text.push_str(&format!(", as Service {service}"));
        }
        for why in &call.why {
            text.push_str(&format!("\n{}", why.sentence(None)));
        }
        text
    }

    /// The lines that a viewer shows for a node.
    fn node_tooltip(&self, number: usize) -> String {
        let mut text = self.title(number);
        let Some(node) = self.nodes.get(number) else {
            return text;
        };
        if let Some(place) = &node.place {
            text.push_str(&format!("\n{place}"));
        }
        if node.hook {
            text.push_str("\na hook of Helm");
        }
        if self.unexplained.contains(&number) {
            text.push_str("\nnothing shows whom it calls or who calls it");
        }
        for policy in &node.policies {
            text.push_str(&format!("\nNetworkPolicy {policy}"));
        }
        text
    }
}

#[cfg(test)]
pub(super) mod samples {
    //! Graphs for the renderers' tests.

    use super::*;

    pub fn node(role: Role, kind: &str, namespace: &str, name: &str) -> Node {
        Node {
            id: format!("{kind}/{namespace}/{name}"),
            role,
            kind: kind.into(),
            namespace: (!namespace.is_empty()).then(|| namespace.into()),
            name: name.into(),
            place: None,
            hook: false,
            incoming: Guard::Derived,
            outgoing: Guard::Derived,
            policies: Vec::new(),
            chart_policies: Vec::new(),
        }
    }

    pub fn call(from: usize, to: usize, port: u16) -> Call {
        Call {
            from,
            to,
            port: Some(port.to_string()),
            protocol: "TCP",
            service: None,
            why: vec![Why {
                kind: "variable",
                name: Some("URL".into()),
                object: None,
                field: "/spec".into(),
                reason: None,
                place: None,
            }],
        }
    }

    /// Every character that some format gives a meaning, in the names of two workloads.
    pub fn hostile() -> Graph {
        let name = "a\"b<c>&'d\\e]f|g#h;i\nj\u{1b}[31mk]]>l--> m\u{0}n\u{fffe}é";
        Graph {
            mode: "derive",
            nodes: vec![
                node(Role::Workload, "Deployment", "n\"s<&", name),
                node(Role::Workload, "StatefulSet", "", "end"),
                node(Role::Outside, "", "", name),
            ],
            calls: vec![
                call(0, 1, 80),
                call(1, 0, 81),
                call(0, 0, 82),
                call(0, 2, 443),
            ],
            ..Graph::default()
        }
    }
}
