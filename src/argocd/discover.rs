//! Whether an application is ours.

use super::repository::Repository;
use crate::files::walk::is_library;
use crate::platform::locate;

/// Why an application is ours, if it is.
///
/// It must be a chart that can be installed. Unless every chart is ours, the repository must use
/// helm-floe: a `floe.yaml` or a `platform` directory beside the chart or further up.
pub fn discover(repository: &Repository, every_chart: bool) -> Option<String> {
    let chart = repository.application();
    if !chart.join("Chart.yaml").is_file() || is_library(chart) {
        return None;
    }
    if every_chart {
        return Some("a chart".into());
    }
    repository.directories().find_map(|directory| {
        if directory.join("floe.yaml").is_file() {
            return Some("a chart with a floe.yaml".into());
        }
        let environments = locate::environments(&directory.join("platform"));
        (!environments.is_empty())
            .then(|| format!("a chart with the environments {}", environments.join(", ")))
    })
}

/// The environments the repository has, from the first `platform` directory going up.
pub fn environments(repository: &Repository) -> Vec<String> {
    let mut found = repository
        .directories()
        .map(|directory| locate::environments(&directory.join("platform")));
    found.find(|names| !names.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_chart_is_ours_where_the_repository_uses_us() {
        let folder = tempfile::tempdir().unwrap();
        let web = folder.path().join("apps/web");
        fs::create_dir_all(&web).unwrap();
        let repository = Repository::around(&web, "apps/web").unwrap();
        let ours = |every| discover(&repository, every).is_some();
        assert!(!ours(true), "no chart");
        fs::write(web.join("Chart.yaml"), "name: web\n").unwrap();
        assert!(ours(true));
        assert!(!ours(false), "nothing of ours");
        fs::write(folder.path().join("floe.yaml"), "").unwrap();
        assert!(ours(false));
        fs::remove_file(folder.path().join("floe.yaml")).unwrap();
        let platform = folder.path().join("platform/prod");
        fs::create_dir_all(&platform).unwrap();
        fs::write(platform.join("platform.yaml"), "").unwrap();
        assert!(ours(false));
        assert_eq!(environments(&repository), ["prod"]);
        fs::write(web.join("Chart.yaml"), "name: web\ntype: library\n").unwrap();
        assert!(!ours(true), "a library");
    }

    #[test]
    fn what_lies_above_the_repository_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let web = folder.path().join("repo/web");
        fs::create_dir_all(&web).unwrap();
        fs::write(web.join("Chart.yaml"), "name: web\n").unwrap();
        fs::write(folder.path().join("floe.yaml"), "").unwrap();
        let repository = Repository::around(&web, "web").unwrap();
        assert_eq!(discover(&repository, false), None);
    }
}
