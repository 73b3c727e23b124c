//! Requests and limits for containers that have none.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::draft::{Draft, Member};
use crate::manifest::View;
use crate::manifest::edit::{EditError, Operation};
use crate::manifest::view::Type;
use crate::object::PodPlace;
use crate::object::quantity::Quantity;
use crate::platform::hardening::{Amounts, Preset, Resources, builtin_preset};

/// The policy that asks for requests.
pub const REQUESTS: &str = "resources/requests";
/// The policy that asks for limits.
pub const LIMITS: &str = "resources/limits";

/// The label by whose value a component chooses its preset.
const COMPONENT: &str = "app.kubernetes.io/component";

/// Fills absent requests and limits of a pod's containers and init containers.
///
/// Ephemeral containers may not have any, and where the pod itself has resources (Kubernetes
/// 1.34) its containers share those. `at` is the object's pointer.
pub fn inject(
    draft: &mut Draft<'_>,
    at: &str,
    place: &PodPlace,
    settings: &Resources,
    own: Option<Own<'_>>,
) -> Result<(), EditError> {
    let preset = preset_for(draft, at, place, settings);
    if preset.is_none() && own.is_none() {
        return Ok(());
    }
    let spec = format!("{at}{}", place.spec);
    let Some(pod) = draft.at(&spec) else {
        return Ok(());
    };
    if pod.get("resources").is_some_and(|own| !own.is_empty()) {
        return Ok(());
    }
    let mut wanted = Vec::new();
    for list in ["initContainers", "containers"] {
        for (index, container) in pod.get(list).into_iter().flat_map(View::items).enumerate() {
            // What is no map, the policies refuse.
            if !is_map(container) {
                continue;
            }
            let own = own.filter(|own| (own.applies)(list, container));
            if let Some(preset) = own.map(|own| own.preset).or(preset.as_deref()) {
                let resources = container.get("resources");
                let absent = absent(resources, preset, settings.cpu_limits);
                let fresh = resources.is_none_or(View::is_null);
                wanted.push((list, index, absent, fresh));
            }
        }
    }
    for (list, index, absent, fresh) in wanted {
        if absent.iter().all(Vec::is_empty) {
            continue;
        }
        let resources = [&spec, list, &index.to_string(), "resources"].join("/");
        if fresh {
            create(draft, &resources, absent)?;
            continue;
        }
        for ((policy, kind), amounts) in KINDS.into_iter().zip(absent) {
            fill(draft, policy, &format!("{resources}/{kind}"), amounts)?;
        }
    }
    Ok(())
}

/// A size that goes before the platform's presets, for some of a pod's containers.
#[derive(Clone, Copy)]
pub struct Own<'o> {
    /// The size.
    pub preset: &'o Preset,
    /// Whether it is for a container; the list that this stands in comes first.
    pub applies: &'o dyn Fn(&str, View<'_>) -> bool,
}

/// The policies and the maps that they fill.
const KINDS: [(&str, &str); 2] = [(REQUESTS, "requests"), (LIMITS, "limits")];

/// Resources and their amounts.
type Rows = Vec<(&'static str, String)>;

fn preset_for<'r>(
    draft: &Draft<'_>,
    at: &str,
    place: &PodPlace,
    settings: &'r Resources,
) -> Option<Cow<'r, Preset>> {
    let template = place.template.as_ref()?;
    let chosen = match settings.components.is_empty() {
        true => None,
        false => draft
            .at(&format!("{at}{template}/metadata/labels"))
            .and_then(|labels| labels.get(COMPONENT)?.as_str())
            .and_then(|component| settings.components.get(component.as_ref())),
    };
    let name = chosen.unwrap_or(&settings.preset);
    let own = settings.presets.get(name).map(Cow::Borrowed);
    own.or_else(|| builtin_preset(name).map(Cow::Owned))
}

/// What a container lacks: requests, then limits.
fn absent(resources: Option<View<'_>>, preset: &Preset, cpu_limits: bool) -> [Rows; 2] {
    let [mut requests, mut limits] = [Rows::new(), Rows::new()];
    for (resource, request, limit) in rows(&preset.requests, &preset.limits) {
        let given = |kind: &str| {
            let value = resources?.get(kind)?.get(resource)?;
            (!value.is_null()).then_some(value)
        };
        let (given_request, given_limit) = (given("requests"), given("limits"));
        // A limit without a request is a request of the same size to the API server: leave it.
        if given_request.is_none() && given_limit.is_none() {
            requests.push((resource, request.to_owned()));
        }
        if given_limit.is_none() && (cpu_limits || resource != "cpu") {
            limits.push((resource, at_least(limit, given_request)));
        }
    }
    [requests, limits]
}

fn rows<'a>(requests: &'a Amounts, limits: &'a Amounts) -> [(&'static str, &'a str, &'a str); 2] {
    [
        ("cpu", &requests.cpu, &limits.cpu),
        ("memory", &requests.memory, &limits.memory),
    ]
}

/// The preset's limit, raised to the request that stands: a limit below it would be refused.
fn at_least(limit: &str, request: Option<View<'_>>) -> String {
    let larger = request.filter(|request| {
        let (given, limit) = (Quantity::read(*request), Quantity::parse(limit));
        matches!((given, limit), (Some(given), Some(limit)) if given > limit)
    });
    match larger {
        Some(request) => request
            .as_str()
            .map_or_else(|| request.to_json().to_string(), |text| text.into_owned()),
        None => limit.to_owned(),
    }
}

fn is_map(view: View<'_>) -> bool {
    view.value_type() == Type::Map
}

/// Adds resources to a container that has none; what is in force first brings the map along.
fn create(draft: &mut Draft<'_>, at: &str, absent: [Rows; 2]) -> Result<(), EditError> {
    let mut there = false;
    for ((policy, kind), amounts) in KINDS.into_iter().zip(absent) {
        if amounts.is_empty() || !draft.enabled(policy) {
            continue;
        }
        let amounts = all_of(amounts);
        let operation = match there {
            false => Operation::add(at, Map::from_iter([(kind.to_owned(), amounts)])),
            true => Operation::add([at, kind].join("/"), amounts),
        };
        draft.apply(policy, operation)?;
        there = true;
    }
    Ok(())
}

/// Amounts as a map.
fn all_of(amounts: Rows) -> Value {
    let amounts = amounts.into_iter();
    let amounts = amounts.map(|(key, amount)| (key.to_owned(), Value::String(amount)));
    Value::Object(amounts.collect())
}

/// Adds amounts to a map that may be absent or null.
fn fill(draft: &mut Draft<'_>, policy: &str, map: &str, amounts: Rows) -> Result<(), EditError> {
    let there = draft.at(map).filter(|view| !view.is_null());
    match (there.map(is_map), amounts.first()) {
        (_, None) => return Ok(()),
        (None, _) => {}
        (Some(false), Some((resource, _))) => {
            return Err(EditError::Parent(format!("{map}/{resource}")));
        }
        (Some(true), _) => {
            let members = amounts.into_iter().map(|(key, amount)| Member {
                policy,
                key,
                value: Value::String(amount),
            });
            return draft.add_members(map, members);
        }
    }
    draft.fill(policy, map, all_of(amounts)).map(drop)
}
