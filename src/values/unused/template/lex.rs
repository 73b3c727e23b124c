//! Text to actions, and actions to tokens.

use super::TemplateError;

/// What stands in an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A keyword or function.
    Word(String),
    /// `.name`, right behind an operand or alone.
    Field(String),
    /// `.` alone.
    Dot,
    /// `$name`, without the sign.
    Variable(String),
    /// A string, its escapes undone where they matter.
    Text(String),
    /// A number or character, as it stands.
    Constant(String),
    /// `:=`
    Declare,
    /// `=`
    Assign,
    /// `|`
    Pipe,
    /// `,`
    Comma,
    /// `(`
    Open,
    /// `)`
    Close,
    /// Blanks, which part operands.
    Space,
}

/// An action with the line it starts on.
#[derive(Debug)]
pub(super) struct Action {
    pub line: usize,
    pub tokens: Vec<Token>,
}

/// The actions of a template, in order; comments are left out.
pub(super) fn actions(text: &str) -> Result<Vec<Action>, TemplateError> {
    let mut actions = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while let Some(at) = rest.find("{{") {
        let (before, from) = rest.split_at(at);
        line += lines(before);
        let inside = from.get(2..).unwrap_or_default();
        let inside = trimmed(inside);
        if let Some(comment) = inside.strip_prefix("/*") {
            let end = comment
                .find("*/")
                .ok_or_else(|| error(line, "unclosed comment"))?;
            let behind = comment.get(end + 2..).unwrap_or_default();
            let close = behind
                .find("}}")
                .ok_or_else(|| error(line, "comment ends before closing delimiter"))?;
            rest = behind.get(close + 2..).unwrap_or_default();
            line += lines(consumed(from, rest));
            continue;
        }
        let (tokens, behind) = tokens(inside, line)?;
        actions.push(Action { line, tokens });
        rest = behind;
        line += lines(consumed(from, rest));
    }
    Ok(actions)
}

/// The part of a text in front of its rest.
fn consumed<'t>(text: &'t str, rest: &str) -> &'t str {
    text.get(..text.len() - rest.len()).unwrap_or_default()
}

fn lines(text: &str) -> usize {
    text.bytes().filter(|b| *b == b'\n').count()
}

fn error(line: usize, reason: &str) -> TemplateError {
    TemplateError {
        line,
        reason: reason.to_owned(),
    }
}

/// Without the sign that trims the text before: a minus and a blank.
fn trimmed(inside: &str) -> &str {
    let rest = inside
        .strip_prefix('-')
        .filter(|rest| rest.starts_with([' ', '\t', '\r', '\n']));
    rest.map_or(inside, str::trim_start)
}

/// The tokens up to the closing delimiter, and the text behind it.
fn tokens(text: &str, line: usize) -> Result<(Vec<Token>, &str), TemplateError> {
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        if let Some(behind) = closing(rest) {
            return Ok((found, behind));
        }
        let Some(first) = rest.chars().next() else {
            return Err(error(line, "unclosed action"));
        };
        let (token, behind) = token(first, rest).map_err(|reason| error(line, reason))?;
        found.push(token);
        rest = behind;
    }
}

/// The text behind the closing delimiter, where it comes next.
fn closing(rest: &str) -> Option<&str> {
    if let Some(behind) = rest.strip_prefix("}}") {
        return Some(behind);
    }
    let blank = rest.trim_start();
    let signed = blank.len() < rest.len();
    blank.strip_prefix("-}}").filter(|_| signed)
}

fn token(first: char, rest: &str) -> Result<(Token, &str), &'static str> {
    let skip = |token, count: usize| Ok((token, rest.get(count..).unwrap_or_default()));
    match first {
        ' ' | '\t' | '\r' | '\n' => Ok((
            Token::Space,
            rest.trim_start_matches([' ', '\t', '\r', '\n']),
        )),
        '"' => quoted(rest),
        '`' => {
            let end = rest.get(1..).and_then(|rest| rest.find('`'));
            let end = end.ok_or("unterminated raw quoted string")?;
            let text = rest.get(1..end + 1).unwrap_or_default();
            skip(Token::Text(text.to_owned()), end + 2)
        }
        '\'' => {
            let end = character(rest).ok_or("unterminated character constant")?;
            let text = rest.get(..end).unwrap_or_default().to_owned();
            skip(Token::Constant(text), end)
        }
        '|' => skip(Token::Pipe, 1),
        ',' => skip(Token::Comma, 1),
        '(' => skip(Token::Open, 1),
        ')' => skip(Token::Close, 1),
        ':' if rest.starts_with(":=") => skip(Token::Declare, 2),
        '=' => skip(Token::Assign, 1),
        '$' => {
            let (name, behind) = word(rest.get(1..).unwrap_or_default());
            Ok((Token::Variable(name.to_owned()), behind))
        }
        '.' => {
            let (name, behind) = word(rest.get(1..).unwrap_or_default());
            if name.starts_with(|c: char| c.is_ascii_digit()) {
                return Ok(constant(rest));
            }
            match name {
                "" => Ok((Token::Dot, behind)),
                name => Ok((Token::Field(name.to_owned()), behind)),
            }
        }
        c if c.is_ascii_digit() || c == '+' || c == '-' => Ok(constant(rest)),
        c if is_word(c) => {
            let (name, behind) = word(rest);
            Ok((Token::Word(name.to_owned()), behind))
        }
        _ => Err("unrecognized character in action"),
    }
}

fn constant(text: &str) -> (Token, &str) {
    let behind = number(text);
    (Token::Constant(consumed(text, behind).to_owned()), behind)
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn word(text: &str) -> (&str, &str) {
    let end = text.find(|c| !is_word(c)).unwrap_or(text.len());
    text.split_at(end)
}

/// The text behind a number of any form: what is no number, Go refuses.
fn number(text: &str) -> &str {
    let signed = text.trim_start_matches(['+', '-']);
    let inside = |c: char| is_word(c) || c == '.';
    let mut end = signed.find(|c| !inside(c)).unwrap_or(signed.len());
    // 1e+6
    let exponent = signed
        .get(..end)
        .is_some_and(|own| own.ends_with(['e', 'E', 'p', 'P']));
    let rest = signed.get(end..).unwrap_or_default();
    if exponent && rest.starts_with(['+', '-']) {
        let more = rest.get(1..).unwrap_or_default();
        end += 1 + more.find(|c| !inside(c)).unwrap_or(more.len());
    }
    signed.get(end..).unwrap_or_default()
}

fn character(rest: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '\n' => return None,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\'' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// A quoted string. Of its escapes only those are undone that occur in names.
fn quoted(rest: &str) -> Result<(Token, &str), &'static str> {
    let mut text = String::new();
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '\n' => break,
            _ if escaped => {
                text.push(match c {
                    'n' => '\n',
                    't' => '\t',
                    other => other,
                });
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => {
                let behind = rest.get(at + 1..).unwrap_or_default();
                return Ok((Token::Text(text), behind));
            }
            other => text.push(other),
        }
    }
    Err("unterminated quoted string")
}
