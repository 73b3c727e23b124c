//! Where text goes: stdout carries the asked-for document only, everything else is stderr.

use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::pipeline::Unreadable;
use crate::report::printable;

/// A buffered stdout.
type Stdout = BufWriter<StdoutLock<'static>>;

/// Why a command could not do its work; always exit code 2.
#[derive(Debug)]
pub enum Failure {
    /// The command line asks for something that cannot be done.
    Usage(String),
    /// A configuration or policy file is wrong; one line per mistake.
    Config(Vec<String>),
    /// The input cannot be understood.
    Unreadable {
        /// What the input is called.
        input: String,
        /// Where and why.
        problems: Unreadable,
        /// Whether something would have been written otherwise.
        writes: bool,
    },
    /// Reading or writing failed.
    Io(String),
    /// The reader of our output went away.
    BrokenPipe,
}

impl Failure {
    /// A mistake in a configuration file.
    pub fn config(error: impl Display) -> Failure {
        Failure::Config(vec![error.to_string()])
    }

    /// The failure as lines of text, verdict first.
    pub fn render(&self) -> String {
        match self {
            Failure::Usage(text) | Failure::Io(text) => format!("helm-floe: {text}\n"),
            Failure::Config(lines) => lines
                .iter()
                .map(|line| format!("helm-floe: {line}\n"))
                .collect(),
            Failure::Unreadable {
                input,
                problems,
                writes,
            } => {
                let mut text = String::from(match writes {
                    true => "helm-floe cannot understand the input, nothing was written\n",
                    false => "helm-floe cannot understand the input\n",
                });
                for problem in &problems.0 {
                    let place = problem
                        .place()
                        .map_or(String::new(), |(line, column)| format!(":{line}:{column}"));
                    let problem = problem.to_string();
                    let problem = printable(&problem);
                    text.push_str(&format!("{input}{place}: error: {problem}\n"));
                }
                text
            }
            Failure::BrokenPipe => String::new(),
        }
    }
}

/// Reports a failure on stderr.
pub fn fail(failure: &Failure) -> ExitCode {
    stderr(&failure.render());
    ExitCode::from(2)
}

/// Writes to stderr; with nobody listening there is nothing else to do.
pub fn stderr(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Writes a document to stdout, whole.
///
/// # Errors
/// [`Failure::BrokenPipe`] when the reader is gone, [`Failure::Io`] otherwise.
pub fn stdout(bytes: &[u8]) -> Result<(), Failure> {
    write(|out| out.write_all(bytes))
}

/// Writes what is for people or says all it has to say in part: a reader that goes away early, as `head`
/// does, has what it wanted.
///
/// # Errors
/// [`Failure::Io`].
pub fn answer(text: &str) -> Result<(), Failure> {
    match stdout(text.as_bytes()) {
        Err(Failure::BrokenPipe) => Ok(()),
        other => other,
    }
}

/// Lets a function write to stdout.
///
/// # Errors
/// As [`stdout`].
pub fn write(content: impl FnOnce(&mut Stdout) -> io::Result<()>) -> Result<(), Failure> {
    // The standard library's own writer looks for line ends in everything; this one does not.
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    match content(&mut out).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Err(Failure::BrokenPipe),
        Err(e) => Err(Failure::Io(format!("cannot write to stdout: {e}"))),
    }
}

/// Writes a report to the file of `--report`.
pub fn save(file: &Path, report: &str) -> Result<(), Failure> {
    std::fs::write(file, report).map_err(|e| {
        let file = file.display();
        Failure::Io(format!("cannot write the report to {file}: {e}"))
    })
}

/// Writes a document to a file that the user named.
///
/// # Errors
/// [`Failure::Io`].
pub fn file(file: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(file, text)
        .map_err(|error| Failure::Io(format!("cannot write {}: {error}", file.display())))
}

/// When reports have colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal, as NO_COLOR, CLICOLOR_FORCE and TERM say.
    #[default]
    Auto,
    /// In files and pipes too.
    Always,
    /// Not at all.
    Never,
}

/// The option that says when there are colours.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Color {
    /// When the report has colours: auto, on a terminal; always; or never.
    #[arg(
        long = "color",
        value_name = "WHEN",
        value_enum,
        default_value_t,
        hide_possible_values = true
    )]
    when: When,
}

impl Color {
    /// Whether text on a stream has colours.
    pub fn on(self, stream: &impl IsTerminal) -> bool {
        wants_color(self.when, stream.is_terminal(), |name| {
            std::env::var_os(name).filter(|value| !value.is_empty())
        })
    }
}

/// The variables are those of no-color.org and bixense.com/clicolors; empty ones are none.
fn wants_color(when: When, terminal: bool, variable: impl Fn(&str) -> Option<OsString>) -> bool {
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto if variable("NO_COLOR").is_some() => false,
        When::Auto if variable("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
        When::Auto => terminal && variable("TERM").is_none_or(|value| value != "dumb"),
    }
}

/// Whether stdout was closed when the program started.
///
/// Rust's start-up opens `/dev/null` for reading and writing in the place of a closed descriptor,
/// so a filter would lose its output and succeed. A redirection to `/dev/null` is write-only.
/// Known on Linux only; elsewhere the answer is no.
pub fn stdout_is_closed() -> bool {
    let device =
        std::fs::read_link("/proc/self/fd/1").is_ok_and(|path| path == Path::new("/dev/null"));
    device
        && std::fs::read_to_string("/proc/self/fdinfo/1").is_ok_and(|info| {
            let flags = info
                .lines()
                .find_map(|line| line.strip_prefix("flags:"))
                .unwrap_or_default();
            // The access mode is the last two bits; 2 is O_RDWR.
            u32::from_str_radix(flags.trim(), 8).is_ok_and(|flags| flags & 3 == 2)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_whose_user_wants_them() {
        use When::{Always, Auto, Never};
        for (when, terminal, variables, want) in [
            (Auto, true, [].as_slice(), true),
            (Auto, false, &[], false),
            (Auto, true, &[("NO_COLOR", "1")], false),
            (Auto, true, &[("NO_COLOR", "0")], false),
            (Auto, true, &[("TERM", "dumb")], false),
            (Auto, true, &[("TERM", "xterm")], true),
            (Auto, false, &[("CLICOLOR_FORCE", "1")], true),
            (Auto, false, &[("CLICOLOR_FORCE", "0")], false),
            (
                Auto,
                false,
                &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")],
                false,
            ),
            (
                Auto,
                false,
                &[("CLICOLOR_FORCE", "1"), ("TERM", "dumb")],
                true,
            ),
            (Always, false, &[("NO_COLOR", "1"), ("TERM", "dumb")], true),
            (Never, true, &[("CLICOLOR_FORCE", "1")], false),
        ] {
            let variable = |name: &str| {
                let set = variables.iter().find(|(own, _)| *own == name);
                set.map(|(_, value)| OsString::from(value))
            };
            let got = wants_color(when, terminal, variable);
            assert_eq!(got, want, "{when:?} {terminal} {variables:?}");
        }
    }
}
