//! Long runs with Go's own readers as the judges. They need `FLOE_YAML_ORACLE`, a program that reads
//! one JSON string (a YAML text) a line and answers `{"json": value}` or `{"err": message}`: with
//! sigs.k8s.io/yaml for kubectl and Helm 3, or with goyaml v3 for Helm 4. `FLOE_RUNS` sets how long
//! they go on, `FLOE_SEED` where they start.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::manifest::emit::{self, Flow, Layout};
use crate::manifest::overlay::Overlay;
use crate::manifest::tape::Document;
use crate::manifest::view::View;

use super::properties::apply_both;
use super::random::{self, Random};

/// Go's reader as a process.
struct Oracle {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Oracle {
    fn start() -> Option<Self> {
        let program = std::env::var_os("FLOE_YAML_ORACLE")?;
        let mut child = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        Some(Oracle {
            child,
            input,
            output,
        })
    }

    /// How Go reads the texts; `None` for one that it refuses.
    fn read(&mut self, texts: &[String]) -> Vec<Option<Value>> {
        let mut lines = String::new();
        for text in texts {
            lines += &serde_json::to_string(text).unwrap();
            lines.push('\n');
        }
        lines.push('\n');
        let mut input = self.input.take().unwrap();
        let writer = std::thread::spawn(move || {
            input.write_all(lines.as_bytes()).unwrap();
            input.flush().unwrap();
            input
        });
        let answers = texts.iter().map(|_| self.answer()).collect();
        self.input = Some(writer.join().unwrap());
        answers
    }

    fn answer(&mut self) -> Option<Value> {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let mut answer: Value = serde_json::from_str(&line).unwrap();
        answer.get_mut("json").map(Value::take)
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        self.input = None;
        self.child.wait().unwrap();
    }
}

fn runs(usual: usize) -> usize {
    let set = std::env::var("FLOE_RUNS").ok();
    set.and_then(|n| n.parse().ok()).unwrap_or(usual)
}

fn seed() -> u64 {
    let set = std::env::var("FLOE_SEED").ok();
    set.and_then(|n| n.parse().ok()).unwrap_or(1)
}

fn random_string(random: &mut Random) -> String {
    const PIECES: [&str; 24] = [
        "y", "no", "On", "0", "1", "_", ".", "e", "x", "inf", "nan", "~", ":", "# ", "- ", "\n",
        "\t", "null", "\u{85}", "\u{2028}", "\u{feff}", "T", "/", "\\",
    ];
    let length = random.below(9);
    (0..length)
        .map(|_| match random.below(4) {
            0 => char::from_u32(random.below(0x250) as u32)
                .unwrap_or('-')
                .to_string(),
            1 => char::from_u32(random.below(0x11_0000) as u32)
                .unwrap_or('-')
                .to_string(),
            _ => PIECES[random.below(PIECES.len())].to_owned(),
        })
        .collect()
}

#[test]
fn go_reads_every_emitted_string_back() {
    let Some(mut go) = Oracle::start() else {
        return;
    };
    let mut random = Random(seed());
    let layout = Layout {
        column: 0,
        step: 2,
        seq_step: 0,
        eol: "\n",
    };
    for _ in 0..runs(20) {
        let values: Vec<Value> = (0..1000)
            .map(|_| {
                let strings = (0..20).map(|_| random_string(&mut random));
                let pairs = strings.map(|s| (s.clone(), json!([s.clone(), {"k": s}])));
                Value::Object(pairs.collect())
            })
            .collect();
        let text = |value: &Value| {
            let mut out = String::new();
            match random.below(3) {
                0 => emit::block(&mut out, value, layout).unwrap(),
                n => emit::flow(
                    &mut out,
                    value,
                    Flow {
                        json: n == 1,
                        tight: true,
                    },
                )
                .unwrap(),
            }
            out
        };
        let texts: Vec<_> = values.iter().map(text).collect();
        for ((value, text), got) in values.iter().zip(&texts).zip(go.read(&texts)) {
            assert_eq!(got.as_ref(), Some(value), "{text}");
        }
    }
}

/// The documents below `FLOE_CORPUS`, or random ones.
fn documents(random: &mut Random) -> Vec<String> {
    let Some(folder) = std::env::var_os("FLOE_CORPUS") else {
        let document = |n| match random::document(random) {
            text if n % 2 == 0 => text,
            text => random::garbled(random, &text),
        };
        return (0..2000).map(document).collect();
    };
    let files = walkdir::WalkDir::new(folder).sort_by_file_name();
    let files = files.into_iter().filter_map(Result::ok);
    let mut found = Vec::new();
    for file in files.filter(|file| file.file_type().is_file()) {
        let text = std::fs::read_to_string(file.path()).unwrap();
        let mut document = String::new();
        for line in text.split_inclusive('\n') {
            if line.starts_with("---") {
                found.push(std::mem::take(&mut document));
            } else {
                document += line;
            }
        }
        found.push(document);
    }
    found.sort();
    found.dedup();
    found.retain(|text| text.len() < 60_000);
    found
}

/// The documents that Go reads as we do; the reader's own tests see to the others.
fn readable(go: &mut Oracle, documents: Vec<String>) -> Vec<String> {
    let read = go.read(&documents);
    let alike = documents.into_iter().zip(read).filter(|(text, theirs)| {
        let doc = Document::parse(text);
        let ours = doc
            .as_ref()
            .map(|doc| doc.root().map(|root| root.to_json()));
        let theirs = theirs.as_ref();
        ours.is_ok_and(|ours| {
            theirs.is_some_and(|theirs| {
                View::Json(theirs).same(View::Json(&ours.unwrap_or_default()))
            })
        })
    });
    alike.map(|(text, _)| text).collect()
}

#[test]
fn go_reads_every_edited_document_as_patched() {
    let Some(mut go) = Oracle::start() else {
        return;
    };
    let mut random = Random(seed());
    let documents = readable(&mut go, documents(&mut random));
    let (mut edits, mut coarse) = (0, 0);
    for _ in 0..runs(1) {
        for batch in documents.chunks(200) {
            let mut texts = Vec::new();
            let mut wanted = Vec::new();
            for text in batch {
                let doc = Document::parse(text).unwrap();
                let count = 1 + random.below(8);
                let mut overlay = Overlay::new(&doc);
                let (value, log) = apply_both(&mut overlay, &mut random, count);
                let mut out = Vec::new();
                overlay.write(&mut out).unwrap();
                coarse += usize::from(overlay.attempts().unwrap().1 > 0);
                edits += count;
                texts.push(String::from_utf8(out).unwrap());
                wanted.push((text, log, value));
            }
            for ((text, log, want), (got, out)) in
                wanted.iter().zip(go.read(&texts).into_iter().zip(&texts))
            {
                let same = got.is_some_and(|got| View::Json(&got).same(View::Json(want)));
                assert!(same, "{text}\n--- {log}\n---\n{out}");
            }
        }
    }
    let total = documents.len();
    println!("{edits} edits on {total} documents read as patched");
    println!("{coarse} times a part had to be written anew");
}
