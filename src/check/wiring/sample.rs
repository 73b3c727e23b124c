//! The examples in the policies' files: a small release each, as a `List`.

use serde_json::Value;

use super::{Scope, Wires, objects};
use crate::inject::network::{self, Facts, topology};
use crate::manifest::View;
use crate::object::carriers;
use crate::object::{self, Object, PodPlace, pods};
use crate::platform::network::Network;
use crate::policy::Violation;

/// What a policy of the family says of a release.
pub fn judge(policy: &str, list: &Value) -> Vec<String> {
    let root = View::Json(list);
    let objects = match object::find(root) {
        Ok(objects) => objects,
        Err(error) => return vec![error.to_string()],
    };
    let (mut wires, mut facts) = (Wires::default(), Facts::default());
    let mut found: Vec<Violation> = Vec::new();
    for object in &objects {
        let places = places(object);
        let own = facts.name(0, object);
        facts.collect(&own, object, &places);
        wires.collect(&own, object, &places);
        wires.hardened(0, object, &places, root);
        found.extend(objects::judge(root, object, &places));
    }
    let scope = Scope::default();
    let odd = super::judge(&wires, &facts, &scope);
    found.extend(odd.into_iter().map(|(_, violation)| violation));
    let network = Network::default();
    let inputs = topology::Inputs {
        network: &network,
        namespace: None,
        load: &|_| None,
        common: &|_| false,
    };
    let topology = network::derive(&facts, &inputs);
    let hosts = super::hosts::judge(&topology, false);
    found.extend(hosts.into_iter().map(|(_, violation)| violation));
    let own = found.into_iter().filter(|own| own.policy == policy);
    own.map(|own| format!("{}: {}", own.pointer, own.message))
        .collect()
}

/// The pod specs of an object of Kubernetes' own kinds.
fn places(object: &Object<'_>) -> Vec<PodPlace> {
    let id = &object.identity;
    let paths = carriers::kubernetes().paths(id.group(), &id.kind);
    paths.map_or_else(Vec::new, |paths| pods::places(object.view, paths))
}
