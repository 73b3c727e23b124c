//! `helm-floe completion`: made of the command line itself.

use std::process::ExitCode;

use clap::{Command, CommandFactory};
use clap_complete::Shell;

use super::Cli;
use super::output::{self, Failure};

/// Arguments of `completion`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell to complete for.
    pub shell: Shell,
}

/// The program's name as the generator for bash gets it. It writes a hyphen of a name in two ways, so
/// that nothing would ever be found below the program.
const FOR_BASH: &str = "helm_floe";

/// Prints a completion script.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    output::answer(&script(args.shell))?;
    Ok(ExitCode::SUCCESS)
}

fn script(shell: Shell) -> String {
    let name = match shell {
        Shell::Bash => FOR_BASH,
        _ => "helm-floe",
    };
    let mut script = Vec::new();
    let mut command = offered(&Cli::command());
    clap_complete::generate(shell, &mut command, name, &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    // What the shell calls for which program stands at the end of a line.
    script.replace(
        &format!("-o default {FOR_BASH}\n"),
        "-o default helm-floe\n",
    )
}

/// A command with what its help lists, and no more: generators offer hidden options as well.
fn offered(command: &Command) -> Command {
    let arguments = command.get_arguments().filter(|own| !own.is_hide_set());
    let below = command.get_subcommands().filter(|own| !own.is_hide_set());
    let mut offered = Command::new(command.get_name().to_owned())
        .args(arguments.cloned())
        .subcommands(below.map(offered));
    if let Some(about) = command.get_about() {
        offered = offered.about(about.clone());
    }
    if command.get_version().is_some() {
        offered = offered.version(env!("CARGO_PKG_VERSION"));
    }
    offered
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// What bash offers for the last of some words.
    fn completed(words: &[&str]) -> Vec<String> {
        let script = script(Shell::Bash);
        let ask = format!(
            "{script}\nCOMP_WORDS=({}); COMP_CWORD={}\n_{FOR_BASH} helm-floe '{}' '{}'\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"",
            words.join(" ") + if words.last() == Some(&"") { "''" } else { "" },
            words.len() - 1,
            words[words.len() - 1],
            words[words.len() - 2],
        );
        let said = Command::new("bash").args(["-c", &ask]).output().unwrap();
        assert!(said.stderr.is_empty(), "{said:?}");
        let said = String::from_utf8(said.stdout).unwrap();
        said.lines().map(str::to_owned).collect()
    }

    #[test]
    fn bash_completes_what_comes_after_a_command() {
        assert!(script(Shell::Bash).contains("-o default helm-floe\n"));
        for (words, want) in [
            (["helm-floe", "pol"].as_slice(), "policies"),
            (&["helm-floe", "platform", ""], "list-profiles"),
            (&["helm-floe", "platform", "validate", "--e"], "--env"),
            (&["helm-floe", "check", "--form"], "--format"),
            (&["helm-floe", "check", "--format", "ju"], "junit"),
            (&["helm-floe", "post-render", "--on"], "--on-violation"),
        ] {
            let got = completed(words);
            assert!(got.iter().any(|own| own == want), "{words:?}: {got:?}");
        }
    }

    #[test]
    fn no_shell_is_offered_what_is_hidden() {
        for shell in [
            Shell::Bash,
            Shell::Zsh,
            Shell::Fish,
            Shell::PowerShell,
            Shell::Elvish,
        ] {
            assert!(!script(shell).contains("helm4"), "{shell}");
        }
    }
}
