//! A platform file for a machine that has none, made of environment variables and of what listens
//! on a developer's machine. Only for the environment `local`, and never for the filter.

use serde_json::{Map, Value, json};

/// The environment it is for.
pub const ENVIRONMENT: &str = "local";

/// What it is called in errors and artifacts.
pub const NAME: &str = "(environment variables)";

/// A platform file made of variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// Its text, in JSON.
    pub text: String,
    /// The variables that say something in it, in the order of their fields.
    pub used: Vec<&'static str>,
}

/// Reads variables and keeps in mind which were there.
struct Variables<'e> {
    environment: &'e dyn Fn(&str) -> Option<String>,
    used: Vec<&'static str>,
}

impl Variables<'_> {
    /// The first of some variables that is set.
    fn first(&mut self, names: &[&'static str]) -> Option<String> {
        let (name, value) = names.iter().find_map(|name| {
            let value = (self.environment)(name).filter(|value| !value.is_empty())?;
            Some((*name, value))
        })?;
        self.used.push(name);
        Some(value)
    }

    fn or(&mut self, names: &[&'static str], default: &str) -> String {
        self.first(names).unwrap_or_else(|| default.to_owned())
    }

    /// A reference to a secret in a variable, which is not read here.
    fn reference(&mut self, name: &'static str, secret: &str, key: &str) -> Option<Value> {
        self.first(&[name])?;
        Some(json!({"secret_ref": name, "secret_name": secret, "key": key}))
    }
}

/// Makes the file. Secrets become references to their variables, and their values are left where
/// they are.
pub fn platform(environment: &dyn Fn(&str) -> Option<String>) -> Local {
    let mut variables = Variables {
        environment,
        used: Vec::new(),
    };
    let file = json!({
        "version": super::file::VERSION,
        "infrastructure": {"cloud": {"provider": "local"}},
        "storage": {"default": storage(&mut variables)},
        "catalogs": {"default": catalog(&mut variables)},
        "compute": {"default": {"type": "duckdb", "properties": {"path": ":memory:"}}},
        "observability": signals(&mut variables),
    });
    Local {
        text: format!("{file:#}\n"),
        used: variables.used,
    }
}

fn storage(variables: &mut Variables<'_>) -> Value {
    let mut storage = json!({
        "type": "s3",
        "endpoint": variables.or(&["FLOE_STORAGE_ENDPOINT"], "http://localhost:9000"),
        "bucket": variables.or(&["FLOE_STORAGE_BUCKET"], "floe-local"),
        "path_style_access": true,
    });
    // Clients read the keys from these variables by themselves.
    if variables.first(&["AWS_ACCESS_KEY_ID"]).is_some()
        && let Some(storage) = storage.as_object_mut()
    {
        let credentials = json!({"mode": "static", "secret_ref": "storage-keys"});
        storage.insert("credentials".into(), credentials);
    }
    storage
}

fn catalog(variables: &mut Variables<'_>) -> Value {
    let uri = variables.or(
        &["POLARIS_URI", "FLOE_CATALOG_URI"],
        "http://localhost:8181/api/catalog",
    );
    let warehouse = variables.or(&["POLARIS_WAREHOUSE", "FLOE_CATALOG_WAREHOUSE"], "demo");
    let mut catalog = json!({"type": "polaris", "uri": uri, "warehouse": warehouse});
    let id = variables.reference("POLARIS_CLIENT_ID", "polaris-client", "client_id");
    let secret = variables.reference("POLARIS_CLIENT_SECRET", "polaris-client", "client_secret");
    let scope = variables.first(&["POLARIS_SCOPE"]);
    if let (Some(id), Some(secret), Some(catalog)) = (id, secret, catalog.as_object_mut()) {
        let mut credentials = Map::from_iter([
            ("mode".to_owned(), json!("oauth2")),
            ("client_id".to_owned(), id),
            ("client_secret".to_owned(), secret),
        ]);
        credentials.extend(scope.map(|scope| ("scope".to_owned(), scope.into())));
        catalog.insert("credentials".into(), credentials.into());
    }
    catalog
}

/// Nothing is sent to where nobody is known to listen.
fn signals(variables: &mut Variables<'_>) -> Value {
    let otlp = variables.first(&["OTEL_EXPORTER_OTLP_ENDPOINT"]);
    let lineage = variables.first(&["FLOE_OPENLINEAGE_ENDPOINT", "OPENLINEAGE_URL"]);
    let wanted = variables.first(&["FLOE_OPENLINEAGE_ENABLED"]);
    let namespace = variables.first(&["FLOE_OPENLINEAGE_NAMESPACE", "OPENLINEAGE_NAMESPACE"]);
    let off =
        wanted.is_some_and(|wanted| matches!(wanted.as_str(), "false" | "False" | "0" | "no"));
    let mut signals = json!({
        "traces": otlp.is_some(),
        "metrics": otlp.is_some(),
        "lineage": lineage.is_some() && !off,
    });
    if let Some(signals) = signals.as_object_mut() {
        for (field, value) in [
            ("otlp_endpoint", otlp),
            ("lineage_endpoint", lineage),
            ("lineage_namespace", namespace),
        ] {
            signals.extend(value.map(|value| (field.to_owned(), value.into())));
        }
    }
    signals
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::typed;
    use crate::platform::file::PlatformFile;
    use std::collections::BTreeMap;

    fn made(variables: &[(&str, &str)]) -> Local {
        let variables: BTreeMap<&str, &str> = variables.iter().copied().collect();
        platform(&|name| variables.get(name).map(|value| (*value).to_owned()))
    }

    #[test]
    fn a_machine_without_variables_gets_what_listens_there() {
        let local = made(&[]);
        assert!(local.used.is_empty());
        typed::read::<PlatformFile>(NAME, &local.text).unwrap();
        assert!(
            local.text.contains("http://localhost:8181/api/catalog"),
            "{}",
            local.text
        );
    }

    #[test]
    fn variables_win_and_secrets_stay_where_they_are() {
        let local = made(&[
            ("POLARIS_URI", "http://catalog:8181"),
            ("FLOE_CATALOG_URI", "http://other:8181"),
            ("POLARIS_WAREHOUSE", ""),
            ("POLARIS_CLIENT_ID", "the-client"),
            ("POLARIS_CLIENT_SECRET", "hunter2"),
            ("AWS_ACCESS_KEY_ID", "the-key"),
            ("FLOE_OPENLINEAGE_ENDPOINT", "http://marquez:5000"),
            ("FLOE_OPENLINEAGE_ENABLED", "false"),
        ]);
        let used = [
            "AWS_ACCESS_KEY_ID",
            "POLARIS_URI",
            "POLARIS_CLIENT_ID",
            "POLARIS_CLIENT_SECRET",
            "FLOE_OPENLINEAGE_ENDPOINT",
            "FLOE_OPENLINEAGE_ENABLED",
        ];
        assert_eq!(local.used, used);
        for value in ["hunter2", "the-client", "the-key", "http://other"] {
            assert!(!local.text.contains(value), "{value}: {}", local.text);
        }
        let (file, _) = typed::read::<PlatformFile>(NAME, &local.text).unwrap();
        assert_eq!(file.catalogs["default"].warehouse, "demo");
        assert!(!file.observability.lineage);
    }
}
