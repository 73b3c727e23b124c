//! Random documents and random edits for the property tests.

use serde_json::{Value, json};

use crate::manifest::edit::Operation;
use crate::manifest::view::escape;

/// A small deterministic generator (splitmix64).
pub(super) struct Random(pub(super) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    pub(super) fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

/// A value to put somewhere.
pub(super) fn value(random: &mut Random) -> Value {
    match random.below(16) {
        0 => json!(null),
        1 => json!({}),
        2 => json!([]),
        3 => json!(true),
        4 => json!(-7),
        5 => json!(0.5),
        6 => json!("plain"),
        7 => json!("yes"),
        8 => json!("two\nlines\n"),
        9 => json!("a: b # c"),
        10 => json!({"a": 1}),
        11 => json!({"labels": {"x/y": "1"}, "list": ["a", {"b": [], "c": "0x1"}]}),
        12 => json!(["a", ["b", "c"], {"d": null}]),
        13 => json!({"securityContext": {"capabilities": {"drop": ["ALL"]}, "privileged": false}}),
        14 => json!(""),
        _ => json!({"": {" ": "\u{7f}é\u{2028}"}, "on": 1e300}),
    }
}

/// An operation that fits the value, most of the time.
pub(super) fn operation(random: &mut Random, root: &Value) -> Operation {
    let mut places = Vec::new();
    collect(root, &mut String::new(), &mut places);
    let (path, target) = places[random.below(places.len())].clone();
    let child = |random: &mut Random| match &target {
        Value::Object(_) => {
            let name = ["new", "a", "b/c", "x~", "y", "1"][random.below(6)];
            format!("{path}/{}", escape(name))
        }
        Value::Array(items) if random.one_in(3) || items.is_empty() => format!("{path}/-"),
        Value::Array(items) => format!("{path}/{}", random.below(items.len() + 1)),
        _ => path.clone(),
    };
    match random.below(12) {
        0..5 => Operation::add(child(random), value(random)),
        5 | 6 => Operation::replace(path, value(random)),
        7..10 if !path.is_empty() => Operation::remove(path),
        10 => {
            let from = places[random.below(places.len())].0.clone();
            let path = child(random);
            if random.one_in(2) {
                Operation::Move { from, path }
            } else {
                Operation::Copy { from, path }
            }
        }
        _ => Operation::test(path, target),
    }
}

fn collect(value: &Value, path: &mut String, places: &mut Vec<(String, Value)>) {
    places.push((path.clone(), value.clone()));
    let length = path.len();
    let below = |key: &str, value: &Value, places: &mut Vec<_>, path: &mut String| {
        path.push('/');
        path.push_str(&escape(key));
        collect(value, path, places);
        path.truncate(length);
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(k, v)| below(k, v, places, path)),
        Value::Array(items) => {
            for (n, v) in items.iter().enumerate() {
                below(&n.to_string(), v, places, path);
            }
        }
        _ => {}
    }
}

/// A document in every style that charts have, comments and blank lines between.
pub(super) fn document(random: &mut Random) -> String {
    let mut text = Text {
        random,
        out: String::new(),
        anchors: 0,
    };
    text.noise(0);
    match text.random.below(8) {
        0 => text.flow(3),
        1 => text.seq(0, 3),
        _ => text.map(0, 3, false),
    }
    let Text {
        random, mut out, ..
    } = text;
    if !out.ends_with('\n') {
        out.push('\n');
    }
    if random.one_in(6) {
        out.push_str("# the end\n");
    }
    if random.one_in(4) {
        out.pop();
    }
    match random.below(8) {
        0 => out = out.replace('\n', "\r\n"),
        1 => out = out.replacen('\n', "\r\n", 3),
        _ => {}
    }
    out
}

/// A text with a few pieces lost, doubled or put elsewhere.
pub(super) fn garbled(random: &mut Random, text: &str) -> String {
    const BITS: [&str; 16] = [
        " ", "  ", "\n", "- ", ": ", "#", " # ", "{", "}", "[", "]", ",", "|", "\t", "'", "\r\n",
    ];
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..1 + random.below(4) {
        let at = random.below(chars.len() + 1);
        let end = (at + random.below(6)).min(chars.len());
        match random.below(3) {
            0 => drop(chars.drain(at..end)),
            1 => {
                let piece: Vec<char> = chars[at..end].to_vec();
                let to = random.below(chars.len() + 1);
                chars.splice(to..to, piece);
            }
            _ => drop(chars.splice(at..at, random.pick(&BITS).chars())),
        }
    }
    chars.into_iter().collect()
}

struct Text<'r> {
    random: &'r mut Random,
    out: String,
    anchors: usize,
}

impl Text<'_> {
    fn indent(&mut self, column: usize) {
        self.out.extend(std::iter::repeat_n(' ', column));
    }

    /// Blank lines and comments, at the start of a line.
    fn noise(&mut self, column: usize) {
        if self.random.one_in(12) {
            self.out.push('\n');
        }
        if self.random.one_in(8) {
            let by = self.random.below(5);
            self.indent((column + by).saturating_sub(2));
            self.out.push_str("# note\n");
        }
    }

    fn end_line(&mut self) {
        if self.random.one_in(9) {
            self.out.push_str(" # why");
        }
        self.out.push('\n');
    }

    /// Members at a column; the first shares the line when `inline`.
    fn map(&mut self, column: usize, depth: usize, inline: bool) {
        const KEYS: [&str; 10] = [
            "a",
            "b",
            "metadata",
            "labels",
            "'q'",
            "\"d\"",
            "on",
            "12",
            "x/y.z",
            "long-key_1",
        ];
        let merge = self.anchors > 0 && self.random.one_in(10);
        let count = 1 + self.random.below(4);
        let first = self.random.below(KEYS.len());
        for n in 0..count {
            if n > 0 || !inline {
                self.noise(column);
                self.indent(column);
            }
            if merge && n == count / 2 && self.merge() {
                self.end_line();
                continue;
            }
            // Now and then the same key twice.
            let step = if self.random.one_in(25) { 0 } else { n };
            self.out.push_str(KEYS[(first + step) % KEYS.len()]);
            self.out.push(':');
            self.member_value(column, depth);
        }
    }

    fn merge(&mut self) -> bool {
        // Only an anchor that names a map may be merged; m0 is written at the top when there is one.
        let known = self.out.contains("&m0 ") || self.out.contains("&m0\n");
        if known {
            self.out.push_str(
                self.random
                    .pick(&["<<: *m0", "!!merge <<: *m0", "<<: [*m0]"]),
            );
        }
        known
    }

    fn member_value(&mut self, column: usize, depth: usize) {
        let deeper = column + self.random.pick(&[&2, &2, &2, &4, &1]);
        match self.random.below(10) {
            0..3 if depth > 0 => {
                if self.random.one_in(12) && !self.out.contains("&m0") {
                    self.out.push_str(" &m0");
                    self.anchors += 1;
                    // An anchor may be used once what it names has ended.
                }
                self.end_line();
                self.map(deeper, depth - 1, false);
            }
            3..5 if depth > 0 => {
                self.end_line();
                let column = if self.random.one_in(2) {
                    column
                } else {
                    deeper
                };
                self.seq(column, depth - 1);
            }
            5 => {
                self.out.push(' ');
                self.flow(2);
                self.end_line();
            }
            6 => self.block_scalar(column),
            _ => self.scalar(deeper),
        }
    }

    fn seq(&mut self, column: usize, depth: usize) {
        let gap = if self.random.one_in(8) { 3 } else { 1 };
        for _ in 0..1 + self.random.below(3) {
            self.noise(column);
            self.indent(column);
            self.out.push('-');
            let inner = column + 1 + gap;
            match self.random.below(6) {
                0..2 if depth > 0 => {
                    self.indent(gap);
                    self.map(inner, depth - 1, true);
                }
                2 if depth > 0 => {
                    self.out.push('\n');
                    self.map(inner, depth - 1, false);
                }
                3 => self.block_scalar(column),
                _ => self.scalar(inner),
            }
        }
    }

    fn block_scalar(&mut self, column: usize) {
        let header = self
            .random
            .pick(&["|", "|-", "|+", ">", ">-", ">+", "|2", "| # c"]);
        self.out.push(' ');
        self.out.push_str(header);
        self.out.push('\n');
        for _ in 0..self.random.below(3) {
            if self.random.one_in(5) {
                self.out.push('\n');
            }
            self.indent(column + 2);
            self.out.push_str(
                self.random
                    .pick(&["text", "# no comment", "\tx: 1", "  deeper"]),
            );
            self.out.push('\n');
        }
        if self.random.one_in(3) {
            self.out.push('\n');
        }
    }

    fn scalar(&mut self, column: usize) {
        let anchored = self.anchors > 0 && self.random.one_in(20);
        match self.random.below(12) {
            _ if anchored && self.out.contains("&s") => {
                let number = self.random.below(self.anchors);
                let alias = format!("&s{number} ");
                let defined = self.out.contains(&alias);
                self.out.push_str(if defined { " *s" } else { " none" });
                if defined {
                    self.out.push_str(&number.to_string());
                }
            }
            0 => {}
            1 => self.out.push_str(" ''"),
            2 => self.out.push_str(" 'it''s'"),
            3 => self.out.push_str(" \"t\\tab\""),
            4 => {
                self.out.push_str(" one\n");
                self.indent(column);
                self.out.push_str("two");
            }
            5 => {
                self.out.push_str(" \"one\n\n");
                self.indent(column);
                self.out.push_str("two\"");
            }
            6 => {
                self.out.push_str(&format!(" &s{} 0644", self.anchors));
                self.anchors += 1;
            }
            7 => {
                self.out.push('\n');
                self.indent(column);
                self.out.push_str("below");
            }
            8 => self.out.push_str(" !!str 12"),
            9 => self.out.push_str(" yes"),
            10 => self
                .out
                .push_str(self.random.pick(&[" ~", " null", " {}", " []", " { }"])),
            _ => self.out.push_str(" word"),
        }
        self.end_line();
    }

    fn flow(&mut self, depth: usize) {
        let json = self.random.one_in(3);
        match self.random.below(if depth > 0 { 6 } else { 4 }) {
            0 => self.out.push_str("\"s\""),
            1 => self.out.push_str("12"),
            2 => self.out.push_str("{}"),
            3 => self.out.push_str("[]"),
            4 => self.flow_items('[', ']', |text| text.flow(depth - 1)),
            _ => {
                let mut n = 0;
                self.flow_items('{', '}', |text| {
                    n += 1;
                    let key = ["a", "b", "c", "d", "e"][n % 5];
                    if json {
                        text.out.push_str(&format!("\"{key}\": "));
                    } else {
                        text.out.push_str(&format!("{key}: "));
                    }
                    text.flow(depth - 1);
                });
            }
        }
    }

    fn flow_items(&mut self, open: char, close: char, mut item: impl FnMut(&mut Self)) {
        self.out.push(open);
        let lines = self.random.one_in(6);
        for n in 0..1 + self.random.below(3) {
            if n > 0 {
                self.out.push_str(self.random.pick(&[",", ", ", ", "]));
            }
            if lines {
                self.out.push_str("\n                  ");
            }
            item(self);
        }
        self.out.push(close);
    }
}
