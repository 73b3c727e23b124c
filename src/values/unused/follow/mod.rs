//! Follows values through the templates of a chart: where each expression may lead, and what is read.
//!
//! Every template is walked, whatever its conditions say. What goes into a function that is not known
//! to hand on parts is read as a whole, so that nothing is called unread that may be read.

mod functions;

use foldhash::{HashMap, HashSet};

use super::chart::Charts;
use super::place::{ANY, MAX_PATH, Path, Reads, Thing, below};
use super::template::{Node, Operand, Pipeline};

/// Templates call each other this deep.
const MAX_CALLS: usize = 50;
/// Maps made by templates nest this deep.
const MAX_NESTED: usize = 8;
/// Turns of a loop that are followed.
const MAX_TURNS: usize = 6;
/// Steps after which the templates are given up.
const MAX_STEPS: usize = 4_000_000;

/// Walks templates.
pub struct Follower<'c> {
    charts: &'c Charts,
    /// Bodies by the name of their `define`.
    defined: HashMap<&'c str, Vec<&'c [Node]>>,
    /// What is read so far.
    pub reads: Reads,
    /// Calls that were followed.
    called: HashSet<(String, Thing)>,
    /// What text of the values or files is given when it is run as a template.
    pub contexts: HashSet<Thing>,
    calls: usize,
    steps: usize,
}

/// The dot, and the variables with what they may stand for.
struct Scope {
    dot: Thing,
    root: Thing,
    variables: Vec<(String, Thing)>,
}

impl<'c> Follower<'c> {
    /// Over the templates of charts.
    pub fn new(charts: &'c Charts) -> Follower<'c> {
        let mut follower = Follower {
            charts,
            defined: HashMap::default(),
            reads: Reads::default(),
            called: HashSet::default(),
            contexts: HashSet::default(),
            calls: 0,
            steps: 0,
        };
        for nodes in charts.templates() {
            follower.define(nodes);
        }
        follower
    }

    /// Remembers what a template defines.
    pub fn define(&mut self, nodes: &'c [Node]) {
        for node in nodes {
            match node {
                Node::Define(name, body) => {
                    self.defined.entry(name).or_default().push(body);
                    self.define(body);
                }
                Node::If(_, a, b) | Node::With(_, a, b) | Node::Range(_, a, b) => {
                    self.define(a);
                    self.define(b);
                }
                Node::Action(_) | Node::Template(..) => {}
            }
        }
    }

    /// Whether the templates were walked to their end.
    pub fn finished(&self) -> bool {
        self.steps < MAX_STEPS
    }

    /// Walks a template whose dot is this.
    pub fn run(&mut self, nodes: &'c [Node], dot: &Thing) {
        let mut scope = Scope {
            dot: dot.clone(),
            root: dot.clone(),
            variables: Vec::new(),
        };
        self.nodes(nodes, &mut scope);
    }

    fn nodes(&mut self, nodes: &'c [Node], scope: &mut Scope) {
        let known = scope.variables.len();
        for node in nodes {
            self.steps += 1;
            if !self.finished() {
                break;
            }
            self.node(node, scope);
        }
        scope.variables.truncate(known);
    }

    fn node(&mut self, node: &'c Node, scope: &mut Scope) {
        match node {
            Node::Action(pipeline) => {
                let value = self.pipeline(pipeline, scope);
                match pipeline.variables.first() {
                    None => self.take(&value),
                    Some(name) => self.assign(name, value, pipeline.assigns, scope),
                }
            }
            Node::If(pipeline, body, otherwise) => {
                let known = scope.variables.len();
                let value = self.pipeline(pipeline, scope);
                self.touch(&value);
                if let Some(name) = pipeline.variables.first() {
                    self.assign(name, value, pipeline.assigns, scope);
                }
                self.nodes(body, scope);
                self.nodes(otherwise, scope);
                scope.variables.truncate(known);
            }
            Node::With(pipeline, body, otherwise) => {
                let known = scope.variables.len();
                let value = self.pipeline(pipeline, scope);
                self.touch(&value);
                if let Some(name) = pipeline.variables.first() {
                    self.assign(name, value.clone(), pipeline.assigns, scope);
                }
                let outer = std::mem::replace(&mut scope.dot, value);
                self.nodes(body, scope);
                scope.dot = outer;
                self.nodes(otherwise, scope);
                scope.variables.truncate(known);
            }
            Node::Range(pipeline, body, otherwise) => self.range(pipeline, body, otherwise, scope),
            Node::Template(name, pipeline) => {
                let value = match pipeline {
                    Some(pipeline) => self.pipeline(pipeline, scope),
                    None => Thing::Nothing,
                };
                self.call(name, &value);
            }
            Node::Define(..) => {}
        }
    }

    fn range(
        &mut self,
        pipeline: &'c Pipeline,
        body: &'c [Node],
        otherwise: &'c [Node],
        scope: &mut Scope,
    ) {
        let known = scope.variables.len();
        let value = self.pipeline(pipeline, scope);
        self.touch(&value);
        let item = self.item(&value);
        self.touch(&item);
        match pipeline.variables.as_slice() {
            [] => {}
            [only] => self.assign(only, item.clone(), pipeline.assigns, scope),
            [key, own, ..] => {
                self.assign(key, Thing::Nothing, pipeline.assigns, scope);
                self.assign(own, item.clone(), pipeline.assigns, scope);
            }
        }
        let outer = std::mem::replace(&mut scope.dot, item);
        self.turns(body, scope);
        scope.dot = outer;
        self.nodes(otherwise, scope);
        scope.variables.truncate(known);
    }

    /// Walks the body of a loop until its variables stand for nothing new: what one turn assigns, the
    /// next may read.
    fn turns(&mut self, body: &'c [Node], scope: &mut Scope) {
        let mut last = Vec::new();
        for _ in 0..MAX_TURNS {
            last = scope.variables.clone();
            self.nodes(body, scope);
            if scope.variables == last {
                return;
            }
        }
        // Whatever further turns come to lies below what the last one brought.
        for ((_, value), (_, before)) in scope.variables.iter().zip(&last) {
            for new in value.without(before) {
                take(&mut self.reads, self.charts, &new);
            }
        }
    }

    fn assign(&mut self, name: &str, value: Thing, again: bool, scope: &mut Scope) {
        if !again {
            scope.variables.push((name.to_owned(), value));
            return;
        }
        let found = scope.variables.iter().rposition(|(own, _)| own == name);
        if let Some((_, own)) = found.and_then(|at| scope.variables.get_mut(at)) {
            let old = std::mem::replace(own, Thing::Nothing);
            let reads = &mut self.reads;
            let charts = self.charts;
            *own = Thing::any([old, value], &mut |lost| take(reads, charts, lost));
        }
    }

    fn pipeline(&mut self, pipeline: &'c Pipeline, scope: &mut Scope) -> Thing {
        let mut result = None;
        for command in &pipeline.commands {
            result = Some(self.command(command, result, scope));
        }
        result.unwrap_or(Thing::Nothing)
    }

    fn command(
        &mut self,
        command: &'c [Operand],
        piped: Option<Thing>,
        scope: &mut Scope,
    ) -> Thing {
        self.steps += 1;
        let Some((first, rest)) = command.split_first() else {
            return Thing::Nothing;
        };
        if !self.finished() {
            return Thing::Nothing;
        }
        if let Operand::Function(name) = first {
            return self.function(name, rest, piped, scope);
        }
        let value = self.operand(first, scope);
        // A method: it may read whatever it is given.
        for operand in rest {
            let argument = self.operand(operand, scope);
            self.take(&argument);
        }
        if let Some(piped) = piped {
            self.take(&piped);
        }
        value
    }

    fn operand(&mut self, operand: &'c Operand, scope: &mut Scope) -> Thing {
        match operand {
            Operand::Dot => scope.dot.clone(),
            Operand::Variable(name) if name.is_empty() => scope.root.clone(),
            Operand::Variable(name) => {
                let found = scope.variables.iter().rfind(|(own, _)| own == name);
                found.map_or(Thing::Nothing, |(_, value)| value.clone())
            }
            Operand::Function(name) => self.function(name, &[], None, scope),
            Operand::Text(text) | Operand::Constant(text) => Thing::text(text),
            Operand::Nested(pipeline) => {
                let value = self.pipeline(pipeline, scope);
                if let Some(name) = pipeline.variables.first() {
                    self.assign(name, value.clone(), pipeline.assigns, scope);
                }
                value
            }
            Operand::Fields(of, names) => {
                let of = self.operand(of, scope);
                names.iter().fold(of, |of, name| self.field(&of, name))
            }
        }
    }

    /// A field of a thing, [`ANY`] for one that is not known.
    fn field(&mut self, of: &Thing, name: &str) -> Thing {
        match of {
            Thing::Nothing | Thing::Text(_) | Thing::List(_) => Thing::Nothing,
            Thing::Context(chart) => match name {
                "Values" => Thing::Place(self.charts.values(*chart)),
                "Subcharts" => Thing::Subcharts(*chart),
                ANY => {
                    self.take(of);
                    Thing::Nothing
                }
                _ => Thing::Nothing,
            },
            Thing::Subcharts(chart) => self.any(self.charts.subcharts(*chart, name)),
            Thing::Place(path) => self.place(path, name),
            Thing::Map(entries) => {
                let known = entries.iter();
                let fit = known
                    .filter(|(own, _)| name == ANY || own.as_ref() == name || own.as_ref() == ANY);
                let fit: Vec<Thing> = fit.map(|(_, value)| value.clone()).collect();
                match fit.is_empty() {
                    true => Thing::Nothing,
                    false => self.any(fit),
                }
            }
            Thing::Any(all) => {
                let fields: Vec<Thing> = all.iter().map(|own| self.field(own, name)).collect();
                self.any(fields)
            }
        }
    }

    fn place(&mut self, path: &Path, name: &str) -> Thing {
        if path.len() >= MAX_PATH {
            self.reads.take(path);
            return Thing::Nothing;
        }
        Thing::Place(self.charts.canonical(&below(path, name)))
    }

    fn any(&mut self, things: impl IntoIterator<Item = Thing>) -> Thing {
        let (reads, charts) = (&mut self.reads, self.charts);
        Thing::any(things, &mut |lost| take(reads, charts, lost))
    }

    /// An item of a list, or a value of a map.
    fn item(&mut self, of: &Thing) -> Thing {
        match of {
            Thing::List(item) => item.as_ref().clone(),
            Thing::Any(all) => {
                let items: Vec<Thing> = all.iter().map(|own| self.item(own)).collect();
                self.any(items)
            }
            _ => self.field(of, ANY),
        }
    }

    /// Everything of a thing is read.
    pub fn take(&mut self, thing: &Thing) {
        take(&mut self.reads, self.charts, thing);
    }

    /// A thing is asked for.
    fn touch(&mut self, thing: &Thing) {
        match thing {
            Thing::Place(path) => self.reads.touch(path),
            Thing::Any(all) => all.iter().for_each(|own| self.touch(own)),
            _ => {}
        }
    }

    /// Walks the templates of a name, once for each thing that they are given.
    fn call(&mut self, name: &str, dot: &Thing) {
        let Some(bodies) = self.defined.get(name).cloned() else {
            return;
        };
        if self.calls >= MAX_CALLS || dot.depth() > MAX_NESTED {
            return self.take(dot);
        }
        if !self.called.insert((name.to_owned(), dot.clone())) {
            return;
        }
        self.calls += 1;
        for body in bodies {
            self.run(body, dot);
        }
        self.calls -= 1;
    }

    /// Walks every template whose name may be meant: all `parts` stand in it.
    fn call_any(&mut self, parts: &[String], dot: &Thing) {
        let names: Vec<&str> = self.defined.keys().copied().collect();
        let mut names: Vec<&str> = names
            .into_iter()
            .filter(|name| parts.iter().all(|part| name.contains(part)))
            .collect();
        names.sort_unstable();
        for name in names {
            self.call(name, dot);
        }
    }
}

fn take(reads: &mut Reads, charts: &Charts, thing: &Thing) {
    match thing {
        Thing::Nothing | Thing::Text(_) => {}
        Thing::Context(chart) | Thing::Subcharts(chart) => {
            reads.take(&charts.values(*chart));
            reads.take(&charts.global());
        }
        Thing::Place(path) => {
            reads.take(path);
            // The values of a chart hold the global ones.
            if charts.is_root(path) {
                reads.take(&charts.global());
            }
        }
        Thing::Map(entries) => entries.values().for_each(|own| take(reads, charts, own)),
        Thing::List(item) => take(reads, charts, item),
        Thing::Any(all) => all.iter().for_each(|own| take(reads, charts, own)),
    }
}
