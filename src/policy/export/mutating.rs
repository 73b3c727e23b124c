//! One MutatingAdmissionPolicy and its binding for each policy that fills something.

use serde_json::{Map, Value, json};

use super::fill::{Fill, Fills, Root, fill};
use super::rule::{self, CONTAINERS, SPEC};
use super::schema::{Typing, Untranslatable};
use super::{Export, Expr, Target, scope};
use crate::manifest::view::{escape, unescape};
use crate::policy::model::{ContainerList, Fix, FixTarget, NodeKind, Rule};
use crate::policy::select::Selected;

/// Where the template lies.
const AT: Option<&str> = Some("variables.at");

/// The pod spec.
const POD: Root<'_> = Root {
    value: SPEC,
    at: AT,
    below: "/spec",
};
/// What holds the pod's metadata and spec.
const TEMPLATE: Root<'_> = Root {
    value: "variables.template",
    at: AT,
    below: "",
};
/// The object itself.
const OBJECT: Root<'_> = Root {
    value: "variables.object",
    at: None,
    below: "",
};

/// The parts of the program that fill what no rule describes.
const FILLING_MODULES: &str = "inject::";

/// Lets the API server fill what the policies fill.
pub fn export(policies: &[Selected], target: &Target<'_>) -> Export {
    let mut export = Export::default();
    for selected in policies {
        one(selected, target, &mut export);
    }
    export
}

fn one(selected: &Selected, target: &Target<'_>, export: &mut Export) {
    let name = &selected.loaded.name;
    let labels: Vec<String> = labels(name, target);
    if !labels.is_empty() {
        return push(selected, target, export, "", of_pods(labels));
    }
    let module = selected.loaded.policy.module.as_deref();
    if module.is_some_and(|module| module.starts_with(FILLING_MODULES)) {
        return export.leave_out(name, &super::no_rule(&selected.loaded.policy));
    }
    let before = export.objects.len();
    let done = pods(selected).and_then(|pods| {
        if !pods.is_empty() {
            push(selected, target, export, "", of_pods(pods));
        }
        objects(selected, target, export)
    });
    if let Err(error) = done {
        export.objects.truncate(before);
        export.leave_out(name, &format!("rules{}: {}", error.pointer, error.reason));
    }
}

/// What is filled in pods, one expression for each step.
fn pods(selected: &Selected) -> Result<Vec<String>, Untranslatable> {
    let mut mutations = Vec::new();
    for (index, rule) in selected.rules().iter().enumerate() {
        let place = |error: Untranslatable| error.below(&format!("/{index}"));
        for fix in rule.fix.iter().filter(|_| rule.node != NodeKind::Object) {
            mutations.extend(of_fix(selected, rule, fix).map_err(place)?);
        }
    }
    Ok(mutations)
}

fn of_fix(selected: &Selected, rule: &Rule, fix: &Fix) -> Result<Vec<String>, Untranslatable> {
    if !selected.overrule && fills_nothing(&rule.schema, fix) {
        return Ok(Vec::new());
    }
    let applies = rule::applies(selected, rule, SPEC, Typing::ApiServer)?;
    let fills = fills(selected);
    if rule.node != NodeKind::Container {
        let broken = Expr::all([applies, rule::of_pod(rule)?.not()]);
        return Ok(vec![once(broken, &on_pod(fix, fills)?)]);
    }
    let broken = rule::of_container(rule)?.not();
    if fix.target == FixTarget::Container {
        return Ok(vec![in_lists(rule, fix, fills, &applies, &broken)?]);
    }
    // A value of the container's own wins over the pod's, even one that says nothing.
    let own = rule.inherit.as_ref();
    let own = own.map_or(Expr::Always(false), |at| rule::is_set("c", at));
    let others = Expr::all([broken.clone(), own.clone().not()]);
    let any = Expr::each(CONTAINERS, "exists", "c", others);
    let condition = Expr::all([applies.clone(), any]);
    let mut mutations = vec![once(condition, &on_pod(fix, fills)?)];
    if own != Expr::Always(false) && (selected.overrule || can_be_empty(fix)) {
        let itself = Expr::all([own, broken]);
        mutations.push(in_lists(rule, fix, fills, &applies, &itself)?);
    }
    Ok(mutations)
}

fn fills(selected: &Selected) -> Fills {
    match selected.overrule {
        true => Fills::Anything,
        false => Fills::Empty,
    }
}

/// Whether a fix has nothing to do in what the API server has decoded: the rule is only about a
/// field that is there, and a field of that type is never there and empty.
fn fills_nothing(schema: &Value, fix: &Fix) -> bool {
    let mut schema = schema;
    for token in fix.path.split('/').skip(1) {
        let only = schema.as_object().filter(|keywords| keywords.len() == 1);
        let properties = only.and_then(|keywords| keywords.get("properties")?.as_object());
        let only = properties.filter(|properties| properties.len() == 1);
        match only.and_then(|properties| properties.get(unescape(token).as_ref())) {
            Some(property) => schema = property,
            None => return false,
        }
    }
    !can_be_empty(fix)
}

/// Whether the field of a fix can be there and say nothing.
fn can_be_empty(fix: &Fix) -> bool {
    !matches!(fix.value, Value::Bool(_) | Value::Number(_))
}

/// What fills the field of a fix.
fn at(root: Root<'_>, path: &str, fix: &Fix, fills: Fills) -> Result<Fill, Untranslatable> {
    fill(root, path, &fix.value, fills)
        .ok_or_else(|| Untranslatable::at("/fix", "the value holds a number that CEL cannot write"))
}

fn on_pod(fix: &Fix, fills: Fills) -> Result<Fill, Untranslatable> {
    match fix.target {
        FixTarget::PodMetadata => at(TEMPLATE, &format!("/metadata{}", fix.path), fix, fills),
        _ => at(POD, &fix.path, fix, fills),
    }
}

/// The patch, where it is needed and the condition holds.
fn once(condition: Expr, fill: &Fill) -> String {
    let condition = Expr::all([condition, fill.needed.clone()]).text();
    format!("{condition}\n? [{}]\n: []", fill.patch)
}

/// The patch for every container that the condition holds for. Ephemeral containers come with a
/// request of their own, which may not change what is there.
fn in_lists(
    rule: &Rule,
    fix: &Fix,
    fills: Fills,
    applies: &Expr,
    condition: &Expr,
) -> Result<String, Untranslatable> {
    let mut each = Vec::new();
    for list in [ContainerList::InitContainers, ContainerList::Containers] {
        if !rule.lists.is_empty() && !rule.lists.contains(&list) {
            continue;
        }
        let key = list.key();
        let at_container = format!("variables.at + '/spec/{key}/' + string(i)");
        let root = Root {
            value: "c",
            at: Some(&at_container),
            below: "",
        };
        let fill = at(root, &fix.path, fix, fills)?;
        let condition = Expr::all([condition.clone(), fill.needed]).text();
        each.push(format!(
            "{}.transformList(i, c,\n  {},\n  {})",
            scope::or_empty(SPEC, key, "[]"),
            condition.replace('\n', "\n  "),
            fill.patch.replace('\n', "\n  "),
        ));
    }
    let each = each.join("\n+ ");
    Ok(match applies {
        Expr::Always(true) => each,
        applies => format!("{}\n? {each}\n: []", applies.text()),
    })
}

/// The labels that a policy adds: to the object, and to the pods it makes.
fn labels(policy: &str, target: &Target<'_>) -> Vec<String> {
    let mut mutations = Vec::new();
    for label in target.labels.iter().filter(|label| label.policy == policy) {
        let path = format!("/metadata/labels/{}", escape(&label.key));
        let value = Value::String(label.value.clone());
        let is_pod = Expr::relation("object.kind == 'Pod'");
        for (root, condition) in [(OBJECT, Expr::Always(true)), (TEMPLATE, is_pod.not())] {
            let fill = fill(root, &path, &value, Fills::Absent);
            mutations.extend(fill.map(|fill| once(condition, &fill)));
        }
    }
    mutations
}

/// What is filled in whole objects: a policy of the API server for each rule.
fn objects(
    selected: &Selected,
    target: &Target<'_>,
    export: &mut Export,
) -> Result<(), Untranslatable> {
    for (index, rule) in selected.rules().iter().enumerate() {
        if rule.node != NodeKind::Object || rule.fix.is_empty() {
            continue;
        }
        let place = |error: Untranslatable| error.below(&format!("/{index}"));
        let applies = rule::applies(selected, rule, OBJECT.value, Typing::Nobody).map_err(place)?;
        let holds = rule::schema(rule, OBJECT.value, Typing::Nobody).map_err(place)?;
        let broken = Expr::all([applies, holds.not()]);
        let fills = fills(selected);
        let mutations = rule.fix.iter().filter_map(|fix| {
            let fill = fill(OBJECT, &fix.path, &fix.value, fills)?;
            Some(once(broken.clone(), &fill))
        });
        let kinds = scope::is_of_kinds(&rule.kinds).text();
        push(
            selected,
            target,
            export,
            &format!("-object-{}", index + 1),
            Request {
                mutations: mutations.collect(),
                conditions: vec![json!({"name": "kinds", "expression": kinds})],
                resources: scope::object_resources(&rule.kinds),
            },
        );
    }
    Ok(())
}

/// What is filled, and in which requests.
struct Request {
    mutations: Vec<String>,
    conditions: Vec<Value>,
    resources: Value,
}

fn of_pods(mutations: Vec<String>) -> Request {
    Request {
        mutations,
        conditions: vec![
            json!({"name": "changes", "expression": scope::changes_pod()}),
            json!({"name": "made-by-nobody-else", "expression": scope::is_nobodys()}),
        ],
        resources: scope::editable_pod_resources(),
    }
}

fn push(
    selected: &Selected,
    target: &Target<'_>,
    export: &mut Export,
    suffix: &str,
    request: Request,
) {
    if request.mutations.is_empty() {
        return;
    }
    let policy = &selected.loaded.name;
    let name = target.name(policy, suffix);
    let metadata = target.metadata(&name, policy);
    let mut variables = rule::pod_variables();
    variables.push(("at".to_owned(), scope::pointer()));
    variables.push(("object".to_owned(), "dyn(object)".to_owned()));
    rule::drop_unused(&mut variables, request.mutations.join("\n"));
    let mutations = request.mutations.into_iter().map(
        |expression| json!({"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}),
    );
    let mut spec = Map::new();
    spec.insert("failurePolicy".into(), "Fail".into());
    spec.insert("reinvocationPolicy".into(), "IfNeeded".into());
    spec.insert(
        "matchConstraints".into(),
        json!({"resourceRules": request.resources}),
    );
    spec.insert("matchConditions".into(), request.conditions.into());
    if !variables.is_empty() {
        spec.insert("variables".into(), super::variables(variables));
    }
    spec.insert("mutations".into(), mutations.collect());
    export.objects.push(json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicy",
        "metadata": metadata,
        "spec": spec,
    }));
    export.objects.push(json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicyBinding",
        "metadata": metadata,
        "spec": {
            "policyName": name,
            "matchResources": {"namespaceSelector": target.namespaces},
        },
    }));
    if export.exported.last() != Some(policy) {
        export.exported.push(policy.clone());
    }
}
