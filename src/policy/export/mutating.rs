//! One MutatingAdmissionPolicy and its binding for each policy that fills something.

use serde_json::{Map, Value, json};

use super::exceptions::exempt;
use super::fill::{Fill, Fills, Root, fill};
use super::rule::{self, CONTAINERS, SPEC};
use super::schema::{Typing, Untranslatable, translate};
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
    Export::of(policies, target, one)
}

fn one(
    selected: &Selected,
    target: &Target<'_>,
    export: &mut Export,
) -> Result<(), Untranslatable> {
    let name = &selected.loaded.name;
    let policy = &selected.loaded.policy;
    let labels: Vec<String> = labels(name, target);
    if !labels.is_empty() {
        push(selected, target, export, "", of_pods(labels));
        return Ok(());
    }
    let module = policy.module.as_deref();
    if module.is_some_and(|module| module.starts_with(FILLING_MODULES)) {
        export.leave_out(name, super::no_rule(policy).unwrap_or_default());
        return Ok(());
    }
    push(selected, target, export, "", of_pods(pods(selected)?));
    let added = of_ephemeral(ephemeral_containers(selected)?);
    push(selected, target, export, "-ephemeral", added);
    objects(selected, target, export)
}

/// The lists of containers that come with a pod.
const MADE: [ContainerList; 2] = [ContainerList::InitContainers, ContainerList::Containers];
/// The list that is added to later, by requests of their own that may not change the rest.
const ADDED: [ContainerList; 1] = [ContainerList::EphemeralContainers];

/// What is filled in pods, one expression for each step.
fn pods(selected: &Selected) -> Result<Vec<String>, Untranslatable> {
    each_fix(selected, |rule, fix| {
        let mut mutations = Vec::new();
        if let Some(condition) = on_pod_where(selected, rule, fix)? {
            mutations.push(once(condition, &on_pod(fix, fills(selected))?));
        }
        mutations.extend(on_containers(selected, rule, fix, &MADE)?);
        Ok(mutations)
    })
}

/// What is filled in containers that are added to a running pod.
fn ephemeral_containers(selected: &Selected) -> Result<Vec<String>, Untranslatable> {
    each_fix(selected, |rule, fix| {
        Ok(Vec::from_iter(on_containers(selected, rule, fix, &ADDED)?))
    })
}

/// What the fixes of the rules about pods come to.
fn each_fix(
    selected: &Selected,
    of_fix: impl Fn(&Rule, &Fix) -> Result<Vec<String>, Untranslatable>,
) -> Result<Vec<String>, Untranslatable> {
    let mut mutations = Vec::new();
    for (index, rule) in selected.rules().iter().enumerate() {
        let place = |error: Untranslatable| error.below(&format!("/{index}"));
        for fix in rule.fix.iter().filter(|_| rule.node != NodeKind::Object) {
            if selected.overrule || !fills_nothing(&rule.schema, fix) {
                mutations.extend(of_fix(rule, fix).map_err(place)?);
            }
        }
    }
    Ok(mutations)
}

/// When a fix of the pod is needed; `None` for a fix of containers.
fn on_pod_where(
    selected: &Selected,
    rule: &Rule,
    fix: &Fix,
) -> Result<Option<Expr>, Untranslatable> {
    if fix.target == FixTarget::Container {
        return Ok(None);
    }
    let applies = rule::applies(selected, rule, SPEC, Typing::ApiServer)?;
    let broken = match rule.node {
        NodeKind::Container => {
            let others = Expr::all([rule::of_container(rule)?.not(), own_value(rule).not()]);
            Expr::each(CONTAINERS, "exists", "c", others)
        }
        _ => rule::of_pod(rule)?.not(),
    };
    let spared = spared(rule, fix)?.not();
    Ok(Some(Expr::all([
        applies,
        may_fill(fix, SPEC)?,
        spared,
        broken,
    ])))
}

/// Whether a fix of the pod leaves out some containers, so that it is made on the others.
fn spared(rule: &Rule, fix: &Fix) -> Result<Expr, Untranslatable> {
    if rule.node != NodeKind::Container || fix.unless.is_none() {
        return Ok(Expr::Always(false));
    }
    let own = Expr::all([rule::of_container(rule)?.not(), may_fill(fix, "c")?.not()]);
    Ok(Expr::each(CONTAINERS, "exists", "c", own))
}

/// Whether a fix may be made on what `on` names.
fn may_fill(fix: &Fix, on: &str) -> Result<Expr, Untranslatable> {
    match &fix.unless {
        None => Ok(Expr::Always(true)),
        Some(unless) => translate(unless, on, Typing::ApiServer)
            .map(Expr::not)
            .map_err(|error| error.below("/fix/unless")),
    }
}

/// Whether a container `c` has a value of its own, which wins over the pod's, even one that says
/// nothing.
fn own_value(rule: &Rule) -> Expr {
    let own = rule.inherit.as_ref();
    own.map_or(Expr::Always(false), |at| rule::is_set("c", at))
}

/// What a fix does to the containers of some lists.
fn on_containers(
    selected: &Selected,
    rule: &Rule,
    fix: &Fix,
    lists: &[ContainerList],
) -> Result<Option<String>, Untranslatable> {
    if rule.node != NodeKind::Container {
        return Ok(None);
    }
    let broken = rule::of_container(rule)?.not();
    let broken = match fix.target {
        FixTarget::Container => broken,
        _ => Expr::all([may_fill(fix, SPEC)?, alone(selected, rule, fix)?, broken]),
    };
    let broken = Expr::all([may_fill(fix, "c")?, broken]);
    if broken == Expr::Always(false) {
        return Ok(None);
    }
    let applies = rule::applies(selected, rule, SPEC, Typing::ApiServer)?;
    let lists = lists
        .iter()
        .filter(|list| rule.lists.is_empty() || rule.lists.contains(list));
    let each: Vec<String> = lists
        .map(|list| in_list(*list, fix, fills(selected), &broken))
        .collect::<Result<_, _>>()?;
    let each = each.join("\n+ ");
    Ok(match applies {
        _ if each.is_empty() => None,
        Expr::Always(true) => Some(each),
        applies => Some(format!("{}\n? {each}\n: []", applies.text())),
    })
}

/// Whether a fix of the pod is made on its container `c` instead.
fn alone(selected: &Selected, rule: &Rule, fix: &Fix) -> Result<Expr, Untranslatable> {
    let own = match selected.overrule || can_be_empty(fix) {
        true => own_value(rule),
        false => Expr::Always(false),
    };
    Ok(Expr::any([own, spared(rule, fix)?]))
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

/// The patches for the containers of a list that the condition holds for.
fn in_list(
    list: ContainerList,
    fix: &Fix,
    fills: Fills,
    condition: &Expr,
) -> Result<String, Untranslatable> {
    let key = list.key();
    let at_container = format!("variables.at + '/spec/{key}/' + string(i)");
    let root = Root {
        value: "c",
        at: Some(&at_container),
        below: "",
    };
    let fill = at(root, &fix.path, fix, fills)?;
    // A container that was added before stays as it was.
    let is_new = match list {
        ContainerList::EphemeralContainers => Expr::relation("c.name in variables.old").not(),
        _ => Expr::Always(true),
    };
    let condition = Expr::all([is_new, condition.clone(), fill.needed]).text();
    Ok(format!(
        "{}.transformList(i, c,\n  {},\n  {})",
        scope::or_empty(SPEC, key, "[]"),
        condition.replace('\n', "\n  "),
        fill.patch.replace('\n', "\n  "),
    ))
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
        let Some(kinds) = export.kinds_in_reach(&selected.loaded.name, rule) else {
            continue;
        };
        let place = |error: Untranslatable| error.below(&format!("/{index}"));
        let applies = rule::applies(selected, rule, OBJECT.value, Typing::Nobody).map_err(place)?;
        let holds = rule::schema(rule, OBJECT.value, Typing::Nobody).map_err(place)?;
        let broken = Expr::all([applies, holds.not()]);
        let fills = fills(selected);
        let mutations = rule.fix.iter().filter_map(|fix| {
            let fill = fill(OBJECT, &fix.path, &fix.value, fills)?;
            Some(once(broken.clone(), &fill))
        });
        let is_one = scope::is_of_kinds(&kinds).text();
        push(
            selected,
            target,
            export,
            &format!("-object-{}", index + 1),
            Request {
                mutations: mutations.collect(),
                conditions: vec![json!({"name": "kinds", "expression": is_one})],
                resources: scope::object_resources(&kinds),
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

fn of_ephemeral(mutations: Vec<String>) -> Request {
    Request {
        mutations,
        conditions: Vec::new(),
        resources: scope::ephemeral_resources(),
    }
}

fn push(
    selected: &Selected,
    target: &Target<'_>,
    export: &mut Export,
    suffix: &str,
    mut request: Request,
) {
    if request.mutations.is_empty() {
        return;
    }
    let policy = &selected.loaded.name;
    // What a module fills, such as labels, no exception stops.
    if selected.loaded.policy.module.is_none() {
        let exempt = exempt(policy, target.exceptions, target.today);
        request.conditions.extend(exempt.conditions());
    }
    let name = target.name(policy, suffix);
    let metadata = target.metadata(&name, policy);
    let mut variables = rule::pod_variables();
    variables.push(("at".to_owned(), scope::pointer()));
    variables.push(("object".to_owned(), "dyn(object)".to_owned()));
    variables.push(("old".to_owned(), scope::old_ephemeral_containers()));
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
    if !request.conditions.is_empty() {
        spec.insert("matchConditions".into(), request.conditions.into());
    }
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
}
