//! Stream to documents, edits and findings to output: the stages in order.
//!
//! Nothing is written before everything has been judged: a release is hardened whole or refused
//! whole. Documents whose kind is unknown wait until every CustomResourceDefinition of the stream
//! has been seen, because its schema may tell where their pod specs lie.

mod amend;
mod document;
mod externalize;
mod graph;
mod input;
mod kinds;
mod lines;
mod network;
mod output;
mod profile;
mod settings;
mod wiring;

use std::fmt;

use foldhash::HashMap;

use crate::check::wiring::Wires;
use crate::inject::network::{Facts, Topology};
use crate::inject::patches;
use crate::manifest::tape::Buffers;
use crate::manifest::{DocSpan, split};
use crate::policy::exceptions::{self, Used};
use crate::report::{Finding, Report};
pub use graph::{Origin, Survey, survey};
pub use input::{decode, read};
use kinds::Kinds;
pub use network::Places;
pub use output::Output;
pub use settings::{Mode, Settings, labels};

/// What a run gives: the whole output, and what there is to say about it.
pub struct Outcome<'s> {
    /// The hardened stream; in [`Mode::Check`] the stream as it came.
    pub output: Output<'s>,
    /// Findings, edits and notices.
    pub report: Report,
    /// Which of the settings' exceptions were needed.
    pub used: Used,
    /// Who calls whom, where NetworkPolicies were derived or checked.
    pub topology: Option<Topology>,
}

/// A place in the input that could not be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line from 1; 0 when the problem is not at one place.
    pub line: usize,
    /// Column in characters from 1.
    pub column: usize,
    /// The chart template, where it is known.
    pub source: Option<String>,
    /// What is wrong, as a lowercase fragment.
    pub reason: String,
    /// What to do about it.
    pub help: String,
}

impl Problem {
    /// Line and column, where the problem is at one place.
    pub fn place(&self) -> Option<(usize, usize)> {
        (self.line > 0).then_some((self.line, self.column))
    }
}

/// Everything but the place.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        if let Some(source) = &self.source {
            write!(f, " (template {source})")?;
        }
        if !self.help.is_empty() {
            write!(f, "; {}", self.help)?;
        }
        Ok(())
    }
}

/// The input could not be understood: every place where, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable(pub Vec<Problem>);

/// The refusal of an input that holds no object at all.
pub fn nothing_in(input: &str) -> Unreadable {
    Unreadable(vec![Problem {
        line: 0,
        column: 0,
        source: None,
        reason: format!("{input} holds no Kubernetes object"),
        help: "an empty answer would delete the release; --allow-empty if this chart renders nothing on purpose".into(),
    }])
}

/// A finished document: that it leaves as it came, or what of it is new.
enum Done {
    Untouched,
    Edited(output::Change),
}

/// One run over one stream.
struct Run<'s, 'c> {
    text: &'s str,
    spans: Vec<DocSpan<'s>>,
    settings: &'c Settings,
    kinds: Kinds,
    /// What is new in all edited documents, one after the other.
    edited: output::Store,
    /// An edited document's text, before only what is new in it is kept.
    scratch: Vec<u8>,
    /// The tape of the document before, whose memory the next one uses.
    buffers: Buffers,
    /// Where another label can be added to a pod template.
    label_lines: amend::LabelLines,
    report: Report,
    certificates: externalize::Certificates,
    problems: Vec<Problem>,
    /// The line of each object's document, by [`object_key`].
    seen: HashMap<Box<str>, usize>,
    /// What the objects say about the network.
    facts: Facts,
    /// The pods that are a product's own.
    product: profile::Product,
    /// What the objects name and offer.
    wires: Wires,
    /// Which checks of that are in force.
    wiring: wiring::Wiring,
    /// The platform's patches that were for no object so far, by number; none where only a part of a
    /// release is looked at, or nothing is patched.
    idle_patches: Vec<usize>,
    /// Whether the stream is only a part of a release.
    part: bool,
}

/// Runs every stage over a stream.
///
/// # Errors
/// [`Unreadable`] with every place that could not be understood; then there is no output.
pub fn run<'s>(text: &'s str, settings: &Settings) -> Result<Outcome<'s>, Unreadable> {
    run_from(text, Source::default(), settings)
}

/// Where a stream comes from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Source<'f> {
    /// The file, which findings and exceptions then name.
    pub file: Option<&'f str>,
    /// Whether it is only a part of a release: what it names may be in another file.
    pub part: bool,
}

/// Runs every stage over a stream from somewhere.
///
/// # Errors
/// As [`run`].
pub fn run_from<'s>(
    text: &'s str,
    from: Source<'_>,
    settings: &Settings,
) -> Result<Outcome<'s>, Unreadable> {
    let spans = split(text)
        .map_err(|e| Unreadable(vec![input::problem(text, e.offset, &e.reason, None)]))?;
    let mut run = Run {
        text,
        kinds: Kinds::default(),
        settings,
        edited: output::Store::default(),
        scratch: Vec::new(),
        buffers: Buffers::default(),
        label_lines: amend::LabelLines::default(),
        report: Report {
            documents: 0,
            ..Report::default()
        },
        certificates: externalize::Certificates::default(),
        problems: Vec::new(),
        seen: HashMap::default(),
        facts: Facts::default(),
        product: profile::Product::default(),
        wires: Wires::default(),
        wiring: wiring::Wiring::of(settings),
        idle_patches: match settings.mode == Mode::Harden && !from.part {
            true => (0..settings.patches.len()).collect(),
            false => Vec::new(),
        },
        part: from.part,
        spans,
    };
    let mut done = run.documents();
    run.judge_key_pairs();
    let mut added = run.profile(&mut done);
    let (topology, policies) = run.network(&mut done);
    added.extend(policies);
    if !run.problems.is_empty() {
        run.problems.sort_by_key(|p| (p.line, p.column));
        return Err(Unreadable(run.problems));
    }
    run.tell_idle_patches();
    let output = Output::new(text, run.spans, done, added, run.edited);
    let mut report = run.report;
    report.findings.sort_by(|a, b| {
        (a.document, a.line, a.column, &a.policy).cmp(&(b.document, b.line, b.column, &b.policy))
    });
    report.edits.sort_by_key(|edit| edit.document);
    for finding in &mut report.findings {
        finding.file = from.file.map(str::to_owned);
    }
    let namespace = settings.namespace.as_deref();
    let used = exceptions::apply(
        &settings.exceptions,
        &settings.today,
        namespace,
        &mut report.findings,
    );
    Ok(Outcome {
        output,
        report,
        used,
        topology,
    })
}

impl Run<'_, '_> {
    /// Handles every document; unknown kinds last.
    fn documents(&mut self) -> Vec<Done> {
        let mut done: Vec<Done> = Vec::with_capacity(self.spans.len());
        let mut waiting = Vec::new();
        for number in 0..self.spans.len() {
            match self.document(number, false) {
                Some(result) => done.push(result),
                None => {
                    waiting.push(number);
                    done.push(Done::Untouched);
                }
            }
        }
        for number in waiting {
            if let (Some(result), Some(slot)) = (self.document(number, true), done.get_mut(number))
            {
                *slot = result;
            }
        }
        // No object comes after the last one.
        self.seen = HashMap::default();
        self.label_lines.finish();
        done
    }

    fn refuse(&mut self, number: usize, offset: usize, reason: &str) {
        let span = self.spans.get(number);
        let base = span.map_or(0, |s| s.start);
        let source = span.and_then(|s| s.source).map(str::to_owned);
        self.problems
            .push(input::problem(self.text, base + offset, reason, source));
    }

    /// Says which patches were for no object.
    fn tell_idle_patches(&mut self) {
        let patches = &self.settings.patches;
        let idle = self.idle_patches.iter().filter_map(|own| patches.get(*own));
        let words = idle.map(patches::Prepared::selects_nothing);
        self.report.notices.extend(words);
    }

    fn find(&mut self, finding: Finding) {
        self.report.findings.push(finding);
    }
}
