//! Regular expressions of policies as CEL's `matches` takes them: the syntax of Go's RE2.
//!
//! Source: github.com/google/re2/wiki/Syntax, golang.org/pkg/regexp/syntax.

use regex_syntax::ast::{self, Ast, Visitor, parse::Parser, visit};

/// Go's largest repetition (`regexp/syntax`, `maxRepeat`).
const MAX_REPEAT: u32 = 1000;

/// Checks that a regular expression means the same to Go as to the filter.
///
/// # Errors
/// What Go has not, or reads differently.
pub fn check(pattern: &str) -> Result<(), String> {
    let tree = Parser::new()
        .parse(pattern)
        .map_err(|error| format!("is no regular expression: {}", error.kind()))?;
    visit(&tree, Known)
}

struct Known;

impl Visitor for Known {
    type Output = ();
    type Err = String;

    fn finish(self) -> Result<(), String> {
        Ok(())
    }

    fn visit_pre(&mut self, tree: &Ast) -> Result<(), String> {
        match tree {
            Ast::Flags(set) => flags(&set.flags),
            Ast::Group(group) => group.flags().map_or(Ok(()), flags),
            Ast::Literal(own) => literal(own),
            Ast::Assertion(own) => assertion(&own.kind),
            Ast::ClassPerl(own) => perl(own),
            Ast::ClassUnicode(own) => unicode(own),
            Ast::Repetition(own) => repetition(&own.op.kind),
            _ => Ok(()),
        }
    }

    fn visit_class_set_item_pre(&mut self, item: &ast::ClassSetItem) -> Result<(), String> {
        match item {
            ast::ClassSetItem::Literal(own) => literal(own),
            ast::ClassSetItem::Range(range) => {
                literal(&range.start).and_then(|()| literal(&range.end))
            }
            ast::ClassSetItem::Perl(own) => perl(own),
            ast::ClassSetItem::Unicode(own) => unicode(own),
            ast::ClassSetItem::Bracketed(_) => foreign("a class inside of a class"),
            _ => Ok(()),
        }
    }

    fn visit_class_set_binary_op_pre(&mut self, _: &ast::ClassSetBinaryOp) -> Result<(), String> {
        foreign("&&, -- or ~~ in a class")
    }
}

fn foreign(what: &str) -> Result<(), String> {
    Err(format!(
        "{what} in a regular expression is not known to the API server"
    ))
}

fn flags(flags: &ast::Flags) -> Result<(), String> {
    let known = flags.items.iter().all(|item| match item.kind {
        ast::FlagsItemKind::Negation => true,
        ast::FlagsItemKind::Flag(flag) => matches!(
            flag,
            ast::Flag::CaseInsensitive
                | ast::Flag::MultiLine
                | ast::Flag::DotMatchesNewLine
                | ast::Flag::SwapGreed
        ),
    });
    match known {
        true => Ok(()),
        false => foreign("a flag other than i, m, s and U"),
    }
}

fn literal(literal: &ast::Literal) -> Result<(), String> {
    use ast::HexLiteralKind::{UnicodeLong, UnicodeShort};
    match literal.kind {
        ast::LiteralKind::HexFixed(UnicodeShort | UnicodeLong)
        | ast::LiteralKind::HexBrace(UnicodeShort | UnicodeLong) => foreign("\\u"),
        _ => Ok(()),
    }
}

fn assertion(kind: &ast::AssertionKind) -> Result<(), String> {
    use ast::AssertionKind as Kind;
    match kind {
        Kind::StartLine
        | Kind::EndLine
        | Kind::StartText
        | Kind::EndText
        | Kind::WordBoundary
        | Kind::NotWordBoundary => Ok(()),
        _ => foreign("a word boundary other than \\b"),
    }
}

fn perl(class: &ast::ClassPerl) -> Result<(), String> {
    match class.kind {
        ast::ClassPerlKind::Space => {
            Err("\\s is another set of blanks to the API server; name them, as in [ \\t]".into())
        }
        _ => Ok(()),
    }
}

fn unicode(class: &ast::ClassUnicode) -> Result<(), String> {
    match &class.kind {
        ast::ClassUnicodeKind::OneLetter(_) => Ok(()),
        ast::ClassUnicodeKind::Named(name) if name.len() <= 2 => Ok(()),
        _ => foreign("a Unicode class with a long name"),
    }
}

fn repetition(kind: &ast::RepetitionKind) -> Result<(), String> {
    let most = match kind {
        ast::RepetitionKind::Range(
            ast::RepetitionRange::Exactly(n)
            | ast::RepetitionRange::AtLeast(n)
            | ast::RepetitionRange::Bounded(_, n),
        ) => *n,
        _ => 0,
    };
    match most <= MAX_REPEAT {
        true => Ok(()),
        false => foreign("a repetition of more than 1000"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_go_reads_alike_passes() {
        for pattern in [
            "^[a-z][a-z-]*$",
            "^($|runtime/default$|localhost/)",
            r"^\d{1,3}\.\w+$",
            "(?i)a",
            "(?P<n>a)|(?:b)",
            r"\p{L}\x41\b",
        ] {
            assert_eq!(check(pattern), Ok(()), "{pattern}");
        }
    }

    #[test]
    fn what_go_does_not_read_alike_is_named() {
        for (pattern, reason) in [
            (r"a\sb", "blanks"),
            (r"[\s]", "blanks"),
            ("[a-z&&[^b]]", "class"),
            ("[[a]b]", "inside of a class"),
            ("(?x)a", "flag"),
            (r"\u00e9", "\\u"),
            ("a{1001}", "repetition"),
            (r"\p{Alphabetic}", "Unicode"),
            (r"\b{start}", "boundary"),
            ("(?=a)", "no regular expression"),
        ] {
            let error = check(pattern).unwrap_err();
            assert!(error.contains(reason), "{pattern}: {error}");
        }
    }
}
