//! The data of the secrets policies: `policies/secret-*.yaml`, whose headers explain the fields.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use foldhash::{HashMap, HashSet};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Lists that are written in several rows, for the reader's sake.
type Rows = Vec<Vec<String>>;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct NamesFile {
    credentials: BTreeMap<Sort, Vec<String>>,
    phrases: Vec<Phrase>,
    absent: HashSet<String>,
    sorts: HashSet<String>,
    keys: Rows,
    not_keys: Rows,
    trailing: Rows,
    endings: HashMap<String, Vec<String>>,
    about: Rows,
    of_passwords: Rows,
    label_files: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ValuesFile {
    references: Rows,
    schemes: Vec<String>,
    placeholders: Rows,
    placeholder_words: Vec<String>,
    defaults: Rows,
    default_parts: Vec<String>,
    passwords: Rows,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct KindsFile {
    never: Vec<String>,
    forms_only: Rows,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FormsFile {
    forms: Vec<Form>,
}

/// What a name says about the value under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sort {
    /// Whatever is written there is a credential, a word or a number too.
    Password,
    /// A credential, unless it reads like the name of an object.
    Secret,
    /// A credential if it looks random or is a well-known default.
    Token,
}

/// How a value must look for a form to count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Look {
    /// No reference and no placeholder.
    #[default]
    Literal,
    /// Besides, no path, switch, number of seconds or the like.
    Password,
    /// As if drawn at random.
    Random,
    /// The same, and long.
    VeryRandom,
    /// Base64 of `user:password`.
    Basic,
    /// Six and sixteen characters around a dot, both with digits.
    Bootstrap,
}

/// Which policy reports a form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// `secrets/token`
    #[default]
    Token,
    /// `secrets/private-key`
    PrivateKey,
    /// `secrets/url-password`
    UrlPassword,
    /// `secrets/named-value`
    NamedValue,
}

/// One row of policies/secret-forms.yaml.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// What the row is called.
    pub name: String,
    /// The noun of a finding, with its article.
    pub what: String,
    /// The policy that reports it.
    #[serde(default)]
    pub policy: Family,
    /// Texts one of which must be there, lower case.
    pub keywords: Vec<String>,
    /// The regular expression.
    pub pattern: String,
    /// How the credential must look besides.
    #[serde(default)]
    pub value: Look,
    /// Tried only on values that are one word; the keywords are what it begins with.
    #[serde(default)]
    pub alone: bool,
    /// How long such a value is, at least and at most; a test asserts that the pattern fits no other.
    #[serde(default)]
    pub length: Option<(usize, usize)>,
    /// A text the form must match, where one made from its pattern will not do.
    #[serde(default)]
    pub like: Option<String>,
    /// Texts the form must not match.
    #[serde(default)]
    pub unlike: Vec<String>,
}

/// Last words that together name a credential.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phrase {
    /// The words, in lower case.
    pub words: Vec<String>,
    /// The noun of a finding, with its article.
    pub what: String,
}

/// Names, ready to be asked.
#[derive(Debug, Default)]
pub struct Names {
    /// Last words that name a credential.
    pub credentials: HashMap<String, Sort>,
    /// Last words that together name what counts whatever it is.
    pub phrases: Vec<Phrase>,
    /// Words that say, before the last one, that there is no credential.
    pub absent: HashSet<String>,
    /// Last words of keys that say of which sort something is.
    pub sorts: HashSet<String>,
    /// Words that make a credential of a `key` that follows.
    pub keys: HashSet<String>,
    /// Words that make something else of it.
    pub not_keys: HashSet<String>,
    /// Words that may follow.
    pub trailing: HashSet<String>,
    /// Words inside of words.
    pub endings: HashMap<String, Vec<String>>,
    /// Words that take the meaning away.
    pub about: HashSet<String>,
    /// Words with which the key of a Secret is about a password.
    pub of_passwords: HashSet<String>,
    /// Files whose words are shown to people.
    pub label_files: HashSet<String>,
}

/// Values, ready to be asked.
#[derive(Debug, Default)]
pub struct Values {
    /// Beginnings of references.
    pub references: Vec<String>,
    /// Schemes of references.
    pub schemes: HashSet<String>,
    /// Parts of placeholders.
    pub placeholders: Vec<String>,
    /// Placeholders.
    pub placeholder_words: HashSet<String>,
    /// Well-known defaults of any sort.
    pub defaults: HashSet<String>,
    /// Parts of such defaults.
    pub default_parts: Vec<String>,
    /// Well-known passwords.
    pub passwords: HashSet<String>,
}

/// Kinds that are looked at less, or not at all.
#[derive(Debug, Default)]
pub struct Kinds {
    /// Not at all.
    pub never: HashSet<String>,
    /// Only for forms.
    pub forms_only: HashSet<String>,
    /// Kinds that stand in either list with a group.
    pub with_groups: HashSet<String>,
}

/// The names; a test asserts that every table can be read.
pub static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let file: NamesFile = read(include_str!(concat!(
        env!("OUT_DIR"),
        "/policies/secret-names.json"
    )))
    .unwrap_or_default();
    let words = |sort: Sort, words: Vec<String>| words.into_iter().map(move |word| (word, sort));
    Names {
        credentials: file
            .credentials
            .into_iter()
            .flat_map(|(sort, list)| words(sort, list))
            .collect(),
        phrases: file.phrases,
        absent: file.absent,
        sorts: file.sorts,
        keys: set(file.keys),
        not_keys: set(file.not_keys),
        trailing: set(file.trailing),
        endings: file.endings,
        about: set(file.about),
        of_passwords: set(file.of_passwords),
        label_files: file.label_files.into_iter().collect(),
    }
});

/// The values.
pub static VALUES: LazyLock<Values> = LazyLock::new(|| {
    let file: ValuesFile = read(include_str!(concat!(
        env!("OUT_DIR"),
        "/policies/secret-values.json"
    )))
    .unwrap_or_default();
    Values {
        references: file.references.into_iter().flatten().collect(),
        schemes: file.schemes.into_iter().collect(),
        placeholders: file.placeholders.into_iter().flatten().collect(),
        placeholder_words: file.placeholder_words.into_iter().collect(),
        defaults: set(file.defaults),
        default_parts: file.default_parts,
        passwords: set(file.passwords),
    }
});

/// The kinds.
pub static KINDS: LazyLock<Kinds> = LazyLock::new(|| {
    let file: KindsFile = read(include_str!(concat!(
        env!("OUT_DIR"),
        "/policies/secret-kinds.json"
    )))
    .unwrap_or_default();
    let (never, forms_only) = (file.never.into_iter().collect(), set(file.forms_only));
    let all = HashSet::iter(&never).chain(&forms_only);
    let with_groups = all.filter_map(|name| name.split_once('.'));
    Kinds {
        with_groups: with_groups.map(|(kind, _)| kind.to_owned()).collect(),
        never,
        forms_only,
    }
});

/// The forms, in the order of the file.
pub static FORMS: LazyLock<Vec<Form>> = LazyLock::new(|| {
    read::<FormsFile>(include_str!(concat!(
        env!("OUT_DIR"),
        "/policies/secret-forms.json"
    )))
    .unwrap_or_default()
    .forms
});

fn set(rows: Rows) -> HashSet<String> {
    rows.into_iter().flatten().collect()
}

/// Reads a table that the build script has turned into JSON.
fn read<T: DeserializeOwned>(json: &str) -> Option<T> {
    serde_json::from_str(json).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_can_be_read() {
        assert!(NAMES.credentials.len() > 20 && NAMES.keys.len() > 50);
        assert!(VALUES.defaults.len() > 50 && VALUES.references.len() > 20);
        assert!(KINDS.never.len() > 3 && KINDS.forms_only.len() > 10);
        assert!(FORMS.len() > 100);
    }

    #[test]
    fn rows_have_names_of_their_own_and_are_written_in_lower_case() {
        let mut names = HashSet::default();
        for form in FORMS.iter() {
            assert!(names.insert(&form.name), "{} twice", form.name);
            let lower = |word: &String| *word == word.to_lowercase();
            assert!(form.keywords.iter().all(lower), "{}", form.name);
            assert!(form.alone || !form.keywords.is_empty(), "{}", form.name);
        }
        let lower = |word: &String| *word == word.to_lowercase();
        assert!(VALUES.defaults.iter().chain(&VALUES.passwords).all(lower));
        assert!(
            VALUES
                .placeholders
                .iter()
                .chain(&VALUES.references)
                .all(lower)
        );
    }
}
