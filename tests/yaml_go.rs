//! The reader against Go's own `sigs.k8s.io/yaml`.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use helm_floe::manifest::Document;
use serde_json::Value;

struct Oracle {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Oracle {
    fn start(path: &str) -> Oracle {
        let mut child = Command::new(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the oracle starts");
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Oracle {
            child,
            stdin,
            stdout,
        }
    }

    /// What Go makes of each document: its value, or its error.
    fn ask(&mut self, docs: &[String]) -> Vec<Result<Value, String>> {
        let mut answers = Vec::with_capacity(docs.len());
        std::thread::scope(|scope| {
            let stdin = &mut self.stdin;
            scope.spawn(move || {
                for doc in docs {
                    let line = serde_json::to_string(doc).unwrap();
                    stdin.write_all(line.as_bytes()).unwrap();
                    stdin.write_all(b"\n").unwrap();
                }
                stdin.write_all(b"\n").unwrap();
                stdin.flush().unwrap();
            });
            for _ in docs {
                let mut line = String::new();
                self.stdout.read_line(&mut line).unwrap();
                let answer: Value = serde_json::from_str(&line).unwrap();
                answers.push(match answer.get("err") {
                    Some(Value::String(error)) => Err(error.clone()),
                    _ => Ok(answer.get("json").cloned().unwrap_or(Value::Null)),
                });
            }
        });
        answers
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ours(text: &str) -> Result<Value, String> {
    let doc = Document::parse(text).map_err(|e| format!("{} at {}", e, e.offset))?;
    Ok(doc.root().map_or(Value::Null, |root| root.to_json()))
}

#[test]
fn the_corpus_reads_as_in_go() {
    let (Ok(oracle), Ok(corpus)) = (
        std::env::var("FLOE_YAML_ORACLE"),
        std::env::var("FLOE_CORPUS"),
    ) else {
        return;
    };
    let mut oracle = Oracle::start(&oracle);
    let mut seen = std::collections::HashSet::new();
    let (mut same, mut refused, mut wrong) = (0, 0, 0);
    let mut paths: Vec<_> = std::fs::read_dir(corpus)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    paths.sort();
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let text = format!("\n{text}");
        let docs: Vec<String> = text
            .split("\n---")
            .map(str::to_owned)
            .filter(|d| seen.insert(d.clone()))
            .collect();
        for (doc, go) in docs.iter().zip(oracle.ask(&docs)) {
            match (ours(doc), go) {
                (Ok(a), Ok(b)) if a == b => same += 1,
                (Err(_), Err(_)) => same += 1,
                (Err(e), Ok(_)) => {
                    refused += 1;
                    println!("{}: refused: {e}", path.display());
                }
                (a, b) => {
                    wrong += 1;
                    println!(
                        "{}: WRONG {:.300} / {:.300}",
                        path.display(),
                        format!("{a:?}"),
                        format!("{b:?}")
                    );
                }
            }
        }
    }
    println!("same {same} refused {refused} wrong {wrong}");
    assert_eq!((refused, wrong), (0, 0));
}
