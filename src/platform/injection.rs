//! The `hardening.profile` block of platform.yaml: which pods of a release are a product's own, and
//! so get what its artifact says.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::object::selector::Selector;
use crate::policy::exceptions::Pattern;

/// What stands for the product's name in a selector.
const PRODUCT: &str = "{product}";

/// Containers that service meshes, Dapr, Vault and Cloud SQL bring along, by the names that their
/// own documentation gives them.
const FOREIGN: [&str; 9] = [
    "cloud-sql-proxy",
    "daprd",
    "istio-init",
    "istio-proxy",
    "istio-validation",
    "linkerd-init",
    "linkerd-proxy",
    "vault-agent",
    "vault-agent-init",
];

/// `hardening.profile`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Injection {
    /// The labels of a product's pods, in kubectl's notation; `{product}` stands for its name.
    pub selector: String,
    /// Containers that are not the product's own, by name or glob: they get nothing.
    pub skip_containers: Vec<Pattern>,
}

impl Default for Injection {
    fn default() -> Injection {
        let foreign = FOREIGN.iter().filter_map(|name| Pattern::new(name).ok());
        Injection {
            selector: format!("floe.dev/product={PRODUCT}"),
            skip_containers: foreign.collect(),
        }
    }
}

impl Injection {
    /// What the types cannot say: the selector is one, and does not select everything.
    ///
    /// # Errors
    /// The pointer, from the block, of the first mistake, and the reason.
    pub fn validate(&self) -> Result<(), (String, String)> {
        let wrong = |reason: String| ("/selector".to_owned(), reason);
        if self.selector.trim().is_empty() {
            return Err(wrong("would select every pod: name a label".into()));
        }
        let text = self.selector.replace(PRODUCT, "product");
        Selector::parse(&text).map(drop).map_err(wrong)
    }

    /// The selector for a product.
    ///
    /// # Errors
    /// The selector asks for the product's name, and nobody knows it; or it is none.
    pub fn selector(&self, product: Option<&str>) -> Result<Selector, String> {
        let text = match product {
            Some(product) => self.selector.replace(PRODUCT, product),
            None if self.selector.contains(PRODUCT) => {
                return Err(
                    "does not say its product's name, which hardening.profile.selector asks for: \
                     compile it again, or select by other labels"
                        .into(),
                );
            }
            None => self.selector.clone(),
        };
        Selector::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::manifest::View;

    #[test]
    fn a_selector_names_the_product() {
        let labels = json!({"floe.dev/product": "orders", "tier": "jobs"});
        let matches = |selector: &str, product: Option<&str>| {
            let config = Injection {
                selector: selector.into(),
                ..Injection::default()
            };
            let selector = config.selector(product)?;
            Ok::<bool, String>(selector.matches(Some(View::Json(&labels))))
        };
        let default = Injection::default().selector;
        for (selector, product, want) in [
            (default.as_str(), Some("orders"), Ok(true)),
            (&default, Some("returns"), Ok(false)),
            ("tier in (jobs,web)", None, Ok(true)),
            ("tier=jobs,floe.dev/product={product}", Some("x"), Ok(false)),
        ] {
            assert_eq!(matches(selector, product), want, "{selector}");
        }
        assert!(matches(&default, None).is_err());
    }

    #[test]
    fn mistakes_are_named() {
        for (selector, want) in [
            ("", "would select every pod"),
            ("a in b", "is not a selector"),
        ] {
            let config = Injection {
                selector: selector.into(),
                ..Injection::default()
            };
            let (at, reason) = config.validate().unwrap_err();
            assert!(at == "/selector" && reason.contains(want), "{reason}");
        }
        assert_eq!(Injection::default().validate(), Ok(()));
        assert_eq!(Injection::default().skip_containers.len(), FOREIGN.len());
    }
}
