//! Anchors, tags and aliases.

use super::super::error::{Step, fail};
use super::super::tape::{FLAG_PROPS, Kind, NodeId, Prop, RawNode, Style};
use super::Parser;
use super::chars::{is_blankz, is_word};

/// Anchor and tag in front of a node; empty ranges where there is none.
#[derive(Clone, Copy)]
pub(super) struct Props {
    anchor: (u32, u32),
    tag: (u32, u32),
}

/// No anchor and no tag.
pub(super) const NO_PROPS: Props = Props {
    anchor: (0, 0),
    tag: (0, 0),
};

impl Props {
    #[inline(always)]
    pub(super) fn any(&self) -> bool {
        self.anchor.1 != 0 || self.tag.1 != 0
    }

    /// Both together; a node has at most one anchor and one tag.
    #[inline]
    pub(super) fn and(&self, other: &Props) -> Step<Props> {
        if !other.any() {
            return Ok(*self);
        }
        let twice = |a: (u32, u32), b: (u32, u32)| a.1 != 0 && b.1 != 0;
        if twice(self.anchor, other.anchor) || twice(self.tag, other.tag) {
            return fail(
                other.anchor.0.max(other.tag.0) as usize,
                "two anchors or two tags on one value",
            );
        }
        let pick = |a: (u32, u32), b: (u32, u32)| if a.1 != 0 { a } else { b };
        Ok(Props {
            anchor: pick(self.anchor, other.anchor),
            tag: pick(self.tag, other.tag),
        })
    }
}

impl<'s> Parser<'s> {
    /// One anchor or tag at `self.pos`.
    pub(super) fn property(&mut self, props: &mut Props, flow: bool) -> Step<()> {
        let mut found = NO_PROPS;
        let span = match self.byte() {
            b'&' => {
                found.anchor = self.anchor_name(flow)?;
                found.anchor
            }
            _ => {
                found.tag = self.tag()?;
                found.tag
            }
        };
        self.pos = span.1 as usize;
        self.allowed = false;
        *props = props.and(&found)?;
        Ok(())
    }

    /// The name after `&` or `*`: `yaml_parser_scan_anchor`, with fewer characters allowed after it.
    fn anchor_name(&self, flow: bool) -> Step<(u32, u32)> {
        let start = self.pos + 1;
        let mut end = start;
        while is_word(self.at(end)) {
            end += 1;
        }
        let next = self.at(end);
        let alias_key = self.byte() == b'*' && next == b':';
        let closes = flow && matches!(next, b',' | b']' | b'}');
        if end == start || !(is_blankz(next) || alias_key || closes) {
            return fail(
                self.pos,
                "an anchor or alias name that is not [A-Za-z0-9_-]+",
            );
        }
        Ok((start as u32, end as u32))
    }

    /// A tag: `!`, `!name`, `!!name` or `!<uri>`. Named handles and escapes are not supported.
    fn tag(&self) -> Step<(u32, u32)> {
        let start = self.pos;
        let mut end = start + 1;
        let verbatim = self.at(end) == b'<';
        if verbatim {
            end += 1;
        } else if self.at(end) == b'!' {
            end += 1;
            if is_blankz(self.at(end)) {
                return fail(start, "a tag without a name");
            }
        }
        let name = end;
        while is_tag_char(self.at(end)) || (verbatim && self.at(end) == b',') {
            end += 1;
        }
        let text = self.src.get(name..end).unwrap_or_default();
        if verbatim {
            if text.is_empty() || self.at(end) != b'>' {
                return fail(start, "a tag that is not closed by '>'");
            }
            end += 1;
        } else if memchr::memchr(b'!', text).is_some() {
            return fail(start, "a tag with a handle of its own");
        }
        if !is_blankz(self.at(end)) {
            return fail(start, "a tag with a character that is not supported");
        }
        Ok((start as u32, end as u32))
    }

    /// An alias at `self.pos`.
    pub(super) fn alias(&mut self, flow: bool) -> Step<RawNode> {
        let mut raw = self.raw(Kind::Alias, Style::Plain, self.pos);
        let (_, end) = self.anchor_name(flow)?;
        raw.end = end;
        self.pos = end as usize;
        self.allowed = false;
        Ok(raw)
    }

    /// Records the properties of the node that is about to become `id`.
    #[inline(never)]
    pub(super) fn attach(&mut self, id: NodeId, props: &Props) {
        let (start, end) = props.anchor;
        if end != 0 {
            let name = self
                .text
                .get(start as usize..end as usize)
                .unwrap_or_default();
            self.anchors.insert(name, id);
        }
        self.doc.props.push(Prop {
            node: id,
            anchor: props.anchor,
            tag: props.tag,
            target: id,
        });
    }

    /// Puts an alias on the tape and finds what it stands for.
    #[inline(never)]
    pub(super) fn push_alias(&mut self, mut raw: RawNode, props: &Props) -> Step<()> {
        let (start, end) = (raw.start as usize, raw.end as usize);
        if props.any() {
            return fail(start, "an alias with an anchor or a tag");
        }
        let id = self.doc.nodes.len() as NodeId;
        let name = self.text.get(start + 1..end).unwrap_or_default();
        let target = match (self.anchors.get(name), self.known.and_then(|k| k.get(name))) {
            (Some(&target), _) => target,
            (None, Some(value)) => {
                self.doc.foreign.push((id, value));
                id
            }
            (None, None) => return fail(start, "an alias of an anchor that is not there"),
        };
        // A collection that is still being read has no `next` yet.
        let open = self
            .doc
            .nodes
            .get(target as usize)
            .is_some_and(|raw| raw.next == 0);
        if open {
            return fail(start, format!("anchor '{name}' contains itself"));
        }
        self.aliases = true;
        self.doc.props.push(Prop {
            node: id,
            anchor: (raw.start + 1, raw.end),
            tag: (0, 0),
            target,
        });
        raw.next = id + 1;
        raw.flags |= FLAG_PROPS;
        self.last_end = raw.end;
        self.doc.nodes.push(raw);
        Ok(())
    }
}

/// Characters of a tag that this parser takes: libyaml's without `%`, and without `,`, `[` and `]`,
/// which every other reader takes for flow indicators.
fn is_tag_char(b: u8) -> bool {
    is_word(b)
        || matches!(
            b,
            b';' | b'/'
                | b'?'
                | b':'
                | b'@'
                | b'&'
                | b'='
                | b'+'
                | b'$'
                | b'.'
                | b'!'
                | b'~'
                | b'*'
                | b'\''
                | b'('
                | b')'
        )
}
