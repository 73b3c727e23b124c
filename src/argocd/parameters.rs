//! The parameters an Application may set, as Argo CD announces and sends them.
//!
//! They say what the chart's user decides: values, names, environment. Nothing among them weakens a
//! check; that is the operator's, on the command line in the plugin's configuration.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use strsim::damerau_levenshtein;

/// What an Application sets; all of it is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// The logical environment.
    pub env: Option<String>,
    /// The release's name, where the application's does not do.
    pub release: Option<String>,
    /// Values files in the repository, the last one wins.
    pub values_files: Vec<String>,
    /// Values as YAML, over the files.
    pub values: Option<String>,
    /// Single values by key, typed as by Helm's `--set`.
    pub helm_parameters: BTreeMap<String, String>,
    /// Single values by key, always text.
    pub helm_string_parameters: BTreeMap<String, String>,
    /// Whether to leave out `crds/`.
    pub skip_crds: bool,
    /// Whether to leave out the chart's tests.
    pub skip_tests: bool,
}

/// The kinds of a parameter's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Text,
    List,
    Map,
}

impl Shape {
    /// Argo CD's name for it: `collectionType`, and the field that holds the value.
    fn name(self) -> &'static str {
        match self {
            Shape::Text => "string",
            Shape::List => "array",
            Shape::Map => "map",
        }
    }
}

/// A parameter we know.
struct Known {
    name: &'static str,
    shape: Shape,
    title: &'static str,
    tooltip: &'static str,
}

/// Every parameter, in the order Argo CD shows them.
#[rustfmt::skip]
const KNOWN: [Known; 8] = [
    Known { name: "env", shape: Shape::Text, title: "Environment", tooltip: "Logical environment: chooses the platform file" },
    Known { name: "release", shape: Shape::Text, title: "Release name", tooltip: "The application's name where it is left out" },
    Known { name: "values-files", shape: Shape::List, title: "Values files", tooltip: "In the repository, relative to the chart; the last one wins" },
    Known { name: "values", shape: Shape::Text, title: "Values", tooltip: "YAML, over the values files" },
    Known { name: "helm-parameters", shape: Shape::Map, title: "Single values", tooltip: "By key, such as image.tag; typed as by helm --set" },
    Known { name: "helm-string-parameters", shape: Shape::Map, title: "Single values, as text", tooltip: "By key; never a number, boolean or null" },
    Known { name: "skip-crds", shape: Shape::Text, title: "Leave out CRDs", tooltip: "true or false" },
    Known { name: "skip-tests", shape: Shape::Text, title: "Leave out the chart's tests", tooltip: "true or false" },
];

/// The announcement that `argocd parameters` prints: a JSON array as Argo CD reads it. `environments`
/// are those the repository has.
pub fn announcement(environments: &[String]) -> Value {
    let announce = |known: &Known| {
        let mut tooltip = known.tooltip.to_owned();
        if known.name == "env" && !environments.is_empty() {
            tooltip.push_str(&format!(": {}", environments.join(", ")));
        }
        json!({
            "name": known.name,
            "title": known.title,
            "tooltip": tooltip,
            "itemType": "string",
            "collectionType": known.shape.name(),
        })
    };
    KNOWN.iter().map(announce).collect()
}

/// Reads the parameters from environment variables: `ARGOCD_APP_PARAMETERS`, or the `PARAM_…` that
/// Argo CD derives from it where only those are there.
///
/// # Errors
/// A parameter is unknown, set twice, or of the wrong kind. No value is repeated.
pub fn read(variables: &BTreeMap<String, String>) -> Result<Parameters, String> {
    let mut parameters = Parameters::default();
    match variables.get("ARGOCD_APP_PARAMETERS") {
        Some(text) => from_json(text, &mut parameters)?,
        None => from_variables(variables, &mut parameters)?,
    }
    Ok(parameters)
}

fn from_json(text: &str, parameters: &mut Parameters) -> Result<(), String> {
    let list: Value = serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        format!("ARGOCD_APP_PARAMETERS is no JSON at line {line}, column {column}")
    })?;
    // Argo CD writes null for an Application without parameters.
    let none = Vec::new();
    let list = match &list {
        Value::Null => &none,
        Value::Array(list) => list,
        _ => return Err("ARGOCD_APP_PARAMETERS is no list".into()),
    };
    let mut seen = Vec::new();
    for entry in list {
        let name = entry.get("name").and_then(Value::as_str);
        let name = name.ok_or("ARGOCD_APP_PARAMETERS: a parameter has no name")?;
        let known = known(name)?;
        if seen.contains(&name) {
            return Err(format!("parameter `{name}` is set twice"));
        }
        seen.push(name);
        let value = entry.get(known.shape.name()).unwrap_or(&Value::Null);
        set(parameters, known, value)?;
    }
    Ok(())
}

/// The known parameter of that name.
fn known(name: &str) -> Result<&'static Known, String> {
    if let Some(known) = KNOWN.iter().find(|known| known.name == name) {
        return Ok(known);
    }
    let near = KNOWN
        .iter()
        .map(|known| (damerau_levenshtein(known.name, name), known.name))
        .min()
        .filter(|(distance, _)| *distance <= 3);
    let hint = match near {
        Some((_, near)) => format!("did you mean `{near}`?"),
        None => format!("there are {}", KNOWN.map(|known| known.name).join(", ")),
    };
    Err(format!("unknown parameter {name:?}; {hint}"))
}

fn set(parameters: &mut Parameters, known: &Known, value: &Value) -> Result<(), String> {
    let wrong = || {
        let (name, shape) = (known.name, known.shape.name());
        format!("parameter `{name}` must be given as `{shape}`")
    };
    let text = || value.as_str().map(str::to_owned).ok_or_else(wrong);
    let flag = || match value.as_str() {
        Some("true") => Ok(true),
        Some("false" | "") => Ok(false),
        _ => Err(format!("parameter `{}` must be true or false", known.name)),
    };
    match known.name {
        "env" => parameters.env = filled(text()?),
        "release" => parameters.release = filled(text()?),
        "values" => parameters.values = filled(text()?),
        "values-files" => parameters.values_files = list(value).ok_or_else(wrong)?,
        "helm-parameters" => parameters.helm_parameters = map(value).ok_or_else(wrong)?,
        "helm-string-parameters" => {
            parameters.helm_string_parameters = map(value).ok_or_else(wrong)?;
        }
        "skip-crds" => parameters.skip_crds = flag()?,
        "skip-tests" => parameters.skip_tests = flag()?,
        _ => {}
    }
    Ok(())
}

/// An empty field of Argo CD's form means that nothing was entered.
fn filled(text: String) -> Option<String> {
    Some(text).filter(|text| !text.trim().is_empty())
}

fn list(value: &Value) -> Option<Vec<String>> {
    let items = value.as_array()?.iter();
    items.map(|item| item.as_str().map(str::to_owned)).collect()
}

fn map(value: &Value) -> Option<BTreeMap<String, String>> {
    let entries = value.as_object()?.iter();
    entries
        .map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// Argo CD's `PARAM_<NAME>`, and `PARAM_<NAME>_<index>` of a list. A map's keys are lost there: they
/// are written in capitals, so one is an error.
fn from_variables(
    variables: &BTreeMap<String, String>,
    parameters: &mut Parameters,
) -> Result<(), String> {
    for known in &KNOWN {
        let name = format!("PARAM_{}", known.name.to_uppercase().replace('-', "_"));
        let value = match known.shape {
            Shape::Text => variables.get(&name).map(|text| json!(text)),
            Shape::List => {
                let items = (0..).map_while(|index| variables.get(&format!("{name}_{index}")));
                let items: Vec<&String> = items.collect();
                (!items.is_empty()).then(|| json!(items))
            }
            Shape::Map => {
                let prefix = format!("{name}_");
                if let Some(found) = variables.keys().find(|key| key.starts_with(&prefix)) {
                    return Err(format!(
                        "{found} is set and ARGOCD_APP_PARAMETERS is not: a map's keys can be read from the latter only"
                    ));
                }
                None
            }
        };
        if let Some(value) = value {
            set(parameters, known, &value)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_json(text: &str) -> Result<Parameters, String> {
        read(&[("ARGOCD_APP_PARAMETERS".to_owned(), text.to_owned())].into())
    }

    #[test]
    fn reads_every_parameter() {
        let parameters = read_json(
            r#"[{"name":"env","string":"prod"},{"name":"release","string":"shop"},
                {"name":"values-files","array":["a.yaml","b.yaml"]},{"name":"values","string":"a: 1\n"},
                {"name":"helm-parameters","map":{"a.b":"1"}},
                {"name":"helm-string-parameters","map":{"c":"2"}},
                {"name":"skip-crds","string":"true"},{"name":"skip-tests","string":"true"}]"#,
        );
        let map = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
        let expected = Parameters {
            env: Some("prod".into()),
            release: Some("shop".into()),
            values_files: vec!["a.yaml".into(), "b.yaml".into()],
            values: Some("a: 1\n".into()),
            helm_parameters: map("a.b", "1"),
            helm_string_parameters: map("c", "2"),
            skip_crds: true,
            skip_tests: true,
        };
        assert_eq!(parameters, Ok(expected));
    }

    #[test]
    fn none_are_none() {
        for text in ["null", "[]", r#"[{"name":"env","string":" "}]"#] {
            assert_eq!(read_json(text), Ok(Parameters::default()), "{text}");
        }
        assert_eq!(read(&BTreeMap::new()), Ok(Parameters::default()));
    }

    #[test]
    fn refuses_what_it_does_not_know_without_repeating_values() {
        let cases = [
            ("[", "is no JSON at line 1"),
            ("{}", "is no list"),
            (r#"[{"string":"hunter2"}]"#, "has no name"),
            (
                r#"[{"name":"value-files","array":[]}]"#,
                "did you mean `values-files`?",
            ),
            (
                r#"[{"name":"on-violation","string":"warn"}]"#,
                "unknown parameter",
            ),
            (
                r#"[{"name":"env","array":["hunter2"]}]"#,
                "`env` must be given as `string`",
            ),
            (
                r#"[{"name":"values-files","string":"hunter2"}]"#,
                "must be given as `array`",
            ),
            (
                r#"[{"name":"helm-parameters","map":{"a":{"b":"hunter2"}}}]"#,
                "must be given as `map`",
            ),
            (
                r#"[{"name":"skip-crds","string":"hunter2"}]"#,
                "must be true or false",
            ),
            (
                r#"[{"name":"env","string":"a"},{"name":"env","string":"b"}]"#,
                "set twice",
            ),
        ];
        for (text, expected) in cases {
            let error = read_json(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn reads_single_variables_where_there_is_nothing_else() {
        let variables = |list: &[(&str, &str)]| -> BTreeMap<String, String> {
            let owned = list.iter();
            owned
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect()
        };
        let read_one = read(&variables(&[
            ("PARAM_ENV", "prod"),
            ("PARAM_VALUES_FILES_0", "a.yaml"),
            ("PARAM_VALUES_FILES_1", "b.yaml"),
        ]));
        let parameters = read_one.unwrap();
        assert_eq!(parameters.env.as_deref(), Some("prod"));
        assert_eq!(parameters.values_files, ["a.yaml", "b.yaml"]);
        let lost = read(&variables(&[("PARAM_HELM_PARAMETERS_IMAGE_TAG", "1")]));
        assert!(
            lost.unwrap_err()
                .contains("PARAM_HELM_PARAMETERS_IMAGE_TAG")
        );
    }

    #[test]
    fn announces_every_parameter_once() {
        let announced = announcement(&["dev".into(), "prod".into()]);
        let announced = announced.as_array().unwrap();
        assert_eq!(announced.len(), KNOWN.len());
        assert_eq!(announced[0]["name"], "env");
        assert!(
            announced[0]["tooltip"]
                .as_str()
                .unwrap()
                .ends_with(": dev, prod")
        );
        for one in announced {
            let name = one["name"].as_str().unwrap();
            assert!(known(name).is_ok_and(|known| known.name == name));
        }
    }
}
