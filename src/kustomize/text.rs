//! The list of patches as YAML, which fits below `patches:` of a kustomization and of a HelmRelease.

use serde_json::{Value, json};

use super::{Change, Changes, LeftOut};
use crate::manifest::{EditError, write_document};
use crate::report::printable;

impl Changes {
    /// The patches as a YAML list, with what is not among them in comments at its head.
    ///
    /// # Errors
    /// A value that YAML readers do not all take.
    pub fn patches(&self) -> Result<String, EditError> {
        let mut out = String::from(
            "# What helm-floe changes in this release, as patches for kustomize.\n\
             # Written anew by `helm-floe diff --format kustomize-patches`; do not edit.\n",
        );
        for LeftOut { object, reason } in &self.left_out {
            let line = format!("Not in here: {object}: {reason}");
            out.push_str(&format!("# {}\n", printable(&line)));
        }
        if self.patches.is_empty() {
            // Behind a key on a line of its own, a list in brackets must be indented.
            out.push_str("  []\n");
        }
        for patch in &self.patches {
            out.push_str("- target:\n");
            for (field, expression) in &patch.target {
                let expression = write_document(&json!(expression))?;
                out.push_str(&format!("    {field}: {expression}"));
            }
            out.push_str("  patch: |-\n");
            for line in write_document(&patch.change.value())?.lines() {
                out.push_str(&format!("    {line}\n"));
            }
        }
        Ok(out)
    }

    /// The objects that are new, each as a document.
    ///
    /// # Errors
    /// As [`Changes::patches`].
    pub fn added(&self) -> Result<String, EditError> {
        let mut out = String::from(
            "# What helm-floe adds to this release, which no patch of kustomize can.\n\
             # Written anew by `helm-floe diff --format kustomize-patches`; do not edit.\n",
        );
        for object in &self.added {
            out.push_str("---\n");
            out.push_str(&write_document(object)?);
        }
        Ok(out)
    }
}

impl Change {
    fn value(&self) -> Value {
        match self {
            Change::Edit(operations) => json!(operations),
            Change::Delete(object) => json!({
                "$patch": "delete",
                "apiVersion": object.api_version,
                "kind": object.kind,
                "metadata": {"name": object.name},
            }),
        }
    }
}
