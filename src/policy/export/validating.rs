//! One ValidatingAdmissionPolicy and its binding for each policy.

use serde_json::{Map, Value, json};

use super::exceptions::{Exempt, exempt};
use super::rule::{self, Asked};
use super::schema::Untranslatable;
use super::{Export, Target, scope};
use crate::policy::model::{NodeKind, Rule};
use crate::policy::select::Selected;
use crate::report::Severity;

/// Puts the policies to the API server.
pub fn export(policies: &[Selected], target: &Target<'_>) -> Export {
    Export::of(policies, target, one)
}

fn one(
    selected: &Selected,
    target: &Target<'_>,
    export: &mut Export,
) -> Result<(), Untranslatable> {
    let name = &selected.loaded.name;
    if let Some(reason) = super::no_rule(&selected.loaded.policy) {
        export.leave_out(name, reason);
        return Ok(());
    }
    let exempt = exempt(name, target.exceptions, target.today);
    let before = (export.objects.len(), export.left_out.len());
    pods(selected, target, &exempt, export)?;
    objects(selected, target, &exempt, export)?;
    if (export.objects.len(), export.left_out.len()) == before {
        let reason = "there is nothing to ask: the API server makes sure of it itself";
        export.leave_out(name, reason);
    } else if export.objects.len() > before.0 {
        for (number, reason) in exempt.left_out {
            let reason = format!("exception {number} is not part of it: {reason}");
            export.leave_out(name, &reason);
        }
    }
    Ok(())
}

fn pods(
    selected: &Selected,
    target: &Target<'_>,
    exempt: &Exempt,
    export: &mut Export,
) -> Result<(), Untranslatable> {
    if selected
        .rules()
        .iter()
        .all(|rule| rule.node == NodeKind::Object)
    {
        return Ok(());
    }
    let asked = rule::of_pods(selected, &exempt.containers)?;
    let conditions = vec![condition("changes", scope::changes_pod())];
    push(
        selected,
        target,
        exempt,
        export,
        "",
        Request {
            asked,
            conditions,
            resources: scope::pod_resources(),
        },
    );
    Ok(())
}

fn objects(
    selected: &Selected,
    target: &Target<'_>,
    exempt: &Exempt,
    export: &mut Export,
) -> Result<(), Untranslatable> {
    let rules: Vec<&Rule> = selected
        .rules()
        .iter()
        .filter(|rule| rule.node == NodeKind::Object)
        .collect();
    for (index, rule) in rules.iter().enumerate() {
        let place = |error: Untranslatable| error.below(&format!("/{index}"));
        let Some(kinds) = export.kinds_in_reach(&selected.loaded.name, rule) else {
            continue;
        };
        let asked = rule::of_objects(selected, rule).map_err(place)?;
        let is_one = scope::is_of_kinds(&kinds).text();
        let mut conditions = vec![condition("kinds", is_one)];
        conditions.retain(|own| own.get("expression") != Some(&json!("true")));
        let suffix = match rules.len() {
            1 => "-object".to_owned(),
            _ => format!("-object-{}", index + 1),
        };
        push(
            selected,
            target,
            exempt,
            export,
            &suffix,
            Request {
                asked,
                conditions,
                resources: scope::object_resources(&kinds),
            },
        );
    }
    Ok(())
}

/// What is asked, and of which requests.
struct Request {
    asked: Asked,
    conditions: Vec<Value>,
    resources: Value,
}

fn push(
    selected: &Selected,
    target: &Target<'_>,
    exempt: &Exempt,
    export: &mut Export,
    suffix: &str,
    mut request: Request,
) {
    if request.asked.validations.is_empty() {
        return;
    }
    request.conditions.extend(exempt.conditions());
    let name = target.name(&selected.loaded.name, suffix);
    let mut metadata = target.metadata(&name, &selected.loaded.name);
    let granted = exempt.requests.iter().map(|(number, _)| *number);
    let granted = granted.chain(exempt.containers.iter().map(|own| own.number));
    for (number, exception) in granted.filter_map(|n| Some((n, target.exceptions.get(n - 1)?))) {
        let key = format!("floe.dev/exception-{number}");
        metadata["annotations"][key] = exception.to_string().into();
    }
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": metadata,
        "spec": spec(request),
    });
    let refuses = selected.loaded.policy.severity == Severity::Error && !target.only_warn;
    let actions = if refuses {
        ["Deny", "Audit"]
    } else {
        ["Warn", "Audit"]
    };
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": target.metadata(&name, &selected.loaded.name),
        "spec": {
            "policyName": name,
            "validationActions": actions,
            "matchResources": {"namespaceSelector": target.namespaces},
        },
    });
    export.objects.extend([policy, binding]);
}

fn spec(request: Request) -> Value {
    let validations: Vec<Value> = request
        .asked
        .validations
        .into_iter()
        .map(|own| {
            let mut validation = Map::new();
            validation.insert("expression".into(), own.expression.into());
            validation.insert("message".into(), own.message.into());
            if let Some(expression) = own.message_expression {
                validation.insert("messageExpression".into(), expression.into());
            }
            // 403, as Pod Security admission answers; 422 would blame the object's form.
            validation.insert("reason".into(), "Forbidden".into());
            Value::Object(validation)
        })
        .collect();
    let mut spec = Map::new();
    spec.insert("failurePolicy".into(), "Fail".into());
    spec.insert(
        "matchConstraints".into(),
        json!({"resourceRules": request.resources}),
    );
    if !request.conditions.is_empty() {
        spec.insert("matchConditions".into(), request.conditions.into());
    }
    if !request.asked.variables.is_empty() {
        spec.insert(
            "variables".into(),
            super::variables(request.asked.variables),
        );
    }
    spec.insert("validations".into(), validations.into());
    Value::Object(spec)
}

fn condition(name: &str, expression: String) -> Value {
    json!({"name": name, "expression": expression})
}
