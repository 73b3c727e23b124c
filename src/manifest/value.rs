//! What a node means: types, members, aliases and merges as Go's `sigs.k8s.io/yaml` decodes them.
//!
//! The parser has refused every document in which one of these answers could fail, so none of them
//! does.

use std::borrow::Cow;

use foldhash::HashMap;
use serde_json::{Map, Number, Value};

use super::iter::{AnyItems, Items, NodeEntries};
use super::resolve::{self, Plain, Scalar};
use super::tape::{
    self, FLAG_DUPLICATE, FLAG_ESCAPED, FLAG_MERGE, FLAG_MULTILINE, FLAG_ODD_KEY, FLAG_PROPS, Kind,
    Node, Style,
};
use super::view::{Type, View};

/// The type that Go gives a key before it makes a string of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyClass {
    Str,
    Bool,
    Int,
    /// With the bits of the number: two numbers can become the same string.
    Float(u64),
}

/// A key as Go has it.
#[derive(Clone, Debug)]
pub(super) struct GoKey<'d> {
    pub(super) class: KeyClass,
    /// What it becomes in JSON.
    pub(super) text: Cow<'d, str>,
}

/// A member of a map, merges applied.
type Member<'d> = (Cow<'d, str>, View<'d>);

impl<'d> Node<'d> {
    /// See [`View::value_type`].
    pub fn value_type(self) -> Type {
        match self.raw().kind {
            Kind::Map => Type::Map,
            Kind::Seq => Type::Seq,
            Kind::Scalar if self.is_bare() => match self.unquoted() {
                Some(text) => resolve::plain(text).into(),
                None => Type::String,
            },
            Kind::Scalar => match self.scalar_or_null() {
                Scalar::Null => Type::Null,
                Scalar::Bool(_) => Type::Bool,
                Scalar::Int(_) | Scalar::Uint(_) | Scalar::Float(_) => Type::Number,
                Scalar::Str(_) => Type::String,
            },
            Kind::Alias => match self.meaning() {
                View::Node(node) if node.raw().kind == Kind::Alias => Type::Null,
                meaning => meaning.value_type(),
            },
        }
    }

    /// See [`View::get`].
    pub fn get(self, key: &str) -> Option<View<'d>> {
        self.get_entry(key).map(|(_, value)| value)
    }

    /// A member of a map with the node of its key, to find its place in the text. A member that a
    /// `<<` brought from another map has that map's key; one from a foreign alias has the `<<`.
    pub fn get_entry(self, key: &str) -> Option<(Node<'d>, View<'d>)> {
        let raw = self.raw();
        match raw.kind {
            Kind::Map if raw.flags & (FLAG_MERGE | FLAG_ODD_KEY) == 0 => {
                let (name, value) = self.get_plain(key)?;
                Some((name, View::Node(value)))
            }
            Kind::Map => self.get_special(key),
            Kind::Seq | Kind::Scalar => None,
            Kind::Alias => match self.meaning() {
                View::Node(map) if map.raw().kind == Kind::Map => map.get_entry(key),
                View::Node(_) => None,
                json => json.get(key).map(|value| (self, value)),
            },
        }
    }

    /// [`Node::get_entry`] in a map whose keys are their own bytes. Everything else is built on
    /// lookups, so the tape is walked here without a [`Node`] for each step.
    pub(super) fn get_plain(self, key: &str) -> Option<(Node<'d>, Node<'d>)> {
        let doc = self.document();
        let map = self.raw();
        let mark = tape::key_mark(tape::key_hash(key.as_bytes()));
        let mut at = self.id() + 1;
        let mut found = None;
        // A key is one node.
        while at < map.next
            && let Some([name, value]) = doc.nodes.get(at as usize..at as usize + 2)
        {
            if name.body == mark && doc.node(at).plain_key() == key {
                found = Some((doc.node(at), doc.node(at + 1)));
                // Of a key that is written twice the last one counts.
                if map.flags & FLAG_DUPLICATE == 0 {
                    break;
                }
            }
            at = value.next;
        }
        found
    }

    /// [`Node::get_entry`] in a map with merges or keys that need decoding.
    fn get_special(self, key: &str) -> Option<(Node<'d>, View<'d>)> {
        let mut found = None;
        let mut children = self.children();
        while let Some((name, value)) = children.next_pair() {
            let here = if name.is_merge_key() {
                value
                    .merge_sources()
                    .into_iter()
                    .find_map(|source| match source {
                        View::Node(node) => node.get_entry(key),
                        View::Json(_) | View::Edited(_) => {
                            source.get(key).map(|value| (name, value))
                        }
                    })
            } else {
                let same = name.go_key().is_ok_and(|go| go.text == key);
                same.then_some((name, View::Node(value)))
            };
            found = here.or(found);
        }
        found
    }

    /// What [`Node::get_entry`] gives for each key of a map, in one pass.
    pub(super) fn members_by_key(self) -> HashMap<Cow<'d, str>, (Node<'d>, View<'d>)> {
        let mut members = HashMap::default();
        let View::Node(map) = self.meaning() else {
            return members;
        };
        let mut children = map.children();
        while let Some((name, value)) = children.next_pair() {
            if !name.is_merge_key() {
                let key = name.go_key().map(|go| go.text).unwrap_or_default();
                members.insert(key, (name, View::Node(value)));
                continue;
            }
            for source in value.merge_sources().into_iter().rev() {
                match source {
                    View::Node(node) => members.extend(node.members_by_key()),
                    json => {
                        let entries = json.entries();
                        members.extend(entries.map(|(key, value)| (key, (name, value))));
                    }
                }
            }
        }
        members
    }

    /// See [`View::entries`].
    pub fn entries(self) -> NodeEntries<'d> {
        let map = match self.meaning() {
            View::Node(map) => map,
            View::Json(value) => return NodeEntries::of_json(value),
            View::Edited(_) => return NodeEntries::None,
        };
        if map.raw().kind != Kind::Map {
            return NodeEntries::None;
        }
        if map.raw().flags & (FLAG_MERGE | FLAG_ODD_KEY | FLAG_DUPLICATE) != 0 {
            return NodeEntries::Members(map.members().into_iter());
        }
        NodeEntries::Plain(map.children())
    }

    /// All members of a map in the order in which their names first come up.
    fn members(self) -> Vec<Member<'d>> {
        let mut members = Members::default();
        members.add_map(self);
        members.list
    }

    /// The maps that a merge key with this value brings in, the one that wins first.
    fn merge_sources(self) -> Vec<View<'d>> {
        match self.meaning() {
            View::Node(node) if node.raw().kind == Kind::Seq => {
                node.children().map(Node::meaning).collect()
            }
            one => vec![one],
        }
    }

    /// See [`View::items`].
    pub fn items(self) -> Items<'d> {
        match self.meaning() {
            View::Node(node) if node.raw().kind == Kind::Seq => {
                Items(AnyItems::Node(node.children()))
            }
            View::Node(_) => Items(AnyItems::None),
            json => json.items(),
        }
    }

    /// See [`View::as_str`].
    pub fn as_str(self) -> Option<Cow<'d, str>> {
        if self.raw().kind == Kind::Scalar && self.is_bare() {
            return match self.unquoted() {
                Some(text) => {
                    matches!(resolve::plain(text), Plain::Str).then_some(Cow::Borrowed(text))
                }
                None => Some(self.text()),
            };
        }
        match self.meaning() {
            View::Node(node) => match node.scalar_or_null() {
                Scalar::Str(text) => Some(text),
                _ => None,
            },
            json => json.as_str(),
        }
    }

    /// See [`View::as_bool`].
    pub fn as_bool(self) -> Option<bool> {
        match self.meaning() {
            View::Node(node) => match node.scalar_or_null() {
                Scalar::Bool(value) => Some(value),
                _ => None,
            },
            json => json.as_bool(),
        }
    }

    /// See [`View::as_number`].
    pub fn as_number(self) -> Option<Number> {
        match self.meaning() {
            View::Node(node) => number(&node.scalar_or_null()),
            json => json.as_number(),
        }
    }

    /// See [`View::to_json`].
    pub fn to_json(self) -> Value {
        let View::Node(node) = self.meaning() else {
            return self.meaning().to_json();
        };
        match node.raw().kind {
            Kind::Map => {
                let member =
                    |(name, value): (Cow<'d, str>, View<'d>)| (name.into_owned(), value.to_json());
                Value::Object(node.entries().map(member).collect::<Map<_, _>>())
            }
            Kind::Seq => Value::Array(node.children().map(Node::to_json).collect()),
            Kind::Scalar | Kind::Alias => match node.scalar_or_null() {
                Scalar::Null => Value::Null,
                Scalar::Bool(value) => Value::Bool(value),
                Scalar::Str(text) => Value::String(text.into_owned()),
                number_like => number(&number_like).map_or(Value::Null, Value::Number),
            },
        }
    }

    /// The node itself, or what an alias stands for, here or in another document.
    fn meaning(self) -> View<'d> {
        if self.raw().kind != Kind::Alias {
            return View::Node(self);
        }
        match self.document().foreign_value(self.id()) {
            Some(value) => View::Json(value),
            None => View::Node(self.resolved()),
        }
    }

    /// A scalar with its value.
    ///
    /// # Errors
    /// Its tag does not fit; the parser refuses such a document.
    pub(super) fn scalar(self) -> Result<Scalar<'d>, &'static str> {
        if !self.is_bare()
            && let Some(tag) = self.tag()
        {
            return resolve::tagged(tag, self.text());
        }
        Ok(match self.unquoted() {
            Some(text) => resolve::untagged(text),
            None => Scalar::Str(self.text()),
        })
    }

    /// Whether the node has neither anchor nor tag.
    fn is_bare(self) -> bool {
        self.raw().flags & FLAG_PROPS == 0
    }

    /// The text of a scalar whose type depends on it: one without quotes and on one line. Any other
    /// is a string unless its tag says otherwise.
    fn unquoted(self) -> Option<&'d str> {
        let raw = self.raw();
        match raw.style {
            Style::Empty => Some(""),
            Style::Plain if raw.flags & FLAG_MULTILINE == 0 => Some(self.source()),
            _ => None,
        }
    }

    fn scalar_or_null(self) -> Scalar<'d> {
        match self.raw().kind {
            Kind::Scalar => self.scalar().unwrap_or(Scalar::Null),
            _ => Scalar::Null,
        }
    }

    /// The bytes of a key that needs no decoding.
    #[inline]
    pub(super) fn key_bytes(self) -> &'d [u8] {
        self.plain_key().as_bytes()
    }

    /// The text of a key that needs no decoding.
    #[inline]
    pub(super) fn plain_key(self) -> &'d str {
        let raw = self.raw();
        let quotes = usize::from(matches!(raw.style, Style::Single | Style::Double));
        let span = raw.start as usize + quotes..raw.end as usize - quotes;
        self.document().text().get(span).unwrap_or_default()
    }

    /// Whether this key is goyaml's merge key (`isMerge` in `decode.go`): a plain `<<`, or any `<<`
    /// with the tag `!!merge` or `!`.
    #[inline]
    pub(super) fn is_merge_key(self) -> bool {
        let raw = self.raw();
        if raw.flags & (FLAG_PROPS | FLAG_ESCAPED) == 0 {
            return raw.style == Style::Plain && raw.kind == Kind::Scalar && self.source() == "<<";
        }
        raw.kind == Kind::Scalar
            && self.text() == "<<"
            && match self.tag() {
                Some(tag) => resolve::tag_merges(tag),
                None => raw.style == Style::Plain,
            }
    }

    /// This node as a key.
    ///
    /// # Errors
    /// Go cannot make a string of it, or not always the same one; the parser refuses such a document.
    pub(super) fn go_key(self) -> Result<GoKey<'d>, &'static str> {
        let node = match self.meaning() {
            View::Node(node) => node,
            View::Json(Value::String(text)) => {
                let text = Cow::Borrowed(text.as_str());
                let class = KeyClass::Str;
                return Ok(GoKey { class, text });
            }
            View::Json(_) | View::Edited(_) => {
                return Err("an alias to another document's value that is no string");
            }
        };
        if node.raw().kind != Kind::Scalar {
            return Err("a map or list cannot be a key");
        }
        let (class, text) = match node.scalar()? {
            Scalar::Str(text) => (KeyClass::Str, text),
            Scalar::Bool(value) => (
                KeyClass::Bool,
                Cow::Borrowed(if value { "true" } else { "false" }),
            ),
            Scalar::Int(value) => (KeyClass::Int, Cow::Owned(value.to_string())),
            Scalar::Float(value)
                if value.is_finite() && !(value == 0.0 && value.is_sign_negative()) =>
            {
                (
                    KeyClass::Float(value.to_bits()),
                    Cow::Owned(resolve::float_key(value)),
                )
            }
            Scalar::Null => return Err("null cannot be a key"),
            Scalar::Uint(_) | Scalar::Float(_) => return Err("this number cannot be a key"),
        };
        Ok(GoKey { class, text })
    }
}

/// Members of a map in order, found by name.
#[derive(Default)]
struct Members<'d> {
    list: Vec<Member<'d>>,
    places: HashMap<Cow<'d, str>, usize>,
}

impl<'d> Members<'d> {
    /// Adds the members of a map in place: later ones overwrite earlier ones, merged or not.
    fn add_map(&mut self, map: Node<'d>) {
        let mut children = map.children();
        while let Some((key, value)) = children.next_pair() {
            if !key.is_merge_key() {
                let name = key.go_key().map(|go| go.text).unwrap_or_default();
                let value = View::Node(value);
                self.add((name, value));
                continue;
            }
            for source in value.merge_sources().into_iter().rev() {
                match source {
                    View::Node(node) => self.add_map(node),
                    View::Json(_) | View::Edited(_) => {
                        for (name, value) in source.entries() {
                            self.add((name, value));
                        }
                    }
                }
            }
        }
    }

    fn add(&mut self, member: Member<'d>) {
        match self.places.get(&member.0) {
            Some(&place) => {
                if let Some(slot) = self.list.get_mut(place) {
                    *slot = member;
                }
            }
            None => {
                self.places.insert(member.0.clone(), self.list.len());
                self.list.push(member);
            }
        }
    }
}

/// A number as `encoding/json` writes it: a float without a fraction looks like an integer.
fn number(scalar: &Scalar<'_>) -> Option<Number> {
    match *scalar {
        Scalar::Int(value) => Some(value.into()),
        Scalar::Uint(value) => Some(value.into()),
        Scalar::Float(value) if value.fract() == 0.0 && value.abs() < 1e21 => {
            // `Display` writes the shortest digits and fills up with zeros, as Go does.
            value.to_string().parse().ok()
        }
        Scalar::Float(value) => Number::from_f64(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::manifest::tape::Document;

    fn parse(text: &str) -> Document<'_> {
        Document::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
    }

    #[test]
    fn every_type_has_its_answers() {
        let doc = parse("z: ~\nb: on\ni: 0644\nf: 1.5\ns: x\nm: {a: 1}\nl: [1, 2]\n");
        let root = doc.root().unwrap();
        for (key, kind, json) in [
            ("z", Type::Null, json!(null)),
            ("b", Type::Bool, json!(true)),
            ("i", Type::Number, json!(420)),
            ("f", Type::Number, json!(1.5)),
            ("s", Type::String, json!("x")),
            ("m", Type::Map, json!({"a": 1})),
            ("l", Type::Seq, json!([1, 2])),
        ] {
            let view = root.get(key).unwrap();
            assert_eq!(view.value_type(), kind, "{key}");
            assert_eq!(view.to_json(), json, "{key}");
            assert_eq!(view.as_bool(), json.as_bool(), "{key}");
            assert_eq!(view.as_str().as_deref(), json.as_str(), "{key}");
            assert_eq!(view.as_number().as_ref(), json.as_number(), "{key}");
            assert_eq!(
                view.items().count(),
                json.as_array().map_or(0, Vec::len),
                "{key}"
            );
            assert_eq!(
                view.entries().count(),
                json.as_object().map_or(0, Map::len),
                "{key}"
            );
        }
        assert!(root.get("x").is_none());
        assert!(root.get("s").unwrap().get("x").is_none());
    }

    #[test]
    fn members_are_found_by_the_string_that_go_makes_of_the_key() {
        let doc = parse("on: 1\n0644: 2\n'on': 3\n\"a\\x62\": 4\n1.50: 5\nc: 6\n!!str 7: 8\n");
        let root = doc.root().unwrap();
        for (key, want) in [
            ("true", Some(1)),
            ("420", Some(2)),
            ("on", Some(3)),
            ("ab", Some(4)),
            ("1.5", Some(5)),
            ("c", Some(6)),
            ("7", Some(8)),
            ("0644", None),
            ("1.50", None),
            ("a\\x62", None),
            ("", None),
        ] {
            let found = root.get(key).and_then(View::as_number);
            assert_eq!(found.and_then(|n| n.as_i64()), want, "{key:?}");
        }
    }

    #[test]
    fn keys_of_every_length_are_found_and_no_others() {
        let keys: Vec<String> = (0..20)
            .flat_map(|n| ["a", "b"].map(|end| format!("x{}{end}", "a".repeat(n))))
            .collect();
        let quoted = |(n, key): (usize, &String)| match n % 3 {
            0 => format!("{key}: {n}\n"),
            1 => format!("'{key}': {n}\n"),
            _ => format!("\"{key}\": {n}\n"),
        };
        let text: String = keys.iter().enumerate().map(quoted).collect();
        let doc = parse(&text);
        let root = doc.root().unwrap();
        for (n, key) in keys.iter().enumerate() {
            let found = root.get(key).and_then(View::as_number);
            assert_eq!(found, Some(n.into()), "{key}");
            for other in [&key[1..], &format!("{key}c"), &format!("'{key}'")] {
                assert!(root.get(other).is_none(), "{other}");
            }
        }
    }

    #[test]
    fn the_last_of_several_keys_counts() {
        let doc = parse("a: 1\nb: 2\n'a': 3\n");
        let root = doc.root().unwrap();
        let (key, value) = root.get_entry("a").unwrap();
        assert_eq!((key.span().start, value.to_json()), (10, json!(3)));
        let entries: Vec<_> = root.entries().map(|(k, v)| (k, v.to_json())).collect();
        assert_eq!(entries, [("a".into(), json!(3)), ("b".into(), json!(2))]);
    }

    #[test]
    fn merges_are_applied_in_place() {
        let base = "x: &x {k: 1, l: 1}\ny1: &z {k: 2, m: 2}\n";
        for (map, want) in [
            ("{<<: *x, k: 3}", json!({"k": 3, "l": 1})),
            ("{k: 3, <<: *x}", json!({"k": 1, "l": 1})),
            ("{<<: [*x, *z]}", json!({"k": 1, "l": 1, "m": 2})),
            ("{<<: *x, <<: *z}", json!({"k": 2, "l": 1, "m": 2})),
            (
                "{<<: {<<: *x, l: 5}, m: 6}",
                json!({"k": 1, "l": 5, "m": 6}),
            ),
            ("{!!merge <<: *x}", json!({"k": 1, "l": 1})),
            ("{! '<<': *x}", json!({"k": 1, "l": 1})),
            ("{'<<': *x}", json!({"<<": {"k": 1, "l": 1}})),
            ("{<<: []}", json!({})),
            ("{? <<\n : *x}", json!({"k": 1, "l": 1})),
        ] {
            let text = format!("{base}m: {map}\n");
            let doc = parse(&text);
            let view = doc.root().unwrap().get("m").unwrap();
            assert_eq!(view.to_json(), want, "{map}");
            for key in ["k", "l", "m", "<<"] {
                let found = view.get(key).map(View::to_json);
                assert_eq!(found.as_ref(), want.get(key), "{key} of {map}");
            }
        }
    }

    #[test]
    fn a_merged_member_is_found_where_it_stands() {
        let doc = parse("x: &x {k: 1}\nm: {<<: *x, l: 2}\n");
        let map = doc.root().unwrap().get("m").unwrap().node().unwrap();
        let place = |key| map.get_entry(key).unwrap().0.span().start;
        assert_eq!(place("k"), 7);
        assert_eq!(place("l"), 25);
    }

    #[test]
    fn floats_without_a_fraction_become_integers_as_in_go() {
        for (text, want) in [
            ("3.0", "3"),
            ("08", "8"),
            ("1e3", "1000"),
            ("-2.0", "-2"),
            ("1e20", "100000000000000000000"),
            ("1e21", "1e+21"),
            ("9223372036854775808.0", "9223372036854776000"),
            ("-9223372036854775809", "-9223372036854776000"),
            ("0.1", "0.1"),
            ("123456789.123456789", "123456789.12345679"),
        ] {
            let doc = parse(text);
            let want: Number = want.parse().unwrap();
            assert_eq!(doc.root().unwrap().as_number(), Some(want), "{text}");
        }
    }
}
