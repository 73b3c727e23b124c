//! Kubernetes' own evaluator of the Pod Security Standards: `scripts/psaoracle`.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr)]

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use serde_json::Value;

/// The oracle's program, built when Go is there.
pub fn program() -> Option<PathBuf> {
    if let Some(program) = std::env::var_os("FLOE_PSA_ORACLE") {
        return Some(program.into());
    }
    // Two tests building at the same time would write the same file.
    static BUILT: Mutex<Option<Option<PathBuf>>> = Mutex::new(None);
    let mut built = BUILT.lock().expect("the oracle works");
    built
        .get_or_insert_with(|| {
            let program = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("psaoracle");
            let done = go(&["build", "-o", program.to_str()?, "."]).map(|_| program);
            if done.is_none() {
                eprintln!("skipped: no Go to build scripts/psaoracle with, or it does not build");
            }
            done
        })
        .clone()
}

/// Runs Go in the oracle's folder and gives what it prints.
pub fn go(args: &[&str]) -> Option<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scripts/psaoracle");
    let output = Command::new("go")
        .args(args)
        .current_dir(folder)
        .stderr(Stdio::inherit())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8(output.stdout).expect("the oracle works"))
}

/// A running oracle: a line in, a line out.
pub struct Oracle {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Oracle {
    /// Starts it for these levels, such as `restricted:latest`.
    pub fn start(program: &PathBuf, levels: &[String]) -> Oracle {
        let mut child = Command::new(program)
            .args(levels)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the oracle works");
        let input = child.stdin.take().expect("the oracle works");
        let output = BufReader::new(child.stdout.take().expect("the oracle works"));
        Oracle {
            child,
            input,
            output,
        }
    }

    /// Its verdict on a pod: `checks`, a list of check ids for each level, or `error`.
    pub fn ask(&mut self, pod: &Value) -> Value {
        writeln!(self.input, "{pod}").expect("the oracle works");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the oracle works");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
