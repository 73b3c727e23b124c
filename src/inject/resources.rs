//! Requests and limits for containers that have none.

use serde_json::Value;

use super::Draft;
use crate::manifest::View;
use crate::manifest::edit::EditError;
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
) -> Result<(), EditError> {
    let Some(preset) = preset_for(draft, at, place, settings) else {
        return Ok(());
    };
    let spec = format!("{at}{}", place.spec);
    if draft
        .at(&format!("{spec}/resources"))
        .is_some_and(|r| !r.is_empty())
    {
        return Ok(());
    }
    for list in ["initContainers", "containers"] {
        let count = draft
            .at(&format!("{spec}/{list}"))
            .map_or(0, |l| l.items().count());
        for index in 0..count {
            fill_container(
                draft,
                &format!("{spec}/{list}/{index}"),
                &preset,
                settings.cpu_limits,
            )?;
        }
    }
    Ok(())
}

fn preset_for(
    draft: &Draft<'_>,
    at: &str,
    place: &PodPlace,
    settings: &Resources,
) -> Option<Preset> {
    let template = place.template.as_ref()?;
    let component = draft
        .at(&format!("{at}{template}/metadata/labels"))
        .and_then(|labels| labels.get(COMPONENT))
        .and_then(|value| value.as_str());
    let name = component
        .and_then(|c| settings.components.get(c.as_ref()))
        .unwrap_or(&settings.preset);
    settings
        .presets
        .get(name)
        .cloned()
        .or_else(|| builtin_preset(name))
}

fn fill_container(
    draft: &mut Draft<'_>,
    container: &str,
    preset: &Preset,
    cpu_limits: bool,
) -> Result<(), EditError> {
    for (resource, request, limit) in rows(&preset.requests, &preset.limits) {
        let given = |draft: &Draft<'_>, kind: &str| {
            draft
                .at(&format!("{container}/resources/{kind}/{resource}"))
                .filter(|v| !v.is_null())
                .map(quantity)
        };
        let (given_request, given_limit) = (given(draft, "requests"), given(draft, "limits"));
        // A limit without a request is a request of the same size to the API server: leave it.
        if given_request.is_none() && given_limit.is_none() {
            fill(
                draft,
                REQUESTS,
                &format!("{container}/resources/requests/{resource}"),
                request,
            )?;
        }
        if given_limit.is_none() && (cpu_limits || resource != "cpu") {
            let limit = at_least(limit, given_request);
            fill(
                draft,
                LIMITS,
                &format!("{container}/resources/limits/{resource}"),
                &limit,
            )?;
        }
    }
    Ok(())
}

fn rows<'a>(requests: &'a Amounts, limits: &'a Amounts) -> [(&'static str, &'a str, &'a str); 2] {
    [
        ("cpu", &requests.cpu, &limits.cpu),
        ("memory", &requests.memory, &limits.memory),
    ]
}

/// A quantity as it stands, with its value where it is one.
type Given = (String, Option<Quantity>);

fn quantity(view: View<'_>) -> Given {
    let text = view
        .as_str()
        .map_or_else(|| view.to_json().to_string(), |s| s.into_owned());
    (text, Quantity::read(view))
}

/// The preset's limit, raised to the request that stands: a limit below it would be refused.
fn at_least(limit: &str, request: Option<Given>) -> String {
    match (Quantity::parse(limit), request) {
        (Some(value), Some((text, Some(request)))) if request > value => text,
        _ => limit.to_owned(),
    }
}

fn fill(draft: &mut Draft<'_>, policy: &str, pointer: &str, value: &str) -> Result<(), EditError> {
    draft.fill(policy, pointer, Value::String(value.to_owned()))?;
    Ok(())
}
