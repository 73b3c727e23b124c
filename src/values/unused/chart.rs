//! A chart with its subcharts, as far as it takes to see which values its templates read.

use std::fs;
use std::path::{Path as File, PathBuf};
use std::rc::Rc;

use foldhash::{HashMap, HashSet};
use serde_json::Value;

use super::files::Files;
use super::place::{Path, Reads, Thing, below};
use super::template::{self, Node};
use crate::config::Source;
use crate::files::archive::MAX_TOTAL;
use crate::files::text::Content;

/// Subcharts nest this deep.
const MAX_DEPTH: usize = 8;

/// The chart and its subcharts; the chart itself is number 0.
#[derive(Debug, Default)]
pub struct Charts {
    charts: Vec<Chart>,
    prefixes: HashSet<Path>,
    /// Text that may be run as a template: values, and files that are none.
    texts: Vec<Vec<Node>>,
    /// What is read without a template: conditions and tags of dependencies.
    asked: Vec<Path>,
    /// What missing subcharts may read.
    unknown: Vec<Path>,
    /// `import-values`: where values come to, and where from.
    imported: Vec<(Path, Path)>,
    /// Subcharts that could not be looked into.
    pub unseen: Vec<String>,
}

/// One chart under one name.
#[derive(Debug)]
struct Chart {
    prefix: Path,
    templates: Rc<Vec<Vec<Node>>>,
    subcharts: HashMap<String, usize>,
}

/// A dependency of `Chart.yaml`.
struct Dependency {
    name: String,
    alias: Option<String>,
    repository: String,
    condition: Option<String>,
    tags: Vec<String>,
    imports: Vec<Value>,
}

impl Charts {
    /// Reads a chart's directory.
    ///
    /// # Errors
    /// There is no chart, or a file of it cannot be read, as `file: reason`.
    pub fn read(directory: &File) -> Result<Charts, String> {
        if !directory.join("Chart.yaml").is_file() {
            let shown = directory.display();
            return Err(format!("{shown}: no chart, it has no Chart.yaml"));
        }
        let mut charts = Charts::default();
        let mut reader = Reader {
            charts: &mut charts,
            read: HashMap::default(),
            left: MAX_TOTAL,
        };
        reader.chart(&Files::Folder(directory.to_owned()), Rc::from([]), 0)?;
        Ok(charts)
    }

    /// Adds text that a template may run: strings with actions in them.
    pub fn add_texts(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.add_text(text),
            Value::Array(items) => items.iter().for_each(|item| self.add_texts(item)),
            Value::Object(map) => map.values().for_each(|value| self.add_texts(value)),
            _ => {}
        }
    }

    fn add_text(&mut self, text: &str) {
        // What is no template, Helm refuses to run.
        if text.contains("{{")
            && let Ok(nodes) = template::parse(text)
        {
            self.texts.push(nodes);
        }
    }

    /// Every template, whichever chart it belongs to.
    pub fn templates(&self) -> impl Iterator<Item = &[Node]> {
        let own = self.charts.iter().flat_map(|chart| chart.templates.iter());
        own.chain(&self.texts).map(Vec::as_slice)
    }

    /// Every template of a chart with what it gets as its dot.
    pub fn rendered(&self) -> impl Iterator<Item = (&[Node], Thing)> {
        self.charts.iter().enumerate().flat_map(|(number, chart)| {
            let templates = chart.templates.iter().map(Vec::as_slice);
            templates.map(move |nodes| (nodes, Thing::Context(number)))
        })
    }

    /// Text that may be run as a template.
    pub fn texts(&self) -> impl Iterator<Item = &[Node]> {
        self.texts.iter().map(Vec::as_slice)
    }

    /// What is read without a template.
    pub fn ask(&self, reads: &mut Reads) {
        self.asked.iter().for_each(|path| reads.touch(path));
        self.unknown.iter().for_each(|path| reads.take(path));
        if !self.unknown.is_empty() {
            reads.take(&self.global());
        }
        for (to, from) in &self.imported {
            reads.alias(to, from);
        }
    }

    /// Where the values of a chart lie.
    pub fn values(&self, chart: usize) -> Path {
        let own = self.charts.get(chart).map(|chart| chart.prefix.clone());
        own.unwrap_or_else(|| Rc::from([]))
    }

    /// Where the values for all charts lie.
    pub fn global(&self) -> Path {
        Rc::from([Rc::from("global")])
    }

    /// Whether the values of a chart lie there.
    pub fn is_root(&self, path: &Path) -> bool {
        self.prefixes.contains(path)
    }

    /// The contexts of the subcharts of a name.
    pub fn subcharts(&self, chart: usize, name: &str) -> Vec<Thing> {
        let Some(chart) = self.charts.get(chart) else {
            return Vec::new();
        };
        let all = chart.subcharts.iter();
        let mut fit: Vec<usize> = all
            .filter(|(own, _)| name == super::place::ANY || *own == name)
            .map(|(_, number)| *number)
            .collect();
        fit.sort_unstable();
        fit.into_iter().map(Thing::Context).collect()
    }

    /// The place itself; that of the global values where a subchart's own copy is meant.
    pub fn canonical(&self, path: &Path) -> Path {
        let global = path.iter().enumerate().skip(1);
        let mut global = global.filter(|(_, key)| key.as_ref() == "global");
        let at = global.find(|(at, _)| {
            let prefix = path.get(..*at).map(Rc::from);
            prefix.is_some_and(|prefix: Path| self.prefixes.contains(&prefix))
        });
        match at.and_then(|(at, _)| path.get(at..)) {
            Some(rest) => Rc::from(rest),
            None => path.clone(),
        }
    }
}

/// Reads charts, each once.
struct Reader<'c> {
    charts: &'c mut Charts,
    read: HashMap<PathBuf, Rc<Vec<Vec<Node>>>>,
    /// How many bytes may still be unpacked.
    left: u64,
}

impl Reader<'_> {
    /// Reads a chart whose values lie at a prefix, and its subcharts.
    fn chart(&mut self, files: &Files, prefix: Path, depth: usize) -> Result<usize, String> {
        let templates = self.templates(files)?;
        let number = self.charts.charts.len();
        self.charts.prefixes.insert(prefix.clone());
        self.charts.charts.push(Chart {
            prefix: prefix.clone(),
            templates,
            subcharts: HashMap::default(),
        });
        if depth == MAX_DEPTH {
            self.charts.unknown.push(prefix);
            return Ok(number);
        }
        let dependencies = dependencies(files)?;
        let mut found = files.subcharts(&mut self.left)?;
        for own in &dependencies {
            let name = own.alias.as_ref().unwrap_or(&own.name).clone();
            let place = below(&prefix, &name);
            self.conditions(own, &prefix, &place);
            let vendored = found.iter().find(|(name, _)| *name == own.name);
            let vendored = vendored.map(|(_, files)| files.clone());
            match vendored.or_else(|| beside(files, &own.repository)) {
                Some(files) => {
                    let child = self.chart(&files, place, depth + 1)?;
                    self.subchart(number, name, child);
                }
                None => {
                    self.charts.unseen.push(name);
                    self.charts.unknown.push(place);
                }
            }
        }
        found.retain(|(name, _)| !dependencies.iter().any(|own| own.name == *name));
        for (name, files) in found {
            let child = self.chart(&files, below(&prefix, &name), depth + 1)?;
            self.subchart(number, name, child);
        }
        Ok(number)
    }

    fn subchart(&mut self, of: usize, name: String, child: usize) {
        if let Some(chart) = self.charts.charts.get_mut(of) {
            chart.subcharts.insert(name, child);
        }
    }

    /// What decides whether a dependency is there, and what it gives its parent.
    fn conditions(&mut self, own: &Dependency, prefix: &Path, place: &Path) {
        let conditions = own.condition.iter().flat_map(|own| own.split(','));
        for condition in conditions {
            let path = condition
                .trim()
                .split('.')
                .fold(prefix.clone(), |path, key| below(&path, key));
            self.charts.asked.push(path);
        }
        let tags: Path = Rc::from([Rc::from("tags")]);
        let tags = own.tags.iter().map(|tag| below(&tags, tag));
        self.charts.asked.extend(tags);
        for import in &own.imports {
            let dotted = |from: &Path, text: &str| {
                let keys = text.split('.').filter(|key| !key.is_empty() && *key != ".");
                keys.fold(from.clone(), |path, key| below(&path, key))
            };
            let field = |key: &str| import.get(key).and_then(Value::as_str);
            match (import.as_str(), field("child"), field("parent")) {
                (Some(name), ..) => {
                    let from = below(&below(place, "exports"), name);
                    self.charts.imported.push((prefix.clone(), from));
                }
                (None, Some(child), Some(parent)) => {
                    let pair = (dotted(prefix, parent), dotted(place, child));
                    self.charts.imported.push(pair);
                }
                _ => {}
            }
        }
    }

    /// The templates of a chart; its other text with actions, and the texts in its values, are kept
    /// for templates that run them.
    fn templates(&mut self, files: &Files) -> Result<Rc<Vec<Vec<Node>>>, String> {
        let place = files.place();
        let key = fs::canonicalize(&place).unwrap_or(place);
        if let Some(known) = self.read.get(&key) {
            return Ok(known.clone());
        }
        let mut templates = Vec::new();
        for (name, content) in files.own()? {
            let shown = files.shown(&name);
            let Content::Text(text) = content else {
                continue;
            };
            if File::new(&name).starts_with("templates") {
                let nodes = template::parse(&text).map_err(|error| format!("{shown}:{error}"))?;
                template::texts(&nodes, &mut |text| self.charts.add_text(text));
                templates.push(nodes);
            } else if name == "values.yaml" {
                let values = super::super::chart::map(&shown, &text)?;
                self.charts.add_texts(&Value::Object(values));
            } else {
                self.charts.add_text(&text);
            }
        }
        let templates = Rc::new(templates);
        self.read.insert(key, templates.clone());
        Ok(templates)
    }
}

/// The chart that a dependency of a chart in a directory names by `file://`.
fn beside(files: &Files, repository: &str) -> Option<Files> {
    let Files::Folder(directory) = files else {
        return None;
    };
    let path = directory.join(repository.strip_prefix("file://")?);
    let there = path.join("Chart.yaml").is_file();
    there.then_some(Files::Folder(path))
}

/// The dependencies that a chart names, in `Chart.yaml` or, for Helm 2's form, `requirements.yaml`.
fn dependencies(files: &Files) -> Result<Vec<Dependency>, String> {
    let mut all = Vec::new();
    for name in ["Chart.yaml", "requirements.yaml"] {
        let Some(text) = files.text(name) else {
            continue;
        };
        let shown = files.shown(name);
        let source = Source::parse(&shown, &text).map_err(|error| error.to_string())?;
        let list = source.value("/dependencies");
        let list = list.as_ref().and_then(Value::as_array);
        all.extend(list.into_iter().flatten().filter_map(dependency));
    }
    Ok(all)
}

fn dependency(entry: &Value) -> Option<Dependency> {
    let field = |key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
    let list = |key: &str| {
        entry
            .get(key)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let tags = list("tags");
    Some(Dependency {
        name: field("name")?,
        alias: field("alias"),
        repository: field("repository").unwrap_or_default(),
        condition: field("condition"),
        tags: tags
            .iter()
            .filter_map(|tag| tag.as_str().map(str::to_owned))
            .collect(),
        imports: list("import-values"),
    })
}
