//! New values as YAML text that every reader understands alike: YAML 1.1, YAML 1.2, goyaml v2
//! (kubectl, Helm 3) and v3 (Helm 4).
//!
//! A string is written plain only when it looks like a word no schema knows; everything else gets
//! double quotes. Block scalars are never written: they would swallow comments that follow them.

use serde_json::{Number, Value};

use super::edit::EditError;

/// The longest simple key that goyaml and our own reader take, quotes included.
const MAX_KEY: usize = 1000;
/// Nesting beyond what the reader takes.
const MAX_DEPTH: usize = 256;

/// How a value is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout<'a> {
    /// Column of the value's first key or dash.
    pub(super) column: usize,
    /// How much deeper a map inside a map stands.
    pub(super) step: usize,
    /// How much deeper a list inside a map stands; 0 is common.
    pub(super) seq_step: usize,
    /// The line ending.
    pub(super) eol: &'a str,
}

impl Layout<'_> {
    /// The layout of a value that takes no more than one line.
    pub(super) fn of_one_line(column: usize) -> Self {
        Layout {
            column,
            step: 0,
            seq_step: 0,
            eol: "",
        }
    }
}

/// How values inside `{…}` and `[…]` are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flow {
    /// Quote every string and key, as JSON does.
    pub(super) json: bool,
    /// No blanks after `,` and `:`.
    pub(super) tight: bool,
}

/// Whether a value is written on one line after its key: a scalar, `{}` or `[]`.
pub(super) fn is_inline(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => true,
    }
}

/// Writes a value as block YAML. The first line starts without its indentation, and there is no
/// line ending after the last one, so the text fits behind a `- ` as well as on lines of its own.
///
/// # Errors
/// [`EditError::Unwritable`] for keys and nesting beyond what readers take.
pub(super) fn block(out: &mut String, value: &Value, at: Layout<'_>) -> Result<(), EditError> {
    block_value(out, value, at, MAX_DEPTH)
}

/// A value as a document of its own, in block style, with a line ending after the last line.
///
/// # Errors
/// As `block`.
pub fn document(value: &Value) -> Result<String, EditError> {
    let layout = Layout {
        column: 0,
        step: 2,
        seq_step: 2,
        eol: "\n",
    };
    let mut out = String::new();
    block(&mut out, value, layout)?;
    out.push('\n');
    Ok(out)
}

/// Writes a string as a value of a block map.
pub fn write_string(out: &mut String, text: &str) {
    string(out, text, false);
}

/// Writes a string as a key of a block map, without the colon.
///
/// # Errors
/// As `block`.
pub fn write_key(out: &mut String, name: &str) -> Result<(), EditError> {
    key(out, name, false)
}

/// Writes `key: value` as block YAML, in the layout of the map that it joins.
///
/// # Errors
/// As [`block`].
pub(super) fn member(
    out: &mut String,
    key: &str,
    value: &Value,
    at: Layout<'_>,
) -> Result<(), EditError> {
    block_member(out, key, value, at, MAX_DEPTH)
}

/// Writes a value on one line: a scalar, or a flow collection.
///
/// # Errors
/// As [`block`].
pub(super) fn flow(out: &mut String, value: &Value, style: Flow) -> Result<(), EditError> {
    flow_value(out, value, style, MAX_DEPTH)
}

/// Writes `key: value` as a member of a flow map.
///
/// # Errors
/// As [`block`].
pub(super) fn flow_member(
    out: &mut String,
    key: &str,
    value: &Value,
    style: Flow,
) -> Result<(), EditError> {
    write_flow_member(out, key, value, style, MAX_DEPTH)
}

fn block_value(
    out: &mut String,
    value: &Value,
    at: Layout<'_>,
    depth: usize,
) -> Result<(), EditError> {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (n, (key, value)) in map.iter().enumerate() {
                if n > 0 {
                    new_line(out, at);
                }
                block_member(out, key, value, at, depth)?;
            }
            Ok(())
        }
        Value::Array(items) if !items.is_empty() => {
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    new_line(out, at);
                }
                out.push_str("- ");
                let column = at.column + 2;
                block_value(out, item, Layout { column, ..at }, deeper(depth)?)?;
            }
            Ok(())
        }
        _ => flow_value(out, value, Flow::default(), depth),
    }
}

fn block_member(
    out: &mut String,
    name: &str,
    value: &Value,
    at: Layout<'_>,
    depth: usize,
) -> Result<(), EditError> {
    key(out, name, false)?;
    out.push(':');
    if is_inline(value) {
        out.push(' ');
        return flow_value(out, value, Flow::default(), depth);
    }
    let column = at.column
        + if value.is_array() {
            at.seq_step
        } else {
            at.step
        };
    let below = Layout { column, ..at };
    new_line(out, below);
    block_value(out, value, below, deeper(depth)?)
}

fn flow_value(out: &mut String, value: &Value, style: Flow, depth: usize) -> Result<(), EditError> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(n) => number(out, n),
        Value::String(s) => string(out, s, style.json),
        Value::Array(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                separate(out, n, style);
                flow_value(out, item, style, deeper(depth)?)?;
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (n, (key, value)) in map.iter().enumerate() {
                separate(out, n, style);
                write_flow_member(out, key, value, style, deeper(depth)?)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

fn write_flow_member(
    out: &mut String,
    name: &str,
    value: &Value,
    style: Flow,
    depth: usize,
) -> Result<(), EditError> {
    key(out, name, style.json)?;
    // Only a quoted key may be followed by a colon without a blank.
    out.push_str(if style.tight && style.json { ":" } else { ": " });
    flow_value(out, value, style, depth)
}

fn separate(out: &mut String, index: usize, style: Flow) {
    if index > 0 {
        out.push_str(if style.tight { "," } else { ", " });
    }
}

fn deeper(depth: usize) -> Result<usize, EditError> {
    let too_deep = EditError::Unwritable("a value is nested too deeply");
    depth.checked_sub(1).ok_or(too_deep)
}

/// Starts a new line at the layout's column.
pub(super) fn new_line(out: &mut String, at: Layout<'_>) {
    out.push_str(at.eol);
    indent(out, at.column);
}

/// Writes blanks up to a column.
pub(super) fn indent(out: &mut String, column: usize) {
    const BLANKS: &str = "                                ";
    let mut rest = column;
    while rest > 0 {
        let blanks = BLANKS.get(..rest).unwrap_or(BLANKS);
        out.push_str(blanks);
        rest -= blanks.len();
    }
}

fn key(out: &mut String, key: &str, quoted: bool) -> Result<(), EditError> {
    let start = out.len();
    string(out, key, quoted);
    match out.len() - start <= MAX_KEY {
        true => Ok(()),
        false => Err(EditError::Unwritable("a key is longer than 1000 bytes")),
    }
}

/// Numbers in the form that all four readers take for the same number: an exponent comes with a
/// point and a sign, or YAML 1.1 would read a string.
fn number(out: &mut String, number: &Number) {
    let text = number.to_string();
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return out.push_str(&text);
    };
    out.push_str(mantissa);
    if !mantissa.contains('.') {
        out.push_str(".0");
    }
    out.push('e');
    if !exponent.starts_with(['-', '+']) {
        out.push('+');
    }
    out.push_str(exponent);
}

/// Writes a string, plain where that is safe and `quoted` is false.
pub(super) fn string(out: &mut String, text: &str, quoted: bool) {
    if !quoted && is_plain(text) {
        out.push_str(text);
    } else {
        quote(out, text);
    }
}

/// The bytes of a plain string behind its first.
static PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut at = 0;
    while at < table.len() {
        let b = at as u8;
        table[at] =
            b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'_' | b'+' | b'@' | b'-');
        at += 1;
    }
    table
};

/// Whether every YAML reads the bare text as this very string.
fn is_plain(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'/' || b == b'_')
        && bytes.all(|b| PLAIN[usize::from(b)])
        && !is_reserved(text)
}

/// Words that some schema takes for a boolean or null, in any case: YAML 1.1's bool and null types.
fn is_reserved(text: &str) -> bool {
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    text.len() <= 5 && WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Double quotes with escapes that YAML 1.1, YAML 1.2 and JSON share. What YAML does not take as
/// printable (YAML 1.1 section 4.1) or takes as a line break is escaped, and so is the byte order
/// mark.
fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' => out.push(c),
            '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'.. => out.push(c),
            _ => escape(out, c),
        }
    }
    out.push('"');
}

/// `\uXXXX`; only called for characters of the basic plane.
fn escape(out: &mut String, c: char) {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    out.push_str("\\u");
    for shift in [12, 8, 4, 0] {
        let digit = (c as usize >> shift) & 0xf;
        out.push(DIGITS.get(digit).copied().unwrap_or('0'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn in_flow(value: &Value, style: Flow) -> String {
        let mut text = String::new();
        flow(&mut text, value, style).unwrap();
        text
    }

    #[test]
    fn strings_are_plain_only_where_no_reader_minds() {
        for (text, want) in [
            ("plain", "plain"),
            ("app.kubernetes.io/part-of", "app.kubernetes.io/part-of"),
            ("/path", "/path"),
            ("_x@y+z", "_x@y+z"),
            ("", r#""""#),
            ("Yes", r#""Yes""#),
            ("n", r#""n""#),
            ("NULL", r#""NULL""#),
            ("nullable", "nullable"),
            ("=", r#""=""#),
            ("<<", r#""<<""#),
            ("~", r#""~""#),
            (".inf", r#"".inf""#),
            ("-1", r#""-1""#),
            ("100m", r#""100m""#),
            ("a b", r#""a b""#),
            ("a:b", r#""a:b""#),
            ("a\"\\/\n\t\r", r#""a\"\\/\n\t\r""#),
            (
                "\u{0}\u{1b}\u{85}\u{2028}\u{feff}\u{ffff}",
                r#""\u0000\u001b\u0085\u2028\ufeff\uffff""#,
            ),
            ("é\u{1f600}", "\"é\u{1f600}\""),
        ] {
            assert_eq!(in_flow(&json!(text), Flow::default()), want);
        }
    }

    #[test]
    fn numbers_are_numbers_in_yaml_1_1_too() {
        for (value, want) in [
            (json!(0), "0"),
            (json!(-7), "-7"),
            (json!(u64::MAX), "18446744073709551615"),
            (json!(0.5), "0.5"),
            (json!(1e300), "1.0e+300"),
            (json!(-1.25e-9), "-1.25e-9"),
        ] {
            assert_eq!(in_flow(&value, Flow::default()), want);
        }
    }

    #[test]
    fn json_is_quoted_and_may_be_tight() {
        let value = json!({"a": [1, "b", {}], "c": null});
        for (json, tight, want) in [
            (false, false, "{a: [1, b, {}], c: null}"),
            (true, false, r#"{"a": [1, "b", {}], "c": null}"#),
            (true, true, r#"{"a":[1,"b",{}],"c":null}"#),
            (false, true, "{a: [1,b,{}],c: null}"),
        ] {
            assert_eq!(in_flow(&value, Flow { json, tight }), want);
        }
    }

    #[test]
    fn what_readers_do_not_take_is_refused() {
        let long = json!({"k".repeat(1001): 1});
        let mut deep = json!(0);
        for _ in 0..300 {
            deep = json!([deep]);
        }
        for value in [long, deep] {
            let mut text = String::new();
            let written = flow(&mut text, &value, Flow::default());
            assert!(matches!(written, Err(EditError::Unwritable(_))));
        }
    }
}
