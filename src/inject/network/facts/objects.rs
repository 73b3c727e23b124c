//! What objects without pods say: Services, routes, monitors, webhooks, bindings, policies.

use super::{
    Account, Backend, Component, Facts, PolicyFacts, Scrape, ServiceFacts, Source, Stored,
    Variable, member, number,
};
use crate::inject::network::labels::{self, Labels};
use crate::inject::network::topology::{ObjectRef, PortRef, Protocol, ServicePort};
use crate::inject::network::{OWN, narrow};
use crate::manifest::View;
use crate::object::Object;

/// A label selector of the stream.
#[derive(Clone, Debug, Default)]
pub struct Selected {
    /// `matchLabels`.
    pub labels: Labels,
    /// `matchExpressions`: key, operator, values.
    pub expressions: Vec<(String, String, Vec<String>)>,
}

impl Selected {
    /// Reads a `LabelSelector`.
    pub fn read(selector: Option<View<'_>>) -> Selected {
        let expressions = selector.and_then(|s| s.get("matchExpressions"));
        let expression = |view: View<'_>| {
            let values = view.get("values").into_iter().flat_map(View::items);
            Some((
                member(view, "key")?,
                member(view, "operator")?,
                values.filter_map(super::text).collect(),
            ))
        };
        Selected {
            labels: labels::read(selector.and_then(|s| s.get("matchLabels"))),
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
                match operator.as_str() {
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
    pub endpoints: Vec<(Option<PortRef>, Option<PortRef>, String)>,
    /// Namespaces it looks in; its own when empty, all when `None`.
    pub namespaces: Option<Vec<String>>,
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
    (!name.is_empty()).then(|| PortRef::Name(name.into_owned()))
}

impl Facts {
    /// Notes what an object that runs no pods says.
    pub(super) fn other(&mut self, document: usize, object: &Object<'_>) {
        let id = &object.identity;
        match (id.group(), id.kind.as_str()) {
            ("", "Service") => self.service(document, object),
            ("", "ConfigMap") => self.store(document, object, Stored::ConfigMap),
            ("", "Secret") => self.store(document, object, Stored::Secret),
            ("", "Namespace") => self.namespaces.push(id.name.clone()),
            ("", "ServiceAccount") => self.account(object),
            ("", "Endpoints") | ("discovery.k8s.io", "EndpointSlice") => {
                self.endpoints(document, object);
            }
            ("networking.k8s.io", "NetworkPolicy") => self.policy(document, object),
            ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
                self.binding(document, object);
            }
            ("monitoring.coreos.com", "ServiceMonitor" | "PodMonitor") => {
                self.monitor(document, object);
            }
            (
                "admissionregistration.k8s.io",
                "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration",
            ) => self.webhooks(document, object),
            ("apiregistration.k8s.io", "APIService") => {
                self.called(document, object, "/spec/service");
            }
            ("dapr.io", "Component") => self.component(document, object),
            ("postgresql.cnpg.io", "Cluster") => self.database(document, object),
            (group, kind) if super::routes::is_route(group, kind) => self.route(document, object),
            _ => {}
        }
    }

    fn service(&mut self, document: usize, object: &Object<'_>) {
        let Some(spec) = object.view.get("spec") else {
            return;
        };
        let ports = spec.get("ports").into_iter().flat_map(View::items);
        let ports = ports.filter_map(|port| {
            let own = number(port.get("port")?)?;
            Some(ServicePort {
                name: member(port, "name"),
                number: own,
                target: port
                    .get("targetPort")
                    .and_then(port_ref)
                    .unwrap_or(PortRef::Number(own)),
                protocol: protocol(port),
            })
        });
        let metadata = object.view.get("metadata");
        let annotations = metadata.and_then(|metadata| metadata.get("annotations"));
        let at = format!("{}/metadata/annotations", object.pointer);
        self.services.push(ServiceFacts {
            object: ObjectRef::of(document, object),
            labels: labels::read(metadata.and_then(|metadata| metadata.get("labels"))),
            selector: labels::read(spec.get("selector")),
            kind: member(spec, "type").unwrap_or_else(|| "ClusterIP".into()),
            external_addresses: spec.get("externalIPs").is_some_and(|own| !own.is_empty()),
            headless: member(spec, "clusterIP").as_deref() == Some("None"),
            external_name: member(spec, "externalName"),
            operated: false,
            ports: ports.collect(),
            scrape: annotations.and_then(|annotations| Scrape::read(annotations, &at)),
        });
    }

    /// The Services that CloudNativePG makes for a Cluster: to the primary, to the copies, to any
    /// (cloudnative-pg.io/docs, "Service management").
    fn database(&mut self, document: usize, object: &Object<'_>) {
        for role in ["rw", "ro", "r"] {
            let own = ObjectRef::of(document, object);
            self.services.push(ServiceFacts {
                object: ObjectRef {
                    kind: "Service".into(),
                    name: format!("{}-{role}", own.name),
                    ..own
                },
                labels: Labels::new(),
                selector: Labels::new(),
                kind: "ClusterIP".into(),
                external_addresses: false,
                headless: false,
                external_name: None,
                operated: true,
                ports: vec![ServicePort {
                    name: None,
                    number: 5432,
                    target: PortRef::Number(5432),
                    protocol: Protocol::Tcp,
                }],
                scrape: None,
            });
        }
    }

    fn store(&mut self, document: usize, object: &Object<'_>, kind: Stored) {
        let id = &object.identity;
        let key = (kind, id.namespace.clone(), id.name.clone());
        self.stored.insert(key, ObjectRef::of(document, object));
    }

    fn account(&mut self, object: &Object<'_>) {
        let id = &object.identity;
        let mounted = object.view.get("automountServiceAccountToken");
        if let Some(mounted) = mounted.and_then(View::as_bool) {
            let account = (id.namespace.clone(), id.name.clone(), mounted);
            self.accounts.push(account);
        }
    }

    /// `Endpoints` are called like their Service, an `EndpointSlice` names it by a label.
    fn endpoints(&mut self, document: usize, object: &Object<'_>) {
        let view = object.view;
        let label = |key: &str| member(view.get("metadata")?.get("labels")?, key);
        let subsets = view.get("subsets").into_iter().flat_map(View::items);
        let old = subsets.flat_map(|s| s.get("addresses").into_iter().flat_map(View::items));
        let slices = view.get("endpoints").into_iter().flat_map(View::items);
        let new = slices.flat_map(|s| s.get("addresses").into_iter().flat_map(View::items));
        let addresses = old
            .filter_map(|address| member(address, "ip"))
            .chain(new.filter_map(super::text))
            .collect();
        let service =
            label("kubernetes.io/service-name").unwrap_or_else(|| object.identity.name.clone());
        let object = ObjectRef::of(document, object);
        self.endpoints.push((object, service, addresses));
    }

    fn policy(&mut self, document: usize, object: &Object<'_>) {
        let spec = object.view.get("spec");
        let types: Vec<String> = spec
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
        let own = object
            .view
            .get("metadata")
            .and_then(|metadata| metadata.get("labels"))
            .and_then(|labels| labels.get(OWN));
        self.policies.push(PolicyFacts {
            object: ObjectRef::of(document, object),
            ours: own.is_some(),
            selector: Selected::read(spec.and_then(|spec| spec.get("podSelector"))),
            ingress: types.is_empty() || has("Ingress"),
            egress: has("Egress") || (types.is_empty() && egress_rules),
            open: narrow::open_rules(object.view),
        });
    }

    fn binding(&mut self, document: usize, object: &Object<'_>) {
        let own = &object.identity.namespace;
        let subjects = object.view.get("subjects").into_iter();
        for (index, subject) in subjects.flat_map(View::items).enumerate() {
            let name = member(subject, "name").unwrap_or_default();
            let (namespace, name) = match member(subject, "kind").as_deref() {
                Some("ServiceAccount") => {
                    let namespace = member(subject, "namespace").or_else(|| own.clone());
                    (namespace, Some(name))
                }
                Some("Group") => match name.strip_prefix("system:serviceaccounts:") {
                    Some(namespace) => (Some(namespace.to_owned()), None),
                    None => continue,
                },
                _ => continue,
            };
            self.bindings.push(Account {
                object: ObjectRef::of(document, object),
                pointer: format!("{}/subjects/{index}", object.pointer),
                namespace,
                name,
            });
        }
    }

    fn monitor(&mut self, document: usize, object: &Object<'_>) {
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
                format!("{}/spec/{list}/{index}", object.pointer),
            )
        });
        let elsewhere = spec.get("namespaceSelector");
        let any = elsewhere.and_then(|s| s.get("any")).and_then(View::as_bool) == Some(true);
        let names = elsewhere.and_then(|selector| selector.get("matchNames"));
        let names = names.into_iter().flat_map(View::items);
        self.monitors.push(Monitored {
            object: ObjectRef::of(document, object),
            pods,
            selector: Selected::read(spec.get("selector")),
            endpoints: endpoints.collect(),
            namespaces: (!any).then(|| names.filter_map(super::text).collect()),
        });
    }

    fn webhooks(&mut self, document: usize, object: &Object<'_>) {
        let count = object.view.get("webhooks").map_or(0, |w| w.items().count());
        for index in 0..count {
            let at = format!("/webhooks/{index}/clientConfig/service");
            self.called(document, object, &at);
        }
    }

    /// The webhook that converts a custom resource between versions.
    pub(super) fn conversion(&mut self, document: usize, object: &Object<'_>) {
        self.called(
            document,
            object,
            "/spec/conversion/webhook/clientConfig/service",
        );
    }

    /// A Service that the API server calls, on port 443 unless it says otherwise.
    fn called(&mut self, document: usize, object: &Object<'_>, at: &str) {
        let Some(service) = object.view.pointer(at) else {
            return;
        };
        if let Some(name) = member(service, "name") {
            self.webhooks.push(Backend {
                object: ObjectRef::of(document, object),
                pointer: format!("{}{at}", object.pointer),
                namespace: member(service, "namespace"),
                service: name,
                port: Some(
                    service
                        .get("port")
                        .and_then(port_ref)
                        .unwrap_or(PortRef::Number(443)),
                ),
            });
        }
    }

    fn component(&mut self, document: usize, object: &Object<'_>) {
        let settings = object.view.pointer("/spec/metadata");
        let settings = settings.into_iter().flat_map(View::items).enumerate();
        let settings = settings.filter_map(|(index, setting)| {
            let at = format!("{}/spec/metadata/{index}", object.pointer);
            let name = member(setting, "name")?;
            let secret = setting.get("secretKeyRef");
            let (source, pointer) = match (setting.get("value").and_then(super::text), secret) {
                (Some(value), _) => (Source::Literal(value), format!("{at}/value")),
                (None, Some(key)) => (
                    Source::Key(Stored::Secret, member(key, "name")?, member(key, "key")?),
                    format!("{at}/secretKeyRef"),
                ),
                (None, None) => return None,
            };
            Some(Variable {
                name,
                source,
                pointer,
            })
        });
        let scopes = object.view.get("scopes").into_iter().flat_map(View::items);
        self.components.push(Component {
            object: ObjectRef::of(document, object),
            scopes: scopes.filter_map(super::text).collect(),
            settings: settings.collect(),
        });
    }
}
