//! What names on the command line look like.

use crate::helm::names::{is_label, is_release_name};

/// A label value that is also a directory name.
pub fn environment(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("it is empty: leave --env out, and FLOE_ENV unset".into());
    }
    let reason = "use up to 63 lower-case letters, digits and hyphens";
    checked(text, is_label(text), reason)
}

/// A release's name, as Helm takes it: it becomes the value of labels and part of names.
pub fn release(text: &str) -> Result<String, String> {
    let reason = "a release's name has up to 53 lower-case letters, digits, hyphens and dots";
    checked(text, is_release_name(text), reason)
}

/// A namespace. Helm sets `HELM_NAMESPACE` always; empty means the one of the kubeconfig.
pub fn namespace(text: &str) -> Result<String, String> {
    let reason = "a namespace has up to 63 lower-case letters, digits and hyphens";
    checked(text, text.is_empty() || is_label(text), reason)
}

fn checked(text: &str, fits: bool, reason: &str) -> Result<String, String> {
    fits.then(|| text.to_owned()).ok_or_else(|| reason.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_helm_and_kubernetes_take() {
        let long = "x".repeat(54);
        for (text, names) in [
            ("web", [true, true, true]),
            ("web-1", [true, true, true]),
            ("1", [true, true, true]),
            ("web.prod", [false, true, false]),
            ("web..prod", [false, false, false]),
            ("", [false, false, true]),
            ("Web", [false, false, false]),
            ("a b", [false, false, false]),
            ("a\n", [false, false, false]),
            ("-web", [false, false, false]),
            ("../x", [false, false, false]),
            (&long, [true, false, true]),
            (&long.repeat(2), [false, false, false]),
        ] {
            let taken = [environment(text), release(text), namespace(text)].map(|own| own.is_ok());
            assert_eq!(taken, names, "{text:?}");
        }
    }
}
