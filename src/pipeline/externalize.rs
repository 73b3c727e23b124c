//! Inline Secrets on their way to the platform's store: what takes their place, what the store must
//! hold, and which certificates lose their counterpart.

use serde_json::Value;

use super::document::Found;
use super::{Mode, Run, Settings};
use crate::check::{self, remote, webhook};
use crate::inject::Draft;
use crate::inject::externalize::{Externalizer, POLICY};
use crate::manifest::edit::EditError;
use crate::manifest::{Document, Operation, View, comments};
use crate::object::{Identity, Object};
use crate::report::Finding;

/// What has been seen of key pairs and of who vouches for them.
#[derive(Default)]
pub(super) struct Certificates {
    /// Key pairs of Secrets that come from the store, each with a finding but for its message.
    pairs: Vec<(webhook::KeyPair, Finding)>,
    bundles: Vec<webhook::Bundle>,
}

impl Run<'_, '_> {
    /// What takes the place of each object of a document, where something does. In
    /// [`Mode::Check`] nothing is replaced; the store's part is noted all the same.
    pub(super) fn externalize<'a>(
        &mut self,
        objects: &'a [Object<'a>],
        found: &mut Vec<Found<'a>>,
    ) -> Vec<Option<Value>> {
        let settings = self.settings;
        let Some(externalizer) = &settings.externalize else {
            return Vec::new();
        };
        let mut replaced = Vec::with_capacity(objects.len());
        for object in objects {
            let replacement = self.replacement(externalizer, object, found);
            let keys = match &replacement {
                Some(value) => remote::keys(View::Json(value)),
                None if remote::is_external_secret(object) => remote::keys(object.view),
                None => Vec::new(),
            };
            self.report.remote_keys.extend(keys);
            self.certificates.bundles.extend(webhook::bundles(object));
            replaced.push(replacement.filter(|_| settings.mode == Mode::Harden));
        }
        replaced
    }

    fn replacement<'a>(
        &self,
        externalizer: &Externalizer,
        object: &'a Object<'a>,
        found: &mut Vec<Found<'a>>,
    ) -> Option<Value> {
        if !self.settings.enabled(POLICY) {
            return None;
        }
        match externalizer.replacement(object) {
            Ok(replacement) => replacement,
            Err(unknown) => {
                let violation = check::remote::unknown(object, unknown);
                found.push(Found { object, violation });
                None
            }
        }
    }

    /// Remembers the key pairs of the Secrets that are replaced.
    pub(super) fn key_pairs(
        &mut self,
        number: usize,
        document: &Document<'_>,
        objects: &[Object<'_>],
        replaced: &[Option<Value>],
    ) {
        if !self.settings.enabled(webhook::POLICY) {
            return;
        }
        let gone = objects.iter().zip(replaced).filter(|(_, to)| to.is_some());
        for (object, _) in gone {
            if let Some(pair) = webhook::key_pair(object) {
                let finding = self.finding(number, document, object, webhook::pending(&pair));
                self.certificates.pairs.push((pair, finding));
            }
        }
    }

    /// Reports the key pairs whose counterpart stays behind, now that the whole stream is known.
    pub(super) fn judge_key_pairs(&mut self) {
        let Certificates { pairs, bundles } = std::mem::take(&mut self.certificates);
        let vouches = |bundle| pairs.iter().any(|(pair, _)| pair.has(bundle));
        let vouched = bundles.iter().any(vouches);
        for (pair, finding) in &pairs {
            if let Some(message) = webhook::message(pair, &bundles, vouched) {
                self.find(Finding {
                    message,
                    ..finding.clone()
                });
            }
        }
    }
}

/// A draft in which the objects are replaced, before anything else is done to them.
pub(super) fn draft<'d>(
    document: &'d Document<'d>,
    number: usize,
    objects: &[Object<'_>],
    replaced: &[Option<Value>],
    settings: &'d Settings,
) -> Result<Draft<'d>, EditError> {
    let mut draft = Draft::new(document, number, &settings.policies, settings.keep_edits);
    for (object, value) in objects.iter().zip(replaced) {
        if let Some(value) = value {
            let path = object.pointer.as_str();
            draft.apply(POLICY, Operation::replace(path, value.clone()))?;
        }
    }
    Ok(draft)
}

/// The pointers of the objects that a draft replaces.
pub(super) fn replaced<'a>(draft: &'a Draft<'_>) -> impl Iterator<Item = &'a str> {
    let edits = draft.edits().iter().filter(|edit| *edit.policy == *POLICY);
    edits.map(|edit| edit.operation.path())
}

/// Takes away the comments around what was replaced: they may repeat what the Secret held.
pub(super) fn drop_comments(draft: &Draft<'_>, text: &mut Vec<u8>) -> Result<(), EditError> {
    let pointers: Vec<&str> = replaced(draft).collect();
    if pointers.is_empty() {
        return Ok(());
    }
    let unreadable = EditError::Unwritable("it would be read as something else");
    let without = str::from_utf8(text)
        .ok()
        .and_then(|text| comments::without_comments_at(text, &pointers).ok());
    let without = without.ok_or_else(|| unreadable.clone())?;
    let same = Document::parse(&without).is_ok_and(|document| {
        let root = document.root().map(View::Node);
        root.is_some_and(|root| root.same(draft.view()))
    });
    match same {
        true => *text = without.into_bytes(),
        false => return Err(unreadable),
    }
    Ok(())
}

/// The objects of a document with what takes their place.
pub(super) fn in_place<'a>(
    objects: &[Object<'a>],
    replaced: &'a [Option<Value>],
) -> Vec<Object<'a>> {
    let mut objects = objects.to_vec();
    for (object, value) in objects.iter_mut().zip(replaced) {
        let Some(value) = value else {
            continue;
        };
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
        object.identity = Identity {
            api_version: text("apiVersion").to_owned(),
            kind: text("kind").to_owned(),
            ..object.identity.clone()
        };
        object.view = View::Json(value);
    }
    objects
}
