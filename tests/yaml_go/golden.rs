//! Cases with Go's answers, one JSON object a line under `testdata/yaml`.
//!
//! `yaml` is the document. `json` is the value Go gives it, or `err` the reason why it gives none.
//! `refused: true` says that Go reads the document and this reader refuses it on purpose. A case is
//! added by a line with `yaml` alone; `scripts/yaml-goldens` fills in the answer.

use std::fmt::Write;
use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::mutate::{Random, SEEDS, mutate, scalar};
use crate::oracle::{Oracle, Reading, Score, ours};

/// Cases made up by hand, by subject.
const CASES: &str = "cases.jsonl";
/// Cases made up by the generators.
const RANDOM: &str = "random.jsonl";

struct Case {
    fields: Map<String, Value>,
}

impl Case {
    fn new(yaml: String) -> Case {
        let fields = Map::from_iter([("yaml".to_owned(), Value::String(yaml))]);
        Case { fields }
    }

    fn yaml(&self) -> &str {
        self.fields["yaml"].as_str().expect("yaml is a string")
    }

    fn refused(&self) -> bool {
        self.fields.contains_key("refused")
    }

    fn go(&self) -> Reading {
        match self.fields.get("err") {
            Some(error) => Err(error.to_string()),
            None => Ok(self.fields["json"].clone()),
        }
    }

    fn set_go(&mut self, reading: Reading) {
        self.fields.remove("json");
        self.fields.remove("err");
        match reading {
            Ok(value) => self.fields.insert("json".to_owned(), value),
            Err(error) => self.fields.insert("err".to_owned(), error.into()),
        };
    }
}

fn path(name: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.join("testdata/yaml").join(name)
}

fn load(name: &str) -> Vec<Case> {
    let text = std::fs::read_to_string(path(name)).expect("the golden cases");
    let case = |line| Case {
        fields: serde_json::from_str(line).expect("a JSON object a line"),
    };
    text.lines().map(case).collect()
}

/// Writes cases in ASCII, so that odd characters can be seen.
fn save(name: &str, cases: &[Case]) {
    let mut text = String::new();
    for case in cases {
        let line = serde_json::to_string(&case.fields).expect("JSON");
        for unit in line.encode_utf16() {
            match u8::try_from(unit) {
                Ok(byte) if byte.is_ascii() && byte != 0x7f => text.push(char::from(byte)),
                _ => write!(text, "\\u{unit:04x}").expect("a string grows"),
            }
        }
        text.push('\n');
    }
    std::fs::write(path(name), text).expect("the golden cases");
}

#[test]
fn cases_made_up_by_hand_read_as_in_go_or_are_refused_on_purpose() {
    for case in load(CASES) {
        let yaml = case.yaml();
        match (ours(yaml), case.go()) {
            (Err(reason), Ok(_)) => assert!(case.refused(), "{yaml:?} is refused: {reason}"),
            (ours, go) => {
                assert!(!case.refused(), "{yaml:?} is not refused any more");
                Score::default().add(yaml, ours, &go);
            }
        }
    }
}

#[test]
fn random_cases_read_as_in_go() {
    let mut score = Score::default();
    for case in load(RANDOM) {
        score.add(case.yaml(), ours(case.yaml()), &case.go());
    }
    // What the generators make is mostly readable, or the comparison above would be idle.
    assert!(score.same > 2_000, "{score:?}");
    assert!(score.refusals() < score.same / 10, "{score:?}");
}

/// Asks Go for the answer to every case: `scripts/yaml-goldens`.
#[test]
#[ignore = "writes the golden cases anew"]
fn regenerate() {
    let mut oracle = Oracle::from_env().expect("FLOE_YAML_ORACLE is set");
    let mut random = Random::new(2_026);
    let scalars = (0..2_000).map(|_| Case::new(format!("v: {}\n", scalar(&mut random))));
    let mut made_up: Vec<Case> = scalars.collect();
    for number in 0..1_500 {
        let seed = SEEDS[number % SEEDS.len()];
        made_up.push(Case::new(mutate(seed, &mut random)));
    }
    for (name, mut cases) in [(CASES, load(CASES)), (RANDOM, made_up)] {
        let texts: Vec<String> = cases.iter().map(|case| case.yaml().to_owned()).collect();
        for (case, reading) in cases.iter_mut().zip(oracle.ask(&texts)) {
            case.set_go(reading);
        }
        save(name, &cases);
    }
}
