//! What an expression of a template may stand for, as far as values go.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Any key of a map, or any item of a list.
pub const ANY: &str = "*";

/// Paths longer than this come from templates that walk values of any depth.
pub const MAX_PATH: usize = 24;

/// Keys are not longer than this.
const MAX_KEY: usize = 100;

/// More than this many things at once are not told apart.
const MAX_ANY: usize = 64;

/// Keys from the root of the values.
pub type Path = Rc<[Rc<str>]>;

/// What an expression may stand for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Thing {
    /// Nothing of the values, and no text that is known.
    Nothing,
    /// A text that may be a key.
    Text(Rc<str>),
    /// What every template of a chart gets as its dot; the number of the chart.
    Context(usize),
    /// The contexts of a chart's subcharts, by name.
    Subcharts(usize),
    /// A place in the values.
    Place(Path),
    /// A map made by a template.
    Map(Rc<BTreeMap<Rc<str>, Thing>>),
    /// A list made by a template, of any of these.
    List(Rc<Thing>),
    /// One of these.
    Any(Rc<BTreeSet<Thing>>),
}

/// The place one key further.
pub fn below(path: &Path, key: &str) -> Path {
    let key: Rc<str> = Rc::from(key);
    path.iter().cloned().chain([key]).collect()
}

impl Thing {
    /// One of several. What cannot be told apart any more is given to `lost`, which counts it as read.
    pub fn any(things: impl IntoIterator<Item = Thing>, lost: &mut dyn FnMut(&Thing)) -> Thing {
        let mut all = BTreeSet::new();
        for thing in things {
            match thing {
                Thing::Any(own) => all.extend(own.iter().cloned()),
                other => {
                    all.insert(other);
                }
            }
        }
        while all.len() > MAX_ANY {
            // What is read as a whole need not be followed. The last is the deepest, most often.
            if let Some(last) = all.pop_last() {
                lost(&last);
            }
        }
        match (all.pop_first(), all.is_empty()) {
            (None, _) => Thing::Nothing,
            (Some(only), true) => only,
            (Some(first), false) => {
                all.insert(first);
                Thing::Any(Rc::new(all))
            }
        }
    }

    /// A text that stands in a template; longer ones and those of other characters are no keys.
    pub fn text(text: &str) -> Thing {
        let key = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'/');
        match text.len() <= MAX_KEY && text.bytes().all(key) {
            true => Thing::Text(Rc::from(text)),
            false => Thing::Nothing,
        }
    }

    /// What it may be and another may not.
    pub fn without(&self, other: &Thing) -> Vec<Thing> {
        let all = |thing: &Thing| match thing {
            Thing::Any(all) => all.as_ref().clone(),
            own => BTreeSet::from([own.clone()]),
        };
        all(self).difference(&all(other)).cloned().collect()
    }

    /// The keys that it may be, [`ANY`] where that is not known.
    pub fn keys(&self) -> Vec<Rc<str>> {
        let text = |own: &Thing| match own {
            Thing::Text(text) => Some(text.clone()),
            _ => None,
        };
        let all = match self {
            Thing::Any(all) => all.iter().map(text).collect(),
            own => text(own).map(|text| vec![text]),
        };
        all.unwrap_or_else(|| vec![Rc::from(ANY)])
    }

    /// A map of these.
    pub fn map(entries: impl IntoIterator<Item = (Rc<str>, Thing)>) -> Thing {
        Thing::Map(Rc::new(entries.into_iter().collect()))
    }

    /// How deep maps and lists nest.
    pub fn depth(&self) -> usize {
        match self {
            Thing::Map(entries) => 1 + entries.values().map(Thing::depth).max().unwrap_or(0),
            Thing::List(item) => 1 + item.depth(),
            Thing::Any(all) => all.iter().map(Thing::depth).max().unwrap_or(0),
            _ => 0,
        }
    }
}

/// What is read of the values.
#[derive(Debug, Default)]
pub struct Reads {
    /// Places that are read themselves: printed where they are scalars, asked whether they are there.
    shallow: BTreeSet<Path>,
    /// Places that are read with everything below them.
    deep: BTreeSet<Path>,
    /// Places that stand for others too: what is read below the first is read below the second.
    aliases: BTreeSet<(Path, Path)>,
}

impl Reads {
    /// A place is asked for.
    pub fn touch(&mut self, path: &Path) {
        self.shallow.insert(path.clone());
    }

    /// A place is read with everything below it.
    pub fn take(&mut self, path: &Path) {
        self.deep.insert(path.clone());
    }

    /// What is read below a place is read below another.
    pub fn alias(&mut self, path: &Path, other: &Path) {
        self.aliases.insert((path.clone(), other.clone()));
    }

    /// Follows the aliases, until nothing new is found or there is too much of it: then everything
    /// that stands for something else is read.
    pub fn close(&mut self) {
        for _ in 0..8 {
            let before = self.shallow.len() + self.deep.len();
            let aliases: Vec<(Path, Path)> = self.aliases.iter().cloned().collect();
            for (path, other) in &aliases {
                for deep in [false, true] {
                    let set = if deep {
                        &mut self.deep
                    } else {
                        &mut self.shallow
                    };
                    let moved: Vec<Path> = set
                        .iter()
                        .filter_map(|own| redirect(own, path, other, deep))
                        .filter(|own| own.len() <= MAX_PATH)
                        .collect();
                    set.extend(moved);
                }
            }
            if self.shallow.len() + self.deep.len() == before {
                return;
            }
            if before > MAX_READS {
                break;
            }
        }
        let others: Vec<Path> = self
            .aliases
            .iter()
            .map(|(_, other)| other.clone())
            .collect();
        self.deep.extend(others);
    }

    /// Whether a key is read: itself, something above it as a whole, or something below it.
    pub fn reads(&self, key: &[&str]) -> bool {
        let above = |own: &Path| own.len() <= key.len() && fits(own, key);
        let below = |own: &Path| own.len() >= key.len() && fits(own, key);
        self.deep.iter().any(|own| above(own) || below(own)) || self.shallow.iter().any(below)
    }
}

/// Aliases that make more reads than this are not followed to their end.
const MAX_READS: usize = 20_000;

/// Whether two paths are the same as far as both go.
fn fits(own: &Path, key: &[&str]) -> bool {
    let mut pairs = own.iter().zip(key);
    pairs.all(|(own, key)| own.as_ref() == *key || own.as_ref() == ANY)
}

/// Where a read below `path` leads below `other`.
fn redirect(own: &Path, path: &Path, other: &Path, deep: bool) -> Option<Path> {
    let names: Vec<&str> = path.iter().map(AsRef::as_ref).collect();
    if !fits(own, &names) {
        return None;
    }
    match own.get(path.len()..) {
        Some(rest) => Some(other.iter().chain(rest).cloned().collect()),
        // Everything above is read, and so is all of the other.
        None => deep.then(|| other.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Path {
        text.split('.').map(Rc::from).collect()
    }

    fn reads(reads: &Reads, key: &str) -> bool {
        reads.reads(&key.split('.').collect::<Vec<_>>())
    }

    #[test]
    fn a_key_is_read_by_itself_from_above_and_from_below() {
        let mut own = Reads::default();
        own.touch(&path("image.tag"));
        own.touch(&path("list.*.name"));
        own.take(&path("resources"));
        for (key, want) in [
            ("image", true),
            ("image.tag", true),
            ("image.tag.deeper", false),
            ("image.pullPolicy", false),
            ("resources.limits.cpu", true),
            ("list.a.name", true),
            ("list.a.other", false),
            ("other", false),
        ] {
            assert_eq!(reads(&own, key), want, "{key}");
        }
    }

    #[test]
    fn aliases_are_followed() {
        let mut own = Reads::default();
        own.touch(&path("a.x"));
        own.alias(&path("a"), &path("b"));
        own.alias(&path("b"), &path("c.d"));
        own.close();
        assert!(reads(&own, "b.x") && reads(&own, "c.d.x") && !reads(&own, "c.d.y"));
        own.alias(&path("a"), &path("a.a"));
        own.close();
        assert!(reads(&own, "a.a.x"));
    }
}
