//! What Helm and Kubernetes take for names.

/// The most characters of a DNS label (RFC 1123), as of a namespace.
const LABEL: usize = 63;

/// The most characters of a release's name: what Helm appends to it has to fit a label.
const RELEASE: usize = 53;

/// Whether a text is a DNS label: lower-case letters, digits and inner hyphens.
pub fn is_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=LABEL).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Whether Helm takes it as a release's name: labels with dots between them, 53 characters at most
/// (helm.sh/helm, `pkg/chart/common/util/validate_name.go`).
pub fn is_release_name(name: &str) -> bool {
    name.len() <= RELEASE && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_has_a_name_that_helm_takes() {
        let long = "a".repeat(53);
        for name in ["web", "web-1.shop", "1", long.as_str()] {
            assert!(is_release_name(name), "{name}");
        }
        let longer = "a".repeat(54);
        for name in [
            "",
            "-web",
            "--post-renderer=x",
            "web-",
            "Web",
            "web..x",
            "a b",
            "$(id)",
            "web;id",
            "é",
            longer.as_str(),
        ] {
            assert!(!is_release_name(name), "{name}");
        }
    }
}
