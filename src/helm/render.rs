//! Renders a chart by `helm template`, for commands that take a chart directory.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};

use super::find::helm_binary;

/// The manifests of a chart with its default values, hooks and CRDs included.
///
/// # Errors
/// When Helm cannot be run or refuses the chart; Helm's own words are in the error.
pub fn render_chart(
    chart: &Path,
    release: Option<&str>,
    namespace: Option<&str>,
) -> anyhow::Result<Vec<u8>> {
    let helm = helm_binary();
    let mut command = Command::new(&helm);
    command
        .arg("template")
        .arg(release.unwrap_or("release-name"))
        .arg(chart)
        .arg("--include-crds");
    if let Some(namespace) = namespace {
        command.args(["--namespace", namespace]);
    }
    let output = command
        .output()
        .with_context(|| format!("cannot run {} (set HELM_BIN or PATH)", helm.display()))?;
    if !output.status.success() {
        bail!(
            "helm template {}: {}",
            chart.display(),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(output.stdout)
}
