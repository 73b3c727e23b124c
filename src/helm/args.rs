//! Takes the wrapper's command line apart: what is for Helm, what is for the filter, and what both
//! must know.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use super::flags::{filter_option, letter_takes_value, takes_next_word};
use super::plan::Major;

/// A command line the wrapper cannot run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArgsError {
    /// The last word is an option of the filter that needs a value.
    #[error("--{0} needs a value")]
    NoValue(String),
    /// The user brings a post-renderer of their own; Helm runs only one.
    #[error(
        "--{0} cannot be given here: helm-floe is the post-renderer; give the filter's options as they are, such as --env prod"
    )]
    PostRenderer(String),
    /// Helm 3 writes the files of `--output-dir` before the post-renderer and leaves it no input.
    #[error(
        "Helm 3 writes the files of --output-dir without post-rendering them (helm/helm#8520); leave the flag out and redirect stdout to a file, or use Helm 4"
    )]
    OutputDir,
}

/// A command line, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The words for Helm, in their order, without the verb.
    pub helm: Vec<OsString>,
    /// The filter's options as `--name=value`, in their order.
    pub filter: Vec<OsString>,
    /// The release's name as far as it can be known before Helm runs: with `--generate-name` or
    /// `--name-template` it cannot.
    pub release: Option<OsString>,
    /// The value of `-n` or `--namespace`.
    pub namespace: Option<OsString>,
    /// The file of `--report`.
    pub report: Option<PathBuf>,
}

/// What is gathered beside the words themselves.
#[derive(Default)]
struct Seen {
    positionals: Vec<OsString>,
    release_option: bool,
    unknown_name: bool,
}

/// Takes `args` (the words after `verb`) apart for that Helm.
///
/// Options of the filter may stand anywhere Helm's flags may, as `--name=value` or in two words.
/// Whatever is neither goes to Helm, which knows its own flags best.
///
/// # Errors
///
/// [`ArgsError`] for an option of the filter without its value, a second post-renderer, or a flag
/// that would go round the filter.
pub fn parse(verb: &str, major: Major, args: &[OsString]) -> Result<Request, ArgsError> {
    let mut request = Request::default();
    let mut seen = Seen::default();
    let mut words = args.iter();
    while let Some(word) = words.next() {
        let text = word.to_string_lossy();
        if text == "--" {
            request.helm.push(word.clone());
            request.helm.extend(words.by_ref().cloned());
            seen.positionals.extend(after_dashes(args));
        } else if let Some(long) = text.strip_prefix("--") {
            long_flag(verb, major, long, word, &mut words, &mut request, &mut seen)?;
        } else if text.len() > 1 && text.starts_with('-') {
            short_flags(&text, word, &mut words, &mut request, &mut seen);
        } else {
            seen.positionals.push(word.clone());
            request.helm.push(word.clone());
        }
    }
    if !seen.release_option {
        request.release = release(verb, &seen);
    }
    Ok(request)
}

/// The words after the first `--`.
fn after_dashes(args: &[OsString]) -> impl Iterator<Item = OsString> {
    args.iter().skip_while(|w| *w != "--").skip(1).cloned()
}

/// One `--name`, `--name=value` or `--name value`.
fn long_flag(
    verb: &str,
    major: Major,
    long: &str,
    word: &OsStr,
    words: &mut std::slice::Iter<'_, OsString>,
    request: &mut Request,
    seen: &mut Seen,
) -> Result<(), ArgsError> {
    let (name, inline) = match long.split_once('=') {
        Some((name, value)) => (name, Some(OsString::from(value))),
        None => (long, None),
    };
    if let Some(option) = filter_option(name) {
        let value = match inline {
            Some(value) => Some(value),
            None if option.takes_value => Some(
                words
                    .next()
                    .cloned()
                    .ok_or_else(|| ArgsError::NoValue(name.to_owned()))?,
            ),
            None => None,
        };
        filter_word(name, value, request, seen);
        return Ok(());
    }
    check_helm_flag(name, major)?;
    request.helm.push(word.to_os_string());
    let mut value = inline;
    if value.is_none()
        && takes_next_word(verb, major, name)
        && let Some(next) = words.next()
    {
        request.helm.push(next.clone());
        value = Some(next.clone());
    }
    match name {
        "namespace" => request.namespace = value,
        "generate-name" | "name-template" => seen.unknown_name = true,
        _ => {}
    }
    Ok(())
}

/// Notes one option of the filter. The report's place stays with the wrapper.
fn filter_word(name: &str, value: Option<OsString>, request: &mut Request, seen: &mut Seen) {
    match (name, value) {
        ("report", Some(file)) => request.report = Some(PathBuf::from(file)),
        (name, value) => {
            if name == "release" {
                seen.release_option = true;
                request.release.clone_from(&value);
                return;
            }
            request.filter.push(option_word(name, value.as_deref()));
        }
    }
}

/// `--name=value`, or `--name` for a switch.
pub(super) fn option_word(name: &str, value: Option<&OsStr>) -> OsString {
    let mut word = OsString::from(format!("--{name}"));
    if let Some(value) = value {
        word.push("=");
        word.push(value);
    }
    word
}

/// Refuses the flags of Helm that would replace the filter or go round it.
fn check_helm_flag(name: &str, major: Major) -> Result<(), ArgsError> {
    match name {
        "post-renderer" | "post-renderer-args" => Err(ArgsError::PostRenderer(name.to_owned())),
        "output-dir" if major == Major::Three => Err(ArgsError::OutputDir),
        _ => Ok(()),
    }
}

/// One word of one-letter flags, such as `-n`, `-nprod`, `-n=prod` or `-gn prod`.
fn short_flags(
    text: &str,
    word: &OsStr,
    words: &mut std::slice::Iter<'_, OsString>,
    request: &mut Request,
    seen: &mut Seen,
) {
    request.helm.push(word.to_os_string());
    let letters = text.trim_start_matches('-');
    for (at, letter) in letters.char_indices() {
        seen.unknown_name |= letter == 'g';
        if !letter_takes_value(letter) {
            continue;
        }
        let rest = letters.get(at + letter.len_utf8()..).unwrap_or_default();
        let value = if rest.is_empty() {
            let next = words.next();
            request.helm.extend(next.cloned());
            next.cloned()
        } else {
            Some(OsString::from(rest.strip_prefix('=').unwrap_or(rest)))
        };
        if letter == 'n' {
            request.namespace = value;
        }
        return;
    }
}

/// The release's name from the positional arguments, as Helm's `NameAndChart` reads them:
/// `[NAME] CHART`. `helm template` without a name calls the release `release-name`.
fn release(verb: &str, seen: &Seen) -> Option<OsString> {
    match (verb, seen.positionals.as_slice()) {
        (_, [name, _, ..]) => Some(name.clone()),
        ("template", [_]) if !seen.unknown_name => Some(OsString::from("release-name")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ')
            .filter(|w| !w.is_empty())
            .map(OsString::from)
            .collect()
    }

    fn join(words: &[OsString]) -> String {
        words
            .iter()
            .map(|w| w.to_string_lossy())
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// verb, line → for Helm, for the filter, release, namespace.
    #[test]
    fn separates_helm_from_filter() {
        let none = "";
        let cases = [
            ("template", "web ./c", "web ./c", "", "web", none),
            ("template", "./c", "./c", "", "release-name", none),
            ("template", "./c -g", "./c -g", "", none, none),
            (
                "install",
                "./c --generate-name",
                "./c --generate-name",
                "",
                none,
                none,
            ),
            (
                "install",
                "--name-template x ./c",
                "--name-template x ./c",
                "",
                none,
                none,
            ),
            ("upgrade", "-i web ./c", "-i web ./c", "", "web", none),
            (
                "upgrade",
                "-f v.yaml web ./c",
                "-f v.yaml web ./c",
                "",
                "web",
                none,
            ),
            (
                "upgrade",
                "-fv.yaml web ./c",
                "-fv.yaml web ./c",
                "",
                "web",
                none,
            ),
            (
                "upgrade",
                "-if v.yaml web ./c",
                "-if v.yaml web ./c",
                "",
                "web",
                none,
            ),
            (
                "install",
                "web ./c -n prod",
                "web ./c -n prod",
                "",
                "web",
                "prod",
            ),
            (
                "install",
                "web ./c -nprod",
                "web ./c -nprod",
                "",
                "web",
                "prod",
            ),
            (
                "install",
                "web ./c -n=prod",
                "web ./c -n=prod",
                "",
                "web",
                "prod",
            ),
            (
                "install",
                "-n a web ./c --namespace=b",
                "-n a web ./c --namespace=b",
                "",
                "web",
                "b",
            ),
            (
                "install",
                "--namespace a web ./c",
                "--namespace a web ./c",
                "",
                "web",
                "a",
            ),
            (
                "template",
                "--env prod web ./c",
                "web ./c",
                "--env=prod",
                "web",
                none,
            ),
            (
                "template",
                "web --env=prod ./c",
                "web ./c",
                "--env=prod",
                "web",
                none,
            ),
            (
                "template",
                "web ./c --only pss/* --set a=b --only labels/*",
                "web ./c --set a=b",
                "--only=pss/* --only=labels/*",
                "web",
                none,
            ),
            (
                "template",
                "web ./c --allow-empty",
                "web ./c",
                "--allow-empty",
                "web",
                none,
            ),
            (
                "template",
                "web ./c --release other",
                "web ./c",
                "",
                "other",
                none,
            ),
            (
                "template",
                "web ./c --dry-run",
                "web ./c --dry-run",
                "",
                "web",
                none,
            ),
            (
                "template",
                "--dry-run web ./c",
                "--dry-run web ./c",
                "",
                "web",
                none,
            ),
            (
                "template",
                "--wait web ./c",
                "--wait web ./c",
                "",
                "web",
                none,
            ),
            // After `--` nothing is an option.
            (
                "template",
                "-- --env ./c",
                "-- --env ./c",
                "",
                "--env",
                none,
            ),
            // A filter option's name as the value of a flag of Helm.
            (
                "template",
                "--set --env web ./c",
                "--set --env web ./c",
                "",
                "web",
                none,
            ),
            // Unknown to both: Helm says so.
            (
                "template",
                "--enviroment=x web ./c",
                "--enviroment=x web ./c",
                "",
                "web",
                none,
            ),
            ("template", "web -", "web -", "", "web", none),
            ("upgrade", "", "", "", none, none),
        ];
        for (verb, line, helm, filter, release, namespace) in cases {
            let request = parse(verb, Major::Three, &words(line)).expect(line);
            assert_eq!(join(&request.helm), helm, "helm: {verb} {line}");
            assert_eq!(join(&request.filter), filter, "filter: {verb} {line}");
            let text = |o: Option<OsString>| o.unwrap_or_default().into_string().unwrap();
            assert_eq!(text(request.release), release, "release: {verb} {line}");
            assert_eq!(
                text(request.namespace),
                namespace,
                "namespace: {verb} {line}"
            );
        }
    }

    #[test]
    fn server_side_takes_a_word_only_in_helm_4_upgrade() {
        let line = words("--server-side auto web ./c");
        let four = parse("upgrade", Major::Four, &line).unwrap();
        assert_eq!(four.release, Some("web".into()));
        let install = parse("install", Major::Four, &words("--server-side web ./c")).unwrap();
        assert_eq!(install.release, Some("web".into()));
    }

    #[test]
    fn keeps_the_report_to_itself() {
        let request = parse("template", Major::Four, &words("web ./c --report r.json")).unwrap();
        assert_eq!(request.report, Some(PathBuf::from("r.json")));
        assert!(request.filter.is_empty());
        assert_eq!(join(&request.helm), "web ./c");
    }

    #[test]
    fn refuses_what_goes_round_the_filter() {
        let refused = |major, line| parse("template", major, &words(line)).unwrap_err();
        let cases = [
            ("web ./c --env", ArgsError::NoValue("env".into())),
            (
                "web ./c --post-renderer=cat",
                ArgsError::PostRenderer("post-renderer".into()),
            ),
            (
                "web ./c --post-renderer-args x",
                ArgsError::PostRenderer("post-renderer-args".into()),
            ),
            ("web ./c --output-dir out", ArgsError::OutputDir),
        ];
        for (line, error) in cases {
            assert_eq!(refused(Major::Three, line), error, "{line}");
        }
        assert!(parse("template", Major::Four, &words("web ./c --output-dir out")).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn keeps_words_that_are_not_unicode() {
        use std::os::unix::ffi::OsStringExt;
        let odd = OsString::from_vec(b"--set=a=\xff".to_vec());
        let file = OsString::from_vec(b"p\xff.yaml".to_vec());
        let args = [odd.clone(), "--platform".into(), file.clone(), "./c".into()];
        let request = parse("template", Major::Three, &args).unwrap();
        assert_eq!(request.helm, [odd, "./c".into()]);
        assert_eq!(request.filter, [option_word("platform", Some(&file))]);
    }
}
