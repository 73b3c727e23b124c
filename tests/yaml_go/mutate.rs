//! Random documents and scalars that look enough like YAML to be interesting.

/// A small generator of random numbers (xorshift64*), so that a run can be repeated by its seed.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        number as usize % bound.max(1)
    }

    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

/// Pieces of text where YAML's grammar turns.
const TOKENS: &[&str] = &[
    " ",
    "  ",
    "\n",
    "\n",
    "\n  ",
    "\n- ",
    "\r\n",
    "\t",
    ":",
    ": ",
    ":\n",
    "- ",
    "-",
    "? ",
    "?",
    ", ",
    ",",
    "[",
    "]",
    "{",
    "}",
    "[]",
    "{}",
    "#",
    " #",
    " # c\n",
    "'",
    "''",
    "\"",
    "\\",
    "\\n",
    "\\x41",
    "\\\n",
    "\\u00e9",
    "\\/",
    "|",
    "|-",
    "|+\n",
    ">",
    ">-\n",
    "|2\n",
    "|1-\n",
    "&a ",
    "&b ",
    "*a",
    "*b",
    "*a ",
    "!",
    "! ",
    "!!str ",
    "!!int ",
    "!!null ",
    "!!merge ",
    "!x ",
    "<<",
    "<<: *a\n",
    "!!binary ",
    "!!float ",
    "---",
    "---\n",
    "--- ",
    "...",
    "...\n",
    "%",
    "@",
    "`",
    "~",
    "null",
    "on",
    "0644",
    "1e3",
    ".inf",
    "-.5",
    "1_0",
    "0x1f",
    "é",
    "\u{2028}",
    "\u{85}",
    "\u{feff}",
    "\r",
    "a: ",
    "b:\n",
    "a",
    "0",
    "true: ",
    "1: ",
    "\"1\": ",
    "  - a: b\n",
    "=",
    "\0",
];

/// Documents in which each feature of the grammar comes up; mutations start from them.
pub const SEEDS: &[&str] = &[
    "a: 1\nb:\n  c: [1, 2, {d: e}]\n  f: |\n    x\n     y\n\n  g: >-\n    a\n    b\n\n    c\n",
    "- a\n- b: 1\n  c: 2\n-\n  - x\n  - y\n- - p\n  - q\n",
    "a:\n- b\n- c: d\n  e:\n  - f\n  -\n  g:\nh: i\n",
    "a: &a {x: 1, y1: 2}\nb:\n  <<: *a\n  y1: 3\nc:\n  y1: 4\n  <<: [*a, {z: 1}]\n",
    "a: &x\n  c: 1\nb: *x\nd: &y [1, *x]\n? e\n: f\n",
    "a: 'it''s'\nb: \"x\\ty\\u00e9\\\n  z\"\nc: \"p\n  q\n\n  r\"\nd: 's\n\n t'\n",
    "a: b c\n  d e\n\n  f # g\nh: i#j\nk: l:m\n",
    "{\"a\": 1, 'b' : [x, \"y\", {c: d}], e: , f, \"g\":h}\n",
    "[a: b, c, {d: e}, [f], \"g\": h, *a ]\n",
    "&a a: !!str 1\n!!str b: *a\nc: !!int \"3\"\nd: !x y\ne: !\nf: !!null\n",
    "a: |+\n  x\n\n\nb: |2-\n    y\n  z\nc: >\n  a\n   b\n  c\n\n\n",
    "a: 1\r\nb: |\r\n  x\r\n  y\r\nc: \"d\r\n  e\"\r\n",
    "# c\n--- # d\na: b # e\n# f\nc:\n  # g\n  d: e\n...\n# h\n",
    "on: 1\n0644: 2\n1.5: 3\nyes: no\n\"on\": 4\na: 1\na: 2\n",
    "&a [a, b]\n",
    "|\n  a\n  b\n",
    "--- |\n a\n",
    "!!map\n  a: b\n",
    "&x\n!!map\na: b\n",
    "a: !!seq\n- b\n",
    "a:\n  b: - c\n",
    "a: - b\n",
    "x: \ty\n\tz: 1\n",
    "a:\n|\n b\n",
    "-\n|\n b\n- c\n",
    "? |\n  k\n: - v\n? \"x\"\n: y: z\n  w: 1\n? p q\n  r\n:\n- s\n? t\n",
    "[? c : d, ?e]\n",
    "{? \"a\"\n : b, c, ? d}\n",
    "  a: \"b\nc\"\n  d: [e\n]\n  - f\n",
    "- &x a: 1\n- *x\n- ? *x\n  : !!str 2\n",
    "a: [b,\nc\n, d]\ne: {f: g,\n  h: i\n}\n",
    "a: \"b\" # c\nd: 'e' #f\ng: [h] # i\n",
];

/// A document made from `seed` by a few random edits.
pub fn mutate(seed: &str, random: &mut Random) -> String {
    let mut text = seed.to_owned();
    for _ in 0..=random.below(5) {
        edit(&mut text, random);
    }
    text
}

fn edit(text: &mut String, random: &mut Random) {
    let boundary = |text: &str, at: usize| text.floor_char_boundary(at);
    let at = boundary(text, random.below(text.len() + 1));
    match random.below(8) {
        0..=2 => text.insert_str(at, random.pick(TOKENS)),
        3 => {
            let end = boundary(text, (at + 1 + random.below(4)).min(text.len()));
            text.replace_range(at..end.max(at), "");
        }
        4 => {
            let end = boundary(text, (at + 1).min(text.len()));
            text.replace_range(at..end.max(at), random.pick(TOKENS));
        }
        5 => lines(text, random),
        6 => {
            let start = text[..at].rfind('\n').map_or(0, |nl| nl + 1);
            text.insert_str(start, random.pick(&[" ", "  ", "- ", "\t", "# "]));
        }
        _ => {
            let start = text[..at].rfind('\n').map_or(0, |nl| nl + 1);
            if text[start..].starts_with(' ') {
                text.remove(start);
            }
        }
    }
}

/// Drops, doubles or swaps whole lines.
fn lines(text: &mut String, random: &mut Random) {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    if lines.is_empty() {
        return;
    }
    let (one, other) = (random.below(lines.len()), random.below(lines.len()));
    match random.below(3) {
        0 => drop(lines.remove(one)),
        1 => lines.insert(one, lines[other]),
        _ => lines.swap(one, other),
    }
    *text = lines.concat();
}

/// A few lines of a longer document.
pub fn excerpt(text: &str, random: &mut Random) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let start = random.below(lines.len());
    let count = 1 + random.below(12);
    lines.into_iter().skip(start).take(count).collect()
}

/// A scalar out of the characters that numbers, booleans and timestamps are made of.
pub fn scalar(random: &mut Random) -> String {
    const WHOLE: &[&str] = &[
        "0x",
        "0o",
        "0b",
        "-0b",
        "0X",
        "1e400",
        ".inf",
        "-.inf",
        "+.Inf",
        ".nan",
        ".NaN",
        "yes",
        "No",
        "on",
        "OFF",
        "y",
        "N",
        "true",
        "False",
        "TRUE",
        "null",
        "Null",
        "~",
        "<<",
        "=",
        "2001-12-14",
        "2001-1-1",
        "1:30",
        "18446744073709551615",
        "18446744073709551616",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "1.",
        ".5",
        "+1",
        "1e5",
        "1E-5",
        "08",
        "0_8",
        "1_000",
        ".1_2",
        "0.1",
        "nul",
        "infinity",
        "Inf",
    ];
    const BYTES: &[u8] = b"0123456789012345678901.._-+eExXoObBnNfFyYaAiI~<=: T%";
    let mut text = String::new();
    if random.below(3) == 0 {
        text.push_str(random.pick(WHOLE));
    }
    let longest = if random.below(4) == 0 { 24 } else { 7 };
    for _ in 0..random.below(longest) {
        text.push(char::from(BYTES[random.below(BYTES.len())]));
    }
    text
}
