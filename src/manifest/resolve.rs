//! The type of a scalar: goyaml v2's table (`resolve.go`) and what `sigs.k8s.io/yaml` makes of it on
//! the way to JSON.

use std::borrow::Cow;

/// What an unquoted scalar without a tag is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Plain {
    /// `~`, `null`, or nothing.
    Null,
    /// `true`, `yes`, `on`, `y` and their opposites.
    Bool(bool),
    /// An integer that fits 64 bits with sign.
    Int(i64),
    /// A larger integer that fits 64 bits without sign.
    Uint(u64),
    /// Any other number.
    Float(f64),
    /// Text, which timestamps are too.
    Str,
}

/// A scalar with its value.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar<'a> {
    /// Null.
    Null,
    /// A boolean.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// An integer above `i64::MAX`.
    Uint(u64),
    /// A floating-point number.
    Float(f64),
    /// Text.
    Str(Cow<'a, str>),
}

impl<'a> Scalar<'a> {
    fn from_plain(plain: Plain, text: Cow<'a, str>) -> Scalar<'a> {
        match plain {
            Plain::Null => Scalar::Null,
            Plain::Bool(b) => Scalar::Bool(b),
            Plain::Int(i) => Scalar::Int(i),
            Plain::Uint(u) => Scalar::Uint(u),
            Plain::Float(f) => Scalar::Float(f),
            Plain::Str => Scalar::Str(text),
        }
    }

    /// The scalar itself, unless JSON cannot hold it.
    pub(super) fn finite(self) -> Result<Scalar<'a>, &'static str> {
        match self {
            Scalar::Float(f) if !f.is_finite() => Err("infinity and NaN have no place in JSON"),
            fine => Ok(fine),
        }
    }
}

/// What a plain scalar may be, by its first byte.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    Str,
    /// A string, or one of the [`word`]s.
    Word,
    /// A number, null or a merge key, for example.
    Other,
}

static STARTS: [Start; 256] = {
    let mut table = [Start::Str; 256];
    let (words, other) = (b"yYnNtTfFoO", b"0123456789+-.~<");
    let mut at = 0;
    while at < words.len() {
        table[words[at] as usize] = Start::Word;
        at += 1;
    }
    at = 0;
    while at < other.len() {
        table[other[at] as usize] = Start::Other;
        at += 1;
    }
    table
};

/// Whether a plain key with these bytes may be a merge, or anything but a string.
#[inline(always)]
pub(super) fn may_be_special_key(key: &[u8]) -> bool {
    match key.first().map(|&b| STARTS[usize::from(b)]) {
        Some(Start::Str) => false,
        Some(Start::Word) => key.len() <= LONGEST_WORD && word(key).is_some(),
        Some(Start::Other) | None => true,
    }
}

/// Whether a plain scalar is one of the spellings of infinity and NaN.
pub(super) fn is_not_finite(text: &[u8]) -> bool {
    matches!(not_finite(text), Some(value) if !value.is_finite())
}

fn not_finite(text: &[u8]) -> Option<f64> {
    Some(match text {
        b".nan" | b".NaN" | b".NAN" => f64::NAN,
        b".inf" | b".Inf" | b".INF" | b"+.inf" | b"+.Inf" | b"+.INF" => f64::INFINITY,
        b"-.inf" | b"-.Inf" | b"-.INF" => f64::NEG_INFINITY,
        _ => return None,
    })
}

const LONGEST_WORD: usize = 5;

/// The words that are booleans or null (`resolveMapList`).
fn word(text: &[u8]) -> Option<Plain> {
    Some(match text {
        b"y" | b"Y" | b"yes" | b"Yes" | b"YES" | b"true" | b"True" | b"TRUE" | b"on" | b"On"
        | b"ON" => Plain::Bool(true),
        b"n" | b"N" | b"no" | b"No" | b"NO" | b"false" | b"False" | b"FALSE" | b"off" | b"Off"
        | b"OFF" => Plain::Bool(false),
        b"" | b"~" | b"null" | b"Null" | b"NULL" => Plain::Null,
        _ => return None,
    })
}

/// What an unquoted scalar without a tag is, by its text (`resolve` with an empty tag).
pub fn plain(text: &str) -> Plain {
    let bytes = text.as_bytes();
    let Some(&first) = bytes.first() else {
        return Plain::Null;
    };
    match (STARTS[usize::from(first)], first) {
        (Start::Str, _) => Plain::Str,
        (Start::Word, _) | (_, b'~') => word(bytes).unwrap_or(Plain::Str),
        (_, b'.') => match not_finite(bytes) {
            Some(value) => Plain::Float(value),
            None => dotted_float(text).map_or(Plain::Str, Plain::Float),
        },
        (_, b'<') => Plain::Str,
        _ => match not_finite(bytes) {
            Some(value) => Plain::Float(value),
            None => number(text),
        },
    }
}

/// A scalar that starts with a dot goes through Go's `strconv.ParseFloat` as it is, where an
/// underscore may stand between digits.
fn dotted_float(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    let digit_at = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let stray =
        |(at, &b): (usize, &u8)| b == b'_' && !(digit_at(at.wrapping_sub(1)) && digit_at(at + 1));
    if bytes.iter().enumerate().any(stray) {
        return None;
    }
    let plain = text.replace('_', "");
    decimal(&plain)
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`, as a finite number.
fn decimal(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (unsigned.get(..at)?, unsigned.get(at + 1..)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    if let Some(exponent) = exponent {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        if exponent.is_empty() || !digits(exponent) {
            return None;
        }
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// A scalar that starts with a digit or a sign: underscores go, then Go's integers by prefix, then
/// decimals, then binary once more.
fn number(text: &str) -> Plain {
    let plain = if text.contains('_') {
        Cow::Owned(text.replace('_', ""))
    } else {
        Cow::Borrowed(text)
    };
    if let Some(integer) = integer(&plain) {
        return integer;
    }
    if let Some(value) = decimal(&plain) {
        return Plain::Float(value);
    }
    // Only what ParseInt refuses above comes here: a second sign after the prefix.
    let signed = if let Some(digits) = plain.strip_prefix("0b") {
        i64::from_str_radix(digits, 2).ok()
    } else if let Some(digits) = plain.strip_prefix("-0b") {
        match digits.as_bytes().first() {
            Some(b'0' | b'1') => i64::from_str_radix(&format!("-{digits}"), 2).ok(),
            _ => None,
        }
    } else {
        None
    };
    signed.map_or(Plain::Str, Plain::Int)
}

/// Go's `strconv.ParseInt(text, 0, 64)`, then `ParseUint`.
fn integer(text: &str) -> Option<Plain> {
    let (negative, sign, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, true, text.get(1..)?),
        b'+' => (false, true, text.get(1..)?),
        _ => (false, false, text),
    };
    let (radix, digits) = match unsigned.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, unsigned.get(2..)?),
        [b'0', b'o' | b'O', ..] => (8, unsigned.get(2..)?),
        [b'0', b'b' | b'B', ..] => (2, unsigned.get(2..)?),
        [b'0', _, ..] => (8, unsigned.get(1..)?),
        _ => (10, unsigned),
    };
    if !digits.bytes().next()?.is_ascii_alphanumeric() {
        return None; // Rust would take a sign here
    }
    let value = u64::from_str_radix(digits, radix).ok()?;
    match (negative, i64::try_from(value)) {
        (false, Ok(value)) => Some(Plain::Int(value)),
        (false, Err(_)) => (!sign).then_some(Plain::Uint(value)),
        (true, Ok(value)) => Some(Plain::Int(-value)),
        (true, Err(_)) => (value == 1 << 63).then_some(Plain::Int(i64::MIN)),
    }
}

/// The standard tags that change what a scalar is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tag {
    Str,
    Bool,
    Int,
    Float,
    Null,
    Timestamp,
    Binary,
    /// Any other: the scalar is text.
    Other,
}

/// The full name of a standard tag without its common prefix; `None` for all others.
fn standard_name(written: &str) -> Option<&str> {
    if let Some(name) = written.strip_prefix("!!") {
        return Some(name);
    }
    let verbatim = written.strip_prefix("!<")?.strip_suffix('>')?;
    verbatim.strip_prefix("tag:yaml.org,2002:")
}

/// Whether a tag makes a `<<` key a merge whatever its quotes: `!!merge`, and `!`, which goyaml takes
/// for "not tagged" there.
pub(super) fn tag_merges(written: &str) -> bool {
    matches!(written, "!" | "!<!>") || standard_name(written) == Some("merge")
}

fn tag_of(written: &str) -> Tag {
    match standard_name(written) {
        Some("str") => Tag::Str,
        Some("bool") => Tag::Bool,
        Some("int") => Tag::Int,
        Some("float") => Tag::Float,
        Some("null") => Tag::Null,
        Some("timestamp") => Tag::Timestamp,
        Some("binary") => Tag::Binary,
        _ => Tag::Other,
    }
}

/// A scalar with a tag as written.
///
/// # Errors
/// The text is not what the tag says, which Go refuses, or the tag is one this reader refuses.
pub(super) fn tagged<'a>(written: &str, text: Cow<'a, str>) -> Result<Scalar<'a>, &'static str> {
    let tag = tag_of(written);
    match tag {
        Tag::Str | Tag::Other => return Ok(Scalar::Str(text)),
        Tag::Binary => return binary(&text).map(|bytes| Scalar::Str(Cow::Owned(bytes))),
        Tag::Timestamp if is_date(&text) => return Ok(Scalar::Str(text)),
        Tag::Timestamp => return Err("'!!timestamp' with anything but a date like 2001-12-31"),
        _ => {}
    }
    let plain = plain(&text);
    match (tag, plain) {
        (Tag::Bool, Plain::Bool(_))
        | (Tag::Int, Plain::Int(_) | Plain::Uint(_))
        | (Tag::Float, Plain::Float(_))
        | (Tag::Null, Plain::Null) => Ok(Scalar::from_plain(plain, text)),
        (Tag::Float, Plain::Int(value)) => Ok(Scalar::Float(value as f64)),
        _ => Err("the value is not what its tag says"),
    }
}

/// Whether the text is a date of the calendar, `2001-12-31`. Go knows more forms of a timestamp; all
/// of them stay text.
fn is_date(text: &str) -> bool {
    let number = |range: std::ops::Range<usize>| -> Option<u32> {
        let digits = text.get(range)?;
        digits
            .bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| digits.parse().ok())?
    };
    let bytes = text.as_bytes();
    let shape = bytes.len() == 10 && bytes.get(4) == Some(&b'-') && bytes.get(7) == Some(&b'-');
    let (Some(year), Some(month), Some(day)) = (number(0..4), number(5..7), number(8..10)) else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    shape && (1..=12).contains(&month) && (1..=days).contains(&day)
}

/// An untagged plain scalar with its text.
pub(super) fn untagged(text: &str) -> Scalar<'_> {
    Scalar::from_plain(plain(text), Cow::Borrowed(text))
}

/// Go's `base64.StdEncoding`, which skips line breaks and wants padding. Bytes that are no text are
/// refused: Go would replace them.
fn binary(text: &str) -> Result<String, &'static str> {
    const BAD: &str = "'!!binary' with data that is not base64 of UTF-8 text";
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut word, mut count, mut padding) = (0u32, 0, 0);
    for b in text.bytes().filter(|b| !matches!(b, b'\r' | b'\n')) {
        let value = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' if count >= 2 => {
                padding += 1;
                0
            }
            _ => return Err(BAD),
        };
        if padding > 0 && b != b'=' {
            return Err(BAD);
        }
        word = word << 6 | u32::from(value);
        count += 1;
        if count == 4 {
            let [_, a, b, c] = word.to_be_bytes();
            out.extend([a, b, c].iter().take(3 - padding));
            (word, count) = (0, if padding > 0 { 8 } else { 0 });
        }
    }
    if count != 0 && count != 8 {
        return Err(BAD);
    }
    String::from_utf8(out).map_err(|_| BAD)
}

/// A floating-point key as text: Go's `strconv.FormatFloat(key, 'g', -1, 32)`, with YAML's words for
/// infinity.
pub(super) fn float_key(value: f64) -> String {
    let value = value as f32;
    if value.is_infinite() {
        return if value > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    // Rust gives the shortest digits in scientific notation, "1.5e-7", for any exponent.
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    format!("{value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_have_the_types_of_go() {
        use Plain::{Bool, Float, Int, Null, Str, Uint};
        for (text, want) in [
            ("", Null),
            ("~", Null),
            ("NULL", Null),
            ("nUll", Str),
            ("on", Bool(true)),
            ("Y", Bool(true)),
            ("off", Bool(false)),
            ("yEs", Str),
            ("0", Int(0)),
            ("-0", Int(0)),
            ("+12", Int(12)),
            ("0644", Int(420)),
            ("0o17", Int(15)),
            ("0xFf", Int(255)),
            ("-0x10", Int(-16)),
            ("0b101", Int(5)),
            ("0b+1", Int(1)),
            ("1_000", Int(1000)),
            ("-9223372036854775808", Int(i64::MIN)),
            ("-9223372036854775809", Float(-9_223_372_036_854_775_809.0)),
            ("18446744073709551615", Uint(u64::MAX)),
            ("+18446744073709551615", Float(18_446_744_073_709_551_615.0)),
            ("18446744073709551616", Float(18_446_744_073_709_551_616.0)),
            ("0xffffffffffffffff", Uint(u64::MAX)),
            ("0x10000000000000000", Str),
            ("08", Float(8.0)),
            ("1.", Float(1.0)),
            (".5", Float(0.5)),
            (".5_0", Float(0.5)),
            (".5__0", Str),
            (".5_", Str),
            ("1e3", Float(1000.0)),
            ("-1.5E-2", Float(-0.015)),
            ("1e", Str),
            ("1e400", Str),
            (".", Str),
            ("+", Str),
            ("-.inf", Float(f64::NEG_INFINITY)),
            (".infinity", Str),
            ("inf", Str),
            ("1:30", Str),
            ("2001-12-14", Str),
            ("<<", Str),
            ("0x", Str),
            ("1 2", Str),
            ("0b", Str),
            ("-0b2", Str),
            ("\u{661}", Str),
        ] {
            assert_eq!(plain(text), want, "{text:?}");
        }
        assert!(matches!(plain(".NaN"), Float(value) if value.is_nan()));
    }

    #[test]
    fn only_keys_that_may_be_special_are_looked_at_closely() {
        for key in [
            "on", "y", "NO", "true", "~", "<<", "1", "-1", ".5", "+a", "", "off",
        ] {
            assert!(may_be_special_key(key.as_bytes()), "{key:?}");
        }
        for key in [
            "name",
            "type",
            "namespace",
            "online",
            "yes!",
            "Not",
            "kind",
            "é",
            "x1",
        ] {
            assert!(!may_be_special_key(key.as_bytes()), "{key:?}");
        }
    }

    #[test]
    fn float_keys_are_written_with_the_digits_of_a_32_bit_float() {
        for (value, want) in [
            (1.5, "1.5"),
            (1.0, "1"),
            (-2.25, "-2.25"),
            (0.1, "0.1"),
            (1.234_567_890_12, "1.2345679"),
            (100_000.0, "100000"),
            (999_999.0, "999999"),
            (1e6, "1e+06"),
            (1_234_567.8, "1.2345678e+06"),
            (0.0001, "0.0001"),
            (0.000_01, "1e-05"),
            (1e38, "1e+38"),
            (1e39, ".inf"),
            (-1e39, "-.inf"),
        ] {
            assert_eq!(float_key(value), want, "{value}");
        }
    }

    #[test]
    fn tags_change_the_type_or_are_refused() {
        let text = |text: &'static str| Ok(Scalar::Str(Cow::Borrowed(text)));
        for (tag, value, want) in [
            ("!!str", "12", text("12")),
            ("!", "12", text("12")),
            ("!foo", "on", text("on")),
            ("!<tag:yaml.org,2002:str>", "12", text("12")),
            ("!<tag:yaml.org,2002:int>", "0x10", Ok(Scalar::Int(16))),
            ("!!int", "12", Ok(Scalar::Int(12))),
            ("!!float", "12", Ok(Scalar::Float(12.0))),
            ("!!bool", "off", Ok(Scalar::Bool(false))),
            ("!!null", "", Ok(Scalar::Null)),
            ("!!timestamp", "2024-02-29", text("2024-02-29")),
            ("!!binary", "aGVs\nbG8=", text("hello")),
            ("!!binary", "", text("")),
            ("!!merge", "x", text("x")),
        ] {
            assert_eq!(tagged(tag, Cow::Borrowed(value)), want, "{tag} {value:?}");
        }
        for (tag, value) in [
            ("!!int", "x"),
            ("!!int", ""),
            ("!!int", "1.5"),
            ("!!float", "18446744073709551615"),
            ("!!bool", "1"),
            ("!!null", "x"),
            ("!!timestamp", "2023-02-29"),
            ("!!timestamp", "2023-1-1"),
            ("!!binary", "aGVsbG8"),
            ("!!binary", "a==="),
            ("!!binary", "aGVs!G8="),
            ("!!binary", "YQ==YQ=="),
            ("!!binary", "/w=="),
        ] {
            assert!(
                tagged(tag, Cow::Borrowed(value)).is_err(),
                "{tag} {value:?}"
            );
        }
    }
}
