//! `helm-floe check`: findings only.

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::filter::refusal;
use super::input::{self, Input, Item, Loaded};
use super::options::OnViolation;
use super::output::{self, Failure};
use super::progress;
use super::report::{Extras, Shown};
use crate::check;
use crate::check::files::{self, Placed};
use crate::helm::Rendering;
use crate::pipeline::{self, Mode, Settings, Source, Unreadable};
use crate::policy::exceptions::{self, Used};
use crate::report::text::{self, Text};
use crate::report::{Finding, Report};
use crate::values::unused::{self, ValuesFile};

/// More threads than this do not make reading faster.
const MAX_THREADS: usize = 8;

/// The stack of a thread, the same as the main one's, for documents as deep as the reader allows.
const STACK: usize = 8 << 20;

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
#[group(id = "check")]
pub struct Args {
    /// Find keys of the charts' values.yaml and of -f files that no template reads, and nothing else.
    #[arg(long, conflicts_with = "set")]
    pub unused_values: bool,
    #[command(flatten)]
    pub input: input::Args,
}

/// Judges every input as it stands; the report goes to stdout. What cannot be read does not keep the
/// rest from being judged, but the work is then not done.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let options = &args.input.options;
    let (settings, notices) = options.settings(Mode::Check)?;
    let items = match args.unused_values {
        true => Vec::new(),
        false => args.input.items()?,
    };
    let color = options.color.on(&std::io::stdout());
    let total = Total {
        color,
        report: Report {
            notices,
            warn_only: options.on_violation == OnViolation::Warn,
            ..Report::default()
        },
        ..Total::default()
    };
    let total = match args.unused_values {
        true => total.unused_values(args, &settings)?,
        false => total.judge(&items, &settings, &args.input)?,
    };
    let nothing = total.report.objects == 0 && total.report.files == 0;
    if nothing && !options.allow_empty {
        return Err(input::nothing_in(&args.input.paths));
    }
    let charts = items.iter().filter_map(Item::chart).collect();
    let words = |color| total.text(color);
    let extras = || Ok(Extras::default());
    let shown = Shown::new(options, &total.report, &charts, &words, &extras);
    output::answer(&shown.screen(color)?)?;
    shown.save()?;
    if total.failures.is_empty() {
        return Ok(refusal(&total.report).unwrap_or(ExitCode::SUCCESS));
    }
    for failure in &total.failures {
        output::stderr(&failure.render());
    }
    Ok(ExitCode::from(2))
}

/// What one item comes to.
#[derive(Default)]
struct Judged {
    report: Report,
    used: Used,
    /// The findings as text, without and with colours.
    plain: String,
    coloured: String,
}

/// What all items come to.
#[derive(Default)]
struct Total {
    report: Report,
    used: Used,
    /// Whether the coloured text is wanted.
    color: bool,
    plain: String,
    coloured: String,
    /// What could not be read.
    failures: Vec<Failure>,
}

impl Total {
    fn judge(
        mut self,
        items: &[Item],
        settings: &Settings,
        args: &input::Args,
    ) -> Result<Total, Failure> {
        let color = self.color;
        let many = items.len() > 1;
        let judged = progress::shown(items.len(), |done| {
            in_parallel(items, |item| {
                let judged = judge(item, many, settings, args.rendering(), color);
                done.fetch_add(1, Ordering::Relaxed);
                judged
            })
        });
        for result in judged {
            match result {
                Ok(judged) => self.add(judged),
                Err(failure) => self.failures.push(failure),
            }
        }
        let walked = items.iter().any(|item| matches!(item, Item::Below(_)));
        let unused = self.used.notices(&settings.exceptions, walked);
        self.report.notices.extend(unused);
        match self.report.objects + self.report.files {
            0 if !self.failures.is_empty() => Err(self.failures.swap_remove(0)),
            _ => Ok(self),
        }
    }

    /// The whole report as text.
    fn text(&self, color: bool) -> String {
        let findings = if color { &self.coloured } else { &self.plain };
        let (verdict, closing) = (text::verdict(&self.report), text::closing(&self.report));
        [&verdict, findings.as_str(), &closing].concat()
    }

    /// Judges the values of charts, and those of further files against each chart.
    fn unused_values(mut self, args: &Args, settings: &Settings) -> Result<Total, Failure> {
        if args.input.paths.is_empty() {
            return Err(Failure::Usage(
                "--unused-values needs a chart's directory".into(),
            ));
        }
        for chart in &args.input.paths {
            let own = chart.join("values.yaml");
            let files = own
                .is_file()
                .then_some(&own)
                .into_iter()
                .chain(&args.input.values.values);
            let files = files
                .map(|file| values_file(file))
                .collect::<Result<Vec<_>, _>>()?;
            let unused = unused::find(chart, &files).map_err(Failure::Io)?;
            for (file, placed) in files.iter().zip(unused.files) {
                let judged = placed_in(&file.name, placed, settings);
                self.add(shown(&file.name, &file.text, judged, self.color));
            }
            for name in unused.unseen {
                let notice =
                    format!("the subchart {name} is missing: all its values count as read");
                self.report.notices.push(notice);
            }
        }
        Ok(self)
    }

    fn add(&mut self, judged: Judged) {
        self.plain.push_str(&judged.plain);
        self.coloured.push_str(&judged.coloured);
        self.used.merge(&judged.used);
        self.report.absorb(judged.report);
    }
}

/// Calls a function for every item, on several threads where there are many; the results come in the
/// order of the items.
fn in_parallel<T: Sync, R: Send>(items: &[T], judge: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let threads = threads.min(MAX_THREADS).min(items.len());
    if threads <= 1 {
        return items.iter().map(judge).collect();
    }
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(items.len()));
    let work = || {
        while let Some((at, item)) = claim(items, &next) {
            let result = judge(item);
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            done.push((at, result));
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            // Where no further thread can be had, this one does the work.
            let _ = thread::Builder::new()
                .stack_size(STACK)
                .spawn_scoped(scope, work);
        }
        work();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

/// The next item that nobody has begun with.
fn claim<'i, T>(items: &'i [T], next: &AtomicUsize) -> Option<(usize, &'i T)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    items.get(at).map(|item| (at, item))
}

/// Judges one item of one or `many`.
fn judge(
    item: &Item,
    many: bool,
    settings: &Settings,
    how: Rendering<'_>,
    color: bool,
) -> Result<Judged, Failure> {
    let loaded = match (item.load(how), item) {
        (
            Err(Failure::Unreadable {
                input, problems, ..
            }),
            Item::Below(_),
        ) => {
            let placed = problems.0.iter().map(check::unreadable::judge);
            return Ok(shown(
                &input,
                "",
                placed_in(&input, placed, settings),
                color,
            ));
        }
        (loaded, _) => loaded?,
    };
    let (input, judged) = match loaded {
        Loaded::Stream(input) => {
            let part = many && item.chart().is_none();
            let judged = match (stream(&input, part, settings), item) {
                (Err(Failure::Unreadable { problems, .. }), Item::Below(_)) => {
                    unreadable_file(&input, &problems, settings)
                }
                (judged, _) => judged?,
            };
            (input, judged)
        }
        Loaded::File(input) => {
            let judged = file(&input, settings);
            (input, judged)
        }
        Loaded::Nothing(notice) => {
            let mut judged = Judged::default();
            judged.report.notices.extend(notice);
            return Ok(judged);
        }
    };
    Ok(shown(&input.name, &input.text, judged, color))
}

/// Adds the findings as text.
fn shown(input: &str, text: &str, mut judged: Judged, color: bool) -> Judged {
    let with = |color| Text { input, text, color };
    with(false).push_findings(&judged.report, &mut judged.plain);
    if color {
        with(true).push_findings(&judged.report, &mut judged.coloured);
    }
    judged
}

fn values_file(file: &Path) -> Result<ValuesFile, Failure> {
    let name = file.display().to_string();
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(ValuesFile { name, text }),
        Err(error) => Err(Failure::Io(format!("cannot read {name}: {error}"))),
    }
}

/// Judges manifests: all of a release, or a `part` of it.
fn stream(input: &Input, part: bool, settings: &Settings) -> Result<Judged, Failure> {
    let file = input.file.as_deref();
    let outcome = pipeline::run_from(&input.text, Source { file, part }, settings)
        .map_err(|problems| input::unreadable(&input.name, &input.text, problems))?;
    Ok(Judged {
        report: outcome.report,
        used: outcome.used,
        ..Judged::default()
    })
}

/// Judges any other file.
fn file(input: &Input, settings: &Settings) -> Judged {
    let placed = files::judge(&input.name, &input.text);
    placed_in(&input.name, placed, settings)
}

/// Judges a file that should hold manifests and cannot be read: whatever it is, it holds no
/// credential.
fn unreadable_file(input: &Input, problems: &Unreadable, settings: &Settings) -> Judged {
    let problems = problems.0.iter().map(check::unreadable::judge);
    let placed = files::judge(&input.name, &input.text);
    placed_in(&input.name, problems.chain(placed), settings)
}

/// The violations in a file as its findings.
fn placed_in(file: &str, placed: impl IntoIterator<Item = Placed>, settings: &Settings) -> Judged {
    let mut findings: Vec<Finding> = placed
        .into_iter()
        .filter(|placed| settings.enabled(&placed.violation.policy))
        .map(|placed| placed.finding(file))
        .collect();
    findings.sort_by_key(|finding| (finding.line, finding.column));
    let namespace = settings.namespace.as_deref();
    let used = exceptions::apply(
        &settings.exceptions,
        &settings.today,
        namespace,
        &mut findings,
    );
    let report = Report {
        findings,
        files: 1,
        ..Report::default()
    };
    Judged {
        report,
        used,
        ..Judged::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..1000).collect();
        let doubled = in_parallel(&items, |item| item * 2);
        assert!(doubled.into_iter().eq((0..1000).map(|item| item * 2)));
        assert_eq!(in_parallel(&[1], |item| *item), [1]);
        assert!(in_parallel(&[], |item: &u8| *item).is_empty());
    }
}
