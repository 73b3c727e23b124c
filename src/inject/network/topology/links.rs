//! The variables that Kubernetes itself gives every container: host and port of each Service of the
//! namespace (`REDIS_SERVICE_HOST`, `REDIS_SERVICE_PORT`).

use std::collections::HashMap;

use super::Topology;

/// The variables, by namespace and name.
#[derive(Debug, Default)]
pub struct Links {
    by_name: HashMap<String, HashMap<String, String>>,
}

impl Links {
    /// The variables for the Services of a release.
    pub fn new(topology: &Topology) -> Links {
        let mut links = Links::default();
        for service in &topology.services {
            let stem = service.object.name.to_ascii_uppercase().replace('-', "_");
            let names = links.by_name.entry(service.namespace.clone()).or_default();
            names.insert(format!("{stem}_SERVICE_HOST"), service.object.name.clone());
            if let Some(port) = service.ports.first() {
                names.insert(format!("{stem}_SERVICE_PORT"), port.number.to_string());
            }
            for port in &service.ports {
                if let Some(name) = &port.name {
                    let name = name.to_ascii_uppercase().replace('-', "_");
                    let number = port.number.to_string();
                    names.insert(format!("{stem}_SERVICE_PORT_{name}"), number);
                }
            }
        }
        links
    }

    /// The value of a variable in a namespace's containers.
    pub fn get(&self, namespace: &str, name: &str) -> Option<&str> {
        let value = self.by_name.get(namespace)?.get(name)?;
        Some(value.as_str())
    }
}
