//! What a chart says it works with, in the annotations of its Chart.yaml.

use semver::{Version, VersionReq};
use serde_json::Value;

/// The annotation that lists the versions of artifacts that a chart's values can be made of.
pub const ARTIFACTS: &str = "floe.dev/artifacts";
/// The annotation that says which versions of this program write values for the chart.
pub const PROGRAM: &str = "floe.dev/helm-floe";

/// What a chart works with; everything where it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compatibility {
    artifacts: Option<Vec<String>>,
    program: Option<(String, VersionReq)>,
}

impl Compatibility {
    /// Reads the annotations.
    ///
    /// # Errors
    /// One of them cannot be read, and so nobody knows what the chart works with.
    pub fn read(chart: &Value) -> Result<Compatibility, String> {
        let annotation = |name: &str| {
            let annotations = chart.get("annotations")?;
            annotations.get(name)?.as_str()
        };
        let artifacts = annotation(ARTIFACTS).map(|list| words(list).map(str::to_owned).collect());
        let program = match annotation(PROGRAM) {
            None => None,
            Some(text) => Some((
                text.to_owned(),
                range(text).ok_or_else(|| {
                    format!("the annotation {PROGRAM} is no range of versions such as \">=0.1.0 <0.2.0\"")
                })?,
            )),
        };
        Ok(Compatibility { artifacts, program })
    }

    /// Why the chart does not take an artifact of a version from this version of the program.
    pub fn refusals(&self, artifact: &str, program: &str) -> Vec<String> {
        let mut refusals = Vec::new();
        if let Some(listed) = &self.artifacts
            && !listed.iter().any(|version| version == artifact)
        {
            refusals.push(format!(
                "is an artifact of version {artifact}, and the chart takes {}: compile it again, or take another version of the chart",
                listed.join(", ")
            ));
        }
        if let Some((text, range)) = &self.program
            && !Version::parse(program).is_ok_and(|version| range.matches(&version))
        {
            refusals.push(format!(
                "this is helm-floe {program}, and the chart wants {text}"
            ));
        }
        refusals
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ']).filter(|word| !word.is_empty())
}

/// A range as Helm writes it, where blanks may stand for commas: `>=0.1.0 <0.2.0`.
fn range(text: &str) -> Option<VersionReq> {
    let mut joined = String::new();
    for word in words(text) {
        if !joined.is_empty() && !joined.ends_with(['<', '>', '=', '~', '^']) {
            joined.push_str(", ");
        }
        joined.push_str(word);
    }
    VersionReq::parse(&joined).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn charts_say_what_they_take() {
        for (annotations, artifact, program, refusals) in [
            (json!({}), "9.0.0", "9.0.0", 0),
            (json!({ARTIFACTS: "1.1.0, 2.0.0"}), "2.0.0", "9.0.0", 0),
            (json!({ARTIFACTS: "1.1.0, 2.0.0"}), "1.0.0", "9.0.0", 1),
            (json!({PROGRAM: ">=0.1.0 <0.2.0"}), "2.0.0", "0.1.7", 0),
            (json!({PROGRAM: ">= 0.1.0, < 0.2.0"}), "2.0.0", "0.1.7", 0),
            (json!({PROGRAM: "~0.1"}), "2.0.0", "0.1.7", 0),
            (json!({PROGRAM: ">=0.1.0 <0.2.0"}), "2.0.0", "0.2.0", 1),
            (
                json!({PROGRAM: ">=1.0.0", ARTIFACTS: "3.0.0"}),
                "2.0.0",
                "0.2.0",
                2,
            ),
            (json!({"other": "x"}), "2.0.0", "0.2.0", 0),
        ] {
            let chart = json!({"annotations": annotations});
            let said = Compatibility::read(&chart).map(|c| c.refusals(artifact, program));
            assert_eq!(
                said.as_ref().map(Vec::len),
                Ok(refusals),
                "{chart}: {said:?}"
            );
        }
        assert!(Compatibility::read(&json!({"annotations": {PROGRAM: "new"}})).is_err());
        assert_eq!(
            Compatibility::read(&json!({})),
            Ok(Compatibility::default())
        );
    }
}
