//! What Argo CD says about the application, in variables.

use std::collections::BTreeMap;

use super::parameters::{self, Parameters};
use crate::helm::names::is_release_name;

/// The application as Argo CD describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Application {
    /// `ARGOCD_APP_NAME`: the release's name unless a parameter gives another.
    pub name: String,
    /// `ARGOCD_APP_NAMESPACE`: where the release goes; not told when parameters are asked for.
    pub namespace: Option<String>,
    /// `ARGOCD_APP_SOURCE_PATH`: the directory in the repository; `.` is the root.
    pub source_path: String,
    /// `KUBE_VERSION`: the cluster's version.
    pub kube_version: Option<String>,
    /// `KUBE_API_VERSIONS`: what the cluster serves.
    pub api_versions: Vec<String>,
    /// What the Application sets.
    pub parameters: Parameters,
}

impl Application {
    /// Reads the application from environment variables. An empty variable is one that is not set.
    ///
    /// # Errors
    /// A parameter is unknown, set twice or of the wrong kind, or there is no `ARGOCD_APP_NAME`.
    pub fn read(variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, String> {
        let variables: BTreeMap<String, String> = variables
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect();
        let get = |name: &str| variables.get(name).cloned();
        let mut parameters = parameters::read(&variables)?;
        if parameters.env.is_none() {
            parameters.env = get("ARGOCD_ENV_FLOE_ENV");
        }
        let versions = get("KUBE_API_VERSIONS").unwrap_or_default();
        Ok(Application {
            name: get("ARGOCD_APP_NAME").ok_or("ARGOCD_APP_NAME is not set: Argo CD sets it")?,
            namespace: get("ARGOCD_APP_NAMESPACE"),
            source_path: get("ARGOCD_APP_SOURCE_PATH").unwrap_or_default(),
            kube_version: get("KUBE_VERSION"),
            api_versions: versions
                .split(',')
                .filter(|version| !version.is_empty())
                .map(str::to_owned)
                .collect(),
            parameters,
        })
    }

    /// The release's name.
    ///
    /// # Errors
    /// Helm would not take it.
    pub fn release(&self) -> Result<&str, String> {
        let name = self.parameters.release.as_deref().unwrap_or(&self.name);
        if is_release_name(name) {
            return Ok(name);
        }
        Err(format!(
            "{name:?} cannot be a release's name: up to 53 lower-case letters, digits, `-` and `.`; set the parameter `release`"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Application, String> {
        let owned = variables.iter();
        Application::read(owned.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn reads_what_argo_cd_sets() {
        let application = read(&[
            ("ARGOCD_APP_NAME", "web"),
            ("ARGOCD_APP_NAMESPACE", "shop"),
            ("ARGOCD_APP_SOURCE_PATH", "apps/web"),
            ("KUBE_VERSION", "1.36"),
            ("KUBE_API_VERSIONS", "apps/v1,,batch/v1"),
            ("ARGOCD_ENV_FLOE_ENV", "prod"),
            ("PATH", "/bin"),
        ])
        .unwrap();
        assert_eq!(application.release(), Ok("web"));
        assert_eq!(application.namespace.as_deref(), Some("shop"));
        assert_eq!(application.source_path, "apps/web");
        assert_eq!(application.kube_version.as_deref(), Some("1.36"));
        assert_eq!(application.api_versions, ["apps/v1", "batch/v1"]);
        assert_eq!(application.parameters.env.as_deref(), Some("prod"));
    }

    #[test]
    fn a_parameter_goes_before_the_variable() {
        let parameters = r#"[{"name":"env","string":"dev"},{"name":"release","string":"shop"}]"#;
        let application = read(&[
            ("ARGOCD_APP_NAME", "web"),
            ("ARGOCD_ENV_FLOE_ENV", "prod"),
            ("ARGOCD_APP_PARAMETERS", parameters),
        ])
        .unwrap();
        assert_eq!(application.parameters.env.as_deref(), Some("dev"));
        assert_eq!(application.release(), Ok("shop"));
    }

    #[test]
    fn needs_a_name() {
        assert!(read(&[("ARGOCD_APP_NAME", "")]).is_err());
    }
}
