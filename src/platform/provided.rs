//! The Secrets that a rendered stream brings, by whatever means.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::manifest::{Document, split};

/// The keys of each Secret; `None` where only the cluster knows them.
#[derive(Debug, Default)]
pub struct Provided(BTreeMap<String, Option<BTreeSet<String>>>);

impl Provided {
    /// Looks through a stream of manifests for Secrets, ExternalSecrets and SealedSecrets.
    ///
    /// # Errors
    /// Line, column and reason where it is no YAML.
    pub fn read(stream: &str) -> Result<Provided, String> {
        let mut provided = Provided::default();
        let at = |offset: usize, reason: &dyn std::fmt::Display| {
            let (line, column) = crate::manifest::line_column(stream, offset);
            format!("{line}:{column}: {reason}")
        };
        for span in split(stream).map_err(|error| at(error.offset, &error.reason))? {
            let document = Document::parse(span.text)
                .map_err(|error| at(span.start + error.offset, &error.reason))?;
            if let Some(root) = document.root() {
                provided.object(&root.to_json());
            }
        }
        Ok(provided)
    }

    /// Whether the stream brings that key, or a Secret whose keys are not known here.
    pub fn has(&self, secret: &str, key: &str) -> bool {
        match self.0.get(secret) {
            None => false,
            Some(None) => true,
            Some(Some(keys)) => keys.contains(key),
        }
    }

    fn object(&mut self, object: &Value) {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        let name = text("/metadata/name").unwrap_or_default();
        let members = |pointer: &str| {
            let map = object.pointer(pointer).and_then(Value::as_object);
            map.into_iter().flat_map(|map| map.keys().cloned())
        };
        match text("/kind").unwrap_or_default() {
            "List" | "SecretList" => {
                let items = object.get("items").and_then(Value::as_array);
                items
                    .into_iter()
                    .flatten()
                    .for_each(|item| self.object(item));
            }
            "Secret" => {
                let keys = members("/data").chain(members("/stringData")).collect();
                self.add(name, Some(keys));
            }
            "SealedSecret" => {
                let name = text("/spec/template/metadata/name").unwrap_or(name);
                self.add(name, Some(members("/spec/encryptedData").collect()));
            }
            "ExternalSecret" => {
                let name = text("/spec/target/name").unwrap_or(name);
                let listed = object.pointer("/spec/data").and_then(Value::as_array);
                let keys = listed.into_iter().flatten().filter_map(|entry| {
                    entry
                        .get("secretKey")
                        .and_then(Value::as_str)
                        .map(str::to_owned)
                });
                let keys: BTreeSet<String> =
                    keys.chain(members("/spec/target/template/data")).collect();
                let open = object.pointer("/spec/dataFrom").is_some();
                self.add(name, (!open).then_some(keys));
            }
            _ => {}
        }
    }

    fn add(&mut self, name: &str, keys: Option<BTreeSet<String>>) {
        let known = self
            .0
            .entry(name.to_owned())
            .or_insert_with(|| Some(BTreeSet::new()));
        match (known.as_mut(), keys) {
            (Some(known), Some(keys)) => known.extend(keys),
            _ => *known = None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_come_in_many_kinds() {
        let stream = "\
kind: Secret
metadata: {name: plain}
data: {a: eA==}
stringData: {b: x}
---
kind: ExternalSecret
metadata: {name: x}
spec: {target: {name: ext}, data: [{secretKey: a}]}
---
kind: ExternalSecret
metadata: {name: open}
spec: {dataFrom: [{extract: {key: k}}]}
---
kind: List
items:
- kind: SealedSecret
  metadata: {name: sealed}
  spec: {encryptedData: {a: AgB}}
---
# nothing
";
        let provided = Provided::read(stream).unwrap();
        for (secret, key, want) in [
            ("plain", "a", true),
            ("plain", "b", true),
            ("plain", "c", false),
            ("ext", "a", true),
            ("ext", "b", false),
            ("x", "a", false),
            ("open", "anything", true),
            ("sealed", "a", true),
            ("other", "a", false),
        ] {
            assert_eq!(provided.has(secret, key), want, "{secret} {key}");
        }
        assert!(Provided::read("a: [\n").unwrap_err().starts_with("1:"));
    }
}
