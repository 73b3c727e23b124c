//! How far a long run has come, on a terminal only.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// Nobody needs to be told about a run that is shorter.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often the line is written anew.
const INTERVAL: Duration = Duration::from_millis(100);

/// The width of the bar in characters.
const BAR: usize = 24;

/// Moves the cursor to the start of its line and clears it (ECMA-48, `EL`).
const CLEAR: &str = "\r\u{1b}[2K";

/// Runs `work`, which counts what it has done of `total`, and shows on stderr how far it is when it
/// takes longer than a second. Where stderr is no terminal nothing is written.
pub fn shown<R>(total: usize, work: impl FnOnce(&AtomicUsize) -> R) -> R {
    let done = AtomicUsize::new(0);
    if total <= 1 || !io::stderr().is_terminal() {
        return work(&done);
    }
    let (finish, finished) = mpsc::channel::<()>();
    let counted = &done;
    thread::scope(|scope| {
        // Without a further thread the work is done all the same.
        let _ = thread::Builder::new().spawn_scoped(scope, move || {
            let mut wait = PATIENCE;
            // The channel closes when the work is done.
            while finished.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                wait = INTERVAL;
                write(&line(counted.load(Ordering::Relaxed), total));
            }
            if wait == INTERVAL {
                write(CLEAR);
            }
        });
        let result = work(counted);
        drop(finish);
        result
    })
}

/// Writes to stderr; if that fails, nobody is watching.
fn write(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr
        .write_all(text.as_bytes())
        .and_then(|()| stderr.flush());
}

/// The line for `done` of `total`.
fn line(done: usize, total: usize) -> String {
    let filled = (done * BAR).checked_div(total).unwrap_or(BAR).min(BAR);
    let (filled, empty) = ("#".repeat(filled), "-".repeat(BAR - filled));
    format!("{CLEAR}[{filled}{empty}] {done} of {total}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_far_it_is() {
        for (done, total, bar) in [
            (0, 4, "[------------------------] 0 of 4"),
            (1, 4, "[######------------------] 1 of 4"),
            (4, 4, "[########################] 4 of 4"),
        ] {
            assert_eq!(line(done, total), format!("{CLEAR}{bar}"));
        }
    }

    #[test]
    fn the_work_is_done_once() {
        let counted = shown(3, |done| done.fetch_add(3, Ordering::Relaxed) + 3);
        assert_eq!(counted, 3);
    }
}
