//! Any text as the parameters of an Argo CD Application: words for Helm or errors, never a panic, and
//! never a word that is not one assignment.
#![no_main]

use helm_floe::argocd::application::Application;
use helm_floe::argocd::words::assignments;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let variables = [("ARGOCD_APP_NAME", "web"), ("ARGOCD_APP_PARAMETERS", text)];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let Ok(application) = Application::read(variables) else {
        return;
    };
    let parameters = application.parameters.helm_parameters;
    if let Ok(words) = assignments(&parameters, false) {
        assert_eq!(words.len(), parameters.len());
        assert!(words.iter().all(|word| word.starts_with("--set=") || word.starts_with("--set-json=")));
    }
});
