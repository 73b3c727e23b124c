//! Refuses credentials that stand in a configuration file, by the same judgement as in everything else.
//! No value is ever repeated.

use schemars::JsonSchema;
use serde_json::Value;

use super::credentials::USE_SECRET_REF;
use crate::check::secrets::{Hit, Rule, described, field};
use crate::config::leaves::{self, Leaf};
use crate::config::schema;
use crate::config::typed::Problems;

/// Adds a problem for every credential in a file of a type.
pub fn scan<T: JsonSchema>(file: &Value, problems: &mut Problems) {
    leaves::visit(file, &mut |leaf| {
        if let Some(hit) = credential(&leaf)
            && !(by_name(&hit) && schema::is_closed::<T>(leaf.pointer))
        {
            problems.add(leaf.pointer, reason(&hit));
        }
    });
}

/// Whether only the name of the field says that it holds a credential. A field that takes one of a few
/// words holds none, whatever its name: a wrong word is the schema's to name.
fn by_name(hit: &Hit) -> bool {
    matches!(hit.rule, Rule::NamedValue | Rule::WeakDefault)
}

/// A number is one by its name alone.
fn credential(leaf: &Leaf<'_>) -> Option<Hit> {
    match leaf.value {
        Value::String(text) => field::judge(leaf.name, text),
        Value::Number(number) if field::named(leaf.name).is_some() => {
            field::judge(leaf.name, &number.to_string())
        }
        _ => None,
    }
}

fn reason(hit: &Hit) -> String {
    match hit.rule {
        Rule::NamedValue | Rule::WeakDefault => USE_SECRET_REF.to_owned(),
        Rule::UrlPassword => "holds a user name and password: leave them out, or put the whole address into a Secret and write {secret_ref: NAME}".into(),
        _ => format!("holds {}: {USE_SECRET_REF}", described(hit)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::typed;
    use crate::platform::file::PlatformFile;

    fn mistakes(text: &str) -> Vec<String> {
        let read = typed::read::<PlatformFile>("platform.yaml", text);
        let errors = read.err().into_iter().flatten();
        errors.map(|error| error.reason).collect()
    }

    #[test]
    fn words_that_a_field_may_hold_are_no_credentials() {
        let tokens = |word: &str| format!("hardening: {{service_account_tokens: {word}}}\n");
        assert!(mistakes(&tokens("keep")).is_empty());
        assert!(mistakes(&tokens("bound")).is_empty());
        assert_eq!(
            mistakes(&tokens("Bound")),
            ["must be one of keep, bound: did you mean `bound`?"]
        );
        assert!(mistakes("catalogs: {a: {token: Zx9}}\n").contains(&USE_SECRET_REF.to_owned()));
    }
}
