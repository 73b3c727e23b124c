//! Text as XML and HTML hold it.

use super::printable;

/// Text between tags or in a quoted attribute of XML or HTML. Control characters, which XML cannot
/// hold, are written out; line breaks stay.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
        }
        for c in printable(line).chars() {
            match c {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
                _ => out.push(c),
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_the_text_it_stands_in() {
        let cases = [
            ("plain", "plain"),
            ("a<b>&\"c\"", "a&lt;b&gt;&amp;&quot;c&quot;"),
            ("two\nlines", "two\nlines"),
            ("\u{1b}[31m\u{0}", "\\u{1b}[31m\\u{0}"),
            ("\u{ffff}", "\u{fffd}"),
        ];
        for (text, want) in cases {
            assert_eq!(escape(text), want, "{text:?}");
        }
    }
}
