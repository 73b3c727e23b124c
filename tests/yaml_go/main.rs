//! The reader against Go's own `sigs.k8s.io/yaml`.
//!
//! The golden cases under `testdata/yaml` hold Go's answers and need nothing. The other tests ask Go
//! itself; they do nothing unless `FLOE_YAML_ORACLE` names the program of `scripts/yamlref`:
//!
//! - `FLOE_CORPUS`: a directory of rendered charts, all of whose documents must read as in Go;
//! - `FLOE_FUZZ`: how many random scalars and documents to compare (default 20,000), and
//!   `FLOE_SEED`: where to start.

// Helpers of a test may panic; Clippy knows only the test functions themselves.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod golden;
mod mutate;
mod oracle;
mod properties;

use mutate::{Random, SEEDS};
use oracle::{Oracle, Score, ours};

fn number(name: &str, default: u64) -> u64 {
    let value = std::env::var(name).ok();
    value.map_or(default, |value| value.parse().expect("a number"))
}

fn corpus() -> Vec<String> {
    let Some(directory) = std::env::var_os("FLOE_CORPUS") else {
        return Vec::new();
    };
    let mut paths: Vec<_> = std::fs::read_dir(directory)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let read = |path| std::fs::read_to_string(path).expect("a UTF-8 file");
    let documents = paths.into_iter().flat_map(|path| {
        let text = format!("\n{}", read(path));
        let documents: Vec<_> = text.split("\n---").map(str::to_owned).collect();
        documents
    });
    let mut seen = std::collections::HashSet::new();
    documents.filter(|text| seen.insert(text.clone())).collect()
}

#[test]
fn the_corpus_reads_as_in_go() {
    let Some(mut oracle) = Oracle::from_env() else {
        return;
    };
    let mut score = Score::default();
    for docs in corpus().chunks(64) {
        for (doc, go) in docs.iter().zip(oracle.ask(docs)) {
            score.add(doc, ours(doc), &go);
        }
    }
    println!("corpus: {score:?}");
    assert_eq!(score.refusals(), 0, "{score:?}");
}

#[test]
fn random_scalars_read_as_in_go() {
    let Some(mut oracle) = Oracle::from_env() else {
        return;
    };
    let mut random = Random::new(number("FLOE_SEED", 1));
    let mut score = Score::default();
    for _ in 0..number("FLOE_FUZZ", 20_000) / 2_000 {
        let docs: Vec<String> = (0..1_000)
            .flat_map(|_| {
                let scalar = mutate::scalar(&mut random);
                [format!("v: {scalar}"), format!("{scalar}: v")]
            })
            .collect();
        for (doc, go) in docs.iter().zip(oracle.ask(&docs)) {
            score.add(doc, ours(doc), &go);
        }
    }
    println!("scalars: {score:#?}");
}

#[test]
fn random_documents_read_as_in_go() {
    let Some(mut oracle) = Oracle::from_env() else {
        return;
    };
    let corpus = corpus();
    let mut random = Random::new(number("FLOE_SEED", 1));
    let mut score = Score::default();
    for _ in 0..number("FLOE_FUZZ", 20_000) / 1_000 {
        let docs: Vec<String> = (0..1_000)
            .map(|_| {
                let seed = match random.below(3) {
                    0 if !corpus.is_empty() => {
                        let doc = &corpus[random.below(corpus.len())];
                        mutate::excerpt(doc, &mut random)
                    }
                    1 => random.pick(SEEDS).to_owned() + random.pick(SEEDS),
                    _ => random.pick(SEEDS).to_owned(),
                };
                mutate::mutate(&seed, &mut random)
            })
            .collect();
        for (doc, go) in docs.iter().zip(oracle.ask(&docs)) {
            score.add(doc, ours(doc), &go);
        }
    }
    println!("documents: {score:#?}");
}
