//! Kubernetes objects: where their pod specs lie.

pub mod carriers;
