//! Reads policies: those built into the binary, and those of `--policies DIR`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::lint;
use super::model::{Policy, PolicyFile};
use crate::config::{ConfigError, Source};

/// A file in `policies/*/`.
struct BuiltIn {
    /// `family/name.yaml`
    file: &'static str,
    /// Its text.
    text: &'static str,
    /// The policy without its examples.
    json: &'static str,
}

/// Every file in `policies/*/`, written by the build script.
static BUILT_IN: &[BuiltIn] = include!(concat!(env!("OUT_DIR"), "/policies.rs"));

/// A policy with its name and where it comes from.
#[derive(Debug)]
pub struct Loaded {
    /// `family/name`
    pub name: String,
    /// The policy. A built-in one is here without its examples; see [`Loaded::complete`].
    pub policy: Policy,
    /// The file it was read from; `None` when it is built in.
    pub file: Option<String>,
    /// The file's text.
    pub text: Cow<'static, str>,
}

impl Loaded {
    /// The policy with its examples, read again from its file. Every run reads every policy, and
    /// only tests and `explain` need the examples, which are most of a file.
    ///
    /// # Errors
    /// The file is broken from its examples on; a test makes sure that no built-in one is.
    pub fn complete(&self) -> Result<Policy, ConfigError> {
        let file = self.file.as_deref().unwrap_or(&self.name);
        let source = Source::parse(file, &self.text)?;
        let parsed: PolicyFile = source.decode()?;
        lint::check(&parsed).map_err(|(pointer, reason)| source.error(&pointer, &reason))?;
        Ok(parsed.spec)
    }
}

/// All policies there are, by name.
#[derive(Clone, Debug, Default)]
pub struct Library {
    policies: BTreeMap<String, Arc<Loaded>>,
}

impl Library {
    /// The policies built into the binary. They are read once, when first asked for.
    ///
    /// # Errors
    /// A built-in file is broken; a test makes sure that none is.
    pub fn built_in() -> Result<Library, ConfigError> {
        static LIBRARY: OnceLock<Result<Library, ConfigError>> = OnceLock::new();
        let read_all = || {
            let mut library = Library::default();
            for own in BUILT_IN {
                library.add_built_in(own)?;
            }
            Ok(library)
        };
        LIBRARY.get_or_init(read_all).clone()
    }

    /// Adds every `.yaml`, `.yml` and `.json` file below a folder, in the order of their paths. What
    /// begins with a dot is left out: the files of a mounted ConfigMap stand in `..data`, too.
    ///
    /// # Errors
    /// The first file that cannot be read, is no valid policy, or has the name of another.
    pub fn add_directory(&mut self, folder: &Path) -> Result<(), ConfigError> {
        let hidden = |entry: &walkdir::DirEntry| {
            entry.depth() > 0 && entry.file_name().as_encoded_bytes().starts_with(b".")
        };
        let walk = walkdir::WalkDir::new(folder).sort_by_file_name();
        for entry in walk.into_iter().filter_entry(|entry| !hidden(entry)) {
            let entry = entry
                .map_err(|error| ConfigError::unreadable(&folder.display().to_string(), &error))?;
            let extension = entry
                .path()
                .extension()
                .and_then(|extension| extension.to_str());
            if entry.file_type().is_dir() || !matches!(extension, Some("yaml" | "yml" | "json")) {
                continue;
            }
            let name = entry.path().display().to_string();
            let text = std::fs::read_to_string(entry.path())
                .map_err(|error| ConfigError::unreadable(&name, &error))?;
            self.add_text(&name, &text)?;
        }
        Ok(())
    }

    /// A test makes sure of all that is asked of a user's policy.
    fn add_built_in(&mut self, own: &BuiltIn) -> Result<(), ConfigError> {
        let parsed: PolicyFile = serde_json::from_str(own.json)
            .map_err(|error| ConfigError::unreadable(own.file, &error))?;
        let name = parsed.metadata.name;
        let loaded = Loaded {
            name: name.clone(),
            policy: parsed.spec,
            file: None,
            text: Cow::Borrowed(own.text),
        };
        self.policies.insert(name, Arc::new(loaded));
        Ok(())
    }

    /// Adds one policy file of the user's.
    ///
    /// # Errors
    /// The text is no valid policy, or its name is taken.
    pub fn add_text(&mut self, file: &str, text: &str) -> Result<(), ConfigError> {
        let source = Source::parse(file, text)?;
        let parsed: PolicyFile = source.decode()?;
        lint::check(&parsed)
            .and_then(|()| lint::check_foreign(&parsed.spec))
            .map_err(|(pointer, reason)| source.error(&pointer, &reason))?;
        let name = parsed.metadata.name;
        if let Some(other) = self.policies.get(&name) {
            let place = other.file.as_deref().unwrap_or("the built-in policies");
            let reason = format!("{name} is already defined in {place}");
            return Err(source.error("/metadata/name", &reason));
        }
        let loaded = Loaded {
            name: name.clone(),
            policy: parsed.spec,
            file: Some(file.to_owned()),
            text: Cow::Owned(text.to_owned()),
        };
        self.policies.insert(name, Arc::new(loaded));
        Ok(())
    }

    /// All policies, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Loaded>> {
        self.policies.values()
    }

    /// The policy of that name.
    pub fn get(&self, name: &str) -> Option<&Arc<Loaded>> {
        self.policies.get(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEAM_LABEL: &str = "\
apiVersion: floe.dev/v1alpha1
kind: Policy
metadata: {name: acme/team-label}
spec:
  title: Objects name their team
  description: Somebody has to answer the phone.
  rules:
    - node: object
      schema: {type: object}
      message: the label team is missing
";

    #[test]
    fn built_in_policies_are_valid_and_complete() {
        let library = Library::built_in().unwrap();
        // No two have one name.
        assert_eq!(library.iter().count(), BUILT_IN.len());
        for loaded in library.iter() {
            lint::check_schemas(&loaded.policy)
                .unwrap_or_else(|error| panic!("{}: {error:?}", loaded.name));
            if loaded.policy.module.is_some() {
                continue; // Written in Rust, with tests there.
            }
            let complete = loaded.complete().unwrap();
            let examples = &complete.examples;
            assert!(
                !examples.valid.is_empty(),
                "{} has no valid example",
                loaded.name
            );
            assert!(
                !examples.invalid.is_empty(),
                "{} has no invalid example",
                loaded.name
            );
        }
    }

    #[test]
    fn a_built_in_policy_is_its_file_without_the_examples() {
        for loaded in Library::built_in().unwrap().iter() {
            let mut complete = loaded.complete().unwrap();
            complete.examples = crate::policy::model::Examples::default();
            let json = |policy: &Policy| serde_json::to_value(policy).unwrap();
            assert_eq!(json(&complete), json(&loaded.policy), "{}", loaded.name);
        }
    }

    #[test]
    fn a_built_in_file_is_named_like_its_policy() {
        for own in BUILT_IN {
            let mut library = Library::default();
            library.add_built_in(own).unwrap();
            let names: Vec<_> = library
                .iter()
                .map(|loaded| format!("{}.yaml", loaded.name))
                .collect();
            assert_eq!(names, [own.file]);
        }
    }

    #[test]
    fn a_folder_is_walked_and_a_name_is_given_once() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("deep")).unwrap();
        std::fs::write(folder.path().join("deep/team.yaml"), TEAM_LABEL).unwrap();
        std::fs::write(folder.path().join("README.md"), "no policy").unwrap();
        let mut library = Library::default();
        library.add_directory(folder.path()).unwrap();
        assert!(
            library
                .get("acme/team-label")
                .unwrap()
                .file
                .as_ref()
                .unwrap()
                .ends_with("team.yaml")
        );

        let error = library
            .add_text("again.yaml", TEAM_LABEL)
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with(
                "again.yaml:3:12: metadata.name: acme/team-label is already defined in "
            )
        );
        assert!(library.add_directory(&folder.path().join("none")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_mounted_config_map_is_read_once() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("..2026_11_25")).unwrap();
        std::fs::write(at("..2026_11_25/team.yaml"), TEAM_LABEL).unwrap();
        std::os::unix::fs::symlink("..2026_11_25", at("..data")).unwrap();
        std::os::unix::fs::symlink("..data/team.yaml", at("team.yaml")).unwrap();
        let mut library = Library::default();
        library.add_directory(folder.path()).unwrap();
        assert!(library.get("acme/team-label").is_some());
    }

    #[test]
    fn errors_say_where() {
        let cases = [
            (
                "v1alpha1",
                "v2",
                "p.yaml:1:1: apiVersion: must be floe.dev/v1alpha1",
            ),
            (
                "acme/",
                "",
                "p.yaml:3:12: metadata.name: must be family/name, of letters, digits, '-' and '_'",
            ),
            (
                "title:",
                "titel:",
                "p.yaml:5:3: spec.titel: unknown field `titel`",
            ),
            (
                "node: object",
                "node: pods",
                "p.yaml:8:7: spec.rules[0].node: unknown variant `pods`",
            ),
            (
                "{type: object}",
                "{type: objekt}",
                "p.yaml:9:16: spec.rules[0].schema.type: is no type: there are array, boolean,",
            ),
            (
                "{type: object}",
                "{items: {typ: object}}",
                "p.yaml:9:24: spec.rules[0].schema.items.typ: is no keyword of JSON Schema",
            ),
            (
                "{type: object}",
                "{pattern: '(?=x)'}",
                "p.yaml:9:16: spec.rules[0].schema.pattern: is no regular expression, or one with look-around",
            ),
            (
                "{type: object}",
                "{$schema: 'http://json-schema.org/draft-07/schema#'}",
                "p.yaml:9:16: spec.rules[0].schema.$schema: must be https://json-schema.org/draft/2020-12/schema",
            ),
            (
                "{type: object}",
                "{$defs: {a: {properties: {b: {$ref: '#/$defs/a'}}}}, $ref: '#/$defs/a'}",
                "p.yaml:9:68: spec.rules[0].schema.$ref: is recursive, which CEL has not",
            ),
            (
                "{type: object}",
                "{type: object}\n      fix: [{target: object, path: /spec/selector/app, value: a}]",
                "p.yaml:10:30: spec.rules[0].fix[0].path: /spec/selector is immutable or selects pods",
            ),
            (
                "the label team is missing",
                "''",
                "p.yaml:10:7: spec.rules[0].message: must say what is wrong",
            ),
            (
                "the label team is missing",
                "'{name} has no {field}, {not a word} {}'",
                "p.yaml:10:7: spec.rules[0].message: {name} stands for nothing: there are {container}, {field},",
            ),
            (
                "spec:\n",
                "spec: []\nspek:\n",
                "p.yaml:4:1: spec: invalid type: sequence, expected a map",
            ),
            (
                "schema: {",
                "inherit: /x\n      schema: {",
                "p.yaml:9:7: spec.rules[0].inherit: is for container rules",
            ),
        ];
        for (from, to, expected) in cases {
            let text = TEAM_LABEL.replacen(from, to, 1);
            let error = Library::default()
                .add_text("p.yaml", &text)
                .unwrap_err()
                .to_string();
            assert!(error.starts_with(expected), "{error}\nexpected {expected}");
        }
    }
}
