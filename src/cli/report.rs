//! A run's report in the asked-for formats: one for the screen, perhaps another for a file.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::path::Path;

use super::options::{Format, Options};
use super::output::{self, Failure};
use crate::report::ci::{Ci, Rule};
use crate::report::html::Page;
use crate::report::{Report, github, json, junit, sarif};

impl Format {
    /// What the ending of a report's file stands for; none for other endings.
    pub fn of(file: &Path) -> Option<Format> {
        Some(match file.extension()?.to_str()? {
            "json" => Format::Json,
            "sarif" => Format::Sarif,
            "xml" => Format::Junit,
            "html" => Format::Html,
            _ => return None,
        })
    }
}

/// What the report page shows besides the report.
#[derive(Default)]
pub struct Extras {
    /// Who may call whom, as an SVG picture.
    pub network: Option<String>,
    /// The changes as a unified diff.
    pub diff: String,
}

/// A report and what its formats need besides.
pub struct Shown<'a> {
    options: &'a Options,
    report: &'a Report,
    charts: &'a BTreeSet<String>,
    /// The report as text, with or without colours.
    text: &'a dyn Fn(bool) -> String,
    /// Asked only for a page.
    extras: &'a dyn Fn() -> Result<Extras, Failure>,
    rules: OnceCell<Vec<Rule>>,
}

impl<'a> Shown<'a> {
    /// A report whose text a function gives, as what a page has besides.
    pub fn new(
        options: &'a Options,
        report: &'a Report,
        charts: &'a BTreeSet<String>,
        text: &'a dyn Fn(bool) -> String,
        extras: &'a dyn Fn() -> Result<Extras, Failure>,
    ) -> Shown<'a> {
        Shown {
            options,
            report,
            charts,
            text,
            extras,
            rules: OnceCell::new(),
        }
    }

    /// The report in the format of `--format`.
    ///
    /// # Errors
    /// What the page needs cannot be had.
    pub fn screen(&self, color: bool) -> Result<String, Failure> {
        self.document(self.options.format, color)
    }

    /// Writes the file of `--report`, if there is one.
    ///
    /// # Errors
    /// It cannot be written, or as [`Shown::screen`].
    pub fn save(&self) -> Result<(), Failure> {
        match &self.options.report {
            Some(file) => output::save(file, &self.document(self.options.file_format(), false)?),
            None => Ok(()),
        }
    }

    fn document(&self, format: Format, color: bool) -> Result<String, Failure> {
        Ok(match format {
            Format::Text => (self.text)(color),
            Format::Json => json::render(self.report),
            Format::Sarif => sarif::render(&self.ci()?),
            Format::Github => github::render(&self.ci()?),
            Format::Junit => junit::render(&self.ci()?),
            Format::Html => self.page()?,
            Format::KustomizePatches => {
                let words = "only `helm-floe diff` writes kustomize-patches";
                return Err(Failure::Usage(words.into()));
            }
        })
    }

    fn page(&self) -> Result<String, Failure> {
        let extras = (self.extras)()?;
        let page = Page {
            ci: self.ci()?,
            title: self.options.release.as_deref().unwrap_or("This release"),
            network: extras.network.as_deref(),
            diff: &extras.diff,
        };
        Ok(page.render())
    }

    fn ci(&self) -> Result<Ci<'_>, Failure> {
        let rules = match self.rules.get() {
            Some(rules) => rules,
            None => {
                let rules = rules(self.options)?;
                self.rules.get_or_init(|| rules)
            }
        };
        Ok(Ci {
            report: self.report,
            rules,
            charts: self.charts,
        })
    }
}

/// The policies in the words that other programs show.
fn rules(options: &Options) -> Result<Vec<Rule>, Failure> {
    let library = options.which.library()?;
    let rules = library.iter().map(|loaded| {
        let policy = &loaded.policy;
        Rule {
            name: loaded.name.clone(),
            title: policy.title.clone(),
            description: policy.description.clone(),
            severity: policy.severity,
            docs: policy.standard.as_ref().map(|own| own.docs.clone()),
        }
    });
    Ok(rules.collect())
}
