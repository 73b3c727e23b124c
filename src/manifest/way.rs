//! How a walk came to a value.

use super::view::escape;

/// The steps from where a walk began. They become a pointer only where something is found: most
/// values are passed by, and a text made for each would cost more than looking at it.
#[derive(Clone, Copy, Debug)]
pub enum Way<'w> {
    /// The walk begins here.
    Root,
    /// The member of that name.
    Key(&'w Way<'w>, &'w str),
    /// The item of that number.
    Index(&'w Way<'w>, usize),
}

impl Way<'_> {
    /// How many steps there are.
    pub fn depth(&self) -> usize {
        match self {
            Way::Root => 0,
            Way::Key(way, _) | Way::Index(way, _) => 1 + way.depth(),
        }
    }

    /// The JSON Pointer from where the walk began.
    pub fn pointer(&self) -> String {
        match self {
            Way::Root => String::new(),
            Way::Key(way, key) => format!("{}/{}", way.pointer(), escape(key)),
            Way::Index(way, index) => format!("{}/{index}", way.pointer()),
        }
    }
}
