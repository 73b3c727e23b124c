//! Text to tape in one pass.
//!
//! A recursive descent over bytes that accepts what libyaml's grammar accepts in the form goyaml v2
//! has it (`scannerc.go`, `parserc.go`), because that is what Helm and kubectl read with. Where this
//! parser knows less than Go it refuses; it never accepts more and never reads another value.
//!
//! Refused on purpose, though Go reads it: `%` directives, tags with a handle of their own, a value on
//! the line of `---`, a lone carriage return or one of Unicode's line breaks, and anything after the
//! document's value, which Go would silently drop.

mod block;
mod chars;
mod check;
mod flow;
mod keys;
mod literal;
mod plain;
mod props;
mod quoted;
#[cfg(test)]
mod tests;

use std::cell::OnceCell;
use std::collections::BTreeMap;

use foldhash::HashMap;
use serde_json::Value;

use super::error::{ParseError, Step, fail};
use super::limits::{MAX_DEPTH, MAX_DOCUMENT};
use super::tape::{Buffers, Document, FLAG_ESCAPED, FLAG_PROPS, Kind, NodeId, RawNode, Style};
use chars::{is_blankz, is_break};
use props::Props;

impl<'s> Document<'s> {
    /// Reads one document: the text between two separator lines.
    ///
    /// # Errors
    /// The first construct that Go's `sigs.k8s.io/yaml` would refuse, would silently drop, or that
    /// this parser refuses on purpose; and every bound of [`super::limits`].
    pub fn parse(text: &'s str) -> Result<Document<'s>, ParseError> {
        Self::parse_with(text, Buffers::default())
    }

    /// [`Document::parse`] with the node buffers of an earlier document
    /// ([`Document::into_buffers`]), so that a stream needs the memory of its largest document only.
    ///
    /// # Errors
    /// As [`Document::parse`].
    pub fn parse_with(text: &'s str, buffers: Buffers) -> Result<Document<'s>, ParseError> {
        Parser::new(text, buffers, None).document()
    }

    /// [`Document::parse`], where an alias that the document itself does not define may stand for a
    /// value of an earlier document.
    ///
    /// Helm 4 takes a `List` apart into one document per item and leaves an alias without its anchor
    /// where the two were in different items (helm/helm#32203). `known` maps the names of those
    /// anchors to their values.
    ///
    /// # Errors
    /// As [`Document::parse`].
    pub fn parse_with_anchors(
        text: &'s str,
        known: &'s BTreeMap<String, Value>,
    ) -> Result<Document<'s>, ParseError> {
        Parser::new(text, Buffers::default(), Some(known)).document()
    }
}

/// Most documents have no more nodes than one for so many bytes: then the tape grows once.
const BYTES_PER_NODE: usize = 16;

/// The state of one pass. The names `indent` and `allowed` follow libyaml's scanner.
struct Parser<'s> {
    text: &'s str,
    src: &'s [u8],
    /// The next byte to look at.
    pos: usize,
    /// Where the current line starts.
    line: usize,
    /// The length of the byte order mark, which is no part of the first line.
    bom: usize,
    /// Column of the innermost block collection, -1 outside of all.
    indent: isize,
    /// Whether a key, or a `-` that opens a list, may stand here (libyaml's `simple_key_allowed`).
    allowed: bool,
    depth: usize,
    /// Where the node that was finished last ends.
    last_end: u32,
    /// The tape so far.
    doc: Document<'s>,
    anchors: HashMap<&'s str, NodeId>,
    known: Option<&'s BTreeMap<String, Value>>,
    /// What the document holds that needs a second look at the end.
    aliases: bool,
}

impl<'s> Parser<'s> {
    fn new(text: &'s str, buffers: Buffers, known: Option<&'s BTreeMap<String, Value>>) -> Self {
        Parser {
            text,
            src: text.as_bytes(),
            pos: 0,
            line: 0,
            bom: 0,
            indent: -1,
            allowed: true,
            depth: 0,
            last_end: 0,
            doc: Document::empty(text, buffers),
            anchors: HashMap::default(),
            known,
            aliases: false,
        }
    }

    fn document(mut self) -> Result<Document<'s>, ParseError> {
        self.run().map_err(|error| *error)?;
        if self.aliases || self.doc.merges {
            check::references(&self.doc).map_err(|error| *error)?;
        }
        Ok(self.doc)
    }

    fn run(&mut self) -> Step<()> {
        if self.src.len() > MAX_DOCUMENT {
            return fail(MAX_DOCUMENT, "the document is larger than 4 GiB");
        }
        chars::check(self.src)?;
        self.doc.nodes.reserve(self.src.len() / BYTES_PER_NODE);
        if self.src.starts_with("\u{feff}".as_bytes()) {
            self.bom = 3;
            self.pos = 3;
            self.line = 3;
        }
        self.skip();
        if self.at_marker(b'-') {
            self.opening_marker()?;
        }
        if self.at_end() {
            return Ok(());
        }
        if self.column() == 0 && self.byte() == b'%' {
            return fail(self.pos, "directives ('%') are not supported");
        }
        if self.at_any_marker() {
            return fail(self.pos, "a document marker where a value is expected");
        }
        self.block_node(self.pos, false)?;
        self.trailing()
    }

    /// A `---` before the value: allowed with nothing but a comment on its line.
    fn opening_marker(&mut self) -> Step<()> {
        let line = self.line;
        self.pos += 3;
        self.allowed = false;
        self.skip();
        if self.line == line && !self.at_end() {
            return fail(self.pos, "content on the line of the '---' separator");
        }
        Ok(())
    }

    /// After the value: comments and `...`, or Go would drop what follows.
    fn trailing(&mut self) -> Step<()> {
        self.skip();
        if self.at_marker(b'.') {
            self.pos += 3;
            self.allowed = false;
            self.skip();
        }
        if self.at_end() {
            return Ok(());
        }
        if self.at_marker(b'-') {
            return fail(self.pos, "a second '---' separator inside one document");
        }
        fail(
            self.pos,
            "content after the end of the document's value, which Helm and kubectl would silently drop",
        )
    }

    /// The byte at `at`; 0 past the end (the text itself holds none).
    #[inline(always)]
    fn at(&self, at: usize) -> u8 {
        self.src.get(at).copied().unwrap_or(0)
    }

    #[inline(always)]
    fn byte(&self) -> u8 {
        self.at(self.pos)
    }

    #[inline(always)]
    fn at_end(&self) -> bool {
        self.pos >= self.src.len()
    }

    #[inline(always)]
    fn column(&self) -> isize {
        (self.pos - self.line) as isize
    }

    /// Whether `---` or `...` (by `mark`) stands here as a document marker.
    fn at_marker(&self, mark: u8) -> bool {
        self.pos == self.line
            && self.byte() == mark
            && self.at(self.pos + 1) == mark
            && self.at(self.pos + 2) == mark
            && is_blankz(self.at(self.pos + 3))
    }

    #[inline(always)]
    fn at_any_marker(&self) -> bool {
        self.pos == self.line && (self.at_marker(b'-') || self.at_marker(b'.'))
    }

    /// Whether a block collection at column `indent` ends here: text over, marker, or dedent.
    #[inline(always)]
    fn block_ends(&self, indent: isize) -> bool {
        self.at_end() || self.column() < indent || self.at_any_marker()
    }

    /// To the next token of block context: over blanks, comments and line ends. Tabs count as blanks
    /// only where no key may start, as in libyaml.
    #[inline]
    fn skip(&mut self) {
        let mut at = self.pos;
        loop {
            at = chars::after_spaces(self.src, at);
            match self.at(at) {
                b'\t' if !self.allowed => at += 1,
                b'#' => at = self.line_end(at),
                break_byte @ (b'\n' | b'\r') => {
                    at += if break_byte == b'\r' { 2 } else { 1 };
                    self.line = at;
                    self.allowed = true;
                }
                _ => break,
            }
        }
        self.pos = at;
    }

    /// [`Parser::skip`] after a value, which often ends at the next token already.
    #[inline(always)]
    fn skip_rest(&mut self) {
        if matches!(self.byte(), b' ' | b'\t' | b'#' | b'\n' | b'\r') {
            self.skip();
        }
    }

    /// At a line feed, [`Parser::skip`] where the next line is neither empty nor a comment.
    #[inline(always)]
    fn next_line(&mut self) -> bool {
        let line = self.pos + 1;
        let token = chars::after_spaces(self.src, line);
        let next = self.at(token);
        let usual = self.byte() == b'\n' && !is_blankz(next) && next != b'#';
        if usual {
            self.line = line;
            self.pos = token;
            self.allowed = true;
        }
        usual
    }

    /// To the next token of flow context. A document marker inside a flow collection is an error.
    fn skip_flow(&mut self) -> Step<()> {
        loop {
            match self.byte() {
                b' ' | b'\t' => self.pos += 1,
                b'#' => self.pos = self.line_end(self.pos),
                b'\n' | b'\r' => {
                    self.pos += if self.byte() == b'\r' { 2 } else { 1 };
                    self.line = self.pos;
                    if self.at_any_marker() {
                        return fail(self.pos, "a document marker inside a flow collection");
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    /// Over spaces and tabs on the same line.
    fn skip_blanks(&mut self) {
        while matches!(self.byte(), b' ' | b'\t') {
            self.pos += 1;
        }
    }

    /// The offset of the line break (its `\n`) at or after `from`, or of the text's end.
    #[inline(always)]
    fn line_end(&self, from: usize) -> usize {
        let rest = self.src.get(from..).unwrap_or_default();
        memchr::memchr(b'\n', rest).map_or(self.src.len(), |at| from + at)
    }

    /// Where the line after the break at `at` starts; `at` itself when there is none.
    fn after_break(&self, at: usize) -> usize {
        match self.at(at) {
            b'\n' => at + 1,
            b'\r' => at + 2,
            _ => at,
        }
    }

    fn enter(&mut self) -> Step<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return fail(self.pos, format!("nested deeper than {MAX_DEPTH} levels"));
        }
        Ok(())
    }

    fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Puts a node on the tape. A collection gets its `end` and `next` by [`Parser::close`].
    #[inline(always)]
    fn push(&mut self, mut raw: RawNode, props: &Props) -> NodeId {
        let id = self.doc.nodes.len() as NodeId;
        if raw.kind == Kind::Scalar {
            raw.next = id + 1;
            self.last_end = raw.end;
            if raw.flags & FLAG_ESCAPED != 0 {
                self.doc.decoded.push((id, OnceCell::new()));
            }
        }
        if props.any() {
            raw.flags |= FLAG_PROPS;
            self.attach(id, props);
        }
        self.doc.nodes.push(raw);
        id
    }

    /// Ends a collection after its last child.
    fn close(&mut self, id: NodeId, end: u32, flags: u8) {
        let next = self.doc.nodes.len() as NodeId;
        self.last_end = end;
        if let Some(raw) = self.doc.nodes.get_mut(id as usize) {
            raw.end = end;
            raw.next = next;
            raw.flags |= flags;
        }
    }

    /// A tape entry for what starts here. It ends where it starts until somebody says otherwise.
    #[inline(always)]
    fn raw(&self, kind: Kind, style: Style, start: usize) -> RawNode {
        RawNode {
            start: start as u32,
            end: start as u32,
            next: 0,
            col: u16::try_from(start - self.line).unwrap_or(u16::MAX),
            body: 0,
            kind,
            style,
            flags: 0,
        }
    }

    /// Puts a value that is not there on the tape.
    fn push_empty(&mut self, at: usize, props: &Props) -> Step<()> {
        let raw = self.empty(at);
        self.push_atom(raw, props)
    }

    /// A value that is not there, at a place that may lie on an earlier line.
    fn empty(&self, at: usize) -> RawNode {
        let line = if at >= self.line {
            self.line
        } else {
            let before = self.src.get(..at).unwrap_or_default();
            memchr::memrchr(b'\n', before).map_or(self.bom, |nl| nl + 1)
        };
        let mut raw = self.raw(Kind::Scalar, Style::Empty, self.line);
        (raw.start, raw.end) = (at as u32, at as u32);
        raw.col = u16::try_from(at - line).unwrap_or(u16::MAX);
        raw
    }
}

/// Whether the text at `at` starts with a document marker (for scalars that span lines).
fn marker_at(src: &[u8], at: usize) -> bool {
    match src.get(at..at + 3) {
        Some(b"---" | b"...") => src.get(at + 3).is_none_or(|&b| is_blankz(b) || is_break(b)),
        _ => false,
    }
}
