//! Boolean CEL expressions, built up and simplified, then laid out for people to read.

/// The widest line that is not broken.
const WIDTH: usize = 100;

/// A boolean expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    /// Always true or always false.
    Always(bool),
    /// A call or a member: binds tighter than any operator.
    Call(String),
    /// A comparison: binds tighter than `&&` and `||`, but not than `!`.
    Relation(String),
    /// Not.
    Not(Box<Expr>),
    /// All of them hold; at least two.
    All(Vec<Expr>),
    /// Any of them holds; at least two.
    Any(Vec<Expr>),
    /// `list.macro(variable, body)`
    Each {
        /// The list or map.
        list: String,
        /// `all`, `exists` or `exists_one`.
        quantifier: &'static str,
        /// The name of an item, or of a key.
        variable: String,
        /// What is asked of it.
        body: Box<Expr>,
    },
}

impl Expr {
    /// A call or a member.
    pub fn call(text: impl Into<String>) -> Expr {
        Expr::Call(text.into())
    }

    /// A comparison.
    pub fn relation(text: impl Into<String>) -> Expr {
        Expr::Relation(text.into())
    }

    /// The opposite.
    #[allow(clippy::should_implement_trait, reason = "reads as `all` and `any` do")]
    pub fn not(self) -> Expr {
        match self {
            Expr::Always(holds) => Expr::Always(!holds),
            Expr::Not(inner) => *inner,
            other => Expr::Not(Box::new(other)),
        }
    }

    /// All of them hold.
    pub fn all(parts: impl IntoIterator<Item = Expr>) -> Expr {
        Expr::join(parts, false, Expr::All)
    }

    /// Any of them holds.
    pub fn any(parts: impl IntoIterator<Item = Expr>) -> Expr {
        Expr::join(parts, true, Expr::Any)
    }

    /// Joins parts, of which `decides` decides the whole and its opposite says nothing.
    fn join(
        parts: impl IntoIterator<Item = Expr>,
        decides: bool,
        whole: fn(Vec<Expr>) -> Expr,
    ) -> Expr {
        let mut joined = Vec::new();
        for part in parts {
            match (part, decides) {
                (Expr::Always(holds), _) if holds == decides => return Expr::Always(decides),
                (Expr::Always(_), _) => {}
                (Expr::All(inner), false) | (Expr::Any(inner), true) => joined.extend(inner),
                (other, _) => joined.push(other),
            }
        }
        let mut seen: Vec<Expr> = Vec::new();
        for part in joined {
            if !seen.contains(&part) {
                seen.push(part);
            }
        }
        match (seen.pop(), seen.is_empty()) {
            (None, _) => Expr::Always(!decides),
            (Some(only), true) => only,
            (Some(last), false) => {
                seen.push(last);
                whole(seen)
            }
        }
    }

    /// The body holds for the items of a list, or the keys of a map.
    pub fn each(list: &str, quantifier: &'static str, variable: &str, body: Expr) -> Expr {
        match body {
            Expr::Always(true) if quantifier == "all" => Expr::Always(true),
            Expr::Always(false) if quantifier == "exists" => Expr::Always(false),
            body => Expr::Each {
                list: list.to_owned(),
                quantifier,
                variable: variable.to_owned(),
                body: Box::new(body),
            },
        }
    }

    /// The expression as CEL, broken into lines where it is long.
    pub fn text(&self) -> String {
        self.laid_out(0)
    }

    fn laid_out(&self, indent: usize) -> String {
        let flat = self.flat();
        if indent + flat.len() <= WIDTH {
            return flat;
        }
        let pad = " ".repeat(indent);
        match self {
            Expr::All(parts) => self.lines(parts, "&&", indent),
            Expr::Any(parts) => self.lines(parts, "||", indent),
            Expr::Not(inner) => match inner.as_ref() {
                Expr::All(_) | Expr::Any(_) => format!("!({})", inner.laid_out(indent + 2)),
                inner => format!("!{}", inner.laid_out(indent + 1)),
            },
            Expr::Each {
                list,
                quantifier,
                variable,
                body,
            } => format!(
                "{list}.{quantifier}({variable},\n{pad}  {})",
                body.laid_out(indent + 2)
            ),
            Expr::Always(_) | Expr::Call(_) | Expr::Relation(_) => flat,
        }
    }

    fn lines(&self, parts: &[Expr], operator: &str, indent: usize) -> String {
        let separator = format!("\n{}{operator} ", " ".repeat(indent));
        let parts: Vec<String> = parts
            .iter()
            .map(|part| match part {
                Expr::All(_) | Expr::Any(_) => format!("({})", part.laid_out(indent + 4)),
                part => part.laid_out(indent + 3),
            })
            .collect();
        parts.join(&separator)
    }

    fn flat(&self) -> String {
        let joined = |parts: &[Expr], operator: &str| {
            let parts: Vec<String> = parts
                .iter()
                .map(|part| match part {
                    Expr::All(_) | Expr::Any(_) => format!("({})", part.flat()),
                    part => part.flat(),
                })
                .collect();
            parts.join(operator)
        };
        match self {
            Expr::Always(holds) => holds.to_string(),
            Expr::Call(text) | Expr::Relation(text) => text.clone(),
            Expr::Not(inner) => match inner.as_ref() {
                Expr::Call(_) | Expr::Each { .. } | Expr::Always(_) => format!("!{}", inner.flat()),
                other => format!("!({})", other.flat()),
            },
            Expr::All(parts) => joined(parts, " && "),
            Expr::Any(parts) => joined(parts, " || "),
            Expr::Each {
                list,
                quantifier,
                variable,
                body,
            } => format!("{list}.{quantifier}({variable}, {})", body.flat()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(text: &str) -> Expr {
        Expr::call(text)
    }

    #[test]
    fn what_says_nothing_disappears() {
        for (expr, expected) in [
            (Expr::all([]), "true"),
            (Expr::any([]), "false"),
            (Expr::all([Expr::Always(true), call("a")]), "a"),
            (Expr::any([Expr::Always(true), call("a")]), "true"),
            (Expr::all([call("a"), Expr::Always(false)]), "false"),
            (Expr::all([call("a"), call("a")]), "a"),
            (
                Expr::all([call("a"), Expr::all([call("b"), call("c")])]),
                "a && b && c",
            ),
            (call("a").not().not(), "a"),
            (Expr::each("l", "all", "i", Expr::Always(true)), "true"),
            (
                Expr::each("l", "all", "i", Expr::Always(false)),
                "l.all(i, false)",
            ),
            (Expr::each("l", "exists", "i", Expr::Always(false)), "false"),
        ] {
            assert_eq!(expr.text(), expected);
        }
    }

    #[test]
    fn parentheses_keep_the_meaning() {
        let (a, b, c) = (call("a"), call("b"), call("c"));
        for (expr, expected) in [
            (
                Expr::all([a.clone(), Expr::any([b.clone(), c.clone()])]),
                "a && (b || c)",
            ),
            (
                Expr::any([a.clone(), Expr::all([b.clone(), c.clone()])]),
                "a || (b && c)",
            ),
            (Expr::all([a.clone(), b.clone()]).not(), "!(a && b)"),
            (Expr::relation("a == 1").not(), "!(a == 1)"),
            (
                Expr::each("l", "all", "i", call("i.x")).not(),
                "!l.all(i, i.x)",
            ),
        ] {
            assert_eq!(expr.text(), expected);
        }
    }

    #[test]
    fn long_expressions_are_broken() {
        let long = call(&"x".repeat(60));
        let other = call(&"y".repeat(60));
        let expr = Expr::each("list", "all", "i", Expr::any([long, other]));
        let expected = format!(
            "list.all(i,\n  {}\n  || {})",
            "x".repeat(60),
            "y".repeat(60)
        );
        assert_eq!(expr.text(), expected);
    }
}
