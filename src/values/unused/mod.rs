//! Keys of values that no template of a chart reads.
//!
//! A key that is misspelt, or that an earlier version of the chart knew, changes nothing, and nothing
//! says so. [`find`] reads the chart's templates ([`template`]), follows the values through them
//! (`follow`) and names the keys that none of them asks for. What cannot be followed counts as read.

mod chart;
mod files;
mod follow;
mod place;
pub mod template;

use std::path::Path as File;
use std::rc::Rc;

use foldhash::HashSet;
use serde_json::Value;

use crate::check::files::Placed;
use crate::check::violation;
use crate::manifest::tape::{Kind, Node};
use crate::manifest::view::{Type, escape};
use crate::manifest::{Document, View, line_column, position, split};
use crate::report::Severity;
use chart::Charts;
use follow::Follower;
use place::{Path, Reads};

/// The policy that reports them.
pub const POLICY: &str = "wiring/unused-value";

const HELP: &str = "correct the spelling or the place of the key, or remove it";

/// Rounds in which texts of values are run as templates with what the round before found.
const MAX_ROUNDS: usize = 4;

/// A file of values.
#[derive(Debug)]
pub struct ValuesFile {
    /// What it is called in reports.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// What a chart's templates leave of values.
#[derive(Debug, Default)]
pub struct Unused {
    /// The keys, for each file in order.
    pub files: Vec<Vec<Placed>>,
    /// Subcharts that are not there: all their values count as read.
    pub unseen: Vec<String>,
}

/// Finds the keys of files of values that no template of the chart in a directory reads.
///
/// # Errors
/// The chart, one of its templates, or a file of values cannot be read, as `file: reason`.
pub fn find(directory: &File, files: &[ValuesFile]) -> Result<Unused, String> {
    let mut charts = Charts::read(directory)?;
    for file in files {
        let values = super::chart::map(&file.name, &file.text)?;
        charts.add_texts(&Value::Object(values));
    }
    let mut unseen = std::mem::take(&mut charts.unseen);
    unseen.sort();
    unseen.dedup();
    let reads = match reads(&charts) {
        Some(reads) => reads,
        None => {
            return Err(format!(
                "{}: its templates are too many to follow",
                directory.display()
            ));
        }
    };
    let files = files.iter().map(|file| unread(&charts, &reads, &file.text));
    Ok(Unused {
        files: files.collect(),
        unseen,
    })
}

/// What the templates read; `None` where they are too many to follow.
fn reads(charts: &Charts) -> Option<Reads> {
    let mut follower = Follower::new(charts);
    charts.ask(&mut follower.reads);
    for (nodes, context) in charts.rendered() {
        follower.run(nodes, &context);
    }
    let mut done = HashSet::default();
    for _ in 0..MAX_ROUNDS {
        let mut contexts: Vec<_> = follower.contexts.difference(&done).cloned().collect();
        if contexts.is_empty() {
            break;
        }
        contexts.sort();
        for context in contexts {
            for nodes in charts.texts() {
                follower.run(nodes, &context);
            }
            done.insert(context);
        }
    }
    // Texts that run texts that run texts: what the last of them get is read.
    let left: Vec<_> = follower.contexts.difference(&done).cloned().collect();
    left.iter().for_each(|context| follower.take(context));
    if !follower.finished() {
        return None;
    }
    let mut reads = follower.reads;
    reads.close();
    Some(reads)
}

/// The keys of one file that are not read. Of a map that is not read at all only its own key.
fn unread(charts: &Charts, reads: &Reads, text: &str) -> Vec<Placed> {
    let mut found = Vec::new();
    for span in split(text).unwrap_or_default() {
        let Ok(document) = Document::parse(span.text) else {
            continue;
        };
        let Some(root) = document.root() else {
            continue;
        };
        let mut look = Look {
            charts,
            reads,
            found: Vec::new(),
        };
        look.map(View::Node(root), &Rc::from([]), "");
        for (pointer, path) in look.found {
            let at = position::locate(&document, &pointer).start;
            let (line, column) = line_column(span.text, at);
            let name = path.join(".");
            let violation = violation(
                POLICY,
                Severity::Error,
                &pointer,
                format!("no template reads {name}"),
                HELP,
            );
            found.push(Placed {
                violation,
                document: 0,
                line: span.first_line + line - 1,
                column,
            });
        }
    }
    found
}

/// Looks for keys that are not read.
struct Look<'a> {
    charts: &'a Charts,
    reads: &'a Reads,
    /// Pointer and path of each.
    found: Vec<(String, Vec<String>)>,
}

impl Look<'_> {
    fn map(&mut self, map: View<'_>, path: &Path, pointer: &str) {
        for (key, value) in map.entries() {
            let own = place::below(path, &key);
            let canonical = self.charts.canonical(&own);
            let keys: Vec<&str> = canonical.iter().map(AsRef::as_ref).collect();
            let pointer = format!("{pointer}/{}", escape(&key));
            if !self.reads.reads(&keys) {
                if !is_shared(value) {
                    let path = own.iter().map(|key| key.to_string());
                    self.found.push((pointer, path.collect()));
                }
            } else if value.value_type() == Type::Map {
                self.map(value, &own, &pointer);
            }
        }
    }
}

/// Whether a value has an anchor, or has one in it: then another place of the file may read it.
fn is_shared(value: View<'_>) -> bool {
    let anchored = |node: Node<'_>| node.anchor().is_some() && node.raw().kind != Kind::Alias;
    let own = value.node().is_some_and(anchored);
    own || match value.value_type() {
        Type::Map => value.entries().any(|(_, value)| is_shared(value)),
        Type::Seq => value.items().any(is_shared),
        _ => false,
    }
}
