//! stub
use super::load::{Library, Loaded};
/// l
pub fn list(library: &Library) -> String {
    library.iter().map(|l| format!("{}\n", l.name)).collect()
}
/// t
pub fn text(l: &Loaded) -> String {
    l.policy.title.clone()
}
/// j
pub fn json(l: &Loaded) -> String {
    l.policy.title.clone()
}
