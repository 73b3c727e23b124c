//! The variables that Kubernetes itself gives every container: host and port of each Service of the
//! namespace (`REDIS_SERVICE_HOST`, `REDIS_SERVICE_PORT`).

use std::cell::OnceCell;

use foldhash::HashMap;

use super::Topology;
use crate::inject::network::texts::Text;

/// The variables of a release's Services, made when somebody asks for one.
#[derive(Debug)]
pub struct Links<'t> {
    topology: &'t Topology,
    by_name: OnceCell<ByName>,
}

/// Variables by namespace and name.
type ByName = HashMap<Text, HashMap<String, Text>>;

impl<'t> Links<'t> {
    /// The variables for the Services of a release.
    pub fn new(topology: &'t Topology) -> Links<'t> {
        Links {
            topology,
            by_name: OnceCell::new(),
        }
    }

    /// The value of a variable in a namespace's containers.
    pub fn get(&self, namespace: &str, name: &str) -> Option<&str> {
        if !name.contains("_SERVICE_") {
            return None;
        }
        let by_name = self.by_name.get_or_init(|| by_name(self.topology));
        let value = by_name.get(namespace)?.get(name)?;
        Some(value)
    }
}

fn by_name(topology: &Topology) -> ByName {
    let mut by_name = ByName::default();
    for service in &topology.services {
        let stem = service.object.name.to_ascii_uppercase().replace('-', "_");
        let names = by_name.entry(service.namespace.clone()).or_default();
        names.insert(format!("{stem}_SERVICE_HOST"), service.object.name.clone());
        if let Some(port) = service.ports.first() {
            let number = Text::from(port.number.to_string());
            names.insert(format!("{stem}_SERVICE_PORT"), number);
        }
        for port in &*service.ports {
            if let Some(name) = &port.name {
                let name = name.to_ascii_uppercase().replace('-', "_");
                let number = Text::from(port.number.to_string());
                names.insert(format!("{stem}_SERVICE_PORT_{name}"), number);
            }
        }
    }
    by_name
}
