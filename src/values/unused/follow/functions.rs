//! Functions that hand on values, or parts of them (Go's text/template, Sprig, Helm). All others read
//! whatever they are given.

use std::rc::Rc;

use super::{Follower, Scope};
use crate::values::unused::place::{ANY, Path, Thing};
use crate::values::unused::template::Operand;

impl<'c> Follower<'c> {
    pub(super) fn function(
        &mut self,
        name: &str,
        operands: &'c [Operand],
        piped: Option<Thing>,
        scope: &mut Scope,
    ) -> Thing {
        let mut arguments: Vec<Thing> = Vec::with_capacity(operands.len() + 1);
        for operand in operands {
            arguments.push(self.operand(operand, scope));
        }
        arguments.extend(piped);
        let name = name.strip_prefix("must").map_or_else(
            || name.to_owned(),
            |rest| {
                let mut letters = rest.chars();
                let first = letters.next().map(|c| c.to_ascii_lowercase());
                first.into_iter().chain(letters).collect()
            },
        );
        match name.as_str() {
            "include" => {
                let dot = arguments.get(1).cloned().unwrap_or(Thing::Nothing);
                let name = arguments.first().cloned().unwrap_or(Thing::Nothing);
                self.include(operands.first(), &name, &dot);
                Thing::Nothing
            }
            "tpl" => {
                let mut arguments = arguments.into_iter();
                if let Some(text) = arguments.next() {
                    self.take(&text);
                }
                self.contexts.extend(arguments.next());
                Thing::Nothing
            }
            // One of them, as it is.
            "default" | "coalesce" | "or" | "and" | "required" | "deepCopy" | "omit"
            | "ternary" => {
                for argument in &arguments {
                    self.touch(argument);
                }
                self.any(arguments)
            }
            // A list of the same items.
            "concat" | "rest" | "initial" | "uniq" | "reverse" | "compact" | "slice" => {
                let items: Vec<Thing> = arguments.iter().map(|own| self.item(own)).collect();
                self.list(items)
            }
            "append" | "prepend" => {
                let items = match arguments.split_first() {
                    Some((list, added)) => {
                        let item = self.item(list);
                        [&[item], added].concat()
                    }
                    None => Vec::new(),
                };
                self.list(items)
            }
            "merge" | "mergeOverwrite" => self.merge(operands, arguments, scope),
            "empty" | "not" | "kindIs" | "kindOf" | "typeOf" | "typeIs" | "typeIsLike" | "len" => {
                for argument in &arguments {
                    self.touch(argument);
                }
                Thing::Nothing
            }
            "hasKey" => {
                self.rest(&arguments, 1);
                let field = self.steps_down(&arguments);
                self.touch(&field);
                Thing::Nothing
            }
            "keys" => {
                for argument in &arguments {
                    let item = self.item(argument);
                    self.touch(&item);
                }
                Thing::Nothing
            }
            "values" => {
                let items: Vec<Thing> = arguments.iter().map(|own| self.item(own)).collect();
                self.list(items)
            }
            "first" | "last" => match arguments.first() {
                Some(list) => self.item(list),
                None => Thing::Nothing,
            },
            "index" | "get" => {
                self.rest(&arguments, 1);
                self.steps_down(&arguments)
            }
            "dig" => self.dig(arguments),
            "pluck" => {
                let (name, maps) = match arguments.split_first() {
                    Some((name, maps)) => (name.clone(), maps),
                    None => return Thing::Nothing,
                };
                self.take(&name);
                let found: Vec<Thing> = maps.iter().map(|map| self.down(map, &name)).collect();
                self.list(found)
            }
            "pick" => self.pick(arguments),
            "splitList" | "split" => self.split(&arguments),
            "dict" => self.dict(arguments),
            // By their places, by which `index` takes them out.
            "list" | "tuple" => {
                let places = (0..).map(|place: usize| Rc::from(place.to_string()));
                Thing::map(places.zip(arguments))
            }
            "set" => self.set(operands, arguments, scope),
            "unset" => arguments.into_iter().next().unwrap_or(Thing::Nothing),
            _ => {
                self.rest(&arguments, 0);
                Thing::Nothing
            }
        }
    }

    /// A list of any of these.
    fn list(&mut self, items: Vec<Thing>) -> Thing {
        let item = self.any(items);
        Thing::List(item.into())
    }

    /// All arguments from one on are read.
    fn rest(&mut self, arguments: &[Thing], from: usize) {
        for argument in arguments.get(from..).unwrap_or_default() {
            self.take(argument);
        }
    }

    /// The fields of a thing whose names another may be; the items of a list.
    fn down(&mut self, of: &Thing, name: &Thing) -> Thing {
        let mut found = Vec::new();
        for name in name.keys() {
            found.push(self.field(of, &name));
        }
        let lists = match of {
            Thing::Any(all) => all.iter().cloned().collect(),
            own => vec![own.clone()],
        };
        for list in lists {
            if let Thing::List(item) = list {
                found.push(item.as_ref().clone());
            }
        }
        self.any(found)
    }

    /// `index map "a" $b`: from the first argument down by the names of the others.
    fn steps_down(&mut self, arguments: &[Thing]) -> Thing {
        let Some((first, names)) = arguments.split_first() else {
            return Thing::Nothing;
        };
        let mut value = first.clone();
        for name in names {
            value = self.down(&value, name);
        }
        value
    }

    /// `dig "a" "b" default map`.
    fn dig(&mut self, mut arguments: Vec<Thing>) -> Thing {
        let (Some(map), Some(default)) = (arguments.pop(), arguments.pop()) else {
            return Thing::Nothing;
        };
        self.rest(&arguments, 0);
        arguments.insert(0, map);
        let found = self.steps_down(&arguments);
        self.any([found, default])
    }

    fn pick(&mut self, arguments: Vec<Thing>) -> Thing {
        self.rest(&arguments, 1);
        let Some((map, names)) = arguments.split_first() else {
            return Thing::Nothing;
        };
        let mut entries = Vec::new();
        for name in names.iter().flat_map(Thing::keys) {
            if name.as_ref() == ANY {
                return map.clone();
            }
            let field = self.field(map, &name);
            entries.push((name, field));
        }
        Thing::map(entries)
    }

    /// The parts of a text that is known. `split` gives a map of them.
    fn split(&mut self, arguments: &[Thing]) -> Thing {
        let (Some(separator), Some(text)) = (arguments.first(), arguments.get(1)) else {
            return Thing::Nothing;
        };
        self.take(text);
        let (separators, texts) = (separator.keys(), text.keys());
        let known = separators
            .iter()
            .chain(&texts)
            .all(|key| key.as_ref() != ANY);
        if !known {
            return Thing::List(Thing::Nothing.into());
        }
        let parts = texts.iter().flat_map(|text| {
            let cut = |separator: &Rc<str>| -> Vec<Thing> {
                text.split(separator.as_ref()).map(Thing::text).collect()
            };
            separators.iter().flat_map(cut).collect::<Vec<Thing>>()
        });
        let parts: Vec<Thing> = parts.collect();
        self.list(parts)
    }

    fn dict(&mut self, arguments: Vec<Thing>) -> Thing {
        let mut entries = std::collections::BTreeMap::new();
        let mut arguments = arguments.into_iter();
        while let (Some(name), Some(value)) = (arguments.next(), arguments.next()) {
            self.take(&name);
            for name in name.keys() {
                let both = match entries.remove(&name) {
                    Some(before) => self.any([before, value.clone()]),
                    None => value.clone(),
                };
                entries.insert(name, both);
            }
        }
        Thing::map(entries)
    }

    /// `set map key value` changes the map itself.
    fn set(&mut self, operands: &[Operand], arguments: Vec<Thing>, scope: &mut Scope) -> Thing {
        let mut own = arguments.into_iter();
        let (Some(map), Some(name), Some(value)) = (own.next(), own.next(), own.next()) else {
            return Thing::Nothing;
        };
        self.take(&name);
        let names = name.keys().into_iter();
        let entry = Thing::map(names.map(|name| (name, value.clone())));
        self.put(operands.first(), map, entry, scope)
    }

    /// `merge map others…` changes the first map.
    fn merge(&mut self, operands: &[Operand], arguments: Vec<Thing>, scope: &mut Scope) -> Thing {
        for argument in &arguments {
            self.touch(argument);
        }
        let mut own = arguments.into_iter();
        let map = own.next().unwrap_or(Thing::Nothing);
        let others = self.any(own);
        self.put(operands.first(), map, others, scope)
    }

    /// Lays entries over a map that is changed in its place: a variable, the values, or a part of one
    /// of these.
    fn put(
        &mut self,
        operand: Option<&Operand>,
        map: Thing,
        entries: Thing,
        scope: &mut Scope,
    ) -> Thing {
        self.flow(&map, &entries);
        let both = self.any([map.clone(), entries.clone()]);
        match operand {
            Some(Operand::Variable(name)) if !name.is_empty() => {
                self.assign(name, both.clone(), true, scope);
            }
            Some(Operand::Dot) => scope.dot = both.clone(),
            // A map that a template made stays where it was: whatever lies over it counts as read.
            Some(Operand::Fields(..) | Operand::Variable(_)) if !is_place(&map) => {
                self.take(&entries)
            }
            _ => {}
        }
        both
    }

    /// What is read of a place is read of what was laid over it.
    fn flow(&mut self, map: &Thing, entries: &Thing) {
        match map {
            Thing::Place(path) => self.flow_into(path, entries),
            Thing::Any(all) => all.iter().for_each(|own| self.flow(own, entries)),
            Thing::Context(_) | Thing::Subcharts(_) => self.take(entries),
            Thing::Nothing | Thing::Text(_) | Thing::Map(_) | Thing::List(_) => {}
        }
    }

    fn flow_into(&mut self, path: &Path, entries: &Thing) {
        match entries {
            Thing::Place(other) => self.reads.alias(path, other),
            Thing::Map(own) => {
                for (name, value) in own.iter() {
                    let place = self.place(path, name);
                    match (&place, value) {
                        (Thing::Place(below), Thing::Place(other)) => {
                            self.reads.alias(below, other)
                        }
                        _ => self.take(value),
                    }
                }
            }
            Thing::Any(all) => all.iter().for_each(|own| self.flow_into(path, own)),
            other => self.take(other),
        }
    }

    fn include(&mut self, operand: Option<&'c Operand>, name: &Thing, dot: &Thing) {
        self.take(name);
        let names = name.keys();
        if names.iter().all(|name| name.as_ref() != ANY) {
            return names.iter().for_each(|name| self.call(name, dot));
        }
        match operand {
            // Another file of the chart: all of them are walked anyway, with the chart's own dot.
            Some(own) if is_base_path(own) => match dot {
                Thing::Context(_) => {}
                other => self.take(other),
            },
            own => self.call_any(&own.map(parts).unwrap_or_default(), dot),
        }
    }
}

/// Whether a thing is nothing but places.
fn is_place(thing: &Thing) -> bool {
    match thing {
        Thing::Place(_) => true,
        Thing::Any(all) => all.iter().all(is_place),
        _ => false,
    }
}

/// The constant parts of a name that `print` or `printf` puts together, in no order.
fn parts(operand: &Operand) -> Vec<String> {
    let Operand::Nested(pipeline) = operand else {
        return Vec::new();
    };
    let Some((Operand::Function(function), rest)) =
        pipeline.commands.first().and_then(|own| own.split_first())
    else {
        return Vec::new();
    };
    if pipeline.commands.len() > 1 || !matches!(function.as_str(), "print" | "printf") {
        return Vec::new();
    }
    let texts = rest.iter().filter_map(|own| match own {
        Operand::Text(text) => Some(text.as_str()),
        _ => None,
    });
    // `%s` stands for anything; a piece with another verb is left out.
    let pieces = texts.flat_map(|text| text.split("%s"));
    let pieces = pieces.filter(|piece| !piece.is_empty() && !piece.contains('%'));
    pieces.map(str::to_owned).collect()
}

/// Whether a name starts with the path of the chart's templates.
fn is_base_path(operand: &Operand) -> bool {
    match operand {
        Operand::Fields(_, names) => names.iter().any(|name| name == "BasePath"),
        Operand::Nested(pipeline) => {
            let mut operands = pipeline.commands.iter().flatten();
            operands.any(is_base_path)
        }
        _ => false,
    }
}
