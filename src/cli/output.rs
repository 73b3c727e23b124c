//! Where text goes: stdout carries the asked-for document only, everything else is stderr.

use std::ffi::OsStr;
use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};
use std::path::Path;
use std::process::ExitCode;

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
            Failure::Unreadable { input, problems } => {
                let mut text =
                    String::from("helm-floe cannot understand the input, nothing was written\n");
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

/// Whether stderr takes colours: a terminal, and the user has not asked for none (no-color.org).
pub fn color(stream: &impl IsTerminal) -> bool {
    wants_color(
        stream.is_terminal(),
        std::env::var_os("NO_COLOR").as_deref(),
    )
}

/// An empty NO_COLOR counts as none.
fn wants_color(terminal: bool, no_color: Option<&OsStr>) -> bool {
    terminal && no_color.is_none_or(OsStr::is_empty)
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
        for (terminal, no_color, want) in [
            (true, None, true),
            (true, Some(""), true),
            (true, Some("1"), false),
            (true, Some("0"), false),
            (false, None, false),
        ] {
            let got = wants_color(terminal, no_color.map(OsStr::new));
            assert_eq!(got, want, "{terminal} {no_color:?}");
        }
    }
}
