//! Programs that must end before Argo CD gives up.
//!
//! Argo CD ends a request at its deadline with `signal: killed` and nothing else. Ending a little
//! earlier says what took so long.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::pipeline;

/// What a program may say on stderr; more is thrown away.
const MAX_STDERR: u64 = 1 << 20;

/// How often a program that has closed its streams is asked whether it has ended.
const POLL: Duration = Duration::from_millis(5);

/// A point in time until which everything must be done.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    start: Instant,
    limit: Duration,
}

/// What a program gave.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// Its stdout, cut where a stream becomes too large for the filter.
    pub stdout: Vec<u8>,
    /// Its stderr, cut at a megabyte.
    pub stderr: String,
}

/// Why a program gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It cannot be started.
    #[error("cannot run {0}: {1}")]
    Start(String, io::Error),
    /// Its output cannot be read.
    #[error("cannot read the output of {0}: {1}")]
    Read(String, io::Error),
    /// The deadline came first; the program was killed.
    #[error("gave up after {0} s, while `{1}` was running; --deadline changes the limit")]
    TooLate(u64, String),
}

/// Which of a program's streams has ended.
enum Ended {
    Stdout(io::Result<Vec<u8>>),
    Stderr(io::Result<Vec<u8>>),
}

impl Deadline {
    /// So long from now.
    pub fn after(limit: Duration) -> Deadline {
        Deadline {
            start: Instant::now(),
            limit,
        }
    }

    /// How much is left.
    fn left(&self) -> Duration {
        self.limit.saturating_sub(self.start.elapsed())
    }

    /// Runs a program without input to its end. `what` names it in errors.
    ///
    /// Where we lead a process group, as under Argo CD's plugin server, the program stays in it: the
    /// server ends the whole group when it gives up on us. Elsewhere it gets a group of its own, which
    /// ends with it.
    ///
    /// # Errors
    /// [`RunError`]; after it the program does not run any more.
    pub fn run(&self, command: &mut Command, what: &str) -> Result<Finished, RunError> {
        let own_group = lead(command);
        command.stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let start = |e| RunError::Start(what.to_owned(), e);
        let mut child = command.spawn().map_err(start)?;
        let ended = self.wait(&mut child, what);
        if ended.is_err() {
            kill(&mut child, own_group);
        }
        ended
    }

    fn wait(&self, child: &mut Child, what: &str) -> Result<Finished, RunError> {
        let (sender, receiver) = mpsc::channel();
        // Threads, because a full pipe that nobody reads stops the program. They end with the pipes.
        if let Some(stdout) = child.stdout.take() {
            let sender = sender.clone();
            thread::spawn(move || sender.send(Ended::Stdout(pipeline::read(stdout))));
        }
        if let Some(stderr) = child.stderr.take() {
            thread::spawn(move || sender.send(Ended::Stderr(read_start(stderr))));
        }
        let late = || RunError::TooLate(self.limit.as_secs(), what.to_owned());
        let unreadable = |e| RunError::Read(what.to_owned(), e);
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        loop {
            match receiver.recv_timeout(self.left()) {
                Ok(Ended::Stdout(read)) => stdout = read.map_err(unreadable)?,
                Ok(Ended::Stderr(read)) => stderr = read.map_err(unreadable)?,
                Err(RecvTimeoutError::Timeout) => return Err(late()),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        loop {
            if let Some(status) = child.try_wait().map_err(unreadable)? {
                return Ok(Finished {
                    status,
                    stdout,
                    stderr: String::from_utf8_lossy(&stderr).into_owned(),
                });
            }
            if self.left().is_zero() {
                return Err(late());
            }
            thread::sleep(POLL);
        }
    }
}

/// Reads the start of a stream, and the rest for nothing.
fn read_start(mut stream: impl Read) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    stream.by_ref().take(MAX_STDERR).read_to_end(&mut start)?;
    io::copy(&mut stream, &mut io::sink())?;
    Ok(start)
}

/// Gives the program a process group of its own unless we lead one ourselves; says whether it did.
#[cfg(unix)]
fn lead(command: &mut Command) -> bool {
    use std::os::unix::process::CommandExt as _;
    let leads = rustix::process::getpgrp() == rustix::process::getpid();
    if !leads {
        command.process_group(0);
    }
    !leads
}

#[cfg(not(unix))]
fn lead(_command: &mut Command) -> bool {
    false
}

/// Kills the program, and all of its group where it leads one.
fn kill(child: &mut Child, own_group: bool) {
    #[cfg(unix)]
    if own_group {
        use rustix::process::{Pid, Signal, kill_process_group};
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        // When nobody of the group is left, there is nothing to do.
        let _ = group.map(|group| kill_process_group(group, Signal::KILL));
    }
    #[cfg(not(unix))]
    let _ = own_group;
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn gives_both_streams_and_the_status() {
        let deadline = Deadline::after(Duration::from_secs(60));
        let done = deadline
            .run(&mut shell("echo out; echo err >&2; exit 3"), "sh")
            .unwrap();
        assert_eq!(done.stdout, b"out\n");
        assert_eq!(done.stderr, "err\n");
        assert_eq!(done.status.code(), Some(3));
    }

    #[test]
    fn a_program_that_says_a_lot_is_not_stopped() {
        let deadline = Deadline::after(Duration::from_secs(60));
        let script = "head -c 3000000 /dev/zero >&2; head -c 300000 /dev/zero";
        let done = deadline.run(&mut shell(script), "sh").unwrap();
        assert_eq!(done.stderr.len(), MAX_STDERR as usize);
        assert_eq!(done.stdout.len(), 300_000);
    }

    #[test]
    fn the_whole_group_ends_at_the_deadline() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let script = format!("sleep 600 & echo $! >'{}'; wait", file.display());
        let deadline = Deadline::after(Duration::from_millis(500));
        let error = deadline
            .run(&mut shell(&script), "helm template")
            .unwrap_err();
        let text = error.to_string();
        assert!(text.contains("`helm template` was running"), "{text}");
        let pid = std::fs::read_to_string(file).unwrap();
        let pid = rustix::process::Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
        // Who reaps an orphan may take a moment; nobody takes this long.
        let gone = (0..500).any(|_| {
            thread::sleep(POLL);
            rustix::process::test_kill_process(pid).is_err() || is_zombie(pid)
        });
        assert!(gone, "{pid:?} is still there");
    }

    /// Dead, but nobody has asked how it ended.
    fn is_zombie(pid: rustix::process::Pid) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid()));
        stat.is_ok_and(|stat| stat.contains(") Z "))
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        let deadline = Deadline::after(Duration::from_secs(60));
        let error = deadline
            .run(&mut Command::new("/no/helm"), "helm")
            .unwrap_err();
        assert!(matches!(error, RunError::Start(..)), "{error}");
    }
}
