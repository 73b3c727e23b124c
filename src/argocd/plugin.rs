//! What an operator installs: the plugin's configuration, the sidecar and its image.

use serde_json::{Value, json};

use crate::manifest::{EditError, write_document};

/// The image where no other is named.
pub const IMAGE: &str = concat!(
    "registry.example.com/helm-floe-argocd:",
    env!("CARGO_PKG_VERSION")
);

/// The Dockerfile: two static programs, certificates and the plugin's configuration.
pub const DOCKERFILE: &str = include_str!("Dockerfile");

/// The `ConfigManagementPlugin`: `generate` holds further options of `argocd generate`. It has no
/// version, so that Applications name it as it is.
///
/// # Errors
/// An option cannot be written as YAML.
pub fn config(generate: &[String], every_chart: bool) -> Result<String, EditError> {
    let command = |name: &str| json!(["helm-floe", "argocd", name]);
    let mut generation = json!({"command": command("generate")});
    if let (false, Some(fields)) = (generate.is_empty(), generation.as_object_mut()) {
        fields.insert("args".into(), json!(generate));
    }
    let mut discovery = json!({"command": command("discover")});
    if let (true, Some(fields)) = (every_chart, discovery.as_object_mut()) {
        fields.insert("args".into(), json!(["--every-chart"]));
    }
    write_document(&json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ConfigManagementPlugin",
        "metadata": {"name": "helm-floe"},
        "spec": {
            "discover": {"find": discovery},
            "generate": generation,
            "parameters": {"dynamic": {"command": command("parameters")}},
        },
    }))
}

/// The patch that adds the sidecar to `argocd-repo-server` (a strategic merge patch). The volumes
/// `var-files` and `plugins` are Argo CD's own.
///
/// # Errors
/// The image's name cannot be written as YAML.
pub fn sidecar(image: &str) -> Result<String, EditError> {
    let mount = |name: &str, path: &str| json!({"name": name, "mountPath": path});
    let container: Value = json!({
        "name": "helm-floe",
        "image": image,
        "command": ["/var/run/argocd/argocd-cmp-server"],
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": true,
            "runAsGroup": 999,
            "runAsNonRoot": true,
            "runAsUser": 999,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "resources": {
            "requests": {"cpu": "100m", "memory": "128Mi"},
            "limits": {"memory": "512Mi"},
        },
        "volumeMounts": [
            mount("var-files", "/var/run/argocd"),
            mount("plugins", "/home/argocd/cmp-server/plugins"),
            mount("helm-floe-tmp", "/tmp"),
        ],
    });
    write_document(&json!({
        "spec": {"template": {"spec": {
            "containers": [container],
            "volumes": [{"name": "helm-floe-tmp", "emptyDir": {}}],
        }}},
    }))
}
