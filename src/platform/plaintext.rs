//! Refuses credentials that stand in a configuration file, by the same judgement as in everything else.
//! No value is ever repeated.

use serde_json::Value;

use super::credentials::USE_SECRET_REF;
use crate::check::secrets::{Hit, Rule, described, field};
use crate::config::leaves::{self, Leaf};
use crate::config::typed::Problems;

/// Adds a problem for every credential in a file.
pub fn scan(file: &Value, problems: &mut Problems) {
    leaves::visit(file, &mut |leaf| {
        if let Some(hit) = credential(&leaf) {
            problems.add(leaf.pointer, reason(&hit));
        }
    });
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
