//! The rules of a policy, as what is asked of a request.

use super::exceptions::Containers;
use super::schema::{Typing, Untranslatable, translate};
use super::{Expr, literal, scope};
use crate::policy::model::{Admission, ContainerList, NodeKind, Rule};
use crate::policy::select::Selected;

/// What is asked of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Names and values that expressions use; each may use those before it.
    pub variables: Vec<(String, String)>,
    /// What must hold.
    pub validations: Vec<Validation>,
}

/// One thing that must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validation {
    /// The condition.
    pub expression: String,
    /// What is wrong where it does not hold, on one line.
    pub message: String,
    /// The same with names from the request.
    pub message_expression: Option<String>,
}

/// The containers of a pod, in one list.
pub const CONTAINERS: &str = "variables.containers";
/// The pod spec.
pub const SPEC: &str = "variables.spec";
const METADATA: &str = "variables.metadata";
const ANNOTATIONS: &str = "variables.annotations";

/// The variables that find the pod in a request.
pub fn pod_variables() -> Vec<(String, String)> {
    [
        ("template", scope::template("object")),
        ("spec", "variables.template.spec".to_owned()),
        (
            "metadata",
            scope::or_empty("variables.template", "metadata", "{}"),
        ),
        (
            "annotations",
            scope::or_empty(METADATA, "annotations", "{}"),
        ),
        ("containers", containers(&ContainerList::ALL)),
    ]
    .map(|(name, expression)| (name.to_owned(), expression))
    .into()
}

/// All containers of some lists of the pod.
fn containers(lists: &[ContainerList]) -> String {
    let lists = lists
        .iter()
        .map(|list| scope::or_empty(SPEC, list.key(), "[]"));
    lists.collect::<Vec<_>>().join("\n+ ")
}

/// What the rules of a policy about pods ask.
///
/// # Errors
/// The first part of a schema that cannot be translated, its pointer from the policy's rules.
pub fn of_pods(selected: &Selected, exempt: &[Containers]) -> Result<Asked, Untranslatable> {
    let mut asked = Asked {
        variables: pod_variables(),
        ..Asked::default()
    };
    except(&mut asked.variables, exempt);
    if let Some(Admission::Cel(expression)) = &selected.loaded.policy.admission {
        asked
            .validations
            .push(plain(selected, None, expression.clone()));
        return Ok(asked);
    }
    for (index, rule) in selected.rules().iter().enumerate() {
        let place = |error: Untranslatable| error.below(&format!("/{index}"));
        match rule.node {
            NodeKind::Object => {}
            NodeKind::Container => {
                let own = violators(selected, rule, exempt).map_err(place)?;
                let Some(own) = own else { continue };
                let name = format!("violators{}", index + 1);
                asked.validations.push(of_containers(selected, rule, &name));
                asked.variables.push((name, own));
            }
            NodeKind::Pod | NodeKind::PodMetadata => {
                let holds = Expr::any([
                    applies(selected, rule, SPEC, Typing::ApiServer)
                        .map_err(place)?
                        .not(),
                    of_pod(rule).map_err(place)?,
                ]);
                if holds != Expr::Always(true) {
                    asked
                        .validations
                        .push(plain(selected, Some(rule), holds.text()));
                }
            }
        }
    }
    let text = texts(&asked);
    drop_unused(&mut asked.variables, text);
    Ok(asked)
}

/// What one rule about whole objects asks.
///
/// # Errors
/// As [`of_pods`].
pub fn of_objects(selected: &Selected, rule: &Rule) -> Result<Asked, Untranslatable> {
    let holds = match &selected.loaded.policy.admission {
        Some(Admission::Cel(expression)) => expression.clone(),
        _ => {
            let applies = applies(selected, rule, "variables.object", Typing::Nobody)?;
            let holds = schema(rule, "variables.object", Typing::Nobody)?;
            Expr::any([applies.not(), holds]).text()
        }
    };
    let mut asked = Asked::default();
    if holds != "true" {
        asked.validations.push(plain(selected, Some(rule), holds));
        asked
            .variables
            .push(("object".to_owned(), "dyn(object)".to_owned()));
    }
    let text = texts(&asked);
    drop_unused(&mut asked.variables, text);
    Ok(asked)
}

/// Whether a rule applies to the pod or object that `on` names.
///
/// # Errors
/// As [`of_pods`].
pub fn applies(
    selected: &Selected,
    rule: &Rule,
    on: &str,
    typing: Typing,
) -> Result<Expr, Untranslatable> {
    let translated =
        |schema, place: &str| translate(schema, on, typing).map_err(|error| error.below(place));
    let mut all = Vec::new();
    if let Some(own) = &rule.applies {
        all.push(translated(own, "/match")?);
    }
    for own in selected.unless().into_iter().chain(&rule.unless) {
        all.push(translated(own, "/unless")?.not());
    }
    Ok(Expr::all(all))
}

/// The schema of a rule on what `on` names.
///
/// # Errors
/// As [`of_pods`].
pub fn schema(rule: &Rule, on: &str, typing: Typing) -> Result<Expr, Untranslatable> {
    translate(&rule.schema, on, typing).map_err(|error| error.below("/schema"))
}

/// A rule about the pod or its metadata.
///
/// # Errors
/// As [`of_pods`].
pub fn of_pod(rule: &Rule) -> Result<Expr, Untranslatable> {
    match (&rule.annotation, rule.node) {
        (Some(name), _) => annotation(rule, &literal::string(name)),
        (None, NodeKind::PodMetadata) => schema(rule, METADATA, Typing::ApiServer),
        (None, _) => schema(rule, SPEC, Typing::ApiServer),
    }
}

/// A rule about the annotation of a name, which is an expression.
fn annotation(rule: &Rule, name: &str) -> Result<Expr, Untranslatable> {
    let there = Expr::relation(format!("({name}) in {ANNOTATIONS}"));
    let value = format!("{ANNOTATIONS}[{name}]");
    Ok(Expr::any([
        there.not(),
        schema(rule, &value, Typing::ApiServer)?,
    ]))
}

/// A rule about a container `c`.
///
/// # Errors
/// As [`of_pods`].
pub fn of_container(rule: &Rule) -> Result<Expr, Untranslatable> {
    let holds = match &rule.annotation {
        None => schema(rule, "c", Typing::ApiServer)?,
        Some(prefix) => annotation(rule, &format!("{} + c.name", literal::string(prefix)))?,
    };
    let inherited = match &rule.inherit {
        None => Expr::Always(false),
        Some(pointer) => Expr::all([is_set(SPEC, pointer), is_set("c", pointer).not()]),
    };
    Ok(Expr::any([inherited, holds]))
}

/// Whether the field at a pointer is there.
pub fn is_set(on: &str, pointer: &str) -> Expr {
    let mut path = on.to_owned();
    let tokens = pointer
        .split('/')
        .skip(1)
        .map(crate::manifest::view::unescape);
    Expr::all(tokens.map(|token| {
        let there = literal::has_member(&path, &token);
        path = literal::member(&path, &token);
        there
    }))
}

/// The names of the containers that break a rule; `None` when none can.
fn violators(
    selected: &Selected,
    rule: &Rule,
    exempt: &[Containers],
) -> Result<Option<String>, Untranslatable> {
    let applies = applies(selected, rule, SPEC, Typing::ApiServer)?;
    let broken = of_container(rule)?.not();
    if broken == Expr::Always(false) || applies == Expr::Always(false) {
        return Ok(None);
    }
    let list = match rule.lists.is_empty() {
        true => CONTAINERS.to_owned(),
        false => except_in(format!("({})", containers(&rule.lists)), exempt),
    };
    let names = format!(
        "{list}.filter(c,\n  {}).map(c, c.name)",
        indented(&broken.text())
    );
    Ok(Some(match applies {
        Expr::Always(_) => names,
        applies => format!("{}\n? {names}\n: []", applies.text()),
    }))
}

fn indented(text: &str) -> String {
    text.replace('\n', "\n  ")
}

/// Takes the excepted containers out of the list of all.
fn except(variables: &mut Vec<(String, String)>, exempt: &[Containers]) {
    if exempt.is_empty() {
        return;
    }
    let list = variables.pop().map(|(_, list)| list).unwrap_or_default();
    for own in exempt {
        variables.push((format!("exception{}", own.number), own.request.text()));
    }
    variables.push((
        "containers".to_owned(),
        except_in(format!("({list})"), exempt),
    ));
}

fn except_in(list: String, exempt: &[Containers]) -> String {
    exempt.iter().fold(list, |list, own| {
        let request = Expr::call(format!("variables.exception{}", own.number));
        let kept = Expr::all([request, own.named.clone()]).not();
        format!("{list}\n.filter(c, {})", kept.text())
    })
}

/// A condition whose message names no container.
fn plain(selected: &Selected, rule: Option<&Rule>, expression: String) -> Validation {
    Validation {
        expression,
        message: format!("{}{}", wrong(selected), remedy(selected, rule)),
        message_expression: None,
    }
}

/// A condition whose message names the containers of a variable.
fn of_containers(selected: &Selected, rule: &Rule, variable: &str) -> Validation {
    let (wrong, remedy) = (wrong(selected), remedy(selected, Some(rule)));
    let before = literal::string(&format!("{wrong} (container "));
    let after = literal::string(&format!("){remedy}"));
    Validation {
        expression: format!("variables.{variable}.size() == 0"),
        message: format!("{wrong}{remedy}"),
        message_expression: Some(format!(
            "{before} + variables.{variable}.join(', ') + {after}"
        )),
    }
}

fn wrong(selected: &Selected) -> String {
    let title = one_line(&selected.loaded.policy.title);
    format!("{}: {title}", selected.loaded.name)
}

/// What to do, after what is wrong.
fn remedy(selected: &Selected, rule: Option<&Rule>) -> String {
    let own = rule.and_then(|rule| rule.help.as_ref());
    let help = own.or(selected.loaded.policy.help.as_ref());
    help.map_or(String::new(), |help| format!(". {}", one_line(help)))
}

/// A text without line breaks, which a message must not have.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Everything that is said after the variables.
fn texts(asked: &Asked) -> String {
    let validations = asked.validations.iter();
    let texts =
        validations.flat_map(|own| [Some(&own.expression), own.message_expression.as_ref()]);
    texts
        .flatten()
        .fold(String::new(), |all, text| all + text + "\n")
}

/// Drops the variables that nothing uses: neither the text nor a variable that is used.
pub fn drop_unused(variables: &mut Vec<(String, String)>, mut text: String) {
    let mut kept: Vec<(String, String)> = Vec::new();
    for (name, expression) in variables.drain(..).rev() {
        if mentions(&text, &name) {
            text.push_str(&expression);
            text.push('\n');
            kept.push((name, expression));
        }
    }
    kept.reverse();
    *variables = kept;
}

/// Whether a text uses a variable.
fn mentions(text: &str, name: &str) -> bool {
    let needle = format!("variables.{name}");
    text.match_indices(&needle).any(|(at, _)| {
        let after = text
            .get(at + needle.len()..)
            .and_then(|rest| rest.bytes().next());
        !after.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_')
    })
}
