//! Made-up credentials for tests and examples, from the patterns themselves: so that none has to
//! stand in a file, where it would look like a leak.

use regex_syntax::hir::{Class, Hir, HirKind};

use serde_json::Value;

use super::forms;
use super::hit::{Hit, Rule};
use super::marks::Marks;
use super::tables::{FORMS, Form};
use crate::manifest::View;
use crate::object::Identity;
use crate::policy::select::Names;
use crate::policy::test::ExampleResult;

/// A source of numbers that look random and are the same in every run.
#[derive(Clone, Debug)]
pub struct Numbers(u64);

impl Numbers {
    /// A source; every seed gives another one.
    pub fn new(seed: u64) -> Numbers {
        Numbers(seed.wrapping_mul(2).wrapping_add(1))
    }

    /// A number below a bound; 0 for a bound of 0.
    pub fn below(&mut self, bound: usize) -> usize {
        // The multiplier is Knuth's for MMIX; its high bits are the better ones.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33)
            .unwrap_or_default()
            .checked_rem(bound)
            .unwrap_or_default()
    }
}

/// A text of a form, by its name; `None` when there is no such form.
pub fn of(name: &str, seed: u64) -> Option<String> {
    let form = FORMS.iter().find(|form| form.name == name)?;
    made(form, seed)
}

fn made(form: &Form, seed: u64) -> Option<String> {
    form.like.clone().or_else(|| generate(&form.pattern, seed))
}

/// A text that a regular expression matches.
fn generate(pattern: &str, seed: u64) -> Option<String> {
    let hir = regex_syntax::parse(pattern).ok()?;
    let mut text = String::new();
    write(&hir, &mut Numbers::new(seed), &mut text);
    Some(text)
}

fn write(hir: &Hir, numbers: &mut Numbers, out: &mut String) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.push_str(&String::from_utf8_lossy(&literal.0)),
        HirKind::Class(Class::Unicode(class)) => {
            let ascii: Vec<char> = class
                .iter()
                .flat_map(|range| range.start()..=range.end().min('~'))
                .filter(|c| c.is_ascii_graphic() || *c == ' ')
                .collect();
            // A class of everything but a few signs stands for text: letters and digits will do.
            let plain: Vec<char> = ascii
                .iter()
                .copied()
                .filter(char::is_ascii_alphanumeric)
                .collect();
            let from = if ascii.len() > 70 { &plain } else { &ascii };
            out.extend(from.get(numbers.below(from.len())));
        }
        HirKind::Class(Class::Bytes(_)) => {}
        HirKind::Repetition(repetition) => {
            // A piece that may be left out is; one that may come again does so often enough to
            // look random.
            let few = match (repetition.min, repetition.max) {
                (0, _) => 0,
                // Spaces are enough once.
                (1, None) if is_space(&repetition.sub) => 1,
                (1, None) => 14,
                (min, _) => min,
            };
            for _ in 0..few {
                write(&repetition.sub, numbers, out);
            }
        }
        HirKind::Capture(capture) => write(&capture.sub, numbers, out),
        HirKind::Concat(parts) => parts.iter().for_each(|part| write(part, numbers, out)),
        HirKind::Alternation(choices) => {
            if let Some(choice) = choices.get(numbers.below(choices.len())) {
                write(choice, numbers, out);
            }
        }
    }
}

fn is_space(hir: &Hir) -> bool {
    matches!(hir.kind(), HirKind::Class(Class::Unicode(class))
        if class.iter().any(|range| range.start() <= ' ' && ' ' <= range.end())
            && !class.iter().any(|range| range.start() <= 'a' && 'a' <= range.end()))
}

/// What is wrong with the rows of policies/secret-forms.yaml: one that does not find what it
/// describes, or finds what it must not. Nothing when all is well.
pub fn failures(form: &Form) -> Vec<String> {
    let mut failures = Vec::new();
    for seed in 0..SEEDS {
        let Some(text) = made(form, seed) else {
            failures.push("the pattern is no regular expression".to_owned());
            break;
        };
        if found(&text).is_empty() {
            failures.push(format!("a text made from the pattern is not found: {text}"));
            break;
        }
    }
    for text in &form.unlike {
        if !found(text).is_empty() {
            failures.push(format!("{text} is found"));
        }
    }
    failures
}

fn found(text: &str) -> Vec<Hit> {
    forms::find(text, &Marks::of(text).rows)
}

/// One result for each form, as for the example of a policy.
pub fn results(only: &Names) -> Vec<ExampleResult> {
    FORMS
        .iter()
        .map(|form| (form, Rule::from(form.policy).policy()))
        .filter(|(_, policy)| only.is_empty() || only.contains(policy))
        .map(|(form, policy)| ExampleResult {
            policy: policy.to_owned(),
            example: format!("the form {}", form.name),
            failure: Some(failures(form).join("; ")).filter(|failure| !failure.is_empty()),
        })
        .collect()
}

/// What a policy says of an example object, in which `{form NAME}` stands for a text of that form.
pub fn judge(policy: &str, object: &Value) -> Vec<String> {
    let object = filled(object);
    let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
    let view = View::Json(&object);
    let identity = Identity::read(view, text("apiVersion").into(), text("kind").into());
    let violations = identity.map(|identity| super::judge(view, &identity, "", true));
    violations
        .unwrap_or_default()
        .into_iter()
        .filter(|violation| violation.policy == policy)
        .map(|violation| format!("{}: {}", violation.pointer, violation.message))
        .collect()
}

fn filled(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(filled_text(text)),
        Value::Array(items) => items.iter().map(filled).collect(),
        Value::Object(members) => {
            let filled = members
                .iter()
                .map(|(key, value)| (key.clone(), filled(value)));
            Value::Object(filled.collect())
        }
        other => other.clone(),
    }
}

fn filled_text(text: &str) -> String {
    let made = || {
        let (before, rest) = text.split_once("{form ")?;
        let (name, after) = rest.split_once('}')?;
        Some(format!("{before}{}{after}", of(name, 1)?))
    };
    made().unwrap_or_else(|| text.to_owned())
}

/// How many texts are made of each row.
const SEEDS: u64 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_finds_what_it_describes_and_nothing_it_must_not() {
        let failed: Vec<_> = FORMS
            .iter()
            .flat_map(|form| {
                let failures = failures(form).into_iter();
                failures.map(move |failure| format!("{}: {failure}", form.name))
            })
            .collect();
        assert!(failed.is_empty(), "{failed:#?}");
    }
}
