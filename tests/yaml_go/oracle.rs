//! Go's reading of a document, from the helper program of `scripts/yamlref`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use helm_floe::manifest::Document;
use serde_json::Value;

/// A reading: the value, or why there is none.
pub type Reading = Result<Value, String>;

/// The helper program, running.
pub struct Oracle {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Oracle {
    /// The program that the environment variable `FLOE_YAML_ORACLE` names, if it is set.
    pub fn from_env() -> Option<Oracle> {
        let path = std::env::var_os("FLOE_YAML_ORACLE")?;
        let mut child = Command::new(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the oracle starts");
        let stdin = child.stdin.take().expect("its stdin");
        let stdout = BufReader::new(child.stdout.take().expect("its stdout"));
        Some(Oracle {
            child,
            stdin,
            stdout,
        })
    }

    /// What Go makes of each document.
    pub fn ask(&mut self, docs: &[String]) -> Vec<Reading> {
        let (stdin, stdout) = (&mut self.stdin, &mut self.stdout);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for doc in docs {
                    let line = serde_json::to_string(doc).expect("a string is JSON");
                    writeln!(stdin, "{line}").expect("the oracle reads");
                }
                writeln!(stdin).expect("the oracle reads");
                stdin.flush().expect("the oracle reads");
            });
            docs.iter().map(|_| answer(stdout)).collect()
        })
    }
}

fn answer(stdout: &mut BufReader<ChildStdout>) -> Reading {
    let mut line = String::new();
    stdout.read_line(&mut line).expect("the oracle answers");
    let answer: Value = serde_json::from_str(&line).expect("the oracle answers in JSON");
    match answer.get("err") {
        Some(Value::String(error)) => Err(error.clone()),
        _ => Ok(answer.get("json").cloned().unwrap_or(Value::Null)),
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Our own reading, by all ways of looking at the document, which have to agree.
pub fn ours(text: &str) -> Reading {
    let doc = Document::parse(text).map_err(|e| e.to_string())?;
    crate::properties::check(&doc);
    Ok(doc.root().map_or(Value::Null, |root| root.to_json()))
}

/// How often two readings agreed.
#[derive(Debug, Default)]
pub struct Score {
    pub same: usize,
    pub both_refuse: usize,
    /// Documents that Go reads and we refuse, by our reason.
    pub refused: BTreeMap<String, usize>,
}

impl Score {
    /// Compares two readings.
    ///
    /// # Panics
    /// When we read another value than Go, or any value where Go has none: never allowed.
    pub fn add(&mut self, text: &str, ours: Reading, go: &Reading) {
        match (ours, go) {
            (Ok(ours), Ok(go)) => {
                assert_eq!(&ours, go, "another value than Go's for {text:?}");
                self.same += 1;
            }
            (Err(_), Err(_)) => self.both_refuse += 1,
            (Err(reason), Ok(_)) => *self.refused.entry(reason).or_default() += 1,
            (Ok(ours), Err(error)) => {
                panic!("read as {ours}, but Go refuses ({error}) {text:?}")
            }
        }
    }

    /// Documents that Go reads and we refuse.
    pub fn refusals(&self) -> usize {
        self.refused.values().sum()
    }
}
