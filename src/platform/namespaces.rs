//! The manifests of an environment's namespace: Pod Security labels, quota, default sizes.
//!
//! They are never part of a release. Helm would not take over a namespace that
//! `--create-namespace` made, and uninstalling the release would delete everything in it.

use serde_json::{Map, Value, json};

use super::file::PlatformFile;
use super::hardening::builtin_preset;
use crate::policy::{Level, Version};

/// The manifests of a namespace, in the order in which they have to be applied.
pub fn manifests(environment: &str, namespace: &str, platform: &PlatformFile) -> Vec<Value> {
    let mut manifests = vec![namespace_object(environment, namespace, platform)];
    let quotas = &platform.infrastructure.lifecycle.resource_quotas;
    if quotas.enabled {
        let limits = &quotas.namespace_limits;
        let hard = json!({
            "pods": limits.pods.to_string(),
            "requests.cpu": limits.requests_cpu.as_str(),
            "requests.memory": limits.requests_memory.as_str(),
            "limits.cpu": limits.limits_cpu.as_str(),
            "limits.memory": limits.limits_memory.as_str(),
        });
        manifests.push(object(
            "ResourceQuota",
            environment,
            namespace,
            json!({"hard": hard}),
        ));
    }
    manifests.extend(limit_range(environment, namespace, platform));
    manifests
}

fn labels(environment: &str) -> Map<String, Value> {
    let mut labels = Map::new();
    labels.insert("app.kubernetes.io/managed-by".into(), "helm-floe".into());
    labels.insert("floe.dev/environment".into(), environment.into());
    labels
}

fn namespace_object(environment: &str, namespace: &str, platform: &PlatformFile) -> Value {
    let security = &platform.hardening.pod_security;
    let level: Level = security.level.unwrap_or_default();
    let version: Version = security.version.unwrap_or_default();
    let mut labels = labels(environment);
    // What is enforced is what the filter checks; audit and warnings show how far it is to the
    // strictest level.
    for (mode, level) in [
        ("enforce", level),
        ("audit", Level::Restricted),
        ("warn", Level::Restricted),
    ] {
        let key = format!("pod-security.kubernetes.io/{mode}");
        labels.insert(key.clone(), level.to_string().into());
        labels.insert(format!("{key}-version"), version.to_string().into());
    }
    json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": namespace, "labels": labels},
    })
}

fn object(kind: &str, environment: &str, namespace: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": "floe", "namespace": namespace, "labels": labels(environment)},
        "spec": spec,
    })
}

/// What a container gets that says nothing, by the platform's preset.
fn limit_range(environment: &str, namespace: &str, platform: &PlatformFile) -> Option<Value> {
    let resources = &platform.hardening.resources;
    let own = resources.presets.get(&resources.preset).cloned();
    let preset = own.or_else(|| builtin_preset(&resources.preset))?;
    let mut default = Map::new();
    if resources.cpu_limits {
        default.insert("cpu".into(), preset.limits.cpu.into());
    }
    default.insert("memory".into(), preset.limits.memory.into());
    let limits = json!([{
        "type": "Container",
        "default": default,
        "defaultRequest": {"cpu": preset.requests.cpu, "memory": preset.requests.memory},
    }]);
    Some(object(
        "LimitRange",
        environment,
        namespace,
        json!({"limits": limits}),
    ))
}
