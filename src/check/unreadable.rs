//! Files below a directory that should hold manifests and cannot be read.

use super::files::Placed;
use super::violation;
use crate::pipeline::Problem;
use crate::report::Severity;

/// The policy that reports them.
pub const POLICY: &str = "manifest/unreadable";

const HELP: &str =
    "correct it; a template of another tool, or what is broken on purpose, is excepted by its file";

/// The violation that a problem is.
pub fn judge(problem: &Problem) -> Placed {
    let help = match problem.help.as_str() {
        "" => HELP.to_owned(),
        help => format!("{}; {HELP}", help.replace('\n', "; ")),
    };
    let reason = problem.reason.clone();
    let (line, column) = problem.place().unwrap_or((1, 1));
    Placed {
        violation: violation(POLICY, Severity::Error, "", reason, &help),
        document: 0,
        line,
        column,
    }
}
