//! A value of maps and lists: every scalar with the name it stands under.

use std::borrow::Cow;
use std::cell::{LazyCell, OnceCell};
use std::ops::Range;

use foldhash::HashSet;

use super::hit::{Hit, Rule};
use super::marks::Marks;
use super::names::{self, Name};
use super::scan::{self, Context};
use super::tables::{KINDS, Sort};
use super::{forms, keys, secret, values};
use crate::manifest::view::Type;
use crate::manifest::way::Way;
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
    let with_group = KINDS.with_groups.contains(kind);
    let full = with_group.then(|| format!("{kind}.{group}"));
    let named = |kinds: &HashSet<String>| {
        kinds.contains(kind) || full.as_ref().is_some_and(|full| kinds.contains(full))
    };
    if named(&KINDS.never) {
        Depth::Never
    } else if named(&KINDS.forms_only) {
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
        labels: root == Root::Text && names::is_label_file(context.name.text),
        in_text: root == Root::Text,
        keys: false,
        found: Vec::new(),
    };
    if root == Root::Text {
        let name = context.name;
        let name = match name.text.contains('.') {
            true => Name::default(),
            false => name,
        };
        walker.value(view, name, 0, &Way::Root);
        return walker.found;
    }
    for (key, value) in view.entries() {
        let way = Way::Key(&Way::Root, &key);
        match key.as_ref() {
            "apiVersion" | "kind" | "status" => {}
            "data" | "stringData" if root == Root::Secret => {}
            "metadata" => {
                if let Some(annotations) = value.get("annotations") {
                    walker.value(
                        annotations,
                        Name::default(),
                        0,
                        &Way::Key(&way, "annotations"),
                    );
                }
            }
            key => walker.value(value, Name::of(key), 0, &way),
        }
    }
    walker.found
}

struct Walker<'c> {
    context: Context<'c>,
    /// The words of this text are shown to people.
    labels: bool,
    in_text: bool,
    /// The members of the next map say which keys of a Secret to read.
    keys: bool,
    found: Vec<Found>,
}

/// Whether a member names other objects, or its own names are the chart's.
fn is_skipped(key: &str) -> bool {
    matches!(
        key,
        "valueFrom"
            | "secretKeyRef"
            | "configMapKeyRef"
            | "secretRef"
            | "configMapRef"
            | "envFrom"
            | "imagePullSecrets"
            | "matchLabels"
            | "matchExpressions"
            | "selector"
            | "podSelector"
            | "namespaceSelector"
            | "nodeSelector"
            | "labelSelector"
            | "nodeAffinity"
            | "tolerations"
            | "managedFields"
            | "ownerReferences"
            | "caBundle"
            | "labels"
            | "resources"
            | "securityContext"
            | "volumeMounts"
            | "topologySpreadConstraints"
            | "openAPIV3Schema"
            | "fieldRef"
            | "resourceFieldRef"
    )
}

/// Whether a key names what stands under a value beside it.
fn names_a_value(key: &str) -> bool {
    matches!(
        key,
        "name"
            | "key"
            | "header"
            | "headerName"
            | "property"
            | "param"
            | "parameter"
            | "option"
            | "variable"
            | "var"
            | "env"
            | "envVar"
            | "field"
            | "attribute"
            | "Name"
            | "Key"
    )
}

/// Whether a key is that of such a value.
fn is_value_key(key: &str) -> bool {
    matches!(
        key,
        "value"
            | "val"
            | "default"
            | "defaultValue"
            | "stringValue"
            | "plainValue"
            | "literal"
            | "Value"
            | "content"
    )
}

impl Walker<'_> {
    fn value(&mut self, view: View<'_>, name: Name<'_>, depth: usize, way: &Way<'_>) {
        if depth > MAX_DEPTH {
            return;
        }
        match view.value_type() {
            Type::Map => self.map(view, name, depth, way),
            Type::Seq => self.seq(view, name, depth, way),
            Type::String => {
                if let Some(text) = view.as_str() {
                    self.text(view, &text, name, way);
                }
            }
            Type::Number => {
                if let Some(number) = view.as_number() {
                    self.text(view, &number.to_string(), name, way);
                }
            }
            Type::Null | Type::Bool => {}
        }
    }

    fn map(&mut self, view: View<'_>, parent: Name<'_>, depth: usize, way: &Way<'_>) {
        let of_secret = std::mem::take(&mut self.keys);
        let labels = self.labels;
        self.labels |= self.in_text && are_labels(view);
        let pair = OnceCell::new();
        let beside_secret = LazyCell::new(|| keys::stand_beside_a_secret(view));
        let mut runs = false;
        for (key, value) in view.entries() {
            let key = key.as_ref();
            if !self.in_text && is_skipped(key) {
                continue;
            }
            runs |= matches!(key, "command" | "args");
            let named = match is_value_key(key) {
                true => pair.get_or_init(|| name_beside(view)).as_deref(),
                false => None,
            };
            let own = Name::of(key);
            let names_it = || {
                of_secret && keys::is_key(value) || keys::is_name(key, value, view, *beside_secret)
            };
            let name = match named {
                Some(name) => Name::of(name),
                None if parent.says.is_some() && stands_under(own, value) => parent,
                None if own.has_piece && names_it() => Name::default(),
                None => own,
            };
            self.keys = keys::are_members(key, value, view);
            // A field of a schema: `default`, `example`, `description`.
            self.value(value, name, depth + 1, &Way::Key(way, key));
        }
        if runs {
            self.command_line(view, way);
        }
        self.labels = labels;
    }

    fn seq(&mut self, view: View<'_>, name: Name<'_>, depth: usize, way: &Way<'_>) {
        let name = match lists_names(view, name) {
            true => Name::default(),
            false => name,
        };
        let mut flag: Option<String> = None;
        for (index, item) in view.items().enumerate() {
            let before = flag.take();
            let text = item.as_str();
            let way = &Way::Index(way, index);
            match (text.as_deref(), before) {
                (Some(text), Some(flag)) if !text.starts_with("--") => {
                    self.text(item, text, Name::of(&flag), way);
                }
                (Some(text), _) => {
                    if let Some(rest) = text.strip_prefix('-') {
                        match rest.split_once('=') {
                            Some((name, value)) if !name.contains(char::is_whitespace) => {
                                let name = flag_name(name);
                                self.text(item, value, Name::of(name), way);
                                continue;
                            }
                            _ => {}
                        }
                        if !text.contains(char::is_whitespace) && names::classify(text).is_some() {
                            flag = Some(text.trim_start_matches('-').to_owned());
                            continue;
                        }
                    }
                    self.text(item, text, name, way);
                }
                (None, _) => self.value(item, name, depth + 1, way),
            }
        }
    }

    /// `command` and `args` of a container or probe as the one line they are.
    fn command_line(&mut self, view: View<'_>, way: &Way<'_>) {
        let mut line = String::new();
        let mut places: Vec<(usize, &str, usize, Range<usize>)> = Vec::new();
        for key in ["command", "args"] {
            let Some(list) = view.get(key) else { continue };
            for (index, item) in list.items().enumerate() {
                if let Some(text) = item.as_str() {
                    if !line.is_empty() {
                        line.push(' ');
                    }
                    let span = item.node().map_or(0..0, |node| node.span());
                    places.push((line.len(), key, index, span));
                    line.push_str(&text);
                }
            }
        }
        if places.len() < 2 || line.len() > 4096 {
            return;
        }
        for hit in forms::find(&line, &Marks::of(&line).rows)
            .into_iter()
            .filter(|hit| hit.rule == Rule::NamedValue)
        {
            let Some((start, key, index, span)) =
                places.iter().rev().find(|(start, ..)| *start <= hit.at)
            else {
                continue;
            };
            let pointer = Way::Index(&Way::Key(way, key), *index).pointer();
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

    fn text(&mut self, view: View<'_>, text: &str, name: Name<'_>, way: &Way<'_>) {
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
        let mut found = Found::new(way.pointer(), view, text, hits);
        found.name = may_be_shown(name).then(|| name.text.to_owned());
        self.found.push(found);
    }
}

/// The name of a flag behind its first hyphen; of `-Djavax.net.ssl.trustStorePassword` that of the Java
/// property.
fn flag_name(flag: &str) -> &str {
    let is_property = |name: &&str| {
        let upper = |b: u8| b.is_ascii_uppercase();
        name.contains('.')
            || !name.bytes().any(upper)
            || name.bytes().skip(1).all(|b| !b.is_ascii_lowercase())
    };
    let property = flag.strip_prefix('D').filter(is_property);
    property.unwrap_or_else(|| flag.trim_start_matches('-'))
}

/// The name that a map gives the value in it.
fn name_beside(map: View<'_>) -> Option<Cow<'_, str>> {
    let mut members = map.entries();
    members.find_map(|(key, value)| names_a_value(&key).then(|| value.as_str()).flatten())
}

/// Whether a name can stand in a report: it names a credential, is written like a name, and is none
/// itself.
fn may_be_shown(name: Name<'_>) -> bool {
    let sign = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'/');
    name.says.is_some()
        && name.text.len() <= 64
        && name.text.bytes().all(sign)
        && !values::looks_random(name.text)
}

/// Whether a member of a map whose name names credentials is one: `passwords: {admin: …}`.
fn stands_under(key: Name<'_>, value: View<'_>) -> bool {
    key.says.is_none()
        && value
            .as_str()
            .is_some_and(|text| values::looks_random(&text))
        && !matches!(
            key.text,
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

/// Whether a list under the name of a single secret or token holds names: `secret: [status, name]`.
fn lists_names(view: View<'_>, name: Name<'_>) -> bool {
    let single = |named: names::Named| named.sort != Sort::Password;
    name.says.is_some_and(single)
        && view.items().count() > 1
        && view.items().all(|item| {
            item.as_str()
                .is_some_and(|text| values::is_plain_name(&text))
        })
}

/// Whether the members of a map are words that are shown to people.
fn are_labels(map: View<'_>) -> bool {
    let word = |text: &str| {
        text.starts_with(|c: char| c.is_uppercase() || !c.is_ascii())
            && text
                .chars()
                .all(|c| c.is_alphabetic() || c.is_whitespace() || ".,!?'’():-…".contains(c))
            || text.contains(' ') && !text.contains(['=', ':', '/', '{'])
    };
    let (mut texts, mut words, mut spaced) = (0, 0, false);
    for (_, value) in map.entries() {
        let Some(text) = value.as_str() else {
            return false;
        };
        texts += 1;
        words += usize::from(word(&text));
        spaced |= text.contains(' ');
    }
    texts >= 2 && spaced && words * 3 >= texts * 2
}
