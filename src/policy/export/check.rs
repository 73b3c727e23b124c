//! Whether a policy can be put to the API server; asked when the policy is read.

use serde_json::Value;

use super::schema::{Typing, Untranslatable, translate};
use crate::policy::model::{NodeKind, Policy, Rule};

/// The first schema of a policy that CEL cannot express, unless the policy says itself what the
/// API server is to be asked. The pointer starts at the policy's `spec`.
pub fn untranslatable(policy: &Policy) -> Option<Untranslatable> {
    if policy.admission.is_some() || policy.module.is_some() {
        return None;
    }
    let own = [("/rules".to_owned(), &policy.rules)].into_iter();
    let versions = policy.versions.iter().enumerate();
    let versions = versions.map(|(at, own)| (format!("/versions/{at}/rules"), &own.rules));
    for (pointer, rules) in own.chain(versions) {
        for (index, rule) in rules.iter().enumerate() {
            if let Err(error) = of_rule(rule) {
                return Some(error.below(&format!("{pointer}/{index}")));
            }
        }
    }
    let mut versions = policy.versions.iter().enumerate();
    versions.find_map(|(at, version)| {
        let error = of_schema(version.unless.as_ref()?, Typing::ApiServer).err()?;
        Some(error.below(&format!("/versions/{at}/unless")))
    })
}

fn of_rule(rule: &Rule) -> Result<(), Untranslatable> {
    let typing = match rule.node {
        NodeKind::Object => Typing::Nobody,
        _ => Typing::ApiServer,
    };
    let schemas = [
        ("/match", rule.applies.as_ref()),
        ("/unless", rule.unless.as_ref()),
        ("/schema", Some(&rule.schema)),
    ];
    for (place, schema) in schemas {
        let Some(schema) = schema else { continue };
        of_schema(schema, typing).map_err(|error| error.below(place))?;
    }
    Ok(())
}

fn of_schema(schema: &Value, typing: Typing) -> Result<(), Untranslatable> {
    translate(schema, "x", typing).map(drop)
}

/// What is plainly wrong with a CEL expression. The API server has the last word; this is for the
/// slips that happen in a text editor.
pub fn problem(expression: &str) -> Option<&'static str> {
    if expression.trim().is_empty() {
        return Some("is empty");
    }
    let mut open = Vec::new();
    let mut rest = expression.chars();
    while let Some(c) = rest.next() {
        match c {
            '\'' | '"' if !skip_string(&mut rest, c) => return Some("has a string without an end"),
            '(' => open.push(')'),
            '[' => open.push(']'),
            '{' => open.push('}'),
            ')' | ']' | '}' if open.pop() != Some(c) => {
                return Some("has a closing bracket that closes nothing");
            }
            _ => {}
        }
    }
    (!open.is_empty()).then_some("has a bracket that is never closed")
}

/// Moves behind the end of a string; whether there is one.
fn skip_string(rest: &mut std::str::Chars<'_>, quote: char) -> bool {
    while let Some(c) = rest.next() {
        match c {
            '\\' => {
                rest.next();
            }
            c if c == quote => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found() {
        for (text, expected) in [
            ("object.spec.x == 1", None),
            (
                "variables.containers.all(c, c.name in ['a)', \"b\\\"]\"])",
                None,
            ),
            ("  ", Some("is empty")),
            ("f(a", Some("has a bracket that is never closed")),
            ("f(a])", Some("has a closing bracket that closes nothing")),
            ("a)", Some("has a closing bracket that closes nothing")),
            ("a == 'b", Some("has a string without an end")),
        ] {
            assert_eq!(problem(text), expected, "{text}");
        }
    }
}
