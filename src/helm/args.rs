//! Takes the wrapper's command line apart: what is for Helm, what is for the filter, and what both
//! must know.

use std::ffi::{OsStr, OsString};

use super::flags::{FilterOption, filter_option, letter_takes_value, takes_next_word};
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
    /// The release's name as far as it can be known before Helm runs: a generated name cannot.
    pub release: Option<OsString>,
    /// The value of `-n` or `--namespace`.
    pub namespace: Option<OsString>,
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
    let mut parser = Parser {
        verb,
        major,
        words: args.iter(),
        request: Request::default(),
        positionals: Vec::new(),
        name_template: None,
    };
    parser.words()?;
    Ok(parser.finish())
}

/// The words still to come, and what those before have said.
struct Parser<'a> {
    verb: &'a str,
    major: Major,
    words: std::slice::Iter<'a, OsString>,
    request: Request,
    positionals: Vec<OsString>,
    name_template: Option<OsString>,
}

impl Parser<'_> {
    /// Takes every word.
    fn words(&mut self) -> Result<(), ArgsError> {
        while let Some(word) = self.words.next() {
            let text = word.to_string_lossy();
            if text == "--" {
                self.request.helm.push(word.clone());
                self.request
                    .helm
                    .extend(self.words.as_slice().iter().cloned());
                self.positionals.extend(self.words.by_ref().cloned());
            } else if let Some(long) = text.strip_prefix("--") {
                self.long_flag(long, word)?;
            } else if text.len() > 1 && text.starts_with('-') {
                self.short_flags(&text, word);
            } else {
                self.positionals.push(word.clone());
                self.request.helm.push(word.clone());
            }
        }
        Ok(())
    }

    /// One `--name`, `--name=value` or `--name value`.
    fn long_flag(&mut self, long: &str, word: &OsStr) -> Result<(), ArgsError> {
        let (name, inline) = match long.split_once('=') {
            Some((name, value)) => (name, Some(OsString::from(value))),
            None => (long, None),
        };
        if let Some(option) = filter_option(name) {
            return self.filter_flag(option, inline);
        }
        self.check_helm_flag(name)?;
        self.request.helm.push(word.to_os_string());
        let value = match inline {
            None if takes_next_word(self.verb, self.major, name) => self.next_for_helm(),
            inline => inline,
        };
        match name {
            "namespace" => self.request.namespace = value,
            "name-template" => self.name_template = value,
            _ => {}
        }
        Ok(())
    }

    /// One option of the filter. The release is kept apart, because the wrapper may know it anyway.
    fn filter_flag(
        &mut self,
        option: FilterOption,
        inline: Option<OsString>,
    ) -> Result<(), ArgsError> {
        let value = match inline {
            None if option.takes_value => {
                let next = self.words.next().cloned();
                Some(next.ok_or_else(|| ArgsError::NoValue(option.name.to_owned()))?)
            }
            inline => inline,
        };
        match (option.name, value) {
            ("release", name) => self.request.release = name,
            (name, value) => self
                .request
                .filter
                .push(option_word(name, value.as_deref())),
        }
        Ok(())
    }

    /// Refuses the flags of Helm that would replace the filter or go round it.
    fn check_helm_flag(&self, name: &str) -> Result<(), ArgsError> {
        match name {
            "post-renderer" | "post-renderer-args" => Err(ArgsError::PostRenderer(name.to_owned())),
            "output-dir" if self.major == Major::Three => Err(ArgsError::OutputDir),
            _ => Ok(()),
        }
    }

    /// One word of one-letter flags, such as `-n`, `-nprod`, `-n=prod` or `-gn prod`.
    fn short_flags(&mut self, text: &str, word: &OsStr) {
        self.request.helm.push(word.to_os_string());
        for (at, letter) in text.char_indices().skip(1) {
            if !letter_takes_value(letter) {
                continue;
            }
            let rest = text.get(at + letter.len_utf8()..).unwrap_or_default();
            let value = if rest.is_empty() {
                self.next_for_helm()
            } else {
                Some(OsString::from(rest.strip_prefix('=').unwrap_or(rest)))
            };
            if letter == 'n' {
                self.request.namespace = value;
            }
            return;
        }
    }

    /// The next word, as the value of a flag of Helm.
    fn next_for_helm(&mut self) -> Option<OsString> {
        let next = self.words.next().cloned();
        self.request.helm.extend(next.clone());
        next
    }

    /// The request, with the release's name where no `--release` gave it.
    fn finish(mut self) -> Request {
        if self.request.release.is_none() {
            self.request.release = self.release();
        }
        self.request
    }

    /// The release's name as Helm's `NameAndChart` finds it in `[NAME] CHART`. `helm template`
    /// calls a release without a name `release-name`, even with `--generate-name`.
    fn release(&self) -> Option<OsString> {
        match (self.positionals.as_slice(), &self.name_template) {
            ([name, _, ..], _) => Some(name.clone()),
            ([_], Some(template)) if !template.to_string_lossy().contains("{{") => {
                Some(template.clone())
            }
            ([_], None) if self.verb == "template" => Some(OsString::from("release-name")),
            _ => None,
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

    #[test]
    fn separates_helm_from_filter() {
        // The line; then what is for Helm, for the filter, the release, the namespace.
        #[rustfmt::skip]
        let cases = [
            ("template web ./c", "web ./c", "", "web", ""),
            ("template ./c", "./c", "", "release-name", ""),
            ("template ./c -g", "./c -g", "", "release-name", ""),
            ("install ./c -g", "./c -g", "", "", ""),
            ("install ./c --generate-name", "./c --generate-name", "", "", ""),
            ("install --name-template x ./c", "--name-template x ./c", "", "x", ""),
            ("install --name-template={{x}} ./c", "--name-template={{x}} ./c", "", "", ""),
            ("upgrade -i web ./c", "-i web ./c", "", "web", ""),
            ("upgrade -f v.yaml web ./c", "-f v.yaml web ./c", "", "web", ""),
            ("upgrade -fv.yaml web ./c", "-fv.yaml web ./c", "", "web", ""),
            ("upgrade -if v.yaml web ./c", "-if v.yaml web ./c", "", "web", ""),
            ("install web ./c -n prod", "web ./c -n prod", "", "web", "prod"),
            ("install web ./c -nprod", "web ./c -nprod", "", "web", "prod"),
            ("install web ./c -n=prod", "web ./c -n=prod", "", "web", "prod"),
            ("install -n a web ./c --namespace=b", "-n a web ./c --namespace=b", "", "web", "b"),
            ("install --namespace a web ./c", "--namespace a web ./c", "", "web", "a"),
            ("template --env prod web ./c", "web ./c", "--env=prod", "web", ""),
            ("template web --env=prod ./c", "web ./c", "--env=prod", "web", ""),
            ("template web ./c --only a/* --set b=c --only d", "web ./c --set b=c", "--only=a/* --only=d", "web", ""),
            ("template web ./c --allow-empty", "web ./c", "--allow-empty", "web", ""),
            ("template web ./c --release other", "web ./c", "", "other", ""),
            ("template web ./c --dry-run", "web ./c --dry-run", "", "web", ""),
            ("template --dry-run web ./c", "--dry-run web ./c", "", "web", ""),
            ("template --wait web ./c", "--wait web ./c", "", "web", ""),
            // After `--` nothing is an option, unless it is a flag's value.
            ("template -- --env ./c", "-- --env ./c", "", "--env", ""),
            ("template --set -- web -- ./c", "--set -- web -- ./c", "", "web", ""),
            // An option's name as the value of a flag of Helm.
            ("template --set --env web ./c", "--set --env web ./c", "", "web", ""),
            // Unknown to both: Helm says so.
            ("template --enviroment=x web ./c", "--enviroment=x web ./c", "", "web", ""),
            ("template web -", "web -", "", "web", ""),
            ("upgrade web", "web", "", "", ""),
            ("upgrade", "", "", "", ""),
        ];
        for (line, helm, filter, release, namespace) in cases {
            let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
            let request = parse(verb, Major::Three, &words(rest)).expect(line);
            assert_eq!(join(&request.helm), helm, "helm: {line}");
            assert_eq!(join(&request.filter), filter, "filter: {line}");
            let text = |o: Option<OsString>| o.unwrap_or_default().into_string().unwrap();
            assert_eq!(text(request.release), release, "release: {line}");
            assert_eq!(text(request.namespace), namespace, "namespace: {line}");
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
