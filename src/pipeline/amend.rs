//! Edits to a document that was handled before, for what only the whole stream can tell.

use std::borrow::Cow;
use std::ops::Range;

use super::document::{closed, open};
use super::lines::inserted;
use super::output::Change;
use super::{Done, Run};
use crate::inject::Draft;
use crate::inject::network::DERIVE;
use crate::manifest::tape::RawNode;
use crate::manifest::view::escape;
use crate::manifest::{Document, EditError, Kind, Style};
use crate::object::{Object, PodPlace};

/// Where the labels of pod templates stand in documents as they came, so that another label can be
/// added without reading the rest again. Only documents with one template are noted.
#[derive(Default)]
pub(super) struct LabelLines(Vec<Noted>);

/// A release has tens of thousands of them, so they are small.
struct Noted {
    document: u32,
    start: u32,
    end: u32,
}

impl LabelLines {
    /// Notes the lines of a document, where they can be read as a document of their own.
    pub(super) fn note(
        &mut self,
        document: usize,
        objects: &[Object<'_>],
        places: &[Vec<PodPlace>],
    ) {
        self.0
            .extend(label_lines(objects, places).map(|lines| Noted {
                document: document as u32,
                start: lines.start as u32,
                end: lines.end as u32,
            }));
    }

    /// Says that no more come. Kinds that were unknown at first were written last.
    pub(super) fn finish(&mut self) {
        self.0.sort_by_key(|own| own.document);
    }

    /// Takes out the lines of a document, which is going to change.
    fn take(&mut self, document: usize) -> Option<Range<usize>> {
        let found = self
            .0
            .binary_search_by_key(&(document as u32), |own| own.document);
        let own = self.0.get_mut(found.ok()?)?;
        let lines = own.start as usize..own.end as usize;
        own.end = own.start;
        (!lines.is_empty()).then_some(lines)
    }
}

/// The lines of the labels of a document's only pod template, where they can be read as a document of
/// their own.
fn label_lines(objects: &[Object<'_>], places: &[Vec<PodPlace>]) -> Option<Range<usize>> {
    let ([object], [places]) = (objects, places) else {
        return None;
    };
    let [place] = places.as_slice() else {
        return None;
    };
    let template = place.template.as_deref()?;
    // The platform's patches may give the items of a list other numbers.
    let mut pointers = object.pointer.bytes().chain(template.bytes());
    if pointers.any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let labels = object
        .view
        .pointer(template)?
        .get("metadata")?
        .get("labels");
    labels?.node()?.member_lines()
}

impl Run<'_, '_> {
    /// Edits a document as it stands after all that was done to it. Nothing changes where the edits
    /// cannot be made; the error says why.
    pub(super) fn amend(
        &mut self,
        number: usize,
        done: &mut [Done],
        edit: impl FnOnce(&mut Draft<'_>) -> Result<(), EditError>,
    ) -> Result<(), String> {
        let (Some(span), Some(slot)) = (self.spans.get(number), done.get_mut(number)) else {
            return Ok(());
        };
        let old = span.text;
        self.label_lines.take(number);
        let before = match slot {
            Done::Untouched => old.to_owned(),
            Done::Edited(change) => String::from_utf8(change.text(old, &self.edited))
                .map_err(|error| error.to_string())?,
        };
        let before = closed(&before);
        let buffers = std::mem::take(&mut self.buffers);
        let document = Document::parse_with(&before, buffers).map_err(|error| error.reason)?;
        let settings = self.settings;
        let mut draft = Draft::new(&document, number, &settings.policies, settings.keep_edits);
        self.scratch.clear();
        edit(&mut draft)
            .and_then(|()| draft.write(&mut self.scratch))
            .map_err(|error| error.to_string())?;
        if draft.count() == 0 {
            return Ok(());
        }
        self.report.edit_count += draft.count();
        if settings.keep_edits {
            self.report.edits.extend(draft.into_edits());
        }
        open(old, &mut self.scratch);
        *slot = Done::Edited(Change::between(
            old.as_bytes(),
            &self.scratch,
            &mut self.edited,
        ));
        self.buffers = document.into_buffers();
        Ok(())
    }

    /// Adds labels to a document's only pod template, of which only the labels are read again, and
    /// written as the whole document would be. `None` where that cannot be done: then nothing has
    /// changed, and the document has to be read as a whole.
    pub(super) fn amend_labels<'l>(
        &mut self,
        number: usize,
        done: &mut [Done],
        labels: impl Iterator<Item = (&'l str, &'l str)>,
    ) -> Option<()> {
        // A report of all edits has their place in the document.
        if self.settings.keep_edits {
            return None;
        }
        let mut lines = self.label_lines.take(number)?;
        let (span, slot) = (self.spans.get(number)?, done.get_mut(number)?);
        // Only of such a text the edits themselves are known.
        let old = Some(span.text).filter(|text| text.ends_with('\n'))?;
        let before = match slot {
            Done::Untouched => Cow::Borrowed(old.get(lines.clone())?),
            Done::Edited(change) => {
                lines = change.moved(lines)?;
                Cow::Owned(change.part(old, lines.clone(), &self.edited)?)
            }
        };
        let buffers = std::mem::take(&mut self.buffers);
        let document = Document::parse_with(&before, buffers).ok()?;
        if !document.root().is_some_and(|root| is_block_map(root.raw())) {
            return None;
        }
        let mut draft = Draft::new(&document, number, &self.settings.policies, false);
        for (key, value) in labels {
            let pointer = format!("/{}", escape(key));
            draft.fill(DERIVE, &pointer, value.into()).ok()?;
        }
        self.scratch.clear();
        draft.write(&mut self.scratch).ok()?;
        let (at, new) = inserted(before.as_bytes(), &self.scratch)?;
        if !new.is_empty() {
            let change = match slot {
                Done::Untouched => Change::default(),
                Done::Edited(change) => std::mem::take(change),
            };
            *slot = Done::Edited(change.with(lines.start + at, new, &mut self.edited));
        }
        self.report.edit_count += draft.count();
        self.buffers = document.into_buffers();
        Some(())
    }
}

/// Whether a document that starts with this value is the members of a block map and nothing else.
fn is_block_map(root: &RawNode) -> bool {
    root.kind == Kind::Map && root.style == Style::Block && root.start == u32::from(root.col)
}

#[cfg(test)]
mod tests {
    use crate::pipeline::{Mode, Settings, run};

    /// Two Deployments and a Pod whose labels do not tell them apart, so that each needs another; the
    /// first has the given text for its template's metadata.
    fn stream(metadata: &str) -> String {
        let workload = |name: &str, metadata: &str| {
            format!(
                "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\nspec:\n  selector:\n    matchLabels:\n      app: web\n  template:\n    metadata:\n{metadata}    spec:\n      containers:\n        - name: web\n          image: web:1\n"
            )
        };
        let other = "      labels:\n        app: web\n";
        let pod = "apiVersion: v1\nkind: Pod\nspec:\n  containers: [{name: web, image: web:1}]\nmetadata:\n  name: pod\n  labels:\n    app: web";
        format!(
            "{}---\n{}---\n{pod}",
            workload("a", metadata),
            workload("b", other)
        )
    }

    fn hardened(text: &str, keep_edits: bool) -> Result<(String, usize), String> {
        let settings = Settings {
            keep_edits,
            ..Settings::for_release("web", "dev", Mode::Harden).unwrap()
        };
        let outcome = run(text, &settings).map_err(|refused| format!("{refused:?}"))?;
        let output = String::from_utf8(outcome.output.to_vec()).unwrap();
        Ok((output, outcome.report.edit_count))
    }

    /// A report of all edits has every document read again as a whole.
    #[test]
    fn labels_alone_are_written_as_the_whole_document_would_be() {
        for metadata in [
            "      labels:\n        app: web\n",
            "      labels:\n        app: web\n      annotations:\n        a: b\n",
            "      annotations:\n        a: b\n      labels:\n        app: web\n",
            "      labels:\n        # first\n        app: web # same line\n        # last\n\n      # next\n      annotations: {}\n",
            "      labels:\n        app: web\n\n        # far\n",
            "      labels:\n          app: 'web'\n          \"on\": \"yes\"\n",
            "      labels:\n        app: |-\n          web\n",
            "      labels:\n        app: web\n        text: |+\n          web\n\n",
            "      labels:\n        app:\n          web\n",
            "      labels:\n        app: web\n        floe.dev/environment: dev\n        app.kubernetes.io/part-of: web\n",
            "      labels:\n        app: web\n        floe.dev/workload: ~\n",
            "      labels:\n        app: web\n        floe.dev/workload:\n",
            "      labels: {app: web}\n",
            "      labels:\n        {app: web}\n",
            "      labels:\n        ? app\n        : web\n",
            "      labels:\n        app: web\n        app: web\n",
            "      labels: &labels\n        app: web\n",
            "      labels:\n        app: &app web\n      name: *app\n",
            "      labels: !!map\n        app: web\n",
            "      labels:\n      labels:\n        app: web\n",
            "      labels: {}\n",
            "      name: x\n",
            "      {labels: {app: web}}\n",
        ] {
            for eol in ["\n", "\r\n"] {
                let text = stream(metadata).replace('\n', eol);
                let whole = hardened(&text, true);
                assert_eq!(hardened(&text, false), whole, "{metadata}");
                if let Ok((text, _)) = whole {
                    assert!(text.contains("floe.dev/workload: deployment-b"), "{text}");
                    assert_eq!(hardened(&text, false), Ok((text.clone(), 0)), "{metadata}");
                }
            }
        }
    }
}
