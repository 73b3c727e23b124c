//! `helm-floe network`: who may call whom, and why; and what changes from one render to the next.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use super::input::{self, Input, Item, Loaded};
use super::options::Options;
use super::output::{self, Failure};
use crate::pipeline::{self, Mode, Problem, Survey, Unreadable};
use crate::platform::network;
use crate::report::network::diff::{self, Difference};
use crate::report::network::{Graph, dot, json, mermaid, svg, text};

/// Arguments of `network`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Command {
    #[command(subcommand)]
    command: Option<Verb>,
    #[command(flatten)]
    show: Show,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show the connections gained and lost between two renders.
    Diff(Diff),
}

/// What all of `network` shares.
#[derive(Debug, Args)]
struct Shared {
    /// Logical environment: chooses platform/NAME/platform.yaml.
    #[arg(long, value_name = "NAME", env = "FLOE_ENV", value_parser = super::names::environment)]
    env: Option<String>,
    /// The platform file to use.
    #[arg(long, value_name = "FILE", env = "FLOE_PLATFORM_FILE")]
    platform: Option<PathBuf>,
    #[command(flatten)]
    product: super::product::Choice,
    /// The release's name.
    #[arg(long, value_name = "NAME", value_parser = super::names::release)]
    release: Option<String>,
    /// The release's namespace.
    #[arg(long, short, value_name = "NS", env = "HELM_NAMESPACE", value_parser = super::names::namespace)]
    namespace: Option<String>,
    #[command(flatten)]
    values: input::Values,
    /// Which NetworkPolicies the release gets: derive, isolate or off.
    #[arg(long, value_name = "MODE", value_enum)]
    network_policies: Option<network::Mode>,
    /// Write to this file instead of stdout; without --format its ending tells the format.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Accept an input without objects.
    #[arg(long)]
    allow_empty: bool,
    #[command(flatten)]
    color: output::Color,
}

#[derive(Debug, Args)]
struct Show {
    /// Files, directories, charts, or `-` for stdin (the default). All of them are one release.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    shared: Shared,
    /// How to show it.
    #[arg(long, value_enum)]
    format: Option<Format>,
}

#[derive(Debug, Args)]
struct Diff {
    /// The render before: a file, directory, chart, or `-` for stdin.
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The render after.
    #[arg(value_name = "NEW")]
    new: PathBuf,
    #[command(flatten)]
    shared: Shared,
    /// How to show it.
    #[arg(long, value_enum)]
    format: Option<DiffFormat>,
    /// Exit with 1 when connections were gained or lost.
    #[arg(long)]
    exit_code: bool,
}

/// How to show who may call whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a reviewer at a terminal.
    Text,
    /// For programs.
    Json,
    /// A flowchart for Markdown.
    Mermaid,
    /// For Graphviz.
    Dot,
    /// A picture.
    Svg,
}

/// How to show a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DiffFormat {
    /// For a reviewer at a terminal.
    Text,
    /// For programs.
    Json,
}

/// Shows the network of a release, or a difference.
pub fn run(command: &Command) -> Result<ExitCode, Failure> {
    match &command.command {
        None => show(&command.show),
        Some(Verb::Diff(args)) => difference(args),
    }
}

fn show(args: &Show) -> Result<ExitCode, Failure> {
    let shared = &args.shared;
    let graph = shared.graph(&args.paths)?;
    let ending = || shared.output.as_deref().and_then(Format::of);
    let color = shared.output.is_none() && shared.color.on(&std::io::stdout());
    let document = match args.format.or_else(ending).unwrap_or(Format::Text) {
        Format::Text => text::render(&graph, color),
        Format::Json => json::render(&graph),
        Format::Mermaid => mermaid::render(&graph),
        Format::Dot => dot::render(&graph),
        Format::Svg => svg::render(&graph),
    };
    shared.write(&document)?;
    Ok(ExitCode::SUCCESS)
}

fn difference(args: &Diff) -> Result<ExitCode, Failure> {
    if [&args.old, &args.new]
        .iter()
        .all(|path| path.as_os_str() == "-")
    {
        return Err(Failure::Usage(
            "only one of OLD and NEW can be stdin".into(),
        ));
    }
    let shared = &args.shared;
    let graph = |path: &PathBuf| shared.graph(std::slice::from_ref(path));
    let (old, new) = (graph(&args.old)?, graph(&args.new)?);
    let difference = Difference::between(&old, &new);
    let json = shared.output.as_deref().and_then(Format::of) == Some(Format::Json);
    let color = shared.output.is_none() && shared.color.on(&std::io::stdout());
    let document = match (args.format, json) {
        (Some(DiffFormat::Json), _) | (None, true) => diff::json(&difference),
        _ => diff::text(&difference, color),
    };
    shared.write(&document)?;
    let differ = args.exit_code && !difference.is_empty();
    Ok(ExitCode::from(u8::from(differ)))
}

impl Format {
    /// What the ending of a file's name stands for.
    fn of(file: &Path) -> Option<Format> {
        Some(match file.extension()?.to_str()? {
            "txt" => Format::Text,
            "json" => Format::Json,
            "mmd" | "mermaid" => Format::Mermaid,
            "dot" | "gv" => Format::Dot,
            "svg" => Format::Svg,
            _ => return None,
        })
    }
}

impl Shared {
    /// Who may call whom in the release that the inputs are.
    fn graph(&self, paths: &[PathBuf]) -> Result<Graph, Failure> {
        let options = Options {
            env: self.env.clone(),
            platform: self.platform.clone(),
            product: self.product.clone(),
            release: self.release.clone(),
            namespace: self.namespace.clone(),
            network_policies: self.network_policies,
            ..Options::default()
        };
        let (settings, _) = options.settings(Mode::Harden)?;
        let stream = Stream::of(&self.inputs(paths)?);
        let Survey { graph, objects } =
            pipeline::survey(&stream.text, settings, &|line| stream.origin(line))
                .map_err(|problems| stream.unreadable(problems))?;
        if objects == 0 && !self.allow_empty {
            return Err(input::nothing_in(paths));
        }
        Ok(graph)
    }

    /// The inputs that hold manifests.
    fn inputs(&self, paths: &[PathBuf]) -> Result<Vec<Input>, Failure> {
        let (release, namespace) = (self.release.as_deref(), self.namespace.as_deref());
        let how = self.values.rendering(release, namespace);
        let items = self.values.list(paths)?.into_iter();
        let mut inputs = Vec::new();
        for item in items.filter(Item::may_hold_manifests) {
            if let Loaded::Stream(input) = item.load(how)? {
                inputs.push(input);
            }
        }
        Ok(inputs)
    }

    fn write(&self, document: &str) -> Result<(), Failure> {
        match &self.output {
            Some(file) => std::fs::write(file, document)
                .map_err(|e| Failure::Io(format!("cannot write {}: {e}", file.display()))),
            None => output::answer(document),
        }
    }
}

/// All inputs as one stream: a release may be spread over files.
struct Stream {
    text: String,
    /// The inputs' names, and the line of the stream, from 1, with which each starts.
    starts: Vec<(usize, String)>,
}

impl Stream {
    fn of(inputs: &[Input]) -> Stream {
        let mut text = String::new();
        let mut starts = Vec::new();
        let mut line = 1;
        for input in inputs {
            if !text.is_empty() {
                let separator = if text.ends_with('\n') {
                    "---\n"
                } else {
                    "\n---\n"
                };
                line += separator.matches('\n').count();
                text.push_str(separator);
            }
            starts.push((line, input.name.clone()));
            // A byte order mark may stand at the start of a stream only.
            let own = input.text.strip_prefix('\u{feff}').unwrap_or(&input.text);
            line += own.matches('\n').count();
            text.push_str(own);
        }
        Stream { text, starts }
    }

    /// The input that a line of the stream comes from, and the line there.
    fn origin(&self, line: usize) -> (String, usize) {
        let after = self.starts.partition_point(|(start, _)| *start <= line);
        match self.starts.get(after.saturating_sub(1)) {
            Some((start, name)) => (name.clone(), line + 1 - start.min(&line)),
            None => (String::new(), line),
        }
    }

    /// A failure that names the input with the first problem, and the problems of that input.
    fn unreadable(&self, problems: Unreadable) -> Failure {
        let first = problems.0.first().map_or(0, |problem| problem.line);
        let (input, _) = self.origin(first);
        let own = |problem: Problem| {
            let (name, line) = self.origin(problem.line);
            let line = if problem.line == 0 { 0 } else { line };
            (name == input).then_some(Problem { line, ..problem })
        };
        let problems = problems.0.into_iter().filter_map(own).collect();
        input::unreadable(&input, &self.text, Unreadable(problems))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(name: &str, text: &str) -> Input {
        Input {
            name: name.into(),
            file: None,
            text: text.into(),
        }
    }

    #[test]
    fn lines_of_the_stream_are_lines_of_their_inputs() {
        let inputs = [
            input("a", "a: 1\nb: 2\n"),
            input("b", "---\nc: 3"),
            input("c", "\u{feff}d: 4\n"),
        ];
        let stream = Stream::of(&inputs);
        for (number, line) in stream.text.lines().enumerate() {
            let Some(letter) = line.chars().next().filter(char::is_ascii_lowercase) else {
                continue;
            };
            let (name, line) = stream.origin(number + 1);
            let of = inputs.iter().find(|input| input.name == name).unwrap();
            let there = of.text.lines().nth(line - 1).unwrap();
            assert!(there.contains(letter), "{letter}: {name}:{line} is {there}");
        }
    }
}
