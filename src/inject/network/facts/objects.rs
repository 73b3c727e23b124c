//! What objects without pods say: Services, routes, monitors, webhooks, bindings, policies.

use std::rc::Rc;

use super::{
    Account, Backend, Component, Facts, PolicyFacts, Scrape, ServiceFacts, Source, Stored,
    Variable, member, number,
};
use crate::inject::network::labels::{self, Labels};
use crate::inject::network::texts::{Text, Texts};
use crate::inject::network::topology::{Named, ObjectRef, PortRef, Protocol, ServicePort};
use crate::inject::network::{OWN, narrow};
use crate::manifest::View;
use crate::object::Object;

/// A label selector of the stream.
#[derive(Clone, Debug, Default)]
pub struct Selected {
    /// `matchLabels`.
    pub labels: Labels,
    /// `matchExpressions`: key, operator, values.
    pub expressions: Vec<(Text, Text, Vec<Text>)>,
}

impl Selected {
    /// Reads a `LabelSelector`.
    pub fn read(selector: Option<View<'_>>, texts: &mut Texts) -> Selected {
        let labels = selector.and_then(|s| s.get("matchLabels"));
        let labels = labels::read(labels, texts);
        let expressions = selector.and_then(|s| s.get("matchExpressions"));
        let expression = |view: View<'_>| {
            let values = view.get("values").into_iter().flat_map(View::items);
            let values = values.filter_map(super::text);
            Some((
                texts.keep(&member(view, "key")?),
                texts.keep(&member(view, "operator")?),
                values.map(Text::from).collect(),
            ))
        };
        Selected {
            labels,
            expressions: expressions
                .into_iter()
                .flat_map(View::items)
                .filter_map(expression)
                .collect(),
        }
    }

    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.expressions.is_empty()
    }

    /// Whether it selects something with these labels.
    pub fn selects(&self, pod: &Labels) -> bool {
        labels::selects(&self.labels, pod)
            && self.expressions.iter().all(|(key, operator, values)| {
                let value = pod.get(key);
                match &**operator {
                    "In" => value.is_some_and(|value| values.contains(value)),
                    "NotIn" => !value.is_some_and(|value| values.contains(value)),
                    "Exists" => value.is_some(),
                    "DoesNotExist" => value.is_none(),
                    _ => false,
                }
            })
    }
}

/// A ServiceMonitor or PodMonitor.
#[derive(Debug)]
pub struct Monitored {
    /// The object.
    pub object: ObjectRef,
    /// Whether it selects pods, not Services.
    pub pods: bool,
    /// What it selects.
    pub selector: Selected,
    /// Ports by name or number of the Service (or pod), and those by number or name of the pod;
    /// each with its pointer.
    pub endpoints: Vec<(Option<PortRef>, Option<PortRef>, Text)>,
    /// Namespaces it looks in; its own when empty, all when `None`.
    pub namespaces: Option<Vec<Text>>,
}

/// `protocol`, TCP by default.
pub(super) fn protocol(port: View<'_>) -> Protocol {
    match member(port, "protocol").as_deref() {
        Some("UDP") => Protocol::Udp,
        Some("SCTP") => Protocol::Sctp,
        _ => Protocol::Tcp,
    }
}

/// A port by number or name.
pub fn port_ref(view: View<'_>) -> Option<PortRef> {
    if let Some(number) = number(view) {
        return Some(PortRef::Number(number));
    }
    let name = view.as_str()?;
    (!name.is_empty()).then(|| PortRef::Name(Text::from(name)))
}

impl Facts {
    /// Notes what an object that runs no pods says.
    pub(super) fn other(&mut self, own: &ObjectRef, object: &Object<'_>) {
        let id = &object.identity;
        match (id.group(), id.kind.as_str()) {
            ("", "Service") => self.service(own, object),
            ("", "ConfigMap") => self.store(own, Stored::ConfigMap),
            ("", "Secret") => self.store(own, Stored::Secret),
            ("", "Namespace") => self.namespaces.push(own.name.clone()),
            ("", "ServiceAccount") => self.account(own, object),
            ("", "Endpoints") | ("discovery.k8s.io", "EndpointSlice") => {
                self.endpoints(own, object);
            }
            ("networking.k8s.io", "NetworkPolicy") => self.policy(own, object),
            ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
                self.binding(own, object);
            }
            ("rbac.authorization.k8s.io", "Role" | "ClusterRole") => self.role(object),
            ("monitoring.coreos.com", "ServiceMonitor" | "PodMonitor") => {
                self.monitor(own, object);
            }
            (
                "admissionregistration.k8s.io",
                "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration",
            ) => self.webhooks(own, object),
            ("apiregistration.k8s.io", "APIService") => {
                self.called(own, object, "/spec/service");
            }
            ("dapr.io", "Component") => self.component(own, object),
            ("postgresql.cnpg.io", "Cluster") => self.database(own),
            (group, kind) if super::routes::is_route(group, kind) => self.route(own, object),
            _ => {}
        }
    }

    fn service(&mut self, own: &ObjectRef, object: &Object<'_>) {
        let Some(spec) = object.view.get("spec") else {
            return;
        };
        let texts = &mut self.texts;
        let ports = spec.get("ports").into_iter().flat_map(View::items);
        let ports: Vec<ServicePort> = ports.filter_map(|port| service_port(port, texts)).collect();
        let metadata = object.view.get("metadata");
        let annotations = metadata.and_then(|metadata| metadata.get("annotations"));
        let at = || format!("{}/metadata/annotations", object.pointer);
        let labels = metadata.and_then(|metadata| metadata.get("labels"));
        let kind = member(spec, "type").unwrap_or("ClusterIP".into());
        self.services.push(ServiceFacts {
            object: own.clone(),
            labels: labels::read(labels, texts),
            selector: labels::read(spec.get("selector"), texts),
            kind: texts.keep(&kind),
            external_addresses: spec.get("externalIPs").is_some_and(|own| !own.is_empty()),
            headless: member(spec, "clusterIP").as_deref() == Some("None"),
            external_name: member(spec, "externalName").map(Text::from),
            operated: false,
            ports: ports.into(),
            scrape: annotations.and_then(|own| Scrape::read(own, &at(), texts)),
        });
    }

    /// The Services that CloudNativePG makes for a Cluster: to the primary, to the copies, to any
    /// (cloudnative-pg.io/docs, "Service management").
    fn database(&mut self, own: &ObjectRef) {
        for role in ["rw", "ro", "r"] {
            self.services.push(ServiceFacts {
                object: ObjectRef::from(Named {
                    kind: "Service".into(),
                    name: format!("{}-{role}", own.name).into(),
                    ..Named::clone(own)
                }),
                labels: Labels::default(),
                selector: Labels::default(),
                kind: "ClusterIP".into(),
                external_addresses: false,
                headless: false,
                external_name: None,
                operated: true,
                ports: Rc::from([ServicePort {
                    name: None,
                    number: 5432,
                    target: PortRef::Number(5432),
                    protocol: Protocol::Tcp,
                }]),
                scrape: None,
            });
        }
    }

    fn store(&mut self, own: &ObjectRef, kind: Stored) {
        let key = (kind, own.namespace.clone(), own.name.clone());
        self.stored.insert(key, own.clone());
    }

    fn account(&mut self, own: &ObjectRef, object: &Object<'_>) {
        let mounted = object.view.get("automountServiceAccountToken");
        if let Some(mounted) = mounted.and_then(View::as_bool) {
            let account = (own.namespace.clone(), own.name.clone(), mounted);
            self.accounts.push(account);
        }
    }

    /// `Endpoints` are called like their Service, an `EndpointSlice` names it by a label.
    fn endpoints(&mut self, own: &ObjectRef, object: &Object<'_>) {
        let view = object.view;
        let label = |key: &str| member(view.get("metadata")?.get("labels")?, key);
        let subsets = view.get("subsets").into_iter().flat_map(View::items);
        let old = subsets.flat_map(|s| s.get("addresses").into_iter().flat_map(View::items));
        let slices = view.get("endpoints").into_iter().flat_map(View::items);
        let new = slices.flat_map(|s| s.get("addresses").into_iter().flat_map(View::items));
        let addresses = old
            .filter_map(|address| member(address, "ip"))
            .chain(new.filter_map(super::text))
            .map(Text::from)
            .collect();
        let service = label("kubernetes.io/service-name").map(Text::from);
        let service = service.unwrap_or_else(|| own.name.clone());
        self.endpoints.push((own.clone(), service, addresses));
    }

    fn policy(&mut self, own: &ObjectRef, object: &Object<'_>) {
        let spec = object.view.get("spec");
        let types: Vec<_> = spec
            .and_then(|spec| spec.get("policyTypes"))
            .into_iter()
            .flat_map(View::items)
            .filter_map(super::text)
            .collect();
        // Without policyTypes: Ingress always, Egress where there are egress rules (the API's
        // documentation of NetworkPolicySpec.policyTypes).
        let egress_rules = spec
            .and_then(|spec| spec.get("egress"))
            .is_some_and(|rules| !rules.is_null());
        let has = |name: &str| types.iter().any(|own| own == name);
        let mark = object
            .view
            .get("metadata")
            .and_then(|metadata| metadata.get("labels"))
            .and_then(|labels| labels.get(OWN));
        let selector = spec.and_then(|spec| spec.get("podSelector"));
        self.policies.push(PolicyFacts {
            object: own.clone(),
            ours: mark.is_some(),
            selector: Selected::read(selector, &mut self.texts),
            ingress: types.is_empty() || has("Ingress"),
            egress: has("Egress") || (types.is_empty() && egress_rules),
            open: narrow::open_rules(object.view),
            allowed: super::peers::read(object, &mut self.texts),
        });
    }

    fn binding(&mut self, own: &ObjectRef, object: &Object<'_>) {
        let subjects = object.view.get("subjects").into_iter();
        for (index, subject) in subjects.flat_map(View::items).enumerate() {
            let name = member(subject, "name").unwrap_or_default();
            let texts = &mut self.texts;
            let (namespace, name) = match member(subject, "kind").as_deref() {
                Some("ServiceAccount") => {
                    let written = member(subject, "namespace").map(|name| texts.keep(&name));
                    let namespace = written.or_else(|| own.namespace.clone());
                    (namespace, Some(texts.keep(&name)))
                }
                Some("Group") => match name.strip_prefix("system:serviceaccounts:") {
                    Some(namespace) => (Some(texts.keep(namespace)), None),
                    None => continue,
                },
                _ => continue,
            };
            self.bindings.push(Account {
                object: own.clone(),
                pointer: texts.keep(&format!("{}/subjects/{index}", object.pointer)),
                namespace,
                name,
            });
        }
    }

    fn monitor(&mut self, own: &ObjectRef, object: &Object<'_>) {
        let Some(spec) = object.view.get("spec") else {
            return;
        };
        let pods = object.identity.kind == "PodMonitor";
        let list = if pods {
            "podMetricsEndpoints"
        } else {
            "endpoints"
        };
        let endpoints = spec.get(list).into_iter().flat_map(View::items);
        let endpoints = endpoints.enumerate().map(|(index, endpoint)| {
            (
                endpoint.get("port").and_then(port_ref),
                endpoint.get("targetPort").and_then(port_ref),
                Text::from(format!("{}/spec/{list}/{index}", object.pointer)),
            )
        });
        let elsewhere = spec.get("namespaceSelector");
        let any = elsewhere.and_then(|s| s.get("any")).and_then(View::as_bool) == Some(true);
        let names = elsewhere.and_then(|selector| selector.get("matchNames"));
        let names = names.into_iter().flat_map(View::items);
        let names = names.filter_map(super::text).map(Text::from);
        self.monitors.push(Monitored {
            object: own.clone(),
            pods,
            selector: Selected::read(spec.get("selector"), &mut self.texts),
            endpoints: endpoints.collect(),
            namespaces: (!any).then(|| names.collect()),
        });
    }

    fn webhooks(&mut self, own: &ObjectRef, object: &Object<'_>) {
        let count = object.view.get("webhooks").map_or(0, |w| w.items().count());
        for index in 0..count {
            let at = format!("/webhooks/{index}/clientConfig/service");
            self.called(own, object, &at);
        }
    }

    /// The webhook that converts a custom resource between versions.
    pub(super) fn conversion(&mut self, own: &ObjectRef, object: &Object<'_>) {
        self.called(own, object, "/spec/conversion/webhook/clientConfig/service");
    }

    /// A Service that the API server calls, on port 443 unless it says otherwise.
    fn called(&mut self, own: &ObjectRef, object: &Object<'_>, at: &str) {
        let Some(service) = object.view.pointer(at) else {
            return;
        };
        let texts = &mut self.texts;
        if let Some(name) = member(service, "name") {
            self.webhooks.push(Backend {
                object: own.clone(),
                pointer: texts.keep(&format!("{}{at}", object.pointer)),
                namespace: member(service, "namespace").map(|name| texts.keep(&name)),
                service: texts.keep(&name),
                port: Some(
                    service
                        .get("port")
                        .and_then(port_ref)
                        .unwrap_or(PortRef::Number(443)),
                ),
            });
        }
    }

    fn component(&mut self, own: &ObjectRef, object: &Object<'_>) {
        let texts = &mut self.texts;
        let settings = object.view.pointer("/spec/metadata");
        let settings = settings.into_iter().flat_map(View::items).enumerate();
        let settings = settings.filter_map(|(index, setting)| {
            let at = format!("{}/spec/metadata/{index}", object.pointer);
            let name = member(setting, "name")?;
            let secret = setting.get("secretKeyRef");
            let (source, pointer) = match (setting.get("value").and_then(super::text), secret) {
                (Some(value), _) => (Source::Literal(Text::from(value)), format!("{at}/value")),
                (None, Some(key)) => {
                    let (name, key) = (member(key, "name")?, member(key, "key")?);
                    let source = Source::Key(Stored::Secret, texts.keep(&name), texts.keep(&key));
                    (source, format!("{at}/secretKeyRef"))
                }
                (None, None) => return None,
            };
            Some(Variable {
                name: texts.keep(&name),
                source,
                pointer: texts.keep(&pointer),
            })
        });
        let scopes = object.view.get("scopes").into_iter().flat_map(View::items);
        let settings = settings.collect();
        let scopes = scopes.filter_map(super::text).map(Text::from);
        self.components.push(Component {
            object: own.clone(),
            scopes: scopes.collect(),
            settings,
        });
    }
}

/// A port of a Service.
fn service_port(port: View<'_>, texts: &mut Texts) -> Option<ServicePort> {
    let own = number(port.get("port")?)?;
    let target = port.get("targetPort").and_then(port_ref);
    Some(ServicePort {
        name: member(port, "name").map(|name| texts.keep(&name)),
        number: own,
        target: target.unwrap_or(PortRef::Number(own)),
        protocol: protocol(port),
    })
}
