//! One text: what has the form of a credential, what stands under the name of one, what is hidden in
//! base64 or in another document.

use std::path::Path;

use super::hit::{Hit, Rule, merge};
use super::marks::Marks;
use super::names::{self, Name};
use super::tables::Look;
use super::walk::{self, Found};
use super::{anchors, encoded, forms, urls, values};
use crate::manifest::{Document, View, split};

/// Texts in texts are followed this deep.
const MAX_DEPTH: u8 = 4;
/// Only of a text this long it is remembered what its parts need not be searched for.
const LONG: usize = 512;
/// Base64 in base64 is.
const MAX_DECODED: u8 = 2;

/// How the values of a text are written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// A program: a value is in quotes, everything else is an expression.
    pub code: bool,
    /// A value goes on to the end of its line.
    pub lines: bool,
    /// Running text, in which words stand beside each other.
    pub prose: bool,
}

/// What is known about a text before it is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// The key, variable, flag or file it stands under.
    pub name: Name<'a>,
    /// It stands in a Secret: under the name of a credential whatever is written out is one.
    pub loose: bool,
    /// Only the form counts: names mean something else here.
    pub forms_only: bool,
    /// The text it stands in holds no keyword of a form and no address.
    pub searched: bool,
    /// How many texts it stands in.
    pub depth: u8,
    /// How often it has been decoded.
    pub decoded: u8,
}

/// A credential in a text, with the line it is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What was found.
    pub hit: Hit,
    /// The line in the text, from 1.
    pub line: usize,
}

/// Every credential in the text of a file; `name` is the file's, for its ending.
pub fn text(name: &str, text: &str) -> Vec<Line> {
    let context = Context {
        name: Name::of(name),
        ..Context::default()
    };
    let mut hits = content(context, text);
    hits.sort_by_key(|hit| hit.at);
    let mut lines = Vec::with_capacity(hits.len());
    let (mut line, mut at) = (1, 0);
    for hit in hits {
        line += text.get(at..hit.at).map_or(0, |t| t.matches('\n').count());
        at = hit.at.max(at);
        lines.push(Line { hit, line });
    }
    lines
}

/// Every credential in a value under a name.
pub fn value(context: Context<'_>, value: &str) -> Vec<Hit> {
    let trimmed = value.trim();
    let offset = value.len() - value.trim_start().len();
    if trimmed.is_empty() || context.depth > MAX_DEPTH {
        return Vec::new();
    }
    let mut hits = content_hits(context, trimmed);
    if hits.is_empty() && !context.forms_only {
        hits.extend(named(context, trimmed));
    }
    if hits.is_empty() {
        hits.extend(hidden(context, trimmed));
    }
    for hit in &mut hits {
        hit.at += offset;
    }
    hits
}

/// The whole value as the credential its name speaks of.
fn named(context: Context<'_>, value: &str) -> Option<Hit> {
    if value.contains('\n') {
        return None;
    }
    let named = match context.loose {
        true => names::classify_in_secret(context.name)?,
        false => context.name.says?,
    };
    if let Some(text) = encoded::hidden(value)
        && text.starts_with("-----BEGIN")
        && !text.contains("PRIVATE KEY")
    {
        return None;
    }
    if names::names_a_key(named, value) {
        return None;
    }
    // AUTH_TOKEN=default: a variable of a program, not the name of an object.
    let variable = named.what == "a token" && names::is_variable(context.name.text);
    let common = variable && values::is_common_word(value);
    if !common && !values::is_credential(value, named.sort, context.loose) {
        return None;
    }
    let rule = match common || values::is_well_known(value, named.sort) {
        true => Rule::WeakDefault,
        false => Rule::NamedValue,
    };
    Some(Hit::new(rule, named.what, 0, value))
}

/// What base64 hides.
fn hidden(context: Context<'_>, value: &str) -> Vec<Hit> {
    if context.decoded >= MAX_DECODED {
        return Vec::new();
    }
    let Some(text) = encoded::hidden(value) else {
        return Vec::new();
    };
    let inner = Context {
        depth: context.depth + 1,
        decoded: context.decoded + 1,
        searched: false,
        ..context
    };
    let mut hits = self::value(inner, &text);
    // What hides a random value in base64 hides a key; hashes and ids are not put there.
    if hits.is_empty() && !context.forms_only && is_key_material(&text) {
        hits.push(Hit::new(Rule::Token, "a value that looks random", 0, &text));
    }
    for hit in &mut hits {
        hit.at = 0;
        hit.span = value.len();
        hit.encoded = true;
    }
    hits.truncate(1);
    hits
}

/// One long word of small and capital letters and digits.
fn is_key_material(text: &str) -> bool {
    let has = |test: fn(u8) -> bool| text.bytes().any(test);
    has(|b| b.is_ascii_lowercase())
        && has(|b| b.is_ascii_uppercase())
        && has(|b| b.is_ascii_digit())
        && !text.contains(['/', ':', ' ', '\n'])
        && text.len() >= 32
        && values::fits(text, Look::VeryRandom)
}

fn content(context: Context<'_>, text: &str) -> Vec<Hit> {
    if context.depth > MAX_DEPTH {
        return Vec::new();
    }
    content_hits(context, text)
}

/// What is inside of a text: forms, addresses, names with values, documents.
fn content_hits(context: Context<'_>, text: &str) -> Vec<Hit> {
    let marks = Marks::of(text);
    let mut searched = context.searched;
    let mut hits = match searched {
        true => forms::find(text, &[]),
        false => forms::find(text, &marks.rows),
    };
    if !searched {
        let urls = match marks.address {
            true => urls::find(text),
            false => Vec::new(),
        };
        let none = marks.rows.is_empty() && hits.is_empty() && urls.is_empty();
        searched = none && text.len() > LONG;
        merge(&mut hits, urls);
    }
    if context.forms_only || !marks.name || !is_structured(text) {
        hits.retain(|hit| !is_sample(text, hit));
        return hits;
    }
    match tree(
        Context {
            searched,
            ..context
        },
        text,
    ) {
        Some(found) => merge(&mut hits, found),
        None => {
            let more = anchors::find(text, style(context.name.text, text), &hits);
            merge(&mut hits, more);
        }
    }
    hits.retain(|hit| !is_sample(text, hit));
    hits
}

/// A password in a comment is a sample. A token or key in one is still a token or key.
fn is_sample(text: &str, hit: &Hit) -> bool {
    let line = text.get(..hit.at).unwrap_or_default();
    let line = line.rsplit('\n').next().unwrap_or_default().trim_start();
    let comment = line.starts_with("# ")
        || line.starts_with("#\t")
        || line.starts_with("##")
        || line.starts_with("// ")
        || line.starts_with("* ")
        || line.starts_with("-- ");
    comment
        && matches!(
            hit.rule,
            Rule::UrlPassword | Rule::NamedValue | Rule::WeakDefault
        )
}

/// Whether there is more in the text than one value.
fn is_structured(text: &str) -> bool {
    let mark = |b| matches!(b, b'\n' | b'=' | b':' | b' ' | b',' | b'<' | b'{');
    text.bytes().any(mark)
}

/// A text that is a YAML or JSON document of maps is walked like a manifest. `None` when it is none.
fn tree(context: Context<'_>, text: &str) -> Option<Vec<Hit>> {
    let starts_json = text.trim_start().starts_with(['{', '[']);
    if !text.contains('\n') && !starts_json {
        return None;
    }
    let documents = split(text).ok()?;
    let mut hits = Vec::new();
    let mut any = false;
    for span in documents {
        let document = Document::parse(span.text).ok()?;
        let Some(root) = document.root() else {
            continue;
        };
        let view = View::Node(root);
        let structured = view.entries().next().is_some()
            || view.items().any(|item| item.entries().next().is_some());
        if !structured {
            return None;
        }
        any = true;
        for Found {
            span: place,
            hits: found,
            ..
        } in walk::document(view, context)
        {
            hits.extend(found.into_iter().map(|mut hit| {
                hit.at = span.start + place.start;
                hit.span = place.len();
                hit
            }));
        }
    }
    any.then_some(hits)
}

/// How the values of a text are written, by the ending of its name and by its beginning.
fn style(name: &str, text: &str) -> Style {
    let ending = Path::new(name)
        .extension()
        .and_then(|e| e.to_str())
        .unwrap_or_default()
        .to_ascii_lowercase();
    let file = name.rsplit('/').next().unwrap_or_default();
    let code = matches!(
        ending.as_str(),
        "py" | "js"
            | "mjs"
            | "cjs"
            | "ts"
            | "tsx"
            | "jsx"
            | "lua"
            | "rb"
            | "go"
            | "php"
            | "java"
            | "kt"
            | "groovy"
            | "scala"
            | "cue"
            | "rego"
            | "rs"
            | "c"
            | "cpp"
            | "cs"
            | "pl"
            | "ps1"
            | "jsonnet"
            | "libsonnet"
            | "vcl"
            | "cel"
            | "star"
            | "proto"
            | "graphql"
    ) || text.trim_start().starts_with("import ")
        || text.trim_start().starts_with("package ")
        || text.contains("\nfunction ")
        || text.contains("\ndef ")
        || text.contains("\nconst ");
    let prose = matches!(
        ending.as_str(),
        "md" | "rst"
            | "adoc"
            | "html"
            | "htm"
            | "tmpl"
            | "tpl"
            | "gotmpl"
            | "j2"
            | "mustache"
            | "css"
            | "svg"
    );
    let lines = matches!(
        ending.as_str(),
        "properties" | "env" | "ini" | "cfg" | "cnf"
    ) || file.starts_with(".env");
    Style { code, lines, prose }
}
