//! `.helmignore`, which looks like `.gitignore` and is another language.
//!
//! The rules are those of helm.sh/helm, pkg/ignore/rules.go: a pattern without a slash is about the
//! base name, one with a slash about the whole path from the chart's root; the first match decides;
//! `!x` ignores whatever is not `x`; there is no `**`.

use std::path::Path;
use std::str::Chars;

/// The rules of one chart.
#[derive(Clone, Debug, Default)]
pub struct Rules(Vec<Rule>);

#[derive(Clone, Debug)]
struct Rule {
    pattern: Vec<Token>,
    /// Whether the pattern is matched against the whole path.
    path: bool,
    negate: bool,
    only_directories: bool,
}

/// What Helm ignores in every chart: hidden files among the templates.
const DEFAULT: &str = "templates/.?*";

impl Rules {
    /// The rules of the chart in a directory. Helm does not load a chart whose rules it cannot read;
    /// here nothing is ignored then.
    pub fn of_chart(chart: &Path) -> Rules {
        let text = std::fs::read_to_string(chart.join(".helmignore")).unwrap_or_default();
        let mut rules = Rules::parse(&text).unwrap_or_default();
        rules.0.extend(Rules::parse(DEFAULT).unwrap_or_default().0);
        rules
    }

    /// Reads rules, one a line; `None` when Helm would refuse them.
    pub fn parse(text: &str) -> Option<Rules> {
        let lines = text.lines().map(str::trim);
        let rules = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        rules.map(Rule::parse).collect::<Option<_>>().map(Rules)
    }

    /// Whether Helm ignores a file or directory; the path is relative to the chart, with slashes.
    pub fn ignores(&self, path: &str, directory: bool) -> bool {
        if path.is_empty() || path == "." {
            return false;
        }
        for rule in &self.0 {
            let other = rule.only_directories && !directory;
            if rule.negate {
                if other || !rule.matches(path) {
                    return true;
                }
            } else if !other && rule.matches(path) {
                return true;
            }
        }
        false
    }
}

impl Rule {
    fn parse(line: &str) -> Option<Rule> {
        if line.contains("**") {
            return None;
        }
        let (negate, rest) = match line.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        let (only_directories, rest) = match rest.strip_suffix('/') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        Some(Rule {
            pattern: tokens(rest.strip_prefix('/').unwrap_or(rest))?,
            path: rest.contains('/'),
            negate,
            only_directories,
        })
    }

    fn matches(&self, path: &str) -> bool {
        let name = match self.path {
            true => path,
            false => path.rsplit('/').next().unwrap_or(path),
        };
        matches(&self.pattern, name)
    }
}

/// One part of a pattern, as Go's `path/filepath.Match` has it.
#[derive(Clone, Debug)]
enum Token {
    /// `*`: any characters but slashes.
    Many,
    /// `?`: one character but a slash.
    Any,
    /// A class or a plain character: one of these ranges, or, negated, none of them.
    One {
        ranges: Vec<(char, char)>,
        negated: bool,
    },
}

impl Token {
    fn plain(c: char) -> Token {
        Token::One {
            ranges: vec![(c, c)],
            negated: false,
        }
    }

    fn fits(&self, c: char) -> bool {
        match self {
            Token::Many | Token::Any => c != '/',
            Token::One { ranges, negated } => {
                ranges.iter().any(|(low, high)| *low <= c && c <= *high) != *negated
            }
        }
    }
}

/// The parts of a pattern; `None` for a malformed one.
fn tokens(pattern: &str) -> Option<Vec<Token>> {
    let mut chars = pattern.chars();
    let mut tokens = Vec::new();
    while let Some(c) = chars.next() {
        tokens.push(match c {
            '*' => Token::Many,
            '?' => Token::Any,
            '[' => class(&mut chars)?,
            '\\' => Token::plain(chars.next()?),
            c => Token::plain(c),
        });
    }
    Some(tokens)
}

/// The class behind a `[`.
fn class(chars: &mut Chars<'_>) -> Option<Token> {
    let negated = chars.as_str().starts_with('^');
    if negated {
        chars.next();
    }
    let mut ranges = Vec::new();
    while ranges.is_empty() || !chars.as_str().starts_with(']') {
        let low = class_char(chars)?;
        let is_range = chars.as_str().starts_with('-');
        let high = match is_range {
            true => {
                chars.next();
                class_char(chars)?
            }
            false => low,
        };
        ranges.push((low, high));
    }
    chars.next();
    Some(Token::One { ranges, negated })
}

fn class_char(chars: &mut Chars<'_>) -> Option<char> {
    match chars.next()? {
        '-' | ']' => None,
        '\\' => chars.next(),
        c => Some(c),
    }
}

/// Whether a name matches a pattern as a whole: which of its positions each part can end at, so that
/// no pattern takes long.
fn matches(tokens: &[Token], name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    let mut ends = vec![false; name.len() + 1];
    if let Some(start) = ends.first_mut() {
        *start = true;
    }
    for token in tokens {
        let many = matches!(token, Token::Many);
        let mut next = vec![false; ends.len()];
        let mut before = false;
        for (at, slot) in next.iter_mut().enumerate() {
            let here = ends.get(at) == Some(&true);
            let fits = at > 0 && name.get(at - 1).is_some_and(|c| token.fits(*c));
            // `before`: the part may end one character earlier, or for `*` reach up to there.
            *slot = before && fits || many && here;
            before = if many { *slot } else { here };
        }
        ends = next;
    }
    ends.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_ignored_as_helm_ignores_them() {
        for (rules, path, directory, want) in [
            ("notes.txt", "notes.txt", false, true),
            ("notes.txt", "docs/notes.txt", false, true),
            ("*.txt", "docs/notes.txt", false, true),
            ("*.txt", "notes.md", false, false),
            ("docs/*.txt", "docs/notes.txt", false, true),
            ("docs/*.txt", "docs/a/notes.txt", false, false),
            ("docs/*.txt", "more/docs/notes.txt", false, false),
            ("/notes.txt", "notes.txt", false, true),
            ("/notes.txt", "docs/notes.txt", false, false),
            ("no[s-u]?s.txt", "notes.txt", false, true),
            ("no[^s-u]es.txt", "notes.txt", false, false),
            ("no[!t]es.txt", "notes.txt", false, true),
            ("n{o,a}tes", "notes", false, false),
            ("a\\*", "a*", false, true),
            ("a\\*", "ab", false, false),
            ("docs/", "docs", true, true),
            ("docs/", "docs", false, false),
            ("docs", "docs", true, true),
            (".*", ".git", true, true),
            (".*", ".", true, false),
            ("# docs\n\n  docs  ", "docs", true, true),
            ("!docs", "docs", true, false),
            ("!docs", "notes.txt", false, true),
            ("!docs/", "notes.txt", false, true),
            ("a\n!b", "b", false, false),
            ("*a*/*b", "xay/b", false, true),
            ("*a*/*b", "xay/c/b", false, false),
            ("a*", "a", false, true),
            ("docs?/a", "docs//a", false, false),
        ] {
            let parsed = Rules::parse(rules).unwrap();
            assert_eq!(parsed.ignores(path, directory), want, "{rules:?} {path}");
        }
    }

    #[test]
    fn what_helm_refuses_is_refused() {
        for rules in ["docs/**/a", "[z-", "[]", "a\\", "[a"] {
            assert!(Rules::parse(rules).is_none(), "{rules}");
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        let rules = Rules::parse(&"*a".repeat(200)).unwrap();
        assert!(!rules.ignores(&format!("{}b", "a".repeat(2000)), false));
    }

    #[test]
    fn hidden_templates_are_ignored_in_every_chart() {
        let chart = tempfile::tempdir().unwrap();
        let rules = Rules::of_chart(chart.path());
        assert!(rules.ignores("templates/.cache", false));
        assert!(!rules.ignores(".env", false) && !rules.ignores("templates/a.yaml", false));
        std::fs::write(chart.path().join(".helmignore"), "a/**\n").unwrap();
        assert!(!Rules::of_chart(chart.path()).ignores("a", true));
    }
}
