//! Image references: `registry:5000/team/app:1.2@sha256:…`.

/// The parts of an image reference (distribution/reference, the grammar of docker and containerd).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image<'a> {
    /// Registry and path without tag and digest, as written.
    pub repository: &'a str,
    /// The tag, when there is one.
    pub tag: Option<&'a str>,
    /// The digest, when there is one.
    pub digest: Option<&'a str>,
}

impl<'a> Image<'a> {
    /// Takes a reference apart. A `:` before the last `/` is the registry's port.
    pub fn parse(reference: &'a str) -> Image<'a> {
        let (name, digest) = match reference.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (reference, None),
        };
        let path_start = name.rfind('/').map_or(0, |slash| slash + 1);
        match name.get(path_start..).and_then(|path| path.split_once(':')) {
            Some((path, tag)) => {
                let repository = name.get(..path_start + path.len()).unwrap_or(name);
                Image {
                    repository,
                    tag: Some(tag),
                    digest,
                }
            }
            None => Image {
                repository: name,
                tag: None,
                digest,
            },
        }
    }

    /// The repository as Docker Hub would be asked for it: without `docker.io/` and `library/`.
    /// Other registries stay, so that a company's own `nginx` is not taken for the official one.
    pub fn familiar(&self) -> &'a str {
        let hub = ["docker.io/", "index.docker.io/", "registry-1.docker.io/"];
        let name = hub
            .iter()
            .find_map(|prefix| self.repository.strip_prefix(prefix))
            .unwrap_or(self.repository);
        name.strip_prefix("library/").unwrap_or(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_come_apart() {
        for (reference, repository, tag, digest) in [
            ("nginx", "nginx", None, None),
            ("nginx:1.27", "nginx", Some("1.27"), None),
            (
                "docker.io/library/redis:7-alpine",
                "redis",
                Some("7-alpine"),
                None,
            ),
            ("localhost:5000/nginx", "localhost:5000/nginx", None, None),
            (
                "localhost:5000/a/b:1@sha256:ab",
                "localhost:5000/a/b",
                Some("1"),
                Some("sha256:ab"),
            ),
            (
                "quay.io/x/y@sha256:cd",
                "quay.io/x/y",
                None,
                Some("sha256:cd"),
            ),
        ] {
            let image = Image::parse(reference);
            assert_eq!(
                (image.familiar(), image.tag, image.digest),
                (repository, tag, digest),
                "{reference}"
            );
        }
    }
}
