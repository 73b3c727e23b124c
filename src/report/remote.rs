//! The remote keys of a release, as its report lists them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

/// An entry of a secret store that must exist before a release starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RemoteKey {
    /// The store, as `kind name`.
    pub store: String,
    /// The entry's key.
    pub key: String,
    /// The properties that are read one by one, by name; none when the entry is read whole.
    pub properties: Vec<Property>,
}

/// A property of an entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Property {
    /// Its name.
    pub name: String,
    /// Whether the store must hold it in base64, because it is no text.
    pub base64: bool,
}

impl RemoteKey {
    /// An entry of which nothing is read so far.
    pub fn new(store: String, key: String) -> RemoteKey {
        RemoteKey {
            store,
            key,
            properties: Vec::new(),
        }
    }

    /// Notes that a property is read; `None` stands for the whole entry.
    pub fn add(&mut self, property: Option<String>, base64: bool) {
        self.properties
            .extend(property.map(|name| Property { name, base64 }));
        self.properties.sort();
        self.properties.dedup();
    }
}

impl fmt::Display for RemoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)?;
        let properties: Vec<String> = self.properties.iter().map(Property::to_string).collect();
        match properties.as_slice() {
            [] => Ok(()),
            some => write!(f, " ({})", some.join(", ")),
        }
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base64 = if self.base64 { " in base64" } else { "" };
        write!(f, "{}{base64}", self.name)
    }
}

/// The keys by store and name, each once.
pub fn sorted(keys: &[RemoteKey]) -> Vec<RemoteKey> {
    let mut all: BTreeMap<(&str, &str), BTreeSet<&Property>> = BTreeMap::new();
    for key in keys {
        let known = all.entry((&key.store, &key.key)).or_default();
        known.extend(&key.properties);
    }
    let key = |((store, key), properties): ((&str, &str), BTreeSet<&Property>)| RemoteKey {
        store: store.to_owned(),
        key: key.to_owned(),
        properties: properties.into_iter().cloned().collect(),
    };
    all.into_iter().map(key).collect()
}

/// The keys as lines for people, below the name of their store; empty when there are none.
pub fn text(keys: &[RemoteKey]) -> String {
    let mut out = String::new();
    let mut store = None;
    for key in sorted(keys) {
        if store.as_ref() != Some(&key.store) {
            out.push_str(&format!(
                "note: {} must hold, before the release starts:\n",
                key.store
            ));
            store = Some(key.store.clone());
        }
        out.push_str(&format!("  {key}\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(store: &str, key: &str, properties: &[&str]) -> RemoteKey {
        let mut key = RemoteKey::new(store.into(), key.into());
        for property in properties {
            key.add(Some((*property).into()), *property == "blob");
        }
        key
    }

    #[test]
    fn keys_are_listed_once_below_their_store() {
        let keys = [
            key("SecretStore own", "x", &[]),
            key("ClusterSecretStore vault", "shop/db", &["user", "blob"]),
            key("ClusterSecretStore vault", "shop/api", &["token"]),
            key("ClusterSecretStore vault", "shop/db", &["password", "user"]),
        ];
        let want = "\
note: ClusterSecretStore vault must hold, before the release starts:
  shop/api (token)
  shop/db (blob in base64, password, user)
note: SecretStore own must hold, before the release starts:
  x
";
        assert_eq!(text(&keys), want);
        assert_eq!(text(&[]), "");
    }
}
