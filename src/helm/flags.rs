//! The flags of the two programs on one command line: which are the filter's, and which of Helm's
//! take the next word as their value.

use super::plan::Major;

/// One option of the filter that the wrapper takes off Helm's command line and hands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilterOption {
    /// The name without the two dashes.
    pub name: &'static str,
    /// Whether it takes a value, after `=` or as the next word.
    pub takes_value: bool,
}

/// An option with a value.
const fn value(name: &'static str) -> FilterOption {
    FilterOption {
        name,
        takes_value: true,
    }
}

/// The options of the filter. `--namespace` is not among them: it is Helm's, and the wrapper tells
/// the filter what Helm was told.
pub const FILTER_OPTIONS: &[FilterOption] = &[
    value("artifact"),
    value("env"),
    value("format"),
    value("network-policies"),
    value("on-violation"),
    value("only"),
    value("platform"),
    value("policies"),
    value("pss-level"),
    value("pss-version"),
    value("release"),
    value("report"),
    value("skip"),
    value("spec"),
    FilterOption {
        name: "allow-empty",
        takes_value: false,
    },
];

/// Helm's long flags of `template`, `install` and `upgrade` that take the next word as their value
/// when none follows after `=`, in Helm 3.22 and 4.3. A flag with an optional value, such as
/// `--dry-run`, never takes the next word.
const HELM_VALUE_FLAGS: &[&str] = &[
    "api-versions",
    "burst-limit",
    "ca-file",
    "cert-file",
    "color",
    "colour",
    "content-cache",
    "description",
    "history-max",
    "key-file",
    "keyring",
    "kube-apiserver",
    "kube-as-group",
    "kube-as-user",
    "kube-ca-file",
    "kube-context",
    "kube-tls-server-name",
    "kube-token",
    "kube-version",
    "kubeconfig",
    "labels",
    "name-template",
    "namespace",
    "output",
    "output-dir",
    "password",
    "post-renderer",
    "post-renderer-args",
    "qps",
    "registry-config",
    "repo",
    "repository-cache",
    "repository-config",
    "set",
    "set-file",
    "set-json",
    "set-literal",
    "set-string",
    "show-only",
    "timeout",
    "username",
    "values",
    "version",
];

/// Helm's one-letter flags that take a value: `-a`, `-f`, `-l`, `-n`, `-o`, `-s`.
const HELM_VALUE_LETTERS: &[char] = &['a', 'f', 'l', 'n', 'o', 's'];

/// The filter's option of that name (without dashes), if there is one.
#[must_use]
pub fn filter_option(name: &str) -> Option<FilterOption> {
    FILTER_OPTIONS.iter().copied().find(|o| o.name == name)
}

/// Whether Helm's `--name` takes the next word. `--server-side` does in Helm 4's `upgrade` alone;
/// in `install` and `template` it is a switch.
#[must_use]
pub fn takes_next_word(verb: &str, major: Major, name: &str) -> bool {
    HELM_VALUE_FLAGS.contains(&name)
        || (name == "server-side" && major == Major::Four && verb == "upgrade")
}

/// Whether Helm's one-letter flag takes a value: the rest of its word, or the next one.
#[must_use]
pub fn letter_takes_value(letter: char) -> bool {
    HELM_VALUE_LETTERS.contains(&letter)
}
