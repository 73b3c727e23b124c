//! One document: understand it, edit it, check it, write it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use super::kinds::Places;
use super::output::Change;
use super::profile::Selected;
use super::{Done, Mode, Run, externalize};
use crate::check;
use crate::inject::network::narrow;
use crate::inject::{Draft, images, labels, patches, resources, security};
use crate::manifest::edit::EditError;
use crate::manifest::position::Finder;
use crate::manifest::{DocSpan, Document, Lines, ParseError, View, position};
use crate::object::identity::HELM4_FILENAME;
use crate::object::{self, Identity, Object, PodPlace};
use crate::policy::Violation;
use crate::report::{Edited, Finding};

/// A violation with the object it is about.
pub(super) struct Found<'a> {
    pub(super) object: &'a Object<'a>,
    pub(super) violation: Violation,
}

impl Run<'_, '_> {
    /// Handles one document. `None` when it has to wait for the stream's definitions; `last` says
    /// that there will be no more of them.
    pub(super) fn document(&mut self, number: usize, last: bool) -> Option<Done> {
        let text = closed(self.spans.get(number)?.text);
        let mut anchors = BTreeMap::new();
        let document = match self.parse(number, &text, &mut anchors) {
            Ok(document) => document,
            Err(error) => {
                self.refuse(number, error.offset, &error.reason);
                return Some(Done::Untouched);
            }
        };
        let done = self.handle(number, &document, last);
        self.buffers = document.into_buffers();
        done
    }

    fn handle(&mut self, number: usize, document: &Document<'_>, last: bool) -> Option<Done> {
        let Some(root) = document.root() else {
            return Some(Done::Untouched);
        };
        let objects = match object::find(View::Node(root)) {
            Ok(objects) => objects,
            Err(error) => {
                let at = position::locate(document, &error.pointer).start;
                self.refuse(number, at, &error.reason);
                return Some(Done::Untouched);
            }
        };
        let places = self.places(&objects, last)?;
        self.note(number, &objects, &places);
        self.note_accounts(number, &objects);
        let mut found = Vec::new();
        let replaced = self.externalize(&objects, &mut found);
        let moved;
        let now = match replaced.iter().any(Option::is_some) {
            true => {
                self.key_pairs(number, document, &objects, &replaced);
                moved = externalize::in_place(&objects, &replaced);
                &moved
            }
            false => &objects,
        };
        self.admit(number, now, &mut found);
        let draft = match externalize::draft(document, number, now, &replaced, self.settings) {
            Ok(draft) => draft,
            Err(error) => {
                self.refuse(number, 0, &error.to_string());
                return Some(Done::Untouched);
            }
        };
        Some(self.judge(number, document, draft, now, &places, found))
    }

    /// Reads a document. Where Helm 4 has cut a `List` into documents, an alias may stand for an
    /// anchor in an earlier piece of the same template (helm/helm#32203): then `anchors` gets those.
    fn parse<'t>(
        &mut self,
        number: usize,
        text: &'t str,
        anchors: &'t mut BTreeMap<String, Value>,
    ) -> Result<Document<'t>, ParseError> {
        let buffers = std::mem::take(&mut self.buffers);
        let error = match Document::parse_with(text, buffers) {
            Ok(document) => return Ok(document),
            Err(error) => error,
        };
        let Some(template) = helm4_template(text) else {
            return Err(error);
        };
        *anchors = self.anchors_before(number, template);
        if anchors.is_empty() {
            Err(error)
        } else {
            Document::parse_with_anchors(text, anchors)
        }
    }

    /// The anchors of the pieces of one template that come right before a document. A piece may
    /// itself need those before it; a name that is defined again has the later value.
    fn anchors_before(&self, number: usize, template: &str) -> BTreeMap<String, Value> {
        let earlier = self.spans.get(..number).unwrap_or_default();
        let others = |piece: &DocSpan<'_>| helm4_template(piece.text) != Some(template);
        let first = earlier.iter().rposition(others).map_or(0, |at| at + 1);
        let mut anchors = BTreeMap::new();
        for piece in earlier.get(first..).unwrap_or_default() {
            let defined: Vec<_> = match Document::parse_with_anchors(piece.text, &anchors) {
                Ok(document) => document.anchors().collect(),
                Err(_) => break,
            };
            anchors.extend(defined);
        }
        anchors
    }

    /// The pod specs of each object, or `None` when a kind is unknown so far.
    fn places(&mut self, objects: &[Object<'_>], last: bool) -> Option<Vec<Vec<PodPlace>>> {
        let spans = &self.spans;
        let load = |number: usize| spans.get(number).map(|span| span.text.to_owned());
        let mut all = Vec::with_capacity(objects.len());
        for object in objects {
            match self.kinds.places(object, last, &load) {
                Places::Known(places) => all.push(places),
                Places::Ask => return None,
            }
        }
        Some(all)
    }

    /// Counts a document's objects and remembers definitions; reports the objects that came before.
    fn admit<'a>(&mut self, number: usize, objects: &'a [Object<'a>], found: &mut Vec<Found<'a>>) {
        self.report.documents += 1;
        self.report.objects += objects.len();
        let namespace = self.settings.namespace.as_deref();
        for object in objects {
            self.kinds.define(number, object);
            let is_idle = |own: &usize| {
                let patch = self.settings.patches.get(*own);
                patch.is_some_and(|patch| !patch.selects(object, namespace))
            };
            self.idle_patches.retain(is_idle);
            if object.identity.name.is_empty() {
                continue;
            }
            let key = object_key(&object.identity, namespace);
            let line = self.spans.get(number).map_or(0, |span| span.first_line);
            if let Some(first) = self.seen.insert(key, line) {
                found.push(Found {
                    object,
                    violation: check::twice::judge(object, first),
                });
            }
        }
    }

    fn judge<'a>(
        &mut self,
        number: usize,
        document: &Document<'_>,
        mut draft: Draft<'_>,
        objects: &'a [Object<'a>],
        places: &[Vec<PodPlace>],
        mut found: Vec<Found<'a>>,
    ) -> Done {
        for (object, places) in objects.iter().zip(places) {
            if self.settings.mode == Mode::Harden {
                let selected = self.harden(&mut draft, object, places, &mut found);
                self.remember(number, object, selected);
            }
            self.check(number, &draft, object, places, &mut found);
            if self.wiring.release {
                self.wires.hardened(number, object, places, draft.view());
            }
        }
        found.extend(check::keys::duplicates(document).filter_map(|violation| {
            let holds = |object: &&Object<'_>| violation.pointer.starts_with(&object.pointer);
            let object = objects.iter().rev().find(holds).or(objects.first())?;
            Some(Found { object, violation })
        }));
        found.retain(|found| self.settings.enabled(&found.violation.policy));
        let mut lines = Lines::new(document.text());
        let mut finder = Finder::new(document);
        for Found { object, violation } in found {
            let finding = self.finding_in(&mut lines, &mut finder, number, object, violation);
            self.find(finding);
        }
        if self.settings.keep_edits && draft.count() > 0 {
            self.note_edited(number, objects);
        }
        if self.settings.derives() {
            self.label_lines.note(number, objects, places);
        }
        self.write(number, document, draft)
    }

    /// Notes what people call a document that is changed.
    fn note_edited(&mut self, number: usize, objects: &[Object<'_>]) {
        let Some(object) = objects.first() else {
            return;
        };
        let source = self.spans.get(number).and_then(|span| span.source);
        self.report.edited.push(Edited {
            document: number,
            object: object.identity.to_string(),
            source: source.map(str::to_owned).or_else(|| helm4_source(object)),
        });
    }

    fn write(&mut self, number: usize, document: &Document<'_>, draft: Draft<'_>) -> Done {
        if draft.count() == 0 && document.foreign_aliases().next().is_none() {
            return Done::Untouched;
        }
        let change = match self.change(number, &draft) {
            Ok(change) => change,
            Err(error) => {
                let reason = format!("the edited document cannot be written: {error}");
                self.refuse(number, 0, &reason);
                return Done::Untouched;
            }
        };
        self.report.edit_count += draft.count();
        if self.settings.keep_edits {
            self.report.edits.extend(draft.into_edits());
        }
        Done::Edited(change)
    }

    /// What is new in an edited document. Where only edits make the difference, its text is never put
    /// together.
    fn change(&mut self, number: usize, draft: &Draft<'_>) -> Result<Change, EditError> {
        let old = self.spans.get(number).map_or("", |span| span.text);
        if old.ends_with('\n') && externalize::replaced(draft).next().is_none() {
            return Ok(Change::of(&draft.splices()?, &mut self.edited));
        }
        self.scratch.clear();
        draft.write(&mut self.scratch)?;
        externalize::drop_comments(draft, &mut self.scratch)?;
        open(old, &mut self.scratch);
        let (old, new) = (old.as_bytes(), self.scratch.as_slice());
        Ok(Change::between(old, new, &mut self.edited))
    }

    /// Runs the injectors over one object. An edit that cannot be made is a finding.
    fn harden<'a>(
        &self,
        draft: &mut Draft<'_>,
        object: &'a Object<'a>,
        places: &[PodPlace],
        found: &mut Vec<Found<'a>>,
    ) -> Selected {
        match self.inject(draft, object, places, found) {
            Ok(selected) => selected,
            Err(error) => {
                let violation = check::cannot_edit(&object.pointer, &error);
                found.push(Found { object, violation });
                Selected::default()
            }
        }
    }

    fn inject<'a>(
        &self,
        draft: &mut Draft<'_>,
        object: &'a Object<'a>,
        places: &[PodPlace],
        found: &mut Vec<Found<'a>>,
    ) -> Result<Selected, EditError> {
        let settings = self.settings;
        let before = draft.edits().len();
        draft.watch(check::job::template(object));
        for conflict in labels::inject(draft, object, places, &settings.labels)? {
            found.push(Found {
                object,
                violation: check::labels::conflict(conflict),
            });
        }
        let exceptions = settings.exceptions_for(&object.identity);
        for place in places.iter().filter(|p| p.editable) {
            let pointers = security::PodPointers::new(object, place);
            security::inject(draft, &pointers, &settings.policies, &exceptions)?;
            for (pointer, image) in images::inject(draft, &pointers, settings.read_only_root)? {
                found.push(Found {
                    object,
                    violation: check::user::unknown(&pointer, &image),
                });
            }
            self.resources(draft, object, place)?;
        }
        security::inject_object(draft, object, &settings.policies, &exceptions)?;
        if settings.narrows() {
            narrow::inject(draft, object)?;
        }
        let edits = draft.edits().get(before..).unwrap_or_default();
        let overruled = edits.iter().filter_map(check::overruled::judge);
        found.extend(overruled.map(|violation| Found { object, violation }));
        patches::inject(
            draft,
            object,
            &settings.patches,
            settings.namespace.as_deref(),
        )?;
        let selected = self.inject_profile(draft, object, places, found)?;
        if draft.touched() {
            found.push(Found {
                object,
                violation: check::job::immutable(object),
            });
        }
        Ok(selected)
    }

    /// Fills the resources of a pod: by the product's size for its component, else by the platform's
    /// preset.
    pub(super) fn resources(
        &self,
        draft: &mut Draft<'_>,
        object: &Object<'_>,
        place: &PodPlace,
    ) -> Result<(), EditError> {
        let settings = self.settings;
        let at = &object.pointer;
        let Some(profile) = &settings.profile else {
            return resources::inject(draft, at, place, &settings.resources, None);
        };
        let own = profile.size(draft, object, place);
        let applies = |list: &str, container: View<'_>| profile.is_own(list, container);
        let applies = &applies;
        let own = own.map(|preset| resources::Own { preset, applies });
        resources::inject(draft, at, place, &settings.resources, own)
    }

    /// Judges one object as it stands after the edits.
    fn check<'a>(
        &self,
        number: usize,
        draft: &Draft<'_>,
        object: &'a Object<'a>,
        places: &[PodPlace],
        found: &mut Vec<Found<'a>>,
    ) {
        let policies = &self.settings.policies;
        let mut violations = policies.check_object(&security::object_target(draft.view(), object));
        for place in places {
            let pointers = security::PodPointers::new(object, place);
            if place.editable {
                violations.extend(policies.check(&pointers.target(draft.view())));
            } else {
                violations.extend(check::guessed::judge(
                    draft.view(),
                    object,
                    &pointers,
                    policies,
                ));
            }
            violations.extend(check::resources::judge(draft.view(), &pointers.spec));
        }
        violations.extend(check::names::judge(object));
        if self.wiring.objects {
            violations.extend(check::wiring::objects::judge(draft.view(), object, places));
        }
        if self.settings.secrets() {
            let view = draft.at(&object.pointer).unwrap_or(object.view);
            violations.extend(check::secrets::judge(
                view,
                &object.identity,
                &object.pointer,
                self.is_templated(number, object),
            ));
        }
        found.extend(
            violations
                .into_iter()
                .map(|violation| Found { object, violation }),
        );
    }

    /// Whether an object is known to come from a template: Helm says so, or is what the filter runs in.
    fn is_templated(&self, number: usize, object: &Object<'_>) -> bool {
        let source = self.spans.get(number).and_then(|span| span.source);
        self.settings.mode == Mode::Harden || source.is_some() || helm4_source(object).is_some()
    }

    pub(super) fn finding(
        &self,
        number: usize,
        document: &Document<'_>,
        object: &Object<'_>,
        violation: Violation,
    ) -> Finding {
        let mut lines = Lines::new(document.text());
        let mut finder = Finder::new(document);
        self.finding_in(&mut lines, &mut finder, number, object, violation)
    }

    /// The same for one of many findings in a document.
    fn finding_in(
        &self,
        lines: &mut Lines<'_>,
        finder: &mut Finder<'_>,
        number: usize,
        object: &Object<'_>,
        violation: Violation,
    ) -> Finding {
        let span = self.spans.get(number);
        let base = span.map_or(0, |s| s.start);
        let at = finder.locate(&violation.pointer);
        let (line, column) = lines.line_column(at.start);
        let first_line = span.map_or(1, |s| s.first_line);
        let quote = if check::quote::may_quote(finder, &violation.policy, &at, &violation.pointer) {
            base + at.start..base + at.end
        } else {
            0..0
        };
        let id = &object.identity;
        Finding {
            policy: violation.policy,
            severity: violation.severity,
            message: violation.message,
            help: violation.help,
            file: None,
            document: number,
            api_version: id.api_version.clone(),
            kind: id.kind.clone(),
            namespace: id.namespace.clone(),
            name: id.name.clone(),
            container: violation.container,
            pointer: violation.pointer,
            source: span
                .and_then(|s| s.source)
                .map(str::to_owned)
                .or_else(|| helm4_source(object)),
            line: first_line + line - 1 + violation.below,
            column: if violation.below == 0 { column } else { 1 },
            exception: None,
            quote,
        }
    }
}

/// The text of a document as the API server's clients read it: `LineReader` in
/// `k8s.io/apimachinery/pkg/util/yaml`, through which kubectl and both Helms read what they apply, ends
/// the last line of a stream that does not end it itself. A block scalar there has that line break.
pub(super) fn closed(text: &str) -> Cow<'_, str> {
    match text.is_empty() || text.ends_with('\n') {
        true => Cow::Borrowed(text),
        false => Cow::Owned(format!("{text}{}", line_break(text))),
    }
}

/// Takes the line break from the end of an edited document whose original goes without, where
/// [`closed`] would put it back.
pub(super) fn open(old: &str, new: &mut Vec<u8>) {
    if old.is_empty() || old.ends_with('\n') {
        return;
    }
    let end = line_break(old).as_bytes();
    if let Some(rest) = new.strip_suffix(end)
        && !rest.is_empty()
        && !rest.ends_with(b"\n")
    {
        new.truncate(rest.len());
    }
}

/// How the lines of a text end.
fn line_break(text: &str) -> &'static str {
    match text.find('\n').and_then(|at| text.get(..at)) {
        Some(line) if line.ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// What tells an object from all others of a release, in one text: versions of a group are the same
/// object. A part that holds the character between them is no name that the API server takes.
fn object_key(id: &Identity, release_namespace: Option<&str>) -> Box<str> {
    let namespace = id.namespace.as_deref().or(release_namespace);
    let hook = id.hook.as_deref();
    [
        id.group(),
        &id.kind,
        &id.name,
        namespace.unwrap_or_default(),
        hook.unwrap_or_default(),
    ]
    .join("\0")
    .into()
}

/// The rest of the line that names a document's template under Helm 4, for documents that cannot
/// be read by themselves.
fn helm4_template(text: &str) -> Option<&str> {
    let at = text.find(HELM4_FILENAME)?;
    text.get(at..)?.lines().next()
}

/// The template a document comes from, as Helm 4 tells a post-renderer.
fn helm4_source(object: &Object<'_>) -> Option<String> {
    let annotations = object.view.get("metadata")?.get("annotations")?;
    annotations
        .get(HELM4_FILENAME)?
        .as_str()
        .map(|name| name.into_owned())
}
