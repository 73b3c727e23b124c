//! What the types of a policy file cannot say.

use serde_json::Value;

use super::export::check::{problem, untranslatable};
use super::model::{API_VERSION, Admission, Fix, FixTarget, NodeKind, Policy, PolicyFile, Rule};
use super::schema::Schema;
use super::vocabulary::unknown_keyword;
use crate::object::immutable;

/// The only version of JSON Schema that policies are read by, whatever they say.
const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// What may stand in braces in a message, for what the rule found.
const PLACEHOLDERS: [&str; 4] = ["container", "field", "reason", "value"];

/// A JSON Pointer into the file, and what is wrong there.
pub(super) type FieldError = (String, String);

fn wrong(pointer: impl Into<String>, reason: impl Into<String>) -> Result<(), FieldError> {
    Err((pointer.into(), reason.into()))
}

/// The first thing in a policy file that makes no sense.
pub(super) fn check(file: &PolicyFile) -> Result<(), FieldError> {
    if file.api_version != API_VERSION {
        return wrong("/apiVersion", format!("must be {API_VERSION}"));
    }
    if file.kind != "Policy" {
        return wrong("/kind", "must be Policy");
    }
    if !is_policy_name(&file.metadata.name) {
        return wrong(
            "/metadata/name",
            "must be family/name, of letters, digits, '-' and '_'",
        );
    }
    let spec = &file.spec;
    check_versions(spec)?;
    each_rule(spec, |pointer, rule| {
        check_rule(rule).map_err(|(own, reason)| (format!("{pointer}{own}"), reason))
    })?;
    check_admission(spec)?;
    check_examples(spec)
}

/// What stands for the rules at admission makes sense.
fn check_admission(spec: &Policy) -> Result<(), FieldError> {
    match &spec.admission {
        None if spec.module.is_some() => wrong(
            "/spec/module",
            "needs admission.none: why the API server cannot be asked",
        ),
        None => Ok(()),
        Some(Admission::None(reason)) if reason.trim().is_empty() => {
            wrong("/spec/admission/none", "must say why")
        }
        Some(Admission::None(_)) => Ok(()),
        Some(Admission::Cel(_)) if spec.module.is_some() => {
            wrong("/spec/admission/cel", "is for policies with rules")
        }
        Some(Admission::Cel(expression)) => {
            if let Some(problem) = problem(expression) {
                return wrong("/spec/admission/cel", problem);
            }
            let rules = spec.versions.iter().flat_map(|version| &version.rules);
            let mut kinds = spec
                .rules
                .iter()
                .chain(rules)
                .map(|rule| rule.node == NodeKind::Object);
            let first = kinds.next();
            match first.is_none_or(|first| kinds.all(|other| other == first)) {
                true => Ok(()),
                false => wrong(
                    "/spec/admission/cel",
                    "cannot stand for rules about pods and for rules about objects",
                ),
            }
        }
    }
}

fn is_policy_name(name: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    name.split_once('/')
        .is_some_and(|(family, own)| is_part(family) && is_part(own))
}

fn check_versions(spec: &Policy) -> Result<(), FieldError> {
    if spec.rules.is_empty() && spec.versions.is_empty() && spec.module.is_none() {
        return wrong("/spec/rules", "must not be empty");
    }
    let mut last = None;
    for (index, version) in spec.versions.iter().enumerate() {
        let pointer = format!("/spec/versions/{index}");
        if last >= Some(version.since) {
            return wrong(
                format!("{pointer}/since"),
                "must be newer than the version before",
            );
        }
        if version.rules.is_empty() && spec.rules.is_empty() {
            return wrong(pointer, "has no rules, and neither has the policy");
        }
        if spec.standard.is_none() && !version.overrides.is_empty() {
            return wrong(
                format!("{pointer}/overrides"),
                "is for policies of a standard",
            );
        }
        last = Some(version.since);
    }
    Ok(())
}

/// Calls back with every rule and its pointer.
fn each_rule(
    spec: &Policy,
    mut check: impl FnMut(&str, &Rule) -> Result<(), FieldError>,
) -> Result<(), FieldError> {
    for (index, rule) in spec.rules.iter().enumerate() {
        check(&format!("/spec/rules/{index}"), rule)?;
    }
    for (at, version) in spec.versions.iter().enumerate() {
        for (index, rule) in version.rules.iter().enumerate() {
            check(&format!("/spec/versions/{at}/rules/{index}"), rule)?;
        }
    }
    Ok(())
}

fn check_rule(rule: &Rule) -> Result<(), FieldError> {
    if rule.node != NodeKind::Container && !rule.lists.is_empty() {
        return wrong("/in", "is for container rules");
    }
    if rule.node != NodeKind::Object && !rule.kinds.is_empty() {
        return wrong("/kinds", "is for object rules");
    }
    if rule.annotation.is_some() && !matches!(rule.node, NodeKind::Container | NodeKind::Pod) {
        return wrong("/annotation", "is for pod and container rules");
    }
    if let Some(pointer) = &rule.inherit {
        if rule.node != NodeKind::Container {
            return wrong("/inherit", "is for container rules");
        }
        if !pointer.starts_with('/') {
            return wrong("/inherit", "must be a JSON Pointer, which starts with /");
        }
    }
    if rule.message.trim().is_empty() {
        return wrong("/message", "must say what is wrong");
    }
    if let Some(name) = unknown_placeholder(&rule.message) {
        let known = PLACEHOLDERS.map(|name| format!("{{{name}}}")).join(", ");
        return wrong(
            "/message",
            format!("{{{name}}} stands for nothing: there are {known}"),
        );
    }
    for (index, fix) in rule.fix.iter().enumerate() {
        check_fix(rule.node, fix)
            .map_err(|(own, reason)| (format!("/fix/{index}{own}"), reason))?;
    }
    Ok(())
}

/// The first word in braces that nothing is filled in for. Other braces are text.
fn unknown_placeholder(message: &str) -> Option<&str> {
    let words = message
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}'));
    let is_word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase());
    let unknown = |word: &&str| is_word(word) && !PLACEHOLDERS.contains(word);
    words.map(|(word, _)| word).find(unknown)
}

fn check_fix(node: NodeKind, fix: &Fix) -> Result<(), FieldError> {
    if !fix.path.starts_with('/') {
        return wrong("/path", "must be a JSON Pointer, which starts with /");
    }
    if fix.target == FixTarget::Object
        && let Some(field) = immutable::reached(&fix.path)
    {
        let reason = format!("{field} is immutable or selects pods: a fix may not change it");
        return wrong("/path", reason);
    }
    let fits = match fix.target {
        FixTarget::Pod | FixTarget::PodMetadata => node != NodeKind::Object,
        FixTarget::Container => node == NodeKind::Container,
        FixTarget::Object => node == NodeKind::Object,
    };
    if fits {
        Ok(())
    } else {
        wrong("/target", "does not fit the node of the rule")
    }
}

fn check_examples(spec: &Policy) -> Result<(), FieldError> {
    let named = [
        ("valid", &spec.examples.valid),
        ("invalid", &spec.examples.invalid),
    ];
    for (name, examples) in named {
        for (index, example) in examples.iter().enumerate() {
            let given = [&example.pod, &example.container, &example.object];
            if given.iter().filter(|value| value.is_some()).count() != 1 {
                let pointer = format!("/spec/examples/{name}/{index}");
                return wrong(
                    pointer,
                    "must have exactly one of pod, container and object",
                );
            }
        }
    }
    Ok(())
}

/// What holds for a user's policy only: its schemas are not tested with the program, and it cannot
/// name a part of the program.
pub(super) fn check_foreign(spec: &Policy) -> Result<(), FieldError> {
    if spec.module.is_some() {
        return wrong("/spec/module", "is for built-in policies");
    }
    check_schemas(spec)?;
    match untranslatable(spec) {
        None => Ok(()),
        Some(error) => wrong(
            format!("/spec{}", error.pointer),
            format!(
                "{}, so the API server cannot ask this; say it in admission.cel, or why not in admission.none",
                error.reason
            ),
        ),
    }
}

/// Compiles every schema of a policy, to find those that are no schemas.
pub(super) fn check_schemas(spec: &Policy) -> Result<(), FieldError> {
    let compile = |pointer: String, schema: Option<&Value>| {
        let Some(schema) = schema else { return Ok(()) };
        if let Some(place) = unknown_keyword(schema) {
            return wrong(pointer + &place, "is no keyword of JSON Schema");
        }
        if schema.get("$schema").is_some_and(|own| own != DRAFT) {
            return wrong(pointer + "/$schema", format!("must be {DRAFT}"));
        }
        match Schema::new(schema.clone()).validator() {
            Ok(_) => Ok(()),
            Err(error) => wrong(pointer + &error.pointer, error.reason.as_str()),
        }
    };
    each_rule(spec, |pointer, rule| {
        compile(format!("{pointer}/schema"), Some(&rule.schema))?;
        compile(format!("{pointer}/match"), rule.applies.as_ref())?;
        compile(format!("{pointer}/unless"), rule.unless.as_ref())?;
        for (index, fix) in rule.fix.iter().enumerate() {
            compile(format!("{pointer}/fix/{index}/unless"), fix.unless.as_ref())?;
        }
        Ok(())
    })?;
    for (index, version) in spec.versions.iter().enumerate() {
        compile(
            format!("/spec/versions/{index}/unless"),
            version.unless.as_ref(),
        )?;
    }
    Ok(())
}
