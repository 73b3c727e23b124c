//! The variables of one container.

use super::{Remark, What, policy};
use crate::inject::Draft;
use crate::manifest::edit::EditError;
use crate::manifest::view::View;
use crate::platform::variables::{Given, Topic, Variable};

/// ConfigMaps and Secrets of the release, for containers that take all of one as variables.
pub trait Sources {
    /// Whether one has a key. `kind` is `ConfigMap` or `Secret`.
    fn has(&self, kind: &str, name: &str, key: &str) -> bool;
}

/// Adds the variables whose names a container does not have; gives them with their pointers.
///
/// # Errors
/// The container's `env` is no list.
pub fn inject(
    draft: &mut Draft<'_>,
    container: &str,
    wanted: &[&Variable],
    sources: &dyn Sources,
    remarks: &mut Vec<Remark>,
) -> Result<Vec<(String, Variable)>, EditError> {
    let Some(view) = draft.at(container) else {
        return Ok(Vec::new());
    };
    let list = format!("{container}/env");
    let own = |index: usize| format!("{list}/{index}");
    let mut missing = Vec::new();
    for variable in wanted.iter().filter(|own| draft.enabled(policy(own.topic))) {
        match (
            given(view, &variable.name),
            from_all(view, variable, sources),
        ) {
            (Some((index, there)), _) => {
                if !is_same(there, variable) {
                    // The line of the value is not for reports.
                    let pointer = format!("{}/name", own(index));
                    remarks.push(remark(variable, pointer, other_value(there, variable)));
                }
            }
            (None, Some(index)) => {
                let pointer = format!("{container}/envFrom/{index}");
                let what = What::FromAll(variable.name.clone());
                remarks.push(remark(variable, pointer, what));
            }
            (None, None) => missing.push(*variable),
        }
    }
    let mut added = Vec::new();
    for variable in missing {
        let count = draft.at(&list).map_or(0, |list| list.items().count());
        draft.append(policy(variable.topic), &list, variable.entry())?;
        added.push((own(count), variable.clone()));
    }
    Ok(added)
}

fn remark(variable: &Variable, pointer: String, what: What) -> Remark {
    Remark {
        policy: policy(variable.topic),
        pointer,
        what,
    }
}

/// What there is to say about another value than the product's.
fn other_value(there: View<'_>, variable: &Variable) -> What {
    let name = variable.name.clone();
    let literal = there.get("value").and_then(View::as_str);
    // What refers to another variable stands somewhere else.
    let clear = literal.is_some_and(|text| !text.is_empty() && !text.starts_with("$("));
    match (&variable.given, variable.topic) {
        (Given::Secret { secret, key }, Topic::Credentials) if clear => {
            What::InTheClear(name, secret.clone(), key.clone())
        }
        _ => What::Differs(name),
    }
}

/// The variable of that name: the last one, which wins.
fn given<'v>(container: View<'v>, name: &str) -> Option<(usize, View<'v>)> {
    let env = container.get("env").into_iter().flat_map(View::items);
    let named = |own: &View<'_>| {
        own.get("name")
            .and_then(View::as_str)
            .is_some_and(|own| own == name)
    };
    env.enumerate().filter(|(_, own)| named(own)).last()
}

/// Whether the container's variable is what the product would give it.
fn is_same(there: View<'_>, variable: &Variable) -> bool {
    let want = variable.entry();
    let want = View::Json(&want);
    let text = |view: View<'_>, pointer: &str| {
        let found = view.pointer(pointer).and_then(View::as_str);
        found.map(|text| text.into_owned())
    };
    [
        "/value",
        "/valueFrom/secretKeyRef/name",
        "/valueFrom/secretKeyRef/key",
    ]
    .iter()
    .all(|pointer| text(there, pointer) == text(want, pointer))
}

/// The entry of `envFrom` that brings the variable, as far as the release shows: one of `env` would
/// win over it.
fn from_all(container: View<'_>, variable: &Variable, sources: &dyn Sources) -> Option<usize> {
    let mut entries = container.get("envFrom").into_iter().flat_map(View::items);
    entries.position(|source| {
        let prefix = source.get("prefix").and_then(View::as_str);
        let key = variable
            .name
            .strip_prefix(prefix.unwrap_or_default().as_ref());
        let Some(key) = key else {
            return false;
        };
        [("configMapRef", "ConfigMap"), ("secretRef", "Secret")]
            .into_iter()
            .any(|(field, kind)| {
                let name = source.get(field).and_then(|own| own.get("name"));
                let name = name.and_then(View::as_str);
                name.is_some_and(|name| sources.has(kind, &name, key))
            })
    })
}
