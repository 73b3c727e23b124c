//! A value of maps and lists: every scalar with the name it stands under.

use std::borrow::Cow;
use std::ops::Range;

use super::hit::{Hit, Rule};
use super::scan::{self, Context};
use super::tables::{KINDS, Sort};
use super::{forms, names, secret, values};
use crate::manifest::view::{Type, escape};
use crate::manifest::{Style, View};

/// Deeper values are not looked at; nobody nests them, an attacker might.
const MAX_DEPTH: usize = 200;

/// Credentials in one scalar.
#[derive(Clone, Debug)]
pub struct Found {
    /// JSON Pointer from the value the walk began at.
    pub pointer: String,
    /// The variable, key or flag the scalar stands under, where that names the credential.
    pub name: Option<String>,
    /// The scalar's bytes in its document; empty for what an edit brought.
    pub span: Range<usize>,
    /// The lines of the text are lines of the document, one below the other.
    pub literal: bool,
    /// How many line breaks of the text come before each hit.
    pub lines: Vec<usize>,
    /// What was found.
    pub hits: Vec<Hit>,
}

impl Found {
    /// Credentials in a scalar.
    pub fn new(pointer: String, view: View<'_>, text: &str, hits: Vec<Hit>) -> Found {
        let node = view.node();
        let breaks = |hit: &Hit| text.get(..hit.at).map_or(0, |t| t.matches('\n').count());
        Found {
            pointer,
            name: None,
            span: node.map_or(0..0, |node| node.span()),
            literal: node.is_some_and(|node| node.raw().style == Style::Literal),
            lines: hits.iter().map(breaks).collect(),
            hits,
        }
    }

    /// How many lines below the scalar's first one the first hit of a policy is: a block scalar
    /// begins on the line of its `|`, any other text is taken as one line.
    pub fn line_below(&self, rule: Rule) -> usize {
        let own = self.hits.iter().zip(&self.lines);
        let first = own
            .filter(|(hit, _)| hit.rule == rule)
            .map(|(_, line)| line);
        match self.literal {
            true => first.min().map_or(0, |line| line + 1),
            false => 0,
        }
    }
}

/// How much of an object is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Nothing.
    Never,
    /// What has the form of a credential.
    Forms,
    /// Everything.
    All,
}

/// How much of an object of a kind is looked at.
pub fn depth_of(api_version: &str, kind: &str) -> Depth {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let full = format!("{kind}.{group}");
    if KINDS.never.contains(&full) || KINDS.never.contains(kind) {
        Depth::Never
    } else if KINDS.forms_only.contains(&full) || KINDS.forms_only.contains(kind) {
        Depth::Forms
    } else {
        Depth::All
    }
}

/// Every credential in a Kubernetes object.
pub fn object(view: View<'_>, api_version: &str, kind: &str, depth: u8) -> Vec<Found> {
    let context = Context {
        depth,
        ..Context::default()
    };
    match depth_of(api_version, kind) {
        Depth::Never => Vec::new(),
        Depth::Forms => walk(
            view,
            Context {
                forms_only: true,
                ..context
            },
            Root::Object,
        ),
        Depth::All if kind == "Secret" && api_version == "v1" => {
            let mut found = walk(view, context, Root::Secret);
            found.extend(secret::scan(view, depth));
            found
        }
        Depth::All => walk(view, context, Root::Object),
    }
}

/// Every credential in a document that stands in a text: an object if it is one.
pub fn document(view: View<'_>, context: Context<'_>) -> Vec<Found> {
    let text = |key| view.get(key).and_then(View::as_str).map(Cow::into_owned);
    match (text("apiVersion"), text("kind")) {
        (Some(api_version), Some(kind)) if !context.loose => {
            object(view, &api_version, &kind, context.depth + 1)
        }
        _ => walk(
            view,
            Context {
                depth: context.depth + 1,
                ..context
            },
            Root::Text,
        ),
    }
}

/// What the walk begins at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Root {
    Object,
    Secret,
    Text,
}

fn walk(view: View<'_>, context: Context<'_>, root: Root) -> Vec<Found> {
    let mut walker = Walker {
        context,
        labels: root == Root::Text && names::is_label_file(context.name),
        in_text: root == Root::Text,
        pointer: String::new(),
        found: Vec::new(),
    };
    if root == Root::Text {
        let name = context.name;
        walker.value(view, if name.contains('.') { "" } else { name }, 0);
        return walker.found;
    }
    for (key, value) in view.entries() {
        match key.as_ref() {
            "apiVersion" | "kind" | "status" => {}
            "data" | "stringData" if root == Root::Secret => {}
            "metadata" => walker.below("metadata", |walker| {
                if let Some(annotations) = value.get("annotations") {
                    walker.below("annotations", |walker| walker.value(annotations, "", 0));
                }
            }),
            key => walker.below(key, |walker| walker.value(value, key, 0)),
        }
    }
    walker.found
}

struct Walker<'c> {
    context: Context<'c>,
    /// The words of this text are shown to people.
    labels: bool,
    in_text: bool,
    pointer: String,
    found: Vec<Found>,
}

/// Members that name other objects, or whose names are the chart's own.
const SKIPPED: [&str; 27] = [
    "valueFrom",
    "secretKeyRef",
    "configMapKeyRef",
    "secretRef",
    "configMapRef",
    "envFrom",
    "imagePullSecrets",
    "matchLabels",
    "matchExpressions",
    "selector",
    "podSelector",
    "namespaceSelector",
    "nodeSelector",
    "labelSelector",
    "nodeAffinity",
    "tolerations",
    "managedFields",
    "ownerReferences",
    "caBundle",
    "labels",
    "resources",
    "securityContext",
    "volumeMounts",
    "topologySpreadConstraints",
    "openAPIV3Schema",
    "fieldRef",
    "resourceFieldRef",
];

/// Keys that name what stands under a value beside them.
const NAME_KEYS: [&str; 16] = [
    "name",
    "key",
    "header",
    "headerName",
    "property",
    "param",
    "parameter",
    "option",
    "variable",
    "var",
    "env",
    "envVar",
    "field",
    "attribute",
    "Name",
    "Key",
];

/// Keys of such values.
const VALUE_KEYS: [&str; 9] = [
    "value",
    "val",
    "default",
    "defaultValue",
    "stringValue",
    "plainValue",
    "literal",
    "Value",
    "content",
];

impl Walker<'_> {
    fn below(&mut self, key: &str, walk: impl FnOnce(&mut Self)) {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(&escape(key));
        walk(self);
        self.pointer.truncate(length);
    }

    fn value(&mut self, view: View<'_>, name: &str, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        match view.value_type() {
            Type::Map => self.map(view, name, depth),
            Type::Seq => self.seq(view, name, depth),
            Type::String => {
                if let Some(text) = view.as_str() {
                    self.text(view, &text, name);
                }
            }
            Type::Number => {
                if let Some(number) = view.as_number() {
                    self.text(view, &number.to_string(), name);
                }
            }
            Type::Null | Type::Bool => {}
        }
    }

    fn map(&mut self, view: View<'_>, parent: &str, depth: usize) {
        let entries: Vec<_> = view.entries().collect();
        let labels = self.labels;
        self.labels |= self.in_text && are_labels(&entries);
        let text = |keys: &[&str]| {
            entries.iter().find_map(|(key, value)| {
                keys.contains(&key.as_ref())
                    .then(|| value.as_str())
                    .flatten()
            })
        };
        let pair = text(&NAME_KEYS);
        let parent_named = names::classify(parent).is_some();
        for (key, value) in &entries {
            let key = key.as_ref();
            if SKIPPED.contains(&key) && !self.in_text {
                continue;
            }
            let name = match &pair {
                Some(name) if VALUE_KEYS.contains(&key) => name.as_ref(),
                _ if parent_named && stands_under(key, *value) => parent,
                _ if names_a_key(key, *value, &entries) => "",
                _ => key,
            };
            // A field of a schema: `default`, `example`, `description`.
            self.below(key, |walker| walker.value(*value, name, depth + 1));
        }
        self.command_line(view);
        self.labels = labels;
    }

    fn seq(&mut self, view: View<'_>, name: &str, depth: usize) {
        let name = if lists_names(view, name) { "" } else { name };
        let mut flag: Option<String> = None;
        for (index, item) in view.items().enumerate() {
            let before = flag.take();
            let text = item.as_str();
            let index = index.to_string();
            match (text.as_deref(), before) {
                (Some(text), Some(flag)) if !text.starts_with("--") => {
                    self.below(&index, |walker| walker.text(item, text, &flag));
                }
                (Some(text), _) => {
                    if let Some(rest) = text.strip_prefix('-') {
                        match rest.split_once('=') {
                            Some((name, value)) if !name.contains(char::is_whitespace) => {
                                let name = name.trim_start_matches('-').to_owned();
                                self.below(&index, |walker| walker.text(item, value, &name));
                                continue;
                            }
                            _ => {}
                        }
                        if !text.contains(char::is_whitespace) && names::classify(text).is_some() {
                            flag = Some(text.trim_start_matches('-').to_owned());
                            continue;
                        }
                    }
                    self.below(&index, |walker| walker.text(item, text, name));
                }
                (None, _) => self.below(&index, |walker| walker.value(item, name, depth + 1)),
            }
        }
    }

    /// `command` and `args` of a container or probe as the one line they are.
    fn command_line(&mut self, view: View<'_>) {
        let mut line = String::new();
        let mut places: Vec<(usize, String, Range<usize>)> = Vec::new();
        for key in ["command", "args"] {
            let Some(list) = view.get(key) else { continue };
            for (index, item) in list.items().enumerate() {
                if let Some(text) = item.as_str() {
                    if !line.is_empty() {
                        line.push(' ');
                    }
                    let span = item.node().map_or(0..0, |node| node.span());
                    places.push((line.len(), format!("{key}/{index}"), span));
                    line.push_str(&text);
                }
            }
        }
        if places.len() < 2 || line.len() > 4096 {
            return;
        }
        for hit in forms::find(&line)
            .hits
            .into_iter()
            .filter(|hit| hit.rule == Rule::NamedValue)
        {
            let Some((start, place, span)) =
                places.iter().rev().find(|(start, ..)| *start <= hit.at)
            else {
                continue;
            };
            let pointer = format!("{}/{place}", self.pointer);
            if self.found.iter().any(|found| found.pointer == pointer) {
                continue;
            }
            let at = hit.at - start;
            self.found.push(Found {
                pointer,
                name: None,
                span: span.clone(),
                literal: false,
                lines: vec![0],
                hits: vec![Hit { at, ..hit }],
            });
        }
    }

    fn text(&mut self, view: View<'_>, text: &str, name: &str) {
        if text.is_empty() || (self.labels && !values::looks_random(text)) {
            return;
        }
        let hits = scan::value(
            Context {
                name,
                ..self.context
            },
            text,
        );
        if hits.is_empty() {
            return;
        }
        let mut found = Found::new(self.pointer.clone(), view, text, hits);
        found.name = Some(name.to_owned()).filter(|name| may_be_shown(name));
        self.found.push(found);
    }
}

/// Whether a name can stand in a report: it names a credential, is written like a name, and is none
/// itself.
fn may_be_shown(name: &str) -> bool {
    let sign = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'/');
    name.len() <= 64
        && name.bytes().all(sign)
        && names::classify(name).is_some()
        && !values::looks_random(name)
}

/// Whether a member of a map whose name names credentials is one: `passwords: {admin: …}`.
fn stands_under(key: &str, value: View<'_>) -> bool {
    value
        .as_str()
        .is_some_and(|text| values::looks_random(&text))
        && names::classify(key).is_none()
        && !matches!(
            key,
            "name"
                | "key"
                | "path"
                | "type"
                | "file"
                | "secret"
                | "secretName"
                | "namespace"
                | "from"
                | "id"
                | "client_id"
                | "clientId"
                | "identity"
                | "url"
                | "user"
                | "username"
                | "description"
                | "title"
                | "algorithm"
                | "format"
                | "version"
                | "kind"
                | "enabled"
        )
}

/// Whether a member of a map names something under a word that else is a credential's: a key beside
/// the Secret it is in (`secretName: db`, `password: password`), or whom a route passes on to.
fn names_a_key(key: &str, value: View<'_>, beside: &[(Cow<'_, str>, View<'_>)]) -> bool {
    let is_plain = || {
        let text = value.as_str();
        text.is_some_and(|text| values::is_plain_name(&text))
    };
    let secret = || {
        beside.iter().any(|(key, value)| {
            key == "secretName" && value.as_str().is_some_and(|name| !name.is_empty())
        })
    };
    let verb = || {
        let well_known = value
            .as_str()
            .is_some_and(|text| values::is_well_known(&text, Sort::Token));
        key == "pass" && !well_known && !beside.iter().any(|(key, _)| names::is_user(key))
    };
    (secret() || verb()) && is_plain()
}

/// Whether a list under the name of a single secret or token holds names: `secret: [status, name]`.
fn lists_names(view: View<'_>, name: &str) -> bool {
    let single = |named: names::Named| named.sort != Sort::Password;
    names::classify(name).is_some_and(single)
        && view.items().count() > 1
        && view.items().all(|item| {
            item.as_str()
                .is_some_and(|text| values::is_plain_name(&text))
        })
}

/// Whether the members of a map are words that are shown to people.
fn are_labels(entries: &[(Cow<'_, str>, View<'_>)]) -> bool {
    let texts: Vec<_> = entries
        .iter()
        .filter_map(|(_, value)| value.as_str())
        .collect();
    let word = |text: &str| {
        text.starts_with(|c: char| c.is_uppercase() || !c.is_ascii())
            && text
                .chars()
                .all(|c| c.is_alphabetic() || c.is_whitespace() || ".,!?'’():-…".contains(c))
            || text.contains(' ') && !text.contains(['=', ':', '/', '{'])
    };
    texts.len() >= 2
        && texts.len() == entries.len()
        && texts.iter().any(|t| t.contains(' '))
        && texts.iter().filter(|t| word(t)).count() * 3 >= texts.len() * 2
}
