//! `helm-floe man`: the manual, made of the command line itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::process::ExitCode;

use clap::{Command, CommandFactory};

use super::Cli;
use super::output::{self, Failure};

/// How many lines define the apostrophe.
const PREAMBLE: usize = 2;

/// What the exit codes mean.
const EXIT_STATUS: [(&str, &str); 3] = [
    ("0", "done; warnings may stand on stderr"),
    (
        "1",
        "refused: a finding of severity error that no exception covers",
    ),
    (
        "2",
        "the work could not be done: usage, unreadable input, an object twice, a broken configuration",
    ),
];

/// Variables that are no option's.
const VARIABLES: [(&str, &str); 7] = [
    (
        "CLICOLOR_FORCE",
        "colours in files and pipes too, unless it is 0",
    ),
    ("HELM_BIN", "the Helm to run"),
    ("HELM_PLUGINS", "where Helm looks for plugins"),
    ("NO_COLOR", "no colours, unless it is empty"),
    (
        "SKAFFOLD_CMDLINE",
        "set by Skaffold: a refusal is written to stdout, where Helm stops at it",
    ),
    (
        "SOURCE_DATE_EPOCH",
        "the time by which exceptions expire, in seconds since 1970",
    ),
    ("TERM", "no colours where it is dumb"),
];

/// Prints the manual page.
pub fn run() -> Result<ExitCode, Failure> {
    let page = page().map_err(|e| Failure::Io(format!("cannot render the manual: {e}")))?;
    output::answer(&String::from_utf8_lossy(&page))?;
    Ok(ExitCode::SUCCESS)
}

/// One page for all commands, as there is one program.
fn page() -> io::Result<Vec<u8>> {
    let mut command = Cli::command();
    command.build();
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(Cli::command());
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let mut commands = Vec::new();
    list(&command, &mut commands);
    let rows = commands
        .iter()
        .map(|(name, about)| (name.as_str(), about.as_str()));
    page.extend(section("COMMANDS", rows).into_bytes());
    page.extend(b".PP\n\\fBhelm\\-floe COMMAND \\-\\-help\\fR lists the options of a command.\n");
    page.extend(section("EXIT STATUS", EXIT_STATUS.into_iter()).into_bytes());
    let variables = variables(&command);
    let rows = variables
        .iter()
        .map(|(name, what)| (name.as_str(), what.as_str()));
    page.extend(section("ENVIRONMENT", rows).into_bytes());
    man.render_version_section(&mut page)?;
    Ok(once(&page))
}

/// The page with the definition of the apostrophe at its start only: each section brings it along.
fn once(page: &[u8]) -> Vec<u8> {
    let mut lines = page.split_inclusive(|byte| *byte == b'\n');
    let head: Vec<&[u8]> = lines.by_ref().take(PREAMBLE).collect();
    let rest = lines.filter(|line| !head.contains(line));
    head.iter()
        .copied()
        .chain(rest)
        .flatten()
        .copied()
        .collect()
}

/// Every command that does something, with its arguments and what it does.
fn list(command: &Command, rows: &mut Vec<(String, String)>) {
    for below in command.get_subcommands().filter(|own| !own.is_hide_set()) {
        if below.get_name() == "help" {
            continue;
        }
        if !below.is_subcommand_required_set() {
            rows.push(row(below));
        }
        list(below, rows);
    }
}

fn row(command: &Command) -> (String, String) {
    let mut name = command.get_bin_name().unwrap_or_default().to_owned();
    for argument in command.get_positionals() {
        let _ = write!(name, " {argument}");
    }
    let about = command.get_about().map(ToString::to_string);
    (name, about.unwrap_or_default())
}

/// Every variable that is read, and what it does.
fn variables(command: &Command) -> BTreeMap<String, String> {
    let fixed = VARIABLES.iter();
    let fixed = fixed.map(|(name, what)| ((*name).to_owned(), (*what).to_owned()));
    let mut variables: BTreeMap<String, String> = fixed.collect();
    options(command, &mut variables);
    variables
}

/// Variables that stand for an option.
fn options(command: &Command, variables: &mut BTreeMap<String, String>) {
    for option in command.get_opts().filter(|own| !own.is_hide_set()) {
        if let (Some(name), Some(long)) = (option.get_env(), option.get_long()) {
            let name = name.to_string_lossy().into_owned();
            variables.insert(name, format!("the same as --{long}"));
        }
    }
    for below in command.get_subcommands() {
        options(below, variables);
    }
}

/// A section of words and what they mean.
fn section<'r>(title: &str, rows: impl Iterator<Item = (&'r str, &'r str)>) -> String {
    let mut text = format!(".SH {title}\n");
    for (name, what) in rows {
        let _ = writeln!(text, ".TP\n\\fB{}\\fR\n{}", roff(name), roff(what));
    }
    text
}

/// Text as the page writes it.
fn roff(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('-', "\\-")
        .replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_commands_variables_and_exit_codes_and_no_other_page() {
        let page = String::from_utf8(page().unwrap()).unwrap();
        for word in [
            "\n\\fBhelm\\-floe check [PATH]...\\fR\nReport what breaks",
            "\n\\fBhelm\\-floe network [PATH]...\\fR\n",
            "\n\\fBhelm\\-floe platform validate [FILE]...\\fR\n",
            ".SH EXIT STATUS\n.TP\n\\fB0\\fR\n",
            "\n\\fBFLOE_ENV\\fR\nthe same as \\-\\-env\n",
            "\n\\fBFLOE_PLATFORM_FILE\\fR\n",
            "\n\\fBHELM_NAMESPACE\\fR\n",
            "\n\\fBNO_COLOR\\fR\n",
        ] {
            assert!(page.contains(word), "no {word} in {page}");
        }
        assert_eq!(page.matches(".ds Aq").count(), PREAMBLE);
        assert!(!page.contains(".SH EXTRA") && !page.contains("check(1)"));
        assert!(!page.contains("helm4"), "hidden");
    }
}
