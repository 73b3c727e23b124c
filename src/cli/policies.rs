//! `helm-floe policies`: list them, run their examples, export them to the API server.

mod export;

use std::fmt::Write as _;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::output::{self, Failure};
use super::platform::Format;
use super::which::{self, Standard, Which};
use crate::check;
use crate::policy::test::{self, ExampleResult};
use crate::report::plural;

/// What to do with the policies.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List the policies with their severity and title.
    List(List),
    /// Run the policies' examples; exit 1 when one does not come out as it says.
    Test(Test),
    /// Write the policies for the API server, so that it refuses or fills for every client what the
    /// filter refuses or fills.
    Export(export::Args),
}

/// Arguments of `list`.
#[derive(Debug, clap::Args)]
pub struct List {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    standard: Standard,
    /// The list's format.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Arguments of `test`.
#[derive(Debug, clap::Args)]
pub struct Test {
    #[command(flatten)]
    which: Which,
    /// The result's format.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the sub-command.
pub fn run(command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::List(args) => {
            let chosen = args.which.chosen(&args.standard)?;
            output::answer(&which::list(&chosen, args.format))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Test(args) => examples(args),
        Command::Export(args) => export::run(args),
    }
}

fn examples(args: &Test) -> Result<ExitCode, Failure> {
    let library = args.which.library()?;
    let (only, skip) = args.which.known_names(&library)?;
    let mut rows = test::run(&library, &only, check::example);
    rows.extend(check::secrets::sample::results(&only));
    rows.retain(|row| !skip.contains(&row.policy));
    let failed: Vec<(&ExampleResult, &str)> = rows
        .iter()
        .filter_map(|row| Some((row, row.failure.as_deref()?)))
        .collect();
    let text = match args.format {
        Format::Text => as_text(rows.len(), &failed),
        Format::Json => as_json(rows.len(), &failed),
    };
    output::answer(&text)?;
    Ok(ExitCode::from(u8::from(!failed.is_empty())))
}

fn as_text(examples: usize, failed: &[(&ExampleResult, &str)]) -> String {
    let mut text = String::new();
    for (row, problem) in failed {
        let _ = writeln!(text, "FAILED {}: {}: {problem}", row.policy, row.example);
    }
    let _ = writeln!(
        text,
        "{}, {} failed",
        plural(examples, "example"),
        failed.len()
    );
    text
}

fn as_json(examples: usize, failed: &[(&ExampleResult, &str)]) -> String {
    let row = |(row, problem): &(&ExampleResult, &str)| -> Value {
        json!({"policy": row.policy, "example": row.example, "failure": problem})
    };
    let rows: Vec<Value> = failed.iter().map(row).collect();
    format!("{:#}\n", json!({"examples": examples, "failed": rows}))
}
