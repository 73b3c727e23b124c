//! `helm-floe diff`: what the filter would change.

use std::path::PathBuf;
use std::process::ExitCode;

use super::filter::refusal;
use super::input::{self, Input, Loaded};
use super::options::{Format, OnViolation};
use super::output::{self, Failure};
use crate::check::hide;
use crate::kustomize;
use crate::pipeline::{self, Mode, Settings};
use crate::report::text::Text;
use crate::report::{self, Report};

/// Arguments of `diff`.
#[derive(Debug, clap::Args)]
#[group(id = "diff")]
pub struct Args {
    #[command(flatten)]
    input: input::Args,
    /// With --format kustomize-patches: write the objects that the filter adds, which no patch can,
    /// to this file.
    #[arg(long, value_name = "FILE")]
    added: Option<PathBuf>,
}

/// Prints what the filter changes on stdout; what it would refuse goes to stderr and exits 1.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    match args.input.options.format {
        Format::Text if args.added.is_some() => Err(Failure::Usage(
            "--added needs --format kustomize-patches".into(),
        )),
        Format::Text => unified_diffs(&args.input),
        Format::KustomizePatches => patches(args),
        _ => Err(Failure::Usage(
            "diff knows the formats text and kustomize-patches".into(),
        )),
    }
}

/// A unified diff of each input.
fn unified_diffs(args: &input::Args) -> Result<ExitCode, Failure> {
    let harden = Harden::new(args)?;
    let mut exit = ExitCode::SUCCESS;
    let mut objects = 0;
    for input in streams(args)? {
        let input = input?;
        let (after, report) = harden.run(&input)?;
        objects += report.objects;
        let color = args.options.color.on(&std::io::stdout());
        let diff = unified(&input.name, &input.text, &after, color);
        output::answer(&diff)?;
        if let Some(code) = refused(&input, &report, args.options.color) {
            exit = code;
        }
    }
    something(objects, args)?;
    Ok(exit)
}

/// Patches for kustomize. They are made to be kept, so a refused release gets none.
fn patches(args: &Args) -> Result<ExitCode, Failure> {
    let streams: Vec<Input> = streams(&args.input)?.collect::<Result<_, _>>()?;
    something(streams.len(), &args.input)?;
    let [input] = streams.as_slice() else {
        let words = "patches are for one release: name one chart, one file or stdin";
        return Err(Failure::Usage(words.into()));
    };
    let (after, report) = Harden::new(&args.input)?.run(input)?;
    something(report.objects, &args.input)?;
    if let Some(code) = refused(input, &report, args.input.options.color) {
        return Ok(code);
    }
    let namespace = args.input.options.namespace.as_deref();
    let changes =
        kustomize::changes(&input.text, &after, namespace).map_err(|error| unwritable(&error))?;
    let text = changes.patches().map_err(|error| unwritable(&error))?;
    if let Some(file) = &args.added {
        let added = changes.added().map_err(|error| unwritable(&error))?;
        output::file(file, &added)?;
    }
    for own in &changes.left_out {
        let line = format!("not a patch: {}: {}", own.object, own.reason);
        output::stderr(&format!("helm-floe: {}\n", report::printable(&line)));
    }
    if changes.adds() && args.added.is_none() {
        output::stderr("help: --added FILE writes the new objects, for you to commit\n");
    }
    output::stdout(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Fails where the paths hold nothing that could change: most likely the wrong place was named.
fn something(count: usize, args: &input::Args) -> Result<(), Failure> {
    match count {
        0 if !args.options.allow_empty => Err(input::nothing_in(&args.paths)),
        _ => Ok(()),
    }
}

/// What becomes of inputs, by the settings of one command line.
struct Harden {
    settings: Settings,
    warn_only: bool,
}

impl Harden {
    fn new(args: &input::Args) -> Result<Harden, Failure> {
        let (settings, _) = args.options.settings(Mode::Harden)?;
        Ok(Harden {
            settings,
            warn_only: args.options.on_violation == OnViolation::Warn,
        })
    }

    /// The hardened text, and what there is to say about it.
    fn run(&self, input: &Input) -> Result<(String, Report), Failure> {
        let mut outcome = pipeline::run(&input.text, &self.settings)
            .map_err(|problems| input::unreadable(&input.name, &input.text, problems))?;
        outcome.report.warn_only = self.warn_only;
        let after = outcome.output.to_vec();
        let after = String::from_utf8_lossy(&after).into_owned();
        Ok((after, outcome.report))
    }
}

/// The manifests that the paths name, each read when it is asked for.
fn streams(args: &input::Args) -> Result<impl Iterator<Item = Result<Input, Failure>>, Failure> {
    let how = args.rendering();
    let items = args.items()?.into_iter();
    let items = items.filter(input::Item::may_hold_manifests);
    Ok(items.filter_map(move |item| match item.load(how) {
        Ok(Loaded::Stream(input)) => Some(Ok(input)),
        Ok(_) => None,
        Err(failure) => Some(Err(failure)),
    }))
}

/// The exit code of a refusal, which is reported on stderr.
fn refused(input: &Input, report: &Report, color: output::Color) -> Option<ExitCode> {
    let code = refusal(report)?;
    let text = Text {
        input: &input.name,
        text: &input.text,
        color: color.on(&std::io::stderr()),
    };
    output::stderr(&text.render(report));
    Some(code)
}

/// Patches that cannot be written.
fn unwritable(error: &dyn std::fmt::Display) -> Failure {
    Failure::Io(format!("the patches cannot be written: {error}"))
}

/// The unified diff between two texts, without the credentials in them.
pub fn unified(name: &str, before: &str, after: &str, color: bool) -> String {
    let mut masked = hide::lines(before);
    masked.extend(hide::lines(after));
    report::diff::render(name, before, after, &masked, color)
}
