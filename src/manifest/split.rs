//! stub
use std::borrow::Cow;
/// span
#[derive(Clone, Debug)]
pub struct DocSpan {
    /// s
    pub start: usize,
    /// e
    pub end: usize,
    /// l
    pub first_line: usize,
    /// s
    pub source: Option<String>,
}
/// err
#[derive(Debug)]
pub struct SplitError {
    /// o
    pub offset: usize,
    /// r
    pub reason: Cow<'static, str>,
}
/// split
pub fn split(text: &str) -> Result<Vec<DocSpan>, SplitError> {
    let mut out = vec![];
    let mut start = 0;
    let mut line = 1;
    let mut first = 1;
    let mut at = 0;
    for l in text.split_inclusive('\n') {
        if l.trim_end() == "---" {
            out.push(mk(text, start, at, first));
            start = at + l.len();
            first = line + 1;
        }
        at += l.len();
        line += 1;
    }
    out.push(mk(text, start, at, first));
    Ok(out)
}
fn mk(text: &str, start: usize, end: usize, first_line: usize) -> DocSpan {
    let source = text[start..end]
        .lines()
        .next()
        .and_then(|l| l.strip_prefix("# Source: "))
        .map(str::to_owned);
    DocSpan {
        start,
        end,
        first_line,
        source,
    }
}
