//! Argo CD as the host: a config management plugin without a shell.
//!
//! Argo CD hands over a copy of the repository and the environment, runs `helm-floe argocd generate`
//! in the chart's directory, and takes stdout as manifests. [`application`] reads what the Application
//! says and [`parameters`] what it may set; [`repository`] keeps every file it names inside the
//! repository; [`dependencies`] knows what a chart lacks; [`render`] runs Helm within the [`deadline`].
//! [`discover`] answers whether an application is ours, and [`plugin`] writes what an operator installs.
//!
//! The contract is that of Argo CD 3.5: `cmpserver/plugin/plugin.go` and `util/cmp` in its source.

pub mod application;
pub mod deadline;
pub mod dependencies;
pub mod discover;
pub mod parameters;
pub mod plugin;
pub mod render;
pub mod repository;
pub mod words;
