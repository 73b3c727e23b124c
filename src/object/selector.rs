//! Label selectors in their string form, as `kubectl -l` and kustomize targets take them.
//!
//! Grammar: comma-separated `key`, `!key`, `key=v`, `key==v`, `key!=v`, `key in (a,b)`,
//! `key notin (a,b)` (k8s.io/apimachinery/pkg/labels).

use serde_json::{Value, json};

use crate::manifest::View;

/// One requirement on a label.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Requirement {
    Exists(String),
    Missing(String),
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
}

/// A parsed selector: all requirements must hold. An empty one selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector(Vec<Requirement>);

impl Selector {
    /// Parses the string form. The error names the part that is wrong.
    pub fn parse(text: &str) -> Result<Selector, String> {
        split_outside_parentheses(text)
            .into_iter()
            .filter(|part| !part.trim().is_empty())
            .map(|part| requirement(part.trim()))
            .collect::<Result<_, _>>()
            .map(Selector)
    }

    /// The selector as `matchExpressions`, the form that objects of Kubernetes have it in.
    pub fn to_json(&self) -> Value {
        let one = |requirement: &Requirement| match requirement {
            Requirement::Exists(key) => json!({"key": key, "operator": "Exists"}),
            Requirement::Missing(key) => json!({"key": key, "operator": "DoesNotExist"}),
            Requirement::In(key, list) => json!({"key": key, "operator": "In", "values": list}),
            Requirement::NotIn(key, list) => {
                json!({"key": key, "operator": "NotIn", "values": list})
            }
        };
        json!({"matchExpressions": self.0.iter().map(one).collect::<Vec<_>>()})
    }

    /// Whether a map of labels (or annotations) satisfies the selector; an absent map is empty.
    pub fn matches(&self, labels: Option<View<'_>>) -> bool {
        let value = |key: &str| labels.and_then(|l| l.get(key)).and_then(|v| v.as_str());
        self.0.iter().all(|requirement| match requirement {
            Requirement::Exists(key) => value(key).is_some(),
            Requirement::Missing(key) => value(key).is_none(),
            Requirement::In(key, list) => value(key).is_some_and(|v| list.iter().any(|l| *l == v)),
            // An absent label satisfies `!=` and `notin`, as in Kubernetes.
            Requirement::NotIn(key, list) => {
                !value(key).is_some_and(|v| list.iter().any(|l| *l == v))
            }
        })
    }
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let mut open = false;
    text.split(|c| {
        match c {
            '(' => open = true,
            ')' => open = false,
            _ => {}
        }
        c == ',' && !open
    })
    .collect()
}

fn requirement(part: &str) -> Result<Requirement, String> {
    let bad = || {
        format!(
            "`{part}` is not a selector: use key, !key, key=value, key!=value, key in (a,b), key notin (a,b)"
        )
    };
    if let Some((key, list)) = part.split_once('(') {
        let list = list.strip_suffix(')').ok_or_else(bad)?;
        let values = list.split(',').map(|v| v.trim().to_owned()).collect();
        let mut words = key.split_whitespace();
        return match (words.next(), words.next(), words.next()) {
            (Some(key), Some("in"), None) => Ok(Requirement::In(key.into(), values)),
            (Some(key), Some("notin"), None) => Ok(Requirement::NotIn(key.into(), values)),
            _ => Err(bad()),
        };
    }
    let pair = |separator| {
        part.split_once(separator)
            .map(|(k, v): (&str, &str)| (k.trim().to_owned(), vec![v.trim().to_owned()]))
    };
    let parsed = if let Some((key, value)) = pair("!=") {
        Requirement::NotIn(key, value)
    } else if let Some((key, value)) = pair("==").or_else(|| pair("=")) {
        Requirement::In(key, value)
    } else if let Some(key) = part.strip_prefix('!') {
        Requirement::Missing(key.trim().into())
    } else {
        Requirement::Exists(part.into())
    };
    let (Requirement::Exists(key)
    | Requirement::Missing(key)
    | Requirement::In(key, _)
    | Requirement::NotIn(key, _)) = &parsed;
    if key.is_empty() || key.contains(char::is_whitespace) {
        Err(bad())
    } else {
        Ok(parsed)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn requirements_hold_or_not() {
        let labels = json!({"app": "web", "tier": "front"});
        for (selector, want) in [
            ("", true),
            ("app", true),
            ("!app", false),
            ("app=web", true),
            ("app==web,tier=front", true),
            ("app!=web", false),
            ("owner!=x", true),
            ("app in (db, web)", true),
            ("app notin (db)", true),
            ("owner notin (a)", true),
            ("owner", false),
            ("tier in (back)", false),
            ("app = web", true),
        ] {
            let parsed = Selector::parse(selector).unwrap();
            assert_eq!(
                parsed.matches(Some(View::Json(&labels))),
                want,
                "{selector}"
            );
        }
    }

    #[test]
    fn mistakes_are_named() {
        for selector in ["app in (a", "app within (a)", "a b", "=x"] {
            assert!(
                Selector::parse(selector).unwrap_err().contains(selector),
                "{selector}"
            );
        }
    }
}
