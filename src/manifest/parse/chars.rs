//! Which bytes a document may hold, and the classes the parser asks for.

use super::super::error::{Step, fail};

#[inline(always)]
pub(super) fn is_break(b: u8) -> bool {
    matches!(b, b'\n' | b'\r')
}

/// A blank, a line break or the end of the text.
#[inline(always)]
pub(super) fn is_blankz(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0)
}

/// What anchors and tag handles are made of.
pub(super) fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b == b'-'
}

/// What ends a plain scalar in a flow collection, wherever it stands.
pub(super) fn is_flow_end(b: u8) -> bool {
    matches!(b, b',' | b'?' | b'[' | b']' | b'{' | b'}')
}

/// Eight bytes from `at`, the first in the lowest place, unless the text ends before.
#[inline(always)]
fn word(src: &[u8], at: usize) -> Option<u64> {
    let bytes = src.get(at..)?.first_chunk::<8>()?;
    Some(u64::from_le_bytes(*bytes))
}

const ONES: u64 = 0x0101_0101_0101_0101;

/// The high bit of each byte of `word` that equals `byte`. Bits above the lowest one may be wrong.
#[inline(always)]
fn equal(word: u64, byte: u8) -> u64 {
    let zero = word ^ (ONES * byte as u64);
    zero.wrapping_sub(ONES) & !zero & (ONES << 7)
}

/// The offset of the first byte at or after `at` that is no space.
#[inline(always)]
pub(super) fn after_spaces(src: &[u8], at: usize) -> usize {
    let mut at = at;
    while let Some(word) = word(src, at) {
        let other = word ^ (ONES * b' ' as u64);
        if other != 0 {
            return at + other.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let rest = src.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|&&b| b == b' ').count()
}

/// The offset of the next `:`, `#` or line feed at or after `at`, or of the end of the text.
///
/// Most keys and values end within a few words, before a vector search would pay.
#[inline(always)]
pub(super) fn plain_stop(src: &[u8], at: usize) -> usize {
    let mut at = at;
    for _ in 0..4 {
        let Some(word) = word(src, at) else {
            break;
        };
        let found = equal(word, b'\n') | equal(word, b':') | equal(word, b'#');
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let rest = src.get(at..).unwrap_or_default();
    memchr::memchr3(b'\n', b':', b'#', rest).map_or(src.len(), |found| at + found)
}

/// Bytes that no plain scalar starts with. `-`, `?` and `:` depend on what follows.
pub(super) static NO_PLAIN_START: [bool; 256] = {
    let mut table = [false; 256];
    let indicators = b",[]{}#&*!|>'\"%@` \t\r\n\0";
    let mut at = 0;
    while at < indicators.len() {
        table[indicators[at] as usize] = true;
        at += 1;
    }
    table
};

/// Bytes that start a plain scalar, whatever follows them.
pub(super) static USUAL_START: [bool; 256] = {
    let mut table = [false; 256];
    let mut at = 0;
    while at < table.len() {
        let b = at as u8;
        table[at] = b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'.');
        at += 1;
    }
    table
};

/// Refuses what YAML does not allow in a document and what this parser does not read: control
/// characters, a carriage return without line feed, Unicode's own line breaks, and a byte order mark
/// anywhere but at the start. Go's reader lets such a mark pass, but its scanner looks for one at the
/// beginning of its buffer instead of at the place it has come to: where a refill leaves the mark there,
/// the first character of a later line is dropped.
pub(super) fn check(src: &[u8]) -> Step<()> {
    const CHUNK: usize = 256;
    for (index, chunk) in src.chunks(CHUNK).enumerate() {
        // Without a branch per byte, so that the compiler can use vector instructions.
        let mut odd = false;
        for &b in chunk {
            // One comparison for all but 0x20..=0x7e: the bytes after 0x7f are negative.
            odd |= ((b.wrapping_add(1) as i8) <= 0x20) & (b != b'\n');
        }
        if odd {
            check_chunk(src, index * CHUNK, chunk.len())?;
        }
    }
    Ok(())
}

/// The slow look at one chunk. A character that starts in an earlier chunk was judged there.
#[inline(never)]
fn check_chunk(src: &[u8], start: usize, len: usize) -> Step<()> {
    let mut at = start;
    while at < start + len {
        let rest = src.get(at..).unwrap_or_default();
        match rest {
            [b'\t' | b'\n' | 0x20..=0x7e, ..] => at += 1,
            [b'\r', b'\n', ..] => at += 1,
            [b'\r', ..] => return fail(at, "a carriage return without a line feed"),
            [0xc2, 0x85, ..] | [0xe2, 0x80, 0xa8 | 0xa9, ..] => {
                return fail(at, "a Unicode line break (NEL, LS or PS)");
            }
            [0xc2, 0x80..=0x9f, ..] | [0xef, 0xbf, 0xbe | 0xbf, ..] | [0..=0x1f | 0x7f, ..] => {
                return fail(at, "a control character");
            }
            [0xef, 0xbb, 0xbf, ..] if at > 0 => {
                return fail(at, "a byte order mark that is not at the start");
            }
            _ => at += 1,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{after_spaces, check, plain_stop};

    #[test]
    fn words_find_what_a_loop_over_bytes_finds() {
        let text = b"      \n     x:    #  \n  \xc3\xba\xa0\x8a:y    zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz:\t #end   ";
        for at in 0..=text.len() {
            let rest = &text[at..];
            let spaces = rest.iter().take_while(|&&b| b == b' ').count();
            assert_eq!(after_spaces(text, at), at + spaces);
            let stop = rest.iter().position(|b| b":#\n".contains(b));
            assert_eq!(plain_stop(text, at), at + stop.unwrap_or(rest.len()));
        }
    }

    #[test]
    fn characters_are_judged_as_by_the_go_reader() {
        for text in [
            "a\tb\r\nc",
            "é €",
            "\u{feff}a: 1",
            "\u{a0}",
            "\u{fffd}",
            "😀",
        ] {
            for pad in [0, 1, 62, 63, 64, 65] {
                let text = if pad > 0 && text.starts_with('\u{feff}') {
                    continue;
                } else {
                    format!("{}{text}", "x".repeat(pad))
                };
                assert!(check(text.as_bytes()).is_ok(), "{text:?}");
            }
        }
    }

    #[test]
    fn refused_characters_are_found_at_every_place_of_a_chunk() {
        for bad in [
            "\u{0}",
            "\u{1}",
            "\u{7f}",
            "\u{80}",
            "\u{85}",
            "\u{9f}",
            "\u{2028}",
            "\u{2029}",
            "\u{fffe}",
            "\u{ffff}",
            "\r",
            "\rx",
            "x\u{feff}",
        ] {
            for pad in 0..130 {
                let text = format!("{}{bad}", "y".repeat(pad));
                let error = check(text.as_bytes()).unwrap_err();
                let want = if bad == "x\u{feff}" { pad + 1 } else { pad };
                assert_eq!(error.offset, want, "{bad:?} after {pad}");
            }
        }
    }
}
