//! Reads hosts out of text: variables, arguments, shell scripts, configuration files.
//!
//! [`names`] says what a name (of a variable, a key, a flag) promises about its value, [`hosts`]
//! finds hosts in one value, [`command`] in arguments and scripts, [`file`] in configuration files;
//! [`expand`] puts in what `$(VAR)` stands for and finds the port that belongs to a host.

pub mod command;
pub mod expand;
pub mod file;
pub mod hosts;
pub mod names;

pub use hosts::Mention;
