//! Calls that workloads make, by what their variables, arguments and files name.

use std::rc::Rc;

use foldhash::HashMap;

use super::build::{Edges, Namespace, Scraper, service_ports};
use super::links::Links;
use super::resolve::OWN_NAMESPACE;
use super::store::{Content, Entry, Store};
use super::{Evidence, EvidenceKind, Leads, ObjectRef, Peer, Port, PortRef, Protocol, targets};
use crate::inject::network::evidence::hosts::{self, Context};
use crate::inject::network::evidence::names::Promise;
use crate::inject::network::evidence::{Mention, command, dapr, expand, file, names};
use crate::inject::network::facts::{
    Component, Container, Facts, Mount, Source, Variable, Variables, WorkloadFacts,
};
use crate::inject::network::texts::Text;
use crate::platform::endpoints::Endpoint;

/// Finds the calls of every workload.
pub(super) fn find<'a>(
    facts: &'a Facts,
    load: &'a dyn Fn(usize) -> Option<&'a str>,
    namespace: Namespace<'_>,
    edges: &mut Edges<'_>,
) {
    let store = Store::new(facts, load, namespace);
    let links = Links::new(edges.topology);
    let apps = apps(facts, namespace);
    for (number, workload) in facts.workloads.iter().enumerate() {
        let place = namespace(&workload.object.namespace);
        let mut caller = Caller {
            number,
            object: &workload.object,
            namespace: place,
            store: &store,
            links: &links,
            apps: workload.pod.dapr.is_some().then_some(&apps),
            edges: &mut *edges,
        };
        let containers = &workload.pod.containers;
        let values: Vec<Vec<Value>> = containers.iter().map(|own| caller.variables(own)).collect();
        let by_name: Vec<ByName<'_>> = values.iter().map(|own| by_name(own)).collect();
        for (container, (values, by_name)) in containers.iter().zip(values.iter().zip(&by_name)) {
            caller.container(container, values, by_name);
        }
        for mount in &workload.pod.mounts {
            let all = containers.iter().zip(&by_name);
            let readers = all.filter(|(own, _)| own.volumes.contains(&mount.volume));
            let readers: Vec<&ByName<'_>> = readers.map(|(_, by_name)| by_name).collect();
            caller.mount(mount, &readers);
        }
        for word in &workload.pod.annotations {
            caller.annotation(&word.text, &word.pointer);
        }
        for component in &facts.components {
            if applies(component, workload, &caller.namespace, namespace) {
                caller.component(component);
            }
        }
        for endpoint in &workload.given {
            caller.endpoint(endpoint);
        }
        caller.sidecars(workload);
        caller.siblings(workload);
        if let Some(word) = &workload.pod.connects_to {
            caller.connects_to(&word.text, &word.pointer);
        }
    }
}

/// Workloads by their namespace and the id under which Dapr knows them.
type Apps<'a> = HashMap<(Text, &'a str), usize>;

fn apps<'a>(facts: &'a Facts, namespace: Namespace<'_>) -> Apps<'a> {
    let workloads = facts.workloads.iter().enumerate();
    let apps = workloads.filter_map(|(number, own)| {
        let id = &*own.pod.dapr.as_ref()?.text;
        Some(((namespace(&own.object.namespace), id), number))
    });
    apps.collect()
}

/// The port on which Dapr's sidecars call each other (`dapr.io/internal-grpc-port`, by default).
const DAPR_PORT: u16 = 50002;

/// Whether Dapr loads a component into the workload's sidecar.
fn applies(
    component: &Component,
    workload: &WorkloadFacts,
    place: &str,
    namespace: Namespace<'_>,
) -> bool {
    let Some(app) = &workload.pod.dapr else {
        return false;
    };
    *namespace(&component.object.namespace) == *place
        && (component.scopes.is_empty() || component.scopes.contains(&app.text))
}

/// A workload whose calls are looked for.
struct Caller<'c, 'a, 'e> {
    number: usize,
    object: &'a ObjectRef,
    namespace: Text,
    store: &'c Store<'a>,
    links: &'c Links<'c>,
    /// The applications that it can ask its own Dapr sidecar for, where it has one.
    apps: Option<&'c Apps<'a>>,
    edges: &'c mut Edges<'e>,
}

/// A variable with its value, and where that stands.
struct Value {
    name: Text,
    text: Text,
    object: ObjectRef,
    pointer: Text,
}

/// The variables of a container by their names.
type ByName<'v> = HashMap<&'v str, &'v Value>;

/// A later variable of the same name wins.
fn by_name(values: &[Value]) -> ByName<'_> {
    let named = values.iter().map(|value| (&*value.name, value));
    named.collect()
}

impl<'a> Caller<'_, 'a, '_> {
    fn container(&mut self, container: &'a Container, values: &[Value], by_name: &ByName<'_>) {
        let links = self.links;
        let namespace = self.namespace.clone();
        let known = |name: &str| {
            let own = by_name.get(name).map(|value| &*value.text);
            own.or_else(|| links.get(&namespace, name))
        };
        for value in values {
            let mentions = of_variable(&value.name, &value.text, &known);
            let kind = EvidenceKind::Variable(value.name.clone());
            self.invoke(
                &value.name,
                &value.text,
                &kind,
                &value.object,
                &value.pointer,
            );
            self.call_all(mentions, &kind, &value.object, &value.pointer);
        }
        for words in &container.commands {
            let expanded: Vec<String> = words
                .iter()
                .map(|word| expand::expand(&word.text, true, &known))
                .collect();
            let texts: Vec<&str> = expanded.iter().map(String::as_str).collect();
            for (text, word) in texts.iter().zip(words) {
                self.invoke(
                    "",
                    text,
                    &EvidenceKind::Argument,
                    self.object,
                    &word.pointer,
                );
            }
            let mut found = Vec::new();
            command::arguments(&texts, &mut found);
            for (word, mention) in found {
                if let Some(word) = words.get(word) {
                    let kind = &EvidenceKind::Argument;
                    self.call_all(vec![mention], kind, self.object, &word.pointer);
                }
            }
        }
    }

    /// The variables of a container with the values that the manifests show.
    fn variables(&self, container: &'a Container) -> Vec<Value> {
        let mut values: Vec<Value> = Vec::new();
        let mut raw: HashMap<Text, Text> = HashMap::default();
        let mut add = |value: Value| {
            let known = |name: &str| {
                let own = raw.get(name).map(|text| &**text);
                own.or_else(|| self.links.get(&self.namespace, name))
            };
            let text = Text::from(expand::expand(&value.text, false, &known));
            raw.insert(value.name.clone(), text.clone());
            values.push(Value { text, ..value });
        };
        for variables in &container.variables {
            match variables {
                Variables::All(kind, name, prefix) => {
                    let content = self.store.get(*kind, &self.namespace, name);
                    for entry in content.iter().flat_map(|content| &content.entries) {
                        let object = content.as_ref().map(|c| c.object.clone());
                        add(Value {
                            name: format!("{prefix}{}", entry.key).into(),
                            text: entry.value.clone(),
                            object: object.unwrap_or_default(),
                            pointer: entry.pointer.clone(),
                        });
                    }
                }
                Variables::One(variable) => {
                    if let Some(value) = self.variable(variable) {
                        add(value);
                    }
                }
            }
        }
        values
    }

    fn variable(&self, variable: &'a Variable) -> Option<Value> {
        let (text, object, pointer) = match &variable.source {
            Source::Literal(text) => (text.clone(), self.object.clone(), variable.pointer.clone()),
            Source::Key(kind, name, key) => {
                let content = self.store.get(*kind, &self.namespace, name)?;
                let entry = content.get(key)?;
                (
                    entry.value.clone(),
                    content.object.clone(),
                    entry.pointer.clone(),
                )
            }
            Source::Namespace => {
                let text = match self.namespace.as_str() {
                    "" => OWN_NAMESPACE,
                    name => name,
                };
                let pointer = variable.pointer.clone();
                (Text::from(text), self.object.clone(), pointer)
            }
        };
        Some(Value {
            name: variable.name.clone(),
            text,
            object,
            pointer,
        })
    }

    /// The files of a mount, which `readers` read: the containers, by their variables.
    fn mount(&mut self, mount: &'a Mount, readers: &[&ByName<'_>]) {
        let Some(content) = self.store.get(mount.kind, &self.namespace, &mount.name) else {
            return;
        };
        for entry in &content.entries {
            if mount.keys.is_empty() || mount.keys.contains(&entry.key) {
                for (text, outside) in self.filled(&entry.value, readers) {
                    self.file(&content, entry, &text, outside);
                }
            }
        }
    }

    /// A file's text with the variables of those who read it, as programs fill them in; and whether
    /// it may name hosts outside. A value from a Secret is only good for the release's own Services,
    /// because the file is not secret and is shown.
    fn filled(&self, text: &Text, readers: &[&ByName<'_>]) -> Vec<(Text, bool)> {
        if readers.is_empty() || !(text.contains('$') || text.contains("%(")) {
            return vec![(text.clone(), true)];
        }
        let mut filled: Vec<(Text, bool)> = Vec::new();
        let tries = readers.iter().flat_map(|own| [(own, false), (own, true)]);
        for (by_name, secret) in tries {
            let known = |name: &str| {
                let own = by_name.get(name).filter(|own| !own.text.contains('\n'));
                let own = own.filter(|own| secret || own.object.kind != "Secret");
                let own = own.map(|own| &*own.text);
                own.or_else(|| self.links.get(&self.namespace, name))
            };
            let text = Text::from(expand::expand(text, true, &known));
            if !filled.iter().any(|(known, _)| *known == text) {
                filled.push((text, !secret));
            }
        }
        filled
    }

    fn file(&mut self, content: &Rc<Content>, entry: &Entry, text: &Text, outside: bool) {
        let (key, pointer) = (&entry.key, &entry.pointer);
        let mut mentions = Vec::new();
        match is_script(key, text) {
            true => command::script(text, &mut mentions),
            false => file::file(text, &mut mentions),
        }
        // A file that is one value, named by its key.
        if mentions.is_empty() && !text.trim().contains('\n') {
            mentions = of_variable(key, text.trim(), &|name| {
                content.get(name).map(|entry| &*entry.value)
            });
        }
        for mention in &mut mentions {
            mention.outside &= outside;
        }
        let kind = EvidenceKind::File(key.clone());
        self.scraper(text, &kind, &content.object, pointer);
        self.invoke(key, text, &kind, &content.object, pointer);
        self.call_all(mentions, &kind, &content.object, pointer);
    }

    /// Notes that the workload scrapes what annotations ask for, if a configuration of Prometheus'
    /// says so: it finds pods and Services by the API, and keeps those with `prometheus.io/scrape`.
    fn scraper(&mut self, text: &str, kind: &EvidenceKind, object: &ObjectRef, pointer: &Text) {
        const FINDS: &str = "kubernetes_sd_configs";
        let Some(at) = text.find(FINDS) else {
            return;
        };
        let keeps = |of: &str| {
            let label = format!("__meta_kubernetes_{of}_annotation_prometheus_io_scrape");
            text.contains(&label)
        };
        let shown = super::build::evidence(kind.clone(), object, pointer, FINDS.into());
        self.edges.scrapers.push(Scraper {
            workload: self.number,
            pods: keeps("pod"),
            services: keeps("service"),
            evidence: Evidence {
                line: text.get(..at).unwrap_or_default().matches('\n').count(),
                ..shown
            },
        });
    }

    fn annotation(&mut self, text: &str, pointer: &Text) {
        let mut mentions = Vec::new();
        let context = Context {
            outside: false,
            ..Context::plain()
        };
        hosts::scan(text, context, &mut mentions);
        let key = pointer.rsplit('/').next().unwrap_or_default();
        let kind = EvidenceKind::Annotation(key.replace("~1", "/").into());
        self.call_all(mentions, &kind, self.object, pointer);
    }

    fn component(&mut self, component: &'a Component) {
        let values: Vec<_> = component
            .settings
            .iter()
            .filter_map(|setting| self.variable(setting))
            .collect();
        let known = |name: &str| {
            let value = values.iter().find(|value| *value.name == *name);
            value.map(|value| &*value.text)
        };
        for value in &values {
            let mentions = of_variable(&value.name, &value.text, &known);
            // What stands in the component itself is the component's, not the workload's.
            let object = match value.object == *self.object {
                true => &component.object,
                false => &value.object,
            };
            self.call_all(mentions, &EvidenceKind::Resource, object, &value.pointer);
        }
    }

    /// What the pods' product has to reach.
    fn endpoint(&mut self, endpoint: &Endpoint) {
        let context = Context {
            promise: Promise::Host,
            ..Context::plain()
        };
        let mut mentions = Vec::new();
        if endpoint.address.contains("://") {
            hosts::scan(&endpoint.address, context, &mut mentions);
        } else if let Some(host) = hosts::bare_word(&endpoint.address, endpoint.port, context) {
            mentions.push(Mention {
                bare: false,
                ..host
            });
        }
        let kind = EvidenceKind::Profile(Text::from(&*endpoint.field));
        let own = self.edges.topology.workloads.get(self.number);
        let template = own.map(|own| own.template.clone()).unwrap_or_default();
        self.call_all(mentions, &kind, self.object, &template);
    }

    /// The applications that the workload asks its Dapr sidecar for.
    fn invoke(
        &mut self,
        name: &str,
        text: &str,
        kind: &EvidenceKind,
        object: &ObjectRef,
        pointer: &Text,
    ) {
        let Some(apps) = self.apps else {
            return;
        };
        for id in dapr::invoked(name, text) {
            let (app, place) = id.split_once('.').unwrap_or((id, &self.namespace));
            let Some(&called) = apps.get(&(Text::from(place), app)) else {
                continue;
            };
            if called == self.number {
                continue;
            }
            let port = Port {
                port: PortRef::Number(DAPR_PORT),
                protocol: Protocol::Tcp,
            };
            let shown = super::build::evidence(kind.clone(), object, pointer, id.into());
            let (from, to) = (Peer::Workload(self.number), Peer::Workload(called));
            self.edges.add(from, to, Some(port), None, shown);
        }
    }

    /// What sidecars that others add to the pods call: their control plane.
    fn sidecars(&mut self, workload: &WorkloadFacts) {
        for (word, namespace) in &workload.pod.sidecars {
            let kind = EvidenceKind::Annotation(word.text.clone());
            let says = Text::from(*namespace);
            let evidence = super::build::evidence(kind, self.object, &word.pointer, says.clone());
            let from = Peer::Workload(self.number);
            self.edges
                .add(from, Peer::Namespace(says), None, None, evidence);
        }
    }

    /// A StatefulSet has a headless Service so that its pods find each other.
    fn siblings(&mut self, workload: &WorkloadFacts) {
        let Some(word) = &workload.governing else {
            return;
        };
        let Some(number) = self.edges.resolver.service(&self.namespace, &word.text) else {
            return;
        };
        let topology = self.edges.topology;
        let (Some(service), Some(own)) = (
            topology.services.get(number),
            topology.workloads.get(self.number),
        ) else {
            return;
        };
        if service.leads != Leads::PodsDirectly || !service.workloads.contains(&self.number) {
            return;
        }
        let says = word.text.clone();
        let evidence =
            super::build::evidence(EvidenceKind::Siblings, self.object, &word.pointer, says);
        let declared = own.ports.iter().map(|port| Port {
            port: PortRef::Number(port.number),
            protocol: port.protocol,
        });
        let listed = service
            .ports
            .iter()
            .map(|port| self.edges.pod_port(self.number, port));
        let ports: Vec<Port> = declared.chain(listed).collect();
        for port in ports {
            let (from, to) = (Peer::Workload(self.number), Peer::Workload(self.number));
            self.edges
                .add(from, to, Some(port), Some(number), evidence.clone());
        }
    }

    /// `app.openshift.io/connects-to`: names of workloads, or a JSON list of references to them.
    fn connects_to(&mut self, text: &str, pointer: &Text) {
        let names: Vec<String> = match serde_json::from_str::<Vec<serde_json::Value>>(text) {
            Ok(list) => list
                .iter()
                .filter_map(|item| item.get("name").unwrap_or(item).as_str())
                .map(str::to_owned)
                .collect(),
            Err(_) => text.split(',').map(|name| name.trim().to_owned()).collect(),
        };
        let services: Vec<usize> = self
            .edges
            .topology
            .services
            .iter()
            .enumerate()
            .filter(|(_, service)| service.namespace == self.namespace)
            .filter(|(_, service)| {
                service.workloads.iter().any(|number| {
                    let workload = self.edges.topology.workloads.get(*number);
                    workload.is_some_and(|own| names.iter().any(|name| **name == *own.object.name))
                })
            })
            .map(|(number, _)| number)
            .collect();
        for service in services {
            let Some(own) = self.edges.topology.services.get(service) else {
                continue;
            };
            let kind = EvidenceKind::Annotation("app.openshift.io/connects-to".into());
            let says = own.object.name.clone();
            let evidence = super::build::evidence(kind, self.object, pointer, says);
            let ports = service_ports(own, None);
            let from = Peer::Workload(self.number);
            self.edges.reach(&from, service, &ports, &evidence);
        }
    }

    fn call_all(
        &mut self,
        mentions: Vec<Mention>,
        kind: &EvidenceKind,
        object: &ObjectRef,
        pointer: &Text,
    ) {
        for mut mention in mentions {
            // A Secret's text is repeated only where it names a Service.
            mention.outside &= mention.certain || object.kind != "Secret";
            let evidence = Evidence {
                kind: kind.clone(),
                object: object.clone(),
                pointer: pointer.clone(),
                line: mention.line,
                says: match mention.port {
                    Some(port) if mention.explicit => format!("{}:{port}", mention.host).into(),
                    _ => Text::from(&*mention.host),
                },
            };
            targets::call(self.edges, self.number, &self.namespace, &mention, evidence);
        }
    }
}

/// Whether a file is a shell script.
fn is_script(key: &str, text: &str) -> bool {
    key.ends_with(".sh")
        || (text.starts_with("#!") && text.lines().next().is_some_and(|l| l.contains("sh")))
}

/// The hosts in the value of a variable, of a setting, of anything with a name.
fn of_variable<'v>(
    name: &str,
    text: &str,
    known: &dyn Fn(&str) -> Option<&'v str>,
) -> Vec<Mention> {
    let mut mentions = Vec::new();
    let promise = names::promise(name);
    if promise == names::Promise::NoCall {
        return mentions;
    }
    let text = text.trim();
    let is_text = text.contains('\n') || text.starts_with(['{', '[']);
    if is_text {
        file::file(text, &mut mentions);
    } else {
        let context = Context {
            promise,
            ..Context::plain()
        };
        hosts::scan(text, context, &mut mentions);
    }
    hosts::hide_public(name, &mut mentions);
    if !is_text {
        settings(text, &mut mentions);
    }
    for mention in &mut mentions {
        if !mention.explicit && !is_text {
            let beside = expand::port_beside(name, known);
            mention.explicit = beside.is_some();
            mention.port = beside.or(mention.port);
        }
        mention.usual = names::usual_port(name);
    }
    mentions
}

/// `Host=db;Port=5432`, `host=db port=5432`, `-Dcache.host=redis`: a value of several settings.
fn settings(text: &str, mentions: &mut Vec<Mention>) {
    if !text.contains('=') || text.contains("://") {
        return;
    }
    let mut found = Vec::new();
    if text.contains(';') {
        // .NET: `Data Source=db;Initial Catalog=shop`.
        file::file(&text.replace("Data Source", "datasource"), &mut found);
    } else if text.contains(' ') && !text.contains(" -") && !text.starts_with('-') {
        file::file(&text.replace(' ', "\n"), &mut found);
    } else {
        let words: Vec<&str> = text.split_whitespace().collect();
        let mut in_words = Vec::new();
        command::arguments(&words, &mut in_words);
        found.extend(in_words.into_iter().map(|(_, mention)| mention));
    }
    for mut mention in found {
        mention.line = 0;
        let same = |old: &&mut Mention| old.host == mention.host;
        match mentions.iter_mut().find(same) {
            Some(old) if old.port.is_none() => *old = mention,
            Some(_) => {}
            None => mentions.push(mention),
        }
    }
}
