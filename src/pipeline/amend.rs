//! Edits to a document that was handled before, for what only the whole stream can tell.

use super::document::{closed, open};
use super::output::Change;
use super::{Done, Run};
use crate::inject::Draft;
use crate::manifest::{Document, EditError};

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
}
