//! Runs the examples that policies carry: `helm-floe policies test`.
//!
//! A valid example must have no violation of its policy, an invalid one at least one. Where an
//! invalid example says what it looks like fixed, the policy's own fixes must give exactly that and
//! leave no violation; where it does not, they must not be able to mend it.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::evaluate::Evaluator;
use super::fix::{EditableObject, EditablePod, apply};
use super::load::{Library, Loaded};
use super::model::Example;
use super::select::{Names, Selection};
use super::target::{ObjectTarget, PodTarget};
use super::version::Level;
use crate::manifest::View;
use crate::manifest::edit::Operation;

/// The outcome of one example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExampleResult {
    /// The policy's name.
    pub policy: String,
    /// The example's name.
    pub example: String,
    /// What went wrong; `None` when it went as the example says.
    pub failure: Option<String>,
}

/// What a policy that is written in Rust says of an object: the policy's name and the object in,
/// what is wrong out.
pub type Module = fn(&str, &Value) -> Vec<String>;

/// Runs the examples of all policies whose name matches, every policy on its own. `module` judges
/// the examples of those that no rule can express.
pub fn run(library: &Library, only: &Names, module: Module) -> Vec<ExampleResult> {
    library
        .iter()
        .filter(|loaded| only.is_empty() || only.contains(&loaded.name))
        .flat_map(|loaded| run_policy(library, loaded, module))
        .collect()
}

fn run_policy(library: &Library, loaded: &Loaded, module: Module) -> Vec<ExampleResult> {
    let result = |example: &str, outcome: Result<(), String>| ExampleResult {
        policy: loaded.name.clone(),
        example: example.to_owned(),
        failure: outcome.err(),
    };
    let examples = match loaded.complete() {
        Ok(policy) => policy.examples,
        Err(error) => return vec![result("", Err(error.to_string()))],
    };
    let valid = examples.valid.iter().map(|example| (example, true));
    let invalid = examples.invalid.iter().map(|example| (example, false));
    valid
        .chain(invalid)
        .map(|(example, valid)| {
            let outcome = match loaded.policy.module {
                Some(_) => run_module(loaded, example, valid, module),
                None => run_example(library, loaded, example, valid),
            };
            result(&example.name, outcome)
        })
        .collect()
}

fn run_module(
    loaded: &Loaded,
    example: &Example,
    valid: bool,
    module: Module,
) -> Result<(), String> {
    let object = example.object.as_ref().ok_or("is no object")?;
    let violations = module(&loaded.name, object);
    match (valid, violations.is_empty()) {
        (true, true) | (false, false) => Ok(()),
        (true, false) => Err(violations.join("; ")),
        (false, true) => Err("has no violation".to_owned()),
    }
}

fn run_example(
    library: &Library,
    loaded: &Loaded,
    example: &Example,
    valid: bool,
) -> Result<(), String> {
    let selection = Selection {
        level: Level::Restricted,
        version: example.version.unwrap_or_default(),
        only: Names::new([&loaded.name])?,
        ..Selection::default()
    };
    let evaluator = Evaluator::new(library, &selection);
    let mut subject = Subject::new(example);
    let violations = subject.violations(&evaluator);
    if valid {
        return if violations.is_empty() {
            Ok(())
        } else {
            Err(violations.join("; "))
        };
    }
    if violations.is_empty() {
        return Err("has no violation".to_owned());
    }
    subject.harden(&evaluator)?;
    let left = subject.violations(&evaluator);
    match &example.fixed {
        None if left.is_empty() => Err(format!(
            "was mended, but the example does not say how: {}",
            subject.value()
        )),
        None => Ok(()),
        Some(_) if !left.is_empty() => Err(format!("is still violated: {}", left.join("; "))),
        Some(fixed) if fixed == subject.value() => Ok(()),
        Some(_) => Err(format!("became {}", subject.value())),
    }
}

/// An example as something that can be judged and edited.
struct Subject {
    root: Value,
    /// Where the part the example gives lies in `root`.
    shown: &'static str,
    is_pod: bool,
}

impl Subject {
    fn new(example: &Example) -> Subject {
        match (&example.pod, &example.container, &example.object) {
            (Some(pod), _, _) => Subject {
                root: pod.clone(),
                shown: "",
                is_pod: true,
            },
            (_, Some(container), _) => Subject {
                root: json!({"spec": {"containers": [container]}}),
                shown: "/spec/containers/0",
                is_pod: true,
            },
            (_, _, object) => Subject {
                root: object.clone().unwrap_or_default(),
                shown: "",
                is_pod: false,
            },
        }
    }

    fn value(&self) -> &Value {
        self.root.pointer(self.shown).unwrap_or(&Value::Null)
    }

    fn violations(&self, evaluator: &Evaluator) -> Vec<String> {
        let found = if self.is_pod {
            evaluator.check(&self.pod())
        } else {
            evaluator.check_object(&self.object())
        };
        found
            .into_iter()
            .map(|violation| format!("{}: {}", violation.pointer, violation.message))
            .collect()
    }

    fn harden(&mut self, evaluator: &Evaluator) -> Result<(), String> {
        if self.is_pod {
            evaluator.harden(self)
        } else {
            evaluator.harden_object(self)
        }
    }
}

impl EditablePod for Subject {
    type Error = String;

    fn pod(&self) -> PodTarget<'_> {
        static NULL: LazyLock<Value> = LazyLock::new(|| Value::Null);
        PodTarget {
            alone: None,
            inherited: None,
            spec: View::Json(self.root.get("spec").unwrap_or(&NULL)),
            metadata: self.root.get("metadata").map(View::Json),
            spec_pointer: "/spec",
            metadata_pointer: "/metadata",
        }
    }

    fn apply(&mut self, _policy: &str, operation: Operation) -> Result<(), String> {
        apply(&mut self.root, &operation)
    }
}

impl EditableObject for Subject {
    type Error = String;

    fn object(&self) -> ObjectTarget<'_> {
        let text = |key: &str| {
            self.root
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        ObjectTarget {
            root: View::Json(&self.root),
            pointer: "",
            group: text("apiVersion")
                .split_once('/')
                .map_or("", |(group, _)| group),
            kind: text("kind"),
        }
    }

    fn apply(&mut self, _policy: &str, operation: Operation) -> Result<(), String> {
        apply(&mut self.root, &operation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_all_built_in_policies_go_as_they_say() {
        let library = Library::built_in().unwrap();
        let results = run(&library, &Names::default(), crate::check::example);
        let failed: Vec<_> = results
            .iter()
            .filter(|result| result.failure.is_some())
            .collect();
        assert!(!results.is_empty());
        assert!(failed.is_empty(), "{failed:#?}");
    }

    /// Runs the examples of one policy given as text.
    fn run_text(text: &str) -> Vec<ExampleResult> {
        let mut library = Library::default();
        library.add_text("p.yaml", text).unwrap();
        run(&library, &Names::default(), |_, _| Vec::new())
    }

    #[test]
    fn the_policies_in_the_documentation_work() {
        let docs = include_str!("../../docs/policies.md");
        let blocks = docs
            .split("```yaml\n")
            .skip(1)
            .filter_map(|rest| rest.split("```").next());
        let policies: Vec<&str> = blocks
            .filter(|block| block.starts_with("apiVersion:"))
            .collect();
        assert!(!policies.is_empty());
        for text in policies {
            let results = run_text(text);
            assert!(!results.is_empty());
            assert!(
                results.iter().all(|result| result.failure.is_none()),
                "{results:#?}"
            );
        }
    }

    #[test]
    fn an_example_that_goes_otherwise_is_said() {
        let policy = |examples: &str| {
            format!(
                "apiVersion: floe.dev/v1alpha1\nkind: Policy\nmetadata: {{name: a/b}}\nspec:\n  title: t\n  description: d\n  rules:\n  - node: pod\n    schema: {{required: [a]}}\n    message: m\n    fix: [{{target: pod, path: /a, value: 1}}]\n  examples: {examples}\n"
            )
        };
        for (examples, expected) in [
            ("{valid: [{name: e, pod: {spec: {}}}]}", Some("/spec/a: m")),
            (
                "{invalid: [{name: e, pod: {spec: {a: 2}}}]}",
                Some("has no violation"),
            ),
            (
                "{invalid: [{name: e, pod: {spec: {}}}]}",
                Some("was mended, but the example does not say how"),
            ),
            (
                "{invalid: [{name: e, pod: {spec: {}}, fixed: {spec: {a: 2}}}]}",
                Some("became "),
            ),
            (
                "{invalid: [{name: e, pod: {spec: {}}, fixed: {spec: {a: 1}}}]}",
                None,
            ),
        ] {
            let results = run_text(&policy(examples));
            let failure = results[0].failure.as_deref();
            assert_eq!(
                failure.is_some(),
                expected.is_some(),
                "{examples}: {failure:?}"
            );
            assert!(
                failure
                    .unwrap_or_default()
                    .starts_with(expected.unwrap_or_default()),
                "{failure:?}"
            );
        }
    }
}
