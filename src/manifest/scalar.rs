//! The text of a scalar: quotes, escapes, folding and block scalars undone, as goyaml v2's scanner
//! does it (`scannerc.go`). Line breaks come out as `\n`, whatever the document uses.
//!
//! The parser has checked the syntax; text that it did not see cannot make this module panic, but
//! its result then means nothing.

use std::borrow::Cow;

use super::tape::{FLAG_ESCAPED, RawNode, Style};

/// The text of the scalar `raw`, whose bytes are `source`.
pub(super) fn decode<'s>(raw: &RawNode, source: &'s str) -> Cow<'s, str> {
    let escaped = raw.flags & FLAG_ESCAPED != 0;
    match raw.style {
        Style::Plain if escaped => Cow::Owned(fold_plain(source)),
        Style::Plain => Cow::Borrowed(source),
        Style::Single | Style::Double => {
            let inner = source.get(1..source.len().saturating_sub(1));
            let inner = inner.unwrap_or_default();
            match raw.style {
                _ if !escaped => Cow::Borrowed(inner),
                Style::Single => Cow::Owned(single(inner)),
                _ => Cow::Owned(double(inner)),
            }
        }
        Style::Literal | Style::Folded => Cow::Owned(block(raw, source)),
        Style::Block | Style::Flow | Style::Empty => Cow::Borrowed(""),
    }
}

/// One line without its line break.
fn without_break(line: &str) -> &str {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

/// Joins the lines of a plain scalar: one line break is a space, more are one less.
fn fold_plain(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut breaks = 0usize;
    for (number, line) in source.split('\n').enumerate() {
        let line = without_break(line).trim_matches(is_blank);
        breaks += usize::from(number > 0);
        if line.is_empty() {
            continue;
        }
        push_breaks(&mut out, breaks);
        breaks = 0;
        out.push_str(line);
    }
    out
}

fn push_breaks(out: &mut String, breaks: usize) {
    match breaks {
        0 => {}
        1 => out.push(' '),
        more => out.extend(std::iter::repeat_n('\n', more - 1)),
    }
}

fn single(inner: &str) -> String {
    let mut folder = Folder::new(inner);
    let mut rest = folder.run(inner);
    while let Some(c) = rest.chars().next() {
        let mut len = c.len_utf8();
        match c {
            '\'' => {
                len = 2; // a quote inside is written twice
                folder.text('\'');
            }
            c => folder.character(c),
        }
        rest = folder.run(rest.get(len..).unwrap_or_default());
    }
    folder.finish()
}

fn double(inner: &str) -> String {
    let mut folder = Folder::new(inner);
    let mut rest = folder.run(inner);
    while let Some(c) = rest.chars().next() {
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        if c == '\\' {
            rest = escape(&mut folder, rest);
        } else {
            folder.character(c);
        }
        rest = folder.run(rest);
    }
    folder.finish()
}

/// One escape; `rest` starts after the backslash. Gives what follows the escape.
fn escape<'r>(folder: &mut Folder, rest: &'r str) -> &'r str {
    let Some(c) = rest.chars().next() else {
        return rest;
    };
    let after = rest.get(c.len_utf8()..).unwrap_or_default();
    let digits = match c {
        '\n' => {
            folder.escaped_break();
            return after;
        }
        '\r' => {
            folder.escaped_break();
            return after.strip_prefix('\n').unwrap_or(after);
        }
        'x' => 2,
        'u' => 4,
        'U' => 8,
        c => {
            folder.text(simple_escape(c));
            return after;
        }
    };
    let code = u32::from_str_radix(after.get(..digits).unwrap_or_default(), 16);
    let code = code.ok().and_then(char::from_u32);
    folder.text(code.unwrap_or(char::REPLACEMENT_CHARACTER));
    after.get(digits..).unwrap_or_default()
}

fn simple_escape(c: char) -> char {
    match c {
        '0' => '\0',
        'a' => '\x07',
        'b' => '\x08',
        't' | '\t' => '\t',
        'n' => '\n',
        'v' => '\x0b',
        'f' => '\x0c',
        'r' => '\r',
        'e' => '\x1b',
        'N' => '\u{85}',
        '_' => '\u{a0}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        same => same, // space, quotes, backslash
    }
}

/// Builds the text of a quoted scalar and folds its lines: blanks around a line break go, one break
/// becomes a space, more become one less.
struct Folder {
    out: String,
    /// Blanks since the last text, which count only if no line break follows.
    blanks: String,
    /// Line breaks since the last text.
    breaks: usize,
    /// The first break was escaped: it joins without a space, and blanks after it go.
    joined: bool,
}

impl Folder {
    fn new(inner: &str) -> Folder {
        Folder {
            out: String::with_capacity(inner.len()),
            blanks: String::new(),
            breaks: 0,
            joined: false,
        }
    }

    /// Takes what comes before the next blank, line break, quote or backslash, in one piece; gives the
    /// rest.
    fn run<'r>(&mut self, text: &'r str) -> &'r str {
        let special = |b: u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n' | b'\'' | b'\\');
        let end = text.bytes().position(special).unwrap_or(text.len());
        // Between bytes of ASCII there is a border of characters.
        let Some((run, rest)) = text.split_at_checked(end) else {
            return text;
        };
        if !run.is_empty() {
            self.flush();
            self.out.push_str(run);
        }
        rest
    }

    /// A character as it stands in the text: a blank, a line break, or text.
    fn character(&mut self, c: char) {
        match c {
            ' ' | '\t' if self.breaks == 0 && !self.joined => self.blanks.push(c),
            ' ' | '\t' | '\r' => {}
            '\n' => {
                self.blanks.clear();
                self.breaks += 1;
            }
            c => self.text(c),
        }
    }

    /// A character that is text for certain.
    fn text(&mut self, c: char) {
        self.flush();
        self.out.push(c);
    }

    fn escaped_break(&mut self) {
        self.flush();
        self.joined = true;
    }

    fn flush(&mut self) {
        if self.joined {
            self.out.extend(std::iter::repeat_n('\n', self.breaks));
        } else if self.breaks > 0 {
            push_breaks(&mut self.out, self.breaks);
        } else {
            self.out.push_str(&self.blanks);
        }
        self.blanks.clear();
        self.breaks = 0;
        self.joined = false;
    }

    fn finish(mut self) -> String {
        self.flush();
        self.out
    }
}

/// How a block scalar's last line breaks are kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomp {
    Strip,
    Clip,
    Keep,
}

fn block(raw: &RawNode, source: &str) -> String {
    let (header, content) = match source.find('\n') {
        Some(at) => source.split_at(at + 1),
        None => (source, ""),
    };
    let indicators = header.get(1..).unwrap_or_default();
    let indicators = indicators.split(['#', ' ', '\t', '\r', '\n']).next();
    let indicators = indicators.unwrap_or_default();
    let chomp = if indicators.contains('+') {
        Chomp::Keep
    } else if indicators.contains('-') {
        Chomp::Strip
    } else {
        Chomp::Clip
    };
    let literal = raw.style == Style::Literal;
    block_lines(content, usize::from(raw.body), literal, chomp)
}

fn block_lines(content: &str, body: usize, literal: bool, chomp: Chomp) -> String {
    let mut out = String::with_capacity(content.len());
    let mut break_before = false; // a line break that is not written yet
    let mut empty_lines = 0usize; // and empty lines after it
    let mut blank_before = false; // the line before started with a blank
    for line in lines(content) {
        let bare = without_break(line);
        let indent = bare.bytes().take(body).take_while(|&b| b == b' ').count();
        let text = bare.get(indent..).unwrap_or_default();
        if text.is_empty() && line.len() > bare.len() {
            empty_lines += 1;
            continue;
        }
        if indent < body {
            break; // the indentation of what comes after the scalar
        }
        let blank = text.starts_with(is_blank);
        if !literal && break_before && !blank && !blank_before {
            if empty_lines == 0 {
                out.push(' ');
            }
        } else if break_before {
            out.push('\n');
        }
        push_empty_lines(&mut out, empty_lines);
        empty_lines = 0;
        blank_before = blank;
        out.push_str(text);
        break_before = line.len() > bare.len();
    }
    if break_before && chomp != Chomp::Strip {
        out.push('\n');
    }
    if chomp == Chomp::Keep {
        push_empty_lines(&mut out, empty_lines);
    }
    out
}

fn push_empty_lines(out: &mut String, count: usize) {
    out.extend(std::iter::repeat_n('\n', count));
}

/// The lines of a text, each with its end.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = memchr::memchr(b'\n', rest.as_bytes()).map_or(rest.len(), |at| at + 1);
        let (line, after) = rest.split_at_checked(end)?;
        rest = after;
        (!line.is_empty()).then_some(line)
    })
}

#[cfg(test)]
mod tests {
    use crate::manifest::tape::Document;

    /// The text of the value of the key `v`.
    fn text(value: &str) -> String {
        let doc = format!("v: {value}");
        let doc = Document::parse(&doc).unwrap_or_else(|error| panic!("{value:?}: {error}"));
        let text = doc.node(2).text();
        assert_eq!(text, doc.node(2).text(), "asked again");
        text.into_owned()
    }

    /// Each table twice: the second time with the line ends of Windows, which change nothing.
    fn check(table: &[(&str, &str)]) {
        for (value, want) in table {
            assert_eq!(text(value), *want, "{value:?}");
            let windows = value.replace('\n', "\r\n");
            assert_eq!(text(&windows), *want, "{windows:?}");
        }
    }

    #[test]
    fn plain_lines_are_folded() {
        check(&[
            ("a", "a"),
            ("a b  c ", "a b  c"),
            ("a\n  b", "a b"),
            ("a  \n  b\n\n\n  c\n", "a b\n\nc"),
            ("a\n  b # c\n", "a b"),
            ("a#b:c", "a#b:c"),
        ]);
    }

    #[test]
    fn quotes_and_escapes_are_undone() {
        check(&[
            ("''", ""),
            ("'it''s'", "it's"),
            ("''''", "'"),
            ("'a \n  b\n\n c'", "a b\nc"),
            ("' a\n '", " a "),
            (
                r#""\0\a\b\t\n\v\f\r\e\ \"\'\\""#,
                "\0\x07\x08\t\n\x0b\x0c\r\x1b \"'\\",
            ),
            (r#""\N\_\L\P""#, "\u{85}\u{a0}\u{2028}\u{2029}"),
            (r#""\x41\u00e9\U0001F600""#, "Aé😀"),
            ("\"a\n b\n\n c\"", "a b\nc"),
            ("\"a\\\n   b\"", "ab"),
            ("\"a \\\n   b\"", "a b"),
            ("\"a\\\n\n   b\"", "a\nb"),
            ("\"a\\\n  \\ b\"", "a b"),
            ("\" a \t\n\t b \"", " a b "),
            ("\"a\\\tb\"", "a\tb"),
            ("\"\\\n\"", ""),
        ]);
    }

    #[test]
    fn block_scalars_lose_their_indentation_and_keep_what_is_asked() {
        check(&[
            ("|\n  a\n   b\n", "a\n b\n"),
            ("|\n  a\n\n\n", "a\n"),
            ("|-\n  a\n\n", "a"),
            ("|+\n  a\n\n", "a\n\n"),
            ("|+\n\n\n", "\n\n"),
            ("|\n", ""),
            ("|2\n    a\n  b\n", "  a\nb\n"),
            ("|-2\n    a", "  a"),
            ("|\n\n   \n   a\n", "\n\na\n"),
            ("|\n  a\n    \n  b\n", "a\n  \nb\n"),
            ("|\n  a  # b\n", "a  # b\n"),
            ("| # + 3\n  a\n\n", "a\n"),
            ("|\n  a", "a"),
            ("|\n  a\n   ", "a\n "),
            (">\n  a\n  b\n", "a b\n"),
            (">\n  a\n\n\n  b\n\n", "a\n\nb\n"),
            (">\n  a\n   b\n  c\n", "a\n b\nc\n"),
            (">-\n  a\n  \tb\n  c\n", "a\n\tb\nc"),
            (">+\n  a\n\n", "a\n\n"),
            (">\n\n  a\n   \n  b\n", "\na\n \nb\n"),
        ]);
    }
}
