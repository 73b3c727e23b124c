//! The documents of this repository and the fenced blocks in them.

use std::fs;
use std::path::PathBuf;

use super::repository;

/// A fenced block of a document.
pub struct Block {
    /// The document and the line of its fence.
    pub place: String,
    /// What the fence says.
    pub fence: String,
    /// What is between the fences.
    pub text: String,
}

/// README.md and everything in docs/ and charts/.
pub fn documents() -> Vec<PathBuf> {
    let docs = ["docs", "charts"].into_iter();
    let docs = docs.flat_map(|tree| walkdir::WalkDir::new(repository().join(tree)));
    let mut files: Vec<PathBuf> = docs.map(|entry| entry.expect("read").into_path()).collect();
    files.retain(|file| file.extension().is_some_and(|e| e == "md"));
    files.push(repository().join("README.md"));
    files.sort();
    files
}

/// The blocks of all documents, in order.
pub fn blocks() -> Vec<Block> {
    let mut blocks = Vec::new();
    for file in documents() {
        let name = file.strip_prefix(repository()).expect("below").to_owned();
        let mut open: Option<Block> = None;
        for (number, line) in fs::read_to_string(&file).expect("read").lines().enumerate() {
            match (line.strip_prefix("```"), &mut open) {
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (Some(fence), None) => {
                    open = Some(Block {
                        place: format!("{}:{}", name.display(), number + 1),
                        fence: fence.to_owned(),
                        text: String::new(),
                    });
                }
                (None, Some(block)) => block.text.push_str(&format!("{line}\n")),
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{} ends inside a block", name.display());
    }
    blocks
}

/// The blocks whose fence says this.
pub fn blocks_with(fence: &str) -> Vec<Block> {
    let mut blocks = blocks();
    blocks.retain(|block| block.fence == fence);
    assert!(!blocks.is_empty(), "no block with the fence {fence}");
    blocks
}
