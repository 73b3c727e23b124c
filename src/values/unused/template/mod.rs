//! Go's `text/template` language, as far as it takes to see what a template reads.
//!
//! The grammar is that of Go's `text/template/parse`: what Go refuses may be taken here, but what Go
//! takes is never refused, but for the bounds on depth.

mod lex;
mod parse;

use std::fmt;

pub use parse::parse;

/// A template that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, as a lowercase fragment.
    pub reason: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.reason)
    }
}

/// What stands in a template, without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// `{{ pipeline }}`
    Action(Pipeline),
    /// `{{ if pipeline }}…{{ else }}…{{ end }}`
    If(Pipeline, Vec<Node>, Vec<Node>),
    /// `{{ with pipeline }}…{{ else }}…{{ end }}`
    With(Pipeline, Vec<Node>, Vec<Node>),
    /// `{{ range pipeline }}…{{ else }}…{{ end }}`
    Range(Pipeline, Vec<Node>, Vec<Node>),
    /// `{{ template "name" pipeline }}`
    Template(String, Option<Pipeline>),
    /// `{{ define "name" }}…{{ end }}`
    Define(String, Vec<Node>),
}

/// Commands, each of which gets the result of the one before as its last argument.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pipeline {
    /// The variables that get the result: `$x :=`, `$k, $v :=`.
    pub variables: Vec<String>,
    /// Whether they were declared before: `$x =`.
    pub assigns: bool,
    /// The commands.
    pub commands: Vec<Vec<Operand>>,
}

/// An operand of a command; the first may be a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// `.`
    Dot,
    /// `$` and `$name`, without the sign.
    Variable(String),
    /// The name of a function.
    Function(String),
    /// A string.
    Text(String),
    /// A number, a boolean, nil, a character, as it stands.
    Constant(String),
    /// `( pipeline )`
    Nested(Box<Pipeline>),
    /// Fields of an operand: `.Values.image`, `$x.name`, `(…).key`.
    Fields(Box<Operand>, Vec<String>),
}

/// Calls back with every string that stands in a template: it may be run as one.
pub fn texts(nodes: &[Node], found: &mut dyn FnMut(&str)) {
    for node in nodes {
        let (pipeline, bodies): (Option<&Pipeline>, [&[Node]; 2]) = match node {
            Node::Action(pipeline) => (Some(pipeline), [&[], &[]]),
            Node::Template(_, pipeline) => (pipeline.as_ref(), [&[], &[]]),
            Node::Define(_, body) => (None, [body, &[]]),
            Node::If(pipeline, a, b) | Node::With(pipeline, a, b) | Node::Range(pipeline, a, b) => {
                (Some(pipeline), [a, b])
            }
        };
        if let Some(pipeline) = pipeline {
            texts_of(pipeline, found);
        }
        for body in bodies {
            texts(body, found);
        }
    }
}

fn texts_of(pipeline: &Pipeline, found: &mut dyn FnMut(&str)) {
    for operand in pipeline.commands.iter().flatten() {
        let mut operand = operand;
        while let Operand::Fields(of, _) = operand {
            operand = of;
        }
        match operand {
            Operand::Text(text) => found(text),
            Operand::Nested(pipeline) => texts_of(pipeline, found),
            _ => {}
        }
    }
}
