//! Renders a chart by `helm template`, for commands that take a chart directory.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use super::find::helm_binary;

/// How a chart is rendered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rendering<'a> {
    /// The release's name.
    pub release: Option<&'a str>,
    /// The release's namespace.
    pub namespace: Option<&'a str>,
    /// Values files, as Helm's `--values`.
    pub values: &'a [PathBuf],
    /// Single values, as Helm's `--set`.
    pub set: &'a [String],
}

impl Rendering<'_> {
    /// The same with the chart's own values.
    #[must_use]
    pub fn with_defaults(self) -> Self {
        Rendering {
            values: &[],
            set: &[],
            ..self
        }
    }
}

/// The manifests of a chart, hooks and CRDs included.
///
/// # Errors
/// When Helm cannot be run or refuses the chart; Helm's own words are in the error.
pub fn render_chart(chart: &Path, how: Rendering<'_>) -> anyhow::Result<Vec<u8>> {
    let helm = helm_binary();
    let mut command = Command::new(&helm);
    command
        .arg("template")
        .arg(how.release.unwrap_or("release-name"))
        .arg(chart)
        .arg("--include-crds");
    if let Some(namespace) = how.namespace {
        command.args(["--namespace", namespace]);
    }
    for file in how.values {
        command.arg("--values").arg(file);
    }
    for value in how.set {
        command.args(["--set", value]);
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
