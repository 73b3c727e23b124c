//! Renders the application's chart: dependencies where they lack, then `helm template`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

use super::application::Application;
use super::deadline::{Deadline, Finished};
use super::dependencies::{self, Dependency};
use super::repository::Repository;
use super::words::assignments;
use crate::config::Source;
use crate::helm::Scratch;
use crate::manifest::write_document;

/// A value of at least this many characters is blanked out of what Helm says: shorter ones occur by
/// chance, and no secret worth the name is shorter.
const MIN_BLANKED: usize = 8;

/// Helm, and everything one run of it needs.
pub struct Helm<'a> {
    /// The program.
    pub program: &'a Path,
    /// A private directory for this run.
    pub scratch: &'a Scratch,
    /// When all must be done.
    pub deadline: Deadline,
}

/// The values files of one run: copies, so that no file name is a word of Helm's command line.
struct Values {
    /// The copies, in their order.
    copies: Vec<PathBuf>,
    /// What Helm calls each copy in its errors, and what the user calls it.
    names: Vec<(String, String)>,
}

impl Helm<'_> {
    /// The manifests of the application, hooks and CRDs included.
    ///
    /// # Errors
    /// What is wrong with the application, or what Helm says; values of parameters are blanked out.
    pub fn render(
        &self,
        application: &Application,
        repository: &Repository,
    ) -> Result<Vec<u8>, String> {
        let chart = repository.application();
        if !chart.join("Chart.yaml").is_file() {
            return Err("no chart: the application's directory has no Chart.yaml".into());
        }
        repository.contains_all_of(chart)?;
        let values = self.values(application, repository)?;
        let arguments = arguments(application, &values.copies)?;
        self.complete(repository)?;
        let mut command = Command::new(self.program);
        command.args(&arguments).current_dir(chart);
        let done = self.run(&mut command, "helm template")?;
        if done.status.success() {
            return Ok(done.stdout);
        }
        let mut said = format!("Helm does not render the chart: {}", done.stderr.trim());
        for (copy, name) in &values.names {
            said = said.replace(copy, name);
        }
        Err(blanked(&said, application))
    }

    /// What this Helm calls its version.
    ///
    /// # Errors
    /// It cannot be run.
    pub fn version(&self) -> Result<String, String> {
        let mut command = Command::new(self.program);
        command.args(["version", "--template", "{{.Version}}"]);
        let done = self.run(&mut command, "helm version")?;
        match done.status.success() {
            true => Ok(String::from_utf8_lossy(&done.stdout).trim().to_owned()),
            false => Err(format!("helm version fails: {}", done.stderr.trim())),
        }
    }

    fn run(&self, command: &mut Command, what: &str) -> Result<Finished, String> {
        // A variable of the sidecar must not contradict the application.
        command
            .env_remove("HELM_NAMESPACE")
            .env_remove("HELM_DEBUG");
        self.deadline.run(command, what).map_err(|e| e.to_string())
    }

    /// Copies the values files and the values into the scratch directory.
    fn values(&self, application: &Application, repository: &Repository) -> Result<Values, String> {
        let parameters = &application.parameters;
        let mut texts = Vec::new();
        for file in &parameters.values_files {
            texts.push((file.clone(), repository.values_file(file)?));
        }
        let inline = parameters.values.iter();
        texts.extend(inline.map(|text| ("parameter values".to_owned(), text.clone())));
        let mut values = Values {
            copies: Vec::new(),
            names: Vec::new(),
        };
        for (index, (name, text)) in texts.into_iter().enumerate() {
            let copy = self.scratch.path().join(format!("values-{index}.yaml"));
            fs::write(&copy, text).map_err(|e| format!("cannot write {}: {e}", copy.display()))?;
            values.names.push((copy.display().to_string(), name));
            values.copies.push(copy);
        }
        Ok(values)
    }

    /// Gets the dependencies the chart lacks, into the copy of the repository that is this request's.
    fn complete(&self, repository: &Repository) -> Result<(), String> {
        let chart = repository.application();
        let listed = dependencies::listed(chart)?;
        dependencies::stay_inside(repository, &listed)?;
        let missing = dependencies::missing(chart, listed.clone());
        if missing.is_empty() {
            return Ok(());
        }
        let mut command = Command::new(self.program);
        command
            .args(["dependency", "build", "."])
            .current_dir(chart);
        if let Some(file) = self.repositories(&listed)? {
            command.env("HELM_REPOSITORY_CONFIG", file);
        }
        let done = self.run(&mut command, "helm dependency build")?;
        if done.status.success() {
            // What came may be a link, and is about to be rendered.
            return repository.contains_all_of(chart);
        }
        let names: Vec<&str> = missing.iter().map(|one| one.name.as_str()).collect();
        Err(format!(
            "the chart lacks {} in charts/, and `helm dependency build` fails: {}",
            names.join(", "),
            done.stderr.trim()
        ))
    }

    /// A `repositories.yaml` for the dependencies, unless the operator has given Helm one, with
    /// credentials perhaps.
    fn repositories(&self, listed: &[Dependency]) -> Result<Option<PathBuf>, String> {
        let mut ask = Command::new(self.program);
        ask.args(["env", "HELM_REPOSITORY_CONFIG"]);
        let said = self.run(&mut ask, "helm env")?;
        let configured = String::from_utf8_lossy(&said.stdout);
        if Path::new(configured.trim()).is_file() {
            return Ok(None);
        }
        let file = self.scratch.path().join("repositories.yaml");
        let text = write_document(&dependencies::repositories(listed))
            .map_err(|e| format!("cannot write the list of chart repositories: {e}"))?;
        fs::write(&file, text).map_err(|e| format!("cannot write {}: {e}", file.display()))?;
        Ok(Some(file))
    }
}

/// The words of `helm template`. Nothing an application says can become another word, or another flag
/// within a word.
fn arguments(application: &Application, values: &[PathBuf]) -> Result<Vec<OsString>, String> {
    let parameters = &application.parameters;
    let mut words = vec![OsString::from("template")];
    let mut flag = |name: &str, value: &str| words.push(format!("--{name}={value}").into());
    if let Some(namespace) = &application.namespace {
        flag("namespace", namespace);
    }
    if let Some(version) = &application.kube_version {
        flag("kube-version", version);
    }
    for version in &application.api_versions {
        flag("api-versions", version);
    }
    if !parameters.skip_crds {
        words.push("--include-crds".into());
    }
    if parameters.skip_tests {
        words.push("--skip-tests".into());
    }
    for file in values {
        let mut word = OsString::from("--values=");
        word.push(file);
        words.push(word);
    }
    words.extend(
        assignments(&parameters.helm_parameters, false)?
            .into_iter()
            .map(OsString::from),
    );
    words.extend(
        assignments(&parameters.helm_string_parameters, true)?
            .into_iter()
            .map(OsString::from),
    );
    let release = application.release()?;
    words.extend(["--", release, "."].map(OsString::from));
    Ok(words)
}

/// Text for Argo CD's UI, where everybody reads it, without the values that the Application sets.
fn blanked(text: &str, application: &Application) -> String {
    let parameters = &application.parameters;
    let mut values: Vec<String> = Vec::new();
    values.extend(parameters.helm_parameters.values().cloned());
    values.extend(parameters.helm_string_parameters.values().cloned());
    let inline = parameters.values.as_deref().unwrap_or_default();
    if let Ok(source) = Source::open("values", inline) {
        texts(&source.value("").unwrap_or_default(), &mut values);
    }
    values.retain(|value| value.chars().count() >= MIN_BLANKED);
    // The longest first: one may be a part of another.
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    values.into_iter().fold(text.to_owned(), |text, value| {
        text.replace(&value, "******")
    })
}

/// Adds every text in a value, however deep.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(entries) => entries.values().for_each(|entry| texts(entry, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The environment as text; a variable that is no Unicode is no business of Argo CD's.
pub fn variables() -> impl Iterator<Item = (String, String)> {
    env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::argocd::parameters::Parameters;
    use std::collections::BTreeMap;

    fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        let entries = entries.iter();
        entries
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn every_word_is_one_flag() {
        let application = Application {
            name: "web".into(),
            namespace: Some("shop".into()),
            kube_version: Some("1.36".into()),
            api_versions: vec!["apps/v1".into(), "batch/v1".into()],
            parameters: Parameters {
                skip_tests: true,
                helm_parameters: map(&[("image.tag", "1.2,--post-renderer=x")]),
                helm_string_parameters: map(&[("a", "true")]),
                ..Parameters::default()
            },
            ..Application::default()
        };
        let words = arguments(&application, &[PathBuf::from("/s/values-0.yaml")]).unwrap();
        let expected = [
            "template",
            "--namespace=shop",
            "--kube-version=1.36",
            "--api-versions=apps/v1",
            "--api-versions=batch/v1",
            "--include-crds",
            "--skip-tests",
            "--values=/s/values-0.yaml",
            r#"--set-json=image.tag="1.2,--post-renderer=x""#,
            r#"--set-json=a="true""#,
            "--",
            "web",
            ".",
        ];
        assert_eq!(words, expected.map(OsString::from));
    }

    #[test]
    fn values_of_parameters_are_not_repeated() {
        let application = Application {
            parameters: Parameters {
                helm_parameters: map(&[
                    ("a", "hunter2-secret"),
                    ("b", "hunter2-secret-more"),
                    ("c", "1"),
                ]),
                values: Some("d: [{e: in-the-values}]".into()),
                ..Parameters::default()
            },
            ..Application::default()
        };
        let said = blanked(
            "hunter2-secret-more, hunter2-secret, in-the-values, 1",
            &application,
        );
        assert_eq!(said, "******, ******, ******, 1");
    }
}
