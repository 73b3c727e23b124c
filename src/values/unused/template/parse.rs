//! Tokens to a tree.

use std::iter::Peekable;
use std::vec::IntoIter;

use super::lex::{Action, Token, actions};
use super::{Node, Operand, Pipeline, TemplateError};

/// Blocks and parentheses are read this deep.
const MAX_DEPTH: usize = 100;

/// Reads a template.
///
/// # Errors
/// The first place that Go would refuse, or that is nested too deep.
pub fn parse(text: &str) -> Result<Vec<Node>, TemplateError> {
    let actions = actions(text)?;
    let mut parser = Parser {
        actions: actions.into_iter(),
        line: 1,
    };
    let (nodes, end) = parser.block(0)?;
    match end {
        Stop::Text => Ok(nodes),
        Stop::End | Stop::Else(_) => Err(parser.error("unexpected {{end}} or {{else}}")),
    }
}

struct Parser {
    actions: IntoIter<Action>,
    line: usize,
}

/// What a block of nodes ends with.
enum Stop {
    Text,
    End,
    /// `else`, with the tokens behind it.
    Else(Tokens),
}

type Tokens = Peekable<IntoIter<Token>>;

impl Parser {
    fn error(&self, reason: &str) -> TemplateError {
        TemplateError {
            line: self.line,
            reason: reason.to_owned(),
        }
    }

    fn block(&mut self, depth: usize) -> Result<(Vec<Node>, Stop), TemplateError> {
        if depth > MAX_DEPTH {
            return Err(self.error("blocks are nested too deep"));
        }
        let mut nodes = Vec::new();
        while let Some(action) = self.actions.next() {
            self.line = action.line;
            let mut tokens = action.tokens.into_iter().peekable();
            spaces(&mut tokens);
            match tokens.peek() {
                Some(Token::Word(word)) if word == "end" => return Ok((nodes, Stop::End)),
                Some(Token::Word(word)) if word == "else" => {
                    tokens.next();
                    spaces(&mut tokens);
                    return Ok((nodes, Stop::Else(tokens)));
                }
                // An empty action is refused by Go; {{break}} and {{continue}} read nothing.
                None => {}
                Some(_) => nodes.extend(self.node(tokens, depth)?),
            }
        }
        Ok((nodes, Stop::Text))
    }

    fn node(&mut self, mut tokens: Tokens, depth: usize) -> Result<Vec<Node>, TemplateError> {
        let keyword = match tokens.peek() {
            Some(Token::Word(word)) => word.clone(),
            _ => String::new(),
        };
        match keyword.as_str() {
            "if" | "with" | "range" => {
                tokens.next();
                Ok(vec![self.branch(&keyword, tokens, depth)?])
            }
            "define" | "block" => {
                tokens.next();
                let name = self.name(&mut tokens)?;
                let (body, end) = self.block(depth + 1)?;
                if !matches!(end, Stop::End) {
                    return Err(self.error("unexpected end of a define"));
                }
                let mut nodes = vec![Node::Define(name.clone(), body)];
                if keyword == "block" {
                    let pipeline = self.pipeline(&mut tokens, depth)?;
                    nodes.push(Node::Template(name, Some(pipeline)));
                }
                Ok(nodes)
            }
            "template" => {
                tokens.next();
                let name = self.name(&mut tokens)?;
                let pipeline = match tokens.peek() {
                    Some(_) => Some(self.pipeline(&mut tokens, depth)?),
                    None => None,
                };
                Ok(vec![Node::Template(name, pipeline)])
            }
            "break" | "continue" => Ok(Vec::new()),
            _ => Ok(vec![Node::Action(self.pipeline(&mut tokens, depth)?)]),
        }
    }

    fn name(&mut self, tokens: &mut Tokens) -> Result<String, TemplateError> {
        spaces(tokens);
        let name = match tokens.next() {
            Some(Token::Text(name)) => name,
            _ => return Err(self.error("expected the name of a template")),
        };
        spaces(tokens);
        Ok(name)
    }

    fn branch(
        &mut self,
        keyword: &str,
        mut tokens: Tokens,
        depth: usize,
    ) -> Result<Node, TemplateError> {
        let pipeline = self.pipeline(&mut tokens, depth)?;
        let (body, end) = self.block(depth + 1)?;
        let otherwise = match end {
            Stop::Text => return Err(self.error("unexpected end of the template in a block")),
            Stop::End => Vec::new(),
            Stop::Else(mut tokens) => match tokens.peek() {
                None => match self.block(depth + 1)? {
                    (nodes, Stop::End) => nodes,
                    _ => return Err(self.error("expected {{end}}")),
                },
                // `else if` and `else with` share the {{end}}.
                Some(Token::Word(word)) if word == "if" || word == "with" => {
                    let keyword = word.clone();
                    tokens.next();
                    if depth > MAX_DEPTH {
                        return Err(self.error("blocks are nested too deep"));
                    }
                    vec![self.branch(&keyword, tokens, depth + 1)?]
                }
                Some(_) => return Err(self.error("unexpected word after else")),
            },
        };
        Ok(match keyword {
            "if" => Node::If(pipeline, body, otherwise),
            "with" => Node::With(pipeline, body, otherwise),
            _ => Node::Range(pipeline, body, otherwise),
        })
    }

    /// A pipeline up to the end of the tokens or a closing parenthesis.
    fn pipeline(&mut self, tokens: &mut Tokens, depth: usize) -> Result<Pipeline, TemplateError> {
        if depth > MAX_DEPTH {
            return Err(self.error("parentheses are nested too deep"));
        }
        let mut pipeline = Pipeline::default();
        let mut command = Vec::new();
        let mut behind = false;
        loop {
            match tokens.peek() {
                None | Some(Token::Close) => break,
                Some(Token::Space) => {
                    tokens.next();
                    behind = false;
                    continue;
                }
                Some(Token::Pipe) => {
                    tokens.next();
                    pipeline.commands.push(std::mem::take(&mut command));
                }
                Some(Token::Comma | Token::Declare | Token::Assign) => {
                    let token = tokens.next();
                    pipeline.assigns = token == Some(Token::Assign);
                    self.declare(&mut pipeline, &mut command)?;
                }
                // A field right behind an operand is one of it.
                Some(Token::Field(_)) if behind => {
                    if let Some(Token::Field(name)) = tokens.next() {
                        join(&mut command, name);
                    }
                    continue;
                }
                Some(_) => {
                    let operand = self.operand(tokens, depth)?;
                    command.push(operand);
                    behind = true;
                    continue;
                }
            }
            behind = false;
        }
        if !command.is_empty() {
            pipeline.commands.push(command);
        }
        Ok(pipeline)
    }

    /// Takes the variable that stands in front of `,`, `:=` or `=`.
    fn declare(
        &self,
        pipeline: &mut Pipeline,
        command: &mut Vec<Operand>,
    ) -> Result<(), TemplateError> {
        match (
            command.pop(),
            command.is_empty() && pipeline.commands.is_empty(),
        ) {
            (Some(Operand::Variable(name)), true) => {
                pipeline.variables.push(name);
                Ok(())
            }
            _ => Err(self.error("expected a variable before an assignment")),
        }
    }

    fn operand(&mut self, tokens: &mut Tokens, depth: usize) -> Result<Operand, TemplateError> {
        Ok(match tokens.next() {
            Some(Token::Dot) => Operand::Dot,
            Some(Token::Field(name)) => Operand::Fields(Box::new(Operand::Dot), vec![name]),
            Some(Token::Variable(name)) => Operand::Variable(name),
            Some(Token::Text(text)) => Operand::Text(text),
            Some(Token::Constant(text)) => Operand::Constant(text),
            Some(Token::Word(word)) => match word.as_str() {
                "true" | "false" | "nil" => Operand::Constant(word),
                _ => Operand::Function(word),
            },
            Some(Token::Open) => {
                let nested = self.pipeline(tokens, depth + 1)?;
                match tokens.next() {
                    Some(Token::Close) => Operand::Nested(Box::new(nested)),
                    _ => return Err(self.error("unclosed left paren")),
                }
            }
            _ => return Err(self.error("unexpected token in an action")),
        })
    }
}

fn spaces(tokens: &mut Tokens) {
    while tokens.next_if_eq(&Token::Space).is_some() {}
}

/// Adds a field to the last operand.
fn join(command: &mut Vec<Operand>, name: String) {
    let operand = match command.pop() {
        Some(Operand::Fields(of, mut names)) => {
            names.push(name);
            Operand::Fields(of, names)
        }
        Some(of) => Operand::Fields(Box::new(of), vec![name]),
        None => Operand::Fields(Box::new(Operand::Dot), vec![name]),
    };
    command.push(operand);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(names: &[&str]) -> Operand {
        let names = names.iter().map(|name| (*name).to_owned());
        Operand::Fields(Box::new(Operand::Dot), names.collect())
    }

    fn function(name: &str) -> Operand {
        Operand::Function(name.to_owned())
    }

    #[test]
    fn actions_become_commands() {
        let nodes =
            parse("a {{- .Values.image | default \"x\\\"}}\" | quote -}} b {{/* }} */}}").unwrap();
        let commands = vec![
            vec![values(&["Values", "image"])],
            vec![function("default"), Operand::Text("x\"}}".into())],
            vec![function("quote")],
        ];
        let pipeline = Pipeline {
            commands,
            ..Pipeline::default()
        };
        assert_eq!(nodes, [Node::Action(pipeline)]);
    }

    #[test]
    fn fields_belong_to_what_they_touch() {
        let nodes = parse("{{ f $x.a .b (g .c).d .e.f }}").unwrap();
        let Node::Action(pipeline) = &nodes[0] else {
            panic!("{nodes:?}")
        };
        let kinds: Vec<String> = pipeline.commands[0]
            .iter()
            .map(|operand| match operand {
                Operand::Fields(of, names) => match of.as_ref() {
                    Operand::Dot => format!(".{}", names.join(".")),
                    Operand::Variable(name) => format!("${name}.{}", names.join(".")),
                    _ => format!("().{}", names.join(".")),
                },
                other => format!("{other:?}"),
            })
            .collect();
        assert_eq!(kinds, ["Function(\"f\")", "$x.a", ".b", "().d", ".e.f"]);
    }

    #[test]
    fn blocks_nest_and_else_chains_share_their_end() {
        let text = "{{if .a}}{{else if .b}}{{with .c}}{{else}}{{.d}}{{end}}{{else}}{{range $k, $v := .e}}{{break}}{{end}}{{end}}";
        let nodes = parse(text).unwrap();
        let Node::If(_, body, otherwise) = &nodes[0] else {
            panic!("{nodes:?}")
        };
        assert!(body.is_empty() && nodes.len() == 1);
        let Node::If(_, with, last) = &otherwise[0] else {
            panic!("{otherwise:?}")
        };
        assert!(matches!(&with[0], Node::With(_, _, own) if own.len() == 1));
        assert!(matches!(&last[0], Node::Range(own, ..) if own.variables == ["k", "v"]));
    }

    #[test]
    fn what_go_refuses_says_where() {
        for (text, line) in [
            ("{{", 1),
            ("\n{{ \"a }}", 2),
            ("{{ if .a }}\n{{ range .b }}\n", 2),
            ("{{ end }}", 1),
            ("{{ (f }}", 1),
            ("{{ define }}{{ end }}", 1),
            ("a\nb\n{{ f # }}", 3),
            ("{{/* a", 1),
        ] {
            assert_eq!(parse(text).unwrap_err().line, line, "{text}");
        }
        let deep = "{{if .a}}".repeat(200);
        assert!(parse(&deep).unwrap_err().reason.contains("too deep"));
        let deep = format!("{{{{ {} }}}}", "(".repeat(200));
        assert!(parse(&deep).unwrap_err().reason.contains("too deep"));
    }

    #[test]
    fn odd_forms_of_go_are_read() {
        for text in [
            "{{ $x := 1 -}}",
            "{{- $x = -1.5e+3 }}",
            "{{ 'a' }}{{ '\\'' }}",
            "{{ `raw }} \"text` }}",
            "{{ block \"a\" . }}{{ .b }}{{ end }}",
            "{{ template \"a\" }}",
            "{{\n  .a\n}}",
            "{{ range $i, $e := until 3 }}{{ continue }}{{ end }}",
            "{{ (index .a 0).b.c }}",
            "{{ if not (eq .a \"b\") }}{{ end }}",
            "{{ with $y := .a }}{{ $y }}{{ else with .b }}{{ end }}",
            "{{ printf \"%d\" 0x1F }}",
            "{ {{ .a }} } }}",
        ] {
            parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        }
    }
}
